"""Frames with regions drawn onto them, and pictures side by side: what film strips, videos and sheets are made of.

A picture is an array H x W x 3, uint8, BGR, as frames are; functions return new ones and leave what they were given as
it is. `to_figure` makes a Figure of one, `to_png` a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.report import style
from spm_bench.report.lettering import SIZE, Picture, bgr, fitted, rgb, write
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.timeline import Timeline
from spm_bench.suites import base

FloatArray = NDArray[np.float64]

TRUTH_COLOUR = "#ffffff"
"""Ground truth is white in every picture, with a dark edge; no tracker is."""
EDGE = 0.45
"""Share of a line's thickness that its contrasting edge has on each side: so it stands out from every picture."""
DARKEST = 0.08
"""Luminance below which a line's edge is white instead of black."""
SHOWN_QUALITY = 88
"""Of JPEGs in notebooks: thin lines and letters have no fringes yet."""
GAP = 4
"""Pixels between pictures side by side."""
FURTHEST = 30_000
"""Pixels from the corner within which lines are drawn: the box of a lost tracker may end anywhere."""
_FINE = 4
"""Bits below a pixel in which OpenCV is given its coordinates."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A region to draw.

    Attributes:
        region: A box (x, y, w, h) or a polygon x1, y1, ..., x4, y4; one that is not finite is not drawn.
        colour: "#rrggbb".
        line: Solid, or matplotlib's (offset, (on, off, ...)) in points of two pixels.
        thick: Pixels of the line.
        tag: A few letters at the upper left corner.
    """

    region: FloatArray
    colour: str
    line: str | tuple[float, tuple[float, ...]] = "-"
    thick: float = 2.0
    tag: str = ""


def frames_of(sequence: base.Sequence, otherwise: str) -> base.FrameSource:
    """The frames of a sequence.

    Args:
        sequence: With or without pictures.
        otherwise: What the user can do without them, for the error.

    Raises:
        DataError: There are none.
    """
    if sequence.frames is None:
        remedy = f"Give --data a folder with the pictures, or {otherwise}"
        raise DataError("its pictures are not here, only its annotations", where=sequence.name, remedy=remedy)
    return sequence.frames


def regions_at(
    sequence: base.Sequence, lines: Sequence[Timeline | None], frame: int
) -> Iterator[tuple[int | None, FloatArray]]:
    """Where trackers and ground truth are in a frame, in the order of drawing: the first tracker and the truth on top.

    Args:
        sequence: With ground truth.
        lines: Of the trackers, best first; None for one that has no results here.
        frame: From 0.

    Yields:
        Place of the tracker in `lines`, or None for the ground truth, and its box or polygon. Whoever has none is left
        out, and so is a tracker that was just given the truth.
    """
    for place, line in reversed(list(enumerate(lines))):
        if line is None or (line.states[frame] == FrameState.INIT and np.isnan(line.regions[frame]).any()):
            continue
        if np.isfinite(line.regions[frame]).all():
            yield place, line.regions[frame]
    truth = (sequence.ground_truth if sequence.polygons is None else sequence.polygons)[frame]
    if np.isfinite(truth).all():
        yield None, truth


def outlines_at(sequence: base.Sequence, lines: Sequence[Timeline | None], frame: int) -> list[Outline]:
    """`regions_at` in the looks of figures: the place in `lines` decides."""
    return [outline_of(place, region) for place, region in regions_at(sequence, lines, frame)]


def outline_of(place: int | None, region: FloatArray) -> Outline:
    """A region in the look of the tracker at a place, or of the ground truth (None)."""
    if place is None:
        return Outline(region, TRUTH_COLOUR, "-", thick=1.6)
    look = style.look(place)
    return Outline(region, look.colour, look.line, thick=2.2)


def svg_points(region: FloatArray) -> str:
    """The corners of a box or polygon as SVG writes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners(region.tolist()))


def corners(region: Sequence[float]) -> list[tuple[float, float]]:
    """Corners of a box (x, y, w, h) or of a polygon x1, y1, ..., x4, y4."""
    if len(region) == 4:
        x, y, w, h = region
        return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    return list(zip(region[::2], region[1::2], strict=True))


def resized(picture: Picture, width: int) -> Picture:
    """A picture of another width, in proportion."""
    height = max(round(picture.shape[0] * width / picture.shape[1]), 1)
    way = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def draw(frame: Picture, outlines: Sequence[Outline], *, width: int | None = None) -> Picture:
    """Draw regions onto a frame.

    Args:
        frame: H x W x 3; not changed.
        outlines: In pixels of the frame; the last is on top.
        width: Of the result; None for that of the frame. Lines keep their thickness.
    """
    factor = 1.0 if width is None else width / frame.shape[1]
    picture = frame.copy() if width is None else resized(frame, width)
    drawn = [
        (outline, np.array(corners(np.asarray(outline.region, dtype=np.float64).tolist())) * factor)
        for outline in outlines
        if np.isfinite(outline.region).all()
    ]
    for outline, points in drawn:
        edge = "#000000" if luminance(outline.colour) > DARKEST else "#ffffff"
        _polygon(picture, points, edge, "-", (1 + 2 * EDGE) * outline.thick)
        _polygon(picture, points, outline.colour, outline.line, outline.thick)
    for outline, points in drawn:
        if outline.tag:
            _tag(picture, points, outline)
    return picture


def luminance(colour: str) -> float:
    """How light "#rrggbb" is, 0 to 1 (without gamma: good enough to choose black or white)."""
    red, green, blue = rgb(colour)
    return (0.30 * red + 0.59 * green + 0.11 * blue) / 255


def _tag(picture: Picture, points: FloatArray, outline: Outline) -> None:
    x, y = points.min(axis=0)
    ink = "#000000" if luminance(outline.colour) > 0.45 else "#ffffff"
    x = float(np.clip(x + 3, 3, max(picture.shape[1] - 12, 3)))
    y = float(np.clip(y - 0.6 * SIZE, 0.7 * SIZE, max(picture.shape[0] - 0.7 * SIZE, 0.7 * SIZE)))
    write(picture, x, y, outline.tag, size=SIZE - 2, bold=True, colour=ink, ground=outline.colour)


def _polygon(
    picture: Picture, points: FloatArray, colour: str, line: str | tuple[float, tuple[float, ...]], thick: float
) -> None:
    """A closed line, in place; its pixels' middles are at the halves of continuous coordinates."""
    places = np.clip(points - 0.5, -FURTHEST, FURTHEST)
    strokes = [np.vstack((places, places[:1]))] if isinstance(line, str) else _dashes(places, line[1])
    for stroke in strokes:
        fixed = np.rint(stroke * 2**_FINE).astype(np.int32)
        cv2.polylines(picture, [fixed], False, bgr(colour), max(round(thick), 1), cv2.LINE_AA, _FINE)


def _dashes(points: FloatArray, pattern: Sequence[float]) -> Iterator[FloatArray]:
    """Cut each side of a polygon into dashes; the pattern begins anew on each."""
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        length = float(np.hypot(*(end - start)))
        at, step = 0.0, 0
        while at < length:
            long = 2 * pattern[step % len(pattern)]
            if step % 2 == 0:
                yield start + np.array([[at], [min(at + long, length)]]) / length * (end - start)
            at, step = at + long, step + 1


def captioned(picture: Picture, text: str, *, colour: str = "#1c1c1c", bold: bool = False) -> Picture:
    """A picture with a line above it."""
    height = round(1.6 * SIZE)
    head = np.full((height, picture.shape[1], 3), 255, np.uint8)
    write(head, 2, height / 2, fitted(text, picture.shape[1] - 4, bold=bold), colour=colour, bold=bold)
    return np.vstack((head, picture))


def tiled(pictures: Sequence[Picture], columns: int, *, gap: int = GAP, ground: str = "#ffffff") -> Picture:
    """Pictures in rows from left to right; each row is as high as its highest, each column as wide as its widest."""
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    widths = [max(row[c].shape[1] for row in rows if c < len(row)) for c in range(min(columns, len(pictures)))]
    heights = [max(p.shape[0] for p in row) for row in rows]
    size = sum(heights) + gap * (len(rows) - 1), sum(widths) + gap * (len(widths) - 1)
    sheet = np.full((*size, 3), bgr(ground), np.uint8)
    y = 0
    for row, height in zip(rows, heights, strict=True):
        x = 0
        for picture, width in zip(row, widths, strict=False):
            sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
            x += width + gap
        y += height + gap
    return sheet


def to_png(picture: Picture) -> bytes:
    """The bytes of a PNG file."""
    return bytes(cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 7])[1])


class Shown:
    """A picture that a notebook shows as the value of a cell, pixel for pixel, as a JPEG: sheets of frames stay small.

    Args:
        picture: H x W x 3, BGR.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def __repr__(self) -> str:
        return "<Shown {1} x {0}>".format(*self.picture.shape)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], Any]:
        """What IPython asks for: the picture and its size."""
        height, width = self.picture.shape[:2]
        coded = bytes(cv2.imencode(".jpg", self.picture, [cv2.IMWRITE_JPEG_QUALITY, SHOWN_QUALITY])[1])
        return {"image/jpeg": coded, "text/plain": repr(self)}, {"image/jpeg": {"width": width, "height": height}}


def to_figure(picture: Picture, width: float = style.TWO_COLUMNS) -> Figure:
    """A Figure of `width` inches that shows a picture and nothing else."""
    with style.figure_style():
        figure = style.new_figure(width, width * picture.shape[0] / picture.shape[1])
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(picture[..., ::-1], interpolation="antialiased", aspect="auto")
        axes.set_axis_off()
        return figure
