"""Tracking length: how far a tracker gets before it first loses the target."""

from __future__ import annotations

import numpy as np

from spm_bench.metrics.extra import PassMeasures, SequenceMetric

LOST_OVERLAP = 0.1
"""At or below this overlap the target counts as lost (the failure threshold of VOT since 2020)."""


def tracking_length(measures: PassMeasures) -> float:
    """Share of annotated frames before the first one with an overlap of at most 0.1.

    >>> nothing = np.full(5, np.nan)
    >>> overlaps = np.array([1.0, 0.8, 0.6, 0.0, 0.7])
    >>> tracking_length(PassMeasures(overlaps, nothing, np.full(5, 3, np.int8), nothing))
    0.6
    """
    overlaps = measures.overlaps[~np.isnan(measures.overlaps)]
    if not len(overlaps):
        return float("nan")
    lost = overlaps <= LOST_OVERLAP
    return float(np.argmax(lost) / len(lost)) if lost.any() else 1.0


METRIC = SequenceMetric(
    name="tracking_length",
    about=(
        "share of a sequence before the overlap first falls to 0.1 or below "
        "(Cehovin, Leonardis, Kristan: Visual object tracking performance measures revisited, 2016)"
    ),
    measure=tracking_length,
)
