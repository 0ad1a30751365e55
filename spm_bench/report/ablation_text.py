"""An ablation for people: Markdown and LaTeX, cells as rows, one full table per suite and main metric."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spm_bench import __version__
from spm_bench.report.ablation import AblationDocument, AblationSuite, coverage, figure_names, heat_names
from spm_bench.report.differences import difference_text, p_text, part_text, record_text, signed, verdict
from spm_bench.report.intervals import interval_text
from spm_bench.report.render import escape_latex, escape_markdown
from spm_bench.report.vocabulary import find_score, finite, is_untrained, style_of

HEADS = ("minus base", "p (Holm)", "win/tie/loss", "detectable")


@dataclass(frozen=True)
class Line:
    """One cell on one suite and metric, as printed: plain text, to be escaped by the form."""

    label: str
    is_base: bool
    value: str
    interval: str
    difference: str = ""
    p: str = ""
    record: str = ""
    detectable: str = ""
    established: bool = False


def lines_of(document: AblationDocument, part: AblationSuite, metric: str) -> list[Line]:
    """The rows of a table, in the order of the cells."""
    compared, lines, whole = part.of(metric), list[Line](), _whole(part)
    for cell, evaluation in zip(document.cells, part.evaluations, strict=True):
        score = None if evaluation is None else find_score(evaluation, metric)
        label = cell.label + (" (untrained)" if evaluation is not None and is_untrained(evaluation) else "")
        value = "no result"
        if evaluation is not None:
            value = style_of(metric).format(finite(score)) + part_text(len(evaluation.sequences), whole)
        brackets = interval_text(metric, score.low, score.high) if score is not None else ""
        line = Line(label, cell.label == document.base, value, brackets)
        c = compared.get(cell.label)
        if c is not None:
            line = Line(
                label,
                line.is_base,
                value,
                brackets,
                difference_text(metric, c.difference, c.low, c.high),
                p_text(c.p_holm),
                record_text(c),
                signed(metric, c.detectable).lstrip("+"),
                c.established,
            )
        lines.append(line)
    return lines


def _whole(part: AblationSuite) -> int:
    """The sequences that some cell finished: scores over fewer are marked."""
    return len({name for e in part.evaluations if e is not None for name in e.sequences})


def head_of(part: AblationSuite, metric: str) -> str:
    """A column's head: the metric and its direction."""
    up = next((s.higher_is_better for e in part.evaluations if e for s in e.scores if s.metric == metric), True)
    return f"{style_of(metric).title} {'↑' if up else '↓'}"


def to_markdown(document: AblationDocument, figures: Sequence[str]) -> str:
    """Write the document; `figures` are the file names of its pictures."""
    blocks = [f"# {escape_markdown(document.title)}"]
    for head, text in (("Question", document.question), ("Expected", document.expected)):
        blocks += [f"**{head}.** {escape_markdown(text)}"] if text else []
    blocks += [
        _failures(document),
        *map(escape_markdown, document.notes),
        "## What is established",
        _verdicts(document),
    ]
    blocks += ["![Headline metrics of all suites](forest.png)"] if "forest.png" in figures else []
    blocks += ["## Cells", _cell_table(document)]
    for place, part in enumerate(document.suites):
        blocks += _suite_blocks(document, place, part, figures)
    blocks += ["## How to read this", _legend(document), "## Files", _files(figures)]
    blocks += ["## How to make this again", f"```sh\n{document.command}\n```"] if document.command else []
    blocks.append(f"Made by spm\\_bench {__version__}.")
    return "\n\n".join(filter(None, blocks)) + "\n"


def _failures(document: AblationDocument) -> str:
    if not document.failures:
        return ""
    return "\n".join(["**Not everything ran:**", "", *(f"* {escape_markdown(text)}" for text in document.failures)])


def _verdicts(document: AblationDocument) -> str:
    lines = []
    for part in document.suites:
        for metric in part.main:
            if found := list(part.of(metric).values()):
                lines.append(
                    f"* {escape_markdown(part.suite.title)}: {escape_markdown(verdict(metric, found, _whole(part)))}"
                )
    return "\n".join(lines) or "Nothing was compared."


def _cell_table(document: AblationDocument) -> str:
    """What each cell changes; columns that are empty for all are left out."""
    rows = [(c.change, c.source, c.expected) for c in document.cells]
    heads = ("Change", "Source", "Expected")
    used = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    body = []
    for cell, row in zip(document.cells, rows, strict=True):
        name = (
            f"**{escape_markdown(cell.label)}** (base)" if cell.label == document.base else escape_markdown(cell.label)
        )
        body.append([name, *(escape_markdown(row[i]) for i in used)])
    return markdown_table(["Cell", *(heads[i] for i in used)], body, text_columns=1 + len(used))


def _suite_blocks(document: AblationDocument, place: int, part: AblationSuite, figures: Sequence[str]) -> list[str]:
    blocks = [
        f"## {escape_markdown(part.suite.title)}: {coverage(part)}",
        _about_units(part),
        escape_markdown(part.note),
    ]
    forests, heats = figure_names(document), heat_names(document)
    for metric in part.main:
        blocks.append(_full_table(document, part, metric))
        for of_kind, what in ((forests, "differences to the base"), (heats, "all combinations of the two settings")):
            picture = f"{of_kind.get((place, metric), '')}.png"
            blocks += [f"![{style_of(metric).title}: {what}]({picture})"] if picture in figures else []
    others = [metric for metric in part.metrics if metric not in part.main]
    blocks += [_short_table(document, part, others)] if others else []
    notes = dict.fromkeys(
        f"{c.label}, {style_of(c.metric).title}: {c.note}" if "sequences that both have" in c.note else c.note
        for c in part.comparisons
    )
    notes |= dict.fromkeys(
        f"{style_of(metric).title} is undefined here: {why}" for metric, why in part.undefined.items()
    )
    notes.pop("", None)
    blocks += ["\n".join(f"* {escape_markdown(note)}" for note in notes)] if notes else []
    return blocks


def _about_units(part: AblationSuite) -> str:
    """How many independent trials the sequences are, where some share a video."""
    fewer = [c for c in part.comparisons if c.n_units < c.n_sequences]
    if not fewer:
        return ""
    n_units, n_sequences = max((c.n_units, c.n_sequences) for c in fewer)
    return f"{n_sequences} sequences of {n_units} videos or scenes: so many are the independent trials."


def _full_table(document: AblationDocument, part: AblationSuite, metric: str) -> str:
    body = []
    for line in lines_of(document, part, metric):
        difference = f"**{line.difference}**" if line.established else line.difference
        value = f"{line.value} {line.interval}".strip()
        body.append([_markdown_label(line), value, difference, escape_markdown(line.p), line.record, line.detectable])
    return markdown_table(["Cell", head_of(part, metric), *HEADS], body)


def _short_table(document: AblationDocument, part: AblationSuite, metrics: Sequence[str]) -> str:
    """Values and differences of the other metrics; all numbers are in the CSV."""
    columns = [lines_of(document, part, metric) for metric in metrics]
    body = []
    for row in zip(*columns, strict=True):
        numbers = []
        for line in row:
            difference = line.difference.split(" ")[0]
            numbers += [line.value, f"**{difference}**" if line.established else difference]
        body.append([_markdown_label(row[0]), *numbers])
    heads = [head for metric in metrics for head in (head_of(part, metric), "minus base")]
    return markdown_table(["Cell", *heads], body)


def _markdown_label(line: Line) -> str:
    label = escape_markdown(line.label)
    return f"**{label}** (base)" if line.is_base else label


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int = 1) -> str:
    """A table whose first columns are text and whose others are numbers; all is Markdown already."""
    marks = [":--"] * text_columns + ["--:"] * (len(heads) - text_columns)
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, marks, *rows))


def _legend(document: AblationDocument) -> str:
    level = next((c.level for part in document.suites for c in part.comparisons), 0.95)
    lines = [
        f"Brackets hold {100 * level:g} % bootstrap intervals (BCa) over sequences, of a difference over pairs; "
        "sequences of one video or scene are drawn together. They say what other sequences might have given, not "
        "another training.",
        "p: two-sided signed-rank test over videos, exact, corrected by Holm's method over all cells of a table.",
        "Bold: the interval excludes zero, and so does the corrected test at the same level. All else may be noise.",
        "Detectable: the difference that these sequences would show in 80 % of experiments (two-sided 5 %, one test).",
    ]
    if document.sharing is not None:
        lines.append(f"Exact sharing: {document.sharing:.2f} steps of trackers for each that was computed.")
    return "\n".join(f"* {line}" for line in lines)


def _files(figures: Sequence[str]) -> str:
    lines = ["* [ablation.csv](ablation.csv): all numbers, one row per cell, suite and metric"]
    lines += ["* [ablation.json](ablation.json): the same, with scores and cells", "* [ablation.tex](ablation.tex)"]
    return "\n".join(lines + [f"* [{name}]({name})" for name in figures if name.endswith(".pdf")])


def to_latex(document: AblationDocument) -> str:
    """Write one `table` per suite and main metric; they need the package booktabs only."""
    tables = [_latex_table(document, part, metric) for part in document.suites for metric in part.main]
    return "% needs \\usepackage{booktabs}\n" + "\n".join(tables)


def _latex_table(document: AblationDocument, part: AblationSuite, metric: str) -> str:
    arrow = "uparrow" if head_of(part, metric).endswith("↑") else "downarrow"
    heads = [rf"{escape_latex(style_of(metric).title)} $\{arrow}$", *map(escape_latex, HEADS)]
    label = re.sub(r"[^A-Za-z0-9-]+", "-", f"{document.name}-{part.suite.name}-{metric}")
    rows = []
    for line in lines_of(document, part, metric):
        name = escape_latex(line.label)
        value = escape_latex(line.value) + (rf" {{\scriptsize {escape_latex(line.interval)}}}" if line.interval else "")
        difference = escape_latex(line.difference)
        fields = [
            rf"\textbf{{{name}}} (base)" if line.is_base else name,
            value,
            rf"\textbf{{{difference}}}" if line.established else difference,
            *map(escape_latex, (line.p, line.record, line.detectable)),
        ]
        # a row that starts with "[" would be read as the optional argument of the line break before it
        rows.append(("{}" if name.startswith("[") else "") + " & ".join(fields) + r" \\")
    caption = f"{document.title}, {part.suite.title} ({coverage(part)}): {style_of(metric).long}"
    return "\n".join(
        [
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{escape_latex(caption)}. Bold: the interval and the corrected test exclude zero}}",
            rf"\label{{tab:{label}}}",
            r"\begin{tabular}{lrrrrr}",
            r"\toprule",
            " & ".join(["Cell", *heads]) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )
