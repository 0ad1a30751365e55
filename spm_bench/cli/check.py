"""`spm-bench check`: what is wrong with raw results of anybody, and what every evaluator makes of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spm_bench.cli.options import DATA
from spm_bench.errors import DataError, MissingDataError, UsageError

if TYPE_CHECKING:
    from spm_bench.checking.check import Checked
    from spm_bench.results.trajectory import ResultSet
    from spm_bench.scoring.evaluators import SideBySide
    from spm_bench.suites.base import Suite

DEFECTS = 1
"""Exit code where any finding is an error or a warning."""


def check(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS",
            help="Folders, zip or tar files of raw results: one tracker's, or many. A folder's name is the tracker's.",
            show_default=False,
        ),
    ],
    suite: Annotated[
        str | None,
        typer.Option("--suite", help="Suite they are results of. Default: the one whose sequences they have."),
    ] = None,
    data: DATA = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="The results' protocol. Default: the suite's own.", show_default=False),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores/--no-scores", help="Score them under the rules of every evaluator, too.")
    ] = True,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every finding, not the first few of a kind.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print findings and scores as JSON and nothing else.")] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print the scores as CSV on standard output, the findings on standard error.")
    ] = False,
) -> None:
    """Check raw results: what is wrong with them, and their score under the rules of every evaluator.

    Findings come with file, line and remedy: wrong columns or origin, boxes that are a frame late, missing and cut
    files, NaN, codes in wrong places, ... Then a table: evaluator, number, and the rule that makes the difference.
    The exit code is 1 where there is an error or a warning.

    Example: spm-bench check --data ~/benchmarks results.zip
    """
    if json and csv:
        raise UsageError("--json and --csv exclude each other")
    from spm_bench.checking.check import check_results
    from spm_bench.checking.findings import has_defects
    from spm_bench.protocols.catalog import under_protocol
    from spm_bench.results.foreign import find_result_sets

    loaded, told = _suite(suite, results, data)
    loaded = under_protocol(loaded, protocol)
    checked = []
    for found in find_result_sets(results, loaded, strict=False):
        one = check_results(found, loaded)
        checked.append((found, one, _side_by_side(loaded, one) if scores else None))
    if json:
        _print_json(loaded, told, checked)
    else:
        _print_text(loaded, told, checked, everything=everything, csv=csv)
    if any(has_defects(one.findings) for _, one, _ in checked):
        raise typer.Exit(DEFECTS)


Entry = tuple["ResultSet", "Checked", "SideBySide | None"]


def _suite(name: str | None, results: list[Path], data: Path | None) -> tuple[Suite, str]:
    """The suite, as much of it as is at hand, and why it was taken."""
    from spm_bench.suites import load_suite
    from spm_bench.suites.catalog import describe_suites
    from spm_bench.suites.facts import suite_names

    told = ""
    if name is None:
        from spm_bench.checking.guess import guess_suite

        guess = guess_suite(results, {row.name: row.n_present for row in describe_suites(data)})
        name, told = guess.name, guess.told
    try:
        return load_suite(name, data, allow_missing=True, annotations_only=True), told
    except MissingDataError as error:
        if data is None and name.casefold() in suite_names():  # the files alone tell something, too
            from spm_bench.checking.bare import bare_suite

            print(f"checked without annotations, and not scored: {error}", file=sys.stderr)
            return bare_suite(name.casefold(), results), told
        raise MissingDataError(
            f"{told + '. ' if told else ''}{error.problem}", where=error.where, remedy=error.remedy
        ) from None


def _side_by_side(suite: Suite, checked: Checked) -> SideBySide | None:
    from spm_bench.scoring.evaluators import side_by_side

    if not suite.has_ground_truth or not checked.results.passes or _unscorable(checked):
        return None
    try:
        return side_by_side(suite, checked.results)
    except DataError as error:
        print(f"no scores of {checked.results.label}: {error}", file=sys.stderr)
        return None


def _unscorable(checked: Checked) -> bool:
    """Whether the files are of another experiment altogether: their EAO would be a number without a meaning."""
    return any(f.kind == "unsupervised" for f in checked.findings)


def _print_json(suite: Suite, told: str, checked: list[Entry]) -> None:
    from json import dumps

    from spm_bench.report.evaluators import evaluators_json

    trackers: list[dict[str, Any]] = [
        {
            "tracker": found.label,
            "run": found.run,
            "findings": [f.to_json() for f in one.findings],
            "scores": [] if table is None else evaluators_json(table),
        }
        for found, one, table in checked
    ]
    print(dumps({"suite": suite.name, "guessed": told, "trackers": trackers}, indent=2, allow_nan=False))


def _print_text(suite: Suite, told: str, checked: list[Entry], *, everything: bool, csv: bool) -> None:
    from rich.console import Console

    from spm_bench.checking.show import print_findings, summary
    from spm_bench.report.evaluators import evaluators_csv, print_evaluators
    from spm_bench.report.terminal import plain_text

    console = Console(file=sys.stderr) if csv else Console()
    if told:
        console.print(plain_text(told[0].upper() + told[1:] + ".", console), highlight=False)
    for found, one, table in checked:
        head = f"{found.label} on {suite.title}: {summary(one.findings)}"
        console.print(plain_text(head, console, "bold"), highlight=False)
        print_findings(one.findings, console, everything=everything)
        if table is not None and not csv:
            print_evaluators(table, console)
            if table.n_sequences < table.n_total:
                partial = f"Scores are of {table.n_sequences} of {table.n_total} sequences."
                console.print(plain_text(partial, console), highlight=False)
    if csv:
        print(evaluators_csv((f.label, suite.name, t) for f, _, t in checked if t is not None), end="")
    elif not suite.has_ground_truth and suite.root is not None:
        reason = f"No scores: the ground truth of {suite.title} is kept on the benchmark's server."
        console.print(plain_text(reason, console), highlight=False)
