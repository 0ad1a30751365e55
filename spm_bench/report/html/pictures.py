"""Small pictures for the page: the frames of a sequence, and film strips of the moments in which trackers lost it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import cv2

from spm_bench.report.html.material import Material, Moment
from spm_bench.report.html.plots import thinned
from spm_bench.report.overlay import frames_of, regions_at, resized, svg_points
from spm_bench.suites import base

WIDEST = 320
"""Pixels of an embedded picture: enough to tell what is in it, about 8 KB each."""
QUALITY = 55
"""JPEG quality; boxes are drawn over the pictures as shapes and stay sharp."""
MOST_FRAMES = 120
"""Pictures of a sequence for the scrubber: a longer one is shown in even steps, so that no sequence fills the file."""
STRIP = (-10, -4, 0, 4, 10)
"""Frames of a film strip, counted from the loss."""
MOST_STRIPS = 3
"""Of a sequence: those in which most trackers lost it."""
WITHOUT = "make the page without them"


@dataclass(frozen=True)
class Film:
    """Pictures of a sequence: frame numbers from 0, and a JPEG in base64 for each."""

    frames: list[int]
    pictures: list[str]


@dataclass(frozen=True)
class Outline:
    """A box or polygon over a picture, as SVG points; `tracker` is None for ground truth."""

    tracker: int | None
    points: str


@dataclass(frozen=True)
class Picture:
    """One picture of a strip."""

    frame: int
    data: str
    outlines: tuple[Outline, ...]


@dataclass(frozen=True)
class Strip:
    """The pictures around a moment; the size is that of the frame, for the outlines."""

    moment: Moment
    width: int
    height: int
    pictures: tuple[Picture, ...]


def make_film(sequence: base.Sequence) -> Film:
    """Small pictures of a sequence, all of them or in even steps.

    Raises:
        DataError: It has no pictures here, or one is broken.
    """
    source = frames_of(sequence, WITHOUT)
    frames = thinned(len(sequence), MOST_FRAMES).tolist()
    return Film(frames, [jpeg(source[frame]) for frame in frames])


def make_strips(material: Material) -> Iterator[Strip]:
    """Film strips of each sequence's worst moments, in the order of sequences and frames.

    Raises:
        DataError: A sequence has no pictures here, or one is broken.
    """
    for index, sequence in enumerate(material.sequences):
        own = [m for m in material.moments if m.sequence == index]
        worst = sorted(own, key=lambda m: (-len(m.lost), m.frame))[:MOST_STRIPS]
        for moment in sorted(worst, key=lambda m: m.frame):
            yield _strip(material, sequence, moment)


def _strip(material: Material, sequence: base.Sequence, moment: Moment) -> Strip:
    source = frames_of(sequence, WITHOUT)
    last = len(sequence) - 1
    frames = dict.fromkeys(min(max(moment.frame + step, 0), last) for step in STRIP)
    pictures, size = [], (1, 1)
    for frame in frames:
        image = source[frame]
        size = (image.shape[1], image.shape[0])
        pictures.append(Picture(frame, jpeg(image), tuple(_outlines(material, sequence, frame))))
    return Strip(moment, *size, tuple(pictures))


def _outlines(material: Material, sequence: base.Sequence, frame: int) -> Iterator[Outline]:
    lines = [tracker.timelines.get(sequence.name) for tracker in material.trackers]
    for place, region in regions_at(sequence, lines, frame):
        yield Outline(None if place is None else material.trackers[place].index, svg_points(region))


def jpeg(image: base.Frame) -> str:
    """A picture, made smaller than `WIDEST` if need be, as a JPEG in base64."""
    if image.shape[1] > WIDEST:
        image = resized(image, WIDEST)
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return base64.b64encode(encoded.tobytes()).decode("ascii")
