"""What a tracker is started with inside the vot toolkit: regions in single precision become our boxes.

The toolkit holds coordinates as float32. Annotations have a few decimals, so that the shortest decimal number with the
same float32 is the annotated one; it is what our own runs start from, and boxes then agree to the last digit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spm_bench.protocols.initial_box import INIT_BOXES
from spm_bench.suites.base import FloatArray
from spm_bench.trackers.base import Box

RULED_CORNERS = 4
"""VOT's polygons have four corners, and so the rules that turn one into a box."""


def as_annotated(values: ArrayLike) -> FloatArray:
    """The shortest decimal numbers with the same float32.

    >>> as_annotated(np.float32([0.1, 334.02]))
    array([1.0000e-01, 3.3402e+02])
    """
    single = np.asarray(values, dtype=np.float32)
    return np.array([float(str(value)) for value in single.ravel()], dtype=np.float64).reshape(single.shape)


def box_of_corners(corners: ArrayLike, rule: str) -> Box:
    """The box to start on from a polygon.

    Args:
        corners: n x 2, single precision.
        rule: A name in `INIT_BOXES`; it applies to polygons of four corners, all others get their bounding box.
    """
    points = as_annotated(corners)
    if len(points) == RULED_CORNERS:
        return INIT_BOXES[rule](points.reshape(-1))
    return np.concatenate([points.min(axis=0), np.ptp(points, axis=0)])
