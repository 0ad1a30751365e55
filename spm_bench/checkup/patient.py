"""The tracker under examination: built as often as asked, driven as the engine drives it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spm_bench.checkup.videos import Video, drifting
from spm_bench.errors import SpmBenchError
from spm_bench.protocols.base import checked_box, stable_seed
from spm_bench.suites.base import FloatArray, Frame
from spm_bench.trackers.base import Tracker, TrackerSpec, uses_chance
from spm_bench.trackers.catalog import build_tracker
from spm_bench.trackers.trax.program import TARGET as PROGRAM
from spm_bench.trackers.trax.program import is_program

SEED = 0


class BrokeError(Exception):
    """The tracker raised something, or returned no box. The message is one line that says where."""


@dataclass(frozen=True)
class Patient:
    """A tracker by description.

    Attributes:
        spec: How to build it.
    """

    spec: TrackerSpec

    @property
    def is_program(self) -> bool:
        """Whether it is a program of its own, of which only the boxes can be seen."""
        return self.spec.target == PROGRAM

    @property
    def asked(self) -> str:
        """What to type for it."""
        return str(self.spec.options["asked"]) if self.is_program else self.spec.target

    def fresh(self) -> Tracker:
        """Build it anew. Raises SpmBenchError if that fails."""
        return build_tracker(self.spec)

    @cached_property
    def usual(self) -> FloatArray:
        """The boxes of a new object on the easy video, 16 x 4. Raises as `follow`."""
        return self.follow(drifting())

    def follow(
        self,
        video: Video,
        tracker: Tracker | None = None,
        *,
        seed: int = SEED,
        hand_over: Callable[[Frame], Frame] = np.array,
    ) -> FloatArray:
        """Start on the first frame and update with the others.

        Args:
            video: What to see.
            tracker: One that was built before; None: a fresh one.
            seed: For a tracker that uses chance.
            hand_over: Makes what the tracker is given of a frame; a copy, as the engine does.

        Returns:
            n x 4 boxes; the first is the one it was started with.

        Raises:
            BrokeError: It raised something, or returned no box.
        """
        tracker = self.fresh() if tracker is None else tracker
        boxes = [np.array(video.boxes[0])]
        start(tracker, hand_over(video.frames[0]), np.array(video.boxes[0]), video.name, seed=seed)
        for index, frame in enumerate(video.frames[1:], start=1):
            boxes.append(update(tracker, hand_over(frame), f"in frame {index} of {video.name}"))
        return np.array(boxes)


def start(tracker: Tracker, frame: Frame, box: FloatArray, where: str, *, seed: int = SEED) -> None:
    """Tell the seed, if the tracker uses chance, and start it with this very box. Raises as `Patient.follow`."""
    if uses_chance(tracker):
        tracker.seed(stable_seed(seed, "checkup", 1, 0))
    try:
        tracker.init(frame, box)
    except (Exception, SystemExit) as error:
        raise BrokeError(f"init broke on {where}: {described(error)}") from error


def update(tracker: Tracker, frame: Frame, where: str) -> FloatArray:
    """The box in the next frame. Raises BrokeError as `Patient.follow`."""
    try:
        answer = tracker.update(frame)
    except (Exception, SystemExit) as error:
        raise BrokeError(f"update broke {where}: {described(error)}") from error
    try:
        # a copy: many trackers return the same array again and write into it
        return np.array(checked_box(answer, "update", where))
    except SpmBenchError as error:
        raise BrokeError(error.problem) from error


def described(error: BaseException) -> str:
    """An exception and the line of the tracker's own file that it came from, in one line; of a program what it said."""
    if isinstance(error, SpmBenchError) and error.where is not None and is_program(str(error.where)):
        return error.problem
    text = " ".join(str(error).split())
    told = f"{type(error).__name__}: {text}".rstrip(": ")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "spm_bench/checkup" not in f.filename]
    return f"{told} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else told


def largest_gap(first: FloatArray, second: FloatArray) -> tuple[float, int]:
    """The largest difference of two runs' boxes in pixels, and the first frame in which they differ (-1: never)."""
    gaps = np.abs(first - second).max(axis=1)
    apart = np.flatnonzero(gaps > 0)
    return float(gaps.max()), int(apart[0]) if len(apart) else -1


def mean_overlap(boxes: FloatArray, video: Video) -> float:
    """Mean overlap with the truth after the first frame."""
    from spm_bench.geometry.boxes import iou

    return float(np.mean(iou(boxes[1:], video.boxes[1:])))
