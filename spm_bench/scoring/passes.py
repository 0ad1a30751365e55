"""All passes of a tracker over a suite, put one after the other so that metrics work on whole arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError, ResultsError
from spm_bench.geometry.boxes import has_area
from spm_bench.metrics.success import first_rows
from spm_bench.results.layouts import get_layout
from spm_bench.results.trajectory import JoinedResultSet, ResultSet
from spm_bench.suites.base import Sequence, Suite

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

Course = tuple[tuple[Sequence, int], ...]
"""U passes: the sequence of each, and the number of its first frame in it. Trackers usually share one."""

NAMES_SHOWN = 5
"""How many sequence names an error lists: enough to recognise the pattern, short enough for one line."""


@dataclass(frozen=True, eq=False)
class Passes:
    """S sequences, U passes over them (repetitions), F frames in all.

    Attributes:
        sequences: Those that have results, in the suite's order.
        owners: U indices into `sequences`, ascending.
        lengths: U numbers of frames.
        begins: U numbers of the first frame of each pass in its sequence; passes that do not end with it have no place
            here.
        boxes: F x 4 results.
        truth: F x 4 annotations.
        seconds: F, NaN where unknown.
    """

    sequences: tuple[Sequence, ...]
    owners: IntArray
    lengths: IntArray
    begins: IntArray
    boxes: FloatArray
    truth: FloatArray
    seconds: FloatArray

    @property
    def course(self) -> Course:
        """What is the same for the next tracker, usually; equal for those who ran over the same."""
        return tuple(
            (self.sequences[owner], begin) for owner, begin in zip(self.owners, self.begins.tolist(), strict=True)
        )

    @property
    def frame_owners(self) -> IntArray:
        """F indices into `sequences`."""
        return np.repeat(self.owners, self.lengths)

    def per_frame(self, arrays: list[NDArray[np.generic]]) -> NDArray[np.generic]:
        """Join one array per sequence (first dimension: its frames) to one row per frame of all passes."""
        return np.concatenate([arrays[owner][begin:] for owner, begin in zip(self.owners, self.begins, strict=True)])

    def labelled(self, names: tuple[str, ...]) -> BoolArray:
        """F booleans: which frames carry at least one of these frame attributes."""
        flags: list[NDArray[np.generic]] = []
        for sequence in self.sequences:
            flag = np.zeros(len(sequence), dtype=bool)
            for name in names:
                flag |= sequence.frame_attributes.get(name, False)
            flags.append(flag)
        return np.asarray(self.per_frame(flags), dtype=bool)

    def sizes(self) -> FloatArray:
        """F x 2 widths and heights of the pictures.

        Raises:
            DataError: The size of a sequence's pictures is not known.
        """
        sizes: list[NDArray[np.generic]] = []
        for sequence in self.sequences:
            if sequence.image_size is None:
                raise DataError(
                    "the size of its pictures is not known, and this convention bounds boxes to the picture",
                    where=sequence.name,
                    remedy="Give the data set with its pictures, or choose a convention without bounds",
                )
            sizes.append(np.broadcast_to(np.asarray(sequence.image_size, np.float64), (len(sequence), 2)))
        return np.asarray(self.per_frame(sizes), dtype=np.float64)

    def sequence_means(self, values: FloatArray, *, by_frames: bool = False) -> FloatArray:
        """Average values of shape (U, ...) over the passes of each sequence: shape (S, ...).

        Args:
            values: One row per pass.
            by_frames: Weigh each pass by its number of frames, instead of all alike.
        """
        if len(self.owners) == len(self.sequences):
            return values
        weights = self.lengths if by_frames else np.ones(len(self.owners))
        sums = np.zeros((len(self.sequences), *values.shape[1:]))
        np.add.at(sums, self.owners, values * weights.reshape(-1, *[1] * (values.ndim - 1)))
        counts = np.bincount(self.owners, weights, minlength=len(self.sequences))
        return np.asarray(sums / counts.reshape(-1, *[1] * (values.ndim - 1)))

    def annotated(self) -> BoolArray:
        """S booleans: which sequences have a usable annotation beyond the given first box."""
        usable = has_area(self.truth)
        starts = first_rows(self.lengths)
        usable[starts[self.lengths > 1]] = False
        return np.bincount(self.owners[np.logical_or.reduceat(usable, starts)], minlength=len(self.sequences)) > 0


def collect_passes(suite: Suite, results: ResultSet, *, allow_missing: bool) -> Passes:
    """Read a tracker's results for all sequences of a suite.

    Args:
        suite: With ground truth.
        results: Where its raw results come from.
        allow_missing: Leave sequences without results out instead of failing.

    Raises:
        ResultsError: Sequences without results (all of them, or not `allow_missing`), or broken results.
    """
    sequences = sequences_with_results(suite, results, allow_missing)
    joined = results.joined(sequences) if isinstance(results, JoinedResultSet) else None
    if joined is not None:
        return Passes(
            sequences=sequences,
            owners=np.arange(len(sequences)),
            lengths=np.array([len(sequence) for sequence in sequences], dtype=np.intp),
            begins=np.zeros(len(sequences), dtype=np.intp),
            boxes=joined.boxes,
            truth=joined_truth(tuple((sequence, 0) for sequence in sequences)),
            seconds=joined.seconds,
        )
    spans = get_layout(suite.family).spans
    owners, begins, boxes, seconds = [], [], [], []
    for index, sequence in enumerate(sequences):
        trajectories = results.trajectories(sequence)
        if not trajectories:
            raise ResultsError(f"no repetition of {sequence.name} is complete", where=results.run)
        starts = [0] * len(trajectories) if spans is None else [span.start for span in spans(sequence)]
        if len(trajectories) < len(starts):
            problem = f"{results.label} has {len(trajectories)} of {len(starts)} runs on {sequence.name}"
            raise ResultsError(problem, where=results.run, remedy="Run the same command again")
        for trajectory, begin in zip(trajectories, starts, strict=True):
            check_length(begin + len(trajectory), sequence, results)
            owners.append(index)
            begins.append(begin)
            boxes.append(trajectory.boxes)
            seconds.append(trajectory.seconds)
    return Passes(
        sequences=sequences,
        owners=np.array(owners, dtype=np.intp),
        lengths=np.array([len(b) for b in boxes], dtype=np.intp),
        begins=np.array(begins, dtype=np.intp),
        boxes=np.concatenate(boxes),
        truth=joined_truth(tuple((sequences[owner], begin) for owner, begin in zip(owners, begins, strict=True))),
        seconds=np.concatenate(seconds),
    )


def perfect_passes(course: Course) -> Passes:
    """What a tracker that gives the annotations has done on a course."""
    places = {sequence: i for i, sequence in enumerate(dict.fromkeys(sequence for sequence, _ in course))}
    truth = joined_truth(course)
    return Passes(
        sequences=tuple(places),
        owners=np.array([places[sequence] for sequence, _ in course], dtype=np.intp),
        lengths=np.array([len(sequence) - begin for sequence, begin in course], dtype=np.intp),
        begins=np.array([begin for _, begin in course], dtype=np.intp),
        boxes=truth,
        truth=truth,
        seconds=np.full(len(truth), np.nan),
    )


@lru_cache(maxsize=1)
def joined_truth(course: Course) -> FloatArray:
    """Annotations one after the other; kept for the next tracker, which usually has results for the same sequences."""
    truth = np.concatenate([sequence.ground_truth[begin:] for sequence, begin in course])
    truth.flags.writeable = False
    return truth


def sequences_with_results(suite: Suite, results: ResultSet, allow_missing: bool) -> tuple[Sequence, ...]:
    """Sequences of a suite that have results; raises ResultsError where `collect_passes` does."""
    present = tuple(s for s in suite.sequences if results.has(s.name))
    absent = [s.name for s in suite.sequences if not results.has(s.name)]
    if not present:
        raise ResultsError(
            f"no results for any of the {len(suite.sequences)} sequences of {suite.title}",
            where=results.run,
            remedy=f"Expected are names such as {', '.join(absent[:NAMES_SHOWN]) or '(the suite is empty)'}",
        )
    if absent and not allow_missing:
        names = ", ".join(absent[:NAMES_SHOWN]) + (", ..." if len(absent) > NAMES_SHOWN else "")
        raise ResultsError(
            f"no results for {len(absent)} of {len(suite.sequences)} sequences: {names}",
            where=results.run,
            remedy="Run them, or score the others with --allow-missing",
        )
    return present


def check_length(n_frames: int, sequence: Sequence, results: ResultSet) -> None:
    """Refuse a cut result: OTB's rule (count missing frames as misses) would turn it into a wrong number silently."""
    if n_frames != len(sequence):
        raise ResultsError(
            f"{results.label} has {n_frames} frames of {sequence.name}, which has {len(sequence)}",
            where=results.run,
            remedy="The result is cut or belongs to another version of the sequence; make it again",
        )
