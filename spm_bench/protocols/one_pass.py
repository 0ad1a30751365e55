"""One-pass evaluation (OTB: Wu, Lim, Yang, TPAMI 2015): start on the first frame, never correct."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, ClassVar

from spm_bench.errors import DataError
from spm_bench.protocols.base import Move, OnFrame, Pass, Record, Script, WholeSequences, usable
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Box, Tracker


@dataclass(frozen=True)
class OnePass(WholeSequences):
    """Initialise with the ground-truth box of frame 0, update on all others."""

    name: ClassVar[str] = "one_pass"
    family: ClassVar[str] = "otb"
    repetitions: ClassVar[int] = 1
    """OTB's files have no place for a second one."""
    enough_equal: ClassVar[int] = 1

    def parameters(self) -> dict[str, Any]:
        """The protocol's name is all there is to say."""
        return {"name": self.name}

    def needed(self, repetition: int, tracker: Tracker) -> bool:  # noqa: ARG002 - the same for all trackers
        """Tell whether this repetition says anything new: only the first."""
        return repetition == 1

    def settled(self, done: Many[Trajectory]) -> bool:
        """Tell whether the repetitions done suffice."""
        return len(done) >= self.repetitions

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say what comes next (see `one_pass_moves`)."""
        return one_pass_moves(sequence, record)

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run one pass (see `TrackingProtocol.run`); row 0 holds the given box and the seconds of `init`."""
        return Pass(tracker, sequence, repetition, seed, on_frame).follow(self)


def one_pass_moves(sequence: Sequence, record: Record, first: Box | None = None) -> Script:
    """Start on frame 0, update to the end; row 0 holds the given box.

    Args:
        sequence: With ground truth.
        record: The rows.
        first: The box to start on; None for the annotated one.

    Raises:
        DataError: Frame 0 has no usable box.
    """
    if not usable(sequence)[0]:
        raise DataError("the first frame has no ground-truth box to start on", where=sequence.name)
    first = sequence.ground_truth[0] if first is None else first
    yield Move(0, first)
    record.boxes[0] = first
    for index in range(1, len(sequence)):
        yield Move(index)
