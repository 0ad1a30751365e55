"""Tidy frames of scores, curves, attributes, sequences, steps and frames: what the figures are functions of.

All start with `tracker` (its label), `look` (its place in the list that was passed in: same list, same looks in every
figure) and `untrained`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spm_bench.metrics.resampling import LEVEL
from spm_bench.report.vocabulary import find_score, finite, is_untrained, ranked
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.intervals import curve_band
from spm_bench.scoring.timeline import Timeline

TRACKER = ("tracker", "look", "untrained")
SCORES = (*TRACKER, "suite", "metric", "value", "low", "high", "level", "higher_is_better")
_LINE = ("curve", "x", "y", "low", "high", "level", "x_label", "y_label")
CURVE = (*TRACKER, *_LINE, "metric", "score", "higher_is_better")
ATTRIBUTES = (*TRACKER, "attribute", "n_sequences", "metric", "value", "score", "higher_is_better")
SEQUENCES = (*TRACKER, "sequence", "metric", "value", "higher_is_better")
DELTAS = ("sequence", "tracker", "base", "metric", "value", "base_value", "delta", "higher_is_better")
STEPS = (*TRACKER, "sequence", "metric", "value", "axis", "level", "step", "about", "scene", "higher_is_better")
TIMELINE = ("tracker", "look", "sequence", "frame", "overlap", "event")


def score_frame(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """One row per tracker and metric, columns `SCORES`; numbers that do not exist are NaN."""
    rows = [
        {**of, "suite": s.suite, "metric": s.metric, "value": _float(s.value), "low": _float(s.low),
         "high": _float(s.high), "level": _float(s.level), "higher_is_better": s.higher_is_better}
        for of, evaluation in _named(evaluations)
        for s in evaluation.scores
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[*SCORES])


def curve_frame(
    evaluations: Sequence[Evaluation], curve: str, *, metric: str, bands: int | None = None
) -> pd.DataFrame:
    """One row per tracker and point of a curve, columns `CURVE`; trackers without it are left out.

    Args:
        evaluations: As scored.
        curve: Name of the curve.
        metric: Its value becomes the column `score`, by which figures order trackers.
        bands: For how many trackers, the best by `metric` first, `low` and `high` hold the bootstrap band; None: all.
    """
    known = [(of, e) for of, e in _named(evaluations) if curve in e.curves]
    chosen = [id(e) for e in ranked([e for _, e in known], metric)[:bands]]
    parts = []
    for of, evaluation in known:
        line = evaluation.curves[curve]
        low, high = (curve_band(evaluation, curve) if id(evaluation) in chosen else None) or (np.nan, np.nan)
        numbers = {"x": line.x, "y": line.y, "low": low, "high": high}
        words = {"curve": curve, "level": LEVEL, "x_label": line.x_label, "y_label": line.y_label}
        about = {**words, **_about(evaluation, metric)}
        parts.append(pd.DataFrame(numbers).assign(**of, **about))
    return pd.concat(parts, ignore_index=True)[[*CURVE]] if parts else pd.DataFrame(columns=[*CURVE])


def attribute_frame(evaluations: Sequence[Evaluation], metric: str) -> pd.DataFrame:
    """One row per tracker and attribute, columns `ATTRIBUTES`; `score` is that of all sequences."""
    parts = []
    for of, evaluation in _named(evaluations):
        frame = evaluation.per_attribute
        if frame is not None and not frame.empty:
            parts.append(frame[frame["metric"] == metric].assign(**of, **_about(evaluation, metric)))
    return pd.concat(parts, ignore_index=True)[[*ATTRIBUTES]] if parts else pd.DataFrame(columns=[*ATTRIBUTES])


def sequence_frame(evaluations: Sequence[Evaluation], metric: str) -> pd.DataFrame:
    """One row per tracker and sequence, columns `SEQUENCES`; sequences without the score have no row."""
    parts = []
    for of, evaluation in _named(evaluations):
        frame = evaluation.per_sequence
        if not frame.empty:
            up = _about(evaluation, metric)["higher_is_better"]
            parts.append(frame[frame["metric"] == metric].assign(**of, higher_is_better=up))
    return pd.concat(parts, ignore_index=True)[[*SEQUENCES]] if parts else pd.DataFrame(columns=[*SEQUENCES])


def delta_frame(sequences: pd.DataFrame, tracker: str, base: str) -> pd.DataFrame:
    """Differences of two trackers on the sequences that both have, columns `DELTAS`.

    Args:
        sequences: See `sequence_frame`.
        tracker: Name of what is compared.
        base: Name of what is subtracted.
    """
    own, theirs = (sequences[sequences["tracker"] == name] for name in (tracker, base))
    both = own.merge(theirs[["sequence", "metric", "value"]], on=["sequence", "metric"], suffixes=("", "_of_base"))
    both = both.rename(columns={"value_of_base": "base_value"}).assign(base=base)
    return both.assign(delta=both["value"] - both["base_value"])[[*DELTAS]]


@dataclass(frozen=True)
class Step:
    """A sequence as a point on a response curve.

    Attributes:
        axis: Of difficulty.
        level: Its place on the axis; numbers that ascend.
        step: What stands under the point: the setting in words.
        about: What the axis is, in words.
        scene: Steps of one scene differ by nothing but the level; several scenes give an interval.
    """

    axis: str
    level: float
    step: str
    about: str
    scene: str = ""


def demo_response() -> dict[str, Step]:
    """The sequences of the demo suite that are steps of an axis: name -> step."""
    from spm_bench.suites.synthetic import AXES, demo_steps

    found = {}
    for step in demo_steps():
        if step.level:
            strengths = AXES[step.axis].steps[step.level - 1]
            words = "\n".join(f"{value:g}" for value in strengths.values())
            found[step.name] = Step(step.axis, step.level, words, AXES[step.axis].about, f"seed {step.scene.seed}")
    return found


def step_frame(evaluations: Sequence[Evaluation], metric: str, steps: Mapping[str, Step]) -> pd.DataFrame:
    """One row per tracker and sequence that is a step, columns `STEPS`.

    Args:
        evaluations: As scored.
        metric: Of the scores per sequence.
        steps: Sequence -> step, such as `demo_response()`.
    """
    frame = sequence_frame(evaluations, metric)
    frame = frame[frame["sequence"].isin(list(steps))].reset_index(drop=True)
    places = [steps[name] for name in frame["sequence"]]
    columns = {name: [getattr(step, name) for step in places] for name in ("axis", "level", "step", "about", "scene")}
    return frame.assign(**columns)[[*STEPS]]


def timeline_frame(timelines: Mapping[str, Mapping[str, Timeline]]) -> pd.DataFrame:
    """One row per tracker, sequence and frame, columns `TIMELINE`; events are "start", "failure" and "" (none).

    Args:
        timelines: Tracker -> sequence -> timeline (see `scoring.timeline.timelines`).
    """
    parts = [
        pd.DataFrame(
            {"tracker": tracker, "look": look, "sequence": sequence, "frame": np.arange(len(line.overlaps)),
             "overlap": line.overlaps, "event": _events(line)}
        )
        for look, (tracker, of) in enumerate(timelines.items())
        for sequence, line in of.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*TIMELINE])


def _events(line: Timeline) -> Iterable[str]:
    failed, started = line.states == FrameState.FAILURE, line.states == FrameState.INIT
    return np.where(failed, "failure", np.where(started, "start", "")).astype(object)


def _named(evaluations: Sequence[Evaluation]) -> list[tuple[dict[str, Any], Evaluation]]:
    return [
        ({"tracker": e.label, "look": place, "untrained": is_untrained(e)}, e) for place, e in enumerate(evaluations)
    ]


def _about(evaluation: Evaluation, metric: str) -> dict[str, Any]:
    score = find_score(evaluation, metric)
    up = metric not in ("robustness", "failures") if score is None else score.higher_is_better
    return {"metric": metric, "score": _float(finite(score)), "higher_is_better": up}


def _float(value: float | None) -> float:
    return np.nan if value is None or not np.isfinite(value) else float(value)
