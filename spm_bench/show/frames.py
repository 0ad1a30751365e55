"""Which frames of a sequence are shown: all, those asked for, those around losses. People count from 1, we from 0."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from spm_bench.errors import UsageError
from spm_bench.scoring.timeline import Timeline

AROUND = 15
"""Frames before and after a loss in a moving picture: half a second, before which a tracker begins to go astray."""
STRIP = (-10, -4, -1, 0, 5)
"""Frames of a sheet, counted from the loss: more before it, where the reason lies; VOT starts again after five."""


def parse_frames(text: str, n: int) -> list[int]:
    """Read "10-40,55": frames from 1, both ends included.

    Args:
        text: As typed.
        n: How many frames there are.

    Returns:
        Frames from 0, ascending, each once.

    Raises:
        UsageError: It is not of this form, or names a frame that there is not.

    >>> parse_frames("3-5,1", 9)
    [0, 2, 3, 4]
    """
    chosen: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part, re.ASCII)
        if found is None:
            raise UsageError(f"--frames {text}: {part.strip()!r} is no frame", remedy="Example: --frames 10-40,55")
        first, last = int(found[1]), int(found[2] or found[1])
        if not 1 <= first <= last <= n:
            whole = f"The sequence has frames 1 to {n}"
            raise UsageError(f"--frames {text}: there are no frames {part.strip()}", remedy=whole)
        chosen.update(range(first - 1, last))
    return sorted(chosen)


def around_losses(lines: Iterable[Timeline], n: int, *, moving: bool) -> list[int]:
    """Frames around every loss of any tracker, ascending; none where nobody loses the target.

    Args:
        lines: What the trackers did.
        n: Frames of the sequence.
        moving: For a moving picture, all frames within `AROUND`; else those of `STRIP`.
    """
    steps = range(-AROUND, AROUND + 1) if moving else STRIP
    losses = sorted({loss for line in lines for loss in line.losses()})
    return sorted({loss + step for loss in losses for step in steps if 0 <= loss + step < n})


def evenly(n: int, most: int) -> list[int]:
    """At most so many of n frames in even steps, first and last among them.

    >>> evenly(10, 4)
    [0, 3, 6, 9]
    """
    return sorted({int(i) for i in np.linspace(0, n - 1, min(n, most)).round()})
