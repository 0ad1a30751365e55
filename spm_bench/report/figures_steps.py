"""Figures over settings: response curves on steps of difficulty, and the heat map of a sweep over two axes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.metrics.resampling import LEVEL, bootstrap, mean_over
from spm_bench.report import style, tidy
from spm_bench.report.figures import head
from spm_bench.report.forest import unique_labels
from spm_bench.report.vocabulary import style_of

FloatArray = NDArray[np.float64]

FEWEST_SCENES = 3
"""Scenes from which an interval over them is drawn."""

HEAT_NEEDED = ("x_name", "x", "y_name", "y", "metric", "value")
CELL = 0.34
"""Side in inches of a heat map's cell under which numbers no longer fit into it."""
LONGEST_VALUE = 16
"""Longer values of an axis are cut."""


def response_curves(frame: pd.DataFrame, title: str = "", *, axes_shown: Sequence[str] = ()) -> Figure:
    """Draw a panel per axis of difficulty: the score over its steps, a line per tracker.

    Several scenes at a step are averaged; from `FEWEST_SCENES` on, whiskers are bootstrap intervals over scenes.

    Args:
        frame: See `frames.step_frame`; needed are tracker, axis, level, step, metric, value.
        title: What was scored.
        axes_shown: Draw these axes only, in this order; by default all with at least two steps.

    Raises:
        ResultsError: A column is missing, or no axis has two steps.
    """
    tidy.require(frame, ("tracker", "axis", "level", "step", "metric", "value"), "a figure of response curves")
    steps = frame.groupby("axis", sort=False)["level"].nunique()
    names = [str(name) for name in axes_shown or steps.index if steps.get(name, 0) > 1]
    if not names:
        raise ResultsError("no axis has two steps: there is no response to draw")
    metric = str(frame["metric"].iloc[0])
    whole = frame[frame["axis"].isin(names)]
    found = tidy.entries(whole)
    labels = [entry.name for entry in found]
    across = min(len(names), 3 if -len(names) % 3 <= -len(names) % 4 else 4)  # whichever leaves fewer places empty
    down, wide = -(-len(names) // across), len(names) > 1
    columns = style.columns_below(labels) if wide else None
    legend = style.legend_rows(labels, wide=False, columns=columns)
    with style.figure_style():
        size = (style.TWO_COLUMNS, 0.55 + 2.0 * down) if wide else (style.ONE_COLUMN, 2.7)
        figure = style.new_figure(size[0], size[1] + 0.14 * legend)
        panels = figure.subplots(down, across, squeeze=False, sharey=True).flatten()
        handles: list[Any] = []
        for axes, name in zip(panels, names, strict=False):
            part = whole[whole["axis"] == name]
            handles = _draw_response(axes, part, found) or handles
            _frame_response(axes, part, size[0] / across)
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        for axes in panels[::across]:
            style.plain(axes.set_ylabel(""), style_of(metric).word)
        highest = float(np.nanmax(whole["value"].to_numpy(dtype=np.float64), initial=0.0))
        panels[0].set_ylim(0.0, 1.05 * highest if highest > 1.0 else 1.02)
        style.add_legend(figure, handles, labels, wide=False, columns=columns)
        head(figure, title, f"{style_of(metric).word} over steps of difficulty{_about_scenes(whole)}")
    return figure


def _draw_response(axes: Axes, part: pd.DataFrame, found: Sequence[tidy.Entry]) -> list[Any]:
    """One line per tracker; beside each other, so that equal ones can be told."""
    levels = np.sort(part["level"].unique().astype(float))
    places = {level: place for place, level in enumerate(levels)}
    handles = []
    for index, entry in enumerate(found):
        rows = entry.rows[(entry.rows["axis"] == part["axis"].iloc[0]) & np.isfinite(entry.rows["value"].astype(float))]
        means = [(places[float(level)], _mean(of)) for level, of in rows.groupby("level")]
        x = np.array([place for place, _ in means]) + (index - (len(found) - 1) / 2) * min(0.06, 0.4 / len(found))
        y = np.array([m for _, m in means]).reshape(-1, 3)
        look = entry.look
        handles += axes.plot(x, y[:, 0], color=look.colour, linestyle=look.line, marker=look.marker, markersize=3.5)
        axes.vlines(x, y[:, 1], y[:, 2], color=look.colour, linewidth=0.8)
    return handles


def _mean(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Mean over the rows of one step, and its interval over scenes; NaN with too few."""
    values = rows["value"].to_numpy(dtype=np.float64)
    scenes = rows["scene"] if "scene" in rows.columns else pd.Series(range(len(rows)))
    if scenes.nunique() < FEWEST_SCENES:
        return float(values.mean()), np.nan, np.nan
    interval = bootstrap(mean_over(values), scenes.to_numpy().astype(str))
    return interval.value, interval.low, interval.high


def _about_scenes(frame: pd.DataFrame) -> str:
    if "scene" not in frame.columns:
        return ""
    counts = frame.groupby(["axis", "level"])["scene"].nunique()
    if counts.max() < FEWEST_SCENES:
        return ""
    n = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    return f", means of {n} scenes, {100 * LEVEL:g} % intervals"


def _frame_response(axes: Axes, part: pd.DataFrame, width: float) -> None:
    steps = part.drop_duplicates("level").sort_values("level")
    axes.set_xticks(range(len(steps)), [*steps["step"].map(str)])
    for text, words in zip(axes.get_xticklabels(), steps["step"], strict=True):
        style.plain(text, str(words))
    axes.set_xlim(-0.4, len(steps) - 0.6)
    about = str(steps["about"].iloc[0]) if "about" in steps.columns else ""
    letters = int(19 * (width - 0.45))
    label = "\n".join(textwrap.wrap(about, letters, max_lines=4, placeholder=" …"))
    style.plain(axes.set_xlabel("", fontsize=6.5), label)
    style.plain(axes.set_title(" ", loc="left", fontsize=7.5), style.short_name(str(steps["axis"].iloc[0])))


def heat_map(frame: pd.DataFrame, title: str = "") -> Figure:
    """Draw the scores of a grid of two settings as shades with their numbers.

    The base has a thick frame and the best cell a star. Bold numbers differ from the base beyond noise; those with a
    dagger are of fewer sequences, so that they do not compare.

    Args:
        frame: One row per cell: x_name and x, y_name and y (setting and value; the order of first appearance is that of
            the axes), metric, value (NaN where there is none); where known, base, established and partial (booleans)
            and higher_is_better.
        title: What was swept.

    Raises:
        ResultsError: A column is missing, there is no value, a cell stands twice, or there are several metrics.
    """
    tidy.require(frame, HEAT_NEEDED, "a heat map")
    if len(frame[["metric", "x_name", "y_name"]].drop_duplicates()) > 1:
        raise ResultsError("a heat map is of one metric and two settings")
    xs, ys = ([*dict.fromkeys(frame[name].map(str))] for name in ("x", "y"))
    keyed = frame.assign(row=[ys.index(str(y)) for y in frame["y"]], column=[xs.index(str(x)) for x in frame["x"]])
    if len(twice := keyed[keyed.duplicated(["row", "column"])]):
        raise ResultsError(f"the cell {twice['x'].iloc[0]}, {twice['y'].iloc[0]} stands twice")
    picture = np.full((len(ys), len(xs)), np.nan)
    picture[keyed["row"], keyed["column"]] = keyed["value"].to_numpy(dtype=np.float64)
    if not np.isfinite(picture).any():
        raise ResultsError("no cell of the grid has a value")
    first = frame.iloc[0]
    with style.figure_style():
        columns, rows = (unique_labels(values, LONGEST_VALUE) for values in (xs, ys))
        figure, side = _heat_sheet(columns, rows)
        axes = figure.add_subplot()
        range_ = _range(picture)
        values = np.ma.masked_invalid(picture)
        axes.pcolormesh(values, cmap=style.SHADES, norm=range_, edgecolors="white", linewidth=0.8)
        axes.set_facecolor(style.UNKNOWN)
        _write_cells(axes, keyed, range_, side)
        _name_axis(axes, "x", columns, str(first["x_name"]))
        _name_axis(axes, "y", rows, str(first["y_name"]))
        bar = figure.colorbar(ScalarMappable(range_, style.SHADES), ax=axes, aspect=16, pad=0.03)
        style.plain(bar.ax.set_ylabel(""), style_of(str(first["metric"])).word)
        head(figure, title, _about_heat(keyed))
    return figure


def _heat_sheet(xs: Sequence[str], ys: Sequence[str]) -> tuple[Figure, float]:
    """A figure of one column, or two where the cells would be too narrow; and the room in inches for a number."""
    beside = 0.9 + 0.06 * max(map(len, ys))  # names and colour bar
    width = style.ONE_COLUMN if (style.ONE_COLUMN - beside) / len(xs) >= CELL else style.TWO_COLUMNS
    column = (width - beside) / len(xs)
    row = float(np.clip(5.0 / len(ys), 0.16, 0.34))
    below = 0.065 * max(map(len, xs)) if _upright(xs) else 0.1
    return style.new_figure(width, 1.25 + below + max(row * len(ys), 0.6)), min(column, row * 1.3)


def _upright(values: Sequence[str]) -> bool:
    """Whether the names under the columns are turned: beside each other they would touch."""
    return max(map(len, values)) * len(values) > (30 if len(values) <= 6 else 75)


def _range(picture: FloatArray) -> Normalize:
    low, high = float(np.nanmin(picture)), float(np.nanmax(picture))
    return Normalize(low, high if high > low else low + 1e-3)


def _write_cells(axes: Axes, keyed: pd.DataFrame, range_: Normalize, side: float) -> None:
    """Numbers in the cells, where they fit; the base's frame, the star of the best."""
    metric, best = style_of(str(keyed["metric"].iloc[0])), _best(keyed)
    for row in keyed.to_dict("records"):
        x, y, value = row["column"] + 0.5, row["row"] + 0.5, tidy.number(row["value"])
        ink = "black" if value is None or _is_light(float(range_(value))) else "white"
        star = (
            "†"
            if row.get("partial") is True
            else "★"
            if row["row"] == best["row"] and row["column"] == best["column"]
            else ""
        )
        words = f"{metric.format(value)}{star}" if side >= CELL else star
        text = axes.text(x, y, " ", ha="center", va="center", color=ink, fontsize=6)
        style.plain(text, words)
        text.set_fontweight("bold" if row.get("established") is True and value is not None else "normal")
        if row.get("base") is True:
            axes.add_patch(
                Rectangle(
                    (x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=style.WORSE, linewidth=1.6, clip_on=False, zorder=4
                )
            )


def _is_light(share: float) -> bool:
    """Whether black is read better than white on the shade at this share of the colour map."""
    red, green, blue, _ = matplotlib.colormaps[style.SHADES](share)
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45)


def _best(keyed: pd.DataFrame) -> pd.Series[Any]:
    up = bool(keyed["higher_is_better"].iloc[0]) if "higher_is_better" in keyed.columns else True
    values = keyed["value"].to_numpy(dtype=np.float64)
    whole = ~keyed["partial"].to_numpy(dtype=bool) if "partial" in keyed.columns else np.ones(len(values), dtype=bool)
    compared = np.where(whole, values, np.nan) if np.isfinite(values[whole]).any() else values
    return keyed.iloc[int(np.nanargmax(compared if up else -compared))]


def _about_heat(keyed: pd.DataFrame) -> str:
    words = [f"{style_of(str(keyed['metric'].iloc[0])).title} over two settings; ★ best"]
    if "base" in keyed.columns and keyed["base"].any():
        words.append("framed: base")
    if "established" in keyed.columns:
        words.append(
            "bold: differs from it beyond noise" if keyed["established"].any() else "none differs from it beyond noise"
        )
    if "partial" in keyed.columns and keyed["partial"].any():
        words.append("†: of fewer sequences")
    return ", ".join(words)


def _name_axis(axes: Axes, which: Literal["x", "y"], values: Sequence[str], name: str) -> None:
    places = np.arange(len(values)) + 0.5
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(places, [*values])
    for text, value in zip(axis.get_ticklabels(), values, strict=True):
        style.plain(text, value)
        text.set_fontsize(float(np.clip(7 - 0.12 * (len(values) - 12), 4.5, 7)))
        if which == "x" and _upright(values):
            text.set_rotation(90)
    axes.tick_params(axis=which, length=0)
    axes.grid(visible=False)
    if which == "x":
        style.plain(axes.set_xlabel(""), style.short_name(name))
    else:  # a long name beside a low map would reach out of the figure
        style.plain(axes.set_title(" ", loc="left", fontsize=8), f"↑ {style.short_name(name)}")
