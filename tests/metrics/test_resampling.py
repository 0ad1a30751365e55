"""Resampled scores against copies of sequences scored anew, and intervals against print and their promise."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm_bench.metrics import resampling
from spm_bench.metrics.eao import curve_statistic, eao_statistic, expected_average_overlap
from spm_bench.metrics.resampling import (
    Statistic,
    band,
    bootstrap,
    difference,
    draws,
    left_out,
    mean_line,
    mean_of,
    mean_over,
    ratio_of_sums,
    standard_error,
)
from spm_bench.metrics.supervised import (
    Passes,
    accuracy,
    accuracy_statistic,
    counted_frames,
    robustness,
    robustness_statistics,
    sequence_failures,
)
from spm_bench.metrics.vot_conventions import BY_LENGTH, VOT_CONVENTIONS, VotConvention
from tests.metrics.supervised_runs import Pass, joined, of_sequence, random_passes

SPATIAL = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]
"""Spatial test A of 26 children: Efron and Tibshirani 1993, table 14.1."""


def test_bca_of_the_textbooks_example() -> None:
    """The variance of the spatial test: 171.5, percentiles (100.8, 233.9), BCa (115.8, 259.6), from 2000 resamples."""
    x = np.array(SPATIAL, dtype=np.float64)
    columns = np.stack([x, x**2, np.ones(len(x))], axis=1)
    variance = Statistic(columns, lambda s: s[..., 1] / s[..., 2] - (s[..., 0] / s[..., 2]) ** 2)
    assert variance.value == pytest.approx(171.5, abs=0.05)
    bca, plain = (bootstrap(variance, level=0.9, method=method) for method in ("bca", "percentile"))
    assert (bca.low, bca.high) == pytest.approx((115.8, 259.6), abs=4.0)
    assert (plain.low, plain.high) == pytest.approx((100.8, 233.9), abs=4.0)


def test_a_ratio_of_sums_equals_naive_resampling() -> None:
    rng = np.random.default_rng(0)
    videos = [rng.random(n) for n in rng.integers(5, 200, 12)]  # overlaps of frames, pooled as GOT-10k does
    statistic = ratio_of_sums([v.sum() for v in videos], [len(v) for v in videos])
    assert statistic.value == pytest.approx(np.concatenate(videos).mean())
    assert statistic.singles == pytest.approx([v.mean() for v in videos])
    times = draws(12, 300, 5)
    naive = [
        np.concatenate([v for v, n in zip(videos, row, strict=True) for _ in range(int(n))]).mean() for row in times
    ]
    assert statistic(times) == pytest.approx(naive)
    # from draws of its own, a plain loop finds the same percentiles
    means = []
    for _ in range(4000):
        chosen = rng.integers(0, 12, 12)
        means.append(np.concatenate([videos[i] for i in chosen]).mean())
    found = bootstrap(statistic, method="percentile")
    assert (found.low, found.high) == pytest.approx(
        np.quantile(means, [0.025, 0.975]), abs=0.1 * (found.high - found.low)
    )


def copies(made: list[Pass], times: np.ndarray) -> Passes:
    """The passes of a suite in which each sequence stands as often as it was drawn."""
    drawn: list[Pass] = []
    owner = 0
    for sequence, n in enumerate(times):
        for _ in range(int(n)):
            drawn += [replace(one, owner=owner) for one in of_sequence(made, sequence)]
            owner += 1
    return joined(drawn)


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda c: c.name)
@pytest.mark.parametrize("repetitions", [(3, 3, 3, 3, 3), (1, 4, 2, 1)])
def test_eao_of_a_draw_is_that_of_copied_sequences(rules: VotConvention, repetitions: tuple[int, ...]) -> None:
    made, interval = random_passes(5, repetitions, shortest=60), (15, 58)
    statistic = eao_statistic(joined(made), rules, interval)
    assert statistic is not None
    whole = expected_average_overlap(joined(made), rules, interval)
    assert statistic.value == pytest.approx(whole.value, abs=1e-12)
    times = draws(len(repetitions), 40, 1)
    naive = [expected_average_overlap(copies(made, row), rules, interval).value for row in times]
    assert statistic(times) == pytest.approx(naive, abs=1e-12)


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda c: c.name)
@pytest.mark.parametrize("repetitions", [(3, 3, 3, 3, 3), (1, 4, 2, 1)])
def test_the_expected_overlap_curve_of_a_draw_is_that_of_copied_sequences(
    rules: VotConvention, repetitions: tuple[int, ...]
) -> None:
    made = random_passes(5, repetitions, shortest=60)
    whole = expected_average_overlap(joined(made), rules, None).curve
    lengths = np.flatnonzero(~np.isnan(whole)) + 1
    statistic = curve_statistic(joined(made), rules, lengths)
    assert statistic(np.ones((1, len(repetitions))))[0] == pytest.approx(whole[lengths - 1], abs=1e-12)
    times = draws(len(repetitions), 20, 1)
    for line, row in zip(statistic(times), times, strict=True):
        naive = expected_average_overlap(copies(made, row), rules, None).curve
        n = min(len(naive), len(line))
        np.testing.assert_allclose(line[:n], naive[:n], atol=1e-12)


def test_a_band_holds_the_percentiles_of_resampled_lines() -> None:
    rng = np.random.default_rng(1)
    lines = np.sort(rng.random((7, 4)), axis=1)
    lines[2, 1] = np.nan  # has no say at all
    low, high = band(mean_line(lines), resamples=500, seed=3)
    whole = np.delete(lines, 2, axis=0)
    naive = [np.repeat(whole, row.astype(int), axis=0).mean(axis=0) for row in draws(6, 500, 3)]
    np.testing.assert_allclose([low, high], np.quantile(naive, [0.025, 0.975], axis=0))
    again = band(mean_line(lines), resamples=500, seed=3, level=0.5)
    assert (again[0] > low).all()
    assert (again[1] < high).all()


def test_a_band_draws_units_and_weighs_lines() -> None:
    lines, weights = np.array([[1.0, 0.8], [0.0, 0.2], [0.5, 0.5]]), np.array([1, 3, 4])
    pooled = mean_line(lines, weights)
    assert pooled(np.ones((1, 3)))[0] == pytest.approx([3.0 / 8, 3.4 / 8])
    low, high = band(pooled, ["a", "a", "b"], level=0.999)
    assert low == pytest.approx([0.25, (0.8 + 0.6) / 4])  # both draws are the first unit
    assert high == pytest.approx([0.5, 0.5])


def test_a_band_needs_two_units_and_lines_that_most_draws_define() -> None:
    assert np.isnan(band(mean_line(np.ones((3, 2))), ["a"] * 3)).all()
    assert np.isnan(band(mean_line(np.empty((0, 2))))).all()
    with pytest.raises(ValueError, match="2 units for 3 values"):
        band(mean_line(np.ones((3, 2))), ["a", "b"])
    # a point known of one sequence in four is undefined in a third of the draws; of three in four, in almost none
    short = Statistic(
        np.array([[1.0, 1.0]] + [[1.0, 0.0]] * 3), lambda s: np.where(s > 0, s / np.maximum(s, 1), np.nan)
    )
    low, high = band(short)
    assert (low[0], high[0]) == (1.0, 1.0)
    assert np.isnan([low[1], high[1]]).all()
    many = Statistic(np.array([[1.0, 1.0]] * 3 + [[1.0, 0.0]]), short.formula)
    assert not np.isnan(band(many)).any()


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda c: c.name)
def test_eao_leaves_lengths_out_that_no_fragment_reaches(rules: VotConvention) -> None:
    """The long sequence fails nowhere: without it, nothing is known beyond the short ones, which end whole too."""
    rng = np.random.default_rng(2)
    made = [Pass(k, [1] + [3] * (n - 1), [0.0, *rng.random(n - 1)]) for k, n in enumerate((70, 30, 34))]
    statistic = eao_statistic(joined(made), rules, (20, 60))
    assert statistic is not None
    low, _ = rules.lengths((20, 60))
    of_short = [np.mean([np.mean(p.overlaps[1:n]) for p in made[1:] if len(p.overlaps) >= n]) for n in range(low, 35)]
    assert statistic(np.array([[0, 1, 1]])) == pytest.approx([np.mean(of_short)])
    assert statistic.value == pytest.approx(expected_average_overlap(joined(made), rules, (20, 60)).value)
    assert math.isnan(statistic(np.array([[0, 0, 0]]))[0])
    assert np.isnan(statistic.singles).all()


def test_eao_without_an_interval_or_long_sequences_has_no_statistic() -> None:
    passes = joined(random_passes(1))
    assert eao_statistic(passes, VOT_CONVENTIONS[0], None) is None
    assert eao_statistic(passes, VOT_CONVENTIONS[0], (50, 500)) is None


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda c: c.name)
def test_accuracy_and_failures_of_a_draw_are_those_of_copied_sequences(rules: VotConvention) -> None:
    made = random_passes(9, (2, 1, 3, 2, 2))
    passes, times = joined(made), draws(5, 40, 3)
    options = {"pooling": rules.pooling, "blank_is_zero": rules.blank_is_zero}
    statistic = accuracy_statistic(passes, counted_frames(passes), **options)  # type: ignore[arg-type]
    drawn = [copies(made, row) for row in times]
    naive = [accuracy(some, counted_frames(some), **options) for some in drawn]  # type: ignore[arg-type]
    assert statistic(times) == pytest.approx(naive, nan_ok=True)
    by_length = rules.pooling == BY_LENGTH
    found = robustness_statistics(sequence_failures(passes), passes.frames, 30.0, by_length=by_length)
    units = [robustness(sequence_failures(some), some.frames, 30.0) for some in drawn]
    assert found["robustness"](times) == pytest.approx([u.per_100_frames for u in units])
    assert found["failures"](times) == pytest.approx([u.failures for u in units])
    reliability = [u.reliability_by_length if by_length else u.reliability for u in units]
    assert found["reliability"](times) == pytest.approx(reliability)


def test_a_hundred_intervals_of_a_ratio_hold_the_truth_nineteen_of_twenty_times() -> None:
    rng, held, n = np.random.default_rng(21), 0, 300
    for _ in range(n):
        frames = rng.integers(50, 400, 40)
        overlaps = np.clip(rng.normal(0.6, 0.15, 40), 0, 1)
        found = bootstrap(ratio_of_sums(overlaps * frames, frames), resamples=600)
        held += found.low <= 0.5995 <= found.high
    assert 0.9 <= held / n <= 0.98


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(4)
    hard = rng.random(20)
    a, b = mean_over(hard + 0.05 + rng.normal(0, 0.01, 20)), mean_over(hard)
    both = bootstrap(difference(a, b))
    assert both.value == pytest.approx(a.value - b.value)
    assert both.above_zero
    assert both.high - both.low < 0.1 * (bootstrap(a).high - bootstrap(a).low)
    with pytest.raises(ValueError, match="20 and 3"):
        difference(a, mean_over([1.0, 2.0, 3.0]))


def test_sequences_without_a_say_are_not_drawn() -> None:
    values = [0.3, 0.9, 0.4, 0.6, 0.1]
    found = bootstrap(mean_over([*values, math.nan, math.nan]), ["a", "b", "c", "d", "e", "e", "f"])
    assert found == bootstrap(mean_over(values))
    assert (found.n_sequences, found.n_units) == (5, 5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    statistic, times = mean_over(np.random.default_rng(1).random(9)), draws(9, 50, 2)
    whole = statistic(times)
    monkeypatch.setattr("spm_bench.metrics.resampling.BLOCK", 14)
    assert statistic(times) == pytest.approx(whole)


def test_jackknife() -> None:
    values = np.array([0.1, 0.6, 0.2])
    assert left_out(mean_over(values)) == pytest.approx([0.4, 0.15, 0.35])
    assert math.isnan(standard_error(mean_over([0.4])))


def test_a_score_that_most_draws_leave_undefined_has_no_interval() -> None:
    lonely = ratio_of_sums([1.0, *[0.0] * 9], [2, *[0] * 9]).chosen(np.arange(10))
    pair = Statistic(np.hstack([lonely.columns, np.ones((10, 1))]), lonely.formula)  # the others are heard, say nothing
    assert pair.value == 0.5
    assert math.isnan(bootstrap(pair).low)


@pytest.mark.parametrize(("informative", "given"), [(2, False), (3, True)])
def test_an_interval_needs_nine_draws_of_ten(informative: int, given: bool) -> None:
    """Of 20 units two have something to say: neither is drawn in .9^20 = 12 %; three: in .85^20 = 4 %."""
    counts = np.array([1.0] * informative + [0.0] * (20 - informative))
    rare = ratio_of_sums(counts * np.linspace(0.2, 0.8, 20), counts)
    statistic = Statistic(np.hstack([rare.columns, np.ones((20, 1))]), rare.formula)
    assert math.isnan(bootstrap(statistic).low) is not given


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 1.1, float("nan")])
def test_levels_that_are_none(level: float) -> None:
    with pytest.raises(ValueError, match="no interval has level"):
        bootstrap(mean_over([0.1, 0.2, 0.4]), level=level)


def test_a_low_level_is_a_level() -> None:
    narrow, wide = (bootstrap(mean_over([0.1, 0.2, 0.4, 0.9]), level=level) for level in (0.05, 0.99))
    assert wide.low < narrow.low <= narrow.high < wide.high


def test_ties_count_half_in_the_bias_of_bca() -> None:
    """Every value is 0 or 1, so that a fifth of the draws equal the mean; the ends are worked out here by the book."""
    values, normal = np.array([0.0] * 9 + [1.0] * 3), NormalDist()
    n, mean = len(values), values.mean()
    drawn = draws(n, 4000, 0) @ values / n
    ties = np.abs(drawn - mean) < 1e-9
    assert 0.2 < ties.mean() < 0.3
    bias = normal.inv_cdf(float(np.mean((drawn < mean) & ~ties) + ties.mean() / 2))
    jack = np.array([np.delete(values, i).mean() for i in range(n)])
    away = jack.mean() - jack
    pull = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    shares = []
    for share in (0.2, 0.8):
        z = bias + normal.inv_cdf(share)
        shares.append(normal.cdf(bias + z / (1 - pull * z)))
    found = bootstrap(mean_over(values), level=0.6, resamples=4000, seed=0)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, shares)), abs=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_cuts_are_those_of_numpy(values: list[float], shares: list[float]) -> None:
    ordered = np.sort(np.array(values))
    assert resampling._cut(ordered, np.array(shares)).tolist() == np.quantile(ordered, shares).tolist()


def test_the_mean_of_scores_draws_sequences_with_all_of_them() -> None:
    first, second = mean_over([0.2, 0.4, 0.9]), ratio_of_sums([3.0, 1.0, 2.0], [6, 2, 8])
    both, times = mean_of([first, second]), np.array([[1, 1, 1], [2, 0, 1], [0, 3, 0]])
    np.testing.assert_allclose(both(times), (first(times) + second(times)) / 2)
    np.testing.assert_allclose(both.singles, (first.singles + second.singles) / 2)
    with pytest.raises(ValueError, match="not of the same sequences"):
        mean_of([first, mean_over([0.1])])
