"""Figures of supervised (VOT) scores: accuracy against robustness, the expected-overlap curve, and the EAO ranking.

Every figure is a function of a tidy frame (see `frames`); those that end in `_figure` make the frame first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.metrics.vot_conventions import SENSITIVITY
from spm_bench.report import style, tidy
from spm_bench.report.figures import about_bands, draw_bands, frame_curve, framed, head, how_many_bands
from spm_bench.report.frames import curve_frame, score_frame
from spm_bench.report.vocabulary import find_score, finite, style_of
from spm_bench.scoring.base import Evaluation

FloatArray = NDArray[np.float64]
ROBUSTNESSES = ("robustness", "robustness_st")
"""With resets: failures per 100 frames; of multi-start runs: share of the frames before a failure."""
HEADLINE = "eao"
"""Orders the trackers of an accuracy-robustness plot, as in VOT's reports."""
NAME_LETTER = 0.06
"""Inches of a letter of a name beside the axes, 7 points high."""


def reliability(failures_per_100_frames: float) -> float:
    """Probability of still tracking after `SENSITIVITY` frames: the x axis of VOT's accuracy-robustness plots."""
    return float(np.exp(-SENSITIVITY * failures_per_100_frames / 100.0))


def accuracy_robustness_figure(
    evaluations: Sequence[Evaluation], title: str = "", *, columns: int | None = None
) -> Figure:
    """Draw one marker per tracker (see `accuracy_robustness_plot`).

    Raises:
        ResultsError: No evaluation has both accuracy and robustness.
    """
    if not any(has_point(e) for e in evaluations):
        raise ResultsError(f"none of the {len(evaluations)} results has both accuracy and robustness")
    return accuracy_robustness_plot(score_frame(evaluations), title, columns=columns)


def has_point(evaluation: Evaluation) -> bool:
    """Tell whether a tracker has a place in the accuracy-robustness figure: not if every frame was burnt in or lost."""
    known = [metric for metric in ("accuracy", *ROBUSTNESSES) if finite(find_score(evaluation, metric)) is not None]
    return known[:1] == ["accuracy"] and len(known) > 1


def accuracy_robustness_plot(frame: pd.DataFrame, title: str = "", *, columns: int | None = None) -> Figure:
    """Draw one marker per tracker: accuracy over reliability; the best place is top right.

    Reliability is the score of that name where there is one, else exp(-30 R / 100); multi-start runs have a robustness
    that is a share itself. Up to `style.MANY` trackers get whiskers: the intervals of both.

    Args:
        frame: See `frames.score_frame`; needed are tracker, metric, value.
        title: What was scored.
        columns: As in `figures.curve_plot`.

    Raises:
        ResultsError: A column is missing, or no tracker has both accuracy and robustness.
    """
    tidy.require(frame, ("tracker", "metric", "value"), "an accuracy-robustness plot")
    points = {id(entry): point for entry in tidy.entries(frame) if (point := _point(entry)) is not None}
    if not points:
        raise ResultsError("no tracker has both accuracy and robustness")
    found = [entry for entry in _by_headline(frame) if _point(entry) is not None]
    places = [point for entry in found if (point := _point(entry)) is not None]
    labels = tidy.labels(found, HEADLINE)
    with style.figure_style():
        figure, axes, wide = framed(labels, columns)
        whiskers = len(found) <= style.MANY and any(np.isfinite(place[:, 1:]).any() for place in places)
        handles = []
        for entry, place in zip(found, places, strict=True):
            if whiskers:
                _draw_whiskers(axes, place, entry.look)
            (marker,) = axes.plot(*place[:, 0], entry.look.marker, color=entry.look.colour, markersize=5)
            marker.set(markeredgecolor="white", markeredgewidth=0.4)
            handles.append(marker)
        seen = np.array(places) if whiskers else np.array(places)[:, :, :1]
        axes.set_xlim(*_around(seen[:, 0]))
        axes.set_ylim(*_around(seen[:, 1]))
        axes.set_xlabel(_about_robustness(found))
        axes.set_ylabel("Accuracy")
        what = tidy.with_metric("Accuracy and robustness", found, HEADLINE)
        style.add_legend(figure, handles, labels, wide)
        head(figure, title, f"{what}{_about_intervals(frame) if whiskers else ''}")
    return figure


def _by_headline(frame: pd.DataFrame) -> list[tidy.Entry]:
    """The trackers in the order of `HEADLINE`, whatever it is of the frame's metrics."""
    key = frame["look"] if "look" in frame.columns else frame["tracker"]
    of_headline = frame[frame["metric"] == HEADLINE]
    scores = dict(zip(key[of_headline.index], of_headline["value"], strict=True))
    plain = frame.drop(columns="higher_is_better", errors="ignore")  # of the first metric, which need not be this one
    return tidy.entries(plain.assign(score=key.map(scores).astype(float)))


def _point(entry: tidy.Entry) -> FloatArray | None:
    """[[x, low, high], [y, low, high]]: reliability and accuracy, NaN where there is no interval; or None."""
    found = {str(row["metric"]): row for row in entry.rows.to_dict("records")}
    ends = ("value", "low", "high")
    values = {
        metric: np.array([tidy.number(row.get(end)) for end in ends], dtype=np.float64) for metric, row in found.items()
    }
    lost, accuracy = values.get("robustness"), values.get("accuracy")
    share = values.get("robustness_st")
    if share is not None and accuracy is not None and not np.isnan([share[0], accuracy[0]]).any():
        return np.stack([share, accuracy])
    if lost is None or accuracy is None or np.isnan([lost[0], accuracy[0]]).any():
        return None
    scored = values.get("reliability")
    if scored is None or np.isnan(scored[0]):
        scored = np.array([reliability(float(value)) for value in lost[[0, 2, 1]]])  # falls as failures grow
    return np.stack([scored, accuracy])


def _about_robustness(found: Sequence[tidy.Entry]) -> str:
    """What the x axis shows."""
    if all("robustness_st" in set(entry.rows["metric"]) for entry in found):
        return "Robustness: share of the frames before a failure"
    return f"Robustness: share still tracking after {SENSITIVITY} frames"


def _draw_whiskers(axes: Axes, place: FloatArray, look: style.Look) -> None:
    (x, x_low, x_high), (y, y_low, y_high) = place
    for ends in (([x_low, x_high], [y, y]), ([x, x], [y_low, y_high])):
        axes.plot(*ends, color=look.colour, linewidth=0.7, alpha=0.55, zorder=1.5)


def _about_intervals(frame: pd.DataFrame) -> str:
    levels = frame["level"].dropna() if "level" in frame.columns else pd.Series(dtype=float)
    return f", {100 * levels.iloc[0]:g} % intervals" if len(levels) else ""


def _around(values: FloatArray) -> tuple[float, float]:
    """Limits that hold the values with some room, at least 0.2 apart, and hardly beyond 0 to 1."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = max(0.15 * (high - low), (0.2 - (high - low)) / 2)
    return max(low - room, -0.01), min(high + room, 1.01)


def eao_curve_figure(
    evaluations: Sequence[Evaluation],
    interval: tuple[int, int] | None,
    title: str = "",
    *,
    columns: int | None = None,
    bands: int | None = None,
) -> Figure:
    """Draw the expected overlap over sequence length (see `eao_curve_plot`).

    Raises:
        ResultsError: No evaluation has an "eao" curve.
    """
    shown = [e for e in evaluations if "eao" in e.curves]
    if not shown:
        raise ResultsError(f"none of the {len(evaluations)} results has an expected-overlap curve")
    frame = curve_frame(evaluations, "eao", metric="eao", bands=how_many_bands(shown, bands))
    return eao_curve_plot(frame, interval, title, columns=columns)


def eao_curve_plot(
    frame: pd.DataFrame, interval: tuple[int, int] | None, title: str = "", *, columns: int | None = None
) -> Figure:
    """Draw the expected overlap over sequence length, with the interval that EAO averages over shaded.

    Args:
        frame: See `frames.curve_frame`; needed are tracker, x, y, score, x_label and y_label.
        interval: First and last length that EAO averages; None where the benchmark has none.
        title: What was scored.
        columns: As in `figures.curve_plot`.

    Raises:
        ResultsError: A column is missing, or there is no row.
    """
    tidy.require(frame, ("tracker", "x", "y", "score", "x_label", "y_label"), "a plot of expected overlap")
    found, first = tidy.entries(frame), frame.iloc[0]
    labels = tidy.labels(found, "eao")
    longest = float(frame["x"].max())
    right = longest if interval is None else min(longest, 1.6 * interval[1])
    with style.figure_style():
        figure, axes, wide = framed(labels, columns)
        handles = []
        for entry in reversed(found):
            x, y = (entry.rows[name].to_numpy(dtype=np.float64) for name in ("x", "y"))
            handles += axes.plot(x, y, color=entry.look.colour, linestyle=entry.look.line, linewidth=1.1)
        banded = draw_bands(axes, found)
        frame_curve(axes, first["x_label"], first["y_label"], right)
        if interval is not None and interval[0] < right:
            axes.axvspan(*interval, color="#bbbbbb", alpha=0.3, linewidth=0, zorder=0)
            words = f"EAO interval\n{interval[0]} to {interval[1]}"
            middle = (interval[0] + min(interval[1], right)) / 2
            axes.annotate(words, (middle, 0.98), ha="center", va="top", size=6, color="#444444")
        style.add_legend(figure, handles[::-1], labels, wide)
        head(figure, title, f"{tidy.with_metric('Expected overlap', found, 'eao')}{about_bands(found, banded)}")
    return figure


def ranking_figure(evaluations: Sequence[Evaluation], metric: str = "eao", title: str = "") -> Figure:
    """Draw one row per tracker (see `ranking_plot`).

    Raises:
        ResultsError: No evaluation has this metric.
    """
    frame = score_frame(evaluations)
    frame = frame[(frame["metric"] == metric) & frame["value"].notna()]
    if frame.empty:
        raise ResultsError(f"none of the {len(evaluations)} results has {metric}")
    return ranking_plot(frame, title)


def ranking_plot(frame: pd.DataFrame, title: str = "") -> Figure:
    """Draw one row per tracker with a marker at its score and its interval, best at the top: the EAO ranking.

    Args:
        frame: See `frames.score_frame`; rows of one metric; needed are tracker, metric, value.
        title: What was scored.

    Raises:
        ResultsError: A column is missing, there is no row with a value, or there are several metrics.
    """
    tidy.require(frame, ("tracker", "metric", "value"), "a ranking")
    if len(metrics := frame["metric"].unique()) > 1:
        raise ResultsError(f"a ranking is of one metric, not of {', '.join(map(str, metrics))}")
    found = [entry for entry in tidy.entries(frame, "value") if entry.score is not None]
    if not found:
        raise ResultsError(f"no tracker has {metrics[0]}")
    metric = style_of(str(metrics[0]))
    with style.figure_style():
        figure = style.new_figure(style.ONE_COLUMN, 0.85 + 0.15 * max(len(found), 4))
        axes = figure.add_subplot()
        right = max(_draw_rank(axes, entry, place, metric.format(entry.score)) for place, entry in enumerate(found))
        axes.set_yticks(range(len(found)), [entry.name for entry in found])
        for text, entry in zip(axes.get_yticklabels(), found, strict=True):
            style.plain(text, entry.name)
        axes.grid(visible=False, axis="y")
        axes.set_ylim(len(found) - 0.4, -0.6)
        # room for the number behind the longest whisker
        axes.set_xlim(0.0, max(right * 1.22, 1e-3))
        # beside long names the axes are narrower than its words
        room = style.ONE_COLUMN - 0.3 - NAME_LETTER * max(len(entry.name) for entry in found)
        axes.set_xlabel(style.wrapped(metric.long.split(":")[0].capitalize(), max(room, 0.9)))
        level = _about_intervals(frame) if np.isfinite(_ends(found)).any() else ""
        head(figure, title, f"{metric.title} ranking{level}")
    return figure


def _draw_rank(axes: Axes, entry: tidy.Entry, place: int, words: str) -> float:
    """Draw a row; returns where it ends."""
    value, (low, high) = entry.score or 0.0, _ends([entry])[0]
    axes.plot([0.0, value], [place, place], color=entry.look.colour, linewidth=0.5, alpha=0.5)
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([low, high], [place, place], color=entry.look.colour, linewidth=1.5, solid_capstyle="butt")
    axes.plot(value, place, entry.look.marker, color=entry.look.colour, markersize=4)
    end = float(np.nanmax([value, high]))
    axes.annotate(words, (end, place), (4, 0), textcoords="offset points", va="center", size=6)
    return end


def _ends(found: Sequence[tidy.Entry]) -> FloatArray:
    """N x 2 ends of intervals, NaN where there is none."""
    rows = [entry.rows.iloc[0] for entry in found]
    return np.array([[tidy.number(row.get(end)) for end in ("low", "high")] for row in rows], dtype=np.float64)
