"""The door of this room: raw results of one tracker and a suite in, an `Evaluation` out."""

from __future__ import annotations

from spm_bench.errors import UsageError
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.suites.base import Suite


def evaluate(
    suite: Suite, results: ResultSet, convention: str | None = None, *, allow_missing: bool = False
) -> Evaluation:
    """Score one tracker's raw results on a suite.

    Args:
        suite: With ground truth; frames are not touched.
        results: Raw results of one tracker.
        convention: Name of the rule set; None takes the benchmark's own.
        allow_missing: Score the sequences that have results, instead of failing when one has none.

    Raises:
        UsageError: The suite has no ground truth, or no such convention.
        ResultsError: Results are missing or broken.
    """
    if not suite.has_ground_truth:
        raise UsageError(
            f"the ground truth of {suite.title} is not public",
            remedy=f"Submit the raw results in {results.run} to its evaluation server",
        )
    if suite.family == "vot":
        from spm_bench.scoring.supervised import evaluate_supervised

        return evaluate_supervised(suite, results, convention, allow_missing=allow_missing)
    from spm_bench.scoring.one_pass import evaluate_one_pass

    return evaluate_one_pass(suite, results, convention, allow_missing=allow_missing)
