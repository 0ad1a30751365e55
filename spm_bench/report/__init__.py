"""What people look at: tables, figures and `scores.json`, made from evaluations; no tracker, no torch in here.

The two doors are `write_report` (a folder) and `spm_bench.report.terminal.print_table` (the terminal). Matplotlib
and the renderers are imported only when a report is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spm_bench.results.trajectory import ResultSet
    from spm_bench.scoring.base import Evaluation
    from spm_bench.suites.base import Suite

__all__ = ["write_report"]


def write_report(
    evaluations: Sequence[Evaluation],
    suite: Suite,
    folder: Path,
    *,
    published: bool = True,
    results: Sequence[ResultSet] = (),
) -> list[Path]:
    """Write the tables, figures, `scores.json` and an index `README.md` of one suite's evaluations into `folder`.

    Args:
        evaluations: One per tracker and variant, all on `suite`.
        suite: What they were scored on.
        folder: Created if it is not there; files of an earlier report are replaced one by one, each atomically.
        published: Whether tables show figures from print beside measured ones, where the two are comparable.
        results: The raw results behind each of `evaluations`, in their order; with them, there is a figure of overlaps
            over time.

    Returns:
        The files written, the index first.

    Raises:
        ResultsError: The folder cannot be written, there is nothing to report, or two evaluations have the same name.
    """
    from spm_bench.report.writer import write_report as write

    return write(evaluations, suite, folder, published=published, results=results)
