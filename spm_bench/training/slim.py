"""What of a training can be carried: all of it, or a checkpoint of a third of its size, or the weights alone.

A checkpoint holds four numbers of 32 bits per weight: the weight, its average, and the optimiser's two moments. A slim
one holds the weight in half precision (the average is in the weights file already, in half precision as well) and the
moments in 8 bits, scaled per block of 256 as 8-bit optimisers have them (Dettmers et al. 2022; linear codes here). A
training goes on from it, but not bit for bit: it counts as moved to another machine, where the bits differ anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spm_bench.errors import ResultsError
from spm_bench.models.checkpoint import halved, read_header, read_safetensors
from spm_bench.results.files import readable_os_errors
from spm_bench.training.checkpoint import (
    CHECKPOINT,
    Checkpoint,
    from_bytes,
    read_checkpoint,
    to_bytes,
    write_checkpoint,
)
from spm_bench.training.logs import LOG, STEP, VALIDATION, read_rows
from spm_bench.training.loop import FACTS, FAILURE, WEIGHTS
from spm_bench.training.parts import Manifest, join_parts, pack_files, place_files

SLIM = "checkpoint.slim.pt"
TOLD = (FACTS, LOG, VALIDATION, FAILURE)
"""Small files that always come along, where they are there; a failure only if it is this training's last news."""

WHOLE, LEAN, BARE = "whole", "slim", "weights"
"""States of a carried training: bit for bit, with a slim checkpoint, without any."""

BYTES = {WHOLE: 4 * 4 + 2, LEAN: 2 + 1 + 1 + 2, BARE: 2}
"""Per weight, in a state's files: of the checkpoint, and half precision in the weights file; see `expected_state`."""

BLOCK = 256
"""Numbers that share a scale; 4 bytes for 256 is 1.6 % more."""

Coded = dict[str, Any]


def encode(values: Tensor, *, signed: bool) -> Coded:
    """Write numbers in 8 bits: in equal steps, scaled to the largest of each block.

    Args:
        values: Any shape, float32.
        signed: Steps from -127 to 127, rounded to the nearest. Otherwise 0 to 255 over the square roots, rounded up: a
            second moment divides, so it may be read a little larger, but never as 0.
    """
    flat = values.detach().cpu().float().flatten()
    padded = torch.nn.functional.pad(flat, (0, -flat.numel() % BLOCK)).view(-1, BLOCK)
    steps = padded if signed else padded.sqrt()
    scale = steps.abs().amax(1, keepdim=True) / (127 if signed else 255)
    ratio = steps / scale.clamp(min=torch.finfo(torch.float32).tiny)
    codes = ratio.round().to(torch.int8) if signed else ratio.ceil().clamp(0, 255).to(torch.uint8)
    return {"codes": codes.flatten()[: flat.numel()].clone(), "scale": scale[:, 0], "shape": list(values.shape)}


def decode(coded: Coded) -> Tensor:
    """What `encode` wrote, as float32."""
    codes: Tensor = coded["codes"]
    scale: Tensor = coded["scale"]
    values = codes.float() * scale.repeat_interleave(BLOCK)[: codes.numel()]
    return (values if codes.dtype == torch.int8 else values.square()).view(coded["shape"])


def slim_checkpoint(checkpoint: Checkpoint) -> bytes:
    """A checkpoint without its average, in less precision."""
    content = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint) if field.name != "ema"}
    content["model"] = {name: halved(value) for name, value in checkpoint.model.items()}
    optimizer = checkpoint.optimizer
    moments = {number: {name: _code(name, v) for name, v in of.items()} for number, of in optimizer["state"].items()}
    content["optimizer"] = {**optimizer, "state": moments}
    return to_bytes(content)


def full_checkpoint(data: bytes, ema: Mapping[str, Tensor], where: Path) -> Checkpoint:
    """A checkpoint that training goes on from, of a slim one and the average.

    Raises:
        ResultsError: The bytes are no slim checkpoint of this version.
    """
    names = {field.name for field in fields(Checkpoint)} - {"ema"}
    content = from_bytes(
        data, names, torch.device("cpu"), "slim checkpoint", where=where, remedy="Copy the parts again"
    )
    content["model"] = {k: v.float() if v.dtype == torch.half else v for k, v in content["model"].items()}
    optimizer = content["optimizer"]
    moments = {
        number: {name: decode(v) if isinstance(v, dict) else v for name, v in of.items()}
        for number, of in optimizer["state"].items()
    }
    content["optimizer"] = {**optimizer, "state": moments}
    return Checkpoint(**content, ema=dict(ema))


def choose_files(folder: Path, most: int) -> tuple[str, dict[str, bytes]]:
    """What of a training's folder fits.

    Args:
        folder: Of a training; weights and logs are taken as they are.
        most: Bytes at most, all together.

    Returns:
        The richest state that fits (see `WHOLE`, `LEAN`, `BARE`), and name -> content.

    Raises:
        ResultsError: There are no weights yet, not even they fit, or the folder cannot be read.
    """
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ResultsError("there are no weights here yet", where=folder, remedy="Train for longer")
    with readable_os_errors(folder):
        told = {name: (folder / name).read_bytes() for name in TOLD if (folder / name).is_file()}
        bare = {WEIGHTS: weights.read_bytes(), **told}
    if FAILURE in told and not _failed_last(folder):
        del bare[FAILURE]
    for state, more in ((WHOLE, _whole), (LEAN, _slim), (BARE, lambda _: {})):
        extra = more(folder)
        if extra is not None and len(pack_files({**bare, **extra})) <= most:
            return state, {**bare, **extra}
    raise ResultsError(f"the weights and logs take more than {most:,} bytes", where=folder, remedy="Allow more")


def expected_state(numbers: int, most: int) -> str | None:
    """What will fit of a network of so many numbers, before it is trained; None if not even the weights will.

    A forecast: logs, vectors and the files' own tables are left out.
    """
    return next((state for state, size in BYTES.items() if numbers * size <= most), None)


def _failed_last(folder: Path) -> bool:
    """Whether the failure here is of this training, and of a step that was not done since."""
    try:
        failure, facts = (json.loads((folder / name).read_bytes()) for name in (FAILURE, FACTS))
        rows = read_rows(folder / LOG)
        done = float(rows[-1][STEP]) if rows else 0.0
        return bool(failure["config"] == facts["training"] and failure["step"] >= done)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _whole(folder: Path) -> dict[str, bytes] | None:
    path = folder / CHECKPOINT
    with readable_os_errors(path):
        return {CHECKPOINT: path.read_bytes()} if path.is_file() else None


def _slim(folder: Path) -> dict[str, bytes] | None:
    """None if the average in the weights file is of another step (a run that was killed while it wrote)."""
    checkpoint = read_checkpoint(folder / CHECKPOINT, torch.device("cpu"))
    if checkpoint is None:
        return None
    pairs = checkpoint.step * int(checkpoint.config["batch"])
    if read_header(folder / WEIGHTS).get("pairs") != str(pairs):
        return None
    return {SLIM: slim_checkpoint(checkpoint)}


def join_training(parts: Path, folder: Path, *, replace: bool = False) -> Manifest:
    """Put a training that came in parts into a folder, ready to go on where it can.

    Args:
        parts: Holds `parts.json` and the parts.
        folder: Of the training; made if need be.
        replace: See `spm_bench.training.parts.place_files`; logs that do not come along are taken away then.

    Raises:
        ResultsError: See there and `join_parts`; or a slim checkpoint is damaged.
        WeightsError: The weights are damaged.
    """
    manifest, files = join_parts(parts)
    stale = [folder / name for name in TOLD if replace and name not in files]
    slim = files.pop(SLIM, None)
    if slim is not None and (folder / CHECKPOINT).exists() and not replace:
        raise ResultsError(
            "there is a checkpoint already",
            where=folder,
            remedy="Give another --out, or --replace if the parts are newer",
        )
    place_files(files, folder, replace=replace)
    with readable_os_errors(folder):
        for path in stale:
            path.unlink(missing_ok=True)
    if slim is not None:
        average = read_safetensors(folder / WEIGHTS).state
        write_checkpoint(folder / CHECKPOINT, full_checkpoint(slim, average, parts))
    return manifest


def _code(name: str, value: Tensor) -> Tensor | Coded:
    moment = name in ("exp_avg", "exp_avg_sq") and value.ndim > 1
    return encode(value, signed=name == "exp_avg") if moment else value
