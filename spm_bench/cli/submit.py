"""`spm-bench submit`: a finished run as the archive that a benchmark's server, or OTB's toolkit, takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def submit(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Run folder of got10k-test, trackingnet, or the protocols tre and sre.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The archive. Default: TRACKER.zip in the run folder.", show_default=False),
    ] = None,
) -> None:
    """Pack a finished run for who evaluates it: the server that keeps a suite's ground truth, or OTB's toolkit.

    The archive of GOT-10k is the one that the got10k toolkit would make of the same results. Runs under tre and sre, on
    any suite, become the JSON files of OTB's toolkit in python (tracker_benchmark).

    Example: spm-bench submit runs/got10k-test/KCF-0123456789ab --out KCF.zip
    """
    from spm_bench.results.manifest import read_manifest
    from spm_bench.results.submission import server_of, write_submission

    path, manifest = write_submission(run, out), read_manifest(run)
    suite = manifest["suite"]
    typer.echo(f"{path}: {suite['coverage']} of {suite['title']}. {server_of(manifest).upload}")
