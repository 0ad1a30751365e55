"""What a tracker did frame by frame: overlaps over time, regions to draw, frames in which it lost its target."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spm_bench.metrics.vot_conventions import Overlap, get_multistart_convention
from spm_bench.results.layouts import get_layout
from spm_bench.results.trajectory import FrameState, ResultSet, Trajectory
from spm_bench.scoring.extra import measure_pass
from spm_bench.scoring.families import family_of
from spm_bench.scoring.multistart import collect_starts
from spm_bench.scoring.passes import sequences_with_results
from spm_bench.scoring.supervised import collect_runs
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.starts import run_spans

FloatArray = NDArray[np.float64]

LOST_BELOW = 0.1
"""Overlap under which a one-pass tracker counts as off its target: beyond what a bad size or a bad annotation costs."""
LOST_FOR = 5
"""Annotated frames in a row it must stay there: a single frame is blur or a jump of the annotation, not a loss."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """The first pass of a tracker over one sequence of n frames; of multi-start runs, the longest.

    Attributes:
        overlaps: n values; NaN where the frame has no usable annotation or the tracker was not running, 1 where it was
            initialised, 0 where it failed.
        regions: n x 4 boxes, or n x 8 polygons; rows of NaN where there is none.
        states: n values of `FrameState`.
        repetitions: How many passes there are; scores use all of them.
    """

    overlaps: FloatArray
    regions: FloatArray
    states: NDArray[np.int8]
    repetitions: int

    def losses(self) -> list[int]:
        """Frames (from 0) in which the target was lost, ascending.

        Under a supervised protocol these are its failures. Else each is the first of at least `LOST_FOR` annotated
        frames in a row with an overlap below `LOST_BELOW`.
        """
        failed = np.flatnonzero(self.states == FrameState.FAILURE)
        if len(failed):
            return [int(frame) for frame in failed]
        known = np.flatnonzero(~np.isnan(self.overlaps))
        low = np.concatenate(([False], self.overlaps[known] < LOST_BELOW, [False]))
        steps = np.diff(low.astype(np.int8))
        starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        return [int(known[start]) for start, end in zip(starts, ends, strict=True) if end - start >= LOST_FOR]


def timelines(suite: Suite, results: ResultSet, convention: str | None = None) -> dict[str, Timeline]:
    """The timelines of all sequences that have results.

    Args:
        suite: With ground truth; frames are not touched.
        results: Raw results of one tracker.
        convention: Decides how supervised results overlap (polygons, bounded to the picture); one-pass results always
            overlap as upright boxes.

    Returns:
        Sequence name -> timeline, in the suite's order.

    Raises:
        ResultsError: Results are broken, or there are none.
        UsageError: No such convention.
    """
    kind = family_of(suite.family).kind
    if kind == "multi-start":
        return _starts(suite, results, convention)
    if kind != "one pass":
        overlap = family_of(suite.family).convention(convention).overlap
        return _whole_passes(suite, results, overlap)
    return {
        sequence.name: _first_pass(suite, sequence, passes)
        for sequence in sequences_with_results(suite, results, allow_missing=True)
        for passes in [results.trajectories(sequence)]
        if passes
    }


def _first_pass(suite: Suite, sequence: Sequence, passes: Many[Trajectory]) -> Timeline:
    """The first pass, which covers the sequence from its start on; the frames before it are unknown."""
    first, part = passes[0], get_layout(suite.family).part(sequence, 1)
    begin = len(sequence) - len(first)
    overlaps, regions, states = measure_pass(first, part).overlaps, _regions(first), first.states
    if begin > 0:
        overlaps = np.concatenate([np.full(begin, np.nan), overlaps])
        regions = np.concatenate([np.full((begin, regions.shape[1]), np.nan), regions])
        states = np.concatenate([np.full(begin, FrameState.SKIPPED, dtype=np.int8), states])
    return Timeline(overlaps, regions, states, len(passes))


def _starts(suite: Suite, results: ResultSet, convention: str | None) -> dict[str, Timeline]:
    """The longest run over each sequence; frames it does not cover are unknown."""
    overlap = get_multistart_convention(convention).overlap
    starts = collect_starts(suite, results, overlap, allow_missing=True)
    found = {}
    for index, sequence in enumerate(starts.sequences):
        spans, passes = run_spans(sequence), results.trajectories(sequence)
        longest = max(range(len(spans)), key=lambda k: len(spans[k]))
        frames, one = np.array(spans[longest]), passes[longest]
        begin = starts.runs.first_rows[np.flatnonzero(starts.runs.owners == index)[longest]]
        rows = slice(begin, begin + len(one))
        values = np.where(starts.runs.annotated[rows], starts.runs.overlaps[rows], np.nan)
        values[0] = 1.0
        overlaps, states = np.full(len(sequence), np.nan), np.full(len(sequence), FrameState.SKIPPED, dtype=np.int8)
        regions = np.full((len(sequence), _regions(one).shape[1]), np.nan)
        overlaps[frames], states[frames], regions[frames] = values, one.states, _regions(one)
        found[sequence.name] = Timeline(overlaps, regions, states, len(passes))
    return found


def _whole_passes(suite: Suite, results: ResultSet, overlap: Overlap) -> dict[str, Timeline]:
    runs = collect_runs(suite, results, overlap, allow_missing=True)
    begins = np.concatenate(([0], np.cumsum(runs.passes.lengths)))
    found = {}
    for index, sequence in enumerate(runs.sequences):
        passes = results.trajectories(sequence)
        first = passes[0]
        begin = begins[np.flatnonzero(runs.passes.owners == index)[0]]
        rows = slice(begin, begin + len(sequence))
        overlaps = np.array(runs.passes.overlaps[rows], dtype=np.float64)
        overlaps[first.states == FrameState.INIT] = 1.0
        unknown = (first.states == FrameState.SKIPPED) | ~runs.annotated[rows]
        overlaps[unknown & (first.states != FrameState.FAILURE)] = np.nan
        found[sequence.name] = Timeline(overlaps, _regions(first), first.states, len(passes))
    return found


def _regions(trajectory: Trajectory) -> FloatArray:
    """The boxes, or where the results hold any polygon, polygons (a box is one with four right angles)."""
    if trajectory.polygons is None:
        return trajectory.boxes
    x, y, w, h = trajectory.boxes.T
    corners = np.stack((x, y, x + w, y, x + w, y + h, x, y + h), axis=1)
    drawn = np.isfinite(trajectory.polygons).all(axis=1, keepdims=True)
    return np.where(drawn, trajectory.polygons, corners)
