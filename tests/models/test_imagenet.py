"""Starting from torchvision's AlexNet: the rewritten first layer sees the same picture."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from spm_bench.errors import WeightsError
from spm_bench.models.architecture import ARCHITECTURES
from spm_bench.models.imagenet import LAYERS, MEAN_RGB, STD_RGB, TORCHVISION_BLOCKS, imagenet_state
from spm_bench.models.spm import SpmNet

MEAN_BGR = (104.0, 117.0, 123.0)
SHAPES = {1: (64, 3, 11), 2: (192, 64, 5), 3: (384, 192, 3), 4: (256, 384, 3), 5: (256, 256, 3)}


@pytest.fixture(scope="module")
def alexnet() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    state = {}
    for number, (outputs, inputs, kernel) in SHAPES.items():
        weight = torch.randn(outputs, inputs, kernel, kernel, generator=generator) / (inputs * kernel**2) ** 0.5
        state[f"features.{LAYERS[number]}.weight"] = weight
        state[f"features.{LAYERS[number]}.bias"] = torch.randn(outputs, generator=generator)
    return state


def test_the_first_layer_sees_the_same_picture(alexnet: dict[str, torch.Tensor]) -> None:
    architecture = ARCHITECTURES["spm_alexnet_dw"].changed({"blocks": TORCHVISION_BLOCKS, "norm": "none"})
    net = SpmNet(architecture)
    net.load_state_dict(imagenet_state(architecture, 3, MEAN_BGR, alexnet))
    bgr = torch.randint(0, 256, (1, 3, 63, 63), generator=torch.Generator().manual_seed(1)).float()
    theirs = (bgr.flip(1) / 255 - torch.tensor(MEAN_RGB)[:, None, None]) / torch.tensor(STD_RGB)[:, None, None]
    expected = F.conv2d(theirs, alexnet["features.0.weight"], alexnet["features.0.bias"], stride=2)
    ours = bgr - torch.tensor(MEAN_BGR)[:, None, None]
    conv = net.cm.z_net.get_submodule("conv1.conv")
    found = F.conv2d(ours, conv.weight, conv.bias, stride=2)  # type: ignore[arg-type]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_other_backbones_are_refused(name: str, alexnet: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsError, match="not the shape"):
        imagenet_state(ARCHITECTURES[name], 0, MEAN_BGR, alexnet)
