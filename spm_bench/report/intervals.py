"""Intervals in print: their form, and in which columns of a table they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from spm_bench.report.vocabulary import MINUS, style_of

if TYPE_CHECKING:
    from spm_bench.report.table import Table

WIDEST = 110
"""Characters of a table's line: what fits a page of code, a terminal beside an editor, and GitHub's column."""
GAP = 3
"""Characters between two columns of a Markdown table."""


def short(value: float, decimals: int) -> str:
    """A number without the zero before its point: `.80`, `−.02`, `1.25`.

    >>> short(0.797, 2), short(12.5, 0)
    ('.80', '12')
    """
    text = f"{abs(value):.{decimals}f}"
    sign = MINUS if value < 0 and float(text) != 0.0 else ""
    return sign + (text[1:] if text.startswith("0.") else text)


def interval_text(metric: str, low: float | None, high: float | None) -> str:
    """The ends in brackets, with one digit less than the metric itself; empty where there is no interval.

    >>> interval_text("auc", 0.7213, 0.8604), interval_text("failures", 31.0, 66.0)
    ('[.72, .86]', '[31, 66]')
    """
    if low is None or high is None:
        return ""
    decimals = style_of(metric).decimals
    for digits in (max(decimals - 1, 0), decimals):  # an interval that would shrink to a point gets the last digit
        ends = short(low, digits), short(high, digits)
        if ends[0] != ends[1]:
            break
    return f"[{ends[0]}, {ends[1]}]"


def fit_intervals(
    table: Table, width: int = WIDEST, *, label: int | None = None, gap: int = GAP, aligned: bool = False
) -> Table:
    """Show intervals in as many columns as fit, from the first (the headline) on.

    Args:
        table: With intervals in its cells.
        width: Characters of a line.
        label: Characters of the first column; None: of the longest label.
        gap: Characters between columns.
        aligned: Numbers stand under each other, at the right of their heads, and intervals at the right of those.
    """
    cells = [[row.cells[i] for row in table.rows] for i in range(len(table.columns))]
    plain = [_widest([c.head, *(cell.text for cell in of)]) for c, of in zip(table.columns, cells, strict=True)]
    room = [_widest([cell.with_interval for cell in of]) for of in cells]
    if aligned:
        room = [w + 1 + _widest([cell.interval for cell in of]) for w, of in zip(plain, cells, strict=True)]
    label = _widest([row.full_label for row in table.rows]) if label is None else label
    left = width - label - 1 - sum(gap + w for w in plain)
    columns = []
    for column, of, width_plain, width_full in zip(table.columns, cells, plain, room, strict=True):
        left -= max(width_full - width_plain, 0)  # below zero from the first that does not fit on
        columns.append(replace(column, intervals=left >= 0 and any(cell.interval for cell in of)))
    return replace(table, columns=tuple(columns))


def _widest(texts: Sequence[str]) -> int:
    return max(map(len, texts), default=0)
