"""Weights a training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from spm_bench.errors import WeightsError
from spm_bench.models.architecture import Architecture
from spm_bench.models.checkpoint import Weights, read_safetensors
from spm_bench.models.imagenet import imagenet_state, torchvision_alexnet
from spm_bench.models.spm import random_siamese
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.weights import shipped
from spm_bench.training.config import TrainConfig

IMAGENET = "imagenet"


def _trunk(wanted: str, folder: Path) -> Weights:
    """Shipped weights of that name, or else a file."""
    return read_safetensors(shipped().get(wanted, folder / wanted))


def _with_trunk(config: TrainConfig, architecture: Architecture, trunk: Weights) -> Mapping[str, Tensor]:
    """Random weights, but for the first blocks of the backbone."""
    if trunk.architecture.trunk != architecture.trunk:
        raise WeightsError(
            f"the backbone of {trunk.architecture.name} has other blocks than that of {architecture.name}",
            where=trunk.origin,
            remedy="Take a trunk of weights with the same blocks, or override the config's blocks",
        )
    state = dict(random_siamese(config.seed, architecture).state_dict())
    kept = tuple(f"cm.z_net.conv{number}." for number in range(1, config.trunk_blocks + 1))
    return state | {name: value for name, value in trunk.state.items() if name.startswith(kept)}


def initial_state(config: TrainConfig, folder: Path) -> Mapping[str, Tensor] | None:
    """The state dict to start from; None for random weights.

    Args:
        config: Its `initial` says which.
        folder: Relative paths start here: the config's folder.

    Raises:
        WeightsError: They are not there, cannot be read, or are for another network.
    """
    architecture = config.network()
    if config.trunk:
        return _with_trunk(config, architecture, _trunk(config.trunk, folder))
    if not config.initial:
        return None
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
