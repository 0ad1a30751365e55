"""Bootstrap intervals against full enumeration, a plain loop, and their promised coverage."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest

from spm_bench.metrics.paired import Interval, mean_interval, paired_interval


def all_means(groups: list[list[float]]) -> np.ndarray:
    """The mean of every one of the G^G equally likely resamples."""
    drawn = itertools.product(groups, repeat=len(groups))
    return np.array([np.mean(list(itertools.chain(*some))) for some in drawn])


@pytest.mark.parametrize(
    ("values", "units"),
    [
        ([0.0, 1.0, 3.0, 7.0, 15.0], None),
        ([0.0, 1.0, 3.0, 7.0, 15.0, 2.0], ["a", "b", "a", "c", "d", "e"]),
    ],
)
def test_percentiles_are_those_of_all_possible_resamples(values: list[float], units: list[str] | None) -> None:
    labels = units or list(map(str, range(len(values))))
    groups = [[v for v, u in zip(values, labels, strict=True) if u == label] for label in sorted(set(labels))]
    exact = all_means(groups)
    found = mean_interval(values, units, method="percentile", resamples=200_000)
    assert found.value == np.mean(values)
    # not on a jump of the distribution: the share of means below each end is what was asked for
    for end, share in ((found.low, 0.025), (found.high, 0.975)):
        assert np.mean(exact < end - 1e-9) - 0.003 <= share <= np.mean(exact <= end + 1e-9) + 0.003


def plain_bca(values: list[float], level: float, resamples: int) -> tuple[float, float]:
    """BCa as the book has it, in loops, with resamples of its own."""
    rng, normal, n = np.random.default_rng(99), NormalDist(), len(values)
    mean = sum(values) / n
    drawn = sorted(sum(rng.choice(values, n)) / n for _ in range(resamples))
    bias = normal.inv_cdf(sum(d < mean for d in drawn) / resamples)
    jack = [(sum(values) - v) / (n - 1) for v in values]
    centre = sum(jack) / n
    up = sum((centre - j) ** 3 for j in jack)
    down = 6 * sum((centre - j) ** 2 for j in jack) ** 1.5
    ends = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        z = bias + normal.inv_cdf(share)
        ends.append(drawn[int(normal.cdf(bias + z / (1 - up / down * z)) * resamples)])
    return ends[0], ends[1]


def test_bca_agrees_with_the_book_in_loops() -> None:
    values = np.random.default_rng(5).lognormal(size=25).tolist()
    found = mean_interval(values, level=0.9, resamples=40_000)
    plain = mean_interval(values, level=0.9, resamples=40_000, method="percentile")
    width = found.high - found.low
    assert (found.low, found.high) == pytest.approx(plain_bca(values, 0.9, 20_000), abs=0.03 * width)
    assert found.high - plain.high > 0.05 * width  # a long upper tail: BCa moves up


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_nine_of_ten_intervals_hold_the_truth(method: str) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        found = mean_interval(rng.normal(0.3, 1.0, 40), level=0.9, resamples=500, method=method)
        held += found.low <= 0.3 <= found.high
    assert 0.85 <= held / 400 <= 0.94


def test_units_are_drawn_whole() -> None:
    """Copies of a sequence add nothing: as one unit each, the interval is that of the originals."""
    values = [0.1, 0.5, 0.2, 0.9, 0.4]
    once = mean_interval(values)
    copied = mean_interval(np.repeat(values, 4), np.repeat(list("abcde"), 4))
    alone = mean_interval(np.repeat(values, 4))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=1e-12)
    assert (copied.n_sequences, copied.n_units) == (20, 5)
    assert alone.high - alone.low < 0.6 * (once.high - once.low)


def test_pairs_drop_what_is_hard_for_both() -> None:
    rng = np.random.default_rng(3)
    hard = rng.uniform(0.0, 1.0, 14)
    first, second = hard + 0.05 + rng.normal(0, 0.01, 14), hard
    found = paired_interval(first, second)
    assert found.above_zero
    assert not found.below_zero
    assert found == mean_interval(first - second)
    reverse = paired_interval(second, first, method="percentile")
    forward = paired_interval(first, second, method="percentile")
    assert reverse.below_zero
    assert (reverse.low, reverse.high) == pytest.approx((-forward.high, -forward.low))
    assert found.high - found.low < 0.1 * (mean_interval(first).high - mean_interval(first).low)


def test_equal_seeds_give_equal_intervals() -> None:
    values = np.random.default_rng(4).uniform(size=14)
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values, seed=1) != mean_interval(values)


@pytest.mark.parametrize(
    "option",
    [{"units": list("aabbccdd")}, {"level": 0.5}, {"resamples": 300}, {"seed": 7}, {"method": "percentile"}],
)
def test_pairs_hand_every_option_on(option: dict[str, object]) -> None:
    first, second = np.random.default_rng(6).lognormal(size=(2, 8))
    found = paired_interval(first, second, **option)  # type: ignore[arg-type]
    assert found == mean_interval(first - second, **option)  # type: ignore[arg-type]
    assert found != paired_interval(first, second)


def test_edges() -> None:
    point = mean_interval([0.25] * 6)
    assert (point.value, point.low, point.high) == (0.25, 0.25, 0.25)
    for alone in (mean_interval([0.7]), mean_interval([0.6, 0.8], ["x", "x"])):
        assert alone.value == pytest.approx(0.7)
        assert math.isnan(alone.low)
        assert math.isnan(alone.high)
        assert not alone.above_zero
        assert not alone.below_zero
    assert not Interval(0.1, 0.0, 0.2, 0.95, 3, 3).above_zero


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ([], {}, "finite"),
        ([0.1, math.nan], {}, "finite"),
        ([[0.1, 0.2]], {}, "finite"),
        ([0.1, 0.2], {"units": ["a"]}, "1 units for 2"),
        ([0.1, 0.2], {"level": 95}, "level 95"),
        ([0.1, 0.2], {"resamples": 0}, "0 resamples"),
        ([0.1, 0.2], {"method": "bcs"}, "bcs"),
    ],
)
def test_bad_input(values: list[float], options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        mean_interval(values, **options)  # type: ignore[arg-type]


def test_lists_of_different_lengths_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="3 and 2"):
        paired_interval([1, 2, 3], [1, 2])
