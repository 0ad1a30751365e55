"""The drawn videos that a tracker is examined on: small, exact, the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from spm_bench.suites.base import FloatArray, Frame
from spm_bench.suites.synthetic import make_scene, make_sequence

LENGTH = 16
"""Frames of a video: enough to lose a target in, few enough for a tracker of one frame per second."""


@dataclass(frozen=True, eq=False)
class Video:
    """Frames in memory with the truth.

    Attributes:
        name: For messages.
        frames: uint8 H x W x 3 BGR each.
        boxes: n x 4 (x, y, w, h).
    """

    name: str
    frames: tuple[Frame, ...]
    boxes: FloatArray

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.frames)

    def part(self, first: int) -> Video:
        """The same from a later frame on."""
        return Video(f"{self.name} from frame {first}", self.frames[first:], self.boxes[first:])


@cache
def drifting() -> Video:
    """A fish drifts over a pond: what every tracker can follow."""
    return _draw("a drifting target", "calm", 0, 5, category="koi")


@cache
def other() -> Video:
    """Another target, in pictures of another size."""
    return _draw("another target", "deform", 2, 8, category="any-3", width=256, height=200, target_size=44.0)


@cache
def still() -> Video:
    """Eight times the same picture: the best answer is the box it was started with, which is half as wide as high."""
    x, y, _, h = np.round(drifting().boxes[0])
    return _resting("a still picture", np.array([x, y, h // 2, h]))


@cache
def still_between() -> Video:
    """The same, with a box whose sides lie between pixels."""
    return _resting("a still picture with a box between pixels", still().boxes[0] + np.array([0.4, 0.6, 0.4, 0.4]))


def dyed() -> Video:
    """The easy video with blue in the darkest third of the values, green in the middle one, red in the brightest.

    Whatever a tracker cuts out and scales, the order of its channels can be told.
    """
    dark = [frame // 3 + np.array([0, 85, 170], dtype=np.uint8) for frame in drifting().frames]
    return Video("a dyed video", tuple(dark), drifting().boxes)


def _resting(name: str, box: FloatArray) -> Video:
    return Video(name, (drifting().frames[0],) * 8, np.tile(box, (8, 1)))


@cache
def _draw(name: str, axis: str, level: int, seed: int, **scene: object) -> Video:
    sequence = make_sequence(name, make_scene(axis, level, seed, n_frames=LENGTH, **scene))  # type: ignore[arg-type]
    assert sequence.frames is not None
    return Video(name, tuple(sequence.frames[i] for i in range(len(sequence))), sequence.ground_truth)
