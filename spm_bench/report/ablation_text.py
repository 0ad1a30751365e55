"""An ablation for people: the document in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from spm_bench import __version__
from spm_bench.report.ablation import AblationDocument, AblationSuite, coverage, figure_names, heat_names
from spm_bench.report.ablation_tables import DETECTABLE, READING, ablation_table, others_table
from spm_bench.report.differences import verdict
from spm_bench.report.render import escape_markdown, markdown_rows, markdown_table
from spm_bench.report.vocabulary import style_of


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
                    f"* {escape_markdown(part.suite.title)}: {escape_markdown(verdict(metric, found, part.n_whole))}"
                )
    return "\n".join(lines) or "Nothing was compared."


def _cell_table(document: AblationDocument) -> str:
    """What each cell changes; columns that are empty for all are left out."""
    rows = [(c.change, c.source, c.expected) for c in document.cells]
    heads = ("Change", "Source", "Expected")
    used = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    body = []
    for cell, row in zip(document.cells, rows, strict=True):
        name = escape_markdown(cell.label)
        name = f"**{name} (base)**" if cell.label == document.base else name
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
        blocks.append(markdown_rows(ablation_table(document, part, metric)))
        for of_kind, what in ((forests, "differences to the base"), (heats, "all combinations of the two settings")):
            picture = f"{of_kind.get((place, metric), '')}.png"
            blocks += [f"![{style_of(metric).title}: {what}]({picture})"] if picture in figures else []
    blocks += [markdown_rows(others_table(document, part))] if part.others else []
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


def _legend(document: AblationDocument) -> str:
    level = next((c.level for part in document.suites for c in part.comparisons), 0.95)
    lines = [
        f"Brackets hold {100 * level:g} % bootstrap intervals (BCa) over sequences, of a difference over pairs; "
        "sequences of one video or scene are drawn together. They say what other sequences might have given, not "
        "another training.",
        "Scores: the best is bold, the second underlined, by the printed digits, among cells that finished everything.",
        *READING,
        DETECTABLE,
    ]
    if document.sharing is not None:
        lines.append(f"Exact sharing: {document.sharing:.2f} steps of trackers for each that was computed.")
    return "\n".join(f"* {line}" for line in lines)


def _files(figures: Sequence[str]) -> str:
    lines = ["* [ablation.csv](ablation.csv): all numbers, one row per cell, suite and metric"]
    lines += ["* [ablation.json](ablation.json): the same, with scores and cells"]
    lines += ["* [ablation.tex](ablation.tex), [ablation.html](ablation.html): the tables for LaTeX and as a page"]
    return "\n".join(lines + [f"* [{name}]({name})" for name in figures if name.endswith(".pdf")])
