"""VOT 2013 ... 2022 on disk: the flat layout of the challenge's downloads and of the vot toolkit's `sequences`.

`list.txt`; `<sequence>/00000001.jpg ...` or `<sequence>/color/00000001.jpg ...`; `groundtruth.txt` with 4 values (a
box) or 8 (corners of a rotated box), or the masks of 2020 to 2022, which become boxes (see `regions`);
`<attribute>.label` or `.tag` with one 0 or 1 per frame, missing lines at the end meaning 0; `anchor.value` with one
number per frame, where multi-start runs begin. Annotations alone lie in `annotations/` with image sizes in
`sequences.json`. Coordinates are used as they are, like in the vot toolkit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spm_bench.errors import DataError, listed
from spm_bench.suites.annotations import (
    check_first_box,
    check_length,
    parse_labels,
    parse_names,
    parse_rows,
)
from spm_bench.suites.base import BoolArray, FloatArray, Sequence, Suite
from spm_bench.suites.facts import SequenceFacts, SuiteFacts, suite_facts, suite_names
from spm_bench.suites.frames import ImageFrames, numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, load_from_disk
from spm_bench.suites.regions import read_regions
from spm_bench.suites.roots import spelling


def load(request: Request) -> Suite:
    """Load vot2013 ... vot2022 (see `load_suite`)."""
    return load_from_disk(request, LAYOUT)


def _find_annotation(home: Path, item: SequenceFacts) -> Path | None:
    path = home / item.folder / item.annotation
    return path if path.is_file() else None


def _check_home(home: Path, facts: SuiteFacts) -> None:
    """Refuse another year's folder: the years share names of sequences, but not their annotations."""
    owners = _owners(home.name) or _owners(home.parent.name)
    if owners and facts.name not in owners:
        raise DataError(
            f"this is the folder of {' and '.join(owners)}, not of {facts.title}",
            where=home,
            remedy=f"Use --suite {owners[0]}, or rename the folder if its name is wrong",
        )
    listing = home / "list.txt"
    known = {item.name for item in facts.sequences}
    listed_there = parse_names(listing) if listing.is_file() and not facts.discovered else []
    strangers = [name for name in listed_there if name not in known]
    if strangers:
        raise DataError(
            f"it lists {listed(strangers)}, which {facts.title} does not have",
            where=listing,
            remedy="Is it another year's data set?",
        )


def _load_one(found: Found) -> Sequence:
    item, annotation = found.item, found.annotation
    frames = _find_frames(annotation.parent)
    boxes, polygons = read_regions(annotation)
    if frames is not None:
        check_length(len(boxes), len(frames), f"pictures in {frames.folder.name}/", annotation)
    if item.n_frames is not None:
        check_length(len(boxes), item.n_frames, f"frames of {item.name} in {found.facts.title}", annotation)
    size = frames.image_size() if frames else found.image_size
    check_first_box(boxes, annotation, 1, size)
    attributes = read_attributes(annotation.parent, len(boxes))
    anchors = read_anchors(annotation.parent / "anchor.value", len(boxes))
    return Sequence(
        item.name,
        boxes,
        frames,
        polygons=polygons,
        frame_attributes=attributes,
        image_size=size,
        anchors=anchors,
    )


def _owners(folder_name: str) -> list[str]:
    """The VOT suites that usually lie in a folder of this name."""
    facts = [suite_facts(name) for name in suite_names() if name.startswith("vot")]
    return [item.name for item in facts if spelling(folder_name) in item.folders]


def _find_frames(folder: Path) -> ImageFrames | None:
    """The pictures in `color/` (from 2017 on) or beside the ground truth (before)."""
    return numbered_frames(folder / "color") or numbered_frames(folder)


def read_attributes(folder: Path, n: int) -> dict[str, BoolArray]:
    """Read all per-frame attributes of a sequence, name -> n booleans.

    Raises:
        DataError: A label file holds anything but 0 and 1, or has more lines than there are frames.
    """
    files = sorted([*folder.glob("*.label"), *folder.glob("*.tag")])
    return {file.stem: parse_labels(file, n, pad=True).astype(np.bool_) for file in files}


def read_anchors(path: Path, n: int) -> FloatArray | None:
    """Read where multi-start runs begin, n values (see `Sequence.anchors`); None without the file.

    Raises:
        DataError: The file holds anything but numbers, or more lines than there are frames.
    """
    if not path.is_file():
        return None
    values = parse_rows(path, (1,))[:, 0]
    if len(values) > n:
        raise DataError(f"{len(values)} lines for {n} frames", where=path, remedy="Restore the file of the data set")
    anchors = np.zeros(n)
    anchors[: len(values)] = np.nan_to_num(values)
    return anchors


def _discover(home: Path, facts: SuiteFacts) -> tuple[SequenceFacts, ...]:
    """The sequences of the data file; of a year whose list nobody has, those that the folder's own list names."""
    listing = home / "list.txt"
    if not facts.discovered or not listing.is_file():
        return facts.sequences
    return tuple(SequenceFacts(name, name, "groundtruth.txt") for name in parse_names(listing))


LAYOUT = Layout(("", "sequences", "annotations"), _find_annotation, _load_one, _check_home, _discover)
"""A workspace of the vot toolkit keeps its sequences in a sub-folder."""
