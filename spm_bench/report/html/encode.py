"""Numbers for the page, small: overlaps in one byte a frame, coordinates in two; text that no HTML parser can misread.

`static/decode.js` reads what is written here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from spm_bench.results.trajectory import FrameState

FloatArray = NDArray[np.float64]

STEPS = 250
"""Overlaps are kept to 1/250: a quarter of a pixel's height in the timeline."""
FAILED, INITIALISED, UNKNOWN = 252, 253, 255
"""Bytes that are no overlap: the tracker had failed, was (re)initialised, or there is nothing to compare."""
NOTHING = -32768
"""A coordinate of a region that is not there."""
FINE = 4
"""Coordinates are kept to a quarter of a pixel, finer than annotations are."""
FURTHEST = 32767


def encode_overlaps(overlaps: FloatArray, states: NDArray[np.int8], *, restarts: bool) -> str:
    """Base64 of n bytes: round(250 x overlap), or a code.

    Args:
        overlaps: n values of 0 to 1, NaN where unknown.
        states: n values of `FrameState`.
        restarts: Whether the tracker is started again after failures, so that starts are worth a mark.
    """
    codes = np.full(len(overlaps), UNKNOWN, dtype=np.uint8)
    known = ~np.isnan(overlaps)
    codes[known] = np.rint(STEPS * overlaps[known].clip(0.0, 1.0)).astype(np.uint8)
    if restarts:
        codes[states == FrameState.FAILURE] = FAILED
        codes[states == FrameState.INIT] = INITIALISED
    return _base64(codes.tobytes())


def coordinate_scale(truth: FloatArray, size: tuple[int, int]) -> int:
    """Units a pixel: `FINE`, or 1 for pictures so large that quarters of their pixels need more than two bytes."""
    largest = max(*size, np.nanmax(np.abs(truth), initial=0.0))
    return FINE if largest * FINE < FURTHEST else 1


def encode_regions(regions: FloatArray, scale: int) -> str:
    """Base64 of n x 4 or n x 8 little-endian int16: coordinates x `scale`; whole rows of `NOTHING` for NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        units = np.rint(regions * scale).clip(-FURTHEST, FURTHEST)
    units[~np.isfinite(regions).all(axis=1)] = NOTHING
    return _base64(units.astype("<i2").tobytes())


def ranges(flags: NDArray[np.bool_]) -> list[list[int]]:
    """First and last index of each run of true values.

    >>> ranges(np.array([True, True, False, True]))
    [[0, 1], [3, 3]]
    """
    steps = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    return [[int(a), int(b) - 1] for a, b in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)]


def rounded(values: Sequence[float] | FloatArray, digits: int = 4) -> list[float | None]:
    """Numbers for JSON: rounded, None for what is not finite."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]


def script_json(content: Any) -> Markup:
    """JSON for a script element: ASCII, and no letter that could end the element or start a comment or an entity."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
