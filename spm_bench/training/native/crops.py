"""From annotated pictures of any data set to rows: crops by the pack rule, cut when they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError, MissingDataError, UsageError
from spm_bench.geometry.boxes import has_area
from spm_bench.training.images import context_sides, cut_around, cut_crop, place_in_crops, read_image
from spm_bench.training.rows import MOST_PIXELS, NO_BOXES, PictureError, Rows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Say = Callable[[str], None]

SMALLEST = 24.0
"""Least context s_z in pixels: a square target of 12. A smaller one is enlarged tenfold for the template, and shows
nothing that could be found again (the limit of the training packs too)."""

SAID_EVERY = 500
"""Sequences or thousands of pictures between two lines of progress."""


def usable(boxes: Floats) -> NDArray[np.bool_]:
    """Tell which boxes (N x 4) have area and are not tiny."""
    with np.errstate(invalid="ignore"):
        return has_area(boxes) & (context_sides(boxes) >= SMALLEST)


def check_every(every: int) -> int:
    """Refuse a step between frames that is none."""
    if every < 1:
        raise UsageError(f"every {every} frames is no choice", remedy="1 takes all of them, 10 one of ten")
    return every


def need(path: Path, what: str) -> Path:
    """The path, if it is there.

    Raises:
        MissingDataError: It is not; `what` says what it should be.
    """
    if not path.exists():
        raise MissingDataError(f"{what} is missing", where=path, remedy="Name the folder that the data set unpacks to")
    return path


class RowBuilder:
    """Collects annotated pictures, sequence by sequence.

    Args:
        name: Of the source.
        root: Files are relative to it.
    """

    def __init__(self, name: str, root: Path) -> None:
        self._name, self._root = name, root
        self._files: list[str] = []
        self._boxes: list[Floats] = []
        self._numbers: list[Ints] = []
        self._others: list[Floats] = []
        self._tracks = 0
        self._sequences: dict[str, int] = {}
        self._categories: dict[str, int] = {}

    def add(
        self,
        files: Sequence[str],
        boxes: Floats,
        *,
        sequence: str,
        category: str,
        frames: Ints | None = None,
        others: Sequence[Floats] | None = None,
    ) -> None:
        """Add pictures of one object, or of several stills.

        Args:
            files: n picture files.
            boxes: n x 4 (x, y, w, h) in the pictures; the usable ones are kept.
            sequence: Name of the video, or of the picture.
            category: "" for an unknown one.
            frames: n frame numbers if all n show one object; None: stills.
            others: n arrays of the other objects of this category in the picture.
        """
        keep = np.flatnonzero(usable(boxes)).tolist()
        if not keep:
            return
        number = self._sequences.setdefault(sequence, len(self._sequences))
        code = self._categories.setdefault(category, len(self._categories)) if category else -1
        track = -1 if frames is None else self._tracks
        self._tracks += frames is not None
        own = np.empty((len(keep), 4), dtype=np.int64)
        own[:] = (track, number, 0, code)
        if frames is not None:
            own[:, 2] = frames[keep]
        self._numbers.append(own)
        self._files += [files[i] for i in keep]
        self._boxes.append(np.asarray(boxes[keep], dtype=np.float64))
        self._others += [NO_BOXES] * len(keep) if others is None else [others[i] for i in keep]

    def __len__(self) -> int:
        return len(self._files)

    def finish(self) -> Rows:
        """The rows.

        Raises:
            DataError: Not one usable box.
        """
        if not self._files:
            raise DataError(
                "there is no usable box",
                where=self._root,
                remedy=f"Boxes need area and a context of {SMALLEST:g} pixels",
            )
        boxes, numbers = np.concatenate(self._boxes), np.concatenate(self._numbers)
        track, sequence, frame, category = (np.ascontiguousarray(column) for column in numbers.T)
        placed, sides = place_in_crops(boxes)
        files = tuple(str(self._root / file) for file in self._files)
        return Rows(
            name=self._name,
            boxes=placed,
            track=track,
            sequence=sequence,
            frame=frame,
            category=category,
            categories=tuple(self._categories),
            others=tuple(
                _seen(others, box) if len(others) else NO_BOXES for others, box in zip(self._others, boxes, strict=True)
            ),
            where=files,
            read=CropReader(files, boxes),
            scale=np.minimum(sides, MOST_PIXELS) / sides,
            sequence_names=tuple(self._sequences),
        )


def _seen(others: Floats, box: Floats) -> Floats:
    """Other objects that reach into the crop around a box, in pixels of the crop."""
    cut = cut_around(box)
    placed = cut.place(others[has_area(others)])
    n = cut.pixels
    inside = (placed[:, :2] < n).all(axis=1) & (placed[:, :2] + placed[:, 2:] > 0).all(axis=1)
    return placed[inside] if inside.any() else NO_BOXES


@dataclass(frozen=True)
class CropReader:
    """Row -> crop around its box.

    Attributes:
        files: N whole pictures.
        boxes: N x 4 in them.
    """

    files: tuple[str, ...]
    boxes: Floats

    def __call__(self, row: int) -> NDArray[np.uint8]:
        """Read a picture and cut the row's crop.

        Raises:
            PictureError: It cannot be read, or the box lies wholly outside.
        """
        path = Path(self.files[row])
        image = read_image(path)
        x, y, w, h = self.boxes[row]
        height, width = image.shape[:2]
        if x >= width or y >= height or x + w <= 0 or y + h <= 0:
            raise PictureError(
                f"the box {self.boxes[row].tolist()} lies outside the picture, {width} x {height} pixels",
                where=path,
                remedy="Do the annotations and the pictures belong together?",
            )
        return cut_crop(image, cut_around(self.boxes[row]))
