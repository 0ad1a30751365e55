"""Everything the page shows, gathered once: trackers best first, values per sequence, timelines, moments of loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.report.render import one_line
from spm_bench.report.vocabulary import (
    find_score,
    finite,
    headline_metric,
    is_untrained,
    metric_order,
    ranked,
    style_of,
)
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.families import family_of
from spm_bench.scoring.timeline import Timeline, timelines
from spm_bench.suites import base

FloatArray = NDArray[np.float64]

TOGETHER = 15
"""Losses of several trackers within this many frames are one moment: half a second, what one occluder takes to pass."""


@dataclass(frozen=True, eq=False)
class Tracker:
    """One tracker of the page; `index` is its place in the ranking and decides its look."""

    index: int
    label: str
    untrained: bool
    evaluation: Evaluation
    results: ResultSet
    timelines: Mapping[str, Timeline]


@dataclass(frozen=True)
class Moment:
    """A stretch of a sequence in which trackers lost the target.

    Attributes:
        sequence: Index of the sequence.
        frame: Of the first loss, from 0.
        lost: Indices of the trackers, the first to lose it first.
    """

    sequence: int
    frame: int
    lost: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Material:
    """What the page is made of.

    Attributes:
        suite: As scored.
        sequences: The S sequences that have results of some tracker, in the suite's order.
        trackers: T, best first.
        headline: The metric they are ranked by.
        metrics: Those known per sequence, the one to show first in front.
        values: Metric -> T x S, NaN where unknown.
        higher_is_better: Metric -> direction.
        moments: In the order of sequences and frames.
    """

    suite: base.Suite
    sequences: tuple[base.Sequence, ...]
    trackers: tuple[Tracker, ...]
    headline: str
    metrics: tuple[str, ...]
    values: Mapping[str, FloatArray]
    higher_is_better: Mapping[str, bool]
    moments: tuple[Moment, ...]

    @property
    def evaluations(self) -> list[Evaluation]:
        """Of all trackers, best first."""
        return [tracker.evaluation for tracker in self.trackers]

    @property
    def restarts(self) -> bool:
        """Whether trackers were started again after failures."""
        return family_of(self.suite.family).kind == "supervised"


def gather(
    scored: Sequence[tuple[Evaluation, ResultSet]], suite: base.Suite, convention: str | None = None
) -> Material:
    """Read every trajectory once more and put it beside its scores.

    Raises:
        ResultsError: There is nothing to report, or results are broken.
    """
    if not scored:
        raise ResultsError("there is nothing to report", remedy="Give at least one tracker's results")
    evaluations = [evaluation for evaluation, _ in scored]
    headline = headline_metric(evaluations, suite.family)
    of = {id(evaluation): results for evaluation, results in scored}
    trackers = tuple(
        Tracker(i, one_line(e.label), is_untrained(e), e, of[id(e)], timelines(suite, of[id(e)], convention))
        for i, e in enumerate(ranked(evaluations, headline))
    )
    metrics = _metrics(trackers, headline)
    sequences = tuple(s for s in suite.sequences if any(s.name in t.timelines for t in trackers))
    names = [sequence.name for sequence in sequences]
    return Material(
        suite=suite,
        sequences=sequences,
        trackers=trackers,
        headline=headline,
        metrics=metrics,
        values={metric: np.stack([_values(t.evaluation, metric, names) for t in trackers]) for metric in metrics},
        higher_is_better={metric: _direction(trackers, metric) for metric in metrics},
        moments=tuple(m for i, name in enumerate(names) for m in _moments(i, name, trackers)),
    )


def _metrics(trackers: Sequence[Tracker], headline: str) -> tuple[str, ...]:
    known = {m for t in trackers for m in t.evaluation.per_sequence["metric"]}
    order = [m for m in metric_order([t.evaluation for t in trackers]) if m in known]
    return tuple(sorted(order, key=lambda m: (m != headline, m == "fps")))


def _values(evaluation: Evaluation, metric: str, names: Sequence[str]) -> FloatArray:
    rows = evaluation.per_sequence
    rows = rows[rows["metric"] == metric]
    by_name = dict(zip(rows["sequence"], rows["value"], strict=True))
    return np.array([by_name.get(name, np.nan) for name in names], dtype=np.float64)


def _direction(trackers: Sequence[Tracker], metric: str) -> bool:
    return next((s.higher_is_better for t in trackers if (s := find_score(t.evaluation, metric)) is not None), True)


def _moments(index: int, name: str, trackers: Sequence[Tracker]) -> list[Moment]:
    """Losses of all trackers on a sequence; those soon after one another are one moment."""
    losses = sorted((f, t.index) for t in trackers if name in t.timelines for f in t.timelines[name].losses())
    moments: list[Moment] = []
    for frame, tracker in losses:
        last = moments[-1] if moments else None
        if last is not None and frame - last.frame <= TOGETHER:
            if tracker not in last.lost:
                moments[-1] = Moment(index, last.frame, (*last.lost, tracker))
        else:
            moments.append(Moment(index, frame, (tracker,)))
    return moments


def headline_value(tracker: Tracker, metric: str) -> float | None:
    """A tracker's score, None where undefined."""
    return finite(find_score(tracker.evaluation, metric))


def in_words(metric: str) -> str:
    """What a metric is, with the name the page calls it by in front.

    >>> in_words("auc"), in_words("accuracy")
    ('AUC: area under the success curve', 'Accuracy: mean overlap while tracking')
    """
    style = style_of(metric)
    said = style.long.casefold().startswith(style.word.casefold())
    return style.long[:1].upper() + style.long[1:] if said else f"{style.word}: {style.long}"
