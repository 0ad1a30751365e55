"""What every protocol is, and the one place where a tracker is called, timed and held to its contract."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from spm_bench.errors import DataError, TrackerError
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.suites.base import FrameSource, Sequence
from spm_bench.trackers.base import Box, Tracker, sees_the_answer, uses_chance

OnFrame = Callable[[int], None]
"""Called with a frame's index after the frame is done; for progress."""


class TrackingProtocol(Protocol):
    """When a tracker is started, restarted and repeated.

    Attributes:
        name: Registered name.
        family: Whose raw format and metrics apply: "otb", "vot" or "got10k".
        repetitions: Most repetitions per sequence.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def family(self) -> str: ...  # noqa: D102
    @property
    def repetitions(self) -> int: ...  # noqa: D102

    def parameters(self) -> dict[str, Any]:
        """Everything the results depend on, JSON-able; part of a run's identity."""

    def needed(self, repetition: int, tracker: Tracker) -> bool:
        """Tell whether this repetition (from 1) of this tracker says anything new."""

    def settled(self, done: Many[Trajectory]) -> bool:
        """Tell whether the repetitions done so far make further ones needless."""

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run one repetition.

        Args:
            tracker: Anything with init and update.
            sequence: With frames and ground truth.
            repetition: From 1; changes the seeds.
            seed: Of the whole run.
            on_frame: Called after every frame.

        Raises:
            DataError: A frame or the ground truth cannot be used.
            TrackerError: The tracker returned something that is no box.
        """


def stable_seed(seed: int, sequence: str, repetition: int, frame: int) -> int:
    """A 32-bit seed for one `init`, equal on every machine and in every order of execution."""
    text = f"{seed}\0{sequence}\0{repetition}\0{frame}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def usable(sequence: Sequence) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For each frame, whether it has an annotation to start on and to judge by: finite and with area."""
    boxes = sequence.ground_truth
    good = np.isfinite(boxes).all(axis=1)
    with np.errstate(invalid="ignore"):
        good &= (boxes[:, 2:] > 0).all(axis=1)
    if sequence.polygons is not None:
        good &= np.isfinite(sequence.polygons).all(axis=1)
    return np.asarray(good, dtype=np.bool_)


def frames_of(sequence: Sequence) -> FrameSource:
    """The pictures of a sequence.

    Raises:
        DataError: It was loaded without pictures, or has not as many as annotations.
    """
    if sequence.frames is None:
        raise DataError(
            "has annotations only, no pictures", where=sequence.name, remedy="Load the suite with its images"
        )
    if len(sequence.frames) != len(sequence):
        raise DataError(f"{len(sequence.frames)} pictures for {len(sequence)} annotated frames", where=sequence.name)
    return sequence.frames


@dataclass(eq=False)
class Pass:
    """One repetition in the making: calls the tracker, takes the time, and fills the rows of a trajectory."""

    tracker: Tracker
    sequence: Sequence
    repetition: int
    seed: int
    on_frame: OnFrame | None = None
    boxes: np.ndarray[Any, np.dtype[np.float64]] = field(init=False)
    states: np.ndarray[Any, np.dtype[np.int8]] = field(init=False)
    seconds: np.ndarray[Any, np.dtype[np.float64]] = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.sequence)
        self.frames = frames_of(self.sequence)
        self.boxes = np.full((n, 4), np.nan)
        self.states = np.full(n, FrameState.SKIPPED, dtype=np.int8)
        self.seconds = np.full(n, np.nan)

    def start(self, index: int, box: Box) -> None:
        """Initialise the tracker on frame `index` with `box` (it gets a copy), after telling it its seed."""
        frame = self.frames[index]
        if uses_chance(self.tracker):
            self.tracker.seed(stable_seed(self.seed, self.sequence.name, self.repetition, index))
        if sees_the_answer(self.tracker):
            self.tracker.begin(self.sequence, index)
        begin = perf_counter()
        with self._named_frame(index):
            self.tracker.init(frame, np.array(box, dtype=np.float64))
        self.seconds[index] = perf_counter() - begin
        self.states[index] = FrameState.INIT
        self._report(index)

    def step(self, index: int) -> tuple[Box, tuple[int, int]]:
        """Update the tracker with frame `index`; returns its box and the picture's (width, height).

        Raises:
            TrackerError: The box is not four finite numbers.
        """
        frame = self.frames[index]
        begin = perf_counter()
        with self._named_frame(index):
            answer = self.tracker.update(frame)
        self.seconds[index] = perf_counter() - begin
        box = self._checked(answer, index)
        self.states[index] = FrameState.TRACKED
        self.boxes[index] = box
        self._report(index)
        return box, (frame.shape[1], frame.shape[0])

    def trajectory(self) -> Trajectory:
        """The rows as filled so far; frames that were never reached are SKIPPED."""
        return Trajectory(boxes=self.boxes, states=self.states, seconds=self.seconds)

    def _report(self, index: int) -> None:
        if self.on_frame is not None:
            self.on_frame(index)

    def _checked(self, answer: object, index: int) -> Box:
        try:
            box = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError):
            box = np.empty(0)
        if box.shape != (4,) or not np.isfinite(box).all():
            shown = repr(answer)
            raise TrackerError(
                f"{type(self.tracker).__name__} returned {shown if len(shown) <= 80 else shown[:77] + '...'} "
                f"in frame {index} of {self.sequence.name}",
                remedy="update(frame) must return four finite numbers (x, y, w, h)",
            )
        return box

    def _named_frame(self, index: int) -> _NamedFrame:
        return _NamedFrame(f"in frame {index} of {self.sequence.name}, repetition {self.repetition}")


@dataclass(frozen=True)
class _NamedFrame:
    """Adds the place to an exception that a tracker lets out, without changing it."""

    place: str

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            error.add_note(self.place)
