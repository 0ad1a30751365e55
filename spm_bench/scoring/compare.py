"""Trackers against one of them on the same sequences: paired differences, how sure they are, and what could be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spm_bench.errors import ResultsError, unknown_name
from spm_bench.metrics.resampling import heard_units
from spm_bench.metrics.statistics import (
    RESAMPLES,
    Statistic,
    bootstrap,
    detectable_difference,
    difference,
    holm,
    signed_rank_p,
    signed_rank_side,
    standard_error,
    swap_p,
    win_tie_loss,
)
from spm_bench.scoring.base import Evaluation, Score
from spm_bench.scoring.units import units_of

SAME = "equal to the base on every sequence"
BY_SWAPS = "no single sequence has this score: p by a randomisation test that swaps the two on sequences"

OPPOSED = "the mean and the ranks of the differences point to opposite sides: few large against many small ones"


@dataclass(frozen=True)
class Comparison:
    """One metric of one tracker against the base, on the sequences that both have.

    Attributes:
        label: The tracker (or cell) that is compared.
        base: What it is compared with.
        suite: Name of the suite.
        metric: Name of the metric.
        value: Of the tracker, over the sequences that both have.
        base_value: Of the base, over the same sequences.
        difference: `value - base_value`.
        low: Lower end of the difference's interval; NaN where there is none.
        high: Upper end.
        level: Of the interval.
        p: Two-sided, of the signed-rank test over units; NaN where there is none.
        p_holm: The same corrected for all trackers that were compared in one call.
        wins: Sequences on which the tracker is better than the base.
        ties: Sequences on which they are equal.
        losses: Sequences on which it is worse.
        detectable: The difference that these sequences show with 80 % power at 5 %; NaN where it is not known.
        n_sequences: Sequences that both have.
        n_units: Units they form (see `compare_to_base`).
        note: What the reader must know.
        higher_is_better: Direction of the metric.
        side: Which side of zero the test leans to, 1 or -1 (0: neither); None where that is the difference's own.
    """

    label: str
    base: str
    suite: str
    metric: str
    value: float
    base_value: float
    difference: float
    low: float
    high: float
    level: float
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int
    detectable: float
    n_sequences: int
    n_units: int
    note: str = ""
    higher_is_better: bool = True
    side: int | None = None

    @property
    def established(self) -> bool:
        """Whether the interval and the corrected test both exclude zero, on the same side; else it may be noise."""
        one_side = self.side is None or self.side * self.difference > 0.0
        return one_side and (self.low > 0.0 or self.high < 0.0) and self.p_holm < 1.0 - self.level

    @property
    def better(self) -> bool:
        """Whether the difference goes in the metric's good direction (established or not)."""
        return self.difference > 0.0 if self.higher_is_better else self.difference < 0.0


def compare_to_base(
    base: Evaluation,
    others: Sequence[Evaluation],
    *,
    metrics: Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Comparison]:
    """Compare evaluations with a base, sequence by sequence.

    Args:
        base: What is compared with.
        others: On the same suite, by the same protocol and convention.
        metrics: Which; None takes all but speed.
        units: Sequence -> what it is a part of (its video, its scene); parts of one are drawn together. Sequences that
            are not in it stand for themselves. None: what is known of the suite (see `spm_bench.scoring.units`).
        level: Of the intervals.
        resamples: How often units are drawn.
        seed: Equal seeds give equal intervals.

    Returns:
        One per evaluation and metric that both define, evaluations first. Holm's correction runs over all of one
        metric.

    Raises:
        UsageError: The base has no such metric.
        ResultsError: Other suites or rules, or no sequence in common.
    """
    chosen = _metrics(base, metrics)
    pairs = [(other, _common(base, other)) for other in others]
    make = partial(_compare, base, units=units, level=level, resamples=resamples, seed=seed)
    found = [
        make(other, metric, names)
        for other, names in pairs
        for metric in chosen
        if metric in other.statistics and metric in base.statistics
    ]
    return _corrected(found)


def compare_attributes(
    base: Evaluation,
    other: Evaluation,
    *,
    metrics: Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, tuple[Comparison, ...]]:
    """Compare an evaluation with a base, attribute by attribute, on the sequences that carry it.

    Sequences of one video are drawn together, as in `compare_to_base`; see there for the arguments and errors. Of the
    frames with an attribute, each sequence's are one draw.

    Returns:
        Attribute -> one comparison per metric, of the attributes and metrics that both have. Holm's correction runs
        over the attributes of one metric.
    """
    chosen, common = _metrics(base, metrics), set(_common(base, other))
    keys, found = list[str](), list[Comparison]()
    for attribute, part in base.attributes.items():
        theirs = other.attributes.get(attribute)
        names = [] if theirs is None else [n for n in part.sequences if n in common and n in theirs.sequences]
        if theirs is None or not names:
            continue
        for metric in chosen:
            if metric in part.statistics and metric in theirs.statistics:
                first, second = (_on(p.sequences, p.statistics[metric], names) for p in (theirs, part))
                score = base.score(metric)
                judged = _judge(score, first, second, names, units=units, level=level, resamples=resamples, seed=seed)
                keys.append(attribute)
                found.append(replace(judged, label=other.label, base=base.label))
    by_attribute: dict[str, tuple[Comparison, ...]] = {}
    for attribute, comparison in zip(keys, _corrected(found), strict=True):
        by_attribute[attribute] = (*by_attribute.get(attribute, ()), comparison)
    return by_attribute


def _metrics(base: Evaluation, metrics: Sequence[str] | None) -> list[str]:
    if metrics is None:
        return [score.metric for score in base.scores if score.metric in base.statistics]
    scored = [score.metric for score in base.scores]
    for metric in metrics:
        if metric not in scored:
            raise unknown_name(f"score of {base.label}", metric, scored)
    return list(dict.fromkeys(metrics))


def _common(base: Evaluation, other: Evaluation) -> list[str]:
    """The sequences that both have, in the base's order; refuses what does not compare."""
    for name in ("suite", "protocol"):
        own, theirs = ({getattr(s, name) for s in e.scores} for e in (other, base))
        if own != theirs:
            raise ResultsError(
                f"{other.label} and {base.label} were scored by different {name}s: "
                f"{', '.join(sorted(own))} and {', '.join(sorted(theirs))}",
                where=other.scores[0].run if other.scores else None,
                remedy="Compare results on one suite, by one protocol",
            )
    rules = {s.metric: s.convention for s in base.scores}
    for score in other.scores:
        if score.convention != rules.get(score.metric, score.convention):
            raise ResultsError(
                f"{score.metric} of {other.label} follows {score.convention}, of {base.label} {rules[score.metric]}",
                where=score.run,
                remedy="Score both by the same convention",
            )
    here = set(other.sequences)
    names = [name for name in base.sequences if name in here]
    if not names:
        raise ResultsError(
            f"{other.label} and {base.label} have no sequence in common",
            where=other.scores[0].run if other.scores else None,
            remedy="Run both on the same sequences",
        )
    return names


def _compare(
    base: Evaluation,
    other: Evaluation,
    metric: str,
    names: Sequence[str],
    *,
    units: Mapping[str, str] | None,
    level: float,
    resamples: int,
    seed: int,
) -> Comparison:
    """One metric on the sequences of these names; `p_holm` is still the plain p."""
    score = base.score(metric)
    first, second = (_on(evaluation.sequences, evaluation.statistics[metric], names) for evaluation in (other, base))
    found = _judge(score, first, second, names, units=units, level=level, resamples=resamples, seed=seed)
    note = "; ".join(filter(None, (_about(base, other, names), found.note)))
    return replace(found, label=other.label, base=base.label, note=note)


def _judge(
    score: Score,
    first: Statistic,
    second: Statistic,
    names: Sequence[str],
    *,
    units: Mapping[str, str] | None,
    level: float,
    resamples: int,
    seed: int,
) -> Comparison:
    """Compare two statistics of the same sequences; the labels are still empty."""
    of = units_of(score.suite, names) if units is None else {name: units.get(name, name) for name in names}
    labels = [of[name] for name in names]
    minus = difference(first, second)
    interval = bootstrap(minus, labels, level=level, resamples=resamples, seed=seed)
    _, of_units = heard_units(minus, labels)
    p, side, note = _test(first, second, labels, resamples, seed)
    opposed = side is not None and side * interval.value < 0.0
    wins, ties, losses = win_tie_loss(minus.singles, higher_is_better=score.higher_is_better)
    return Comparison(
        label="",
        base="",
        suite=score.suite,
        metric=score.metric,
        value=first.value,
        base_value=second.value,
        difference=interval.value,
        low=interval.low,
        high=interval.high,
        level=level,
        p=p,
        p_holm=p,
        wins=wins,
        ties=ties,
        losses=losses,
        detectable=detectable_difference(standard_error(of_units), interval.n_units),
        n_sequences=interval.n_sequences,
        n_units=interval.n_units,
        note="; ".join(filter(None, (SAME if ties == len(names) else note, OPPOSED if opposed else ""))),
        higher_is_better=score.higher_is_better,
        side=side,
    )


def _on(sequences: Sequence[str], statistic: Statistic, names: Sequence[str]) -> Statistic:
    """A score of some of the sequences, in the order of their names."""
    places = {name: row for row, name in enumerate(sequences)}
    return statistic.chosen(np.array([places[name] for name in names], dtype=np.intp))


def _test(
    first: Statistic, second: Statistic, labels: Sequence[str], resamples: int, seed: int
) -> tuple[float, int | None, str]:
    """Two-sided p over units, the side it leans to, and how it was found where that is not the signed-rank test."""
    own, theirs = first.grouped(labels), second.grouped(labels)
    if first.of_single and second.of_single:
        differences = own.singles - theirs.singles
        return signed_rank_p(differences), signed_rank_side(differences), ""
    return swap_p(own, theirs, resamples=resamples, seed=seed), None, BY_SWAPS


def _about(base: Evaluation, other: Evaluation, names: Sequence[str]) -> str:
    n = len(set(base.sequences) | set(other.sequences))
    return f"on the {len(names)} of {n} sequences that both have" if len(names) < n else ""


def _corrected(found: Sequence[Comparison]) -> list[Comparison]:
    """Holm's correction over all comparisons of each metric."""
    corrected = list(found)
    for metric in dict.fromkeys(c.metric for c in found):
        rows = [i for i, c in enumerate(found) if c.metric == metric]
        for row, p in zip(rows, holm([found[i].p for i in rows]), strict=True):
            corrected[row] = replace(found[row], p_holm=p)
    return corrected
