"""Run again what a manifest describes, and say whether the boxes are the same and what is not as it was.

The door is `reproduce`. What it needs is imported only then, so that the command line starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spm_bench.reproduce.request import ReproduceRequest, Reproduction, SequenceCheck
from spm_bench.results.changes import Change

if TYPE_CHECKING:
    from spm_bench.engine.progress import Progress

__all__ = ["Change", "ReproduceRequest", "Reproduction", "SequenceCheck", "reproduce"]


def reproduce(request: ReproduceRequest, progress: Progress | None = None) -> Reproduction:
    """Run again what a run folder's manifest describes, and compare boxes and provenance.

    The sequences that were finished are run again, with the recorded tracker, options, protocol and seed, into another
    folder: nothing of the run itself is touched. Interrupted, the same call goes on where it stopped.

    Args:
        request: Which run, and what is in another place now.
        progress: Who is told; None: a line or bar on stderr.

    Raises:
        UsageError: A name that does not exist (any more): suite, tracker, protocol, sequence; a module that cannot be
            imported.
        ResultsError: There is no such run, it has no finished sequence, or its raw files are not there.
        MissingDataError: The suite's data are not where they were.
        WeightsError: The weights are not where they were, or are broken.
    """
    from spm_bench.reproduce.job import run_again

    return run_again(request, progress)
