"""A comparison of two trackers as one object: scores, attributes, sequences, moments, what differs between the runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from spm_bench.errors import ResultsError
from spm_bench.report.comparison.telling import Telling, biggest, parting
from spm_bench.report.forest import comparison_frame
from spm_bench.report.frames import DELTAS, delta_frame, sequence_frame, timeline_frame
from spm_bench.report.vocabulary import HEADLINES, metric_order, style_of
from spm_bench.results.changes import Change, compare_manifests
from spm_bench.results.runs import RunResults
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import OPPOSED, SAME, Comparison, compare_attributes, compare_to_base
from spm_bench.scoring.timeline import Timeline, timelines
from spm_bench.suites.base import Sequence, Suite

Scored = tuple[Evaluation, ResultSet]

BY_SEQUENCE = ("failures", "accuracy")
"""By what single sequences are ordered where they do not have the headline score (EAO): lost targets come first."""


@dataclass(frozen=True, eq=False)
class PairComparison:
    """A tracker against another one, the base.

    Attributes:
        suite: What both were scored on.
        base: The base's scores; its label is unlike the other's.
        other: The other's.
        results: The raw results of the other and of the base.
        comparisons: One per metric, the headline first.
        by_attribute: Attribute -> one per metric.
        tellings: The sequences with the largest gains, then those with the largest losses.
        changes: What differs between the two runs; empty where one is none of ours.
        strips: Whether film strips are wanted.
        notes: What the reader must know.
    """

    suite: Suite
    base: Evaluation
    other: Evaluation
    results: tuple[ResultSet, ResultSet]
    comparisons: tuple[Comparison, ...]
    by_attribute: Mapping[str, tuple[Comparison, ...]]
    tellings: tuple[Telling, ...]
    changes: tuple[Change, ...] = ()
    strips: bool = True
    notes: tuple[str, ...] = ()

    @property
    def headline(self) -> Comparison:
        """The comparison by the metric that the benchmark ranks by; by the first that is defined where that is not."""
        return next((c for c in self.comparisons if math.isfinite(c.difference)), self.comparisons[0])

    @property
    def attribute_metrics(self) -> list[str]:
        """The metrics by which attributes are shown."""
        return _shown(dict.fromkeys(c.metric for of in self.by_attribute.values() for c in of), self.headline.metric)

    def attributes_of(self, metric: str) -> dict[str, Comparison]:
        """Attribute -> comparison by one metric."""
        return {name: c for name, of in self.by_attribute.items() for c in of if c.metric == metric}

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row per metric: values, difference, interval, p, wins, ties, losses (see `forest.comparison_frame`)."""
        return comparison_frame(self.comparisons)

    @cached_property
    def attributes(self) -> pd.DataFrame:
        """One row per attribute and metric; the same columns after `attribute`."""
        rows = [(name, c) for name, of in self.by_attribute.items() for c in of]
        frame = comparison_frame(c for _, c in rows)
        frame.insert(0, "attribute", [name for name, _ in rows])
        return frame

    @cached_property
    def sequences(self) -> pd.DataFrame:
        """One row per sequence and metric that both have, columns `frames.DELTAS`."""
        return _deltas(self.base, self.other)

    @cached_property
    def timelines(self) -> pd.DataFrame:
        """Overlaps over time on the telling sequences, columns `frames.TIMELINE`."""
        lines = {
            label: {t.sequence.name: t.lines[place] for t in self.tellings}
            for place, label in enumerate((self.other.label, self.base.label))
        }
        return timeline_frame(lines)

    @property
    def sequence_metrics(self) -> list[str]:
        """The metrics by which single sequences are ordered, the first one first."""
        return _shown(dict.fromkeys(map(str, self.sequences["metric"])), self.headline.metric)

    @property
    def conclusion(self) -> str:
        """What the comparison supports, in a few sentences."""
        from spm_bench.report.comparison.words import conclusion

        return conclusion(self)


def compare_all(
    base: Scored, others: Many[Scored], suite: Suite, *, convention: str | None, strips: bool
) -> list[PairComparison]:
    """See `spm_bench.report.comparison.compare_several`."""
    if not others:
        raise ResultsError("there is nothing to compare with", remedy="Name two trackers' results at least")
    named = unlike([base, *others])
    first, rest = named[0], named[1:]
    found = compare_to_base(first[0], [evaluation for evaluation, _ in rest])
    return [
        _pair(first, one, [c for c in found if c.label == one[0].label], suite, convention, strips=strips)
        for one in rest
    ]


def unlike(scored: Many[Scored]) -> list[Scored]:
    """The same with labels that are all different: trackers of one name are called after their folders."""
    labels = [evaluation.label for evaluation, _ in scored]
    folders = [Path(results.run).resolve().name for _, results in scored]
    found: list[str] = []
    for place, label in enumerate(labels):
        alike = [i for i, other in enumerate(labels) if other == label]
        if len(alike) == 1:
            found.append(label)
        elif len({folders[i] for i in alike}) == len(alike):
            found.append(folders[place])
        else:
            found.append(f"{label} ({alike.index(place) + 1})")
    if len(set(found)) < len(found):
        found = [f"{label} ({place})" for place, label in enumerate(labels, start=1)]
    return [(replace(e, label=label), results) for (e, results), label in zip(scored, found, strict=True)]


def _pair(
    base: Scored,
    other: Scored,
    comparisons: Many[Comparison],
    suite: Suite,
    convention: str | None,
    *,
    strips: bool,
) -> PairComparison:
    if not comparisons:
        raise ResultsError(f"{other[0].label} and {base[0].label} have no score in common", where=other[1].run)
    headline = HEADLINES.get(suite.family)
    ordered = tuple(sorted(comparisons, key=lambda c: c.metric != headline))
    pair = PairComparison(
        suite=suite,
        base=base[0],
        other=other[0],
        results=(other[1], base[1]),
        comparisons=ordered,
        by_attribute=compare_attributes(base[0], other[0]),
        tellings=(),
        changes=_changes(base[1], other[1]),
        strips=strips,
    )
    pair = replace(pair, tellings=_tellings(pair, convention))
    return replace(pair, notes=tuple(_notes(pair)))


def _deltas(base: Evaluation, other: Evaluation) -> pd.DataFrame:
    known = [m for m in metric_order([base, other]) if m != "fps"]
    parts = [delta_frame(sequence_frame([other, base], metric), other.label, base.label) for metric in known]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*DELTAS])


def _shown(known: Iterable[str], headline: str) -> list[str]:
    """Of the metrics that parts of a suite have, the headline, or those that stand for it."""
    names = list(known)
    return [headline] if headline in names else [m for m in BY_SEQUENCE if m in names] or names[:1]


def _changes(base: ResultSet, other: ResultSet) -> tuple[Change, ...]:
    if isinstance(base, RunResults) and isinstance(other, RunResults):
        changes = compare_manifests(base.manifest, other.manifest)[0]
        return tuple(c for c in changes if (c.then and c.now) or not c.what.startswith("setting "))
    return ()


def _tellings(pair: PairComparison, convention: str | None) -> tuple[Telling, ...]:
    """Largest gains and losses, with both trackers' timelines."""
    deltas = pair.sequences
    gains, losses = biggest(deltas, pair.sequence_metrics)
    wanted = {*gains, *losses}
    part = replace(pair.suite, sequences=tuple(s for s in pair.suite.sequences if s.name in wanted))
    if not part.sequences:
        return ()
    lines = [timelines(part, results, convention) for results in pair.results]
    by_name = {s.name: s for s in part.sequences}
    return tuple(
        _telling(pair, by_name[name], (lines[0][name], lines[1][name]), win=name in gains) for name in [*gains, *losses]
    )


def _telling(pair: PairComparison, sequence: Sequence, lines: tuple[Timeline, Timeline], *, win: bool) -> Telling:
    own = pair.sequences[pair.sequences["sequence"] == sequence.name]
    values = {
        metric: (float(row["value"]), float(row["base_value"]))
        for metric in pair.sequence_metrics
        for row in own[own["metric"] == metric].to_dict("records")
    }
    moment, frames = parting(*(lines if win else lines[::-1]))
    return Telling(sequence, win, values, lines, moment, frames)


def _notes(pair: PairComparison) -> list[str]:
    """What the reader must know beside the numbers."""
    of_metrics: dict[str, list[str]] = {}
    for c in pair.comparisons:
        said = (SAME, OPPOSED) if c is pair.headline else (SAME,)  # by the conclusion
        for note in filter(None, c.note.split("; ")):
            if note not in said:
                of_metrics.setdefault(note, []).append(style_of(c.metric).word)
    n = len(pair.comparisons)
    notes = dict.fromkeys(
        note if len(words) == n else f"{', '.join(words)}: {note}" for note, words in of_metrics.items()
    )
    compared = {c.metric for c in pair.comparisons}
    for score in (*pair.other.scores, *pair.base.scores):
        if score.value is None and score.metric not in compared:
            notes.setdefault(f"{style_of(score.metric).word} is not compared: {score.note or 'undefined'}")
    for evaluation in (pair.other, pair.base):
        if any(score.trained == "no" for score in evaluation.scores):
            notes[f"{evaluation.label} ran on weights that were never trained: it says nothing about the method"] = None
    blind = [t.sequence.name for t in pair.tellings if not t.has_pictures]
    if pair.strips and blind:
        which = "" if len(blind) == len(pair.tellings) else f" of {', '.join(blind)}"
        notes[f"no film strip{which}: the pictures are not here; overlaps over time are shown instead"] = None
    return list(notes)
