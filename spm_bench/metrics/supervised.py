"""Accuracy and robustness of VOT's supervised runs: a tracker that loses the target is put back on it.

Passes (repetitions over sequences) lie one after the other, so that every function works on whole arrays.

Shapes: S sequences, U passes, F frames of all passes together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spm_bench.geometry.polygons import exact_overlap, raster_overlap
from spm_bench.metrics.resampling import Statistic, ratio_of_sums
from spm_bench.metrics.vot_conventions import BURN_IN, BY_LENGTH, Overlap, Pooling

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Passes:
    """Supervised passes, joined.

    Attributes:
        owners: U indices of the sequence of each pass, ascending; every sequence 0 ... S - 1 has at least one.
        lengths: U numbers of frames.
        overlaps: F overlaps with the annotation, 0 where the tracker gave no region.
        starts: F booleans: the tracker was (re-)initialised here.
        failed: F booleans: the tracker was found to have lost the target here.
        tracked: F booleans: the tracker gave a region.
    """

    owners: IntArray
    lengths: IntArray
    overlaps: FloatArray
    starts: BoolArray
    failed: BoolArray
    tracked: BoolArray

    @property
    def first_rows(self) -> IntArray:
        """U indices of the first frame of each pass."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def pass_of_frame(self) -> IntArray:
        """F indices of the pass each frame belongs to."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def repetitions(self) -> IntArray:
        """S numbers of passes."""
        return np.bincount(self.owners)

    @property
    def frames(self) -> IntArray:
        """S lengths of the sequences."""
        first_pass = np.searchsorted(self.owners, np.arange(len(self.repetitions)))
        return np.asarray(self.lengths[first_pass])

    @property
    def frame_of_suite(self) -> IntArray:
        """F indices into all frames of the suite in order; repetitions of a frame share one."""
        offsets = np.cumsum(self.frames) - self.frames
        inside = np.arange(self.lengths.sum()) - np.repeat(self.first_rows, self.lengths)
        return np.asarray(np.repeat(offsets[self.owners], self.lengths) + inside)


def region_overlaps(
    truth: FloatArray, regions: FloatArray, image_size: tuple[int, int] | None, overlap: Overlap = "raster"
) -> FloatArray:
    """Overlaps of annotations and results, frame by frame; see `spm_bench.geometry.polygons`.

    Args:
        truth: n x 4 boxes or n x 8 polygons.
        regions: (R x) n x 4 boxes or (R x) n x 8 polygons; rows with NaN overlap nothing.
        image_size: (width, height) that bounds both, or None.
        overlap: "raster" or "exact".
    """
    return (raster_overlap if overlap == "raster" else exact_overlap)(truth, regions, image_size)


def counted_frames(passes: Passes, burn_in: int = BURN_IN) -> BoolArray:
    """Tell which frames accuracy counts: tracked, and at least `burn_in` frames after the last start (F booleans).

    With a burn-in of 10, the initialised frame and the nine after it are left out (vot toolkit 0.7.4).
    """
    rows = np.arange(len(passes.starts))
    begins = passes.starts.copy()
    begins[passes.first_rows] = True  # a pass never inherits the start of the one before it
    last_start = np.maximum.accumulate(np.where(begins, rows, 0))
    return np.asarray(passes.tracked & (rows - last_start >= burn_in))


def pass_accuracies(passes: Passes, counted: BoolArray) -> FloatArray:
    """Mean overlap over the frames that count, U values; NaN where there is none."""
    n = len(passes.lengths)
    owner = passes.pass_of_frame[counted]
    return _ratio(np.bincount(owner, passes.overlaps[counted], n), np.bincount(owner, minlength=n))


def frame_accuracies(passes: Passes, counted: BoolArray) -> FloatArray:
    """Overlap of each frame of the suite, averaged over the repetitions in which it counts; NaN where in none."""
    n = int(passes.frames.sum())
    frame = passes.frame_of_suite[counted]
    return _ratio(np.bincount(frame, passes.overlaps[counted], n), np.bincount(frame, minlength=n))


def sequence_accuracies(
    passes: Passes, counted: BoolArray, pooling: Pooling, *, blank_is_zero: bool = False
) -> FloatArray:
    """Accuracy of each sequence, S values; NaN where no frame counts.

    Args:
        passes: U passes over S sequences.
        counted: From `counted_frames`, or fewer of them.
        pooling: "frames" averages each frame over its repetitions first; others average the passes' accuracies.
        blank_is_zero: A pass in which no frame counts has accuracy 0 instead of being left out.
    """
    n = len(passes.repetitions)
    if pooling == "frames":
        values, owner = frame_accuracies(passes, counted), np.repeat(np.arange(n), passes.frames)
    else:
        values, owner = pass_accuracies(passes, counted), passes.owners
        if blank_is_zero:
            values = np.where(np.isnan(values), 0.0, values)
    known = ~np.isnan(values)
    return _ratio(np.bincount(owner[known], values[known], n), np.bincount(owner[known], minlength=n))


def accuracy(passes: Passes, counted: BoolArray, pooling: Pooling, *, blank_is_zero: bool = False) -> float:
    """Accuracy over all sequences in [0, 1]; NaN where no frame counts (see `VotConvention.pooling`)."""
    if pooling == "frames":
        values = frame_accuracies(passes, counted)
        weights = np.ones(len(values))
    else:
        values = sequence_accuracies(passes, counted, pooling, blank_is_zero=blank_is_zero)
        weights = passes.frames.astype(np.float64) if pooling == "sequences-by-length" else np.ones(len(values))
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")


def accuracy_statistic(
    passes: Passes, counted: BoolArray, pooling: Pooling, *, blank_is_zero: bool = False
) -> Statistic:
    """The same accuracy as a function of how often each of S sequences is drawn."""
    values = sequence_accuracies(passes, counted, pooling, blank_is_zero=blank_is_zero)
    known = ~np.isnan(values)
    if pooling == "frames":
        found = ~np.isnan(frame_accuracies(passes, counted))
        weights = np.bincount(np.repeat(np.arange(len(values)), passes.frames), found, len(values))
    else:
        weights = passes.frames * known if pooling == BY_LENGTH else known.astype(np.float64)
    return ratio_of_sums(np.where(known, values, 0.0) * weights, weights)


def sequence_failures(passes: Passes) -> FloatArray:
    """Failures of each sequence, averaged over its repetitions: S values."""
    n = len(passes.repetitions)
    per_pass = np.bincount(passes.pass_of_frame[passes.failed], minlength=len(passes.lengths))
    return np.asarray(np.bincount(passes.owners, per_pass, n) / passes.repetitions)


@dataclass(frozen=True)
class Robustness:
    """The same failures in every unit that is in print.

    Attributes:
        failures: Sum over sequences of the mean failures per repetition (the vot toolkit's cumulative failures).
        per_sequence: Mean over sequences (the raw R of VOT2015 tables).
        per_sequence_by_length: Mean over sequences weighted by their frames (R of vot-toolkit 0.7.4's average).
        per_100_frames: 100 * failures / frames (R of VOT2016-2019 tables).
        reliability: exp(-S * F / N), the chance to survive S frames, from `failures` over all frames.
        reliability_by_length: The same from `per_sequence_by_length` over the mean length (vot-toolkit 0.7.4's plots).
    """

    failures: float
    per_sequence: float
    per_sequence_by_length: float
    per_100_frames: float
    reliability: float
    reliability_by_length: float


def robustness(failures: FloatArray, frames: IntArray, sensitivity: float) -> Robustness:
    """Count failures in every unit.

    Args:
        failures: Of each sequence, averaged over repetitions (S).
        frames: Lengths of the sequences (S).
        sensitivity: S of the reliability, in frames.

    >>> robustness(np.array([1.0, 0.0]), np.array([300, 100]), 30).per_100_frames
    0.25
    """
    total, n = float(failures.sum()), int(frames.sum())
    by_length = float(np.average(failures, weights=frames))
    return Robustness(
        failures=total,
        per_sequence=total / len(failures),
        per_sequence_by_length=by_length,
        per_100_frames=100.0 * total / n,
        reliability=float(np.exp(-sensitivity * total / n)),
        reliability_by_length=float(np.exp(-sensitivity * by_length / frames.mean())),
    )


def robustness_statistics(
    failures: FloatArray, frames: IntArray, sensitivity: float, *, by_length: bool = False
) -> dict[str, Statistic]:
    """The units of failures that are scores, as functions of how often each of S sequences is drawn.

    Args:
        failures: Of each sequence, averaged over repetitions (S).
        frames: Lengths of the sequences (S).
        sensitivity: S of the reliability, in frames.
        by_length: Whether the reliability is vot-toolkit 0.7.4's (see `Robustness`).

    Returns:
        "robustness" (per 100 frames), "failures" (of as many sequences as there are), "reliability".
    """
    n = len(failures)
    reliability = ratio_of_sums(failures, frames, partial(_survival, sensitivity=sensitivity))
    if by_length:
        columns = np.stack([failures * frames, frames, np.ones(n)], axis=1)
        reliability = Statistic(columns, partial(_survival_by_length, sensitivity=sensitivity))
    return {
        "robustness": ratio_of_sums(100.0 * failures, frames),
        "failures": total_over(failures),
        "reliability": reliability,
    }


def total_over(values: FloatArray) -> Statistic:
    """The sum of S values, as a function of how often each of S sequences is drawn.

    Resamples of units may hold more or fewer sequences than the suite: the sum is of as many as it has.

    >>> total_over(np.array([1.0, 0.0, 2.0])).value
    3.0
    """
    return replace(ratio_of_sums(len(values) * values, np.ones(len(values))), total=True)


def _survival(failures_per_frame: FloatArray, sensitivity: float) -> FloatArray:
    return np.exp(-sensitivity * failures_per_frame)


def _survival_by_length(sums: FloatArray, sensitivity: float) -> FloatArray:
    """exp(-S * (mean weighted by length) / (mean length)), from sums of failures * frames, frames, and sequences."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _survival(sums[..., 0] * sums[..., 2] / sums[..., 1] ** 2, sensitivity)


def _ratio(sums: NDArray[Any], counts: NDArray[np.intp]) -> FloatArray:
    return np.asarray(np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0))
