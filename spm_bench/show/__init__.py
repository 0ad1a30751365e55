"""A sequence of a run as a video, a GIF or a sheet of pictures: boxes, candidates with their scores, and what decided.

The door is `show`. What it needs is imported only then, so that the command line starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spm_bench.show.request import ShowOutcome, ShowRequest

if TYPE_CHECKING:
    from spm_bench.engine.progress import Progress

__all__ = ["ShowOutcome", "ShowRequest", "show"]


def show(request: ShowRequest, progress: Progress | None = None) -> ShowOutcome:
    """Draw what trackers did on a sequence, and write it as a file.

    Ground truth and the recorded boxes are always drawn. For a run of SPM the tracker is run again along the protocol
    of the run, and the candidates of each step are drawn with their scores and what came of them. Should its boxes not
    be the recorded ones, every picture from there on says so, and so does the outcome.

    Args:
        request: What and how.
        progress: Who is told; None: a line or bar on stderr.

    Raises:
        UsageError: An option or a name that does not exist, or options that do not go together.
        ResultsError: No results of this sequence, broken ones, or a file that cannot be written.
        DataError: Pictures are missing or broken.
        SpmBenchError: Decisions were asked for, and the tracker cannot be run again.
    """
    from spm_bench.show.job import write_show

    return write_show(request, progress)
