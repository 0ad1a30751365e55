"""The document of an ablation: what was asked, every cell's change, differences to the base, and how sure they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spm_bench.errors import ResultsError
from spm_bench.report.vocabulary import HEADLINES, find_score, finite
from spm_bench.scoring.base import Evaluation, Score
from spm_bench.scoring.compare import Comparison
from spm_bench.scoring.families import family_of
from spm_bench.suites.base import Suite

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

INDEX = "ablation.md"
FOREST, HEAT = "forest", "heat"
"""What the names of figures begin with."""
MAIN_METRICS = {
    kind: ("eao", "accuracy", robustness)
    for kind, robustness in (("supervised", "robustness"), ("multi-start", "robustness_st"))
}
"""Kind of a family -> the metrics with a full table and a figure in the text; the others stand in one table."""


@dataclass(frozen=True)
class AblationCell:
    """One cell of an ablation: a row of every table.

    Attributes:
        label: What tables and figures call it; unique.
        change: What differs from the base, in words or as `field = value`; empty for the base.
        source: Where the change comes from.
        expected: What it was expected to do.
        failure: Why the cell has no results, or not all; empty where nothing failed.
    """

    label: str
    change: str = ""
    source: str = ""
    expected: str = ""
    failure: str = ""


@dataclass(frozen=True, eq=False)
class AblationSuite:
    """What was found on one suite.

    Attributes:
        suite: The sequences.
        evaluations: One per cell of the document, in its order; None where a cell has no result here.
        comparisons: From `compare_to_base`; their labels are the cells' (give it evaluations that are called so).
        note: What holds for this suite only.
    """

    suite: Suite
    evaluations: tuple[Evaluation | None, ...]
    comparisons: tuple[Comparison, ...]
    note: str = ""

    @property
    def metrics(self) -> list[str]:
        """What has a value in some cell, without speed, the headline first."""
        found = dict.fromkeys(s.metric for s in self._scores() if s.value is not None)
        return sorted(found, key=lambda metric: metric != HEADLINES.get(self.suite.family))

    @property
    def undefined(self) -> dict[str, str]:
        """Metrics that have no value in any cell -> why: the first part of the note, what follows is of one cell."""
        found = {s.metric: s.note.removeprefix("undefined: ") for s in self._scores() if s.value is None}
        return {metric: note.partition(";")[0] for metric, note in found.items() if metric not in self.metrics}

    def _scores(self) -> list[Score]:
        return [s for e in self.evaluations if e for s in e.scores if s.metric != "fps"]

    @property
    def compared(self) -> list[str]:
        """The metrics with comparisons, in the order of `metrics`."""
        known = {c.metric for c in self.comparisons}
        return [metric for metric in self.metrics if metric in known]

    @property
    def main(self) -> list[str]:
        """The metrics with a full table."""
        family = family_of(self.suite.family)
        wanted = MAIN_METRICS.get(family.kind, (family.headline,))
        return [metric for metric in self.metrics if metric in wanted] or self.metrics[:1]

    @property
    def others(self) -> list[str]:
        """The metrics without a full table."""
        return [metric for metric in self.metrics if metric not in self.main]

    @property
    def n_whole(self) -> int:
        """The sequences that some cell finished: scores over fewer are marked."""
        return len({name for e in self.evaluations if e is not None for name in e.sequences})

    def of(self, metric: str) -> dict[str, Comparison]:
        """Label -> comparison, for one metric."""
        return {c.label: c for c in self.comparisons if c.metric == metric}


@dataclass(frozen=True)
class AblationGrid:
    """Two settings of which every combination is a cell.

    Attributes:
        x: The setting with more values.
        y: The other.
        places: (value of x, value of y, label of the cell), the values as words; row by row.
    """

    x: str
    y: str
    places: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, eq=False)
class AblationDocument:
    """All that is written about one ablation.

    Attributes:
        name: Of the sweep; for labels of tables.
        title: For people.
        question: What was asked.
        expected: The answer that was expected.
        command: The shell command that makes this again.
        cells: In the order of the tables.
        base: Label of the cell that the others are compared with.
        suites: What was found.
        sharing: Steps asked for / computed, by the lockstep engine; None where it was not used.
        failures: Sequences or cells that failed, one sentence each.
        notes: Anything else, one sentence each.
        grid: The cells as a table of two settings, for a heat map; None where they are none.
    """

    name: str
    title: str
    question: str
    expected: str
    command: str
    cells: tuple[AblationCell, ...]
    base: str
    suites: tuple[AblationSuite, ...]
    sharing: float | None = None
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    grid: AblationGrid | None = None


def write_ablation(document: AblationDocument, folder: Path) -> list[Path]:
    """Write an ablation as Markdown, LaTeX, HTML, CSV and JSON, with a forest plot per suite and main metric.

    Where the cells are a grid of two settings, there is a heat map per suite and main metric too.

    With several suites, `forest.png` and `forest.pdf` show their headline metrics beside each other.

    Args:
        document: What is written.
        folder: Created if it is not there; files of an earlier document are replaced one by one, each atomically.

    Returns:
        The files written, `ablation.md` first.

    Raises:
        ResultsError: The folder cannot be written, or the document does not fit together (no such base, a label twice).
    """
    from spm_bench.report.ablation_data import to_csv, to_json
    from spm_bench.report.ablation_tables import ablation_tables
    from spm_bench.report.ablation_text import to_markdown
    from spm_bench.report.folder import encoded, write_folder
    from spm_bench.report.latex import to_latex
    from spm_bench.report.render import to_html

    check_document(document)
    figures = encoded(dict(_figures(document)))  # everything is made before the first file is written
    tables = ablation_tables(document)
    texts = {
        INDEX: to_markdown(document, list(figures)),
        "ablation.csv": to_csv(document),
        "ablation.tex": to_latex(*tables),
        "ablation.html": to_html(*tables, title=document.title),
        "ablation.json": to_json(document),
    }
    return write_folder(folder, {**encoded(texts), **figures}, (FOREST, f"{FOREST}_*", f"{HEAT}_*"))


def check_document(document: AblationDocument) -> None:
    """Refuse a document whose parts do not belong together.

    Raises:
        ResultsError: A label twice, no such base, not one evaluation (or None) per cell, or a comparison of no cell.
    """
    labels = [cell.label for cell in document.cells]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ResultsError(f"two cells are called {twice[0]!r}", where=document.name)
    if document.base not in labels:
        raise ResultsError(f"no cell is called {document.base!r}, the base", where=document.name)
    if document.grid is not None and (unknown := {label for *_, label in document.grid.places} - {*labels}):
        raise ResultsError(f"{min(unknown)!r} is a place of the grid, and no cell", where=document.name)
    for part in document.suites:
        if len(part.evaluations) != len(labels):
            problem = f"{len(part.evaluations)} evaluations on {part.suite.name} for {len(labels)} cells"
            raise ResultsError(problem, where=document.name)
        strange = sorted({c.label for c in part.comparisons} - set(labels))
        if strange:
            raise ResultsError(f"{strange[0]!r} was compared on {part.suite.name}, and is no cell", where=document.name)


def figure_names(document: AblationDocument) -> dict[tuple[int, str], str]:
    """(Place of the suite, metric) -> name of its forest plot, without ending; for main metrics that were compared."""
    wanted = [(i, metric) for i, part in enumerate(document.suites) for metric in part.main]
    return _names(FOREST, [(i, metric) for i, metric in wanted if metric in document.suites[i].compared], document)


def heat_names(document: AblationDocument) -> dict[tuple[int, str], str]:
    """(Place of the suite, metric) -> name of its heat map, without ending; for main metrics, where there is a grid."""
    if document.grid is None:
        return {}
    wanted = [(i, metric) for i, part in enumerate(document.suites) for metric in part.main]
    return _names(HEAT, [(i, m) for i, m in wanted if heat_frame(document, i, m)["value"].notna().any()], document)


def _names(kind: str, places: Sequence[tuple[int, str]], document: AblationDocument) -> dict[tuple[int, str], str]:
    names: dict[tuple[int, str], str] = {}
    for place, metric in places:
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", f"{kind}_{document.suites[place].suite.name}_{metric}")
        names[place, metric] = f"{name}_{place + 1}" if name in names.values() else name
    return names


def heat_frame(document: AblationDocument, place: int, metric: str) -> pd.DataFrame:
    """The grid's cells with their scores on one suite, as `figures_steps.heat_map` takes them."""
    import pandas as pd

    if document.grid is None:
        raise ValueError(f"the cells of {document.name} are no grid")
    part = document.suites[place]
    scores = {
        cell.label: find_score(evaluation, metric)
        for cell, evaluation in zip(document.cells, part.evaluations, strict=True)
        if evaluation is not None
    }
    compared, known = part.of(metric), [score for score in scores.values() if score is not None]
    most = max((score.n_sequences for score in known), default=0)
    rows = [
        {
            "x_name": document.grid.x,
            "x": x,
            "y_name": document.grid.y,
            "y": y,
            "cell": label,
            "metric": metric,
            "value": finite(scores.get(label)),
            "base": label == document.base,
            "established": label in compared and compared[label].established,
            "partial": (score := scores.get(label)) is not None and score.n_sequences < most,
            "higher_is_better": known[0].higher_is_better if known else True,
        }
        for x, y, label in document.grid.places
    ]
    return pd.DataFrame(rows).astype({"value": "float64"})


def _figures(document: AblationDocument) -> Iterator[tuple[str, Figure]]:
    """Name without ending -> figure."""
    from spm_bench.report.figures_steps import heat_map
    from spm_bench.report.forest import comparison_frame, forest_plot

    rows = [cell.label for cell in document.cells if cell.label != document.base]
    for (place, metric), name in figure_names(document).items():
        part = document.suites[place]
        frame = comparison_frame(part.of(metric).values(), {part.suite.name: f"{part.suite.title}, {coverage(part)}"})
        yield name, forest_plot(frame, document.title, rows=rows)
    for (place, metric), name in heat_names(document).items():
        part = document.suites[place]
        yield (
            name,
            heat_map(heat_frame(document, place, metric), f"{document.title}: {part.suite.title}, {coverage(part)}"),
        )
    headlines = [c for part in document.suites for c in part.of(next(iter(part.compared), "")).values()]
    if len({c.suite for c in headlines}) == len(document.suites) > 1:
        frame = comparison_frame(headlines, {p.suite.name: p.suite.title for p in document.suites})
        yield FOREST, forest_plot(frame, document.title, rows=rows)


def coverage(part: AblationSuite) -> str:
    """How much of the suite was scored: "14 of 100 sequences"."""
    from spm_bench.report.tables import coverage as of_evaluations

    return of_evaluations([e for e in part.evaluations if e is not None], part.suite)
