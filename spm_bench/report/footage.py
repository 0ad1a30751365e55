"""Pictures as a file: an mp4 by OpenCV's encoders, a GIF by Pillow, a sheet as PNG. Whole or not there at all.

Videos are written picture by picture, so their length costs no memory; the other two hold all they write, and refuse
what would not fit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from spm_bench.errors import ResultsError, UsageError
from spm_bench.report.lettering import Picture
from spm_bench.report.overlay import tiled, to_png
from spm_bench.results.files import replacing, write_bytes

FORMATS = ("mp4", "gif", "png")
CODECS = (("vp09", "VP9"), ("mp4v", "MPEG-4 part 2"))
"""FourCC and name, the best first: browsers and most players show VP9; few browsers show MPEG-4 part 2. H.264 would be
shown by all, but OpenCV's own builds cannot write it."""
MOST_PIXELS = 250_000_000
"""Of all pictures of a GIF or a sheet together: about as many bytes in memory, a large file in any case."""
FASTEST_GIF = 50
"""Pictures a second: viewers slow anything faster down to 10."""


def check_amount(form: str, pictures: int, width: int, height: int) -> None:
    """Refuse what would fill the memory.

    Args:
        form: One of `FORMATS`.
        pictures: How many.
        width, height: Of each.

    Raises:
        UsageError: They are too many; says how many would fit.
    """
    fit = max(MOST_PIXELS // (width * height), 1)
    if form != "mp4" and pictures > fit:
        raise UsageError(
            f"{pictures} pictures of {width} x {height} are too many for a {form}, about {fit} fit",
            remedy="Take fewer (--every, --frames, --failures), smaller ones (--width), or write an mp4",
        )


def write_video(path: Path, pictures: Iterable[Picture], fps: float) -> str:
    """Write an mp4, picture by picture; returns the name of the codec.

    Args:
        path: Of the file.
        pictures: At least one. All are shown in the size of the first, made even as codecs want it: what is larger is
            cut, what is smaller has white beside it.
        fps: Pictures a second.

    Raises:
        ResultsError: No codec is at hand, or the file cannot be written.
    """
    waiting = iter(pictures)
    first = next(waiting)
    height, width = (side + side % 2 for side in first.shape[:2])
    with replacing(path, ending=".mp4") as temporary:
        writer, codec = _open(temporary, (width, height), fps)
        count = 0
        try:
            for picture in itertools.chain([first], waiting):
                writer.write(_held_to(picture, height, width))
                count += 1
        finally:
            writer.release()
        _check_written(temporary, path, count)
    return codec


def write_gif(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """Write a GIF that is repeated for ever; each picture has its own 256 colours.

    Args:
        path: Of the file.
        pictures: At least one; all are shown in the size of the first.
        fps: Pictures a second, at most `FASTEST_GIF`; GIFs count in hundredths of a second.

    Raises:
        ResultsError: The file cannot be written.
    """
    waiting = iter(pictures)
    head = next(waiting)
    height, width = head.shape[:2]
    images = (_with_palette(_held_to(picture, height, width)) for picture in itertools.chain([head], waiting))
    first = next(images)
    duration = 10 * round(100 / min(fps, FASTEST_GIF))
    with replacing(path) as temporary, temporary.open("wb") as stream:
        first.save(
            stream, "GIF", save_all=True, append_images=images, duration=duration, loop=0, optimize=False, disposal=1
        )


def write_sheet(path: Path, pictures: Sequence[Picture], columns: int, foot: Picture | None = None) -> None:
    """Write pictures side by side as a PNG.

    Args:
        path: Of the file.
        pictures: At least one.
        columns: How many beside each other.
        foot: What stands below them, as wide or narrower.

    Raises:
        ResultsError: The file cannot be written.
    """
    sheet = tiled(pictures, columns)
    if foot is not None:
        sheet = tiled([sheet, foot], 1)
    write_bytes(path, to_png(sheet))


def _open(path: Path, size: tuple[int, int], fps: float) -> tuple[cv2.VideoWriter, str]:
    for code, name in CODECS:
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), fps, size)
        if writer.isOpened():
            return writer, name
        writer.release()
    raise ResultsError(
        f"this OpenCV ({cv2.__version__}) has none of the codecs {', '.join(name for _, name in CODECS)}",
        remedy="Write a GIF or a sheet: --format gif or --format png",
    )


def _check_written(temporary: Path, path: Path, count: int) -> None:
    """Make sure that all pictures are there: OpenCV does not say when the disk is full."""
    capture = cv2.VideoCapture(str(temporary), cv2.CAP_FFMPEG)
    found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    capture.release()
    if found != count:
        problem = f"the video could not be written: {max(found, 0)} of {count} pictures arrived"
        raise ResultsError(problem, where=path, remedy="Is the disk full? Or write a GIF or a sheet")


def _with_palette(picture: Picture) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture[..., ::-1])).quantize(256, dither=Image.Dither.NONE)


def _held_to(picture: Picture, height: int, width: int) -> Picture:
    if picture.shape[:2] == (height, width):
        return picture
    held = np.full((height, width, 3), 255, np.uint8)
    part = picture[:height, :width]
    held[: part.shape[0], : part.shape[1]] = part
    return held
