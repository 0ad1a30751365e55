"""The tables of a comparison: metrics as rows, and attributes as rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from spm_bench.report.ablation_tables import compared_cells
from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.html.plots import short
from spm_bench.report.render import one_line
from spm_bench.report.table import Cell, Column, Row, Table
from spm_bench.report.vocabulary import style_of
from spm_bench.scoring.compare import Comparison

SAME_DIGITS = 9
"""Sums of failures differ from whole numbers behind these: a total of 2 is no 2.0."""

LONGEST_HEAD = 11
"""Letters of a tracker's name over its column on a terminal."""
READING = "Bold: established, that is, the interval and the corrected test exclude zero. All else may be noise."


def title_of(pair: PairComparison) -> str:
    """What is compared: `A against B on OTB-100`."""
    return f"{pair.other.label} against {pair.base.label} on {pair.suite.title}"


def coverage(pair: PairComparison) -> str:
    """On how much: `14 of 100 sequences, protocol one_pass, rules otb-matlab`."""
    n, total = len({*pair.base.sequences} & {*pair.other.sequences}), pair.suite.n_total
    amount = f"{n} of {total} sequences" if n < total else f"{total} sequence{'s' * (total != 1)}"
    rules = dict.fromkeys(s.convention for s in pair.base.scores if s.convention)
    return f"{amount}, protocol {pair.suite.protocol}, rules {' and '.join(rules)}"


def metric_table(pair: PairComparison, *, terse: bool = False) -> Table:
    """A row per metric; `terse`: with short heads and without what was detectable, for a terminal."""
    rows = [(head_of(c), list[Cell](), c) for c in pair.comparisons]
    caption = f"{title_of(pair)}: {coverage(pair)}"
    table = _table(pair, "metrics", "Metric", caption, rows)
    return _narrow(pair, table) if terse else table


def attribute_table(pair: PairComparison, metric: str) -> Table:
    """A row per attribute, by one metric."""
    rows = [(n, [Cell(c.n_sequences, str(c.n_sequences))], c) for n, c in pair.attributes_of(metric).items()]
    caption = f"{title_of(pair)}: {style_of(metric).long}, on the sequences that carry an attribute"
    return _table(pair, f"attributes-{metric}", "Attribute", caption, rows, counts=True)


def head_of(c: Comparison) -> str:
    """A metric and its direction: `AUC ↑`."""
    return f"{style_of(c.metric).title} {'↑' if c.higher_is_better else '↓'}"


def cells_of(c: Comparison) -> list[Cell]:
    """Both values, the difference with its interval, p, wins/ties/losses, and what was detectable."""
    return [_value(c, c.value), _value(c, c.base_value), *compared_cells(c)]


def _value(c: Comparison, value: float) -> Cell:
    if not math.isfinite(value):
        return Cell(None, style_of(c.metric).format(None))
    return Cell(value, style_of(c.metric).format(round(value, SAME_DIGITS)))


def _table(
    pair: PairComparison,
    kind: str,
    head: str,
    caption: str,
    rows: Iterable[tuple[str, list[Cell], Comparison]],
    *,
    counts: bool = False,
) -> Table:
    columns = [Column("n_sequences", "sequences", directed=False)] if counts else []
    columns += [
        Column("value", pair.other.label, directed=False),
        Column("base_value", pair.base.label, directed=False),
        Column("difference", "difference", intervals=True, directed=False),
        Column("p_holm", "p (Holm)", directed=False),
        Column("win_tie_loss", "win/tie/loss", directed=False),
    ]
    columns += [] if counts else [Column("detectable", "detectable", directed=False)]
    return Table(
        name=f"{pair.other.label}-{pair.base.label}-{pair.suite.name}-{kind}",
        caption=caption,
        columns=tuple(columns),
        rows=tuple(Row(name, tuple([*first, *cells_of(c)][: len(columns)])) for name, first, c in rows),
        footnotes=(),
        footer=(READING,),
        level=pair.headline.level,
        head=head,
    )


def _narrow(pair: PairComparison, table: Table) -> Table:
    """The same in 80 columns, however long the trackers' names are: the caption has them whole."""
    names = [short(one_line(label), LONGEST_HEAD) for label in (pair.other.label, pair.base.label)]
    heads = [*(names if names[0] != names[1] else ["first", "base"]), "diff.", "p (Holm)", "W/T/L"]
    columns = tuple(replace(column, title=head) for column, head in zip(table.columns, heads, strict=False))
    rows = tuple(replace(row, cells=row.cells[: len(columns)]) for row in table.rows)
    return replace(table, columns=columns, rows=rows)
