"""How metrics are called, ordered, rounded and ranked in print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spm_bench.scoring.base import Evaluation, Score
from spm_bench.scoring.families import FAMILIES

DASH = "\N{EN DASH}"
"""What stands where a value is undefined."""
MINUS = "\N{MINUS SIGN}"

IDLE_TRACKERS = frozenset({"static", "oracle"})
"""Trackers that look at no picture: the frames they do in a second are the harness's, and no feat."""


@dataclass(frozen=True)
class MetricStyle:
    """How one metric is printed.

    Attributes:
        title: Column head.
        long: The name in words.
        decimals: Digits after the point.
    """

    title: str
    long: str
    decimals: int = 3

    @property
    def word(self) -> str:
        """What figures call it: the title, or the word a title of one letter stands for."""
        return self.title if len(self.title) > 1 else self.long.split(":")[0].capitalize()

    def format(self, value: float | None) -> str:
        """Round for print; undefined values print as a dash, whole counts without a fraction."""
        if value is None or not math.isfinite(value):
            return DASH
        if self.decimals == 0 and value != round(value):
            return f"{value:.1f}"
        return f"{value:.{self.decimals}f}"


METRICS: dict[str, MetricStyle] = {
    "auc": MetricStyle("AUC", "area under the success curve"),
    "precision": MetricStyle("P@20", "precision at 20 px"),
    "precision_area": MetricStyle("P", "precision: area under its curve up to 50 px"),
    "normalised_precision": MetricStyle("NormP", "normalised precision"),
    "coverage": MetricStyle("Cov", "coverage: share of frames with a result"),
    "eao": MetricStyle("EAO", "expected average overlap"),
    "accuracy": MetricStyle("A", "accuracy: mean overlap while tracking"),
    "robustness": MetricStyle("R", "robustness: failures per 100 frames"),
    "reliability": MetricStyle("Rel", "reliability: chance to track 30 frames without a failure"),
    "failures": MetricStyle("Lost", "failures in the whole suite", 0),
    "robustness_st": MetricStyle("R", "robustness: share of the frames before a failure"),
    "vot_ao": MetricStyle("AO", "average overlap without resets"),
    "ao": MetricStyle("AO", "average overlap"),
    "sr50": MetricStyle("SR.50", "success rate at overlap 0.5"),
    "sr75": MetricStyle("SR.75", "success rate at overlap 0.75"),
    "fps": MetricStyle("fps", "frames per second", 1),
}

HEADLINES = {name: family.headline for name, family in FAMILIES.items()}
"""The metric each benchmark ranks by."""


def style_of(metric: str) -> MetricStyle:
    """The print style of a metric; one not listed here prints under its own name."""
    return METRICS.get(metric, MetricStyle(metric, metric.replace("_", " ")))


def find_score(evaluation: Evaluation, metric: str) -> Score | None:
    """The score of a metric, or None where it was not computed."""
    return next((s for s in evaluation.scores if s.metric == metric), None)


def finite(score: Score | None) -> float | None:
    """The value of a score, or None where it is absent or undefined."""
    if score is None or score.value is None or not math.isfinite(score.value):
        return None
    return float(score.value)


def headline_metric(evaluations: Sequence[Evaluation], family: str) -> str:
    """The metric tables are ordered by: the benchmark's own, else the first that was computed."""
    metrics = metric_order(evaluations)
    headline = HEADLINES.get(family, "")
    return headline if headline in metrics or not metrics else metrics[0]


def metric_order(evaluations: Sequence[Evaluation]) -> list[str]:
    """All metrics of the evaluations in the order scoring gave them, each once."""
    return list(dict.fromkeys(s.metric for e in evaluations for s in e.scores))


def ranked(evaluations: Sequence[Evaluation], metric: str) -> list[Evaluation]:
    """Order evaluations best first by `metric`; undefined ones last; equal ones by name."""

    def key(evaluation: Evaluation) -> tuple[bool, float, str, str]:
        score = find_score(evaluation, metric)
        value = finite(score)
        sign = 1.0 if score is None or score.higher_is_better else -1.0
        return value is None, -sign * (value or 0.0), evaluation.label.casefold(), evaluation.label

    return sorted(evaluations, key=key)


def is_untrained(evaluation: Evaluation) -> bool:
    """Tell whether the tracker ran on weights that were never trained."""
    return any(s.trained == "no" for s in evaluation.scores)


def computes_nothing(evaluation: Evaluation) -> bool:
    """Tell whether the tracker looks at no picture, so that its speed compares with nothing."""
    return any(s.tracker in IDLE_TRACKERS and s.source == "measured here" for s in evaluation.scores)
