"""Extra metrics on top of an evaluation: per pass, then per sequence, then over the suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from spm_bench.errors import UsageError
from spm_bench.geometry.boxes import centre_distances, has_area, iou
from spm_bench.metrics.extra import PassMeasures, SequenceMetric, get_extra_metric
from spm_bench.metrics.resampling import mean_over
from spm_bench.results.layouts import get_layout
from spm_bench.results.trajectory import FrameState, ResultSet, Trajectory
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.rows import score_row
from spm_bench.suites import base

CONVENTION = "boxes"
"""Overlap of axis-aligned boxes against the annotation's bounding box, every frame, first one included."""


def with_extra_metrics(
    evaluation: Evaluation, suite: base.Suite, results: ResultSet, names: Sequence[str]
) -> Evaluation:
    """Append extra metrics to an evaluation.

    Args:
        evaluation: The suite's own metrics.
        suite: With ground truth.
        results: The raw results behind `evaluation`.
        names: Names of `spm_bench.metrics.extra`, or `module:object`.

    Raises:
        UsageError: No such metric, one that has the name of another, or one that fails or returns no number.
        ResultsError: Results are broken.
    """
    metrics = [get_extra_metric(name) for name in dict.fromkeys(names)]
    _check_names(metrics, evaluation)
    rows = [
        (sequence.name, metric.name, _of_sequence(metric, passes, sequence.name))
        for sequence in suite.sequences
        if results.has(sequence.name)
        for passes in [_measured(suite, sequence, results)]
        for metric in metrics
    ]
    found = pd.DataFrame(rows, columns=["sequence", "metric", "value"]).dropna().reset_index(drop=True)
    scores, statistics = [], dict(evaluation.statistics)
    for metric in metrics:
        of_metric = found[found["metric"] == metric.name].set_index("sequence")["value"]
        statistics[metric.name] = mean_over(of_metric.reindex(evaluation.sequences).to_numpy(dtype=np.float64))
        mean = float(of_metric.mean()) if len(of_metric) else None
        up = metric.higher_is_better
        scores.append(score_row(suite, results, CONVENTION, metric.name, mean, len(of_metric), higher_is_better=up))
    return replace(
        evaluation,
        scores=(*evaluation.scores, *scores),
        per_sequence=pd.concat([evaluation.per_sequence, found], ignore_index=True),
        statistics=statistics,
    )


def _check_names(metrics: Sequence[SequenceMetric], evaluation: Evaluation) -> None:
    taken = [score.metric for score in evaluation.scores]
    for metric in metrics:
        if metric.name in taken:
            raise UsageError(f"there are two metrics called {metric.name}", remedy="Give yours another name")
        taken.append(metric.name)


def _measured(suite: base.Suite, sequence: base.Sequence, results: ResultSet) -> list[PassMeasures]:
    """All passes over a sequence, each beside the frames it covers."""
    layout = get_layout(suite.family)
    passes = enumerate(results.trajectories(sequence), start=1)
    return [measure_pass(trajectory, layout.part(sequence, repetition)) for repetition, trajectory in passes]


def measure_pass(trajectory: Trajectory, sequence: base.Sequence) -> PassMeasures:
    """Overlaps and centre errors of one pass; frames in which the tracker had failed have overlap 0."""
    usable = has_area(sequence.ground_truth) & (trajectory.states != FrameState.SKIPPED)
    overlaps = np.where(usable, iou(trajectory.boxes, sequence.ground_truth), np.nan)
    overlaps[usable & (trajectory.states == FrameState.FAILURE)] = 0.0
    overlaps[usable & (trajectory.states == FrameState.INIT)] = 1.0
    errors = np.where(usable, centre_distances(trajectory.boxes, sequence.ground_truth), np.nan)
    return PassMeasures(overlaps, errors, trajectory.states, trajectory.seconds)


def _of_sequence(metric: SequenceMetric, passes: list[PassMeasures], sequence: str) -> float:
    try:
        values = np.array([metric.measure(p) for p in passes], dtype=np.float64)
    except Exception as error:
        problem = f"the metric {metric.name} failed on {sequence}: {type(error).__name__}: {error}"
        raise UsageError(problem, remedy="Mend it, or leave it out: raw results are kept") from error
    if values.shape != (len(passes),):
        problem = f"the metric {metric.name} returned an array of shape {values.shape[1:]} on {sequence}"
        raise UsageError(problem, remedy="It must return one number for a pass, NaN where it is undefined")
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")
