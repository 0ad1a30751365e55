"""Scores of one-pass runs: success and precision (OTB family), average overlap (GOT-10k family)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.geometry.boxes import has_area
from spm_bench.metrics.average_overlap import counted_frames, overlap_scores
from spm_bench.metrics.conventions import Convention, default_convention, get_convention
from spm_bench.metrics.resampling import Statistic, mean_line, mean_over, ratio_of_sums
from spm_bench.metrics.speed import frames_per_second, mean_inverse_seconds
from spm_bench.metrics.success import (
    FrameMeasures,
    PassCurves,
    Truth,
    covered_frames,
    headlines,
    measure_against,
    pass_curves,
    prepare_truth,
    share_above,
)
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Curve, Evaluation, Part, Score
from spm_bench.scoring.passes import BoolArray, Course, FloatArray, Passes, collect_passes, perfect_passes
from spm_bench.scoring.rows import about_seconds, score_row
from spm_bench.suites.base import Sequence, Suite

ON_FRAMES = " (frames)"
"""Ends the names of per-frame attributes, whose values are pooled over labelled frames instead of sequences."""
X_OVERLAP, X_PIXELS, X_SIDES = "Overlap threshold", "Location error threshold [px]", "Normalised error threshold"
Y_SUCCESS, Y_PRECISION = "Success rate", "Precision"


@dataclass(frozen=True, eq=False)
class _Measured:
    """What a scheme (success, average overlap) found.

    Attributes:
        per_sequence: Metric -> S values, NaN where a sequence has no frame that counts.
        overall: Metric -> value, NaN where undefined.
        curves: Name -> line over the whole suite.
        on_frames: Scores of any choice of frames (F booleans): metric -> value.
        statistics: Metric -> the overall value as a function of how often each sequence is drawn.
        of_frames: Scores of any choice of frames, sequence by sequence: metric -> S values (NaN without a frame), and
            S numbers of frames that count. Weighted by these, their mean is that of `on_frames`.
    """

    per_sequence: Mapping[str, FloatArray]
    overall: Mapping[str, float]
    curves: Mapping[str, Curve]
    on_frames: Callable[[BoolArray], Mapping[str, float]]
    statistics: Mapping[str, Statistic]
    of_frames: Callable[[BoolArray], tuple[Mapping[str, FloatArray], NDArray[np.intp]]]


def evaluate_one_pass(
    suite: Suite, results: ResultSet, convention: str | Convention | None = None, *, allow_missing: bool = False
) -> Evaluation:
    """Score one tracker's one-pass results on a suite.

    Several passes over a sequence become one curve under conventions of the "success" scheme (see their `repetitions`),
    and are stacked under "average-overlap" (GOT-10k's rule). A sequence without any usable annotation beyond its first
    frame is left out of the means, and the scores' notes say so.

    Args:
        suite: With ground truth; frames are not touched.
        results: Raw results of one tracker.
        convention: Rules, or their name in `spm_bench.metrics.conventions`; None takes the benchmark's own.
        allow_missing: Score the sequences that have results, instead of failing when one has none.

    Returns:
        Scores "auc", "precision" (or "precision_area"), "normalised_precision", or "ao", "sr50", "sr75", all in 0..1,
        then "fps" where times are known.

    Raises:
        UsageError: No such convention.
        ResultsError: Results are missing, broken, or of the wrong length.
        DataError: The convention needs picture sizes or visibility labels that the suite does not have.
    """
    own = default_convention(suite.family, suite.convention)
    rules = get_convention(convention) if isinstance(convention, str) else convention or own
    passes = collect_passes(suite, results, allow_missing=allow_missing)
    measured = _success(passes, rules) if rules.scheme == "success" else _average_overlap(passes, rules, suite)
    speeds = _speeds(passes, rules)
    return Evaluation(
        label=results.label,
        scores=tuple(_scores(suite, results, rules, measured, speeds, _speed(passes, rules, speeds))),
        per_sequence=_per_sequence(passes, {**measured.per_sequence, "fps": speeds}),
        curves=measured.curves,
        per_attribute=_per_attribute(passes, measured),
        extra={"rules": rules.source},
        sequences=tuple(s.name for s in passes.sequences),
        statistics=measured.statistics,
        attributes={**_sequence_parts(passes, measured), **_frame_parts(passes, measured)},
    )


def _success(passes: Passes, rules: Convention) -> _Measured:
    """Curves of each sequence, then their mean over sequences (OTB and its relatives)."""
    truth, annotated = _known_truth(passes.course, rules)
    frames = measure_against(passes.boxes, truth)
    of_passes = pass_curves(frames, passes.lengths, rules)
    lines = {}
    for name, values in vars(of_passes).items():
        lines[name] = passes.sequence_means(values, by_frames=rules.repetitions == "frames")
        lines[name][~annotated] = np.nan
    mean = PassCurves(**{name: _mean_rows(line)[None] for name, line in lines.items()})

    def on_frames(chosen: BoolArray) -> dict[str, float]:
        some = FrameMeasures(*(values[chosen] for values in vars(frames).values()))
        return {k: float(v[0]) for k, v in headlines(pass_curves(some, [chosen.sum()], rules), rules).items()}

    def of_frames(chosen: BoolArray) -> tuple[Mapping[str, FloatArray], NDArray[np.intp]]:
        some = FrameMeasures(*(values[chosen] for values in vars(frames).values()))
        counts = np.bincount(passes.frame_owners[chosen], minlength=len(passes.sequences))
        return headlines(pass_curves(some, counts, rules), rules), counts

    per_sequence = headlines(PassCurves(**lines), rules)
    overall = {k: float(v[0]) for k, v in headlines(mean, rules).items()}
    # a point of a mean curve, and the area under it, are the means of the sequences' own
    statistics = {metric: mean_over(values) for metric, values in per_sequence.items()}
    if rules.coverage:
        covered = covered_frames(passes.boxes, passes.truth, passes.lengths, rules)
        n = len(passes.sequences)
        sums, counts = (np.bincount(passes.frame_owners, weights, n) for weights in (covered, np.ones(len(covered))))
        per_sequence["coverage"], overall["coverage"] = sums / counts, float(covered.mean())
        statistics["coverage"] = ratio_of_sums(sums, counts)
    return _Measured(
        per_sequence=per_sequence,
        overall=overall,
        curves={
            name: Curve(np.array(x), getattr(mean, name)[0], x_label, y_label, mean_line(lines[name]))
            for name, x, x_label, y_label in (
                ("success", rules.overlap_thresholds, X_OVERLAP, Y_SUCCESS),
                ("precision", rules.error_thresholds, X_PIXELS, Y_PRECISION),
                ("normalised_precision", rules.normalised_thresholds, X_SIDES, Y_PRECISION),
            )
        },
        on_frames=on_frames,
        statistics=statistics,
        of_frames=of_frames,
    )


@lru_cache(maxsize=1)
def _known_truth(course: Course, rules: Convention) -> tuple[Truth, BoolArray]:
    """The annotations as the rules see them, and which sequences have any that counts; kept for the next tracker."""
    passes = perfect_passes(course)
    truth = prepare_truth(
        passes.truth,
        passes.lengths,
        rules,
        absent=passes.labelled(rules.absent_labels) if rules.absent_labels else None,
        sizes=passes.sizes() if rules.bounding != "none" else None,
    )
    return truth, passes.annotated()


def _mean_rows(values: FloatArray) -> FloatArray:
    """Mean over the rows that are not NaN; NaN where there is none."""
    rows = values[~np.isnan(values).any(axis=1)]
    return np.asarray(rows.mean(axis=0)) if len(rows) else np.full(values.shape[1], np.nan)


def _average_overlap(passes: Passes, rules: Convention, suite: Suite) -> _Measured:
    """Overlaps of all frames that count, pooled (GOT-10k)."""
    frames = measure_against(passes.boxes, _known_truth(passes.course, rules)[0])
    counted = counted_frames(passes.lengths, _cover(passes, suite), without_first=rules.first_frame == "excluded")
    n = len(passes.sequences)
    thresholds = np.array(rules.overlap_thresholds)

    def on_frames(chosen: BoolArray) -> dict[str, float]:
        overlaps = frames.overlaps[chosen & counted]
        return {k: float(v[0]) for k, v in overlap_scores(overlaps, np.zeros(len(overlaps), int), 1).items()}

    def of_frames(chosen: BoolArray) -> tuple[Mapping[str, FloatArray], NDArray[np.intp]]:
        rows = chosen & counted
        owners = passes.frame_owners[rows]
        return overlap_scores(frames.overlaps[rows], owners, n), np.bincount(owners, minlength=n)

    curve = share_above(frames.overlaps[counted], [counted.sum()], thresholds, inclusive=rules.overlap_inclusive)
    owners = passes.frame_owners[counted]
    per_sequence, n_frames = overlap_scores(frames.overlaps[counted], owners, n), np.bincount(owners, minlength=n)
    lines = share_above(frames.overlaps[counted], n_frames, thresholds, inclusive=rules.overlap_inclusive)
    return _Measured(
        per_sequence=per_sequence,
        overall=on_frames(counted),
        curves={"success": Curve(thresholds, curve[0], X_OVERLAP, Y_SUCCESS, mean_line(lines, n_frames))},
        on_frames=on_frames,
        statistics={
            metric: ratio_of_sums(np.nan_to_num(values) * n_frames, n_frames) for metric, values in per_sequence.items()
        },
        of_frames=of_frames,
    )


def _cover(passes: Passes, suite: Suite) -> FloatArray:
    """F values of visibility; suites outside GOT-10k have no such labels, there all annotated frames are visible."""
    covers: list[NDArray[np.generic]] = []
    for sequence in passes.sequences:
        if sequence.cover is None and suite.family == "got10k":
            raise DataError(
                "the visibility labels are missing", where=sequence.name, remedy="Restore its file cover.label"
            )
        covers.append(has_area(sequence.ground_truth) if sequence.cover is None else sequence.cover)
    return np.asarray(passes.per_frame(covers), dtype=np.float64)


def _speeds(passes: Passes, rules: Convention) -> FloatArray:
    """S speeds in frames per second, NaN where not timed."""
    speed = frames_per_second if rules.speed == "frames-per-second" else mean_inverse_seconds
    if not np.isfinite(passes.seconds).any():
        return np.full(len(passes.sequences), np.nan)
    owners = passes.frame_owners
    found = [speed(passes.seconds[owners == i]) for i in range(len(passes.sequences))]
    return np.array([np.nan if f is None else f for f in found])


def _speed(passes: Passes, rules: Convention, speeds: FloatArray) -> float | None:
    if rules.speed == "frames-per-second":
        return frames_per_second(passes.seconds)
    timed = speeds[~np.isnan(speeds)]
    return float(timed.mean()) if len(timed) else None


def _scores(
    suite: Suite, results: ResultSet, rules: Convention, measured: _Measured, speeds: FloatArray, fps: float | None
) -> Iterator[Score]:
    score = partial(score_row, suite, results, rules.name)
    for metric, values in measured.per_sequence.items():
        n_blank = int(np.isnan(values).sum())
        notes = [f"{n_blank} sequences without a frame that counts"] if n_blank else []
        value = measured.overall[metric]
        yield score(metric, None if np.isnan(value) else value, len(values) - n_blank, *notes)
    if fps is not None:
        n_timed = int((~np.isnan(speeds)).sum())
        yield score("fps", fps, n_timed, _about_speed(results, rules))


def _about_speed(results: ResultSet, rules: Convention) -> str:
    how = "frames / seconds" if rules.speed == "frames-per-second" else "mean over sequences of the mean of 1/t"
    return f"{how}, {about_seconds(results)}"


def _per_sequence(passes: Passes, metrics: Mapping[str, FloatArray]) -> pd.DataFrame:
    """One row per sequence and metric; values that do not exist have no row."""
    names = np.array([s.name for s in passes.sequences], dtype=object)
    values = np.concatenate(list(metrics.values()))
    found = ~np.isnan(values)
    return pd.DataFrame(
        {
            "sequence": np.tile(names, len(metrics))[found],
            "metric": np.repeat(np.array(list(metrics), dtype=object), len(names))[found],
            "value": values[found],
        }
    )


def _per_attribute(passes: Passes, measured: _Measured) -> pd.DataFrame:
    """Means over the sequences with an attribute, then scores of the frames with a frame attribute."""
    rows = [*_sequence_attributes(passes, measured), *_frame_attributes(passes, measured)]
    return pd.DataFrame(
        {
            "attribute": [attribute for attribute, _, _, _ in rows],
            "metric": [metric for _, metric, _, _ in rows],
            "value": np.array([value for _, _, value, _ in rows], dtype=np.float64),
            "n_sequences": np.array([n for _, _, _, n in rows], dtype=np.int64),
        }
    )


@lru_cache(maxsize=1)
def _members(sequences: tuple[Sequence, ...]) -> Mapping[str, NDArray[np.intp]]:
    """Attribute -> indices of the sequences that carry it; kept for the next tracker, whose sequences are the same."""
    members: dict[str, list[int]] = {}
    for index, sequence in enumerate(sequences):
        for attribute in sequence.attributes:
            members.setdefault(attribute, []).append(index)
    return {attribute: np.array(chosen) for attribute, chosen in members.items()}


def _sequence_attributes(passes: Passes, measured: _Measured) -> Iterator[tuple[str, str, float, int]]:
    values = np.stack(list(measured.per_sequence.values()))
    known = ~np.isnan(values)
    values = np.where(known, values, 0.0)
    for attribute, chosen in _members(passes.sequences).items():
        counts = known[:, chosen].sum(axis=1)
        means = values[:, chosen].sum(axis=1) / np.maximum(counts, 1)
        for metric, mean, count in zip(measured.per_sequence, means.tolist(), counts.tolist(), strict=True):
            if count:
                yield attribute, metric, mean, count


def _frame_attributes(passes: Passes, measured: _Measured) -> Iterator[tuple[str, str, float, int]]:
    for name, chosen in _labelled_frames(passes):
        n_sequences = len(np.unique(passes.frame_owners[chosen]))
        for metric, value in measured.on_frames(chosen).items():
            if not np.isnan(value):
                yield name + ON_FRAMES, metric, value, n_sequences


def _labelled_frames(passes: Passes) -> Iterator[tuple[str, BoolArray]]:
    """The frames of each frame attribute; the first of each pass is left out, as its box was given."""
    not_first = counted_frames(passes.lengths, None)
    for name in dict.fromkeys(a for s in passes.sequences for a in s.frame_attributes):
        yield name, passes.labelled((name,)) & not_first


def _sequence_parts(passes: Passes, measured: _Measured) -> dict[str, Part]:
    """Means over the sequences with an attribute, as functions of these."""
    of_all = {metric: mean_over(values) for metric, values in measured.per_sequence.items()}
    return {
        attribute: Part(
            tuple(passes.sequences[i].name for i in chosen),
            {metric: statistic.chosen(chosen) for metric, statistic in of_all.items()},
        )
        for attribute, chosen in _members(passes.sequences).items()
    }


def _frame_parts(passes: Passes, measured: _Measured) -> dict[str, Part]:
    """Scores of the frames with a frame attribute, as functions of the sequences that have any."""
    found = {}
    for name, chosen in _labelled_frames(passes):
        values, counts = measured.of_frames(chosen)
        rows = np.flatnonzero(counts)
        if len(rows):
            of_metric = {m: ratio_of_sums(v[rows] * counts[rows], counts[rows]) for m, v in values.items()}
            found[name + ON_FRAMES] = Part(tuple(passes.sequences[i].name for i in rows), of_metric)
    return found
