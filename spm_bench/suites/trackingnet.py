"""TrackingNet on disk, as its development kit unpacks it.

`<CHUNK>/anno/<video>.txt` with x,y,w,h (the first pixel at 0) and `<CHUNK>/frames/<video>/0.jpg ...`; chunks are TEST,
with the first box only, and TRAIN_0 to TRAIN_11. The list of videos is no part of this project: what lies in the
folders counts, and only its number is compared.
"""

from __future__ import annotations

import re
from pathlib import Path

from spm_bench.suites.annotations import BOX_COLUMNS, check_first_box, check_length, check_name, parse_rows
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.facts import SequenceFacts, SuiteFacts
from spm_bench.suites.frames import numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, annotation_at_home, first_box_only, load_from_disk

_TRAIN = re.compile(r"TRAIN_(\d+)", re.IGNORECASE)


def load(request: Request) -> Suite:
    """Load trackingnet or trackingnet-train (see `load_suite`)."""
    return load_from_disk(request, LAYOUT)


def _discover(home: Path, facts: SuiteFacts) -> tuple[SequenceFacts, ...]:
    """All videos with an annotation, chunk by chunk, in alphabetical order."""
    found = []
    for chunk in _chunks(home, facts):
        for path in sorted((chunk / "anno").glob("*.txt")):
            check_name(path.stem, path.parent)
            folder, annotation = f"{chunk.name}/frames/{path.stem}", f"{chunk.name}/anno/{path.name}"
            found.append(SequenceFacts(path.stem, folder, annotation, first=0))
    return tuple(found)


def _chunks(home: Path, facts: SuiteFacts) -> list[Path]:
    folders = [path for path in home.iterdir() if path.is_dir()]
    if not facts.has_ground_truth:
        return [path for path in folders if path.name.upper() == "TEST"]
    numbered = [(int(match[1]), path) for path in folders if (match := _TRAIN.fullmatch(path.name))]
    return [path for _, path in sorted(numbered)]


def _load_one(found: Found) -> Sequence:
    item, path = found.item, found.annotation
    boxes = parse_rows(path, (BOX_COLUMNS,)) - found.origin
    frames = numbered_frames(found.home / item.folder, item.first)
    size = frames.image_size() if frames else None
    check_first_box(boxes, path, 1, size)
    if not found.facts.has_ground_truth:
        boxes = first_box_only(boxes, frames, path)
    elif frames is not None:
        check_length(len(boxes), len(frames), f"pictures in {item.folder}/", path)
    return Sequence(item.name, boxes, frames, image_size=size)


LAYOUT = Layout(("",), annotation_at_home, _load_one, discover=_discover)
