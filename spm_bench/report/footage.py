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
        pictures: At least one, all of the size of the first; an odd row or column more is added in white, as codecs
            want even sizes.
        fps: Pictures a second.

    Raises:
        ResultsError: No codec is at hand, or the file cannot be written.
    """
    waiting = iter(pictures)
    first = _even(next(waiting))
    with replacing(path, ending=".mp4") as temporary:
        writer, codec = _open(temporary, (first.shape[1], first.shape[0]), fps)
        count = 0
        try:
            for picture in itertools.chain([first], waiting):
                writer.write(_even(picture))
                count += 1
        finally:
            writer.release()
        _check_written(temporary, path, count)
    return codec


def write_gif(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """Write a GIF that is repeated for ever; each picture has its own 256 colours.

    Args:
        path: Of the file.
        pictures: At least one, all of one size.
        fps: Pictures a second, at most `FASTEST_GIF`; GIFs count in hundredths of a second.

    Raises:
        ResultsError: The file cannot be written.
    """
    images = (
        Image.fromarray(np.ascontiguousarray(p[..., ::-1])).quantize(256, dither=Image.Dither.NONE) for p in pictures
    )
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


def _even(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    if height % 2 == width % 2 == 0:
        return picture
    padded = np.full((height + height % 2, width + width % 2, 3), 255, np.uint8)
    padded[:height, :width] = picture
    return padded
