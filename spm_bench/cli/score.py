"""`spm-bench score`: raw results of any trackers in, a table beside the published figures out. No picture is needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import DATA, METRICS
from spm_bench.errors import UsageError

if TYPE_CHECKING:
    from spm_bench.results.trajectory import ResultSet
    from spm_bench.scoring.base import Evaluation
    from spm_bench.suites.base import Suite


def score(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS_DIR",
            help="Folders, zip or tar files of raw results: one tracker's, or many. A folder's name is the tracker's.",
            show_default=False,
        ),
    ],
    suite: Annotated[str, typer.Option("--suite", help="Suite to score on; `spm-bench ls` names them.")],
    data: DATA = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="The results' protocol. Default: the suite's own.", show_default=False),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option("--convention", help="Name of the rule set. Default: the benchmark's own.", show_default=False),
    ] = None,
    metric: METRICS = None,
    json: Annotated[bool, typer.Option("--json", help="Print the rows of scores.json and nothing else.")] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Score what is there; the table then says how much that is.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write tables, figures and scores.json into this folder.")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Show figures from print beside comparable ones.")
    ] = True,
) -> None:
    """Score raw results and print a table.

    A results folder is Tracker/Sequence.txt (OTB, and pytracking for all suites),
    Tracker/baseline/sequence/sequence_001.txt (VOT), Tracker/sequence/sequence_001.txt (GOT-10k), or a run folder of
    this project.

    Example: spm-bench score --suite otb100 --data ~/benchmarks ~/benchmarks/otb100/results --out report
    """
    from spm_bench.protocols.catalog import under_protocol
    from spm_bench.suites import load_suite

    _check_scorable(suite)
    loaded = under_protocol(load_suite(suite, data, allow_missing=allow_missing, annotations_only=True), protocol)
    raw, evaluations = _evaluate_all(loaded, results, convention, tuple(metric or ()), allow_missing)
    if json:
        from spm_bench.report.scores import scores_json

        print(scores_json(evaluations), end="")
    else:
        from spm_bench.report.terminal import print_table

        print_table(evaluations, loaded, published=published)
    if out is not None:  # last: a folder that cannot be written does not cost the scores
        from spm_bench.report import write_report

        print(f"report: {write_report(evaluations, loaded, out, published=published, results=raw)[0]}", file=sys.stderr)


def _check_scorable(suite: str) -> None:
    """Say that a suite's ground truth is not public before asking for its data."""
    from spm_bench.suites.facts import suite_facts, suite_names

    facts = suite_facts(suite.casefold()) if suite.casefold() in suite_names() else None
    if facts is not None and not facts.has_ground_truth:
        raise UsageError(
            f"{facts.title} cannot be scored here: its ground truth is kept on the benchmark's server",
            remedy=f"Submit the raw results there (see {facts.url}); got10k-val and trackingnet-train are scored here",
        )


def _evaluate_all(
    suite: Suite, folders: list[Path], convention: str | None, extra: tuple[str, ...], allow_missing: bool
) -> tuple[list[ResultSet], list[Evaluation]]:
    """The raw results in the folders, and what each scores."""
    from spm_bench.results.foreign import find_result_sets
    from spm_bench.scoring.evaluate import evaluate_all

    found = find_result_sets(folders, suite)
    return found, evaluate_all(suite, found, convention, allow_missing=allow_missing, extra=extra)
