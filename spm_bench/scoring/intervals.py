"""Every score gets its bootstrap interval over sequences: what another choice of sequences might have given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spm_bench.metrics.resampling import BAND_RESAMPLES, LEVEL, RESAMPLES, FloatArray, band, bootstrap_all
from spm_bench.scoring.base import Evaluation, Score
from spm_bench.scoring.units import units_of
from spm_bench.suites.base import Suite


def with_intervals(
    evaluation: Evaluation, suite: Suite, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Evaluation:
    """Put `low`, `high` and `level` into the scores of an evaluation.

    Sequences of one video or scene are drawn together (see `scoring.units`). Speed has no interval: it is a property
    of the machine. Nor has a score of fewer than two videos, or one that is undefined.

    Args:
        evaluation: As scored.
        suite: It was scored on.
        level: Of the intervals.
        resamples: How often sequences are drawn.
        seed: Equal seeds give equal intervals; all trackers on a suite meet the same draws.
    """
    units = list(units_of(suite.name, evaluation.sequences).values())

    able = [s.metric for s in evaluation.scores if s.value is not None and s.metric in evaluation.statistics]
    statistics = [evaluation.statistics[metric] for metric in able]
    intervals = bootstrap_all(statistics, units, level=level, resamples=resamples, seed=seed) if able else []
    found = {metric: one for metric, one in zip(able, intervals, strict=True) if not np.isnan(one.low)}

    def of(score: Score) -> Score:
        own = found.get(score.metric)
        return score if own is None else replace(score, low=own.low, high=own.high, level=level)

    return replace(evaluation, scores=tuple(map(of, evaluation.scores)))


def curve_band(
    evaluation: Evaluation, name: str, *, level: float = LEVEL, resamples: int = BAND_RESAMPLES, seed: int = 0
) -> tuple[FloatArray, FloatArray] | None:
    """The bootstrap band around a curve: at each point, what another choice of sequences might have given.

    It is made on request, not with the scores: only figures need it.

    Args:
        evaluation: As scored.
        name: Of the curve.
        level: Of the interval at each point.
        resamples: How often sequences are drawn.
        seed: Equal seeds give equal bands; all trackers on a suite meet the same draws.

    Returns:
        (low, high), as many values as the curve has points, NaN where there is no interval; None where the curve does
        not say what its sequences add to it.
    """
    statistic = evaluation.curves[name].statistic
    if statistic is None or not evaluation.scores:
        return None
    units = list(units_of(evaluation.scores[0].suite, evaluation.sequences).values())
    return band(statistic, units, level=level, resamples=resamples, seed=seed)
