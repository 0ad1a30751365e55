"""`spm-bench sweep`: a question, many cells, one answer with intervals; resumed where it stopped."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import DATA_AS_FOR_RUN, DEVICE, NO_REPORT, RUNS_OUT, SEQUENCES, WEIGHTS

if TYPE_CHECKING:
    from spm_bench.sweep.request import SweepRequest
    from spm_bench.sweep.results import SweepOutcome


def sweep(
    file: Annotated[
        str,
        typer.Argument(help="A .toml file, or the name of one in experiments/: stages, window, ...", metavar="FILE"),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be run, what is done, and about how long it takes.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Cells whose names match this pattern, and the base; repeat for more."),
    ] = None,
    out: RUNS_OUT = Path("runs"),
    suite: Annotated[
        list[str] | None, typer.Option("--suite", help="Instead of the file's suites; repeat for more.")
    ] = None,
    data: DATA_AS_FOR_RUN = None,
    sequence: SEQUENCES = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Run a partly present suite; tables then say how much it is.")
    ] = False,
    tracker: Annotated[str | None, typer.Option("--tracker", help="Instead of the file's base: SPM, SPM-lite.")] = None,
    weights: WEIGHTS = None,
    device: DEVICE = "auto",
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes. Default: 1, or all that the cluster has room for.")
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", help="Instead of the file's seeds, for trackers that use chance; repeat for more."),
    ] = None,
    overwrite: Annotated[
        str, typer.Option("--overwrite", help="only-missing keeps what is finished, always, or never.")
    ] = "only-missing",
    ray: Annotated[
        str | None, typer.Option("--ray", help="Compute on a Ray cluster: local, auto, or its address.")
    ] = None,
    cpus: Annotated[float, typer.Option("--cpus", help="Cores of each worker on a Ray cluster.")] = 1.0,
    gpus: Annotated[float, typer.Option("--gpus", help="GPUs of each worker there; 0.25 lets four share one.")] = 0.0,
    one_by_one: Annotated[
        bool,
        typer.Option("--one-by-one", help="Run each cell alone, not all together; results are the same."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what goes to sweep.json and nothing else.")] = False,
    no_report: NO_REPORT = False,
) -> int:
    """Run all cells of a sweep file on its suites and say which differ from the base, and how sure that is.

    Runs lie in OUT/SUITE/TRACKER-HASH, as those of `spm-bench run`; tables, forest plots and sweep.json in
    OUT/sweeps/NAME. The same command again computes what is missing; if the file was edited, what changed.

    Examples:
        spm-bench sweep stages --dry-run

        spm-bench sweep experiments/fusion_weights.toml --suite otb100 --data ../data --workers 2

        spm-bench sweep stages --tracker SPM --weights official --only 'cm_*'

    Exit code: 0 all well, 1 some cell or sequence failed (the others are compared), 2 something must be mended,
    130 Ctrl-C.
    """
    from spm_bench.cli import stdout_for_rows
    from spm_bench.sweep.file import find_sweep
    from spm_bench.sweep.request import SweepRequest

    request = SweepRequest(
        file=find_sweep(file),
        only=tuple(only or ()),
        suites=tuple(suite or ()),
        data=data,
        sequences=tuple(sequence or ()),
        allow_missing=allow_missing,
        tracker=tracker,
        weights=weights,
        device=device,
        seeds=tuple(dict.fromkeys(seed or ())),
        out=out,
        workers=workers,
        ray=ray,
        cpus=cpus,
        gpus=gpus,
        overwrite=overwrite,
        lockstep=not one_by_one,
        report=not no_report,
        quiet=json,
        command=tuple(sys.orig_argv),
    )
    if dry_run:
        return _dry_run(request, json=json)
    from spm_bench.sweep.run import run_sweep

    with stdout_for_rows() if json else contextlib.nullcontext():
        outcome = run_sweep(request)
    _show(outcome, json=json)
    return 1 if outcome.failures else 0


def _dry_run(request: SweepRequest, *, json: bool) -> int:
    from spm_bench.sweep.estimate import forecast
    from spm_bench.sweep.plan import make_plan
    from spm_bench.sweep.show import forecast_json, print_forecast

    plan = make_plan(request)
    found = forecast(plan)
    if json:
        print(forecast_json(plan, found), end="")
    else:
        print_forecast(plan, found)
    return 0


def _show(outcome: SweepOutcome, *, json: bool) -> None:
    """Results on stdout, everything else on stderr."""
    if json:
        from spm_bench.sweep.document import record_json

        print(record_json(outcome), end="")
    else:
        from spm_bench.sweep.show import print_outcome

        print_outcome(outcome)
    for line in _closing_lines(outcome):
        print(line, file=sys.stderr)


def _closing_lines(outcome: SweepOutcome) -> list[str]:
    lines = [f"note: {note}" for note in outcome.notes]
    lines += [suite.note for suite in outcome.suites if suite.note]
    if outcome.folder is not None:
        lines.append(f"report: {outcome.folder}")
    if outcome.failures:
        lines.append(f"{len(outcome.failures)} failed; tracebacks are in the failures folder of each run:")
        lines += [f"  {failure}" for failure in outcome.failures]
    return lines
