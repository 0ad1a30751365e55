"""Search the settings of a tracker for better ones, on one part of a suite, and judge what was found on the other.

file (TOML) -> plan -> batches of trials, sequence by sequence -> the best and the base on the held-out part -> document

A trial is a run like any other: its folder is that of `spm-bench run`, named by what it depends on. Whatever a killed
search had finished is found there.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from spm_bench.engine.executors import Executor, Inline, Pool
from spm_bench.engine.jobs import Bundle, Reply
from spm_bench.engine.progress import Progress, choose_progress
from spm_bench.engine.runner import Failure, run_all
from spm_bench.errors import ResultsError, UsageError, listed
from spm_bench.report.search import TUNED_MARK, Part, SearchDocument, SearchTrial, write_search
from spm_bench.report.vocabulary import finite, style_of
from spm_bench.results.files import remove_leftovers
from spm_bench.results.lock import locked
from spm_bench.results.runs import Run, RunResults, open_run
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import Comparison, compare_to_base
from spm_bench.scoring.evaluate import evaluate
from spm_bench.sweep.cells import Cell
from spm_bench.sweep.search_plan import SearchPlan, SearchRequest, plan_search
from spm_bench.sweep.search_study import (
    COMPLETE,
    FAILED,
    IMPOSSIBLE,
    PRUNED,
    Asked,
    Finished,
    Study,
    open_study,
    worse_than_median,
)

BEYOND_A_NAME = 150
"""Longer names of trials are shortened: a folder's has 255 bytes at most, and tables show the settings beside it."""


@dataclass(frozen=True, eq=False)
class SearchOutcome:
    """What came of a search.

    Attributes:
        plan: What was run.
        document: Trials, the best, its worth on the held-out part.
        failures: What broke in this session.
        folder: Where the study and its document are.
    """

    plan: SearchPlan
    document: SearchDocument
    failures: tuple[Failure, ...]
    folder: Path


def run_search(request: SearchRequest) -> SearchOutcome:
    """Run what is missing of a search, judge it, write its document.

    Raises:
        UsageError: See `plan_search` and `open_study`.
        ResultsError: The base itself breaks, another process holds the search or one of its runs, or nothing can be
            written.
        SpmBenchError: Data or weights are missing, the tracker cannot be built.
    """
    plan = plan_search(request)
    with contextlib.ExitStack() as held:
        held.enter_context(locked(plan.folder))
        remove_leftovers(plan.folder)
        study = held.enter_context(open_study(plan.folder, plan.sampling(), plan.question()))
        work = _Work(plan, study, held.enter_context(_executor(request.workers)), choose_progress(quiet=request.quiet))
        work.run_trials()
        document = _judge(work)
    if request.report:
        write_search(document, plan.folder)
    return SearchOutcome(plan, document, tuple(work.failures), plan.folder)


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
def _executor(workers: int) -> Iterator[Executor]:
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
class _Work:
    """A search in the making."""

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
            cell = _short(self.plan.resolve(asked.settings))
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
                trial.state, trial.note = FAILED, f"failed on {problems[0]}"

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


def _short(cell: Cell) -> Cell:
    """The cell under a name that a folder can have."""
    name = cell.name
    if len(name) <= BEYOND_A_NAME:
        return cell
    short = f"search-{len(cell.changes)}-settings-{sha256(name.encode()).hexdigest()[:10]}"
    return replace(cell, name=short, spec=replace(cell.spec, variant=short))


def _judge(work: _Work) -> SearchDocument:
    """Run the best and the base on the held-out part, compare them, and put everything together."""
    plan, study = work.plan, work.study
    best = study.best()
    base = plan.base
    if best is None:
        raise ResultsError("no trial is complete, not even the base", where=plan.folder)
    cell = _short(plan.resolve(best.settings))
    number = 0 if cell is base or cell.spec == base.spec else best.place
    cells = [base] if number == 0 else [base, cell]
    with contextlib.ExitStack() as held:
        runs = [held.enter_context(work.open_run(c)) for c in cells]
        looks = study.look()
        failures = work.run_all(runs, plan.split.held_out, work.progress)
        results = [run.results() for run in runs]
    broken = {f.sequence for f in failures}
    names = [name for name in plan.split.held_out if name not in broken]
    held_out = _part(work, cells, results, plan.split.held_out, names)
    tuned = _part(work, cells, results, plan.split.tuned, plan.split.tuned)
    finished = study.finished()
    return SearchDocument(
        name=plan.search.name,
        question=plan.search.file.question,
        expected=plan.search.file.expected,
        command=_command(plan),
        suite=plan.suite,
        metric=plan.metric,
        higher_is_better=plan.higher_is_better,
        space={name: dimension.text() for name, dimension in plan.space.items()},
        log=frozenset(name for name, dimension in plan.space.items() if dimension.log),
        base={name: plan.settings[name] for name in plan.space},
        base_label=_label(plan, 0),
        trials=tuple(_reported(plan, trial) for trial in finished),
        best=number,
        best_label=_label(plan, number),
        asked=plan.trials,
        tuned=_marked(plan, tuned, number),
        held_out=_judged(plan, held_out, number, len(finished)),
        comparisons=tuple(_compare(plan, held_out)),
        importance=study.importance(),
        looks=tuple(looks),
        frames=_frames(plan, finished),
        failures=tuple(f"{f.label} failed on {f.sequence}: {f.problem}" for f in work.failures),
        notes=_notes(plan, broken),
    )


def _part(
    work: _Work, cells: Sequence[Cell], results: Sequence[RunResults], names: Sequence[str], scored: Sequence[str]
) -> Part:
    found: list[Evaluation | None] = [None, None]
    if scored:
        for place, (cell, run) in enumerate(zip(cells, results, strict=True)):
            found[place] = replace(work.evaluate(run, scored), label=cell.name)
    return Part(tuple(names), work.plan.split.count_units(names), *found)


def _marked(plan: SearchPlan, part: Part, number: int) -> Part:
    """The tuned part with a note in every score that says so."""

    def mark(evaluation: Evaluation | None, what: str) -> Evaluation | None:
        return None if evaluation is None else _noted(evaluation, what)

    return replace(
        part,
        base=mark(part.base, f"on the sequences that a search was tuned on, {len(plan.split.tuned)} of them"),
        best=mark(part.best, f"{TUNED_MARK} (trial {number})"),
    )


def _judged(plan: SearchPlan, part: Part, number: int, trials: int) -> Part:
    """The held-out part with a note of where the settings come from."""
    told = (
        f"trial {number} of a search of {trials} trials, tuned on {len(plan.split.tuned)} other sequences of "
        f"{plan.suite.title}"
    )
    best = None if part.best is None else _noted(part.best, told)
    held_out = f"on the held-out part of a search, {len(part.names)} sequences"
    return replace(part, base=None if part.base is None else _noted(part.base, held_out), best=best)


def _noted(evaluation: Evaluation, note: str) -> Evaluation:
    scores = tuple(replace(s, note="; ".join(filter(None, (note, s.note)))) for s in evaluation.scores)
    return replace(evaluation, scores=scores)


def _compare(plan: SearchPlan, part: Part) -> list[Comparison]:
    """The best with the base on the held-out part; what was searched for first."""
    if part.base is None or part.best is None:
        return []
    found = compare_to_base(part.base, [part.best], units=plan.split.units)
    return sorted(found, key=lambda c: c.metric != plan.metric)


def _reported(plan: SearchPlan, trial: Finished) -> SearchTrial:
    run = str(plan.request.out / plan.suite.name / trial.run) if trial.run else ""
    return SearchTrial(trial.place, trial.state, trial.settings, trial.value, trial.running, run, trial.note)


def _frames(plan: SearchPlan, finished: Sequence[Finished]) -> tuple[int, int]:
    """Frames of all trials without pruning, and those that were run, of one repetition each."""
    lengths = {sequence.name: len(sequence) for sequence in plan.suite.sequences}
    tuned = [lengths[name] for name in plan.split.tuned]
    seen: Mapping[int, int] = {
        t.place: len(tuned) if t.state == COMPLETE else max(t.running, default=0)
        for t in finished
        if t.state in (COMPLETE, PRUNED)
    }
    return len(seen) * sum(tuned), sum(sum(tuned[:count]) for count in seen.values())


def _label(plan: SearchPlan, number: int) -> str:
    return f"{plan.base.spec.label} (base)" if number == 0 else f"trial {number}"


def _command(plan: SearchPlan) -> str:
    """The shell command that goes on with this search, or makes it again."""
    request = plan.request
    words = ["spm-bench", "search", str(request.file), "--trials", str(plan.trials), "--out", str(request.out)]
    if request.data is not None:
        words += ["--data", str(request.data)]
    if request.weights is not None:
        words += ["--weights", request.weights]
    if request.device != "auto":
        words += ["--device", request.device]
    return shlex.join(words)


def _notes(plan: SearchPlan, broken: set[str]) -> tuple[str, ...]:
    notes = []
    if broken:
        notes.append(f"{listed(sorted(broken))} failed on the held-out part and are left out of both scores there")
    if plan.suite.missing:
        notes.append(f"{plan.suite.title} is only partly here: {plan.suite.coverage}")
    if plan.base.spec.trained == "no":
        notes.append("the weights were never trained")
    return tuple(notes)
