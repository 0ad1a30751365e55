"""The figures of a comparison, each by its file's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from matplotlib.figure import Figure

from spm_bench.report.comparison.film import Shot, sheet
from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.comparison.telling import Telling
from spm_bench.report.differences import signed
from spm_bench.report.figures_sequences import waterfall
from spm_bench.report.figures_timelines import overlap_lines
from spm_bench.report.forest import comparison_frame, forest_plot
from spm_bench.report.lettering import Picture
from spm_bench.report.style import short_name
from spm_bench.report.vocabulary import style_of

Films = Mapping[str, tuple[Shot, ...]]
"""Sequence -> pictures of its strip."""


def figures(pair: PairComparison, films: Films) -> Iterator[tuple[str, Figure]]:
    """File name without ending -> figure, for what there is data for."""
    title = pair.suite.title
    several = len(pair.sequence_metrics) > 1
    for metric in pair.sequence_metrics:
        deltas = pair.sequences[pair.sequences["metric"] == metric]
        if deltas["delta"].notna().any():
            yield f"waterfall_{metric}" if several else "waterfall", waterfall(deltas, title)
    for metric in pair.attribute_metrics:
        yield (
            f"attributes_{metric}" if len(pair.attribute_metrics) > 1 else "attributes",
            attribute_forest(pair, metric),
        )
    if pair.tellings:
        yield (
            "overlaps",
            overlap_lines(
                pair.timelines,
                f"{title}: where the two differ most",
                titles={t.sequence.name: telling_title(t) for t in pair.tellings},
                marks={t.sequence.name: t.frames for t in pair.tellings if t.sequence.name in films},
            ),
        )


def strips(pair: PairComparison, films: Films) -> Picture | None:
    """All film strips as one picture; None without any."""
    named = [(telling_title(t), films[t.sequence.name]) for t in pair.tellings if t.sequence.name in films]
    return sheet(named) if named else None


def attribute_forest(pair: PairComparison, metric: str) -> Figure:
    """All sequences, and those of each attribute: differences with intervals."""
    whole = next((c for c in pair.comparisons if c.metric == metric), None)
    rows = [] if whole is None else [replace(whole, label=f"all sequences ({whole.n_sequences})")]
    rows += [replace(c, label=f"{name} ({c.n_sequences})") for name, c in pair.attributes_of(metric).items()]
    frame = comparison_frame(rows, {pair.suite.name: pair.suite.title})
    return forest_plot(frame, f"{short_name(pair.other.label)} against {short_name(pair.base.label)}, by attribute")


def telling_title(telling: Telling) -> str:
    """A telling sequence with its values: `Skiing: AUC .52 against .10 (+.42)`."""
    parts = []
    for metric, (value, base_value) in telling.values.items():
        style = style_of(metric)
        numbers = f"{style.format(value)} against {style.format(base_value)}"
        parts.append(f"{style.word} {numbers} ({signed(metric, value - base_value)})")
    return f"{telling.sequence.name}: {', '.join(parts)}"
