"""Exact overlap of quadrilaterals: areas by vertical slabs.

Cut the plane at every corner and at every point where two sides cross. Between two neighbouring cuts all sides are
straight and none cross, so a vertical line's length inside a region changes linearly, and its value in the middle of
the slab times the slab's width is the area. A line that meets four sides of one region is inside between the first and
second, and between the third and fourth: dents and crossing sides need no case of their own.

Shapes: n pairs, 8 sides (4 of each region), K cuts, M = K - 1 slabs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

BLOCK = 256
"""Pairs computed at once: their arrays (about 40 slabs x 4 sides x 8 byte each) stay in a core's cache."""
SIDE_PAIRS = np.array([(i, j) for i in range(8) for j in range(i + 1, 8) if i // 4 != j // 4 or j - i == 2]).T
"""Pairs of sides that can cross: all of different regions, and the opposite ones of one region (a bow tie)."""


def exact_overlaps(first: FloatArray, second: FloatArray, image_size: ArrayLike | None) -> FloatArray:
    """Exact overlaps of n pairs of polygons; see `spm_bench.geometry.polygons.exact_overlap`.

    Args:
        first: n x 8 corner coordinates, finite.
        second: n x 8 corner coordinates, finite.
        image_size: (width, height) of the picture to which both are cut, or None.
    """
    overlaps = np.zeros(len(first))
    for start in range(0, len(first), BLOCK):
        rows = slice(start, start + BLOCK)
        quads = np.concatenate((first[rows], second[rows]), axis=1).reshape(-1, 8, 2)
        overlaps[rows] = _ratio(quads, image_size)
    return overlaps


def _ratio(quads: FloatArray, image_size: ArrayLike | None) -> FloatArray:
    # from the left bottom of the pair, so that far-away regions keep their digits
    origin = quads.min(axis=1, keepdims=True)
    low, high = np.zeros_like(origin[:, 0]), np.ptp(quads, axis=1)
    if image_size is not None:
        low = np.maximum(-origin[:, 0], low)
        high = np.maximum(np.minimum(np.asarray(image_size, dtype=np.float64) - origin[:, 0], high), low)
    start = quads - origin
    end = start[:, [1, 2, 3, 0, 5, 6, 7, 4]]
    cuts = _cuts(start, end, low, high)
    middle, width = (cuts[:, 1:] + cuts[:, :-1]) / 2, np.diff(cuts, axis=1)
    ours, theirs = (_lines(start[:, s], end[:, s], middle, low[:, 1], high[:, 1]) for s in (slice(4), slice(4, 8)))
    pairs = [(m, t) for m in ours for t in theirs]
    shared = sum(np.maximum(np.minimum(m[1], t[1]) - np.maximum(m[0], t[0]), 0.0) for m, t in pairs)
    single = sum(line[1] - line[0] for line in (*ours, *theirs))
    shared_area, areas = np.asarray(shared * width).sum(axis=1), np.asarray(single * width).sum(axis=1)
    union = areas - shared_area
    ratio: FloatArray = np.divide(shared_area, union, out=np.zeros_like(union), where=union > 0)
    return np.clip(ratio, 0.0, 1.0)


def _cuts(start: FloatArray, end: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Sorted x of the slabs' borders (n x K), within low ... high."""
    i, j = SIDE_PAIRS
    step = end - start
    gap = start[:, j] - start[:, i]
    slope = step[:, i, 0] * step[:, j, 1] - step[:, i, 1] * step[:, j, 0]
    part = gap[..., 0] * step[:, j, 1] - gap[..., 1] * step[:, j, 0]
    crossings = _point(start[:, i, 0], step[:, i, 0], part, slope)
    borders = [
        _point(start[..., 0], step[..., 0], edge[:, 1, None] - start[..., 1], step[..., 1]) for edge in (low, high)
    ]
    cuts = np.concatenate((start[..., 0], crossings, *borders), axis=1)
    return np.sort(np.clip(cuts, low[:, :1], high[:, :1]), axis=1)


def _point(start: FloatArray, step: FloatArray, part: FloatArray, whole: FloatArray) -> FloatArray:
    """Give x at part / whole of the way along a side; its start where there is no such point on it."""
    near = (whole != 0) & (np.abs(part) <= 1.5 * np.abs(whole))  # far beyond the side, the quotient could overflow
    share = np.divide(part, whole, out=np.zeros_like(part), where=near)
    return np.asarray(start + np.clip(share, 0.0, 1.0) * step)


def _lines(
    start: FloatArray, end: FloatArray, x: FloatArray, low: FloatArray, high: FloatArray
) -> list[tuple[FloatArray, FloatArray]]:
    """The two pieces of the vertical line at x (n x M) inside a region of 4 sides, cut to low ... high."""
    (x0, y0), (x1, y1) = start.transpose(2, 1, 0)[..., None], end.transpose(2, 1, 0)[..., None]
    step = x1 - x0
    slope = np.divide(y1 - y0, step, out=np.zeros_like(step), where=step != 0)
    met = (np.minimum(x0, x1) < x) & (x < np.maximum(x0, x1))
    # sides that are not met stand at the bottom, in pairs, where they add no length
    y = np.clip(np.where(met, y0 + (x - x0) * slope, np.inf), low[:, None], high[:, None])
    a, b = np.minimum(y[0], y[1]), np.maximum(y[0], y[1])
    c, d = np.minimum(y[2], y[3]), np.maximum(y[2], y[3])
    middle, other = np.maximum(a, c), np.minimum(b, d)
    return [(np.minimum(a, c), np.minimum(middle, other)), (np.maximum(middle, other), np.maximum(b, d))]
