"""Raw files of two runs of the same thing, compared sequence by sequence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.geometry.boxes import iou
from spm_bench.reproduce.request import SequenceCheck
from spm_bench.results.layouts import Layout
from spm_bench.results.trajectory import FrameState, Trajectory

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RawFiles:
    """The raw files of a run.

    Attributes:
        folder: Of the tracker, inside the run folder.
        layout: Their structure.
        frames: Sequence -> number of frames.
    """

    folder: Path
    layout: Layout
    frames: dict[str, int]

    def files(self, sequence: str) -> list[Path]:
        """The box files of a sequence, a repetition each."""
        return [self.layout.box_file(self.folder, sequence, number) for number in self._numbers(sequence)]

    def trajectories(self, sequence: str) -> list[Trajectory]:
        """All repetitions of a sequence. Raises ResultsError where one is damaged."""
        layout, found = self.layout, []
        for number, file in zip(self._numbers(sequence), self.files(sequence), strict=True):
            # runs over parts of a sequence are as long as their files
            n = self.frames[sequence] if layout.spans is None else file.read_bytes().count(b"\n")
            found.append(layout.read(self.folder, sequence, n, repetition=number, whole=True))
        return found

    def _numbers(self, sequence: str) -> list[int]:
        if self.layout.spans is not None:
            return self.layout.numbers(self.folder, sequence)
        return list(range(1, self.layout.count_repetitions(self.folder, sequence) + 1))


def check_there(raw: RawFiles, sequence: str, repetitions: int) -> None:
    """Make sure that a finished sequence has its raw files, before hours are spent on making them again.

    Raises:
        ResultsError: Some are not there.
    """
    found = len(raw.files(sequence))
    if found < repetitions:
        raise ResultsError(
            f"{sequence} is recorded as finished, and of its {repetitions} raw file{'s' * (repetitions > 1)} "
            f"{'none is' if not found else f'only {found} are'} there",
            where=raw.layout.box_file(raw.folder, sequence, found + 1),
            remedy="Give the whole run folder, not run.json alone; or choose others with --sequence",
        )


def compare_sequence(then: RawFiles, now: RawFiles, sequence: str) -> SequenceCheck:
    """Compare the boxes of one sequence.

    Raises:
        ResultsError: A raw file is damaged.
    """
    files = then.files(sequence), now.files(sequence)
    counts = len(files[0]), len(files[1])
    frames = min(then.frames[sequence], now.frames[sequence])
    if counts[0] == counts[1] and all(a.read_bytes() == b.read_bytes() for a, b in zip(*files, strict=True)):
        return SequenceCheck(sequence, counts, frames * counts[0], identical=True, overlap=1.0)
    pairs = list(zip(then.trajectories(sequence), now.trajectories(sequence), strict=False))
    return _compare(sequence, counts, pairs, frames)


def _compare(
    sequence: str, counts: tuple[int, int], pairs: list[tuple[Trajectory, Trajectory]], frames: int
) -> SequenceCheck:
    found = [_difference(a, b) for a, b in pairs]
    differing = [np.flatnonzero(d.states | (d.sizes > 0)) for d in found]
    where = next(((r, int(some[0])) for r, some in enumerate(differing, start=1) if len(some)), None)
    overlaps = np.concatenate([d.overlaps for d in found]) if found else np.empty(0)
    return SequenceCheck(
        sequence,
        counts,
        frames * len(pairs),
        identical=False,
        differing=sum(map(len, differing)),
        first=None if where is None else where[1],
        repetition=0 if where is None else where[0],
        states=int(sum(d.states.sum() for d in found)),
        largest=max((float(d.sizes.max(initial=0.0)) for d in found), default=0.0),
        overlap=float(overlaps.mean()) if len(overlaps) else None,
    )


@dataclass(frozen=True, eq=False)
class _Difference:
    """One repetition, n frames: largest difference of a coordinate (0 without two boxes), whether states differ."""

    sizes: FloatArray
    states: NDArray[np.bool_]
    overlaps: FloatArray


def _difference(first: Trajectory, second: Trajectory) -> _Difference:
    """Compare two passes, frame by frame up to the end of the shorter one; missing frames count as other states."""
    n, longer = min(len(first), len(second)), max(len(first), len(second))
    a, b = first.boxes[:n], second.boxes[:n]
    both = np.asarray(np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1))
    sizes = np.where(both, np.abs(np.where(both[:, None], a - b, 0.0)).max(axis=1), 0.0)
    one = np.logical_xor(np.isfinite(a).all(axis=1), np.isfinite(b).all(axis=1))
    states = (first.states[:n] != second.states[:n]) | one
    tracked = both & (first.states[:n] == FrameState.TRACKED) & (second.states[:n] == FrameState.TRACKED)
    overlaps = np.asarray(iou(a[tracked], b[tracked]), dtype=np.float64)
    rest = longer - n
    return _Difference(np.append(sizes, np.zeros(rest)), np.append(states, np.ones(rest, dtype=np.bool_)), overlaps)
