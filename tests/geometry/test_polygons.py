"""Overlaps of polygons against slow references written from the stated rules; the rules between polygons and boxes."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spm_bench.geometry import polygons
from spm_bench.geometry.polygons import (
    area_preserving_box,
    bounding_box,
    box_to_polygon,
    exact_overlap,
    polygon_box_overlap,
    raster_overlap,
)

SQUARE = [0.0, 0, 10, 0, 10, 10, 0, 10]
NAN = float("nan")
REGION = st.sampled_from((4, 8)).flatmap(
    lambda k: arrays(np.float64, k, elements=st.floats(-30, 60, width=32).map(lambda v: round(v, 1)))
)


def painted(region: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Pixels of one region in a window, by the rule in `spm_bench.geometry.raster`, in plain loops."""
    numbers = [round(float(v)) for v in np.float32(region)]
    mask = np.zeros((height, width), dtype=bool)
    if len(numbers) == 4:
        x, y, w, h = numbers
        for row in range(max(y - top, 0), min(y + h - top, height)):
            for column in range(max(x - left, 0), min(x + w - left, width)):
                mask[row, column] = True
        return mask
    corners = [(numbers[2 * k] - left, numbers[2 * k + 1] - top) for k in range(4)]
    for row in range(height):
        crossings = []
        for k in range(4):
            (xj, yj), (xi, yi) = corners[k - 1], corners[k]
            if yi == yj == row:
                crossings.append(xi)
            elif yi != yj and min(yi, yj) <= row <= max(yi, yj):
                crossings.append(int(xi + (row - yi) / (yj - yi) * (xj - xi)))
        crossings.sort()
        k = 0
        while k + 1 < len(crossings):
            first, last = crossings[k], crossings[k + 1]
            for column in range(max(first, 0), min(last, width - 1) + 1):
                mask[row, column] = True
            k += 1 if first == last else 2
    return mask


def extent(region: np.ndarray) -> tuple[int, int, int, int]:
    numbers = [round(float(v)) for v in np.float32(region)]
    if len(numbers) == 4:
        x, y, w, h = numbers
        return x, y, x + max(w, 0) - 1, y + max(h, 0) - 1
    return min(numbers[0::2]), min(numbers[1::2]), max(numbers[0::2]), max(numbers[1::2])


def painted_overlap(a: np.ndarray, b: np.ndarray, size: tuple[int, int] | None) -> float:
    one, other = extent(a), extent(b)
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right, bottom = max(one[2], other[2]), max(one[3], other[3])
    if left >= right or top >= bottom:
        return 1.0
    if size is not None:
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, size[0] - 1), min(bottom, size[1] - 1)
        if left >= right or top >= bottom:
            return 0.0
    first = painted(a, left, top, right - left + 1, bottom - top + 1)
    second = painted(b, left, top, right - left + 1, bottom - top + 1)
    union = (first | second).sum()
    return float((first & second).sum() / union) if union else 0.0


def random_regions(rng: np.random.Generator, n: int, width: int, low: float, high: float) -> np.ndarray:
    regions = rng.uniform(low, high, (n, width))
    if width == 4:
        regions[:, 2:] = rng.uniform(0, (high - low) * 0.6, (n, 2))
    regions[::2] = np.round(regions[::2] * 2) / 2  # halves and whole numbers are where rounding decides
    return regions


@pytest.mark.parametrize("size", [None, (64, 48)])
@pytest.mark.parametrize(("first", "second"), [(4, 4), (8, 4), (4, 8), (8, 8)])
@pytest.mark.parametrize(("low", "high"), [(3, 40), (-20, 80), (-6, 5)])
def test_raster_overlap_counts_the_pixels_of_the_stated_rule(
    first: int, second: int, low: float, high: float, size: tuple[int, int] | None
) -> None:
    rng = np.random.default_rng(first * 100 + second)
    a, b = random_regions(rng, 60, first, low, high), random_regions(rng, 60, second, low, high)
    expected = [painted_overlap(x, y, size) for x, y in zip(a, b, strict=True)]
    assert np.array_equal(raster_overlap(a, b, size), expected)


@pytest.mark.parametrize(
    ("first", "second", "size", "expected"),
    [
        pytest.param([0, 0, 10, 10], SQUARE, None, 100 / 121, id="a polygon owns its corners, a box not its far ones"),
        pytest.param([0.4, 0.4, 10, 10], [0, 0, 10, 10], None, 1.0, id="rounded before painting"),
        pytest.param([0.5, 0, 10, 10], [1.5, 0, 10, 10], None, 80 / 120, id="halves go to even"),
        pytest.param([3, 5, 1, 4], [3, 50, 1, 4], None, 1.0, id="one column in all: the toolkit's surprise"),
        pytest.param([39, 5, 9, 9], [39, 5, 9, 9], (40, 30), 0.0, id="one column left after the cut"),
        pytest.param([38, 5, 9, 9], [38, 5, 9, 9], (40, 30), 1.0, id="two columns left after the cut"),
        pytest.param([-20, 5, 30, 10], [0, 5, 10, 10], (40, 30), 1.0, id="cut at the left border"),
        pytest.param([-20, 5, 30, 10], [0, 5, 10, 10], None, 1 / 3, id="not cut without a size"),
        pytest.param([0, 0, 10, 0], [0, 0, 10, 10], None, 0.0, id="no height"),
        pytest.param([0, 0, -5, 10], [0, 0, 10, 10], None, 0.0, id="negative width"),
        pytest.param([NAN, 0, 5, 10], [0, 0, 10, 10], None, 0.0, id="NaN box"),
        pytest.param(SQUARE, [NAN] * 8, None, 0.0, id="NaN polygon"),
        pytest.param(SQUARE, [np.inf, 0, 5, 5], None, 0.0, id="infinite box"),
        pytest.param([5.0] * 8, [0, 0, 10, 10], None, 1 / 100, id="a point is one pixel"),
        pytest.param(SQUARE, [0, 0, 1e9, 1e9], (40, 30), 121 / 1200, id="far corner beyond every picture"),
        pytest.param(
            [0, 0, 5, 0, 5, 5, 0, 5], [1e12, 1e12, 2e12, 1e12, 2e12, 2e12, 1e12, 2e12], None, 0.0, id="astray"
        ),
    ],
)
def test_raster_overlap_of_known_pairs(
    first: list[float], second: list[float], size: tuple[int, int] | None, expected: float
) -> None:
    assert raster_overlap(first, second, size) == pytest.approx(expected, abs=1e-15)
    assert raster_overlap(second, first, size) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("size", [None, (70, 60)])
def test_repeated_boxes_give_the_same_bits_as_pairs_one_by_one(size: tuple[int, int] | None) -> None:
    rng = np.random.default_rng(3)
    truth = np.round(random_regions(rng, 300, 8, -30, 90))
    boxes = np.stack([random_regions(rng, 300, 4, -30, 90) for _ in range(5)])
    boxes[1, ::7] = np.nan
    single = np.stack([raster_overlap(truth, b, size) for b in boxes])
    assert np.array_equal(raster_overlap(truth, boxes, size), single)
    assert 0 < (single > 0).mean() < 1


def test_whole_number_crossings_depend_on_the_window_and_still_agree() -> None:
    # 1/3 of the way along a side of 3 columns: 0.333... * 3 is exact, 5/7 * 7 and 15/22 * 22 are not always
    rng = np.random.default_rng(0)
    truth = np.array([[x, 0, x + 49, 98, x - 22, 88, x - 49, 49] for x in range(50, 90)], dtype=np.float64)
    boxes = rng.integers(0, 80, (4, 40, 4)).astype(np.float64)
    expected = [[painted_overlap(t, b, (200, 150)) for t, b in zip(truth, row, strict=True)] for row in boxes]
    assert np.array_equal(raster_overlap(truth, boxes, (200, 150)), expected)


@pytest.mark.parametrize(
    ("first", "second", "size", "expected"),
    [
        pytest.param(SQUARE, SQUARE, None, 1.0, id="equal"),
        pytest.param(SQUARE, [0, 10, 10, 10, 10, 0, 0, 0], None, 1.0, id="walked the other way round"),
        pytest.param([0, 0, 10, 10], [5, 5, 10, 10], None, 25 / 175, id="boxes"),
        pytest.param([5, 0, 10, 5, 5, 10, 0, 5], [0, 0, 10, 10], None, 0.5, id="diamond in its bounding box"),
        pytest.param([0, 0, 10, 10, 10, 0, 0, 10], [0, 0, 10, 10], None, 0.5, id="crossing sides: both triangles"),
        pytest.param([0, 0, 10, 0, 2, 2, 0, 10], [0, 0, 10, 10], None, 0.2, id="dent"),
        pytest.param([0, 0, 10, 0, 10, 10, 10, 10], [0, 0, 10, 10], None, 0.5, id="triangle: a corner twice"),
        pytest.param([0, 0, 10, 0, 5, 0, 5, 10], [0, 0, 10, 10], None, 0.25, id="a side that folds back"),
        pytest.param(SQUARE, [10, 0, 5, 10], None, 0.0, id="touching"),
        pytest.param([-10, 0, 20, 10], [0, 0, 10, 10], (40, 30), 1.0, id="bounded"),
        pytest.param([-10, 0, 20, 10], [0, 0, 10, 10], None, 0.5, id="unbounded"),
        pytest.param([50, 0, 20, 10], [50, 0, 20, 10], (40, 30), 0.0, id="both outside the picture"),
        pytest.param([0, 0, 0, 10], [0, 0, 10, 10], None, 0.0, id="no width"),
        pytest.param([5.0] * 8, [5.0] * 8, None, 0.0, id="points"),
        pytest.param([0, 0, 5, 5, 10, 10, 2, 2], [0, 0, 10, 10], None, 0.0, id="all on a line"),
        pytest.param([NAN, 0, 5, 10], [0, 0, 10, 10], None, 0.0, id="NaN"),
        pytest.param([0, 0, 0.5, 0.5], [0.25, 0, 0.5, 0.5], None, 1 / 3, id="below a pixel"),
        pytest.param([1e6, 1e6, 10, 10], [1e6 + 5, 1e6, 10, 10], None, 1 / 3, id="far away"),
    ],
)
def test_exact_overlap_of_known_pairs(
    first: list[float], second: list[float], size: tuple[int, int] | None, expected: float
) -> None:
    assert exact_overlap(first, second, size) == pytest.approx(expected, abs=1e-12)
    assert exact_overlap(second, first, size) == pytest.approx(expected, abs=1e-12)


def test_exact_overlap_agrees_with_a_fine_grid_on_any_quadrilateral() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.uniform(0, 1, (60, 8)), rng.uniform(0, 1, (60, 8))
    axis = (np.arange(400) + 0.5) / 400
    x, y = np.meshgrid(axis, axis)

    def inside(polygon: np.ndarray) -> np.ndarray:
        corners, odd = polygon.reshape(4, 2), np.zeros_like(x, dtype=bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            odd ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        return odd

    expected = [
        (inside(p) & inside(q)).sum() / max((inside(p) | inside(q)).sum(), 1) for p, q in zip(a, b, strict=True)
    ]
    assert exact_overlap(a, b) == pytest.approx(np.array(expected), abs=0.01)
    bounded = [
        (inside(p) & inside(q) & (x < 0.7) & (y < 0.6)).sum()
        / max(((inside(p) | inside(q)) & (x < 0.7) & (y < 0.6)).sum(), 1)
        for p, q in zip(a, b, strict=True)
    ]
    assert exact_overlap(a, b, (0.7, 0.6)) == pytest.approx(np.array(bounded), abs=0.02)


@given(REGION, REGION, st.sampled_from([None, (40, 30)]))
@settings(max_examples=60, deadline=None)
def test_overlaps_are_symmetric_and_between_0_and_1(a: np.ndarray, b: np.ndarray, size: tuple[int, int] | None) -> None:
    for overlap in (raster_overlap, exact_overlap):
        value = float(overlap(a, b, size))
        assert 0.0 <= value <= 1.0
        assert value == pytest.approx(float(overlap(b, a, size)), abs=1e-9)


def test_one_pair_and_the_protocols_door_agree_with_the_batch() -> None:
    polygon, box = np.array([10.0, 5, 30, 9, 26, 30, 6, 26]), np.array([8.0, 8, 20, 20])
    assert raster_overlap(polygon, box, (40, 30)).shape == ()
    assert polygon_box_overlap(polygon, box, (40, 30)) == raster_overlap(polygon[None], box[None], (40, 30))[0]
    assert polygon_box_overlap(polygon, box, raster=False) == exact_overlap(polygon, box)
    assert polygon_box_overlap(polygon, box) != exact_overlap(polygon, box)
    assert raster_overlap(np.empty((0, 8)), np.empty((0, 4))).shape == (0,)
    assert exact_overlap(np.empty((0, 8)), np.empty((0, 4)), (4, 4)).shape == (0,)
    assert exact_overlap(polygon, np.stack([box] * 6).reshape(3, 2, 4)).shape == (3, 2)


@pytest.mark.parametrize("function", [raster_overlap, exact_overlap])
@pytest.mark.parametrize("wrong", [[1.0, 2, 3], 5.0, np.zeros((3, 6))])
def test_regions_of_another_form_are_refused(function: object, wrong: object) -> None:
    with pytest.raises(ValueError, match="last dimension of 4 or 8"):
        function(wrong, [0, 0, 1, 1])  # type: ignore[operator]


def test_area_preserving_box_equals_the_recorded_one(golden_dir: object) -> None:
    recorded = np.load(golden_dir / "ops.npz")  # type: ignore[operator]
    box = area_preserving_box(recorded["vot_poly"])
    centred = np.concatenate((box[:, :2] + box[:, 2:] / 2, box[:, 2:]), axis=1)
    np.testing.assert_allclose(centred, recorded["vot_cxcywh"], rtol=1e-12)


def test_the_two_box_rules_on_a_turned_square() -> None:
    turned = [10.0, 0, 20, 10, 10, 20, 0, 10]
    assert bounding_box(turned).tolist() == [0, 0, 20, 20]
    side = 20 * np.sqrt(200 / 400)
    assert area_preserving_box(turned) == pytest.approx([10 - side / 2, 10 - side / 2, side, side])
    assert side**2 == pytest.approx(200)  # the square's own area


def test_boxes_come_back_from_polygons_by_both_rules() -> None:
    boxes = np.random.default_rng(1).uniform(1, 50, (20, 4))
    assert bounding_box(box_to_polygon(boxes)) == pytest.approx(boxes)
    assert area_preserving_box(box_to_polygon(boxes)) == pytest.approx(boxes)


def test_degenerate_polygons_have_boxes_without_a_warning() -> None:
    flat, nan = [0.0, 5, 10, 5, 10, 5, 0, 5], [NAN] * 8
    assert area_preserving_box(flat).tolist() == [0, 5, 10, 0]
    assert np.isnan(area_preserving_box([flat, nan])[1]).all()
    assert np.isnan(bounding_box(nan)).all()
    for function in (area_preserving_box, bounding_box):
        with pytest.raises(ValueError, match="last dimension of 8"):
            function([1.0, 2, 3, 4])


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(polygons).failed == 0
