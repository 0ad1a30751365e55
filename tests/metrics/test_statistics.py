"""Tests of differences against full enumeration, hand-made cases, other tools, and what they promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.metrics import statistics
from spm_bench.metrics.resampling import Statistic, mean_over, ratio_of_sums, standard_error
from spm_bench.metrics.statistics import (
    detectable_difference,
    holm,
    signed_rank_p,
    signed_rank_side,
    student_quantile,
    swap_p,
    win_tie_loss,
)


def ranks_of(sizes: list[float]) -> list[float]:
    """Mean ranks, by counting."""
    return [sum(b < a for b in sizes) + (sum(b == a for b in sizes) + 1) / 2 for a in sizes]


def enumerated_p(differences: list[float], zeros: str) -> float:
    """All 2^n sign patterns of the ranks of the differences that are not zero."""
    ranked = [d for d in differences if d != 0] if zeros == "wilcox" else differences
    pairs = [(r, d) for r, d in zip(ranks_of([abs(d) for d in ranked]), ranked, strict=True) if d != 0]
    if not pairs:
        return 1.0
    found = sum(r for r, d in pairs if d > 0)
    sums = [sum(r for (r, _), up in zip(pairs, signs, strict=True) if up) for signs in
            itertools.product([False, True], repeat=len(pairs))]  # fmt: skip
    low, high = sum(s <= found for s in sums), sum(s >= found for s in sums)
    return min(1.0, 2 * min(low, high) / len(sums))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4, 5), min_size=1, max_size=10), st.sampled_from(["wilcox", "pratt"]))
def test_signed_ranks_equal_the_enumeration_with_ties_and_zeros(values: list[int], zeros: str) -> None:
    differences = [v / 10 for v in values]
    assert signed_rank_p(differences, zeros) == pytest.approx(enumerated_p(differences, zeros), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_signed_ranks_of_twelve_different_numbers(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.4, 1.0, 12).tolist()
    assert signed_rank_p(differences) == pytest.approx(enumerated_p(differences, "wilcox"), abs=1e-12)


def test_tabled_critical_values() -> None:
    """Two-sided 5 % of Wilcoxon's table: T <= 8 with ten pairs (p = 0.0488); T = 9 is above."""

    def with_rank_sum(t: int) -> float:
        below = {8: [8], 9: [9]}[t]
        return signed_rank_p([-r if r in below else r for r in range(1, 11)])

    assert with_rank_sum(8) == pytest.approx(50 / 1024)
    assert with_rank_sum(9) == pytest.approx(66 / 1024)


@pytest.mark.parametrize("zeros", ["wilcox", "pratt"])
def test_signed_ranks_agree_with_scipy(zeros: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    for n in (6, 20, 45):
        x = rng.normal(0.3, 1.0, n)
        assert signed_rank_p(x) == pytest.approx(stats.wilcoxon(x, method="exact").pvalue, rel=1e-9)
    x = np.round(rng.normal(0.1, 1.0, 400), 1)
    expected = stats.wilcoxon(x, zero_method=zeros, method="approx", correction=False).pvalue
    assert signed_rank_p(x, zeros) == pytest.approx(expected, rel=1e-6)


def test_many_pairs_go_over_into_the_normal_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(6).normal(0.06, 1.0, statistics.EXACT_PAIRS)
    exact = signed_rank_p(x)
    monkeypatch.setattr(statistics, "EXACT_PAIRS", 10)
    assert 0.01 < exact < 0.99
    assert signed_rank_p(x) == pytest.approx(exact, abs=0.002)


def test_signed_rank_edges() -> None:
    assert math.isnan(signed_rank_p([]))
    assert math.isnan(signed_rank_p([math.nan]))
    assert signed_rank_p([0.0, 0.0]) == 1.0
    assert signed_rank_p([0.3]) == 1.0
    assert signed_rank_p([0.3, math.nan, 0.1]) == signed_rank_p([0.3, 0.1]) == 0.5
    # noise of another summation is no difference, and breaks no tie
    assert signed_rank_p([0.1, 0.1 + 1e-12, -0.1, 1e-9]) == signed_rank_p([0.1, 0.1, -0.1, 0.0])
    with pytest.raises(ValueError, match="zsplit"):
        signed_rank_p([0.1], "zsplit")


def test_nothing_is_found_where_nothing_is() -> None:
    rng = np.random.default_rng(8)
    found = [signed_rank_p(rng.standard_t(3, 14)) <= 0.05 for _ in range(8000)]
    assert 0.042 <= np.mean(found) <= 0.056  # exact tests hold their level from below


@pytest.mark.parametrize(
    ("plain", "corrected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # 0.005*4, 0.01*3, 0.03*2, 0.04*1 raised to 0.06
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([0.02, math.nan, 0.03], [0.04, math.nan, 0.04]),
        ([0.01, 0.01], [0.02, 0.02]),
        ([], []),
        ([math.nan], [math.nan]),
    ],
)
def test_holm(plain: list[float], corrected: list[float]) -> None:
    assert holm(plain) == pytest.approx(corrected, nan_ok=True)


def enumerated_swaps(a: Statistic, b: Statistic) -> float:
    """Exchange rows one by one, in loops."""
    found, n, hits = abs(a.value - b.value), len(a.columns), 0
    for swapped in itertools.product([False, True], repeat=n):
        rows = [(b.columns[i], a.columns[i]) if s else (a.columns[i], b.columns[i]) for i, s in enumerate(swapped)]
        first, second = (Statistic(np.array([r[k] for r in rows]), a.formula).value for k in (0, 1))
        hits += abs(first - second) >= found - 1e-9
    return hits / 2**n


def test_swaps_equal_the_enumeration() -> None:
    rng = np.random.default_rng(3)
    frames = rng.integers(20, 90, 8)
    a, b = (ratio_of_sums(rng.random(8) * frames, frames) for _ in range(2))
    exact = enumerated_swaps(a, b)
    assert swap_p(a, b) == pytest.approx(exact, abs=1e-12)
    assert swap_p(a, b, resamples=200, seed=1) == pytest.approx(exact, abs=0.1)
    assert swap_p(a, b, resamples=200, seed=1) == swap_p(a, b, resamples=200, seed=1)
    assert swap_p(a, a) == 1.0


def test_swaps_of_means_are_the_sign_flips_of_differences() -> None:
    d = np.array([0.3, 0.1, -0.2, 0.4, 0.25, 0.6])
    flips = [abs(np.mean(d * signs)) >= abs(d.mean()) - 1e-12 for signs in itertools.product([1, -1], repeat=6)]
    assert swap_p(mean_over(d + 1.0), mean_over(np.ones(6))) == pytest.approx(np.mean(flips))


def test_swaps_of_what_is_undefined_have_no_p() -> None:
    nothing = ratio_of_sums([0.0, 0.0], [0, 0])
    assert math.isnan(swap_p(nothing, nothing))


def test_wins_ties_and_losses() -> None:
    d = [0.2, 0.0, 1e-9, -0.3, math.nan, 0.1]
    assert win_tie_loss(d) == (2, 2, 1)
    assert win_tie_loss(d, higher_is_better=False) == (1, 2, 2)
    assert win_tie_loss([]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("share", "degrees", "expected"),
    # printed tables of Student's distribution
    [(0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 5, 2.571), (0.975, 10, 2.228), (0.95, 7, 1.895),
     (0.8, 9, 0.883), (0.8, 30, 0.854), (0.99, 4, 3.747), (0.975, 120, 1.980), (0.975, 5000, 1.960), (0.5, 6, 0.0)],
)  # fmt: skip
def test_student_quantiles(share: float, degrees: int, expected: float) -> None:
    assert student_quantile(share, degrees) == pytest.approx(expected, abs=6e-4)


def test_the_detectable_difference_is_detected_in_four_of_five_experiments() -> None:
    rng, n = np.random.default_rng(12), 14
    true = detectable_difference(0.1 / math.sqrt(n), n)
    samples = rng.normal(true, 0.1, (4000, n))
    t = samples.mean(axis=1) / (samples.std(axis=1, ddof=1) / math.sqrt(n))
    assert np.mean(np.abs(t) > student_quantile(0.975, n - 1)) == pytest.approx(0.8, abs=0.025)
    # the signed-rank test is hardly worse
    ranked = [signed_rank_p(sample) <= 0.05 for sample in samples[:600]]
    assert 0.7 <= np.mean(ranked) <= 0.85


def test_detectable_difference_of_a_mean() -> None:
    d = np.array([0.1, 0.3, -0.2, 0.05, 0.4])
    error = standard_error(mean_over(d))
    assert error == pytest.approx(d.std(ddof=1) / math.sqrt(5))
    assert detectable_difference(error, 5) == pytest.approx((2.7764 + 0.9410) * error, rel=1e-4)
    assert detectable_difference(error, 5, power=0.95) > detectable_difference(error, 5)
    for unknown in (detectable_difference(error, 1), detectable_difference(0.0, 5), detectable_difference(math.nan, 5)):
        assert math.isnan(unknown)


@pytest.mark.parametrize(
    ("differences", "side"),
    [([-0.01] * 60 + [0.5] * 8, -1), ([0.3, -0.1], 1), ([0.2, -0.2], 0), ([0.0, 1e-9], 0), ([float("nan"), -0.5], -1)],
)
def test_the_side_of_the_ranks_may_be_another_than_the_means(differences: list[float], side: int) -> None:
    assert signed_rank_side(differences) == side
