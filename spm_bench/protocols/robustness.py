"""Robustness to the start (OTB: Wu, Lim, Yang, TPAMI 2015): one-pass runs from other frames, and from other boxes.

* TRE, temporal robustness: runs begin on 20 frames spread over the sequence and go to its end, see `suites.temporal`.
  A repetition is a run; its raw file is named after the frame (from 0) it begins on.
* SRE, spatial robustness: the first box is moved, stretched or scaled in twelve ways, see `protocols.shifts`. The
  repetitions are the shifts in the toolkit's order.

Scores pool the frames of all runs of a sequence by OTB's rule (`Convention.repetitions`), then average sequences.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, ClassVar

from spm_bench.errors import DataError
from spm_bench.protocols.base import OnFrame, Pass, Record, Script, WholeSequences
from spm_bench.protocols.one_pass import one_pass_moves
from spm_bench.protocols.shifts import SHARE, SHIFTS, shifted_box
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.suites.starts import part_of
from spm_bench.suites.temporal import SHORTEST, STARTS, temporal_spans
from spm_bench.trackers.base import Tracker


@dataclass(frozen=True)
class Temporal:
    """Start on each of 20 frames, never correct."""

    name: ClassVar[str] = "tre"
    family: ClassVar[str] = "otb-tre"
    repetitions: ClassVar[int] = STARTS
    enough_equal: ClassVar[int] = STARTS
    timed: ClassVar[bool] = False

    def parameters(self) -> dict[str, Any]:
        """Name and numbers; which frames are left out is known of the suite."""
        return {"name": self.name, "starts": STARTS, "frames_at_least": SHORTEST}

    def count(self, sequence: Sequence) -> int:
        """Number of starts."""
        return len(temporal_spans(sequence))

    def span(self, sequence: Sequence, repetition: int) -> range:
        """The frames of a run, from its start to the end."""
        return temporal_spans(sequence)[repetition - 1]

    def needed(self, repetition: int, tracker: Tracker) -> bool:  # noqa: ARG002 - another run is another start
        """Tell whether this run says anything new: every one does."""
        return True

    def settled(self, done: Many[Trajectory]) -> bool:  # noqa: ARG002 - all are needed
        """Tell whether the runs done make further ones needless: never."""
        return False

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say what comes next in one run, whose frames `sequence` has."""
        return one_pass_moves(sequence, record)

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Do one run (see `TrackingProtocol.run`); the rows are its frames, row 0 is the start."""
        part = part_of(sequence, self.span(sequence, repetition))
        return Pass(tracker, part, repetition, seed, on_frame).follow(self)


@dataclass(frozen=True)
class Spatial(WholeSequences):
    """Start on the first frame with each of twelve disturbed boxes, never correct."""

    name: ClassVar[str] = "sre"
    family: ClassVar[str] = "otb-sre"
    repetitions: ClassVar[int] = len(SHIFTS)
    enough_equal: ClassVar[int] = len(SHIFTS)

    def parameters(self) -> dict[str, Any]:
        """Name, and the shifts in order."""
        return {"name": self.name, "shifts": list(SHIFTS), "share": SHARE}

    def needed(self, repetition: int, tracker: Tracker) -> bool:  # noqa: ARG002 - another shift is another start
        """Tell whether this shift says anything new: every one does."""
        return repetition <= self.repetitions

    def settled(self, done: Many[Trajectory]) -> bool:
        """Tell whether all shifts are done."""
        return len(done) >= self.repetitions

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say what comes next: a start with the shift of the record's repetition, then updates.

        Raises:
            DataError: The pictures' size is not known, or nothing of the shifted box is inside the picture.
        """
        if sequence.image_size is None:
            raise DataError(
                "the size of its pictures is not known, and shifted boxes are cut at their border", where=sequence.name
            )
        shift = SHIFTS[record.repetition - 1]
        return one_pass_moves(sequence, record, shifted_box(sequence.ground_truth[0], shift, sequence.image_size))

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run with one shift (see `TrackingProtocol.run`); row 0 holds the shifted box and the seconds of `init`."""
        return Pass(tracker, sequence, repetition, seed, on_frame).follow(self)
