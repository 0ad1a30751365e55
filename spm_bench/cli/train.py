"""`spm-bench train`: a network from a config, resumed where it stopped, ending in weights the tracker can use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import DEVICE

if TYPE_CHECKING:
    from spm_bench.training.loop import TrainResult

SIGNAL_EXITS = {"SIGINT": 130, "SIGTERM": 143}
"""128 + the signal's number, as shells have it."""


def train(
    config: Annotated[
        str, typer.Argument(help="A .toml file, with or without the ending: experiments/train/NAME.", metavar="CONFIG")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of all trainings.")] = Path("runs/train"),
    device: DEVICE = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            min=1,
            help="Of a CPU: parts of a batch computed at a time. Default: cores, parts of 16 or more.",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.0, help="Stop after this long, with a checkpoint.")
    ] = None,
    pairs: Annotated[
        int | None, typer.Option("--pairs", min=1, help="Another length; the schedule is laid over it.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=2**32 - 1, help="Another seed than the file's.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--fresh", help="Go on from the checkpoint there is, or start at the first step anyway."),
    ] = True,
) -> int:
    """Train SPM as a config says; the same command again goes on where it stopped.

    Everything lies in OUT/NAME: log.csv, validation.csv, tensorboard/, checkpoint.pt, and weights.safetensors, which
    `spm-bench run --weights` takes at any time. SIGTERM and Ctrl-C write a checkpoint first.

    Examples:
        spm-bench train experiments/train/spm_lite

        spm-bench train experiments/train/spm_lite --minutes 30

        spm-bench train my.toml --pairs 2000 --out /tmp/try --device cpu

    Exit code: 0 trained (or the time is up), 2 something must be mended, 130 Ctrl-C, 143 SIGTERM.
    """
    from spm_bench.errors import listed
    from spm_bench.trackers.spm.device import pick_device
    from spm_bench.training.config import find_config, read_config
    from spm_bench.training.data import TrainingData
    from spm_bench.training.logs import choose_progress
    from spm_bench.training.loop import train as run_training

    path = find_config(config)
    settings = read_config(
        path, {name: value for name, value in (("pairs", pairs), ("seed", seed)) if value is not None}
    )
    place = pick_device(device)
    progress = choose_progress()
    data = TrainingData(settings, path.parent, place, progress.note)
    try:
        result = run_training(
            settings,
            data,
            out / path.stem,
            device=place,
            threads=threads or _default_threads(settings.batch),
            minutes=minutes,
            fresh=not resume,
            home=path.parent,
            progress=progress,
        )
    finally:
        data.close()
    if data.broken:
        typer.echo(f"{len(data.broken)} broken pictures were skipped: {listed(data.broken, most=3)}", err=True)
    for line in _closing_lines(result):
        typer.echo(line, err=True)
    return SIGNAL_EXITS.get(result.stopped, 0)


def _default_threads(batch: int) -> int:
    """The cores we may use, but parts of 16 pairs or more: batch norms see one part each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, batch // 16))


def _closing_lines(result: TrainResult) -> list[str]:
    told = f"{result.steps} steps, {result.pairs} pairs, {result.seconds / 60:.1f} minutes"
    lines = [f"trained: {told}"] if result.finished else [f"stopped ({result.stopped}) after {told}"]
    if not result.finished:
        lines.append("the same command again goes on from the checkpoint")
    auc = result.validation.get("auc_one_pass")
    if auc is not None:
        lines.append(f"held-out sequences: AUC {auc:.3f}")
    return [*lines, f"weights: {result.weights}"]
