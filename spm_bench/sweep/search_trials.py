"""Running the trials of a search: batch after batch side by side, sequence by sequence, the hopeless ones stopped."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from spm_bench.engine.executors import Executor, Inline, Pool
from spm_bench.engine.jobs import Bundle, Reply
from spm_bench.engine.progress import Progress
from spm_bench.engine.runner import Failure, run_all
from spm_bench.errors import ResultsError, UsageError
from spm_bench.report.vocabulary import finite, style_of
from spm_bench.results.runs import Run, RunResults, open_run
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.sweep.cells import Cell
from spm_bench.sweep.search_plan import SearchPlan
from spm_bench.sweep.search_study import COMPLETE, FAILED, IMPOSSIBLE, PRUNED, Asked, Study, worse_than_median


class _Kept:
    """An executor that stays open from one `run_all` to the next, with the networks it has loaded.

    One that is closed with jobs in hand is really closed: that is an error, or Ctrl-C.
    """

    _jobs = 0

    def submit(self, bundle: Bundle) -> None:
        self._jobs += len(bundle.jobs)
        super().submit(bundle)  # type: ignore[misc]

    def next_reply(self) -> Reply:
        reply: Reply = super().next_reply()  # type: ignore[misc]
        self._jobs -= 1
        return reply

    def close(self) -> None:
        if self._jobs:
            self.finish()

    def finish(self) -> None:
        super().close()  # type: ignore[misc]


class KeptInline(_Kept, Inline):
    """Works in this process."""


class KeptPool(_Kept, Pool):
    """Works in worker processes."""


@contextlib.contextmanager
def executor_for(workers: int) -> Iterator[Executor]:
    """An executor for many calls of `run_all`; ended with the block."""
    executor = KeptInline() if workers == 1 else KeptPool(workers)
    try:
        yield executor
    finally:
        executor.finish()


@dataclass(eq=False)
class _Onward:
    """Progress over the whole search: many calls of `run_all` are one piece of work.

    Attributes:
        inner: Who is told.
        after: Frames that come after the present call.
    """

    inner: Progress
    after: int = 0

    def begin(self, sequences: int, frames: int, trackers: int = 1) -> None:
        """Nothing begins: the search did."""

    def frames(self, count: int) -> None:
        self.inner.frames(count)

    def repetition(self, frames: int, expected: int) -> None:
        self.inner.repetition(frames, expected + self.after)

    def sequence(self, label: str, name: str, problem: str = "") -> None:
        self.inner.sequence(label, name, problem)

    def tracker(self, label: str) -> None:
        """A tracker is through with one step only."""

    def end(self) -> None:
        """Nothing ends: the search goes on."""


@dataclass(eq=False)
class _Live:
    """A trial that is being run."""

    asked: Asked
    cell: Cell
    run: Run
    state: str = ""
    note: str = ""
    value: float | None = None


@dataclass(eq=False)
class Work:
    """A search in the making.

    Attributes:
        plan: What is searched.
        study: Its memory.
        executor: Where trackers run, see `executor_for`.
        progress: Who is told.
        failures: What broke so far.
    """

    plan: SearchPlan
    study: Study
    executor: Executor
    progress: Progress
    failures: list[Failure] = field(default_factory=list)

    def run_trials(self) -> None:
        """Run batch after batch until there are as many trials as were asked for."""
        plan = self.plan
        left = plan.trials - len(self.study.finished())
        each = sum(map(len, plan.part(plan.split.tuned).sequences))
        onward = _Onward(self.progress)
        self.progress.begin(max(left, 0) * len(plan.split.tuned), max(left, 0) * each, max(left, 1))
        try:
            while batch := self.study.next_batch(plan.trials):
                left -= len(batch)
                self._run_batch(batch, onward, left * each)
        finally:
            self.progress.end()

    def _run_batch(self, batch: Sequence[Asked], onward: _Onward, after: int) -> None:
        """Run the trials of a batch side by side, step by step; then tell what became of them, in their order."""
        plan = self.plan
        with contextlib.ExitStack() as held:
            opened: dict[str, Run] = {}
            live = [trial for asked in batch if (trial := self._open(asked, opened, held)) is not None]
            steps = _steps(plan.split.tuned, plan.search.file.pruner.every)
            for number, step in enumerate(steps):
                going = [trial for trial in live if not trial.state]
                rest = [name for later in steps[number + 1 :] for name in later]
                onward.after = after + len(going) * sum(map(len, plan.part(rest).sequences))
                self._run_step(going, step, onward)
                self._judge_step(going, plan.split.tuned[: sum(map(len, steps[: number + 1]))], last=not rest)
            for trial in live:
                self.study.tell(trial.asked, trial.state, trial.value, note=trial.note, run=trial.run.folder.name)
                self.progress.tracker(trial.cell.spec.label)
                self._say(trial)

    def _open(self, asked: Asked, opened: dict[str, Run], held: contextlib.ExitStack) -> _Live | None:
        """Open a trial's run folder; None where its settings contradict each other. Equal trials share a folder."""
        try:
            cell = self.plan.resolve(asked.settings)
        except UsageError as error:
            self.study.tell(asked, IMPOSSIBLE, note=error.problem)
            return None
        label = cell.spec.label
        if label not in opened:
            opened[label] = held.enter_context(self.open_run(cell))
        return _Live(asked, cell, opened[label])

    def open_run(self, cell: Cell) -> contextlib.AbstractContextManager[Run]:
        """Hold the run folder of a cell on the whole suite, whichever part of it will be run."""
        plan = self.plan
        return open_run(plan.request.out, cell.spec, plan.suite, plan.protocol, seed=0, command=plan.request.command)

    def _run_step(self, going: Sequence[_Live], names: Sequence[str], onward: Progress) -> None:
        runs = list({id(trial.run): trial.run for trial in going}.values())
        broken = {(f.label, f.sequence): f.problem for f in self.run_all(runs, names, onward)}
        for trial in going:
            problems = [
                f"{n}: {broken[trial.cell.spec.label, n]}" for n in names if (trial.cell.spec.label, n) in broken
            ]
            if problems and trial.asked.place == 0:
                raise ResultsError(
                    f"the base itself fails on {problems[0]}", where=trial.run.folder, remedy="Mend that first"
                )
            if problems:
                trial.state, trial.note = FAILED, f"failed on {'; '.join(problems)}"

    def run_all(self, runs: Sequence[Run], names: Sequence[str], onward: Progress) -> tuple[Failure, ...]:
        """Finish these runs on these sequences."""
        if not runs:
            return ()
        failures = run_all(
            runs,
            self.plan.part(names),
            progress=onward,
            lockstep=self.plan.request.lockstep,
            executor=self.executor,
        )
        self.failures += failures
        return failures

    def _judge_step(self, going: Sequence[_Live], seen: Sequence[str], *, last: bool) -> None:
        """Score the trials on what they have seen so far, and stop those that are worse than the median."""
        for trial in going:
            if trial.state:
                continue
            value = self.score(trial.run.results(), seen)
            if value is not None:
                self.study.report(trial.asked, len(seen), value)
            if last:
                self._complete(trial, value)
            elif value is not None and trial.asked.place > 0 and self._hopeless(trial.asked, value, len(seen)):
                trial.state = PRUNED

    def _complete(self, trial: _Live, value: float | None) -> None:
        if value is None:
            title = style_of(self.plan.metric).title
            raise UsageError(
                f"{title} is undefined on the {len(self.plan.split.tuned)} tuned sequences",
                where=self.plan.search.source.path,
                remedy="Take another metric, or a larger tune_share",
            )
        trial.state, trial.value = COMPLETE, value

    def _hopeless(self, asked: Asked, value: float, seen: int) -> bool:
        pruner = self.plan.search.file.pruner
        if pruner.method == "none" or seen < pruner.sequences:
            return False
        others = [t.running[seen] for t in self.study.earlier(asked.place) if seen in t.running]
        return worse_than_median(value, others, maximize=self.plan.higher_is_better, fewest=pruner.trials)

    def score(self, results: RunResults, names: Sequence[str]) -> float | None:
        """The metric on these sequences; None where it is undefined."""
        return finite(self.evaluate(results, names).score(self.plan.metric))

    def evaluate(self, results: RunResults, names: Sequence[str]) -> Evaluation:
        """All scores on these sequences."""
        plan = self.plan
        return evaluate(plan.part(names), results, plan.search.file.suite.convention, extra=plan.extra)

    def _say(self, trial: _Live) -> None:
        if self.plan.request.quiet:
            return
        style, best = style_of(self.plan.metric), self.study.best()
        told = trial.note if trial.value is None else f"{style.title} {style.format(trial.value)}"
        so_far = "" if best is None else f"; best so far: trial {best.place}, {style.format(best.value)}"
        print(
            f"trial {trial.asked.place} {trial.state}{f': {told}' if told else ''}{so_far}", file=sys.stderr, flush=True
        )


def _steps(names: Sequence[str], every: int) -> list[tuple[str, ...]]:
    return [tuple(names[i : i + every]) for i in range(0, len(names), every)]
