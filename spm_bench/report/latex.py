"""Tables in LaTeX: booktabs only, names as they are, in the largest letters in which they fit a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spm_bench.report.render import one_line
from spm_bench.report.table import Column, Row, Table
from spm_bench.report.vocabulary import DASH, MINUS

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "_": r"\_",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    DASH: "--",
    MINUS: "$-$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "…": r"\ldots{}",
}


_LATIN = "\u024f"
"""Last letter that pdfLaTeX's usual fonts may have."""
TEXT_WIDTH = 345.0
"""Points of a line in LaTeX's article; a page of two columns has about 500 for what spans both."""
_LETTER = 0.57
"""Width of a letter in units of the type's size: digits have 0.50, in small and bold type up to 0.61."""
_BRACKETS = 7.0
"""Points of the type of intervals behind a number: `scriptsize`."""


@dataclass(frozen=True)
class _Size:
    """How a table is set: the type's size, half the gap between columns, and whether heads are stacked."""

    name: str
    points: float
    gap: float
    stacked: bool = True
    environment: str = "table"

    @property
    def commands(self) -> str:
        """What sets it, to be put behind `centering`."""
        return f"\\{self.name}\\setlength{{\\tabcolsep}}{{{self.gap:g}pt}}" if self.name else ""


_SIZES = (
    _Size("", 10.0, 6.0, stacked=False),
    _Size("small", 9.0, 5.0, stacked=False),
    _Size("small", 9.0, 4.0),
    _Size("footnotesize", 8.0, 3.0),
    _Size("scriptsize", 7.0, 2.5),
    _Size("scriptsize", 7.0, 2.5, environment="table*"),
)
"""From what is best to read to what spans two columns of a page."""


def _size_of(table: Table) -> _Size:
    """The first size in which the table is no wider than a line of text, as far as letters can be counted."""
    return next((size for size in _SIZES if _width(table, size) <= TEXT_WIDTH), _SIZES[-1])


def _width(table: Table, size: _Size) -> float:
    letters = size.points * max(len(text) for text in (table.head, *(row.full_label for row in table.rows)))
    for i, column in enumerate(table.columns):
        parts = _head_lines(column, size.stacked)
        cells = [row.cells[i] for row in table.rows]
        brackets = max((len(cell.interval) for cell in cells), default=0) + 1 if column.intervals else 0
        numbers = size.points * max((len(cell.text) for cell in cells), default=0) + _BRACKETS * brackets
        letters += max(size.points * max(map(len, parts)), numbers)
    return _LETTER * letters + 2 * size.gap * len(table.columns)


def _head(column: Column, stacked: bool) -> str:
    lines = [escape_latex(line) for line in _head_lines(column, stacked)]
    return lines[0] if len(lines) < 2 else r"\begin{tabular}[b]{@{}r@{}}" + r"\\".join(lines) + r"\end{tabular}"


def _head_lines(column: Column, stacked: bool) -> list[str]:
    """A head in one line, or word under word; the direction stays beside its metric."""
    return one_line(column.head).split(" ") if stacked and not column.directed else [column.head]


def escape_latex(text: str) -> str:
    """Escape LaTeX's special characters; other non-ASCII characters stay (UTF-8 input)."""
    return "".join(_LATEX_SPECIAL.get(c, c) for c in one_line(text))


def to_latex(*tables: Table) -> str:
    """Write `table` environments that need the package booktabs only; notes stand in a minipage under each."""
    text = "\n".join(map(_latex_table, tables))
    strange = "% has letters that need XeLaTeX or LuaLaTeX, and a font that has them\n" * any(c > _LATIN for c in text)
    return f"% needs \\usepackage{{booktabs}}\n{strange}{text}"


def _latex_table(table: Table) -> str:
    size = _size_of(table)
    heads = [escape_latex(table.head), *(_head(column, size.stacked) for column in table.columns)]
    lines = [
        rf"\begin{{{size.environment}}}[t]",
        rf"\centering{size.commands}",
        rf"\caption{{{escape_latex(table.caption)}}}",
        rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}",
        r"\smallskip",
        rf"\begin{{tabular}}{{@{{}}l{'r' * len(table.columns)}@{{}}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(_latex_row(row, table.columns, table.longest_intervals) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    notes = [rf"{_latex_marks((mark,))}~{escape_latex(text)}" for mark, text in table.footnotes]
    notes += [escape_latex(text) for text in table.paragraphs()]
    if notes:
        lines += [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize", "\\par\n".join(notes)]
        lines += [r"\end{minipage}"]
    return "\n".join([*lines, rf"\end{{{size.environment}}}"]) + "\n"


def _latex_marks(marks: tuple[str, ...]) -> str:
    return rf"\textsuperscript{{{','.join(marks)}}}" if marks else ""


def _latex_row(row: Row, columns: Sequence[Column], blanks: Sequence[str]) -> str:
    """One line; a number without interval leaves as much room as `blanks` take, so that the points meet."""
    label = escape_latex(row.full_label)
    label = rf"\textit{{{label}}}" if row.published else rf"\textbf{{{label}}}" if row.base else label
    fields = [label + _latex_marks(row.marks)]
    for column, cell, blank in zip(columns, row.cells, blanks, strict=True):
        text = escape_latex(cell.text)
        if row.published and text:
            text = rf"\textit{{{text}}}" + (rf"\phantom{{{'0' * cell.missing_digits}}}" if cell.missing_digits else "")
        if text:
            text = rf"\textbf{{{text}}}" if cell.bold else rf"\underline{{{text}}}" if cell.underlined else text
        if column.intervals and cell.interval:
            text += rf" {{\scriptsize {escape_latex(cell.interval)}}}"
        # \rlap: marks take no room, so the numbers of a column stand under each other
        text += rf"\rlap{{{_latex_marks(cell.marks)}}}" if cell.marks else ""
        if text and blank and not cell.interval:
            text += rf" \phantom{{\scriptsize {escape_latex(blank)}}}"
        fields.append(text)
    # a row that starts with "[" would be read as the optional argument of the line break before it
    return ("{}" if fields[0].startswith("[") else "") + " & ".join(fields) + r" \\"
