"""Held-out rows whose target is a plain red box on grey noise: a tracker that looks for red knows the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spm_bench.training.rows import NO_BOXES, PictureError, Rows

RED = (0, 0, 255)


def red_rows(
    lengths: Sequence[int] = (12,),
    *,
    sequence: Sequence[int] | None = None,
    scale: Sequence[float] | None = None,
    size: int = 128,
    broken: Sequence[int] = (),
) -> Rows:
    """Tracks of so many crops each, with boxes of whole pixels that grow a little from crop to crop.

    Args:
        lengths: Crops of each track.
        sequence: Of each track; by default every track is in one of its own.
        scale: Of each row; by default unknown.
        size: Side of the crops.
        broken: Rows that cannot be read.
    """
    track = np.repeat(np.arange(len(lengths)), lengths)
    frame = np.concatenate([np.arange(n) for n in lengths])
    w, h = 18.0 + frame % 5, 24.0 + frame % 3
    boxes = np.stack([np.round(size / 2 - w / 2), np.round(size / 2 - h / 2), w, h], axis=1)

    def read(row: int) -> NDArray[np.uint8]:
        if row in broken:
            raise PictureError("broken on purpose", where=f"row {row}")
        grey = np.random.default_rng(row).integers(60, 190, (size, size, 1), dtype=np.uint8)
        picture = np.repeat(grey, 3, axis=2)
        x, y, width, height = boxes[row].astype(int)
        picture[y : y + height, x : x + width] = RED
        return picture

    of = np.arange(len(lengths)) if sequence is None else np.asarray(sequence)
    return Rows(
        name="red",
        boxes=boxes,
        track=track,
        sequence=of[track],
        frame=frame,
        category=np.zeros(len(track), dtype=np.int64),
        categories=("box",),
        others=(NO_BOXES,) * len(track),
        where=tuple(f"row {i}" for i in range(len(track))),
        read=read,
        scale=None if scale is None else np.asarray(scale, dtype=np.float64),
        sequence_names=tuple(f"video {i}" for i in range(int(of.max()) + 1)),
    )


def find_red(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The box (x, y, w, h) around all pixels that are more red than grey."""
    rows, columns = np.nonzero(frame[..., 2].astype(int) - frame[..., 0] > 100)
    return np.array([columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1], dtype=np.float64)
