"""VOT-ST's protocol of 2020 to 2022 (vot toolkit 0.7.4, `MultiStartExperiment`): many starts, no resets.

From each anchor of a sequence one run goes forwards to the last frame or backwards to the first. Nothing is judged
while running: where a run has lost the target is found when it is scored. A repetition here is a run, in the toolkit's
order, and its raw file is named after its anchor.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, ClassVar

from spm_bench.errors import DataError
from spm_bench.protocols.base import OnFrame, Pass, Record, Script
from spm_bench.protocols.initial_box import DEFAULT_INIT_BOX, check_init_box
from spm_bench.protocols.unsupervised import unsupervised_moves
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.suites.starts import ANCHOR_EVERY, part_of, run_spans
from spm_bench.trackers.base import Tracker


@dataclass(frozen=True)
class MultiStart:
    """A run from each anchor, see the module.

    Attributes:
        init_box: How a polygon becomes the box to start on, see `protocols.initial_box`.
    """

    init_box: str = DEFAULT_INIT_BOX
    name: ClassVar[str] = "multistart"
    family: ClassVar[str] = "vot-multistart"
    repetitions: ClassVar[int] = 1
    """Each sequence has as many as it has anchors, see `count`."""
    enough_equal: ClassVar[int] = 1
    timed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_init_box(self.init_box)

    def parameters(self) -> dict[str, Any]:
        """All rules by name and number; the anchors are part of the annotations."""
        return {"name": self.name, "init_box": self.init_box, "anchors_where_none_are_given": ANCHOR_EVERY}

    def count(self, sequence: Sequence) -> int:
        """Number of runs: one for each anchor.

        Raises:
            DataError: The sequence says that it has none.
        """
        n = len(run_spans(sequence))
        if not n:
            raise DataError("it has no anchor to start on", where=sequence.name, remedy="Restore its anchor.value")
        return n

    def span(self, sequence: Sequence, repetition: int) -> range:
        """The frames of a run, from its anchor on."""
        return run_spans(sequence)[repetition - 1]

    def needed(self, repetition: int, tracker: Tracker) -> bool:  # noqa: ARG002 - another run is another start
        """Tell whether this run says anything new: every one does."""
        return True

    def settled(self, done: Many[Trajectory]) -> bool:  # noqa: ARG002 - all are needed
        """Tell whether the runs done make further ones needless: never."""
        return False

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say what comes next in one run, whose frames `sequence` has: a start, then updates."""
        return unsupervised_moves(sequence, record, self.init_box)

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Do one run (see `TrackingProtocol.run`); the rows are its frames in order, row 0 is the start."""
        part = part_of(sequence, self.span(sequence, repetition))
        return Pass(tracker, part, repetition, seed, on_frame).follow(self)
