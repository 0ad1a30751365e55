"""`spm-bench run`: trackers on a suite under its protocol, resumed where it stopped, ending in a table and a report."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import CONVENTION, DATA_OR_VIDEO, DEVICE, METRICS, NO_REPORT, RUNS_OUT, SEQUENCES, WEIGHTS

if TYPE_CHECKING:
    from spm_bench.run import Outcome


SUBMIT = "`spm-bench submit RUN`"


def run(
    suite: Annotated[str, typer.Option("--suite", help="What to track; `spm-bench ls` names the suites.")] = "demo",
    data: DATA_OR_VIDEO = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option("--tracker", help="Name, module:Class, trax:COMMAND, or FILE.ini#NAME; repeat. Default: SPM."),
    ] = None,
    variant: Annotated[
        list[str] | None, typer.Option("--variant", help="For the trackers that have it; repeat for more.")
    ] = None,
    out: RUNS_OUT = Path("runs"),
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Run a partly present suite; the table then says how much it is.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the rows of scores.json and nothing else.")] = False,
    sequence: SEQUENCES = None,
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="`spm-bench ls protocols` names them. Default: the suite's own.")
    ] = None,
    init_box: Annotated[
        str | None,
        typer.Option("--init-box", help="Initial box of a polygon: area_preserving (default) or axis_aligned."),
    ] = None,
    fps: Annotated[
        float | None, typer.Option("--fps", help="Of the clock, for --protocol realtime. Default: 20.")
    ] = None,
    grace: Annotated[
        int | None, typer.Option("--grace", help="Slow answers forgiven after a start (realtime). Default: 3.")
    ] = None,
    seconds_per_frame: Annotated[
        float | None,
        typer.Option("--seconds-per-frame", help="Simulate a tracker of this speed (realtime). Default: measure."),
    ] = None,
    repetitions: Annotated[
        int | None, typer.Option("--repetitions", help="Per sequence, at most. Default: the protocol's.")
    ] = None,
    weights: WEIGHTS = None,
    device: DEVICE = "auto",
    workers: Annotated[
        int, typer.Option("--workers", help="Processes; more than 1 share the cores and spoil measured speeds.")
    ] = 1,
    lockstep: Annotated[
        bool,
        typer.Option(
            "--lockstep",
            help="Advance all variants together: pictures are decoded once, what is equal is computed once. "
            "For trackers that can (SPM, SPM-lite); speed is not measured then.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="For trackers that use chance.")] = 0,
    overwrite: Annotated[
        str, typer.Option("--overwrite", help="only-missing keeps what is finished, always, or never.")
    ] = "only-missing",
    convention: CONVENTION = None,
    metric: METRICS = None,
    no_report: NO_REPORT = False,
) -> int:
    """Run trackers on a suite, resume what was interrupted, and end with a table and a report.

    Results go to OUT/SUITE/TRACKER-HASH in the toolkits' own formats, the report to OUT/SUITE/report.

    Exit code: 0 all well, 1 some sequence failed (the others are scored), 2 something must be mended, 130 Ctrl-C.
    """
    from spm_bench.cli import stdout_for_rows
    from spm_bench.run import DEFAULT_TRACKER, Request, run_suite

    request = Request(
        suite=suite,
        data=data,
        trackers=tuple(tracker or (DEFAULT_TRACKER,)),
        variants=tuple(variant or ()),
        out=out,
        allow_missing=allow_missing,
        sequences=tuple(sequence or ()),
        protocol=protocol,
        init_box=init_box,
        fps=fps,
        grace=grace,
        seconds_per_frame=seconds_per_frame,
        repetitions=repetitions,
        weights=weights,
        device=device,
        workers=workers,
        lockstep=lockstep,
        seed=seed,
        overwrite=overwrite,
        convention=convention,
        metrics=tuple(metric or ()),
        report=not no_report,
        quiet=json,
        command=tuple(sys.orig_argv),
    )
    with stdout_for_rows() if json else contextlib.nullcontext():
        outcome = run_suite(request)
    _show(outcome, json=json, timed=not lockstep)
    return 1 if outcome.failures else 0


def _show(outcome: Outcome, *, json: bool, timed: bool) -> None:
    """Scores on stdout, everything else on stderr."""
    if json:
        from spm_bench.report.scores import scores_json

        print(scores_json(list(outcome.evaluations)), end="")
    elif outcome.evaluations:
        from spm_bench.report.terminal import print_table

        print_table(list(outcome.evaluations), outcome.suite)
    for line in _closing_lines(outcome, timed=timed):
        print(line, file=sys.stderr)


def _closing_lines(outcome: Outcome, *, timed: bool) -> list[str]:
    lines = [f"raw results: {Path(run.run) / run.label}" for run in outcome.results]
    if not outcome.suite.has_ground_truth:
        server = f"; {SUBMIT} packs a whole run for the benchmark's server" if outcome.suite.name != "folder" else ""
        lines.append(f"{outcome.suite.title} has no ground truth here, so there is no score{server}")
    if not timed:
        lines.append("what ran in lockstep has no speed; `spm-bench bench` measures it")
    if outcome.report is not None:
        lines.append(f"report: {outcome.report}")
    if outcome.failures:
        broken = ", ".join(f"{f.sequence} ({f.label})" for f in outcome.failures)
        lines.append(f"{len(outcome.failures)} failed: {broken}; tracebacks are in the failures folder of each run")
    return lines
