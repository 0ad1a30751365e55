"""How an annotated region becomes the upright box that VOT's trackers are started with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spm_bench.errors import unknown_name
from spm_bench.geometry.polygons import area_preserving_box, bounding_box
from spm_bench.suites.base import FloatArray, Sequence
from spm_bench.trackers.base import Box

INIT_BOXES: dict[str, Callable[[FloatArray], Box]] = {
    "area_preserving": area_preserving_box,
    "axis_aligned": bounding_box,
}
"""area_preserving: SPM's and SiamFC's rule, the bounding box shrunk about the mean corner to the polygon's area;
axis_aligned: the bounding box, which the vot toolkit gives to trackers that ask for rectangles."""
DEFAULT_INIT_BOX = "area_preserving"


def check_init_box(rule: str) -> None:
    """Raise UsageError for a name that is not in `INIT_BOXES`."""
    if rule not in INIT_BOXES:
        raise unknown_name("rule for the initial box", rule, INIT_BOXES)


def initial_box(sequence: Sequence, index: int, rule: str) -> Box:
    """The box to start on: made from the polygon by the named rule, or the annotated box where there is none."""
    if sequence.polygons is None:
        return np.asarray(sequence.ground_truth[index])
    return INIT_BOXES[rule](sequence.polygons[index])
