"""Overlaps over time as lines: a panel per sequence, a line per tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from spm_bench.errors import ResultsError
from spm_bench.report import style, tidy
from spm_bench.report.figures import head

MOST_PANELS = 24
"""Panels of one figure: a page."""
PANEL = 1.3
"""Height in inches of a panel with its title and numbers."""
SHADE = 0.16
MARKED_AT = 1.1
"""Where marks of frames stand: above the highest overlap."""


def overlap_lines(
    frame: pd.DataFrame,
    title: str = "",
    *,
    titles: Mapping[str, str] | None = None,
    marks: Mapping[str, Sequence[int]] | None = None,
) -> Figure:
    """Draw overlaps over time: a panel per sequence, a line per tracker, a cross where one failed.

    Between two lines the colour is that of the tracker that is ahead.

    Args:
        frame: See `frames.timeline_frame`; columns tracker, sequence, frame (from 0), overlap (NaN where unknown) and
            event ("failure" or another word).
        title: What was tracked.
        titles: Sequence -> what stands over its panel, in the place of its name.
        marks: Sequence -> frames that get a tick at the top.

    Raises:
        ResultsError: A column is missing, there is no row, or there are more than `MOST_PANELS` sequences.
    """
    tidy.require(frame, ("tracker", "sequence", "frame", "overlap", "event"), "a figure of overlaps")
    blocks = [(str(name), rows) for name, rows in frame.groupby("sequence", sort=False)]
    if len(blocks) > MOST_PANELS:
        problem = f"{len(blocks)} panels are more than the {MOST_PANELS} that fit a page"
        raise ResultsError(problem, remedy="Choose sequences")
    across = min(len(blocks), 2)
    down = -(-len(blocks) // across)
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 0.9 + PANEL * down)
        panels = figure.subplots(down, across, squeeze=False)
        for place, (name, rows) in enumerate(blocks):
            # down the columns: gains on the left, losses on the right, where both are as many
            axes = panels[place % down][place // down]
            _draw_panel(axes, tidy.entries(rows), (marks or {}).get(name, ()))
            words = (titles or {}).get(name, name)
            style.plain(axes.set_title(" ", loc="left", fontsize=6.5, pad=3), _cut(words))
        for axes in panels.ravel(order="F")[len(blocks) :]:
            axes.set_visible(False)
        for axes in panels[:, 0]:
            axes.set_ylabel("Overlap", fontsize=7)
        for axes in panels[-1, :]:
            axes.set_xlabel("Frame (from 0)", fontsize=7)
        _add_keys(figure, panels[0, 0], frame, marked=bool(marks))
        head(figure, title, "Overlap over time")
    return figure


def _cut(words: str, longest: int = 62) -> str:
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def _draw_panel(axes: Axes, found: Sequence[tidy.Entry], marks: Sequence[int]) -> None:
    lines = []
    for entry in reversed(found):  # the first is drawn last, on top
        rows = entry.rows.sort_values("frame")
        x, y = rows["frame"].to_numpy(dtype=np.float64), rows["overlap"].to_numpy(dtype=np.float64)
        axes.plot(x, y, color=entry.look.colour, linestyle=entry.look.line, linewidth=1.0)
        lost = rows.loc[rows["event"] == "failure", "frame"].to_numpy(dtype=np.float64)
        if len(lost):  # an artist of no points that is not clipped would take all of the layout's room
            axes.plot(lost, np.zeros(len(lost)), "x", color=entry.look.colour, markersize=4, clip_on=False, zorder=4)
        lines.append((x, y))
    if len(found) == 2 and len(lines[0][0]) == len(lines[1][0]):
        (x, theirs), (_, own) = lines
        for ahead, entry in ((own > theirs, found[0]), (own < theirs, found[1])):
            area = axes.fill_between(x, own, theirs, where=ahead, interpolate=True, linewidth=0, alpha=SHADE)
            area.set_facecolor(entry.look.colour)
    for mark in marks:
        axes.plot(mark, MARKED_AT, "v", color="#444444", markersize=2.6, clip_on=False)
    axes.set_ylim(-0.03, MARKED_AT + 0.05 if len(marks) else 1.03)
    axes.set_xlim(0, max(max(float(x[-1]) for x, _ in lines), 1.0))
    axes.set_yticks([0.0, 0.5, 1.0])
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.tick_params(labelsize=6.5)


def _add_keys(figure: Figure, axes: Axes, frame: pd.DataFrame, *, marked: bool) -> None:
    handles, names = list[Line2D](), list[str]()
    for entry in tidy.entries(frame):
        handles += axes.plot([], [], color=entry.look.colour, linestyle=entry.look.line)
        names.append(entry.name)
    if (frame["event"] == "failure").any():
        handles.append(Line2D([], [], color="#444444", marker="x", linestyle="", markersize=4))
        names.append("failure")
    if marked:
        handles.append(Line2D([], [], color="#444444", marker="v", linestyle="", markersize=3))
        names.append("in the film strip")
    style.add_legend(figure, handles, names, wide=False, columns=style.columns_below(names))
