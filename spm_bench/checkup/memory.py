"""Checks of what a tracker remembers: nothing of the sequence before, nothing of chance that its seed does not set."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from spm_bench.checkup.findings import ERROR, NOTE, WARNING, Finding
from spm_bench.checkup.patient import BrokeError, Patient, largest_gap
from spm_bench.checkup.videos import drifting, other
from spm_bench.suites.base import FloatArray
from spm_bench.trackers.base import uses_chance

AGAIN = 5
"""Frames after which a tracker is started anew in the middle of a video, as VOT's protocol does after a failure."""


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
    if patient.is_program:
        return  # each of the two was another process, and there is no class that could call itself deterministic
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


def repeats(patient: Patient) -> bool:
    """Tell whether two runs agree: else nothing can be told from a third that differs."""
    return largest_gap(patient.usual, patient.follow(drifting()))[0] == 0


def _elsewhere(patient: Patient) -> FloatArray:
    context = multiprocessing.get_context("spawn")
    try:
        with _no_false_main(), ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(_follow, patient).result()
    except BrokenProcessPool as error:
        raise BrokeError("another process that runs it died") from error


@contextmanager
def _no_false_main() -> Iterator[None]:
    """Let the other process not look for the file of a script that came from standard input."""
    main = sys.modules["__main__"]
    named = getattr(main, "__file__", None)
    if named is None or Path(named).exists():
        yield
        return
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = named


def _follow(patient: Patient) -> FloatArray:
    return patient.follow(drifting())
