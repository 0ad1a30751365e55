"""Accuracy over speed: one named point per tracker."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spm_bench.errors import ResultsError
from spm_bench.report import render, style, tidy
from spm_bench.report.accuracy import Accuracy
from spm_bench.report.figures import head
from spm_bench.report.labels import place_labels
from spm_bench.report.speed import speeds
from spm_bench.report.vocabulary import style_of
from spm_bench.results.timing import Timing

CROWD = 6
"""More points than this need two columns: trackers of one family lie close together."""
GAP = 5.0
"""Points of print between a point and its name: the marker's radius and a little."""


NEEDED = ("tracker", "metric", "value", "fps")


def speed_accuracy_figure(timing: Timing, accuracies: Mapping[str, Accuracy]) -> Figure:
    """Draw accuracy over speed of one machine (see `speed_accuracy_plot`), with its name under the axes.

    Trackers that compute nothing, or have no accuracy, are not drawn.

    Args:
        timing: One machine's.
        accuracies: By label, all of one metric.

    Raises:
        ResultsError: No tracker has both, or the accuracies are of several metrics.
    """
    frame = speed_frame(timing, accuracies)
    if frame.empty:
        raise ResultsError("no tracker has both a speed and an accuracy")
    found = [accuracies[label] for label in frame["tracker"]]
    return speed_accuracy_plot(frame, _title(timing, found), caption=_caption(timing, frame))


def speed_frame(timing: Timing, accuracies: Mapping[str, Accuracy]) -> pd.DataFrame:
    """One row per tracker with both, the fastest first, as `speed_accuracy_plot` takes them."""
    rows = [
        {
            "tracker": speed.tracker.label,
            "untrained": speed.tracker.trained == "no",
            "metric": accuracy.metric,
            "value": accuracy.value,
            "low": np.nan if accuracy.low is None else accuracy.low,
            "high": np.nan if accuracy.high is None else accuracy.high,
            "higher_is_better": accuracy.higher_is_better,
            "fps": speed.values["fps"],
            "fps_low": min(speed.by_round),
            "fps_high": max(speed.by_round),
        }
        for speed in speeds(timing)
        if speed.tracker.computes and speed.values["fps"]
        for accuracy in [accuracies.get(speed.tracker.label)]
        if accuracy is not None
    ]
    return pd.DataFrame(rows)


def speed_accuracy_plot(frame: pd.DataFrame, title: str = "", *, caption: str = "") -> Figure:
    """Draw accuracy over fps (of the tracker alone, logarithmic), one named point per tracker; top right is best.

    Args:
        frame: One row per tracker: columns tracker, metric, value, fps. Columns low and high are the interval of the
            value, fps_low and fps_high the slowest and fastest round, drawn as whiskers; look, untrained and
            higher_is_better as in the other figures (see `tidy.entries`). Rows without value or speed are left out.
        title: What was scored and timed.
        caption: Stands under the axes: the machine.

    Raises:
        ResultsError: A column is missing, there is nothing to draw, or the values are of several metrics.
    """
    tidy.require(frame, NEEDED, "a speed-accuracy plot")
    known = frame[np.isfinite(frame["value"].astype(float)) & (frame["fps"].astype(float) > 0.0)]
    tidy.require(known, NEEDED, "a speed-accuracy plot")
    if len(metrics := sorted(set(known["metric"]))) > 1:
        raise ResultsError(f"accuracies of several metrics: {', '.join(metrics)}")
    points = [_Point.of(entry) for entry in tidy.entries(known, "")]
    with style.figure_style():
        figure = style.new_figure(*((style.ONE_COLUMN, 2.9) if len(points) <= CROWD else (style.TWO_COLUMNS, 3.6)))
        axes = figure.add_subplot()
        for point in points:
            _draw_point(axes, point)
        up = "higher_is_better" not in known.columns or bool(known["higher_is_better"].iloc[0])
        _frame(axes, points, str(metrics[0]), up)
        head(figure, title, "Accuracy over speed")
        if caption:  # constrained layout leaves room for a figure's own x label
            style.plain(figure.supxlabel(" ", fontsize=5.5, x=0.015, ha="left", color="#444444"), caption)
        _name_points(figure, axes, points)
    return figure


@dataclass(frozen=True)
class _Point:
    """A tracker's place: fps with slowest and fastest round, value with its interval; NaN where there is none."""

    name: str
    look: style.Look
    fps: tuple[float, float, float]
    value: tuple[float, float, float]

    @classmethod
    def of(cls, entry: tidy.Entry) -> _Point:
        row = entry.rows.iloc[0]
        fps, fps_low, fps_high, value, low, high = (
            float(row.get(name, np.nan)) for name in ("fps", "fps_low", "fps_high", "value", "low", "high")
        )
        return cls(entry.name, entry.look, (fps, fps_low, fps_high), (value, low, high))

    @property
    def place(self) -> tuple[float, float]:
        return self.fps[0], self.value[0]


def _draw_point(axes: Axes, point: _Point) -> None:
    (fps, *rounds), (value, *ends) = point.fps, point.value
    for x, y in ((rounds, [value] * 2), ([fps] * 2, ends)):
        if np.isfinite([*x, *y]).all():
            axes.plot(x, y, color=point.look.colour, linewidth=0.7, alpha=0.6, zorder=1.5)
    (drawn,) = axes.plot([fps], [value], point.look.marker, color=point.look.colour, markersize=5)
    drawn.set(markeredgecolor="white", markeredgewidth=0.4)


def _frame(axes: Axes, points: Sequence[_Point], metric: str, up: bool) -> None:
    """Axes with room on all sides for the names; the log axis has plain numbers."""
    fps = np.log10([point.fps[0] for point in points])
    room = max(0.25 * float(np.ptp(fps)), 0.35)
    axes.set_xscale("log")
    axes.set_xlim(10 ** (fps.min() - room), 10 ** (fps.max() + room))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if np.ptp(fps) < 2 else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    ends = [end for point in points for end in point.value if np.isfinite(end)]
    height = max(0.2 * (max(ends) - min(ends)), 0.04)
    axes.set_ylim(min(ends) - height, max(ends) + height)
    if not up:
        axes.invert_yaxis()
    axes.set_xlabel("Speed of the tracker, frames per second (log)")
    words = style_of(metric)
    style.plain(axes.set_ylabel(""), words.word if words.word == words.title else f"{words.word} ({words.title})")


def _title(timing: Timing, found: Sequence[Accuracy]) -> str:
    counts = sorted({a.n_sequences for a in found})
    scored = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    return f"{timing.title}: scored on {scored} of {found[0].n_total} sequences, timed on {len(timing.sequences)}"


def _caption(timing: Timing, frame: pd.DataFrame) -> str:
    """The machine, broken to the figure's width; what whiskers are, and if the machine was not quiet."""
    lines = textwrap.wrap(render.one_line(timing.hardware), 72)
    intervals = frame["low"].notna().any()
    lines.append(f"Whiskers: slowest and fastest round{', interval of the score' if intervals else ''}.")
    if timing.warnings:
        lines.append("The machine was not quiet: see the table's warnings.")
    return "\n".join(lines)


def _name_points(figure: Figure, axes: Axes, shown: Sequence[_Point]) -> None:
    """Write each name beside its point, with a thin line where it had to go further away."""
    figure.draw_without_rendering()  # lays the axes out
    figure.set_layout_engine("none")
    texts = [_name(axes, point) for point in shown]
    values = [text.xy for text in texts]
    points = np.asarray(axes.transData.transform(values), dtype=np.float64)
    extents = [text.get_window_extent() for text in texts]
    sizes = np.array([[e.width, e.height] for e in extents])
    frame, pixel = axes.get_window_extent(), figure.dpi / 72
    gap = GAP * pixel
    room = np.array([frame.x0, frame.y0, frame.x1, frame.y1])
    corners = place_labels(points, sizes, room, gap, _whisker_boxes(axes, shown, pixel))
    for text, extent, corner, point, size in zip(texts, extents, corners, points, sizes, strict=True):
        text.set_position(tuple((corner - (extent.x0, extent.y0)) / pixel))
        nearest = np.clip(point, corner, corner + size)
        if np.linalg.norm(nearest - point) > 1.5 * gap:
            ends = axes.transData.inverted().transform([point, nearest])
            axes.plot(*ends.T, color=text.get_color(), linewidth=0.4, zorder=1)


def _whisker_boxes(axes: Axes, shown: Sequence[_Point], pixel: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Where whiskers lie, M x 4 in pixels: a name on one would be struck through."""
    ends = [
        end
        for point in shown
        for end in (
            (point.fps[1], point.value[0], point.fps[2], point.value[0]),
            (point.fps[0], point.value[1], point.fps[0], point.value[2]),
        )
        if np.isfinite(end).all()
    ]
    corners = np.array(ends, dtype=np.float64).reshape(-1, 2)
    boxes = axes.transData.transform(corners).reshape(-1, 4) if len(corners) else np.empty((0, 4))
    return np.asarray(boxes + pixel * np.array([-1.0, -1.0, 1.0, 1.0]))


def _name(axes: Axes, point: _Point) -> Annotation:
    """A tracker's name in its colour, still on its point; `set_position` then moves it by points of print."""
    text = axes.annotate(" ", point.place, (0, 0), textcoords="offset points", zorder=4, annotation_clip=False)
    text.set(size=6.5, color=point.look.colour)
    style.plain(text, point.name)
    return text
