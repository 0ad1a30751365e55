"""The forms a `Table` is written in: Markdown, LaTeX, CSV and HTML. Names come out as they are, whatever they hold."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Sequence

from spm_bench.report.tables import BEST, SECOND, Cell, Column, Row, Table
from spm_bench.report.vocabulary import DASH, MINUS

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$!])")
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
}


def one_line(text: str) -> str:
    """Replace line ends and other control characters by spaces, so that a name cannot break a row."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)


def escape_markdown(text: str) -> str:
    """Escape text for a Markdown table cell or paragraph; HTML tags in it stay text."""
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN_SPECIAL.sub(r"\\\1", text)


def escape_latex(text: str) -> str:
    """Escape LaTeX's special characters; other non-ASCII characters stay (UTF-8 input)."""
    return "".join(_LATEX_SPECIAL.get(c, c) for c in one_line(text))


def to_markdown(table: Table) -> str:
    """Write a GitHub-flavoured table: best bold, second underlined, rows from print in italics."""
    heads = [f"{escape_markdown(c.title)} {c.arrow}" for c in table.columns]
    lines = [f"**{escape_markdown(table.caption)}**", "", f"| Tracker | {' | '.join(heads)} |"]
    lines.append("| :-- |" + " --: |" * len(heads))
    for row in table.rows:
        label = escape_markdown(row.full_label)
        cells = [_markdown_cell(row, cell, c.intervals) for c, cell in zip(table.columns, row.cells, strict=True)]
        lines.append(
            f"| {f'*{label}*' if row.published else label}{_markdown_marks(row.marks)} | {' | '.join(cells)} |"
        )
    lines += [""] + [f"{_markdown_marks((mark,))} {escape_markdown(text)}  " for mark, text in table.footnotes]
    lines += [""] * bool(table.footnotes) + [f"{escape_markdown(text)}  " for text in table.paragraphs()]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_marks(marks: tuple[str, ...]) -> str:
    return f"<sup>{','.join(marks)}</sup>" if marks else ""


def _markdown_cell(row: Row, cell: Cell, interval: bool) -> str:
    text = f"*{cell.text}*" if row.published and cell.text else cell.text
    text += "&numsp;" * cell.missing_digits
    text = {BEST: f"**{text}**", SECOND: f"<u>{text}</u>"}.get(cell.rank, text)
    return text + _markdown_marks(cell.marks) + (f" {cell.interval}" if interval and cell.interval else "")


def to_latex(table: Table) -> str:
    """Write a `table` environment that needs the package booktabs only; notes stand in a minipage under it."""
    heads = [
        rf"{escape_latex(c.title)} ${chr(92)}{'uparrow' if c.higher_is_better else 'downarrow'}$" for c in table.columns
    ]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{escape_latex(table.caption)}}}",
        rf"\label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', table.name)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(heads)}}}",
        r"\toprule",
        " & ".join(["Tracker", *heads]) + r" \\",
        r"\midrule",
        *(_latex_row(row, table.columns) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    notes = [rf"{_latex_marks((mark,))}~{escape_latex(text)}" for mark, text in table.footnotes]
    notes += [escape_latex(text) for text in table.paragraphs()]
    if notes:
        lines += [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize", "\\par\n".join(notes)]
        lines += [r"\end{minipage}"]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _latex_marks(marks: tuple[str, ...]) -> str:
    return rf"\textsuperscript{{{','.join(marks)}}}" if marks else ""


def _latex_row(row: Row, columns: Sequence[Column]) -> str:
    label = escape_latex(row.full_label)
    fields = [(rf"\textit{{{label}}}" if row.published else label) + _latex_marks(row.marks)]
    for column, cell in zip(columns, row.cells, strict=True):
        text = escape_latex(cell.text)
        if row.published and text:
            text = rf"\textit{{{text}}}" + (rf"\phantom{{{'0' * cell.missing_digits}}}" if cell.missing_digits else "")
        text = {BEST: rf"\textbf{{{text}}}", SECOND: rf"\underline{{{text}}}"}.get(cell.rank, text)
        if column.intervals and cell.interval:
            text += rf" {{\scriptsize {escape_latex(cell.interval)}}}"
        # \rlap: marks take no room, so the numbers of a column stand under each other
        fields.append(text + (rf"\rlap{{{_latex_marks(cell.marks)}}}" if cell.marks else ""))
    # a row that starts with "[" would be read as the optional argument of the line break before it
    return ("{}" if fields[0].startswith("[") else "") + " & ".join(fields) + r" \\"


def to_csv(table: Table) -> str:
    """Write one line per row with full precision; undefined values are empty; what footnotes say stands in `note`.

    Each metric has three columns: its value, and the ends of its interval (`auc`, `auc_low`, `auc_high`).
    """
    facts = ("variant", "source", "trained", "n_sequences", "n_total", "protocol", "convention", "run", "note")
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    heads = [f"{c.metric}{end}" for c in table.columns for end in ("", "_low", "_high")]
    writer.writerow(["tracker", *heads, *facts])
    for row in table.rows:
        numbers = [number for cell in row.cells for number in (cell.value, cell.low, cell.high)]
        values = ["" if number is None else repr(number) for number in numbers]
        writer.writerow([one_line(row.label), *values, *(row.facts.get(f, "") for f in facts)])
    return buffer.getvalue()


_HTML_STYLE = (
    "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}caption{text-align:left;padding:.4em 0}"
    "th,td{padding:.2em .8em;text-align:right}th:first-child,td:first-child{text-align:left}"
    "td:not(:first-child) sup{position:absolute}"
    "thead th{border-top:2px solid;border-bottom:1px solid}tbody{border-bottom:2px solid}"
    ".published{font-style:italic;color:#555}.second{text-decoration:underline}.notes{font-size:85%;max-width:50em}"
)


def to_html(table: Table) -> str:
    """Write a complete page (UTF-8, no script, no outside resource)."""
    heads = "".join(f"<th>{html.escape(c.title)} {c.arrow}</th>" for c in table.columns)
    rows = "\n".join(_html_row(row, table.columns) for row in table.rows)
    notes = [f"{_html_marks((mark,))} {html.escape(text)}" for mark, text in table.footnotes]
    notes += [html.escape(text) for text in table.paragraphs()]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(one_line(table.caption))}</title>\n<style>{_HTML_STYLE}</style>\n</head>\n<body>\n"
        f"<table>\n<caption>{html.escape(one_line(table.caption))}</caption>\n"
        f"<thead><tr><th>Tracker</th>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n"
        + "".join(f'<p class="notes">{note}</p>\n' for note in notes)
        + "</body>\n</html>\n"
    )


def _html_marks(marks: tuple[str, ...]) -> str:
    return f"<sup>{','.join(marks)}</sup>" if marks else ""


def _html_row(row: Row, columns: Sequence[Column]) -> str:
    kind = ' class="published"' if row.published else ""
    cells = "".join(_html_cell(cell, c.intervals) for c, cell in zip(columns, row.cells, strict=True))
    return f"<tr{kind}><td>{html.escape(one_line(row.full_label))}{_html_marks(row.marks)}</td>{cells}</tr>"


def _html_cell(cell: Cell, interval: bool) -> str:
    text = html.escape(cell.text) + "&numsp;" * cell.missing_digits
    if cell.rank == BEST:
        text = f"<b>{text}</b>"
    elif cell.rank == SECOND:
        text = f'<span class="second">{text}</span>'
    brackets = f" <small>{html.escape(cell.interval)}</small>" if interval and cell.interval else ""
    return f"<td>{text}{_html_marks(cell.marks)}{brackets}</td>"
