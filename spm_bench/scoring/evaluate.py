"""The door of this room: raw results of trackers and a suite in, an `Evaluation` of each out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from spm_bench.errors import UsageError
from spm_bench.registry import load_target
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.families import family_of
from spm_bench.scoring.intervals import all_with_intervals
from spm_bench.suites.base import Suite


def evaluate(
    suite: Suite,
    results: ResultSet,
    convention: str | None = None,
    *,
    allow_missing: bool = False,
    extra: Sequence[str] = (),
) -> Evaluation:
    """Score one tracker's raw results on a suite; see `evaluate_all`."""
    return evaluate_all(suite, [results], convention, allow_missing=allow_missing, extra=extra)[0]


def evaluate_all(
    suite: Suite,
    results: Sequence[ResultSet],
    convention: str | None = None,
    *,
    allow_missing: bool = False,
    extra: Sequence[str] = (),
    intervals: bool = True,
) -> list[Evaluation]:
    """Score the raw results of some trackers on a suite.

    Args:
        suite: With ground truth; frames are not touched.
        results: Raw results, each of one tracker.
        convention: Name of the rule set; None takes the benchmark's own.
        allow_missing: Score the sequences that have results, instead of failing when one has none.
        extra: Names of further metrics (`spm_bench.metrics.extra`), or `module:object`.
        intervals: Give every score its bootstrap interval.

    Returns:
        One evaluation per tracker, in their order.

    Raises:
        UsageError: The suite has no ground truth, or there is no such convention or metric.
        ResultsError: Results are missing or broken.
    """
    evaluations = [_scored(suite, one, convention, allow_missing, extra) for one in results]
    return all_with_intervals(evaluations, suite) if intervals else evaluations


def _scored(
    suite: Suite, results: ResultSet, convention: str | None, allow_missing: bool, extra: Sequence[str]
) -> Evaluation:
    if not suite.has_ground_truth:
        raise UsageError(
            f"the ground truth of {suite.title} is not public",
            remedy=f"Submit the raw results in {results.run} to its evaluation server",
        )
    evaluator = cast(Callable[..., Evaluation], load_target(family_of(suite.family).evaluator))
    evaluation = evaluator(suite, results, convention, allow_missing=allow_missing)
    if extra:
        from spm_bench.scoring.extra import with_extra_metrics

        evaluation = with_extra_metrics(evaluation, suite, results, extra)
    return evaluation
