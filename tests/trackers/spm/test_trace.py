"""A trace holds what the tracker decided: its boxes are the tracker's, and its numbers lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.errors import TrackerError
from spm_bench.models.checkpoint import Weights, state_digest
from spm_bench.suites.base import Sequence
from spm_bench.suites.synthetic import load_demo
from spm_bench.trackers.spm.config import OFFICIAL_KEYS, SpmConfig
from spm_bench.trackers.spm.trace import StepTrace, TracedSpm, trace_step
from spm_bench.trackers.spm.tracker import SpmLiteTracker, SpmTracker
from spm_bench.trackers.spm.variants import VARIANTS
from tests.golden.conftest import Reference, reference  # noqa: F401 - a fixture
from tests.golden.synthetic import sequence as recorded_sequence

NAMED = ("base", "cm_only", "fm_only", "series", "no_near", "near_3", "no_window", "padding_full", "exact_scale")
FRAMES = 8


@pytest.fixture(scope="module")
def video() -> Sequence:
    return load_demo(["lookalike-4"]).sequences[0]


def changes_of(name: str) -> Mapping[str, Any]:
    return VARIANTS[name].changes


def followed(video: Sequence, changes: Mapping[str, Any]) -> tuple[list[StepTrace], NDArray[np.float64]]:
    """Traces of one tracker, and the boxes of another that nobody traces."""
    assert video.frames is not None
    traces: list[StepTrace] = []
    traced = TracedSpm(SpmLiteTracker(config=changes, device="cpu"), traces.append)
    plain = SpmLiteTracker(config=changes, device="cpu")
    for tracker in (traced, plain):
        tracker.init(video.frames[0], video.ground_truth[0])
    answers = [(traced.update(frame), plain.update(frame)) for frame in (video.frames[i] for i in range(1, FRAMES))]
    np.testing.assert_array_equal([a for a, _ in answers], [trace.box for trace in traces])
    return traces, np.array([b for _, b in answers])


@pytest.fixture(scope="module", params=NAMED)
def traces(request: pytest.FixtureRequest, video: Sequence) -> list[StepTrace]:
    found, boxes = followed(video, changes_of(request.param))
    np.testing.assert_array_equal([trace.box for trace in found], boxes)
    return found


def test_the_numbers_lead_to_the_box(traces: list[StepTrace], video: Sequence) -> None:
    last = video.ground_truth[0]
    for trace in traces:
        np.testing.assert_allclose(trace.last, last, atol=1e-9)
        expected = decided(trace)
        np.testing.assert_allclose(trace.box, expected, atol=1e-3)
        last = trace.box


def decided(trace: StepTrace) -> NDArray[np.float64]:
    """The new box from the candidates' scores and boxes, by a plain loop."""
    c, config = trace.candidates, trace.config
    best, rank = -1, -np.inf
    for k in range(len(c)):
        fine = c.fine[k] if config.fm_score_weight > 0 else 0.0
        fused = (1 - config.fm_score_weight) * c.coarse[k] + config.fm_score_weight * fine
        final = (1 - config.window_weight) * fused + config.window_weight * c.window[k]
        assert (c.fused[k], c.final[k]) == pytest.approx((fused, final), abs=1e-5)
        if final > rank + 1e-6:
            best, rank = k, final
    assert trace.best == best == trace.ranking[0]
    assert trace.score == pytest.approx(c.fused[best])
    assert trace.accepted == (c.fused[best] >= config.lost_threshold)
    if not trace.accepted:
        return trace.last
    share = c.coarse_share[best]
    corners = share * as_corners(c.boxes[best])
    corners = corners if share == 1 else corners + (1 - share) * as_corners(c.fine_boxes[best])
    np.testing.assert_allclose(as_corners(c.fused_boxes[best]), corners, atol=1e-2)
    rate = c.fused[best] * config.size_rate
    size = np.maximum(rate * (corners[2:] - corners[:2]) + (1 - rate) * trace.last[2:], config.min_size)
    centre = np.clip((corners[:2] + corners[2:]) / 2, 0, np.array(trace.frame_size) - size / 2)
    return np.concatenate((centre - size / 2, size))


def as_corners(box: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]])


def test_candidates_are_proposals_of_the_coarse_stage(traces: list[StepTrace]) -> None:
    for trace in traces:
        c, scores = trace.candidates, trace.foreground.reshape(-1)
        assert len(trace.anchors) == len(trace.proposals) == len(scores)
        np.testing.assert_allclose(c.coarse, scores[c.places])
        np.testing.assert_allclose(c.boxes, trace.proposals[c.places])
        pool = np.flatnonzero(~c.near)
        assert (np.diff(c.coarse[pool]) <= 0).all()
        assert c.near.sum() == trace.config.near_candidates
        assert list(np.flatnonzero(c.near)) == list(range(len(pool), len(c)))
        assert len(c) <= trace.config.candidates
        if trace.config.near_candidates == 0:
            assert c.coarse[0] == scores.max()


def test_the_search_image_shows_the_frame_and_the_window_counts_from_its_middle(
    traces: list[StepTrace], video: Sequence
) -> None:
    assert video.frames is not None
    size = traces[0].config.search_size
    for index, trace in enumerate(traces, start=1):
        assert trace.crop.shape == (size, size, 3)
        inside = trace.to_search(trace.candidates.boxes)
        centres = np.clip((inside[:, :2] + inside[:, 2:] / 2) / (size - 1), 0, 1)
        window = (0.5 - 0.5 * np.cos(2 * np.pi * centres)).prod(axis=1)
        np.testing.assert_allclose(trace.candidates.window, window, atol=1e-4)
        np.testing.assert_allclose(trace.region[2] * trace.scale, size - trace.config.exact_scale, rtol=1e-6)
        x, y = np.rint((np.array([size, size]) / 2) / trace.scale + trace.region[:2]).astype(int)
        near = video.frames[index][y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(float)
        middle = trace.crop[size // 2, size // 2].astype(float)
        assert (np.abs(middle - near).max(axis=1) <= 60).any()


def test_cells_lie_where_the_anchors_are(traces: list[StepTrace]) -> None:
    trace = traces[0]
    cells, (G, _, A) = trace.cells, trace.foreground.shape
    assert len(cells) == G
    for row, column, anchor in ((0, 0, 0), (2, 5, 3), (G - 1, 1, A - 1)):
        x, y, w, h = trace.anchors[(row * G + column) * A + anchor]
        assert (x + w / 2, y + h / 2) == pytest.approx((cells[column], cells[row]))


def test_a_stage_that_was_not_asked_has_no_numbers(video: Sequence) -> None:
    trace = followed(video, changes_of("cm_only"))[0][0]
    assert np.isnan(trace.candidates.fine).all()
    assert np.isnan(trace.candidates.fine_boxes).all()
    assert (trace.candidates.coarse_share == 1).all()
    np.testing.assert_array_equal(trace.candidates.fused, trace.candidates.coarse)


def test_a_lost_target_stays_where_it_was(video: Sequence) -> None:
    for trace in followed(video, {"lost_threshold": 1.0})[0]:
        assert not trace.accepted
        np.testing.assert_array_equal(trace.box, trace.last)
        assert trace.score == trace.candidates.fused[trace.best]


def test_a_tracker_that_was_not_started_is_no_target(video: Sequence) -> None:
    assert video.frames is not None
    with pytest.raises(TrackerError, match="before it was started"):
        trace_step(SpmLiteTracker(device="cpu"), video.frames[0])


@pytest.mark.parametrize("run_name", ["A", "B"])
def test_the_trace_of_the_released_tracker(reference: Reference, run_name: str) -> None:  # noqa: F811
    """Teacher-forced steps against the recorded proposals, scores and choices of the authors' code."""
    recorded = reference.load(f"tracker_otb_{run_name}")
    frames = recorded_sequence(reference.meta[f"sequence_{run_name}"])[0]
    state = reference.network().state_dict()
    settings = {OFFICIAL_KEYS[k]: v for k, v in reference.meta["variants"]["otb"].items()}
    config = SpmConfig.build(settings)
    tracker = SpmTracker(Weights(state, state_digest(state), "recorded", False), config=settings, device="cpu")
    first = recorded["init_box"]
    tracker.init(frames[0], np.concatenate((first[:2], first[2:] - first[:2])))
    for t, frame in enumerate(frames[1:6]):
        tracker.batch.boxes = torch.from_numpy(recorded["box_in"][t])[None]
        trace = trace_step(tracker, frame)
        c, count = trace.candidates, recorded["n_prop"][t]
        assert trace.config == config
        assert (len(c), trace.best, trace.accepted) == (count, recorded["best_idx"][t], recorded["accepted"][t])
        np.testing.assert_allclose(c.coarse, recorded["proposals"][t][:count, 4], atol=1e-4)
        np.testing.assert_allclose(c.fine, recorded["fm_score"][t][:count], atol=1e-4)
        np.testing.assert_allclose(c.final, recorded["final_score"][t][:count], atol=1e-4)
        corners = np.array([as_corners(box) for box in c.fused_boxes])
        np.testing.assert_allclose(corners, recorded["fused_box_img"][t][:count], rtol=1e-4, atol=0.02)
        np.testing.assert_allclose(as_corners(trace.box), recorded["box_out"][t], atol=1e-3)
