"""Where jobs are done: in this process, or in a few worker processes. Results always come back to this process.

Only the parent writes files. A worker that dies (a crash in native code, the system's out-of-memory killer) costs its
job and is replaced; a parent that dies takes its workers along.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from spm_bench.engine.jobs import Job, Reply, TrackerCache, execute
from spm_bench.errors import UsageError
from spm_bench.protocols.base import OnFrame

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Read by the libraries under numpy and torch when they are loaded, which in a worker is before any code of ours."""
_PATIENCE = 5.0
"""Seconds an idle worker gets to end by itself."""


class Executor(Protocol):
    """Takes jobs and hands back replies, in any order."""

    @property
    def capacity(self) -> int:
        """How many jobs it holds at once."""

    def submit(self, job: Job) -> None:
        """Take a job; never more than `capacity` at once."""

    def next_reply(self) -> Reply:
        """Wait for one of the jobs taken."""

    def close(self) -> None:
        """End, at once if jobs are still running."""


@dataclass(eq=False)
class Inline:
    """One job at a time, in this process.

    Attributes:
        on_frame: Called after every frame.
    """

    on_frame: OnFrame | None = None
    capacity: int = field(default=1, init=False)
    _trackers: TrackerCache = field(default_factory=TrackerCache, init=False)
    _jobs: list[Job] = field(default_factory=list, init=False)

    def submit(self, job: Job) -> None:
        """Keep the job until `next_reply`."""
        self._jobs.append(job)

    def next_reply(self) -> Reply:
        """Do the job."""
        return execute(self._jobs.pop(0), self._trackers, self.on_frame)

    def close(self) -> None:
        """Drop the tracker."""
        self._trackers.forget()


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None


class Pool:
    """Fresh (spawned) worker processes, each with its share of the cores.

    Args:
        workers: How many.
    """

    def __init__(self, workers: int) -> None:
        self.capacity = workers
        self._threads = threads_per_worker(workers, _cores(), os.environ)
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def submit(self, job: Job) -> None:
        """Send the job to an idle worker; start one if there is none.

        Raises:
            UsageError: The sequence or the tracker's options cannot be sent to another process.
        """
        worker = next((w for w in self._workers if w.job is None), None) or self._start()
        try:
            worker.pipe.send(job)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{job.sequence.name} cannot be given to a worker process ({error})", remedy="Use --workers 1"
            ) from error
        except OSError:
            pass  # it died while idle: `next_reply` will see that
        worker.job = job

    def next_reply(self) -> Reply:
        """Wait for a worker to finish or to die."""
        busy = [worker for worker in self._workers if worker.job is not None]
        ready = wait([worker.pipe for worker in busy])
        worker = next(worker for worker in busy if worker.pipe in ready)
        assert worker.job is not None
        key = worker.job.key
        try:
            reply: Reply = worker.pipe.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            return _obituary(worker, key)
        worker.job = None
        return reply

    def close(self) -> None:
        """End idle workers gently and busy ones at once."""
        for worker in self._workers:
            worker.pipe.close()
            if worker.job is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there, self._threads), daemon=True)
        with _thread_variables(self._threads):
            process.start()
        there.close()
        worker = _Worker(process, here)
        self._workers.append(worker)
        return worker


def threads_per_worker(workers: int, cores: int, environment: Mapping[str, str]) -> int | None:
    """Threads each worker may use so that together they fill the cores; None where the user has decided already."""
    if any(name in environment for name in THREAD_VARIABLES):
        return None
    return max(1, cores // workers)


@contextlib.contextmanager
def _thread_variables(threads: int | None) -> Iterator[None]:
    """Set the variables for processes started inside the block; None means that the user has set them already."""
    if threads is None:
        yield
        return
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name in THREAD_VARIABLES:
            del os.environ[name]


def _cores() -> int:
    """Cores this process may use; a batch system may grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _obituary(worker: _Worker, key: int) -> Reply:
    worker.process.join(_PATIENCE)
    code = worker.process.exitcode
    how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
    problem = f"the worker process died ({how})"
    hint = "A crash in native code, or the system ran out of memory (then use fewer --workers)."
    return Reply(key, problem=problem, trace=f"{problem}\n{hint}\n")


def _serve(pipe: Connection, threads: int | None) -> None:
    """What a worker does: jobs, until the parent closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if threads is not None:
        import cv2  # reads no variable

        cv2.setNumThreads(threads)
    trackers = TrackerCache()
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(execute(pipe.recv(), trackers))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
