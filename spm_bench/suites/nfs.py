"""Need for Speed at 30 and 240 frames a second on disk.

`<video>/<fps>/<video>/00001.jpg ...` and `<video>/<fps>/<video>.txt`, whose lines are those of the VATIC tool:
track, left, top, right, bottom, frame, lost, occluded, generated, "label", separated by blanks, the first pixel at 1.

Some annotations at 30 frames a second are those at 240: of these every eighth line counts. Where pictures and lines
differ by one, the last is dropped; both as in the got10k toolkit 0.1.3 (`NfS.__getitem__`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from spm_bench.errors import DataError
from spm_bench.suites.annotations import check_first_box, check_length, read_text
from spm_bench.suites.base import FloatArray, Sequence, Suite
from spm_bench.suites.frames import ImageFrames, numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, annotation_at_home, load_from_disk

CORNERS = slice(1, 5)
"""Columns of left, top, right, bottom."""
OCCLUDED = 7
"""Column of the occlusion flag."""
RATIO = 8
"""240 to 30 frames a second."""


def load(request: Request) -> Suite:
    """Load nfs or nfs-240 (see `load_suite`)."""
    return load_from_disk(request, LAYOUT)


def _load_one(found: Found) -> Sequence:
    item, path = found.item, found.annotation
    rows = _parse_tracks(path)
    frames = numbered_frames(found.home / item.folder)
    if frames is not None:
        rows, frames = _fit(rows, frames)
        check_length(len(rows), len(frames), f"pictures in {item.folder}/", path)
    boxes = np.hstack([rows[:, :2], rows[:, 2:4] - rows[:, :2]]) - found.origin
    size = frames.image_size() if frames else found.image_size
    check_first_box(boxes, path, 1, size)
    return Sequence(item.name, boxes, frames, frame_attributes={"occlusion": rows[:, 4] > 0}, image_size=size)


def _parse_tracks(path: Path) -> FloatArray:
    """Read n x 5 numbers: left, top, right, bottom, occluded (0 where the line does not say)."""
    rows = []
    lines = read_text(path).decode("utf-8", errors="replace").rstrip().splitlines()
    for number, line in enumerate(lines, start=1):
        fields = line.split('"')[0].split()
        try:
            corners = [float(field) for field in fields[CORNERS]]
            occluded = float(fields[OCCLUDED]) if len(fields) > OCCLUDED else 0.0
        except ValueError:
            corners, occluded = [], 0.0
        if len(corners) != 4 or not np.isfinite(corners).all():
            raise DataError(
                "this is no line of VATIC (track left top right bottom frame lost occluded generated label)",
                where=path,
                line=number,
                remedy="Restore the file of the data set",
            )
        rows.append([*corners, occluded])
    if not rows:
        raise DataError("the file is empty", where=path)
    return np.array(rows)


def _fit(rows: FloatArray, frames: ImageFrames) -> tuple[FloatArray, ImageFrames]:
    """Apply the two rules for lengths that differ."""
    if abs(len(rows) / len(frames) - RATIO) < 1:
        rows = rows[::RATIO]
    if abs(len(rows) - len(frames)) == 1:
        n = min(len(rows), len(frames))
        return rows[:n], replace(frames, names=frames.names[:n], sizes=frames.sizes[:n])
    return rows, frames


LAYOUT = Layout(("",), annotation_at_home, _load_one)
"""A folder of annotation files alone may be named directly."""
