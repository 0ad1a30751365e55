"""Overlaps over time and the frames in which targets are lost."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.scoring.timeline import LOST_BELOW, LOST_FOR, Timeline, timelines
from tests.report.html.fakes import Results, make_scored, make_suite


def line(overlaps: list[float], states: list[int] | None = None) -> Timeline:
    n = len(overlaps)
    codes = np.array(states or [FrameState.TRACKED] * n, np.int8)
    return Timeline(np.array(overlaps), np.zeros((n, 4)), codes, 1)


LOW = LOST_BELOW / 2


@pytest.mark.parametrize(
    ("overlaps", "frames"),
    [
        ([1.0] * 20, []),
        ([1.0] + [LOW] * LOST_FOR, [1]),
        ([1.0] + [LOW] * (LOST_FOR - 1) + [1.0] * 5, []),
        ([1.0] + [LOW] * LOST_FOR + [0.5] + [LOW] * 9, [1, 2 + LOST_FOR]),
        ([1.0] + [LOST_BELOW] * 20, []),
        ([1.0] + [LOW, np.nan] * LOST_FOR, [1]),  # frames without annotation neither count nor break a run
        ([np.nan] * 9, []),
        ([LOW] * 9, [0]),
    ],
)
def test_a_target_is_lost_where_the_overlap_stays_low(overlaps: list[float], frames: list[int]) -> None:
    assert line(overlaps).losses() == frames


def test_failures_of_a_protocol_are_the_losses() -> None:
    states = [1, 3, 2, 0, 0, 1, 3, 2]
    assert line([1, 0.5, 0, np.nan, np.nan, 1, 0.0, 0], states).losses() == [2, 7]


def test_one_pass_overlaps_are_those_of_upright_boxes() -> None:
    suite = make_suite(1, 3)
    (sequence,) = suite.sequences
    x, y, w, h = sequence.ground_truth.T
    shifted = np.column_stack((x + w / 2, y, w, h))
    states = np.array([1, 3, 3], np.int8)
    results = Results("T", {sequence.name: (Trajectory(shifted, states, np.full(3, np.nan)),)})
    found = timelines(suite, results)[sequence.name]
    np.testing.assert_allclose(found.overlaps, [1, 1 / 3, 1 / 3], atol=1e-12)  # the first box is given
    assert found.repetitions == 1


def test_supervised_overlaps_follow_the_states() -> None:
    suite = make_suite(2, 40, family="vot")
    _, results = make_scored(suite, ["Good", "Bad"])[1]
    found = timelines(suite, results)["seq-01"]
    assert found.states[20] == FrameState.FAILURE
    assert found.overlaps[20] == 0.0
    assert np.isnan(found.overlaps[21:25]).all()
    assert found.overlaps[25] == 1.0
    assert 0.2 < np.median(found.overlaps[1:20]) < 0.9
    assert found.losses() == [20]


def test_polygons_and_boxes_are_drawn_alike() -> None:
    suite = make_suite(1, 3, family="vot")
    (sequence,) = suite.sequences
    boxes = np.array([[np.nan] * 4, [10, 20, 30, 40], [10, 20, 30, 40]], float)
    polygons = np.full((3, 8), np.nan)
    polygons[2] = [0, 0, 9, 1, 8, 9, 1, 7]
    states = np.array([1, 3, 3], np.int8)
    trajectory = Trajectory(boxes, states, np.full(3, np.nan), polygons)
    regions = timelines(suite, Results("T", {sequence.name: (trajectory,)}, "supervised"))[sequence.name].regions
    assert regions[1].tolist() == [10, 20, 40, 20, 40, 60, 10, 60]
    assert regions[2].tolist() == polygons[2].tolist()
    assert np.isnan(regions[0]).all()
