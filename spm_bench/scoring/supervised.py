"""Scores of VOT's supervised runs: EAO, accuracy and robustness in every unit in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.geometry.raster import PaintedPolygons, paint_polygons, painted_overlaps
from spm_bench.metrics.eao import Eao, curve_statistic, eao_statistic, expected_average_overlap
from spm_bench.metrics.resampling import Statistic
from spm_bench.metrics.speed import frames_per_second
from spm_bench.metrics.supervised import (
    Passes,
    Robustness,
    accuracy,
    accuracy_statistic,
    counted_frames,
    region_overlaps,
    robustness,
    robustness_statistics,
    sequence_accuracies,
    sequence_failures,
    total_over,
)
from spm_bench.metrics.vot_conventions import BY_LENGTH, Overlap, VotConvention, get_vot_convention
from spm_bench.results.trajectory import FrameState, ResultSet, Trajectory
from spm_bench.scoring.base import Curve, Evaluation, Part, Score
from spm_bench.scoring.passes import check_length, sequences_with_results
from spm_bench.scoring.rows import about_seconds, score_row
from spm_bench.suites.base import Sequence, Suite

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


MOST_PAINTED = 128
"""Sequences whose annotations are kept as pixels: two of VOT's years, about a megabyte each."""


@dataclass(frozen=True, eq=False)
class Runs:
    """All supervised passes of a tracker over a suite.

    Attributes:
        sequences: S sequences with results, in the suite's order.
        passes: Their passes, joined.
        annotated: F booleans: frames whose annotation is usable; others have overlap 0 and no say in accuracy.
        seconds: F, NaN where not timed.
        unbounded: Names of sequences whose overlaps are not bounded because their picture size is not known.
    """

    sequences: tuple[Sequence, ...]
    passes: Passes
    annotated: BoolArray
    seconds: FloatArray
    unbounded: tuple[str, ...]

    def labelled(self, attribute: str) -> BoolArray:
        """F booleans: the frames that carry a frame attribute."""
        flags = [s.frame_attributes.get(attribute, np.zeros(len(s), dtype=bool)) for s in self.sequences]
        return np.concatenate([flags[owner] for owner in self.passes.owners])


def evaluate_supervised(
    suite: Suite, results: ResultSet, convention: str | VotConvention | None = None, *, allow_missing: bool = False
) -> Evaluation:
    """Score one tracker's supervised results on a VOT suite.

    Failures are taken as coded in the results (state FAILURE): whoever made them judged them. All repetitions that are
    there are used, however many.

    Args:
        suite: With ground truth; frames are not touched.
        results: Raw results of one tracker, with boxes or polygons.
        convention: Rules, or their name in `spm_bench.metrics.vot_conventions`; None takes "vot-matlab".
        allow_missing: Score the sequences that have results, instead of failing when one has none.

    Returns:
        Scores "eao" (None where undefined, the note says why), "accuracy", "robustness" (failures per 100 frames),
        "failures" (in the whole suite, mean over repetitions), "reliability", then "fps" where times are known; the
        curve "eao"; `extra` has the rules in words and the failures in all other units.

    Raises:
        UsageError: No such convention.
        ResultsError: Results are missing, broken, of the wrong length, or not of a supervised run.
    """
    rules = convention if isinstance(convention, VotConvention) else get_vot_convention(convention)
    return score_runs(suite, results, rules, collect_runs(suite, results, rules.overlap, allow_missing=allow_missing))


def score_runs(suite: Suite, results: ResultSet, rules: VotConvention, runs: Runs) -> Evaluation:
    """Score runs whose overlaps were measured already; see `evaluate_supervised`.

    Args:
        suite: With ground truth.
        results: What the runs were read from.
        rules: Their `overlap` is that of the runs.
        runs: From `collect_runs`.
    """
    passes = runs.passes
    counted = counted_frames(passes, rules.burn_in) & runs.annotated
    eao = expected_average_overlap(passes, rules, suite.eao_interval)
    lost = sequence_failures(passes)
    units = robustness(lost, passes.frames, rules.sensitivity)
    per_sequence = {
        "accuracy": sequence_accuracies(passes, counted, rules.pooling, blank_is_zero=rules.blank_is_zero),
        "failures": lost,
        "fps": _speeds(runs),
    }
    total = accuracy(passes, counted, rules.pooling, blank_is_zero=rules.blank_is_zero)
    return Evaluation(
        label=results.label,
        scores=tuple(_scores(suite, results, rules, runs, eao, total, units)),
        per_sequence=tidy_values([s.name for s in runs.sequences], per_sequence),
        curves={"eao": _curve(eao, passes, rules)},
        per_attribute=labelled_accuracy(runs, counted, "accuracy", failures=True),
        extra={
            "rules": rules.describe(),
            "eao_lengths": eao.lengths,
            "robustness_units": vars(units),
            "repetitions": passes.repetitions.tolist(),
        },
        sequences=tuple(s.name for s in runs.sequences),
        statistics=_statistics(suite, rules, passes, counted),
        attributes=labelled_parts(runs, counted, "accuracy", failures=True),
    )


def _statistics(suite: Suite, rules: VotConvention, passes: Passes, counted: BoolArray) -> dict[str, Statistic]:
    """Every score as a function of how often each sequence is drawn."""
    lost = sequence_failures(passes)
    eao = eao_statistic(passes, rules, suite.eao_interval)
    found = {} if eao is None else {"eao": eao}
    return found | {
        "accuracy": accuracy_statistic(passes, counted, rules.pooling, blank_is_zero=rules.blank_is_zero),
        **robustness_statistics(lost, passes.frames, rules.sensitivity, by_length=rules.pooling == BY_LENGTH),
    }


def collect_runs(suite: Suite, results: ResultSet, overlap: Overlap, *, allow_missing: bool) -> Runs:
    """Read a tracker's passes over whole sequences and measure every overlap once.

    Raises:
        ResultsError: See `evaluate_supervised`.
    """
    sequences = sequences_with_results(suite, results, allow_missing)
    owners: list[int] = []
    trajectories: list[Trajectory] = []
    overlaps: list[FloatArray] = []
    for index, sequence in enumerate(sequences):
        found = results.trajectories(sequence)
        if not found:
            raise ResultsError(f"no repetition of {sequence.name} is complete", where=results.run)
        for trajectory in found:
            check_length(len(trajectory), sequence, results)
            _check_codes(trajectory, sequence, results)
        owners += [index] * len(found)
        trajectories += found
        size = sequence.image_size if suite.bounded else None
        overlaps.append(pass_overlaps(sequence, found, size, overlap))
    states = np.concatenate([t.states for t in trajectories])
    passes = Passes(
        owners=np.array(owners, dtype=np.intp),
        lengths=np.array([len(t) for t in trajectories], dtype=np.intp),
        overlaps=np.concatenate(overlaps),
        starts=states == FrameState.INIT,
        failed=states == FrameState.FAILURE,
        tracked=states == FrameState.TRACKED,
    )
    usable = [np.isfinite(truth_of(s)).all(axis=1) for s in sequences]
    return Runs(
        sequences=sequences,
        passes=passes,
        annotated=np.concatenate([usable[owner] for owner in owners]),
        seconds=np.concatenate([t.seconds for t in trajectories]),
        unbounded=tuple(s.name for s in sequences if suite.bounded and s.image_size is None),
    )


def _check_codes(trajectory: Trajectory, sequence: Sequence, results: ResultSet) -> None:
    """Refuse what no experiment of VOT writes: scores would look right and mean nothing."""
    if not (trajectory.states == FrameState.INIT).any():
        raise ResultsError(
            f"{results.label} was never initialised on {sequence.name}: no line is the code 1",
            where=results.run,
            remedy="These are no results of a VOT experiment; its raw files mark initialisations by 1",
        )


def truth_of(sequence: Sequence) -> FloatArray:
    """The annotation that overlaps are taken with: n x 8 polygons where there are any, else n x 4 boxes."""
    return sequence.ground_truth if sequence.polygons is None else sequence.polygons


def pass_overlaps(
    sequence: Sequence, trajectories: tuple[Trajectory, ...], size: tuple[int, int] | None, overlap: Overlap
) -> FloatArray:
    """Overlaps of all passes over a sequence, one after the other; 0 where there is no region.

    Args:
        sequence: Of n frames.
        trajectories: R passes over all of them.
        size: (width, height) that bounds the regions, or None.
        overlap: How they are measured.
    """
    truth, boxes = truth_of(sequence), np.stack([t.boxes for t in trajectories])
    if overlap == "raster" and sequence.polygons is not None:
        values = painted_overlaps(_painted(sequence, size), boxes)
    else:
        values = region_overlaps(truth, boxes, size, overlap)
    for row, trajectory in zip(values, trajectories, strict=True):
        row[trajectory.states != FrameState.TRACKED] = 0.0
        if trajectory.polygons is not None:
            drawn = np.isfinite(trajectory.polygons).all(axis=1) & (trajectory.states == FrameState.TRACKED)
            row[drawn] = region_overlaps(truth[drawn], trajectory.polygons[drawn], size, overlap)
    return values.ravel()


@lru_cache(maxsize=MOST_PAINTED)
def _painted(sequence: Sequence, size: tuple[int, int] | None) -> PaintedPolygons:
    """The annotated polygons as pixels; kept for the next tracker, which usually has results for the same sequences."""
    return paint_polygons(truth_of(sequence), size)


def _curve(eao: Eao, passes: Passes, rules: VotConvention) -> Curve:
    known = np.flatnonzero(~np.isnan(eao.curve))
    x, statistic = (known + 1).astype(np.float64), curve_statistic(passes, rules, known + 1)
    return Curve(x, eao.curve[known], "Sequence length [frames]", "Expected overlap", statistic)


def _scores(
    suite: Suite,
    results: ResultSet,
    rules: VotConvention,
    runs: Runs,
    eao: Eao,
    total: float,
    units: Robustness,
) -> Iterator[Score]:
    def score(metric: str, value: float | None, *notes: str, higher_is_better: bool = True) -> Score:
        n = len(runs.sequences)
        return score_row(suite, results, rules.name, metric, value, n, *notes, higher_is_better=higher_is_better)

    repetitions, bounds = about_repetitions(runs), about_bounds(runs.unbounded)
    undefined = "no frame is left to count after the burn-in" if np.isnan(total) else ""
    by_length = rules.pooling == BY_LENGTH
    yield score("eao", eao.value, eao.note, repetitions, bounds)
    yield score("accuracy", None if np.isnan(total) else total, undefined, repetitions, bounds)
    yield score("robustness", units.per_100_frames, "failures per 100 frames", repetitions, higher_is_better=False)
    yield score("failures", units.failures, "mean over repetitions", repetitions, higher_is_better=False)
    reliability = units.reliability_by_length if by_length else units.reliability
    yield score("reliability", reliability, f"chance to track {rules.sensitivity} frames without a failure")
    fps = frames_per_second(runs.seconds)
    if fps is not None:
        yield score("fps", fps, f"frames / seconds, {about_seconds(results)}")


def about_repetitions(runs: Runs) -> str:
    """How many repetitions the sequences have, in words."""
    counts = runs.passes.repetitions
    low, high = int(counts.min()), int(counts.max())
    many = f"{low}" if low == high else f"{low} to {high}"
    return f"{many} repetition{'' if high == 1 else 's'}"


def about_bounds(unbounded: tuple[str, ...]) -> str:
    """What to say of sequences whose overlaps could not be bounded; empty without any."""
    n = len(unbounded)
    return f"overlaps not bounded to the picture in {n} sequences of unknown picture size" if n else ""


def _speeds(runs: Runs) -> FloatArray:
    owner = runs.passes.owners[runs.passes.pass_of_frame]
    found = [frames_per_second(runs.seconds[owner == i]) for i in range(len(runs.sequences))]
    return np.array([np.nan if f is None else f for f in found])


def tidy_values(names: list[str], metrics: Mapping[str, FloatArray]) -> pd.DataFrame:
    """One row per sequence and metric; values that do not exist have no row."""
    rows = [(n, metric, v) for metric, values in metrics.items() for n, v in zip(names, values, strict=True)]
    frame = pd.DataFrame(rows, columns=["sequence", "metric", "value"]).astype({"value": "float64"})
    return frame[frame["value"].notna()].reset_index(drop=True)


def labelled_accuracy(runs: Runs, counted: BoolArray, metric: str, *, failures: bool = False) -> pd.DataFrame:
    """Mean overlap over the labelled frames that count, and failures in labelled frames, for each frame attribute.

    Args:
        runs: All passes.
        counted: F booleans.
        metric: What the mean overlap is called.
        failures: Whether failures are counted as well.
    """
    rows = []
    for name in dict.fromkeys(a for s in runs.sequences for a in s.frame_attributes):
        chosen = runs.labelled(name)
        n_sequences = len(np.unique(runs.passes.owners[runs.passes.pass_of_frame[chosen]]))
        total = accuracy(runs.passes, counted & chosen, "frames")
        owner = runs.passes.owners[runs.passes.pass_of_frame[runs.passes.failed & chosen]]
        lost = float((1.0 / runs.passes.repetitions[owner]).sum())
        if not np.isnan(total):
            rows.append((name, metric, total, n_sequences))
        if failures and n_sequences:
            rows.append((name, "failures", lost, n_sequences))
    return pd.DataFrame(rows, columns=["attribute", "metric", "value", "n_sequences"]).astype(
        {"value": "float64", "n_sequences": "int64"}
    )


def labelled_parts(runs: Runs, counted: BoolArray, metric: str, *, failures: bool = False) -> dict[str, Part]:
    """The values of `labelled_accuracy` as functions of the sequences that have labelled frames."""
    passes, found = runs.passes, {}
    owners = passes.owners[passes.pass_of_frame]
    for name in dict.fromkeys(a for s in runs.sequences for a in s.frame_attributes):
        chosen = runs.labelled(name)
        rows = np.unique(owners[chosen])
        if not len(rows):
            continue
        statistics = {metric: accuracy_statistic(passes, counted & chosen, "frames").chosen(rows)}
        if failures:
            owner = owners[passes.failed & chosen]
            lost = np.bincount(owner, 1.0 / passes.repetitions[owner], len(runs.sequences)).astype(np.float64)
            statistics["failures"] = total_over(lost[rows])
        found[name] = Part(tuple(runs.sequences[i].name for i in rows), statistics)
    return found
