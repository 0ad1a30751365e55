"""Figures of single sequences: the waterfall of two trackers' differences, and overlaps over time as strips."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.metrics.statistics import TIE, win_tie_loss
from spm_bench.report import style, tidy
from spm_bench.report.differences import signed
from spm_bench.report.figures import head
from spm_bench.report.vocabulary import style_of

FloatArray = NDArray[np.float64]

NARROW = 26
"""Sequences that fit one column; more need two."""
FEWEST_PLACES = 5
"""A single bar is no wall: so many would fit."""
MOST_NAMED = 110
"""Bars up to which every one has its name below it; beyond, the largest gains and losses are listed."""
NAMED_ENDS = 8
"""Gains and losses in the lists."""

STRIP, GAP = 0.13, 0.34
"""Heights in inches of one tracker's strip, and of what stands between two sequences."""
MOST_STRIPS = 60
"""Strips in one figure: a page."""
MOST_COLUMNS = 900
"""A strip is about so many dots wide: frames beyond are averaged, so that none is dropped."""
FAILURE = style.WORSE


def waterfall(frame: pd.DataFrame, title: str = "") -> Figure:
    """Draw the difference of two trackers on every sequence as bars, largest gain first; the line is their mean.

    Args:
        frame: See `frames.delta_frame`; columns sequence, tracker, base, metric, delta, higher_is_better. Differences
            that are NaN are left out.
        title: What was scored.

    Raises:
        ResultsError: A column is missing, there is no difference, or there are several pairs or metrics.
    """
    needed = ("sequence", "tracker", "base", "metric", "delta", "higher_is_better")
    tidy.require(frame, needed, "a figure of differences")
    if len(frame[["tracker", "base", "metric"]].drop_duplicates()) > 1:
        raise ResultsError("a figure of differences is of one pair of trackers and one metric")
    first, known = frame.iloc[0], frame[np.isfinite(frame["delta"].astype(float))]
    if known.empty:
        raise ResultsError(f"{first['tracker']} and {first['base']} have no sequence in common with a value")
    up = bool(first["higher_is_better"])
    order = known.sort_values(["delta", "sequence"], ascending=[not up, True], kind="stable")
    deltas, metric = order["delta"].to_numpy(dtype=np.float64), str(first["metric"])
    with style.figure_style():
        wide = len(deltas) > NARROW
        names = [style.short_name(str(name)) for name in order["sequence"]]
        below = 0.75 * max(map(len, names)) * _letters(len(names), wide) / 72 if len(names) <= MOST_NAMED else 0.6
        figure = style.new_figure(style.TWO_COLUMNS if wide else style.ONE_COLUMN, 2.4 + below)
        axes = figure.add_subplot()
        colours = [style.NOISE if abs(d) <= TIE else style.BETTER if (d > 0) == up else style.WORSE for d in deltas]
        axes.bar(np.arange(len(deltas)), deltas, 0.8, color=colours)
        axes.axhline(0.0, color="#333333", linewidth=0.7)
        mean = float(deltas.mean())
        axes.axhline(mean, color="#333333", linewidth=0.8, linestyle=style.LINES[2])
        axes.set_xlim(-0.7, max(len(deltas), FEWEST_PLACES) - 0.3)
        if len(names) <= MOST_NAMED:
            _name_bars(axes, names, _letters(len(names), wide))
        else:
            _name_ends(axes, names, [signed(metric, delta) for delta in deltas], up)
        axes.tick_params(axis="x", length=0, pad=1)
        axes.grid(visible=False, axis="x")
        axes.spines["bottom"].set_visible(False)
        style.plain(axes.set_ylabel(""), f"{style_of(metric).word} {'↑' if up else '↓'}, difference")
        record = "{} better, {} equal, {} worse".format(*win_tie_loss(deltas, higher_is_better=up))
        own, theirs = (style.short_name(str(first[name])) for name in ("tracker", "base"))
        record = f"{record}, mean {signed(metric, mean)} (dotted)"
        head(figure, title, *([f"{own} minus {theirs}: {record}"] if wide else [f"{own} minus {theirs}", record]))
    return figure


def _letters(n: int, wide: bool) -> float:
    """Size in points of the names of n bars: as large as they fit beside each other."""
    inch = (0.9 * style.TWO_COLUMNS if wide else 0.82 * style.ONE_COLUMN) / max(n, FEWEST_PLACES)
    return float(np.clip(0.92 * 72 * inch, 4.0, 6.5))


def _name_bars(axes: Axes, names: Sequence[str], size: float) -> None:
    """Write names under the bars, upright."""
    axes.set_xticks(range(len(names)), [*names], rotation=90)
    for text, name in zip(axes.get_xticklabels(), names, strict=True):
        style.plain(text, name)
        text.set_fontsize(size)


def _name_ends(axes: Axes, names: Sequence[str], values: Sequence[str], up: bool) -> None:
    """List the largest gains and losses in the two corners that sorted bars leave empty."""
    axes.set_xticks([])
    reach = max(map(abs, axes.get_ylim()))
    axes.set_ylim(-reach, reach)  # half of the axes for either list
    lines = [f"{name}  {value}" for name, value in zip(names, values, strict=True)]
    gains, losses = "\n".join(lines[:NAMED_ENDS]), "\n".join(lines[: -NAMED_ENDS - 1 : -1])
    high, low = ("top", 0.98), ("bottom", 0.02)
    for x, side, (edge, y), words in (
        (0.99, "right", high if up else low, f"Largest gains\n{gains}"),
        (0.01, "left", low if up else high, f"Largest losses\n{losses}"),
    ):
        text = axes.text(x, y, " ", transform=axes.transAxes, ha=side, va=edge, fontsize=6, linespacing=1.25)
        style.plain(text, words)


def telling_sequences(frame: pd.DataFrame, n: int) -> list[str]:
    """Names of up to n sequences: those on which the trackers differ most; of one tracker, its worst.

    Args:
        frame: See `frames.sequence_frame`; rows of one metric.
        n: How many.
    """
    if frame.empty:
        return []
    values = frame.groupby("sequence", sort=False)["value"]
    if frame["tracker"].nunique() > 1:
        order = (values.max() - values.min()).sort_values(ascending=False, kind="stable")
    else:
        order = values.mean().sort_values(ascending=bool(frame["higher_is_better"].iloc[0]), kind="stable")
    return [str(name) for name in order.dropna().index[:n]]


def overlap_strips(frame: pd.DataFrame, title: str = "") -> Figure:
    """Draw overlaps over time: a block per sequence, a strip per tracker, a column per frame, failures as ticks.

    Args:
        frame: See `frames.timeline_frame`; columns tracker, sequence, frame (from 0), overlap (NaN where unknown) and
            event ("failure" or another word).
        title: What was tracked.

    Raises:
        ResultsError: A column is missing, there is no row, a frame stands twice, or there are more than `MOST_STRIPS`
            strips.
    """
    tidy.require(frame, ("tracker", "sequence", "frame", "overlap", "event"), "a figure of strips")
    key = [*(["look"] if "look" in frame.columns else []), "tracker", "sequence", "frame"]
    if len(twice := frame[frame.duplicated(key)]):
        row = twice.iloc[0]
        raise ResultsError(f"frame {row['frame']} of {row['sequence']} stands twice for {row['tracker']}")
    blocks = [(str(name), tidy.entries(rows)) for name, rows in frame.groupby("sequence", sort=False)]
    strips = sum(len(found) for _, found in blocks)
    if strips > MOST_STRIPS:
        raise ResultsError(
            f"{strips} strips are more than the {MOST_STRIPS} that fit a page", remedy="Choose sequences or trackers"
        )
    failed = bool((frame["event"] == "failure").any())
    unknown = bool(frame["overlap"].isna().any())
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 1.0 + GAP * len(blocks) + STRIP * strips)
        ratios = [GAP + STRIP * len(found) for _, found in blocks]
        panels = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=ratios)[:, 0]
        for axes, (name, found) in zip(panels, blocks, strict=True):
            _draw_block(axes, name, found)
        panels[-1].set_xlabel("Frame (from 0)")
        shades = ScalarMappable(Normalize(0.0, 1.0), style.SHADES)
        bar = figure.colorbar(shades, ax=[*panels], shrink=min(1.0, 1.6 / figure.get_size_inches()[1]), aspect=14)
        bar.set_label("Overlap")
        head(figure, title, "Overlap over time")
        _add_keys(figure, failed, unknown)
    return figure


def _draw_block(axes: Axes, name: str, found: Sequence[tidy.Entry]) -> None:
    """All strips of one sequence; row 0 is on top."""
    n = 1 + max(int(entry.rows["frame"].max()) for entry in found)
    picture = np.full((len(found), n), np.nan)
    for row, entry in enumerate(found):
        places = entry.rows["frame"].to_numpy(dtype=np.intp)
        picture[row, places] = entry.rows["overlap"].to_numpy(dtype=np.float64)  # frames without a row are not known
        lost = entry.rows.loc[entry.rows["event"] == "failure", "frame"].to_numpy(dtype=np.float64)
        axes.vlines(lost, row - 0.46, row + 0.46, color=FAILURE, linewidth=1.0)
    colours = matplotlib.colormaps[style.SHADES].with_extremes(bad=style.UNKNOWN)
    axes.imshow(
        np.ma.masked_invalid(_squeezed(picture)),
        cmap=colours,
        vmin=0.0,
        vmax=1.0,
        aspect="auto",
        interpolation="nearest",
        extent=(-0.5, n - 0.5, len(found) - 0.5, -0.5),
    )
    for edge in range(1, len(found)):
        axes.axhline(edge - 0.5, color="white", linewidth=1.0)
    axes.set_yticks(range(len(found)), [entry.name for entry in found])
    for text, entry in zip(axes.get_yticklabels(), found, strict=True):
        style.plain(text, entry.name)
        text.set_fontsize(6)
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    style.plain(axes.set_title(" ", loc="left", fontsize=7, pad=2), style.short_name(name))


def _squeezed(picture: FloatArray) -> FloatArray:
    """At most `MOST_COLUMNS` columns, each the mean of what is known of its frames."""
    n = picture.shape[1]
    if n <= MOST_COLUMNS:
        return picture
    starts = np.arange(MOST_COLUMNS) * n // MOST_COLUMNS
    sums, known = (np.add.reduceat(part, starts, axis=1) for part in (np.nan_to_num(picture), ~np.isnan(picture) * 1.0))
    return np.asarray(np.divide(sums, known, out=np.full(sums.shape, np.nan), where=known > 0))


def _add_keys(figure: Figure, failed: bool, unknown: bool) -> None:
    keys: list[tuple[Line2D | Patch, str]] = []
    if failed:
        keys.append((Line2D([], [], color=FAILURE, linewidth=1.4), "failure"))
    if unknown:
        keys.append((Patch(color=style.UNKNOWN), "not annotated, or not tracked"))
    if keys:
        style.add_legend(figure, [handle for handle, _ in keys], [name for _, name in keys], wide=False)
