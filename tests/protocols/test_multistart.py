"""Runs from anchors, forwards and backwards, and one pass without resets, by hand; whole runs through the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.engine.runner import run_all
from spm_bench.errors import DataError, ResultsError, UsageError
from spm_bench.protocols.base import frames_to_track, in_parts, is_finished
from spm_bench.protocols.catalog import as_run_under, get_protocol
from spm_bench.protocols.multistart import MultiStart
from spm_bench.protocols.unsupervised import Unsupervised
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.runs import open_run
from spm_bench.results.trajectory import FrameState
from spm_bench.suites.base import Sequence, Suite
from spm_bench.trackers.catalog import resolve_tracker
from tests.engine.fakes import sequence

TRACKER = "tests.protocols.test_multistart:Mirror"


class Mirror:
    """Tells the frames it sees: x = number of updates, y = the grey value of the picture."""

    deterministic = True

    def init(self, _: np.ndarray, box: np.ndarray) -> None:
        self.n, self.box = 0, np.array(box)

    def update(self, frame: np.ndarray) -> list[float]:
        self.n += 1
        return [float(self.n), float(frame[0, 0, 0]), float(self.box[0]), 4.0]


def anchored(n: int = 8, anchors: tuple[float, ...] = (1, 0, 0, 2, 0, -1, 0, -1), name: str = "ball") -> Sequence:
    frames = [np.full((4, 5, 3), i, dtype=np.uint8) for i in range(n)]
    boxes = np.stack([np.arange(1.0, n + 1), np.ones(n), np.full(n, 3.0), np.full(n, 2.0)], axis=1)
    return Sequence(name, boxes, frames, image_size=(5, 4), anchors=np.array(anchors))


def test_a_run_for_each_anchor() -> None:
    ball, protocol = anchored(), MultiStart()
    assert protocol.count(ball) == 4
    seen = {}
    for repetition in range(1, 5):
        result = protocol.run(Mirror(), ball, repetition=repetition, seed=0)
        assert result.states.tolist() == [FrameState.INIT] + [FrameState.TRACKED] * (len(result) - 1)
        assert result.boxes[1:, 0].tolist() == list(range(1, len(result)))
        start = protocol.span(ball, repetition).start
        assert (result.boxes[1:, 2] == ball.ground_truth[start, 0]).all()
        seen[start] = result.boxes[1:, 1].tolist()
    assert seen == {0: [1, 2, 3, 4, 5, 6, 7], 3: [4, 5, 6, 7], 5: [4, 3, 2, 1, 0], 7: [6, 5, 4, 3, 2, 1, 0]}
    assert in_parts(protocol, ball)
    assert frames_to_track(protocol, ball, range(1, 5)) == 8 + 5 + 6 + 8
    assert not is_finished(protocol, ball, [result] * 3)
    assert is_finished(protocol, ball, [result] * 4)


def test_the_box_of_a_polygon_by_the_named_rule() -> None:
    tilted = np.tile([10.0, 20, 50, 10, 60, 40, 20, 50], (8, 1))
    ball = replace(anchored(), polygons=tilted)
    for rule in ("axis_aligned", "area_preserving"):
        width = MultiStart(rule).run(Mirror(), ball, repetition=2, seed=0).boxes[1, 2]
        assert width == Unsupervised(rule).run(Mirror(), ball, repetition=1, seed=0).boxes[1, 2]
    with pytest.raises(UsageError, match="axis_aligned"):
        MultiStart("round")


def test_one_pass_without_resets() -> None:
    ball = anchored()
    result = Unsupervised().run(Mirror(), ball, repetition=1, seed=0)
    assert result.states.tolist() == [FrameState.INIT] + [FrameState.TRACKED] * 7
    assert np.isnan(result.boxes[0]).all()
    assert result.boxes[1:, 1].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert is_finished(Unsupervised(), ball, [result])
    assert is_finished(Unsupervised(repetitions=15), ball, [result] * 3)
    assert not is_finished(Unsupervised(repetitions=15), ball, [result] * 2)


def test_starts_that_cannot_be() -> None:
    boxes = anchored().ground_truth.copy()
    boxes[3] = np.nan
    ball = replace(anchored(), ground_truth=boxes)
    MultiStart().run(Mirror(), ball, repetition=1, seed=0)
    with pytest.raises(DataError, match="no usable annotation"):
        MultiStart().run(Mirror(), ball, repetition=2, seed=0)
    with pytest.raises(DataError, match="no anchor"):
        MultiStart().count(replace(ball, anchors=np.zeros(8)))


def suite_of(*sequences: Sequence) -> Suite:
    return Suite("vot2020", "VOT2020", "vot-multistart", "multistart", sequences, 60, eao_interval=(3, 6))


def run(tmp_path: Path, suite: Suite, **options: object) -> Path:
    protocol = get_protocol("multistart")
    with open_run(tmp_path, resolve_tracker(TRACKER), suite, protocol) as held:
        failures = run_all([held], suite, **options)  # type: ignore[arg-type]
        assert failures == ()
        return held.folder


@pytest.mark.parametrize("workers", [1, 2])
def test_whole_runs_resume_at_the_first_missing_anchor(tmp_path: Path, workers: int) -> None:
    suite = suite_of(anchored(), anchored(name="other", anchors=(0, 1, 0, 0, 0, 0, 0, -1)))
    folder = run(tmp_path, suite, workers=workers)
    raw = folder / "Mirror" / "baseline"
    names = [f"ball_{anchor:08d}.txt" for anchor in (0, 3, 5, 7)]
    assert sorted(p.name for p in (raw / "ball").glob("*.txt")) == names
    assert sorted(p.name for p in (raw / "other").glob("*.txt")) == ["other_00000001.txt", "other_00000007.txt"]
    kept = {p: p.read_bytes() for p in raw.rglob("*.txt")}
    (raw / "ball" / names[2]).unlink()
    (raw / "ball" / names[3]).unlink()
    assert run(tmp_path, suite, workers=workers) == folder
    assert {p: p.read_bytes() for p in raw.rglob("*.txt")} == kept


def test_a_run_in_real_time_tells_its_clock(tmp_path: Path) -> None:
    suite = suite_of(anchored())
    for seconds, words in ((0.12, "a tracker of 0.12 s a frame simulated"), (None, "seconds as measured")):
        protocol = get_protocol("realtime", base="multistart", seconds_per_frame=seconds, grace=1)
        with open_run(tmp_path, resolve_tracker(TRACKER), suite, protocol) as held:
            assert run_all([held], suite, lockstep=True) == ()
            assert held.results().note == f"clock of 20 fps, 1 slow answers forgiven, {words}"
            assert len(list((held.raw / "realtime" / "ball").glob("*.txt"))) == 4


def test_a_gap_between_runs_is_damage(tmp_path: Path) -> None:
    suite = suite_of(anchored())
    folder = run(tmp_path, suite)
    (folder / "Mirror" / "baseline" / "ball" / "ball_00000003.txt").unlink()
    with pytest.raises(ResultsError, match="the run from frame 3 of ball is missing"):
        run(tmp_path, suite)


def test_raw_files_of_others_are_found_and_read(tmp_path: Path) -> None:
    suite = suite_of(anchored())
    folder = run(tmp_path, suite)
    (found,) = find_result_sets([folder / "Mirror"], suite)
    passes = found.trajectories(suite.sequences[0])
    assert [len(one) for one in passes] == [8, 5, 6, 8]
    supervised = as_run_under(suite, get_protocol("supervised"))
    with pytest.raises(ResultsError):
        find_result_sets([folder / "Mirror"], supervised)


def test_places_count_from_the_start_of_the_sequence(tmp_path: Path) -> None:
    class Broken(Mirror):
        def update(self, _: np.ndarray) -> list[float]:
            raise ValueError("oh")

    with pytest.raises(ValueError, match="oh") as caught:
        MultiStart().run(Broken(), anchored(), repetition=3, seed=0)
    assert caught.value.__notes__ == ["in frame 4 of ball, repetition 3"]


def test_the_own_sequence_function_still_works() -> None:
    assert MultiStart().count(sequence(n=12)) == 1
