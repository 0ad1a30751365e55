"""What all formats of published weights have in common: named shapes, exact checks, the arithmetic of conversions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spm_bench.errors import WeightsError, listed
from spm_bench.models.architecture import Architecture, BlockPlan

State = Mapping[str, Tensor]
Shapes = dict[str, tuple[int, ...]]

Layers = Sequence[tuple[str, str | None]]
"""Names of a backbone's convolutions, each with the batch norm that follows it, or None."""


@dataclass(frozen=True)
class Layout:
    """A format of published weights.

    Attributes:
        name: Whose it is, and which network.
        shapes: Every parameter's; counters of batch norms are left out.
        architecture: The network of ours that computes the same.
        convert: Turns a state dict of these shapes into one of that network.
        settings: What its authors ran it with, in the words of our trackers.
    """

    name: str
    shapes: Shapes
    architecture: Architecture
    convert: Callable[[State], dict[str, Tensor]]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def check(self, state: State, where: Path) -> None:
        """Make sure that names and shapes are exactly these.

        Raises:
            WeightsError: Something is missing, unknown or of another shape; the first few are named.
        """
        missing, unknown = sorted(self.shapes.keys() - state.keys()), sorted(state.keys() - self.shapes.keys())
        if missing or unknown:
            told = " and ".join(
                f"{len(names)} {what} ({listed(names, 3)})"
                for names, what in ((missing, "missing"), (unknown, "unknown"))
                if names
            )
            raise WeightsError(f"nearly the weights of {self.name}, but of its parameters {told}", where=where)
        for name, shape in self.shapes.items():
            if state[name].shape != shape:
                raise WeightsError(
                    f"nearly the weights of {self.name}, but {name} has shape {tuple(state[name].shape)}, "
                    f"expected {shape}",
                    where=where,
                )


def conv(name: str, outputs: int, inputs: int, kernel: int, *, bias: bool = True) -> Shapes:
    """Parameters of a convolution."""
    shapes: Shapes = {f"{name}.weight": (outputs, inputs, kernel, kernel)}
    return {**shapes, f"{name}.bias": (outputs,)} if bias else shapes


def norm(name: str, channels: int) -> Shapes:
    """Parameters of a batch norm."""
    return {f"{name}.{part}": (channels,) for part in NORM_PARTS}


NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def backbone(layers: Layers, blocks: Sequence[BlockPlan]) -> Shapes:
    """Parameters of five blocks whose convolutions have biases."""
    shapes: Shapes = {}
    inputs = 3
    for (conv_name, norm_name), block in zip(layers, blocks, strict=True):
        shapes |= conv(conv_name, block.channels, inputs // block.groups, block.kernel)
        if norm_name is not None:
            shapes |= norm(norm_name, block.channels)
        inputs = block.channels
    return shapes


def convert_backbone(state: State, layers: Layers, *, eps: float) -> dict[str, Tensor]:
    """The five blocks with their batch norms folded in, for an architecture with norm "none".

    Args:
        state: With the parameters of `backbone`.
        layers: Its names.
        eps: Added to the variances.
    """
    made: dict[str, Tensor] = {}
    for number, (conv_name, norm_name) in enumerate(layers, start=1):
        weight, bias = state[f"{conv_name}.weight"], state[f"{conv_name}.bias"]
        if norm_name is not None:
            weight, bias = folded(weight, bias, state, norm_name, eps=eps)
        name = f"cm.z_net.conv{number}.conv"
        made |= {f"{name}.weight": weight, f"{name}.bias": bias}
    return made


def folded(weight: Tensor, bias: Tensor, state: State, norm_name: str, *, eps: float) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that does the batch norm after it, too; in float64, rounded once."""
    scale, shift, mean, variance = (state[f"{norm_name}.{part}"].double() for part in NORM_PARTS)
    factor = scale / (variance + eps).sqrt()
    return (weight * factor[:, None, None, None]).float(), ((bias - mean) * factor + shift).float()


COUNTER = ".num_batches_tracked"
"""Batch norms of newer torch count their batches; inference needs no count, and older files have none."""


def renamed(state: State, old: str, new: str) -> dict[str, Tensor]:
    """The parameters of a module, under another name; a batch norm gets the counter that ours have."""
    parts = {name.removeprefix(old): tensor for name, tensor in state.items() if name.startswith(f"{old}.")}
    made = {f"{new}{part}": tensor for part, tensor in parts.items()}
    return {**made, f"{new}{COUNTER}": torch.zeros(())} if ".running_var" in parts else made


def by_anchor(rows: Tensor) -> Tensor:
    """Rows of box deltas from coordinate * A + anchor (SiamRPN's released codes) to anchor * 4 + coordinate (ours)."""
    return rows.reshape(4, -1, *rows.shape[1:]).transpose(0, 1).reshape(rows.shape)
