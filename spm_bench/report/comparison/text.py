"""A comparison as Markdown and LaTeX."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from spm_bench import __version__
from spm_bench.report import latex
from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.comparison.tables import attribute_table, coverage, metric_table, title_of
from spm_bench.report.html.material import in_words
from spm_bench.report.render import escape_markdown, markdown_rows, markdown_table
from spm_bench.report.vocabulary import DASH

ABOUT = {
    "comparison.html": "all of it on one page that opens from disk",
    "comparison.csv": "every metric: values, difference, interval, p, wins, ties, losses",
    "attributes.csv": "the same per attribute",
    "sequences.csv": "every metric of every sequence: both values and their difference",
    "comparison.tex": "the tables for LaTeX (needs booktabs only)",
    "waterfall": "the difference on every sequence",
    "waterfall_failures": "the difference in failures on every sequence",
    "waterfall_accuracy": "the difference in accuracy on every sequence",
    "attributes": "differences with intervals, by attribute",
    "attributes_failures": "differences in failures with intervals, by attribute",
    "attributes_accuracy": "differences in accuracy with intervals, by attribute",
    "overlaps": "overlap over time on the largest gains and losses",
    "strips": "frames of the moments in which the two part",
}


def to_markdown(pair: PairComparison, files: Sequence[str], command: Sequence[str]) -> str:
    """The index of the folder; `files` are the names of what else is in it."""
    blocks = [
        f"# {escape_markdown(title_of(pair))}",
        f"**{escape_markdown(pair.conclusion)}**",
        escape_markdown(f"{coverage(pair)}."),
        markdown_rows(metric_table(pair)),
        *_pictures(files, "waterfall"),
        *_attribute_blocks(pair, files),
        *_telling_blocks(pair, files),
        *_change_blocks(pair),
        "## How to read this",
        "\n".join(f"* {escape_markdown(line)}" for line in legend(pair)),
        "## Files",
        "\n".join(_listed(files)),
    ]
    if command:
        blocks += ["## How to make this again", f"```sh\n{shlex.join(command)}\n```"]
    blocks.append(f"Made by spm\\_bench {__version__}.")
    return "\n\n".join(filter(None, blocks)) + "\n"


def legend(pair: PairComparison) -> Iterator[str]:
    """How the numbers are meant, a line each; notes about these results first."""
    yield from (f"{note[:1].upper()}{note[1:]}." for note in pair.notes)
    level = 100 * pair.headline.level
    yield f"Differences are {pair.other.label} minus {pair.base.label}, on the sequences that both have."
    yield (
        f"Brackets: {level:g} % bootstrap intervals (BCa) over pairs; sequences of one video or scene are drawn "
        "together. They say what other sequences might have given, not another training."
    )
    yield (
        "p: two-sided signed-rank test over videos, exact (of EAO: a randomisation test that swaps the two), "
        "corrected by Holm's method over the trackers that are compared, and over the attributes; metrics are not "
        "corrected for each other."
    )
    yield "Bold, filled: the interval and the corrected test exclude zero. All else may be noise."
    yield "Detectable: the difference that these sequences would show in 80 % of experiments (two-sided 5 %, one test)."


def _pictures(files: Sequence[str], name: str) -> Iterator[str]:
    for file in files:
        if file.startswith(name) and file.endswith(".png"):
            yield f"![{ABOUT.get(file.removesuffix('.png'), name)}]({file})"


def _attribute_blocks(pair: PairComparison, files: Sequence[str]) -> Iterator[str]:
    if not pair.attribute_metrics:
        return
    yield "## By attribute"
    yield from _pictures(files, "attributes")
    for metric in pair.attribute_metrics:
        yield f"{escape_markdown(in_words(metric))}, on the sequences that carry the attribute."
        yield markdown_rows(attribute_table(pair, metric))


def _telling_blocks(pair: PairComparison, files: Sequence[str]) -> Iterator[str]:
    from spm_bench.report.comparison.figures import telling_title

    if not pair.tellings:
        return
    yield "## Where the two differ most"
    lines = [
        f"* {'gain' if t.win else 'loss'}: {escape_markdown(telling_title(t))}; furthest apart around frame {t.moment}"
        for t in pair.tellings
    ]
    yield "\n".join(lines)
    yield from _pictures(files, "overlaps")
    yield from _pictures(files, "strips")
    if "strips.png" in files:
        yield escape_markdown(
            f"White: the truth; blue, solid: {pair.other.label}; orange, dashed: {pair.base.label}. "
            "Above each picture: both overlaps, in this order."
        )


def _change_blocks(pair: PairComparison) -> Iterator[str]:
    if not pair.changes:
        return
    yield "## What differs between the two runs"
    rows = [
        [escape_markdown(text) for text in (c.what, *(value or DASH for value in c.short()[::-1]))]
        for c in pair.changes
    ]
    top = ["What", escape_markdown(pair.other.label), escape_markdown(pair.base.label)]
    yield markdown_table(top, rows, text_columns=3)


def _listed(files: Sequence[str]) -> Iterator[str]:
    for file in files:
        name, _, ending = file.rpartition(".")
        if ending == "png":
            yield f"* [{name}.pdf]({name}.pdf), [{file}]({file}): {ABOUT.get(name, name)}"
        elif ending != "pdf":
            yield f"* [{file}]({file}): {ABOUT[file]}"


def to_latex(pair: PairComparison) -> str:
    """Write the table of metrics, and those of attributes where there are any; they need the package booktabs only."""
    return latex.to_latex(metric_table(pair), *(attribute_table(pair, metric) for metric in pair.attribute_metrics))
