"""The forms scores take: one `Score` per row of `scores.json`, one `Evaluation` per tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spm_bench.metrics.resampling import Statistic

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Score:
    """One number of one tracker: a row of `scores.json`. Fields are only ever added, never changed.

    Attributes:
        metric: Metric name ("auc", "precision", "normalised_precision", "eao", "accuracy", "robustness", "failures",
            "ao", "sr50", "sr75", "fps", ...; `spm-bench ls metrics`).
        value: The number; None where it is undefined, and `note` says why.
        n_sequences: How many sequences went into it, of `n_total` in the suite.
        convention: Name of the rule set ("otb-matlab", "vot-toolkit", ...).
        run: The folder the raw results came from.
        higher_is_better: Direction of the metric.
        trained: "yes", "no" or "" (see TrackerSpec).
        source: "measured here" for results run by this project, "raw results" for scored foreign files,
            "published" for a figure taken from print.
        note: Anything the reader must know ("tuned on test", "untrained", what the seconds include, ...).
        low: Lower end of the bootstrap interval over sequences (see `scoring.intervals`); None where there is none.
        high: Upper end.
        level: Share of such intervals that hold the score over all sequences of this kind; None without an interval.
    """

    tracker: str
    variant: str
    suite: str
    protocol: str
    metric: str
    value: float | None
    n_sequences: int
    n_total: int
    convention: str
    run: str
    higher_is_better: bool = True
    trained: str = ""
    source: str = "measured here"
    note: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The row as it stands in `scores.json`."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Curve:
    """A line of a plot: y over x (both 1-D float64, same length) with the meaning of both axes.

    `statistic` is the line as a function of how often each of the evaluation's sequences is drawn, for its band (see
    `scoring.intervals.curve_band`); None where it is not known.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    x_label: str
    y_label: str
    statistic: Statistic | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """The scores of an attribute: of the sequences that carry it, or of their frames that do.

    Attributes:
        sequences: Names of those that have a say, in the suite's order.
        statistics: Metric -> the score as a function of how often each of these is drawn.
    """

    sequences: tuple[str, ...]
    statistics: Mapping[str, Statistic]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All scores of one tracker (and variant) on one suite under one protocol and convention.

    Attributes:
        label: What tables print.
        scores: One per metric, in the order tables show them.
        per_sequence: Tidy frame, columns sequence (str), metric (str), value (float64); one row each.
        curves: Name ("success", "precision", "normalised_precision", "eao", "overlap") -> line.
        per_attribute: Tidy frame, columns attribute, metric, value, n_sequences; empty where there are no attributes.
        sequences: Names of the S sequences with results, in the suite's order.
        statistics: Metric -> the score as a function of how often each of `sequences` is drawn; without speed, which
            is no property of the sequences.
        attributes: Attribute -> the same for its sequences, in the order and with the values of `per_attribute`.
    """

    label: str
    scores: tuple[Score, ...]
    per_sequence: pd.DataFrame
    curves: Mapping[str, Curve]
    per_attribute: pd.DataFrame | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    sequences: tuple[str, ...] = ()
    statistics: Mapping[str, Statistic] = field(default_factory=dict)
    attributes: Mapping[str, Part] = field(default_factory=dict)

    def score(self, metric: str) -> Score:
        """The score of a metric. Raises KeyError where it was not computed."""
        for score in self.scores:
            if score.metric == metric:
                return score
        raise KeyError(metric)
