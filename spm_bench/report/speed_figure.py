"""Accuracy over speed: one named point per tracker."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spm_bench.errors import ResultsError
from spm_bench.report import render, style
from spm_bench.report.accuracy import Accuracy
from spm_bench.report.figures import head
from spm_bench.report.labels import place_labels
from spm_bench.report.speed import Speed, speeds
from spm_bench.report.vocabulary import style_of
from spm_bench.results.timing import Timing

CROWD = 6
"""More points than this need two columns: trackers of one family lie close together."""
GAP = 5.0
"""Points of print between a point and its name: the marker's radius and a little."""


def speed_accuracy_figure(timing: Timing, accuracies: Mapping[str, Accuracy]) -> Figure:
    """Draw accuracy over fps (of the tracker alone, logarithmic), one named point per tracker; top right is best.

    Whiskers are the slowest and fastest round, and the interval of the score where scoring gave one. Trackers that
    compute nothing, or have no accuracy, are not drawn.

    Args:
        timing: One machine's.
        accuracies: By label, all of one metric.

    Raises:
        ResultsError: No tracker has both, or the accuracies are of several metrics.
    """
    shown = [s for s in speeds(timing) if s.tracker.computes and s.tracker.label in accuracies and s.values["fps"]]
    found = [accuracies[s.tracker.label] for s in shown]
    if not shown:
        raise ResultsError("no tracker has both a speed and an accuracy")
    if len({a.metric for a in found}) > 1:
        raise ResultsError(f"accuracies of several metrics: {', '.join(sorted({a.metric for a in found}))}")
    with style.figure_style():
        figure = style.new_figure(*((style.ONE_COLUMN, 2.9) if len(shown) <= CROWD else (style.TWO_COLUMNS, 3.6)))
        axes = figure.add_subplot()
        for i, (speed, accuracy) in enumerate(zip(shown, found, strict=True)):
            _draw_point(axes, speed, accuracy, style.look(i))
        _frame(axes, shown, found)
        head(figure, _title(timing, found), "Accuracy over speed")
        _caption(figure, timing, intervals=any(a.low is not None for a in found))
        _name_points(figure, axes, shown, found)
    return figure


def _draw_point(axes: Axes, speed: Speed, accuracy: Accuracy, look: style.Look) -> None:
    fps = speed.values["fps"] or np.nan
    whiskers = [([min(speed.by_round), max(speed.by_round)], [accuracy.value] * 2)]
    if accuracy.low is not None and accuracy.high is not None:
        whiskers.append(([fps, fps], [accuracy.low, accuracy.high]))
    for x, y in whiskers:
        axes.plot(x, y, color=look.colour, linewidth=0.7, alpha=0.6, zorder=1.5)
    (point,) = axes.plot([fps], [accuracy.value], look.marker, color=look.colour, markersize=5)
    point.set(markeredgecolor="white", markeredgewidth=0.4)


def _frame(axes: Axes, shown: Sequence[Speed], found: Sequence[Accuracy]) -> None:
    """Axes with room on all sides for the names; the log axis has plain numbers."""
    fps = np.log10([s.values["fps"] or 1.0 for s in shown])
    room = max(0.25 * float(np.ptp(fps)), 0.35)
    axes.set_xscale("log")
    axes.set_xlim(10 ** (fps.min() - room), 10 ** (fps.max() + room))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if np.ptp(fps) < 2 else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    ends = [e for a in found for e in (a.value, a.low, a.high) if e is not None]
    height = max(0.2 * (max(ends) - min(ends)), 0.04)
    axes.set_ylim(min(ends) - height, max(ends) + height)
    if not found[0].higher_is_better:
        axes.invert_yaxis()
    axes.set_xlabel("Speed of the tracker, frames per second (log)")
    metric = style_of(found[0].metric)
    style.plain(axes.set_ylabel(""), metric.word if metric.word == metric.title else f"{metric.word} ({metric.title})")


def _title(timing: Timing, found: Sequence[Accuracy]) -> str:
    counts = sorted({a.n_sequences for a in found})
    scored = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    return f"{timing.title}: scored on {scored} of {found[0].n_total} sequences, timed on {len(timing.sequences)}"


def _caption(figure: Figure, timing: Timing, *, intervals: bool) -> None:
    """Name the machine under the axes, broken to the figure's width; say what whiskers are, and if it was not quiet."""
    lines = textwrap.wrap(render.one_line(timing.hardware), 72)
    lines.append(f"Whiskers: slowest and fastest round{', interval of the score' if intervals else ''}.")
    if timing.warnings:
        lines.append("The machine was not quiet: see the table's warnings.")
    # constrained layout leaves room for a figure's own x label
    style.plain(figure.supxlabel(" ", fontsize=5.5, x=0.015, ha="left", color="#444444"), "\n".join(lines))


def _name_points(figure: Figure, axes: Axes, shown: Sequence[Speed], found: Sequence[Accuracy]) -> None:
    """Write each name beside its point, with a thin line where it had to go further away."""
    figure.draw_without_rendering()  # lays the axes out
    figure.set_layout_engine("none")
    texts = []
    for i, (speed, accuracy) in enumerate(zip(shown, found, strict=True)):
        texts.append(_name(axes, speed, (speed.values["fps"] or np.nan, accuracy.value), style.look(i).colour))
    values = [text.xy for text in texts]
    points = np.asarray(axes.transData.transform(values), dtype=np.float64)
    extents = [text.get_window_extent() for text in texts]
    sizes = np.array([[e.width, e.height] for e in extents])
    frame, pixel = axes.get_window_extent(), figure.dpi / 72
    gap = GAP * pixel
    corners = place_labels(points, sizes, np.array([frame.x0, frame.y0, frame.x1, frame.y1]), gap)
    for text, extent, corner, point, size in zip(texts, extents, corners, points, sizes, strict=True):
        text.set_position(tuple((corner - (extent.x0, extent.y0)) / pixel))
        nearest = np.clip(point, corner, corner + size)
        if np.linalg.norm(nearest - point) > 1.5 * gap:
            ends = axes.transData.inverted().transform([point, nearest])
            axes.plot(*ends.T, color=text.get_color(), linewidth=0.4, zorder=1)


def _name(axes: Axes, speed: Speed, point: tuple[float, float], colour: str) -> Annotation:
    """A tracker's name in its colour, still on its point; `set_position` then moves it by points of print."""
    text = axes.annotate(" ", point, (0, 0), textcoords="offset points", size=6.5, zorder=4, annotation_clip=False)
    text.set_color(colour)
    name = style.short_name(speed.tracker.label)
    style.plain(text, f"{name} (untrained)" if speed.tracker.trained == "no" else name)
    return text
