"""Run a sweep: all cells on all suites, resumed where it stopped; then scores, comparisons with the base, the document.

Cells are runs like any other: their folders are those of `spm-bench run`, named by what they depend on. So a sweep
that is given again computes what is missing, and one whose file was edited computes what changed.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field, replace
from pathlib import Path

from spm_bench.engine.executors import Executor
from spm_bench.engine.jobs import batchable
from spm_bench.engine.progress import Progress, choose_progress
from spm_bench.engine.runner import Failure, run_all
from spm_bench.errors import ResultsError, SpmBenchError
from spm_bench.results.lock import LockedError, locked
from spm_bench.results.manifest import DONE, sequences_in_state
from spm_bench.results.runs import Run, RunResults, open_run
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import Comparison, compare_to_base
from spm_bench.scoring.evaluate import evaluate
from spm_bench.sweep.cells import Cell
from spm_bench.sweep.document import with_earlier_sharing, write_document
from spm_bench.sweep.plan import Plan, SuitePlan, make_plan
from spm_bench.sweep.request import SweepRequest
from spm_bench.sweep.results import CellFailure, OverSeeds, SuiteOutcome, SweepOutcome
from spm_bench.trackers.base import Shared
from spm_bench.trackers.catalog import build_tracker

LOOK_EVERY = 2.0
"""Seconds between two looks at a folder that another process holds."""


def run_sweep(request: SweepRequest) -> SweepOutcome:
    """Run, score, compare, and write the document.

    Raises:
        UsageError: Something in the file or the request does not exist, or cells are the same; with file and line.
        SpmBenchError: Data or weights are missing, results cannot be written, no cell can be run.
    """
    return run_plan(make_plan(request))


def run_plan(plan: Plan, executor: Executor | None = None) -> SweepOutcome:
    """Run a sweep that was planned; see `run_sweep`."""
    request = plan.request
    outcomes: list[SuiteOutcome] = []
    failures: list[CellFailure] = []
    with _executor(request, executor) as chosen:
        for part in plan.suites:
            work = _SuiteWork(plan, part, chosen, choose_progress(quiet=request.quiet, noun="cells"))
            work.finish()
            outcomes.append(_judge(plan, part, work))
            failures += work.failures
    shared = with_earlier_sharing(outcomes, plan)
    outcome = SweepOutcome(plan, tuple(shared), tuple(failures), notes=plan.notes)
    if request.report:
        outcome = replace(outcome, folder=write_document(outcome))
    return outcome


@contextlib.contextmanager
def _executor(request: SweepRequest, given: Executor | None) -> Iterator[Executor | None]:
    """The executor for all suites: the one given, a cluster, or None (`run_all` then makes its own)."""
    if given is not None or request.ray is None:
        yield given
        return
    from spm_bench.engine.cluster import RayExecutor
    from spm_bench.engine.cluster_start import Share

    share = Share(cpus=request.cpus, gpus=request.gpus)
    with RayExecutor(request.ray, share, workers=request.workers) as executor:
        yield executor


@dataclass(eq=False)
class _SuiteWork:
    """All cells of a sweep on one suite, in the making.

    Attributes:
        results: (cell, seed) -> what is finished.
        failures: What broke.
        shared: What was shared in lockstep.
        measured: On how many cells x seeds x sequences.
    """

    plan: Plan
    part: SuitePlan
    executor: Executor | None
    progress: Progress
    results: dict[tuple[str, int], RunResults] = field(default_factory=dict)
    failures: list[CellFailure] = field(default_factory=list)
    shared: Shared = field(default_factory=Shared)
    measured: int = 0

    def finish(self) -> None:
        """Run what is missing; runs that another process works on are waited for, and finished if it leaves a rest."""
        waiting = [(cell, seed) for seed in self.plan.seeds for cell in self.plan.cells]
        while waiting:
            busy, holder = self._one_round(waiting)
            if len(busy) == len(waiting):
                _say(f"waiting for {len(busy)} of the cells on {self.part.suite.title}: {holder}")
                _wait_for(self.plan.folder(self.part, *busy[0]))
            waiting = busy

    def _one_round(self, wanted: Many[tuple[Cell, int]]) -> tuple[list[tuple[Cell, int]], str]:
        """Run those whose folders are free; returns the others, and who holds one of them."""
        busy: list[tuple[Cell, int]] = []
        holder = ""
        with contextlib.ExitStack() as held:
            opened: dict[tuple[str, int], Run] = {}
            for cell, seed in wanted:
                try:
                    opened[cell.name, seed] = held.enter_context(self._open(cell, seed))
                except LockedError as error:
                    busy.append((cell, seed))
                    holder = error.problem
            if opened:
                together = [run for run in opened.values() if self.plan.request.lockstep and batchable(run.spec)]
                before = _count_done(together)
                self._run(opened)
                self.measured += _count_done(together) - before
                self.results |= {key: run.results() for key, run in opened.items()}
        return busy, holder

    def _open(self, cell: Cell, seed: int) -> contextlib.AbstractContextManager[Run]:
        request = self.plan.request
        return open_run(
            request.out,
            cell.spec,
            self.part.suite,
            self.part.protocol,
            seed=seed,
            overwrite=request.overwrite,
            command=request.command,
        )

    def _run(self, opened: Mapping[tuple[str, int], Run]) -> None:
        """Run all; a cell that cannot even be built is left out and reported, and the others go on."""
        names = {run.spec.label: cell for (cell, _), run in opened.items()}
        left = dict(opened)
        while left:
            try:
                broken = self._run_all(list(left.values()))
            except ResultsError:
                raise
            except SpmBenchError as error:
                culprits = _unbuildable(left)
                if not culprits:
                    raise
                if len(culprits) == len(left):
                    raise error
                for key, problem in culprits.items():
                    left.pop(key)
                    self._fail(key[0], "", problem)
                continue
            for failure in broken:
                self._fail(names[failure.label], failure.sequence, failure.problem, said=True)
            return

    def _run_all(self, runs: list[Run]) -> tuple[Failure, ...]:
        request = self.plan.request
        return run_all(
            runs,
            self.part.suite,
            workers=request.workers or 1,
            progress=self.progress,
            lockstep=request.lockstep,
            executor=self.executor,
            shared=self.shared,
        )

    def _fail(self, cell: str, sequence: str, problem: str, *, said: bool = False) -> None:
        failure = CellFailure(cell, self.part.suite.title, sequence, problem)
        self.failures.append(failure)
        if not said:
            _say(str(failure))


def _count_done(runs: Many[Run]) -> int:
    return sum(len(sequences_in_state(run.manifest, DONE)) for run in runs)


def _wait_for(folder: Path) -> None:
    """Wait until no process holds the folder."""
    while True:
        with contextlib.suppress(LockedError), locked(folder):
            return
        time.sleep(LOOK_EVERY)


def _unbuildable(runs: Mapping[tuple[str, int], Run]) -> dict[tuple[str, int], str]:
    """The runs whose tracker cannot be built, and why."""
    found: dict[tuple[str, int], str] = {}
    for key, run in runs.items():
        try:
            build_tracker(run.spec)
        except SpmBenchError as error:
            found[key] = str(error)
    return found


def _judge(plan: Plan, part: SuitePlan, work: _SuiteWork) -> SuiteOutcome:
    """Score the cells and compare them with the base."""
    by_cell = {
        cell.name: [work.results[cell.name, seed] for seed in plan.seeds if (cell.name, seed) in work.results]
        for cell in plan.cells
    }
    runs = {name: tuple(run.folder for run in found) for name, found in by_cell.items()}
    note = ""
    evaluations: dict[str, Evaluation] = {}
    if part.suite.has_ground_truth:
        scored = {cell.name: _score(part, by_cell[cell.name]) for cell in plan.cells}
        evaluations = {name: replace(e, label=name) for name, e in scored.items() if e is not None}
    else:
        note = f"{part.suite.title} has no ground truth here, so there is no score"
    return SuiteOutcome(
        part,
        runs,
        evaluations,
        tuple(_compare(plan, evaluations)),
        work.shared.asked,
        work.shared.computed,
        note,
        work.measured,
        sum(found.has(sequence.name) for found in work.results.values() for sequence in part.suite.sequences),
    )


def _score(part: SuitePlan, runs: Many[RunResults]) -> Evaluation | None:
    """Score one cell; None where no sequence of it is finished."""
    if not runs:
        return None
    results = runs[0] if len(runs) == 1 else OverSeeds(runs)
    if not any(results.has(sequence.name) for sequence in part.suite.sequences):
        return None
    partly = any(run.failed for run in runs)
    return evaluate(part.suite, results, part.convention, allow_missing=partly)


def _compare(plan: Plan, evaluations: Mapping[str, Evaluation]) -> list[Comparison]:
    base = evaluations.get(plan.base.name)
    if base is None:
        return []
    here = set(base.sequences)
    scored = [evaluations[cell.name] for cell in plan.cells[1:] if cell.name in evaluations]
    return compare_to_base(base, [other for other in scored if here & set(other.sequences)])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
