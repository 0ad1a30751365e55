"""Whether a supposed mistake explains results better than no mistake: tests over sequences, paired.

Every supposed mistake has a change that would undo it. If the changed boxes overlap the annotations better in nearly
all sequences, and by enough to matter, the mistake is there; a tracker's own errors fit no annotation better after such
a change. Thresholds were set on 14 published sets of raw results, in which none of these mistakes is, and on the same
with mistakes put in (`tests/checking`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spm_bench.geometry.boxes import has_area, iou

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

AGREE = 0.8
"""Share of sequences that must show the same."""
CHANCE = 0.01
"""Largest probability (one-sided sign test) with which so many sequences would agree by chance."""
CLOSE_PX = 1.2
"""Largest difference of two boxes, in any of four numbers, that are the same up to rounding and the first pixel's
number."""
FAR_PX = 3.0
"""A change that moves a first box less than this cannot be told from rounding there."""


@dataclass(frozen=True, eq=False)
class Pass:
    """The first pass over a sequence beside its annotation: what the tests look at.

    Attributes:
        name: Of the sequence.
        boxes: n x 4, 0-based; NaN where the tracker gave none.
        truth: n x 4, 0-based.
        given: Whether row 0 holds the box the tracker was given (one-pass files), and not a code.
        size: (width, height) of the pictures, None where unknown.
    """

    name: str
    boxes: FloatArray
    truth: FloatArray
    given: bool
    size: tuple[int, int] | None = None

    @property
    def counted(self) -> BoolArray:
        """Frames with an annotation and a box, without the first."""
        counted = has_area(self.truth) & np.isfinite(self.boxes).all(axis=1)
        counted[0] = False
        return counted


Change = Callable[[FloatArray], FloatArray]


def sign_test(gains: ArrayLike) -> float:
    """Probability that at least so many of n differences are above zero, if either sign were as likely; zeros apart.

    >>> round(sign_test([1, 1, 1, 1, -1]), 4)
    0.1875
    """
    values = np.asarray(gains, dtype=np.float64)
    n, up = int((values != 0).sum()), int((values > 0).sum())
    ways = [comb(n, up)]
    for k in range(up, n):  # each from the one before: training sets have thousands of sequences
        ways.append(ways[-1] * (n - k) // (k + 1))
    return float(sum(ways) / 2**n)


@dataclass(frozen=True)
class Gain:
    """What a change does to mean overlaps: median over sequences, share of sequences it helps, and the sign test."""

    median: float
    share: float
    chance: float
    n: int

    def convinces(self, least: float) -> bool:
        """Whether the change helps nearly everywhere, by at least this much, and not by chance."""
        return self.n > 0 and self.median >= least and self.share >= AGREE and self.chance <= CHANCE


def gain_of(passes: Iterable[Pass], change: Change) -> Gain:
    """What a change of boxes does to the mean overlap of each sequence."""
    gains = []
    for one in passes:
        rows = one.counted
        if rows.any():
            before, after = one.boxes[rows], change(one.boxes)[rows]
            gains.append(float((iou(after, one.truth[rows]) - iou(before, one.truth[rows])).mean()))
    return _gain(gains)


def gain_of_delay(passes: Iterable[Pass], frames: int) -> Gain:
    """What it does to mean overlaps to compare each box with the annotation so many frames earlier (below 0: later).

    Only frames that have both annotations are compared, so that the frames are the same before and after.
    """
    gains = []
    for one in passes:
        n = len(one.truth)
        rows = np.arange(max(frames, 0) + 1, n + min(frames, 0))
        both = one.counted[rows] & has_area(one.truth[rows - frames])
        rows = rows[both]
        if len(rows):
            here, there = iou(one.boxes[rows], one.truth[rows]), iou(one.boxes[rows], one.truth[rows - frames])
            gains.append(float((there - here).mean()))
    return _gain(gains)


def _gain(gains: list[float]) -> Gain:
    values = np.array(gains)
    if not len(values):
        return Gain(0.0, 0.0, 1.0, 0)
    return Gain(float(np.median(values)), float((values > 0).mean()), sign_test(values), len(values))


def first_offsets(passes: Iterable[Pass]) -> FloatArray:
    """N x 4 differences of first boxes and given boxes, of passes whose first box overlaps the given one."""
    rows = [one.boxes[0] - one.truth[0] for one in passes if one.given and iou(one.boxes[0], one.truth[0]) > 0.3]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def same_box(a: FloatArray, b: FloatArray) -> bool:
    """Whether two boxes are the same up to rounding and the number of the first pixel."""
    return bool(np.isfinite(a).all() and np.isfinite(b).all() and np.abs(a - b).max() <= CLOSE_PX)


def first_boxes_explained(passes: Iterable[Pass], change: Change) -> tuple[int, int]:
    """How many first boxes become the given ones by a change, of how many that it would move visibly."""
    explained = informative = 0
    for one in passes:
        if not one.given or not np.isfinite(one.boxes[0]).all():
            continue
        if np.abs(one.boxes[0] - one.truth[0]).max() > FAR_PX:
            informative += 1
            explained += same_box(change(one.boxes[:1])[0], one.truth[0])
        elif np.abs(change(one.truth[:1])[0] - one.truth[0]).max() > FAR_PX:
            informative += 1  # as it should be, while the change would have been seen
    return explained, informative


def centre_shift(passes: Iterable[Pass], least_overlap: float = 0.6) -> FloatArray:
    """N x 2 median offsets of centres from the annotation's, in frames where the target is well covered.

    Where the first box is the given one up to a shift, that shift is taken off: what remains begins after it.
    """
    rows = []
    for one in passes:
        good = one.counted & (iou(one.boxes, one.truth) > least_overlap)
        if good.sum() < 10:
            continue
        offsets = (one.boxes - one.truth)[good]
        first = one.boxes[0] - one.truth[0] if one.given else np.zeros(4)
        own = first[:2] if np.isfinite(first).all() and np.abs(first).max() < FAR_PX else np.zeros(2)
        rows.append(np.median(offsets[:, :2] + offsets[:, 2:] / 2, axis=0) - own)
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
