"""The forms a `Table` is written in: Markdown, CSV and HTML. Names come out as they are, whatever they hold."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence

from spm_bench.report.table import Cell, Column, Row, Table
from spm_bench.report.vocabulary import DASH

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$!])")


def one_line(text: str) -> str:
    """Replace line ends and other control characters by spaces, so that a name cannot break a row."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)


def escape_markdown(text: str) -> str:
    """Escape text for a Markdown table cell or paragraph; HTML tags in it stay text."""
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN_SPECIAL.sub(r"\\\1", text)


def to_markdown(table: Table) -> str:
    """Write a GitHub-flavoured table with caption and notes: best bold, second underlined, rows from print italic."""
    lines = [f"**{escape_markdown(table.caption)}**", "", markdown_rows(table), ""]
    lines += [f"{_markdown_marks((mark,))} {escape_markdown(text)}  " for mark, text in table.footnotes]
    lines += [""] * bool(table.footnotes) + [f"{escape_markdown(text)}  " for text in table.paragraphs()]
    return "\n".join(lines).rstrip() + "\n"


def markdown_rows(table: Table) -> str:
    """Write the table alone, for a page that says the rest itself."""
    heads = [escape_markdown(table.head), *(escape_markdown(c.head) for c in table.columns)]
    return markdown_table(heads, [_markdown_row(row, table.columns) for row in table.rows])


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1) -> str:
    """Write a table whose first columns are text and whose others are numbers; all is Markdown already."""
    marks = [":--"] * text_columns + ["--:"] * (len(heads) - text_columns)
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, marks, *rows))


def _markdown_row(row: Row, columns: Sequence[Column]) -> list[str]:
    label = escape_markdown(row.full_label)
    label = f"*{label}*" if row.published else f"**{label}**" if row.base else label
    cells = [_markdown_cell(row, cell, c.intervals) for c, cell in zip(columns, row.cells, strict=True)]
    return [label + _markdown_marks(row.marks), *cells]


def _markdown_marks(marks: tuple[str, ...]) -> str:
    return f"<sup>{','.join(marks)}</sup>" if marks else ""


def _markdown_cell(row: Row, cell: Cell, interval: bool) -> str:
    text = escape_markdown(cell.text)
    text = f"*{text}*" if row.published and text else text
    text += "&numsp;" * cell.missing_digits
    if text:
        text = f"**{text}**" if cell.bold else f"<u>{text}</u>" if cell.underlined else text
    return text + _markdown_marks(cell.marks) + (f" {cell.interval}" if interval and cell.interval else "")


def to_csv(table: Table) -> str:
    """Write one line per row with full precision; undefined values are empty; what footnotes say stands in `note`.

    Each metric has three columns: its value, and the ends of its interval (`auc`, `auc_low`, `auc_high`). Columns
    without direction and intervals have one: the number, or what is printed where it is none.
    """
    facts = ("variant", "source", "trained", "n_sequences", "n_total", "protocol", "convention", "run", "note")
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    ends = [c.directed or any(row.cells[i].interval for row in table.rows) for i, c in enumerate(table.columns)]
    heads = [
        f"{c.metric}{end}" for c, three in zip(table.columns, ends, strict=True) for end in _ENDS[: 3 if three else 1]
    ]
    writer.writerow([table.head.casefold(), *heads, *facts])
    for row in table.rows:
        values = [text for cell, three in zip(row.cells, ends, strict=True) for text in _csv_fields(cell, three)]
        writer.writerow([one_line(row.label), *values, *(row.facts.get(f, "") for f in facts)])
    return buffer.getvalue()


_ENDS = ("", "_low", "_high")


def _csv_fields(cell: Cell, three: bool) -> list[str]:
    if three:
        return ["" if number is None else repr(number) for number in (cell.value, cell.low, cell.high)]
    text = "" if cell.text == DASH else one_line(cell.text)
    return [text if cell.value is None else repr(cell.value)]


_HTML_STYLE = (
    ":root{color-scheme:light dark;--soft:#555}@media(prefers-color-scheme:dark){:root{--soft:#aaa}}"
    "body{font-family:sans-serif;margin:1.5em}figure{margin:0 0 2.5em}div{overflow-x:auto}"
    "figcaption{padding:.4em 0;font-weight:bold;max-width:50em}table{border-collapse:collapse}"
    "th,td{padding:.2em .8em;text-align:right;white-space:nowrap}"
    "tr>:first-child{text-align:left}tbody th{font-weight:normal}.base>th{font-weight:bold}"
    "sup{font-size:.7em;line-height:0}td sup{position:absolute;margin-top:.6em}"
    "thead th{border-top:2px solid;border-bottom:1px solid}tbody{border-bottom:2px solid}"
    ".published{font-style:italic;color:var(--soft)}.second{text-decoration:underline}td small{color:var(--soft)}"
    ".blank{visibility:hidden}"
    ".notes{font-size:85%;max-width:50em;color:var(--soft)}"
)


def to_html(*tables: Table, title: str = "") -> str:
    """Write a complete page of tables (UTF-8, light and dark, no script, no outside resource).

    Args:
        tables: In order.
        title: Of the page; the first table's caption if there is none.
    """
    head = html.escape(one_line(title or tables[0].caption))
    said = set[str]()
    shown = "".join(_html_table(table, said) for table in tables)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{head}</title>\n<style>{_HTML_STYLE}</style>\n</head>\n<body>\n"
        + f"<h1>{head}</h1>\n" * bool(title)
        + f"{shown}</body>\n</html>\n"
    )


def _html_table(table: Table, said: set[str]) -> str:
    """A table with its notes; sentences under a table above are not said again."""
    heads = "".join(
        f'<th scope="col">{html.escape(head)}</th>' for head in (table.head, *(c.head for c in table.columns))
    )
    rows = "\n".join(_html_row(row, table.longest_intervals) for row in table.rows)
    notes = [f"{_html_marks((mark,))} {html.escape(text)}" for mark, text in table.footnotes]
    notes += [html.escape(text) for text in table.paragraphs() if text not in said]
    said.update(table.paragraphs())
    return (
        f"<figure>\n<figcaption>{html.escape(one_line(table.caption))}</figcaption>\n<div><table>\n"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>\n"
        + "".join(f'<p class="notes">{note}</p>\n' for note in notes)
        + "</figure>\n"
    )


def _html_marks(marks: tuple[str, ...]) -> str:
    return f"<sup>{','.join(marks)}</sup>" if marks else ""


def _html_row(row: Row, blanks: Sequence[str]) -> str:
    kind = "published" if row.published else "base" if row.base else ""
    cells = "".join(map(_html_cell, row.cells, blanks))
    label = f'<th scope="row">{html.escape(one_line(row.full_label))}{_html_marks(row.marks)}</th>'
    return f'<tr class="{kind}">{label}{cells}</tr>' if kind else f"<tr>{label}{cells}</tr>"


def _html_cell(cell: Cell, blank: str) -> str:
    """A cell; a number without interval leaves as much room as `blank` takes, so that the points meet."""
    text = html.escape(cell.text) + "&numsp;" * cell.missing_digits
    if cell.bold:
        text = f"<b>{text}</b>"
    elif cell.underlined:
        text = f'<span class="second">{text}</span>'
    brackets = f" <small>{html.escape(cell.interval)}</small>" if blank and cell.interval else ""
    if text and blank and not cell.interval:
        brackets = f' <small class="blank" aria-hidden="true">{html.escape(blank)}</small>'
    return f"<td>{text}{_html_marks(cell.marks)}{brackets}</td>"
