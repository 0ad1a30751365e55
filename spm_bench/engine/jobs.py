"""The unit of work: a bundle of jobs, each one repetition of one tracker on one sequence; done here or anywhere else.

`execute` is the one place that does work, in whatever process: this one, a worker, a node of a cluster.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Container, Generator, Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from spm_bench.errors import SpmBenchError
from spm_bench.protocols.base import OnFrame, TrackingProtocol
from spm_bench.registry import load_target
from spm_bench.results.layouts import get_layout
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import BatchTracker, Shared, Tracker, TrackerSpec, sees_the_answer, uses_chance


@dataclass(frozen=True, eq=False)
class Job:
    """Everything a worker needs for one repetition; can be pickled.

    Attributes:
        key: Tells jobs apart; comes back with the reply.
        task: Equal for the repetitions of one tracker on one sequence: these are finished in order.
        repetition: From 1.
        seed: Of the whole run.
        save_to: The run's folder of raw files: whoever does the job writes the raw file there. None: the result comes
            back with the reply.
    """

    key: int
    spec: TrackerSpec
    protocol: TrackingProtocol
    sequence: Sequence
    repetition: int
    seed: int
    task: int = 0
    save_to: Path | None = None

    @property
    def span(self) -> range:
        """The frames of its sequence that it covers, in order."""
        return self.protocol.span(self.sequence, self.repetition)


@dataclass(frozen=True, eq=False)
class Bundle:
    """Jobs that are given away together.

    Attributes:
        jobs: At least one; those of one task by ascending repetition.
        lockstep: Advance all of them together in one batch; else one after another.
    """

    jobs: tuple[Job, ...]
    lockstep: bool = False

    def retries(self, unfinished: Container[int]) -> list[Bundle]:
        """The jobs with these keys, task by task: so the one that kills a process costs no other a second time."""
        tasks: dict[int, list[Job]] = defaultdict(list)
        for job in self.jobs:
            if job.key in unfinished:
                tasks[job.task].append(job)
        return [Bundle(tuple(jobs), self.lockstep) for jobs in tasks.values()]

    def obituary(self, unfinished: Container[int], how: str, hint: str) -> list[Reply]:
        """Replies for jobs whose process died a second time: `how` in one line, `hint` what may have been the cause."""
        return [Reply(job.key, problem=how, trace=f"{how}\n{hint}\n") for job in self.jobs if job.key in unfinished]


@dataclass(frozen=True, eq=False)
class Reply:
    """What became of a job.

    Attributes:
        key: The job's.
        trajectory: The result; None if it failed, was saved, or if the protocol needs no such repetition.
        trace: The traceback if the tracker or a frame broke.
        problem: The same in one line.
        fatal: The tracker could not even be built, or the result not be written: nothing further can run.
        saved: The raw file is written, see `Job.save_to`.
        frames: Frames that were told one by one for this job, see `execute`.
        shared: What a batch shared since the reply before; None outside of one.
    """

    key: int
    trajectory: Trajectory | None = None
    trace: str | None = None
    problem: str = ""
    fatal: SpmBenchError | None = None
    saved: bool = False
    frames: int = 0
    shared: Shared | None = None


@dataclass
class TrackerCache:
    """Keeps the last tracker or batch built, as building one may mean loading a network."""

    _spec: TrackerSpec | None = field(default=None, init=False)
    _tracker: Tracker | None = field(default=None, init=False)
    _specs: tuple[TrackerSpec, ...] = field(default=(), init=False)
    _batch: BatchTracker | None = field(default=None, init=False)

    def get(self, spec: TrackerSpec) -> Tracker:
        """Build the tracker of `spec`, unless it was the last one; `init` forgets the sequence before.

        Raises:
            SpmBenchError: It cannot be built.
        """
        from spm_bench.trackers.catalog import build_tracker

        if self._tracker is None or self._spec != spec:
            self.forget()
            self._tracker = build_tracker(spec)
            self._spec = spec
        return self._tracker

    def batch(self, specs: Many[TrackerSpec]) -> tuple[BatchTracker, tuple[TrackerSpec, ...]]:
        """Build the batch for `specs`, unless the last one will do; returns it with the specs it knows, in its order.

        Raises:
            SpmBenchError: It cannot be built.
        """
        from spm_bench.trackers.catalog import build_batch

        if self._batch is None or any(spec not in self._specs for spec in specs):
            self.forget()
            self._batch = build_batch(specs)
            self._specs = tuple(specs)
        return self._batch, self._specs

    def forget(self) -> None:
        """Drop what was built: after an exception nobody knows its state."""
        self._tracker = self._spec = self._batch = None
        self._specs = ()


def execute(bundle: Bundle, trackers: TrackerCache, on_frame: OnFrame | None = None) -> Generator[Reply, None, None]:
    """Do a bundle; yields one reply per job, as each finishes.

    Whatever a tracker throws is in its reply, `sys.exit` too; only Ctrl-C passes through. Repetitions of one task are
    finished, and saved, in order; after one that broke the later ones are given up and say so.

    Args:
        bundle: What to do.
        trackers: What this process has built before.
        on_frame: Called after every frame of every job.
    """
    from spm_bench.engine.lockstep import together

    jobs = {job.key: job for job in bundle.jobs}
    doing = (
        together(bundle.jobs, trackers, on_frame) if bundle.lockstep else _one_by_one(bundle.jobs, trackers, on_frame)
    )
    with contextlib.closing(_in_order(bundle.jobs, doing)) as replies:
        for reply in replies:
            yield _saved(jobs[reply.key], reply)


def batchable(spec: TrackerSpec) -> bool:
    """Tell whether targets of this tracker may be advanced in a batch and come out as alone.

    A tracker that is told seeds or the ground truth before each start needs an object of its own for each target.
    """
    from spm_bench.trackers.catalog import can_batch

    kind = load_target(spec.target)
    return can_batch(spec) and not uses_chance(kind) and not sees_the_answer(kind)


def deterministic(spec: TrackerSpec) -> bool:
    """Tell whether the tracker's class calls itself deterministic."""
    return bool(getattr(load_target(spec.target), "deterministic", False))


def needed(job: Job, tracker: object) -> bool:
    """Tell whether a repetition says anything new of a tracker, or of all of its class."""
    return job.protocol.needed(job.repetition, cast(Tracker, tracker))


def broken(job: Job, error: BaseException, frames: int = 0) -> Reply:
    """The reply of a job that ended with an exception."""
    trace = "".join(traceback.format_exception(error))
    return Reply(job.key, trace=trace, problem=one_line(error), frames=frames)


def one_line(error: BaseException) -> str:
    """An exception in one line: message and notes, with the type in front unless it is one of ours."""
    text = " ".join(str(error).split())
    if not isinstance(error, SpmBenchError):
        text = f"{type(error).__name__}: {text}".rstrip(": ")
    notes = ", ".join(getattr(error, "__notes__", ()))
    return f"{text} ({notes})" if notes else text


@dataclass(eq=False)
class _Counter:
    """Counts the frames of one job, and passes them on."""

    on_frame: OnFrame | None
    frames: int = 0

    def __call__(self, index: int) -> None:
        self.frames += 1
        if self.on_frame is not None:
            self.on_frame(index)


def _one_by_one(jobs: Many[Job], trackers: TrackerCache, on_frame: OnFrame | None) -> Iterator[Reply]:
    given_up: set[int] = set()
    for job in jobs:
        reply = Reply(job.key) if job.task in given_up else _alone(job, trackers, _Counter(on_frame))
        if reply.trace is not None:
            given_up.add(job.task)
        yield reply


def _alone(job: Job, trackers: TrackerCache, count: _Counter) -> Reply:
    try:
        tracker = trackers.get(job.spec)
    except SpmBenchError as error:
        return Reply(job.key, fatal=error)
    try:
        if not needed(job, tracker):
            return Reply(job.key)
        trajectory = job.protocol.run(tracker, job.sequence, repetition=job.repetition, seed=job.seed, on_frame=count)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises, the other sequences must go on
        trackers.forget()
        return broken(job, error, count.frames)
    return Reply(job.key, trajectory, frames=count.frames)


def _in_order(jobs: Many[Job], replies: Iterator[Reply]) -> Generator[Reply, None, None]:
    """Let the repetitions of each task out in order: a gap between raw files would be damage to who resumes."""
    task_of = {job.key: job.task for job in jobs}
    due: dict[int, list[int]] = defaultdict(list)
    for job in jobs:
        due[job.task].append(job.key)
    held: dict[int, Reply] = {}
    given_up: dict[int, Reply] = {}
    for reply in replies:
        task = task_of[reply.key]
        held[reply.key] = reply
        while held.keys() & due[task] and (task in given_up or due[task][0] in held):
            key = next(key for key in due[task] if key in held)
            due[task].remove(key)
            out = held.pop(key)
            if task in given_up:
                first = given_up[task]
                out = replace(out, trajectory=None, trace=first.trace, problem=first.problem)
            elif out.trace is not None:
                given_up[task] = out
            yield out


def _saved(job: Job, reply: Reply) -> Reply:
    """Write the raw file where the job wants it."""
    if job.save_to is None or reply.trajectory is None:
        return reply
    try:
        layout = get_layout(job.protocol.family)
        layout.write_pass(job.save_to, job.sequence, job.repetition, reply.trajectory)
    except SpmBenchError as error:
        return replace(reply, trajectory=None, fatal=error)
    return replace(reply, trajectory=None, saved=True)


@dataclass(eq=False)
class FrameTeller:
    """Tells another process or thread now and then how many frames are done; an `OnFrame`.

    Attributes:
        say: Takes the number of frames since it was told last.
        every: Seconds between two tellings.
    """

    say: Callable[[int], None]
    every: float
    frames: int = field(default=0, init=False)
    last: float = field(default_factory=time.monotonic, init=False)

    def __call__(self, index: int) -> None:  # noqa: ARG002 - the count matters, not which
        """Count a frame."""
        self.frames += 1
        if time.monotonic() - self.last >= self.every:
            self.flush()

    def flush(self) -> None:
        """Tell the rest."""
        if self.frames:
            self.say(self.frames)
        self.frames, self.last = 0, time.monotonic()
