"""Raw files of VOT's supervised experiment: codes 1, 2 and 0 where they belong, and repetitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from spm_bench.checking.findings import Finding, Level
from spm_bench.geometry.boxes import has_area, iou
from spm_bench.metrics.vot_conventions import SKIP
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.suites.base import Sequence

UNRESET = 0.02
"""Share of frames off the target from which on a tracker was not reset at all: nobody fails to code so many."""

Where = Callable[[str, int], str]
"""(sequence, repetition) -> its file, as people know it."""


@dataclass(frozen=True)
class Coded:
    """One pass: its states, where it is, and which frames have an annotation."""

    sequence: Sequence
    repetition: int
    trajectory: Trajectory
    where: str

    def finding(self, kind: str, problem: str, remedy: str, frame: int, level: Level = "warning") -> Finding:
        """What is wrong in a frame (from 0)."""
        return Finding(level, kind, problem, remedy, self.where, frame + 1, (self.sequence.name,))


def check_codes(
    sequences: list[Sequence], passes: Mapping[str, tuple[Trajectory, ...]], where: Where
) -> Iterator[Finding]:
    """Find codes in wrong places, restarts at other times than the protocol's, and losses that are not coded.

    Args:
        sequences: Those with results.
        passes: Sequence -> repetitions.
        where: Names the file of a repetition.
    """
    coded = [
        Coded(s, r, t, where(s.name, r)) for s in sequences for r, t in enumerate(passes[s.name], start=1) if len(t)
    ]
    if coded and not any((one.trajectory.states == FrameState.INIT).any() for one in coded):
        yield Finding(
            "error",
            "unsupervised",
            "no file has the code 1 (initialisation): these are no results of the supervised experiment",
            "Run the experiment baseline with its restarts; scores of one-pass results are no EAO",
        )
        return
    gaps: Counter[int] = Counter()
    for one in coded:
        yield from _starts(one)
        yield from _after_failures(one, gaps)
    yield from _unusual_gaps(gaps)
    yield from _lost_without_failure(coded)
    yield from _repetitions(sequences, passes)


def _starts(one: Coded) -> Iterator[Finding]:
    states = one.trajectory.states
    if states[0] != FrameState.INIT:
        problem = f"the first line is {_word(states[0])}, and must be the code 1 (initialisation)"
        yield one.finding("codes", problem, "Is the first line missing, or the file of another experiment?", 0, "error")
    lost = False
    for frame, state in enumerate(states):
        if state == FrameState.INIT and frame and not lost:
            yield one.finding("codes", "is the code 1 although no failure came before", _CODES, frame)
        if state == FrameState.FAILURE and lost:
            yield one.finding("codes", "is the code 2 although the tracker was not running", _CODES, frame)
        lost = state == FrameState.FAILURE or (lost and state == FrameState.SKIPPED)


_CODES = "1 initialises, 2 is a failure, 0 is skipped after a failure; the next 1 comes 5 frames after the 2"


def _word(state: int) -> str:
    return "a region" if state == FrameState.TRACKED else f"the code {int(state)}"


def _after_failures(one: Coded, gaps: Counter[int]) -> Iterator[Finding]:
    """Between a failure and the next start there are codes 0 only; the start is where the protocol says."""
    states, n = one.trajectory.states, len(one.trajectory)
    usable = has_area(one.sequence.ground_truth)
    stopped = np.flatnonzero((states[1:] == FrameState.SKIPPED) & (states[:-1] % 2 == FrameState.INIT)) + 1
    for frame in stopped:  # after INIT or TRACKED, the odd ones
        yield one.finding("codes", "no region although the tracker was running", _CODES, int(frame))
    for failure in map(int, np.flatnonzero(states == FrameState.FAILURE)):
        due = failure + SKIP
        while due < n and not usable[due]:  # nobody can be started where nothing is annotated
            due += 1
        later = np.flatnonzero(states[failure + 1 :] != FrameState.SKIPPED)
        after = failure + 1 + int(later[0]) if len(later) else n
        if after < n and states[after] == FrameState.TRACKED:
            yield one.finding("codes", "a region although the tracker was not initialised again", _CODES, after)
        elif after < n and states[after] == FrameState.INIT:
            gaps[SKIP if after == due else after - failure] += 1
        elif after == n and due < n:
            problem = f"never started again after this failure, though {n - failure - 1} frames are left"
            yield one.finding("codes", problem, _CODES, failure)


def _unusual_gaps(gaps: Counter[int]) -> Iterator[Finding]:
    unusual = {gap: count for gap, count in gaps.items() if gap != SKIP}
    if not unusual:
        return
    told = ", ".join(f"{gap} frames ({count} times)" for gap, count in sorted(unusual.items()))
    yield Finding(
        "warning",
        "restart-gap",
        f"the tracker was started again {told} after a failure instead of {SKIP}",
        f"Run the experiment with skip_initialize {SKIP}: the time a tracker is off changes R and EAO",
    )


def _lost_without_failure(coded: list[Coded]) -> Iterator[Finding]:
    """Frames whose region misses the annotation, which should be failures."""
    total, found = 0, []
    for one in coded:
        truth, boxes = one.sequence.ground_truth, one.trajectory.boxes
        tracked = (one.trajectory.states == FrameState.TRACKED) & has_area(truth) & np.isfinite(boxes).all(axis=1)
        total += int(tracked.sum())
        lost = np.flatnonzero(tracked & (iou(boxes + _WIDER, truth) <= 0))
        if len(lost):
            found.append((one, lost))
    n = sum(len(lost) for _, lost in found)
    if total and n > UNRESET * total:
        yield Finding(
            "error",
            "unsupervised",
            f"{n} of {total} regions miss the annotation, and the tracker went on: it was not reset",
            "Run the experiment baseline, which restarts a tracker that lost its target",
        )
        return
    for one, lost in found:
        more = f" ({len(lost)} such lines)" if len(lost) > 1 else ""
        problem = f"the region misses the annotation, but no failure is coded{more}"
        yield one.finding("uncoded-failure", problem, "A region of overlap 0 is a failure: code 2", int(lost[0]))


_WIDER = np.array((-1.0, -1.0, 2.0, 2.0))
"""A pixel on every side: where regions touch, ways to count pixels decide whether they overlap."""


def _repetitions(sequences: list[Sequence], passes: Mapping[str, tuple[Trajectory, ...]]) -> Iterator[Finding]:
    yield from check_repetitions({s.name: len(passes[s.name]) for s in sequences}, usual=15)


def check_repetitions(counts: Mapping[str, int], usual: int, deterministic: int = 3) -> Iterator[Finding]:
    """Find sequences with fewer repetitions than others, and say how many the protocol has.

    Args:
        counts: Sequence -> repetitions.
        usual: Of a tracker that uses chance.
        deterministic: After which the protocol stops where they are identical.
    """
    most = max(counts.values(), default=0)
    few = [name for name, count in counts.items() if count < most]
    if few:
        shown = ", ".join(f"{name} ({counts[name]})" for name in few[:5]) + (", ..." if len(few) > 5 else "")
        yield Finding(
            "warning",
            "repetitions",
            f"{len(few)} of {len(counts)} sequences have fewer than {most} repetitions: {shown}",
            "The run was interrupted, or files are missing: means weigh these sequences otherwise",
            sequences=tuple(few),
        )
    elif 0 < most < usual and most != deterministic:
        yield Finding(
            "note",
            "repetitions",
            f"{most} repetition{'s' * (most > 1)} of each sequence; the protocol has {usual}"
            + (f", or {deterministic} if they are identical" if deterministic < usual else ""),
        )
