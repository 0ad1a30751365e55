"""Seeded random fields: the raw material of every texture.

All of it is float64 and keyed, never drawn from a shared stream, so that adding an element leaves the others as they
were. Pictures are rounded to uint8 right after: differences between machines, about 1e-16, then vanish.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spm_bench.suites.base import FloatArray

Picture = NDArray[np.uint8]
"""uint8, H x W x 3, BGR."""


def generator(*key: int | str) -> np.random.Generator:
    """Return the generator that belongs to `key`: the same on every machine, independent for every other key."""
    digest = hashlib.sha256("\0".join(f"{type(k).__name__} {k}" for k in key).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def spectral(white: FloatArray, slope: float, low: float = 0.0, high: float = np.inf) -> FloatArray:
    """Shape white noise into a periodic field of amplitude spectrum 1 / f^slope, zero mean and unit variance.

    Args:
        white: h x w standard normal values.
        slope: 1 gives the statistics of natural pictures, 2 soft clouds, 0 grain.
        low: Frequencies below it, in cycles per the longer side, are removed.
        high: Frequencies above it are removed softly; a narrow band gives the labyrinths of reaction and diffusion.
    """
    h, w = white.shape
    side = max(h, w)
    f = np.hypot(np.fft.fftfreq(h)[:, None] * side, np.fft.rfftfreq(w)[None, :] * side)
    gain = np.where(f > 0, np.maximum(f, 1.0), np.inf) ** -slope if slope else (f > 0).astype(np.float64)
    if low > 0:
        gain = gain * (1.0 - np.exp(-((f / low) ** 4)))
    if np.isfinite(high):
        gain = gain * np.exp(-((f / high) ** 4))
    field: FloatArray = np.fft.irfft2(np.fft.rfft2(white) * gain, s=(h, w))
    field -= field.mean()
    return field / max(float(field.std()), 1e-12)


def cells(points: FloatArray, x: FloatArray, y: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Voronoi cells of `points` (n x 2) at the coordinates `x`, `y` (equal shapes).

    Returns:
        The nearest point's index, and how much farther the second nearest is (0 on the borders between cells).
    """
    first = np.full(x.shape, np.inf)
    second = np.full(x.shape, np.inf)
    index = np.zeros(x.shape, dtype=np.int64)
    for i, (px, py) in enumerate(points):
        distance = np.hypot(x - px, y - py)
        nearer = distance < first
        second = np.where(nearer, first, np.minimum(second, distance))
        index[nearer] = i
        first = np.where(nearer, distance, first)
    return index, second - first


def sigmoid(x: ArrayLike) -> FloatArray:
    """Soften a threshold: 0 far below zero, 1 far above, without overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(x, dtype=np.float64))


def rgb(*hexes: str) -> FloatArray:
    """Read colours "rrggbb" as rows of BGR values 0..1."""
    return np.array([[int(h[4:6], 16), int(h[2:4], 16), int(h[0:2], 16)] for h in hexes], dtype=np.float64) / 255.0


def ramp(field: FloatArray, colours: FloatArray) -> FloatArray:
    """Map a field of values 0..1 (clipped) onto the line through `colours` (k x 3): ... x 3."""
    stops = np.linspace(0.0, 1.0, len(colours))
    return np.stack([np.interp(field, stops, colours[:, c]) for c in range(3)], axis=-1)


def blend(base: FloatArray, over: FloatArray, weight: FloatArray) -> FloatArray:
    """Lay `over` (a colour or a picture) on `base` with `weight` 0..1 per pixel."""
    w = weight[..., None]
    return base * (1.0 - w) + over * w


def turn_hue(colours: FloatArray, degrees: float) -> FloatArray:
    """Turn BGR colours (... x 3) around the grey axis; brightness is kept."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    third, root = (1.0 - c) / 3.0, s / np.sqrt(3.0)
    matrix = np.full((3, 3), third) + c * np.eye(3) + root * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return np.asarray(np.clip(np.einsum("...c,dc->...d", colours, matrix), 0.0, 1.0))


def to_picture(colours: FloatArray) -> Picture:
    """Round colours 0..1 to uint8."""
    return np.ascontiguousarray(np.rint(np.clip(colours, 0.0, 1.0) * 255.0).astype(np.uint8))
