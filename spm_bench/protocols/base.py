"""What every protocol is, and the one place where a single tracker is called, timed and held to its contract.

A protocol is a script: it says which frame comes next and whether the tracker is started there, and is told the answer.
So one tracker, or a batch of many targets, can be driven by the same script.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, ClassVar, Protocol

import numpy as np

from spm_bench.errors import DataError, TrackerError
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.suites.base import Frame, FrameSource, Sequence, SomeFrames
from spm_bench.trackers.base import Box, Tracker, sees_the_answer, uses_chance

OnFrame = Callable[[int], None]
"""Called with a frame's index after the frame is done; for progress."""


@dataclass(frozen=True, eq=False)
class Move:
    """What a script wants next.

    Attributes:
        index: On this frame. Scripts never go back.
        box: Start there with this box; None: update.
    """

    index: int
    box: Box | None = None


Answer = tuple[Box, tuple[int, int]]
"""The tracker's box (for a start: the given one), and the picture's (width, height)."""
Script = Generator[Move, Answer, None]
"""Yields moves, is sent the answer to each, and ends with the sequence."""


@dataclass(eq=False)
class Record:
    """The rows of a trajectory in the making, one for each of n frames.

    Whoever drives a script writes the rows of its moves before it sends the answer; the protocol then changes what it
    judges otherwise (failures). Frames never reached stay SKIPPED.

    Attributes:
        n_frames: n.
        repetition: Which one it is, from 1.
        boxes: n x 4; NaN where there is none.
        states: n values of `FrameState`.
        seconds: n; NaN where nothing was timed.
    """

    n_frames: int
    repetition: int = 1
    boxes: np.ndarray[Any, np.dtype[np.float64]] = field(init=False)
    states: np.ndarray[Any, np.dtype[np.int8]] = field(init=False)
    seconds: np.ndarray[Any, np.dtype[np.float64]] = field(init=False)

    def __post_init__(self) -> None:
        self.boxes = np.full((self.n_frames, 4), np.nan)
        self.states = np.full(self.n_frames, FrameState.SKIPPED, dtype=np.int8)
        self.seconds = np.full(self.n_frames, np.nan)

    def started(self, index: int) -> None:
        """Write the row of a start: it has no box of the tracker's."""
        self.states[index] = FrameState.INIT

    def tracked(self, index: int, box: Box) -> None:
        """Write the row of an update."""
        self.states[index] = FrameState.TRACKED
        self.boxes[index] = box

    def lost(self, index: int) -> None:
        """Judge a row to be a failure."""
        self.states[index] = FrameState.FAILURE
        self.boxes[index] = np.nan

    def trajectory(self) -> Trajectory:
        """The rows as written so far."""
        return Trajectory(boxes=self.boxes, states=self.states, seconds=self.seconds)


class TrackingProtocol(Protocol):
    """When a tracker is started, restarted and repeated.

    Attributes:
        name: Registered name.
        family: Which raw format and metrics apply, a name in `results.layouts.LAYOUTS`.
        repetitions: Most repetitions per sequence; where that differs, of a sequence of unknown length.
        enough_equal: So many repetitions are enough if they are equal: what a deterministic tracker needs.
        timed: Whether the boxes depend on the tracker's seconds, so that nothing may be advanced in lockstep.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def family(self) -> str: ...  # noqa: D102
    @property
    def repetitions(self) -> int: ...  # noqa: D102
    @property
    def enough_equal(self) -> int: ...  # noqa: D102
    @property
    def timed(self) -> bool: ...  # noqa: D102

    def count(self, sequence: Sequence) -> int:
        """Most repetitions of this sequence."""

    def span(self, sequence: Sequence, repetition: int) -> range:
        """The frames that a repetition (from 1) covers, in its order: all of them, unless runs begin in the middle."""

    def parameters(self) -> dict[str, Any]:
        """Everything the results depend on, JSON-able; part of a run's identity."""

    def needed(self, repetition: int, tracker: Tracker) -> bool:
        """Tell whether this repetition (from 1) of this tracker says anything new."""

    def settled(self, done: Many[Trajectory]) -> bool:
        """Tell whether the repetitions done so far make further ones needless."""

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say frame by frame what happens in one repetition.

        Args:
            sequence: The part that the repetition covers, with ground truth; frames are not looked at.
            record: Where the driver has written each answer before it is sent; failures are marked there.

        Raises:
            DataError: The ground truth cannot be used.
        """

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run one repetition with one tracker, and take the time.

        Args:
            tracker: Anything with init and update.
            sequence: The whole sequence, with frames and ground truth.
            repetition: From 1; changes the seeds.
            seed: Of the whole run.
            on_frame: Called after every frame.

        Raises:
            DataError: A frame or the ground truth cannot be used.
            TrackerError: The tracker returned something that is no box.
        """


class _Repeats(Protocol):
    @property
    def repetitions(self) -> int: ...


class WholeSequences:
    """What most protocols have in common: every repetition covers the whole sequence, and seconds change no box."""

    timed: ClassVar[bool] = False

    def count(self: _Repeats, sequence: Sequence) -> int:  # noqa: ARG002 - the same for all sequences
        """Most repetitions of this sequence."""
        return self.repetitions

    def span(self, sequence: Sequence, repetition: int) -> range:  # noqa: ARG002 - the same for all repetitions
        """All frames."""
        return range(len(sequence))


def is_finished(protocol: TrackingProtocol, sequence: Sequence, done: Many[Trajectory]) -> bool:
    """Tell whether the repetitions of a sequence that are done are all that are needed."""
    return len(done) >= protocol.count(sequence) or protocol.settled(done)


def in_parts(protocol: TrackingProtocol, sequence: Sequence) -> bool:
    """Tell whether repetitions of a sequence cover other frames than its first one does."""
    return protocol.span(sequence, protocol.count(sequence)) != protocol.span(sequence, 1)


def frames_to_track(protocol: TrackingProtocol, sequence: Sequence, repetitions: range) -> int:
    """Count the frames of some repetitions (from 1) of a sequence."""
    return sum(len(protocol.span(sequence, repetition)) for repetition in repetitions)


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


def next_move(script: Script, answer: Answer | None = None) -> Move | None:
    """Tell a script the answer to its last move (None before the first); returns the next one, None at the end.

    Here alone a script is resumed, so that a StopIteration that a tracker lets out is never taken for the end.
    """
    try:
        return next(script) if answer is None else script.send(answer)
    except StopIteration:
        return None


def checked_box(answer: object, tracker: str, place: str) -> Box:
    """A tracker's answer as a box.

    Raises:
        TrackerError: It is not four finite numbers; names the tracker and the place.
    """
    try:
        box = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.shape != (4,) or not np.isfinite(box).all():
        shown = repr(answer)
        raise TrackerError(
            f"{tracker} returned {shown if len(shown) <= 80 else shown[:77] + '...'} {place}",
            remedy="update(frame) must return four finite numbers (x, y, w, h)",
        )
    return box


@dataclass(eq=False)
class Pass:
    """One repetition in the making with one tracker: calls it, takes the time, and fills the rows of a trajectory."""

    tracker: Tracker
    sequence: Sequence
    repetition: int
    seed: int
    on_frame: OnFrame | None = None
    record: Record = field(init=False)

    def __post_init__(self) -> None:
        self.frames = frames_of(self.sequence)
        self.record = Record(len(self.sequence), self.repetition)

    def follow(self, protocol: TrackingProtocol) -> Trajectory:
        """Do what the protocol's script says, to its end."""
        script = protocol.moves(self.sequence, self.record)
        move = next_move(script)
        while move is not None:
            answer = self.step(move.index) if move.box is None else self.start(move.index, move.box)
            move = next_move(script, answer)
        return self.trajectory()

    def start(self, index: int, box: Box) -> Answer:
        """Initialise the tracker on frame `index` with `box` (it gets a copy), after telling it its seed."""
        frame = self.frames[index]
        if uses_chance(self.tracker):
            self.tracker.seed(stable_seed(self.seed, self.sequence.name, self.repetition, index))
        if sees_the_answer(self.tracker):
            self.tracker.begin(self.sequence, index)
        begin = perf_counter()
        with self._named_frame(index):
            self.tracker.init(frame, np.array(box, dtype=np.float64))
        self.record.seconds[index] = perf_counter() - begin
        self.record.started(index)
        self._report(index)
        return box, picture_size(frame)

    def step(self, index: int) -> Answer:
        """Update the tracker with frame `index`; returns its box and the picture's (width, height).

        Raises:
            TrackerError: The box is not four finite numbers.
        """
        frame = self.frames[index]
        begin = perf_counter()
        with self._named_frame(index):
            answer = self.tracker.update(frame)
        self.record.seconds[index] = perf_counter() - begin
        box = checked_box(answer, type(self.tracker).__name__, f"in frame {index} of {self.sequence.name}")
        self.record.tracked(index, box)
        self._report(index)
        return box, picture_size(frame)

    def trajectory(self) -> Trajectory:
        """The rows as filled so far; frames that were never reached are SKIPPED."""
        return self.record.trajectory()

    def _report(self, index: int) -> None:
        if self.on_frame is not None:
            self.on_frame(index)

    def _named_frame(self, index: int) -> _NamedFrame:
        return _NamedFrame(place_of(self.sequence, index, self.repetition))


def picture_size(frame: Frame) -> tuple[int, int]:
    """(width, height)."""
    return frame.shape[1], frame.shape[0]


def place_of(sequence: Sequence, index: int, repetition: int) -> str:
    """Where something happened, in words; the frame counts from the start of the whole sequence."""
    frame = sequence.frames.chosen[index] if isinstance(sequence.frames, SomeFrames) else index
    return f"in frame {frame} of {sequence.name}, repetition {repetition}"


@dataclass(frozen=True)
class _NamedFrame:
    """Adds the place to an exception that a tracker lets out, without changing it."""

    place: str

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            error.add_note(self.place)
