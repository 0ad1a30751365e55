"""What all suites on disk share: choosing sequences, missing ones, the fingerprint. A layout knows its files only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from spm_bench.errors import DataError, MissingDataError, listed, unknown_name
from spm_bench.suites import roots
from spm_bench.suites.annotations import BOX_COLUMNS, parse_flags
from spm_bench.suites.base import FloatArray, Sequence, Suite
from spm_bench.suites.facts import SequenceFacts, SuiteFacts, suite_facts
from spm_bench.suites.frames import ImageFrames, VideoFrames


@dataclass(frozen=True)
class Request:
    """What the caller of `load_suite` asked for; see there."""

    name: str
    data: Path | None = None
    allow_missing: bool = False
    annotations_only: bool = False
    only: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Found:
    """A sequence whose annotation was found: everything a layout needs to read it.

    Attributes:
        home: Folder of the suite's sequences.
        facts: The suite.
        item: The sequence.
        annotation: Its annotation file.
        image_size: (width, height) recorded beside annotations that have no pictures.
    """

    home: Path
    facts: SuiteFacts
    item: SequenceFacts
    annotation: Path
    image_size: tuple[int, int] | None

    @property
    def origin(self) -> tuple[float, float, float, float]:
        """What to subtract from a box of the files, so that its first pixel is 0."""
        return float(self.facts.origin), float(self.facts.origin), 0.0, 0.0


@dataclass(frozen=True)
class Layout:
    """How the files of a family of suites lie on disk.

    Attributes:
        inside: Sub-folders of a suite's folder that may hold its sequences, "" for the folder itself; "{split}" stands
            for the part of the suite's name after "-".
        find_annotation: (home, item) -> the annotation file of a sequence, or None if it is not there.
        load: Reads one sequence; `frames` is None where there are no pictures.
        check_home: (home, facts): raises DataError if the folder is that of another suite with the same names.
        discover: (home, facts) -> the sequences in a folder, for suites whose data file does not list them.
    """

    inside: tuple[str, ...]
    find_annotation: Callable[[Path, SequenceFacts], Path | None]
    load: Callable[[Found], Sequence]
    check_home: Callable[[Path, SuiteFacts], None] | None = None
    discover: Callable[[Path, SuiteFacts], tuple[SequenceFacts, ...]] | None = None

    def find_home(self, facts: SuiteFacts, data: Path | None) -> Path:
        """Find the folder with the suite's sequences (see `roots.find_home` for errors)."""
        split = facts.name.partition("-")[2]
        inside = tuple(part.format(split=split) for part in self.inside)

        def is_home(folder: Path) -> bool:
            here = (item.name for item in self.items(folder, facts) if self.find_annotation(folder, item))
            named = roots.spelling(folder.name) in facts.folders
            return any(named or name not in facts.shared_names for name in here)

        return roots.find_home(facts, data, inside, is_home)

    def items(self, home: Path, facts: SuiteFacts) -> tuple[SequenceFacts, ...]:
        """All sequences of a suite that are known: those of its data file, or those in the folder."""
        return facts.sequences if self.discover is None else self.discover(home, facts)


def load_from_disk(request: Request, layout: Layout) -> Suite:
    """Load a suite that has a data file.

    Raises:
        UsageError: `only` names an unknown sequence.
        MissingDataError: The suite or a part of it is missing.
        DataError: A file of it is broken.
    """
    facts = suite_facts(request.name)
    if not facts.discovered:
        select(facts.sequences, request.only)  # a mistyped name is told before data are looked for
    home = layout.find_home(facts, request.data)
    if layout.check_home is not None:
        layout.check_home(home, facts)
    items = layout.items(home, facts)
    chosen = select(items, request.only)
    sizes = recorded_image_sizes(home / "sequences.json")
    found: list[Sequence] = []
    missing: list[str] = []
    unpictured = 0
    for item in chosen:
        annotation = layout.find_annotation(home, item)
        sequence = (
            None if annotation is None else layout.load(Found(home, facts, item, annotation, sizes.get(item.name)))
        )
        if sequence is not None and (request.annotations_only or sequence.frames is not None):
            found.append(replace(sequence, file_origin=facts.origin))
        else:
            missing.append(item.name)
            unpictured += sequence is not None
    if missing and not (found and request.allow_missing):
        raise _missing(facts, home, missing, unpictured, len(chosen))
    if len(items) < facts.n_sequences and not (request.allow_missing or request.only):
        raise _too_few(facts, home, len(items))
    return Suite(
        name=facts.name,
        title=facts.title,
        family=facts.family,
        protocol=facts.protocol,
        sequences=tuple(fill_frame_attributes(found)),
        n_total=facts.n_sequences,
        missing=tuple(missing),
        fingerprint=fingerprint(found),
        root=home,
        eao_interval=facts.eao_interval,
        ao_burn_in=facts.ao_burn_in,
        bounded=facts.bounded,
        has_ground_truth=facts.has_ground_truth,
        citation=facts.citation,
        convention=facts.convention,
    )


class _Named(Protocol):
    @property
    def name(self) -> str: ...


NamedT = TypeVar("NamedT", bound=_Named)


def select(items: Iterable[NamedT], only: Iterable[str] | None) -> list[NamedT]:
    """Keep the items of these names, in the suite's order; None or nothing keeps all.

    Raises:
        UsageError: An unknown name; offers the nearest.
    """
    by_name = {item.name: item for item in items}
    wanted = set(only or by_name)
    for name in sorted(wanted):
        if name not in by_name:
            raise unknown_name("sequence", name, by_name)
    return [item for name, item in by_name.items() if name in wanted]


def _missing(facts: SuiteFacts, home: Path, missing: list[str], unpictured: int, n_chosen: int) -> MissingDataError:
    what = "are missing" if not unpictured else "have no pictures" if unpictured == len(missing) else "are incomplete"
    problem = f"{len(missing)} of {n_chosen} sequences of {facts.title} {what}: {listed(missing)}"
    remedy = roots.how_to_get(facts)
    if len(missing) < n_chosen:
        remedy += "; or use the others alone with --allow-missing"
    return MissingDataError(problem, where=home, remedy=remedy)


def _too_few(facts: SuiteFacts, home: Path, n: int) -> MissingDataError:
    """Only for suites whose sequences are discovered: of the others, the missing ones are known by name."""
    problem = f"{n} of {facts.n_sequences} sequences of {facts.title} are there"
    remedy = f"{roots.how_to_get(facts)}; or use these alone with --allow-missing"
    return MissingDataError(problem, where=home, remedy=remedy)


def annotation_at_home(home: Path, item: SequenceFacts) -> Path | None:
    """The annotation at its path below the suite's folder, else the file of this name in a folder of annotations."""
    candidates = (home / item.annotation, home / Path(item.annotation).name)
    return next((path for path in candidates if path.is_file()), None)


def sequence_flags(found: Found) -> tuple[str, ...]:
    """Tags of a sequence: the data file's, else those with a 1 in its native attribute file, none without one.

    The file is `att/<sequence>.txt` beside the annotation, in the suite's folder or in a folder `anno` of it.

    Raises:
        DataError: It does not hold one 0 or 1 for each attribute.
    """
    names = found.facts.attribute_flags
    places = (found.annotation.parent, found.home, found.home / "anno")
    files = (place / "att" / f"{found.item.name}.txt" for place in places)
    path = next((file for file in files if file.is_file()), None)
    if found.item.attributes or not names or path is None:
        return found.item.attributes
    return tuple(name for name, flag in zip(names, parse_flags(path, len(names)), strict=True) if flag)


def first_box_only(boxes: FloatArray, frames: ImageFrames | None, path: Path) -> FloatArray:
    """The given box, and NaN for every later frame: all there is where the ground truth is on a server.

    Raises:
        DataError: The annotation has neither one line nor one for each picture.
    """
    n = 1 if frames is None else len(frames)
    if len(boxes) not in (1, n):
        raise DataError(f"{len(boxes)} lines, where the test split has one", where=path)
    truth = np.full((n, BOX_COLUMNS), np.nan)
    truth[0] = boxes[0]
    return truth


def fill_frame_attributes(sequences: list[Sequence]) -> list[Sequence]:
    """Give every sequence all frame attributes that any has: a label file that does not exist means nowhere."""
    names = sorted({name for sequence in sequences for name in sequence.frame_attributes})
    return [
        replace(s, frame_attributes={n: s.frame_attributes.get(n, np.zeros(len(s), dtype=np.bool_)) for n in names})
        for s in sequences
    ]


def fingerprint(sequences: Iterable[Sequence]) -> str:
    """Identify what results depend on: names, annotation values, and names and bytes of the picture files.

    It does not depend on where the data are, nor on the order of the sequences.

    Returns:
        sha256, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for sequence in sorted(sequences, key=lambda s: s.name):
        digest.update(json.dumps([sequence.name, sequence.ground_truth.shape]).encode())
        digest.update(_bytes(sequence.ground_truth))
        if sequence.polygons is not None:
            digest.update(_bytes(sequence.polygons))
        if sequence.anchors is not None:
            digest.update(_bytes(sequence.anchors))
        if isinstance(sequence.frames, ImageFrames | VideoFrames):
            digest.update(json.dumps(sequence.frames.identity()).encode())
    return digest.hexdigest()


def _bytes(values: FloatArray) -> bytes:
    """The values as little-endian bytes, with one NaN and one zero whatever their sign."""
    return np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes()


_NOT_THAT_FORM = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What comes of JSON of another form; the last two of infinity, and of brackets in brackets without end."""


def recorded_image_sizes(file: Path) -> dict[str, tuple[int, int]]:
    """Read image sizes that lie beside annotations without pictures, name -> (width, height); empty without the file.

    The file is {name: {"image_size": [w, h]}, ...} or {"sequences": [{"name": ..., "image_size": [w, h]}, ...]}.

    Raises:
        DataError: The file is not of that form.
    """
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        listed = content.get("sequences")
        items = [(i["name"], i) for i in listed] if isinstance(listed, list) else list(content.items())
        sizes = {name: item.get("image_size") for name, item in items}
        return {name: (int(size[0]), int(size[1])) for name, size in sizes.items() if size is not None}
    except _NOT_THAT_FORM as problem:
        raise DataError("the list of image sizes is broken", where=file, remedy="Restore or remove it") from problem
