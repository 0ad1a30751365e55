"""GOT-10k's protocol (Huang, Zhao, Huang, PAMI 2021; got10k toolkit 0.1.3, `ExperimentGOT10k.run`)."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, ClassVar

from spm_bench.protocols.base import OnFrame, Pass, Record, Script, WholeSequences
from spm_bench.protocols.one_pass import one_pass_moves
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Tracker

REPETITIONS = 3
"""The toolkit's number; AO pools the frames of all of them."""


@dataclass(frozen=True)
class Got10k(WholeSequences):
    """One-pass, three times; once for a tracker that calls itself `deterministic`.

    The toolkit asks the tracker (`is_deterministic`). It compares repetitions as well, but before a fourth only, which
    is never run; so all three of a tracker that declares nothing are run even if they are equal, here as there.
    """

    repetitions: int = REPETITIONS
    name: ClassVar[str] = "got10k"
    family: ClassVar[str] = "got10k"
    enough_equal: ClassVar[int] = 1

    def parameters(self) -> dict[str, Any]:
        """Name and number of repetitions."""
        return {"name": self.name, "repetitions": self.repetitions}

    def needed(self, repetition: int, tracker: Tracker) -> bool:
        """Tell whether this repetition says anything new: the first always, others if the tracker uses chance."""
        return repetition == 1 or not getattr(tracker, "deterministic", False)

    def settled(self, done: Many[Trajectory]) -> bool:
        """Tell whether the repetitions done suffice."""
        return len(done) >= self.repetitions

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say what comes next: one pass."""
        return one_pass_moves(sequence, record)

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run one pass (see `TrackingProtocol.run`); row 0 holds the given box and the seconds of `init`."""
        return Pass(tracker, sequence, repetition, seed, on_frame).follow(self)
