"""Batched trackers for tests, each with the same arithmetic alone and in a batch; importable by worker processes."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from spm_bench.errors import TrackerError, UsageError
from spm_bench.trackers.base import Shared, TrackerSpec

HERE = "tests.engine.batch_fakes"
CALLS = []
"""(what, [(slot_of, frame index, id of the frame)]) of every call to a batch in this process."""


def spec(kind, variant="base", name=None, **options):
    """The description of a tracker of this module."""
    return TrackerSpec(
        name=name or kind, variant=variant, target=f"{HERE}:{kind}", options=options, identity={"code": "fixed"}
    )


def index_of(frame):
    """The frame's number, which `GreyFrames` writes into the first pixel."""
    return int(frame[0, 0, 0])


def moved(box, frame, speed, drift):
    """A box wanders off at its own speed, in a way that depends on the picture: so it is lost and starts again."""
    return box + np.array([speed + drift * np.sin(index_of(frame)), drift, 0, 0])


class Walker:
    """Walks right by `speed` pixels a frame; in frame `breaks_in` it raises, dies or answers nonsense (`how`)."""

    deterministic = True
    limit = 5

    def __init__(self, speed=1.0, drift=0.0, breaks_in=-1, how="raise", only_wide=False, unusable=False):
        if unusable:
            raise UsageError("these settings cannot be used")
        self.speed, self.drift, self.breaks_in, self.how = speed, drift, breaks_in, how
        self.only_wide = only_wide
        self.pause = float(os.environ.get("SPM_TEST_PAUSE", "0"))  # no part of a run's identity

    def init(self, frame, box):
        if index_of(frame) == self.breaks_in and self.how == "start":
            raise TrackerError("cannot start here")
        self.box = np.array(box)

    def update(self, frame):
        self.box = self.after(self.box, frame)
        return self.box

    def after(self, box, frame):
        """The next box; anything may happen on the way."""
        time.sleep(self.pause)
        if index_of(frame) == self.breaks_in and not (self.only_wide and frame.shape[1] <= 64):
            if self.how == "raise":
                raise ZeroDivisionError("here I break")
            if self.how == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "nonsense":
                return np.full(4, np.nan)
        return moved(box, frame, self.speed, self.drift)

    @classmethod
    def batched(cls, options):
        return WalkerBatch([cls(**option) for option in options], cls.limit)


class WalkerBatch:
    """Walkers side by side; equal ones (settings, box, picture) are computed once."""

    def __init__(self, walkers, limit):
        self.walkers, self.capacity, self.shared = walkers, limit, Shared()

    def start(self, starts):
        CALLS.append(("start", [(s.slot_of, index_of(s.frame), id(s.frame)) for s in starts]))
        for start in starts:
            self.walkers[start.slot_of].init(start.frame, start.box)
        return [[start.slot_of, np.array(start.box)] for start in starts]

    def advance(self, targets, frames):
        asked = list(zip(targets, frames, strict=True))
        CALLS.append(("advance", [(slot, index_of(frame), id(frame)) for (slot, _), frame in asked]))
        computed = {}
        for (slot, box), frame in asked:
            walker = self.walkers[slot]
            key = (walker.speed, walker.drift, walker.breaks_in, tuple(box), id(frame))
            if key not in computed:
                computed[key] = walker.after(box, frame)
        for target, frame in asked:
            walker = self.walkers[target[0]]
            target[1] = computed[walker.speed, walker.drift, walker.breaks_in, tuple(target[1]), id(frame)]
        self.shared.asked += len(asked)
        self.shared.computed += len(computed)
        return np.array([box for _, box in targets])


class Crowded(Walker):
    """Its batch has room for more targets than it can really move at once."""

    limit = 8

    @classmethod
    def batched(cls, options):
        return CrowdedBatch([cls(**option) for option in options], cls.limit)


class CrowdedBatch(WalkerBatch):
    def advance(self, targets, frames):
        if len(targets) > 3:
            CALLS.append(("full", []))
            raise MemoryError("too many at once")
        return super().advance(targets, frames)


class Forgetful(Walker):
    """Its batch loses an answer in frame 3."""

    @classmethod
    def batched(cls, options):
        return ForgetfulBatch([cls(**option) for option in options], cls.limit)


class ForgetfulBatch(WalkerBatch):
    def advance(self, targets, frames):
        boxes = super().advance(targets, frames)
        return boxes[:-1] if any(index_of(frame) == 3 for frame in frames) else boxes


class Gambler(Walker):
    """Says nothing about being deterministic: its repetitions are run, though they come out equal here."""

    deterministic = False


class Seeded(Walker):
    """Uses chance from the engine's seeds, so each of its targets needs a tracker of its own."""

    deterministic = False

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def after(self, box, frame):
        return super().after(box, frame) + np.array([*self.rng.normal(size=2), 0, 0])
