"""`spm-bench new-tracker`: a file to begin with, that already tracks."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer


def new_tracker(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the class or its module: MyTracker, my_tracker.")],
    batched: Annotated[
        bool, typer.Option("--batched", help="One that advances many targets together, for sweeps in lockstep.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder of the file; made if absent.")] = Path(),
) -> None:
    """Write a tracker of your own to begin with: one file that tracks, passes check-tracker and can be swept.

    It looks for the target by normalised cross-correlation: replace that by yours. A file that is there is never
    overwritten.

    Example: spm-bench new-tracker MyTracker --batched
    """
    from spm_bench.trackers.new import names_of, write_tracker

    names = names_of(name)
    path = write_tracker(names, out, batched=batched)
    typer.echo(f"{path}: {names.kind}, a tracker by cross-correlation to begin with. Now:")
    if out.resolve() != Path.cwd():
        typer.echo(f"  cd {shlex.quote(str(out))}")
    for command in (f"check-tracker {names.target}", f"run --suite demo --tracker {names.target} --tracker KCF"):
        typer.echo(f"  spm-bench {command}")
