"""Weights a training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from spm_bench.errors import WeightsError
from spm_bench.models.checkpoint import read_safetensors
from spm_bench.models.imagenet import imagenet_state, torchvision_alexnet
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.training.config import TrainConfig

IMAGENET = "imagenet"


def initial_state(config: TrainConfig, folder: Path) -> Mapping[str, Tensor] | None:
    """The state dict to start from; None for random weights.

    Args:
        config: Its `initial` says which.
        folder: Relative paths start here: the config's folder.

    Raises:
        WeightsError: They are not there, cannot be read, or are for another network.
    """
    if not config.initial:
        return None
    architecture = config.network()
    if config.initial == IMAGENET:
        return imagenet_state(architecture, config.seed, SpmConfig().mean_bgr, torchvision_alexnet())
    path = folder / config.initial
    weights = read_safetensors(path)
    if weights.architecture != architecture:
        raise WeightsError(
            f"weights of another network ({weights.architecture.name}) than the config's ({architecture.name})",
            where=path,
            remedy="Do the overrides agree?",
        )
    return weights.state
