"""Where each family keeps its files inside a tracker's folder, and how one file becomes a `Trajectory`.

The same three layouts serve for other people's results and for the raw files inside our run folders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from spm_bench.errors import ResultsError, unknown_name
from spm_bench.results import formats
from spm_bench.results.trajectory import FrameState, Trajectory

FloatArray = formats.FloatArray


class Layout:
    """One family's folder structure; the three subclasses differ in paths and formats only."""

    family: ClassVar[str]
    expected: ClassVar[str]
    """The structure in words, for error messages."""

    def box_file(self, folder: Path, sequence: str, repetition: int = 1) -> Path:
        """The file of one repetition (from 1) inside the tracker's folder."""
        raise NotImplementedError

    def time_file(self, box_file: Path) -> Path:
        """The file with the seconds that belong to a box file."""
        raise NotImplementedError

    def repetitions(self, folder: Path, sequence: str) -> tuple[Path, ...]:
        """The box files of a sequence, in order; empty if there is none.

        Raises:
            ResultsError: A repetition is missing between others.
        """
        first = self.box_file(folder, sequence)
        pattern = re.compile(re.escape(first.stem[:-3]) + r"(\d{3,})\.txt")
        found = {int(m[1]): p for p in _files(first.parent) if (m := pattern.fullmatch(p.name))}
        for number in range(1, max(found, default=0)):
            if number not in found:
                raise ResultsError(
                    f"repetition {number} of {sequence} is missing, but {max(found)} is there",
                    where=first.parent,
                    remedy="Restore the file, or delete the later ones",
                )
        return tuple(found[number] for number in sorted(found))

    def read(self, box_file: Path, n_frames: int, *, repetition: int = 1, whole: bool = False) -> Trajectory:
        """Read one repetition with its seconds, where they were kept.

        Args:
            box_file: The file.
            n_frames: Frames of the sequence.
            repetition: Column of the seconds, from 1 (GOT-10k).
            whole: Insist on a complete last line.

        Raises:
            ResultsError: A file is missing or broken.
        """
        raise NotImplementedError

    def write(self, folder: Path, sequence: str, repetition: int, trajectory: Trajectory) -> None:
        """Write one repetition, the box file last: once it is there, the repetition is finished.

        Raises:
            ResultsError: It cannot be written.
        """
        raise NotImplementedError

    def _read_seconds(self, box_file: Path, n_frames: int, repetition: int) -> FloatArray:
        path = self.time_file(box_file)
        if not path.is_file():
            return np.full(n_frames, np.nan)
        table = formats.read_seconds(path, n_frames)
        return table[:, repetition - 1] if table.shape[1] >= repetition else np.full(n_frames, np.nan)


class OtbLayout(Layout):
    """`<Sequence>.txt`, one run per sequence; seconds in `times/`."""

    family = "otb"
    expected = "<Tracker>/<Sequence>.txt"

    def box_file(self, folder: Path, sequence: str, repetition: int = 1) -> Path:
        assert repetition == 1, "OTB files hold one repetition"
        return folder / f"{sequence}.txt"

    def time_file(self, box_file: Path) -> Path:
        return box_file.parent / "times" / f"{box_file.stem}_time.txt"

    def repetitions(self, folder: Path, sequence: str) -> tuple[Path, ...]:
        path = self.box_file(folder, sequence)
        return (path,) if path.is_file() else ()

    def read(self, box_file: Path, n_frames: int, *, repetition: int = 1, whole: bool = False) -> Trajectory:
        boxes = formats.read_otb(box_file, n_frames, whole=whole)
        return one_pass_trajectory(boxes, self._read_seconds(box_file, n_frames, repetition))

    def write(self, folder: Path, sequence: str, repetition: int, trajectory: Trajectory) -> None:
        path = self.box_file(folder, sequence, repetition)
        formats.write_seconds(self.time_file(path), trajectory.seconds)
        formats.write_otb(path, trajectory.boxes)


class Got10kLayout(Layout):
    """`<seq>/<seq>_001.txt`, and one `<seq>/<seq>_time.txt` with a column per repetition."""

    family = "got10k"
    expected = "<Tracker>/<sequence>/<sequence>_001.txt"

    def box_file(self, folder: Path, sequence: str, repetition: int = 1) -> Path:
        return folder / sequence / f"{sequence}_{repetition:03d}.txt"

    def time_file(self, box_file: Path) -> Path:
        return box_file.with_name(f"{box_file.parent.name}_time.txt")

    def read(self, box_file: Path, n_frames: int, *, repetition: int = 1, whole: bool = False) -> Trajectory:
        boxes = formats.read_got10k(box_file, n_frames, whole=whole)
        return one_pass_trajectory(boxes, self._read_seconds(box_file, n_frames, repetition))

    def write(self, folder: Path, sequence: str, repetition: int, trajectory: Trajectory) -> None:
        path = self.box_file(folder, sequence, repetition)
        # A run killed between the two files leaves this repetition's column behind: rebuild it from those before.
        before = [self._read_seconds(path, len(trajectory), r) for r in range(1, repetition)]
        formats.write_seconds(self.time_file(path), np.column_stack([*before, trajectory.seconds]))
        formats.write_got10k(path, trajectory.boxes)


class VotLayout(Layout):
    """`baseline/<seq>/<seq>_001.txt` with codes, and `<seq>_001_time.value` beside it."""

    family = "vot"
    expected = "<Tracker>/baseline/<sequence>/<sequence>_001.txt"

    def box_file(self, folder: Path, sequence: str, repetition: int = 1) -> Path:
        return folder / "baseline" / sequence / f"{sequence}_{repetition:03d}.txt"

    def time_file(self, box_file: Path) -> Path:
        return box_file.with_name(f"{box_file.stem}_time.value")

    def read(self, box_file: Path, n_frames: int, *, repetition: int = 1, whole: bool = False) -> Trajectory:
        trajectory = formats.read_vot(box_file, n_frames, whole=whole)
        return replace(trajectory, seconds=self._read_seconds(box_file, n_frames, 1))

    def write(self, folder: Path, sequence: str, repetition: int, trajectory: Trajectory) -> None:
        path = self.box_file(folder, sequence, repetition)
        formats.write_seconds(self.time_file(path), trajectory.seconds, untimed="")
        formats.write_vot(path, trajectory)


_LAYOUTS: dict[str, Layout] = {layout.family: layout for layout in (OtbLayout(), Got10kLayout(), VotLayout())}


def get_layout(family: str) -> Layout:
    """The layout of "otb", "got10k" or "vot". Raises UsageError for another name."""
    try:
        return _LAYOUTS[family]
    except KeyError:
        raise unknown_name("family of result files", family, _LAYOUTS) from None


def one_pass_trajectory(boxes: FloatArray, seconds: FloatArray) -> Trajectory:
    """Join n x 4 boxes and n seconds to a pass that was initialised on its first frame."""
    states = np.full(len(boxes), FrameState.TRACKED, dtype=np.int8)
    states[0] = FrameState.INIT
    return Trajectory(boxes=boxes, states=states, seconds=seconds)


def _files(folder: Path) -> Iterable[Path]:
    return folder.iterdir() if folder.is_dir() else ()
