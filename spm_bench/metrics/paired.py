"""Means over sequences, and differences of two trackers on the same sequences, with bootstrap intervals.

Two trackers are compared by the differences of each sequence (paired): what makes a sequence hard for both then drops
out. What is drawn, and how the interval is cut, is told in `spm_bench.metrics.resampling`. Shapes: S sequences.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spm_bench.metrics.resampling import METHODS, RESAMPLES, Interval, bootstrap, mean_over

__all__ = ["METHODS", "RESAMPLES", "Interval", "mean_interval", "paired_interval"]


def mean_interval(
    values: ArrayLike,
    units: ArrayLike | None = None,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    method: str = "bca",
) -> Interval:
    """Mean of S values with a bootstrap interval.

    Args:
        values: S finite numbers, one per sequence.
        units: S labels; sequences with the same label are drawn together. None: each sequence is its own unit.
        level: Of the interval, above 0 and below 1.
        resamples: How often units are drawn.
        seed: Equal seeds give equal intervals.
        method: "bca" or "percentile".

    Raises:
        ValueError: No value, a value that is not finite, other shapes, or a level, number or method that is none.

    >>> mean_interval([0.1, 0.4, 0.3, 0.2], method="percentile").value
    0.25
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        raise ValueError("an interval needs a list of finite numbers, at least one")
    return bootstrap(mean_over(x), units, level=level, resamples=resamples, seed=seed, method=method)


def paired_interval(
    first: ArrayLike,
    second: ArrayLike,
    units: ArrayLike | None = None,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    method: str = "bca",
) -> Interval:
    """Mean of the differences `first - second` of the same S sequences, with a bootstrap interval.

    Args:
        first: S numbers of one tracker.
        second: S numbers of the other, in the same order.
        units: See `mean_interval`, as for all that follow.
        level: Of the interval.
        resamples: How often units are drawn.
        seed: Equal seeds give equal intervals.
        method: "bca" or "percentile".

    Raises:
        ValueError: As `mean_interval`, or lists of different lengths.

    >>> paired_interval([0.5, 0.7, 0.9], [0.25, 0.45, 0.65]).above_zero
    True
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{a.size} and {b.size} values are not pairs")
    return mean_interval(a - b, units, level=level, resamples=resamples, seed=seed, method=method)
