"""What a search has found: every trial, the best of them, and what it is worth on sequences that no trial has seen.

Scores on the tuned part choose the settings and are no result; they stand in the tables marked as what they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from spm_bench.report.search_figures import SearchTrial
from spm_bench.report.vocabulary import finite, style_of
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import Comparison
from spm_bench.suites.base import Suite

TUNED_MARK = "tuned on these sequences"
"""What marks every score of the tuned part."""
FEWEST_UNITS = 6
"""With fewer, the exact signed-rank test cannot come below p = 0.05: five pairs give 2 / 2^5 = 0.0625 at best."""


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the suite.

    Attributes:
        names: Its sequences; the tuned ones in the order in which trials saw them.
        n_units: Videos or scenes they show.
        base: The base's scores on it; None where it has no result.
        best: The best trial's; None where it has no result, or where the best is the base.
    """

    names: tuple[str, ...]
    n_units: int
    base: Evaluation | None
    best: Evaluation | None


@dataclass(frozen=True, eq=False)
class SearchDocument:
    """All that is written about one search.

    Attributes:
        name: Of the search.
        question: What was asked.
        expected: The answer that was expected.
        command: The shell command that makes this again, or goes on.
        suite: All sequences, tuned and held out.
        metric: What was searched for.
        higher_is_better: Its direction.
        space: Field -> what was searched, in words.
        log: Fields that were searched by their logarithm.
        base: The base's settings of these fields.
        base_label: What tables call it.
        trials: All that are finished, by number.
        best: Number of the best one; 0 is the base.
        best_label: What tables call it.
        asked: Trials that were asked for.
        tuned: The part that chose.
        held_out: The part that judges.
        comparisons: The best with the base on the held-out part, the metric that was searched for first.
        importance: Field -> share; empty with few trials.
        looks: After how many trials the held-out part was looked at, for each time.
        frames: Frames that all trials would have had, and those they had: pruning saves the rest.
        failures: What broke, one sentence each.
        notes: Anything else, one sentence each.
    """

    name: str
    question: str
    expected: str
    command: str
    suite: Suite
    metric: str
    higher_is_better: bool
    space: Mapping[str, str]
    log: frozenset[str]
    base: Mapping[str, Any]
    base_label: str
    trials: tuple[SearchTrial, ...]
    best: int
    best_label: str
    asked: int
    tuned: Part
    held_out: Part
    comparisons: tuple[Comparison, ...] = ()
    importance: Mapping[str, float] | None = None
    looks: tuple[int, ...] = ()
    frames: tuple[int, int] = (0, 0)
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether a trial was better than the base on the tuned part."""
        return self.best != 0

    def trial(self, number: int) -> SearchTrial:
        """The trial of this number."""
        return next(trial for trial in self.trials if trial.number == number)


@dataclass(frozen=True)
class SearchRow:
    """A row of the result: one tracker on one part.

    Attributes:
        part: "held out" or "tuned".
        label: The tracker.
        settings: What it has other than the base, in words.
        n_sequences: On so many sequences.
        score: The metric that was searched for; None where undefined.
        low, high: Interval of the score.
        difference: To the base on the same part; None for the base.
        difference_low, difference_high: Its paired interval; never one on the tuned part, where it would mean nothing.
        p: Of the signed-rank test, likewise.
        wins_ties_losses: Sequences, likewise.
        mark: `TUNED_MARK` on the tuned part.
    """

    part: str
    label: str
    settings: str
    n_sequences: int
    score: float | None
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None
    wins_ties_losses: str = ""
    mark: str = ""


def result_rows(document: SearchDocument) -> list[SearchRow]:
    """The result: base and best on the held-out part, then, marked, on the tuned part."""
    return [*_part_rows(document, "held out", document.held_out), *_part_rows(document, "tuned", document.tuned)]


def _part_rows(document: SearchDocument, name: str, part: Part) -> Iterator[SearchRow]:
    tuned = name == "tuned"
    base_value: float | None = None
    for label, number, evaluation in (
        (document.base_label, 0, part.base),
        (document.best_label, document.best, part.best),
    ):
        if evaluation is None:
            continue
        score = evaluation.score(document.metric)
        value = finite(score)
        row = SearchRow(
            part=name,
            label=label,
            settings=changes_text(document, number),
            n_sequences=score.n_sequences,
            score=value,
            low=None if tuned else score.low,
            high=None if tuned else score.high,
            mark=TUNED_MARK if tuned else "",
        )
        if evaluation is part.base:
            base_value = value
        elif value is not None and base_value is not None:
            row = replace(row, difference=value - base_value)
        if not tuned and evaluation is part.best and document.comparisons:
            row = _compared(row, document.comparisons[0])
        yield row


def _compared(row: SearchRow, found: Comparison) -> SearchRow:
    return replace(
        row,
        difference=found.difference,
        difference_low=known(found.low),
        difference_high=known(found.high),
        p=known(found.p),
        wins_ties_losses=f"{found.wins}/{found.ties}/{found.losses}",
    )


def changes_text(document: SearchDocument, number: int) -> str:
    """What a trial has other than the base, in words."""
    changed = {n: v for n, v in document.trial(number).settings.items() if v != document.base[n]}
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in changed.items())


def verdict(document: SearchDocument) -> str:
    """The answer, in one or two sentences: what the best settings are worth on the held-out part."""
    title = style_of(document.metric).title
    seen = f"{len(document.tuned.names)} sequences"
    if not document.found:
        return f"No trial was better than the base on the {seen} of the tuned part: the search has found nothing."
    if not document.comparisons:
        return "The best trial could not be compared with the base on the held-out part."
    found = document.comparisons[0]
    span = "" if math.isnan(found.low) else f" [{found.low:+.3f}, {found.high:+.3f}]"
    told = f"On the {found.n_sequences} held-out sequences {title} changes by {found.difference:+.3f}{span}"
    if found.established:
        word = "better" if found.better else "worse"
        return f"{told}: the settings that the search found are {word} than the base there, beyond chance."
    return f"{told}: this is within chance, the search has established no improvement."


def warnings_of(document: SearchDocument) -> list[str]:
    """What the reader must know before believing a number, one sentence each."""
    suite, title = document.suite, style_of(document.metric).title
    told = []
    if document.found:
        told.append(
            f"Scores of these settings on all of {suite.title} contain sequences they were tuned on: mark them "
            f'"tuned on test" in any table, and compare them with no tracker that was not. The same holds for every '
            f"suite that shares videos with it (OTB-50 and OTB-2013 with OTB-100, the years of VOT). GOT-10k forbids "
            f"tuning on its test part: tune on its validation part."
        )
    if document.found and document.comparisons:
        found = document.comparisons[0]
        size = f"The held-out part has {found.n_sequences} sequences of {found.n_units} videos or scenes"
        if found.n_units < FEWEST_UNITS:
            told.append(f"{size}: too few for any test to establish a difference (six are the least).")
        elif not math.isnan(found.detectable) and abs(found.difference) < found.detectable:
            told.append(
                f"{size}: it is too small for what was found. It shows a difference of {found.detectable:.3f} {title} "
                f"with 80 % power; smaller ones need more sequences."
            )
    elif document.held_out.n_units < FEWEST_UNITS:
        told.append(
            f"The held-out part has {document.held_out.n_units} videos or scenes: too few for any test to establish a "
            f"difference (six are the least)."
        )
    if len(document.looks) > 1:
        when = ", ".join(map(str, document.looks))
        told.append(
            f"The held-out part was looked at {len(document.looks)} times (after {when} trials): who goes on until it "
            f"looks good tunes on it, too."
        )
    return told


def known(value: Any) -> Any:
    """None instead of a number that is none: JSON has no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
