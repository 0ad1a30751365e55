"""Any folder of frames, any video, or a folder of such: the suite "folder".

Frames are the image files of the folder (or of its sub-folder `img`, `color`, `frames` or `images`) in natural order
("2.png" before "10.png"), or a video. The annotation is `groundtruth.txt`, `groundtruth_rect.txt`, `init.txt` or
`box.txt` in the folder, or `<video>.txt` beside the video: one line per frame, or a single line with the box in the
first frame. A line is x,y,w,h in pixels, **0-based** (the left edge of the first pixel is 0; OTB's own files are
1-based: use the suite otb100 for them), or the 8 coordinates of a polygon's corners.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from spm_bench.errors import MissingDataError, UsageError, listed
from spm_bench.geometry.polygons import bounding_box
from spm_bench.suites.annotations import (
    BOX_COLUMNS,
    POLYGON_COLUMNS,
    check_first_box,
    check_length,
    check_name,
    parse_rows,
)
from spm_bench.suites.base import FloatArray, Sequence, Suite
from spm_bench.suites.frames import VIDEO_SUFFIXES, ImageFrames, VideoFrames, list_images
from spm_bench.suites.loading import Request, fingerprint, select

ANNOTATION_NAMES = ("groundtruth.txt", "groundtruth_rect.txt", "init.txt", "box.txt")
FRAME_FOLDERS = ("", "img", "color", "frames", "images")


def load(request: Request) -> Suite:
    """Load the sequences at `request.data` (see `load_suite`).

    Raises:
        UsageError: No path was given, or `only` names an unknown sequence.
        MissingDataError: There is nothing to track, or a sequence has no annotation.
        DataError: A file is broken, or a name cannot be a sequence's.
    """
    if request.data is None:
        raise UsageError("the suite 'folder' needs a path", remedy="Give a folder of frames or a video with --data")
    root = Path(request.data).expanduser().resolve()
    sources = select(_sources(root), request.only)
    unannotated = [source.name for source in sources if source.annotation is None]
    if unannotated and not (request.allow_missing and len(unannotated) < len(sources)):
        raise _no_annotation(root, unannotated)
    annotated = [_load_one(source, request.annotations_only) for source in sources if source.annotation is not None]
    sequences = tuple(sequence for sequence, _ in annotated)
    return Suite(
        name="folder",
        title=root.stem if root.is_file() else root.name,
        family="otb",
        protocol="one_pass",
        sequences=sequences,
        n_total=len(_sources(root)),
        missing=tuple(unannotated),
        fingerprint=fingerprint(sequences),
        root=root,
        bounded=False,
        has_ground_truth=all(complete for _, complete in annotated),
    )


class _Source:
    """One video or folder of frames, and its annotation if there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem if path.is_file() else path.name
        self.annotation = next((file for file in self._annotation_candidates() if file.is_file()), None)

    def _annotation_candidates(self) -> list[Path]:
        if self.path.is_file():
            return [self.path.with_suffix(".txt"), self.path.with_name(self.path.name + ".txt")]
        return [self.path / name for name in ANNOTATION_NAMES]

    def frames(self) -> ImageFrames | VideoFrames | None:
        """The pictures, None if there are none (any more)."""
        if self.path.is_file():
            return VideoFrames(self.path)
        folder = _frame_folder(self.path)
        if folder is None:
            return None
        images = list_images(folder)
        names = tuple(sorted(images, key=_natural))
        return ImageFrames(folder, names, tuple(images[name] for name in names))


def _sources(root: Path) -> list[_Source]:
    """What can be tracked at `root`, in natural order of the names."""
    if _is_source(root):
        sources = [_Source(root)]
    elif root.is_dir():
        sources = [_Source(path) for path in sorted(root.iterdir(), key=lambda p: _natural(p.name)) if _is_source(path)]
    else:
        remedy = f"A video ends in {', '.join(sorted(VIDEO_SUFFIXES))}" if root.exists() else None
        raise MissingDataError("there is no such folder or video", where=root, remedy=remedy)
    if not sources:
        raise MissingDataError(
            "there is nothing to track: no image, no video, no folder of images",
            where=root,
            remedy="Give a folder of frames, a video, or a folder of such with --data",
        )
    for source in sources:
        check_name(source.name, root)
    doubles = {source.name for source in sources if sum(other.name == source.name for other in sources) > 1}
    if doubles:
        raise UsageError(f"more than one sequence is named {min(doubles)!r}", where=root, remedy="Rename one")
    return sources


def _is_source(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    if path.is_file():
        return path.suffix.lower() in VIDEO_SUFFIXES
    annotated = any((path / name).is_file() for name in ANNOTATION_NAMES)
    return path.is_dir() and (annotated or _frame_folder(path) is not None)


def _frame_folder(path: Path) -> Path | None:
    return next((path / name for name in FRAME_FOLDERS if list_images(path / name)), None)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which "frame2" comes before "frame10"."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), part) if part[0] in "0123456789" else (1, 0, part.casefold()) for part in parts]


def _load_one(source: _Source, annotations_only: bool) -> tuple[Sequence, bool]:
    """Read one sequence; the second value tells whether it is annotated beyond its first frame."""
    path = source.annotation
    assert path is not None
    rows = parse_rows(path, (BOX_COLUMNS, POLYGON_COLUMNS))
    frames = source.frames()
    if frames is None and not annotations_only:
        raise MissingDataError("the folder holds no picture", where=source.path)
    complete = len(rows) > 1 or frames is None or len(frames) == 1
    if frames is not None and complete:
        check_length(len(rows), len(frames), "frames", path)
    if not complete and frames is not None:
        rows = _pad(rows, len(frames))
    polygons = rows if rows.shape[1] == POLYGON_COLUMNS else None
    boxes = rows if polygons is None else bounding_box(polygons)
    size = None if frames is None else frames.image_size()
    check_first_box(boxes, path, 1, size)
    return Sequence(source.name, boxes, frames, polygons=polygons, image_size=size), complete


def _pad(rows: FloatArray, n: int) -> FloatArray:
    padded = np.full((n, rows.shape[1]), np.nan)
    padded[0] = rows[0]
    return padded


def _no_annotation(root: Path, names: list[str]) -> MissingDataError:
    return MissingDataError(
        f"no box to start from for {listed(names)}",
        where=root,
        remedy="Write x,y,w,h of the target in the first frame (0-based) into init.txt in the folder of frames, "
        "or into <video>.txt beside the video",
    )
