"""Checks of the interface: two methods, nothing more asked for, no answer told, nothing of the caller's changed."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath

import numpy as np

from spm_bench.checkup.findings import ERROR, NOTE, WARNING, Finding
from spm_bench.checkup.patient import BrokeError, Patient, largest_gap, start
from spm_bench.checkup.videos import drifting
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import sees_the_answer
from spm_bench.trackers.trax import TraxTracker
from spm_bench.trackers.trax.session import FAREWELL

Findings = Iterator[Finding]

ANNOTATIONS = ("groundtruth", "ground_truth", "gt.txt", "annotations", "anno")
"""Parts of the names of files and folders that hold answers in OTB, VOT, GOT-10k, LaSOT and their kin."""
DECOYS = ("groundtruth.txt", "groundtruth_rect.txt")
DECOYED = (-70.0, 45.0)
"""Pixels by which the boxes in such a file are off."""
GIVEN = {"init": ("frame", "box"), "update": ("frame",)}
"""What the engine passes."""

_opened: list[str] | None = None
"""Files opened while a watch is on; None when it is off. Audit hooks cannot be taken away again."""
_hooked = False


def methods(patient: Patient) -> Findings:
    """Does it ask for more than a frame, and at the start a box?"""
    tracker = patient.fresh()
    if sees_the_answer(tracker):
        yield Finding(
            ERROR,
            "it has a method begin(sequence, index), by which it is told the ground truth",
            "That is for the oracle alone; give the method another name",
        )
        return
    for name, given in GIVEN.items():
        try:
            signature = inspect.signature(getattr(tracker, name))
        except (TypeError, ValueError):
            continue  # compiled, and silent about it: the run will tell
        try:
            signature.bind(*given)
        except TypeError:
            yield Finding(
                ERROR,
                f"{name}{signature} is called with {' and '.join(given)} only",
                "A tracker sees pictures and the first box; whatever else it needs is an argument with a default",
            )


def runs(patient: Patient) -> Findings:
    """Does it get through a short, easy video?"""
    try:
        patient.usual  # noqa: B018 - computed when asked for
    except BrokeError as error:
        yield Finding(ERROR, str(error), "The other checks need a tracker that runs")
        return
    tracker = patient.fresh()
    if isinstance(tracker, TraxTracker):
        patient.follow(drifting(), tracker)
        if not tracker.close():
            yield Finding(
                WARNING,
                f"told to quit, it went on running and was killed after {FAREWELL:g} s",
                "A program over TraX ends when it reads @@TRAX:quit or its standard input ends",
            )


def answers(patient: Patient) -> Findings:
    """Does it read a file that may hold the truth?"""
    if patient.is_program:
        yield from _decoyed(patient)
        return
    with _watched() as opened:
        patient.follow(drifting())
    if found := sorted({path for path in opened if _holds_answers(path)}):
        yield Finding(
            ERROR,
            f"it opens {found[0]} while it tracks, a file that by its name holds annotations",
            "A tracker gets the first box only",
        )


def _decoyed(patient: Patient) -> Findings:
    """Of a program: do its boxes change where a file with other boxes lies beside its pictures?"""
    tracker = patient.fresh()
    assert isinstance(tracker, TraxTracker)
    false = drifting().boxes + np.array([*DECOYED, 0, 0])
    text = "".join(",".join(f"{value:.2f}" for value in box) + "\n" for box in false)
    tracker.beside = dict.fromkeys(DECOYS, text)
    gap, first = largest_gap(patient.usual, patient.follow(drifting(), tracker))
    if gap > 0 and largest_gap(patient.usual, patient.follow(drifting()))[0] == 0:
        yield Finding(
            ERROR,
            f"with a file {DECOYS[0]} of wrong boxes beside its pictures it gives other boxes, from frame {first} on "
            f"and by up to {gap:.3g} px: it reads the ground truth",
            "A tracker gets the first box only",
        )


def arguments_kept(patient: Patient) -> Findings:
    """Does it change the pictures or the box it is given, or look at them after they are gone?"""
    video = drifting()
    given: list[tuple[Frame, Frame]] = []

    def remember(frame: Frame) -> Frame:
        own = np.array(frame)
        given.append((own, frame))
        return own

    honest = patient.follow(video, hand_over=remember)
    drawn = [i for i, (own, frame) in enumerate(given) if not np.array_equal(own, frame)]
    if drawn:
        yield Finding(
            WARNING,
            f"it writes into the picture it is given (first in frame {drawn[0]})",
            "Other trackers may be shown the same array: work on frame.copy()",
        )
    box = np.array(video.boxes[0])
    start(patient.fresh(), np.array(video.frames[0]), box, video.name)
    if not np.array_equal(box, video.boxes[0]):
        yield Finding(WARNING, "init changes the box it is given", "Work on a copy of the box")
    buffer = np.empty_like(video.frames[0])

    def refill(frame: Frame) -> Frame:
        buffer[...] = frame
        return buffer

    gap, first = largest_gap(honest, patient.follow(video, hand_over=refill))
    repeated, _ = largest_gap(honest, patient.follow(video))
    if gap > 0 and repeated == 0:
        yield Finding(
            NOTE,
            f"its boxes change, from frame {first} on and by up to {gap:.2g} px, where all pictures come in one array "
            "that is filled anew, as video readers do: it keeps a view of the last picture",
            "Keep frame.copy(), or what was computed from it",
        )


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Note the files that are opened inside the block."""
    global _opened, _hooked
    if not _hooked:
        sys.addaudithook(_note)
        _hooked = True
    _opened = []
    try:
        yield _opened
    finally:
        _opened = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _opened is not None and event == "open" and isinstance(arguments[0], str | bytes):
        path = arguments[0]
        _opened.append(path.decode(errors="replace") if isinstance(path, bytes) else path)


def _holds_answers(path: str) -> bool:
    parts = [part.casefold() for part in PurePath(path).parts[-2:]]
    names = PurePath(path).suffix not in {".py", ".pyc", ".so"}
    return names and any(mark in part for part in parts for mark in ANNOTATIONS)
