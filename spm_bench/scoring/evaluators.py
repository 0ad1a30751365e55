"""The same raw results under the rules of every evaluator, and which rule makes which difference.

Every registered convention is asked; nothing here knows their names. A convention differs from the default in some
rules. What one rule does is measured: the default with this rule alone changed, and the other convention with this rule
alone changed back. The rule that moves the number most is *the* rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from spm_bench.errors import DataError
from spm_bench.metrics.conventions import CONVENTIONS, Convention, default_convention
from spm_bench.metrics.vot_conventions import (
    MULTISTART_CONVENTIONS,
    NO_RESET_CONVENTIONS,
    VOT_CONVENTIONS,
    VotConvention,
)
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.families import family_of
from spm_bench.scoring.one_pass import evaluate_one_pass
from spm_bench.scoring.supervised import Runs, collect_runs, score_runs
from spm_bench.suites.base import Suite

RulesT = TypeVar("RulesT", Convention, VotConvention)

NO_RULES = frozenset({"name", "source", "speed", "coverage"})
"""Fields that are no rules of a score."""
_NO_QUALITY = frozenset({"fps", "coverage"})
NEGLIGIBLE = 5e-7
"""Differences below this are rounding: tools agree to 1e-6 where they agree."""


_METRICS = {
    "success": ("auc", "precision", "precision_area", "normalised_precision"),
    "average-overlap": ("ao", "sr50", "sr75"),
}
"""Scheme of one-pass rules -> the numbers they may have, the main one first."""


@dataclass(frozen=True)
class RuleEffect:
    """What one rule of a convention does to a number.

    Attributes:
        rule: The field of `Convention` or `VotConvention`.
        value: Its value there.
        default: Its value in the default.
        alone: Change of the number if the default had this rule; None where it cannot stand alone.
        without: Change of the number if the convention had this rule, compared with not having it; None likewise.
    """

    rule: str
    value: Any
    default: Any
    alone: float | None
    without: float | None

    @property
    def size(self) -> float:
        """How much the rule moves the number among the others it comes with, or alone where these hide it."""
        return max(abs(effect) for effect in (self.alone, self.without, 0.0) if effect is not None)

    @property
    def among_others(self) -> float:
        """What the rule adds where the tool's other rules hold, too."""
        effect = self.alone if self.without is None else self.without
        return 0.0 if effect is None else effect


@dataclass(frozen=True)
class EvaluatorScore:
    """One number by the rules of one evaluator: a row of the table.

    Attributes:
        convention: Name of its rules.
        metric: Name of the number.
        value: The number; None where it is undefined, and `note` says why.
        difference: To the default's; None where one of the two is undefined or the default has no such number.
        rules: The rules that move the number, the strongest first; empty where none does.
        note: Why there is no value, or what it leaves out.
    """

    convention: str
    metric: str
    value: float | None
    difference: float | None
    rules: tuple[RuleEffect, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class SideBySide:
    """What every evaluator makes of the raw results of one tracker.

    Attributes:
        default: Name of the benchmark's own rules.
        metrics: The numbers that are compared, the main one first.
        scores: Evaluator by evaluator (the default first), metric by metric.
        n_sequences: With results, of `n_total`.
    """

    default: str
    metrics: tuple[str, ...]
    scores: tuple[EvaluatorScore, ...]
    n_sequences: int
    n_total: int

    def score(self, convention: str, metric: str) -> EvaluatorScore:
        """The number of one evaluator. Raises KeyError where it has none."""
        for one in self.scores:
            if (one.convention, one.metric) == (convention, metric):
                return one
        raise KeyError((convention, metric))


def side_by_side(suite: Suite, results: ResultSet) -> SideBySide:
    """Score raw results under every registered convention of their kind.

    Args:
        suite: With ground truth.
        results: Of one tracker; sequences without results are left out. They are read many times: see `results.kept`.

    Raises:
        UsageError, ResultsError: As `evaluate`.
    """
    kind = family_of(suite.family).kind
    if kind in _BY_NAME:
        return _by_name(suite, results, _BY_NAME[kind])
    if kind == "supervised":
        return _compare(
            suite,
            results,
            VOT_CONVENTIONS[0],
            VOT_CONVENTIONS,
            _supervised(suite, results),
            ("eao", "accuracy", "robustness"),
        )
    default = default_convention(suite.family, suite.convention)
    return _compare(
        suite,
        results,
        default,
        CONVENTIONS,
        lambda rules: evaluate_one_pass(suite, results, rules, allow_missing=True),
        _METRICS[default.scheme],
    )


_BY_NAME: dict[str, tuple[Any, ...]] = {"multi-start": MULTISTART_CONVENTIONS, "no reset": NO_RESET_CONVENTIONS}
"""Experiments whose evaluators differ in a few rules only, so that their names say which."""


def _by_name(suite: Suite, results: ResultSet, known: tuple[Any, ...]) -> SideBySide:
    """Every rule set by its name, without the effects of single rules."""
    found = {rules.name: _values(evaluate(suite, results, rules.name, allow_missing=True)) for rules in known}
    own = found[known[0].name]
    metrics = tuple(metric for metric in own if metric not in _NO_QUALITY)
    scores = [
        EvaluatorScore(name, metric, values.get(metric), _difference(values.get(metric), own[metric]))
        for name, values in found.items()
        for metric in metrics
    ]
    n = sum(results.has(s.name) for s in suite.sequences)
    return SideBySide(known[0].name, metrics, tuple(scores), n, suite.n_total)


def _supervised(suite: Suite, results: ResultSet) -> Callable[[VotConvention], Evaluation]:
    """Scores by any rules; overlaps, which take longest, are measured once in each way."""
    measured: dict[str, Runs] = {}

    def evaluate(rules: VotConvention) -> Evaluation:
        if rules.overlap not in measured:
            measured[rules.overlap] = collect_runs(suite, results, rules.overlap, allow_missing=True)
        return score_runs(suite, results, rules, measured[rules.overlap])

    return evaluate


def _compare(
    suite: Suite,
    results: ResultSet,
    default: RulesT,
    known: tuple[RulesT, ...],
    evaluate: Callable[[RulesT], Evaluation],
    metrics: tuple[str, ...],
) -> SideBySide:
    own = _values(evaluate(default))
    metrics = tuple(m for m in metrics if m in own)
    scores = [EvaluatorScore(default.name, m, own[m], 0.0 if own[m] is not None else None) for m in metrics]
    for rules in known:
        if rules.name != default.name:
            scores += _scores(default, own, rules, evaluate, metrics)
    return SideBySide(
        default=default.name,
        metrics=metrics,
        scores=tuple(scores),
        n_sequences=sum(results.has(s.name) for s in suite.sequences),
        n_total=suite.n_total,
    )


def _scores(
    default: RulesT,
    own: dict[str, float | None],
    rules: RulesT,
    evaluate: Callable[[RulesT], Evaluation],
    metrics: tuple[str, ...],
) -> Iterator[EvaluatorScore]:
    try:
        evaluation = evaluate(rules)
    except DataError as error:  # it needs what the data set at hand does not have
        main = _METRICS.get(getattr(rules, "scheme", ""), metrics)[0]
        yield EvaluatorScore(rules.name, main, None, None, note=f"{error.where}: {error.problem}")
        return
    values = _values(evaluation)
    shared = [m for m in values if m in metrics]
    if not shared:  # another kind of number altogether
        metric, value = next(iter(values.items()))
        yield EvaluatorScore(rules.name, metric, value, None)
        return
    effects = _effects(default, own, rules, values, evaluate, shared)
    for metric in shared:
        value, base = values[metric], own[metric]
        difference = None if value is None or base is None else value - base
        moving = [e for e in effects[metric] if e.size > NEGLIGIBLE]
        moving.sort(key=lambda e: (-abs(e.among_others), -e.size))
        note = evaluation.score(metric).note if value is None else ""
        yield EvaluatorScore(rules.name, metric, value, difference, tuple(moving), note)
    for metric in values:
        if metric not in own and metric not in _NO_QUALITY:  # a number that the default does not have
            yield EvaluatorScore(rules.name, metric, values[metric], None)


def _effects(
    default: RulesT,
    own: dict[str, float | None],
    rules: RulesT,
    values: dict[str, float | None],
    evaluate: Callable[[RulesT], Evaluation],
    metrics: list[str],
) -> dict[str, list[RuleEffect]]:
    """Metric -> what each rule in which a convention differs does to it."""
    found: dict[str, list[RuleEffect]] = {metric: [] for metric in metrics}
    if all(values[m] == own[m] for m in metrics):
        return found
    for field in fields(default):
        here, there = getattr(default, field.name), getattr(rules, field.name)
        if field.name in NO_RULES or here == there:
            continue
        alone = _values_or_none(default, field.name, there, evaluate)
        without = _values_or_none(rules, field.name, here, evaluate)
        for metric in metrics:
            effect = RuleEffect(
                field.name,
                there,
                here,
                _difference(alone.get(metric), own[metric]),
                _difference(values[metric], without.get(metric)),
            )
            found[metric].append(effect)
    return found


def _values_or_none(
    base: RulesT, rule: str, value: Any, evaluate: Callable[[RulesT], Evaluation]
) -> dict[str, float | None]:
    """The numbers with one rule changed; none where the rules would contradict each other or lack data."""
    change: dict[str, Any] = {rule: value}
    try:
        rules = replace(base, **change)
    except ValueError:  # such as a headline that is none of the other rules' thresholds
        return {}
    try:
        return _values(evaluate(rules))
    except DataError:
        return {}


def _values(evaluation: Evaluation) -> dict[str, float | None]:
    return {score.metric: score.value for score in evaluation.scores}


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b
