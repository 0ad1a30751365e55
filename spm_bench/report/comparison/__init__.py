"""Two trackers side by side: what differs, how sure that is, where it shows, and a conclusion that the numbers support.

The doors are `compare_pair`, whose result holds tidy frames, figures and words, and `write_comparison`, which makes a
folder of it. Nothing heavy is imported before they are called.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spm_bench.report.comparison.pair import PairComparison
    from spm_bench.results.trajectory import ResultSet
    from spm_bench.scoring.base import Evaluation
    from spm_bench.suites.base import Suite

__all__ = ["compare_pair", "compare_several", "write_comparison"]

Scored = tuple["Evaluation", "ResultSet"]
"""What a tracker scores, and the raw results behind it."""


def compare_pair(
    base: Scored, other: Scored, suite: Suite, *, convention: str | None = None, strips: bool = True
) -> PairComparison:
    """Compare a tracker with another one, the base; see `compare_several` for arguments and errors."""
    return compare_several(base, [other], suite, convention=convention, strips=strips)[0]


def compare_several(
    base: Scored,
    others: Sequence[Scored],
    suite: Suite,
    *,
    convention: str | None = None,
    strips: bool = True,
) -> list[PairComparison]:
    """Compare trackers with one of them, the base, on the sequences that both of a pair have.

    Differences are the other's minus the base's. p values are corrected over the others (Holm); those of attributes,
    over the attributes. Trackers of one name are told apart by their folders.

    Args:
        base: Evaluation and raw results of what is compared with.
        others: Of what is compared; scored on the same suite, by the same protocol and convention.
        suite: With ground truth, and with pictures where there shall be film strips.
        convention: What the evaluations were scored by; None for the benchmark's own.
        strips: Make film strips of the moments in which the two part.

    Returns:
        One comparison per other tracker, in their order.

    Raises:
        ResultsError: Other suites, protocols or conventions, no sequence in common, or broken results.
        DataError: A picture is broken.
    """
    from spm_bench.report.comparison.pair import compare_all

    return compare_all(base, others, suite, convention=convention, strips=strips)


def write_comparison(pair: PairComparison, folder: Path, *, command: Sequence[str] = ()) -> list[Path]:
    """Write a comparison: README.md, comparison.html, tables (CSV, LaTeX) and figures (PNG, PDF).

    Args:
        pair: From `compare_pair`.
        folder: Created if it is not there; files of an earlier comparison are replaced, each in one step.
        command: That makes it again, for the record.

    Returns:
        The files written, the index first.

    Raises:
        ResultsError: The folder cannot be written.
    """
    from spm_bench.report.comparison.writer import write

    return write(pair, folder, command=tuple(command))
