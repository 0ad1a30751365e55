"""Where to put the names of points in a figure, so that no name lies on another, on a point, or outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_DIRECTIONS = np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)], dtype=np.float64)
"""Where a name stands from its point, the easiest to read first: right, left, above, below, then the corners."""
_RINGS = 24
"""Distances tried, each half a line further away than the last; beyond that, nobody would see what belongs together."""


def place_labels(
    points: FloatArray, sizes: FloatArray, room: FloatArray, gap: float, obstacles: FloatArray | None = None
) -> FloatArray:
    """Place one label beside each point, greedily in the given order: those of crowded points move further away.

    Args:
        points: N x 2, in pixels or any unit, y upwards.
        sizes: N x 2, width and height of the labels.
        room: (x0, y0, x1, y1) the labels must stay in.
        gap: Least distance between a label and its point; half as much stays free around every point.
        obstacles: M x 4, boxes (x0, y0, x1, y1) that labels should not lie on either: whiskers, say.

    Returns:
        N x 2, lower left corners. No two labels overlap as long as there is room for all.
    """
    half = np.full(2, gap / 2)
    taken = [np.concatenate((p - half, p + half)) for p in points]
    taken += [] if obstacles is None else list(obstacles)
    corners = np.empty((len(points), 2))
    for n, (point, size) in enumerate(zip(points, sizes, strict=True)):
        boxes = _candidates(point, size, gap)
        outside = np.maximum(room[:2] - boxes[:, :2], 0) + np.maximum(boxes[:, 2:] - room[2:], 0)
        hidden = sum(_overlap(boxes, other) for other in taken)
        # the first free place; where none is free, the one that hides least
        best = int(np.argmin(hidden + outside.sum(axis=1) * size.sum()))
        corners[n] = boxes[best, :2]
        taken.append(boxes[best])
    return corners


def _candidates(point: FloatArray, size: FloatArray, gap: float) -> FloatArray:
    """Boxes M x 4 (x0, y0, x1, y1) around a point, the nearest and best to read first."""
    distances = gap + 0.5 * size[1] * np.arange(_RINGS)
    offsets = (distances[:, None, None] * _DIRECTIONS).reshape(-1, 2)
    directions = np.tile(_DIRECTIONS, (_RINGS, 1))
    lower = point + offsets + size * (directions - 1) / 2
    return np.concatenate((lower, lower + size), axis=1)


def _overlap(boxes: FloatArray, other: FloatArray) -> FloatArray:
    """Area that M boxes share with one."""
    sides = np.minimum(boxes[:, 2:], other[2:]) - np.maximum(boxes[:, :2], other[:2])
    return np.asarray(sides.clip(min=0).prod(axis=1), dtype=np.float64)
