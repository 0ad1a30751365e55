"""Figures of supervised (VOT) scores: accuracy against robustness, the expected-overlap curve, and the EAO ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.metrics.vot_conventions import SENSITIVITY
from spm_bench.report import style
from spm_bench.report.figures import figure_name, frame_curve, framed, head, legend_labels, looks_of, with_metric
from spm_bench.report.vocabulary import find_score, finite, ranked, style_of
from spm_bench.scoring.base import Evaluation


def reliability(failures_per_100_frames: float) -> float:
    """Probability of still tracking after `SENSITIVITY` frames: the x axis of VOT's accuracy-robustness plots."""
    return float(np.exp(-SENSITIVITY * failures_per_100_frames / 100.0))


def accuracy_robustness_figure(
    evaluations: Sequence[Evaluation], title: str = "", *, columns: int | None = None
) -> Figure:
    """Draw one marker per tracker: accuracy over reliability; the best place is top right.

    Reliability is the score of that name where the convention defines one, else exp(-30 R / 100).

    Raises:
        ResultsError: No evaluation has both accuracy and robustness.
    """
    shown = [e for e in ranked(evaluations, "eao") if has_point(e)]
    if not shown:
        raise ResultsError(f"none of the {len(evaluations)} results has both accuracy and robustness")
    looks, labels = looks_of(evaluations), legend_labels(shown, "eao")
    with style.figure_style():
        figure, axes, wide = framed(labels, columns)
        handles = []
        for evaluation in shown:
            x, y = _point(evaluation) or (np.nan, np.nan)
            look = looks[id(evaluation)]
            handles += axes.plot(
                x, y, look.marker, color=look.colour, markersize=5, markeredgecolor="white", markeredgewidth=0.4
            )
        points = np.array([_point(e) for e in shown], dtype=np.float64)
        axes.set_xlim(*_around(points[:, 0]))
        axes.set_ylim(*_around(points[:, 1]))
        axes.set_xlabel(f"Robustness: share still tracking after {SENSITIVITY} frames")
        axes.set_ylabel("Accuracy")
        head(figure, title, with_metric("Accuracy and robustness", shown, "eao"))
        style.add_legend(figure, handles, labels, wide)
    return figure


def has_point(evaluation: Evaluation) -> bool:
    """Tell whether a tracker has a place in the accuracy-robustness figure: not if every frame was burnt in or lost."""
    return _point(evaluation) is not None


def _point(evaluation: Evaluation) -> tuple[float, float] | None:
    lost, accuracy = finite(find_score(evaluation, "robustness")), finite(find_score(evaluation, "accuracy"))
    if lost is None or accuracy is None:
        return None
    scored = finite(find_score(evaluation, "reliability"))
    return (reliability(lost) if scored is None else scored), accuracy


def _around(values: NDArray[np.float64]) -> tuple[float, float]:
    """Limits that hold the values with some room, at least 0.2 apart, and hardly beyond 0 to 1."""
    low, high = float(values.min()), float(values.max())
    room = max(0.15 * (high - low), (0.2 - (high - low)) / 2)
    return max(low - room, -0.01), min(high + room, 1.01)


def eao_curve_figure(
    evaluations: Sequence[Evaluation],
    interval: tuple[int, int] | None,
    title: str = "",
    *,
    columns: int | None = None,
) -> Figure:
    """Draw the expected overlap over sequence length, with the interval that EAO averages over shaded.

    Raises:
        ResultsError: No evaluation has an "eao" curve.
    """
    shown = [e for e in ranked(evaluations, "eao") if "eao" in e.curves]
    if not shown:
        raise ResultsError(f"none of the {len(evaluations)} results has an expected-overlap curve")
    looks, labels = looks_of(evaluations), legend_labels(shown, "eao")
    with style.figure_style():
        figure, axes, wide = framed(labels, columns)
        handles = []
        for evaluation in reversed(shown):
            line, look = evaluation.curves["eao"], looks[id(evaluation)]
            handles += axes.plot(line.x, line.y, color=look.colour, linestyle=look.line, linewidth=1.1)
        longest = max(float(e.curves["eao"].x[-1]) for e in shown)
        right = longest if interval is None else min(longest, 1.6 * interval[1])
        first = shown[0].curves["eao"]
        frame_curve(axes, first.x_label, first.y_label, right)
        if interval is not None and interval[0] < right:
            axes.axvspan(*interval, color="#bbbbbb", alpha=0.3, linewidth=0, zorder=0)
            words = f"EAO interval\n{interval[0]} to {interval[1]}"
            middle = (interval[0] + min(interval[1], right)) / 2
            axes.annotate(words, (middle, 0.98), ha="center", va="top", size=6, color="#444444")
        head(figure, title, with_metric("Expected overlap", shown, "eao"))
        style.add_legend(figure, handles[::-1], labels, wide)
    return figure


def ranking_figure(evaluations: Sequence[Evaluation], metric: str = "eao", title: str = "") -> Figure:
    """Draw one line per tracker with a dot at its score, best at the top: the EAO ranking.

    Raises:
        ResultsError: No evaluation has this metric.
    """
    shown = [e for e in ranked(evaluations, metric) if finite(find_score(e, metric)) is not None]
    if not shown:
        raise ResultsError(f"none of the {len(evaluations)} results has {metric}")
    looks = looks_of(evaluations)
    values = [finite(find_score(e, metric)) or 0.0 for e in shown]
    with style.figure_style():
        figure = style.new_figure(style.ONE_COLUMN, 0.85 + 0.15 * max(len(shown), 4))
        axes = figure.add_subplot()
        for place, (evaluation, value) in enumerate(zip(shown, values, strict=True)):
            look = looks[id(evaluation)]
            axes.add_line(Line2D([0.0, value], [place, place], color=look.colour, linewidth=0.8))
            axes.plot(value, place, look.marker, color=look.colour, markersize=4)
            axes.annotate(
                style_of(metric).format(value), (value, place), (4, 0), textcoords="offset points", va="center", size=6
            )
        names = [figure_name(e) for e in shown]
        axes.set_yticks(range(len(shown)), names)
        for text, name in zip(axes.get_yticklabels(), names, strict=True):
            style.plain(text, name)
        axes.grid(visible=False, axis="y")
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlim(0.0, max(max(values) * 1.15, 1e-3))
        axes.set_xlabel(style_of(metric).long.capitalize())
        head(figure, title, f"{style_of(metric).title} ranking")
    return figure
