"""One row per figure in print: ours by the rules print used, the spread over conventions, and what explains a gap."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agreeing.variants import Numbers, variants
from spm_bench.report.published import PublishedFigure, load_published, same_tracker
from spm_bench.report.rules import signed
from spm_bench.report.vocabulary import style_of
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.kept import KeptResults, keep
from spm_bench.scoring.evaluators import SideBySide, side_by_side
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite

METRICS = {"otb": ("auc", "precision"), "vot": ("eao", "accuracy", "robustness")}
"""What print gives of each family."""
AGREES, RULE, OTHER_RUN, UNEXPLAINED, NOT_IN_PRINT = "agrees", "rule", "other run", "unexplained", "not in print"
"""Why a row is as it is; every row is one of these."""
_ROUNDING = 1e-9
_CLOSER = 0.9
"""Share of a gap to which a rule must narrow it to be worth naming."""


@dataclass(frozen=True)
class Row:
    """A figure in print and ours.

    Attributes:
        suite, tracker, metric: What it is.
        published: None where no figure with a source is known.
        ours: By the benchmark's own rules, which print used.
        convention: Their name.
        low, high: The least and the greatest number of all registered conventions, by `low_by` and `high_by`.
        kind: One of the kinds above.
        explanation: Derived from the numbers, or from what is known about the files.
        run: What is known about the files.
        unbounded: How many of the suite's sequences have overlaps that are not bounded to the picture, as its size is
            not known.
    """

    suite: str
    tracker: str
    metric: str
    published: PublishedFigure | None
    ours: float
    convention: str
    low: float
    low_by: str
    high: float
    high_by: str
    kind: str
    explanation: str
    run: str
    unbounded: int

    @property
    def difference(self) -> float | None:
        """Ours minus the figure in print."""
        return None if self.published is None else self.ours - self.published.value

    @property
    def title(self) -> str:
        """The metric as tables call it."""
        return style_of(self.metric).title


def compare(name: str, folder: Path, only: Collection[str] = ()) -> list[Row]:
    """All rows of one benchmark.

    Args:
        name: Of the suite.
        folder: With `NAME/annotations`, `NAME/results`, and `expected.json`, which says where files come from.
        only: Names of the trackers; all where empty.

    Raises:
        SpmBenchError: Annotations or results are missing or broken.
    """
    suite = load_suite(name, folder, annotations_only=True)
    known = _known_runs(folder / "expected.json").get(name, {})
    rows: list[Row] = []
    for found in find_result_sets([folder / name / "results"], suite):
        if only and found.label not in only:
            continue
        results = keep(found, {s.name: found.trajectories(s) for s in suite.sequences})
        rows += _rows(suite, results, known.get(found.label, {}))
    return rows


def _known_runs(path: Path) -> Mapping[str, Mapping[str, Any]]:
    if not path.is_file():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    return {suite: part["trackers"] for suite, part in document.items() if isinstance(part, dict)}


def _rows(suite: Suite, results: KeptResults, known: Mapping[str, Any]) -> Iterator[Row]:
    table = side_by_side(suite, results)
    others = variants(suite, results)
    for metric in METRICS[suite.family]:
        figure = main_figure(suite.name, results.label, metric)
        ours = table.score(table.default, metric).value
        if ours is None:
            continue
        spread = {s.convention: s.value for s in table.scores if s.metric == metric and s.value is not None}
        low_by, high_by = min(spread, key=lambda c: spread[c]), max(spread, key=lambda c: spread[c])
        n, lost = len(suite.sequences), _lost(table, suite)
        kind, explanation = explain(figure, metric, ours, others, _about(known), lost, n)
        yield Row(
            suite=suite.name,
            tracker=results.label,
            metric=metric,
            published=figure,
            ours=ours,
            convention=table.default,
            low=spread[low_by],
            low_by=low_by,
            high=spread[high_by],
            high_by=high_by,
            kind=kind,
            explanation=explanation,
            run=_about(known),
            unbounded=sum(s.image_size is None for s in suite.sequences) if suite.family == "vot" else 0,
        )


def main_figure(suite: str, tracker: str, metric: str) -> PublishedFigure | None:
    """The tracker's main figure in print, None where none with a source is known."""
    for figure in load_published():
        fits = figure.suite == suite and figure.metric == metric and not figure.detail
        if fits and same_tracker(tracker, figure.tracker):
            return figure
    return None


def _about(known: Mapping[str, Any]) -> str:
    """What is known about the files: how they were made, and of which checkpoint."""
    flag = (known.get("published") or {}).get("flag", "")
    parts = [known.get("run") or "", flag.partition(";")[2].strip()]
    return "; ".join(filter(None, parts))


@dataclass(frozen=True)
class Lost:
    """How often a tracker lost its target on a VOT suite."""

    failures: float
    n_frames: int


def _lost(table: SideBySide, suite: Suite) -> Lost | None:
    if suite.family != "vot":
        return None
    n_frames = sum(len(s) for s in suite.sequences)
    per_100 = table.score(table.default, "robustness").value
    return None if per_100 is None else Lost(per_100 * n_frames / 100, n_frames)


def explain(
    figure: PublishedFigure | None,
    metric: str,
    ours: float,
    others: Mapping[str, Numbers],
    about: str,
    lost: Lost | None,
    n_sequences: int,
) -> tuple[str, str]:
    """Why ours is not the figure in print: its kind, and the reason.

    What is known of the files comes before rules: where another run was scored, a rule that happens to give the printed
    digits explains nothing.

    Args:
        figure: In print.
        metric: Its name.
        ours: By the rules print used.
        others: What a rule does -> numbers with it.
        about: What is known about the files.
        lost: Failures in the files, of supervised runs.
        n_sequences: Of the suite.
    """
    if figure is None:
        return NOT_IN_PRINT, "no figure with a source is known"
    if _agrees(ours, figure):
        return AGREES, f"the same in all {figure.digits} printed decimals"
    if "re-run" in about or "another checkpoint" in about:
        return OTHER_RUN, f"the files are not those of the figure: {about}"
    if lost is not None and (told := _other_failures(figure, lost)):
        return OTHER_RUN, told
    closing = [words for words, numbers in others.items() if metric in numbers and _agrees(numbers[metric], figure)]
    if closing:
        tried = sum(metric in numbers for numbers in others.values())
        return RULE, f"{'; or: '.join(closing[:2])}, one of {tried} rules tried; whether print used it is not known"
    return UNEXPLAINED, _nearest(figure, metric, ours, others, n_sequences)


def _agrees(value: float, figure: PublishedFigure) -> bool:
    return abs(value - figure.value) <= 0.5 * 10**-figure.digits + _ROUNDING


def _other_failures(figure: PublishedFigure, lost: Lost) -> str:
    """Whether print counts another number of failures, so is about another run."""
    printed = main_figure(figure.suite, figure.tracker, "robustness")
    if printed is None:
        return ""
    half = 0.5 * 10**-printed.digits
    low, high = ((printed.value + sign * half) * lost.n_frames / 100 for sign in (-1, 1))
    if low - 0.5 < lost.failures < high + 0.5:
        return ""
    implied = f"{round(printed.value * lost.n_frames / 100):d}"
    return f"another run: the files have {lost.failures:g} failures, R {printed.text} in print means {implied}"


def _nearest(figure: PublishedFigure, metric: str, ours: float, others: Mapping[str, Numbers], n_sequences: int) -> str:
    near = min((w for w in others if metric in others[w]), key=lambda w: abs(others[w][metric] - figure.value))
    gap = ours - figure.value
    tried = sum(metric in numbers for numbers in others.values())
    text = f"none of {tried} rules tried gives it"
    if abs(others[near][metric] - figure.value) < _CLOSER * abs(gap):
        text += f"; the nearest is {near} ({others[near][metric]:.4f})"
    else:
        text += ", nor comes noticeably closer"
    if metric in ("auc", "precision"):
        text += f". As much as {abs(gap) * n_sequences:.2f} in the score of one of {n_sequences} sequences"
    return text


def shown_difference(row: Row) -> str:
    """The difference with its sign, in as many decimals as ours has."""
    return signed(row.difference)
