"""Which plots the page has, made from the material: ranking, curves, spread over sequences, attributes, speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spm_bench.report.attributes import attribute_metric, attribute_values
from spm_bench.report.html.encode import rounded
from spm_bench.report.html.material import Material, Tracker, headline_value
from spm_bench.report.html.plots import (
    BOTTOM,
    MANY,
    NAMES,
    ROW,
    TALL_ROW,
    TOP,
    WIDTH,
    Bar,
    Label,
    Line,
    Plot,
    Point,
    around,
    fitted,
    grid,
    path,
    short,
    swarm,
    text_width,
    thinned,
    x_scale,
    y_scale,
)
from spm_bench.report.labels import place_labels
from spm_bench.report.vocabulary import computes_nothing, find_score, finite, style_of
from spm_bench.scoring.base import Curve

TITLES = {
    "success": "Success",
    "overlap": "Success",
    "precision": "Precision",
    "normalised_precision": "Normalised precision",
    "eao": "Expected average overlap",
}
ABOUT = {
    "success": "Share of frames with an overlap above the threshold.",
    "overlap": "Share of frames with an overlap above the threshold.",
    "precision": "Share of frames with a centre error within the threshold.",
    "normalised_precision": "The same with errors in units of the target's sides.",
    "eao": "Mean overlap of a sequence of this length, failures counted as 0.",
}
MARK = 4.6
"""Diameter of a mark in plots with many."""


def make_plots(material: Material) -> tuple[Plot, ...]:
    """All plots that the material has data for."""
    found = [
        *_ranking(material),
        *(plot for name in _curve_names(material) for plot in _curves(material, name)),
        *_accuracy_robustness(material),
        *(plot for metric in _spread_metrics(material) for plot in _spread(material, metric)),
        *_attributes(material),
        *_speed(material),
    ]
    return tuple(found)


def curve_data(material: Material) -> dict[str, Any]:
    """Curves for hovering: name -> {x, y: one list a tracker or null}, thinned like those drawn."""
    found = {}
    for name in _curve_names(material):
        x = _common_x(material, name)
        lines = [t.evaluation.curves.get(name) for t in material.trackers]
        y = [None if c is None else rounded(np.interp(x, c.x, c.y, right=np.nan)) for c in lines]
        found[name] = {"x": rounded(x), "y": y}
    return found


def _curve_names(material: Material) -> list[str]:
    return list(dict.fromkeys(n for e in material.evaluations for n, c in e.curves.items() if len(c.x) > 1))


def _of(material: Material, name: str) -> list[tuple[Tracker, Curve]]:
    found = [(t, t.evaluation.curves[name]) for t in material.trackers if name in t.evaluation.curves]
    return [(t, c) for t, c in found if len(c.x) > 1]


def _common_x(material: Material, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The x of the longest curve, up to where it matters; thinned."""
    longest = max((c for _, c in _of(material, name)), key=lambda c: float(c.x[-1])).x
    interval = material.suite.eao_interval
    if name == "eao" and interval is not None:
        longest = longest[longest <= max(1.6 * interval[1], longest[0])]
    return longest[thinned(len(longest))]


def _curves(material: Material, name: str) -> Iterator[Plot]:
    x_values = _common_x(material, name)
    if x_values[-1] <= x_values[0]:
        return
    lines = _of(material, name)
    low = 0.0 if x_values[0] >= 0 else float(x_values[0])
    x, y = x_scale(low, float(x_values[-1])), y_scale(0.0, 1.0)
    if name == "eao":
        drawn = [np.interp(x_values, c.x, c.y, right=np.nan) for _, c in lines]
        y = y_scale(0.0, min(1.0, max(0.1, 1.05 * max(float(np.nanmax(v)) for v in drawn))))
    paths = []
    for tracker, curve in reversed(lines):  # the best is drawn last, on top
        values = np.interp(x_values, curve.x, curve.y, right=np.nan)
        places = [y(v) if np.isfinite(v) else np.nan for v in values.tolist()]
        paths.append(Line(tracker.index, path([x(v) for v in x_values.tolist()], places)))
    interval = material.suite.eao_interval
    shaded = name == "eao" and interval is not None and interval[0] < x_values[-1]
    yield Plot(
        key=name,
        title=TITLES.get(name, name),
        about=ABOUT.get(name, "") + (" Shaded: the lengths EAO averages over." if shaded else ""),
        x_label=lines[0][1].x_label,
        y_label=lines[0][1].y_label,
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        lines=tuple(paths),
        band=(x(interval[0]), x(interval[1]), "") if shaded and interval is not None else None,
        scale=(x.low, x.high),
        curve=name,
    )


def _ranking(material: Material) -> Iterator[Plot]:
    metric, style = material.headline, style_of(material.headline)
    shown = [(t, s) for t in material.trackers if (s := find_score(t.evaluation, metric)) and finite(s) is not None]
    if not shown:
        return
    ends = [v for _, s in shown for v in (s.value, s.low, s.high) if v is not None]
    intervals = any(s.low is not None for _, s in shown)
    low, high = around([0.0, *ends], 0.1, floor=0.0)
    x, height = x_scale(low, min(high, 1.0) if max(ends) <= 1 else high, left=NAMES), _rows_height(len(shown))
    bars, points = [], []
    for row, (tracker, score) in enumerate(shown):
        y, value = _row(row), finite(score) or 0.0
        words = f"{tracker.label}: {style.format(value)}"
        if score.low is not None and score.high is not None:
            bars.append(Bar(tracker.index, x(score.low), x(score.high), y))
            words += f" [{style.format(score.low)}, {style.format(score.high)}]"
        points.append(Point(tracker.index, x(value), y, words))
    yield Plot(
        key="ranking",
        title=f"{style.title} ranking",
        about=f"{style.long.capitalize()}" + (", with 95 % bootstrap intervals over sequences." if intervals else "."),
        x_label=style.title,
        x_ticks=x.ticks(),
        bars=tuple(bars),
        points=tuple(points),
        rows=tuple((_row(i), _fit(t.label), t.index) for i, (t, _) in enumerate(shown)),
        height=height,
        left=NAMES,
    )


def _spread_metrics(material: Material) -> list[str]:
    if "accuracy" in material.metrics:  # EAO has no value for a sequence
        return [m for m in ("accuracy", "failures", "robustness_st") if m in material.metrics]
    return list(material.metrics[:1])


def _spread(material: Material, metric: str) -> Iterator[Plot]:
    values, style = material.values[metric], style_of(metric)
    known = values[np.isfinite(values)]
    if not len(known) or len(material.sequences) < 2:
        return
    within = known.min() >= 0.0 and known.max() <= 1.0
    counts, high_row = style.decimals == 0, TALL_ROW if len(material.sequences) > MANY else ROW
    low = -0.5 if counts else min(float(known.min()), 0.0)
    high = 1.0 if within and not counts else float(max(known.max(), 1)) + 0.5 * counts
    x = x_scale(low, high, left=NAMES)
    points = []
    for row, tracker in enumerate(material.trackers):
        some = np.flatnonzero(np.isfinite(values[row]))
        places = [x(float(v)) for v in values[row, some]]
        room = 0.44 * high_row - MARK / 2
        moved = grid(places, room, MARK, x(1.0) - x(0.0)) if counts else [(0.0, o) for o in swarm(places, room, MARK)]
        for i, place, (along, across) in zip(some.tolist(), places, moved, strict=True):
            words = f"{material.sequences[i].name}, {tracker.label}: {style.format(float(values[row, i]))}"
            points.append(
                Point(tracker.index, round(place + along, 2), round(_row(row, high_row) + across, 2), words, i, row)
            )
    yield Plot(
        key=f"spread-{metric}",
        title=f"{style.word} per sequence",
        about="One point a sequence.",
        hint="Hovering shows the same sequence in all rows, a click opens it.",
        x_label=f"{style.word} in the sequence" if counts else style.word,
        x_ticks=x.ticks(),
        points=tuple(points),
        rows=tuple((_row(i, high_row), _fit(t.label), t.index) for i, t in enumerate(material.trackers)),
        height=_rows_height(len(material.trackers), high_row),
        left=NAMES,
    )


def _attributes(material: Material) -> Iterator[Plot]:
    metric = attribute_metric(material.evaluations, material.headline)
    if metric is None:
        return
    values = [attribute_values(t.evaluation, metric) for t in material.trackers]
    counts: dict[str, int] = {}
    for of_one in values:
        for name, (_, n) in of_one.items():
            counts[name] = max(n, counts.get(name, 0))
    numbers = [v for of_one in values for v, _ in of_one.values() if np.isfinite(v)]
    if not numbers:
        return
    style = style_of(metric)
    low, high = around(numbers, 0.2, floor=0.0)
    x = x_scale(low, min(high, 1.0) if max(numbers) <= 1 else high, left=NAMES)
    points = [
        Point(t.index, x(v), _row(row), f"{name}, {t.label}: {style.format(v)} ({n} sequences)", row=row)
        for row, name in enumerate(counts)
        for t, of_one in zip(reversed(material.trackers), reversed(values), strict=True)
        for v, n in [of_one.get(name, (np.nan, 0))]
        if np.isfinite(v)
    ]
    yield Plot(
        key="attributes",
        title=f"{style.word} by attribute",
        about="In brackets: the number of sequences with the attribute.",
        x_label=style.word,
        x_ticks=x.ticks(),
        points=tuple(points),
        rows=tuple(
            (_row(i), f"{_fit(name, text_width(f' ({n})'))} ({n})", None) for i, (name, n) in enumerate(counts.items())
        ),
        height=_rows_height(len(counts)),
        left=NAMES,
    )


def _accuracy_robustness(material: Material) -> Iterator[Plot]:
    robustness = "robustness_st" if "robustness_st" in material.metrics else "reliability"
    pairs = [(t, headline_value(t, robustness), headline_value(t, "accuracy")) for t in material.trackers]
    shown = [(t, x, y) for t, x, y in pairs if x is not None and y is not None]
    if not shown:
        return
    x = x_scale(*around([x for _, x, _ in shown], 0.2, floor=0.0, ceiling=1.0))
    y = y_scale(*around([y for _, _, y in shown], 0.2, floor=0.0, ceiling=1.0))
    yield Plot(
        key="accuracy_robustness",
        title="Accuracy and robustness",
        about="The best place is top right.",
        x_label=style_of(robustness).long.replace("reliability", "robustness").capitalize(),
        y_label="Accuracy",
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        points=tuple(
            Point(t.index, x(a), y(b), f"{t.label}: accuracy {b:.3f}, robustness {a:.3f}") for t, a, b in shown
        ),
        labels=_names([t for t, _, _ in shown], [(x(a), y(b)) for _, a, b in shown]),
    )


def _speed(material: Material) -> Iterator[Plot]:
    able = [t for t in material.trackers if not computes_nothing(t.evaluation)]
    pairs = [(t, headline_value(t, "fps"), headline_value(t, material.headline)) for t in able]
    shown = [(t, f, v) for t, f, v in pairs if f is not None and f > 0 and v is not None]
    if len(shown) < 2:
        return
    slowest, fastest = min(f for _, f, _ in shown), max(f for _, f, _ in shown)
    style = style_of(material.headline)
    ends = around([v for _, _, v in shown], 0.2, floor=0.0, ceiling=1.0)
    x, y = x_scale(slowest / 1.8, fastest * 1.8, log=True), y_scale(*ends)
    yield Plot(
        key="speed",
        title=f"{style.word} and speed",
        about="Speeds compare only if they were measured on one machine with nothing else running.",
        x_label="Frames per second",
        y_label=style.title,
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        points=tuple(Point(t.index, x(f), y(v), f"{t.label}: {style.format(v)} at {f:.1f} fps") for t, f, v in shown),
        labels=_names([t for t, _, _ in shown], [(x(f), y(v)) for _, f, v in shown]),
    )


def _names(trackers: Sequence[Tracker], places: Sequence[tuple[float, float]]) -> tuple[Label, ...]:
    """Names beside their points; with y downwards here and upwards there, places are mirrored."""
    texts = [short(t.label, 22) for t in trackers]
    height = TOP + 320 - BOTTOM
    points = np.array([(x, height - y) for x, y in places], dtype=np.float64)
    sizes = np.array([(text_width(text) + 2, 13.0) for text in texts])
    room = np.array([50.0, BOTTOM - 20.0, WIDTH - 4.0, height - 2.0])
    corners = place_labels(points, sizes, room, 8.0)
    found = zip(trackers, texts, corners.tolist(), strict=True)
    return tuple(Label(t.index, round(x, 1), round(height - y - 3, 1), text) for t, text, (x, y) in found)


def _row(index: int, high: float = ROW) -> float:
    return TOP + high * (index + 0.5)


def _rows_height(n: int, high: float = ROW) -> float:
    return TOP + high * n + BOTTOM


def _fit(text: str, less: float = 0.0) -> str:
    return fitted(text, NAMES - 10 - less)
