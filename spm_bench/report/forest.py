"""Forest plots: the difference of every cell of an ablation to its base, with interval, and what of it is noise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spm_bench.errors import ResultsError
from spm_bench.report import style
from spm_bench.report.differences import difference_text
from spm_bench.report.figures import head
from spm_bench.report.render import one_line
from spm_bench.report.vocabulary import DASH, style_of
from spm_bench.scoring.compare import Comparison

NEEDED = ("label", "base", "suite", "metric", "difference", "low", "high", "level", "p_holm", "higher_is_better")
"""Columns that `forest_plot` reads; others (`base_value`) it uses where they are."""

BETTER, WORSE, NOISE = style.BETTER, style.WORSE, style.NOISE
ROW, LEGEND = 0.165, 0.22
"""Heights in inches of a row of the plot and of the legend."""
LONGEST_LABEL = 46
"""Longer labels are cut in the middle; a figure of two columns still has half its width for the bars then."""
PANELS = 3
"""Panels beside each other; with more, the bars of the narrowest suites can no longer be read."""
NARROWEST = 1e-3
"""Least half width of the axis: differences below it are not drawn larger than they are."""


def comparison_frame(comparisons: Iterable[Comparison], titles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """One row per comparison, with the fields of `Comparison` and `established` for columns.

    Args:
        comparisons: In the order of the rows.
        titles: Suite name -> what figures call it.
    """
    rows = [asdict(c) | {"established": c.established, "better": c.better} for c in comparisons]
    columns = [*Comparison.__dataclass_fields__, "established", "better"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(suite=frame["suite"].map(lambda name: (titles or {}).get(name, name)))


def forest_plot(frame: pd.DataFrame, title: str = "", *, rows: Sequence[str] = ()) -> Figure:
    """Draw a row per cell and a panel per suite and metric: differences to the base, which is the line at zero.

    A filled marker says that the interval and the corrected test both exclude zero, a hollow one that the difference
    may be noise. With one panel, the numbers stand at the right.

    Args:
        frame: One row per comparison (see `comparison_frame`), columns `NEEDED`; order is kept.
        title: Stands above the figure.
        rows: Labels of all rows from top to bottom, also of cells that have no comparison; by default those of the
            frame in its order.

    Raises:
        ResultsError: A column is missing, there is no row, or a cell stands twice in one panel.
    """
    _check(frame)
    labels = list(dict.fromkeys([*rows, *frame["label"]]))
    panels = [
        (str(suite), str(metric), part) for (suite, metric), part in frame.groupby(["suite", "metric"], sort=False)
    ]
    across = min(len(panels), PANELS)
    down = -(-len(panels) // across)
    height = 0.5 + LEGEND + down * (0.55 + ROW * max(len(labels) + 1, 3))
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, height)
        grid = figure.subplots(down, across, squeeze=False)
        for place, (suite, metric, part) in enumerate(panels):
            axes = grid[place // across][place % across]
            _draw_panel(axes, part, labels, metric, numbers=len(panels) == 1)
            _name_rows(axes, labels, frame["base"].iloc[0], named=place % across == 0)
            if len(panels) > 1:
                style.plain(axes.set_title(" ", loc="left", fontsize=7.5), one_line(suite))
        for axes in grid.ravel()[len(panels) :]:
            axes.set_visible(False)
        one = f"{one_line(panels[0][0])}, p" if len(panels) == 1 else "P"
        level = f"{100 * frame['level'].iloc[0]:g} %"
        head(figure, title, f"{one}aired differences to {_base(frame)}, {level} bootstrap intervals over sequences")
        _add_legend(figure)
    return figure


def _check(frame: pd.DataFrame) -> None:
    if missing := [name for name in NEEDED if name not in frame.columns]:
        raise ResultsError(f"a forest plot needs the column {', '.join(missing)}")
    if frame.empty:
        raise ResultsError("there is nothing to draw in a forest plot: no comparison")
    twice = frame[frame.duplicated(["suite", "metric", "label"])]
    if len(twice):
        raise ResultsError(f"two cells are called {twice['label'].iloc[0]!r}", remedy="Give each a name of its own")


def _base(frame: pd.DataFrame) -> str:
    return style.short_name(str(frame["base"].iloc[0]))


def _draw_panel(axes: Axes, part: pd.DataFrame, labels: Sequence[str], metric: str, *, numbers: bool) -> None:
    """The rows of one suite and metric; row 0 is the base."""
    axes.axvline(0.0, color="#333333", linewidth=0.8, zorder=1)
    axes.plot(0.0, 0, "D", color="#333333", markersize=3.5, zorder=3)
    texts, rows = [_base_text(part, metric)], {row["label"]: row for row in part.to_dict("records")}
    for place, label in enumerate(labels, start=1):
        row = rows.get(label)
        if row is not None and math.isfinite(row["difference"]):
            _draw_row(axes, row, place)
        texts.append(DASH if row is None else difference_text(metric, row["difference"], row["low"], row["high"]))
    what = f"{style_of(metric).word}{' minus that of the base' if numbers else ''}"
    better = "→" if part["higher_is_better"].iloc[0] else "←"
    style.plain(axes.set_xlabel(" "), f"{what} (better {better})")
    axes.set_xlim(*_limits(part))
    axes.set_ylim(len(labels) + 0.6, -0.6)
    axes.locator_params(axis="x", nbins=7 if numbers else 4)
    if numbers:
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(len(texts)), texts)
        right.tick_params(axis="y", length=0, labelsize=6.5)
        right.spines["right"].set_visible(False)


def _base_text(part: pd.DataFrame, metric: str) -> str:
    """The base's own score, where it is the same for all rows."""
    values = {round(float(v), 12) for v in part["base_value"]} if "base_value" in part.columns else set()
    return f"base: {style_of(metric).format(values.pop())}" if len(values) == 1 else ""


def _draw_row(axes: Axes, row: Mapping[Hashable, Any], place: int) -> None:
    low, high, value = float(row["low"]), float(row["high"]), float(row["difference"])
    sure = bool(row["established"])
    better = (value > 0.0) == bool(row["higher_is_better"])
    colour = NOISE if not sure else BETTER if better else WORSE
    if math.isfinite(low) and math.isfinite(high):
        axes.plot([low, high], [place, place], color=colour, linewidth=1.6 if sure else 1.1, zorder=2)
    face = colour if sure else "white"
    axes.plot(value, place, "o", color=colour, markerfacecolor=face, markersize=4.2, markeredgewidth=1.0, zorder=3)


def _limits(part: pd.DataFrame) -> tuple[float, float]:
    """The axis holds zero and all intervals, with some room."""
    numbers = part[["low", "high", "difference"]].to_numpy(dtype=np.float64).ravel()
    ends = np.append(numbers[np.isfinite(numbers)], 0.0)
    low, high = min(float(ends.min()), -NARROWEST), max(float(ends.max()), NARROWEST)
    room = 0.06 * (high - low)
    return low - room, high + room


def _name_rows(axes: Axes, labels: Sequence[str], base: str, *, named: bool) -> None:
    names = [f"{cut_label(base)} (base)", *unique_labels(labels)] if named else [""] * (len(labels) + 1)
    axes.set_yticks(range(len(names)), names)
    for place, (text, name) in enumerate(zip(axes.get_yticklabels(), names, strict=True)):
        style.plain(text, name)
        text.set_fontweight("normal" if place else "bold")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def cut_label(label: str, longest: int = LONGEST_LABEL) -> str:
    """A label on one line, cut in the middle if very long."""
    label = one_line(label)
    half = (longest - 1) // 2
    return label if len(label) <= longest else f"{label[:half]}…{label[-half:]}"


def unique_labels(labels: Sequence[str], longest: int = LONGEST_LABEL) -> list[str]:
    """Cut labels; those that the cut makes equal are numbered, so that every row can be told."""
    cut = [cut_label(label, longest) for label in labels]
    total, met = Counter(cut), Counter[str]()
    for i, label in enumerate(cut):
        met[label] += 1
        if total[label] > 1:
            cut[i] = f"{label} ({met[label]})"
    return cut


def _add_legend(figure: Figure) -> None:
    kinds = (
        ("better than the base", BETTER, BETTER),
        ("worse than the base", WORSE, WORSE),
        ("may be noise: zero in the interval, or corrected p too large", NOISE, "white"),
    )
    handles = [
        Line2D([], [], color=colour, marker="o", markersize=4.2, markerfacecolor=face, linewidth=1.4)
        for _, colour, face in kinds
    ]
    figure.legend(handles, [name for name, _, _ in kinds], loc="outside lower center", ncols=3, fontsize=6.5)
