"""`spm-bench reproduce`: run again what a run.json describes, and say whether the boxes are the same."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from spm_bench.cli.options import SEQUENCES


def reproduce(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="A run folder of `run` or `sweep`, or its run.json.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where the new run goes. Default: a temporary folder, kept if the boxes differ."),
    ] = None,
    sequence: SEQUENCES = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="PX", help="Pixels a coordinate may be off and count as the same.")
    ] = 0.0,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Where data are now. Default: where they were.", show_default=False),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", help="Where the weights are now. Default: where they were.", show_default=False),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="Another device than the recorded one.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option("--workers", help="Processes.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print all that was found as JSON and nothing else.")] = False,
) -> int:
    """Run again what a run folder's run.json describes, with what is at hand now, and compare.

    Tells whether the boxes are the same, byte for byte or within PX, or where they part; and what of the provenance is
    not as it was: code, weights, data, protocol, versions, machine, checkout. The run itself is not touched.

    Exit code: 0 the same, 1 different or failed, 2 something must be mended, 130 Ctrl-C.

    Example: spm-bench reproduce runs/demo/KCF-49b81899dfc5/run.json --sequence calm
    """
    from spm_bench.cli import EXIT_FAILED, EXIT_OK, stdout_for_rows
    from spm_bench.reproduce import ReproduceRequest
    from spm_bench.reproduce import reproduce as run_again

    request = ReproduceRequest(
        run=run,
        out=out,
        sequences=tuple(sequence or ()),
        data=data,
        weights=weights,
        device=device,
        tolerance=tolerance,
        workers=workers,
        quiet=json,
        command=tuple(sys.orig_argv),
    )
    with stdout_for_rows() if json else contextlib.nullcontext():
        found = run_again(request)
    from spm_bench.reproduce.show import as_json, print_reproduction

    if json:
        print(as_json(found), end="")
    else:
        print_reproduction(found)
    return EXIT_OK if found.same else EXIT_FAILED
