"""Axis-aligned boxes: overlaps, centre distances, clipping.

Boxes are `(x, y, w, h)`, 0-based continuous coordinates, in arrays of shape (..., 4); leading dimensions broadcast.
`Columns` are the same boxes taken apart.
Every function returns a new array, leaves its arguments as they were, and stays silent about NaN and empty boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Columns:
    """Boxes as four arrays of one shape, with what is derived from them kept: worth it where many meet the same boxes.

    The functions here take them in the place of an array of shape (..., 4). The numbers must not change any more.
    """

    x: FloatArray
    y: FloatArray
    w: FloatArray
    h: FloatArray

    @cached_property
    def right(self) -> FloatArray:
        """The right edge."""
        return self.x + self.w

    @cached_property
    def bottom(self) -> FloatArray:
        """The lower edge."""
        return self.y + self.h

    @cached_property
    def areas(self) -> FloatArray:
        """Width times height, whatever their signs."""
        return self.w * self.h

    @cached_property
    def sized(self) -> BoolArray:
        """Whether width and height are above zero."""
        return np.asarray((self.w > 0) & (self.h > 0))

    @cached_property
    def centres(self) -> tuple[FloatArray, FloatArray]:
        """See `centres`."""
        return self.x + (self.w - 1.0) / 2.0, self.y + (self.h - 1.0) / 2.0

    @cached_property
    def units(self) -> tuple[FloatArray, FloatArray]:
        """Width and height; NaN where the box has no area."""
        return np.where(self.sized, self.w, np.nan), np.where(self.sized, self.h, np.nan)


def _boxes(boxes: ArrayLike) -> FloatArray:
    array = np.asarray(boxes, dtype=np.float64)
    if array.shape[-1:] != (4,):
        raise ValueError(f"boxes need a last dimension of 4 (x, y, w, h), got shape {array.shape}")
    return array


def columns(boxes: ArrayLike | Columns) -> Columns:
    """Take boxes apart, shape (..., 4); the columns are views of an array of numbers.

    >>> columns([[1, 2, 3, 4], [5, 6, 7, 8]]).right.tolist()
    [4.0, 12.0]
    """
    if isinstance(boxes, Columns):
        return boxes
    array = _boxes(boxes)
    return Columns(array[..., 0], array[..., 1], array[..., 2], array[..., 3])


def has_area(boxes: ArrayLike | Columns) -> BoolArray:
    """Tell which boxes are usable: four finite numbers, width and height above zero.

    >>> has_area([[0, 0, 2, 1], [0, 0, 0, 1], [float("nan"), 0, 2, 1]]).tolist()
    [True, False, False]
    """
    of = columns(boxes)
    with np.errstate(all="ignore"):
        # one sum is finite only if all four are (up to overflow, which no real coordinate reaches)
        return np.asarray(np.isfinite(of.x + of.y + of.w + of.h) & of.sized)


def iou(a: ArrayLike | Columns, b: ArrayLike | Columns) -> FloatArray:
    """Intersection over union of boxes, row by row.

    The "+1 pixel" form of the older toolkits (right = x + w - 1, side = right - left + 1) is the same number, because
    the ones cancel; so there is one function for both.

    Args:
        a: Boxes, shape (..., 4).
        b: Boxes of a shape that broadcasts with `a`, for instance (n, 1, 4) with (m, 4) for all pairs.

    Returns:
        Values in [0, 1]; 0 where either box is without area or holds NaN, or where areas leave the range of float64.

    Raises:
        ValueError: A last dimension other than 4.

    >>> iou([0, 0, 2, 2], [[0, 0, 2, 2], [1, 0, 2, 2], [5, 5, 1, 1]]).round(4).tolist()
    [1.0, 0.3333, 0.0]
    """
    a, b = columns(a), columns(b)
    with np.errstate(all="ignore"):
        wide = np.minimum(a.right, b.right) - np.maximum(a.x, b.x)
        high = np.minimum(a.bottom, b.bottom) - np.maximum(a.y, b.y)
        shared = np.maximum(wide, 0.0) * np.maximum(high, 0.0)
        # rounding of x + w can lift the shared area of equal boxes just above their own
        ratio = np.minimum(shared / (a.areas + b.areas - shared), 1.0)
    return np.where(a.sized & b.sized, np.fmax(ratio, 0.0), 0.0)


def centres(boxes: ArrayLike | Columns) -> tuple[FloatArray, FloatArray]:
    """Centres of boxes by the rule of the OTB toolkit, `x + (w - 1) / 2`: their x and y, shape (...) each.

    It is the mean of the first and the last pixel's index, half a pixel left of the continuous centre `x + w / 2`. The
    half cancels in a distance between two centres.

    >>> x, y = centres([10, 20, 5, 3])
    >>> float(x), float(y)
    (12.0, 21.0)
    """
    return columns(boxes).centres


def centre_offsets(a: ArrayLike | Columns, b: ArrayLike | Columns) -> tuple[FloatArray, FloatArray]:
    """Way from the centres of `b` to those of `a` in pixels, along x and y, shape (...) each; NaN where a box has one.

    >>> dx, dy = centre_offsets([3, 4, 5, 3], [0, 0, 3, 3])
    >>> float(dx), float(dy)
    (4.0, 4.0)
    """
    with np.errstate(all="ignore"):
        (ax, ay), (bx, by) = centres(a), centres(b)
        return ax - bx, ay - by


def lengths(vectors: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Euclidean lengths of vectors given by their x and y, shape (...).

    >>> lengths((np.array([3.0]), np.array([4.0]))).tolist()
    [5.0]
    """
    x, y = vectors
    # not hypot: ten times slower, and the toolkits square, add and take the root, so ties at whole pixels fall alike
    return np.asarray(np.sqrt(x * x + y * y))


def centre_distances(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Euclidean distance of the centres in pixels, shape (...); NaN where either box holds NaN.

    >>> float(centre_distances([0, 0, 3, 3], [3, 4, 3, 3]))
    5.0
    """
    with np.errstate(all="ignore"):
        return lengths(centre_offsets(a, b))


def offsets_in_sides(
    offsets: tuple[FloatArray, FloatArray], truth: ArrayLike | Columns
) -> tuple[FloatArray, FloatArray]:
    """Offsets along x in widths and along y in heights of the true box; NaN where that box has no area.

    >>> dx, dy = offsets_in_sides(centre_offsets([2, 0, 4, 4], [0, 0, 4, 2]), [0, 0, 4, 2])
    >>> float(dx), float(dy)
    (0.5, 0.5)
    """
    w, h = columns(truth).units
    with np.errstate(all="ignore"):
        return offsets[0] / w, offsets[1] / h


def normalised_centre_distances(boxes: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Centre distance with x measured in widths and y in heights of the true box (LaSOT, TrackingNet), shape (...).

    Args:
        boxes: Predicted boxes, shape (..., 4).
        truth: True boxes, whose sides are the units.

    Returns:
        Non-negative values; NaN where either box holds NaN or the true box has no area.

    >>> round(float(normalised_centre_distances([2, 0, 4, 4], [0, 0, 4, 2])), 4)
    0.7071
    """
    with np.errstate(all="ignore"):
        return lengths(offsets_in_sides(centre_offsets(boxes, truth), truth))


def clip_boxes(boxes: ArrayLike, size: ArrayLike) -> FloatArray:
    """Cut boxes at the picture's border: their intersection with it, of zero width or height where there is none.

    Args:
        boxes: Shape (..., 4).
        size: (width, height) of the picture in pixels, shape (..., 2).

    Returns:
        Boxes inside [0, width] x [0, height]; rows with NaN stay NaN where they were.

    >>> clip_boxes([-5, 2, 10, 100], (50, 40)).tolist()
    [0.0, 2.0, 5.0, 38.0]
    """
    array, extent = _boxes(boxes), np.asarray(size, dtype=np.float64)
    with np.errstate(all="ignore"):
        low = np.clip(array[..., :2], 0.0, extent)
        high = np.clip(array[..., :2] + array[..., 2:], 0.0, extent)
        return np.concatenate((low, np.maximum(high - low, 0.0)), axis=-1)


def clamp_boxes(boxes: ArrayLike, size: ArrayLike) -> FloatArray:
    """Bound boxes to the picture the way the GOT-10k toolkit does: move the corner inside, then limit the size.

    Unlike `clip_boxes`, a box that sticks out on the left or at the top keeps its width and height: it is shifted, not
    cut (rule of `rect_iou(bound=...)` in got10k 0.1.3, which also overwrites its arguments; this does not).

    Args:
        boxes: Shape (..., 4).
        size: (width, height) of the picture in pixels, shape (..., 2).

    >>> clamp_boxes([-5, 2, 10, 100], (50, 40)).tolist()
    [0.0, 2.0, 10.0, 38.0]
    """
    array, extent = _boxes(boxes), np.asarray(size, dtype=np.float64)
    with np.errstate(all="ignore"):
        corner = np.clip(array[..., :2], 0.0, extent)
        return np.concatenate((corner, np.clip(array[..., 2:], 0.0, extent - corner)), axis=-1)
