"""What a tracker did on one sequence, in one repetition."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spm_bench.suites.base import Sequence


class FrameState(IntEnum):
    """What happened in a frame. 0, 1 and 2 are the codes of VOT's raw files; a frame with a region is TRACKED."""

    SKIPPED = 0
    INIT = 1
    FAILURE = 2
    TRACKED = 3


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One pass of a tracker over a sequence of n frames.

    Attributes:
        boxes: n x 4 float64 (x, y, w, h), 0-based; NaN where the frame has no box (states 0, 1, 2 of supervised runs).
            One-pass trajectories have state INIT and the given box in row 0, TRACKED after it.
        states: n int8 values of `FrameState`.
        seconds: n float64, time inside the tracker's init/update, without decoding; NaN where unknown.
        polygons: n x 8 float64 where a foreign result holds polygons (NaN rows elsewhere), else None.
    """

    boxes: NDArray[np.float64]
    states: NDArray[np.int8]
    seconds: NDArray[np.float64]
    polygons: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.boxes)


@dataclass(frozen=True, eq=False)
class Joined:
    """One pass over each of some sequences, one after the other: F x 4 boxes and F seconds as in `Trajectory`."""

    boxes: NDArray[np.float64]
    seconds: NDArray[np.float64]


class ResultSet(Protocol):
    """The raw results of one tracker on one suite: a run folder of ours, or anybody's folder of text files.

    Attributes:
        tracker: Name in tables; for a foreign folder, the folder's name.
        variant: Variant name, "base" if none.
        protocol: The protocol the results were made under.
        run: The folder, as text.
        trained: "yes", "no" or "" (see TrackerSpec).
        source: "measured here" or "raw results" (see Score).
        note: For the reader, usually empty.
    """

    tracker: str
    variant: str
    protocol: str
    run: str
    trained: str
    source: str
    note: str

    @property
    def label(self) -> str:
        """What tables print."""

    def has(self, sequence: str) -> bool:
        """Tell whether there is any result for the sequence of this name."""

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        """Read all repetitions of a sequence, in order.

        Raises:
            ResultsError: A file is missing, cut, of the wrong length or not numbers; names file and line.
        """


@runtime_checkable
class JoinedResultSet(ResultSet, Protocol):
    """A result set that can read many sequences at once, faster than one by one."""

    def joined(self, sequences: Many[Sequence]) -> Joined | None:
        """Read the only pass over each of some sequences that have results.

        Returns:
            The same boxes and seconds as `trajectories` gives; None where these have to be asked, which may or may not
            find a fault.
        """
