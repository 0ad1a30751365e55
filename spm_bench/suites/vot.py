"""VOT 2013 ... 2019 on disk: the flat layout of the challenge's downloads and of the vot toolkit's `sequences`.

`list.txt`; `<sequence>/00000001.jpg ...` or `<sequence>/color/00000001.jpg ...`; `groundtruth.txt` with 4 values (a
box) or 8 (corners of a rotated box); `<attribute>.label` or `.tag` with one 0 or 1 per frame, missing lines at the end
meaning 0. Annotations alone lie in `annotations/` with image sizes in `sequences.json`. Coordinates are used as they
are, like in the vot toolkit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spm_bench.errors import DataError, listed
from spm_bench.geometry.polygons import bounding_box
from spm_bench.suites.annotations import (
    BOX_COLUMNS,
    POLYGON_COLUMNS,
    check_first_box,
    check_length,
    parse_labels,
    parse_names,
    parse_rows,
)
from spm_bench.suites.base import BoolArray, Sequence, Suite
from spm_bench.suites.facts import SequenceFacts, SuiteFacts, suite_facts, suite_names
from spm_bench.suites.frames import ImageFrames, numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, load_from_disk
from spm_bench.suites.roots import spelling


def load(request: Request) -> Suite:
    """Load vot2013 ... vot2019 (see `load_suite`)."""
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
    strangers = [name for name in parse_names(listing) if name not in known] if listing.is_file() else []
    if strangers:
        raise DataError(
            f"it lists {listed(strangers)}, which {facts.title} does not have",
            where=listing,
            remedy="Is it another year's data set?",
        )


def _load_one(found: Found) -> Sequence:
    item, annotation = found.item, found.annotation
    frames = _find_frames(annotation.parent)
    rows = parse_rows(annotation, (BOX_COLUMNS, POLYGON_COLUMNS))
    if frames is not None:
        check_length(len(rows), len(frames), f"pictures in {frames.folder.name}/", annotation)
    if item.n_frames is not None:
        check_length(len(rows), item.n_frames, f"frames of {item.name} in {found.facts.title}", annotation)
    polygons = rows if rows.shape[1] == POLYGON_COLUMNS else None
    boxes = rows if polygons is None else bounding_box(polygons)
    size = frames.image_size() if frames else found.image_size
    check_first_box(boxes, annotation, 1, size)
    attributes = read_attributes(annotation.parent, len(rows))
    return Sequence(item.name, boxes, frames, polygons=polygons, frame_attributes=attributes, image_size=size)


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


LAYOUT = Layout(("", "sequences", "annotations"), _find_annotation, _load_one, _check_home)
"""A workspace of the vot toolkit keeps its sequences in a sub-folder."""
