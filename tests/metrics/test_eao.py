"""EAO against its definition, written as plain loops over fragments and lengths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.metrics.eao import cut_fragments, expected_average_overlap, expected_overlap_curve
from spm_bench.metrics.vot_conventions import VOT_CONVENTIONS, VotConvention, get_vot_convention
from tests.metrics.supervised_runs import Pass, coded, expected_overlap, fragments, joined, random_passes

MATLAB, TOOLKIT = get_vot_convention("vot-matlab"), get_vot_convention("vot-toolkit")


def reference_curve(made: list[Pass], rules: VotConvention, n: int) -> list[float | None]:
    pieces = fragments(made, pad_late=rules.late_failure == "padded")
    weighted = rules.fragment_weight == "per-sequence"
    return [expected_overlap(pieces, length, weighted=weighted) for length in range(1, n + 1)]


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda c: c.name)
@pytest.mark.parametrize("repetitions", [(3, 3, 3, 3), (1, 4, 2), (1,)])
@pytest.mark.parametrize("seed", range(4))
def test_curve_equals_the_definition(rules: VotConvention, repetitions: tuple[int, ...], seed: int) -> None:
    made = random_passes(seed, repetitions)
    passes = joined(made)
    curve = expected_overlap_curve(passes.overlaps, cut_fragments(passes, rules), 100)
    expected = np.array(reference_curve(made, rules, 100), dtype=float)
    np.testing.assert_allclose(curve, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda c: c.name)
def test_value_is_the_mean_over_the_interval(rules: VotConvention) -> None:
    made = random_passes(11, (2, 2, 2, 2), shortest=60)
    eao = expected_average_overlap(joined(made), rules, (20, 45))
    low, high = rules.lengths((20, 45))
    expected = reference_curve(made, rules, high)[low - 1 :]
    assert eao.value == pytest.approx(np.mean(np.array(expected, dtype=float)), abs=1e-12)
    assert eao.lengths == (low, high)
    assert eao.note == ""


def test_a_perfect_tracker_has_an_eao_of_1() -> None:
    made = [Pass(k, coded(n, []), [0.0] + [1.0] * (n - 1)) for k, n in enumerate((150, 400))]
    for rules in VOT_CONVENTIONS:
        eao = expected_average_overlap(joined(made), rules, (100, 356))
        assert eao.value == 1.0
        assert np.array_equal(eao.curve, np.ones(400))


def test_a_hand_computed_curve() -> None:
    made = [Pass(0, coded(3, [2]), [0.0, 0.6, 0.0]), Pass(1, coded(4, []), [0.0, 0.2, 0.4, 0.9])]
    curve = expected_average_overlap(joined(made), TOOLKIT, None).curve
    assert curve == pytest.approx([1.0, (0.6 + 0.2) / 2, (0.3 + 0.3) / 2, (0.2 + 0.5) / 2])


def test_a_failure_near_the_end_is_padded_or_reaches_the_end() -> None:
    made = [Pass(0, coded(50, [47]), [0.5] * 47 + [0.0] * 3), Pass(1, coded(80, []), [0.5] * 80)]
    padded, to_end = (
        expected_average_overlap(joined(made), r, (60, 70)) for r in (replace(MATLAB, late_failure="padded"), MATLAB)
    )
    assert to_end.value == pytest.approx(0.5)
    assert padded.value == pytest.approx(np.mean([(0.5 * 46 / (n - 1) + 0.5) / 2 for n in range(60, 71)]))
    # with room for another start, here in the very frame after the last, both pad
    made[0] = Pass(0, coded(50, [45]), [0.5] * 45 + [0.0] * 5)
    values = {
        expected_average_overlap(joined(made), replace(MATLAB, late_failure=r), (60, 70)).value
        for r in ("padded", "reaches-end")
    }
    assert len(values) == 1


def test_fragments_weigh_one_each_or_by_repetitions() -> None:
    made = [Pass(0, coded(30, []), [0.9] * 30)] * 3 + [Pass(1, coded(30, []), [0.3] * 30)]
    one = expected_average_overlap(joined(made), replace(MATLAB, fragment_weight="one"), (10, 20)).value
    assert one == pytest.approx(0.75)
    assert expected_average_overlap(joined(made), MATLAB, (10, 20)).value == pytest.approx(0.6)


def test_a_run_that_gave_up_after_a_failure_starts_no_new_fragment() -> None:
    codes = [1, 3, 3, 2] + [0] * 26
    made = [Pass(0, codes, [0.0, 0.8, 0.8] + [0.0] * 27)]
    found = cut_fragments(joined(made), TOOLKIT)
    assert (found.begins.tolist(), found.lengths.tolist(), found.failed.tolist()) == ([0], [3], [True])


def test_a_pass_that_begins_without_a_start_begins_a_fragment() -> None:
    made = [Pass(0, coded(10, []), [0.5] * 10), Pass(0, [3] * 10, [0.7] * 10)]
    assert cut_fragments(joined(made), TOOLKIT).begins.tolist() == [0, 10]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        pytest.param(60, "the longest of 1 sequences has 60 frames", id="shorter than the interval"),
        pytest.param(200, "over the lengths at hand, 100 to 200, it would be 0.500", id="inside the interval"),
    ],
)
def test_sequences_shorter_than_the_interval_have_no_eao(length: int, words: str) -> None:
    eao = expected_average_overlap(joined([Pass(0, coded(length, []), [0.5] * length)]), MATLAB, (100, 356))
    assert eao.value is None
    assert words in eao.note
    assert eao.curve[1:] == pytest.approx(np.full(length - 1, 0.5))


def test_a_benchmark_without_an_interval_has_a_curve_only() -> None:
    eao = expected_average_overlap(joined(random_passes(1)), MATLAB, None)
    assert eao.value is None
    assert "no interval" in eao.note
    assert len(eao.curve) > 1


def test_the_toolkits_curve_ends_at_the_longest_fragment_and_says_so() -> None:
    made = [Pass(0, coded(100, [40, 90]), [0.5 if c == 3 else 0.0 for c in coded(100, [40, 90])])]
    toolkit, matlab = (expected_average_overlap(joined(made), r, (20, 80)) for r in (TOOLKIT, MATLAB))
    assert len(toolkit.curve) == 45
    assert toolkit.note == "averaged over 25 of 61 lengths"
    assert matlab.note == ""
    assert matlab.value is not None
    assert toolkit.value is not None
    assert matlab.value < toolkit.value


def test_no_fragment_reaches_the_interval() -> None:
    made = [Pass(0, coded(100, [10, 20]), [0.1] * 100)]
    cut = [Pass(0, [1, 3, 1, 3] * 25, [0.5] * 100)]
    assert expected_average_overlap(joined(made), TOOLKIT, (90, 95)).value is None
    eao = expected_average_overlap(joined(cut), MATLAB, (90, 95))
    assert eao.value is None
    assert "no fragment" in eao.note


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 3), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_curves_stay_between_0_and_1_and_grow_with_overlap(seed: int, repetitions: list[int]) -> None:
    passes = joined(random_passes(seed, tuple(repetitions)))
    found = cut_fragments(passes, MATLAB)
    curve = expected_overlap_curve(passes.overlaps, found, 95)
    better = expected_overlap_curve(np.where(passes.tracked, (1 + passes.overlaps) / 2, 0.0), found, 95)
    known = ~np.isnan(curve)
    assert ((curve[known] >= 0) & (curve[known] <= 1)).all()
    assert (better[known] >= curve[known] - 1e-12).all()
