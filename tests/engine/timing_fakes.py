"""A clock that stands still unless somebody works, and pictures and trackers that take as long as they are told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import TrackerSpec
from tests.engine.fakes import suite

HERE = "tests.engine.timing_fakes"


class Clock:
    """Seconds pass only by `work`; `log` says who worked."""

    def __init__(self):
        self.now, self.log, self.slowness = 0.0, [], 1.0

    def __call__(self):
        return self.now

    def work(self, seconds, who=""):
        self.now += seconds * self.slowness
        self.log.append(who)


CLOCK = Clock()


@dataclass(frozen=True)
class SlowFrames:
    """n pictures; each takes some seconds to decode."""

    n: int
    seconds: float = 0.002

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        CLOCK.work(self.seconds, "decode")
        frame = np.zeros((24, 32, 3), dtype=np.uint8)
        frame[0, 0] = index
        return frame


def videos(*lengths, **more):
    """A suite of such videos, called a, b, ..."""
    made = [
        Sequence(chr(97 + i), np.full((n, 4), 5.0), SlowFrames(n), image_size=(32, 24)) for i, n in enumerate(lengths)
    ]
    return suite(*made, **more)


def spec(kind, name=None, **options):
    return TrackerSpec(name=name or kind, target=f"{HERE}:{kind}", options=options, identity={"code": "fixed"})


class Steady:
    """Works `seconds` per update, and `cold` more in the first `cold_frames` after a start."""

    def __init__(self, seconds=0.010, start=0.1, cold=0.0, cold_frames=0, who="steady"):
        self.seconds, self.start, self.cold, self.cold_frames, self.who = seconds, start, cold, cold_frames, who

    def init(self, frame, box):
        self.box, self.updates = box, 0
        CLOCK.work(self.start, f"{self.who} init {frame[0, 0, 0]}")

    def update(self, _):
        self.updates += 1
        CLOCK.work(self.seconds + self.cold * (self.updates <= self.cold_frames), self.who)
        return self.box


class Inner(torch.nn.Module):
    def forward(self, x):
        CLOCK.work(0.002, "inner")
        return x


class Outer(torch.nn.Module):
    """3 ms of its own around the inner one."""

    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        CLOCK.work(0.003, "outer")
        return self.inner(x)


class Networked(Steady):
    """Of each update, 7 ms are inside its network: the whole (with its part inside) once, the part alone once more."""

    def __init__(self, seconds=0.010, around=False, broken_at=None):
        super().__init__(seconds, who="net")
        self.outer, self.around, self.broken_at = Outer(), around, broken_at

    def network_parts(self):
        return [self.outer, self.outer.inner]

    def init(self, frame, box):
        super().init(frame, box)
        self.outer(frame)

    def update(self, frame):
        if self.updates == self.broken_at:
            raise ZeroDivisionError("no more")
        if self.around:  # past the modules' hooks
            CLOCK.work(0.007, "net")
        else:
            self.outer(frame)
            self.outer.inner(frame)
        return super().update(frame)


class Chancy(Steady):
    """Tells its seed and the sequence it is told."""

    def seed(self, seed):
        CLOCK.work(0, f"seed {seed}")

    def begin(self, sequence, index):
        CLOCK.work(0, f"begin {sequence.name} {index}")


class Wrong:
    """Returns what it is told."""

    def __init__(self, answer=()):
        self.answer = answer

    def init(self, frame, box):
        pass

    def update(self, _):
        if self.answer == "leave":
            raise SystemExit(3)
        return self.answer
