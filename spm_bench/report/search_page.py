"""The page of a search in Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from spm_bench import __version__
from spm_bench.report.render import escape_markdown
from spm_bench.report.search_document import TUNED_MARK, SearchDocument, known, result_rows, verdict, warnings_of
from spm_bench.report.vocabulary import DASH, style_of
from spm_bench.scoring.compare import Comparison


def search_page(document: SearchDocument, files: Mapping[str, str], figures: Mapping[str, str]) -> str:
    """Write the page.

    Args:
        document: What was found.
        files: File beside the page -> what it is.
        figures: Name of a figure (PNG and PDF) -> what it shows.
    """
    parts = [f"# {escape_markdown(document.name)}", escape_markdown(document.question)]
    if document.expected:
        parts.append(f"*Expected:* {escape_markdown(document.expected)}")
    parts += [f"**{escape_markdown(verdict(document))}**", _result_table(document)]
    parts += [f"> {escape_markdown(text)}" for text in warnings_of(document)]
    parts += ["## Trials", escape_markdown(_spent(document)), _best_table(document)]
    parts += [f"![{shown}]({name}.png)" for name, shown in figures.items()]
    if document.importance:
        parts.append(
            "The importance of a setting (PED-ANOVA) is its share in what sets the best tenth of the complete trials "
            "apart; few trials make it rough."
        )
    if len(document.comparisons) > 1:
        parts += ["## Other metrics on the held-out part", _comparisons_table(document.comparisons[1:])]
    parts += ["## Space", _space_table(document), "## Sequences", _sequences(document)]
    if document.failures or document.notes:
        parts += ["## Notes", "\n".join(f"* {escape_markdown(t)}" for t in (*document.failures, *document.notes))]
    listed = [f"* [{name}]({name}): {about}" for name, about in files.items()]
    listed += [f"* [{n}.pdf]({n}.pdf), [{n}.png]({n}.png): {shown}" for n, shown in figures.items()]
    parts += ["## Files", "\n".join(listed), "## How to make this again", f"```sh\n{document.command}\n```"]
    parts.append(f"Made by spm_bench {__version__}.")
    if document.suite.citation:
        parts.append(f"Please cite: {escape_markdown(document.suite.citation)}")
    return "\n\n".join(parts) + "\n"


def _result_table(document: SearchDocument) -> str:
    style = style_of(document.metric)
    arrow = "↑" if document.higher_is_better else "↓"
    lines = [
        f"| Part | Tracker | Settings | Sequences | {escape_markdown(style.title)} {arrow} | Difference to the base | "
        "p | W/T/L | |",
        "| :-- | :-- | :-- | --: | --: | --: | --: | --: | :-- |",
    ]
    for row in result_rows(document):
        score = style.format(row.score) + _span(row.low, row.high, ".3f")
        difference = "" if row.difference is None else f"{row.difference:+.3f}"
        difference += _span(row.difference_low, row.difference_high, "+.3f")
        p = "" if row.p is None else f"{row.p:.3g}"
        cells = (row.part, row.label, row.settings, str(row.n_sequences), score, difference, p, row.wins_ties_losses)
        words = [escape_markdown(cell) for cell in (*cells, row.mark)]
        if row.mark:
            words = [f"*{word}*" if word else "" for word in words]
        lines.append(f"| {' | '.join(words)} |")
    return "\n".join(lines)


def _spent(document: SearchDocument) -> str:
    counts = {
        state: sum(t.state == state for t in document.trials)
        for state in dict.fromkeys(t.state for t in document.trials)
    }
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    text = f"{len(document.trials)} trials of {document.asked}: {told}. Trial 0 is the base."
    whole, run = document.frames
    if whole > run > 0:
        text += f" Pruning left out {1 - run / whole:.0%} of the frames."
    return text


MOST_LISTED = 10
"""Trials in the table of the best."""


def _best_table(document: SearchDocument) -> str:
    style = style_of(document.metric)
    sign = -1.0 if document.higher_is_better else 1.0
    complete = sorted(
        (t for t in document.trials if t.value is not None), key=lambda t: (sign * (t.value or 0.0), t.number)
    )
    heads = [escape_markdown(name) for name in document.space]
    lines = [
        f"| Trial | {' | '.join(heads)} | {escape_markdown(style.title)} | |",
        "| --: |" + " --: |" * (len(heads) + 1) + " :-- |",
    ]
    shown = complete[:MOST_LISTED]
    if not any(t.number == 0 for t in shown):
        shown += [t for t in complete if t.number == 0]
    for trial in shown:
        values = [json.dumps(trial.settings[name]) for name in document.space]
        name = f"{trial.number} (base)" if trial.number == 0 else str(trial.number)
        lines.append(
            f"| {name} | {' | '.join(map(escape_markdown, values))} | {style.format(trial.value)} | {TUNED_MARK} |"
        )
    rest = len(complete) - len(shown)
    return "\n".join(lines) + (f"\n\nThe best {MOST_LISTED} of {len(complete)}." if rest > 0 else "")


def _comparisons_table(comparisons: Sequence[Comparison]) -> str:
    lines = ["| Metric | Base | Best | Difference | p | W/T/L |", "| :-- | --: | --: | --: | --: | --: |"]
    for c in comparisons:
        style = style_of(c.metric)
        p = DASH if math.isnan(c.p) else f"{c.p:.3g}"
        difference = f"{c.difference:+.3f}{_span(known(c.low), known(c.high), '+.3f')}"
        lines.append(
            f"| {escape_markdown(style.title)} | {style.format(c.base_value)} | {style.format(c.value)} | "
            f"{escape_markdown(difference)} | {p} | {c.wins}/{c.ties}/{c.losses} |"
        )
    return "\n".join(lines) + "\n\nThese were not searched for, and their tests are not corrected for their number."


def _space_table(document: SearchDocument) -> str:
    best = document.trial(document.best).settings
    lines = ["| Setting | Searched | Base | Best |", "| :-- | :-- | --: | --: |"]
    for name, searched in document.space.items():
        cells = (name, searched, json.dumps(document.base[name]), json.dumps(best[name]))
        lines.append(f"| {' | '.join(map(escape_markdown, cells))} |")
    return "\n".join(lines)


def _sequences(document: SearchDocument) -> str:
    tuned, held_out = document.tuned, document.held_out
    lines = [
        f"Tuned ({len(tuned.names)} sequences, {tuned.n_units} videos or scenes, in the order trials saw them): "
        + ", ".join(map(escape_markdown, tuned.names)),
        f"Held out ({len(held_out.names)} sequences, {held_out.n_units} videos or scenes): "
        + ", ".join(map(escape_markdown, held_out.names)),
        f"Fingerprint of the suite (names, annotations, frames): `{document.suite.fingerprint}`",
    ]
    return "\n\n".join(lines)


def _span(low: float | None, high: float | None, form: str) -> str:
    return "" if low is None or high is None else f" [{low:{form}}, {high:{form}}]"
