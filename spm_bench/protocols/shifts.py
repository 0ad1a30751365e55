"""The twelve first boxes of OTB's spatial robustness (Wu, Lim, Yang, TPAMI 2015; OTB toolkit, `shiftInitBB.m`).

The annotated box is moved by a tenth of its size to the left, right, up or down; stretched by a tenth at one corner
with the opposite corner fixed; or scaled about its centre by 0.8, 0.9, 1.1 or 1.2. All is done in the toolkit's
coordinates, whose first pixel is 1, on whole pixels, and cut at the picture's border by its rule: a corner outside is
set to the border, and then the size is cut.
"""

from __future__ import annotations

import math

import numpy as np

from spm_bench.errors import DataError, unknown_name
from spm_bench.trackers.base import Box

SHARE = 0.1
"""Of the box's size, by which it is moved or stretched."""
SCALES = {"scale_8": 0.8, "scale_9": 0.9, "scale_11": 1.1, "scale_12": 1.2}
SIDES = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
CORNERS = {"topLeft": (-1, -1), "topRight": (1, -1), "bottomLeft": (-1, 1), "bottomRight": (1, 1)}
SHIFTS = (*SIDES, *CORNERS, *SCALES)
"""Names and order are the toolkit's (`shiftTypeSet`)."""


def shifted_box(box: Box, shift: str, size: tuple[int, int]) -> Box:
    """Disturb a first box.

    Args:
        box: (x, y, w, h), 0-based.
        shift: One of `SHIFTS`.
        size: (width, height) of the picture.

    Returns:
        The box to start on, 0-based.

    Raises:
        UsageError: No such shift.
        DataError: The box lies so far outside the picture that nothing is left of it.

    >>> shifted_box(np.array([49.0, 49.0, 25.0, 40.0]), "left", (320, 240)).tolist()
    [46.0, 49.0, 25.0, 40.0]
    >>> shifted_box(np.array([49.0, 49.0, 25.0, 40.0]), "scale_8", (320, 240)).tolist()
    [52.0, 53.0, 20.0, 32.0]
    """
    x, y, w, h = (float(value) for value in np.add(box, (1.0, 1.0, 0.0, 0.0)))
    if shift in SIDES:
        dx, dy = SIDES[shift]
        x, y = x + dx * math.ceil(SHARE * w), y + dy * math.ceil(SHARE * h)
    elif shift in CORNERS:
        x, y, w, h = _stretched(x, y, w, h, *CORNERS[shift])
    elif shift in SCALES:
        ratio = SCALES[shift]
        x, y = _round(x + w / 2 - ratio * w / 2), _round(y + h / 2 - ratio * h / 2)
        w, h = _round(ratio * w), _round(ratio * h)
    else:
        raise unknown_name("shift of the first box", shift, SHIFTS)
    x, y = max(x, 1.0), max(y, 1.0)
    w, h = min(w, size[0] - x + 1), min(h, size[1] - y + 1)
    if w <= 0 or h <= 0:
        raise DataError(f"the first box, shifted ({shift}), lies outside the picture of {size[0]} x {size[1]}")
    return np.array([x - 1, y - 1, w, h])


def _stretched(x: float, y: float, w: float, h: float, dx: int, dy: int) -> tuple[float, float, float, float]:
    """Move one corner out by a tenth of the size; the others follow."""
    right, bottom = x + w - 1, y + h - 1
    x, right = (_round(x - SHARE * w), right) if dx < 0 else (x, _round(right + SHARE * w))
    y, bottom = (_round(y - SHARE * h), bottom) if dy < 0 else (y, _round(bottom + SHARE * h))
    return x, y, right - x + 1, bottom - y + 1


def _round(value: float) -> float:
    """To the nearest whole number, halves away from zero: MATLAB's `round`."""
    return math.copysign(math.floor(abs(value) + 0.5), value)
