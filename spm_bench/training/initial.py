"""Weights a training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from spm_bench.errors import WeightsError
from spm_bench.models.checkpoint import read_safetensors
from spm_bench.training.config import TrainConfig


def initial_state(config: TrainConfig, path: Path | None) -> Mapping[str, Tensor] | None:
    """The state dict to start from; None for random weights.

    Args:
        config: Its `initial` says which.
        path: The file that `initial` names.

    Raises:
        WeightsError: They cannot be read, or are for another network.
    """
    if not config.initial:
        return None
    if path is None:
        raise WeightsError("initial names no file", where=config.initial)
    weights = read_safetensors(path)
    if weights.architecture != config.network():
        raise WeightsError(
            f"weights of another network ({weights.architecture.name}) than {config.architecture}", where=path
        )
    return weights.state
