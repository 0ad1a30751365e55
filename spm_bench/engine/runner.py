"""Run many trackers over many sequences: resume what is there, survive what breaks, keep what is finished."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Sequence as Many
from dataclasses import dataclass, field

from spm_bench.engine.bundling import BUNDLES_PER_WORKER, BundleMaker, Task
from spm_bench.engine.executors import Executor, Inline, Pool
from spm_bench.engine.jobs import Bundle, Job, Reply, batchable, deterministic
from spm_bench.engine.progress import Progress, Quiet
from spm_bench.errors import UsageError
from spm_bench.protocols.base import frames_to_track, in_parts, is_finished
from spm_bench.results.runs import Run
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence, Suite
from spm_bench.trackers.base import Shared


@dataclass(frozen=True)
class Failure:
    """A sequence that broke.

    Attributes:
        label: The tracker's.
        sequence: Name.
        problem: In one line; the traceback is in the run folder.
    """

    label: str
    sequence: str
    problem: str


def run_all(
    runs: Many[Run],
    suite: Suite,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    lockstep: bool = False,
    executor: Executor | None = None,
    shared: Shared | None = None,
) -> tuple[Failure, ...]:
    """Finish all runs.

    Args:
        runs: Open run folders, one per tracker; results go there after every repetition.
        suite: With frames.
        workers: Processes; 1 works in this one. Seconds per frame are honest only while cores are not shared.
        progress: Who is told.
        lockstep: Advance the trackers that can be batched together, sequence by sequence: every picture is decoded once
            for all of them, and what is equal is computed once. Their seconds are NaN: speed is not measured. The
            others run as without.
        executor: Where to work instead; it is closed at the end. None: in this process, or in `workers` of them.
        shared: The steps that batches were asked for and computed are added here.

    Returns:
        The sequences that broke, in the order they did; everything else is finished.

    Raises:
        UsageError: No worker, or something that cannot be sent to one.
        SpmBenchError: A tracker cannot be built at all.
        ResultsError: Results cannot be written (disk full, ...), or existing ones are damaged.
    """
    check_workers(workers)
    progress = progress or Quiet()
    executor = executor or (Inline() if workers == 1 else Pool(workers))
    executor.on_frames = progress.frames
    with contextlib.closing(executor):
        tasks = _open_tasks(runs, suite, lockstep=lockstep)
        sharing = _Sharing(Shared() if shared is None else shared)
        sharing.describe(tasks, executor)
        ledger = _Ledger({task.key: task for task in tasks})
        wanted = 1 if isinstance(executor, Inline) else BUNDLES_PER_WORKER * executor.capacity
        work = _Work(executor, BundleMaker(wanted, saves=executor.saves), ledger, progress, sharing)
        progress.begin(len(tasks), ledger.frames_left(), len({id(task.run) for task in tasks}))
        try:
            return work.do()
        finally:
            progress.end()


def check_workers(workers: int) -> None:
    """Raise UsageError for a number of processes that cannot work."""
    if workers < 1:
        raise UsageError(f"{workers} workers cannot run anything", remedy="Give --workers 1 or more")


def _open_tasks(runs: Many[Run], suite: Suite, *, lockstep: bool) -> list[Task]:
    """What is left to do, tracker by tracker; records what earlier sessions had finished."""
    tasks: list[Task] = []
    for run in runs:
        together = lockstep and batchable(run.spec) and not run.protocol.timed
        for sequence in suite.sequences:
            finished = run.finished(sequence)
            if run.is_done(sequence, finished):
                run.mark_done(sequence, len(finished))
            else:
                at_once = _certain(run, sequence) if together else 1
                tasks.append(Task(len(tasks), run, sequence, list(finished), lockstep=together, at_once=at_once))
    return tasks


def _certain(run: Run, sequence: Sequence) -> int:
    """How many repetitions are needed whatever comes of the first."""
    if in_parts(run.protocol, sequence):
        return run.protocol.count(sequence)
    return run.protocol.enough_equal if deterministic(run.spec) else 1


@dataclass(eq=False)
class _Ledger:
    """Estimates the frames that remain, from how many repetitions the sequences needed so far."""

    open: dict[int, Task]
    needed: list[int] = field(default_factory=list)

    def frames_left(self) -> int:
        return sum(map(self._frames_of, self.open.values()))

    def _frames_of(self, task: Task) -> int:
        protocol, done = task.run.protocol, len(task.finished)
        if in_parts(protocol, task.sequence):
            return frames_to_track(protocol, task.sequence, range(done + 1, protocol.count(task.sequence) + 1))
        return len(task.sequence) * self._repetitions_left(task)

    def _repetitions_left(self, task: Task) -> int:
        likely = task.at_once if task.at_once > 1 else task.run.protocol.repetitions
        return max(max(self.needed, default=likely) - len(task.finished), 1)


@dataclass(eq=False)
class _Sharing:
    """Keeps in each run's record how it was computed, and what the batches shared."""

    total: Shared
    facts: list[dict[str, int]] = field(default_factory=list)

    def describe(self, tasks: Many[Task], executor: Executor) -> None:
        where = {"executor": type(executor).__name__, "workers": executor.capacity}
        together = {id(task.run) for task in tasks if task.lockstep}
        for run in {id(task.run): task.run for task in tasks}.values():
            if id(run) in together:
                # An open run may be gone on with, in other company: its counts are those of the whole session.
                facts = dict(run.engine.get("shared", {"asked": 0, "computed": 0}))
                self.facts.append(facts)
                run.engine.update(kind="lockstep", **where, runs=len(together), shared=facts)
            else:
                run.engine.update(kind="one by one", **where)

    def add(self, more: Shared) -> None:
        self.total.asked += more.asked
        self.total.computed += more.computed
        for facts in self.facts:
            facts["asked"] += more.asked
            facts["computed"] += more.computed


@dataclass(eq=False)
class _Given:
    """A bundle that is given away."""

    tasks: dict[int, Task]
    left: int


@dataclass(eq=False)
class _Work:
    """Gives bundles away, and puts what comes back where it belongs."""

    executor: Executor
    maker: BundleMaker
    ledger: _Ledger
    progress: Progress
    sharing: _Sharing

    def __post_init__(self) -> None:
        tasks = list(self.ledger.open.values())
        self._waiting = deque(self.maker.bundles(tasks))
        self._sequences_left = Counter(id(task.run) for task in tasks)
        self._jobs: dict[int, tuple[Job, _Given]] = {}
        self._n_given = 0
        self._failures: list[Failure] = []

    def do(self) -> tuple[Failure, ...]:
        while self._waiting or self._n_given:
            while self._waiting and self._n_given < self.executor.capacity:
                self._give(self._waiting.popleft())
            self._take(self.executor.next_reply())
        return tuple(self._failures)

    def _give(self, bundle: Bundle) -> None:
        given = _Given({job.task: self.ledger.open[job.task] for job in bundle.jobs}, len(bundle.jobs))
        self._jobs.update({job.key: (job, given) for job in bundle.jobs})
        if self.executor.saves:
            for task in given.tasks.values():
                task.run.begin_session()
        self._n_given += 1
        self.executor.submit(bundle)

    def _take(self, reply: Reply) -> None:
        if reply.fatal is not None:
            raise reply.fatal
        job, given = self._jobs.pop(reply.key)
        if reply.shared is not None:
            self.sharing.add(reply.shared)
        self.progress.frames(-reply.frames)
        if job.task in self.ledger.open:  # else an earlier repetition broke, or settled it
            self._book(given.tasks[job.task], job, reply)
        given.left -= 1
        if not given.left:
            self._n_given -= 1
            again = [task for key, task in given.tasks.items() if key in self.ledger.open]
            self._waiting.extendleft(reversed(self.maker.bundles(again)))

    def _book(self, task: Task, job: Job, reply: Reply) -> None:
        problem, frames = reply.problem, 0
        if reply.trace is not None:
            task.run.mark_failed(task.sequence, reply.trace)
            self._failures.append(Failure(task.run.spec.label, task.sequence.name, problem))
            self._close(task, problem)
        else:
            trajectory = task.run.read(task.sequence, job.repetition) if reply.saved else reply.trajectory
            frames = 0 if trajectory is None else len(trajectory)
            if _record(task, trajectory, saved=reply.saved):
                self.ledger.needed.append(len(task.finished))
                self._close(task)
        self.progress.repetition(frames, self.ledger.frames_left())

    def _close(self, task: Task, problem: str = "") -> None:
        del self.ledger.open[task.key]
        label = task.run.spec.label
        self.progress.sequence(label, task.sequence.name, problem)
        self._sequences_left[id(task.run)] -= 1
        if not self._sequences_left[id(task.run)]:
            self.progress.tracker(label)


def _record(task: Task, trajectory: Trajectory | None, *, saved: bool) -> bool:
    """Write a repetition; tells whether the sequence is finished. No trajectory: no further repetition is needed."""
    if trajectory is not None:
        if not saved:
            task.run.save(task.sequence, len(task.finished) + 1, trajectory)
        task.finished.append(trajectory)
        if not is_finished(task.run.protocol, task.sequence, task.finished):
            return False
    task.run.mark_done(task.sequence, len(task.finished))
    return True
