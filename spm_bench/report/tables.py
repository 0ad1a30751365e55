"""The table of trackers on one suite, made once from evaluations, figures from print beside them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from spm_bench.report.conventions import default_name, explain
from spm_bench.report.intervals import fit_intervals, interval_text
from spm_bench.report.notes import Footnotes, SharedNotes, parts_of
from spm_bench.report.published import PublishedFigure, figures_beside, load_published, same_tracker
from spm_bench.report.table import Cell, Column, Row, Table, rank_texts
from spm_bench.report.vocabulary import (
    DASH,
    computes_nothing,
    find_score,
    finite,
    headline_metric,
    is_untrained,
    metric_order,
    ranked,
    style_of,
)
from spm_bench.scoring.base import Evaluation, Score
from spm_bench.suites.base import Suite
from spm_bench.suites.facts import data_files

IDLE = "looks at no picture: its speed is not ranked"


def build_table(evaluations: Sequence[Evaluation], suite: Suite, *, published: bool = True) -> Table:
    """Make the table of one suite.

    Rows are ordered by the benchmark's headline metric. Best and second best of each column are ranked among measured
    rows only, by the printed digits, and only where there are at least two trackers scored on the same sequences.

    Args:
        evaluations: One per tracker and variant, all on `suite`.
        suite: What they were scored on.
        published: Show figures from print where they are comparable: whole suite, its own protocol.
    """
    metrics = _columns(evaluations, suite.family)
    order = ranked(evaluations, metrics[0]) if metrics else list(evaluations)
    ranks = _ranks(order, metrics) if _same_sequences(order, metrics) else {}
    notes, marks = SharedNotes.gather(order, metrics), Footnotes()
    columns = tuple(Column(m, style_of(m).title, _is_higher_better(order, m)) for m in metrics)
    counts = {_n_sequences(e) for e in order}
    measured = []
    for i, evaluation in enumerate(order):
        cells = []
        for metric in metrics:
            score = find_score(evaluation, metric)
            idle = metric == "fps" and computes_nothing(evaluation)
            rank = 0 if idle else ranks.get((metric, style_of(metric).format(finite(score))), 0)
            parts = [*notes.of_cell(i, metric, score), *([IDLE] if idle and finite(score) is not None else [])]
            cells.append(_measured_cell(score, metric, rank, parts, marks))
        measured.append((evaluation, _measured_row(evaluation, tuple(cells), notes.of_rows[i], marks, counts)))
    comparable = is_comparable(order, suite)
    beside = figures_beside(suite.name, (_tracker(e) for e in order)) if published and comparable else ()
    rows = _interleave(measured, _published_groups(beside), columns, marks)
    shared = tuple(f"Of all measured rows: {part}." for part in sorted(notes.everywhere))
    table = Table(
        name=suite.name,
        caption=caption(order, suite),
        columns=columns,
        rows=tuple(rows),
        footnotes=marks.pairs(),
        footer=(*shared, *_footer(order, suite, rows, published and not comparable)),
        conventions=_conventions(order, metrics),
        ranked=bool(ranks),
        column_notes=_column_notes(order, metrics, notes),
        level=next((s.level for e in order for s in e.scores if s.level is not None), None),
    )
    return fit_intervals(table)


def is_comparable(evaluations: Sequence[Evaluation], suite: Suite) -> bool:
    """Tell whether print compares: every score is of the whole suite, under the suite's own protocol."""
    own = own_protocol(suite)
    scores = [s for e in evaluations for s in e.scores if s.metric != "fps"]
    return bool(scores) and all(s.n_sequences == s.n_total and s.protocol == own for s in scores)


def own_protocol(suite: Suite) -> str:
    """The protocol of the benchmark itself, whatever the suite was run under."""
    return str(data_files().get(suite.name, {}).get("protocol", suite.protocol))


def caption(evaluations: Sequence[Evaluation], suite: Suite) -> str:
    """What was scored, in one line: "OTB100: 14 of 100 sequences, protocol one_pass"."""
    protocols = sorted({s.protocol for e in evaluations for s in e.scores}) or [suite.protocol]
    return f"{suite.title}: {coverage(evaluations, suite)}, protocol {' and '.join(protocols)}"


def coverage(evaluations: Sequence[Evaluation], suite: Suite) -> str:
    """How much of the suite went into the scores; a range where trackers differ."""
    counts = sorted({_n_sequences(e) for e in evaluations})
    if not counts:
        return suite.coverage
    if counts == [suite.n_total]:
        return f"{suite.n_total} sequence{'s' if suite.n_total != 1 else ''}"
    low = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    return f"{low} of {suite.n_total} sequences"


def _n_sequences(evaluation: Evaluation) -> int:
    return max((s.n_sequences for s in evaluation.scores if s.metric != "fps"), default=0)


def _tracker(evaluation: Evaluation) -> str:
    return evaluation.scores[0].tracker if evaluation.scores else evaluation.label


def _columns(evaluations: Sequence[Evaluation], family: str) -> list[str]:
    """The headline first, the others as scored; speed is left out where nobody has it."""
    headline = headline_metric(evaluations, family)
    metrics = sorted(metric_order(evaluations), key=lambda m: m != headline)
    return [m for m in metrics if m != "fps" or any(finite(find_score(e, m)) is not None for e in evaluations)]


def _same_sequences(evaluations: Sequence[Evaluation], metrics: Sequence[str]) -> bool:
    return bool(metrics) and len(evaluations) > 1 and len({_n_sequences(e) for e in evaluations}) == 1


def _ranks(evaluations: Sequence[Evaluation], metrics: Sequence[str]) -> dict[tuple[str, str], int]:
    """(metric, printed text) -> BEST or SECOND."""
    ranks = {}
    for metric in metrics:
        able = [e for e in evaluations if metric != "fps" or not computes_nothing(e)]
        values = [value for e in able if (value := finite(find_score(e, metric))) is not None]
        texts = rank_texts(values, style_of(metric).format, _is_higher_better(evaluations, metric))
        ranks.update({(metric, text): rank for text, rank in texts.items()})
    return ranks


def _is_higher_better(evaluations: Sequence[Evaluation], metric: str) -> bool:
    return next(s.higher_is_better for e in evaluations for s in e.scores if s.metric == metric)


def _measured_row(
    evaluation: Evaluation, cells: tuple[Cell, ...], said: frozenset[str], marks: Footnotes, counts: set[int]
) -> Row:
    first = dict.fromkeys(part for score in evaluation.scores for part in parts_of(score))
    row_marks = tuple(mark for part in first if part in said for mark in marks.mark(part))
    if len(counts) > 1:
        n_total = evaluation.scores[0].n_total if evaluation.scores else 0
        row_marks += marks.mark(f"scored on {_n_sequences(evaluation)} of {n_total} sequences")
    return Row(evaluation.label, cells, False, is_untrained(evaluation), row_marks, row_facts(evaluation))


def _measured_cell(score: Score | None, metric: str, rank: int, parts: Sequence[str], marks: Footnotes) -> Cell:
    value = finite(score)
    text = style_of(metric).format(value)
    if score is None:
        parts = ["not computed for this tracker"]
    elif value is None and not score.note:
        parts = ["undefined: no frame it could be computed from"]
    found = tuple(mark for part in parts for mark in marks.mark(part))
    if value is None or score is None:
        return Cell(None, text, 0, found)
    brackets = interval_text(metric, score.low, score.high)
    return Cell(value, text, rank, found, low=score.low, high=score.high, interval=brackets)


def _column_notes(
    evaluations: Sequence[Evaluation], metrics: Sequence[str], notes: SharedNotes
) -> tuple[tuple[str, str], ...]:
    """What holds for whole columns, each text once with the heads of all its columns."""
    heads: dict[str, list[str]] = {}
    for metric in metrics:
        for part in parts_of(find_score(evaluations[0], metric)):
            if part in notes.of_columns[metric]:
                heads.setdefault(part, []).append(style_of(metric).title)
    return tuple((", ".join(titles), text) for text, titles in heads.items())


def row_facts(evaluation: Evaluation) -> dict[str, str]:
    """What CSV says of a measured row beside its numbers: variant, source, coverage, rules, run."""
    if not evaluation.scores:
        return {}
    first = evaluation.scores[0]
    return {
        "variant": first.variant,
        "source": first.source,
        "trained": first.trained,
        "n_sequences": str(_n_sequences(evaluation)),
        "n_total": str(first.n_total),
        "protocol": first.protocol,
        "convention": " ".join(dict.fromkeys(s.convention for s in evaluation.scores if s.convention)),
        "run": first.run,
        "note": "; ".join(dict.fromkeys(part for s in evaluation.scores for part in parts_of(s))),
    }


def _published_groups(figures: Sequence[PublishedFigure]) -> list[list[PublishedFigure]]:
    """One group per printed row: a tracker and what sets it apart; its main figures come first."""
    ordered = sorted(figures, key=lambda f: (f.tracker.casefold(), f.detail != "", f.detail))
    return [list(group) for _, group in groupby(ordered, key=lambda f: (f.tracker, f.detail))]


def _published_row(group: Sequence[PublishedFigure], columns: Sequence[Column], notes: Footnotes) -> Row:
    by_metric = {f.metric: f for f in group if f.metric in {c.metric for c in columns}}
    citations = {f.citation for f in by_metric.values()}
    shared = citations.pop() if len(citations) == 1 else ""
    row_marks, cells = notes.mark(shared), []
    for column in columns:
        figure = by_metric.get(column.metric)
        if figure is None:
            cells.append(Cell(None, ""))
        else:
            marks = () if shared else notes.mark(figure.citation)
            missing = max(style_of(column.metric).decimals - figure.digits, 0)
            cells.append(Cell(figure.value, figure.text, 0, marks, missing))
    detail = f", {group[0].detail}" if group[0].detail else ""
    facts = {"source": "published", "note": "; ".join(dict.fromkeys(f.citation for f in by_metric.values()))}
    return Row(f"{group[0].tracker} (published{detail})", tuple(cells), True, False, row_marks, facts)


def _interleave(
    measured: Sequence[tuple[Evaluation, Row]],
    groups: Sequence[list[PublishedFigure]],
    columns: Sequence[Column],
    notes: Footnotes,
) -> list[Row]:
    """Put each published row under the best measured row of its tracker, the others at the end."""
    shown = {c.metric for c in columns}
    left = [g for g in groups if any(f.metric in shown for f in g)]
    rows: list[Row] = []
    for evaluation, row in measured:
        rows.append(row)
        mine = [g for g in left if same_tracker(_tracker(evaluation), g[0].tracker)]
        rows += [_published_row(g, columns, notes) for g in mine]
        left = [g for g in left if g not in mine]
    return rows + [_published_row(g, columns, notes) for g in left]


def _footer(
    evaluations: Sequence[Evaluation], suite: Suite, rows: Sequence[Row], incomparable: bool
) -> tuple[str, ...]:
    lines = []
    if len({_n_sequences(e) for e in evaluations}) > 1:
        lines.append("The trackers were scored on different sequences: values of one column do not compare.")
    if any(row.published for row in rows):
        lines.append("Rows called published are figures from print, not measured here; their sources are in the notes.")
        used = {score.convention for e in evaluations for score in e.scores} - {
            "",
            default_name(suite.family, suite.convention),
        }
        if used:
            lines.append(f"Figures from print follow the benchmark's own rules, not {' or '.join(sorted(used))}.")
    elif incomparable and any(f.suite == suite.name for f in load_published()):
        lines.append(
            f"Published figures are of the whole of {suite.title} under its own protocol; "
            "they do not compare with this table and are not shown."
        )
    if any(row.untrained for row in rows):
        lines.append("Untrained: the network's weights were never trained; its scores say nothing about the method.")
    if any(cell.text == DASH for row in rows for cell in row.cells):
        lines.append(f"{DASH}: undefined or not computed.")
    return tuple(lines)


def _conventions(evaluations: Sequence[Evaluation], metrics: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
    """The rule sets in the order of the columns."""
    ruled: dict[str, list[str]] = {}
    for metric in metrics:
        for evaluation in evaluations:
            score = find_score(evaluation, metric)
            if score is not None and score.convention and metric not in ruled.setdefault(score.convention, []):
                ruled[score.convention].append(metric)
    return tuple((name, ", ".join(style_of(m).title for m in ms), explain(name)) for name, ms in ruled.items())
