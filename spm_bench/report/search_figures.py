"""Figures of a search: trials in their order, over each setting, and what tuning is worth on unseen sequences."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from spm_bench.report import style
from spm_bench.report.figures import head
from spm_bench.report.vocabulary import finite, style_of
from spm_bench.scoring.base import Evaluation

_DONE, _BASE, _BEST, _PRUNED = style.COLOURS[0], style.COLOURS[4], style.COLOURS[1], "#9a9a9a"
_COLUMNS = 3
"""Panels beside each other in the figure of the slices."""


@dataclass(frozen=True)
class SearchTrial:
    """A finished trial, as it is reported.

    Attributes:
        number: 0 is the base.
        state: "complete", "pruned", "failed" or "impossible".
        settings: Field -> value.
        value: The score on the tuned part; None where it is not complete.
        running: Number of sequences -> the score on these first ones.
        run: Its run folder.
        note: Why it failed.
    """

    number: int
    state: str
    settings: Mapping[str, Any]
    value: float | None
    running: Mapping[int, float] = field(default_factory=dict)
    run: str = ""
    note: str = ""


def history_figure(
    trials: Sequence[SearchTrial], *, metric: str, higher_is_better: bool, best: int, title: str = ""
) -> Figure:
    """Scores over the number of the trial, the best so far, and the base.

    Pruned trials stand at what they had when they were stopped, on fewer sequences: not comparable with the others.
    """
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 2.7)
        axes = figure.add_subplot()
        complete = _complete(trials)
        pruned = [(t.number, list(t.running.values())[-1]) for t in trials if t.state == "pruned" and t.running]
        entries = _points(axes, complete, pruned, best)
        if complete:
            numbers = [t.number for t in complete]
            values = np.array([t.value for t in complete], dtype=np.float64)
            reached = np.maximum.accumulate(values) if higher_is_better else np.minimum.accumulate(values)
            last = max(t.number for t in trials)
            (line,) = axes.step([*numbers, last], [*reached, reached[-1]], where="post", color=_BEST, linewidth=1.0)
            entries.append((line, "best so far"))
        base = next((t.value for t in complete if t.number == 0), None)
        if base is not None:
            line = axes.axhline(base, color=_BASE, linewidth=0.8, linestyle=style.LINES[2])
            entries.append((line, "base (trial 0)"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        style.plain(axes.set_xlabel(""), "Trial")
        style.plain(axes.set_ylabel(""), f"{style_of(metric).word} on the tuned part")
        head(figure, title, f"Trials of the search ({len(complete)} complete, {len(pruned)} pruned)")
        style.add_legend(figure, [e for e, _ in entries], [name for _, name in entries], wide=True)
        return figure


@dataclass(frozen=True)
class _Complete:
    number: int
    value: float
    settings: Mapping[str, Any]


def _complete(trials: Sequence[SearchTrial]) -> list[_Complete]:
    return [_Complete(t.number, t.value, t.settings) for t in trials if t.value is not None]


def _points(
    axes: Axes, complete: Sequence[_Complete], pruned: Sequence[tuple[float, float]], best: int
) -> list[tuple[Any, str]]:
    """Draw the trials as points; returns what the legend shows."""
    entries: list[tuple[Any, str]] = []
    if pruned:
        x, y = zip(*pruned, strict=True)
        (marks,) = axes.plot(x, y, "o", markersize=3, markerfacecolor="none", color=_PRUNED, markeredgewidth=0.7)
        entries.append((marks, "pruned, on its first sequences"))
    (marks,) = axes.plot([t.number for t in complete], [t.value for t in complete], "o", markersize=3.5, color=_DONE)
    entries.insert(0, (marks, "complete"))
    chosen = [t for t in complete if t.number == best]
    if chosen:
        (star,) = axes.plot(chosen[0].number, chosen[0].value, "*", markersize=10, color=_BEST, markeredgecolor="white")
        entries.append((star, f"best (trial {best})"))
    return entries


def slices_figure(
    trials: Sequence[SearchTrial],
    *,
    metric: str,
    best: int,
    base: Mapping[str, Any],
    log: Collection[str] = (),
    importance: Mapping[str, float] | None = None,
    title: str = "",
) -> Figure:
    """Scores of the complete trials over each setting, one panel a setting; the base's value is a line."""
    complete = _complete(trials)
    names = list(base)
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 0.75 + 1.75 * rows)
        panels = figure.subplots(rows, columns, squeeze=False, sharey=True).flatten()
        for axes, name in zip(panels, names, strict=False):
            place = _places(name, complete, base, axes, name in log)
            order = np.array([t.number for t in complete], dtype=np.float64)
            x = [place(t.settings[name]) for t in complete]
            axes.axvline(place(base[name]), color=_BASE, linewidth=0.8, linestyle=style.LINES[2])
            axes.scatter(x, [t.value for t in complete], c=order, cmap="Blues", vmin=-0.6 * max(order.max(), 1), s=14)
            for t in complete:
                if t.number == best:
                    axes.plot(
                        place(t.settings[name]), t.value, "*", markersize=10, color=_BEST, markeredgecolor="white"
                    )
            share = (importance or {}).get(name)
            label = name if share is None else f"{name} (importance {share:.2f})"
            style.plain(axes.set_xlabel(""), label)
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        for axes in panels[::columns]:
            style.plain(axes.set_ylabel(""), f"{style_of(metric).word}, tuned part")
        head(figure, title, "Complete trials over each setting; later ones darker, star: best, dotted: base")
        return figure


def _places(
    name: str, trials: Sequence[_Complete], base: Mapping[str, Any], axes: Axes, log: bool
) -> Callable[[Any], float]:
    """Where a value stands: numbers at themselves, anything else at places of its own, side by side."""
    values = [base[name], *(t.settings[name] for t in trials)]
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        if log:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        elif all(isinstance(v, int) for v in values):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        return float
    words = sorted({json.dumps(v) for v in values})
    axes.set_xticks(range(len(words)), words)
    for text, word in zip(axes.get_xticklabels(), words, strict=True):
        style.plain(text, style.short_name(word))
    axes.set_xlim(-0.5, len(words) - 0.5)
    return lambda value: float(words.index(json.dumps(value)))


def transfer_figure(
    tuned: tuple[Evaluation, Evaluation], held_out: tuple[Evaluation, Evaluation], *, metric: str, title: str = ""
) -> Figure:
    """Base and best on both parts, and the difference of every sequence.

    Args:
        tuned: Base and best on the tuned part.
        held_out: Likewise on the held-out part.
        metric: Of the scores. The differences are of its values per sequence; without any, their panel is left out.
        title: What was searched.
    """
    parts = [("tuned", tuned, _PRUNED), ("held out", held_out, _DONE)]
    found = [(name, _differences(*pair, metric), colour) for name, pair, colour in parts]
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 2.9)
        with_differences = all(len(values) for _, values, _ in found)
        panels = figure.subplots(1, 2 if with_differences else 1, squeeze=False)[0]
        _draw_scores(panels[0], parts, metric)
        if with_differences:
            _draw_differences(panels[1], found, metric)
        head(figure, title, "What tuning is worth: on the sequences tuned on, and on those no trial has seen")
        return figure


def _draw_scores(axes: Axes, parts: Sequence[tuple[str, tuple[Evaluation, Evaluation], str]], metric: str) -> None:
    for place, (_, pair, colour) in enumerate(parts):
        scores = [e.score(metric) for e in pair]
        x = [place - 0.14, place + 0.14]
        values = [math.nan if (value := finite(score)) is None else value for score in scores]
        for left, score, value, marker in zip(x, scores, values, "os", strict=True):
            if place == 1 and score.low is not None and score.high is not None:
                axes.plot([left, left], [score.low, score.high], color=colour, linewidth=1.0)
            axes.plot(
                left, value, marker, color=colour, markersize=5, markerfacecolor="white" if marker == "o" else colour
            )
        axes.plot(x, values, color=colour, linewidth=0.8, linestyle=style.LINES[1], zorder=1)
    axes.set_xticks(range(len(parts)), [f"{n}\n({p[0].score(metric).n_sequences} sequences)" for n, p, _ in parts])
    axes.set_xlim(-0.5, len(parts) - 0.5)
    style.plain(axes.set_ylabel(""), style_of(metric).word)
    shapes = [
        Line2D([], [], marker=m, linestyle="", color="#444444", markerfacecolor=f)
        for m, f in (("o", "white"), ("s", "#444444"))
    ]
    axes.legend(shapes, ["base", "best trial"], loc="best")


def _draw_differences(axes: Axes, found: Sequence[tuple[str, Sequence[tuple[str, float]], str]], metric: str) -> None:
    labels, place = [], 0
    for _, values, colour in reversed(found):
        for sequence, value in sorted(values, key=lambda item: item[1]):
            axes.barh(place, value, color=colour, height=0.75)
            labels.append(sequence)
            place += 1
        place += 1
        labels.append("")
    crowded = len(labels) > 42
    axes.set_yticks([] if crowded else range(len(labels)), [] if crowded else labels)
    for text, label in zip(axes.get_yticklabels(), labels, strict=False):
        style.plain(text, style.short_name(label))
        text.set_fontsize(min(7.0, 150 / len(labels)))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.axvline(0.0, color=_BASE, linewidth=0.8)
    style.plain(axes.set_xlabel(""), f"{style_of(metric).word}: best trial minus base, per sequence")


def _differences(base: Evaluation, best: Evaluation, metric: str) -> list[tuple[str, float]]:
    """Sequence -> difference, of the sequences that both have a value of."""
    first, second = (_values(evaluation, metric) for evaluation in (base, best))
    return [(name, second[name] - value) for name, value in first.items() if name in second]


def _values(evaluation: Evaluation, metric: str) -> dict[str, float]:
    frame = evaluation.per_sequence
    chosen = frame[frame["metric"] == metric]
    values = zip(chosen["sequence"], chosen["value"], strict=True)
    return {str(name): float(value) for name, value in values if math.isfinite(value)}
