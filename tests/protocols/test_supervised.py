"""The restart rule against a table by hand, and against the vot toolkit's own experiment (it is called, not copied)."""

import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.metrics.vot_conventions import VOT_CONVENTIONS
from spm_bench.protocols.supervised import SKIP, Supervised
from spm_bench.results.formats import write_vot
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.suites.base import Sequence
from tests.engine.fakes import GreyFrames, Jitter, Scripted, Still, sequence

S, I, F, T = FrameState.SKIPPED, FrameState.INIT, FrameState.FAILURE, FrameState.TRACKED  # noqa: E741
AWAY = [200.0, 200.0, 5.0, 5.0]


def following(ball, lost):
    """Answers that are the truth, except away in the frames `lost`."""
    return Scripted([AWAY if i in lost else list(box) for i, box in enumerate(ball.ground_truth)])


@pytest.mark.parametrize(
    ("lost", "states"),
    [
        ((), [I, T, T, T, T, T, T, T, T, T, T, T]),
        ((3,), [I, T, T, F, S, S, S, S, I, T, T, T]),
        ((1,), [I, F, S, S, S, S, I, T, T, T, T, T]),
        ((3, 9), [I, T, T, F, S, S, S, S, I, F, S, S]),
        ((3, 5, 8), [I, T, T, F, S, S, S, S, I, T, T, T]),  # nobody looks while frames are skipped, nor on a start
        ((6,), [I, T, T, T, T, T, F, S, S, S, S, I]),  # the last frame is a start
        ((7,), [I, T, T, T, T, T, T, F, S, S, S, S]),  # the new start would be behind the end
        ((11,), [I, T, T, T, T, T, T, T, T, T, T, F]),
    ],
)
def test_codes_by_hand(lost, states):
    ball = sequence(n=12)
    result = Supervised().run(following(ball, lost), ball, repetition=1, seed=0)
    assert result.states.tolist() == states
    tracked = result.states == T
    assert (result.boxes[tracked] == ball.ground_truth[tracked]).all()
    assert np.isnan(result.boxes[~tracked]).all()
    assert np.isnan(result.seconds).tolist() == (result.states == S).tolist()


def truth_with_gaps(n, gaps, row):
    boxes = sequence(n=n).ground_truth.copy()
    boxes[list(gaps)] = row
    return Sequence("gaps", boxes, GreyFrames(n), image_size=(64, 48))


@pytest.mark.parametrize("row", [np.nan, [5.0, 5, 0, 4], [5.0, 5, 4, -1]])
def test_frames_without_annotation_are_no_failures_and_no_starts(row):
    ball = truth_with_gaps(12, (2, 9, 10), row)
    answers = Scripted([AWAY if i in (2, 4) else list(box) for i, box in enumerate(sequence(n=12).ground_truth)])
    result = Supervised().run(answers, ball, repetition=1, seed=0)
    assert result.states.tolist() == [I, T, T, T, F, S, S, S, S, S, S, I]
    assert result.boxes[2].tolist() == AWAY


def test_a_sequence_without_any_annotation_is_all_skipped():
    ball = truth_with_gaps(4, range(4), np.nan)
    assert Supervised().run(Still(), ball, repetition=1, seed=0).states.tolist() == [S] * 4


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("axis_aligned", [8.0, 10.0, 12.0, 9.0]),
        # A rhombus with diagonals 12 and 9: sides of length 7.5, bounding area 108, so s = sqrt(7.5 * 7.5 / 108).
        ("area_preserving", [14 - 6 * np.sqrt(56.25 / 108), 14.5 - 4.5 * np.sqrt(56.25 / 108)]),
    ],
)
def test_initial_box_of_a_polygon_by_the_named_rule(rule, expected):
    tracker = Still()
    ball = sequence(n=3, polygons=True)
    Supervised(init_box=rule).run(tracker, ball, repetition=1, seed=0)
    np.testing.assert_allclose(tracker.box[: len(expected)], expected, rtol=0, atol=1e-12)


def test_area_preserving_is_the_default_and_boxes_need_no_rule():
    assert Supervised().init_box == "area_preserving"
    tracker = Still()
    Supervised().run(tracker, sequence(n=2), repetition=1, seed=0)
    assert tracker.box.tolist() == [8.0, 10.0, 12.0, 9.0]


@pytest.mark.parametrize(("bounded", "state"), [(True, F), (False, T)])
def test_outside_the_picture_regions_meet_only_if_unbounded(bounded, state):
    truth = np.array([[50.0, 10, 10, 10], [58, 10, 20, 10]])
    corner = Sequence("edge", truth, GreyFrames(2), image_size=(64, 48))
    result = Supervised(bounded=bounded).run(Scripted([None, [66.0, 10, 12, 10]]), corner, repetition=1, seed=0)
    assert result.states[1] == state


def test_repetitions_stop_after_three_equal_ones():
    ball, protocol = sequence(), Supervised()
    same = [protocol.run(Still(), ball, repetition=r, seed=0) for r in (1, 2, 3)]
    varied = [protocol.run(Jitter(step=0.01), ball, repetition=r, seed=0) for r in range(1, 16)]
    assert [protocol.settled(same[:n]) for n in range(4)] == [False, False, False, True]
    assert [protocol.settled(varied[:n]) for n in (3, 14, 15)] == [False, False, True]
    assert not protocol.settled([same[0], same[1], varied[0]])
    assert Supervised(repetitions=2).settled(varied[:2])


def test_every_start_has_a_seed_of_its_own():
    seeds = []

    class Noted(Scripted):
        def seed(self, seed):
            seeds.append(seed)

    ball = sequence(n=12)
    Supervised().run(Noted([AWAY] * 12), ball, repetition=1, seed=0)
    assert len(seeds) == len(set(seeds)) == 2


def toolkit_codes(ball, answers):
    """Run the vot toolkit's SupervisedExperiment in-process on the same answers; returns its trajectory's lines."""
    pytest.importorskip("vot")
    from vot.dataset import InMemorySequence
    from vot.experiment import SupervisedExperiment
    from vot.region.shapes import Polygon, Rectangle
    from vot.tracker import ObjectStatus
    from vot.tracker import Trajectory as ToolkitTrajectory

    class Runtime:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def initialize(self, _, region):
            return region, 0.0

        def update(self, frame):
            return ObjectStatus(Rectangle(*answers[frame.index]), {}), 0.0

    class Toolkit(SupervisedExperiment):
        def _get_runtime(self, *_):
            return Runtime()

        def results(self, *_):
            return None

    class Video(InMemorySequence):
        size = ball.image_size  # the toolkit's own property is broken for sequences in memory

    video = Video("ball", ["color"])
    for i in range(len(ball)):
        region = (
            Rectangle(*ball.ground_truth[i])
            if ball.polygons is None
            else Polygon(ball.polygons[i].reshape(4, 2).tolist())
        )
        video.append({"color": ball.frames[i]}, region)
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToolkitTrajectory, "write", lambda self, *_: kept.append(self))
        patch.setattr(ToolkitTrajectory, "exists", lambda *_: False)
        experiment = Toolkit("baseline", None, repetitions=1, skip_initialize=5, early_stop=False)
        experiment.execute(None, video)
    return [str(region) for region in kept[0].regions()]


@pytest.mark.parametrize("polygons", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_same_codes_as_the_vot_toolkit(seed, polygons):
    rng = np.random.default_rng(seed)
    ball = sequence(n=60, polygons=polygons)
    offsets = rng.normal(scale=9, size=(60, 2)) * (rng.random((60, 1)) < 0.5)
    answers = [[x + dx, y + dy, w, h] for (x, y, w, h), (dx, dy) in zip(ball.ground_truth, offsets, strict=True)]
    theirs = toolkit_codes(ball, answers)
    ours = Supervised().run(Scripted(answers), ball, repetition=1, seed=0)
    codes = [float(text) if "," not in text else T for text in theirs]
    assert codes == ours.states.tolist()
    assert {S, I, F, T} == set(codes), "the case is too tame"


def test_equality_is_of_boxes_and_codes_not_of_times():
    one = Trajectory(np.ones((2, 4)), np.array([I, T], dtype=np.int8), np.array([0.1, 0.2]))
    two = Trajectory(np.ones((2, 4)), np.array([I, T], dtype=np.int8), np.array([0.3, 0.4]))
    assert Supervised().settled([one, two, one])


def test_written_by_our_writer_a_run_is_native_text(tmp_path):
    ball = sequence(n=8)
    write_vot(tmp_path / "a.txt", Supervised().run(following(ball, (2,)), ball, repetition=1, seed=0))
    assert (tmp_path / "a.txt").read_text().splitlines() == ["1", "9.0,10.0,12.0,9.0", "2", "0", "0", "0", "0", "1"]


def test_scoring_knows_when_the_protocol_restarts():
    assert {rules.skip for rules in VOT_CONVENTIONS} == {SKIP} == {Supervised().parameters()["skip"]}


def test_no_repetitions_are_none():
    with pytest.raises(UsageError, match="0 repetitions"):
        Supervised(repetitions=0)
