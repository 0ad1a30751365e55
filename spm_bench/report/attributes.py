"""Scores per attribute (occlusion, fast motion, ...): values by name, and the table of the headline metric."""

from __future__ import annotations

from collections.abc import Sequence

from spm_bench.report.table import Cell, Column, Row, Table, rank_texts
from spm_bench.report.tables import caption, row_facts
from spm_bench.report.vocabulary import find_score, is_untrained, ranked, style_of
from spm_bench.scoring.base import Evaluation
from spm_bench.suites.base import Suite

Values = dict[str, tuple[float, int]]
"""Attribute -> (value, how many sequences it was computed from)."""


def attribute_values(evaluation: Evaluation, metric: str) -> Values:
    """The values of one metric per attribute, in the order scoring gave them; empty where there are none."""
    frame = evaluation.per_attribute
    if frame is None or frame.empty:
        return {}
    rows = frame[frame["metric"] == metric]
    numbers = zip(rows["attribute"], rows["value"], rows["n_sequences"], strict=True)
    return {str(name): (float(value), int(n)) for name, value, n in numbers}


def attribute_metric(evaluations: Sequence[Evaluation], headline: str) -> str | None:
    """The headline metric if it is known per attribute, else the first that is, else None."""
    known = [m for e in evaluations if e.per_attribute is not None for m in e.per_attribute["metric"]]
    return headline if headline in known else next(iter(known), None)


def attribute_table(evaluations: Sequence[Evaluation], suite: Suite, metric: str) -> Table:
    """One row per tracker, one column per attribute with the number of sequences it was computed from."""
    order = ranked(evaluations, metric)
    values = [attribute_values(e, metric) for e in order]
    counts: dict[str, int] = {}
    for of_one in values:
        for name, (_, n) in of_one.items():
            counts[name] = max(n, counts.get(name, 0))
    up = next((s.higher_is_better for e in order if (s := find_score(e, metric)) is not None), True)
    columns = tuple(Column(name, f"{name} ({n})", up, directed=False) for name, n in counts.items())
    style = style_of(metric)
    ranks = {}
    for name, n in counts.items():
        found = [of_one[name] for of_one in values if name in of_one]
        same = all(count == n for _, count in found)  # values of fewer sequences do not compare
        ranks[name] = rank_texts([value for value, _ in found], style.format, up) if same and len(found) > 1 else {}
    rows = tuple(
        Row(
            e.label,
            tuple(_cell(of_one.get(name), metric, ranks[name]) for name in counts),
            untrained=is_untrained(e),
            facts=row_facts(e),
        )
        for e, of_one in zip(order, values, strict=True)
    )
    direction = "higher is better" if up else "lower is better"
    what = f"{caption(order, suite)}; {style.title} per attribute ({style.long}, {direction})"
    footer = ("In brackets: the number of sequences with the attribute.",)
    return Table(f"{suite.name}-attributes", what, columns, rows, (), footer, ranked=any(ranks.values()))


def _cell(found: tuple[float, int] | None, metric: str, ranks: dict[str, int]) -> Cell:
    value = None if found is None or found[0] != found[0] else found[0]
    text = style_of(metric).format(value)
    return Cell(value, text, ranks.get(text, 0))
