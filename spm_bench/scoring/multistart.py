"""Scores of VOT's multi-start runs (VOT-ST 2020 to 2022): EAO, accuracy, robustness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.geometry.boxes import has_area
from spm_bench.metrics.eao import Eao
from spm_bench.metrics.multistart import StartRuns, counted_frames, multistart_eao, progress_of, start_sums
from spm_bench.metrics.resampling import Statistic, ratio_of_sums
from spm_bench.metrics.speed import frames_per_second
from spm_bench.metrics.vot_conventions import MultiStartConvention, Overlap, get_multistart_convention
from spm_bench.results.trajectory import FrameState, ResultSet, Trajectory
from spm_bench.scoring.base import Curve, Evaluation, Part
from spm_bench.scoring.passes import check_length, sequences_with_results
from spm_bench.scoring.rows import about_seconds, score_row
from spm_bench.scoring.supervised import about_bounds, pass_overlaps, tidy_values, truth_of
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.starts import part_of, run_spans

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

ROBUSTNESS = "robustness_st"
"""Not "robustness", which counts failures: this one is a share, and more is better."""


@dataclass(frozen=True, eq=False)
class Starts:
    """All multi-start runs of a tracker over a suite.

    Attributes:
        sequences: S sequences with results, in the suite's order.
        runs: Their runs, joined.
        seconds: F, NaN where not timed.
        parts: For each run, the frames it covers.
        unbounded: Names of sequences whose overlaps are not bounded because their picture size is not known.
    """

    sequences: tuple[Sequence, ...]
    runs: StartRuns
    seconds: FloatArray
    parts: tuple[Sequence, ...]
    unbounded: tuple[str, ...]


def evaluate_multistart(
    suite: Suite, results: ResultSet, convention: str | None = None, *, allow_missing: bool = False
) -> Evaluation:
    """Score one tracker's multi-start results.

    Args:
        suite: With ground truth and, where it has them, anchors; frames are not touched.
        results: Raw results of one tracker, one trajectory for each anchor.
        convention: A name of `MULTISTART_CONVENTIONS`; None takes "vot-st".
        allow_missing: Score the sequences that have results, instead of failing when one has none.

    Returns:
        Scores "eao" (None where undefined, the note says why), "accuracy", "robustness_st" (share of frames before a
        failure), then "fps" where times are known; the curve "eao".

    Raises:
        UsageError: No such convention.
        ResultsError: Results are missing, broken, of the wrong length, or not of multi-start runs.
    """
    rules = get_multistart_convention(convention)
    starts = collect_starts(suite, results, rules.overlap, allow_missing=allow_missing)
    runs = starts.runs
    if rules.unannotated == "left-out":
        runs.overlaps[~runs.annotated] = 0.0
    progress = progress_of(runs, rules)
    eao, statistic, line = multistart_eao(runs, progress, rules, suite.eao_interval)
    sums = start_sums(runs, progress, rules)
    names = [sequence.name for sequence in starts.sequences]
    attributes = _labelled(starts, progress, rules)
    statistics = {"accuracy": sums.accuracy, ROBUSTNESS: sums.robustness}
    total = sums.accuracy.value
    score = partial(score_row, suite, results, rules.name)
    n, about = len(names), (_about_starts(runs), about_bounds(starts.unbounded))
    undefined = "every run failed at its start" if np.isnan(total) else ""
    scores = [
        score("eao", eao.value, n, eao.note, *about),
        score("accuracy", None if np.isnan(total) else total, n, undefined, *about),
        score(ROBUSTNESS, sums.robustness.value, n, "share of the frames before a failure", about[0]),
    ]
    fps = frames_per_second(starts.seconds)
    if fps is not None:
        scores.append(score("fps", fps, n, f"frames / seconds, {about_seconds(results)}"))
    return Evaluation(
        label=results.label,
        scores=tuple(scores),
        per_sequence=tidy_values(names, {"accuracy": sums.accuracies, ROBUSTNESS: sums.robustnesses}),
        curves={"eao": _curve(eao, line)},
        per_attribute=_per_attribute(attributes),
        extra={"rules": rules.describe(), "eao_lengths": eao.lengths, "runs": np.bincount(runs.owners).tolist()},
        sequences=tuple(names),
        statistics=statistics if statistic is None else {"eao": statistic, **statistics},
        attributes=attributes,
    )


def collect_starts(suite: Suite, results: ResultSet, overlap: Overlap, *, allow_missing: bool) -> Starts:
    """Read a tracker's multi-start results and measure every overlap once.

    Raises:
        ResultsError: See `evaluate_multistart`.
    """
    sequences = sequences_with_results(suite, results, allow_missing)
    owners: list[int] = []
    trajectories: list[Trajectory] = []
    parts: list[Sequence] = []
    overlaps: list[FloatArray] = []
    for index, sequence in enumerate(sequences):
        found, spans = results.trajectories(sequence), run_spans(sequence)
        if len(found) != len(spans):
            raise ResultsError(
                f"{results.label} has {len(found)} of the {len(spans)} runs over {sequence.name}",
                where=results.run,
                remedy="Run it again, or restore the files: there is one for each anchor",
            )
        own = [part_of(sequence, span) for span in spans]
        for trajectory, part, span in zip(found, own, spans, strict=True):
            check_length(len(trajectory), part, results)
            _check_start(trajectory, sequence, span, results)
        size = sequence.image_size if suite.bounded else None
        whole = tuple(_spread(one, span, len(sequence)) for one, span in zip(found, spans, strict=True))
        values = pass_overlaps(sequence, whole, size, overlap).reshape(len(whole), len(sequence))
        for row, trajectory, part, span in zip(values, found, own, spans, strict=True):
            overlaps.append(_with_absences(row[np.array(span)], part, trajectory))
        owners += [index] * len(found)
        trajectories += found
        parts += own
    runs = StartRuns(
        owners=np.array(owners, dtype=np.intp),
        lengths=np.array([len(t) for t in trajectories], dtype=np.intp),
        overlaps=np.concatenate(overlaps),
        annotated=np.concatenate([has_area(part.ground_truth) for part in parts]),
        frames=np.array([len(s) for s in sequences], dtype=np.intp),
    )
    unbounded = tuple(s.name for s in sequences if suite.bounded and s.image_size is None)
    return Starts(sequences, runs, np.concatenate([t.seconds for t in trajectories]), tuple(parts), unbounded)


def _spread(trajectory: Trajectory, span: range, n: int) -> Trajectory:
    """A run as a pass over all n frames of its sequence, so that all runs are measured at once."""

    def over_all(values: NDArray[Any], blank: float) -> NDArray[Any]:
        spread = np.full((n, *values.shape[1:]), blank, dtype=values.dtype)
        spread[np.array(span)] = values
        return spread

    return Trajectory(
        boxes=over_all(trajectory.boxes, np.nan),
        states=over_all(trajectory.states, FrameState.SKIPPED),
        seconds=over_all(trajectory.seconds, np.nan),
        polygons=None if trajectory.polygons is None else over_all(trajectory.polygons, np.nan),
    )


def _with_absences(overlaps: FloatArray, part: Sequence, trajectory: Trajectory) -> FloatArray:
    """Say 1 where neither the annotation nor the tracker has a region, as the toolkit does."""
    overlaps[np.isnan(truth_of(part)).any(axis=1) & (trajectory.states != FrameState.TRACKED)] = 1.0
    return overlaps


def _check_start(trajectory: Trajectory, sequence: Sequence, span: range, results: ResultSet) -> None:
    """Refuse what no multi-start experiment writes."""
    starts = np.flatnonzero(trajectory.states == FrameState.INIT)
    if starts.tolist() != [0] or (trajectory.states == FrameState.FAILURE).any():
        raise ResultsError(
            f"the run of {results.label} over {sequence.name} from frame {span.start} is not one start and no failure",
            where=results.run,
            remedy="These are no results of VOT's multi-start experiment; its raw files begin with 1 and have no 2",
        )


def _about_starts(runs: StartRuns) -> str:
    return f"{len(runs.lengths)} runs"


def _curve(eao: Eao, line: Statistic) -> Curve:
    known = np.flatnonzero(~np.isnan(eao.curve))
    x = (known + 1).astype(np.float64)
    return Curve(x, eao.curve[known], "Sequence length [frames]", "Expected overlap", line)


def _labelled(starts: Starts, progress: NDArray[np.intp], rules: MultiStartConvention) -> dict[str, Part]:
    """Accuracy over the labelled frames before failures, for each frame attribute that has such frames."""
    runs, found, counts = starts.runs, {}, counted_frames(starts.runs, progress, rules)
    for name in dict.fromkeys(a for s in starts.sequences for a in s.frame_attributes):
        flags = [p.frame_attributes.get(name, np.zeros(len(p), dtype=bool)) for p in starts.parts]
        chosen = np.concatenate(flags) & counts
        owners = runs.owners[runs.run_of_frame[chosen]]
        rows = np.unique(owners)
        if len(rows):
            sums, frames = (np.bincount(owners, w)[rows] for w in (runs.overlaps[chosen], np.ones(len(owners))))
            found[name] = Part(tuple(starts.sequences[i].name for i in rows), {"accuracy": ratio_of_sums(sums, frames)})
    return found


def _per_attribute(parts: Mapping[str, Part]) -> pd.DataFrame:
    rows = [(name, "accuracy", part.statistics["accuracy"].value, len(part.sequences)) for name, part in parts.items()]
    return pd.DataFrame(rows, columns=["attribute", "metric", "value", "n_sequences"]).astype(
        {"value": "float64", "n_sequences": "int64"}
    )
