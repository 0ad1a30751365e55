"""Figures of one-pass scores: success, precision and normalised-precision curves, and bars per attribute.

A tracker's look follows its place in the list it is passed in, so the same list gives the same looks in every figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from spm_bench.errors import ResultsError
from spm_bench.report import style
from spm_bench.report.attributes import attribute_values
from spm_bench.report.render import one_line
from spm_bench.report.vocabulary import find_score, finite, is_untrained, ranked, style_of
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.one_pass import ON_FRAMES

CURVES = {
    "success": ("auc", "Success"),
    "precision": ("precision", "Precision"),
    "normalised_precision": ("normalised_precision", "Normalised precision"),
    "overlap": ("ao", "Success"),
}
"""Curve name -> (metric its legend is ordered by and shows, title)."""

MOST_BARS = 8
"""Trackers in one bar figure; with more, the bars get thinner than their outlines."""


def curve_figure(
    evaluations: Sequence[Evaluation],
    curve: str,
    title: str = "",
    *,
    metric: str | None = None,
    columns: int | None = None,
) -> Figure:
    """Draw one line per tracker, the legend ordered by score with the score in it.

    Args:
        evaluations: Those without this curve are left out.
        curve: "success", "precision", "normalised_precision" or "overlap" (see `CURVES`).
        title: What was scored; stands above the curve's own title.
        metric: Order the legend by this metric instead of the curve's own.
        columns: Paper columns the figure is wide, 1 or 2; by default 1, and 2 for more than `style.MANY` trackers.

    Raises:
        ResultsError: No evaluation has this curve.
    """
    default_metric, name = CURVES[curve]
    metric = metric or default_metric
    shown = [e for e in ranked(evaluations, metric) if curve in e.curves]
    if not shown:
        raise ResultsError(f"none of the {len(evaluations)} results has a {curve} curve")
    looks = looks_of(evaluations)
    labels = legend_labels(shown, metric)
    with style.figure_style():
        figure, axes, wide = framed(labels, columns)
        handles = []
        for evaluation in reversed(shown):  # the best is drawn last, on top
            line, look = evaluation.curves[curve], looks[id(evaluation)]
            handles += axes.plot(line.x, line.y, color=look.colour, linestyle=look.line)
        first = shown[0].curves[curve]
        frame_curve(axes, first.x_label, first.y_label, max(float(e.curves[curve].x[-1]) for e in shown))
        head(figure, title, with_metric(f"{name} plot", shown, metric))
        style.add_legend(figure, handles[::-1], labels, wide)
    return figure


def framed(labels: Sequence[str], columns: int | None) -> tuple[Figure, Axes, bool]:
    """A figure with one pair of axes and room for a legend of these labels; and whether it is two columns wide."""
    wide = columns == 2 or (columns is None and len(labels) > style.MANY)
    rows = style.legend_rows(labels, wide)
    size = (style.TWO_COLUMNS, max(3.4, 0.4 + 0.13 * rows)) if wide else (style.ONE_COLUMN, 2.5 + 0.14 * rows)
    figure = style.new_figure(*size)
    return figure, figure.add_subplot(), wide


def frame_curve(axes: Axes, x_label: str, y_label: str, right: float) -> None:
    """Label the axes of a curve; y is a share and runs from 0 to 1 (a little more, so that lines at 1 can be seen)."""
    style.plain(axes.set_xlabel(""), x_label)
    style.plain(axes.set_ylabel(""), y_label)
    axes.set_xlim(0.0, right if right > 0 else 1.0)
    axes.set_ylim(0.0, 1.02)
    axes.set_yticks(np.linspace(0.0, 1.0, 6))


def head(figure: Figure, title: str, what: str) -> None:
    """Set the title: what was scored above what is drawn, from the figure's left edge."""
    text = figure.suptitle(" ", x=0.015, ha="left", fontsize=8)
    style.plain(text, f"{one_line(title)}\n{what}" if title else what)


def looks_of(evaluations: Sequence[Evaluation]) -> dict[int, style.Look]:
    """One look per evaluation, keyed by its identity."""
    return {id(e): style.look(i) for i, e in enumerate(evaluations)}


def legend_labels(evaluations: Sequence[Evaluation], metric: str) -> list[str]:
    """Score and name of each evaluation: `[0.687] SPM`; names alone where the metric is undefined for all."""
    scores = [finite(find_score(e, metric)) for e in evaluations]
    if all(score is None for score in scores):
        return [figure_name(e) for e in evaluations]
    return [f"[{style_of(metric).format(v)}] {figure_name(e)}" for v, e in zip(scores, evaluations, strict=True)]


def with_metric(what: str, evaluations: Sequence[Evaluation], metric: str) -> str:
    """A figure's title with the metric that `legend_labels` puts before the names: `Success plot [AUC]`."""
    known = any(finite(find_score(e, metric)) is not None for e in evaluations)
    return f"{what} [{style_of(metric).title}]" if known else what


def figure_name(evaluation: Evaluation) -> str:
    """What figures call a tracker: its label, cut if very long, and whether its weights were never trained."""
    return style.short_name(evaluation.label) + (" (untrained)" if is_untrained(evaluation) else "")


def attribute_figure(evaluations: Sequence[Evaluation], metric: str, title: str = "") -> Figure:
    """Draw a group of bars per attribute, one bar per tracker, the legend ordered by the whole suite's score.

    Only the best `MOST_BARS` trackers are drawn, and the title says so. Where an attribute is known for whole sequences
    and for single frames, the figure shows the former; the table has both.

    Raises:
        ResultsError: No evaluation has this metric per attribute.
    """
    best = [e for e in ranked(evaluations, metric) if attribute_values(e, metric)]
    if not best:
        raise ResultsError(f"none of the {len(evaluations)} results has {metric} per attribute")
    shown, looks = best[:MOST_BARS], looks_of(evaluations)
    counts = {name: n for e in shown for name, (_, n) in attribute_values(e, metric).items()}
    counts = {name: n for name, n in counts.items() if _whole(name) == name or _whole(name) not in counts}
    labels = legend_labels(shown, metric)
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 2.6 + 0.02 * max(map(len, counts)))
        axes, width = figure.add_subplot(), 0.84 / len(shown)
        for i, evaluation in enumerate(shown):
            values = attribute_values(evaluation, metric)
            heights = [values.get(name, (np.nan, 0))[0] for name in counts]
            x = np.arange(len(counts)) + (i - (len(shown) - 1) / 2) * width
            axes.bar(x, heights, width * 0.92, color=looks[id(evaluation)].colour)
        _frame_bars(axes, counts, style_of(metric).word)
        of_all = f", best {len(shown)} of {len(best)}" if len(best) > len(shown) else ""
        head(figure, title, f"{style_of(metric).word} per attribute{of_all} [{style_of(metric).word} of all]")
        patches = [Patch(color=looks[id(e)].colour) for e in shown]
        style.add_legend(figure, patches, labels, wide=True)
    return figure


def _whole(attribute: str) -> str:
    """Name of the attribute of whole sequences that belongs to one of single frames."""
    return attribute.removesuffix(ON_FRAMES)


def _frame_bars(axes: Axes, counts: dict[str, int], y_label: str) -> None:
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.5, len(counts) - 0.5)
    axes.set_ylim(bottom=0.0)
    slanted = max(map(len, counts)) > 8
    turn: dict[str, Any] = {"rotation": 25, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    names = [f"{style.short_name(name)} ({n})" if slanted else f"{name}\n{n}" for name, n in counts.items()]
    axes.set_xticks(np.arange(len(counts)), names, **turn)
    for text, name in zip(axes.get_xticklabels(), names, strict=True):
        style.plain(text, name)
    style.plain(axes.set_ylabel(""), y_label)
