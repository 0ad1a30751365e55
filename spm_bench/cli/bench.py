"""`spm-bench bench`: how fast trackers are, side by side and alone on the machine; no scoring while it runs."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from spm_bench.cli.options import DATA_OR_VIDEO, DEVICE, SEQUENCES, WEIGHTS


def bench(
    suite: Annotated[str, typer.Option("--suite", help="On what; `spm-bench ls` names the suites.")] = "demo",
    data: DATA_OR_VIDEO = None,
    tracker: Annotated[
        list[str] | None, typer.Option("--tracker", help="Name or module:Class; repeat for more. Default: SPM.")
    ] = None,
    variant: Annotated[
        list[str] | None, typer.Option("--variant", help="For the trackers that have it; repeat for more.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of all runs; timings go to its folder timing.")] = Path(
        "runs"
    ),
    sequence: SEQUENCES = None,
    weights: WEIGHTS = None,
    device: DEVICE = "auto",
    threads: Annotated[
        int | None, typer.Option("--threads", help="Of one operation (torch, OpenCV, BLAS). Default: the libraries'.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", help="Timed frames of a sequence and round, at most. Default: 100.")
    ] = None,
    warmup: Annotated[
        int | None, typer.Option("--warmup", help="Updates before them in every pass, not counted. Default: 10.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option("--repeats", help="Rounds; in each, all trackers take turns. Default: 5.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="For trackers that use chance.")] = 0,
    scores: Annotated[
        list[Path] | None,
        typer.Option(
            "--scores",
            help="Accuracies for the plot: a scores.json, a report, or a folder of results; repeat for more. "
            "Default: the same trackers' runs in --out.",
        ),
    ] = None,
    again: Annotated[
        Path | None,
        typer.Option("--again", help="Make table and plot of this timing again (after a run, say); time nothing."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print the table as CSV and nothing else.")] = False,
) -> int:
    """Time trackers: one target at a time, no other timing on the machine, devices waited for at every frame.

    Trackers take turns in rounds, so that a noisy minute hits all alike. Of each frame: milliseconds in the network, in
    the tracker and from file to box (median, 95th percentile); frames per second are frames over total seconds.
    Results go to OUT/timing/SUITE-HASH: every frame's times with the machine, tables, accuracy over speed.

    Exit code: 0 all well, 2 something must be mended, 130 Ctrl-C.
    """
    from spm_bench.bench import BenchRequest
    from spm_bench.bench import bench as time_them
    from spm_bench.cli import stdout_for_rows
    from spm_bench.engine.threads import thread_variables
    from spm_bench.run import DEFAULT_TRACKER

    request = BenchRequest(
        suite=suite,
        data=data,
        trackers=tuple(tracker or (DEFAULT_TRACKER,)),
        variants=tuple(variant or ()),
        out=out,
        sequences=tuple(sequence or ()),
        weights=weights,
        device=device,
        seed=seed,
        threads=threads,
        frames=frames,
        warmup=warmup,
        repeats=repeats,
        scores=tuple(scores or ()),
        again=again,
        quiet=csv,
        command=tuple(sys.orig_argv),
    )
    with thread_variables(threads), stdout_for_rows() if csv else contextlib.nullcontext():
        outcome = time_them(request)
    from spm_bench.report.render import to_csv
    from spm_bench.report.speed import COLUMNS, NARROW, speed_table
    from spm_bench.report.terminal import show_table

    if csv:
        print(to_csv(speed_table(outcome.timing, str(outcome.folder), columns=COLUMNS)), end="")
    else:
        show_table(speed_table(outcome.timing, str(outcome.folder), columns=NARROW))
    for line in (*outcome.notes, f"timing: {outcome.folder}"):
        print(line, file=sys.stderr)
    return 0
