"""One-pass evaluation (OTB: Wu, Lim, Yang, TPAMI 2015): start on the first frame, never correct."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, ClassVar

from spm_bench.errors import DataError
from spm_bench.protocols.base import OnFrame, Pass, usable
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Tracker


@dataclass(frozen=True)
class OnePass:
    """Initialise with the ground-truth box of frame 0, update on all others."""

    name: ClassVar[str] = "one_pass"
    family: ClassVar[str] = "otb"
    repetitions: ClassVar[int] = 1
    """OTB's files have no place for a second one."""

    def parameters(self) -> dict[str, Any]:
        """The protocol's name is all there is to say."""
        return {"name": self.name}

    def needed(self, repetition: int, tracker: Tracker) -> bool:  # noqa: ARG002 - the same for all trackers
        """Tell whether this repetition says anything new: only the first."""
        return repetition == 1

    def settled(self, done: Many[Trajectory]) -> bool:
        """Tell whether the repetitions done suffice."""
        return len(done) >= self.repetitions

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run one pass (see `TrackingProtocol.run`); row 0 holds the given box and the seconds of `init`."""
        return run_one_pass(Pass(tracker, sequence, repetition, seed, on_frame))


def run_one_pass(run: Pass) -> Trajectory:
    """Start on frame 0, update to the end.

    Raises:
        DataError: Frame 0 has no usable box.
        TrackerError: The tracker returned something that is no box.
    """
    if not usable(run.sequence)[0]:
        raise DataError("the first frame has no ground-truth box to start on", where=run.sequence.name)
    first = run.sequence.ground_truth[0]
    run.start(0, first)
    run.boxes[0] = first
    for index in range(1, len(run.sequence)):
        run.step(index)
    return run.trajectory()
