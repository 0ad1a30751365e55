"""Raw files of two runs of the same thing, compared sequence by sequence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.geometry.boxes import iou
from spm_bench.reproduce.request import SequenceCheck
from spm_bench.results.layouts import Layout, get_layout
from spm_bench.results.manifest import Manifest
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.suites.base import Sequence

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RawFiles:
    """The raw files of a run.

    Attributes:
        folder: Of the tracker, inside the run folder.
        layout: Their structure.
        sequences: Name -> sequence, as long as it was when the files were written.
    """

    folder: Path
    layout: Layout
    sequences: Mapping[str, Sequence]

    def file(self, name: str, repetition: int) -> Path:
        """The box file of a repetition (from 1)."""
        return self.layout.box_file(self.folder, name, self.layout.number(self.sequences[name], repetition))

    def files(self, name: str) -> list[Path]:
        """The box files of a sequence, a repetition each."""
        count = self.layout.count_passes(self.folder, self.sequences[name])
        return [self.file(name, repetition) for repetition in range(1, count + 1)]

    def trajectories(self, name: str) -> list[Trajectory]:
        """All repetitions of a sequence. Raises ResultsError where one is damaged."""
        numbers = range(1, len(self.files(name)) + 1)
        return [self.layout.read_pass(self.folder, self.sequences[name], r, whole=True) for r in numbers]


def raw_files(folder: Path, manifest: Manifest, sequences: Iterable[Sequence]) -> RawFiles:
    """The raw files of a run folder, for some of its sequences.

    Args:
        folder: The run folder.
        manifest: Its run.json.
        sequences: As they are now; one that had another length then is taken at that.
    """
    lengths = {name: int(entry["frames"]) for name, entry in manifest["sequences"].items()}
    named = {s.name: s if len(s) == lengths[s.name] else _of_length(s, lengths[s.name]) for s in sequences}
    return RawFiles(folder / manifest["label"], get_layout(manifest["family"]), named)


def _of_length(sequence: Sequence, n_frames: int) -> Sequence:
    return Sequence(sequence.name, np.ones((n_frames, 4)), file_origin=sequence.file_origin)


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
            where=raw.file(sequence, found + 1),
            remedy="Give the whole run folder, not run.json alone; or choose others with --sequence",
        )


def compare_sequence(then: RawFiles, now: RawFiles, sequence: str) -> SequenceCheck:
    """Compare the boxes of one sequence.

    Raises:
        ResultsError: A raw file is damaged.
    """
    files = then.files(sequence), now.files(sequence)
    counts = len(files[0]), len(files[1])
    pairs = list(zip(then.trajectories(sequence), now.trajectories(sequence), strict=False))
    frames = sum(min(len(a), len(b)) for a, b in pairs)
    if counts[0] == counts[1] and all(a.read_bytes() == b.read_bytes() for a, b in zip(*files, strict=True)):
        return SequenceCheck(sequence, counts, frames, identical=True, overlap=1.0)
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
        frames,
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
