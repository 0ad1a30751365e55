"""What is left to do, cut into bundles: one job each, or everything that can be advanced in lockstep."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field

from spm_bench.engine.jobs import Bundle, Job
from spm_bench.results.runs import Run
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence

FULL = 64
"""Targets that fill a batch on any device we know: a bundle with as many gains nothing by further sequences."""
BUNDLES_PER_WORKER = 4
"""So many at least, where the sequences allow: workers end at about the same time, and one that dies costs little."""


@dataclass(eq=False)
class Task:
    """One tracker on one sequence, with the repetitions that are finished.

    Attributes:
        lockstep: Whether it may be advanced with others.
        at_once: Repetitions that are certain to be needed, and run at once.
    """

    key: int
    run: Run
    sequence: Sequence
    finished: list[Trajectory]
    lockstep: bool = False
    at_once: int = 1

    @property
    def repetitions_due(self) -> range:
        """The repetitions to do next, from 1."""
        first = len(self.finished) + 1
        last = min(self.at_once, self.run.protocol.count(self.sequence))
        return range(first, max(first, last) + 1)


@dataclass(eq=False)
class BundleMaker:
    """Makes bundles whose jobs have keys of their own.

    Attributes:
        wanted: Bundles that lockstep tasks are cut into, where there are sequences enough; 1: all in one.
        saves: Whether whoever does a job writes its raw file.
    """

    wanted: int = 1
    saves: bool = False
    _keys: Iterator[int] = field(default_factory=itertools.count, init=False)

    def bundles(self, tasks: Iterable[Task]) -> list[Bundle]:
        """Bundles for the next repetitions of these tasks; those in lockstep come first."""
        alone: list[Task] = []
        together: dict[str, dict[int, list[Task]]] = defaultdict(lambda: defaultdict(list))
        for task in tasks:
            if task.lockstep:
                together[task.run.spec.target][id(task.sequence)].append(task)
            else:
                alone.append(task)
        groups = [group for by_sequence in together.values() for group in self._groups(list(by_sequence.values()))]
        return [
            *(Bundle(tuple(job for task in group for job in self._jobs(task)), lockstep=True) for group in groups),
            *(Bundle((job,)) for task in alone for job in self._jobs(task)),
        ]

    def _groups(self, sequences: list[list[Task]]) -> list[list[Task]]:
        """Put as many sequences into a group as fill a batch, but not so many that there are too few groups."""
        if self.wanted > 1:  # the last bundle to be given away should be a short one
            sequences = sorted(sequences, key=lambda tasks: -sum(len(task.sequence) for task in tasks))
        targets = max(sum(len(task.repetitions_due) for task in tasks) for tasks in sequences)
        enough = math.ceil(FULL / targets) if self.wanted > 1 else len(sequences)
        size = max(1, min(enough, len(sequences) // self.wanted))
        return [[task for tasks in sequences[i : i + size] for task in tasks] for i in range(0, len(sequences), size)]

    def _jobs(self, task: Task) -> Many[Job]:
        run = task.run
        return [
            Job(
                key=next(self._keys),
                spec=run.spec,
                protocol=run.protocol,
                sequence=task.sequence,
                repetition=repetition,
                seed=run.seed,
                task=task.key,
                save_to=run.raw if self.saves else None,
            )
            for repetition in task.repetitions_due
        ]
