"""Run every network and reference on every ground, and score them: three tables of numbers, which make the page.

    values        one number per ground, tracker, sequence and metric
    scores        one per ground (and axis), tracker, seed (or their mean) and metric, with interval
    differences   one per ground (and axis), metric and tracker, minus SPM, paired by sequence, seeds averaged before

Seeds are no independent sequences: what is drawn again by the bootstrap, and what the tests pair, are sequences
(videos, scenes), each with the mean over the seeds of both methods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from proving.benchmarks import expected_overlap, load_present
from proving.cells import Bench, Cell, Entry, read_cells, run_cells
from proving.lookalikes import axis_of, steps_suite, target_of

from family_study.methods import METHODS, PUBLISHED, RATES, REFERENCES, RIVALS, SPM, Network, label_of
from spm_bench.metrics.resampling import bootstrap, mean_of
from spm_bench.metrics.statistics import holm
from spm_bench.report.forest import comparison_frame
from spm_bench.scoring.base import Evaluation, Score
from spm_bench.scoring.compare import Comparison, compare_to_base
from spm_bench.scoring.units import units_of
from spm_bench.suites.base import Suite
from spm_bench.suites.synthetic.frames import keep_drawn

AXES = ("lookalike", "deform", "occlude", "scale")
"""Axes of difficulty of the demo suite that the stages answer to."""
LEVELS = 4
"""Of each axis."""
SCENES = 6
"""One for each named category, of seeds that training never draws."""
OTB, VOT, STEPS = "otb100", "vot2016", "steps"
METRICS = {OTB: ("auc", "precision"), VOT: ("accuracy", "failures", "robustness"), STEPS: ("auc",)}
EXPECTED = "expected_overlap"
"""What stands in for EAO where the sequences at hand are too short for it: no EAO, and of no other sequences."""
MEAN = "mean"


@dataclass(frozen=True, eq=False)
class Ground:
    """Sequences to run on.

    Attributes:
        suite: The whole of what is at hand.
        chosen: The part that is wanted.
        units: Sequence -> what is drawn together: its video, or its target.
        unit_name: How these are called.
        parts: Name -> sequences: the axes of the steps; empty for others.
    """

    suite: Suite
    chosen: Suite
    units: Mapping[str, str]
    unit_name: str
    parts: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        """The suite's."""
        return self.suite.name

    @property
    def lengths(self) -> tuple[int, int] | None:
        """Lengths over which expected overlap is averaged; None without, or where no sequence is as long."""
        if self.suite.eao_interval is None:
            return None
        low, high = self.suite.eao_interval
        longest = max(map(len, self.chosen.sequences))
        return (low, min(high, longest)) if longest >= low else None


def find_grounds(data: Path | None, bench: Bench, scenes: int = SCENES) -> tuple[list[Ground], list[str]]:
    """What can be run on, and the names of the benchmarks of which nothing is at hand.

    Raises:
        SpmBenchError: Data are broken.
    """
    suites, missing = [], []
    for name, folder in ((OTB, "otb"), (VOT, "vot2016")):
        if data is not None and (data / folder).is_dir():
            suites.append(load_present(name, data))
        else:
            missing.append(name)
    steps = steps_suite(AXES, scenes)
    keep_drawn(steps.sequences)
    grounds = [_ground(suite, bench) for suite in [*suites, steps]]
    return [ground for ground in grounds if ground.chosen.sequences], missing


def _ground(suite: Suite, bench: Bench) -> Ground:
    chosen = bench.choose(suite)
    names = [sequence.name for sequence in chosen.sequences]
    if suite.name != STEPS:
        return Ground(suite, chosen, units_of(suite.name, names), "videos", {})
    parts = {axis: tuple(name for name in names if axis_of(name) == axis) for axis in AXES}
    return Ground(suite, chosen, {name: target_of(name) for name in names}, "targets", parts)


@dataclass(frozen=True, eq=False)
class Member:
    """A tracker on a ground, or the mean of a method's seeds.

    Attributes:
        method: Name of the method or reference.
        seed: "1", "2", ..., `MEAN`, or "" where there are no trainings.
        evaluation: Its scores; the label is that of tables.
        weights: First digits of their sha256.
    """

    method: str
    seed: str
    evaluation: Evaluation
    weights: str = ""


def run_members(ground: Ground, networks: Many[Network], published: Path | None, bench: Bench) -> list[Member]:
    """Run what is not finished yet: networks, references, and where they belong the filter's rates; means included.

    Raises:
        SpmBenchError: A tracker cannot be built, a sequence failed, or data are broken.
    """
    entries: list[tuple[str, str, Entry]] = [(n.method, str(n.seed), n.entry) for n in networks]
    entries += [(entry.name, "", entry) for entry in (*REFERENCES, *(RATES if ground.name == STEPS else ()))]
    # lockstep saves the passes of a network with two stages; filters and OpenCV's trackers gain nothing by it
    cells: list[Cell] = []
    for lockstep, some in ((True, entries[: len(networks)]), (False, entries[len(networks) :])):
        cells += run_cells(ground.suite, [entry for _, _, entry in some], replace(bench, lockstep=lockstep))
    members = [
        Member(method, seed, cell.evaluation, cell.weights)
        for (method, seed, _), cell in zip(entries, cells, strict=True)
    ]
    if published is not None and ground.name == OTB:
        known = read_cells(ground.chosen, published / OTB / "results")
        members += [Member(PUBLISHED, "", replace(c.evaluation, label=PUBLISHED)) for c in known if c.name == "KCF"]
    return [*means(members), *members]


def means(members: Many[Member]) -> list[Member]:
    """Each method's mean over its seeds."""
    found = []
    for method in METHODS:
        own = [m.evaluation for m in members if m.method == method.name]
        if own:
            found.append(Member(method.name, MEAN, over_seeds(own, method.name)))
    return found


def over_seeds(evaluations: Many[Evaluation], label: str) -> Evaluation:
    """The mean of several trainings' scores on the same sequences, as one evaluation.

    Its statistics are functions of how often a *sequence* is drawn, with all seeds on it.
    """
    first = evaluations[0]
    frame = pd.concat([e.per_sequence for e in evaluations], ignore_index=True)
    frame = frame.groupby(["sequence", "metric"], sort=False, as_index=False)["value"].mean()
    return Evaluation(
        label=label,
        scores=tuple(_mean_score(score, evaluations) for score in first.scores),
        per_sequence=frame,
        curves={},
        sequences=first.sequences,
        statistics={
            metric: mean_of([e.statistics[metric] for e in evaluations])
            for metric in first.statistics
            if all(metric in e.statistics for e in evaluations)
        },
    )


def _mean_score(score: Score, evaluations: Many[Evaluation]) -> Score:
    values = [e.score(score.metric).value for e in evaluations if score.metric in {s.metric for s in e.scores}]
    known = [value for value in values if value is not None]
    return replace(score, value=float(np.mean(known)) if len(known) == len(evaluations) else None, run="")


def on_sequences(evaluation: Evaluation, names: Many[str]) -> Evaluation:
    """The evaluation of some of its sequences, as far as comparing needs it."""
    rows = np.array([evaluation.sequences.index(name) for name in names], dtype=np.intp)
    statistics = {metric: one.chosen(rows) for metric, one in evaluation.statistics.items()}
    frame = evaluation.per_sequence
    return replace(
        evaluation,
        per_sequence=frame[frame["sequence"].isin(list(names))],
        curves={},
        per_attribute=None,
        sequences=tuple(names),
        statistics=statistics,
        attributes={},
    )


def _parts(ground: Ground) -> list[tuple[str, tuple[str, ...]]]:
    """("", all sequences), then the axes."""
    everything = tuple(sequence.name for sequence in ground.chosen.sequences)
    return [("", everything), *((name, names) for name, names in ground.parts.items() if names)]


def value_rows(ground: Ground, members: Iterable[Member]) -> pd.DataFrame:
    """All values per sequence; without speed, which lockstep and a shared machine leave without meaning."""
    frames = []
    for member in members:
        if member.seed == MEAN:
            continue
        frame = member.evaluation.per_sequence
        frame = frame[frame["metric"] != "fps"]
        frames.append(
            pd.DataFrame(
                {
                    "suite": ground.name,
                    "method": member.method,
                    "seed": member.seed,
                    "weights": member.weights,
                    "sequence": frame["sequence"].to_numpy(),
                    "unit": frame["sequence"].map(dict(ground.units)).to_numpy(),
                    "metric": frame["metric"].to_numpy(),
                    "value": frame["value"].to_numpy(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def score_rows(ground: Ground, members: Many[Member]) -> pd.DataFrame:
    """The scores of all members, with intervals over sequences."""
    rows: list[dict[str, Any]] = []
    for part, names in _parts(ground):
        for member in members:
            one = on_sequences(member.evaluation, names)
            for metric in METRICS[ground.name]:
                if metric not in one.statistics:
                    continue
                interval = bootstrap(one.statistics[metric], [ground.units[name] for name in names])
                rows.append(
                    _row(ground, part, member, metric, interval.value)
                    | {"low": interval.low, "high": interval.high}
                    | {"n_sequences": interval.n_sequences, "n_units": interval.n_units}
                )
    return pd.DataFrame([*rows, *_overlap_rows(ground, members)])


def _row(ground: Ground, part: str, member: Member, metric: str, value: float | None) -> dict[str, Any]:
    about = {"suite": ground.name, "part": part, "method": member.method, "seed": member.seed, "metric": metric}
    return {**about, "value": np.nan if value is None else value, "low": np.nan, "high": np.nan}


def _overlap_rows(ground: Ground, members: Many[Member]) -> list[dict[str, Any]]:
    """EAO, and expected overlap over the lengths at hand; without intervals, for there are few sequences."""
    if ground.name != VOT:
        return []
    n = len(ground.chosen.sequences)
    counts = {"n_sequences": n, "n_units": len(set(ground.units.values()))}
    rows = [_row(ground, "", m, "eao", m.evaluation.score("eao").value) | counts for m in members]
    if ground.lengths is None:
        return rows
    own = {(m.method, m.seed): expected_overlap(m.evaluation, ground.lengths) for m in members if m.evaluation.curves}
    for member in members:
        value = own.get((member.method, member.seed))
        if member.seed == MEAN:
            known = [v for (method, _), v in own.items() if method == member.method and v is not None]
            value = float(np.mean(known)) if known else None
        rows.append(_row(ground, "", member, EXPECTED, value) | counts)
    return rows


def difference_rows(ground: Ground, members: Many[Member]) -> pd.DataFrame:
    """Everybody minus SPM (the mean over its seeds), paired by sequence.

    A rival's mean is over the seeds that SPM has, too, and is compared with SPM's mean over the same. Holm's correction
    runs over the rivals, over the references, and over single trainings, apart.
    """
    rows = []
    for part, names in _parts(ground):
        some = [replace(m, evaluation=on_sequences(m.evaluation, names)) for m in members]
        for group in (_rivals(some), _references(some), _trainings(some)):
            for metric in METRICS[ground.name]:
                found = [_compared(pair, metric, ground.units) for pair in group]
                if found:
                    rows.append(_table(found, [method for method, *_ in group], part))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


Pair = tuple[str, Evaluation, Evaluation]
"""Method, its evaluation, and SPM's."""


def _seeds(members: Many[Member], method: str) -> dict[str, Evaluation]:
    return {m.seed: m.evaluation for m in members if m.method == method and m.seed.isdecimal()}


def _rivals(members: Many[Member]) -> list[Pair]:
    ours, pairs = _seeds(members, SPM), []
    for rival in RIVALS:
        theirs = _seeds(members, rival)
        both = [seed for seed in theirs if seed in ours]
        if both:
            pairs.append(
                (rival, over_seeds([theirs[s] for s in both], rival), over_seeds([ours[s] for s in both], SPM))
            )
    return pairs


def _references(members: Many[Member]) -> list[Pair]:
    ours = _seeds(members, SPM)
    base = over_seeds(list(ours.values()), SPM) if ours else None
    return [] if base is None else [(m.method, m.evaluation, base) for m in members if not m.seed]


def _trainings(members: Many[Member]) -> list[Pair]:
    ours = _seeds(members, SPM)
    base = over_seeds(list(ours.values()), SPM) if ours else None
    if base is None:
        return []
    return [
        (m.method, replace(m.evaluation, label=label_of(m.method, m.seed)), base) for m in members if m.seed.isdecimal()
    ]


def _compared(pair: Pair, metric: str, units: Mapping[str, str]) -> Comparison:
    _, other, base = pair
    (found,) = compare_to_base(base, [other], metrics=[metric], units=units)
    return found


def _table(found: Many[Comparison], methods: Many[str], part: str) -> pd.DataFrame:
    corrected = [replace(c, p_holm=p) for c, p in zip(found, holm([c.p for c in found]), strict=True)]
    frame = comparison_frame(corrected)
    seeds = [
        label.rpartition(" seed ")[2] if " seed " in label else MEAN if method in RIVALS else ""
        for label, method in zip(frame["label"], methods, strict=True)
    ]
    return frame.assign(method=list(methods), seed=seeds, part=part)
