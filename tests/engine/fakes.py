"""Small sequences and scripted trackers, importable by worker processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spm_bench.errors import DataError
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.loading import fingerprint
from spm_bench.trackers.base import TrackerSpec

HERE = "tests.engine.fakes"


@dataclass(frozen=True)
class GreyFrames:
    """n pictures whose first pixel tells the frame; optionally one of them is broken."""

    n: int
    size: tuple[int, int] = (64, 48)
    broken: int | None = None

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        if index == self.broken:
            raise DataError("the picture cannot be decoded", where=f"{index:08d}.jpg")
        frame = np.full((self.size[1], self.size[0], 3), 128, dtype=np.uint8)
        frame[0, 0] = index % 256
        return frame


def sequence(name="ball", n=12, broken=None, polygons=False, size=(64, 48)):
    """A box that moves one pixel per frame."""
    boxes = np.array([[8.0 + i % 30, 10.0, 12.0, 9.0] for i in range(n)])
    corners = None
    if polygons:
        x, y, w, h = boxes.T
        corners = np.stack([x + w / 2, y, x + w, y + h / 2, x + w / 2, y + h, x, y + h / 2], axis=1)
    return Sequence(name, boxes, GreyFrames(n, size, broken), polygons=corners, image_size=size)


def suite(*sequences, family="otb", protocol="one_pass", name="toys", **more):
    """A complete suite of the given sequences."""
    return Suite(
        name=name,
        title="Toys",
        family=family,
        protocol=protocol,
        sequences=sequences,
        n_total=len(sequences),
        fingerprint=fingerprint(sequences),
        **more,
    )


def spec(kind, name=None, **options):
    """The description of a tracker of this module."""
    return TrackerSpec(name=name or kind, target=f"{HERE}:{kind}", options=options, identity={"code": "fixed"})


class Still:
    """Stays where it started, and counts what it was asked."""

    deterministic = True

    def __init__(self):
        self.calls = []

    def init(self, frame, box):
        self.box = np.array(box)
        self.calls.append(("init", int(frame[0, 0, 0])))

    def update(self, frame):
        self.calls.append(("update", int(frame[0, 0, 0])))
        return self.box


class Jitter:
    """Wanders by chance, from the engine's seed; as slow as SPM_TEST_PAUSE says (no part of a run's identity)."""

    def __init__(self, step=0.3):
        self.pause, self.step = float(os.environ.get("SPM_TEST_PAUSE", "0")), step

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def init(self, _, box):
        self.box = np.array(box)

    def update(self, _):
        time.sleep(self.pause)
        self.box[:2] += self.rng.normal(scale=self.step, size=2)
        return self.box


class Scripted:
    """Returns the answers it is given, one per frame index."""

    def __init__(self, answers=()):
        self.answers = answers

    def init(self, frame, box):
        pass

    def update(self, frame):
        return self.answers[int(frame[0, 0, 0])]


class Fragile(Still):
    """Raises, ends or kills its process, on pictures wider than 64 pixels."""

    def __init__(self, die=False, leave=False):
        super().__init__()
        self.die, self.leave = die, leave

    def update(self, frame):
        if frame.shape[1] > 64:
            if self.die:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.leave:
                sys.exit(3)
            raise ZeroDivisionError("no wide pictures please")
        return super().update(frame)


class Mortal(Still):
    """Kills its process unless the file is there, which it makes before."""

    def __init__(self, marker):
        super().__init__()
        self.marker = Path(marker)

    def update(self, frame):
        if not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().update(frame)
