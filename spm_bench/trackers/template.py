"""MyTracker: looks for the target's picture around its last place, by normalised cross-correlation.

    spm-bench check-tracker my_tracker:MyTracker
    spm-bench run --suite demo --tracker my_tracker:MyTracker --tracker KCF

A tracker is a class with `init` and `update`: the last one in this file. What stands above it is an example to replace.
Settings can be swept and searched, and a variant is a name for some of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from spm_bench.errors import TrackerError

# [batched]
from spm_bench.trackers.base import BatchTracker, Shared, Start

# [end]
from spm_bench.trackers.settings import NotNegative, Positive, Settings, Share
from spm_bench.trackers.variants import Variant

Frame = NDArray[np.uint8]
"""H x W x 3, BGR as OpenCV reads it."""
Floats = NDArray[np.float64]
"""Points x, y and boxes x, y, w, h in pixels, counted from 0; x, y of a box is its upper left corner."""
Grey = NDArray[np.float32]
"""H x W: what is compared."""


class MyTrackerSettings(Settings):
    """What can be changed from outside: by a variant, an axis of a sweep, or a search. Values are checked."""

    side: int = Field(default=32, ge=8, le=128)
    """The target is scaled to so many pixels, on the geometric mean of its sides, before it is compared."""
    reach: Positive = 1.0
    """It is looked for so far from its last place, in sizes of the target."""
    scales: int = Field(default=3, ge=1, le=15)
    """Sizes that are tried in each frame; odd, so that the last one is among them."""
    scale_step: float = Field(default=1.03, gt=1.0, le=1.5)
    """Each size is so many times the one before."""
    scale_penalty: Share = 0.97
    """The likeness at another size than the last one counts so much."""
    distance_penalty: NotNegative = 0.2
    """The likeness at the edge of what is searched loses so much."""
    learning_rate: Share = 0.05
    """Share of what was found last in the picture that is looked for; 0 keeps the first one."""


@dataclass(frozen=True, eq=False)
class Target:
    """Where a target is and what it looks like. Frozen, so that nothing of a sequence is left over in the next one.

    Attributes:
        centre: x, y.
        size: w, h.
        picture: What is looked for.
    """

    centre: Floats
    size: Floats
    picture: Grey

    @property
    def box(self) -> Floats:
        """x, y, w, h: of the corner, not of the centre; fractions of a pixel are kept."""
        return np.concatenate([self.centre - self.size / 2, self.size])


def grey(frame: Frame) -> Grey:
    """The frame as it is compared: a new array, as the frame itself is not ours to change."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), dtype=np.float32)


def cut(picture: Grey, centre: Floats, size: Floats, shape: tuple[int, int]) -> Grey:
    """The part of a picture around `centre`, scaled to `shape` (rows, columns). Beyond the border, that is repeated."""
    step = size / (shape[1], shape[0])
    first = centre - size / 2 + (step - 1) / 2
    matrix = np.array([[step[0], 0, first[0]], [0, step[1], first[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(picture, matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, dtype=np.float32)


def learn(picture: Grey, box: Floats, settings: MyTrackerSettings) -> Target:
    """Begin with a target. Raises TrackerError if the box is none."""
    if not (np.isfinite(box).all() and (box[2:] > 0).all()):
        raise TrackerError(f"cannot start on the box {box.tolist()}: it has no area")
    centre, size = box[:2] + box[2:] / 2, box[2:].copy()
    columns, rows = np.clip(np.round(size * settings.side / np.sqrt(size.prod())), 4, 4 * settings.side).astype(int)
    return Target(centre, size, cut(picture, centre, size, (int(rows), int(columns))))


def move(target: Target, picture: Grey, settings: MyTrackerSettings) -> Target:
    """Find the target in the next frame."""
    rows, columns = target.picture.shape
    cells = np.array([columns, rows], dtype=np.float64)
    reach = max(1, round(settings.reach * settings.side))
    rim = np.linspace(-1, 1, 2 * reach + 1) ** 2
    likely = 1 - settings.distance_penalty * np.minimum(rim[:, None] + rim, 1)
    best, centre, size = -np.inf, target.centre, target.size
    for i in sorted(range(-(settings.scales // 2), settings.scales // 2 + 1), key=abs):
        tried = target.size * settings.scale_step**i
        region = cut(picture, target.centre, tried * (1 + 2 * reach / cells), (rows + 2 * reach, columns + 2 * reach))
        # a picture of one colour is like nothing: OpenCV may then divide by zero
        alike = np.nan_to_num(cv2.matchTemplate(region, target.picture, cv2.TM_CCOEFF_NORMED)) * likely
        y, x = np.unravel_index(alike.argmax(), alike.shape)
        likeness = float(alike[y, x]) * (settings.scale_penalty if i else 1)
        if likeness > best:
            shift = np.array([x + vertex(alike[y, max(x - 1, 0) : x + 2]), y + vertex(alike[max(y - 1, 0) : y + 2, x])])
            best, centre, size = likeness, target.centre + (shift - reach) * tried / cells, tried
    extent = np.array(picture.shape[::-1], dtype=np.float64)
    if (size < 4).any() or (size > extent).any():
        size = target.size  # neither vanish nor grow beyond the picture
    centre = np.clip(centre, 0, extent)
    new = cut(picture, centre, size, (rows, columns))
    mixed = (1 - settings.learning_rate) * target.picture + settings.learning_rate * new
    return replace(target, centre=centre, size=size, picture=mixed.astype(np.float32))


def vertex(values: Sequence[float]) -> float:
    """How far from the middle one of three values their parabola is highest; 0 at a border, where there are two."""
    if len(values) < 3:
        return 0.0
    before, here, after = (float(value) for value in values)
    bend = before - 2 * here + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


# [batched]
@dataclass(eq=False)
class Slot:
    """One target of a batch, with the settings it runs with. What it knows is its own: nothing is kept for all."""

    target: Target
    settings: MyTrackerSettings


class MyTrackerBatch:
    """Many targets advanced together, so that what they have in common is done once: here, a frame turned grey.

    Args:
        options: Constructor arguments of `MyTracker`, one mapping per cell of the sweep.
    """

    capacity = 64  # targets worth advancing at once

    def __init__(self, options: Sequence[Mapping[str, Any]]) -> None:
        self.shared = Shared()
        self._settings = [MyTrackerSettings.build(one.get("config") or {}) for one in options]

    def start(self, starts: Sequence[Start]) -> list[Any]:
        """Start targets; what is returned for each is handed back to `advance`."""
        seen = self._grey([start.frame for start in starts])
        made = []
        for start, picture in zip(starts, seen, strict=True):
            settings = self._settings[start.slot_of]
            made.append(Slot(learn(picture, np.asarray(start.box, dtype=np.float64), settings), settings))
        return made

    def advance(self, targets: Sequence[Any], frames: Sequence[Frame]) -> Floats:
        """Move each target to the next frame of its own; B x 4 boxes. All are moved, or none."""
        seen = self._grey(frames)
        moved = [move(slot.target, picture, slot.settings) for slot, picture in zip(targets, seen, strict=True)]
        for slot, target in zip(targets, moved, strict=True):
            slot.target = target
        return np.array([target.box for target in moved]).reshape(-1, 4)

    def _grey(self, frames: Sequence[Frame]) -> list[Grey]:
        """Each frame turned grey; targets that see the same picture share the same object, and so it is done once."""
        # by id within one call only: when a frame is gone, the next one may get its id
        done = {id(frame): grey(frame) for frame in {id(frame): frame for frame in frames}.values()}
        self.shared.asked += len(frames)
        self.shared.computed += len(done)
        return [done[id(frame)] for frame in frames]


# [end]
class MyTracker:
    """The tracker: `init` on the first frame of a sequence and after every failure, `update` on the others.

    Args:
        config: Changes to the settings.
    """

    Settings = MyTrackerSettings
    Variants: ClassVar[Mapping[str, Variant]] = {
        "fixed": Variant("fixed", "looks for the first picture throughout", {"learning_rate": 0.0}),
        "one_size": Variant("one_size", "the size stays as it was at the start", {"scales": 1}),
    }
    deterministic = True  # no chance in it: VOT's protocol then repeats 3 times instead of 15

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self._settings = MyTrackerSettings.build(config or {})

    # A tracker that uses chance says so by a method `seed`, called before every `init`; leave `deterministic` out then:
    #
    #     def seed(self, seed: int) -> None:
    #         self._random = np.random.default_rng(seed)

    def init(self, frame: Frame, box: Floats) -> None:
        """Start on `frame` with the target in `box`. Everything that `update` changes is set anew here."""
        self._target = learn(grey(frame), np.asarray(box, dtype=np.float64), self._settings)

    def update(self, frame: Frame) -> Floats:
        """Return the target's box x, y, w, h in the next frame, whatever is to be seen there."""
        self._target = move(self._target, grey(frame), self._settings)
        return self._target.box

    # [batched]
    @classmethod
    def batched(cls, options: Sequence[Mapping[str, Any]]) -> BatchTracker:
        """What the lockstep engine runs: `spm-bench sweep`, and `spm-bench run --lockstep`."""
        return MyTrackerBatch(options)

    # [end]
