"""The real-time clock against a simulation of it written as a loop over seconds, and tables by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.protocols.catalog import get_protocol, suite_protocol
from spm_bench.protocols.realtime import Clock, Realtime
from spm_bench.results.trajectory import FrameState
from spm_bench.suites.base import Suite
from tests.engine.fakes import Scripted, sequence


class Counting:
    """Answers x = number of updates since the start, so that held boxes can be told."""

    def init(self, _: object, __: object) -> None:
        self.n = 0

    def update(self, _: object) -> list[float]:
        self.n += 1
        return [float(self.n), 10.0, 8.0, 8.0]


def answers(protocol: Realtime, n: int = 12) -> list[float]:
    result = protocol.run(Counting(), sequence(n=n), repetition=1, seed=0)
    assert result.states.tolist() == [FrameState.INIT] + [FrameState.TRACKED] * (n - 1)
    return [float(x) for x in result.boxes[1:, 0]]


@pytest.mark.parametrize(
    ("seconds", "grace", "expected"),
    [
        (0.05, 0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),  # as long as a frame lasts: never late
        # 0.12 s: behind by 0.07 after each call, more than a frame once: every other frame is answered for
        (0.12, 0, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        (0.12, 3, [1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7]),  # start and two updates are forgiven
        (0.21, 1, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]),
        (9.9, 0, [0] * 11),  # never seen again
    ],
)
def test_answers_by_hand(seconds: float, grace: int, expected: list[int]) -> None:
    protocol = Realtime(base="unsupervised", fps=20, grace=grace, seconds_per_frame=seconds)
    start = sequence(n=12).ground_truth[0, 0]
    assert answers(protocol) == [start if n == 0 else n for n in expected]


def frames_seen(costs: list[float], interval: float, grace: int, n: int) -> list[int]:
    """Which frames reach the tracker: `costs` are those of its calls, the first the start on frame 0."""
    seen, debt, left, calls = [], 0.0, grace, iter(costs)
    for frame in range(n):
        if frame and debt > interval:
            debt -= interval
            continue
        cost = next(calls)
        seen.append(frame)
        debt = 0.0
        if cost > interval and left > 0:
            left -= 1
        elif cost > interval:
            debt = cost - interval
    return seen


@pytest.mark.parametrize("seed", range(8))
def test_uneven_seconds_against_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, interval, grace = 60, 0.05, int(rng.integers(0, 4))
    costs = rng.exponential(0.08, n).tolist()
    clock, calls, seen = Clock(interval, grace), iter(costs), [0]
    clock.took(next(calls), started=True)
    for frame in range(1, n):
        if not clock.busy():
            seen.append(frame)
            clock.took(next(calls), started=False)
    assert seen == frames_seen(costs, interval, grace, n)
    assert len(seen) < n


def test_resets_give_grace_again_and_held_boxes_can_fail() -> None:
    ball = sequence(n=20)
    away = Scripted([[200.0, 200.0, 5.0, 5.0]] * 20)
    result = Realtime(base="supervised", grace=3, seconds_per_frame=1.0).run(away, ball, repetition=1, seed=0)
    codes = [int(state) for state in result.states]
    assert codes == [1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 2]
    patient = Realtime(base="supervised", grace=0, seconds_per_frame=0.3).run(away, ball, repetition=1, seed=0)
    # the start was too slow: its own box answers until it overlaps nothing any more, or the tracker sees a frame
    assert (patient.states == FrameState.FAILURE).sum() < (result.states == FrameState.FAILURE).sum()


def test_seconds_are_kept_for_the_frames_that_were_seen() -> None:
    result = Realtime(base="unsupervised", grace=0, seconds_per_frame=0.12).run(
        Counting(), sequence(n=12), repetition=1, seed=0
    )
    assert np.isnan(result.seconds).tolist() == [False] + [True, False] * 5 + [True]


def test_measured_seconds_decide_without_a_simulation() -> None:
    assert answers(Realtime(base="unsupervised", fps=1e-3)) == list(range(1, 12))
    held = answers(Realtime(base="unsupervised", fps=1e9, grace=0))
    assert len(set(held)) < 11


def test_parameters_and_family_are_those_of_the_base() -> None:
    protocol = Realtime(base="multistart", seconds_per_frame=0.1)
    assert protocol.family == "vot-multistart-realtime"
    assert not protocol.timed
    assert Realtime().timed
    facts = protocol.parameters()
    assert (facts["name"], facts["base"], facts["fps"], facts["seconds_per_frame"]) == (
        "realtime",
        "multistart",
        20,
        0.1,
    )
    assert Realtime().parameters()["failure_overlap"] == 0.0
    assert Realtime(fps=30).parameters() != Realtime().parameters()


@pytest.mark.parametrize(
    "options", [{"fps": 0.0}, {"fps": float("nan")}, {"grace": -1}, {"seconds_per_frame": -0.1}, {"base": "one_pass"}]
)
def test_impossible_clocks(options: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        get_protocol("realtime", **options)


def test_a_suites_own_protocol_runs_against_the_clock() -> None:
    suite = Suite("s", "S", "vot", "supervised", (), 0, bounded=False)
    made = suite_protocol(suite, "Realtime", grace=1)
    assert made == Realtime(base="supervised", grace=1, bounded=False)
    assert suite_protocol(replace(suite, protocol="multistart"), "realtime").family == "vot-multistart-realtime"
    assert suite_protocol(replace(suite, protocol="one_pass"), "realtime").family == "vot-unsupervised-realtime"
    with pytest.raises(UsageError, match="has no option fps"):
        suite_protocol(suite, None, fps=30)


@pytest.mark.parametrize("stack", ["vot2018/shortterm", "vot2020/shortterm", "vot2022/shorttermbox"])
def test_the_grace_is_that_of_the_toolkits_stacks(stack: str) -> None:
    vot = pytest.importorskip("vot")
    text = (Path(vot.__file__).parent / "stack" / f"{stack}.yaml").read_text()
    assert f"grace: {Realtime().grace}\n" in text
    assert Realtime() == Realtime(base="supervised", fps=20.0, grace=3, repetitions=1)
