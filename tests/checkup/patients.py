"""A small template tracker without a fault, and copies of it with one each."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from spm_bench.trackers.base import Shared
from spm_bench.trackers.settings import Settings
from spm_bench.trackers.variants import Variant


class Sound:
    """Looks for the first picture of the target near its last place."""

    deterministic = True

    def init(self, frame, box):
        self.box = np.array(box, dtype=np.float64)
        x, y, w, h = self._inside(frame)
        self.template = self._look(frame[y : y + h, x : x + w]).copy()

    def update(self, frame):
        x, y, w, h = self._inside(frame)
        left, top = max(x - 10, 0), max(y - 10, 0)
        region = self._look(frame[top : y + h + 10, left : x + w + 10])
        if region.shape[0] >= self.template.shape[0] and region.shape[1] >= self.template.shape[1]:
            found = cv2.matchTemplate(region, self.template, cv2.TM_SQDIFF)
            row, column = np.unravel_index(found.argmin(), found.shape)
            self.box[:2] += (left + column - x, top + row - y)
        return self.box.copy()

    def _look(self, pixels):
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)

    def _inside(self, frame):
        height, width = frame.shape[:2]
        x, y, w, h = np.round(self.box).astype(int)
        x, y = min(max(x, 0), width - 2), min(max(y, 0), height - 2)
        return x, y, max(min(w, width - x), 2), max(min(h, height - y), 2)


class Centre(Sound):
    def update(self, frame):
        x, y, w, h = super().update(frame)
        return x + w / 2, y + h / 2, w, h


class Corners(Sound):
    def update(self, frame):
        x, y, w, h = super().update(frame)
        return [x, y, x + w, y + h]


class RowFirst(Sound):
    def update(self, frame):
        return super().update(frame)[[1, 0, 3, 2]]


class Sides(Sound):
    def update(self, frame):
        return super().update(frame)[[0, 1, 3, 2]]


class Shares(Sound):
    def update(self, frame):
        return super().update(frame) / np.tile(frame.shape[1::-1], 2)


class FromOne(Sound):
    def update(self, frame):
        return super().update(frame) + np.array([1, 1, 0, 0])


class Whole(Sound):
    def update(self, frame):
        return super().update(frame).astype(int)


class Lost(Sound):
    def update(self, frame):
        super().update(frame)
        return [0, 0, 5, 5]


class Empty(Sound):
    def update(self, frame):
        return super().update(frame) * np.array([1, 1, 1, 0])


class WantsTruth(Sound):
    def update(self, frame, truth):
        return truth


class IsTold(Sound):
    def begin(self, sequence, index):
        self.truth = sequence.ground_truth


class ReadsTruth(Sound):
    def update(self, frame):
        Path(os.environ["TRUTH"]).read_text()
        return super().update(frame)


class Silent(Sound):
    def update(self, frame):
        super().update(frame)


class Breaks(Sound):
    def update(self, frame):
        raise ZeroDivisionError("no pixels")


class Draws(Sound):
    def update(self, frame):
        box = super().update(frame)
        frame[:5, :5] = 0
        return box


class TakesBox(Sound):
    def init(self, frame, box):
        super().init(frame, box)
        box += 1


class KeepsView(Sound):
    def init(self, frame, box):
        super().init(frame, box)
        self.last = frame

    def update(self, frame):
        box = super().update(frame)
        if np.array_equal(self.last, frame):
            box[0] += 0.25
        self.last = frame
        return box


class Remembers(Sound):
    """Forgets the template, not how many starts there were."""

    starts = 0

    def init(self, frame, box):
        super().init(frame, box)
        self.starts += 1

    def update(self, frame):
        return super().update(frame) + self.starts - 1


class RemembersFrames(Sound):
    """Starts anew only where pictures have another size."""

    size = None

    def init(self, frame, box):
        if frame.shape != self.size:
            super().init(frame, box)
            self.size = frame.shape


class Chancy(Sound):
    deterministic = False

    def update(self, frame):
        return super().update(frame) + np.random.default_rng().normal(0, 0.1, 4)


class ChancyInSecret(Chancy):
    deterministic = True


class BadlySeeded(Chancy):
    def seed(self, seed):
        pass


class WellSeeded(Sound):
    deterministic = False

    def seed(self, seed):
        self.generator = np.random.default_rng(seed)

    def update(self, frame):
        return super().update(frame) + self.generator.normal(0, 0.1, 4)


class ByProcess(Sound):
    def update(self, frame):
        return super().update(frame) + os.getpid() % 97 / 970


class Modest(Sound):
    deterministic = False


class RgbToGrey(Sound):
    def _look(self, pixels):
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


class TwiceConverted(Sound):
    def _look(self, pixels):
        return cv2.cvtColor(np.ascontiguousarray(pixels[..., ::-1]), cv2.COLOR_BGR2HSV)


class Pillow(Sound):
    def _look(self, pixels):
        return np.asarray(Image.fromarray(pixels).convert("L"))


class RightlyConverted(Sound):
    def _look(self, pixels):
        rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        return np.asarray(Image.fromarray(rgb).convert("L")) // 2 + cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) // 2


class Leaks(Sound):
    kept: list = []  # noqa: RUF012

    def update(self, frame):
        self.kept.append(frame.copy())
        return super().update(frame)


class LeaksAtStart(Sound):
    kept: list = []  # noqa: RUF012

    def init(self, frame, box):
        super().init(frame, box)
        self.kept.append(frame.copy())


class Frail(Sound):
    def update(self, frame):
        if frame.std() == 0:
            raise ValueError("nothing to see")
        return super().update(frame)


class Choosy(Sound):
    def init(self, frame, box):
        if min(box[2:]) < 4:
            raise ValueError("the target is too small")
        super().init(frame, box)


class _Batch:
    capacity = 8

    def __init__(self, lag):
        self.lag, self.shared = lag, Shared()

    def start(self, starts):
        targets = [Sound() for _ in starts]
        for target, start in zip(targets, starts, strict=True):
            target.init(start.frame, start.box)
        return targets

    def advance(self, targets, frames):
        boxes = np.array([target.update(frame) for target, frame in zip(targets, frames, strict=True)])
        return boxes + self.lag * (len(targets) - 1)


class Batched(Sound):
    make = staticmethod(lambda options: _Batch(0.0))

    @classmethod
    def batched(cls, options):
        return cls.make(options)


class BadlyBatched(Batched):
    make = staticmethod(lambda options: _Batch(0.01))


class BrokenBatch(Batched):
    make = staticmethod(lambda options: _Batch(None))


class _First(_Batch):
    def advance(self, targets, frames):
        return super().advance(targets, frames)[:1]


class OneForAll(Batched):
    make = staticmethod(lambda options: _First(0.0))


class _Always(_Batch):
    def advance(self, targets, frames):
        return super().advance(targets, frames) + 0.5


class OtherInBatch(Batched):
    make = staticmethod(lambda options: _Always(0.0))


class _ByPlace(_Batch):
    """Knows targets by their place, and starts anew for all."""

    def start(self, starts):
        self.kept = super().start(starts)
        return list(range(len(starts)))

    def advance(self, targets, frames):
        return super().advance(self.kept[: len(targets)], frames)


class ByPlace(Batched):
    make = staticmethod(lambda options: _ByPlace(0.0))


class _ByPicture(_Batch):
    """Looks at each picture once, and gives all who see it what the first one gets."""

    def advance(self, targets, frames):
        boxes = super().advance(targets, frames)
        first = {id(frame): i for i, frame in reversed([*enumerate(frames)])}
        return boxes[[first[id(frame)] for frame in frames]]


class ByPicture(Batched):
    make = staticmethod(lambda options: _ByPicture(0.0))


class Shifted(Sound):
    """With a setting."""

    class Settings(Settings):
        shift: float = 0.0

    Variants = {"far": Variant("far", "further", {"shift": 2.0})}  # noqa: RUF012

    def __init__(self, config=None):
        self.shift = (config or {}).get("shift", 0.0)

    def update(self, frame):
        return super().update(frame) + np.array([self.shift, 0, 0, 0])

    @classmethod
    def batched(cls, options):
        return _ShiftedBatch(cls, options)


class _ShiftedBatch(_Batch):
    def __init__(self, kind, options):
        super().__init__(0.0)
        self.kind, self.options = kind, options

    def start(self, starts):
        targets = [self.kind(**self.options[self.slot(start)]) for start in starts]
        for target, start in zip(targets, starts, strict=True):
            target.init(start.frame, start.box)
        return targets

    def slot(self, start):
        return start.slot_of


class OneSetting(Shifted):
    @classmethod
    def batched(cls, options):
        batch = _ShiftedBatch(cls, options)
        batch.slot = lambda start: 0
        return batch


class WithoutShared(Batched):
    @classmethod
    def batched(cls, options):
        batch = _Batch(0.0)
        del batch.shared
        return batch


class WithoutCapacity(Batched):
    @classmethod
    def batched(cls, options):
        batch = _Batch(0.0)
        batch.capacity = 0
        return batch


class SeededInBatch(Batched):
    deterministic = False

    def seed(self, seed):
        self.generator = np.random.default_rng(seed)


class DiesElsewhere(Sound):
    def update(self, frame):
        if multiprocessing.parent_process() is not None:
            os._exit(1)
        return super().update(frame)
