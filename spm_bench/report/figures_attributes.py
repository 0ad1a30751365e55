"""Figures of scores per attribute (occlusion, fast motion, ...): bars, and a radar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.projections.polar import PolarAxes

from spm_bench.errors import ResultsError
from spm_bench.report import style, tidy
from spm_bench.report.figures import head
from spm_bench.report.forest import unique_labels
from spm_bench.report.frames import attribute_frame
from spm_bench.report.vocabulary import style_of
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.one_pass import ON_FRAMES

NEEDED = ("tracker", "attribute", "n_sequences", "metric", "value", "score")

MOST_BARS = 8
"""Trackers in one bar figure; with more, the bars get thinner than their outlines."""
MOST_WEBS = 5
"""Trackers in one radar; more lines around one centre cannot be followed."""
MOST_SLANTED = 14
"""Attributes beyond which their names stand upright below the bars."""
FEWEST_SPOKES = 3
"""Attributes below which a radar has no area."""
MOST_SPOKES = 16
"""Attributes beyond which the names around a radar lie on each other."""
CROWDED, SHORT = 8, 10
"""With more spokes than the first, names are cut to so many letters."""


def attribute_figure(evaluations: Sequence[Evaluation], metric: str, title: str = "") -> Figure:
    """Draw a group of bars per attribute (see `attribute_bars`).

    Raises:
        ResultsError: No evaluation has this metric per attribute.
    """
    return attribute_bars(_frame(evaluations, metric), title)


def radar_figure(evaluations: Sequence[Evaluation], metric: str, title: str = "") -> Figure:
    """Draw one closed line per tracker around a centre (see `attribute_radar`).

    Raises:
        ResultsError: No evaluation has this metric per attribute, or there are too few attributes.
    """
    return attribute_radar(_frame(evaluations, metric), title)


def _frame(evaluations: Sequence[Evaluation], metric: str) -> pd.DataFrame:
    frame = attribute_frame(evaluations, metric)
    if frame.empty:
        raise ResultsError(f"none of the {len(evaluations)} results has {metric} per attribute")
    return frame


def attribute_bars(frame: pd.DataFrame, title: str = "") -> Figure:
    """Draw a group of bars per attribute, one bar per tracker, the legend ordered by the whole suite's score.

    Only the best `MOST_BARS` trackers are drawn, and the title says so. Where an attribute is known for whole sequences
    and for single frames, the figure shows the former; the table has both.

    Args:
        frame: See `frames.attribute_frame`; columns `NEEDED`.
        title: What was scored.

    Raises:
        ResultsError: A column is missing, or there is no row.
    """
    tidy.require(frame, NEEDED, "a figure of attributes")
    found, metric = tidy.entries(frame), str(frame["metric"].iloc[0])
    shown = found[:MOST_BARS]
    counts = _counts(shown)
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 2.6 + (0.06 if _upright(counts) else 0.02) * max(map(len, counts)))
        axes, width = figure.add_subplot(), 0.84 / len(shown)
        for i, entry in enumerate(shown):
            x = np.arange(len(counts)) + (i - (len(shown) - 1) / 2) * width
            axes.bar(x, _values(entry, [*counts]), width * 0.92, color=entry.look.colour)
        _frame_bars(axes, counts, style_of(metric).word)
        patches = [Patch(color=entry.look.colour) for entry in shown]
        style.add_legend(figure, patches, tidy.labels(shown, metric), wide=True)
        head(figure, title, _what(found, shown, metric))
    return figure


def attribute_radar(frame: pd.DataFrame, title: str = "") -> Figure:
    """Draw one closed line per tracker around a centre, a spoke per attribute; the centre is zero.

    Only the best `MOST_WEBS` trackers and the first `MOST_SPOKES` attributes are drawn. A line has a gap where a
    tracker has no value.

    Args:
        frame: See `frames.attribute_frame`; columns `NEEDED`.
        title: What was scored.

    Raises:
        ResultsError: A column is missing, there is no row, or there are fewer than `FEWEST_SPOKES` attributes.
    """
    tidy.require(frame, NEEDED, "a radar of attributes")
    found, metric = tidy.entries(frame), str(frame["metric"].iloc[0])
    shown = found[:MOST_WEBS]
    every = _counts(shown)
    counts = dict(list(every.items())[:MOST_SPOKES])
    if len(counts) < FEWEST_SPOKES:
        raise ResultsError(f"a radar needs at least {FEWEST_SPOKES} attributes, there are {len(counts)}")
    labels = tidy.labels(shown, metric)
    angles = np.linspace(0.0, 2 * np.pi, len(counts), endpoint=False)
    with style.figure_style():
        figure = style.new_figure(style.ONE_COLUMN, 3.1 + 0.14 * style.legend_rows(labels, wide=False))
        axes = cast(PolarAxes, figure.add_subplot(projection="polar"))
        axes.set_theta_zero_location("N")
        axes.set_theta_direction(-1)
        handles, top = [], 0.0
        for entry in reversed(shown):
            values = _values(entry, [*counts])
            top = max(top, float(np.nanmax(values, initial=0.0)))
            ring = np.append(angles, angles[0]), np.append(values, values[0])
            handles += axes.plot(
                *ring, color=entry.look.colour, linestyle=entry.look.line, marker=entry.look.marker, markersize=2.5
            )
            if not np.isnan(values).any():
                axes.fill(*ring, color=entry.look.colour, alpha=0.07, linewidth=0)
        _frame_radar(axes, angles, counts, top)
        style.add_legend(figure, handles[::-1], labels, wide=False)
        some = f", {len(counts)} of {len(every)} attributes" if len(every) > len(counts) else ""
        head(figure, title, f"{_what(found, shown, metric)}{some}")
    return figure


def _counts(shown: Sequence[tidy.Entry]) -> dict[str, int]:
    return attribute_counts(pd.concat([entry.rows for entry in shown]))


def attribute_counts(frame: pd.DataFrame) -> dict[str, int]:
    """Attribute -> number of sequences, in the order of the frame; those of frames only where no other is known."""
    counts: dict[str, int] = {}
    for name, n in zip(frame["attribute"], frame["n_sequences"], strict=True):
        counts[str(name)] = max(int(n), counts.get(str(name), 0))
    return {name: n for name, n in counts.items() if _whole(name) == name or _whole(name) not in counts}


def _values(entry: tidy.Entry, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = dict(zip(entry.rows["attribute"].map(str), entry.rows["value"], strict=True))
    return np.array([values.get(name, np.nan) for name in names], dtype=np.float64)


def _what(found: Sequence[tidy.Entry], shown: Sequence[tidy.Entry], metric: str) -> str:
    of_all = f", best {len(shown)} of {len(found)}" if len(found) > len(shown) else ""
    word = style_of(metric).word
    known = f" [{word} of all]" if any(entry.score is not None for entry in shown) else ""
    return f"{word} per attribute{of_all}{known}"


def _whole(attribute: str) -> str:
    """Name of the attribute of whole sequences that belongs to one of single frames."""
    return attribute.removesuffix(ON_FRAMES)


def _frame_bars(axes: Axes, counts: dict[str, int], y_label: str) -> None:
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.5, len(counts) - 0.5)
    axes.set_ylim(bottom=0.0)
    slanted = max(map(len, counts)) > 8 or _upright(counts)
    angle = 90 if _upright(counts) else 25
    turn: dict[str, Any] = {"rotation": angle, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    names = [f"{style.short_name(name)} ({n})" if slanted else f"{name}\n{n}" for name, n in counts.items()]
    axes.set_xticks(np.arange(len(counts)), names, **turn)
    for text, name in zip(axes.get_xticklabels(), names, strict=True):
        style.plain(text, name)
        text.set_fontsize(float(np.clip(7 - 0.15 * (len(counts) - 16), 4.5, 7)))
        if angle == 90 and slanted:
            text.set_verticalalignment("center")
    style.plain(axes.set_ylabel(""), y_label)


def _upright(counts: dict[str, int]) -> bool:
    """Whether there are so many bars' names that slanted ones would lie on each other."""
    return len(counts) > MOST_SLANTED


_ON_WHITE = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "boxstyle": "square,pad=0.1"}


def _frame_radar(axes: PolarAxes, angles: np.ndarray[Any, Any], counts: dict[str, int], top: float) -> None:
    """Name the spokes outside the circle, each text leaning away from it."""
    step = 10.0 ** np.floor(np.log10(top)) if top > 0 else 1.0
    ring = next(size for size in (0.2 * step, 0.5 * step, step, 2 * step) if top <= 5 * size) if top > 0 else 0.2
    rings = np.arange(1, np.ceil(top / ring - 1e-9) + 1) * ring if top > 0 else np.array([1.0])
    axes.set_ylim(0.0, float(rings[-1]))
    axes.set_yticks(rings, [""] * len(rings))
    for value in rings:  # between two spokes, over the lines and on white, or they would strike the numbers through
        number = axes.text(angles[1] / 2, value, f"{value:.3g}", ha="center", va="center", zorder=5)
        number.set(fontsize=5.5, color="#555555", bbox=dict(_ON_WHITE))
    few = len(counts) <= CROWDED
    # a long name has its number below it, so that it takes less from the circle
    names = [
        f"{name}{chr(10) if few and len(name) >= CROWDED else ' '}({n})"
        for name, n in zip(unique_labels([*counts], 20 if few else SHORT), counts.values(), strict=True)
    ]
    axes.set_xticks(angles, names)
    axes.tick_params(axis="x", pad=-1)
    for text, name, angle in zip(axes.get_xticklabels(), names, angles, strict=True):
        style.plain(text, name)
        side = np.sin(angle)
        text.set_horizontalalignment("center" if abs(side) < 0.2 else "left" if side > 0 else "right")
        text.set_fontsize(float(np.clip(7 - 0.1 * (len(counts) - 11), 5, 7)))
