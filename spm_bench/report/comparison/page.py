"""The page of a comparison: one file that opens from disk, without a script and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from spm_bench import __version__
from spm_bench.report.comparison.drawing import Lines, forest, lines, walls
from spm_bench.report.comparison.figures import Films, telling_title
from spm_bench.report.comparison.film import Shot, overlap_words
from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.comparison.tables import attribute_table, coverage, metric_table, title_of
from spm_bench.report.comparison.telling import Telling
from spm_bench.report.comparison.text import legend
from spm_bench.report.differences import signed
from spm_bench.report.html.material import in_words
from spm_bench.report.html.origin import typed
from spm_bench.report.html.page import environment, page_style, policy
from spm_bench.report.html.pictures import jpeg
from spm_bench.report.overlay import svg_points
from spm_bench.report.vocabulary import style_of


@dataclass(frozen=True)
class Frame:
    """A picture of a strip; `outlines` are (place or None, SVG points)."""

    frame: int
    data: str
    window: tuple[int, int, int, int]
    outlines: tuple[tuple[int | None, str], ...]
    words: str
    is_moment: bool


@dataclass(frozen=True)
class Moment:
    """A telling sequence as it is shown."""

    title: str
    win: bool
    row: int
    frame: int
    lines: Lines
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class SequenceRow:
    """A row of the table of sequences: three texts for each metric, and whether the other is better (1), worse (-1)."""

    name: str
    cells: tuple[tuple[str, str, str, int], ...]


def render_comparison(pair: PairComparison, films: Films, *, command: Sequence[str] = ()) -> str:
    """The text of the page.

    Args:
        pair: What is shown.
        films: Sequence -> pictures of its strip.
        command: That makes it again.
    """
    rows = _sequence_rows(pair)
    places = {row.name: place for place, row in enumerate(rows)}
    style = Markup(page_style() + environment().get_template("comparison.css").render())
    return environment().get_template("comparison.html.j2").render(
        title=title_of(pair),
        pair=pair,
        coverage=coverage(pair),
        conclusion=pair.conclusion,
        table=metric_table(pair),
        walls=walls(pair, places),
        forests=[(in_words(metric), forest(pair, metric)) for metric in pair.attribute_metrics],
        attributes=[attribute_table(pair, metric) for metric in pair.attribute_metrics],
        moments=[_moment(t, films.get(t.sequence.name, ()), places) for t in pair.tellings],
        rows=rows,
        metrics=[style_of(m).word for m in _metrics(pair)],
        legend=list(legend(pair)),
        command=typed(command) if command else "",
        version=__version__,
        style=style,
        policy=policy(style, ()),
    )  # fmt: skip


def _metrics(pair: PairComparison) -> list[str]:
    """Those of single sequences; the ones that order them first."""
    known = [str(metric) for metric in pair.sequences["metric"].unique()]
    first = pair.sequence_metrics
    return [*first, *(metric for metric in known if metric not in first)]


def _sequence_rows(pair: PairComparison) -> list[SequenceRow]:
    """All sequences in the suite's order."""
    values = {
        (str(row["sequence"]), str(row["metric"])): (
            float(row["value"]),
            float(row["base_value"]),
            1 if row["higher_is_better"] else -1,
        )
        for row in pair.sequences.to_dict("records")
    }
    named = {name for name, _ in values}
    order = [s.name for s in pair.suite.sequences if s.name in named]
    return [SequenceRow(name, tuple(_three(values.get((name, m)), m) for m in _metrics(pair))) for name in order]


def _three(found: tuple[float, float, int] | None, metric: str) -> tuple[str, str, str, int]:
    style = style_of(metric)
    if found is None:
        return style.format(None), style.format(None), style.format(None), 0
    value, base_value, up = found
    text = signed(metric, value - base_value)
    shown = any(letter in "123456789" for letter in text)
    return style.format(value), style.format(base_value), text, int(np.sign(value - base_value)) * up * shown


def _moment(telling: Telling, shots: Sequence[Shot], places: dict[str, int]) -> Moment:
    frames = tuple(_frame(shot, telling.moment) for shot in shots)
    row = places[telling.sequence.name]
    return Moment(telling_title(telling), telling.win, row, telling.moment, lines(telling), frames)


def _frame(shot: Shot, moment: int) -> Frame:
    outlines = tuple((place, svg_points(region)) for place, region in shot.regions)
    words = overlap_words(shot.overlaps)
    return Frame(shot.frame, jpeg(shot.picture), shot.window, outlines, words, shot.frame == moment)
