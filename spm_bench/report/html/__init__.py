"""The report as one HTML page that opens from disk: tables, plots and every box of every tracker, nothing fetched.

The door is `write_page`. The page reads without JavaScript; with it, tables sort, plots answer, and every sequence has
a page of its own inside the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spm_bench.results.trajectory import ResultSet
    from spm_bench.scoring.base import Evaluation
    from spm_bench.suites.base import Suite

__all__ = ["PageOptions", "write_page"]


@dataclass(frozen=True)
class PageOptions:
    """What goes into the page.

    Attributes:
        frames: Embed small pictures of the frames, for the scrubber. Needs the suite's pictures.
        strips: Embed film strips of the moments in which trackers lost their targets. Needs the suite's pictures.
        published: Show figures from print beside measured ones where they are comparable.
        convention: What the evaluations were scored by; None for the benchmark's own.
        command: The command that makes this page, for the record.
        siblings: (title, address) of pages made together with this one.
    """

    frames: bool = False
    strips: bool = False
    published: bool = True
    convention: str | None = None
    command: tuple[str, ...] = ()
    siblings: tuple[tuple[str, str], ...] = ()


def write_page(
    scored: Sequence[tuple[Evaluation, ResultSet]], suite: Suite, path: Path, options: PageOptions | None = None
) -> Path:
    """Write the report of one suite as one self-contained HTML file.

    Args:
        scored: Evaluations on `suite`, each with the raw results it was made from.
        suite: What they were scored on.
        path: The file; replaced in one step if it is there.
        options: What goes into it.

    Returns:
        `path`.

    Raises:
        ResultsError: There is nothing to report, results are broken, or the file cannot be written.
        DataError: Pictures were asked for and are not there, or are broken.
    """
    from spm_bench.report.html.page import render_page
    from spm_bench.results.files import write_bytes

    page = render_page(scored, suite, options or PageOptions())
    # a name from a file system that is no UTF-8 may hold bytes that no encoding has
    write_bytes(path, page.encode("utf-8", "replace"))
    return path
