"""Whether a difference of two trackers is more than chance, and which difference could have been seen at all.

Pairs are the same sequences (or units: what is drawn together, see `spm_bench.metrics.resampling`, whose names are
also here). The signed-rank test asks whether a tracker is better on more, or by more, than it is worse; the swap test
asks the same of scores that no single sequence has (EAO). Both are exact for few pairs.

Sources: Wilcoxon 1945; Pratt 1959 (zeros); Holm 1979; Demsar, Statistical comparisons of classifiers over multiple
data sets, JMLR 2006. Shapes: n pairs, G units, S sequences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spm_bench.metrics.resampling import (
    LEVEL,
    RESAMPLES,
    Interval,
    Statistic,
    bootstrap,
    difference,
    mean_over,
    ratio_of_sums,
    standard_error,
)

__all__ = [
    "LEVEL",
    "POWER",
    "RESAMPLES",
    "TIE",
    "Interval",
    "Statistic",
    "bootstrap",
    "detectable_difference",
    "difference",
    "holm",
    "mean_over",
    "ratio_of_sums",
    "signed_rank_p",
    "signed_rank_side",
    "standard_error",
    "swap_p",
    "win_tie_loss",
]

FloatArray = NDArray[np.float64]

TIE = 1e-6
"""Differences up to this are none: two ways to compute the same boxes may differ in the last digits."""
POWER = 0.8
"""Share of experiments in which the minimum detectable difference is found (Cohen's convention)."""
EXACT_PAIRS = 300
"""Up to here the signed-rank distribution is computed exactly (a tenth of a second); beyond, it is normal enough."""
NORMAL_DEGREES = 1000
"""Degrees of freedom from which Student's quantiles equal the normal ones to three digits."""
ZEROS = ("wilcox", "pratt")


def signed_rank_p(differences: ArrayLike, zeros: str = "wilcox") -> float:
    """Two-sided p of Wilcoxon's signed-rank test: that n differences are as likely above zero as below.

    Equal sizes share the mean of their ranks, and the distribution is the exact one given these ranks (all 2^n sign
    patterns), up to `EXACT_PAIRS` pairs; beyond, the normal one with the same variance.

    Args:
        differences: n numbers; NaN are left out, those up to `TIE` are zeros.
        zeros: "wilcox" drops zeros before ranking; "pratt" ranks them, then drops them.

    Returns:
        p in (0, 1]; 1 where all differences are zero, NaN without any.

    Raises:
        ValueError: No such treatment of zeros.

    >>> signed_rank_p([0.2, 0.1, 0.4, 0.3, 0.5])
    0.0625
    """
    if zeros not in ZEROS:
        raise ValueError(f"no treatment of zeros {zeros!r}, only {' and '.join(ZEROS)}")
    values = _without_noise(differences)
    if not len(values):
        return float("nan")
    if zeros == "wilcox":
        values = values[values != 0.0]
    doubled = np.round(2 * _mean_ranks(np.abs(values))).astype(np.int64)  # mean ranks are halves: doubled, they count
    doubled, above = doubled[values != 0.0], values[values != 0.0] > 0
    if not len(doubled):
        return 1.0
    rank_sum = int(doubled[above].sum())
    return _exact_tails(doubled, rank_sum) if len(doubled) <= EXACT_PAIRS else _normal_tails(doubled, rank_sum)


def signed_rank_side(differences: ArrayLike) -> int:
    """Which side the signed-rank test leans to: 1 where ranks above zero weigh more, -1 below, 0 where they are even.

    It may be the other side than the mean's, where many small differences stand against a few large ones.

    >>> signed_rank_side([-0.01] * 60 + [0.5] * 8)
    -1
    """
    values = _without_noise(differences)
    values = values[values != 0.0]
    return int(np.sign((_mean_ranks(np.abs(values)) * np.sign(values)).sum())) if len(values) else 0


def _without_noise(differences: ArrayLike) -> FloatArray:
    """Differences that are known, in whole numbers of `TIE`, so that equal ones are equal."""
    values = np.asarray(differences, dtype=np.float64).ravel()
    return np.asarray(np.round(values[~np.isnan(values)] / TIE))


def _mean_ranks(sizes: FloatArray) -> FloatArray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, group, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[group])


def _exact_tails(ranks: NDArray[np.int64], rank_sum: int) -> float:
    """Twice the smaller tail of the sum of ranks when each has either sign with the same chance."""
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0], reached = 1.0, 0
    for rank in ranks:
        reached += int(rank)
        chances[rank : reached + 1] += chances[: reached + 1 - rank].copy()
        chances[: reached + 1] /= 2.0
    tail = min(chances[: rank_sum + 1].sum(), chances[rank_sum:].sum())
    return min(1.0, 2.0 * float(tail))


def _normal_tails(ranks: NDArray[np.int64], rank_sum: int) -> float:
    away = abs(rank_sum - ranks.sum() / 2) / math.sqrt(float((ranks.astype(np.float64) ** 2).sum()) / 4)
    return min(1.0, 2.0 * NormalDist().cdf(-away))


def swap_p(first: Statistic, second: Statistic, *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p of the randomisation test: that it does not matter which tracker a row's results are called after.

    The results of the two trackers are exchanged on every choice of rows (sequences, or units): on all 2^G where these
    are at most `resamples`, else on as many choices drawn by chance.

    Args:
        first: Of G rows.
        second: Of the same rows, by the same formula.
        resamples: Most choices.
        seed: Equal seeds give equal results.

    Returns:
        p in (0, 1]; NaN where the difference is undefined.
    """
    both, n = difference(first, second), len(first.columns)
    swapped = np.hstack([second.columns, first.columns]) - both.columns
    found = abs(both.value)
    if not n or not math.isfinite(found):
        return float("nan")
    exact = n < 63 and 2**n <= resamples
    if exact:
        choices = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        choices = np.random.default_rng(seed).integers(0, 2, (resamples, n))
    # one row more that is always there and holds what is not swapped
    always = Statistic(np.vstack([swapped, both.columns.sum(axis=0)]), both.formula)
    sizes = np.abs(always(np.hstack([choices, np.ones((len(choices), 1))])))
    sizes = sizes[np.isfinite(sizes)]
    as_large = int(np.count_nonzero(sizes >= found - 1e-12))  # rounding of sums must not tell equals apart
    return as_large / len(sizes) if exact else (1 + as_large) / (1 + len(sizes))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values of one family of tests by Holm's step-down method: below 0.05, all are right but for 5 %.

    NaN (no test was made) stays NaN and does not count.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")[: int((~np.isnan(p)).sum())]  # NaN sort last
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected.tolist()


def win_tie_loss(differences: ArrayLike, *, higher_is_better: bool = True) -> tuple[int, int, int]:
    """On how many sequences a tracker is better, equal (up to `TIE`), and worse; NaN are left out.

    >>> win_tie_loss([0.2, 0.0, -0.1, 0.1])
    (2, 1, 1)
    """
    values = _without_noise(differences)
    above, below = int((values > 0).sum()), int((values < 0).sum())
    equal = len(values) - above - below
    return (above, equal, below) if higher_is_better else (below, equal, above)


def detectable_difference(error: float, n: int, *, power: float = POWER, level: float = LEVEL) -> float:
    """The smallest true difference that a paired t-test of n pairs finds with this power.

    The sum of Student's two quantiles times the standard error. The signed-rank test needs about 5 % more pairs where
    differences are normal, fewer where they have long tails; a correction for many comparisons asks for more.

    Args:
        error: Standard error of the difference (see `standard_error`).
        n: Pairs; units where sequences form some.
        power: Share of experiments in which the difference is found.
        level: One minus the share in which a difference is found where there is none.

    Returns:
        NaN below two pairs, or where the error is NaN or zero (all pairs differ by the same: nothing is known).
    """
    if n < 2 or not error > 0.0:
        return float("nan")
    return (student_quantile((1 + level) / 2, n - 1) + student_quantile(power, n - 1)) * error


def student_quantile(share: float, degrees: int) -> float:
    """Quantile of Student's distribution with whole degrees of freedom, by bisection; `share` from 0.5 to below 1.

    >>> round(student_quantile(0.975, 9), 3)
    2.262
    """
    if degrees >= NORMAL_DEGREES:
        return NormalDist().inv_cdf(share)
    low, high = 0.0, 1.0
    while _student_cdf(high, degrees) < share:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_cdf(middle, degrees) < share else (low, middle)
    return (low + high) / 2


def _student_cdf(t: float, degrees: int) -> float:
    """Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4; t >= 0."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(odd, degrees - 1, 2):
        total += term
        term *= (k + 1) / (k + 2) * cosine**2
    within = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return (1 + within) / 2
