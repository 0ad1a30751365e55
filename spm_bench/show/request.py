"""What is asked to be shown, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ShowRequest:
    """Which trackers on which sequence, and how.

    Attributes:
        folders: Run folders, or folders of raw results, all of one suite.
        suite: Its name.
        sequence: Name of the sequence.
        protocol: Of the results; None for the suite's own.
        data: Data root or the suite's own folder; None: where the first run's data were, else the usual places.
        out: The file; None: the sequence's name with the ending of the format, in the current folder.
        form: "mp4", "gif" or "png"; None: by the ending of `out`, else mp4.
        frames: Such as "10-40,55", from 1; None for all.
        every: Of the frames, only every so manieth.
        failures: Only the frames around losses.
        fps: Pictures a second; None: 10 with decisions, else 25.
        width: Pixels of the whole picture; None: what suits.
        proposals: Whether a run of SPM is run again to show its decisions; None: if it can be.
        of: Label of the run whose decisions are shown; None: the first of SPM.
        weights: Where that run's weights are, if they were moved.
        quiet: No progress on stderr.
    """

    folders: tuple[Path, ...]
    suite: str
    sequence: str
    protocol: str | None = None
    data: Path | None = None
    out: Path | None = None
    form: str | None = None
    frames: str | None = None
    every: int = 1
    failures: bool = False
    fps: float | None = None
    width: int | None = None
    proposals: bool | None = None
    of: str | None = None
    weights: str | None = None
    quiet: bool = False


@dataclass(frozen=True)
class ShowOutcome:
    """What was written.

    Attributes:
        path: The file.
        pictures: How many it holds.
        codec: Of a video, else "".
        explained: The run whose decisions are shown, or None.
        difference: In words, where that run, run again, is not the recorded one; "" where it is.
        notes: What was left out, and why.
    """

    path: Path
    pictures: int
    codec: str
    explained: str | None
    difference: str
    notes: tuple[str, ...]
