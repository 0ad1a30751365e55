"""A search's memory: an Optuna study in a journal file that a process killed at any moment leaves readable.

Trials have places 0, 1, 2, ... of their own. Optuna numbers a trial anew when it is asked again after a crash; its
place stays, and with it the seed it was drawn with. Trials are asked for in batches by place, and a trial's pruning
looks at earlier batches only: a search that was killed and went on ends with the same trials as one that was not.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import statistics
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from spm_bench.errors import UsageError, listed
from spm_bench.results.files import readable_os_errors
from spm_bench.sweep.search_journal import load_study, quiet_optuna
from spm_bench.sweep.search_space import Dimension, Setting, pack

JOURNAL = "study.journal"
COMPLETE, PRUNED, FAILED, IMPOSSIBLE = "complete", "pruned", "failed", "impossible"
"""Ran on all tuned sequences; stopped early; broke on a sequence; its settings contradict each other."""
_PLACE, _STATE, _NOTE, _RUN, _QUESTION, _LOOKS = "place", "state", "note", "run", "question", "looks"
_PARAMS = "params"
_SPACE = "the space"

FEWEST_FOR_IMPORTANCE = 20
"""Complete trials; the best tenth is compared with the rest, and a tenth of fewer is a single trial."""


@dataclass(eq=False)
class Asked:
    """A trial that is to be run.

    Attributes:
        place: From 0; 0 is the base.
        settings: Field -> value.
    """

    place: int
    settings: dict[str, Any]
    _trial: Any


@dataclass(frozen=True)
class Finished:
    """A trial that needs nothing more.

    Attributes:
        place: From 0.
        state: One of COMPLETE, PRUNED, FAILED, IMPOSSIBLE.
        settings: Field -> value.
        value: The score on all tuned sequences; None where the trial did not get that far.
        running: The scores on the first sequences: number of sequences -> score.
        note: Why it failed, or what is impossible.
        run: Name of its run folder; empty where it has none.
    """

    place: int
    state: str
    settings: Mapping[str, Any]
    value: float | None
    running: Mapping[int, float]
    note: str = ""
    run: str = ""


@dataclass(frozen=True)
class Plan:
    """What decides which settings are tried.

    Attributes:
        space: Field -> dimension.
        base: The base's settings of these fields: trial 0.
        maximize: Direction.
        seed: From which every trial's own is made.
        parallel: Trials of a batch.
        sampler: "tpe" or "random".
        random_trials: Trials drawn at random before the sampler learns.
    """

    space: Mapping[str, Dimension]
    base: Mapping[str, Any]
    maximize: bool
    seed: int
    parallel: int
    sampler: str = "tpe"
    random_trials: int = 10


class Study:
    """All trials of a search; made by `open_study`."""

    def __init__(self, optuna: ModuleType, study: Any, plan: Plan, path: Path) -> None:
        self._optuna, self._study, self.plan, self.path = optuna, study, plan, path
        self._distributions = {name: _distribution(optuna, dimension) for name, dimension in plan.space.items()}
        states = optuna.trial.TrialState
        # What cannot be built is pruned before its first sequence: the sampler then takes it for the worst.
        self._states = {
            COMPLETE: states.COMPLETE,
            FAILED: states.FAIL,
            PRUNED: states.PRUNED,
            IMPOSSIBLE: states.PRUNED,
        }
        with readable_os_errors(path):
            self._ask_again()

    def finished(self) -> list[Finished]:
        """Trials that are done, by place."""
        # A trial that was killed while this was told has the one without the other; it was asked again.
        trials = self._study.get_trials(deepcopy=False)
        found = [t for t in trials if self._states.get(t.user_attrs.get(_STATE)) == t.state]
        return sorted((self._finished(t) for t in found), key=lambda t: t.place)

    def next_batch(self, trials: int) -> list[Asked]:
        """Ask for what is still to be run of the first batch that is not finished; empty when all is done.

        Args:
            trials: In all.
        """
        done = {t.place for t in self.finished()}
        missing = [place for place in range(trials) if place not in done]
        batch = [place for place in missing if place // self.plan.parallel == missing[0] // self.plan.parallel]
        asked: dict[int, Asked] = {}
        while len(asked) < len(batch):
            # A trial to be taken up again comes first, and has its own place.
            trial = self._ask(next(place for place in missing if place not in asked))
            asked[trial.place] = trial
        return sorted(asked.values(), key=lambda trial: trial.place)

    def earlier(self, place: int) -> list[Finished]:
        """The trials of earlier batches, which a trial at `place` is compared with."""
        first = place - place % self.plan.parallel
        return [t for t in self.finished() if t.place < first]

    def report(self, asked: Asked, sequences: int, value: float) -> None:
        """Keep a trial's score on its first sequences."""
        with readable_os_errors(self.path):
            asked._trial.report(value, sequences)

    def tell(self, asked: Asked, state: str, value: float | None = None, *, note: str = "", run: str = "") -> None:
        """Keep what became of a trial; see `Finished`."""
        with readable_os_errors(self.path):
            asked._trial.set_user_attr(_STATE, state)
            for name, text in ((_NOTE, note), (_RUN, run)):
                if text:
                    asked._trial.set_user_attr(name, text)
            self._study.tell(asked._trial, value if state == COMPLETE else None, state=self._states[state])

    def best(self) -> Finished | None:
        """The best trial that ran on all tuned sequences and lies in the space; the earliest of equal ones."""
        complete = [t for t in self.finished() if t.state == COMPLETE and self._in_space(t.settings)]
        sign = 1.0 if self.plan.maximize else -1.0
        return max(complete, key=lambda t: (sign * (t.value or 0.0), -t.place), default=None)

    def importance(self) -> dict[str, float]:
        """Share of each field in being among the best complete trials (PED-ANOVA); empty with too few of them.

        Source: Watanabe, Bansal and Hutter, PED-ANOVA, IJCAI 2023, as Optuna computes it.
        """
        complete = [t for t in self.finished() if t.state == COMPLETE]
        if len(complete) < FEWEST_FOR_IMPORTANCE or len({t.value for t in complete}) < 2:
            return {}
        evaluator = self._optuna.importance.PedAnovaImportanceEvaluator()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what the number of trials above already asks for
            shares = self._optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        return {name: float(share) for name, share in shares.items() if math.isfinite(share)}

    def looks(self) -> list[int]:
        """After how many trials the held-out part was looked at, once for each time."""
        return list(self._study.user_attrs.get(_LOOKS, []))

    def look(self) -> list[int]:
        """Record that the held-out part is looked at now; returns all looks."""
        looks, now = self.looks(), len(self.finished())
        if now not in looks:
            looks.append(now)
            with readable_os_errors(self.path):
                self._study.set_user_attr(_LOOKS, looks)
        return looks

    def _ask(self, place: int) -> Asked:
        """Draw the trial of a place, or take it up again."""
        optuna, plan = self._optuna, self.plan
        seed = int.from_bytes(hashlib.sha256(f"trial/{plan.seed}/{place}".encode()).digest()[:4], "big")
        if plan.sampler == "random":
            self._study.sampler = optuna.samplers.RandomSampler(seed=seed)
        else:
            self._study.sampler = optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=plan.random_trials, multivariate=True, constant_liar=True
            )
        waiting = {t.user_attrs.get(_PLACE) for t in self._trials("WAITING")}
        with readable_os_errors(self.path):
            if place == 0 and 0 not in waiting:
                self._enqueue(0, {name: pack(value) for name, value in plan.base.items()})
            trial = self._study.ask(self._distributions)
            place = trial.user_attrs.get(_PLACE, place)
            trial.set_user_attr(_PLACE, place)
        return Asked(place, self._unpacked(trial.params), trial)

    def _ask_again(self) -> None:
        """Trials that were running when a process was killed: enqueue them with their places, then give them up.

        All that wait are enqueued anew with them, so that their order is that of their places. Being killed meanwhile
        loses nothing, and places that are then there twice are taken once.
        """
        if not self._trials("RUNNING"):
            return
        for _ in self._trials("WAITING"):
            self._study.ask()
        running, done = self._trials("RUNNING"), {t.place for t in self.finished()}
        again = {t.user_attrs[_PLACE]: params for t in running if (params := self._known(t)) is not None}
        for place in sorted(again.keys() - done):
            self._enqueue(place, again[place])
        for trial in running:
            self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)

    def _known(self, trial: Any) -> dict[str, Setting] | None:
        """What a given-up trial was to be run with; None if it was killed before that was drawn, or is out of space."""
        if trial.user_attrs.get(_STATE) == FAILED:
            return None  # being given up is all that it lacks
        params = trial.user_attrs.get(_PARAMS, trial.params)
        whole = _PLACE in trial.user_attrs and params.keys() == self.plan.space.keys()
        return dict(params) if whole and self._in_space(self._unpacked(params)) else None

    def _enqueue(self, place: int, params: Mapping[str, Setting]) -> None:
        self._study.enqueue_trial(dict(params), user_attrs={_PLACE: place, _PARAMS: dict(params)})

    def _trials(self, state: str) -> list[Any]:
        wanted = getattr(self._optuna.trial.TrialState, state)
        return sorted(self._study.get_trials(states=(wanted,)), key=lambda t: t.user_attrs.get(_PLACE, math.inf))

    def _finished(self, trial: Any) -> Finished:
        attributes = trial.user_attrs
        return Finished(
            place=attributes[_PLACE],
            state=attributes[_STATE],
            settings=self._unpacked(trial.params),
            value=trial.value if attributes[_STATE] == COMPLETE else None,
            running=dict(sorted(trial.intermediate_values.items())),
            note=attributes.get(_NOTE, ""),
            run=attributes.get(_RUN, ""),
        )

    def _in_space(self, settings: Mapping[str, Any]) -> bool:
        return all(self.plan.space[name].holds(value) for name, value in settings.items())

    def _unpacked(self, params: Mapping[str, Setting]) -> dict[str, Any]:
        """Fields in the space's order, lists as lists."""
        return {name: kind.unpack(params[name]) for name, kind in self.plan.space.items() if name in params}


@contextlib.contextmanager
def open_study(folder: Path, plan: Plan, question: Mapping[str, Any]) -> Iterator[Study]:
    """Open the study in a folder that this process holds, made if need be.

    Args:
        folder: Where the journal lies.
        plan: How to search.
        question: JSON-able facts the trials' scores depend on, by what they are called in messages. A study that was
            begun with others is refused. Ranges may become wider or narrower: earlier trials still count.

    Raises:
        UsageError: Optuna is missing, or the study was begun with another question or an incompatible space.
        ResultsError: The journal is damaged or cannot be written.
    """
    path = folder / JOURNAL
    asked = {**question, _SPACE: {name: d.to_json() for name, d in plan.space.items()}}
    asked = json.loads(json.dumps(asked))
    with quiet_optuna() as optuna:
        with readable_os_errors(path):
            study = load_study(optuna, path, maximize=plan.maximize)
            begun = study.user_attrs.get(_QUESTION)
            changed = [] if begun is None else _changed(begun, asked)
            if changed and not any(_STATE in t.user_attrs for t in study.get_trials(deepcopy=False)):
                path.unlink()  # nothing was found out yet: this is another search
                study, changed = load_study(optuna, path, maximize=plan.maximize), []
            if changed:
                raise _other_question(folder, changed)
            if begun != asked:
                study.set_user_attr(_QUESTION, asked)
        yield Study(optuna, study, plan, path)


def _changed(begun: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What of a question is not as it was, as messages call it."""
    facts = [name for name in asked if name != _SPACE and begun.get(name) != asked[name]]
    return [*facts, *_changed_dimensions(begun[_SPACE], asked[_SPACE])]


def _other_question(folder: Path, changed: Sequence[str]) -> UsageError:
    return UsageError(
        f"{listed(changed)} changed since this search was begun: its trials cannot be compared with new ones",
        where=folder,
        remedy="Undo the change; or ask the new question under another file name (boxes that are still valid are taken "
        "from the run folders); or delete this folder to begin anew",
    )


def _changed_dimensions(begun: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Fields whose earlier trials do not fit any more. Ends and steps of a range may change."""

    def lasting(dimension: Mapping[str, Any] | None) -> object:
        if dimension is None or dimension["kind"] == "choice":
            return dimension
        return dimension["kind"]

    names: Sequence[str] = [*asked, *(name for name in begun if name not in asked)]
    return [f"axes.{name}" for name in names if lasting(begun.get(name)) != lasting(asked.get(name))]


def _distribution(optuna: ModuleType, dimension: Dimension) -> Any:
    kinds = optuna.distributions
    if dimension.kind == "choice":
        return kinds.CategoricalDistribution(tuple(pack(value) for value in dimension.values))
    if dimension.kind == "int":
        step = int(dimension.step or 1)
        return kinds.IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log, step=step)
    return kinds.FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=dimension.step)


def worse_than_median(value: float, others: Sequence[float], *, maximize: bool, fewest: int) -> bool:
    """Tell whether a running score is worse than the median of what earlier trials had after the same sequences.

    Optuna's own median pruner takes a trial's best running score so far; a first sequence on which everybody does well
    would keep every trial. Here the score after the same sequences counts.

    Args:
        value: The trial's.
        others: The earlier trials' that came this far.
        maximize: Direction.
        fewest: With fewer others nothing is worse.

    >>> worse_than_median(0.5, [0.4, 0.6, 0.7], maximize=True, fewest=3)
    True
    """
    if len(others) < fewest or not math.isfinite(value):
        return False
    median = statistics.median(others)
    return value < median if maximize else value > median
