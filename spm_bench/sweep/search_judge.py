"""Judging a search: the best trial and the base meet on the held-out part, and everything is put together."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from spm_bench.errors import ResultsError, listed
from spm_bench.report.search import TUNED_MARK, Part, SearchDocument, SearchTrial
from spm_bench.results.runs import RunResults
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import Comparison, compare_to_base
from spm_bench.sweep.cells import Cell
from spm_bench.sweep.search_plan import SearchPlan
from spm_bench.sweep.search_study import COMPLETE, FAILED, PRUNED, Finished
from spm_bench.sweep.search_trials import Work


def judge(work: Work) -> SearchDocument:
    """Run the best and the base on the held-out part, compare them, and put everything together."""
    plan, study = work.plan, work.study
    best = study.best()
    base = plan.base
    if best is None:
        raise ResultsError("no trial is complete, not even the base", where=plan.folder)
    cell = plan.resolve(best.settings)
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
        failures=(*_failed(plan, finished), *(f"{f.label} failed on {f.sequence}: {f.problem}" for f in failures)),
        notes=_notes(plan, broken),
    )


def _failed(plan: SearchPlan, finished: Sequence[Finished]) -> list[str]:
    """What broke in the trials of this and earlier sessions: the study keeps it, and they are not run again."""
    told = (f"{plan.resolve(t.settings).spec.label} {t.note}" for t in finished if t.state == FAILED)
    return list(dict.fromkeys(told))  # equal trials share a run


def _part(
    work: Work, cells: Sequence[Cell], results: Sequence[RunResults], names: Sequence[str], scored: Sequence[str]
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
