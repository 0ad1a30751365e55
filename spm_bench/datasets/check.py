"""Check the data of a suite: what is missing, broken or not part of it, with file and remedy."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from spm_bench.datasets.get import ANNOTATIONS_ALONE
from spm_bench.datasets.pictures import Picture, look_at
from spm_bench.datasets.record import STATE_NAME, Record
from spm_bench.errors import DataError, listed
from spm_bench.fetch.download import file_digests
from spm_bench.suites.catalog import layout_of
from spm_bench.suites.facts import SequenceFacts, SuiteFacts, suite_facts
from spm_bench.suites.frames import ImageFrames, list_images
from spm_bench.suites.loading import Found, Layout, recorded_image_sizes, select

WHOLE, BROKEN, MISSING = "whole", "broken", "missing"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or worth knowing.

    Attributes:
        where: File or folder, with the line if there is one.
        what: What is wrong.
        remedy: What to do, "" where nothing has to be done.
    """

    where: str
    what: str
    remedy: str = ""


@dataclass(frozen=True)
class SequenceReport:
    """What was found of a sequence.

    Attributes:
        name: Of the sequence.
        state: "whole", "broken" or "missing".
        frames: Frames that were looked at.
        problems: What is broken or missing.
        notes: What is odd, but does no harm.
    """

    name: str
    state: str
    frames: int = 0
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Report:
    """What was found of a suite.

    Attributes:
        facts: The suite.
        home: Folder of its sequences.
        sequences: One report a sequence that was asked for, in the suite's order.
        notes: What lies in the folder and is not part of the suite.
        deep: Whether all pictures were decoded.
        unlisted: How many sequences are missing whose names nobody lists (TrackingNet).
        pictures: Files of pictures that were looked at.
        hashed: Files that were compared with the hashes of their download.
    """

    facts: SuiteFacts
    home: Path
    sequences: tuple[SequenceReport, ...]
    notes: tuple[Problem, ...] = ()
    deep: bool = False
    unlisted: int = 0
    pictures: int = 0
    hashed: int = 0

    def count(self, state: str) -> int:
        """How many sequences are in this state."""
        return sum(report.state == state for report in self.sequences) + self.unlisted * (state == MISSING)

    @property
    def total(self) -> int:
        """How many sequences were asked for."""
        return len(self.sequences) + self.unlisted

    @property
    def partial(self) -> bool:
        """Whether some sequences are there and others are not."""
        return 0 < self.count(MISSING) < self.total


@dataclass
class _Look:
    """What all sequences of a check share."""

    facts: SuiteFacts
    home: Path
    layout: Layout
    record: Record
    deep: bool
    pool: ThreadPoolExecutor
    seen: dict[Path, Picture] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    hashed: int = 0

    def use(self, path: Path) -> None:
        """Note that something in a folder of the suite belongs to it."""
        if path.is_relative_to(self.home):
            self.used.add(path.relative_to(self.home).parts[0])


def check(
    name: str,
    data: Path | None = None,
    *,
    only: Iterable[str] | None = None,
    deep: bool = False,
    tell: Callable[[SequenceReport], None] | None = None,
) -> Report:
    """Look at the files of a suite.

    Args:
        name: The suite.
        data: The data root or the suite's own folder, None for the default places.
        only: Names of sequences, None or nothing for all.
        deep: Decode every picture, and compare files with the hashes of their download where there are any.
        tell: Called with the report of each sequence as it is ready.

    Raises:
        UsageError: An unknown name.
        MissingDataError: No sequence is anywhere.
        DataError: The folder is that of another suite.
    """
    facts = suite_facts(name)
    if not facts.discovered:
        select(facts.sequences, only)  # a mistyped name is told before data are looked for
    layout = layout_of(facts)
    home = layout.find_home(facts, data)
    if layout.check_home is not None:
        layout.check_home(home, facts)
    items = select(layout.items(home, facts), only)
    unlisted = 0 if only or not facts.discovered else max(facts.n_sequences - len(items), 0)
    sizes = recorded_image_sizes(home / "sequences.json")
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        look = _Look(facts, home, layout, Record.read(home), deep, pool)
        reports = []
        for item in items:
            report = _check_one(look, item, sizes.get(item.name))
            reports.append(report)
            if tell is not None:
                tell(report)
        notes = tuple(_strangers(look))
    return Report(facts, home, tuple(reports), notes, deep, unlisted, len(look.seen), look.hashed)


def _check_one(look: _Look, item: SequenceFacts, size: tuple[int, int] | None) -> SequenceReport:
    remedy = how_to_mend(look.facts, item, look.home)
    folder = look.home / item.folder
    look.use(folder)
    annotation = look.layout.find_annotation(look.home, item)
    if annotation is None:
        if not folder.is_dir():
            return SequenceReport(item.name, MISSING, problems=(Problem(str(folder), "it is not there", remedy),))
        path = (look.home if "/" in item.annotation else folder) / item.annotation
        problem = Problem(str(path), "the annotation is missing", remedy)
        return SequenceReport(item.name, BROKEN, problems=(problem,))
    look.use(annotation)
    try:
        sequence = look.layout.load(Found(look.home, look.facts, item, annotation, size))
    except DataError as error:
        lost = tuple(_lost_files(look, item, remedy))
        return SequenceReport(item.name, BROKEN, problems=(_problem_of(error, remedy), *lost))
    if sequence.frames is None:
        problem = Problem(str(folder), "there are annotations, but no pictures", remedy)
        return SequenceReport(item.name, MISSING, problems=(problem,))
    if not isinstance(sequence.frames, ImageFrames):
        return SequenceReport(item.name, WHOLE, len(sequence.frames))
    pictures = _look_at_all(look, sequence.frames)
    faults = [Problem(str(p.path), p.fault, remedy) for p in pictures if p.fault]
    faults += _lost_files(look, item, remedy)
    if look.deep:
        faults += _changed_files(look, item, remedy)
    notes = (*_odd_sizes(pictures), *_odd_names(sequence.frames))
    return SequenceReport(item.name, BROKEN if faults else WHOLE, len(pictures), tuple(faults), notes)


def how_to_mend(facts: SuiteFacts, item: SequenceFacts, home: Path) -> str:
    """What to do about a broken or missing sequence."""
    if facts.source is None or facts.source.kind == "manual":
        return f"Restore it from the data set ({facts.url})"
    return f"spm-bench data get {facts.name} --only {shlex.quote(item.name)} --replace --to {shlex.quote(str(home))}"


def _problem_of(error: DataError, remedy: str) -> Problem:
    place = f"{error.where}" + ("" if error.line is None else f", line {error.line}")
    hint = f"{error.remedy} " if error.remedy and error.remedy.endswith("?") else ""
    return Problem(place, error.problem, hint + remedy)


def _look_at_all(look: _Look, frames: ImageFrames) -> list[Picture]:
    """Look at every picture; two targets of one video share them, and each file is read once."""
    paths = [frames.folder / name for name in frames.names]
    new = [path for path in paths if path not in look.seen]
    for picture in look.pool.map(lambda path: look_at(path, deep=look.deep), new):
        look.seen[picture.path] = picture
    return [look.seen[path] for path in paths]


def _lost_files(look: _Look, item: SequenceFacts, remedy: str) -> Iterator[Problem]:
    """Files that the download had and that are gone."""
    for path in look.record.hashes(item.folder):
        if not path.is_file():
            yield Problem(str(path), "the file is missing", remedy)


def _changed_files(look: _Look, item: SequenceFacts, remedy: str) -> Iterator[Problem]:
    """Files whose bytes are no longer those of the download."""
    hashes = {path: digest for path, digest in look.record.hashes(item.folder).items() if path.is_file()}
    look.hashed += len(hashes)
    for path, fault in zip(hashes, look.pool.map(_changed, hashes, hashes.values()), strict=True):
        if fault:
            yield Problem(str(path), fault, remedy)


def _changed(path: Path, digest: str) -> str:
    """What is wrong with a file that had this SHA-256; empty if nothing is."""
    try:
        same = file_digests(path, {"sha256"})["sha256"] == digest
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"
    return "" if same else "its bytes are not those of the download"


def _odd_sizes(pictures: list[Picture]) -> Iterator[Problem]:
    """Pictures that are not as big as the first one."""
    sized = [picture for picture in pictures if picture.size is not None]
    odd = [picture for picture in sized if picture.size != sized[0].size]
    if odd:
        (width, height), (other_width, other_height) = sized[0].size or (0, 0), odd[0].size or (0, 0)
        yield Problem(
            str(odd[0].path),
            f"{len(odd)} of {len(sized)} pictures have another size than the first ({width} x {height}), "
            f"this one {other_width} x {other_height}",
        )


def _odd_names(frames: ImageFrames) -> Iterator[Problem]:
    """Pictures beside the frames whose names are no numbers."""
    names = [name for name in list_images(frames.folder) if not Path(name).stem.isdigit()]
    extra = sorted(set(names) - set(frames.names))
    if extra:
        yield Problem(str(frames.folder), f"{len(extra)} pictures are no frames: {listed(extra)}")


def _strangers(look: _Look) -> Iterator[Problem]:
    """Folders that are no sequence of the suite; where nobody lists its sequences there are none to tell."""
    if look.facts.discovered:
        return
    listed_folders = {Path(item.folder).parts[0] for item in look.facts.sequences}
    known = listed_folders | look.used | ANNOTATIONS_ALONE | {STATE_NAME}
    try:
        folders = sorted(entry.name for entry in os.scandir(look.home) if entry.is_dir())
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror or error})", where=look.home) from error
    extra = [name for name in folders if name not in known and not name.startswith(".")]
    if extra:
        yield Problem(str(look.home), f"{len(extra)} folders are no sequences of {look.facts.title}: {listed(extra)}")
