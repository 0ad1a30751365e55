"""What a person sees while files come: a bar on a terminal, a line now and then elsewhere, all on stderr."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

from spm_bench.words import amount, clock

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Meter(Protocol):
    """Told by a download what happens."""

    def begin(self, name: str, total: int | None, done: int) -> None:
        """A file of so many bytes comes (None: the server does not say), of which so many are here."""

    def advance(self, n_bytes: int) -> None:
        """So many more bytes are here."""

    def note(self, text: str) -> None:
        """Something worth telling happened: a retry, a file that changed."""

    def end(self) -> None:
        """The file is here, or given up."""


class Silent:
    """Says nothing."""

    def begin(self, name: str, total: int | None, done: int) -> None:
        """Say nothing."""

    def advance(self, n_bytes: int) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


class Lines:
    """Notes, and a line for every file that takes longer than `LINE_EVERY` seconds."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._name = ""

    def begin(self, name: str, total: int | None, done: int) -> None:
        """Start the clock."""
        self._name, self._total, self._done, self._came = name, total, done, 0
        self._start = self._last = time.monotonic()

    def advance(self, n_bytes: int) -> None:
        """Count, and say how far it is if the last line is old enough."""
        self._came += n_bytes
        now = time.monotonic()
        if now - self._last >= LINE_EVERY:
            self._last = now
            print(self._state(now - self._start), file=self.stream, flush=True)

    def note(self, text: str) -> None:
        """Say it."""
        print(f"{self._name}: {text}" if self._name else text, file=self.stream, flush=True)

    def end(self) -> None:
        """Forget the file."""
        self._name = ""

    def _state(self, seconds: float) -> str:
        here, speed = self._done + self._came, self._came / max(seconds, 1e-9)
        if self._total is None:
            return f"{self._name}: {amount(here)}, {amount(speed)}/s"
        left = f", about {clock((self._total - here) / speed)} left" if speed else ""
        return f"{self._name}: {amount(here)} of {amount(self._total)}, {amount(speed)}/s{left}"


class Bar:
    """A bar with the file, bytes, speed and the time left (rich)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: list[object] = []

    def begin(self, name: str, total: int | None, done: int) -> None:
        """Show the bar."""
        self.end()
        self._task = self._bar.add_task(name, total=total, completed=done)
        self._tasks.append(self._task)
        self._bar.start()

    def advance(self, n_bytes: int) -> None:
        """Move the bar."""
        self._bar.advance(self._task, n_bytes)

    def note(self, text: str) -> None:
        """Print it above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def end(self) -> None:
        """Take the bar away."""
        if self._tasks:
            self._tasks.clear()
            self._bar.remove_task(self._task)
        self._bar.stop()


def choose_meter(*, quiet: bool = False) -> Meter:
    """A bar if stderr is a terminal, lines if not, nothing if `quiet`."""
    if quiet:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()
