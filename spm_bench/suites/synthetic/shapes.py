"""Silhouettes: closed outlines (n x 2) in body coordinates, x forward, dense enough to stay smooth when bent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from spm_bench.suites.base import FloatArray

REACH = 1.25
"""Half the side of the square of body coordinates that is drawn: a body spans -1..1, the rest is for soft edges."""
SPACING = 0.03
"""Longest edge of an outline, body units: at 100 px length a chord is then less than 0.01 px off the curve."""


@dataclass(frozen=True, eq=False)
class Detail:
    """Something painted on the body that is not part of its outline: an eye, a window, a stripe."""

    outline: FloatArray
    colour: FloatArray
    opacity: float = 1.0


@dataclass(frozen=True, eq=False)
class Body:
    """The outlines whose union is the silhouette, and the details in painting order."""

    outlines: tuple[FloatArray, ...]
    details: tuple[Detail, ...] = ()

    def normalised(self) -> Body:
        """Centre the silhouette's box on the origin and scale its longer side to -1..1."""
        points = np.concatenate(self.outlines)
        low, high = points.min(axis=0), points.max(axis=0)
        centre, half = (low + high) / 2.0, float((high - low).max()) / 2.0
        moved = tuple(densify((o - centre) / half) for o in self.outlines)
        details = tuple(Detail((d.outline - centre) / half, d.colour, d.opacity) for d in self.details)
        return Body(moved, details)


def densify(outline: FloatArray) -> FloatArray:
    """Insert points until no edge is longer than `SPACING`."""
    following = np.roll(outline, -1, axis=0)
    counts = np.maximum(1, np.ceil(np.hypot(*(following - outline).T) / SPACING).astype(np.int64))
    start = np.repeat(np.arange(len(outline)), counts)
    share = np.concatenate([np.arange(c) / c for c in counts])[:, None]
    dense: FloatArray = outline[start] * (1.0 - share) + following[start] * share
    return dense


def superellipse(
    a: float, b: float, power: float = 2.0, at: tuple[float, float] = (0.0, 0.0), angle: float = 0.0, n: int = 120
) -> FloatArray:
    """|x/a|^power + |y/b|^power = 1, turned by `angle` (radians) and moved to `at`. 2: an ellipse, 4: a rounded box."""
    t = np.arange(n) * (2.0 * np.pi / n)
    c, s = np.cos(t), np.sin(t)
    x = a * np.sign(c) * np.abs(c) ** (2.0 / power)
    y = b * np.sign(s) * np.abs(s) ** (2.0 / power)
    return place(np.stack([x, y], axis=1), at, angle)


def place(outline: FloatArray, at: tuple[float, float], angle: float) -> FloatArray:
    """Turn an outline by `angle` (radians) and move it to `at`."""
    c, s = np.cos(angle), np.sin(angle)
    moved: FloatArray = outline @ np.array([[c, s], [-s, c]]) + np.asarray(at)
    return moved


def spindle(stations: Iterable[tuple[float, float]], n: int = 80) -> FloatArray:
    """A body along x given by (x, half width) stations, joined smoothly: fish, trunks, wings."""
    x, w = (np.array(v, dtype=np.float64) for v in zip(*stations, strict=True))
    t = (1.0 - np.cos(np.linspace(0.0, np.pi, n))) / 2.0  # denser where the ends round off
    along = x[0] + (x[-1] - x[0]) * t
    half = np.maximum(_smooth(along, x, w), 0.0)
    upper = np.stack([along, half], axis=1)
    return np.concatenate([upper, upper[-2:0:-1] * [1.0, -1.0]])


def _smooth(at: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Interpolate with cubic Hermite pieces whose slopes come from the neighbours (Catmull-Rom)."""
    slope = np.gradient(y, x)
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    h = x[i + 1] - x[i]
    u = (at - x[i]) / h
    value: FloatArray = (
        (2 * u**3 - 3 * u**2 + 1) * y[i]
        + (u**3 - 2 * u**2 + u) * h * slope[i]
        + (3 * u**2 - 2 * u**3) * y[i + 1]
        + (u**3 - u**2) * h * slope[i + 1]
    )
    return value


def fourier(radius: float, cosines: FloatArray, sines: FloatArray, n: int = 160) -> FloatArray:
    """A blob r(t) = radius (1 + sum a_k cos kt + b_k sin kt), k = 2, 3, ...; the radius never falls below a third."""
    t = np.arange(n) * (2.0 * np.pi / n)
    k = np.arange(2, 2 + len(cosines))[:, None]
    r = radius * np.maximum(1.0 + cosines @ np.cos(k * t) + sines @ np.sin(k * t), 1.0 / 3.0)
    return np.stack([r * np.cos(t), r * np.sin(t)], axis=1)


def mirrored(outline: FloatArray) -> FloatArray:
    """The outline on the other side of the body's long axis."""
    return np.asarray(outline * np.array([1.0, -1.0]))
