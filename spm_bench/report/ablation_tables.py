"""The tables of an ablation: cells as rows, one full table per suite and main metric, one of all other metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from spm_bench.report.ablation import AblationCell, AblationDocument, AblationSuite, coverage
from spm_bench.report.differences import p_text, part_text, record_text, signed
from spm_bench.report.intervals import interval_text
from spm_bench.report.table import Cell, Column, Row, Table, rank_texts
from spm_bench.report.tables import row_facts
from spm_bench.report.vocabulary import find_score, finite, is_untrained, style_of
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import Comparison

NO_RESULT = "no result"
READING = (
    "Minus base, bold: established, that is, its interval excludes zero, and so does the test. All else may be noise.",
    "p: two-sided signed-rank test over videos, exact, corrected by Holm's method over all cells of the table.",
)
"""Under every table of differences."""
DETECTABLE = "Detectable: the difference these sequences would show in 80 % of experiments (two-sided 5 %, one test)."


def ablation_tables(document: AblationDocument) -> list[Table]:
    """All tables, in the order of suites: of each main metric, then of the other metrics together."""
    tables = []
    for part in document.suites:
        tables += [ablation_table(document, part, metric) for metric in part.main]
        tables += [others_table(document, part)] if part.others else []
    return tables


def ablation_table(document: AblationDocument, part: AblationSuite, metric: str, *, terse: bool = False) -> Table:
    """The full table of one metric: score, difference to the base, its interval, p, wins and losses.

    Best and second best scores are ranked among cells that finished all sequences; bold differences are established.

    Args:
        document: The ablation.
        part: One of its suites.
        metric: One of its metrics.
        terse: Without the scores' intervals and what was detectable, for a terminal.
    """
    up = _higher_is_better(part, metric)
    columns = [
        Column(metric, style_of(metric).title, up, intervals=not terse),
        Column("difference", "minus base", up, intervals=True, directed=False),
        Column("p_holm", "p (Holm)", directed=False),
        Column("win_tie_loss", "win/tie/loss", directed=False),
    ]
    columns += [] if terse else [Column("detectable", "detectable", directed=False)]
    scores, compared = score_cells(part, metric), part.of(metric)
    if terse:
        scores = [replace(cell, interval="") for cell in scores]
    rows = []
    for place, cell in enumerate(document.cells):
        cells = (scores[place], *compared_cells(compared.get(cell.label)))
        rows.append(_row(document, part, place, cells[: len(columns)]))
    return Table(
        name=f"{document.name}-{part.suite.name}-{metric}",
        caption=f"{document.title}, {part.suite.title} ({coverage(part)}): {style_of(metric).long}",
        columns=tuple(columns),
        rows=tuple(rows),
        footnotes=(),
        footer=READING if terse else (*READING, DETECTABLE),
        ranked=any(cell.rank for cell in scores),
        level=next((c.level for c in compared.values()), None),
        head="Cell",
    )


def others_table(document: AblationDocument, part: AblationSuite) -> Table:
    """Scores and differences of all metrics that have no full table, beside each other, without intervals."""
    columns, fields = list[Column](), list[list[Cell]]()
    for metric in part.others:
        up, compared = _higher_is_better(part, metric), part.of(metric)
        columns.append(Column(metric, style_of(metric).title, up))
        columns.append(Column(f"{metric}_difference", "minus base", up, directed=False))
        fields.append(score_cells(part, metric))
        fields.append([_difference_cell(compared.get(cell.label)) for cell in document.cells])
    rows = [_row(document, part, place, cells) for place, cells in enumerate(zip(*fields, strict=True))]
    words = ", ".join(style_of(metric).long for metric in part.others)
    return Table(
        name=f"{document.name}-{part.suite.name}-others",
        caption=f"{document.title}, {part.suite.title} ({coverage(part)}): {words}",
        columns=tuple(columns),
        rows=tuple(rows),
        footnotes=(),
        footer=READING[:1],
        ranked=any(cell.rank for cells in fields for cell in cells),
        head="Cell",
    )


def score_cells(part: AblationSuite, metric: str) -> list[Cell]:
    """The score of every cell; best and second best are ranked among those that finished all sequences."""
    whole = part.n_whole
    style, complete = style_of(metric), list[float]()
    for evaluation in part.evaluations:
        value = None if evaluation is None else finite(find_score(evaluation, metric))
        if value is not None and evaluation is not None and len(evaluation.sequences) == whole:
            complete.append(value)
    ranks = rank_texts(complete, style.format, _higher_is_better(part, metric))
    ranks = ranks if len(ranks) > 1 else {}  # where all print the same, nobody is best
    return [_score_cell(evaluation, metric, whole, ranks) for evaluation in part.evaluations]


def _score_cell(evaluation: Evaluation | None, metric: str, whole: int, ranks: dict[str, int]) -> Cell:
    if evaluation is None:
        return Cell(None, NO_RESULT)
    score = find_score(evaluation, metric)
    text, missing = style_of(metric).format(finite(score)), part_text(len(evaluation.sequences), whole)
    low, high = (None, None) if score is None else (score.low, score.high)
    rank = 0 if missing else ranks.get(text, 0)
    return Cell(finite(score), text + missing, rank, low=low, high=high, interval=interval_text(metric, low, high))


def compared_cells(c: Comparison | None) -> tuple[Cell, ...]:
    """Difference with its interval, p, wins/ties/losses, and what was detectable; empty without a comparison."""
    difference = _difference_cell(c)
    if c is None:
        return difference, Cell(None, ""), Cell(None, ""), Cell(None, "")
    counts = Cell(None, record_text(c))
    detectable = Cell(_known(c.detectable), signed(c.metric, c.detectable).lstrip("+"))
    return difference, Cell(_known(c.p_holm), p_text(c.p_holm)), counts, detectable


def _difference_cell(c: Comparison | None) -> Cell:
    if c is None:
        return Cell(None, "")
    low, high = _known(c.low), _known(c.high)
    brackets = "" if low is None or high is None else f"[{signed(c.metric, low)}, {signed(c.metric, high)}]"
    text = signed(c.metric, c.difference)
    return Cell(_known(c.difference), text, low=low, high=high, interval=brackets, strong=c.established)


def _row(document: AblationDocument, part: AblationSuite, place: int, cells: Sequence[Cell]) -> Row:
    cell: AblationCell = document.cells[place]
    evaluation = part.evaluations[place]
    facts = {} if evaluation is None else row_facts(evaluation)
    notes = "; ".join(filter(None, (facts.get("note", ""), cell.failure)))
    return Row(
        cell.label,
        tuple(cells),
        untrained=evaluation is not None and is_untrained(evaluation),
        facts={**facts, "note": notes},
        base=cell.label == document.base,
    )


def _higher_is_better(part: AblationSuite, metric: str) -> bool:
    scores = (s for e in part.evaluations if e for s in e.scores if s.metric == metric)
    return next((s.higher_is_better for s in scores), True)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
