"""Frames per second, in the two ways in use, and how long frames take. NaN or 0 seconds are a frame that is not timed.

In scoring the seconds are the tracker's own (init, update); in timing they are those of one part of a frame's work.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def milliseconds(seconds: ArrayLike, quantile: float = 0.5) -> float | None:
    """Time that this share of the timed frames stay below or at: 0.5 is the median, 0.95 "p95"; None without any.

    >>> milliseconds([0.001, 0.002, 0.004]), milliseconds([])
    (2.0, None)
    """
    timed = _timed(seconds)
    return 1e3 * float(np.quantile(timed, quantile)) if len(timed) else None


def spread_between_rounds(rounds: Sequence[ArrayLike]) -> float | None:
    """How far apart repeated timings are: (slowest - fastest) / middle one of the rounds' mean seconds.

    None for fewer than two rounds, which say nothing about each other.

    >>> round(spread_between_rounds([[0.1, 0.1], [0.1, 0.12], [0.1, 0.14]]), 3)
    0.182
    """
    means = [float(_timed(seconds).mean()) for seconds in rounds if len(_timed(seconds))]
    return (max(means) - min(means)) / float(np.median(means)) if len(means) > 1 else None


def _timed(seconds: ArrayLike) -> FloatArray:
    values = np.asarray(seconds, np.float64).ravel()
    return values[np.isfinite(values) & (values > 0)]
