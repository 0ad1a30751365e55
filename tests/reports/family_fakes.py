"""Trackers that stand in for networks: quick, and different from each other in a way that is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Creeps:
    """Starts on the target and then creeps to the right, whatever it is shown."""

    deterministic = True

    def __init__(self, pixels: float = 0.0) -> None:
        self.pixels, self.box = pixels, np.zeros(4)

    def init(self, _: object, box: Numbers) -> None:
        self.box = np.array(box, dtype=np.float64)

    def update(self, _: object) -> Numbers:
        self.box = self.box + np.array([self.pixels, 0.0, 0.0, 0.0])
        return self.box
