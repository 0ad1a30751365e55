"""Results in memory, for tests that need a `ResultSet` and no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.suites.base import Sequence, Suite

TRUTH = np.array([[10.0, 10, 20, 20]] * 5)


def one_pass(boxes: np.ndarray, seconds: float = float("nan")) -> Trajectory:
    """A one-pass trajectory: the first box given, the others tracked."""
    states = np.full(len(boxes), FrameState.TRACKED, dtype=np.int8)
    states[:1] = FrameState.INIT
    return Trajectory(np.asarray(boxes, dtype=np.float64), states, np.full(len(boxes), seconds))


@dataclass
class MemoryResults:
    """Sequence name -> repetitions."""

    passes: Mapping[str, tuple[Trajectory, ...]]
    tracker: str = "Fake"
    variant: str = "base"
    protocol: str = "one_pass"
    run: str = "somewhere"
    trained: str = ""
    source: str = "raw results"
    note: str = ""
    label: str = field(default="Fake")

    def has(self, sequence: str) -> bool:
        return sequence in self.passes

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        return self.passes[sequence.name]


def make_suite(*sequences: Sequence, family: str = "otb", n_total: int | None = None) -> Suite:
    return Suite("tiny", "Tiny", family, "one_pass", sequences, n_total or len(sequences))
