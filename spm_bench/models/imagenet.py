"""Starting a training from torchvision's AlexNet, where a user has its weights or a connection to get them.

Torchvision's is the one-tower AlexNet: 64, 192, 384, 256 and 256 channels, no groups, no LRN. `TORCHVISION_BLOCKS` with
norm "none" has its shapes; the first block takes smaller steps, so that five blocks and two poolings make stride 8.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from spm_bench.errors import WeightsError
from spm_bench.models.architecture import Architecture, BlockPlan
from spm_bench.models.spm import random_network

TORCHVISION_BLOCKS = (
    BlockPlan(64, kernel=11, stride=2, pool=True),
    BlockPlan(192, kernel=5, pool=True),
    BlockPlan(384),
    BlockPlan(256),
    BlockPlan(256),
)

LAYERS = {1: 0, 2: 3, 3: 6, 4: 8, 5: 10}
"""Block -> index of its convolution in torchvision's `features`."""

MEAN_RGB, STD_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What torchvision subtracts from images of 0 .. 1, and divides them by."""


def torchvision_alexnet() -> dict[str, Tensor]:
    """The state dict of torchvision's AlexNet, from its cache or its server.

    Raises:
        WeightsError: torchvision is missing or does not fit torch, or there is no connection and no cached file.
    """
    try:
        from torchvision.models import AlexNet_Weights  # type: ignore[import-untyped]

        return dict(AlexNet_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True))
    except (ImportError, RuntimeError, OSError) as error:
        raise WeightsError(
            f"torchvision's AlexNet cannot be had ({error})",
            remedy='Connect once to download it into the torch hub cache, or train with initial = ""',
        ) from error


def imagenet_state(
    architecture: Architecture, seed: int, mean_bgr: tuple[float, float, float], alexnet: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """A starting point for training: the backbone from ImageNet, everything else random.

    The first convolution is rewritten for inputs in BGR order, 0 .. 255, less `mean_bgr`: same outputs, except where
    the padding reaches.

    Args:
        architecture: With `TORCHVISION_BLOCKS`' channels, kernels and groups, and norm "none".
        seed: Of the random parts.
        mean_bgr: See `SpmConfig.mean_bgr`.
        alexnet: From `torchvision_alexnet`.

    Raises:
        WeightsError: The backbone has other shapes.
    """
    state = dict(random_network(seed, architecture).state_dict())
    for number, index in LAYERS.items():
        weight, bias = alexnet[f"features.{index}.weight"], alexnet[f"features.{index}.bias"]
        if number == 1:
            weight, bias = for_our_input(weight, bias, mean_bgr)
        name = f"cm.z_net.conv{number}.conv"
        own = state.get(f"{name}.weight")
        if own is None or own.shape != weight.shape or f"{name}.bias" not in state or architecture.norm != "none":
            raise WeightsError(
                f"conv{number} of the architecture {architecture.name} has not the shape of torchvision's AlexNet",
                remedy="Override blocks with channels 64, 192, 384, 256, 256, kernels 11, 5, 3, 3, 3 and no groups, "
                'and set norm = "none"',
            )
        state[f"{name}.weight"], state[f"{name}.bias"] = weight.clone(), bias.clone()
    return state


def for_our_input(weight: Tensor, bias: Tensor, mean_bgr: tuple[float, float, float]) -> tuple[Tensor, Tensor]:
    """A first convolution for torchvision's input, RGB normalised, made one for BGR of 0 .. 255 less a mean."""
    mean, std = weight.new_tensor(MEAN_RGB), weight.new_tensor(STD_RGB)
    scaled = weight / (255 * std)[None, :, None, None]
    offset = weight.new_tensor(mean_bgr).flip(0) - 255 * mean  # our zero, in torchvision's input before division
    return scaled.flip(1), bias + (scaled * offset[None, :, None, None]).sum((1, 2, 3))
