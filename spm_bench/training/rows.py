"""Tables of training pictures: one per source, all of one form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError

MOST_PIXELS = 360
"""Longest side of a stored picture: a 271-pixel search region with room for shifts and scale changes."""

NO_BOXES: NDArray[np.float64] = np.empty((0, 4))
"""`others` of a picture that shows the target only; one array for all rows, never written to."""
NO_BOXES.setflags(write=False)


class PictureError(DataError):
    """A picture of the training data cannot be read; it is counted, and too many of them end the run."""


@dataclass(frozen=True)
class Rows:
    """Pictures of one source, N rows.

    Every picture is a crop by the pack rule (a square of side 3.2 s_z around the target, at most 360 px) or a whole
    picture without a target.

    Attributes:
        name: The source's name, "video" say.
        boxes: N x 4 (x, y, w, h) in pixels of the stored picture; NaN where there is no target.
        track: N; rows of one track show the same object, -1 is a still that is paired with itself.
        sequence: N; video or original picture, never split over training and validation.
        frame: N; frame number inside the sequence.
        category: N; index into `categories`, -1 unknown.
        categories: Names of the categories.
        others: N arrays M_i x 4, the other objects of the target's category in the picture.
        where: N; what an error message names.
        read: Row -> H x W x 3 BGR uint8, no side above `MOST_PIXELS`; raises PictureError.
        scale: N; stored pixels per pixel of the original picture (1: not shrunk), or None where unknown.
        sequence_names: Names of the sequences, or empty where they have none.
        drawn: Whether the pictures are drawn, not filmed; real and drawn ones are never paired.
    """

    name: str
    boxes: NDArray[np.float64]
    track: NDArray[np.int64]
    sequence: NDArray[np.int64]
    frame: NDArray[np.int64]
    category: NDArray[np.int64]
    categories: tuple[str, ...]
    others: tuple[NDArray[np.float64], ...]
    where: tuple[str, ...]
    read: Callable[[int], NDArray[np.uint8]]
    scale: NDArray[np.float64] | None = None
    sequence_names: tuple[str, ...] = ()
    drawn: bool = False

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, keep: NDArray[np.bool_]) -> Rows:
        """The rows where `keep` (N bool) is true, in order."""
        index = np.flatnonzero(keep)
        read = self.read
        return replace(
            self,
            boxes=self.boxes[index],
            track=self.track[index],
            sequence=self.sequence[index],
            frame=self.frame[index],
            category=self.category[index],
            others=tuple(self.others[i] for i in index),
            where=tuple(self.where[i] for i in index),
            read=lambda row: read(int(index[row])),
            scale=None if self.scale is None else self.scale[index],
        )
