"""Other people's raw results: find the trackers in a folder or archive, and read them as a `ResultSet`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path

from spm_bench.errors import ResultsError
from spm_bench.results.archive import archive_of, is_archive, shown, unpack
from spm_bench.results.files import RUN_FILE
from spm_bench.results.layouts import LAYOUTS, READABLE, Layout, get_layout
from spm_bench.results.names import Matched, match_names
from spm_bench.results.trajectory import Joined, ResultSet, Trajectory
from spm_bench.suites.base import Sequence, Suite

_SHOWN = 3
"""How many names an error message quotes."""
_DEEPEST = 3
"""Folders between the one that is given and a tracker's: results/OTB100/Tracker, tracking_results/tracker/setting."""


@dataclass(eq=False)
class ForeignResults:
    """One tracker's folder of text files (a `ResultSet`).

    Attributes:
        tracker: The folder's name.
        folder: The tracker's folder.
        layout: Its structure.
        matched: Which sequence each name in the folder means.
        protocol: The suite's own; a folder of text files cannot say.
    """

    tracker: str
    folder: Path
    layout: Layout
    matched: Matched
    protocol: str
    variant: str = "base"
    trained: str = ""
    source: str = "raw results"
    note: str = ""
    run: str = field(init=False)

    def __post_init__(self) -> None:
        self.run = str(shown(self.folder))

    @property
    def label(self) -> str:
        """What tables print."""
        return self.tracker

    @property
    def names(self) -> Mapping[str, str]:
        """The suite's sequence name -> the name in this folder, for the sequences that have results."""
        return self.matched.names

    def has(self, sequence: str) -> bool:
        """Tell whether there is any result for the sequence of this name."""
        return sequence in self.names

    def box_file(self, sequence: str, repetition: int = 1) -> Path:
        """Where the boxes of a sequence are, or would be."""
        return self.layout.box_file(self.folder, self.names.get(sequence, sequence), repetition)

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        """Read all repetitions of a sequence, in order.

        Raises:
            ResultsError: A file is missing, cut, of the wrong length or not numbers; names file and line.
        """
        try:
            return self._trajectories(sequence)
        except ResultsError as error:
            where = None if error.where is None else shown(error.where)
            raise ResultsError(error.problem, where=where, line=error.line, remedy=error.remedy) from error

    def joined(self, sequences: Many[Sequence]) -> Joined | None:
        """Read many sequences at once (see `JoinedResultSet`)."""
        return self.layout.read_joined(self.folder, sequences, [self.names[s.name] for s in sequences])

    def _trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        if not self.has(sequence.name):
            raise ResultsError(f"{self.tracker} has no results for {sequence.name}", where=self.box_file(sequence.name))
        name = self.names[sequence.name]
        count = self.layout.count_passes(self.folder, sequence, name) if self.layout.repeats else 1
        return tuple(self.layout.read_pass(self.folder, sequence, r, name=name) for r in range(1, count + 1))


def find_result_sets(paths: Many[Path], suite: Suite, *, strict: bool = True) -> list[ResultSet]:
    """Find the trackers in some folders or archives (zip, tar).

    Args:
        paths: Each is one tracker's folder, a run folder of ours, a folder that holds such folders (also a few levels
            down), or an archive of one of these.
        suite: Tells which files to expect, and the sequences' names.
        strict: Refuse a folder in which two files are the same sequence, or a repetition is missing between others.
            Otherwise such results are found, for whoever says more about them.

    Returns:
        One result set per tracker: in the order of `paths`, and by name inside each.

    Raises:
        ResultsError: A path is neither, is empty, unreadable or has another structure; two trackers have the same
            name.
    """
    try:
        found = [results for path in paths for results in _in_path(Path(path), suite, strict)]
    except OSError as error:
        raise ResultsError(f"cannot be read ({error.strerror or error})", where=error.filename) from error
    by_label: dict[str, ResultSet] = {}
    for results in found:
        other = by_label.setdefault(results.label, results)
        if other is not results:
            raise ResultsError(
                f"two result folders of {results.label}: {other.run} and {results.run}",
                remedy="Name the one you mean, or rename one",
            )
    return found


def open_folder(path: Path) -> Path:
    """The folder that a path of raw results means: itself, or what an archive holds.

    Raises:
        ResultsError: There is no such folder or file, or it is neither a folder nor an archive, or a bad one.
    """
    if not path.exists():
        raise ResultsError("there is no such results folder", where=path)
    if is_archive(path):
        return unpack(path)
    if not path.is_dir():
        raise ResultsError(
            "is a file, not a results folder",
            where=path,
            remedy="Give the folder that holds it, or an archive (zip, tar)",
        )
    return path


def _in_path(path: Path, suite: Suite, strict: bool) -> list[ResultSet]:
    folder = open_folder(path)
    found = list(_in_folder(folder, folder, suite, strict, _DEEPEST))
    return _told_apart(found)


def _in_folder(folder: Path, asked: Path, suite: Suite, strict: bool, deeper: int) -> Iterator[ResultSet]:
    """The trackers in a folder or below; raises for a folder of text files that are no results of the suite."""
    own = _as_results(folder, suite, strict)
    if own is not None:
        yield own
        return
    found: list[ResultSet] = []
    strangers: list[Path] = []
    for child in _folders(folder) if deeper else ():
        try:
            found += _in_folder(child, asked, suite, strict, deeper - 1)
        except _NoResultsError as error:
            if error.culprit_holds_text:
                strangers.append(error.culprit)
    if not found or strangers:
        raise _wrong_layout(asked, strangers[0] if found and strangers else folder, suite)
    yield from found


class _NoResultsError(ResultsError):
    """A folder in which there are no results of the suite."""

    culprit: Path
    culprit_holds_text: bool


def _as_results(folder: Path, suite: Suite, strict: bool) -> ResultSet | None:
    """What `folder` holds, or None if it is not one tracker's folder."""
    if (folder / RUN_FILE).is_file():
        from spm_bench.results.runs import read_run

        return read_run(folder, suite)
    for layout in READABLE[get_layout(suite.family).family]:
        matched = match_names(_names_on_disk(folder, layout), (s.name for s in suite.sequences))
        if not matched.names:
            continue
        if strict:
            _refuse_unclear(folder, layout, matched, suite)
        return ForeignResults(_tracker_name(folder, layout), folder, layout, matched, suite.protocol)
    return None


def _tracker_name(folder: Path, layout: Layout) -> str:
    """The folder's or archive's own; of an experiment's folder (baseline, TRE, ...) that of the folder around it."""
    archive = archive_of(folder)
    if archive is not None:
        return archive.name.partition(".")[0] if archive.name.endswith((".tar.gz", ".tar.xz")) else archive.stem
    full = folder.resolve()
    own = LAYOUTS[layout.family].box_path
    inside = layout.box_path != own and own.startswith(f"{full.name}/")
    return full.parent.name if inside else full.name


def _names_on_disk(folder: Path, layout: Layout) -> list[str]:
    """Names that a layout's files have in a folder: of files, or of folders that hold a file of their name."""
    if not layout.repeats:
        return list(_box_files(folder))
    parent = layout.box_file(folder, "x").parents[1]
    if not parent.is_dir():
        return []
    return [child.name for child in _folders(parent) if _holds_boxes(child, 3 if layout.spans is None else 8)]


def _box_files(folder: Path) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - of thousands of files no Path is made
        stem, suffix = name[:-4], name[-4:]
        if suffix.lower() == ".txt" and not name.startswith(".") and not stem.endswith("_time"):
            yield stem


def _holds_boxes(folder: Path, digits: int) -> bool:
    """Whether a folder has a file such as bag/bag_001.txt; one in the vot toolkit's binary format is refused."""
    if any(folder.glob(f"[!.]*_{'[0-9]' * digits}.txt")):
        return True
    if binary := sorted(folder.glob("*.bin")):
        raise ResultsError(
            "is a trajectory in the vot toolkit's binary format",
            where=shown(binary[0]),
            remedy="Write text instead: run the toolkit with VOT_RESULTS_BINARY=0",
        )
    return False


def _refuse_unclear(folder: Path, layout: Layout, matched: Matched, suite: Suite) -> None:
    for names in matched.twins.values():
        first, second = (f"{name}.txt" if not layout.repeats else name for name in names[:2])
        raise ResultsError(f"{first} and {second} are the same sequence", where=shown(folder), remedy="Remove one")
    if layout.repeats:
        for sequence in suite.sequences:
            if sequence.name in matched.names:
                layout.count_passes(folder, sequence, matched.names[sequence.name])


def _told_apart(found: list[ResultSet]) -> list[ResultSet]:
    """Give trackers of one name the name of the folder around them, too: pytracking has tracker/setting."""
    labels = [results.label for results in found]
    for results in found:
        if isinstance(results, ForeignResults) and labels.count(results.tracker) > 1:
            results.tracker = f"{results.folder.resolve().parent.name}/{results.folder.resolve().name}"
    return found


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))


def _holds_text(folder: Path) -> bool:
    return next(folder.glob("**/*.txt"), None) is not None


def _wrong_layout(asked: Path, culprit: Path, suite: Suite) -> _NoResultsError:
    layout = get_layout(suite.family)
    examples = ", ".join(s.name for s in suite.sequences[:_SHOWN])
    files = [p.relative_to(culprit).as_posix() for p in sorted(culprit.glob("**/*")) if p.is_file()]
    seen = ", ".join(files[:_SHOWN]) + (", ..." if len(files) > _SHOWN else "") if files else "no file at all"
    problem = f"no results for {suite.title} here: expected {layout.expected}, found {seen}"
    remedy = f"Sequences of {suite.title}: {examples}, ..."
    if any(culprit.glob("**/*.mat")):
        remedy += " MATLAB files are not read: write them as text, one line of x,y,w,h a frame."
    if culprit != asked:
        remedy += f" Name the trackers' folders one by one to leave {culprit.name} out"
    error = _NoResultsError(problem, where=shown(culprit), remedy=remedy)
    error.culprit, error.culprit_holds_text = culprit, _holds_text(culprit)
    return error
