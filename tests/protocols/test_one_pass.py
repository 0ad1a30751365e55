import numpy as np
import pytest

from spm_bench.errors import DataError, TrackerError, UsageError
from spm_bench.protocols.base import Pass, stable_seed, usable
from spm_bench.protocols.catalog import get_protocol
from spm_bench.protocols.got10k import Got10k
from spm_bench.protocols.one_pass import OnePass
from spm_bench.results.trajectory import FrameState
from spm_bench.suites.base import Sequence
from tests.engine.fakes import GreyFrames, Jitter, Scripted, Still, sequence


def test_starts_on_the_first_frame_and_visits_every_other_once():
    tracker, ball = Still(), sequence(n=5)
    frames = []
    result = OnePass().run(tracker, ball, repetition=1, seed=0, on_frame=frames.append)
    assert tracker.calls == [("init", 0), *(("update", i) for i in range(1, 5))]
    assert frames == [0, 1, 2, 3, 4]
    assert result.states.tolist() == [FrameState.INIT] + [FrameState.TRACKED] * 4
    assert (result.boxes == ball.ground_truth[0]).all()
    assert (result.seconds >= 0).all()


def test_only_the_trackers_time_is_taken(monkeypatch):
    clock = iter(np.arange(0, 100, 0.5))
    monkeypatch.setattr("spm_bench.protocols.base.perf_counter", lambda: next(clock))
    assert (OnePass().run(Still(), sequence(n=4), repetition=1, seed=0).seconds == 0.5).all()


def test_the_tracker_cannot_change_the_ground_truth():
    class Vandal(Still):
        def init(self, frame, box):
            super().init(frame, box)
            box[:] = 0

    ball = sequence(n=3)
    before = ball.ground_truth.copy()
    OnePass().run(Vandal(), ball, repetition=1, seed=0)
    assert (ball.ground_truth == before).all()


def test_a_returned_array_that_is_reused_does_not_change_earlier_rows():
    result = OnePass().run(Jitter(), sequence(n=6), repetition=1, seed=3)
    assert len({tuple(row) for row in result.boxes}) == 6


@pytest.mark.parametrize(
    "answer",
    [
        None,
        3.0,
        "box",
        [1, 2, 3],
        [1, 2, 3, 4, 5],
        [[1, 2, 3, 4]],
        [1, 2, np.nan, 4],
        [1, 2, np.inf, 4],
        [1, 2, None, 4],
    ],
)
def test_what_is_no_box_is_named_with_tracker_sequence_and_frame(answer):
    answers = [[1, 2, 3, 4]] * 3 + [answer] + [[1, 2, 3, 4]] * 3
    with pytest.raises(TrackerError, match=r"Scripted returned .* in frame 3 of ball"):
        OnePass().run(Scripted(answers), sequence(n=6), repetition=1, seed=0)


@pytest.mark.parametrize("answer", [(1, 2, 3, 4), np.float32([1, 2, 3, 4]), [1, 2, -3, 0]])
def test_four_finite_numbers_are_a_box_whatever_their_type_or_sign(answer):
    result = OnePass().run(Scripted([answer] * 3), sequence(n=3), repetition=1, seed=0)
    assert result.boxes[2].tolist() == list(answer)


def test_an_exception_of_the_tracker_passes_with_the_place_noted():
    with pytest.raises(IndexError) as caught:
        OnePass().run(Scripted([[1, 2, 3, 4]] * 4), sequence(n=6), repetition=1, seed=0)
    assert caught.value.__notes__ == ["in frame 4 of ball, repetition 1"]


@pytest.mark.parametrize(
    "changed",
    [
        Sequence("x", np.full((3, 4), np.nan), GreyFrames(3)),
        Sequence("x", np.array([[1.0, 2, 0, 4]] * 3), GreyFrames(3)),
        Sequence("x", np.ones((3, 4)), None),
        Sequence("x", np.ones((3, 4)), GreyFrames(2)),
    ],
)
def test_sequences_that_cannot_be_run_say_so(changed):
    with pytest.raises(DataError, match="x"):
        OnePass().run(Still(), changed, repetition=1, seed=0)


def test_a_broken_picture_passes_as_a_data_error():
    with pytest.raises(DataError, match=r"00000003\.jpg"):
        OnePass().run(Still(), sequence(n=6, broken=3), repetition=1, seed=0)


def test_seeds_are_stable_and_all_different():
    # The first value is fixed for ever: a resumed run of an older version must continue the same way.
    assert stable_seed(0, "ball", 1, 0) == 239990082 == stable_seed(0, "ball", 1, 0)
    varied = {
        stable_seed(s, name, r, f) for s in range(3) for name in ("a", "b") for r in range(1, 4) for f in range(4)
    }
    assert len(varied) == 3 * 2 * 3 * 4


def test_seeded_trackers_repeat_exactly_and_differ_between_repetitions():
    runs = [Got10k().run(Jitter(), sequence(), repetition=r, seed=7).boxes for r in (1, 1, 2)]
    assert (runs[0] == runs[1]).all()
    assert not (runs[0] == runs[2]).all()


def test_sequence_aware_trackers_are_told_before_init():
    told = []

    class Aware(Still):
        def begin(self, sequence, index):
            told.append((sequence.name, index, len(self.calls)))

    OnePass().run(Aware(), sequence(n=3), repetition=1, seed=0)
    assert told == [("ball", 0, 0)]


def test_numbers_called_seed_or_begin_are_the_trackers_own():
    tracker = Still()
    tracker.seed, tracker.begin = 3, 0
    assert len(OnePass().run(tracker, sequence(n=3), repetition=1, seed=0)) == 3


def test_got10k_repeats_three_times_unless_the_tracker_is_deterministic():
    protocol, chance = Got10k(), Jitter()
    done = protocol.run(chance, sequence(), repetition=1, seed=0)
    assert [protocol.needed(r, Still()) for r in (1, 2, 3)] == [True, False, False]
    assert protocol.enough_equal == sum(protocol.needed(r, Still()) for r in (1, 2, 3))
    assert [protocol.needed(r, chance) for r in (1, 2, 3)] == [True, True, True]
    # Three equal repetitions of a tracker that declares nothing are all run, as in the toolkit.
    assert [protocol.settled([done] * n) for n in (0, 1, 2, 3)] == [False, False, False, True]


def test_usable_frames_need_finite_numbers_and_area():
    boxes = np.array([[1.0, 1, 2, 2], [np.nan] * 4, [1, 1, 0, 2], [1, 1, 2, -1], [0, 0, 1, 1]])
    polygons = np.zeros((5, 8))
    polygons[4] = np.nan
    assert usable(Sequence("x", boxes)).tolist() == [True, False, False, False, True]
    assert usable(Sequence("x", boxes, polygons=polygons)).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("onepass", {}, "Did you mean one_pass"),
        ("one_pass", {"repetitions": 3}, "no option repetitions"),
        ("one_pass", {"init_box": "axis_aligned"}, "no option init_box"),
        ("supervised", {"init_box": "axis"}, "Did you mean axis_aligned"),
        ("supervised", {"repetitions": 0}, "0 repetitions"),
        ("got10k", {"repetitions": -1}, "-1 repetitions"),
    ],
)
def test_wrong_names_and_options(name, options, message):
    with pytest.raises(UsageError, match=message):
        get_protocol(name, **options)


def test_protocols_by_name_in_any_case_with_none_meaning_default():
    assert get_protocol("One_Pass", repetitions=None).parameters() == {"name": "one_pass"}
    assert get_protocol("got10k", repetitions=2).repetitions == 2
    assert get_protocol("supervised").repetitions == 15


def test_unreached_frames_of_a_pass_are_skipped():
    run = Pass(Still(), sequence(n=3), 1, 0)
    run.start(1, np.array([1.0, 2, 3, 4]))
    trajectory = run.trajectory()
    assert trajectory.states.tolist() == [FrameState.SKIPPED, FrameState.INIT, FrameState.SKIPPED]
    assert np.isnan(trajectory.seconds[[0, 2]]).all()
