"""The tracker that never moves: the floor under every table, and the fastest way through a protocol."""

from __future__ import annotations

import numpy as np

from spm_bench.suites.base import Frame
from spm_bench.trackers.base import Box


class StaticTracker:
    """Returns the initial box in every frame."""

    deterministic = True
    looks_at_pictures = False  # so that no ranking of speeds has it

    def init(self, frame: Frame, box: Box) -> None:  # noqa: ARG002
        """Remember `box`; the picture is not looked at."""
        self._box = np.array(box, dtype=np.float64)

    def update(self, frame: Frame) -> Box:  # noqa: ARG002
        """Return a copy of the initial box."""
        return self._box.copy()
