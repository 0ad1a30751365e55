"""Two meanings of frames per second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm_bench.metrics.speed import frames_per_second, mean_inverse_seconds


def test_one_slow_frame_shows_in_one_of_the_two() -> None:
    seconds = [1.0] + [0.01] * 100
    assert frames_per_second(seconds) == pytest.approx(101 / 2.0)
    assert mean_inverse_seconds(seconds) == pytest.approx((1 + 100 * 100) / 101)


@pytest.mark.parametrize("seconds", [[], [float("nan")] * 3, [0.0, 0.0], [float("inf")]])
def test_no_time_no_speed(seconds: list[float]) -> None:
    assert frames_per_second(seconds) is None
    assert mean_inverse_seconds(seconds) is None


def test_frames_that_were_not_timed_count_neither_as_frames_nor_as_seconds() -> None:
    assert frames_per_second([0.5, float("nan"), 0.0, 0.5]) == 2.0


@given(st.lists(st.floats(1e-4, 10), min_size=1))
def test_the_mean_of_inverses_is_never_smaller(seconds: list[float]) -> None:
    fps, inverse = frames_per_second(seconds), mean_inverse_seconds(seconds)
    assert fps is not None
    assert inverse is not None
    assert inverse >= fps * (1 - 1e-9)
