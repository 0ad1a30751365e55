"""OTB (2013, 50, 100) and DTB70 on disk.

Native: `<folder>/img/0001.jpg ...` and `<folder>/groundtruth_rect.txt` (`.1.txt`, `.2.txt` where two targets share a
video). Annotations alone: `annotations/<Sequence>.txt` (or `anno/`, the toolkit's name), image sizes beside them in
`sequences.json`. Boxes are x,y,w,h with the first pixel at 1; here they become 0-based. Some targets use a part of
their video: the picture numbers are in the data file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spm_bench.suites.annotations import BOX_COLUMNS, check_first_box, check_length, parse_rows
from spm_bench.suites.base import BoolArray, FloatArray, Sequence, Suite
from spm_bench.suites.facts import SequenceFacts
from spm_bench.suites.frames import numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, load_from_disk, sequence_flags


def load(request: Request) -> Suite:
    """Load otb2013, otb50, otb100 or dtb70 (see `load_suite`)."""
    return load_from_disk(request, LAYOUT)


def _find_annotation(home: Path, item: SequenceFacts) -> Path | None:
    """The file beside the pictures, else the one in a folder of annotations."""
    candidates = (home / item.folder / item.annotation, home / f"{item.name}.txt")
    return next((path for path in candidates if path.is_file()), None)


def _load_one(found: Found) -> Sequence:
    item = found.item
    boxes, first_line = _read_boxes(found)
    frames = numbered_frames(found.home / item.folder / "img", item.first, item.last)
    size = frames.image_size() if frames else found.image_size
    check_first_box(boxes, found.annotation, first_line, size)
    return Sequence(
        item.name,
        boxes,
        frames,
        attributes=sequence_flags(found),
        image_size=size,
        no_start=_no_start(item, len(boxes)),
    )


def _no_start(item: SequenceFacts, n: int) -> BoolArray | None:
    """Frames that `init_omit` names; its numbers are those of pictures, some beyond the evaluated ones."""
    if not item.init_omit:
        return None
    numbers = np.arange(item.first, item.first + n)
    return np.asarray(np.logical_or.reduce([(first <= numbers) & (numbers <= last) for first, last in item.init_omit]))


def _read_boxes(found: Found) -> tuple[FloatArray, int]:
    """Read the evaluated rows, 0-based, and the file's line of the first one."""
    item, path = found.item, found.annotation
    rows = parse_rows(path, (BOX_COLUMNS,))
    skipped = 0
    if item.annotated_from is not None and item.last is not None and len(rows) == item.last - item.annotated_from + 1:
        skipped = item.first - item.annotated_from
    rows = rows[skipped:]
    if item.n_frames is not None:
        check_length(len(rows), item.n_frames, f"frames of {item.name} in {found.facts.title}", path)
    return rows - found.origin, skipped + 1


LAYOUT = Layout(("", "annotations", "anno"), _find_annotation, _load_one)
"""Annotations alone lie in a sub-folder, or are named directly."""
