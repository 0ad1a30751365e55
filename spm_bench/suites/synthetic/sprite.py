"""Bodies baked into pictures once per scene: outline and slant (`form`) and colours (`sheet`), at several sizes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic.cast import Actor
from spm_bench.suites.synthetic.ground import fill
from spm_bench.suites.synthetic.noise import Picture, to_picture
from spm_bench.suites.synthetic.shapes import REACH, Body
from spm_bench.suites.synthetic.skins import SHEET

OVERSAMPLE = 4
"""The outline is filled at four times the sprite's resolution and averaged: coverage in sixteenths."""
LEVELS = 4
"""Sizes kept, each half of the one before, so that small targets do not alias."""


@dataclass(frozen=True, eq=False)
class Sprite:
    """One body, ready to be drawn.

    Attributes:
        forms: Per level S x S x 3: coverage 0..255, then the surface's slant along body x and y, 128 being flat.
        sheets: Per level S x 2S x 3: colours, BGR.
    """

    forms: tuple[Picture, ...]
    sheets: tuple[Picture, ...]

    def level(self, pixels_per_unit: float) -> int:
        """The level whose texels are nearest to, but not much larger than, a pixel at this size."""
        texels = SHEET / (2.0 * REACH)
        return int(np.clip(np.floor(np.log2(max(texels / max(pixels_per_unit, 1e-6), 1.0)) + 0.25), 0, LEVELS - 1))


def bake(actor: Actor) -> Sprite:
    """Paint an actor's form and sheet (some milliseconds; everything later is integer look-ups)."""
    form = _bake_form(actor.body)
    colours = actor.category.skin(actor.identity, actor.category.colours(actor.identity))
    sheet = to_picture(colours)
    for detail in actor.body.details:
        _lay(
            sheet,
            (detail.outline + np.array([2.0 * REACH, REACH])) * (SHEET / (2.0 * REACH)),
            detail.colour,
            detail.opacity,
        )
    forms, sheets = [form], [sheet]
    for _ in range(LEVELS - 1):
        forms.append(_halved(forms[-1]))
        sheets.append(_halved(sheets[-1]))
    return Sprite(tuple(forms), tuple(sheets))


def _halved(picture: Picture) -> Picture:
    h, w = picture.shape[:2]
    blocks = picture.reshape(h // 2, 2, w // 2, 2, -1).astype(np.uint16).sum(axis=(1, 3))
    return np.asarray((blocks + 2) >> 2, dtype=np.uint8)


def _lay(sheet: Picture, outline: FloatArray, colour: FloatArray, opacity: float) -> None:
    """Fill a polygon on the sheet with some opacity, in place."""
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
    high = np.ceil(outline.max(axis=0)).astype(int) + 1
    part = sheet[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(part.shape[:2], np.uint8)
    fill(mask, outline - low, np.ones(1))
    weight = mask.astype(np.int32)[..., None] * round(opacity * 256)
    tone = np.rint(np.clip(colour, 0.0, 1.0) * 255.0).astype(np.int32)
    part[:] = (part + (tone - part.astype(np.int32)) * weight // (255 * 256)).astype(np.uint8)


def _bake_form(body: Body) -> Picture:
    """Coverage of the silhouette, and the slant of a surface that bulges over it."""
    fine = np.zeros((SHEET * OVERSAMPLE, SHEET * OVERSAMPLE), np.uint8)
    for outline in body.outlines:
        fill(fine, (outline + REACH) * (SHEET * OVERSAMPLE / (2.0 * REACH)), np.ones(1))
    blocks = fine.reshape(SHEET, OVERSAMPLE, SHEET, OVERSAMPLE).astype(np.uint32).sum(axis=(1, 3))
    coverage = (blocks // OVERSAMPLE**2).astype(np.uint8)
    f = np.fft.fftfreq(SHEET)[:, None] ** 2 + np.fft.rfftfreq(SHEET)[None, :] ** 2
    spectrum = np.fft.rfft2(coverage / 255.0)
    # Three widths of blur add up to a surface that is steep at the rim and still curved in the middle.
    blur = sum(s * np.exp(-2.0 * (np.pi * s) ** 2 * f) for s in (2.0, 6.0, 14.0))
    height = np.fft.irfft2(spectrum * blur, s=(SHEET, SHEET))
    slant_y, slant_x = np.gradient(-height)
    channels = [coverage, *(np.clip(np.rint(128.0 + 127.0 * s), 1, 255).astype(np.uint8) for s in (slant_x, slant_y))]
    return np.ascontiguousarray(np.stack(channels, axis=-1))


def look_up(picture: Picture, x: FloatArray, y: FloatArray, *, wrap: bool) -> Picture:
    """Read a picture at continuous coordinates by bilinear interpolation in exact fixed-point arithmetic (1/32 pixel).

    Args:
        picture: H x W x C, uint8.
        x, y: Coordinates (pixel i covers [i, i + 1)), equal shapes.
        wrap: Continue periodically beyond the borders, else with zeros.
    """
    fx, fy = (np.rint((v - 0.5) * 32.0).astype(np.int32) for v in (x, y))
    whole = np.stack([fx >> 5, fy >> 5], axis=-1).astype(np.int16)
    fraction = ((fy & 31) * 32 + (fx & 31)).astype(np.uint16)
    border = cv2.BORDER_WRAP if wrap else cv2.BORDER_CONSTANT
    return np.asarray(cv2.remap(picture, whole, fraction, cv2.INTER_LINEAR, borderMode=border))
