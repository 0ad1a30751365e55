"""How long a sweep will take: a few frames are tracked now, and what they took is laid over what is left."""

from __future__ import annotations

import time
from collections.abc import Sequence as Many
from dataclasses import dataclass

from spm_bench.engine.jobs import batchable, one_line
from spm_bench.protocols.base import stable_seed, usable
from spm_bench.suites.base import Sequence
from spm_bench.sweep.plan import Amount, Plan, SuitePlan, amount_of
from spm_bench.trackers.base import BatchTracker, Box, Start, sees_the_answer, uses_chance
from spm_bench.trackers.catalog import build_batch, build_tracker

FRAMES = 12
"""Measured per place: enough to be past what the first calls of a network cost."""
WARM_UP = 2
"""Frames that are not counted: the first ones allocate memory and choose kernels."""
PLACES = 3
"""Sequences that are looked at, of those with something left: the shortest, the middle and the longest."""


@dataclass(frozen=True)
class Estimate:
    """A forecast.

    Attributes:
        seconds: For what is left; None where nothing could be measured.
        basis: What it rests on, or why there is none; one sentence.
    """

    seconds: float | None
    basis: str


@dataclass(frozen=True, eq=False)
class SuiteForecast:
    """What is to be done on one suite, and how long it will take."""

    part: SuitePlan
    amount: Amount
    estimate: Estimate


def forecast(plan: Plan) -> list[SuiteForecast]:
    """What a sweep would do. Nothing is written."""
    found = []
    for part in plan.suites:
        amount = amount_of(plan, part)
        found.append(SuiteForecast(part, amount, _estimate(plan, amount)))
    return found


def _estimate(plan: Plan, amount: Amount) -> Estimate:
    if not amount.left:
        return Estimate(0.0, "everything is done")
    together = plan.request.lockstep and all(batchable(cell.spec) for cell in plan.cells)
    try:
        return _together(plan, amount) if together else _one_by_one(plan, amount)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a tracker may throw anything, and the run itself reports it
        return Estimate(None, f"nothing could be measured ({one_line(error)})")


def _together(plan: Plan, amount: Amount) -> Estimate:
    """All cells advance together: seconds per round of all, over the rounds that are left."""
    places = _places([sequence for sequence, _ in amount.open])
    batch = build_batch([cell.spec for cell in plan.cells])
    rounds, seconds = 0, 0.0
    for sequence in places:
        n, took = _rounds(batch, sequence, len(plan.cells))
        rounds, seconds = rounds + n, seconds + took
    if not rounds:
        return Estimate(None, "no sequence is long enough to be measured")
    share = sum(len(s) * cells for s, cells in amount.open) / len(plan.cells)
    factor = batch.shared.asked / batch.shared.computed if batch.shared.computed else 1.0
    left = share * seconds / rounds / min(_workers(plan), max(len(amount.open), 1))
    return Estimate(
        left,
        f"rests on {rounds} frames of {', '.join(s.name for s in places)} on which all {len(plan.cells)} cells were "
        f"tracked together in this process, {1000 * seconds / rounds:.0f} ms a frame; {factor:.1f} x shared there, "
        "which falls as the cells drift apart",
    )


def _rounds(batch: BatchTracker, sequence: Sequence, cells: int) -> tuple[int, float]:
    first, box = _start(sequence)
    assert sequence.frames is not None
    frame = sequence.frames[first]
    targets = batch.start([Start(i, frame, box) for i in range(cells)])
    rounds, seconds = 0, 0.0
    for number, index in enumerate(range(first + 1, min(first + 1 + WARM_UP + FRAMES, len(sequence)))):
        begin = time.perf_counter()
        frame = sequence.frames[index]
        batch.advance(targets, [frame] * cells)
        if number >= WARM_UP:
            rounds, seconds = rounds + 1, seconds + time.perf_counter() - begin
    return rounds, seconds


def _one_by_one(plan: Plan, amount: Amount) -> Estimate:
    """Each cell runs alone: seconds per frame of the base, over the frames that are left."""
    places = _places([sequence for sequence, _ in amount.open])
    tracker = build_tracker(plan.base.spec)
    frames, seconds = 0, 0.0
    for sequence in places:
        assert sequence.frames is not None
        first, box = _start(sequence)
        if uses_chance(tracker):
            tracker.seed(stable_seed(plan.seeds[0], sequence.name, 1, first))
        if sees_the_answer(tracker):
            tracker.begin(sequence, first)
        tracker.init(sequence.frames[first], box)
        for number, index in enumerate(range(first + 1, min(first + 1 + WARM_UP + FRAMES, len(sequence)))):
            begin = time.perf_counter()
            tracker.update(sequence.frames[index])
            if number >= WARM_UP:
                frames, seconds = frames + 1, seconds + time.perf_counter() - begin
    if not frames:
        return Estimate(None, "no sequence is long enough to be measured")
    left = amount.left * seconds / frames / _workers(plan)
    return Estimate(
        left,
        f"rests on {frames} frames of {', '.join(s.name for s in places)} tracked by {plan.base.name} in this process, "
        f"{1000 * seconds / frames:.0f} ms a frame; the other cells are taken to be as fast",
    )


def _workers(plan: Plan) -> int:
    return plan.request.workers or 1


def _places(sequences: Many[Sequence]) -> list[Sequence]:
    order = sorted(sequences, key=len)
    chosen = [order[round(i * (len(order) - 1) / (PLACES - 1))] for i in range(PLACES)]
    return list(dict.fromkeys(chosen))


def _start(sequence: Sequence) -> tuple[int, Box]:
    """The first frame that can be started on, and its box."""
    good = usable(sequence)
    first = int(good.argmax())
    return first, sequence.ground_truth[first]
