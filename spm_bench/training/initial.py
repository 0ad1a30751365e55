"""Weights a training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from spm_bench.errors import UsageError, WeightsError
from spm_bench.models.checkpoint import read_safetensors
from spm_bench.models.spm import random_network
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.training.config import TrainConfig

IMAGENET = "imagenet"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What torchvision's networks expect: RGB from 0 to 1, minus the mean, over the deviation."""

TORCHVISION_LAYERS = {"conv1": 0, "conv2": 3, "conv3": 6, "conv4": 8, "conv5": 10}
"""Block -> index in torchvision's `features`."""

TORCHVISION_BLOCKS = (
    "blocks = [{channels = 64, kernel = 11, stride = 2, pool = true}, {channels = 192, kernel = 5, pool = true}, "
    "{channels = 384}, {channels = 256}, {channels = 256}]"
)
"""The overrides that give a backbone the shapes of torchvision's AlexNet, which has fewer channels and no groups."""


def initial_state(config: TrainConfig, folder: Path) -> Mapping[str, Tensor] | None:
    """The state dict to start from; None for random weights.

    Args:
        config: Its `initial` says which.
        folder: Relative paths start here: the config's folder.

    Raises:
        WeightsError: They are not there, cannot be read, or are for another network.
        UsageError: The backbone does not have the shapes of torchvision's.
    """
    if not config.initial:
        return None
    if config.initial == IMAGENET:
        return imagenet_state(config, _torchvision_file())
    path = folder / config.initial
    weights = read_safetensors(path)
    if weights.architecture != config.network():
        raise WeightsError(
            f"weights of another network ({weights.architecture.name}) than the config's ({config.architecture})",
            where=path,
            remedy="Do the overrides agree?",
        )
    return weights.state


def imagenet_state(config: TrainConfig, path: Path) -> dict[str, Tensor]:
    """Random weights by the config's seed, the backbone's convolutions from torchvision's AlexNet.

    The first convolution is rewritten for BGR from 0 to 255 minus our mean, so it computes the same (but at the
    picture's border, where padding with our mean is not theirs). Its stride is 2, not 4: SPM's features are denser.

    Args:
        config: Of an architecture with convolutions of these shapes.
        path: torchvision's file.

    Raises:
        WeightsError: It cannot be read.
        UsageError: The shapes differ.
    """
    stored = _read_torchvision(path)
    state = dict(random_network(config.seed, config.network()).state_dict())
    for block, layer in TORCHVISION_LAYERS.items():
        weight, bias = stored[f"features.{layer}.weight"], stored[f"features.{layer}.bias"]
        name = f"cm.z_net.{block}.conv"
        if f"{name}.bias" not in state or state[f"{name}.weight"].shape != weight.shape:
            raise UsageError(
                f"{block} of {config.architecture} is not that of torchvision's AlexNet",
                remedy=f"Start from random weights, or use an AlexNet with [overrides] {TORCHVISION_BLOCKS}",
            )
        if block == "conv1":
            weight, bias = _for_our_pixels(weight, bias)
        state[f"{name}.weight"], state[f"{name}.bias"] = weight, bias
    return state


def _for_our_pixels(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Turn a convolution of normalised RGB into the same one of BGR minus our mean."""
    deviation, mean = (255.0 * torch.tensor(values) for values in (IMAGENET_STD, IMAGENET_MEAN))
    ours = torch.tensor(SpmConfig().mean_bgr).flip(0)
    weight = weight / deviation[:, None, None]
    bias = bias + (weight * (ours - mean)[:, None, None]).sum((1, 2, 3))
    return weight.flip(1).contiguous(), bias


def _torchvision_file() -> Path:
    """Where torchvision keeps the weights of its AlexNet once it has downloaded them."""
    from torchvision.models import AlexNet_Weights

    name = str(AlexNet_Weights.IMAGENET1K_V1.url).rpartition("/")[2]
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def _read_torchvision(path: Path) -> dict[str, Tensor]:
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        needed = [f"features.{layer}.{part}" for layer in TORCHVISION_LAYERS.values() for part in ("weight", "bias")]
        return {name: stored[name] for name in needed}
    except FileNotFoundError:
        raise WeightsError(
            "torchvision's AlexNet is not here",
            where=path,
            remedy="Let it be downloaded: python -c 'import torchvision.models as m; m.alexnet(weights=\"DEFAULT\")'",
        ) from None
    except Exception as error:  # bytes that are no checkpoint make torch's reader raise anything
        raise WeightsError(
            "not torchvision's AlexNet, or damaged", where=path, remedy="Delete it, get it anew"
        ) from error
