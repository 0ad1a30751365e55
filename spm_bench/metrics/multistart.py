"""Accuracy, robustness and EAO of VOT's multi-start runs (VOT-ST 2020 to 2022).

A run goes from an anchor to an end of its sequence without help. Once it is off the target for long enough it has
failed, and never recovers: what comes later counts as overlap 0.

    progress    frames of a run before its failure, or all of them
    accuracy    sum of the overlaps before failures / sum of the frames that have one there
    robustness  sum of progress / sum of lengths, first within sequences
    Phi(N)      mean over the runs known for N frames of their mean overlap in frames 2 ... N: those that are as long,
                and all that failed
    EAO         mean of Phi over the year's interval of lengths

Source: reference figures section 6.5; details found by comparing outputs with vot-toolkit 0.7.4 (see
`spm_bench.metrics.vot_conventions.MultiStartConvention`).

Shapes: S sequences, U runs, F frames of all runs together, L lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spm_bench.metrics.eao import Eao
from spm_bench.metrics.resampling import Statistic, ratio_of_sums
from spm_bench.metrics.vot_conventions import MultiStartConvention, UnknownLength

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class StartRuns:
    """Multi-start runs, joined; the first frame of each is its start.

    Attributes:
        owners: U indices of the sequence of each run, ascending; every sequence 0 ... S - 1 has at least one.
        lengths: U numbers of frames.
        overlaps: F overlaps with the annotation; in a run's first frame 0.
        annotated: F booleans: the target is annotated there.
        frames: S lengths of the sequences.
    """

    owners: IntArray
    lengths: IntArray
    overlaps: FloatArray
    annotated: BoolArray
    frames: IntArray

    @cached_property
    def first_rows(self) -> IntArray:
        """U indices of the first frame of each run."""
        return np.asarray(np.cumsum(self.lengths) - self.lengths)

    @cached_property
    def run_of_frame(self) -> IntArray:
        """F indices of the run each frame belongs to."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def place(self) -> IntArray:
        """F numbers of frames since the start of the run."""
        return np.asarray(np.arange(len(self.overlaps)) - self.first_rows[self.run_of_frame])


def progress_of(runs: StartRuns, rules: MultiStartConvention) -> IntArray:
    """Frames of each run before it failed, or all of them (U values)."""
    rows = np.arange(len(runs.overlaps))
    off = (runs.overlaps <= rules.threshold) & runs.annotated
    if rules.start_frame == "left-out":
        off[runs.first_rows] = False
    before_run = runs.first_rows[runs.run_of_frame] - 1
    last_on = np.maximum(np.maximum.accumulate(np.where(off, -1, rows)), before_run)
    failures = np.flatnonzero(rows - last_on == rules.grace)
    progress = np.array(runs.lengths)
    owner, first = np.unique(runs.run_of_frame[failures], return_index=True)
    progress[owner] = runs.place[failures[first]] + 1 - rules.grace
    return progress


@dataclass(frozen=True, eq=False)
class StartSums:
    """What each of S sequences adds to accuracy and robustness.

    Attributes:
        overlaps: Sums of the overlaps before failures.
        counted: Frames these sums have.
        progress: Frames before failures, over all runs.
        total: Frames of all runs.
        frames: Lengths of the sequences.
        weight: "sequence-length" or "run-length", see `MultiStartConvention.robustness_weight`.
    """

    overlaps: FloatArray
    counted: FloatArray
    progress: FloatArray
    total: FloatArray
    frames: FloatArray
    weight: str

    @property
    def accuracies(self) -> FloatArray:
        """S values; NaN where no frame counts."""
        blank = np.full(len(self.total), np.nan)
        return np.asarray(np.divide(self.overlaps, self.counted, out=blank, where=self.counted > 0))

    @property
    def robustnesses(self) -> FloatArray:
        """S shares."""
        return np.asarray(self.progress / self.total)

    @property
    def accuracy(self) -> Statistic:
        """Accuracy as a function of how often each sequence is drawn."""
        return ratio_of_sums(self.overlaps, self.counted)

    @property
    def robustness(self) -> Statistic:
        """Robustness as a function of how often each sequence is drawn."""
        if self.weight == "run-length":
            return ratio_of_sums(self.progress, self.total)
        return ratio_of_sums(self.robustnesses * self.frames, self.frames)


def counted_frames(runs: StartRuns, progress: IntArray, rules: MultiStartConvention) -> BoolArray:
    """F booleans: the frames whose overlap has a say in accuracy."""
    counts = np.asarray(runs.place < progress[runs.run_of_frame])
    if rules.start_frame == "left-out":
        counts &= runs.place > 0
    if rules.unannotated == "left-out":
        counts &= runs.annotated
    return counts


def start_sums(runs: StartRuns, progress: IntArray, rules: MultiStartConvention) -> StartSums:
    """Sum up each sequence."""
    n, counts = len(runs.frames), counted_frames(runs, progress, rules)
    owner = runs.owners[runs.run_of_frame[counts]]
    return StartSums(
        overlaps=_sums(owner, runs.overlaps[counts], n),
        counted=_sums(owner, None, n),
        progress=_sums(runs.owners, progress, n),
        total=_sums(runs.owners, runs.lengths, n),
        frames=runs.frames.astype(np.float64),
        weight=rules.robustness_weight,
    )


def _sums(owner: IntArray, values: FloatArray | IntArray | None, n: int) -> FloatArray:
    """Sums of values, or numbers of them, for each of n owners."""
    return np.bincount(owner, values, n).astype(np.float64)


def overlap_columns(
    runs: StartRuns, progress: IntArray, rules: MultiStartConvention, n_lengths: int
) -> tuple[FloatArray, FloatArray]:
    """What each sequence adds to Phi(1) ... Phi(L): S x L sums of mean overlaps, and S x L numbers of runs known.

    Sums over frames and runs are exchanged, so that all lengths cost one pass over the frames.
    """
    n, size = len(runs.frames), max(n_lengths, int(runs.lengths.max())) + 1

    def per_length(owner: IntArray, place: IntArray, values: FloatArray) -> FloatArray:
        return _sums(owner * size + place, values, n * size).reshape(n, size)

    run = runs.run_of_frame
    values = np.where((runs.place > 0) & (runs.place < progress[run]), runs.overlaps, 0.0)
    sums = _sums(run, values, len(runs.lengths))
    failed = progress < runs.lengths
    # at [s, m]: the overlaps in the first m + 1 frames of all runs, and the whole sums of the runs of at most m frames
    added = np.cumsum(per_length(runs.owners[run], runs.place, values), axis=1)
    ended = np.cumsum(per_length(runs.owners, runs.lengths, sums), axis=1)
    padded = np.cumsum(per_length(runs.owners[failed], runs.lengths[failed], sums[failed]), axis=1)
    over = np.cumsum(per_length(runs.owners, runs.lengths, np.where(failed, 0.0, 1.0)), axis=1)
    # a length of N frames is known to all runs but those that ended before it without a failure
    lengths = np.arange(1, n_lengths + 1)
    known = np.bincount(runs.owners, minlength=n)[:, None] - over[:, lengths - 1]
    after = np.maximum(lengths - 1, 1)
    less = np.maximum(after - 1, 1) if rules.padded_mean == "one-frame-less" else after
    means = (added[:, lengths - 1] - ended[:, lengths - 1]) / after + padded[:, lengths - 1] / less
    means[:, 0] = known[:, 0]  # Phi(1) is 1
    return means, known


def multistart_eao(
    runs: StartRuns, progress: IntArray, rules: MultiStartConvention, interval: tuple[int, int] | None
) -> tuple[Eao, Statistic | None, Statistic]:
    """EAO and its curve.

    Args:
        runs: Of all sequences of the suite.
        progress: From `progress_of`.
        rules: The evaluator's.
        interval: (low, high) as the year announced it, or None.

    Returns:
        The value with its curve, NaN at lengths without a run; the value as a function of how often each sequence is
        drawn, None where it is undefined; and likewise the curve where it is known.
    """
    longest = max(int(runs.lengths.max()), interval[1] if interval else 0)
    means, known = overlap_columns(runs, progress, rules, longest)
    total, count = means.sum(axis=0), known.sum(axis=0)
    curve = np.divide(total, count, out=np.full(longest, np.nan), where=count > 0)
    at = np.flatnonzero(count > 0)
    line = Statistic(np.hstack([means[:, at], known[:, at]]), _curve, of_single=False)
    if interval is None:
        return Eao(None, curve, None, "this benchmark defines no interval of sequence lengths for EAO"), None, line
    low, high = rules.lengths(interval)
    columns = np.hstack([means[:, low - 1 : high], known[:, low - 1 : high]])
    mean = _Mean(rules.unknown_length)
    value = float(mean(columns.sum(axis=0)))
    note = _about_lengths(count[low - 1 : high], int(runs.lengths.max()), low, rules)
    if np.isnan(value):
        return Eao(None, curve, (low, high), note), None, line
    return Eao(value, curve, (low, high), note), Statistic(columns, mean, of_single=False), line


def _about_lengths(count: FloatArray, longest: int, low: int, rules: MultiStartConvention) -> str:
    """What the value rests on where sequences are short; empty where they are long enough."""
    n, beyond = len(count), int((np.arange(low, low + len(count)) > longest).sum())
    if not beyond:
        return ""
    known = "runs that failed are all that is known there"
    if not count[n - beyond :].any():
        known = "they count 0" if rules.unknown_length == "zero" else "they are left out"
    return f"{beyond} of the {n} lengths are longer than any run ({longest} frames): {known}"


def _curve(sums: FloatArray) -> FloatArray:
    """Mean overlaps (..., L) of sums (..., 2 L); NaN where no run is known."""
    overlaps, known = np.split(sums, 2, axis=-1)
    return np.asarray(np.divide(overlaps, known, out=np.full_like(overlaps, np.nan), where=known > 0.5))


@dataclass(frozen=True)
class _Mean:
    """Mean of a curve over its lengths; those without a run count 0, or are left out."""

    unknown: UnknownLength

    def __call__(self, sums: FloatArray) -> FloatArray:
        curve = _curve(sums)
        some = ~np.isnan(curve)
        n = np.full(curve.shape[:-1], curve.shape[-1]) if self.unknown == "zero" else some.sum(axis=-1)
        total = np.where(some, curve, 0.0).sum(axis=-1)
        return np.asarray(np.divide(total, n, out=np.full(np.shape(n), np.nan), where=n > 0))
