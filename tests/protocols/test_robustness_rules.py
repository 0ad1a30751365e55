"""Starts of temporal and first boxes of spatial robustness against definitions written as 1-based loops.

Source of the rules: `splitSeqTRE.m` and `shiftInitBB.m` of the OTB toolkit.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.errors import DataError, UsageError
from spm_bench.protocols.shifts import SHIFTS, shifted_box
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence
from spm_bench.suites.temporal import temporal_spans, temporal_starts


def starts_by_loop(truth: np.ndarray, omitted: list[tuple[int, int]]) -> list[int]:
    """1-based numbers all along; steps of E / 19 from 1 up to E, cut to whole numbers, and E itself."""
    n = len(truth)
    numbers = []
    for frame in range(1, n + 1):
        x, y, w, h = truth[frame - 1] + (1, 1, 0, 0)
        hidden = any(first <= frame <= last for first, last in omitted)
        if not hidden and x > 0 and y > 0 and w > 0 and h > 0:
            numbers.append(frame)
    last = 0
    for place in range(len(numbers), 0, -1):
        if n - numbers[place - 1] + 1 >= 20:
            last = place
            break
    places, at, k = [], 1.0, 0
    while at <= last + 1e-9:
        places.append(math.floor(at + 1e-9))
        k += 1
        at = 1 + k * last / 19
    places.append(last)
    return [numbers[place - 1] for place in places]


def sequence(n: int, omitted: list[tuple[int, int]], broken: list[int] = ()) -> Sequence:  # type: ignore[assignment]
    truth = np.full((n, 4), 30.0)
    for k, frame in enumerate(broken):
        truth[frame] = [(np.nan,) * 4, (-1, 5, 9, 9), (5, -1.5, 9, 9), (5, 5, 0, 9)][k % 4]
    numbers = np.arange(1, n + 1)
    hidden = np.zeros(n, dtype=bool)
    for first, last in omitted:
        hidden |= (first <= numbers) & (numbers <= last)
    return Sequence("a", truth, no_start=hidden if omitted else None)


ranges = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 40)).map(lambda r: (r[0], r[0] + r[1])), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.integers(38, 400), ranges, st.lists(st.integers(0, 37), max_size=5))
def test_starts_equal_the_loop(n: int, omitted: list[tuple[int, int]], broken: list[int]) -> None:
    made = sequence(n, omitted, broken)
    usable = sum(1 for s in range(n - 19) if (made.no_start is None or not made.no_start[s]) and s not in broken)
    found = temporal_starts(made)
    assert list(found) == sorted(set(found))
    if usable >= 20:
        assert [start + 1 for start in found] == starts_by_loop(made.ground_truth, omitted)
        assert len(found) == 20
    for start in found:
        assert made.no_start is None or not made.no_start[start] or usable == 0


def test_starts_of_all_otb_sequences(published_results: Path) -> None:
    suite = load_suite("otb100", published_results, annotations_only=True)
    assert len(suite.sequences) == 100
    for one in suite.sequences:
        omitted = [] if one.no_start is None else [(int(f) + 1, int(f) + 1) for f in np.flatnonzero(one.no_start)]
        assert [start + 1 for start in temporal_starts(one)] == starts_by_loop(one.ground_truth, omitted), one.name
        assert temporal_starts(one)[0] == 0
        assert min(len(span) for span in temporal_spans(one)) >= 20
    hidden = {one.name: int(one.no_start.sum()) for one in suite.sequences if one.no_start is not None}
    assert (len(hidden), hidden["Basketball"], hidden["Matrix"]) == (27, 20 + 10 + 21, 5)
    assert hidden["Freeman4"] == sum(one.no_start[:283].sum() for one in suite.sequences if one.name == "Freeman4")


@pytest.mark.parametrize(
    ("n", "expected"), [(1, (0,)), (19, (0,)), (20, (0,)), (21, (0, 1)), (30, tuple(range(11))), (38, tuple(range(19)))]
)
def test_short_sequences_have_fewer_starts(n: int, expected: tuple[int, ...]) -> None:
    assert temporal_starts(sequence(n, [])) == expected


def test_a_sequence_whose_end_alone_is_usable_starts_there() -> None:
    assert temporal_starts(sequence(30, [(1, 25)])) == (25,)
    assert temporal_starts(sequence(30, [(1, 30)])) == (0,)


def rounded(value: float) -> float:
    return math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5)


def shifted_by_cases(box: list[float], shift: str, width: int, height: int) -> list[float]:
    """Case by case, in 1-based coordinates."""
    x, y, w, h = box
    right, bottom = x + w - 1, y + h - 1
    if shift == "left":
        x = x - math.ceil(0.1 * w)
    elif shift == "right":
        x = x + math.ceil(0.1 * w)
    elif shift == "up":
        y = y - math.ceil(0.1 * h)
    elif shift == "down":
        y = y + math.ceil(0.1 * h)
    elif shift == "topLeft":
        x, y = rounded(x - 0.1 * w), rounded(y - 0.1 * h)
        w, h = right - x + 1, bottom - y + 1
    elif shift == "topRight":
        right, y = rounded(right + 0.1 * w), rounded(y - 0.1 * h)
        w, h = right - x + 1, bottom - y + 1
    elif shift == "bottomLeft":
        x, bottom = rounded(x - 0.1 * w), rounded(bottom + 0.1 * h)
        w, h = right - x + 1, bottom - y + 1
    elif shift == "bottomRight":
        right, bottom = rounded(right + 0.1 * w), rounded(bottom + 0.1 * h)
        w, h = right - x + 1, bottom - y + 1
    else:
        ratio = {"scale_8": 0.8, "scale_9": 0.9, "scale_11": 1.1, "scale_12": 1.2}[shift]
        middle_x, middle_y = x + w / 2, y + h / 2
        w, h = ratio * w, ratio * h
        x, y, w, h = rounded(middle_x - w / 2), rounded(middle_y - h / 2), rounded(w), rounded(h)
    if x < 1:
        x = 1
    if y < 1:
        y = 1
    if x + w - 1 > width:
        w = width - x + 1
    if y + h - 1 > height:
        h = height - y + 1
    return [x, y, w, h]


@pytest.mark.parametrize("shift", SHIFTS)
@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300), st.integers(1, 220), st.integers(4, 90), st.integers(4, 90))
def test_shifts_equal_their_cases(shift: str, x: int, y: int, w: int, h: int) -> None:
    found = shifted_box(np.array([x - 1.0, y - 1.0, w, h]), shift, (320, 240))
    expected = shifted_by_cases([x, y, w, h], shift, 320, 240)
    if expected[2] > 0 and expected[3] > 0:
        assert np.add(found, (1, 1, 0, 0)).tolist() == pytest.approx(expected, abs=1e-9)
    assert found[0] >= 0
    assert found[1] >= 0
    assert found[0] + found[2] <= 320
    assert found[1] + found[3] <= 240


def test_the_twelve_shifts_of_a_box_in_the_middle_are_twelve_boxes() -> None:
    box = np.array([99.0, 79.0, 40.0, 60.0])
    found = {shift: shifted_box(box, shift, (320, 240)) for shift in SHIFTS}
    assert len({tuple(b) for b in found.values()} | {tuple(box)}) == 13
    assert found["right"].tolist() == [103, 79, 40, 60]
    assert found["topLeft"].tolist() == [95, 73, 44, 66]
    assert found["bottomRight"].tolist() == [99, 79, 44, 66]
    assert found["scale_12"].tolist() == [95, 73, 48, 72]


def test_boxes_at_the_border_are_cut_and_ones_outside_refused() -> None:
    assert shifted_box(np.array([0.0, 0.0, 20.0, 20.0]), "topLeft", (64, 48)).tolist() == [0, 0, 22, 22]
    assert shifted_box(np.array([50.0, 10.0, 14.0, 20.0]), "right", (64, 48)).tolist() == [52, 10, 12, 20]
    with pytest.raises(DataError, match=r"shifted \(right\), lies outside the picture of 64 x 48"):
        shifted_box(np.array([63.0, 10.0, 14.0, 20.0]), "right", (64, 48))
    with pytest.raises(UsageError, match="Did you mean topLeft"):
        shifted_box(np.ones(4), "topleft", (64, 48))
