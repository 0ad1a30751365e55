"""LaSOT's test sequences on disk.

`<category>/<sequence>/img/00000001.jpg ...`, `groundtruth.txt` with x,y,w,h and the first pixel at 1,
`full_occlusion.txt` and `out_of_view.txt` with one line of flags. Frames with either flag have no target: they are the
frame attribute "absent". Annotations alone lie as in the evaluation toolkit: `<sequence>.txt`, `absent/<sequence>.txt`
with a flag per line, and `att/<sequence>.txt`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spm_bench.errors import DataError
from spm_bench.suites.annotations import BOX_COLUMNS, check_first_box, check_length, parse_flags, parse_rows
from spm_bench.suites.base import BoolArray, Sequence, Suite
from spm_bench.suites.facts import SequenceFacts
from spm_bench.suites.frames import numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, load_from_disk, sequence_flags

REASONS = ("full_occlusion", "out_of_view")
"""Native flags; a frame with either has no target."""
ABSENT = "absent"


def load(request: Request) -> Suite:
    """Load lasot (see `load_suite`)."""
    return load_from_disk(request, LAYOUT)


def _find_annotation(home: Path, item: SequenceFacts) -> Path | None:
    category = item.name.rpartition("-")[0]
    candidates = (home / category / item.folder, home / item.folder)
    native = next((path for folder in candidates if (path := folder / item.annotation).is_file()), None)
    alone = home / f"{item.name}.txt"
    return native or (alone if alone.is_file() else None)


def _load_one(found: Found) -> Sequence:
    item, path = found.item, found.annotation
    rows = parse_rows(path, (BOX_COLUMNS,))
    boxes = rows[: item.n_frames] - found.origin
    if item.n_frames is not None:
        check_length(len(boxes), item.n_frames, f"frames of {item.name} in {found.facts.title}", path)
    frames = None
    if path.name == item.annotation:
        pictures = path.parent / "img"
        frames = numbered_frames(pictures, item.first, item.last)
        if frames is not None:
            check_length(len(boxes), len(frames), "pictures in img/", path)
    size = frames.image_size() if frames else found.image_size
    check_first_box(boxes, path, 1, size)
    flags = _read_absence(path, item, len(rows))
    kept = {name: values[: len(boxes)] for name, values in flags.items()}
    return Sequence(item.name, boxes, frames, attributes=sequence_flags(found), frame_attributes=kept, image_size=size)


def _read_absence(annotation: Path, item: SequenceFacts, n: int) -> dict[str, BoolArray]:
    """Frames without a target, and why where that is known."""
    if annotation.name != item.annotation:
        return {ABSENT: parse_flags(_needed(annotation.parent / ABSENT / annotation.name), n)}
    flags = {name: parse_flags(_needed(annotation.parent / f"{name}.txt"), n) for name in REASONS}
    return {**flags, ABSENT: np.asarray(np.logical_or.reduce(list(flags.values())))}


def _needed(path: Path) -> Path:
    if not path.is_file():
        raise DataError("the file is missing", where=path, remedy="LaSOT leaves absent frames out: restore the file")
    return path


LAYOUT = Layout(("", "LaSOTBenchmark", "annos"), _find_annotation, _load_one)
"""Categories in the folder itself or in that of the archive; `annos` is the toolkit's."""
