"""Illumination over picture and time, as one function used for the pixels (integers) and for the labels (exact)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic.motion import TAU
from spm_bench.suites.synthetic.noise import generator
from spm_bench.suites.synthetic.scene import Scene

ONE = 1024
"""Gain 1 in the fixed-point numbers in which frames are multiplied."""
_PROFILE = 4096
"""Samples over one period of the passing shadows."""
FALLOFF = 0.22
"""Loss of light in the corners of the picture, as of a small lens."""


class Light:
    """The light of one scene: falloff of the lens, exposure, passing shadows, tint and direction."""

    def __init__(self, scene: Scene) -> None:
        rng = generator(scene.seed, "light")
        self._n, self._strength = max(scene.n_frames, 2), scene.strengths.light
        self._size = (scene.width, scene.height)
        self._phase, self._course = rng.uniform(0.0, TAU), rng.uniform(-0.6, 0.6)
        self._from = -2.36 + rng.normal(0.0, 0.35)  # the upper left: where painters and people expect the light
        self._period = 0.9 * scene.width
        self._depth = min(0.75, 0.4 * self._strength)
        pulse = np.sin(np.arange(_PROFILE) * (TAU / _PROFILE)) + 0.5 * np.sin(
            np.arange(_PROFILE) * (3 * TAU / _PROFILE) + 1.0
        )
        self._profile = 1.0 - self._depth * 0.5 * (1.0 + np.tanh(3.0 * pulse - 0.6))
        self._falloff = self._falloff_map()

    def _falloff_map(self) -> NDArray[np.uint32]:
        width, height = self._size
        x = (np.arange(width) + 0.5) / width * 2.0 - 1.0
        y = (np.arange(height) + 0.5) / height * 2.0 - 1.0
        gain = 1.0 - FALLOFF * (x[None, :] ** 2 + y[:, None] ** 2) / 2.0
        return np.rint(gain * ONE).astype(np.uint32)

    def stops(self, t: float) -> float:
        """The exposure's deviation at time t, photographic stops; zero in the first frame."""
        share = t / self._n
        return self._strength * (-0.8 * math.sin(math.pi * share) ** 2 + 0.35 * math.sin(2.0 * TAU * share))

    def towards(self, t: float) -> tuple[float, float]:
        """Unit vector in the picture plane that points to the light."""
        angle = self._from + 0.6 * self._strength * math.sin(TAU * t / self._n)
        return math.cos(angle), math.sin(angle)

    def tint(self, t: float) -> FloatArray:
        """Gains of blue, green and red: from neutral to evening light and back."""
        warmth = 0.12 * self._strength * math.sin(math.pi * min(max(t / self._n, 0.0), 1.0))
        return np.array([1.0 - warmth, 1.0, 1.0 + 0.7 * warmth])

    def _shadow_position(self, t: float) -> tuple[float, float, float]:
        """(cx, cy, c0): the profile is read at fraction cx x + cy y + c0 of its period."""
        speed = 1.3 / self._n  # a little over one period per video
        c, s = math.cos(self._course), math.sin(self._course)
        return c / self._period, s / self._period, self._phase / TAU - speed * t

    def gain_at(self, x: float, y: float, t: float) -> float:
        """Brightness factor at a point of the picture (pixels), green channel, before any clipping."""
        cx, cy, c0 = self._shadow_position(t)
        shadow = np.interp(
            (cx * x + cy * y + c0) % 1.0 * _PROFILE, np.arange(_PROFILE + 1), np.append(self._profile, self._profile[0])
        )
        u, v = 2.0 * x / self._size[0] - 1.0, 2.0 * y / self._size[1] - 1.0
        return float(2.0 ** self.stops(t) * shadow * (1.0 - FALLOFF * (u * u + v * v) / 2.0))

    def gains(self, t: float) -> NDArray[np.uint32]:
        """Fixed-point factors (`ONE` is 1) of a whole frame, H x W x 3."""
        gain = self._falloff
        if self._depth > 0.0:
            cx, cy, c0 = (round(c * _PROFILE * 65536) for c in self._shadow_position(t))
            across = cx * np.arange(self._size[0], dtype=np.int64) + (c0 + cx // 2 + cy // 2 + 32768)  # pixel centres
            index = (across[None, :] + (cy * np.arange(self._size[1], dtype=np.int64))[:, None]) >> 16
            gain = gain * np.rint(self._profile * ONE).astype(np.uint32)[index & (_PROFILE - 1)] // ONE
        channels = np.rint(2.0 ** self.stops(t) * self.tint(t) * ONE).astype(np.uint32)
        return np.asarray(gain[..., None] * channels >> np.uint32(10), dtype=np.uint32)
