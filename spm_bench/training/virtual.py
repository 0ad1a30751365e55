"""Videos rebuilt from the stored crops of held-out tracks.

The packs hold no frames, only crops with the target in the middle. A tracker would do well on those by staying where it
is; so each crop is laid on a canvas of its mean colour at a place that wanders (seeded), at the scale it had in the
original video. What a tracker sees of the surroundings, and of the changes from frame to frame, is real.

Legend: T frames of a video. Boxes are (x, y, w, h), 0-based, continuous.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.suites.base import FloatArray, Frame
from spm_bench.training.images import context_sides
from spm_bench.training.rows import PictureError, Rows

MOST_STEP = 0.3
"""Longest way of the target between two frames, in units of s_z: the packs' frames are sparse, some 0.1 s apart."""
USUAL_STEP, BURSTS = 0.04, 0.8
"""Median size of a step along each axis, in s_z, and the standard deviation of its logarithm over time: mostly slow,
with bursts, as targets and cameras move (ours; one speed for all would favour one strength of the cosine window)."""
INERTIA, TEMPER = 0.7, 0.9
"""Share of a step's direction, and of its size, that continues the last one: targets do not jitter."""
ROOM = 1.0
"""How far the target may be from the middle of the canvas, in s_z."""
MIN_FRAMES = 5
"""Shorter tracks are left out."""
TRACKS_PER_SEQUENCE = 4
"""At most so many targets of one video: a crowd of pedestrians is one scene, and time is short."""
PICTURES_KEPT = 64
"""Decoded crops kept at hand: several wanderings and settings look at the same one."""


@dataclass(frozen=True, eq=False)
class VirtualVideo:
    """A held-out track as a video.

    Attributes:
        name: The sequence's, or "sequence#track" where it has several tracks.
        sequence: The sequence's name: targets of one sequence count as one in means.
        ground_truth: T x 4 (x, y, w, h) on the canvas.
        canvas: Side of the square frames, pixels.
        rows: T row numbers in the table of pictures.
        corners: T x 2 whole pixels (x, y), where the crops lie on the canvas.
        sizes: T x 2 whole pixels (width, height) of the crops on the canvas.
        read: Row -> picture.
    """

    name: str
    sequence: str
    ground_truth: FloatArray
    canvas: int
    rows: NDArray[np.int64]
    corners: NDArray[np.int64]
    sizes: NDArray[np.int64]
    read: Callable[[int], Frame]

    def __len__(self) -> int:
        return len(self.ground_truth)

    def frame(self, t: int) -> Frame:
        """Compose frame t: canvas x canvas x 3 uint8 BGR.

        Raises:
            PictureError: The crop cannot be read any more.
        """
        crop = self.read(int(self.rows[t]))
        width, height = (int(n) for n in self.sizes[t])
        if crop.shape[:2] != (height, width):
            rule = cv2.INTER_AREA if width < crop.shape[1] else cv2.INTER_LINEAR
            crop = np.asarray(cv2.resize(crop, (width, height), interpolation=rule), dtype=np.uint8)
        frame = np.empty((self.canvas, self.canvas, 3), np.uint8)
        frame[:] = np.rint(crop.mean(axis=(0, 1)))
        x, y = (int(n) for n in self.corners[t])
        frame[y : y + height, x : x + width] = crop
        return frame


@dataclass(frozen=True, eq=False)
class HeldOutTrack:
    """The crops of one target in the order of the frames.

    Attributes:
        name, sequence: See `VirtualVideo`.
        number: The track's number.
        index: T row numbers of pictures that can be read.
        boxes: T x 4 boxes in crops of the size they have on the canvas.
        sizes: T x 2 whole pixels, that size.
        read: Row -> picture.
        skipped: How many pictures could not be read.
    """

    name: str
    sequence: str
    number: int
    index: NDArray[np.int64]
    boxes: FloatArray
    sizes: FloatArray
    read: Callable[[int], Frame]
    skipped: int


def held_out_tracks(rows: Rows, *, tracks_per_sequence: int = TRACKS_PER_SEQUENCE) -> list[HeldOutTrack]:
    """Find the tracks to validate on, and the size of their crops on a canvas.

    Crops are put at one scale: what was shrunk to fit the pack is enlarged again, as far as the track's median crop
    was not shrunk itself. Pictures that cannot be read are left out, like a dropped frame.

    Args:
        rows: Held-out rows; those without a box or a track are not used.
        tracks_per_sequence: Most targets taken of one sequence, evenly spread over its tracks.

    Raises:
        DataError: No track has `MIN_FRAMES` readable pictures.
    """
    usable = (rows.track >= 0) & np.isfinite(rows.boxes).all(axis=1)
    read = lru_cache(maxsize=PICTURES_KEPT)(rows.read)
    found = []
    for group in np.unique(rows.sequence[usable]):
        numbers, counts = np.unique(rows.track[usable & (rows.sequence == group)], return_counts=True)
        long = numbers[counts >= MIN_FRAMES]
        spread = np.unique(np.linspace(0, len(long) - 1, min(len(long), tracks_per_sequence)).round().astype(int))
        name = rows.sequence_names[group] if rows.sequence_names else f"{rows.name}-{group}"
        for number in long[spread]:
            index = np.flatnonzero(usable & (rows.sequence == group) & (rows.track == number))
            index = index[np.argsort(rows.frame[index], kind="stable")]
            label = f"{name}#{number}" if len(numbers) > 1 else name
            found.append(_held_out_track(rows, index, read, label, name))
    tracks = [t for t in found if len(t.index) >= MIN_FRAMES]
    if not tracks:
        raise DataError(
            f"no track of the source {rows.name!r} has {MIN_FRAMES} readable pictures to validate on",
            remedy="Hold out whole videos with boxes",
        )
    return tracks


def _held_out_track(
    rows: Rows, index: NDArray[np.int64], read: Callable[[int], Frame], name: str, sequence: str
) -> HeldOutTrack:
    stored = _sizes(index, read)
    readable = stored[:, 0] > 0
    skipped = int((~readable).sum())
    number = int(rows.track[index[0]])
    index, stored = index[readable], stored[readable]
    shrunk = np.ones(len(index)) if rows.scale is None else np.nan_to_num(rows.scale[index], nan=1.0)
    factors = (np.median(shrunk) if len(shrunk) else 1.0) / shrunk
    sizes = np.maximum(np.rint(stored * factors[:, None]), 1.0)
    boxes = rows.boxes[index] * np.tile(sizes / stored, 2)
    return HeldOutTrack(name, sequence, number, index, boxes, sizes, read, skipped)


def virtual_videos(rows: Rows, seed: int) -> list[VirtualVideo]:
    """Rebuild a video from each track of the held-out rows (see `held_out_tracks`).

    Args:
        rows: Held-out rows.
        seed: Of the wandering; the way of a target is a function of it and the track's number.

    Raises:
        DataError: No usable track.
    """
    return [wandering(track, seed) for track in held_out_tracks(rows)]


def wandering(track: HeldOutTrack, seed: int) -> VirtualVideo:
    """Lay the crops of a track on canvases, the target on a smooth random walk."""
    walk = _wander(context_sides(track.boxes), np.random.default_rng([seed, track.number]))
    # Whole pixels: a crop that keeps its size is copied, not resampled.
    corners = np.rint(walk - track.boxes[:, :2] - track.boxes[:, 2:] / 2.0)
    low, high = corners.min(axis=0), (corners + track.sizes).max(axis=0)
    canvas = int((high - low).max())
    corners += np.floor((canvas - (high - low)) / 2.0) - low
    return VirtualVideo(
        name=track.name,
        sequence=track.sequence,
        ground_truth=track.boxes + np.pad(corners, ((0, 0), (0, 2))),
        canvas=canvas,
        rows=track.index,
        corners=corners.astype(np.int64),
        sizes=track.sizes.astype(np.int64),
        read=track.read,
    )


def _sizes(index: NDArray[np.int64], read: Callable[[int], Frame]) -> FloatArray:
    """(width, height) of the stored pictures, T x 2; 0 where a picture cannot be read."""
    sizes = np.zeros((len(index), 2))
    for t, row in enumerate(index):
        try:
            sizes[t] = read(int(row)).shape[1::-1]
        except PictureError:
            continue
    return sizes


def _wander(s_z: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Positions T x 2 of a smooth random walk inside a square of `ROOM`; steps are in units of the target's own s_z."""
    room = ROOM * float(np.median(s_z))
    places = np.empty((len(s_z), 2))
    places[0] = rng.uniform(-room, room, 2)
    way, pace = rng.standard_normal(2), rng.standard_normal()
    for t in range(1, len(s_z)):
        way = INERTIA * way + math.sqrt(1.0 - INERTIA**2) * rng.standard_normal(2)
        pace = TEMPER * pace + math.sqrt(1.0 - TEMPER**2) * rng.standard_normal()
        step = USUAL_STEP * math.exp(BURSTS * pace) * way
        step *= s_z[t - 1] * min(1.0, MOST_STEP / max(float(np.hypot(*step)), 1e-9))
        # Turned back at the border; the room is wider than any step.
        way = np.where(np.abs(places[t - 1] + step) > room, -np.sign(places[t - 1]) * np.abs(way), way)
        places[t] = places[t - 1] + np.copysign(step, way)
    return places
