"""Run many trackers over many sequences: resume what is there, survive what breaks, keep what is finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence as Many
from dataclasses import dataclass, field

from spm_bench.engine.executors import Executor, Inline, Pool
from spm_bench.engine.jobs import Job, Reply
from spm_bench.engine.progress import Progress, Quiet
from spm_bench.errors import UsageError
from spm_bench.results.runs import Run
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence, Suite


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


@dataclass(eq=False)
class _Task:
    """One tracker on one sequence, with the repetitions that are finished."""

    key: int
    run: Run
    sequence: Sequence
    finished: list[Trajectory]

    def next_job(self) -> Job:
        return Job(
            key=self.key,
            spec=self.run.spec,
            protocol=self.run.protocol,
            sequence=self.sequence,
            repetition=len(self.finished) + 1,
            seed=self.run.seed,
        )


@dataclass(eq=False)
class _Ledger:
    """Estimates the frames that remain, from how many repetitions the sequences needed so far."""

    open: dict[int, _Task]
    needed: list[int] = field(default_factory=list)

    def frames_left(self) -> int:
        return sum(len(task.sequence) * self._repetitions_left(task) for task in self.open.values())

    def _repetitions_left(self, task: _Task) -> int:
        expected = max(self.needed, default=task.run.protocol.repetitions)
        return max(expected - len(task.finished), 1)


def run_all(
    runs: Many[Run], suite: Suite, *, workers: int = 1, progress: Progress | None = None
) -> tuple[Failure, ...]:
    """Finish all runs.

    Args:
        runs: Open run folders, one per tracker; results go there after every repetition.
        suite: With frames.
        workers: Processes; 1 works in this one. Seconds per frame are honest only while cores are not shared.
        progress: Who is told.

    Returns:
        The sequences that broke, in the order they did; everything else is finished.

    Raises:
        UsageError: No worker, or something that cannot be sent to one.
        SpmBenchError: A tracker cannot be built at all.
        ResultsError: Results cannot be written (disk full, ...), or existing ones are damaged.
    """
    check_workers(workers)
    progress = progress or Quiet()
    tasks = _open_tasks(runs, suite)
    ledger = _Ledger({task.key: task for task in tasks})
    progress.begin(len(tasks), ledger.frames_left(), len({id(task.run) for task in tasks}))
    executor: Executor = Inline(progress.frame) if workers == 1 else Pool(workers)
    try:
        return _work_off(tasks, executor, ledger, progress)
    finally:
        executor.close()
        progress.end()


def check_workers(workers: int) -> None:
    """Raise UsageError for a number of processes that cannot work."""
    if workers < 1:
        raise UsageError(f"{workers} workers cannot run anything", remedy="Give --workers 1 or more")


def _open_tasks(runs: Many[Run], suite: Suite) -> list[_Task]:
    """What is left to do, tracker by tracker; records what earlier sessions had finished."""
    tasks: list[_Task] = []
    for run in runs:
        for sequence in suite.sequences:
            finished = run.finished(sequence)
            if run.is_done(sequence, finished):
                run.mark_done(sequence, len(finished))
            else:
                tasks.append(_Task(len(tasks), run, sequence, list(finished)))
    return tasks


def _work_off(tasks: list[_Task], executor: Executor, ledger: _Ledger, progress: Progress) -> tuple[Failure, ...]:
    waiting, working = deque(tasks), 0
    failures: list[Failure] = []
    while waiting or working:
        while waiting and working < executor.capacity:
            executor.submit(waiting.popleft().next_job())
            working += 1
        reply = executor.next_reply()
        working -= 1
        if reply.fatal is not None:
            raise reply.fatal
        task = ledger.open[reply.key]
        if reply.trace is not None:
            failures.append(_fail(task, reply))
            del ledger.open[reply.key]
            progress.sequence(task.run.spec.label, task.sequence.name, reply.problem)
        elif _record(task, reply.trajectory):
            ledger.needed.append(len(task.finished))
            del ledger.open[reply.key]
            progress.sequence(task.run.spec.label, task.sequence.name)
        else:
            waiting.appendleft(task)
        progress.repetition(0 if reply.trajectory is None else len(task.sequence), ledger.frames_left())
    return tuple(failures)


def _record(task: _Task, trajectory: Trajectory | None) -> bool:
    """Write a repetition; tells whether the sequence is finished. No trajectory: no further repetition is needed."""
    if trajectory is not None:
        task.run.save(task.sequence, len(task.finished) + 1, trajectory)
        task.finished.append(trajectory)
        if not task.run.protocol.settled(task.finished):
            return False
    task.run.mark_done(task.sequence, len(task.finished))
    return True


def _fail(task: _Task, reply: Reply) -> Failure:
    task.run.mark_failed(task.sequence, reply.trace or "")
    return Failure(task.run.spec.label, task.sequence.name, reply.problem)
