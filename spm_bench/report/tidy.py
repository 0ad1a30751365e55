"""Reading tidy frames: which columns a figure needs, and the trackers in a frame in the order of their scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from spm_bench.errors import ResultsError
from spm_bench.report import style
from spm_bench.report.vocabulary import style_of


@dataclass(frozen=True, eq=False)
class Entry:
    """One tracker of a frame.

    Attributes:
        tracker: Its whole name.
        name: What figures call it: cut if very long, and whether its weights were never trained.
        look: How it is drawn.
        score: By which the trackers are ordered; None where undefined.
        rows: Its rows of the frame.
    """

    tracker: str
    name: str
    look: style.Look
    score: float | None
    rows: pd.DataFrame


def require(frame: pd.DataFrame, columns: Sequence[str], figure: str) -> None:
    """Refuse a frame that a figure cannot be drawn from.

    Raises:
        ResultsError: A column is missing, or there is no row.
    """
    if missing := [name for name in columns if name not in frame.columns]:
        raise ResultsError(
            f"{figure} needs the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            remedy=f"Columns at hand: {', '.join(map(str, frame.columns)) or 'none'}",
        )
    if frame.empty:
        raise ResultsError(f"there is nothing to draw in {figure}: the frame has no row")


def entries(frame: pd.DataFrame, score: str = "score") -> list[Entry]:
    """The trackers of a frame, best first; undefined ones last, equal ones by name.

    Args:
        frame: Column `tracker`. Where there is a column `look`, it numbers the looks, so that a tracker has the same in
            every figure, and trackers of one name stay apart; else trackers get theirs in the order of the frame. A
            column `untrained` is told in names, `higher_is_better` turns the order round.
        score: Column with the score, the same in all rows of a tracker; without it, the order is that of the frame.
    """
    key = frame["look"] if "look" in frame.columns else pd.Series(pd.factorize(frame["tracker"])[0], frame.index)
    found = [_entry(int(look), rows, score) for look, rows in frame.groupby(key, sort=False)]
    if score not in frame.columns:
        return found
    sign = -1.0 if "higher_is_better" in frame.columns and not frame["higher_is_better"].iloc[0] else 1.0
    return sorted(found, key=lambda e: (e.score is None, -sign * (e.score or 0.0), e.tracker.casefold(), e.tracker))


def _entry(look: int, rows: pd.DataFrame, score: str) -> Entry:
    tracker = str(rows["tracker"].iloc[0])
    untrained = "untrained" in rows.columns and bool(rows["untrained"].iloc[0])
    value = number(rows[score].iloc[0]) if score in rows.columns else None
    name = style.short_name(tracker) + (" (untrained)" if untrained else "")
    return Entry(tracker, name, style.look(look), value, rows)


def number(value: object) -> float | None:
    """A cell of a frame as a number; None where it is missing or not finite."""
    if value is None or not math.isfinite(found := float(value)):  # type: ignore[arg-type]
        return None
    return found


def labels(found: Sequence[Entry], metric: str) -> list[str]:
    """Score and name of each tracker: `[0.687] SPM`; names alone where the score is undefined for all."""
    if all(entry.score is None for entry in found):
        return [entry.name for entry in found]
    return [f"[{style_of(metric).format(entry.score)}] {entry.name}" for entry in found]


def with_metric(what: str, found: Sequence[Entry], metric: str) -> str:
    """A title with the metric that `labels` puts before the names: `Success plot [AUC]`."""
    return f"{what} [{style_of(metric).title}]" if any(entry.score is not None for entry in found) else what
