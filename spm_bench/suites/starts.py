"""Where multi-start runs begin (VOT-ST 2020 to 2022), and which frames they cover.

A run starts on an anchor and goes forwards to the last frame or backwards to the first. The anchors are part of the
annotation (`anchor.value`: above 0 forwards, below 0 backwards). The toolkit refuses a sequence without any; so that
other suites can be run too, such a sequence gets anchors by a rule of ours, see `spread_anchors`.
"""

from __future__ import annotations

import numpy as np

from spm_bench.suites.base import FloatArray, Sequence

ANCHOR_EVERY = 50
"""Frames from one anchor of ours to the next: about as far apart as VOT2020's are said to be."""


def anchors_of(sequence: Sequence) -> FloatArray:
    """The sequence's own anchors, or ours where it has none (n values, see `Sequence.anchors`)."""
    return spread_anchors(len(sequence)) if sequence.anchors is None else sequence.anchors


def spread_anchors(n_frames: int, every: int = ANCHOR_EVERY) -> FloatArray:
    """Anchors on frames 0, `every`, 2 `every`, ...; each run goes towards the farther end, forwards if both are alike.

    >>> spread_anchors(5, 2).tolist()
    [1.0, 0.0, 1.0, 0.0, -1.0]
    """
    anchors = np.zeros(n_frames)
    frames = np.arange(0, n_frames, every)
    anchors[frames] = np.where(n_frames - 1 - frames >= frames, 1.0, -1.0)
    return anchors


def run_spans(sequence: Sequence) -> tuple[range, ...]:
    """The frames of each run, in the toolkit's order: forwards from the first anchor on, then backwards likewise.

    The first frame of a span is the anchor.
    """
    anchors, n = anchors_of(sequence), len(sequence)
    forwards = [range(int(frame), n) for frame in np.flatnonzero(anchors > 0)]
    backwards = [range(int(frame), -1, -1) for frame in np.flatnonzero(anchors < 0)]
    return (*forwards, *backwards)


def part_of(sequence: Sequence, span: range) -> Sequence:
    """The frames of a span as a sequence; the whole sequence itself where the span is all of it in order."""
    return sequence if span == range(len(sequence)) else sequence.part(span)
