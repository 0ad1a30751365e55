"""GOT-10k val and test on disk.

`<split>/<sequence>/00000001.jpg ...`, `groundtruth.txt` with x,y,w,h (used as they are, like in its toolkit), and for
val `cover.label` (0..8, the visible eighths of the target), `absence.label`, `cut_by_image.label` and `meta_info.ini`.
The test split has the first box only.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.suites.annotations import BOX_COLUMNS, check_first_box, check_length, parse_labels, parse_rows
from spm_bench.suites.base import BoolArray, Sequence, Suite
from spm_bench.suites.facts import SequenceFacts
from spm_bench.suites.frames import numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, first_box_only, load_from_disk

HIGHEST_COVER = 8
FLAGS = ("absence", "cut_by_image")
_RESOLUTION = re.compile(r"^\s*resolution\s*[:=]\s*\(?\s*(\d+)\s*[,x]\s*(\d+)", re.MULTILINE | re.IGNORECASE)


def load(request: Request) -> Suite:
    """Load got10k-val or got10k-test (see `load_suite`)."""
    return load_from_disk(request, LAYOUT)


def _find_annotation(home: Path, item: SequenceFacts) -> Path | None:
    path = home / item.folder / item.annotation
    return path if path.is_file() else None


def _load_one(found: Found) -> Sequence:
    name, annotation, folder = found.item.name, found.annotation, found.annotation.parent
    frames = numbered_frames(folder)
    boxes = parse_rows(annotation, (BOX_COLUMNS,))
    size = _recorded_size(folder) or (frames.image_size() if frames else None)
    check_first_box(boxes, annotation, 1, size)
    if not found.facts.has_ground_truth:
        return Sequence(name, first_box_only(boxes, frames, annotation), frames, image_size=size)
    if frames is not None:
        check_length(len(boxes), len(frames), "pictures in the folder", annotation)
    cover = _read_cover(folder, len(boxes))
    flags = _read_flags(folder, len(boxes))
    return Sequence(name, boxes, frames, frame_attributes=flags, image_size=size, cover=cover)


def _recorded_size(folder: Path) -> tuple[int, int] | None:
    """(width, height) from `resolution: (1920, 1080)` in meta_info.ini; None without it."""
    try:
        match = _RESOLUTION.search((folder / "meta_info.ini").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return None if match is None else (int(match[1]), int(match[2]))


def _read_cover(folder: Path, n: int) -> NDArray[np.int64]:
    """Read the visible part of the target, which decides which frames count."""
    path = folder / "cover.label"
    if not path.is_file():
        raise DataError(
            "the file is missing", where=path, remedy="GOT-10k leaves invisible frames out: restore the file"
        )
    return parse_labels(path, n, highest=HIGHEST_COVER)


def _read_flags(folder: Path, n: int) -> dict[str, BoolArray]:
    files = {name: folder / f"{name}.label" for name in FLAGS}
    return {name: parse_labels(path, n).astype(np.bool_) for name, path in files.items() if path.is_file()}


LAYOUT = Layout(("{split}", "full_data/{split}", "full_data/{split}_data", ""), _find_annotation, _load_one)
"""The folder of the data set with its splits in it, or that of the split."""
