"""Checks of what a tracker remembers: nothing of the sequence before, nothing of chance that its seed does not set."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from spm_bench.checkup.findings import ERROR, NOTE, WARNING, Finding
from spm_bench.checkup.patient import BrokeError, Patient, described, largest_gap
from spm_bench.checkup.videos import Video, drifting, other
from spm_bench.errors import TrackerError
from spm_bench.suites.base import FloatArray
from spm_bench.trackers.base import BatchTracker, Start, uses_chance

AGAIN = 5
"""Frames after which a tracker is started anew in the middle of a video, as VOT's protocol does after a failure."""
SAME = 1e-3
"""Pixels by which a batch may differ from a target alone (see `BatchTracker`)."""


def chance(patient: Patient) -> Iterator[Finding]:
    """Does it do the same twice, here and in another process?"""
    first, second = patient.usual, patient.follow(drifting())
    gap, frame = largest_gap(first, second)
    tracker = patient.fresh()
    claims, seeded = bool(getattr(tracker, "deterministic", False)), uses_chance(tracker)
    if gap > 0:
        evidence = f"two runs on the same pictures differ from frame {frame} on, by up to {gap:.3g} px"
        if claims:
            yield Finding(ERROR, f"it calls itself deterministic, but {evidence}", "Leave out deterministic = True")
        elif seeded:
            yield Finding(
                ERROR, f"{evidence}, though seed() was given the same number", "Draw all chance from the seed"
            )
        else:
            yield Finding(
                WARNING,
                f"{evidence}, and it has no method seed(self, seed)",
                "Add one that sets every generator it uses: a run that was interrupted then repeats exactly",
            )
        return
    elsewhere = _elsewhere(patient)
    gap, frame = largest_gap(first, elsewhere)
    if gap > 0:
        yield Finding(
            WARNING,
            f"another process gets other boxes, from frame {frame} on and by up to {gap:.3g} px",
            "Often the order of a set or of files in a folder: sort them",
        )
    elif not claims and not seeded:
        yield Finding(
            NOTE,
            "it gave the same boxes three times, but does not say that it is deterministic",
            "deterministic = True in the class saves 12 of 15 repetitions under VOT's protocol",
        )


def before(patient: Patient) -> Iterator[Finding]:
    """Does `init` forget everything before it?"""
    used = patient.fresh()
    patient.follow(other(), used)
    gap, frame = largest_gap(patient.usual, patient.follow(drifting(), used))
    if gap > 0:
        yield Finding(
            ERROR,
            f"after another sequence it gives other boxes, from frame {frame} on and by up to {gap:.3g} px",
            "init must set everything that update changes: the engine uses one object for all sequences",
        )
        return
    middle = drifting().part(AGAIN)
    running = patient.fresh()
    patient.follow(drifting(), running)
    gap, frame = largest_gap(patient.follow(middle), patient.follow(middle, running))
    if gap > 0:
        yield Finding(
            ERROR,
            f"started again in the middle of a video it gives other boxes than a new object, from frame {frame} on and "
            f"by up to {gap:.3g} px",
            "init must set everything that update changes: VOT's protocol starts it again after a failure",
        )


def batch(patient: Patient) -> Iterator[Finding]:
    """Do many targets together get what each gets alone?"""
    from spm_bench.trackers.catalog import build_batch

    together = build_batch([patient.spec])
    videos = (drifting(), other(), drifting().part(AGAIN))
    alone = [patient.follow(video) for video in videos]
    worst, place = 0.0, ""
    for index, boxes in enumerate(_together(together, videos), start=1):
        for video, own, box in zip(videos, alone, boxes, strict=True):
            gap = float(np.abs(own[index] - box).max())
            if not gap <= worst:
                worst, place = gap, f"frame {index} of {video.name}"
    if not worst <= SAME:
        yield Finding(
            ERROR,
            f"three targets in a batch get other boxes than alone, by up to {worst:.3g} px ({place})",
            "What one target gets must not depend on the others: look for statistics over the batch",
        )


def _together(tracker: BatchTracker, videos: Sequence[Video]) -> Iterator[FloatArray]:
    """Boxes of one target a video, B x 4 for every frame after the first that all have. Raises as `Patient.follow`."""
    where = "on the first frames of three targets"
    try:
        targets = tracker.start([Start(0, np.array(v.frames[0]), np.array(v.boxes[0])) for v in videos])
        for index in range(1, min(map(len, videos))):
            where = f"in frame {index} of three targets"
            boxes = np.asarray(tracker.advance(targets, [np.array(v.frames[index]) for v in videos]), dtype=np.float64)
            if boxes.shape != (len(videos), 4):
                raise TrackerError(f"advance returned numbers of shape {boxes.shape}, not one box a target")
            yield boxes
    except (Exception, SystemExit) as error:
        raise BrokeError(f"the batch broke {where}: {described(error)}") from error


def repeats(patient: Patient) -> bool:
    """Tell whether two runs agree: else nothing can be told from a third that differs."""
    return largest_gap(patient.usual, patient.follow(drifting()))[0] == 0


def _elsewhere(patient: Patient) -> FloatArray:
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(_follow, patient).result()
    except BrokenProcessPool as error:
        raise BrokeError("another process that runs it died") from error


def _follow(patient: Patient) -> FloatArray:
    return patient.follow(drifting())
