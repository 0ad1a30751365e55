"""Tables in LaTeX: a golden text, names that must come out as they are, and sizes that fit a page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm_bench.report import latex
from spm_bench.report.table import Cell, Column, Row, Table
from spm_bench.report.vocabulary import DASH, MINUS
from tests.report.test_render import nasty_table, small


def test_latex() -> None:
    assert latex.to_latex(small()) == (
        "% needs \\usepackage{booktabs}\n"
        "\\begin{table}[t]\n"
        "\\centering\n"
        "\\caption{OTB\\_100: 2 sequences}\n"
        "\\label{tab:otb100}\n"
        "\\smallskip\n"
        "\\begin{tabular}{@{}lrr@{}}\n"
        "\\toprule\n"
        "Tracker & AUC $\\uparrow$ & Lost $\\downarrow$ \\\\\n"
        "\\midrule\n"
        "A\\_1 & \\textbf{0.700} & \\underline{3}\\rlap{\\textsuperscript{b}} \\\\\n"
        "B (untrained)\\textsuperscript{b} & \\underline{0.600} & -- \\\\\n"
        "\\textit{B (published)} & \\textit{0.61} &  \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\par\\smallskip\n"
        "\\begin{minipage}{\\linewidth}\\footnotesize\n"
        "\\textsuperscript{b}~50\\% of it\\par\n"
        "Lost: in 50\\% of all.\\par\n"
        "Convention otb-matlab (AUC): words\\par\n"
        "Last line.\n"
        "\\end{minipage}\n"
        "\\end{table}\n"
    )


def test_latex_keeps_names_as_text() -> None:
    lines = latex.to_latex(nasty_table()).splitlines()
    row = next(line for line in lines if "alert(" in line)
    assert row.startswith(r"\textless{}script\textgreater{}alert(")
    assert r"50\%\_a\textbar{}b \& \#c \$x\textasciicircum{}2\$ \textbackslash{}frac\{1\} \textasciitilde{}追踪" in row
    # a row that begins with "[" would be taken as the argument of the line break above it
    assert next(line for line in lines if "second line" in line).startswith("{}[x] second line")


LATEX_SIGNS = {
    r"\uparrow": "↑",
    r"\downarrow": "↓",
    r"\le": "≤",
    r"\ge": "≥",
    r"\times": "\N{MULTIPLICATION SIGN}",
    "-": MINUS,
}
LATEX_TOKENS = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\ldots{}": "…",
    **{f"${command}$": sign for command, sign in LATEX_SIGNS.items()},
    **{"\\" + c: c for c in "{}%_&#$"},
}


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30))
def test_latex_escapes_lose_nothing(name: str) -> None:
    name = name.replace(DASH, "-").replace("\u2028", " ").replace("\u2029", " ")
    escaped = latex.escape_latex(name)
    pattern = "|".join(map(re.escape, LATEX_TOKENS))
    assert re.sub(pattern, lambda m: LATEX_TOKENS[m[0]], escaped) == name
    assert not re.search(r"[%_&#$~^<>|{}\\]", re.sub(pattern, "", escaped))


def wide(columns: int, head: str = "IV (38)") -> Table:
    """One row of so many numbers."""
    cells = tuple(Cell(0.5, "0.512") for _ in range(columns))
    heads = tuple(Column(f"m{i}", head, directed=False) for i in range(columns))
    return replace(small(), columns=heads, rows=(Row("SiamRPN++", cells),))


@pytest.mark.parametrize(
    ("columns", "environment", "commands"),
    [
        (4, "table", ""),
        (6, "table", r"\small\setlength{\tabcolsep}{5pt}"),
        (11, "table", r"\scriptsize\setlength{\tabcolsep}{2.5pt}"),
        (24, "table*", r"\scriptsize\setlength{\tabcolsep}{2.5pt}"),
    ],
)
def test_a_wide_table_is_set_in_smaller_type(columns: int, environment: str, commands: str) -> None:
    lines = latex.to_latex(wide(columns)).splitlines()
    assert lines[1:3] == [rf"\begin{{{environment}}}[t]", rf"\centering{commands}"]
    assert lines[-1] == rf"\end{{{environment}}}"


def test_heads_are_stacked_where_that_saves_room() -> None:
    stacked = r"\begin{tabular}[b]{@{}r@{}}IV\\(38)\end{tabular}"
    assert latex.to_latex(wide(11)).count(stacked) == 11
    assert r"Tracker & IV (38) & IV (38) \\" in latex.to_latex(wide(2))


def test_a_number_without_interval_leaves_its_room() -> None:
    rows = (
        Row("a", (Cell(0.7, "0.700", low=0.6, high=0.8, interval="[.60, .80]"),)),
        Row("b (published)", (Cell(0.71, "0.710", marks=("a",)),), published=True),
        Row("c", (Cell(None, ""),)),
    )
    text = latex.to_latex(replace(small(), columns=(Column("auc", "AUC", intervals=True),), rows=rows))
    assert r"a & 0.700 {\scriptsize [.60, .80]} \\" in text
    mark = r"\rlap{\textsuperscript{a}}"
    assert rf"& \textit{{0.710}}{mark} \phantom{{\scriptsize [.60, .80]}} \\" in text
    assert r"c &  \\" in text


def test_letters_that_pdflatex_has_not_are_told() -> None:
    told = "% has letters that need XeLaTeX or LuaLaTeX"
    assert told in latex.to_latex(nasty_table())
    accented = replace(small(), rows=(Row("Žížala é", (Cell(0.5, "0.5"), Cell(None, DASH))),))
    assert told not in latex.to_latex(accented)
