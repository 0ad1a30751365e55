"""The table on the terminal: 80 columns are enough, and a pipe or a file gets plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from spm_bench.report.intervals import WIDEST, fit_intervals
from spm_bench.report.render import one_line
from spm_bench.report.table import Cell, Column, Row, Table
from spm_bench.report.tables import build_table
from spm_bench.report.vocabulary import DASH, MINUS

if TYPE_CHECKING:
    from spm_bench.scoring.base import Evaluation
    from spm_bench.suites.base import Suite

_ASCII = str.maketrans({DASH: "-", MINUS: "-", "↑": "^", "↓": "v", "…": "~"})
_BETWEEN, _EDGES = 3, 2
"""Characters between two columns on the terminal, and around all."""
_WIDEST_WORD = 20
"""Columns of the terminal a tracker's name gets before its numbers do."""


def print_table(
    evaluations: Sequence[Evaluation], suite: Suite, console: Console | None = None, *, published: bool = True
) -> None:
    """Print the table of one suite, its notes and conventions.

    Args:
        evaluations: One per tracker and variant, all on `suite`.
        suite: What they were scored on; the title says how much of it.
        console: Where to print; standard output by default.
        published: Show figures from print where they are comparable.
    """
    show_table(build_table(evaluations, suite, published=published), console)


def show_table(table: Table, console: Console | None = None) -> None:
    """Print a finished table, its notes and conventions; on standard output by default.

    Intervals are shown in as many columns as the console has room for.
    """
    console = console or Console()
    marks = max((len(_marks(cell.marks)) for row in table.rows for cell in row.cells), default=0)
    width = min(console.width, WIDEST) - _EDGES + 1
    table = fit_intervals(table, width, label=_longest_word(table), gap=_BETWEEN + marks, aligned=True)
    console.print(plain_text(table.caption, console, "bold"), highlight=False)
    console.print(_rich_table(table, console), highlight=False)
    for mark, text in table.footnotes:
        console.print(plain_text(f"({mark}) {text}", console, "dim"), highlight=False)
    if table.column_notes:
        console.print(plain_text(table.columns_explained, console, "dim"), highlight=False)
    for name, titles, _ in table.conventions:
        console.print(plain_text(f"Convention {name}: {titles}", console), highlight=False)
    for text in filter(None, (table.intervals_explained, *table.footer)):
        console.print(plain_text(text, console), highlight=False)


def _rich_table(table: Table, console: Console) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    shown.add_column(table.head, overflow="fold", min_width=_longest_word(table))
    widths = [_widths(table, i) for i in range(len(table.columns))]
    needed = _EDGES + _longest_word(table) + sum(_BETWEEN + sum(pair) for pair in widths)
    for column, (numbers, after) in zip(table.columns, widths, strict=True):
        least = numbers + after if needed <= console.width else None  # else numbers are broken before names are
        shown.add_column(plain_text(column.head.rjust(numbers), console), overflow="fold", min_width=least)
    for row in table.rows:
        label = plain_text(f"{row.full_label}{_marks(row.marks)}", console)
        parts = zip(row.cells, table.columns, widths, strict=True)
        cells = [_cell(row, cell, column, width, console) for cell, column, width in parts]
        shown.add_row(label, *cells, style="italic dim" if row.published else "bold" if row.base else "")
    return shown


def _longest_word(table: Table) -> int:
    """Room for the longest word of the labels, so that few words are broken; never more than a good part of a line."""
    words = (word for row in table.rows for word in f"{row.full_label}{_marks(row.marks)}".split())
    return min(max(map(len, words), default=0), _WIDEST_WORD)


def _widths(table: Table, index: int) -> tuple[int, int]:
    """Room for the numbers of a column, and for what stands after them, so that the numbers stand under each other."""
    column, cells = table.columns[index], [row.cells[index] for row in table.rows]
    numbers = max([len(column.head), *(len(cell.text) + cell.missing_digits for cell in cells)])
    return numbers, max(len(_after(cell, column.intervals)) for cell in cells)


def _cell(row: Row, cell: Cell, column: Column, widths: tuple[int, int], console: Console) -> Text:
    style = "bold" if cell.bold else "underline" if cell.underlined else ""
    number = plain_text(cell.text, console, "" if row.published else style)
    blank = Text(" " * (widths[0] - len(cell.text) - cell.missing_digits))
    after = " " * cell.missing_digits + _after(cell, column.intervals)
    return blank.append_text(number).append_text(plain_text(after.ljust(widths[1]), console))


def _after(cell: Cell, interval: bool) -> str:
    return (f" {cell.interval}" if interval and cell.interval else "") + _marks(cell.marks)


def _marks(marks: tuple[str, ...]) -> str:
    return f" ({','.join(marks)})" if marks else ""


def plain_text(content: str, console: Console, style: str = "") -> Text:
    """Text that is printed as it stands (no markup), in letters the output's encoding has."""
    content = one_line(content)
    try:
        content.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        content = content.translate(_ASCII).encode("ascii", "replace").decode("ascii")
    return Text(content, style=style)
