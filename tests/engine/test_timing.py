"""The timing mode under a clock that stands still unless somebody works: every figure has one right value."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.engine import timing
from spm_bench.engine.timing import Plan, stretches, threads_in_use, threads_set, time_trackers
from spm_bench.errors import TrackerError, UsageError
from tests.engine import timing_fakes
from tests.engine.timing_fakes import Clock, spec, videos


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(timing_fakes, "CLOCK", made)
    return made


def times(clock, *specs, lengths=(9,), **plan):
    plan = Plan(**{"warmup": 2, "repeats": 2, **plan})
    return time_trackers(specs, videos(*lengths), plan, clock=clock)


def test_the_parts_of_a_frame_are_told_apart(clock):
    (found,) = times(clock, spec("Networked"))
    assert [(p.round, p.sequence) for p in found.passes] == [(1, "a"), (2, "a")]
    for p in found.passes:
        assert p.start == pytest.approx(0.105)  # 100 ms of its own, 5 ms in the network
        np.testing.assert_allclose(p.decode, np.full(6, 0.002))
        np.testing.assert_allclose(p.tracker, np.full(6, 0.017))
        np.testing.assert_allclose(p.network, np.full(6, 0.007))  # the part inside the whole counts once
        np.testing.assert_allclose(p.end_to_end, np.full(6, 0.019))


def test_a_tracker_without_a_network_has_no_time_in_one(clock):
    (found,) = times(clock, spec("Steady"))
    assert [p.network for p in found.passes] == [None, None]


def test_a_network_that_is_run_past_its_modules_has_none_and_says_so(clock):
    (found,) = times(clock, spec("Networked", around=True))
    # only `init` went through the hooks: no frame has a time
    assert all(p.network is None for p in found.passes)
    assert "past the modules" in found.note


def test_waiting_for_the_device_counts_once_in_the_tracker_and_is_no_part_of_its_own_pass(clock, monkeypatch):
    monkeypatch.setattr(timing, "waiter", lambda _: lambda: clock.work(0.001, "wait"))
    (found,) = times(clock, spec("Networked"))
    for p in found.passes:
        np.testing.assert_allclose(p.tracker, np.full(6, 0.018))
        # once after each of the two outermost passes; the wait before a pass is somebody else's work
        np.testing.assert_allclose(p.network, np.full(6, 0.009))


def test_warm_up_is_run_and_not_counted(clock):
    (cold,) = times(clock, spec("Steady", cold=1.0, cold_frames=2))
    assert all(p.tracker.max() < 0.011 and len(p.tracker) == 6 for p in cold.passes)
    (cold,) = times(clock, spec("Steady", cold=1.0, cold_frames=3))
    assert all(p.tracker[0] > 1 and p.tracker[1:].max() < 0.011 for p in cold.passes)


def test_no_more_frames_than_asked_for_are_used(clock):
    (found,) = times(clock, spec("Steady"), lengths=(9, 5), frames=4, repeats=1)
    assert [len(p.tracker) for p in found.passes] == [4, 2]
    assert clock.log.count("decode") == (1 + 2) + (1 + 2 + 4) + (1 + 2 + 2)


def test_trackers_take_turns_and_another_one_begins_each_time(clock):
    names = ("x", "y", "z")
    times(clock, *(spec("Steady", n, who=n) for n in names), lengths=(4, 4), warmup=0, repeats=3)
    begun = [entry.split()[0] for entry in clock.log if "init" in entry]
    rounds = [begun[i : i + 3] for i in range(3, len(begun), 3)]  # the first three are the warm-up
    assert len(rounds) == 2 * 3
    assert all(sorted(turn) == list(names) for turn in rounds)
    assert {turn[0] for turn in rounds} == set(names)


def test_a_noisy_round_hits_all_alike(clock, monkeypatch):
    def say(text):
        clock.slowness = 3.0 if text.startswith("round 1") else 1.0

    specs = [spec("Steady", "x"), spec("Steady", "y")]
    found = time_trackers(specs, videos(9), Plan(warmup=2, repeats=3), clock=clock, say=say)
    for tracker in found:
        np.testing.assert_allclose([p.tracker.mean() for p in tracker.passes], [0.010, 0.030, 0.010])


def test_every_round_does_the_same_work(clock):
    times(clock, spec("Chancy"), repeats=3)
    seeds = {entry for entry in clock.log if entry.startswith("seed")}
    assert len(seeds) == 1
    assert clock.log.count("begin a 0") == 4


def test_starts_on_the_first_frame_that_has_an_annotation(clock):
    suite = videos(9)
    suite.sequences[0].ground_truth[:2] = np.nan
    (found,) = time_trackers([spec("Steady")], suite, Plan(warmup=2, repeats=1), clock=clock)
    assert "steady init 2" in clock.log
    assert len(found.passes[0].tracker) == 4


def test_says_how_long_it_will_take(clock):
    said = []
    time_trackers([spec("Steady", seconds=10.0)], videos(9), Plan(warmup=2, repeats=3), clock=clock, say=said.append)
    assert [text.partition(";")[2] for text in said] == [" about 0:02:40 left", " about 0:01:20 left", ""]
    assert "Steady 10000.00 ms" in said[0]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"frames": 0}, "--frames 0 leaves nothing to time. Give 1 or more"),
        ({"warmup": -1}, "--warmup -1"),
        ({"repeats": 0}, "--repeats 0"),
    ],
)
def test_a_plan_that_times_nothing(plan, message):
    with pytest.raises(UsageError, match=message):
        Plan(**plan)


def test_no_frame_left_after_warm_up():
    with pytest.raises(
        UsageError, match=r"after the first and 8 of warm-up in b \(9 frames\), d \(1 frames\).*--warmup"
    ):
        stretches(videos(10, 9, 12, 1), Plan(warmup=8))
    assert [s.end - s.timed for s in stretches(videos(10, 12), Plan(warmup=8))] == [1, 3]


@pytest.mark.parametrize(
    ("tracker", "message"),
    [
        (spec("Wrong", answer=(1, 2, 3)), r"Wrong returned \(1, 2, 3\) in frame 1 of a.*four finite numbers"),
        (spec("Wrong", answer=(1, 2, 3, float("nan"))), "returned .*nan"),
        (spec("Wrong", answer="box"), "returned box"),
        (spec("Wrong", answer="leave"), "Wrong broke in frame 1 of a: SystemExit: 3"),
        (spec("Networked", broken_at=3), "Networked broke in frame 4 of a: ZeroDivisionError: no more"),
    ],
)
def test_a_tracker_that_breaks_is_named_with_the_frame(clock, tracker, message):
    with pytest.raises(TrackerError, match=message):
        times(clock, tracker)


def test_threads_are_set_for_a_while(monkeypatch):
    import cv2
    import torch

    before = threads_in_use()
    with threads_set(1):
        assert threads_in_use() == {"torch": 1, "OpenCV": 1}
    assert threads_in_use() == before == {"torch": torch.get_num_threads(), "OpenCV": cv2.getNumThreads()}
    with pytest.raises(UsageError, match="0 threads"), threads_set(0):
        pytest.fail("the block must not run")
