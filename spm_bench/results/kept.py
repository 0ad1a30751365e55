"""Raw results that were read once and are looked at many times: a `ResultSet` in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.results.trajectory import ResultSet, Trajectory
from spm_bench.suites.base import Sequence


@dataclass(eq=False)
class KeptResults:
    """Some passes of a tracker, by sequence (a `ResultSet`); see there for the attributes."""

    passes: Mapping[str, tuple[Trajectory, ...]]
    tracker: str
    variant: str
    protocol: str
    run: str
    trained: str
    source: str
    note: str
    label: str

    def has(self, sequence: str) -> bool:
        """Tell whether there is any result for the sequence of this name."""
        return sequence in self.passes

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        """All repetitions of a sequence, in order. Raises ResultsError where there is none."""
        if not self.has(sequence.name):
            raise ResultsError(f"{self.label} has no results for {sequence.name}", where=self.run)
        return self.passes[sequence.name]

    def changed(self, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> KeptResults:
        """The same results with other boxes.

        Args:
            change: From n x 4 boxes of one pass, 0-based, to n x 4 others.
        """
        passes = {
            name: tuple(replace(one, boxes=change(one.boxes)) for one in found) for name, found in self.passes.items()
        }
        return replace(self, passes=passes)


def keep(results: ResultSet, passes: Mapping[str, tuple[Trajectory, ...]]) -> KeptResults:
    """Passes that were read from `results`, with everything else that is known of these."""
    return KeptResults(
        passes=passes,
        tracker=results.tracker,
        variant=results.variant,
        protocol=results.protocol,
        run=results.run,
        trained=results.trained,
        source=results.source,
        note=results.note,
        label=results.label,
    )
