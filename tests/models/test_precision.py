"""What each precision does to the networks, and that nothing else notices."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spm_bench.errors import UsageError
from spm_bench.models.architecture import ARCHITECTURES
from spm_bench.models.backbone import local_response_norm
from spm_bench.models.packed import FrozenConv
from spm_bench.models.precision import Precision, _tf32, arithmetic, check_precision
from spm_bench.models.spm import SpmNet, random_network

CPU = torch.device("cpu")


def outputs(net: SpmNet) -> list[Tensor]:
    """All that leaves the stages: kernels, template half, and the four outputs of a step."""
    images = torch.randn((1, 3, 271, 271), generator=torch.Generator().manual_seed(1)) * 40
    boxes = torch.tensor([[[100.0, 90.0, 170.0, 180.0], [40.0, 60.0, 90.0, 150.0]]])
    with torch.inference_mode():
        template = net.cm.template_features(images, 127)
        kernels = net.cm.kernels(template, 1.0, 1.0)
        half = net.fm.template_half(template, boxes[:, 0], net.stride)
        search = net.cm.features(images, 271)
        return [
            kernels.classes,
            kernels.boxes,
            half,
            *net.cm(search, kernels),
            *net.fm(search, half, boxes, net.stride),
        ]


@pytest.mark.parametrize("name", ["spm_alexnet_dw", "spm_lite"])
def test_bfloat16_is_near_and_comes_out_as_float32(name: str) -> None:
    exact = outputs(random_network(0, ARCHITECTURES[name]).prepare(CPU))
    net = random_network(0, ARCHITECTURES[name]).prepare(CPU, "bf16")
    rough = outputs(net)
    assert net.precision == "bf16"
    for a, b in zip(exact, rough, strict=True):
        assert b.dtype == torch.float32
        assert not torch.equal(a, b)
        assert float((a - b).norm() / a.norm()) < 0.03
    parts = (getattr(part, "_frozen", None) for part in net.modules())
    frozen = [part for part in parts if isinstance(part, FrozenConv)]
    assert frozen
    assert all(conv.packed is None and conv.weight.dtype == torch.bfloat16 for conv in frozen)
    assert not torch.is_autocast_enabled("cpu")


def test_a_network_prepared_again_has_the_new_precision() -> None:
    net = random_network(0, ARCHITECTURES["spm_lite"])
    expected = outputs(random_network(0, ARCHITECTURES["spm_lite"]).prepare(CPU))
    net.prepare(CPU, "bf16")
    for a, b in zip(outputs(net.prepare(CPU)), expected, strict=True):
        assert torch.equal(a, b)


def test_the_response_norm_of_bfloat16_is_computed_in_float32() -> None:
    x = (torch.rand(1, 16, 9, 9) * 200).bfloat16()
    exact = F.local_response_norm(x.float(), 5, 1e-4, 0.75, 1.0)
    assert local_response_norm(x).dtype == torch.bfloat16
    torch.testing.assert_close(local_response_norm(x).float(), exact, rtol=0.005, atol=0)


def test_frozen_layers_keep_the_type_they_are_given() -> None:
    conv = nn.Conv2d(4, 6, 3)
    x = torch.randn(1, 4, 8, 8)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        out = FrozenConv.of(conv, dtype=torch.bfloat16)(x)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), conv(x), rtol=0.05, atol=0.05)


def test_tf32_is_refused_where_there_is_none() -> None:
    net = random_network(0, ARCHITECTURES["spm_lite"])
    with pytest.raises(UsageError, match="NVIDIA"):
        net.prepare(CPU, "tf32")
    assert net.training, "nothing was prepared"
    with pytest.raises(UsageError, match="tf32"):
        check_precision("tf32", torch.device("meta"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_device_has_the_others(precision: Precision) -> None:
    check_precision(precision, CPU)
    with arithmetic(precision, CPU)():
        assert torch.is_autocast_enabled("cpu") == (precision == "bf16")


def test_torchs_switches_are_put_back() -> None:
    def switches() -> tuple[bool, bool]:
        return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32

    def fail() -> None:
        assert switches() == (allowed, allowed)
        raise KeyError

    before = switches()
    for allowed in (True, False):
        with pytest.raises(KeyError), _tf32(allowed=allowed):
            fail()
        assert switches() == before
