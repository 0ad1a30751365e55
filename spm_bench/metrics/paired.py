"""How sure a mean over sequences is, and a difference of two trackers on the same sequences: bootstrap intervals.

Sequences are drawn again, with replacement, as often as there are; the spread of the means is the uncertainty that
comes from the choice of sequences. It says nothing about another training of the same network. Two trackers are
compared by the differences of each sequence (paired): what makes a sequence hard for both then drops out.

Sequences that show the same video (steps of one scene, two targets in one video) are not independent. They form one
unit, and whole units are drawn.

Intervals are Efron's bias-corrected and accelerated ones (BCa; Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapter 14), or plain percentiles. Shapes: S sequences, G units, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

METHODS = ("bca", "percentile")
RESAMPLES = 10_000
"""With 10,000 resamples the ends of a 95 % interval vary by about 2 % of its width from seed to seed."""


@dataclass(frozen=True)
class Interval:
    """A mean and how far it may lie from the mean over all sequences of this kind.

    Attributes:
        value: The mean over the S sequences.
        low: Lower end; NaN with fewer than two units.
        high: Upper end; NaN with fewer than two units.
        level: Share of such intervals that hold the true mean.
        n_sequences: S.
        n_units: G.
    """

    value: float
    low: float
    high: float
    level: float
    n_sequences: int
    n_units: int

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is above zero."""
        return self.low > 0.0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval is below zero."""
        return self.high < 0.0


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
        resamples: R; how often units are drawn.
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
    if not 0.0 < level < 1.0 or resamples < 1:
        raise ValueError(f"no interval has level {level} from {resamples} resamples")
    if method not in METHODS:
        raise ValueError(f"no method {method!r}, only {' and '.join(METHODS)}")
    sums, counts = _by_unit(x, units)
    value = float(x.mean())
    if len(sums) < 2:
        return Interval(value, np.nan, np.nan, level, len(x), len(sums))
    drawn = _resampled_means(sums, counts, resamples, seed)
    shares = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        shares = _corrected(shares, drawn, value, _left_out_means(sums, counts))
    low, high = np.quantile(drawn, shares)
    return Interval(value, float(low), float(high), level, len(x), len(sums))


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
        resamples: R.
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


def _by_unit(values: FloatArray, units: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Sums and numbers of values of the G units."""
    if units is None:
        return values, np.ones_like(values)
    labels = np.asarray(units)
    if labels.shape != values.shape:
        raise ValueError(f"{labels.size} units for {values.size} values")
    _, members = np.unique(labels, return_inverse=True)
    return np.bincount(members, values).astype(np.float64), np.bincount(members).astype(np.float64)


def _resampled_means(sums: FloatArray, counts: FloatArray, resamples: int, seed: int) -> FloatArray:
    """R means; drawing G of G units is a multinomial number of times each."""
    n = len(sums)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=resamples)
    return np.asarray((times @ sums) / (times @ counts))


def _left_out_means(sums: FloatArray, counts: FloatArray) -> FloatArray:
    """G means, each without one unit."""
    return np.asarray((sums.sum() - sums) / (counts.sum() - counts))


def _corrected(shares: FloatArray, drawn: FloatArray, value: float, left_out: FloatArray) -> FloatArray:
    """The shares at which the BCa interval cuts the resampled means, instead of the plain ones."""
    normal = NormalDist()
    away = left_out.mean() - left_out
    spread = float((away**2).sum())
    if spread == 0.0:
        return shares  # all units agree: there is nothing to correct, and the interval is a point
    acceleration = float((away**3).sum()) / (6.0 * spread**1.5)
    # Ties count half; the ends stay inside (0, 1), where the normal quantile is finite.
    below = (np.count_nonzero(drawn < value) + 0.5 * np.count_nonzero(drawn == value)) / len(drawn)
    bias = normal.inv_cdf(float(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn))))
    z = bias + np.array([normal.inv_cdf(float(share)) for share in shares])
    return np.array([normal.cdf(bias + v / (1.0 - acceleration * v)) for v in z])
