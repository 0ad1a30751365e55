"""Where the runs of OTB's temporal robustness begin (Wu, Lim, Yang, TPAMI 2015; OTB toolkit, `splitSeqTRE.m`).

Twenty runs go from their starts to the end of the sequence. A frame can be a start if its annotation is usable (x, y, w
and h above 0, where the first pixel is 1), if the benchmark does not leave it out (the target is hidden there, see
`Sequence.no_start`), and if at least 20 frames are left from it on. Of the E such frames, counted from 0, the starts
are those of numbers floor(k E / 19) for k = 0 ... 18, and the last one.

Where the toolkit has no rule: with fewer than 20 such frames it repeats some, here each is a start once; without any,
it stops, and here the first usable frame is the only start.
"""

from __future__ import annotations

import numpy as np

from spm_bench.suites.base import Sequence

STARTS = 20
"""Segments of a sequence in the toolkit (`numSeg`)."""
SHORTEST = 20
"""Frames that a run has at least (`minNum`)."""


def temporal_starts(sequence: Sequence) -> tuple[int, ...]:
    """The frames (from 0) on which the runs begin, ascending.

    >>> truth = np.full((100, 4), 5.0)
    >>> temporal_starts(Sequence("a", truth))
    (0, 4, 8, 12, 17, 21, 25, 29, 34, 38, 42, 46, 51, 55, 59, 63, 68, 72, 76, 80)
    """
    boxes = np.add(sequence.ground_truth, (1.0, 1.0, 0.0, 0.0))
    with np.errstate(invalid="ignore"):
        able = (boxes > 0).all(axis=1)
    if sequence.no_start is not None:
        able &= ~sequence.no_start
    frames = np.flatnonzero(able)
    long = frames[frames <= len(sequence) - SHORTEST]
    if not len(long):
        return (int(frames[0]) if len(frames) else 0,)
    numbers = [k * len(long) // (STARTS - 1) for k in range(STARTS - 1)]
    return tuple(int(long[number]) for number in sorted({*numbers, len(long) - 1}))


def temporal_spans(sequence: Sequence) -> tuple[range, ...]:
    """The frames of each run, in the order of their starts."""
    return tuple(range(start, len(sequence)) for start in temporal_starts(sequence))
