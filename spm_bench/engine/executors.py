"""Where jobs are done: in this process, or in a few worker processes. Results always come back to this process.

Only the parent writes files. A worker that dies (a crash in native code, the system's out-of-memory killer) is
replaced, and what it had not finished is tried once more, each tracker and sequence alone: the one that kills its
process costs no other. A parent that dies takes its workers along.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from spm_bench.engine.jobs import Bundle, FrameTeller, Reply, TrackerCache, execute
from spm_bench.engine.threads import THREAD_VARIABLES, thread_variables
from spm_bench.errors import UsageError

OnFrames = Callable[[int], None]
"""Told that so many more frames are done inside unfinished jobs; a negative number was lost with its process."""

_PATIENCE = 5.0
"""Seconds an idle worker gets to end by itself."""
_TELL_EVERY = 0.5
"""Seconds between two counts of frames from a worker: a bar moves, and the pipe stays free."""
_HINT = "A crash in native code, or the system ran out of memory (then use fewer --workers)."


class Executor(Protocol):
    """Takes bundles and hands back the replies to their jobs, in any order.

    Attributes:
        on_frames: Who is told of frames between replies; `run_all` sets it. Need not be called.
        saves: Whether whoever executes writes the raw files itself (a folder that all share), see `Job.save_to`.
    """

    on_frames: OnFrames | None
    saves: bool

    @property
    def capacity(self) -> int:
        """How many bundles it holds at once."""

    def submit(self, bundle: Bundle) -> None:
        """Take a bundle; never more than `capacity` at once."""

    def next_reply(self) -> Reply:
        """Wait for one of the jobs taken; each job has one reply."""

    def close(self) -> None:
        """End, at once if jobs are still running."""


@dataclass(eq=False)
class Inline:
    """One bundle at a time, in this process."""

    on_frames: OnFrames | None = None
    saves: bool = field(default=False, init=False)
    capacity: int = field(default=1, init=False)
    _trackers: TrackerCache = field(default_factory=TrackerCache, init=False)
    _waiting: deque[Bundle] = field(default_factory=deque, init=False)
    _doing: Generator[Reply, None, None] | None = field(default=None, init=False)

    def submit(self, bundle: Bundle) -> None:
        """Keep the bundle until `next_reply`."""
        self._waiting.append(bundle)

    def next_reply(self) -> Reply:
        """Work until a job is finished."""
        while True:
            if self._doing is None:
                self._doing = execute(self._waiting.popleft(), self._trackers, self._count)
            reply = next(self._doing, None)
            if reply is not None:
                return reply
            self._doing = None

    def close(self) -> None:
        """Stop where it is, and drop the tracker."""
        if self._doing is not None:
            self._doing.close()
        self._trackers.forget()

    def _count(self, index: int) -> None:  # noqa: ARG002 - the count matters, not which
        if self.on_frames is not None:
            self.on_frames(1)


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    bundle: Bundle | None = None
    left: set[int] = field(default_factory=set)
    told: int = 0
    """Frames it told of inside the jobs that are left."""

    def give(self, bundle: Bundle) -> None:
        self.bundle, self.left, self.told = bundle, {job.key for job in bundle.jobs}, 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # died while idle: its pipe will say so
            self.pipe.send(bundle)

    def take(self, reply: Reply) -> Reply:
        self.left.discard(reply.key)
        self.told -= reply.frames
        if not self.left:
            self.bundle = None
        return reply


class Pool:
    """Fresh (spawned) worker processes, each with its share of the cores.

    Args:
        workers: How many.
    """

    saves = False

    def __init__(self, workers: int, on_frames: OnFrames | None = None) -> None:
        self.capacity = workers
        self.on_frames = on_frames
        self._threads = threads_per_worker(workers, available_cores(), os.environ)
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._waiting: deque[Bundle] = deque()
        self._retried: set[int] = set()
        self._ready: deque[Reply] = deque()

    def submit(self, bundle: Bundle) -> None:
        """Send the bundle to an idle worker; start one if there are fewer than `capacity`.

        Raises:
            UsageError: The sequence or the tracker's options cannot be sent to another process.
        """
        self._retried -= {job.key for job in bundle.jobs}  # keys of an earlier `run_all` come again
        self._waiting.append(bundle)
        self._hand_out()

    def next_reply(self) -> Reply:
        """Wait for a worker to finish a job, or to die."""
        while not self._ready:
            self._hand_out()
            busy = {worker.pipe: worker for worker in self._workers if worker.bundle is not None}
            for pipe in wait(list(busy)):
                self._listen(busy[pipe])  # type: ignore[index]
        return self._ready.popleft()

    def close(self) -> None:
        """End idle workers gently and busy ones at once."""
        for worker in self._workers:
            worker.pipe.close()
            if worker.bundle is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _hand_out(self) -> None:
        while self._waiting:
            idle = next((worker for worker in self._workers if worker.bundle is None), None)
            if idle is None and len(self._workers) >= self.capacity:
                return
            bundle = self._waiting.popleft()
            try:
                (idle or self._start()).give(bundle)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                names = ", ".join(dict.fromkeys(job.sequence.name for job in bundle.jobs))
                raise UsageError(
                    f"{names} cannot be given to a worker process ({error})", remedy="Use --workers 1"
                ) from error

    def _listen(self, worker: _Worker) -> None:
        try:
            message: Reply | int = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if isinstance(message, Reply):
            self._ready.append(worker.take(message))
        else:
            worker.told += message
            self._tell(message)

    def _bury(self, worker: _Worker) -> None:
        """Give its unfinished jobs a second chance, each task alone; those that had theirs are answered for."""
        self._workers.remove(worker)
        self._tell(-worker.told)
        assert worker.bundle is not None
        problem = _cause_of_death(worker.process)
        for bundle in worker.bundle.retries(worker.left):
            keys = {job.key for job in bundle.jobs}
            if keys & self._retried:
                self._ready.extend(bundle.obituary(keys, problem, _HINT))
            else:
                self._retried |= keys
                self._waiting.append(bundle)

    def _tell(self, frames: int) -> None:
        if self.on_frames is not None and frames:
            self.on_frames(frames)

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there, self._threads), daemon=True)
        with thread_variables(self._threads):
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


def available_cores() -> int:
    """Cores this process may use; a batch system may grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cause_of_death(process: BaseProcess) -> str:
    process.join(_PATIENCE)
    code = process.exitcode
    how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
    return f"the worker process died ({how})"


def _serve(pipe: Connection, threads: int | None) -> None:
    """What a worker does: jobs, until the parent closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if threads is not None:
        import cv2  # reads no variable

        cv2.setNumThreads(threads)
    trackers = TrackerCache()
    with contextlib.suppress(EOFError, OSError):
        tell = FrameTeller(pipe.send, _TELL_EVERY)
        while True:
            for reply in execute(pipe.recv(), trackers, tell):
                tell.flush()
                pipe.send(reply)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
