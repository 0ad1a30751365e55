"""How sure a score is: bootstrap over sequences, for every score that is a function of sums over sequences.

Sequences are drawn again, with replacement, as often as there are; the spread of the score is the uncertainty that
comes from the choice of sequences. It says nothing about another training of the same network. All scores in use
depend on sums over sequences only: a mean (sum and number), a mean over all frames (GOT-10k's AO: sum of overlaps and
number of frames), failures per 100 frames, or EAO (two sums for every length). `Statistic` holds what each sequence
adds to these sums, and the formula; the score of any draw is then a matrix product.

Sequences that show the same video (steps of one scene, two targets in one video) are not independent. They form one
unit, and whole units are drawn.

Intervals are Efron's bias-corrected and accelerated ones (BCa; Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapter 14), or plain percentiles. Shapes: S sequences, G units, R resamples, C sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

METHODS = ("bca", "percentile")
RESAMPLES = 10_000
"""With 10,000 resamples the ends of a 95 % interval vary by about 2 % of its width from seed to seed."""
LEVEL = 0.95
BLOCK = 1 << 21
"""Sums held at a time (16 MB): the sums of all resamples of a long EAO interval would fill a gigabyte."""
ROUNDING = 1e-12
"""Scores that differ by no more are equal: the same sums in another order differ in the last digits."""
BAND_RESAMPLES = 2_000
"""For bands around lines: their edges then vary by about 4 % of the band's width, less than a line is wide in print."""
MOST_UNDEFINED = 0.1
"""Share of resamples in which a score may be undefined; with more, it has no interval."""


@dataclass(frozen=True, eq=False)
class Statistic:
    """A score as a function of how often each sequence is drawn.

    Attributes:
        columns: S x C: what a sequence adds to each of C sums; a row of zeros for a sequence that has no say.
        formula: Sums (..., C) -> scores (...), NaN where undefined; or lines (..., T), see `mean_line` and `band`.
        of_single: Whether the formula also gives the score of one sequence alone (EAO has none).
        total: Whether the score grows with the number of sequences (a number of failures): the first sum is then S
            times what a sequence adds to the mean, so that draws of more or fewer sequences give the total of S.
    """

    columns: FloatArray
    formula: Callable[[FloatArray], FloatArray]
    of_single: bool = True
    total: bool = False

    def __call__(self, times: ArrayLike) -> FloatArray:
        """Scores of R draws: R x S numbers of times each sequence is drawn -> R values."""
        return drawn_scores([self], np.asarray(times, dtype=np.float64))[0]

    @property
    def value(self) -> float:
        """The score itself: each sequence once."""
        return float(self.formula(self.columns.sum(axis=0)))

    @property
    def singles(self) -> FloatArray:
        """S scores, each of one sequence alone; NaN where undefined."""
        return self.formula(self.columns) if self.of_single else np.full(len(self.columns), np.nan)

    @property
    def heard(self) -> NDArray[np.bool_]:
        """S booleans: the sequences that have a say."""
        return np.asarray(self.columns.any(axis=1))

    def chosen(self, rows: NDArray[np.generic]) -> Statistic:
        """The same score of some of the sequences (indices or booleans)."""
        columns = self.columns[rows]
        if self.total:
            columns = columns.copy()
            columns[:, 0] *= len(columns) / len(self.columns)
        return Statistic(columns, self.formula, self.of_single, self.total)

    def grouped(self, units: ArrayLike | None) -> Statistic:
        """The same score with the G units for sequences, in the order of their labels.

        Raises:
            ValueError: Not one unit per sequence.
        """
        if units is None:
            return self
        labels = np.asarray(units)
        if labels.shape != (len(self.columns),):
            raise ValueError(f"{labels.size} units for {len(self.columns)} values")
        _, members = np.unique(labels, return_inverse=True)
        sums = np.zeros((int(members.max(initial=-1)) + 1, self.columns.shape[1]))
        np.add.at(sums, members, self.columns)
        return Statistic(sums, self.formula, self.of_single)


def drawn_scores(statistics: Sequence[Statistic], times: FloatArray) -> list[FloatArray]:
    """Scores of R draws for each of some statistics over as many sequences, in one matrix product for all.

    Args:
        statistics: Each of S sequences, not necessarily the same ones.
        times: R x S numbers of times each sequence is drawn.
    """
    ends = np.cumsum([s.columns.shape[1] for s in statistics])
    columns = np.hstack([s.columns for s in statistics]).T
    draws_at_once = max(1, BLOCK // max(1, len(columns)))
    blocks: list[list[FloatArray]] = [[] for _ in statistics]
    for i in range(0, len(times), draws_at_once):
        # a sum of all draws lies in one piece, as formulas look at one sum after the other
        sums = np.split(columns @ times[i : i + draws_at_once].T, ends[:-1])
        for block, statistic, own in zip(blocks, statistics, sums, strict=True):
            block.append(statistic.formula(own.T))
    return [np.concatenate(block) if block else np.empty(0) for block in blocks]


def mean_over(values: ArrayLike) -> Statistic:
    """The mean of S values, one per sequence; those that are NaN have no say.

    >>> mean_over([0.25, 0.75, float("nan")]).value
    0.5
    """
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    return ratio_of_sums(np.where(known, x, 0.0), known)


def ratio_of_sums(
    sums: ArrayLike, counts: ArrayLike, after: Callable[[FloatArray], FloatArray] | None = None
) -> Statistic:
    """What S sequences have in sum over what they have in number, NaN without any; `after` is applied to it.

    >>> ratio_of_sums([3.0, 1.0], [6, 2]).value
    0.5
    """
    columns = np.stack([np.asarray(sums, dtype=np.float64), np.asarray(counts, dtype=np.float64)], axis=1)
    return Statistic(columns, partial(_ratio, after=after))


def mean_line(lines: ArrayLike, weights: ArrayLike | None = None) -> Statistic:
    """The mean of S lines of T points, as a statistic that gives lines; those with a NaN have no say.

    Args:
        lines: S x T.
        weights: S; None weighs all alike.

    >>> float(mean_line([[1.0, 0.5], [0.5, 0.0]]).formula(np.array([1.5, 0.5, 2.0]))[1])
    0.25
    """
    y = np.asarray(lines, dtype=np.float64)
    known = ~np.asarray(np.isnan(y).any(axis=1))
    share = np.where(known, 1.0 if weights is None else np.asarray(weights, dtype=np.float64), 0.0)
    return Statistic(np.hstack([np.where(known[:, None], y, 0.0) * share[:, None], share[:, None]]), _mean_line)


def _mean_line(sums: FloatArray) -> FloatArray:
    upper, lower = sums[..., :-1], sums[..., -1:]
    return np.asarray(np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower > 0))


def band(
    statistic: Statistic,
    units: ArrayLike | None = None,
    *,
    level: float = LEVEL,
    resamples: int = BAND_RESAMPLES,
    seed: int = 0,
) -> tuple[FloatArray, FloatArray]:
    """Percentile intervals of each point of a line on its own; between them lies the band of a plot.

    Args:
        statistic: Of S sequences, gives lines of T points.
        units: S labels; sequences with the same label are drawn together. None: each sequence is its own unit.
        level: Of the interval at each point. The whole line lies in the band less often.
        resamples: How often units are drawn.
        seed: Equal seeds give equal bands.

    Returns:
        (low, high), T values each; NaN with fewer than two units, and where the line is undefined too often.

    Raises:
        ValueError: Not one unit per sequence.
    """
    _, grouped = heard_units(statistic, units)
    n_points = statistic.formula(statistic.columns.sum(axis=0)).shape[-1]
    low, high = np.full((2, n_points), np.nan)
    if len(grouped.columns) < 2:
        return low, high
    drawn = grouped(draws(len(grouped.columns), resamples, seed))
    undefined = np.isnan(drawn).mean(axis=0)
    ends = [(1 - level) / 2, (1 + level) / 2]
    whole, some = undefined == 0.0, (undefined > 0.0) & (undefined <= MOST_UNDEFINED)
    low[whole], high[whole] = np.quantile(drawn[:, whole], ends, axis=0)
    if some.any():
        low[some], high[some] = np.nanquantile(drawn[:, some], ends, axis=0)
    return low, high


def _ratio(sums: FloatArray, after: Callable[[FloatArray], FloatArray] | None) -> FloatArray:
    upper, lower = sums[..., 0], sums[..., 1]
    some = lower > 0
    # the usual case goes without a choice of values, which is ten times slower
    found = upper / lower if some.all() else np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=some)
    return np.asarray(found if after is None else after(found))


def difference(first: Statistic, second: Statistic) -> Statistic:
    """`first - second` of the same sequences, drawn together (paired).

    Raises:
        ValueError: They have different numbers of sequences.
    """
    if len(first.columns) != len(second.columns):
        raise ValueError(f"{len(first.columns)} and {len(second.columns)} values are not pairs")
    minus = partial(_difference, first=first.formula, second=second.formula, split=first.columns.shape[1])
    return Statistic(np.hstack([first.columns, second.columns]), minus, first.of_single and second.of_single)


def _difference(
    sums: FloatArray,
    first: Callable[[FloatArray], FloatArray],
    second: Callable[[FloatArray], FloatArray],
    split: int,
) -> FloatArray:
    return np.asarray(first(sums[..., :split]) - second(sums[..., split:]))


def mean_of(statistics: Sequence[Statistic]) -> Statistic:
    """The mean of several scores of the same sequences (of several trainings, say), drawn together.

    Raises:
        ValueError: There is none, or they have different numbers of sequences.

    >>> mean_of([mean_over([0.25, 0.75]), mean_over([0.5, 1.0])]).value
    0.625
    """
    if len({len(one.columns) for one in statistics}) != 1:
        raise ValueError(f"{sorted({len(one.columns) for one in statistics})} values are not of the same sequences")
    ends = np.cumsum([one.columns.shape[1] for one in statistics])
    formula = partial(_mean_of, formulas=[one.formula for one in statistics], ends=ends[:-1].tolist())
    of_single = all(one.of_single for one in statistics)
    return Statistic(np.hstack([one.columns for one in statistics]), formula, of_single)


def _mean_of(
    sums: FloatArray, formulas: Sequence[Callable[[FloatArray], FloatArray]], ends: Sequence[int]
) -> FloatArray:
    parts = np.split(sums, list(ends), axis=-1)
    return np.asarray(sum(formula(part) for formula, part in zip(formulas, parts, strict=True)) / len(formulas))


@dataclass(frozen=True)
class Interval:
    """A score and how far it may lie from the score over all sequences of this kind.

    Attributes:
        value: The score of the S sequences.
        low: Lower end; NaN with fewer than two units.
        high: Upper end; NaN with fewer than two units.
        level: Share of such intervals that hold the true score.
        n_sequences: S, without those that have no say.
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


def bootstrap(
    statistic: Statistic,
    units: ArrayLike | None = None,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
    method: str = "bca",
) -> Interval:
    """A score with its bootstrap interval; see `bootstrap_all`."""
    return bootstrap_all([statistic], units, level=level, resamples=resamples, seed=seed, method=method)[0]


def bootstrap_all(
    statistics: Sequence[Statistic],
    units: ArrayLike | None = None,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
    method: str = "bca",
) -> list[Interval]:
    """Scores with their bootstrap intervals; all see the same draws.

    Args:
        statistics: Each of the same S sequences.
        units: S labels; sequences with the same label are drawn together. None: each sequence is its own unit.
        level: Of the interval, above 0 and below 1.
        resamples: R; how often units are drawn.
        seed: Equal seeds give equal intervals.
        method: "bca" or "percentile".

    Raises:
        ValueError: Not one unit per sequence, or a level, number or method that is none.
    """
    if not 0.0 < level < 1.0 or resamples < 1:
        raise ValueError(f"no interval has level {level} from {resamples} resamples")
    if method not in METHODS:
        raise ValueError(f"no method {method!r}, only {' and '.join(METHODS)}")
    heard = [heard_units(statistic, units) for statistic in statistics]
    values = [statistic.value for statistic in statistics]
    found = [
        Interval(value, np.nan, np.nan, level, n_sequences, len(grouped.columns))
        for value, (n_sequences, grouped) in zip(values, heard, strict=True)
    ]
    able = [i for i, one in enumerate(found) if one.n_units > 1 and np.isfinite(one.value)]
    for n in dict.fromkeys(found[i].n_units for i in able):
        alike = [i for i in able if found[i].n_units == n]
        scores = drawn_scores([heard[i][1] for i in alike], draws(n, resamples, seed))
        for i, drawn in zip(alike, scores, strict=True):
            found[i] = _ended(found[i], heard[i][1], drawn, method)
    return found


def _ended(interval: Interval, grouped: Statistic, drawn: FloatArray, method: str) -> Interval:
    """The interval with its ends, from the scores of R draws; as it was where too many are undefined."""
    known = drawn[np.isfinite(drawn)]
    if len(known) < (1.0 - MOST_UNDEFINED) * len(drawn):
        return interval
    shares = np.array([(1 - interval.level) / 2, (1 + interval.level) / 2])
    if method == "bca":
        shares = _corrected(shares, known, interval.value, left_out(grouped))
    low, high = _cut(np.sort(known), shares)
    return replace(interval, low=float(low), high=float(high))


def _cut(ordered: FloatArray, shares: FloatArray) -> FloatArray:
    """What `np.quantile` gives, of values in order: sorting them is three times as fast as what it does."""
    places = shares * (len(ordered) - 1)
    before = np.floor(places).astype(np.intp)
    beyond = places - before
    low, high = ordered[before], ordered[np.minimum(before + 1, len(ordered) - 1)]
    return np.where(beyond < 0.5, low + (high - low) * beyond, high - (high - low) * (1.0 - beyond))


def heard_units(statistic: Statistic, units: ArrayLike | None) -> tuple[int, Statistic]:
    """How many sequences have a say, and the statistic with their units for sequences.

    Raises:
        ValueError: Not one unit per sequence.
    """
    if units is not None and np.shape(units) != (len(statistic.columns),):
        raise ValueError(f"{np.size(units)} units for {len(statistic.columns)} values")
    heard = statistic.heard
    return int(heard.sum()), statistic.chosen(heard).grouped(None if units is None else np.asarray(units)[heard])


@lru_cache(maxsize=2)
def draws(n: int, resamples: int, seed: int) -> FloatArray:
    """R x G numbers of times each of G units is drawn, G draws a row; all trackers on a suite meet the same draws."""
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=resamples).astype(np.float64)
    times.flags.writeable = False
    return times


def left_out(statistic: Statistic) -> FloatArray:
    """G scores, each without one row; those that are undefined are left out."""
    columns = statistic.columns
    values = statistic.formula(columns.sum(axis=0) - columns)
    return np.asarray(values[np.isfinite(values)])


def standard_error(statistic: Statistic) -> float:
    """Jackknife standard error over the rows: for a mean, the deviation over the root of G. NaN below two rows."""
    values = left_out(statistic)
    n = len(values)
    return float(np.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum())) if n > 1 else float("nan")


def _corrected(shares: FloatArray, drawn: FloatArray, value: float, without: FloatArray) -> FloatArray:
    """The shares at which the BCa interval cuts the resampled scores, instead of the plain ones."""
    normal = NormalDist()
    away = without.mean() - without if len(without) else without
    spread = float((away**2).sum())
    if spread == 0.0:
        return shares  # all units agree: there is nothing to correct, and the interval is a point
    acceleration = float((away**3).sum()) / (6.0 * spread**1.5)
    # Ties count half; the ends stay inside (0, 1), where the normal quantile is finite.
    apart = drawn - value
    equal = np.abs(apart) <= ROUNDING * max(1.0, abs(value))
    below = (np.count_nonzero((apart < 0) & ~equal) + 0.5 * np.count_nonzero(equal)) / len(drawn)
    bias = normal.inv_cdf(float(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn))))
    z = bias + np.array([normal.inv_cdf(float(share)) for share in shares])
    return np.array([normal.cdf(bias + v / (1.0 - acceleration * v)) for v in z])
