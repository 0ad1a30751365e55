"""Figures of paired differences and of response curves, in the house's style."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from proving.compare import FEWEST_UNITS, Field
from proving.lookalikes import level_of, level_strengths
from spm_bench.metrics.paired import Interval
from spm_bench.report import style
from spm_bench.report.figures import head

ROW = 0.19
"""Height of a row of differences in inches."""
DOTS = "#9a9a9a"


@dataclass(frozen=True, eq=False)
class Difference:
    """A row of the figure of differences.

    Attributes:
        name: What is subtracted from what.
        values: One difference per sequence.
        interval: Their mean and its interval.
    """

    name: str
    values: NDArray[np.float64]
    interval: Interval


def difference_figure(groups: Many[tuple[str, Many[Difference]]], title: str, what: str) -> Figure:
    """Draw a row per comparison: a dot per sequence, the mean, and its 95 % interval; zero is a line.

    Args:
        groups: (heading, rows), from top to bottom.
        title: Stands above the figure.
        what: The title's second line.
    """
    rows = sum(len(some) + 1 for _, some in groups)
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 0.85 + ROW * rows)
        axes = figure.add_subplot()
        axes.axvline(0.0, color="#444444", linewidth=0.8, zorder=1)
        place, ticks = 0, []
        for index, (heading, some) in enumerate(groups):
            ticks.append((place, heading, True))
            for offset, row in enumerate(some, start=1):
                _draw_row(axes, row, place + offset, style.COLOURS[index % len(style.COLOURS)])
                ticks.append((place + offset, row.name, False))
            place += len(some) + 1
        _label_rows(axes, ticks)
        axes.set_ylim(place - 0.4, -0.6)
        axes.set_xlabel("Difference in AUC: a dot per sequence, mean with 95 % interval")
        head(figure, title, what)
    return figure


def _draw_row(axes: Axes, row: Difference, place: int, colour: str) -> None:
    # A fixed jitter, from the order of the values: equal differences stay apart, and the picture stays the same.
    jitter = 0.28 * np.sin(2.4 * np.arange(len(row.values)))
    axes.plot(row.values, place + jitter, "o", color=DOTS, markersize=2.2, markeredgewidth=0, alpha=0.8, zorder=2)
    if row.interval.n_units >= FEWEST_UNITS:
        axes.plot([row.interval.low, row.interval.high], [place, place], color=colour, linewidth=2.2, zorder=3)
    axes.plot(
        row.interval.value, place, "D", color=colour, markersize=4.5, markeredgecolor="white", markeredgewidth=0.6,
        zorder=4,
    )  # fmt: skip


def _label_rows(axes: Axes, ticks: Many[tuple[int, str, bool]]) -> None:
    axes.set_yticks([place for place, _, _ in ticks], [name for _, name, _ in ticks])
    for text, (_, name, is_heading) in zip(axes.get_yticklabels(), ticks, strict=True):
        style.plain(text, name)
        text.set_fontweight("bold" if is_heading else "normal")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def response_figure(field: Field, title: str) -> Figure:
    """Draw AUC over the steps of the look-alike axis, a line per cell with bands of its 95 % interval over scenes."""
    levels = sorted({level_of(name) for name in field.names})
    with style.figure_style():
        figure = style.new_figure(style.ONE_COLUMN, 2.9)
        axes = figure.add_subplot()
        handles = []
        for index, cell in enumerate(field.cells):
            look = style.look(index)
            means = [field.mean(cell, names=[n for n in field.names if level_of(n) == level]) for level in levels]
            x = np.array(levels) + 0.06 * (index - (len(field.cells) - 1) / 2)
            handles += axes.plot(
                x, [m.value for m in means], color=look.colour, linestyle=look.line, marker=look.marker, markersize=4
            )
            if means[0].n_units >= FEWEST_UNITS:
                axes.vlines(x, [m.low for m in means], [m.high for m in means], color=look.colour, linewidth=0.8)
        axes.set_xticks(levels, ["{:g}\n{:g}".format(*level_strengths(level)) for level in levels])
        axes.set_xlabel("Number of look-alikes, and their likeness")
        axes.set_ylabel("AUC")
        axes.set_ylim(bottom=0.0)
        head(figure, title, f"AUC against look-alikes, {field.describe()}")
        style.add_legend(figure, handles, [cell.name for cell in field.cells], wide=False)
    return figure
