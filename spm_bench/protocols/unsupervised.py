"""VOT's experiment without resets, from 2016 on (vot toolkit 0.7.4, `UnsupervisedExperiment`): one pass.

Unlike OTB's one-pass evaluation it is written in VOT's format, starts on the box made from the annotated region, and is
scored by VOT's overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, ClassVar

from spm_bench.errors import DataError, UsageError
from spm_bench.protocols.base import Move, OnFrame, Pass, Record, Script, WholeSequences, usable
from spm_bench.protocols.initial_box import DEFAULT_INIT_BOX, check_init_box, initial_box
from spm_bench.protocols.supervised import IDENTICAL_REPETITIONS, settled_by_equality
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Tracker


@dataclass(frozen=True)
class Unsupervised(WholeSequences):
    """Start on the first frame, update to the end.

    Attributes:
        init_box: How a polygon becomes the box to start on, see `protocols.initial_box`.
        repetitions: At most; every VOT challenge ran one.
    """

    init_box: str = DEFAULT_INIT_BOX
    repetitions: int = 1
    name: ClassVar[str] = "unsupervised"
    family: ClassVar[str] = "vot-unsupervised"
    enough_equal: ClassVar[int] = IDENTICAL_REPETITIONS

    def __post_init__(self) -> None:
        check_init_box(self.init_box)
        if self.repetitions < 1:
            raise UsageError(f"{self.repetitions} repetitions are none")

    def parameters(self) -> dict[str, Any]:
        """All rules by name and number."""
        return {"name": self.name, "repetitions": self.repetitions, "init_box": self.init_box}

    def needed(self, repetition: int, tracker: Tracker) -> bool:  # noqa: ARG002 - the toolkit asks no tracker
        """Tell whether this repetition says anything new."""
        return repetition <= self.repetitions

    def settled(self, done: Many[Trajectory]) -> bool:
        """Tell whether all repetitions are done, or the first three are equal."""
        return settled_by_equality(done, self.repetitions)

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say what comes next (see `unsupervised_moves`)."""
        return unsupervised_moves(sequence, record, self.init_box)

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run one repetition (see `TrackingProtocol.run`); row 0 has state INIT and no box."""
        return Pass(tracker, sequence, repetition, seed, on_frame).follow(self)


def unsupervised_moves(sequence: Sequence, record: Record, init_box: str) -> Script:  # noqa: ARG001 - all as tracked
    """Start on frame 0 with the box made by the named rule, update to the end.

    Raises:
        DataError: Frame 0 has no usable annotation.
    """
    if not usable(sequence)[0]:
        raise DataError("the frame to start on has no usable annotation", where=sequence.name)
    yield Move(0, initial_box(sequence, 0, init_box))
    for index in range(1, len(sequence)):
        yield Move(index)
