"""A recorded run of SPM on one sequence, run again along its protocol with everything that led to each box.

The boxes are compared with the recorded ones as they come, so nobody is shown the reasons of other boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spm_bench.errors import TrackerError, listed
from spm_bench.protocols.base import Pass, TrackingProtocol, next_move
from spm_bench.suites.base import Frame, FrameSource, Sequence

if TYPE_CHECKING:
    from spm_bench.results.manifest import Manifest
    from spm_bench.results.trajectory import Trajectory
    from spm_bench.trackers.spm.trace import StepTrace
    from spm_bench.trackers.spm.tracker import SpmTracker

SAME_WITHIN = 1e-3
"""Pixels by which boxes of one target may differ between machines, and between a batch and a target alone."""


@dataclass(eq=False)
class LatestFrame:
    """Frames of which the one asked for last is kept, for those who look at it one after the other."""

    frames: FrameSource
    _latest: tuple[int, Frame] | None = field(default=None, init=False)

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        """Frame `index`, decoded once for successive calls."""
        if self._latest is None or self._latest[0] != index:
            self._latest = index, self.frames[index]
        return self._latest[1]


@dataclass(frozen=True)
class Difference:
    """Where a repeated run is not the recorded one.

    Attributes:
        frame: The first such frame, from 0.
        pixels: By how much the boxes differ there; infinite where only one of the two lost the target.
    """

    frame: int
    pixels: float


def may_be_traced(manifest: Manifest) -> bool:
    """Tell from its record whether a run is of SPM or something built on it; torch is not loaded for that."""
    return "near_candidates" in (manifest["tracker"]["identity"].get("config") or {})


@dataclass(eq=False)
class Replay:
    """A run that is repeated frame by frame.

    Attributes:
        label: Of the run.
        sequence: With pictures.
        protocol: Of the run.
        tracker: As described by the run, built now.
        recorded: What it did.
        changed: What boxes depend on and is not as it was ("tracker code", "weights"); none of it need change a box.
        difference: The first frame, so far, whose box is not the recorded one.
    """

    label: str
    sequence: Sequence
    protocol: TrackingProtocol
    tracker: SpmTracker
    recorded: Trajectory
    changed: tuple[str, ...] = ()
    difference: Difference | None = field(default=None, init=False)
    _at: int = field(default=-1, init=False)
    _trace: StepTrace | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._steps = self._follow()

    def trace(self, frame: int) -> StepTrace | None:
        """Go on to a frame, from 0; its step, or None where the tracker was started or was not running.

        Frames must be asked for in ascending order.

        Raises:
            DataError: A picture is missing or broken.
        """
        while self._at < frame:
            self._at, self._trace = next(self._steps, (frame, None))
        return self._trace if self._at == frame else None

    def told(self) -> str:
        """The difference in words, with what may have caused it; "" where there is none so far."""
        found = self.difference
        if found is None:
            return ""
        how = (
            "one lost the target there, the other did not"
            if np.isinf(found.pixels)
            else f"the boxes are {found.pixels:.2g} px apart there"
        )
        cause = f"; changed since: {listed(self.changed)}" if self.changed else ""
        return f"{self.label} run again differs from the recorded run, first in frame {found.frame + 1} ({how}{cause})"

    def _follow(self) -> Iterator[tuple[int, StepTrace | None]]:
        """Yield each frame in which the tracker ran, with its step; starts have none."""
        from spm_bench.trackers.spm.trace import TracedSpm

        latest: list[StepTrace] = []

        def keep(trace: StepTrace) -> None:
            latest[:] = [trace]

        doing = Pass(TracedSpm(self.tracker, keep), self.sequence, 1, 0)
        script = self.protocol.moves(self.sequence, doing.record)
        move = next_move(script)
        while move is not None:
            index, starts = move.index, move.box is not None
            answer = doing.step(index) if move.box is None else doing.start(index, move.box)
            move = next_move(script, answer)  # only now failures are marked
            self._compare(doing.trajectory(), index)
            yield index, None if starts else latest[0]

    def _compare(self, made: Trajectory, frame: int) -> None:
        if self.difference is not None:
            return
        if made.states[frame] != self.recorded.states[frame]:
            self.difference = Difference(frame, np.inf)
            return
        pixels = np.abs(made.boxes[frame] - self.recorded.boxes[frame])
        if (pixels > SAME_WITHIN).any():
            self.difference = Difference(frame, float(np.nanmax(pixels)))


def make_replay(
    folder: Path, sequence: Sequence, recorded: Trajectory, *, data: Path | None = None, weights: str | None = None
) -> Replay:
    """Build the tracker of a run to repeat one sequence, on the kind of device the run was made on.

    Args:
        folder: The run folder.
        sequence: With pictures; its data were compared with the run's.
        recorded: What the run did on it.
        data: Where the data are, as for `spm_bench.suites.load_suite`.
        weights: Where the run's weights are now, if they were moved.

    Raises:
        TrackerError: It is no SPM, or updates in a way of its own; or its first pass cannot be repeated frame by frame.
        SpmBenchError: It cannot be built: weights or code are gone, ...
    """
    from spm_bench.reproduce.described import describe
    from spm_bench.reproduce.request import ReproduceRequest
    from spm_bench.results.changes import identity_facts
    from spm_bench.results.manifest import read_manifest
    from spm_bench.trackers.catalog import build_tracker
    from spm_bench.trackers.spm.tracker import SpmTracker

    on_cpu = read_manifest(folder)["tracker"]["identity"].get("device_type") == "cpu"
    device = "cpu" if on_cpu else None
    then = describe(ReproduceRequest(folder, sequences=(sequence.name,), data=data, weights=weights, device=device))
    tracker = build_tracker(then.spec)
    if not isinstance(tracker, SpmTracker) or type(tracker).update is not SpmTracker.update:
        raise TrackerError(f"{then.manifest['label']} is not SPM, or updates in a way of its own: it cannot be traced")
    if then.protocol.timed:
        raise TrackerError(f"under the protocol {then.protocol.name} boxes depend on seconds: it cannot be repeated")
    if then.protocol.span(sequence, 1) != range(len(sequence)) or len(recorded) != len(sequence):
        raise TrackerError(f"the first pass under the protocol {then.protocol.name} is not of the whole sequence")
    before = identity_facts(then.manifest)
    now = identity_facts({**then.manifest, "tracker": {**then.manifest["tracker"], "identity": then.spec.identity}})
    changed = tuple(what for what in {**before, **now} if before.get(what) != now.get(what))
    return Replay(then.manifest["label"], sequence, then.protocol, tracker, recorded, changed)
