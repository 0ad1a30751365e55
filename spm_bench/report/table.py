"""One table object: what is printed, whatever the form; `render.py` and `terminal.py` only decide how it looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

BEST, SECOND = 1, 2
"""Rank of a cell within its column; 0 for all others. Cells that print the same share their rank."""


@dataclass(frozen=True)
class Column:
    """One column: its key, head and direction, and whether its cells show their intervals.

    Attributes:
        metric: Its key, and its name in CSV.
        title: Its head.
        higher_is_better: The direction in which its values get better.
        intervals: Whether cells show their intervals.
        directed: Whether the head says the direction. Where it does not (p values, counts), no cell has an interval.
    """

    metric: str
    title: str
    higher_is_better: bool = True
    intervals: bool = False
    directed: bool = True

    @property
    def arrow(self) -> str:
        """The direction in which values get better; empty where the head does not say it."""
        return ("↑" if self.higher_is_better else "↓") if self.directed else ""

    @property
    def head(self) -> str:
        """Title and direction."""
        return f"{self.title} {self.arrow}".rstrip()


@dataclass(frozen=True)
class Cell:
    """One number: full precision (None where undefined, or where it is none), as printed, its rank, and marks.

    Attributes:
        value: For CSV; where there is none, that is what `text` says.
        text: As printed.
        rank: `BEST`, `SECOND` or 0.
        marks: Of footnotes.
        missing_digits: How many decimals less it was printed with than its column, for aligning the points.
        low, high: Its interval.
        interval: The same as printed.
        strong: Set off for another reason than its rank: a difference that is established.
    """

    value: float | None
    text: str
    rank: int = 0
    marks: tuple[str, ...] = ()
    missing_digits: int = 0
    low: float | None = None
    high: float | None = None
    interval: str = ""
    strong: bool = False

    @property
    def bold(self) -> bool:
        """Whether it is printed bold."""
        return self.strong or self.rank == BEST

    @property
    def underlined(self) -> bool:
        """Whether it is printed underlined."""
        return self.rank == SECOND and not self.strong

    @property
    def with_interval(self) -> str:
        """The number with its interval behind it: "0.797 [.72, .86]"."""
        return f"{self.text} {self.interval}" if self.interval else self.text


@dataclass(frozen=True)
class Row:
    """One tracker, measured or from print. `facts` are what CSV adds: variant, source, coverage, run, ..."""

    label: str
    cells: tuple[Cell, ...]
    published: bool = False
    untrained: bool = False
    marks: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    base: bool = False

    @property
    def full_label(self) -> str:
        """The label with what must never be overlooked: that it is untrained, that the others are compared with it."""
        return f"{self.label}{' (untrained)' * self.untrained}{' (base)' * self.base}"


@dataclass(frozen=True)
class Table:
    """A finished table.

    Attributes:
        name: For files and labels ("otb100").
        caption: What was scored: suite, coverage, protocol.
        columns: One per metric, the headline first.
        rows: Best first; a published row stands under the measured one of the same tracker.
        footnotes: (mark, text) pairs in order of appearance.
        column_notes: (heads of columns, what holds for all of their measured values).
        footer: Sentences under the table: comparability, how to read it.
        conventions: (name, heads of the columns it rules, explanation).
        ranked: Whether best and second best are marked.
        level: Of the intervals; None where there are none.
        head: Of the first column.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[tuple[str, str], ...]
    footer: tuple[str, ...]
    conventions: tuple[tuple[str, str, str], ...] = ()
    ranked: bool = False
    column_notes: tuple[tuple[str, str], ...] = ()
    level: float | None = None
    head: str = "Tracker"

    @property
    def intervals_explained(self) -> str:
        """What the brackets are; empty where no column shows any."""
        if self.level is None or not any(column.intervals for column in self.columns):
            return ""
        return (
            f"In brackets: {100 * self.level:g} % bootstrap interval over sequences, those of one video or scene drawn "
            "together; it says what other sequences might have given, not another training."
        )

    @property
    def longest_intervals(self) -> tuple[str, ...]:
        """Of each column, the longest interval as printed; empty where it shows none."""
        found = ((row.cells[i].interval for row in self.rows) for i in range(len(self.columns)))
        return tuple(
            max(of, key=len, default="") if c.intervals else "" for c, of in zip(self.columns, found, strict=True)
        )

    @property
    def columns_explained(self) -> str:
        """The notes of whole columns in one sentence; empty if there are none."""
        return "; ".join(f"{titles}: {text}" for titles, text in self.column_notes) + "." * bool(self.column_notes)

    def paragraphs(self) -> list[str]:
        """All that stands under the table's footnotes in written forms."""
        lines = [self.columns_explained] if self.column_notes else []
        lines += [f"Convention {name} ({titles}): {words}" for name, titles, words in self.conventions]
        if self.ranked:
            lines.append("Best and second best of the measured rows are marked, by the printed digits.")
        lines += [self.intervals_explained] if self.intervals_explained else []
        return [*lines, *self.footer]


def rank_texts(values: Iterable[float], form: Callable[[float], str], higher_is_better: bool) -> dict[str, int]:
    """Rank numbers by what is printed of them: text -> BEST or SECOND; NaN has none.

    >>> rank_texts([0.5, 0.68811, 0.68819], "{:.3f}".format, True)
    {'0.688': 1, '0.500': 2}
    """
    texts = dict.fromkeys(map(form, sorted((v for v in values if v == v), reverse=higher_is_better)))
    return dict(zip(texts, (BEST, SECOND), strict=False))
