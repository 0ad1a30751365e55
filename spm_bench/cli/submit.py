"""`spm-bench submit`: a finished run as the archive that a benchmark's evaluation server takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def submit(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Folder of a finished run on got10k-test or trackingnet.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The archive. Default: TRACKER.zip in the run folder.", show_default=False),
    ] = None,
) -> None:
    """Pack a run on a suite whose ground truth is on a server, in the server's own layout.

    The archive of GOT-10k is the one that the got10k toolkit would make of the same results.

    Example: spm-bench submit runs/got10k-test/KCF-0123456789ab --out KCF.zip
    """
    from spm_bench.results.manifest import read_manifest
    from spm_bench.results.submission import server_of, write_submission

    path = write_submission(run, out)
    suite = read_manifest(run)["suite"]
    server = server_of(suite["name"], suite["title"])
    typer.echo(f"{path}: {suite['coverage']} of {suite['title']}. Upload it at {server.upload}")
