"""Curves against direct counting, their properties, and the recorded outputs of the released OTB evaluation."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spm_bench.metrics.conventions import BOX_SIDES_51, CONVENTIONS, OVERLAPS_21, PIXELS_21, get_convention
from spm_bench.metrics.success import (
    area_under,
    first_rows,
    headline,
    headlines,
    measure_frames,
    pass_curves,
    share_above,
    share_within,
)
from tests.metrics.references import difficult_run

ONE_BASED = np.array((1.0, 1.0, 0.0, 0.0))
GRID = np.linspace(0, 1, 21)
# multiples of 1/4 meet thresholds exactly, so that strict and inclusive comparisons differ
values = st.one_of(st.integers(-4, 8).map(lambda k: k / 4), st.floats(-2, 2), st.just(float("nan")))
lengths = st.lists(st.integers(0, 9), min_size=1, max_size=6)


@given(lengths, st.data(), st.booleans())
def test_shares_are_counts(n: list[int], data: st.DataObject, inclusive: bool) -> None:
    numbers = np.array(data.draw(st.lists(values, min_size=sum(n), max_size=sum(n))), dtype=float)
    thresholds = np.array([-0.5, 0.0, 0.25, 0.3, 1.0])
    above = share_above(numbers, n, thresholds, inclusive=inclusive)
    within = share_within(numbers, n, thresholds, inclusive=inclusive)
    for i, part in enumerate(np.split(numbers, np.cumsum(n)[:-1])):
        if not len(part):
            assert np.isnan(above[i]).all()
            assert np.isnan(within[i]).all()
            continue
        for k, t in enumerate(thresholds):
            assert above[i, k] == np.mean([v >= t if inclusive else v > t for v in part])
            assert within[i, k] == np.mean([v <= t if inclusive else v < t for v in part])


@pytest.mark.parametrize("n_thresholds", [255, 256, 300])
def test_grids_finer_than_a_byte_counts(n_thresholds: int) -> None:
    grid = np.arange(n_thresholds, dtype=float)
    assert share_above([1e9], [1], grid).tolist() == [[1.0] * n_thresholds]
    assert share_within([-1.0], [1], grid).tolist() == [[1.0] * n_thresholds]


@pytest.mark.parametrize(
    "grid", [OVERLAPS_21, PIXELS_21, BOX_SIDES_51, (-1.0, 0.5, 2.0), (0.0, 0.1, 0.9), (1e-300, 1.0)]
)
@pytest.mark.parametrize("inclusive", [False, True])
def test_a_value_on_a_threshold_or_a_hair_beside_it_falls_as_a_comparison_says(
    grid: tuple[float, ...], inclusive: bool
) -> None:
    on, between = np.array(grid), (np.array(grid)[1:] + np.array(grid)[:-1]) / 2
    values = np.concatenate([on, np.nextafter(on, np.inf), np.nextafter(on, -np.inf), between, [np.nan, 1e308, -1e308]])
    values = np.concatenate([values, [np.inf, -np.inf]])
    one_each = np.ones(len(values), dtype=int)
    above = [[float(v >= t if inclusive else v > t) for t in grid] for v in values.tolist()]
    within = [[float(v <= t if inclusive else v < t) for t in grid] for v in values.tolist()]
    assert share_above(values, one_each, grid, inclusive=inclusive).tolist() == above
    assert share_within(values, one_each, grid, inclusive=inclusive).tolist() == within


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(allow_nan=True)))
def test_curves_are_monotone_shares(numbers: np.ndarray) -> None:
    above, within = share_above(numbers, [len(numbers)], GRID)[0], share_within(numbers, [len(numbers)], GRID)[0]
    assert (np.diff(above) <= 0).all()
    assert (np.diff(within) >= 0).all()
    assert min(above.min(), within.min()) >= 0
    assert max(above.max(), within.max()) <= 1


@pytest.mark.parametrize("name", [c.name for c in CONVENTIONS if c.scheme == "success"])
def test_sequences_do_not_influence_each_other_and_their_order_is_irrelevant(name: str) -> None:
    rules = get_convention(name)
    runs = [difficult_run(seed, n) for seed, n in ((1, 30), (2, 45), (3, 60))]

    def scores(order: list[int]) -> np.ndarray:
        results = np.concatenate([runs[i][0] for i in order]) - ONE_BASED
        truth = np.concatenate([runs[i][1] for i in order]) - ONE_BASED
        n = [len(runs[i][0]) for i in order]
        return np.array(
            list(headlines(pass_curves(measure_frames(results, truth, n, rules), n, rules), rules).values())
        )

    together = scores([0, 1, 2])
    assert (scores([2, 0, 1]) == together[:, [2, 0, 1]]).all()
    assert (np.concatenate([scores([i]) for i in range(3)], axis=1) == together).all()


def test_a_broken_result_is_not_repaired_from_the_sequence_before() -> None:
    truth = np.array([[10.0, 10, 5, 5]] * 2 + [[50.0, 50, 5, 5]] * 2)
    results = np.array([[10.0, 10, 5, 5]] * 2 + [[np.nan] * 4] * 2)
    frames = measure_frames(results, truth, [2, 2], get_convention("otb-matlab"))
    assert frames.overlaps.tolist() == [1, 1, 1, 1], "the first frame is the truth, the second repeats it"


def test_arguments_are_left_as_they_were() -> None:
    results, truth = difficult_run(0)
    kept = results.copy(), truth.copy()
    for rules in CONVENTIONS:
        measure_frames(results, truth, [len(truth)], rules, sizes=(100, 100))
    np.testing.assert_array_equal(results, kept[0])
    np.testing.assert_array_equal(truth, kept[1])


def test_bounding_needs_the_pictures_size() -> None:
    with pytest.raises(ValueError, match="size"):
        measure_frames(np.ones((2, 4)), np.ones((2, 4)), [2], get_convention("got10k"))


@pytest.mark.parametrize("n", [[3], [2, 0], [1]])
def test_frames_that_do_not_add_up_are_refused(n: list[int]) -> None:
    with pytest.raises(ValueError, match="fit together"):
        measure_frames(np.ones((2, 4)), np.ones((2, 4)), n, get_convention("otb-matlab"))
    with pytest.raises(ValueError, match="values for"):
        share_above(np.ones(5), n, GRID)


def test_headline_takes_a_threshold_or_the_area() -> None:
    curve = np.array([0.0, 0.5, 1.0])
    assert headline(curve, [0, 10, 20], 10) == 0.5
    assert headline(curve, [0, 10, 20], None) == area_under(curve, [0, 10, 20]) == 0.5
    assert area_under([0, 0, 1], [0, 1, 4], "trapezoid") == pytest.approx(1.5 / 4)
    with pytest.raises(ValueError, match="not one of"):
        headline(curve, [0, 10, 20], 15)


def test_first_rows() -> None:
    assert first_rows([4, 1, 2]).tolist() == [0, 4, 5]


# -- the released evaluation ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(golden_dir: Path) -> dict[str, np.ndarray]:
    path = golden_dir / "otb_eval.npz"
    if not path.is_file():
        pytest.skip("the golden set has no OTB evaluation")
    with np.load(path) as file:
        return dict(file)


def sequences(recorded: dict[str, np.ndarray]) -> list[int]:
    return sorted(int(k.removeprefix("gt")) for k in recorded if k.startswith("gt"))


def test_frames_equal_the_released_evaluation(recorded: dict[str, np.ndarray]) -> None:
    rules = get_convention("spm-release")
    for i in sequences(recorded):
        results, truth = recorded[f"res{i}"] - ONE_BASED, recorded[f"gt{i}"] - ONE_BASED
        frames = measure_frames(results, truth, [len(truth)], rules)
        np.testing.assert_allclose(frames.overlaps, recorded[f"overlap{i}"], atol=1e-12)
        np.testing.assert_allclose(frames.errors, recorded[f"center{i}"], atol=1e-9)
        curves = pass_curves(frames, [len(truth)], rules)
        assert headlines(curves, rules)["precision"][0] == pytest.approx(float(recorded[f"prec20_{i}"]), abs=1e-12)


def test_attribute_curves_equal_the_released_evaluation(recorded: dict[str, np.ndarray]) -> None:
    """README of the golden set: sequence 0 has attribute FOO, 1 FOO and BAR, 2 BAR."""
    rules = get_convention("spm-release")
    groups = {"ALL": sequences(recorded), "FOO": [0, 1], "BAR": [1, 2]}
    for attribute, members in groups.items():
        n = [len(recorded[f"gt{i}"]) for i in members]
        results, truth = (np.concatenate([recorded[f"{k}{i}"] for i in members]) - ONE_BASED for k in ("res", "gt"))
        frames = measure_frames(results, truth, n, rules)
        curve = pass_curves(frames, n, rules).success.mean(axis=0)
        np.testing.assert_allclose(curve, recorded[f"attr_{attribute}_success"], atol=1e-12)
        assert area_under(curve, rules.overlap_thresholds) == pytest.approx(
            float(recorded[f"attr_{attribute}_auc"].item()), abs=1e-12
        )
        parts = np.split(frames.overlaps, np.cumsum(n)[:-1])
        overlap = 100 * np.mean([part[part > 0].mean() for part in parts])
        assert overlap == pytest.approx(recorded[f"attr_{attribute}_overlap"].item(), abs=1e-9)
        failures = 10 * np.mean([(part < 0.5).mean() for part in parts])
        assert failures == pytest.approx(recorded[f"attr_{attribute}_failures"].item(), abs=1e-9)


@pytest.mark.parametrize("block", [1, 7, 50])
def test_where_the_frames_are_cut_into_blocks_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    counts = [3, 1, 12, 4, 4, 9, 2, 30]
    boxes, true = (rng.uniform(1, 60, (sum(counts), 4)) for _ in range(2))
    rules = get_convention("otb-matlab")
    whole = measure_frames(boxes, true, counts, rules)
    monkeypatch.setattr("spm_bench.metrics.success.BLOCK", block)
    cut = measure_frames(boxes, true, counts, rules)
    for name in ("overlaps", "errors", "normalised_errors"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))


RULES_OF_VALIDITY = {
    "all-positive": lambda x, y, w, h: x > 0 and y > 0 and w > 0 and h > 0,
    "size-positive": lambda x, y, w, h: w > 0 and h > 0,
    "centre-positive": lambda x, y, w, h: x + (w - 1) / 2 > 0 and y + (h - 1) / 2 > 0,
    "any": lambda x, y, w, h: True,
}


@pytest.mark.parametrize("rule", RULES_OF_VALIDITY)
def test_which_annotations_count(rule: str) -> None:
    """Every combination of signs, in the benchmark's own 1-based numbers; invalid frames get an overlap below 0."""
    numbers = np.array(list(itertools.product((-4.0, 0.0, 3.0), (-4.0, 0.0, 3.0), (-2.0, 0.0, 5.0), (-2.0, 0.0, 5.0))))
    rules = replace(get_convention("otb-matlab"), valid_for_overlap=rule)
    found = measure_frames(numbers - ONE_BASED, numbers - ONE_BASED, [len(numbers)], rules).overlaps
    expected = [RULES_OF_VALIDITY[rule](*row) for row in numbers]
    assert (found >= 0).tolist() == expected
