"""How fast trackers are, apart from scoring: one target, alone on the machine, the device waited for at every frame.

Trackers take turns, sequence by sequence and round by round, so that a noisy minute hits all alike; who comes first
changes from round to round. A pass is `init` on a sequence's first usable frame, some frames of warm-up, and the timed
ones; lost targets are not restarted. Seconds inside the network come from a pass of their own over the same frames, as
waiting for the device around each part slows the whole.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from spm_bench.errors import SpmBenchError, TrackerError, UsageError, listed
from spm_bench.protocols.base import frames_of, stable_seed, usable
from spm_bench.results.manifest import identity_of
from spm_bench.results.timing import PassTimes, TimedTracker
from spm_bench.suites.base import Frame, FrameSource, Sequence, Suite
from spm_bench.trackers.base import Tracker, TrackerSpec, sees_the_answer, uses_chance
from spm_bench.trackers.stopwatch import Clock, NetworkWatch, Wait, devices_of, parts_of, waiter
from spm_bench.words import clock as as_clock

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is timed.

    Attributes:
        frames: Timed frames of a sequence and round, at most.
        warmup: Updates before them in every pass: caches, and clocks of devices, were another tracker's just before.
        repeats: Rounds.
        seed: For trackers that use chance; the same in every round, so that all rounds do the same work.
    """

    frames: int = 100
    warmup: int = 10
    repeats: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for value, least, option in (
            (self.frames, 1, "--frames"),
            (self.warmup, 0, "--warmup"),
            (self.repeats, 1, "--repeats"),
        ):
            if value < least:
                raise UsageError(f"{option} {value} leaves nothing to time", remedy=f"Give {least} or more")


@dataclass(frozen=True, eq=False)
class Stretch:
    """The part of a sequence that is used: `init` on frame `first`, timed frames from `timed` to before `end`."""

    sequence: Sequence
    frames: FrameSource
    first: int
    timed: int
    end: int


@dataclass(eq=False)
class _Candidate:
    """A tracker that takes part."""

    spec: TrackerSpec
    tracker: Tracker
    parts: tuple[Any, ...]
    devices: tuple[str, ...] = ()
    passes: list[PassTimes] = field(default_factory=list)
    bypassed: bool = False
    """Whether its network was run past the modules it names, so that nothing could be measured."""

    def result(self, suite: Suite, seed: int) -> TimedTracker:
        note = "runs its network past the modules it names: no time inside it" if self.bypassed else ""
        return TimedTracker(
            name=self.spec.name,
            variant=self.spec.variant,
            label=self.spec.label,
            trained=self.spec.trained,
            identity=identity_of(self.spec, suite, {}, seed)["tracker"],
            computes=bool(getattr(self.tracker, "looks_at_pictures", True)),
            devices=self.devices,
            passes=tuple(self.passes),
            note=note,
        )


def stretches(suite: Suite, plan: Plan) -> list[Stretch]:
    """Choose the frames of every sequence.

    Raises:
        UsageError: A sequence has no frame left after the first usable one and the warm-up.
        DataError: One has no pictures.
    """
    found, short = [], []
    for sequence in suite.sequences:
        frames = frames_of(sequence)
        starts = np.flatnonzero(usable(sequence))
        first = int(starts[0]) if len(starts) else len(sequence)
        timed = first + 1 + plan.warmup
        if timed >= len(sequence):
            short.append(f"{sequence.name} ({len(sequence)} frames)")
        else:
            found.append(Stretch(sequence, frames, first, timed, min(timed + plan.frames, len(sequence))))
    if short:
        raise UsageError(
            f"no frame is left to time after the first and {plan.warmup} of warm-up in {listed(short)}",
            remedy="Give a smaller --warmup, or name longer sequences with --sequence",
        )
    return found


def time_trackers(
    specs: Many[TrackerSpec],
    suite: Suite,
    plan: Plan,
    *,
    clock: Clock = perf_counter,
    say: Say = lambda _: None,
) -> tuple[TimedTracker, ...]:
    """Time trackers side by side in this process; hold `quiet.alone` around it.

    Args:
        specs: Who.
        suite: On what, with pictures.
        plan: How much.
        clock: Seconds.
        say: Told after every round, never in between: a bar that moves would be timed too.

    Returns:
        One result per spec, in their order.

    Raises:
        UsageError: A sequence is too short.
        SpmBenchError: A tracker cannot be built, a frame is broken.
        TrackerError: A tracker broke, or returned something that is no box.
    """
    from spm_bench.trackers.catalog import build_tracker

    parts = stretches(suite, plan)
    trackers = [build_tracker(spec) for spec in specs]
    candidates = [_Candidate(spec, t, parts_of(t)) for spec, t in zip(specs, trackers, strict=True)]
    for candidate in candidates:
        _warm_up(candidate, parts[0], plan)
    begun = clock()
    for r in range(plan.repeats):
        for i, stretch in enumerate(parts):
            for candidate in _turned(candidates, r + i):
                candidate.passes.append(_round(candidate, stretch, plan, r + 1, clock))
        left = (clock() - begun) / (r + 1) * (plan.repeats - r - 1)
        told = f"; about {as_clock(left)} left" if left >= 1 else ""
        say(f"round {r + 1} of {plan.repeats}: {_speeds(candidates, r + 1)}{told}")
    return tuple(candidate.result(suite, plan.seed) for candidate in candidates)


def _turned(candidates: list[_Candidate], by: int) -> list[_Candidate]:
    by %= len(candidates)
    return candidates[by:] + candidates[:by]


def _warm_up(candidate: _Candidate, stretch: Stretch, plan: Plan) -> None:
    """Start once and go on for the frames of warm-up: libraries load, kernels are chosen, memory is taken."""
    _start(candidate, stretch, plan.seed, perf_counter, _at_once)
    for index in range(stretch.first + 1, stretch.timed):
        _check(_update(candidate, stretch.frames[index], stretch, index), candidate, stretch, index)
    candidate.devices = devices_of(candidate.parts)


def _round(candidate: _Candidate, stretch: Stretch, plan: Plan, number: int, clock: Clock) -> PassTimes:
    """One pass as it is, and for a tracker with a network another one under the watch."""
    wait = waiter(candidate.devices)
    start, decode, tracker, _ = _pass(candidate, stretch, plan, clock, wait, None)
    network = None
    if candidate.parts:
        with NetworkWatch(candidate.parts, wait, clock) as watch:
            network = _pass(candidate, stretch, plan, clock, wait, watch)[3]
        candidate.bypassed |= not network.any()
    return PassTimes(number, stretch.sequence.name, start, decode, tracker, None if candidate.bypassed else network)


def _pass(
    candidate: _Candidate, stretch: Stretch, plan: Plan, clock: Clock, wait: Wait, watch: NetworkWatch | None
) -> tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Seconds of `init`; and per timed frame of decoding, of `update`, and inside the network (0 without a watch)."""
    rows = []
    start = _start(candidate, stretch, plan.seed, clock, wait)
    for index in range(stretch.first + 1, stretch.end):
        inside = watch.take() if watch is not None else 0.0  # what init and warm-up left
        begun = clock()
        frame = stretch.frames[index]
        decoded = clock()
        answer = _update(candidate, frame, stretch, index)
        wait()
        done = clock()
        inside = watch.take() if watch is not None else 0.0
        _check(answer, candidate, stretch, index)
        if index >= stretch.timed:
            rows.append((decoded - begun, done - decoded, inside))
    decode, tracker, network = np.array(rows, dtype=np.float64).T
    return start, decode, tracker, network


def _start(candidate: _Candidate, stretch: Stretch, seed: int, clock: Clock, wait: Wait) -> float:
    """Start the tracker on the stretch's first frame; seconds of its `init`."""
    sequence, index, tracker = stretch.sequence, stretch.first, candidate.tracker
    if uses_chance(tracker):
        tracker.seed(stable_seed(seed, sequence.name, 1, index))
    if sees_the_answer(tracker):
        tracker.begin(sequence, index)
    frame, box = stretch.frames[index], np.array(sequence.ground_truth[index], dtype=np.float64)
    begun = clock()
    try:
        tracker.init(frame, box)
    except (Exception, SystemExit) as error:
        raise _broke(candidate, stretch, index, error) from error
    wait()
    return clock() - begun


def _update(candidate: _Candidate, frame: Frame, stretch: Stretch, index: int) -> object:
    try:
        return candidate.tracker.update(frame)
    except (Exception, SystemExit) as error:
        raise _broke(candidate, stretch, index, error) from error


def _broke(candidate: _Candidate, stretch: Stretch, index: int, error: BaseException) -> TrackerError:
    text = str(error) if isinstance(error, SpmBenchError) else f"{type(error).__name__}: {error}"
    where = f"in frame {index} of {stretch.sequence.name}"
    return TrackerError(f"{candidate.spec.label} broke {where}: {text}", remedy="Leave it out, or mend it")


def _check(answer: object, candidate: _Candidate, stretch: Stretch, index: int) -> None:
    try:
        box = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.shape != (4,) or not np.isfinite(box).all():
        where = f"in frame {index} of {stretch.sequence.name}"
        raise TrackerError(
            f"{candidate.spec.label} returned {str(answer)[:60]} {where}",
            remedy="update(frame) must return four finite numbers (x, y, w, h)",
        )


def _speeds(candidates: Many[_Candidate], number: int) -> str:
    told = []
    for candidate in candidates:
        seconds = np.concatenate([p.tracker for p in candidate.passes if p.round == number])
        told.append(f"{candidate.spec.label} {1e3 * float(np.median(seconds)):.2f} ms")
    return ", ".join(told)


def _at_once() -> None:
    """Wait for nothing: before the warm-up it is not known what a tracker computes on."""


@contextlib.contextmanager
def threads_set(count: int | None) -> Iterator[None]:
    """Give torch and OpenCV so many threads while the block runs (None: as they are).

    Raises:
        UsageError: Less than one.
    """
    if count is not None and count < 1:
        raise UsageError(f"{count} threads cannot compute anything", remedy="Give --threads 1 or more")
    with contextlib.ExitStack() as after:
        if count is not None:
            import cv2
            import torch

            after.callback(torch.set_num_threads, torch.get_num_threads())
            after.callback(cv2.setNumThreads, cv2.getNumThreads())
            torch.set_num_threads(count)
            cv2.setNumThreads(count)
        yield


def threads_in_use() -> dict[str, int]:
    """Threads of one operation of each library that is loaded."""
    found = {}
    if (torch := sys.modules.get("torch")) is not None:
        found["torch"] = int(torch.get_num_threads())
    if (cv2 := sys.modules.get("cv2")) is not None:
        found["OpenCV"] = int(cv2.getNumThreads())
    return found
