"""Quadrilaterals: overlaps, exact or painted on the pixel grid as VOT does, and the rules between polygons and boxes.

A *region* is either a box `(x, y, w, h)` or a polygon `x1,y1,...,x4,y4`: arrays of shape (..., 4) or (..., 8), told
apart by their last dimension; leading dimensions broadcast. Coordinates are 0-based and continuous.

Which overlap to use: VOT's failures, accuracy and EAO rest on `raster_overlap`, bounded to the picture from 2016 on;
a protocol asks `polygon_box_overlap` after each frame. `exact_overlap` is geometry without pixels, for scores that must
not depend on the grid. NaN and empty regions overlap nothing (0), without a warning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spm_bench.geometry.exact import exact_overlaps
from spm_bench.geometry.raster import paint_polygons, painted_overlaps, raster_overlaps

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def _last(values: ArrayLike, allowed: tuple[int, ...], what: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] not in allowed:
        sizes = " or ".join(str(n) for n in allowed)
        raise ValueError(f"{what} need a last dimension of {sizes}, got shape {array.shape}")
    return array


def bounding_box(polygons: ArrayLike) -> FloatArray:
    """Smallest upright boxes around polygons: VOT's axis-aligned rule for the initial box (max - min, no "+1").

    Args:
        polygons: Shape (..., 8).

    Returns:
        Boxes x, y, w, h, shape (..., 4); NaN where a polygon holds NaN.

    >>> bounding_box([2, 0, 4, 1, 2, 3, 0, 1]).tolist()
    [0.0, 0.0, 4.0, 3.0]
    """
    array = _last(polygons, (8,), "polygons")
    corners = array.reshape(*array.shape[:-1], 4, 2)
    low = corners.min(axis=-2)
    return np.concatenate((low, corners.max(axis=-2) - low), axis=-1)


def area_preserving_box(polygons: ArrayLike) -> FloatArray:
    """Upright boxes with the polygon's centre, its bounding box's shape, and nearly its area (SPM's VOT rule).

    Centre: mean of the corners. Sides: s times the bounding box's, s = sqrt(A1 / A2), A1 the product of the lengths of
    the first two sides, A2 the bounding box's area; no "+1" anywhere. Source: VOT entry of the released SPM code
    (specification section 8); trackers of that time do the same, some with s * side + 1.

    Args:
        polygons: Shape (..., 8).

    Returns:
        Boxes x, y, w, h, shape (..., 4). Where the bounding box has no area, s is 1; NaN stays NaN.

    >>> area_preserving_box([2, 0, 4, 2, 2, 4, 0, 2]).round(4).tolist()
    [0.5858, 0.5858, 2.8284, 2.8284]
    """
    array = _last(polygons, (8,), "polygons")
    corners = array.reshape(*array.shape[:-1], 4, 2)
    sides = np.linalg.norm(corners[..., 1:3, :] - corners[..., 0:2, :], axis=-1)
    extent = bounding_box(array)[..., 2:]
    area = extent[..., 0] * extent[..., 1]
    scale = np.sqrt(np.divide(sides[..., 0] * sides[..., 1], area, out=np.ones_like(area), where=area > 0))
    size = scale[..., None] * extent
    return np.concatenate((corners.mean(axis=-2) - size / 2, size), axis=-1)


def box_to_polygon(boxes: ArrayLike) -> FloatArray:
    """Corners of boxes, clockwise on the screen from the top left, shape (..., 8).

    >>> box_to_polygon([1, 2, 3, 4]).tolist()
    [1.0, 2.0, 4.0, 2.0, 4.0, 6.0, 1.0, 6.0]
    """
    x, y, w, h = np.moveaxis(_last(boxes, (4,), "boxes"), -1, 0)
    return np.stack((x, y, x + w, y, x + w, y + h, x, y + h), axis=-1)


def raster_overlap(first: ArrayLike, second: ArrayLike, image_size: ArrayLike | None = None) -> FloatArray:
    """Overlaps as the VOT toolkit counts them: in pixels painted by both regions, over pixels painted by either.

    Equal to `vot.region.calculate_overlaps` of vot-toolkit 0.7.4; `spm_bench.geometry.raster` states the rule, with its
    surprises (regions that together cover one pixel row or column overlap by 1).

    Args:
        first: Boxes or polygons, shape (..., 4) or (..., 8).
        second: Boxes or polygons whose leading dimensions broadcast with the first. Boxes of shape (R, n, 4) with n
            polygons, the repetitions of a tracker, take a third of the time.
        image_size: (width, height) in pixels to which both are cut; None for no bound (VOT 2013-2015).

    Returns:
        Values in [0, 1], shape (...); 0 where a region holds NaN or has no pixel.

    Raises:
        ValueError: A last dimension other than 4 or 8.

    >>> raster_overlap([0, 0, 10, 10], [5, 0, 10, 10]).round(4).tolist()
    0.3333
    >>> raster_overlap([0, 0, 10, 10], [0, 0, 10, 0, 10, 10, 0, 10]).round(4).tolist()
    0.8264
    """
    truth, boxes = _last(first, (4, 8), "regions"), _last(second, (4, 8), "regions")
    if truth.ndim == 2 and truth.shape[1] == 8 and boxes.ndim == 3 and boxes.shape[1:] == (len(truth), 4):
        return painted_overlaps(paint_polygons(truth, image_size), boxes)
    a, b, shape = _paired(truth, boxes)
    return raster_overlaps(a, b, image_size).reshape(shape)


def exact_overlap(first: ArrayLike, second: ArrayLike, image_size: ArrayLike | None = None) -> FloatArray:
    """Intersection over union of regions by exact clipping, without pixels.

    Any quadrilateral is allowed: convex, with a dent, or crossing itself (then both of its triangles count as inside).

    Args:
        first: Boxes or polygons, shape (..., 4) or (..., 8).
        second: Boxes or polygons whose leading dimensions broadcast with the first.
        image_size: (width, height) in pixels; both are first cut to [0, width] x [0, height]. None for no bound.

    Returns:
        Values in [0, 1], shape (...); 0 where a region holds NaN or has no area.

    Raises:
        ValueError: A last dimension other than 4 or 8.

    >>> exact_overlap([0, 0, 10, 10], [5, 0, 10, 10]).round(4).tolist()
    0.3333
    >>> exact_overlap([0, 0, 2, 2], [0, 0, 2, 0, 0, 2, 2, 2]).round(4).tolist()
    0.5
    """
    a, b, shape = _paired(first, second)
    usable = _has_region(a) & _has_region(b)
    ratio = np.zeros(len(a))
    ratio[usable] = exact_overlaps(_polygons(a[usable]), _polygons(b[usable]), image_size)
    return ratio.reshape(shape)


def polygon_box_overlap(
    polygon: ArrayLike, box: ArrayLike, image_size: tuple[int, int] | None = None, *, raster: bool = True
) -> float:
    """Overlap of one annotated region and one predicted region: what the VOT protocol tests for failure (<= 0).

    Args:
        polygon: 8 corner coordinates, or a box of 4 numbers.
        box: A box of 4 numbers, or 8 corner coordinates.
        image_size: (width, height) to which both are cut (VOT from 2016 on), or None.
        raster: Count pixels like the toolkit; False measures exactly.

    >>> polygon_box_overlap([0, 0, 10, 0, 10, 10, 0, 10], [11, 0, 5, 5], (40, 30))
    0.0
    """
    return float((raster_overlap if raster else exact_overlap)(polygon, box, image_size))


def _paired(first: ArrayLike, second: ArrayLike) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    a, b = _last(first, (4, 8), "regions"), _last(second, (4, 8), "regions")
    shape = np.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    rows = [np.broadcast_to(r, (*shape, r.shape[-1])).reshape(-1, r.shape[-1]) for r in (a, b)]
    return rows[0], rows[1], shape


def _has_region(regions: FloatArray) -> BoolArray:
    usable: BoolArray = np.asarray(np.isfinite(regions).all(axis=-1))
    return usable if regions.shape[-1] == 8 else usable & (regions[:, 2] > 0) & (regions[:, 3] > 0)


def _polygons(regions: FloatArray) -> FloatArray:
    return regions if regions.shape[-1] == 8 else box_to_polygon(regions)
