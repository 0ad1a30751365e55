"""`spm-bench score`: raw results of any trackers in, a table beside the published figures out. No picture is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spm_bench.scoring.base import Evaluation
    from spm_bench.suites.base import Suite


def score(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS_DIR...",
            help="Folders of raw results: one tracker's, or one that holds many. The folder's name is the tracker's.",
            show_default=False,
        ),
    ],
    suite: Annotated[str, typer.Option("--suite", help="Suite to score on; `spm-bench ls` names them.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Data root or the suite's own folder. Default: SPM_BENCH_DATA, else the user's data folder."
        ),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option("--convention", help="Name of the rule set. Default: the benchmark's own.", show_default=False),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="One more metric, or module:object; repeat for more.")
    ] = None,
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

    A results folder is Tracker/Sequence.txt (OTB), Tracker/baseline/sequence/sequence_001.txt (VOT),
    Tracker/sequence/sequence_001.txt (GOT-10k), or a run folder of this project.

    Example: spm-bench score --suite otb100 --data ~/benchmarks ~/benchmarks/otb100/results --out report
    """
    from spm_bench.suites import load_suite

    loaded = load_suite(suite, data, allow_missing=allow_missing, annotations_only=True)
    evaluations = _evaluate_all(loaded, results, convention, tuple(metric or ()), allow_missing)
    if out is not None:
        from spm_bench.report import write_report

        write_report(evaluations, loaded, out, published=published)
    if json:
        from spm_bench.report.scores import scores_json

        print(scores_json(evaluations), end="")
        return
    from spm_bench.report.terminal import print_table

    print_table(evaluations, loaded, published=published)
    if out is not None:
        print(f"report: {out / 'README.md'}")


def _evaluate_all(
    suite: Suite, folders: list[Path], convention: str | None, extra: tuple[str, ...], allow_missing: bool
) -> list[Evaluation]:
    from spm_bench.results.foreign import find_result_sets
    from spm_bench.scoring.evaluate import evaluate

    return [
        evaluate(suite, results, convention, allow_missing=allow_missing, extra=extra)
        for results in find_result_sets(folders, suite)
    ]
