"""The drawings of a comparison's page: places of bars, intervals and lines in SVG units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spm_bench.metrics.statistics import TIE
from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.comparison.telling import Telling
from spm_bench.report.differences import difference_text, signed
from spm_bench.report.html.plots import Scale, Tick, fitted, path
from spm_bench.report.vocabulary import style_of
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.compare import Comparison

GOOD, BAD, EVEN = "good", "bad", "even"
"""Kinds of bars and rows: the other tracker is better, worse, or what may be noise (the style has their colours)."""

LEFT, TOP = 52, 12
WALL = 250
"""Height of the bars' room."""
PITCH, LEAST_PITCH = 22.0, 9.5
"""Width of a bar's place, for few and for many sequences."""
WALL_WIDTH = 1060.0
MOST_NAMED = 110
NAMES = 104
"""Room for names under the bars."""
ROW = 24
"""Height of a row of intervals."""
ROW_NAMES, ROW_NUMBERS = 230, 190
FOREST_WIDTH = 800
LINE_WIDTH, LINE_HEIGHT = 1060, 190
LINE_FOOT = 38
MOST_POINTS = 700
"""Points of a line; of longer sequences, means of neighbours."""


@dataclass(frozen=True)
class Bar:
    """A sequence in a wall of differences; `row` is its row in the table below."""

    kind: str
    x: float
    y: float
    height: float
    title: str
    name: str
    row: int


@dataclass(frozen=True)
class Wall:
    """The differences of one metric, the largest gain first."""

    metric: str
    title: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    zero: float
    width: float
    height: float
    bar_width: float
    named: bool
    left: float = LEFT
    bottom: float = TOP + WALL


@dataclass(frozen=True)
class Row:
    """A row with an interval; `low` and `high` are None where there is none."""

    name: str
    kind: str
    y: float
    at: float
    low: float | None
    high: float | None
    numbers: str


@dataclass(frozen=True)
class Forest:
    """Differences with intervals, a row each."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    zero: float
    label: str
    height: float
    width: float = FOREST_WIDTH
    left: float = ROW_NAMES
    right: float = FOREST_WIDTH - ROW_NUMBERS
    top: float = 6.0


@dataclass(frozen=True)
class Lines:
    """Overlaps over time of the other (first) and the base."""

    paths: tuple[str, str]
    failures: tuple[tuple[float, ...], tuple[float, ...]]
    marks: tuple[float, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: float = LINE_WIDTH
    height: float = LINE_HEIGHT
    left: float = LEFT
    right: float = LINE_WIDTH - 10
    top: float = TOP
    bottom: float = LINE_HEIGHT - LINE_FOOT


def walls(pair: PairComparison, rows: dict[str, int]) -> list[Wall]:
    """One wall for each metric that orders sequences; `rows` are the places of the sequences in the table."""
    found = []
    for metric in pair.sequence_metrics:
        deltas = pair.sequences[(pair.sequences["metric"] == metric) & pair.sequences["delta"].notna()]
        if len(deltas):
            found.append(_wall(metric, deltas, rows))
    return found


def _wall(metric: str, deltas: pd.DataFrame, rows: dict[str, int]) -> Wall:
    up = bool(deltas["higher_is_better"].iloc[0])
    order = deltas.sort_values(["delta", "sequence"], ascending=[not up, True], kind="stable").to_dict("records")
    values = [float(row["delta"]) for row in order]
    reach = max(*map(abs, values), 1e-3)
    scale = Scale(min(*values, -0.05 * reach), max(*values, 0.05 * reach), TOP + WALL, TOP)
    pitch = min(PITCH, max((WALL_WIDTH - LEFT) / len(order), LEAST_PITCH))
    zero, style, bars = scale(0.0), style_of(metric), list[Bar]()
    for place, (row, value) in enumerate(zip(order, values, strict=True)):
        kind = EVEN if abs(value) <= TIE else GOOD if (value > 0) == up else BAD
        end, name = scale(value), str(row["sequence"])
        numbers = f"{style.format(float(row['value']))} against {style.format(float(row['base_value']))}"
        bars.append(
            Bar(
                kind,
                round(LEFT + (place + 0.1) * pitch, 2),
                min(end, zero) - (0.75 if kind == EVEN else 0.0),
                max(abs(end - zero), 1.5),
                f"{name}: {signed(metric, value)} ({numbers})",
                fitted(name, NAMES - 12),
                rows[name],
            )
        )
    named = len(order) <= MOST_NAMED
    height = TOP + WALL + (NAMES if named else 16)
    width = LEFT + pitch * len(order) + 6
    return Wall(metric, style.word, tuple(bars), scale.ticks(), zero, width, height, 0.8 * pitch, named)


def forest(pair: PairComparison, metric: str) -> Forest:
    """All sequences first, then the attributes."""
    whole = [("all sequences", c) for c in pair.comparisons if c.metric == metric]
    named = [*whole, *pair.attributes_of(metric).items()]
    known = [c for _, c in named if math.isfinite(c.difference)]
    ends = [v for c in known for v in (c.low, c.high, c.difference, 0.0) if math.isfinite(v)] or [0.0]
    room = 0.06 * (max(ends) - min(ends)) or 0.01
    scale = Scale(min(ends) - room, max(ends) + room, ROW_NAMES, FOREST_WIDTH - ROW_NUMBERS)
    rows = tuple(_row(name, c, place, scale) for place, (name, c) in enumerate(named) if math.isfinite(c.difference))
    up = known[0].higher_is_better if known else True
    label = f"{style_of(metric).word}, difference ({'right' if up else 'left'} is better)"
    return Forest(rows, scale.ticks(), scale(0.0), label, 6 + ROW * len(named) + 44)


def _row(name: str, c: Comparison, place: int, scale: Scale) -> Row:
    kind = EVEN if not c.established else GOOD if c.better else BAD
    interval = math.isfinite(c.low) and math.isfinite(c.high)
    return Row(
        fitted(f"{name} ({c.n_sequences})", ROW_NAMES - 14),
        kind,
        6 + ROW * (place + 0.5),
        scale(c.difference),
        scale(c.low) if interval else None,
        scale(c.high) if interval else None,
        difference_text(c.metric, c.difference, c.low, c.high),
    )


def lines(telling: Telling) -> Lines:
    """Overlaps over time on a telling sequence."""
    n = len(telling.sequence)
    x = Scale(0.0, max(n - 1, 1), LEFT, LINE_WIDTH - 10)
    y = Scale(0.0, 1.0, LINE_HEIGHT - LINE_FOOT, TOP)
    paths, failures = [], []
    for line in telling.lines:
        places, values = thinner(line.overlaps)
        paths.append(path([x(v) for v in places], [y(v) if np.isfinite(v) else np.nan for v in values]))
        failures.append(tuple(x(float(f)) for f in np.flatnonzero(line.states == FrameState.FAILURE)))
    marks = tuple(x(float(frame)) for frame in telling.frames)
    return Lines((paths[0], paths[1]), (failures[0], failures[1]), marks, x.ticks(), y.ticks())


def thinner(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[list[float], list[float]]:
    """Frames and values, at most `MOST_POINTS`: means of so many neighbours that are known.

    >>> thinner(np.array([0.5, 1.0]))
    ([0.0, 1.0], [0.5, 1.0])
    """
    step = -(-len(values) // MOST_POINTS)
    if step <= 1:
        return [float(i) for i in range(len(values))], [float(v) for v in values]
    parts = [values[i : i + step] for i in range(0, len(values), step)]
    means = [float(np.nanmean(part)) if np.isfinite(part).any() else float("nan") for part in parts]
    return [i * step + (len(part) - 1) / 2 for i, part in enumerate(parts)], means
