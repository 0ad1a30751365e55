"""The state of a training in one file: whole or not there, read without executing anything."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spm_bench.errors import ResultsError, UsageError
from spm_bench.results.files import write_bytes
from spm_bench.training.config import TrainConfig, differences

CHECKPOINT = "checkpoint.pt"
FORMAT = 1
"""Raised when the meaning of a field changes."""

START_AFRESH = "Use another --out, or --fresh to train anew"


@dataclass(frozen=True)
class Checkpoint:
    """All that the next step depends on; what is random depends on the seed and the step alone.

    Attributes:
        config: `TrainConfig.to_json()`.
        data: Name of a data source -> digest of its table.
        machine: What the same bits depend on besides: device, threads, torch's version.
        step: Steps done.
        seconds: Spent on them, over all runs.
        model: The network's state dict.
        ema: The averaged one.
        optimizer: The optimiser's state dict.
        scaler: The gradient scaler's, empty unless it is used.
    """

    config: Mapping[str, Any]
    data: Mapping[str, str]
    machine: Mapping[str, Any]
    step: int
    seconds: float
    model: Mapping[str, Tensor]
    ema: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    scaler: Mapping[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint at `path` in one step; the one before it survives any failure.

    Raises:
        ResultsError: The disk is full, or the folder cannot be written.
    """
    write_bytes(path, to_bytes({f.name: getattr(checkpoint, f.name) for f in fields(Checkpoint)}))


def read_checkpoint(path: Path, device: torch.device) -> Checkpoint | None:
    """Read a checkpoint, tensors onto `device`; None if there is none.

    Raises:
        ResultsError: It is damaged, holds more than tensors and plain values, or has another format.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ResultsError(f"it cannot be read ({error.strerror})", where=path) from error
    names = {f.name for f in fields(Checkpoint)}
    return Checkpoint(**from_bytes(data, names, device, "checkpoint", where=path, remedy=START_AFRESH))


def to_bytes(content: Mapping[str, Any]) -> bytes:
    """The fields of a checkpoint, tensors and plain values, as a file holds them."""
    stream = io.BytesIO()
    torch.save({"format": FORMAT, **content}, stream)
    return stream.getvalue()


def from_bytes(
    data: bytes, names: Collection[str], device: torch.device, what: str, *, where: Path, remedy: str
) -> dict[str, Any]:
    """Read what `to_bytes` wrote, without executing anything; tensors onto `device`.

    Args:
        data: Content of the file.
        names: The fields it must have.
        device: For tensors.
        what: It is called in an error.
        where: An error names.
        remedy: An error ends with.

    Raises:
        ResultsError: It is damaged, holds more than tensors and plain values, or has other fields or another format.
    """
    try:
        content = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except Exception as error:  # bytes that are no checkpoint make torch's reader raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ResultsError(f"the {what} is damaged ({reason[:80]})", where=where, remedy=remedy) from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT or content.keys() != set(names):
        raise ResultsError(f"not a {what} of a training, or of another version", where=where, remedy=remedy)
    return content


def check_resumable(checkpoint: Checkpoint, config: TrainConfig, data: Mapping[str, str], where: Path) -> None:
    """Make sure that a checkpoint belongs to this config and these data.

    Raises:
        UsageError: It does not; the differing fields are named.
    """
    wrong = differences(checkpoint.config, config)
    if wrong:
        more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise UsageError(
            f"the checkpoint is of another config ({'; '.join(wrong[:MOST_TOLD])}{more})",
            where=where,
            remedy=START_AFRESH,
        )
    changed = sorted(n for n in checkpoint.data.keys() | data.keys() if checkpoint.data.get(n) != data.get(n))
    if changed:
        raise UsageError(
            f"the data changed since the checkpoint: {', '.join(changed)}",
            where=where,
            remedy=f"Bring the old data back. {START_AFRESH}",
        )


MOST_TOLD = 6
"""Differing fields named in an error; a config of another experiment differs in dozens."""
