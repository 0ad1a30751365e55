"""VOT's supervised protocol, 2013 to 2019 (Kristan et al.; vot toolkit 0.7.4, `SupervisedExperiment.execute`).

A tracker that loses the target is stopped, and started again a little later. Frame by frame:

* frame s: initialised (code 1);
* every later frame: the box is compared with the annotated region. Overlap above 0: the box stands;
* overlap 0 in frame f: failure (code 2). Frames f+1 ... f+4 are skipped (code 0), frame f+5 is initialised;
* with f+5 behind the end, the rest is skipped.

Where the toolkit has no rule: a frame without a usable annotation (NaN, no area) never counts as a failure, and a start
that would fall on one moves to the next frame that has one.
"""

from __future__ import annotations

from collections.abc import Generator
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spm_bench.errors import UsageError
from spm_bench.geometry.polygons import polygon_box_overlap
from spm_bench.protocols.base import Answer, Move, OnFrame, Pass, Record, Script, WholeSequences, usable
from spm_bench.protocols.initial_box import DEFAULT_INIT_BOX, check_init_box, initial_box
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Tracker

REPETITIONS = 15
"""The number of every VOT challenge with supervised experiments."""
IDENTICAL_REPETITIONS = 3
"""So many equal repetitions show a deterministic tracker, and the rest is not run (toolkit: `_can_stop`)."""
SKIP = 5
"""Frames from a failure to the new start (`skip_initialize`): closer by, it would fail again for the same reason."""
FAILURE_OVERLAP = 0.0
"""At or below it the target counts as lost (`failure_overlap`)."""


@dataclass(frozen=True)
class Supervised(WholeSequences):
    """Reset on failure, see the module.

    Attributes:
        init_box: How a polygon becomes the box to start on, see `protocols.initial_box`.
        repetitions: At most; `IDENTICAL_REPETITIONS` equal ones end it before.
        bounded: Whether overlaps are taken inside the picture only (VOT from 2016 on; vot toolkit 0.7.4 for all years).
    """

    init_box: str = DEFAULT_INIT_BOX
    repetitions: int = REPETITIONS
    bounded: bool = True
    name: ClassVar[str] = "supervised"
    family: ClassVar[str] = "vot"
    enough_equal: ClassVar[int] = IDENTICAL_REPETITIONS

    def __post_init__(self) -> None:
        check_init_box(self.init_box)
        if self.repetitions < 1:
            raise UsageError(f"{self.repetitions} repetitions are none")

    def parameters(self) -> dict[str, Any]:
        """All rules by name and number."""
        return {
            "name": self.name,
            "repetitions": self.repetitions,
            "stop_after_identical": IDENTICAL_REPETITIONS,
            "skip": SKIP,
            "failure_overlap": FAILURE_OVERLAP,
            "overlap": "raster, bounded to the picture" if self.bounded else "raster, unbounded",
            "init_box": self.init_box,
        }

    def needed(self, repetition: int, tracker: Tracker) -> bool:  # noqa: ARG002 - the toolkit asks no tracker
        """Tell whether this repetition says anything new: that is seen from the results, see `settled`."""
        return repetition <= self.repetitions

    def settled(self, done: Many[Trajectory]) -> bool:
        """Tell whether all repetitions are done, or the first three are equal in every box and code."""
        return settled_by_equality(done, self.repetitions)

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say what comes next: updates until the target is lost, then a new start."""
        judged = usable(sequence)
        index = 0
        while index < len(sequence):
            if not judged[index]:
                index += 1
                continue
            yield Move(index, initial_box(sequence, index, self.init_box))
            index = yield from self._until_lost(sequence, record, judged, index + 1)

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run one repetition (see `TrackingProtocol.run`). Rows other than TRACKED have NaN boxes."""
        return Pass(tracker, sequence, repetition, seed, on_frame).follow(self)

    def _until_lost(
        self, sequence: Sequence, record: Record, judged: np.ndarray[Any, np.dtype[np.bool_]], index: int
    ) -> Generator[Move, Answer, int]:
        """Update from frame `index` until the target is lost; returns the frame to start again on."""
        while index < len(sequence):
            box, size = yield Move(index)
            if judged[index]:
                region = sequence.ground_truth[index] if sequence.polygons is None else sequence.polygons[index]
                if polygon_box_overlap(region, box, size if self.bounded else None) <= FAILURE_OVERLAP:
                    record.lost(index)
                    return index + SKIP
            index += 1
        return index


def settled_by_equality(done: Many[Trajectory], repetitions: int) -> bool:
    """Tell whether so many repetitions are done, or the first three are equal in every box and code.

    The toolkit forgives overlaps down to 0.99999 there; equality is stricter and needs no tolerance.
    """
    if len(done) >= repetitions:
        return True
    if len(done) < IDENTICAL_REPETITIONS:
        return False
    return all(_equal(done[0], other) for other in done[1:IDENTICAL_REPETITIONS])


def _equal(first: Trajectory, other: Trajectory) -> bool:
    same_states = np.array_equal(first.states, other.states)
    return same_states and np.array_equal(first.boxes, other.boxes, equal_nan=True)
