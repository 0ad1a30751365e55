"""What a person sees while trackers run: bars on a terminal, a few lines elsewhere, all on stderr."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from spm_bench.words import clock

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal: a log of a long run stays readable."""


class Progress(Protocol):
    """Told by the runner what happens."""

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:
        """So much is to do: the sequences of all trackers together."""

    def frames(self, count: int) -> None:
        """So many more frames are done inside repetitions; negative: these are now told by `repetition`, or lost."""

    def repetition(self, frames: int, expected: int) -> None:
        """A repetition of so many frames is done; so many frames are expected to remain, with those begun."""

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        """A sequence is done, or broke with this problem."""

    def tracker(self, label: str) -> None:
        """A tracker is through with all its sequences."""

    def end(self) -> None:
        """Nothing more comes."""


class Quiet:
    """Says nothing but what broke."""

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:
        """Say nothing."""

    def frames(self, count: int) -> None:
        """Say nothing."""

    def repetition(self, frames: int, expected: int) -> None:
        """Say nothing."""

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        """Report a failure."""
        if problem:
            print(f"{label} failed on {name}: {problem}", file=sys.stderr)

    def tracker(self, label: str) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


@dataclass
class _Count:
    """How far it is."""

    sequences: int
    trackers: int
    left: int
    noun: str = "trackers"
    sequences_done: int = 0
    trackers_done: int = 0
    frames: int = 0
    inside: int = 0
    """Frames done in repetitions that are not finished; `left` has them still."""
    start: float = field(default_factory=lambda: time.monotonic())

    @property
    def speed(self) -> float:
        """Frames per second since the start."""
        return (self.frames + self.inside) / max(time.monotonic() - self.start, 1e-9)

    @property
    def parts(self) -> str:
        """Trackers, where there are several, and sequences."""
        trackers = f"{self.trackers_done} of {self.trackers} {self.noun}, " if self.trackers > 1 else ""
        return f"{trackers}{self.sequences_done} of {self.sequences} sequences"


class Lines:
    """A line every `LINE_EVERY` seconds, and one for every failure; `noun`: what trackers are called."""

    def __init__(self, stream: TextIO | None = None, noun: str = "trackers") -> None:
        self.stream, self.noun = stream or sys.stderr, noun

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:
        """Start the clock."""
        self._count = _Count(sequences, trackers, frames, self.noun)
        self._last = time.monotonic()
        if sequences:
            who = f"{trackers} {self.noun}, " if trackers > 1 else ""
            what = f"{sequences} sequence{'s' * (sequences != 1)}" + (" in all" if trackers > 1 else "")
            print(f"running {who}{what}, {frames} frames", file=self.stream, flush=True)

    def frames(self, count: int) -> None:
        """Count, and say how far it is if the last line is old enough."""
        self._count.inside += count
        if count > 0 and time.monotonic() - self._last >= LINE_EVERY:
            self._say()

    def repetition(self, frames: int, expected: int) -> None:
        """Count likewise."""
        self._count.frames, self._count.left = self._count.frames + frames, expected
        if time.monotonic() - self._last >= LINE_EVERY:
            self._say()

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        """Count sequences, report failures."""
        self._count.sequences_done += 1
        if problem:
            print(f"{label} failed on {name}: {problem}", file=self.stream, flush=True)

    def tracker(self, label: str) -> None:  # noqa: ARG002 - the count matters, not which
        """Count trackers."""
        self._count.trackers_done += 1

    def end(self) -> None:
        """Sum up."""
        if self._count.frames:
            self._count.left = self._count.inside = 0
            self._say()

    def _say(self) -> None:
        self._last = time.monotonic()
        count = self._count
        left = f", about {clock((count.left - count.inside) / count.speed)} left" if count.left else ""
        print(f"{count.parts}, {count.speed:.1f} frames/s{left}", file=self.stream, flush=True)


class Bars:
    """A bar with trackers (called `noun`), sequences, frames per second and the time left (rich)."""

    def __init__(self, noun: str = "trackers") -> None:
        self.noun = noun
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[parts]}"),
            TextColumn("{task.fields[speed]:.1f} frames/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:
        """Show the bar."""
        self._count = _Count(sequences, trackers, frames, self.noun)
        self._task = self._bar.add_task("running", total=frames, parts=self._count.parts, speed=0.0)
        self._bar.start()

    def frames(self, count: int) -> None:
        """Move the bar; what is taken back is told by `repetition` at once."""
        self._count.inside += count
        if count > 0:
            self._move()

    def repetition(self, frames: int, expected: int) -> None:
        """Move the bar to the end of the repetition."""
        self._count.frames, self._count.left = self._count.frames + frames, expected
        self._move()

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        """Count the sequence; print what broke above the bar."""
        self._count.sequences_done += 1
        self._bar.update(self._task, description=label, parts=self._count.parts)
        if problem:
            self._bar.console.print(f"{label} failed on {name}: {problem}", markup=False, highlight=False)

    def tracker(self, label: str) -> None:  # noqa: ARG002 - the bar names sequences
        """Count the tracker."""
        self._count.trackers_done += 1
        self._bar.update(self._task, parts=self._count.parts)

    def end(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def _move(self) -> None:
        count = self._count
        total, done = count.frames + count.left, count.frames + count.inside
        self._bar.update(self._task, completed=done, total=total, speed=count.speed)


def choose_progress(*, quiet: bool, noun: str = "trackers") -> Progress:
    """Bars if stderr is a terminal, lines if not, only failures if `quiet`; `noun`: what trackers are called."""
    if quiet:
        return Quiet()
    return Bars(noun) if sys.stderr.isatty() else Lines(noun=noun)
