"""Checks of what is returned: corner or centre, whole numbers, first pixel 0 or 1, pixels or shares.

A wrong form is told by what it would be right as: the boxes are read in each of the usual forms, and one that fits the
truth far better than the agreed one is what the tracker returns.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from spm_bench.checkup.findings import ERROR, NOTE, WARNING, Finding
from spm_bench.checkup.patient import Patient, mean_overlap
from spm_bench.checkup.videos import Video, drifting, still, still_between
from spm_bench.suites.base import FloatArray

FITS, CLEARLY = 0.5, 0.2
"""A form is meant if boxes read that way overlap the truth by so much, and by so much more than as agreed."""
NEAR_ONE = 0.25
"""Pixels by which a shift may differ from the one that counting from 1 makes."""

Read = Callable[[FloatArray, Video], FloatArray]


def _from_centre(boxes: FloatArray, _: Video) -> FloatArray:
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)


def _from_corners(boxes: FloatArray, _: Video) -> FloatArray:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _from_rows(boxes: FloatArray, _: Video) -> FloatArray:
    return boxes[:, [1, 0, 3, 2]]


def _from_swapped_sides(boxes: FloatArray, _: Video) -> FloatArray:
    return boxes[:, [0, 1, 3, 2]]


def _from_shares(boxes: FloatArray, video: Video) -> FloatArray:
    height, width = video.frames[0].shape[:2]
    return boxes * np.array([width, height, width, height], dtype=np.float64)


FORMS: Mapping[str, tuple[Read, str]] = {
    "the centre and the sides (cx, cy, w, h)": (_from_centre, "Return x = cx - w / 2, y = cy - h / 2, w, h"),
    "two corners (x1, y1, x2, y2)": (_from_corners, "Return x1, y1, x2 - x1, y2 - y1"),
    "row before column (y, x, h, w)": (_from_rows, "Return x, y, w, h: columns first"),
    "the corner with the sides exchanged (x, y, h, w)": (_from_swapped_sides, "Return x, y, w, h: the width first"),
    "shares of the picture": (_from_shares, "Multiply by the picture's width and height: boxes are in pixels"),
}


def form(patient: Patient) -> Iterator[Finding]:
    """Are the boxes x, y, w, h of the corner, in pixels?"""
    moving, resting = patient.usual, patient.follow(still())
    agreed = (mean_overlap(moving, drifting()) + mean_overlap(resting, still())) / 2
    fits = {
        name: (mean_overlap(read(moving, drifting()), drifting()) + mean_overlap(read(resting, still()), still())) / 2
        for name, (read, _) in FORMS.items()
    }
    name = max(fits, key=lambda key: fits[key])
    if fits[name] > FITS and fits[name] > agreed + CLEARLY:
        yield Finding(
            ERROR,
            f"it seems to return {name}: read so, its boxes overlap the truth by {fits[name]:.2f} on average, read as "
            f"x, y, w, h by {agreed:.2f}",
            FORMS[name][1],
        )
        return
    if agreed < FITS:
        yield Finding(
            WARNING,
            f"its boxes overlap an easy target by {agreed:.2f} only, and no usual form of a box explains it",
            f"Look at it: spm-bench run --suite demo --sequence calm --tracker {shlex.quote(patient.asked)}",
        )
    yield from _shifted(resting)
    yield from _whole(np.concatenate([moving[1:], patient.follow(still_between())[1:]]))


def _shifted(resting: FloatArray) -> Iterator[Finding]:
    """On a still picture the box stays where it was put; by a pixel off in both directions, it counts from 1."""
    shift = np.median(resting[1:, :2] - still().boxes[1:, :2], axis=0)
    if np.abs(np.abs(shift) - 1).max() < NEAR_ONE and shift[0] * shift[1] > 0:
        yield Finding(
            WARNING,
            f"on a still picture its boxes are off by ({shift[0]:+.1f}, {shift[1]:+.1f}) px: pixels seem to be counted "
            "from 1",
            "Boxes count from 0 here, given and returned; files get the benchmark's own origin when they are written",
        )


def _whole(values: FloatArray) -> Iterator[Finding]:
    if np.array_equal(values, np.round(values)):
        yield Finding(
            NOTE,
            "all its numbers are whole pixels, given boxes that are not",
            "Boxes may have fractions; rounding costs overlap on small targets: round once, in the picture only",
        )


def size(patient: Patient) -> Iterator[Finding]:
    """Does a box have area?"""
    boxes = np.concatenate([patient.usual, patient.follow(still())])
    empty = np.flatnonzero((boxes[:, 2:] <= 0).any(axis=1))
    if len(empty):
        yield Finding(
            ERROR,
            f"{len(empty)} of {len(boxes)} boxes have no area, such as {boxes[empty[0]].round(2).tolist()}",
            "Width and height must be positive; evaluators treat others as no answer at all",
        )
