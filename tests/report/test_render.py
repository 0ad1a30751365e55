"""Every written form of a table: golden texts, and names that must come out as they are."""

from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm_bench.report import render
from spm_bench.report.table import Cell, Column, Row, Table
from spm_bench.report.tables import build_table
from spm_bench.report.vocabulary import DASH
from tests.report.fakes import NASTY, make_suite, otb


def small() -> Table:
    return Table(
        name="otb100",
        caption="OTB_100: 2 sequences",
        columns=(Column("auc", "AUC", True), Column("failures", "Lost", False)),
        rows=(
            Row("A_1", (Cell(0.7, "0.700", 1), Cell(3.0, "3", 2, ("b",)))),
            Row("B", (Cell(0.6, "0.600", 2), Cell(None, DASH)), untrained=True, marks=("b",)),
            Row("B (published)", (Cell(0.61, "0.61"), Cell(None, "")), published=True),
        ),
        footnotes=(("b", "50% of it"),),
        footer=("Last line.",),
        conventions=(("otb-matlab", "AUC", "words"),),
        column_notes=(("Lost", "in 50% of all"),),
    )


def test_markdown() -> None:
    assert render.to_markdown(small()) == (
        "**OTB\\_100: 2 sequences**\n"
        "\n"
        "| Tracker | AUC ↑ | Lost ↓ |\n"
        "| :-- | --: | --: |\n"
        "| A\\_1 | **0.700** | <u>3</u><sup>b</sup> |\n"
        "| B (untrained)<sup>b</sup> | <u>0.600</u> | \N{EN DASH} |\n"
        "| *B (published)* | *0.61* |  |\n"
        "\n"
        "<sup>b</sup> 50% of it  \n"
        "\n"
        "Lost: in 50% of all.  \n"
        "Convention otb-matlab (AUC): words  \n"
        "Last line.\n"
    )


def test_csv_has_all_digits_and_the_notes() -> None:
    suite = make_suite("demo")
    text = render.to_csv(build_table([otb(suite, "A,b", 1 / 3, note="x; y"), otb(suite, "C", None)], suite))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["tracker"] == "A,b"
    assert float(rows[0]["auc"]) == 1 / 3
    assert rows[0]["note"] == "x; y"
    assert rows[1]["auc"] == ""
    assert (rows[0]["n_sequences"], rows[0]["n_total"], rows[0]["convention"]) == ("3", "3", "otb-matlab")
    assert rows[0]["source"] == "raw results"


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "td" or ("scope", "row") in attrs:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data


def nasty_table() -> Table:
    suite = make_suite("demo")
    return build_table([otb(suite, NASTY, 0.7), otb(suite, "[x]\nsecond line", 0.6)], suite)


def test_html_keeps_names_as_text() -> None:
    page = render.to_html(nasty_table())
    parser = _Cells()
    parser.feed(page)
    assert parser.texts[0] == NASTY
    assert parser.texts[3] == "[x] second line"
    assert "script" not in parser.tags
    assert '<meta charset="utf-8">' in page
    assert "<b>0.700</b>" in page


def _markdown_cells(line: str) -> list[str]:
    """Split a table row at unescaped bars and undo the escapes: what a Markdown reader does."""
    cells = re.split(r"(?<!\\)(?:\\\\)*\|", line.strip().strip("|"))
    return [html.unescape(re.sub(r"\\([^A-Za-z0-9\s])", r"\1", cell.strip())) for cell in cells]


def test_markdown_keeps_names_as_text() -> None:
    lines = render.to_markdown(nasty_table()).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert _markdown_cells(rows[2])[0] == NASTY
    assert len(rows) == 4
    assert "<script>" not in "\n".join(lines)
    assert len({len(_markdown_cells(row)) for row in rows}) == 1


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=30))
def test_markdown_escapes_lose_nothing(name: str) -> None:
    escaped = render.escape_markdown(name)
    assert html.unescape(re.sub(r"\\([\\`*_{}\[\]#|~$!])", r"\1", escaped)) == name
    assert "<" not in escaped


@pytest.mark.parametrize("name", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\u2028b", "a\tb"])
def test_control_characters_cannot_break_a_line(name: str) -> None:
    assert render.one_line(name) in ("a b", "a [31mb")


def test_equal_best_are_both_bold() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, "a", 0.5), otb(suite, "b", 0.5)], suite)
    assert render.to_markdown(table).count("**0.500**") == 2


def test_what_stands_under_a_table_is_not_said_again_under_the_next() -> None:
    page = render.to_html(small(), small(), title="<Two>")
    assert page.count("Last line.") == 1
    assert page.count("<table>") == 2
    assert "<h1>&lt;Two&gt;</h1>" in page


def test_a_number_without_interval_leaves_its_room_in_html() -> None:
    rows = (
        Row("a", (Cell(0.7, "0.700", low=0.6, high=0.8, interval="[.60, .80]"),)),
        Row("b (published)", (Cell(0.71, "0.710"),), published=True),
        Row("c", (Cell(None, ""),)),
    )
    page = render.to_html(replace(small(), columns=(Column("auc", "AUC", intervals=True),), rows=rows))
    assert '<small class="blank" aria-hidden="true">[.60, .80]</small>' in page
    assert page.count("[.60, .80]") == 2


def test_columns_without_direction_have_one_field_in_csv() -> None:
    columns = (Column("d", "minus base", directed=False), Column("p", "p", directed=False), Column("auc", "AUC"))
    cells = (Cell(0.1, "+.1", low=0.0, high=0.2, interval="[0, .2]"), Cell(None, "8/2/4"), Cell(0.5, "0.5"))
    blank = (Cell(None, ""), Cell(None, DASH), Cell(None, DASH))
    table = replace(small(), head="Cell", columns=columns, rows=(Row("a", cells), Row("b", blank)))
    rows = list(csv.reader(io.StringIO(render.to_csv(table))))
    assert rows[0][:8] == ["cell", "d", "d_low", "d_high", "p", "auc", "auc_low", "auc_high"]
    assert rows[1][:8] == ["a", "0.1", "0.0", "0.2", "8/2/4", "0.5", "", ""]
    assert rows[2][:8] == ["b"] + [""] * 7
