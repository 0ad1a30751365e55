"""Where each family keeps its files inside a tracker's folder, and how they become a `Trajectory`.

The same layouts serve for other people's results and for the raw files inside our run folders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import ResultsError, unknown_name
from spm_bench.results import formats
from spm_bench.results.trajectory import FrameState, Joined, Trajectory
from spm_bench.suites.annotations import parse_joined, read_text
from spm_bench.suites.base import Sequence
from spm_bench.suites.starts import part_of, run_spans
from spm_bench.suites.temporal import temporal_spans

FloatArray = formats.FloatArray

GROUP = 1 << 18
"""Bytes of text parsed at a time: so many that what each call costs is nothing, so few that all stays in the cache."""


@dataclass(frozen=True)
class Layout:
    """One family's folder structure.

    Attributes:
        family: "otb", "got10k", or one of the experiments of "vot" or "otb".
        box_path: Template of a box file's path below the tracker's folder.
        time_path: The same for the seconds.
        repeats: Whether a sequence can have several repetitions.
        column_per_repetition: Whether one time file holds the seconds of all repetitions, side by side.
        untimed: What the family's toolkit reads as "not timed".
        parse: (box file, frames, whole, origin) -> trajectory without seconds; `origin` is what the suite's files of
            the family "otb" count as the first pixel.
        dump: (box file, trajectory, origin): writes the box file.
        other_times: Templates of where other tools keep the seconds.
        spans: Where the passes over a sequence cover parts of it: the frames of each. Files are then numbered by the
            frame (from 0) that a pass starts on, and not counted from 1.
    """

    family: str
    box_path: str
    time_path: str
    repeats: bool
    column_per_repetition: bool
    untimed: str
    parse: Callable[[Path, int, bool, int], Trajectory]
    dump: Callable[[Path, Trajectory, int], None]
    other_times: tuple[str, ...] = ()
    spans: Callable[[Sequence], Many[range]] | None = None

    @property
    def expected(self) -> str:
        """The structure in words, for error messages."""
        return "<Tracker>/" + self.box_path.format(sequence="<sequence>", repetition=1)

    def box_file(self, folder: Path, sequence: str, repetition: int = 1) -> Path:
        """The file of one repetition (from 1) inside the tracker's folder."""
        return folder / self.box_path.format(sequence=sequence, repetition=repetition)

    def time_file(self, folder: Path, sequence: str, repetition: int = 1) -> Path:
        """The file with the seconds of one repetition."""
        return folder / self.time_path.format(sequence=sequence, repetition=repetition)

    def find_times(self, folder: Path, sequence: str, repetition: int = 1) -> Path | None:
        """The file in which this or another tool left the seconds; None where there is none."""
        for template in (self.time_path, *self.other_times):
            path = template.format(sequence=sequence, repetition=repetition)
            if os.path.isfile(f"{folder}/{path}"):  # noqa: PTH113 - asked for each of thousands of files: no Path is made
                return folder / path
        return None

    def number(self, sequence: Sequence, repetition: int) -> int:
        """The number in the file names of a repetition (from 1)."""
        return repetition if self.spans is None else self.spans(sequence)[repetition - 1].start

    def part(self, sequence: Sequence, repetition: int) -> Sequence:
        """The frames that a repetition (from 1) covers, in its order, as a sequence."""
        return sequence if self.spans is None else part_of(sequence, self.spans(sequence)[repetition - 1])

    def count_passes(self, folder: Path, sequence: Sequence, name: str | None = None) -> int:
        """How many repetitions of a sequence are there, one after the other from the first; 0 if none.

        Args:
            folder: The tracker's folder.
            sequence: The sequence.
            name: What it is called in this folder; None for its own name.

        Raises:
            ResultsError: One is missing between others.
        """
        name = name or sequence.name
        if self.spans is None:
            return self.count_repetitions(folder, name)
        there = [self.box_file(folder, name, span.start).is_file() for span in self.spans(sequence)]
        if not all(there[: sum(there)]):
            lost = self.box_file(folder, name, self.spans(sequence)[there.index(False)].start)
            raise ResultsError(
                f"the run from frame {self.spans(sequence)[there.index(False)].start} of {name} is missing, but later "
                "ones are there",
                where=lost,
                remedy="Restore the file, or delete the others",
            )
        return sum(there)

    def read_pass(
        self, folder: Path, sequence: Sequence, repetition: int, *, name: str | None = None, whole: bool = False
    ) -> Trajectory:
        """Read one repetition (from 1) of a sequence; see `read` and `count_passes`."""
        n = len(sequence) if self.spans is None else len(self.spans(sequence)[repetition - 1])
        number = self.number(sequence, repetition)
        return self.read(folder, name or sequence.name, n, repetition=number, whole=whole, origin=sequence.file_origin)

    def write_pass(self, folder: Path, sequence: Sequence, repetition: int, trajectory: Trajectory) -> None:
        """Write one repetition (from 1) of a sequence; see `write`."""
        number = self.number(sequence, repetition)
        self.write(folder, sequence.name, number, trajectory, origin=sequence.file_origin)

    def numbers(self, folder: Path, sequence: str) -> list[int]:
        """The numbers in the names of the box files of a sequence that are there, ascending."""
        first = self.box_file(folder, sequence)
        if not self.repeats:
            return [1] * first.is_file()
        pattern = re.compile(re.escape(sequence) + r"_(\d{3,})\.txt")
        names = (p.name for p in first.parent.iterdir()) if first.parent.is_dir() else ()
        return sorted(int(match[1]) for name in names if (match := pattern.fullmatch(name)))

    def count_repetitions(self, folder: Path, sequence: str) -> int:
        """How many repetitions of a sequence are there; 0 if none.

        Raises:
            ResultsError: One is missing between others.
        """
        first, found = self.box_file(folder, sequence), self.numbers(folder, sequence)
        for expected, number in enumerate(found, start=1):
            if number != expected:
                raise ResultsError(
                    f"repetition {expected} of {sequence} is missing, but {number} is there",
                    where=first.parent,
                    remedy="Restore the file, or delete the later ones",
                )
        return len(found)

    def read(
        self, folder: Path, sequence: str, n_frames: int, *, repetition: int = 1, whole: bool = False, origin: int = 1
    ) -> Trajectory:
        """Read one repetition with its seconds, where they were kept.

        Args:
            folder: The tracker's folder.
            sequence: The sequence's name in this folder.
            n_frames: Its frames.
            repetition: From 1.
            whole: Insist on a complete last line.
            origin: See `parse`.

        Raises:
            ResultsError: A file is missing or broken.
        """
        trajectory = self.parse(self.box_file(folder, sequence, repetition), n_frames, whole, origin)
        times = self.find_times(folder, sequence, repetition)
        if times is None:
            return trajectory
        return replace(trajectory, seconds=self._column(times, n_frames, repetition))

    def read_joined(
        self, folder: Path, sequences: Many[Sequence], names: Many[str], *, whole: bool = False
    ) -> Joined | None:
        """Read the only pass over each of some sequences at once, which takes half the time of one after the other.

        Args:
            folder: The tracker's folder.
            sequences: The sequences.
            names: What they are called in this folder.
            whole: Insist on complete last lines.

        Returns:
            The passes; None where the family keeps its results in another way, or a file is not the usual one, be it
            faulty or not: `read_pass` copes with it, or says what is wrong.
        """
        if self.repeats or self.parse is not _parse_otb:
            return None
        lengths = [len(sequence) for sequence in sequences]
        ends = np.cumsum(lengths)
        boxes, seconds = np.empty((int(ends[-1]), 4), order="F"), np.full(int(ends[-1]), np.nan)
        try:
            files = [read_text(f"{folder}/{self.box_path.format(sequence=name)}", ResultsError) for name in names]
            if whole and not all(file.endswith(b"\n") for file in files):
                return None
            for rows, some in _groups(files, ends):
                found = parse_joined(files[some], lengths[some], 4)
                if found is None:
                    return None
                boxes[rows] = found
            for i in self._timed(folder, names):
                seconds[ends[i] - lengths[i] : ends[i]] = self._seconds(folder, names[i], lengths[i], 1)
        except ResultsError:  # raised again, as it is to be, by who reads one after the other
            return None
        origins = np.repeat([sequence.file_origin for sequence in sequences], lengths)
        for column in (0, 1):
            boxes[:, column] -= origins
        return Joined(boxes, seconds)

    def _timed(self, folder: Path, names: Many[str]) -> list[int]:
        """Which of some sequences have a file of seconds; one look into each folder instead of one at each file."""
        templates = (self.time_path, *self.other_times)
        listed: set[str] = set()
        for inside in {os.path.dirname(template) for template in templates}:  # noqa: PTH120 - of a template
            if (folder / inside).is_dir():
                listed.update(os.path.join(inside, name) for name in os.listdir(folder / inside))  # noqa: PTH118, PTH208
        return [i for i, name in enumerate(names) if any(t.format(sequence=name) in listed for t in templates)]

    def write(self, folder: Path, sequence: str, repetition: int, trajectory: Trajectory, *, origin: int = 1) -> None:
        """Write one repetition, the box file last: once it is there, the repetition is finished.

        Raises:
            ResultsError: It cannot be written.
        """
        seconds = trajectory.seconds
        if self.column_per_repetition:
            # A run killed between the two files left this repetition's column behind: rebuild it from those before.
            n = len(trajectory)
            seconds = np.column_stack([*(self._seconds(folder, sequence, n, r) for r in range(1, repetition)), seconds])
        formats.write_seconds(self.time_file(folder, sequence, repetition), seconds, untimed=self.untimed)
        self.dump(self.box_file(folder, sequence, repetition), trajectory, origin)

    def _seconds(self, folder: Path, sequence: str, n_frames: int, repetition: int) -> FloatArray:
        path = self.find_times(folder, sequence, repetition)
        return np.full(n_frames, np.nan) if path is None else self._column(path, n_frames, repetition)

    def _column(self, path: Path, n_frames: int, repetition: int) -> FloatArray:
        """The seconds of one repetition in a time file."""
        column = repetition - 1 if self.column_per_repetition else 0
        table = formats.read_seconds(path, n_frames)
        return table[:, column] if table.shape[1] > column else np.full(n_frames, np.nan)


def _groups(files: Many[bytes], ends: NDArray[np.intp]) -> Iterator[tuple[slice, slice]]:
    """Cut files into runs of about `GROUP` bytes: slices of their lines, whose ends are given, and of the files."""
    sizes = np.cumsum([len(file) for file in files])
    starts = [0, *(np.flatnonzero(np.diff(sizes // GROUP)) + 1), len(files)]
    for first, last in pairwise(starts):
        yield slice(ends[first - 1] if first else 0, ends[last - 1]), slice(first, last)


def one_pass_trajectory(boxes: FloatArray, seconds: FloatArray | None = None) -> Trajectory:
    """Join n x 4 boxes and n seconds (default: unknown) to a pass that was initialised on its first frame."""
    states = np.full(len(boxes), FrameState.TRACKED, dtype=np.int8)
    states[0] = FrameState.INIT
    return Trajectory(boxes, states, np.full(len(boxes), np.nan) if seconds is None else seconds)


def _parse_otb(path: Path, n: int, whole: bool, origin: int) -> Trajectory:
    return one_pass_trajectory(formats.read_otb(path, n, whole=whole, origin=origin))


def _dump_otb(path: Path, trajectory: Trajectory, origin: int) -> None:
    formats.write_otb(path, trajectory.boxes, origin=origin)


def _vot(family: str, experiment: str, spans: Callable[[Sequence], Many[range]] | None = None) -> Layout:
    """The layout of one of VOT's experiments."""
    stem = "{sequence}_{repetition:03d}" if spans is None else "{sequence}_{repetition:08d}"
    return Layout(
        family=family,
        box_path=f"{experiment}/{{sequence}}/{stem}.txt",
        time_path=f"{experiment}/{{sequence}}/{stem}_time.value",
        repeats=True,
        column_per_repetition=False,
        untimed="",
        parse=lambda path, n, whole, _: formats.read_vot(path, n, whole=whole),
        dump=lambda path, trajectory, _: formats.write_vot(path, trajectory),
        spans=spans,
    )


def _otb_robustness(family: str, experiment: str, spans: Callable[[Sequence], Many[range]] | None = None) -> Layout:
    """The layout of OTB's temporal or spatial robustness: the boxes of each run from its first frame on."""
    stem = "{sequence}_{repetition:03d}" if spans is None else "{sequence}_{repetition:08d}"
    return Layout(
        family=family,
        box_path=f"{experiment}/{{sequence}}/{stem}.txt",
        time_path=f"{experiment}/{{sequence}}/{stem}_time.txt",
        repeats=True,
        column_per_repetition=False,
        untimed="nan",
        parse=_parse_otb,
        dump=_dump_otb,
        spans=spans,
    )


LAYOUTS = {
    "otb": Layout(
        family="otb",
        box_path="{sequence}.txt",
        time_path="times/{sequence}_time.txt",
        repeats=False,
        column_per_repetition=False,
        untimed="nan",
        parse=_parse_otb,
        dump=_dump_otb,
        other_times=("{sequence}_time.txt",),
    ),
    "got10k": Layout(
        family="got10k",
        box_path="{sequence}/{sequence}_{repetition:03d}.txt",
        time_path="{sequence}/{sequence}_time.txt",
        repeats=True,
        column_per_repetition=True,
        untimed="nan",
        parse=lambda path, n, whole, _: one_pass_trajectory(formats.read_got10k(path, n, whole=whole)),
        dump=lambda path, trajectory, _: formats.write_got10k(path, trajectory.boxes),
    ),
    "otb-tre": _otb_robustness("otb-tre", "TRE", temporal_spans),
    "otb-sre": _otb_robustness("otb-sre", "SRE"),
    "vot": _vot("vot", "baseline"),
    "vot-realtime": _vot("vot-realtime", "realtime"),
    "vot-unsupervised": _vot("vot-unsupervised", "unsupervised"),
    "vot-unsupervised-realtime": _vot("vot-unsupervised-realtime", "unsupervised-realtime"),
    "vot-multistart": _vot("vot-multistart", "baseline", run_spans),
    "vot-multistart-realtime": _vot("vot-multistart-realtime", "realtime", run_spans),
}
"""The layouts of this project's own files, one per family. The folders of VOT's experiments have the names they have in
the challenges' stacks, those of OTB's the names of its toolkits' evaluations; what these write is no text (see
`submission`)."""


def _with_inside(layout: Layout) -> tuple[Layout, Layout]:
    """A layout of VOT's, and what its experiment's folder holds."""
    inside = (path.partition("/")[2] for path in (layout.box_path, layout.time_path))
    return layout, replace(layout, box_path=next(inside), time_path=next(inside))


_FLAT, _NESTED = LAYOUTS["otb"], LAYOUTS["got10k"]
READABLE = {
    "otb": (_FLAT, replace(_NESTED, family="otb", parse=_FLAT.parse, dump=_FLAT.dump)),
    "got10k": (_NESTED, replace(_FLAT, family="got10k", parse=_NESTED.parse, dump=_NESTED.dump)),
    **{name: _with_inside(layout) for name, layout in LAYOUTS.items() if name.startswith(("vot", "otb-"))},
}
"""Family -> the structures other tools write its results in, the most usual first.

pytracking writes one file per sequence and its seconds beside it, for every data set; pysot and the got10k toolkit
write GOT-10k's in folders of their own; an experiment's folder of a VOT workspace may come without the tracker's.
"""


def get_layout(family: str) -> Layout:
    """The layout of a family. Raises UsageError for another name."""
    try:
        return LAYOUTS[family]
    except KeyError:
        raise unknown_name("family of result files", family, LAYOUTS) from None
