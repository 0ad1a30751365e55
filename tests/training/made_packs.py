"""Small packs and rows that tests draw themselves."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spm_bench.training.rows import NO_BOXES, PictureError, Rows

VIDEO = ("file", "source", "sequence", "object", "frame", "x", "y", "w", "h", "crop_scale", "category", "visibility")
STILLS = ("file", "source", "original", "x", "y", "w", "h", "crop_scale", "category")


def noise(seed: int, height: int = 100, width: int = 100) -> NDArray[np.uint8]:
    """A textured picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def save(path: Path, picture: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)
    return path


BOX = {"x": 35, "y": 36, "w": 30, "h": 28}


def video_line(file: str, sequence: str = "a", **changes: object) -> dict[str, object]:
    name = {"file": file, "source": "s", "sequence": sequence, "object": 1, "frame": 1}
    return name | BOX | {"crop_scale": 0.5, "category": "car", "visibility": ""} | changes


def still_line(file: str, original: str = "o.jpg", **changes: object) -> dict[str, object]:
    return {"file": file, "source": "s", "original": original} | BOX | {"crop_scale": 1, "category": "cat"} | changes


def write_pack(
    folder: Path, lines: Sequence[Mapping[str, object]], columns: Sequence[str] = VIDEO, *, pictures: bool = True
) -> Path:
    """Write index.csv, and a 100 x 100 picture for each of its files."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "index.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
    for number, line in enumerate(lines):
        if pictures:
            save(folder / str(line["file"]), noise(number))
    return folder


def make_rows(
    name: str,
    tracks: Sequence[int],
    sequences: Sequence[int],
    categories: Sequence[int],
    *,
    frames: Sequence[int] | None = None,
    whole: Sequence[int] = (),
    broken: Sequence[int] = (),
    names: tuple[str, ...] = ("car", "cat", "dog"),
    read: Callable[[int], NDArray[np.uint8]] | None = None,
    drawn: bool = False,
) -> Rows:
    """Rows whose pictures are `noise(row)`, 100 x 100, but for `broken` ones; `whole` have no box."""
    n = len(tracks)
    boxes = np.tile([35.0, 36.0, 30.0, 28.0], (n, 1))
    boxes[list(whole)] = np.nan

    def draw(row: int) -> NDArray[np.uint8]:
        if row in broken:
            raise PictureError("the picture is cut", where=f"{name}-{row}.jpg")
        return noise(row) if read is None else read(row)

    return Rows(
        name=name,
        boxes=boxes,
        track=np.asarray(tracks, dtype=np.int64),
        sequence=np.asarray(sequences, dtype=np.int64),
        frame=np.asarray(range(n) if frames is None else frames, dtype=np.int64),
        category=np.asarray(categories, dtype=np.int64),
        categories=names,
        others=(NO_BOXES,) * n,
        where=tuple(f"{name}-{row}.jpg" for row in range(n)),
        read=draw,
        sequence_names=tuple(f"{name}/{k}" for k in range(max(sequences, default=-1) + 1)),
        drawn=drawn,
    )
