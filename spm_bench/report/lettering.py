"""Text on pictures: DejaVu Sans as in the figures, any script that has an installed font, straight into the pixels."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from spm_bench.report.render import one_line
from spm_bench.report.style import FALLBACK_FONTS

Picture = NDArray[np.uint8]
"""H x W x 3, BGR."""

SIZE = 13
"""Pixels of the usual letter size: readable in a video at its own size, about 7 pixels a letter."""
INK, FAINT, PAPER = "#1c1c1c", "#6a6a6a", "#ffffff"


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def bgr(colour: str) -> tuple[int, int, int]:
    """Blue, green and red of "#rrggbb", as OpenCV wants them."""
    red, green, blue = rgb(colour)
    return blue, green, red


def text_width(text: str, size: int = SIZE, *, bold: bool = False) -> int:
    """Pixels that a line takes."""
    text = one_line(text)
    return round(_font(text, size, bold).getlength(text))


def fitted(text: str, width: int, size: int = SIZE, *, bold: bool = False) -> str:
    """A line cut at its end, with "…", so that it takes at most `width` pixels."""
    text = one_line(text)
    if text_width(text, size, bold=bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + "…", size, bold=bold) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def folded(text: str, width: int, size: int = SIZE) -> list[str]:
    """A paragraph as lines of at most `width` pixels, broken at spaces; a longer word is cut."""
    lines: list[str] = []
    line = ""
    for word in one_line(text).split(" "):
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size) > width:
            lines.append(line)
            longer = word
        line = fitted(longer, width, size)
    return [*lines, line]


def write(
    picture: Picture,
    x: float,
    y: float,
    text: str,
    *,
    size: int = SIZE,
    colour: str = INK,
    bold: bool = False,
    align: float = 0.0,
    ground: str | None = None,
) -> None:
    """Write a line into a picture, in place; what is outside is cut off.

    Args:
        picture: H x W x 3.
        x: Of the text's left end (`align` 0), middle (0.5) or right end (1).
        y: Of the middle of small letters.
        text: Drawn as it stands, control characters as spaces.
        size: Of the letters in pixels.
        colour: "#rrggbb".
        bold: Heavier.
        align: See `x`.
        ground: Colour of a plate behind the text; None for none.
    """
    text = one_line(text)
    mask, (dx, dy), width, ascent = _drawn(text, size, bold)
    left = round(x - align * width)
    top = round(y - ascent + 0.36 * size)
    if ground is not None:
        _fill(picture, left - 3, round(y - 0.62 * size), left + width + 3, round(y + 0.68 * size), ground)
    _blend(picture, left + dx, top + dy, mask, colour)


def _blend(picture: Picture, left: int, top: int, mask: NDArray[np.float32], colour: str) -> None:
    height, width = picture.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    share = mask[y0 - top : y1 - top, x0 - left : x1 - left, None]
    place = picture[y0:y1, x0:x1]
    place[:] = np.rint(place * (1 - share) + share * np.asarray(bgr(colour), np.float32)).astype(np.uint8)


def _fill(picture: Picture, x0: int, y0: int, x1: int, y1: int, colour: str) -> None:
    picture[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = bgr(colour)


@lru_cache(maxsize=2048)
def _drawn(text: str, size: int, bold: bool) -> tuple[NDArray[np.float32], tuple[int, int], int, int]:
    """Opacity of a line's pixels, where they begin, the line's width, and how far its base is from its top."""
    font = _font(text, size, bold)
    left, top, right, bottom = map(round, font.getbbox(text))
    image = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
    ImageDraw.Draw(image).text((-left, -top), text, font=font, fill=255)
    opacity = np.asarray(image, dtype=np.float32) / np.float32(255)
    return opacity, (left, top), round(font.getlength(text)), font.getmetrics()[0]


@lru_cache(maxsize=64)
def _truetype(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def _font(text: str, size: int, bold: bool) -> ImageFont.FreeTypeFont:
    return _truetype(_font_file(frozenset(text) - _known_letters(bold), bold), size)


@lru_cache(maxsize=256)
def _font_file(unknown: frozenset[str], bold: bool) -> str:
    """The first installed font that has the letters which DejaVu Sans lacks; DejaVu Sans if none has."""
    if unknown:
        for font in font_manager.fontManager.ttflist:
            if font.name in FALLBACK_FONTS and unknown <= _letters(font.fname):
                return str(font.fname)
    return _base_font(bold)


def _base_font(bold: bool) -> str:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name)


@lru_cache(maxsize=2)
def _known_letters(bold: bool) -> frozenset[str]:
    return _letters(_base_font(bold))


@lru_cache(maxsize=16)
def _letters(path: str) -> frozenset[str]:
    return frozenset(map(chr, FT2Font(path).get_charmap()))
