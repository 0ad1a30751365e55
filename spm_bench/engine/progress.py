"""What a person sees while trackers run: bars on a terminal, a few lines elsewhere, all on stderr."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal: a log of a long run stays readable."""


class Progress(Protocol):
    """Told by the runner what happens."""

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:
        """So much is to do: the sequences of all trackers together."""

    def frame(self, index: int) -> None:
        """A frame is done, somewhere inside a repetition."""

    def repetition(self, frames: int, expected: int) -> None:
        """A repetition of so many frames is done; so many frames are expected to remain."""

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        """A sequence is done, or broke with this problem."""

    def end(self) -> None:
        """Nothing more comes."""


class Quiet:
    """Says nothing but what broke."""

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:
        """Say nothing."""

    def frame(self, index: int) -> None:
        """Say nothing."""

    def repetition(self, frames: int, expected: int) -> None:
        """Say nothing."""

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        """Report a failure."""
        if problem:
            print(f"{label} failed on {name}: {problem}", file=sys.stderr)

    def end(self) -> None:
        """Say nothing."""


class Lines:
    """A line every `LINE_EVERY` seconds, and one for every failure."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:
        """Start the clock."""
        self._sequences, self._left = sequences, frames
        self._done = self._frames = 0
        self._start = self._last = time.monotonic()
        if sequences:
            who = f"{trackers} trackers, " if trackers > 1 else ""
            what = f"{sequences} sequence{'s' * (sequences != 1)}" + (" in all" if trackers > 1 else "")
            print(f"running {who}{what}, {frames} frames", file=self.stream, flush=True)

    def frame(self, index: int) -> None:
        """Count nothing: a repetition is fine enough."""

    def repetition(self, frames: int, expected: int) -> None:
        """Count frames, and say how far it is if the last line is old enough."""
        self._frames, self._left = self._frames + frames, expected
        if time.monotonic() - self._last >= LINE_EVERY:
            self._say()

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        """Count sequences, report failures."""
        self._done += 1
        if problem:
            print(f"{label} failed on {name}: {problem}", file=self.stream, flush=True)

    def end(self) -> None:
        """Sum up."""
        if self._frames:
            self._left = 0
            self._say()

    def _say(self) -> None:
        self._last = time.monotonic()
        speed = self._frames / max(self._last - self._start, 1e-9)
        left = f", about {_clock(self._left / speed)} left" if self._left else ""
        text = f"{self._done} of {self._sequences} sequences, {speed:.1f} frames/s{left}"
        print(text, file=self.stream, flush=True)


class Bars:
    """A bar with sequences, frames per second and the time left (rich)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[sequences]} sequences"),
            TextColumn("{task.fields[speed]:.1f} frames/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:  # noqa: ARG002 - the bar names them
        """Show the bar."""
        self._sequences, self._done, self._frames, self._inside = sequences, 0, 0, 0
        self._start = time.monotonic()
        self._task = self._bar.add_task("running", total=frames, sequences=f"0/{sequences}", speed=0.0)
        self._bar.start()

    def frame(self, index: int) -> None:  # noqa: ARG002 - the count matters, not which
        """Move the bar."""
        self._inside += 1
        self._move()

    def repetition(self, frames: int, expected: int) -> None:
        """Move the bar to the end of the repetition."""
        self._frames, self._inside = self._frames + frames, 0
        self._move(self._frames + expected)

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        """Count the sequence; print what broke above the bar."""
        self._done += 1
        self._inside = 0
        self._bar.update(self._task, description=label, sequences=f"{self._done}/{self._sequences}")
        if problem:
            self._bar.console.print(f"{label} failed on {name}: {problem}", markup=False, highlight=False)

    def end(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def _move(self, total: int | None = None) -> None:
        done = self._frames + self._inside
        speed = done / max(time.monotonic() - self._start, 1e-9)
        self._bar.update(self._task, completed=done, total=total, speed=speed)


def choose_progress(*, quiet: bool) -> Progress:
    """Bars if stderr is a terminal, lines if not, only failures if `quiet`."""
    if quiet:
        return Quiet()
    return Bars() if sys.stderr.isatty() else Lines()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
