"""Checks of what shows in long or odd runs: memory that grows, speed, and pictures that break a tracker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from spm_bench.checkup.findings import ERROR, NOTE, WARNING, Finding
from spm_bench.checkup.patient import BrokeError, Patient, start, update
from spm_bench.checkup.videos import Video, drifting
from spm_bench.suites.base import FloatArray, Frame
from spm_bench.trackers.base import Tracker
from spm_bench.trackers.stopwatch import devices_of, parts_of, waiter
from spm_bench.trackers.trax import TraxTracker
from spm_bench.trackers.trax.session import processes_of

LEAK = 16 * 1024
"""Bytes per frame, above which growth is one: a fifteenth of a small picture."""
ROUNDS, EACH = 8, 25
"""Memory is read after so many rounds of so many frames; the first rounds fill caches and do not count."""
SETTLED = 3
SLOWER = 0.9
"""Share of the stated speed that counts as kept: machines are noisy."""


def leak(patient: Patient, *, seconds: float = 20.0) -> Iterator[Finding]:
    """Does its memory grow with every frame, or with every start?

    Args:
        patient: The tracker.
        seconds: After so many seconds it goes on no longer, and tells from what there is.
    """
    video, tracker = drifting(), patient.fresh()
    who = "program" if patient.is_program else "process"
    start(tracker, np.array(video.frames[0]), np.array(video.boxes[0]), video.name)

    def frames(count: int) -> None:
        for i in range(count):
            update(tracker, np.array(video.frames[1 + i % (len(video) - 1)]), "while memory was watched")

    def starts(count: int) -> None:
        for _ in range(count):
            start(tracker, np.array(video.frames[0]), np.array(video.boxes[0]), video.name)

    def sized() -> int:
        session = tracker.session if isinstance(tracker, TraxTracker) else None
        return _resident([os.getpid()] if session is None else processes_of(session.pid))

    for what, work in (("frame", frames), ("start", starts)):
        grown = _growth(work, seconds, sized)
        if grown is not None and grown > LEAK:
            yield Finding(
                WARNING,
                f"the {who} grows by {grown / 1024:.0f} KiB per {what}, steadily",
                "Something is kept for good, often pictures in a list or tensors with their graph (torch.no_grad)",
            )


def can_see_memory() -> bool:
    """Tell whether this system says how much memory a process has."""
    return Path("/proc/self/statm").exists()


def _growth(work: Callable[[int], None], seconds: float, sized: Callable[[], int]) -> float | None:
    """Bytes per unit of work; None where it does not grow in every round, or there was no time for enough rounds."""
    begun, sizes = perf_counter(), []
    for _ in range(ROUNDS):
        work(EACH)
        sizes.append(sized())
        if perf_counter() - begun > seconds:
            break
    steps = np.diff(sizes[SETTLED - 1 :])
    if len(steps) < 2 or (steps <= 0).any():
        return None
    return float(np.median(steps)) / EACH


def _resident(processes: Iterable[int]) -> int:
    """Bytes of memory of some processes, on Linux."""
    pages = (int(Path(f"/proc/{process}/statm").read_text().split()[1]) for process in processes)
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Speed:
    """Milliseconds of the first start and of an update (median, the first few left out), and frames per second."""

    start: float
    update: float

    @property
    def fps(self) -> float:
        """Updates per second."""
        return 1e3 / self.update if self.update > 0 else float("inf")


def measure(patient: Patient) -> Speed:
    """Time it on the easy video, twice through, waiting for its device."""
    video, tracker = drifting(), patient.fresh()
    wait, first = waiter(()), 0.0
    seconds: list[float] = []
    for number in range(2):
        begun = perf_counter()
        start(tracker, np.array(video.frames[0]), np.array(video.boxes[0]), video.name)
        wait()
        first = first or 1e3 * (perf_counter() - begun)
        if number == 0:  # now that it has computed something it is known where
            update(tracker, np.array(video.frames[1]), "while it was timed")
            wait = waiter(devices_of(parts_of(tracker)))
        for frame in video.frames[2:]:
            own = np.array(frame)
            begun = perf_counter()
            update(tracker, own, "while it was timed")
            wait()
            seconds.append(perf_counter() - begun)
    return Speed(first, 1e3 * float(np.median(seconds[3:])))


def slower(speed: Speed, stated: float) -> Iterator[Finding]:
    """Is it as fast as its author says?"""
    if speed.fps < SLOWER * stated:
        yield Finding(
            WARNING,
            f"it makes {speed.fps:.1f} frames per second here, {stated:g} were stated",
            "State the machine beside the speed, count everything inside update, and wait for the device: "
            "spm-bench bench measures it in full",
        )


@dataclass(frozen=True, eq=False)
class Ordeal:
    """A picture or box that is legal and rare."""

    name: str
    first: Frame
    box: FloatArray
    then: Frame


def ordeals() -> Iterator[Ordeal]:
    """What real sequences contain: cuts to black, tiny targets, targets at and beyond the border, upright pictures."""
    video = drifting()
    picture, box = video.frames[0], video.boxes[0]
    height, width = picture.shape[:2]
    grey = np.full_like(picture, 127)
    x, y, w, h = box
    yield Ordeal("a picture of one colour", picture, box, grey)
    yield Ordeal("a start on a picture of one colour", grey, box, grey)
    yield Ordeal("a target of 2 x 2 pixels", picture, np.array([x + w / 2, y + h / 2, 2.0, 2.0]), picture)
    yield Ordeal("a target of 60 x 2 pixels", picture, np.array([x, y, 60.0, 2.0]), picture)
    yield Ordeal("a box that ends beyond the right border", picture, np.array([width - w / 2, y, w, h]), picture)
    yield Ordeal("a box that begins beyond the upper left corner", picture, np.array([-w / 3, -h / 3, w, h]), picture)
    yield Ordeal("a box as large as the picture", picture, np.array([0.0, 0.0, width, height]), picture)
    narrow = np.ascontiguousarray(picture[:, int(x) : int(x) + max(int(w), 24)])
    yield Ordeal("an upright picture hardly wider than the target", narrow, np.array([2.0, y, w - 4, h]), narrow)


def hardship(patient: Patient) -> Iterator[Finding]:
    """Does it survive rare pictures and boxes?"""
    for ordeal in ordeals():
        tracker: Tracker = patient.fresh()
        try:
            start(tracker, np.array(ordeal.first), np.array(ordeal.box), ordeal.name)
        except BrokeError as error:
            yield Finding(NOTE, str(error), "Such sequences will be reported as failed")
            continue
        try:
            for _ in range(3):
                update(tracker, np.array(ordeal.then), f"on {ordeal.name}")
        except BrokeError as error:
            yield Finding(
                ERROR,
                str(error),
                "update must answer with four finite numbers whatever it sees: repeat the last box",
            )


def outlook(video: Video, speed: Speed) -> str:
    """Speed in words."""
    height, width = video.frames[0].shape[:2]
    return f"{speed.update:.1f} ms per frame of {width} x {height} ({speed.fps:.0f} fps), init {speed.start:.0f} ms"
