"""What came of a sweep: evaluations of the cells, comparisons with the base, failures, how much was shared."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path

from spm_bench.results.runs import RunResults
from spm_bench.results.trajectory import Trajectory
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import Comparison
from spm_bench.suites.base import Sequence
from spm_bench.sweep.plan import Plan, SuitePlan


@dataclass(frozen=True)
class CellFailure:
    """A cell that failed on a sequence, or on all of a suite (`sequence` is then empty)."""

    cell: str
    suite: str
    sequence: str
    problem: str

    def __str__(self) -> str:
        place = f" on {self.sequence}" if self.sequence else ""
        return f"{self.cell} failed{place} of {self.suite}: {self.problem}"


@dataclass(frozen=True, eq=False)
class SuiteOutcome:
    """One suite.

    Attributes:
        part: The suite and its protocol.
        runs: Cell -> its run folders, one per seed.
        evaluations: Cell -> scores; cells without any finished sequence are not in it. Labels are the cells' names.
        comparisons: Of every other cell with the base.
        asked: Steps of single targets that were asked for in lockstep, in the session that computed something last.
        computed: Passes through the network that were made for them.
        measured: On how many cells x seeds x sequences: those finished in that session, in lockstep.
        tasks: Of how many that are finished.
    """

    part: SuitePlan
    runs: dict[str, tuple[Path, ...]]
    evaluations: dict[str, Evaluation]
    comparisons: tuple[Comparison, ...] = ()
    asked: int = 0
    computed: int = 0
    note: str = ""
    measured: int = 0
    tasks: int = 0

    @property
    def sharing(self) -> float | None:
        """The sharing factor, asked / computed; None where nothing was run in lockstep."""
        return self.asked / self.computed if self.computed else None


@dataclass(frozen=True, eq=False)
class SweepOutcome:
    """All of a sweep.

    Attributes:
        plan: What was run.
        suites: What came of it.
        failures: Cells and sequences that broke.
        folder: Where the document is; None if none was written.
        notes: What the reader must know, one sentence each.
    """

    plan: Plan
    suites: tuple[SuiteOutcome, ...]
    failures: tuple[CellFailure, ...] = ()
    folder: Path | None = None
    notes: tuple[str, ...] = field(default=())


class OverSeeds:
    """The runs of one cell with several seeds as one result set: each seed's repetitions after the other's."""

    def __init__(self, runs: Many[RunResults]) -> None:
        first = runs[0]
        self._runs = tuple(runs)
        self.tracker, self.variant, self.trained = first.tracker, first.variant, first.trained
        self.protocol, self.source, self.label = first.protocol, first.source, first.label
        self.run = first.run
        self.note = "; ".join(filter(None, (first.note, f"over {len(runs)} seeds")))

    def has(self, sequence: str) -> bool:
        """Tell whether the sequence is finished with every seed."""
        return all(run.has(sequence) for run in self._runs)

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        """All repetitions of all seeds, in order (see `RunResults.trajectories` for errors)."""
        return tuple(t for run in self._runs for t in run.trajectories(sequence))
