"""Figures of one-pass scores: success, precision and normalised-precision curves with their bootstrap bands.

Every figure is a function of a tidy frame (see `frames`); those that end in `_figure` make the frame first. A tracker's
look follows its place in the list it is passed in, so the same list gives the same looks in every figure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from spm_bench.errors import ResultsError
from spm_bench.report import style, tidy
from spm_bench.report.frames import curve_frame
from spm_bench.report.vocabulary import find_score, finite, is_untrained, style_of
from spm_bench.scoring.base import Evaluation

CURVES = {
    "success": ("auc", "Success"),
    "precision": ("precision", "Precision"),
    "normalised_precision": ("normalised_precision", "Normalised precision"),
    "overlap": ("ao", "Success"),
}
"""Curve name -> (metric its legend is ordered by and shows, title)."""

TITLE_LINE = 0.135
"""Height in inches of a line of a title."""
MOST_BANDS = 4
"""Trackers that all get their bands; of more, the best only: bands of one suite overlap, and five hide the lines."""


def curve_figure(
    evaluations: Sequence[Evaluation],
    curve: str,
    title: str = "",
    *,
    metric: str | None = None,
    columns: int | None = None,
    bands: int | None = None,
) -> Figure:
    """Draw one line per tracker, the legend ordered by score with the score in it.

    Args:
        evaluations: Those without this curve are left out.
        curve: "success", "precision", "normalised_precision" or "overlap" (see `CURVES`).
        title: What was scored; stands above the curve's own title.
        metric: Order the legend by this metric instead of the curve's own.
        columns: Paper columns the figure is wide, 1 or 2; by default 1, and 2 for more than `style.MANY` trackers.
        bands: How many trackers, the best first, get their bootstrap bands; by default all of up to `MOST_BANDS`, of
            more the best only.

    Raises:
        ResultsError: No evaluation has this curve.
    """
    shown = [e for e in evaluations if curve in e.curves]
    if not shown:
        raise ResultsError(f"none of the {len(evaluations)} results has a {curve} curve")
    frame = curve_frame(evaluations, curve, metric=metric or CURVES[curve][0], bands=how_many_bands(shown, bands))
    return curve_plot(frame, title, columns=columns)


def how_many_bands(shown: Sequence[object], asked: int | None) -> int:
    """How many trackers of these get their bands."""
    return asked if asked is not None else len(shown) if len(shown) <= MOST_BANDS else 1


def curve_plot(frame: pd.DataFrame, title: str = "", *, columns: int | None = None) -> Figure:
    """Draw one line per tracker, with a band where the frame has one, the legend ordered by score.

    Args:
        frame: See `frames.curve_frame`; needed are tracker, curve, x, y, metric, score, x_label and y_label. Where low
            and high are known, a band is drawn between them.
        title: What was scored; stands above the curve's own title.
        columns: Paper columns the figure is wide, 1 or 2; by default 1, and 2 for more than `style.MANY` trackers.

    Raises:
        ResultsError: A column is missing, or there is no row.
    """
    tidy.require(frame, ("tracker", "curve", "x", "y", "metric", "score", "x_label", "y_label"), "a plot of curves")
    found, first = tidy.entries(frame), frame.iloc[0]
    labels = tidy.labels(found, first["metric"])
    with style.figure_style():
        figure, axes, wide = framed(labels, columns)
        handles = []
        for entry in reversed(found):  # the best is drawn last, on top
            x, y = (entry.rows[name].to_numpy(dtype=np.float64) for name in ("x", "y"))
            handles += axes.plot(x, y, color=entry.look.colour, linestyle=entry.look.line)
        banded = draw_bands(axes, found)
        frame_curve(axes, first["x_label"], first["y_label"], float(frame["x"].max()))
        name = CURVES.get(first["curve"], ("", str(first["curve"])))[1]
        style.add_legend(figure, handles[::-1], labels, wide)
        head(figure, title, f"{tidy.with_metric(f'{name} plot', found, first['metric'])}{about_bands(found, banded)}")
    return figure


def draw_bands(axes: Axes, found: Sequence[tidy.Entry]) -> list[tidy.Entry]:
    """Shade what lies between low and high; returns the trackers that have any."""
    banded = []
    for entry in reversed(found):
        if {"low", "high"} <= {*entry.rows.columns}:
            x, low, high = (entry.rows[name].to_numpy(dtype=np.float64) for name in ("x", "low", "high"))
            if np.isfinite(low).any():
                axes.fill_between(
                    x, low, high, color=entry.look.colour, alpha=style.BAND_ALPHA, linewidth=0, zorder=1.2
                )
                banded.append(entry)
    return banded


def about_bands(found: Sequence[tidy.Entry], banded: Sequence[tidy.Entry]) -> str:
    """What the bands are, for a title: `, 95 % bands`; empty without any."""
    if not banded:
        return ""
    rows = banded[0].rows
    level = f"{100 * rows['level'].iloc[0]:g} % " if "level" in rows.columns else ""
    if len(banded) == len(found):
        return f", {level}band{'s' if len(banded) > 1 else ''}"
    return f", {level}band of the best" if len(banded) == 1 else f", {level}bands of the best {len(banded)}"


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


def head(figure: Figure, title: str, *what: str) -> None:
    """Set the title: what was scored above what is drawn, from the figure's left edge.

    It is broken where it would reach into a legend at the right or out of the figure; lines more than two make the
    figure higher.
    """
    width, height = (float(size) for size in figure.get_size_inches())
    room = width - sum(
        _inches(legend) for legend in figure.legends if _inches(legend) < 0.6 * width and _beside(legend)
    )
    text = figure.suptitle(" ", x=0.015, ha="left", fontsize=8)
    content = "\n".join(style.wrapped(line, room) for line in (title, *what) if line)
    style.plain(text, content)
    figure.set_figheight(height + TITLE_LINE * max(content.count("\n") - 1, 0))


def _beside(legend: Legend) -> bool:
    """Whether it stands at the right of the axes."""
    return getattr(legend, "_outside_loc", None) == "right"


def _inches(legend: Legend) -> float:
    figure = legend.get_figure(root=True)
    return float(legend.get_window_extent().width) / (figure.dpi if figure is not None else 72.0)


def looks_of(evaluations: Sequence[Evaluation]) -> dict[int, style.Look]:
    """One look per evaluation, keyed by its identity."""
    return {id(e): style.look(i) for i, e in enumerate(evaluations)}


def legend_labels(evaluations: Sequence[Evaluation], metric: str) -> list[str]:
    """Score and name of each evaluation: `[0.687] SPM`; names alone where the metric is undefined for all."""
    scores = [finite(find_score(e, metric)) for e in evaluations]
    names = [style.short_name(e.label) + (" (untrained)" if is_untrained(e) else "") for e in evaluations]
    if all(score is None for score in scores):
        return names
    return [f"[{style_of(metric).format(v)}] {name}" for v, name in zip(scores, names, strict=True)]
