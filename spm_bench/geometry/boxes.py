"""Axis-aligned boxes: overlaps, centre distances, clipping.

Boxes are `(x, y, w, h)`, 0-based continuous coordinates, in arrays of shape (..., 4); leading dimensions broadcast.
Every function returns a new array, leaves its arguments as they were, and stays silent about NaN and empty boxes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def _boxes(boxes: ArrayLike) -> FloatArray:
    array = np.asarray(boxes, dtype=np.float64)
    if array.shape[-1:] != (4,):
        raise ValueError(f"boxes need a last dimension of 4 (x, y, w, h), got shape {array.shape}")
    return array


def has_area(boxes: ArrayLike) -> BoolArray:
    """Tell which boxes are usable: four finite numbers, width and height above zero.

    >>> has_area([[0, 0, 2, 1], [0, 0, 0, 1], [float("nan"), 0, 2, 1]]).tolist()
    [True, False, False]
    """
    array = _boxes(boxes)
    x, y, w, h = np.moveaxis(array, -1, 0)
    with np.errstate(all="ignore"):
        # one sum is finite only if all four are (up to overflow, which no real coordinate reaches)
        usable: BoolArray = np.isfinite(x + y + w + h) & (w > 0) & (h > 0)
    return usable


def iou(a: ArrayLike, b: ArrayLike) -> FloatArray:
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
    a, b = _boxes(a), _boxes(b)
    (ax, ay, aw, ah), (bx, by, bw, bh) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    with np.errstate(all="ignore"):
        wide = np.minimum(ax + aw, bx + bw) - np.maximum(ax, bx)
        high = np.minimum(ay + ah, by + bh) - np.maximum(ay, by)
        shared = np.maximum(wide, 0.0) * np.maximum(high, 0.0)
        # rounding of x + w can lift the shared area of equal boxes just above their own
        ratio = np.minimum(shared / (aw * ah + bw * bh - shared), 1.0)
    usable = (aw > 0) & (ah > 0) & (bw > 0) & (bh > 0)
    return np.where(usable, np.fmax(ratio, 0.0), 0.0)


def centres(boxes: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Centres of boxes by the rule of the OTB toolkit, `x + (w - 1) / 2`: their x and y, shape (...) each.

    It is the mean of the first and the last pixel's index, half a pixel left of the continuous centre `x + w / 2`. The
    half cancels in a distance between two centres.

    >>> x, y = centres([10, 20, 5, 3])
    >>> float(x), float(y)
    (12.0, 21.0)
    """
    x, y, w, h = np.moveaxis(_boxes(boxes), -1, 0)
    return x + (w - 1.0) / 2.0, y + (h - 1.0) / 2.0


def centre_offsets(a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Way from the centres of `b` to those of `a` in pixels, along x and y, shape (...) each; NaN where a box has one.

    >>> dx, dy = centre_offsets([3, 4, 5, 3], [0, 0, 3, 3])
    >>> float(dx), float(dy)
    (4.0, 4.0)
    """
    (ax, ay), (bx, by) = centres(a), centres(b)
    with np.errstate(all="ignore"):
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


def offsets_in_sides(offsets: tuple[FloatArray, FloatArray], truth: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Offsets along x in widths and along y in heights of the true box; NaN where that box has no area.

    >>> dx, dy = offsets_in_sides(centre_offsets([2, 0, 4, 4], [0, 0, 4, 2]), [0, 0, 4, 2])
    >>> float(dx), float(dy)
    (0.5, 0.5)
    """
    _, _, w, h = np.moveaxis(_boxes(truth), -1, 0)
    usable = (w > 0) & (h > 0)
    with np.errstate(all="ignore"):
        return np.where(usable, offsets[0] / w, np.nan), np.where(usable, offsets[1] / h, np.nan)


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
