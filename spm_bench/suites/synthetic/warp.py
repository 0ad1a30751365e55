"""Deformation with an exact inverse: pixels need body coordinates, outlines picture coordinates, and both must agree.

Each step moves one coordinate by functions of the *other* one, which stays as it is; so it is undone by a subtraction
and a division, however strong it is, and a chain of steps by undoing them backwards. No iteration, no tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spm_bench.suites.base import FloatArray


@dataclass(frozen=True)
class Step:
    """u' = u (1 + swell sin(2 v + swell_phase)) + bend (1 - taper v) / 2 sin(wave v + phase), with v unchanged.

    Attributes:
        axis: Which coordinate is u: 0 moves x by y, 1 moves y by x.
        bend: Amplitude, body units.
        wave: Wave number, radians per body unit.
        phase: Radians.
        taper: 0 gives the same (half) amplitude everywhere, 1 nothing at v = 1 and all of it at v = -1, the tail.
        swell: Relative change of width, below 1.
        swell_phase: Radians.
    """

    axis: int
    bend: float = 0.0
    wave: float = 2.0
    phase: float = 0.0
    taper: float = 0.0
    swell: float = 0.0
    swell_phase: float = 0.0

    def _terms(self, v: FloatArray) -> tuple[FloatArray | float, FloatArray | float]:
        width = 1.0 + self.swell * np.sin(2.0 * v + self.swell_phase) if self.swell else 1.0
        shift = self.bend * (1.0 - self.taper * v) * 0.5 * np.sin(self.wave * v + self.phase) if self.bend else 0.0
        return width, shift


@dataclass(frozen=True)
class Warp:
    """A chain of steps from the body at rest to the body as posed."""

    steps: tuple[Step, ...] = ()

    def to_posed(self, points: FloatArray) -> FloatArray:
        """Move points (n x 2) of the resting body to where the posed body has them."""
        moved = points.copy()
        for step in self.steps:
            width, shift = step._terms(moved[:, 1 - step.axis])
            moved[:, step.axis] = moved[:, step.axis] * width + shift
        return moved

    def to_rest(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Find the resting body's coordinates of posed coordinates given as two arrays of one shape."""
        moved = [x, y]
        for step in reversed(self.steps):
            width, shift = step._terms(moved[1 - step.axis])
            moved[step.axis] = (moved[step.axis] - shift) / width
        return moved[0], moved[1]
