"""Texture families: each maps an identity to colours on a sheet, so that look-alikes share their markings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic.identity import Identity
from spm_bench.suites.synthetic.noise import blend, cells, ramp, sigmoid, spectral
from spm_bench.suites.synthetic.shapes import REACH

SHEET = 160
"""Rows of a sheet: 64 texels per body unit, so that targets up to 130 px long are drawn without magnification."""

Skin = Callable[[Identity, FloatArray], FloatArray]
"""(identity, palette k x 3) -> colours SHEET x 2 SHEET x 3. A sheet is twice as long as the body and wraps around it:
turning the body out of the image plane scrolls it."""


def sheet_grid() -> tuple[FloatArray, FloatArray]:
    """Body coordinates (x, y) of the texels of a sheet; x runs over two reaches and wraps."""
    y = (np.arange(SHEET) + 0.5) / SHEET * 2.0 * REACH - REACH
    x = (np.arange(2 * SHEET) + 0.5) / SHEET * 2.0 * REACH - 2.0 * REACH
    return np.broadcast_arrays(x[None, :], y[:, None])  # type: ignore[return-value]


def field(identity: Identity, what: str, slope: float, low: float = 0.0, high: float = np.inf) -> FloatArray:
    """A spectral field over the sheet that belongs to the identity (see `noise.spectral`)."""
    return spectral(identity.normal(what, SHEET, 2 * SHEET), slope, low, high)


def grain(identity: Identity, colours: FloatArray, strength: float) -> FloatArray:
    """Modulate brightness with 1/f noise: no natural surface is of one colour."""
    return colours * (1.0 + strength * field(identity, "grain", 1.0, low=3.0))[..., None]


def patches(identity: Identity, palette: FloatArray) -> FloatArray:
    """Large blotches of the second and third colour on the first, as on koi and cows."""
    large = sigmoid((field(identity, "patches", 1.0, low=1.6, high=9.0) - 0.1) * 12.0)
    dark = sigmoid((field(identity, "dark patches", 1.0, low=2.0, high=12.0) - 1.05) * 12.0)
    colours = blend(blend(np.broadcast_to(palette[0], (*large.shape, 3)), palette[1], large), palette[2], dark)
    return grain(identity, colours, 0.07)


def stripes(identity: Identity, palette: FloatArray) -> FloatArray:
    """Wavy bands across the body, as on tigers and perch."""
    x, y = sheet_grid()
    bend = 0.5 * field(identity, "bend", 2.0, high=8.0)
    bands = 8 + round(2.0 * float(np.tanh(identity.one("pitch"))))  # a whole number per sheet: the wrap has no seam
    phase = 2.0 * np.pi * (bands * x / (4.0 * REACH) + 0.25 * identity.one("phase")) + 2.0 * bend + 0.6 * y**2
    band = sigmoid((np.sin(phase) - 0.1 + 0.35 * field(identity, "breaks", 1.5, high=12.0)) * 6.0)
    colours = blend(np.broadcast_to(palette[0], (*band.shape, 3)), palette[1], band)
    return grain(identity, blend(colours, palette[2], sigmoid((np.abs(y) - 0.75) * 12.0) * 0.6), 0.07)


def labyrinth(identity: Identity, palette: FloatArray) -> FloatArray:
    """The winding bands that reaction and diffusion leave behind: a narrow band of frequencies, thresholded."""
    wave = field(identity, "labyrinth", 0.0, low=9.0, high=13.0)
    tint = sigmoid(3.0 * field(identity, "tint", 2.0, high=6.0))
    colours = blend(ramp(tint, palette[[0, 2]]), palette[1], sigmoid(wave * 5.0))
    return grain(identity, colours, 0.06)


def spots(identity: Identity, palette: FloatArray) -> FloatArray:
    """Round dots of varying size, as on ladybirds and leopards."""
    x, y = sheet_grid()
    places = np.array([[i, j] for i in np.arange(-2.2, 2.3, 0.62) for j in (-0.66, -0.22, 0.22, 0.66)])
    places = places + 0.12 * identity.normal("places", *places.shape)
    radii = 0.13 * np.exp(0.35 * identity.normal("radii", len(places)))
    inside = np.zeros(x.shape)
    for (px, py), r in zip(places, radii, strict=True):
        inside = np.maximum(inside, sigmoid((r - np.hypot(x - px, y - py)) * 60.0))
    tint = sigmoid(2.0 * field(identity, "tint", 2.0, high=6.0))
    return grain(identity, blend(ramp(tint, palette[[0, 2]]), palette[1], inside), 0.07)


def scutes(identity: Identity, palette: FloatArray) -> FloatArray:
    """Plates with seams and rings, as on turtles, giraffes and dry mud."""
    x, y = sheet_grid()
    lattice = np.array(
        [[i + 0.21 * (k % 2), j] for i in np.arange(-2.3, 2.4, 0.42) for k, j in enumerate((-0.8, -0.4, 0.0, 0.4, 0.8))]
    )
    points = lattice + 0.09 * identity.normal("plates", *lattice.shape)
    index, border = cells(points, x, y)
    tone = np.clip(0.5 + 0.28 * identity.normal("tones", len(points))[index] + 0.10 * np.sin(border * 45.0), 0.0, 1.0)
    colours = blend(ramp(tone, palette[:2]), palette[2], sigmoid((0.05 - border) * 90.0))
    return grain(identity, colours, 0.08)


SKINS: dict[str, Skin] = {
    "patches": patches,
    "stripes": stripes,
    "labyrinth": labyrinth,
    "spots": spots,
    "scutes": scutes,
}
