"""Other people's raw results: find the trackers in a folder, and read them as a `ResultSet`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

from spm_bench.errors import ResultsError
from spm_bench.results.files import RUN_FILE
from spm_bench.results.layouts import Layout, get_layout
from spm_bench.results.trajectory import ResultSet, Trajectory
from spm_bench.suites.base import Sequence, Suite

_OTB_ALIASES = {"human4-2": ("human4",)}
"""Sequences that tools abbreviate: the benchmark evaluates only the second target of Human4."""
_SHOWN = 3
"""How many names an error message quotes."""


@dataclass(eq=False)
class ForeignResults:
    """One tracker's folder of text files (a `ResultSet`).

    Attributes:
        tracker: The folder's name.
        folder: The tracker's folder.
        layout: Its structure.
        names: The suite's sequence name -> the name in this folder, for the sequences that have results.
        protocol: The suite's own; a folder of text files cannot say.
    """

    tracker: str
    folder: Path
    layout: Layout
    names: Mapping[str, str]
    protocol: str
    variant: str = "base"
    trained: str = ""
    source: str = "raw results"
    note: str = ""

    def __post_init__(self) -> None:
        self.run = str(self.folder)

    @property
    def label(self) -> str:
        """What tables print."""
        return self.tracker

    def has(self, sequence: str) -> bool:
        """Tell whether there is any result for the sequence of this name."""
        return sequence in self.names

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        """Read all repetitions of a sequence, in order.

        Raises:
            ResultsError: A file is missing, cut, of the wrong length or not numbers; names file and line.
        """
        if not self.has(sequence.name):
            where = self.layout.box_file(self.folder, sequence.name)
            raise ResultsError(f"{self.tracker} has no results for {sequence.name}", where=where)
        name = self.names[sequence.name]
        count = self.layout.count_repetitions(self.folder, name) if self.layout.repeats else 1
        n = len(sequence)
        return tuple(self.layout.read(self.folder, name, n, repetition=r) for r in range(1, count + 1))


def find_result_sets(paths: Many[Path], suite: Suite) -> list[ResultSet]:
    """Find the trackers in some folders.

    Args:
        paths: Each is one tracker's folder, a folder of such folders, a run folder of ours, or a folder of those.
        suite: Tells which files to expect, and the sequences' names.

    Returns:
        One result set per tracker: in the order of `paths`, and by name inside each.

    Raises:
        ResultsError: A path is no folder, is empty, unreadable or has another structure; two trackers have the same
            name.
    """
    try:
        found = [results for path in paths for results in _in_folder(Path(path), suite)]
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


def _in_folder(path: Path, suite: Suite) -> list[ResultSet]:
    if not path.exists():
        raise ResultsError("there is no such results folder", where=path)
    if not path.is_dir():
        raise ResultsError("is a file, not a results folder", where=path, remedy="Give the folder that holds it")
    own = _as_results(path, suite)
    if own is not None:
        return [own]
    children = [(child, _as_results(child, suite)) for child in _folders(path)]
    found = [results for _, results in children if results is not None]
    strangers = [child for child, results in children if results is None and _holds_text(child)]
    if not found or strangers:
        raise _wrong_layout(path, strangers[0] if found and strangers else path, suite)
    return found


def _as_results(folder: Path, suite: Suite) -> ResultSet | None:
    """What `folder` holds, or None if it is not one tracker's folder."""
    if (folder / RUN_FILE).is_file():
        from spm_bench.results.runs import read_run

        return read_run(folder, suite)
    layout = get_layout(suite.family)
    names = _otb_names(folder, suite) if suite.family == "otb" else _nested_names(folder, suite, layout)
    if not names:
        return None
    return ForeignResults(folder.resolve().name, folder, layout, names, suite.protocol)


def _nested_names(folder: Path, suite: Suite, layout: Layout) -> dict[str, str]:
    """Sequences with a folder of their own; those names are used as they are by all tools."""
    parent = layout.box_file(folder, "x").parents[1]
    if not parent.is_dir():
        return {}
    present = {child.name for child in parent.iterdir()}
    names = [sequence.name for sequence in suite.sequences if sequence.name in present]
    return {name: name for name in names if layout.count_repetitions(folder, name) or _refuse_binary(parent / name)}


def _refuse_binary(folder: Path) -> bool:
    if binary := sorted(folder.glob("*.bin")):
        raise ResultsError(
            "is a trajectory in the vot toolkit's binary format",
            where=binary[0],
            remedy="Write text instead: run the toolkit with VOT_RESULTS_BINARY=0",
        )
    return False


def _otb_names(folder: Path, suite: Suite) -> dict[str, str]:
    """Match file names to sequences; tools write Jogging-1, Jogging.1, jogging_1, Human4 for Human4-2, ..."""
    on_disk: dict[str, str] = {}
    for file in sorted(path.name for path in folder.iterdir()):
        stem, suffix = file[:-4], file[-4:]
        if suffix.lower() != ".txt" or file.startswith(".") or stem.endswith("_time"):
            continue
        key = _canonical(stem)
        if key in on_disk:
            raise ResultsError(f"{on_disk[key]}.txt and {file} are the same sequence", where=folder)
        on_disk[key] = stem
    names = {}
    for sequence in suite.sequences:
        key = _canonical(sequence.name)
        match = next((k for k in (key, *_OTB_ALIASES.get(key, ())) if k in on_disk), None)
        if match is not None:
            names[sequence.name] = on_disk[match]
    return names


def _canonical(name: str) -> str:
    return re.sub(r"[._]", "-", name.casefold())


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))


def _holds_text(folder: Path) -> bool:
    return next(folder.glob("**/*.txt"), None) is not None


def _wrong_layout(asked: Path, culprit: Path, suite: Suite) -> ResultsError:
    layout = get_layout(suite.family)
    examples = ", ".join(s.name for s in suite.sequences[:_SHOWN])
    files = [p.relative_to(culprit).as_posix() for p in sorted(culprit.glob("**/*")) if p.is_file()]
    seen = ", ".join(files[:_SHOWN]) + (", ..." if len(files) > _SHOWN else "") if files else "no file at all"
    problem = f"no results for {suite.title} here: expected {layout.expected}, found {seen}"
    remedy = f"Sequences of {suite.title}: {examples}, ..."
    if culprit != asked:
        remedy += f" Name the trackers' folders one by one to leave {culprit.name} out"
    return ResultsError(problem, where=culprit, remedy=remedy)
