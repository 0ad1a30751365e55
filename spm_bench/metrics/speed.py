"""Frames per second, in the two ways in use. Seconds are the tracker's own (init, update); NaN or 0 is not timed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def frames_per_second(seconds: ArrayLike) -> float | None:
    """Timed frames over the sum of their seconds; None where no frame was timed.

    This is what a stopwatch beside the tracker shows: slow frames (the first, say) weigh as much as they last.

    >>> frames_per_second([0.1, 0.3, float("nan")])
    5.0
    """
    timed = _timed(seconds)
    return len(timed) / float(timed.sum()) if len(timed) else None


def mean_inverse_seconds(seconds: ArrayLike) -> float | None:
    """Mean of 1/t over the timed frames (got10k toolkit), never less than `frames_per_second`; None without any.

    >>> round(mean_inverse_seconds([0.1, 0.3]), 3)
    6.667
    """
    timed = _timed(seconds)
    return float(np.mean(1.0 / timed)) if len(timed) else None


def _timed(seconds: ArrayLike) -> FloatArray:
    values = np.asarray(seconds, np.float64).ravel()
    return values[np.isfinite(values) & (values > 0)]
