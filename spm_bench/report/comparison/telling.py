"""The sequences on which two trackers differ most, and the moments in which they part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spm_bench.metrics.statistics import TIE
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.timeline import Timeline
from spm_bench.suites import base

FloatArray = NDArray[np.float64]

EACH = 3
"""Gains, and losses, that are shown: what a reader looks at."""
SMOOTH = 15
"""Frames over which the two must differ to have parted: half a second."""
TOGETHER = 0.1
"""Difference of overlaps up to which two trackers count as together: that of a box drawn a little larger."""
REACH = 40
"""Frames of a film strip before and after the moment, at most."""
LEAST = 12
"""And so many that it spans, where the sequence has them."""
SHOTS = 5
"""Pictures of a film strip."""


@dataclass(frozen=True, eq=False)
class Telling:
    """A sequence on which two trackers differ.

    Attributes:
        sequence: The sequence.
        win: Whether the other tracker is better than the base here.
        values: Metric -> (the other's value, the base's).
        lines: Overlaps over time of the other and of the base.
        moment: Frame (from 0) around which their overlaps part most.
        frames: Those of the film strip, ascending.
    """

    sequence: base.Sequence
    win: bool
    values: Mapping[str, tuple[float, float]]
    lines: tuple[Timeline, Timeline]
    moment: int
    frames: tuple[int, ...]

    @property
    def has_pictures(self) -> bool:
        """Whether a film strip can be made."""
        return self.sequence.frames is not None


def biggest(deltas: pd.DataFrame, metrics: Sequence[str], each: int = EACH) -> tuple[list[str], list[str]]:
    """Names of the sequences with the largest gains and with the largest losses, the largest first.

    Args:
        deltas: See `frames.delta_frame`; of several metrics.
        metrics: They are ordered by the first; where that is equal, by the next.
        each: Of either.
    """
    keys: dict[str, list[float]] = {}
    for place, metric in enumerate(metrics):
        for row in deltas[deltas["metric"] == metric].to_dict("records"):
            gain = float(row["delta"]) if row["higher_is_better"] else -float(row["delta"])
            keys.setdefault(str(row["sequence"]), [0.0] * len(metrics))[place] = round(gain / TIE) * TIE
    order = sorted(keys, key=lambda name: (*(-gain for gain in keys[name]), name))
    zero = [0.0] * len(metrics)
    gains = [name for name in order if keys[name] > zero]
    losses = [name for name in reversed(order) if keys[name] < zero]
    return gains[:each], losses[:each]


def parting(better: Timeline, worse: Timeline) -> tuple[int, tuple[int, ...]]:
    """The frame around which `better` is most above `worse`, and those of a film strip from together to together.

    Args:
        better: Of the tracker that is better on the sequence.
        worse: Of the other, on the same n frames.
    """
    ahead = np.nan_to_num(_overlaps(better) - _overlaps(worse))
    n, width = len(ahead), min(SMOOTH, len(ahead))
    first = int(np.argmax(np.convolve(ahead, np.ones(width), mode="valid")))
    moment = first + int(np.argmax(ahead[first : first + width]))
    apart = ahead > TOGETHER
    start = end = moment
    while start > max(moment - REACH, 0) and apart[start]:
        start -= 1
    while end < min(moment + REACH, n - 1) and apart[end]:
        end += 1
    room = max(LEAST - (end - start), 0)  # a moment of a few frames is shown with what was around it
    start, end = max(start - (room + 1) // 2, 0), min(end + (room + 1) // 2, n - 1)
    frames = np.unique(np.rint(np.linspace(start, end, SHOTS)).astype(int))
    frames[np.argmin(np.abs(frames - moment))] = moment
    return moment, tuple(int(frame) for frame in frames)


def _overlaps(line: Timeline) -> FloatArray:
    """Overlaps over time; a tracker that waits for its next start overlaps nothing."""
    return np.where(line.states == FrameState.SKIPPED, 0.0, line.overlaps)
