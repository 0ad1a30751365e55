"""The document of the comparison: Markdown, CSV, and a figure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from agreeing.compare import AGREES, NOT_IN_PRINT, OTHER_RUN, RULE, UNEXPLAINED, Row, shown_difference
from spm_bench.report import style
from spm_bench.report.published import MARKS
from spm_bench.report.render import escape_markdown
from spm_bench.report.rules import DIGITS
from spm_bench.report.vocabulary import DASH
from spm_bench.results.files import write_bytes, write_text

NAME = "agreement"
HEAD = """# Published figures and the same trackers' raw results

Raw results that others published, scored here; beside them the figures in print. Made by

    {command}

* **print**: the tracker's main figure, with its source below. Figures of which no source was found are not printed.
* **here**: by the benchmark's own rules, which print used (`{rules}`).
* **spread**: the least and the greatest number of all evaluators here, on the same files.
* An explanation is derived from the numbers: the same digits; files that are known to be of another run, or have
  another number of failures than print; a single rule, or another evaluator's rules, that give the printed digits. What
  none of these gives is called unexplained.

{counts}

![Difference of the scores computed here to the figures in print]({name}.png)
"""
KINDS = {
    AGREES: "the same digits",
    RULE: "another rule gives the printed digits",
    OTHER_RUN: "the files are of another run",
    UNEXPLAINED: "unexplained",
    NOT_IN_PRINT: "no figure in print",
}
_TITLES = {"otb100": "OTB-100", "vot2016": "VOT2016", "vot2018": "VOT2018"}
_COLOURS = {AGREES: style.BETTER, RULE: "#009E73", OTHER_RUN: style.NOISE, UNEXPLAINED: style.WORSE}
_COLUMNS = (
    *("suite", "tracker", "metric", "published", "here", "difference", "convention", "low", "low_by", "high"),
    *("high_by", "kind", "explanation", "files", "source", "mark"),
)
_MARKERS = {AGREES: "o", RULE: "^", OTHER_RUN: "s", UNEXPLAINED: "D"}


def write_agreement(rows: Sequence[Row], folder: Path, command: str) -> Path:
    """Write README.md, the CSV and the figure; returns the README.

    Raises:
        ResultsError: The folder cannot be written.
    """
    figure = differences_figure(rows)
    write_bytes(folder / f"{NAME}.png", style.to_png(figure))
    write_bytes(folder / f"{NAME}.pdf", style.to_pdf(figure))
    write_text(folder / f"{NAME}.csv", to_csv(rows))
    write_text(folder / "README.md", to_markdown(rows, command))
    return folder / "README.md"


def to_markdown(rows: Sequence[Row], command: str) -> str:
    """The document."""
    rules = "`, `".join(dict.fromkeys(row.convention for row in rows))
    parts = [HEAD.format(command=command, rules=rules, counts=_counts(rows), name=NAME)]
    for suite in dict.fromkeys(row.suite for row in rows):
        parts.append("\n".join(_table([row for row in rows if row.suite == suite], suite)))
    parts.append("\n".join(_sources(rows)))
    return "\n".join(parts)


def _counts(rows: Sequence[Row]) -> str:
    compared = [row for row in rows if row.published is not None]
    counts = Counter(row.kind for row in compared)
    told = ", ".join(f"{counts[kind]} {words}" for kind, words in KINDS.items() if counts[kind])
    return f"Of {len(compared)} figures in print: {told}. Every number: [`{NAME}.csv`]({NAME}.csv)."


def _table(rows: Sequence[Row], suite: str) -> Iterator[str]:
    yield f"## {_TITLES.get(suite, suite)}\n"
    yield "| tracker | | print | here | difference | spread | explanation |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for i, row in enumerate(rows):
        again = i > 0 and rows[i - 1].tracker == row.tracker
        cells = (
            "" if again else escape_markdown(row.tracker),
            escape_markdown(row.title),
            DASH if row.published is None else row.published.text,
            f"{row.ours:.{DIGITS}f}",
            shown_difference(row),
            _spread(row),
            escape_markdown(_sentence(row)),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    if rows and rows[0].unbounded:
        n = rows[0].unbounded
        yield f"The picture size of {n} sequences is not known here: their overlaps are not bounded to it.\n"


def _spread(row: Row) -> str:
    if row.high - row.low < 0.5 * 10**-DIGITS:
        return "none"
    return f"{row.low:.{DIGITS}f} ({row.low_by}) to {row.high:.{DIGITS}f} ({row.high_by})"


def _sentence(row: Row) -> str:
    return f"unexplained: {row.explanation}" if row.kind == UNEXPLAINED else row.explanation


def _sources(rows: Sequence[Row]) -> Iterator[str]:
    yield "## Sources of the figures in print\n"
    yield "| benchmark | tracker | source | read where | remark |"
    yield "|---|---|---|---|---|"
    seen = set()
    for row in rows:
        figure = row.published
        if figure is None or (row.suite, row.tracker, figure.source) in seen:
            continue
        seen.add((row.suite, row.tracker, figure.source))
        cells = (_TITLES.get(row.suite, row.suite), row.tracker, figure.source, MARKS[figure.mark], figure.note)
        yield f"| {' | '.join(map(escape_markdown, cells))} |"
    yield ""


def to_csv(rows: Sequence[Row]) -> str:
    """Every row with full precision."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        [
            "suite",
            "tracker",
            "metric",
            "published",
            "here",
            "difference",
            "convention",
            "low",
            "low_by",
            "high",
            "high_by",
            "kind",
            "explanation",
            "files",
            "source",
            "mark",
        ]
    )
    for row in rows:
        figure = row.published
        writer.writerow(
            (row.suite, row.tracker, row.metric, "" if figure is None else figure.text, repr(row.ours))
            + ("" if row.difference is None else repr(row.difference), row.convention)
            + (repr(row.low), row.low_by, repr(row.high), row.high_by, row.kind, row.explanation, row.run)
            + (("", "") if figure is None else (figure.source, figure.mark))
        )
    return buffer.getvalue()


def differences_figure(rows: Sequence[Row]) -> Figure:
    """Ours minus print, one line per figure: a point, the spread over evaluators, and what print rounds away."""
    shown = [row for row in rows if row.published is not None]
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 1.0 + 0.155 * len(shown))
        axes = figure.add_subplot()
        axes.axvline(0, color="black", linewidth=0.8)
        for y, row in enumerate(shown):
            _draw(axes, y, row)
        labels = [f"{row.tracker}  {row.title}" for row in shown]
        axes.set_yticks(np.arange(len(shown)), labels)
        for suite in dict.fromkeys(row.suite for row in shown):
            first = next(y for y, row in enumerate(shown) if row.suite == suite)
            if first:
                axes.axhline(first - 0.5, color="black", linewidth=0.5)
            axes.annotate(
                _TITLES.get(suite, suite),
                (0.995, first - 0.42),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="top",
                weight="bold",
            )
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlabel("here minus print")
        axes.grid(axis="y", visible=False)
        kinds = [kind for kind in _COLOURS if any(row.kind == kind for row in shown)]
        handles = [axes.plot([], [], _MARKERS[k], color=_COLOURS[k], markersize=4, label=KINDS[k])[0] for k in kinds]
        handles += axes.plot([], [], color="black", linewidth=1.2, label="spread over evaluators")
        handles.append(axes.fill_between([], [], [], color="#d9d9d9", label="print's rounding"))
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _draw(axes: object, y: int, row: Row) -> None:
    figure = row.published
    assert figure is not None
    half = 0.5 * 10**-figure.digits
    colour = _COLOURS[row.kind]
    axes.fill_between([-half, half], y - 0.42, y + 0.42, color="#d9d9d9", linewidth=0)  # type: ignore[attr-defined]
    axes.plot(  # type: ignore[attr-defined]
        [row.low - figure.value, row.high - figure.value], [y, y], color=colour, linewidth=1.2, solid_capstyle="butt"
    )
    axes.plot([row.ours - figure.value], [y], _MARKERS[row.kind], color=colour, markersize=4)  # type: ignore[attr-defined]
