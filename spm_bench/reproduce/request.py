"""What is asked of a reproduction, and what it finds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spm_bench.results.changes import Change


@dataclass(frozen=True)
class ReproduceRequest:
    """Which run to do again, and what is in another place now.

    Attributes:
        run: The run folder, or its run.json.
        out: Where the new run goes; None: a temporary folder, removed when the boxes are the same.
        sequences: Only these; empty for all that were finished.
        data: Where the suite's files are; None: where they were, else the usual places.
        weights: The weights file or folder, where it was moved; None: as recorded.
        device: Another device than the recorded one.
        tolerance: Pixels by which a coordinate may be off and still count as the same.
        workers: Processes.
        quiet: No progress on stderr, failures only.
        command: For the record.
    """

    run: Path
    out: Path | None = None
    sequences: tuple[str, ...] = ()
    data: Path | None = None
    weights: str | None = None
    device: str | None = None
    tolerance: float = 0.0
    workers: int = 1
    quiet: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class SequenceCheck:
    """The boxes of one sequence, then and now; numbers are over all repetitions that both have.

    Attributes:
        sequence: Its name.
        repetitions: How many there were, and are.
        frames: Compared.
        identical: Whether the raw files are equal, byte for byte.
        differing: Frames whose boxes or states differ.
        first: The first of them, counted from 0 in its repetition; None where none differs.
        repetition: In which repetition (from 1) that frame is; 0 where none differs.
        states: Frames in which one was tracking and the other was not.
        largest: Largest difference of x, y, w or h in pixels, where both have a box.
        overlap: Mean overlap of the two, over the frames in which both track; None where there is none.
    """

    sequence: str
    repetitions: tuple[int, int]
    frames: int
    identical: bool
    differing: int = 0
    first: int | None = None
    repetition: int = 0
    states: int = 0
    largest: float = 0.0
    overlap: float | None = None

    def same(self, tolerance: float = 0.0) -> bool:
        """Whether as many repetitions are in the same states, with boxes no further apart than `tolerance` pixels."""
        return self.repetitions[0] == self.repetitions[1] and not self.states and self.largest <= tolerance


@dataclass(frozen=True)
class Reproduction:
    """What came of it.

    Attributes:
        run: The folder that was reproduced.
        label: The tracker.
        suite: Title of the suite.
        total: Sequences of the run.
        checks: One per sequence that was run again.
        left_out: Sequence -> why it was not compared: it was never finished, it failed then, or it was not asked for.
        failures: Sequence -> the problem it broke with now.
        changes: Facts that are not as they were, those that decide about boxes first.
        unchanged: Names of the facts that are.
        tolerance: As asked for.
        folder: The new run; None where it was removed because the boxes are the same.
        kept: Sequences that an interrupted reproduction had finished before.
        timed: Whether the protocol takes the tracker's time: boxes then depend on how fast the machine is.
    """

    run: Path
    label: str
    suite: str
    total: int
    checks: tuple[SequenceCheck, ...]
    left_out: dict[str, str]
    failures: dict[str, str]
    changes: tuple[Change, ...]
    unchanged: tuple[str, ...]
    tolerance: float = 0.0
    folder: Path | None = None
    kept: int = 0
    timed: bool = False

    @property
    def same(self) -> bool:
        """Whether every sequence ran, and its boxes are the same within the tolerance."""
        return not self.failures and all(check.same(self.tolerance) for check in self.checks)

    @property
    def identical(self) -> bool:
        """Whether the raw files are the same, byte for byte."""
        return not self.failures and all(check.identical for check in self.checks)

    @property
    def differing(self) -> tuple[SequenceCheck, ...]:
        """The sequences whose boxes are not the same, the largest difference first."""
        found = [check for check in self.checks if not check.same(self.tolerance)]
        return tuple(sorted(found, key=lambda c: (-c.states, -c.largest, c.sequence)))

    def to_json(self) -> dict[str, Any]:
        """All of it, for programs; numbers are finite."""
        told = asdict(self) | {"same": self.same, "identical": self.identical, "run": str(self.run)}
        told["folder"] = None if self.folder is None else str(self.folder)
        for check, row in zip(self.checks, told["checks"], strict=True):
            row["same"] = check.same(self.tolerance)
            row["largest"] = check.largest if math.isfinite(check.largest) else None
        return told
