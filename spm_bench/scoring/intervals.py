"""Every score gets its bootstrap interval over sequences: what another choice of sequences might have given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spm_bench.metrics.resampling import BAND_RESAMPLES, LEVEL, RESAMPLES, FloatArray, Interval, band, bootstrap_all
from spm_bench.scoring.base import Evaluation, Score
from spm_bench.scoring.units import units_of
from spm_bench.suites.base import Suite


def with_intervals(
    evaluation: Evaluation, suite: Suite, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Evaluation:
    """Put `low`, `high` and `level` into the scores of an evaluation; see `all_with_intervals`."""
    return all_with_intervals([evaluation], suite, level=level, resamples=resamples, seed=seed)[0]


def all_with_intervals(
    evaluations: Sequence[Evaluation],
    suite: Suite,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Evaluation]:
    """Put `low`, `high` and `level` into the scores of evaluations; for many at once this takes half the time.

    Sequences of one video or scene are drawn together (see `scoring.units`). Speed has no interval: it is a property
    of the machine. Nor has a score of fewer than two videos, or one that is undefined.

    Args:
        evaluations: As scored.
        suite: They were scored on.
        level: Of the intervals.
        resamples: How often sequences are drawn.
        seed: Equal seeds give equal intervals; all trackers on a suite meet the same draws.
    """
    scores: dict[tuple[int, str], Interval] = {}
    for sequences in dict.fromkeys(evaluation.sequences for evaluation in evaluations):
        able = {
            (i, score.metric): evaluation.statistics[score.metric]
            for i, evaluation in enumerate(evaluations)
            for score in evaluation.scores
            if evaluation.sequences == sequences and score.value is not None and score.metric in evaluation.statistics
        }
        units = list(units_of(suite.name, sequences).values())
        found = bootstrap_all(list(able.values()), units, level=level, resamples=resamples, seed=seed)
        scores |= zip(able, found, strict=True)

    def of(i: int, score: Score) -> Score:
        own = scores.get((i, score.metric))
        if own is None or np.isnan(own.low):
            return score
        return replace(score, low=own.low, high=own.high, level=level)

    return [replace(one, scores=tuple(of(i, score) for score in one.scores)) for i, one in enumerate(evaluations)]


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
