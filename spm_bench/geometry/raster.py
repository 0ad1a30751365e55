"""The overlap of VOT: regions are painted on the pixel grid and the pixels are counted.

The rule was found by comparing outputs with the VOT toolkit 0.7.4 (`vot.region.calculate_overlap`); results are equal.

* Coordinates are rounded to integers first (float32, halves to even); of a box, x, y, width and height each.
* A box owns the pixels x ... x + w - 1, a polygon's corners belong to it: its sides are closed.
* A polygon is painted row by row. Each side that reaches the row gives one crossing, cut towards zero; a horizontal
  side in the row gives its end point. Crossings are sorted and painted from the first to the second, from the third to
  the fourth; where the two are the same pixel, painting goes on from the second instead.
* Only the window is painted that holds both regions, cut to the picture where its size is given. Crossings are cut
  towards zero inside the window, so that a span that ends less than one pixel left of it still paints its first column.
* Regions that together span one row or one column have overlap 1. A window of one row or column *after* the cut: 0.

Where we differ, on purpose: without a picture size, the toolkit miscounts boxes in windows that start at negative
coordinates (an index wraps round); here they are counted as anywhere else. Boxes without area have no pixel.

Shapes: n pairs, F pairs of one block, H rows of its tallest window, 4 corners, sides or crossings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
CountArray = NDArray[np.int64]
IntpArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

BLOCK = 12_288
"""Rows painted at once, so that the dozen arrays of a block stay in a core's cache."""
FAR = np.int32(2**29)
"""Stands for "no crossing": sorts last, and its length is below zero after any cut to the window."""
ROUNDING = 1e-6
"""Far above a crossing's rounding error, far below 1 / height: its least distance from a whole number otherwise."""
LARGEST = 2.0**17
"""Coordinates are cut to this, far outside of any picture, so that a result gone astray cannot fill the memory."""


@dataclass(frozen=True, eq=False)
class _Regions:
    """Rounded regions: corners of the polygons (n x 4), extents of all (n), closed in pixels."""

    x: FloatArray
    y: FloatArray
    left: FloatArray
    top: FloatArray
    right: FloatArray
    bottom: FloatArray
    usable: BoolArray
    is_box: bool

    def __getitem__(self, rows: IntpArray) -> _Regions:
        x, y, left, top, right, bottom = (
            part[rows] for part in (self.x, self.y, self.left, self.top, self.right, self.bottom)
        )
        return _Regions(x, y, left, top, right, bottom, self.usable[rows], self.is_box)

    def reshaped(self, *shape: int) -> _Regions:
        """The same with extents and usability in another shape; corners stay as they are."""
        left, top, right, bottom = (part.reshape(shape) for part in (self.left, self.top, self.right, self.bottom))
        return _Regions(self.x, self.y, left, top, right, bottom, self.usable.reshape(shape), self.is_box)


def _regions(values: FloatArray) -> _Regions:
    with np.errstate(all="ignore"):
        usable = np.asarray(np.isfinite(values).all(axis=-1))
        cut = np.clip(np.where(usable[:, None], values, 0.0), -LARGEST, LARGEST)
        rounded = np.rint(cut.astype(np.float32)).astype(np.float64)
    if values.shape[-1] == 4:
        x, y, w, h = rounded.T
        sides = np.maximum(w, 0.0), np.maximum(h, 0.0)
        # a box that rounds to no width keeps its place in the window, as in the toolkit, but owns no pixel
        return _Regions(rounded, rounded, x, y, x + sides[0] - 1, y + sides[1] - 1, usable, is_box=True)
    x, y = rounded[:, 0::2], rounded[:, 1::2]
    return _Regions(x, y, x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1), usable, is_box=False)


@dataclass(frozen=True, eq=False)
class _Windows:
    """Windows of pairs, in pixels, both ends belonging to them (n each)."""

    left: FloatArray
    top: FloatArray
    right: FloatArray
    bottom: FloatArray

    def __getitem__(self, rows: IntpArray) -> _Windows:
        return _Windows(self.left[rows], self.top[rows], self.right[rows], self.bottom[rows])


def _windows(a: _Regions, b: _Regions) -> _Windows:
    return _Windows(
        np.minimum(a.left, b.left),
        np.minimum(a.top, b.top),
        np.maximum(a.right, b.right),
        np.maximum(a.bottom, b.bottom),
    )


def _common(a: _Regions, b: _Regions, window: _Windows) -> _Windows:
    """Where both extents meet in the window; left > right or top > bottom where they do not."""
    return _Windows(
        np.maximum(np.maximum(a.left, b.left), window.left),
        np.maximum(np.maximum(a.top, b.top), window.top),
        np.minimum(np.minimum(a.right, b.right), window.right),
        np.minimum(np.minimum(a.bottom, b.bottom), window.bottom),
    )


def _is_thin(window: _Windows) -> BoolArray:
    return np.asarray((window.left >= window.right) | (window.top >= window.bottom))


@dataclass(frozen=True, eq=False)
class _Spans:
    """What a region paints in each row of a block: `start ... stop`, and a second span where a row has two (F x H)."""

    start: IntArray
    stop: IntArray
    second: tuple[IntArray, IntArray] | None = None

    def count(self) -> CountArray:
        """Pixels of each pair (F)."""
        total = _length(self.start, self.stop)
        return total if self.second is None else total + _length(*self.second)

    def shared(self, other: _Spans) -> CountArray:
        """Pixels painted by both (F)."""
        mine = [(self.start, self.stop), *([] if self.second is None else [self.second])]
        theirs = [(other.start, other.stop), *([] if other.second is None else [other.second])]
        pairs = [_length(np.maximum(m[0], t[0]), np.minimum(m[1], t[1])) for m in mine for t in theirs]
        return sum(pairs[1:], pairs[0])


def _length(start: IntArray, stop: IntArray) -> CountArray:
    lengths = stop - start
    lengths += 1
    np.maximum(lengths, 0, out=lengths)
    total: CountArray = lengths.sum(axis=1, dtype=np.int64)
    return total


def _corners(region: _Regions, window: _Windows) -> tuple[FloatArray, FloatArray]:
    """Corners relative to the window, x and y (4 x F x 1)."""
    return (region.x - window.left[:, None]).T[..., None], (region.y - window.top[:, None]).T[..., None]


def _along(x: FloatArray, y: FloatArray, rows: FloatArray) -> tuple[FloatArray, BoolArray]:
    """How far right of its end each side meets each row, and which rows it does not reach (4 x F x H)."""
    from_x, from_y = np.roll(x, 1, axis=0), np.roll(y, 1, axis=0)
    flat = y == from_y
    # the order of these operations decides on which side of a pixel's edge rounding puts an exact hit
    way = rows - y
    way /= np.where(flat, 1.0, from_y - y)
    way *= np.where(flat, 0.0, from_x - x)
    return way, (rows < np.minimum(y, from_y)) | (rows > np.maximum(y, from_y))


def _is_delicate(region: _Regions, window: _Windows, rows: FloatArray) -> BoolArray:
    """Tell whose crossings miss a whole number by a rounding error, so that its size decides about a pixel (F)."""
    way, beyond = _along(*_corners(region, window), rows)
    error = np.abs(way - np.rint(way))
    return np.asarray(((error > 0) & (error < ROUNDING) & ~beyond).any(axis=(0, 2)))


def _crossings(region: _Regions, window: _Windows, rows: FloatArray) -> IntArray:
    """Columns where the sides of polygons meet each row, sorted, FAR where they do not (4 x F x H)."""
    x, y = _corners(region, window)
    way, beyond = _along(x, y, rows)
    way += x
    with np.errstate(invalid="ignore"):  # sides extended beyond their ends may leave the range of int32
        nodes: IntArray = way.astype(np.int32)
    nodes[beyond] = FAR
    a, b = np.minimum(nodes[0], nodes[1]), np.maximum(nodes[0], nodes[1])
    c, d = np.minimum(nodes[2], nodes[3]), np.maximum(nodes[2], nodes[3])
    np.minimum(a, c, out=nodes[0])
    np.maximum(b, d, out=nodes[3])
    middle, other = np.maximum(a, c), np.minimum(b, d)
    np.minimum(middle, other, out=nodes[1])
    np.maximum(middle, other, out=nodes[2])
    return nodes


def _paint(region: _Regions, window: _Windows, rows: FloatArray) -> _Spans:
    """Spans of polygons in the rows of a block, cut to their windows. Rows: F x H, relative to the window's top."""
    first, second, third, fourth = _crossings(region, window, rows)
    last = (window.right - window.left).astype(np.int32)[:, None]
    same = first == second
    stop = np.where(same & (third < FAR), third, second)
    two = (fourth < FAR) & (~same | (second == third))
    again = None
    if two.any():
        restart = np.where(two, np.maximum(third, stop + 1), FAR)
        again = np.maximum(restart, 0), np.minimum(fourth, last)
    return _Spans(np.maximum(first, 0), np.minimum(stop, last), again)


def _fill(region: _Regions, window: _Windows, rows: FloatArray) -> _Spans:
    """Spans of boxes, like `_paint`."""
    inside = (rows >= (region.top - window.top)[:, None]) & (rows <= (region.bottom - window.top)[:, None])
    start = np.maximum(region.left - window.left, 0.0).astype(np.int32)[:, None]
    stop = np.minimum(region.right, window.right) - window.left
    return _Spans(np.where(inside, start, FAR), np.broadcast_to(stop.astype(np.int32)[:, None], rows.shape))


def _shared_with_boxes(spans: _Spans, members: IntpArray, box: _Windows, window: _Windows) -> CountArray:
    """Pixels that boxes share with some members of a block, painted from the top of their windows."""
    whole = len(members) == len(spans.start)
    left, right = ((x - window.left[members]).astype(np.int32)[:, None] for x in (box.left, box.right))
    top, bottom = ((y - window.top[members]).astype(np.int32)[:, None] for y in (box.top, box.bottom))
    row = np.arange(spans.start.shape[1], dtype=np.int32)
    inside = (row >= top) & (row <= bottom)
    total = np.zeros(len(members), dtype=np.int64)
    for start, stop in [(spans.start, spans.stop), *([] if spans.second is None else [spans.second])]:
        length = np.minimum(stop if whole else stop[members], right)
        length -= np.maximum(start if whole else start[members], left)
        length += 1
        np.maximum(length, 0, out=length)
        length *= inside
        total += length.sum(axis=1, dtype=np.int64)
    return total


def _count_block(a: _Regions, b: _Regions, window: _Windows) -> FloatArray:
    """Overlaps of pairs by painting both (F); only the second may be boxes."""
    low, high = window.top, window.bottom
    if b.is_box:  # their pixels need no rows to be counted
        low, high = np.maximum(low, a.top), np.minimum(high, a.bottom)
    rows = _rows(low, high, window)
    ours, theirs = _paint(a, window, rows), (_fill if b.is_box else _paint)(b, window, rows)
    shared = ours.shared(theirs)
    union = ours.count() + (_box_pixels(b, window) if b.is_box else theirs.count()) - shared
    return np.asarray(shared / np.maximum(union, 1))


def _rows(low: FloatArray, high: FloatArray, window: _Windows) -> FloatArray:
    """Rows low ... high of each window, relative to its top (F x H)."""
    height = int((high - low).max()) + 1
    rows = np.arange(height, dtype=np.float64) + (low - window.top)[:, None]
    # rows past the end of a pair's own window lie in the block only because another pair is taller
    rows[rows > (high - window.top)[:, None]] = 4 * LARGEST
    return np.asarray(rows)


def _box_pixels(box: _Regions | _Windows, window: _Windows) -> FloatArray:
    width = np.minimum(box.right, window.right) - np.maximum(box.left, window.left) + 1
    height = np.minimum(box.bottom, window.bottom) - np.maximum(box.top, window.top) + 1
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def _count_boxes(a: _Regions, b: _Regions, window: _Windows) -> FloatArray:
    shared = _box_pixels(a, _common(a, b, window))
    return np.asarray(shared / np.maximum(_box_pixels(a, window) + _box_pixels(b, window) - shared, 1))


def _blocks(heights: FloatArray) -> list[IntpArray]:
    """Split pairs into blocks of similar height, each of about `BLOCK` rows."""
    order = np.argsort(heights, kind="stable")[::-1]
    blocks, start = [], 0
    while start < len(order):
        size = max(1, int(BLOCK // (heights[order[start]] + 1)))
        blocks.append(order[start : start + size])
        start += size
    return blocks


def _cut(window: _Windows, image_size: ArrayLike | None) -> _Windows:
    """Windows cut to the picture."""
    if image_size is None:
        return window
    width, height = np.asarray(image_size, dtype=np.float64)
    return _Windows(
        np.maximum(window.left, 0.0),
        np.maximum(window.top, 0.0),
        np.minimum(window.right, width - 1),
        np.minimum(window.bottom, height - 1),
    )


def _start(a: _Regions, b: _Regions, image_size: ArrayLike | None) -> tuple[FloatArray, _Windows, BoolArray]:
    """What needs no painting: overlaps so far (n), the windows, and which pairs are still open (n booleans)."""
    joint = _windows(a, b)
    window = _cut(joint, image_size)
    usable, thin = a.usable & b.usable, _is_thin(joint)
    # the rounded extents of regions that share a pixel meet inside the window; all others need no painting
    common = _common(a, b, window)
    meet = (common.left <= common.right) & (common.top <= common.bottom)
    return np.where(usable & thin, 1.0, 0.0), window, usable & ~thin & ~_is_thin(window) & meet


def raster_overlaps(first: FloatArray, second: FloatArray, image_size: ArrayLike | None) -> FloatArray:
    """Rasterised overlaps of n pairs of regions; see `spm_bench.geometry.polygons.raster_overlap`.

    Args:
        first: n x 4 boxes or n x 8 polygons.
        second: The same number of boxes or polygons.
        image_size: (width, height) in pixels, for all pairs; None for no bound.
    """
    a, b = _regions(first), _regions(second)
    overlaps, window, unsettled = _start(a, b, image_size)
    _settle(overlaps, a, b, window, np.flatnonzero(unsettled))
    return overlaps


def _settle(overlaps: FloatArray, a: _Regions, b: _Regions, window: _Windows, pairs: IntpArray) -> None:
    """Fill in the overlaps of some pairs, by painting them where a region is a polygon."""
    if a.is_box and b.is_box:
        overlaps[pairs] = _count_boxes(a[pairs], b[pairs], window[pairs])
        return
    if a.is_box:
        a, b = b, a
    for block in _blocks((window.bottom - window.top)[pairs]):
        rows = pairs[block]
        overlaps[rows] = _count_block(a[rows], b[rows], window[rows])


@dataclass(frozen=True, eq=False)
class PaintedPolygons:
    """n polygons, each painted once in its own window: what any number of boxes can be compared with.

    Attributes:
        polygons: Rounded.
        own: Their windows, cut to the picture.
        blocks: Of each block: its members, what they paint, and how many pixels.
        delicate: n booleans: a crossing is a whole number up to rounding, so that the window decides about a pixel.
        image_size: (width, height) that bounds them, or None.
    """

    polygons: _Regions
    own: _Windows
    blocks: tuple[tuple[IntpArray, _Spans, CountArray], ...]
    delicate: BoolArray
    image_size: tuple[float, float] | None

    def __len__(self) -> int:
        """Count the polygons."""
        return len(self.delicate)


def paint_polygons(polygons: FloatArray, image_size: ArrayLike | None) -> PaintedPolygons:
    """Paint n polygons for `painted_overlaps`.

    Args:
        polygons: n x 8.
        image_size: (width, height) in pixels; None for no bound.
    """
    one = _regions(polygons)
    own = _cut(_windows(one, one), image_size)
    wanted = np.flatnonzero(one.usable & (own.left <= own.right) & (own.top <= own.bottom))
    delicate = np.zeros(len(polygons), dtype=bool)
    blocks = []
    for block in _blocks((own.bottom - own.top)[wanted]):
        chosen = wanted[block]
        polygon, frame = one[chosen], own[chosen]
        rows = _rows(frame.top, frame.bottom, frame)
        spans, delicate[chosen] = _paint(polygon, frame, rows), _is_delicate(polygon, frame, rows)
        blocks.append((chosen, spans, spans.count()))
    size = None if image_size is None else tuple(map(float, np.asarray(image_size, dtype=np.float64)))
    return PaintedPolygons(one, own, tuple(blocks), delicate, None if size is None else (size[0], size[1]))


def painted_overlaps(painted: PaintedPolygons, boxes: FloatArray) -> FloatArray:
    """Rasterised overlaps of n polygons with R boxes each.

    The window of a pair decides about single pixels where a crossing is a whole number up to rounding. Polygons with
    such a crossing (about 2 in 100 annotations) are painted again for each pair, so the result is `raster_overlaps`'.

    Args:
        painted: n polygons.
        boxes: R x n x 4.

    Returns:
        R x n overlaps.
    """
    repeats, n = boxes.shape[:2]
    flat = _regions(boxes.reshape(-1, 4))
    overlaps, window, unsettled = _start(painted.polygons, flat.reshaped(repeats, n), painted.image_size)
    windows = _Windows(*(side.ravel() for side in (window.left, window.top, window.right, window.bottom)))
    extents = _Windows(flat.left, flat.top, flat.right, flat.bottom)
    for chosen, spans, area in painted.blocks:
        frame = painted.own[chosen]
        for row in range(repeats):
            members = np.flatnonzero(unsettled[row, chosen])
            columns = chosen if len(members) == len(chosen) else chosen[members]
            pairs = row * n + columns
            box = extents[pairs]
            shared = _shared_with_boxes(spans, members, box, frame)
            union = area[members] + _box_pixels(box, windows[pairs]) - shared
            overlaps[row, columns] = shared / np.maximum(union, 1)
    again = np.flatnonzero(unsettled & painted.delicate)
    values = np.empty(len(again))
    _settle(values, painted.polygons[again % n], flat[again], windows[again], np.arange(len(again)))
    overlaps.ravel()[again] = values
    return overlaps
