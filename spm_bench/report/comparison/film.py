"""Film strips of the moments in which two trackers part: pictures cut to where everybody is, and what lies on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spm_bench.report.comparison.telling import Telling
from spm_bench.report.lettering import Picture
from spm_bench.report.overlay import captioned, corners, draw, frames_of, outline_of, regions_at, tiled
from spm_bench.report.vocabulary import DASH

FloatArray = NDArray[np.float64]

WITHOUT = "use --no-strips"
ROOM = 0.6
"""Free space around what is drawn, in units of its size: enough to see what surrounds it."""
LEAST = 0.35
"""Of the picture's smaller side: a cut is never smaller, or it would be a handful of blown-up pixels."""
ASPECT = 4 / 3
"""Width over height of a cut: all pictures of a sheet are alike."""
WIDTH = 220
"""Pixels of a picture on a sheet: five fill two columns of print."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture of a strip.

    Attributes:
        frame: From 0.
        picture: H x W x 3, BGR: the cut.
        window: (x, y, w, h) of the cut in pixels of the frame.
        regions: (place, region): 0 the other tracker, 1 the base, None the ground truth; the last is drawn on top.
        overlaps: Of the other and of the base in this frame; NaN where unknown.
    """

    frame: int
    picture: Picture
    window: tuple[int, int, int, int]
    regions: tuple[tuple[int | None, FloatArray], ...]
    overlaps: tuple[float, float]


def film(telling: Telling) -> tuple[Shot, ...]:
    """The pictures of a telling sequence's strip, all cut alike.

    Raises:
        DataError: There are no pictures, or one is broken.
    """
    source = frames_of(telling.sequence, WITHOUT)
    drawn = {frame: tuple(regions_at(telling.sequence, telling.lines, frame)) for frame in telling.frames}
    pictures = {frame: source[frame] for frame in telling.frames}
    height, width = pictures[telling.frames[0]].shape[:2]
    window = cut_window([region for of in drawn.values() for _, region in of], (width, height))
    x, y, w, h = window
    return tuple(
        Shot(
            frame,
            np.ascontiguousarray(pictures[frame][y : y + h, x : x + w]),
            window,
            drawn[frame],
            (float(telling.lines[0].overlaps[frame]), float(telling.lines[1].overlaps[frame])),
        )
        for frame in telling.frames
    )


def cut_window(regions: list[FloatArray], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(x, y, w, h) inside a picture of `size` (width, height) that holds all regions with room around them.

    >>> cut_window([np.array([100.0, 100.0, 40.0, 30.0])], (640, 480))
    (8, 31, 224, 168)
    """
    width, height = size
    points = np.array([point for region in regions for point in corners(region.tolist())]).reshape(-1, 2)
    inside = np.clip(points, 0, (width, height)) if len(points) else np.array([[0.0, 0.0], [width, height]])
    low, high = inside.min(axis=0), inside.max(axis=0)
    sides = (high - low) * (1 + ROOM)
    h = max(float(sides[1]), float(sides[0]) / ASPECT, LEAST * min(width / ASPECT, height))
    h = min(h, height, width / ASPECT)
    w = ASPECT * h
    x = float(np.clip((low[0] + high[0] - w) / 2, 0, width - w))
    y = float(np.clip((low[1] + high[1] - h) / 2, 0, height - h))
    return int(x), int(y), max(int(w), 1), max(int(h), 1)


def sheet(strips: list[tuple[str, tuple[Shot, ...]]]) -> Picture:
    """All strips below each other as one picture, each under its title."""
    rows = []
    for title, shots in strips:
        row = tiled([_drawn(shot) for shot in shots], len(shots))
        rows.append(captioned(row, title, bold=True))
    return tiled(rows, 1, gap=10)


def _drawn(shot: Shot) -> Picture:
    """A picture with its regions, its frame and both overlaps above it."""
    x, y, _, _ = shot.window
    outlines = [outline_of(place, moved(region, x, y)) for place, region in shot.regions]
    return captioned(draw(shot.picture, outlines, width=WIDTH), f"frame {shot.frame}: {overlap_words(shot.overlaps)}")


def moved(region: FloatArray, x: float, y: float) -> FloatArray:
    """A box or polygon in coordinates that begin at (x, y)."""
    shift = np.array([x, y, 0.0, 0.0]) if len(region) == 4 else np.tile([x, y], len(region) // 2)
    return np.asarray(region - shift)


def overlap_words(overlaps: tuple[float, float]) -> str:
    """Overlaps of the other and the base: `.81 and .12`; a dash where it is unknown."""
    return " and ".join(DASH if np.isnan(value) else f"{value:.2f}".removeprefix("0") for value in overlaps)
