"""A repeated run is the recorded one, or says where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from spm_bench.errors import TrackerError
from spm_bench.geometry.boxes import iou
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.formats import OTB_ORIGIN
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.show.decisions import decision_of, overlaps_with_truth
from spm_bench.show.replay import LatestFrame, Replay, make_replay, may_be_traced
from spm_bench.suites.base import Sequence
from spm_bench.suites.synthetic import load_demo
from tests.show.made import LENGTH, folder_of


@pytest.fixture(scope="module")
def sequence() -> Sequence:
    return load_demo(["lookalike-4"]).sequences[0]


def recorded(folder: Path, family: str = "otb") -> Trajectory:
    from dataclasses import replace

    suite = replace(load_demo(["lookalike-4"]), family=family)
    (found,) = find_result_sets([folder], suite)
    return found.trajectories(suite.sequences[0])[0]


def again(folder: Path, sequence: Sequence, family: str = "otb") -> Replay:
    return make_replay(folder, sequence, recorded(folder, family))


def filed(boxes: ArrayLike) -> NDArray[np.float64]:
    """Boxes as they come back from a file whose first pixel is 1: 127.08 and one more need another bit in front."""
    origin = np.array([OTB_ORIGIN, OTB_ORIGIN, 0, 0])
    return np.asarray(np.asarray(boxes, np.float64) + origin - origin)


@pytest.mark.parametrize("label", ["SPM-lite", "SPM-lite-cm_only", "SPM-lite-no_near"])
def test_the_repeated_boxes_are_the_recorded_ones(label: str, shown_runs: Path, sequence: Sequence) -> None:
    replay = again(folder_of(shown_runs, label), sequence)
    traces = [replay.trace(frame) for frame in range(LENGTH)]
    assert traces[0] is None
    boxes = [trace.box for trace in traces if trace is not None]
    np.testing.assert_array_equal(filed(boxes), replay.recorded.boxes[1:])
    assert (replay.difference, replay.told(), replay.changed) == (None, "", ())


def test_resets_are_followed(shown_runs: Path, sequence: Sequence) -> None:
    replay = again(folder_of(shown_runs, "SPM-lite-series", "supervised"), sequence, "vot")
    states = replay.recorded.states
    traces = [replay.trace(frame) for frame in range(LENGTH)]
    failures = np.flatnonzero(states == FrameState.FAILURE)
    assert len(failures) > 0
    assert replay.difference is None
    for frame, trace in enumerate(traces):
        assert (trace is None) == (states[frame] in (FrameState.INIT, FrameState.SKIPPED))
        if trace is not None and states[frame] == FrameState.TRACKED:
            np.testing.assert_array_equal(trace.box, replay.recorded.boxes[frame])
    for failure in failures:
        trace = traces[failure]
        assert trace is not None
        assert iou(trace.box[None], sequence.ground_truth[failure][None])[0] == 0


def test_frames_may_be_left_out_and_the_end_be_passed(shown_runs: Path, sequence: Sequence) -> None:
    replay = again(folder_of(shown_runs, "SPM-lite"), sequence)
    trace = replay.trace(7)
    assert trace is not None
    np.testing.assert_array_equal(filed(trace.box), replay.recorded.boxes[7])
    assert replay.trace(500) is None


def test_a_box_that_is_not_the_recorded_one_is_found(shown_runs: Path, sequence: Sequence) -> None:
    folder = folder_of(shown_runs, "SPM-lite")
    replay = again(folder, sequence)
    replay.recorded.boxes[10, 2] += 0.5
    replay.changed = ("weights",)
    assert replay.trace(9) is not None
    assert replay.difference is None
    replay.trace(20)
    assert replay.difference is not None
    assert (replay.difference.frame, replay.difference.pixels) == (10, pytest.approx(0.5))
    assert replay.told() == (
        "SPM-lite run again differs from the recorded run, first in frame 11 "
        "(the boxes are 0.5 px apart there; changed since: weights)"
    )
    other = again(folder, sequence)
    other.recorded.states[4] = FrameState.FAILURE
    other.trace(20)
    assert "one lost the target there, the other did not" in other.told()


def test_a_run_by_the_clock_cannot_be_repeated(shown_runs: Path, sequence: Sequence) -> None:
    with pytest.raises(TrackerError, match="under the protocol realtime boxes depend on seconds"):
        make_replay(
            folder_of(shown_runs, "SPM-lite", "realtime"), sequence, recorded(folder_of(shown_runs, "SPM-lite"))
        )


def test_another_tracker_is_no_spm(shown_runs: Path, sequence: Sequence) -> None:
    from spm_bench.results.manifest import read_manifest

    folder = folder_of(shown_runs, "KCF")
    assert not may_be_traced(read_manifest(folder))
    assert may_be_traced(read_manifest(folder_of(shown_runs, "SPM-lite")))
    assert not may_be_traced({"tracker": {"identity": {"weights_sha256": "0", "config": {"learning_rate": 0.1}}}})
    with pytest.raises(TrackerError, match="KCF is not SPM"):
        again(folder, sequence)


def test_changed_weights_are_told(shown_runs: Path, sequence: Sequence, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(folder_of(shown_runs, "SPM-lite"), folder)
    text = (folder / "run.json").read_text()
    start = text.index('"weights_sha256": "') + len('"weights_sha256": "')
    (folder / "run.json").write_text(text[:start] + "0" * 64 + text[start + 64 :])
    assert again(folder, sequence).changed == ("weights",)


def test_the_decision_is_the_trace_beside_the_truth(shown_runs: Path, sequence: Sequence) -> None:
    replay = again(folder_of(shown_runs, "SPM-lite"), sequence)
    trace = replay.trace(12)
    assert trace is not None
    made = decision_of(trace, sequence, 12)
    assert made.ranking[0] == made.best == trace.best
    assert made.sees_truth is True
    for k, box in enumerate(made.fused_boxes):
        assert made.overlaps[k] == pytest.approx(iou(box[None], sequence.ground_truth[12][None])[0])
    assert made.heat.max() == pytest.approx(trace.foreground.max())
    hidden = Sequence("s", np.full_like(sequence.ground_truth, np.nan))
    blind = decision_of(trace, hidden, 12)
    assert blind.sees_truth is None
    assert np.isnan(blind.overlaps).all()


def test_polygons_are_compared_as_in_vot() -> None:
    diamond = np.array([[10.0, 0, 20, 10, 10, 20, 0, 10]])
    sequence = Sequence("s", np.array([[0.0, 0, 20, 20]]), polygons=diamond)
    boxes = np.array([[0.0, 0, 20, 20], [0, 0, 3, 3], [1e9, 0, 5, 5]])
    full, corner, far = overlaps_with_truth(boxes, sequence, 0, (40, 40))
    assert full == pytest.approx(0.5, abs=0.1)
    assert corner == 0
    assert far == 0


def test_the_latest_frame_is_decoded_once(sequence: Sequence) -> None:
    class Counting:
        asked = 0

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> np.ndarray:
            self.asked += 1
            return np.full((2, 2, 3), index, np.uint8)

    source = Counting()
    frames = LatestFrame(source)
    assert [int(frames[i][0, 0, 0]) for i in (0, 0, 1, 1, 0)] == [0, 0, 1, 1, 0]
    assert (len(frames), source.asked) == (3, 3)
