"""The unit of work: one repetition of one tracker on one sequence; done here or in another process."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field

from spm_bench.errors import SpmBenchError
from spm_bench.protocols.base import OnFrame, TrackingProtocol
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Tracker, TrackerSpec


@dataclass(frozen=True, eq=False)
class Job:
    """Everything a worker needs; can be pickled.

    Attributes:
        key: Tells jobs apart; comes back with the reply.
        repetition: From 1.
        seed: Of the whole run.
    """

    key: int
    spec: TrackerSpec
    protocol: TrackingProtocol
    sequence: Sequence
    repetition: int
    seed: int


@dataclass(frozen=True, eq=False)
class Reply:
    """What became of a job.

    Attributes:
        key: The job's.
        trajectory: The result; None if it failed, or if the protocol needs no such repetition of this tracker.
        trace: The traceback if the tracker or a frame broke.
        problem: The same in one line.
        fatal: The tracker could not even be built: no sequence can run.
    """

    key: int
    trajectory: Trajectory | None = None
    trace: str | None = None
    problem: str = ""
    fatal: SpmBenchError | None = None


@dataclass
class TrackerCache:
    """Keeps the last tracker built, as building one may mean loading a network; `init` forgets the sequence before."""

    _spec: TrackerSpec | None = field(default=None, init=False)
    _tracker: Tracker | None = field(default=None, init=False)

    def get(self, spec: TrackerSpec) -> Tracker:
        """Build the tracker of `spec`, unless it was the last one.

        Raises:
            SpmBenchError: It cannot be built.
        """
        from spm_bench.trackers.catalog import build_tracker

        if self._tracker is None or self._spec != spec:
            self.forget()
            self._tracker = build_tracker(spec)
            self._spec = spec
        return self._tracker

    def forget(self) -> None:
        """Drop the tracker: after an exception nobody knows its state."""
        self._tracker = self._spec = None


def execute(job: Job, trackers: TrackerCache, on_frame: OnFrame | None = None) -> Reply:
    """Do one job. Whatever the tracker throws is in the reply, `sys.exit` too; only Ctrl-C passes through."""
    try:
        tracker = trackers.get(job.spec)
    except SpmBenchError as error:
        return Reply(job.key, fatal=error)
    try:
        if not job.protocol.needed(job.repetition, tracker):
            return Reply(job.key)
        trajectory = job.protocol.run(
            tracker, job.sequence, repetition=job.repetition, seed=job.seed, on_frame=on_frame
        )
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises, the other sequences must go on
        trackers.forget()
        return Reply(job.key, trace=traceback.format_exc(), problem=one_line(error))
    return Reply(job.key, trajectory)


def one_line(error: BaseException) -> str:
    """An exception in one line: message and notes, with the type in front unless it is one of ours."""
    text = " ".join(str(error).split())
    if not isinstance(error, SpmBenchError):
        text = f"{type(error).__name__}: {text}".rstrip(": ")
    notes = ", ".join(getattr(error, "__notes__", ()))
    return f"{text} ({notes})" if notes else text
