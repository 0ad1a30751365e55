"""What lockstep moves: a slot is one job under way, a group the slots of one sequence."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, NamedTuple

from spm_bench.engine.film import Film
from spm_bench.engine.jobs import Job, Reply, broken
from spm_bench.errors import DataError, TrackerError
from spm_bench.protocols.base import (
    Answer,
    Move,
    Record,
    Script,
    checked_box,
    frames_of,
    next_move,
    picture_size,
    place_of,
)
from spm_bench.suites.base import Frame, FrameSource, Sequence
from spm_bench.suites.starts import part_of
from spm_bench.trackers.base import Box


@dataclass(eq=False)
class Slot:
    """A job under way.

    Attributes:
        part: The frames that the job covers.
        slot_of: Place of its settings in the batch tracker.
        move: What its script wants next; None once it is done.
        target: What the batch tracker gave for it.
        frames: Frames it has seen.
        error: What it broke with.
    """

    job: Job
    part: Sequence
    slot_of: int
    record: Record
    script: Script
    move: Move | None = None
    target: Any = None
    frames: int = 0
    error: BaseException | None = None

    @classmethod
    def of(cls, job: Job, part: Sequence, slot_of: int) -> Slot:
        """Begin a job: the slot then knows its first move, or has broken already."""
        record = Record(len(part), job.repetition)
        slot = cls(job, part, slot_of, record, job.protocol.moves(part, record))
        slot.go_on(None)
        return slot

    def breaks(self, error: BaseException) -> None:
        """End with an exception."""
        self.error, self.move, self.target = error, None, None

    def go_on(self, answer: Answer | None) -> None:
        """Tell the script the answer, and keep what it wants next."""
        try:
            self.move = next_move(self.script, answer)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it concerns this slot alone
            self.breaks(error)

    def reply(self) -> Reply:
        """What became of the job."""
        if self.error is not None:
            return broken(self.job, self.error, self.frames)
        return Reply(self.job.key, self.record.trajectory(), frames=self.frames)


class Mover(NamedTuple):
    """A slot that moves in this round, with what it sees."""

    slot: Slot
    move: Move
    frame: Frame

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return place_of(self.slot.part, self.move.index, self.slot.job.repetition)

    def started(self, target: object) -> None:
        """Book a start that the batch tracker has made."""
        assert self.move.box is not None
        self.slot.target = target
        self.slot.record.started(self.move.index)
        self._go_on(self.move.box)

    def tracked(self, answer: object) -> bool:
        """Book an update; an answer that is no box breaks the slot. Tells whether it was one."""
        job, index = self.slot.job, self.move.index
        try:
            who = job.spec.target.rpartition(":")[2]
            box = checked_box(answer, who, f"in frame {index} of {job.sequence.name}")
        except TrackerError as error:
            self.slot.breaks(error)
            return False
        self.slot.record.tracked(index, box)
        self._go_on(box)
        return True

    def _go_on(self, box: Box) -> None:
        self.slot.frames += 1
        self.slot.go_on((box, picture_size(self.frame)))


@dataclass(eq=False)
class Group:
    """The slots of one sequence, or of one part of it, which see its frames together."""

    slots: list[Slot]
    film: Film

    @classmethod
    def of(cls, jobs: Many[Job], slot_of: Mapping[int, int], threads: Executor) -> Group:
        """Begin all jobs of the same frames; where there are no pictures to go with them, they have broken already."""
        part = part_of(jobs[0].sequence, jobs[0].span)
        slots = [Slot.of(job, part, slot_of[id(job.spec)]) for job in jobs]
        frames: FrameSource = ()
        try:
            frames = frames_of(part)
        except DataError as error:
            for slot in slots:
                slot.breaks(error)
        return cls(slots, Film(frames, threads))

    def movers(self) -> list[Mover]:
        """The slots at the lowest frame, with the frame. If that cannot be read they are broken, and none moves."""
        moves = [(slot, slot.move) for slot in self.slots if slot.move is not None]
        if not moves:
            return []
        index = min(move.index for _, move in moves)
        first = [(slot, move) for slot, move in moves if move.index == index]
        try:
            frame = self.film.frame(index)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it concerns this sequence alone
            for slot, _ in first:
                slot.breaks(error)
            return []
        return [Mover(slot, move, frame) for slot, move in first]

    def take_done(self) -> list[Slot]:
        """Remove the slots that are done, and return them."""
        done = [slot for slot in self.slots if slot.move is None]
        self.slots = [slot for slot in self.slots if slot.move is not None]
        return done
