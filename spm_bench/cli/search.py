"""`spm-bench search`: better settings found on one part of a suite, judged on the other; resumed where it stopped."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import DATA_AS_FOR_RUN, DEVICE, NO_REPORT, RUNS_OUT, WEIGHTS

if TYPE_CHECKING:
    from spm_bench.sweep.search import SearchOutcome
    from spm_bench.sweep.search_plan import SearchRequest


def search(
    file: Annotated[
        str, typer.Argument(help="A .toml file, or the name of one in experiments/: search_window, ...", metavar="FILE")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be searched, on which sequences, and how much that is.")
    ] = False,
    trials: Annotated[
        int | None, typer.Option("--trials", help="In all, instead of the file's; more than before goes on.")
    ] = None,
    out: RUNS_OUT = Path("runs"),
    data: DATA_AS_FOR_RUN = None,
    weights: WEIGHTS = None,
    device: DEVICE = "auto",
    workers: Annotated[int, typer.Option("--workers", help="Processes that share the sequences and trials.")] = 1,
    one_by_one: Annotated[
        bool, typer.Option("--one-by-one", help="Run each trial alone, not a batch together; results are the same.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what goes to search.json (or the plan of a dry run) and nothing else.")
    ] = False,
    no_report: NO_REPORT = False,
) -> int:
    """Search the settings of a tracker for better ones, without fooling yourself.

    Some sequences are tuned on, the others are held out: the best trial and the base meet there, and only that is a
    result. Trials that are worse than the median of the earlier ones after the same sequences are stopped.

    Runs lie in OUT/SUITE/TRACKER-HASH, as those of `spm-bench run`; the study and its report in OUT/searches/NAME. The
    same command again goes on where it stopped. Needs Optuna, which comes with the extra search of spm_bench.

    Examples:
        spm-bench search search_window --dry-run

        spm-bench search search_window --trials 40

    Exit code: 0 all well, 1 some trial or sequence failed (the others count), 2 something must be mended, 130 Ctrl-C.
    """
    from spm_bench.cli import stdout_for_rows
    from spm_bench.sweep.search_file import find_search
    from spm_bench.sweep.search_plan import SearchRequest

    request = SearchRequest(
        file=find_search(file),
        trials=trials,
        data=data,
        weights=weights,
        device=device,
        out=out,
        workers=workers,
        lockstep=not one_by_one,
        report=not no_report,
        quiet=json,
        command=tuple(sys.orig_argv),
    )
    if dry_run:
        return _dry_run(request, json=json)
    from spm_bench.sweep.search import run_search

    with stdout_for_rows() if json else contextlib.nullcontext():
        outcome = run_search(request)
    _show(outcome, json=json)
    return 1 if outcome.document.failures else 0


def _dry_run(request: SearchRequest, *, json: bool) -> int:
    from spm_bench.cli import stdout_for_rows
    from spm_bench.sweep.search_plan import forecast, forecast_json, plan_search

    with stdout_for_rows() if json else contextlib.nullcontext():
        plan = plan_search(request)
        told = forecast_json(plan) if json else "\n".join(forecast(plan)) + "\n"
    print(told, end="")
    return 0


def _show(outcome: SearchOutcome, *, json: bool) -> None:
    """The result on stdout, everything else on stderr."""
    from spm_bench.report.search import print_search, search_json, warnings_of

    if json:
        print(search_json(outcome.document), end="")
    else:
        print_search(outcome.document)
    for text in (*warnings_of(outcome.document), *outcome.document.notes, *outcome.document.failures):
        print(f"note: {text}", file=sys.stderr)
    if outcome.plan.request.report:
        print(f"report: {outcome.folder / 'README.md'}", file=sys.stderr)
