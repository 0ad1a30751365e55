"""VOT's annotations line by line: boxes, polygons, and the masks of VOT-ST 2020 to 2022, which become boxes.

A line of a mask is `m` and whole numbers separated by commas: x, y, w, h of a window in the picture, then lengths of
runs, alternately of pixels off and on the target, row by row through the window; what they do not reach is off.

**The rule here**: a mask's box is the smallest upright one that holds all of its pixels, where pixel i covers
[i, i + 1): x = first column, w = last column - first column + 1, and likewise for rows. A mask without a pixel is a
frame without annotation. So are lines of a single number, VOT's code for an unknown region.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spm_bench.errors import DataError
from spm_bench.geometry.polygons import bounding_box
from spm_bench.suites.annotations import BOX_COLUMNS, POLYGON_COLUMNS, parse_rows, read_text
from spm_bench.suites.base import FloatArray

_CUT = "Is the file cut, or of another format?"


def read_regions(path: Path) -> tuple[FloatArray, FloatArray | None]:
    """Read a ground-truth file of VOT.

    Returns:
        n x 4 boxes, NaN where there is no annotation; n x 8 polygons if every line is one or has none, else None.

    Raises:
        DataError: Unreadable or empty, or a line that is none of these; names file and line.
    """
    lines = read_text(path).decode("utf-8", errors="replace").rstrip().splitlines()
    if not any(_is_special(line) for line in lines):
        rows = parse_rows(path, (BOX_COLUMNS, POLYGON_COLUMNS))
        return (rows, None) if rows.shape[1] == BOX_COLUMNS else (bounding_box(rows), rows)
    found = [_region(line.strip(), path, number) for number, line in enumerate(lines, start=1)]
    boxes = np.array([box_of(region) for region in found])
    if any(len(region) == BOX_COLUMNS for region in found):
        return boxes, None
    nowhere = np.full(POLYGON_COLUMNS, np.nan)
    return boxes, np.array([region if len(region) == POLYGON_COLUMNS else nowhere for region in found])


def _is_special(line: str) -> bool:
    """Whether a line is a mask, or a code: one word without a separator."""
    return line.startswith("m") or (len(line.split()) == 1 and "," not in line and ";" not in line)


def box_of(region: FloatArray) -> FloatArray:
    """The upright box of a region of 4 or 8 values; NaN for one of a single value."""
    if len(region) == POLYGON_COLUMNS:
        return np.asarray(bounding_box(region))
    return region if len(region) == BOX_COLUMNS else np.full(BOX_COLUMNS, np.nan)


def _region(line: str, path: Path, number: int) -> FloatArray:
    """The values of a line; a mask's are those of its box."""
    try:
        if line.startswith("m"):
            return mask_box([int(word) for word in line[1:].split(",")])
        values = np.array([float(word) for word in line.split(",")])
    except (ValueError, OverflowError) as problem:
        raise DataError(f"this is no region of VOT ({problem})", where=path, line=number, remedy=_CUT) from None
    if len(values) not in (1, BOX_COLUMNS, POLYGON_COLUMNS) or np.isinf(values).any():
        expected = "1, 4 or 8 values or a mask"
        raise DataError(f"{len(values)} values instead of {expected}", where=path, line=number, remedy=_CUT)
    return values


def mask_box(numbers: list[int]) -> FloatArray:
    """The smallest upright box around a mask's pixels (see the module); NaN for a mask without any.

    Args:
        numbers: x, y, w, h, then lengths of runs.

    Raises:
        ValueError: Fewer than four numbers, a negative size or length, or runs that leave the window.

    >>> mask_box([10, 20, 4, 3, 5, 2, 2, 1])
    array([11., 21.,  2.,  2.])
    """
    if len(numbers) < BOX_COLUMNS:
        raise ValueError("a mask has x, y, w, h")
    x, y, w, h = numbers[:BOX_COLUMNS]
    runs = np.array(numbers[BOX_COLUMNS:], dtype=np.int64)
    if w < 0 or h < 0 or (runs < 0).any():
        raise ValueError("a size or a run is negative")
    total = sum(numbers[BOX_COLUMNS:])  # exact, whatever the lengths: 64 bits would wrap around
    if total > w * h:
        raise ValueError(f"runs of {total} pixels in a window of {w} x {h}")
    ends = np.cumsum(runs)
    first, last = ends[0::2][: len(runs) // 2], ends[1::2]  # of each run on the target: first pixel, one past the last
    on = last > first
    if not on.any():
        return np.full(BOX_COLUMNS, np.nan)
    first, last = first[on], last[on] - 1
    top, bottom = int(first.min() // w), int(last.max() // w)
    whole = first // w != last // w  # a run over a row's end reaches both sides of the window
    left = 0 if whole.any() else int((first % w).min())
    right = w - 1 if whole.any() else int((last % w).max())
    return np.array([x + left, y + top, right - left + 1, bottom - top + 1], dtype=np.float64)
