"""Lockstep: many targets of one batch tracker advanced together, so that what they have in common is done once.

A *slot* is one job under way: its protocol's script says what it needs next, its target lives in the batch tracker. The
slots of a sequence form a *group*. In each round, of every group only the slots at its lowest frame move:

    cell A   frame 7 update    moves          the frame is decoded once and is the same object for all who see it,
    cell B   frame 7 start     moves          by which the batch tracker knows what can be shared;
    cell C   frame 12 start    waits          slots that skip frames after a failure wait for the others there

Groups enter as long as their slots fit into the batch tracker's capacity, and leave when their slots are done: short
sequences do not wait for long ones. Memory holds the batch tracker's targets of the groups inside, and two pictures for
each group.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from collections.abc import Sequence as Many
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from spm_bench.engine.jobs import Job, Reply, TrackerCache, broken, needed
from spm_bench.engine.slots import Group, Mover
from spm_bench.errors import SpmBenchError, TrackerError
from spm_bench.protocols.base import OnFrame
from spm_bench.registry import load_target
from spm_bench.trackers.base import BatchTracker, Shared, Start, TrackerSpec

MOST_DECODERS = 8
"""Threads that decode ahead: more do not help, as each sequence has one picture ahead at most."""


def together(jobs: Many[Job], trackers: TrackerCache, on_frame: OnFrame | None) -> Iterator[Reply]:
    """Do all jobs in lockstep; yields a reply as each finishes. Their seconds are NaN: nobody's time can be told apart.

    Args:
        jobs: Of trackers with one target (`module:Class`), which offers `batched`.
        trackers: Keeps the batch for the next bundle.
        on_frame: Called after every frame of every slot.
    """
    kind = load_target(jobs[0].spec.target)
    wanted: list[Job] = []
    for job in jobs:
        if needed(job, kind):
            wanted.append(job)
        else:
            yield Reply(job.key)
    if not wanted:
        return
    specs = {id(job.spec): job.spec for job in wanted}
    try:
        batch, known, refused = _build(list(specs.values()), trackers)
    except SpmBenchError as error:
        yield Reply(wanted[0].key, fatal=error)
        return
    slot_of = {key: known.index(spec) for key, spec in specs.items() if spec in known}
    yield from (broken(job, refused[id(job.spec)]) for job in wanted if id(job.spec) in refused)
    able = [job for job in wanted if id(job.spec) not in refused]
    lockstep = _Lockstep(batch, slot_of, on_frame)
    try:
        yield from lockstep.run(able)
    finally:
        if lockstep.upset:
            trackers.forget()


def _build(
    specs: Many[TrackerSpec], trackers: TrackerCache
) -> tuple[BatchTracker, Many[TrackerSpec], dict[int, SpmBenchError]]:
    """Make the batch; if that fails, of the specs that can be used. Also returns the errors of the others, by their id.

    Raises:
        SpmBenchError: None can be used, or not together.
    """
    try:
        return *trackers.batch(specs), {}
    except SpmBenchError as error:
        whole = error
    refused: dict[int, SpmBenchError] = {}
    for spec in specs:
        try:
            trackers.batch([spec])
        except SpmBenchError as error:
            refused[id(spec)] = error
    usable = [spec for spec in specs if id(spec) not in refused]
    if not refused or not usable:
        raise whole
    return *trackers.batch(usable), refused


@dataclass(eq=False)
class _Lockstep:
    """Drives slots through one batch tracker.

    Attributes:
        batch: The tracker.
        slot_of: id of a spec -> its place in the batch.
        on_frame: Called after every frame of every slot.
        upset: Whether the batch tracker has thrown: nobody knows its state then.
    """

    batch: BatchTracker
    slot_of: Mapping[int, int]
    on_frame: OnFrame | None
    upset: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._limit = max(1, self.batch.capacity)
        self._told = replace(self.batch.shared)

    def run(self, jobs: Many[Job]) -> Generator[Reply, None, None]:
        """Do all jobs; the longest sequences first, so that the batch stays full to the end."""
        by_frames: dict[tuple[int, range], list[Job]] = {}
        for job in jobs:
            by_frames.setdefault((id(job.sequence), job.span), []).append(job)
        waiting = deque(sorted(by_frames.values(), key=lambda group: -len(group[0].span)))
        inside: list[Group] = []
        threads = ThreadPoolExecutor(min(MOST_DECODERS, os.cpu_count() or 1), "decoder")
        try:
            while waiting or inside:
                self._refill(inside, waiting, threads)
                self._round([mover for group in inside for mover in group.movers()])
                done = [slot for group in inside for slot in group.take_done()]
                inside = [group for group in inside if group.slots]
                yield from (self._with_news(slot.reply()) for slot in done)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def _refill(self, inside: list[Group], waiting: deque[list[Job]], threads: Executor) -> None:
        """Let sequences in while there is room; one always, however many slots it has."""
        room = self.batch.capacity - sum(len(group.slots) for group in inside)
        while waiting and (len(waiting[0]) <= room or not inside):
            room -= len(waiting[0])
            inside.append(Group.of(waiting.popleft(), self.slot_of, threads))

    def _round(self, movers: list[Mover]) -> None:
        """Move each slot by one frame."""
        for mover, target in self._in_calls([m for m in movers if m.move.box is not None], self._start):
            mover.started(target)
            self._tell(mover)
        for mover, box in self._in_calls([m for m in movers if m.move.box is None], self._advance):
            if mover.tracked(box):
                self._tell(mover)

    def _in_calls(self, movers: list[Mover], call: _Call) -> Iterator[tuple[Mover, object]]:
        """Call for all movers, not more at once than the batch tracker takes; yields those that did not break."""
        while movers:
            now, movers = movers[: self._limit], movers[self._limit :]
            for mover, answer in self._safely(now, call):
                if isinstance(answer, _Broken):
                    mover.slot.breaks(answer.error)
                else:
                    yield mover, answer

    def _safely(self, movers: list[Mover], call: _Call) -> list[tuple[Mover, object]]:
        """Call for these; if that throws, for halves of them, down to the ones that throw alone.

        Where no half throws, they were only too many (for the memory, say): fewer are taken from then on.
        """
        try:
            return list(zip(movers, call(movers), strict=True))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it may concern one slot alone
            self.upset = True
            if len(movers) == 1:
                error.add_note(movers[0].place)
                return [(movers[0], _Broken(error))]
        half = len(movers) // 2
        found = self._safely(movers[:half], call) + self._safely(movers[half:], call)
        if not any(isinstance(answer, _Broken) for _, answer in found):
            self._limit = min(self._limit, len(movers) - half)
        return found

    def _start(self, movers: list[Mover]) -> Many[object]:
        starts = [Start(m.slot.slot_of, m.frame, np.array(m.move.box, dtype=np.float64)) for m in movers]
        return _one_each(self.batch.start(starts), movers)

    def _advance(self, movers: list[Mover]) -> Many[object]:
        return _one_each(self.batch.advance([m.slot.target for m in movers], [m.frame for m in movers]), movers)

    def _tell(self, mover: Mover) -> None:
        if self.on_frame is not None:
            self.on_frame(mover.move.index)

    def _with_news(self, reply: Reply) -> Reply:
        """Add what was shared since the last reply."""
        now, before = replace(self.batch.shared), self._told
        self._told = now
        return replace(reply, shared=Shared(now.asked - before.asked, now.computed - before.computed))


_Call = Callable[[list[Mover]], Many[object]]


@dataclass(frozen=True, eq=False)
class _Broken:
    """An answer that is an exception."""

    error: BaseException


def _one_each(answers: Iterable[object], movers: list[Mover]) -> Many[object]:
    """The answers one by one. With another number than asked for nobody knows whose is whose: all are broken then."""
    found = list(answers)
    if len(found) == len(movers):
        return found
    who = movers[0].slot.job.spec.target.rpartition(":")[2]
    wrong = TrackerError(f"the batch of {who} gave {len(found)} answers to {len(movers)} targets")
    return [_Broken(wrong)] * len(movers)
