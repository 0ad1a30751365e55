"""Average overlap and success rates of the GOT-10k benchmark.

Huang, Zhao, Huang: GOT-10k (TPAMI 2021) and its toolkit 0.1.3: the first frame is left out, boxes are bounded to the
picture, only frames where something of the target can be seen (cover > 0) count, and the frames of all repetitions and
sequences are pooled: long sequences weigh more than short ones. Shapes are those of `spm_bench.metrics.success`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spm_bench.metrics.success import BoolArray, FloatArray, first_rows

SUCCESS_RATES = {"sr50": 0.5, "sr75": 0.75}
"""Metric name -> overlap that a frame must strictly exceed."""


def counted_frames(lengths: ArrayLike, cover: ArrayLike | None, *, without_first: bool = True) -> BoolArray:
    """Which of F frames count: those with cover > 0, and not the first of a pass.

    Args:
        lengths: U numbers of frames.
        cover: F values 0..8, or None where everything counts.
        without_first: Leave the first frame of each pass out.

    >>> counted_frames([3, 2], [8, 0, 5, 8, 1]).tolist()
    [False, False, True, False, True]
    """
    n_frames = int(np.sum(lengths))
    counted = np.ones(n_frames, dtype=bool) if cover is None else np.asarray(cover) > 0
    if len(counted) != n_frames:
        raise ValueError(f"{len(counted)} values of cover for {n_frames} frames")
    if without_first:
        counted[first_rows(lengths)] = False
    return counted


def overlap_scores(overlaps: ArrayLike, groups: ArrayLike, n_groups: int) -> dict[str, FloatArray]:
    """AO and success rates of groups of frames: per sequence, or pooled with a single group.

    Args:
        overlaps: Values of the counted frames only.
        groups: The group (0 .. n_groups - 1) of each.
        n_groups: How many groups there are.

    Returns:
        "ao", "sr50", "sr75" -> n_groups values; NaN for a group without frames.

    >>> {k: v.round(3).tolist() for k, v in overlap_scores([0.8, 0.4, 0.75], [0, 0, 1], 2).items()}
    {'ao': [0.6, 0.75], 'sr50': [0.5, 1.0], 'sr75': [0.5, 0.0]}
    """
    values, members = np.asarray(overlaps, np.float64), np.asarray(groups, np.intp)
    counts = np.bincount(members, minlength=n_groups)

    def mean(weights: FloatArray) -> FloatArray:
        sums = np.bincount(members, weights, minlength=n_groups)
        return np.asarray(np.divide(sums, counts, out=np.full(n_groups, np.nan), where=counts > 0))

    rates = {name: mean((values > at).astype(np.float64)) for name, at in SUCCESS_RATES.items()}
    return {"ao": mean(values), **rates}
