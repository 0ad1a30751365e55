"""Boxes against brute force on pixels, and the properties that every overlap must have."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spm_bench.geometry import boxes as bx

NAN = float("nan")
coordinate = st.floats(-1e4, 1e4, allow_nan=False, allow_subnormal=False, width=32)
side = st.floats(0.125, 1e4, allow_nan=False, width=32)
box = st.tuples(coordinate, coordinate, side, side)
any_box = arrays(np.float64, (4,), elements=st.floats(allow_nan=True, allow_infinity=True))


def pixels(b: tuple[int, int, int, int]) -> set[tuple[int, int]]:
    x, y, w, h = b
    return {(i, j) for i in range(x, x + w) for j in range(y, y + h)}


small = st.tuples(st.integers(-5, 5), st.integers(-5, 5), st.integers(1, 6), st.integers(1, 6))


@given(small, small)
def test_iou_of_whole_numbers_counts_pixels(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    shared, joined = pixels(a) & pixels(b), pixels(a) | pixels(b)
    assert bx.iou(a, b) == pytest.approx(len(shared) / len(joined), abs=1e-15)


@given(box, box)
def test_iou_is_symmetric_and_a_share(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    value = float(bx.iou(a, b))
    assert value == float(bx.iou(b, a))
    assert 0.0 <= value <= 1.0


@given(box)
def test_a_box_covers_itself(a: tuple[float, ...]) -> None:
    assert float(bx.iou(a, a)) == pytest.approx(1.0, abs=1e-3)


@given(any_box, any_box)
def test_nothing_a_box_can_hold_makes_iou_warn_or_leave_its_range(a: np.ndarray, b: np.ndarray) -> None:
    assert 0.0 <= float(bx.iou(a, b)) <= 1.0
    bx.centre_distances(a, b)
    bx.normalised_centre_distances(a, b)
    bx.clip_boxes(a, (10, 10))
    bx.clamp_boxes(a, (10, 10))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([NAN, 0, 1, 1], [0, 0, 1, 1]),
        ([0, 0, 1, 1], [0, 0, 1, NAN]),
        ([0, 0, 0, 0], [0, 0, 0, 0]),
        ([0, 0, -2, -2], [-2, -2, 2, 2]),
        ([0, 0, -2, -2], [0, 0, -2, -2]),
        ([0, 0, math.inf, 1], [0, 0, math.inf, 1]),
    ],
)
def test_iou_of_a_box_without_area_is_zero(a: list[float], b: list[float]) -> None:
    assert float(bx.iou(a, b)) == 0.0


def test_iou_broadcasts_to_all_pairs() -> None:
    a, b = np.array([[0, 0, 2, 2], [4, 4, 2, 2]]), np.array([[0, 0, 2, 2], [1, 1, 2, 2], [9, 9, 1, 1]])
    pairs = bx.iou(a[:, None], b)
    assert pairs.shape == (2, 3)
    assert pairs == pytest.approx(np.array([[1, 1 / 7, 0], [0, 0, 0]]))


def test_the_plus_one_form_of_old_toolkits_is_the_same_number() -> None:
    rng = np.random.default_rng(3)
    a, b = (np.concatenate([rng.uniform(0, 50, (200, 2)), rng.uniform(1, 60, (200, 2))], 1) for _ in "ab")
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:] - 1, b[:, :2] + b[:, 2:] - 1)
    shared = np.clip(high - low + 1, 0, None).prod(1)
    expected = shared / (a[:, 2:].prod(1) + b[:, 2:].prod(1) - shared)
    assert bx.iou(a, b) == pytest.approx(expected, abs=1e-12)


def test_centre_distances_are_euclidean_and_normalised_ones_measure_in_sides() -> None:
    a, b = [10.0, 20.0, 4.0, 6.0], [13.0, 24.0, 4.0, 6.0]
    assert bx.centre_distances(a, b) == pytest.approx(5.0)
    assert bx.normalised_centre_distances(a, b) == pytest.approx(math.hypot(3 / 4, 4 / 6))
    assert np.isnan(bx.centre_distances(a, [NAN, 0, 1, 1]))
    assert np.isnan(bx.normalised_centre_distances(a, [0, 0, 0, 5]))


@pytest.mark.parametrize(
    ("given_box", "clipped", "clamped"),
    [
        ([2, 3, 4, 5], [2, 3, 4, 5], [2, 3, 4, 5]),
        ([-3, -1, 10, 10], [0, 0, 7, 9], [0, 0, 10, 10]),
        ([45, 35, 10, 10], [45, 35, 5, 5], [45, 35, 5, 5]),
        ([60, 10, 5, 5], [50, 10, 0, 5], [50, 10, 0, 5]),
        ([-20, 10, 5, 5], [0, 10, 0, 5], [0, 10, 5, 5]),
        ([10, 10, -5, 5], [10, 10, 0, 5], [10, 10, 0, 5]),
    ],
)
def test_clipping_cuts_and_clamping_shifts(given_box: list[int], clipped: list[int], clamped: list[int]) -> None:
    assert bx.clip_boxes(given_box, (50, 40)).tolist() == clipped
    assert bx.clamp_boxes(given_box, (50, 40)).tolist() == clamped


def test_sizes_may_differ_per_box() -> None:
    rows = np.array([[0, 0, 100, 100]] * 2)
    assert bx.clip_boxes(rows, [[10, 20], [30, 40]])[:, 2:].tolist() == [[10, 20], [30, 40]]


@pytest.mark.parametrize("function", [bx.clip_boxes, bx.clamp_boxes])
def test_arguments_are_left_as_they_were(function) -> None:
    rows = np.array([[-5.0, -5.0, 100.0, 100.0]])
    kept = rows.copy()
    function(rows, (10, 10))
    bx.iou(rows, rows)
    bx.centre_distances(rows, rows)
    assert (rows == kept).all()


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="last dimension of 4"):
        bx.iou([0, 0, 1], [0, 0, 1])
    with pytest.raises(ValueError, match="last dimension of 4"):
        bx.centres(5.0)
