"""Bundles done on the machines of a Ray cluster: Ray finds room for workers, results go to the shared run folder.

A worker is a Ray actor: one process that keeps its cores, its share of a GPU and its networks from bundle to bundle.
Where actors run, and which machines there are, is Ray's business. What is told apart here is only who is free, and what
a worker that died leaves undone: its bundle goes to another one, without the jobs whose raw files are there already.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spm_bench.engine.cluster_machines import COUNT_EVERY, Machines
from spm_bench.engine.cluster_start import Share, connect, import_ray, muted
from spm_bench.engine.cluster_worker import (
    VISIBLE_WITHIN,
    Arrival,
    ClusterWorker,
    Installation,
    appears,
    raw_file,
)
from spm_bench.engine.executors import OnFrames
from spm_bench.engine.jobs import Bundle, Job, Reply
from spm_bench.engine.threads import THREAD_VARIABLES
from spm_bench.errors import ResultsError, SpmBenchError, TrackerError, UsageError
from spm_bench.results.provenance import code_hash
from spm_bench.trackers.base import TrackerSpec

MAX_RETRIES = 2
"""Times that work is given out again after its worker died: once as it was, as most often the machine was taken away;
then task by task, as otherwise one task killed the worker, and may not take the others along."""
_FALSE_STARTS = 3
"""Workers that die before they arrive, one after another: it is not chance then."""
_NOT_THERE = "No module named 'spm_bench'"
_PREFIX = "SPM_BENCH_"
"""Variables of this project; workers inherit those of their machine, and get these from the driver."""


@dataclass(eq=False)
class _Load:
    """A bundle with the jobs that have no reply yet, and how often its worker died."""

    bundle: Bundle
    code: dict[str, str]
    deaths: int = 0
    open: set[int] = field(init=False)
    told: int = 0
    """Frames told of inside the jobs that are open."""

    def __post_init__(self) -> None:
        self.open = {job.key for job in self.bundle.jobs}


@dataclass(eq=False)
class _Worker:
    """An actor, what it is waited for (its arrival, then the next reply; None while it is free), and its work."""

    actor: Any
    awaited: Any
    host: str = ""
    pid: int = 0
    load: _Load | None = None


class RayExecutor:
    """The engine's executor on Ray.

    Args:
        address: "local", "auto" or "HOST:PORT", see `spm_bench.engine.cluster_start.connect`.
        share: What each worker gets.
        workers: How many; None for as many as the cluster has room for, machines that join later included.
        max_retries: See `MAX_RETRIES`.
        say: Told what a person should know; default: stderr.

    Raises:
        UsageError: Ray is not installed or nobody answers, or no machine has room for one worker.
    """

    saves = True
    """Raw files are written by the workers."""

    def __init__(
        self,
        address: str = "local",
        share: Share | None = None,
        *,
        workers: int | None = None,
        max_retries: int = MAX_RETRIES,
        say: Callable[[str], None] | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise UsageError(f"{workers} workers cannot run anything", remedy="Give --workers 1 or more")
        self.on_frames: OnFrames | None = None
        self.share, self.max_retries = share or Share(), max_retries
        self._wanted, self._say = workers, say or _to_stderr
        self._address, self._connected, self._ours, self._held = address, False, False, False
        self._ray, self._muted = import_ray(), contextlib.ExitStack()
        self._here = Installation.here()
        self._workers: list[_Worker] = []
        self._waiting: deque[_Load] = deque()
        self._replies: deque[Reply] = deque()
        self._code: dict[str, str] = {}
        self._false_starts = 0
        self._machines = Machines(self._ray, self.share, self._say)
        self._open()

    def __enter__(self) -> RayExecutor:
        """Keep Ray and idle workers, with their networks, until the block ends: `close` then only drops what runs."""
        self._held = True
        return self

    def __exit__(self, *_: object) -> None:
        self._held = False
        self.close()

    @property
    def capacity(self) -> int:
        """One bundle for each worker, and a few in hand so that nobody waits for this process to write its records."""
        self._open()
        size = max(self._size(), 1)
        return size + max(1, size // 4)

    def submit(self, bundle: Bundle) -> None:
        """Take a bundle; a free worker gets it at once.

        Raises:
            UsageError: It cannot be sent to another process, or would be computed on another kind of device than its
                run folder says.
        """
        self._open()
        targets = {job.spec.target for job in bundle.jobs}
        for job in bundle.jobs:
            _check_device(job.spec, self.share.gpus)
        for target in targets - self._code.keys():
            self._code[target] = code_hash(target)
        jobs = tuple(dataclasses.replace(job, save_to=_absolute(job.save_to)) for job in bundle.jobs)
        load = _Load(dataclasses.replace(bundle, jobs=jobs), {target: self._code[target] for target in targets})
        self._waiting.append(load)
        self._deal()

    def next_reply(self) -> Reply:
        """Wait for a worker to finish a job, to die, or to arrive.

        Raises:
            UsageError: A machine runs other code, or cannot run this at all.
            ResultsError: A result was written where it cannot be seen from here.
            TrackerError: No worker can be started.
        """
        while not self._replies:
            self._deal()
            busy = {worker.awaited: worker for worker in self._workers if worker.awaited is not None}
            if not busy:
                time.sleep(COUNT_EVERY / 4)
            else:
                ready, _ = self._ray.wait(list(busy), num_returns=1, timeout=COUNT_EVERY)
                for awaited in ready:
                    self._hear(busy[awaited])
            self._machines.wait(working=any(worker.host for worker in self._workers))
        return self._replies.popleft()

    def close(self) -> None:
        """End at once what still runs; outside of a `with` block also idle workers, and Ray if it was started here.

        It opens again when it is given something: several suites may be run on one executor.
        """
        ending = [worker for worker in self._workers if worker.load is not None or not self._held]
        for worker in ending:
            with contextlib.suppress(Exception):
                self._ray.kill(worker.actor)
        self._workers = [worker for worker in self._workers if worker not in ending]
        self._waiting.clear()
        self._replies.clear()
        if self._held or not self._connected:
            return
        self._connected = False
        if self._ours:
            self._ray.shutdown()
        self._muted.close()

    def _open(self) -> None:
        """Connect, unless that is done."""
        if self._connected:
            return
        self._ours = connect(self._ray, self._address, self.share, self._wanted)
        self._connected = True
        self._machines.look_again()
        self._muted.enter_context(muted())
        try:
            self._machines.check(self._address)
        except BaseException:
            self.__exit__()
            raise

    # --- workers

    def _size(self) -> int:
        """How many workers there should be."""
        return self._wanted if self._wanted is not None else self._machines.room()

    def _deal(self) -> None:
        """Start workers that are missing, and give work to those that are free."""
        while len(self._workers) < min(self._size(), len(self._waiting) + self._occupied()):
            self._workers.append(self._start())
        for worker in self._workers:
            if worker.awaited is None and self._waiting:
                self._give(worker, self._waiting.popleft())

    def _occupied(self) -> int:
        return sum(worker.load is not None for worker in self._workers)

    def _start(self) -> _Worker:
        variables = {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}
        threads = None
        if any(name in os.environ for name in THREAD_VARIABLES):  # the user has decided
            variables |= {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}
        else:
            threads = max(1, int(self.share.cpus))
            variables |= dict.fromkeys(THREAD_VARIABLES, str(threads))
        if not self.share.gpus:
            variables["CUDA_VISIBLE_DEVICES"] = ""
        kind = self._ray.remote(ClusterWorker).options(
            num_cpus=self.share.cpus,
            num_gpus=self.share.gpus,
            max_restarts=0,  # another one is started where there is room, which may be elsewhere
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": variables},
        )
        actor = kind.remote(Path.cwd(), threads, self.share.gpus)
        return _Worker(actor, actor.arrive.remote())

    def _give(self, worker: _Worker, load: _Load) -> None:
        try:
            worker.awaited = worker.actor.work.options(num_returns="streaming").remote(load.bundle, load.code)
        except (TypeError, AttributeError, ValueError) as error:  # what pickling and Ray's form of it raise
            names = ", ".join({job.sequence.name: None for job in load.bundle.jobs})
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UsageError(
                f"{names} cannot be given to a worker process ({reason})", remedy="Run it without a cluster"
            ) from error
        worker.load = load

    def _hear(self, worker: _Worker) -> None:
        """Take what a worker said, or its death."""
        exceptions = self._ray.exceptions
        try:
            if worker.load is None:
                self._welcome(worker, self._ray.get(worker.awaited))
                return
            message: Reply | int = self._ray.get(next(worker.awaited))
        except StopIteration:
            assert worker.load is not None
            load, worker.load, worker.awaited = worker.load, None, None
            self._again(load, f"{worker.host} ended the bundle without a reply")
        except (exceptions.RayActorError, exceptions.OwnerDiedError, exceptions.ObjectLostError) as error:
            self._bury(worker, error)
        except exceptions.RayError as error:  # raised by our own code there, or while something was unpickled
            raise _foreign(worker.host, error) from error
        else:
            self._take(worker, message)

    def _welcome(self, worker: _Worker, arrival: Arrival) -> None:
        """Let a worker in if its machine has the same code."""
        if arrival.installation != self._here:
            raise UsageError(
                f"{arrival.host} runs {arrival.installation}, this machine {self._here}",
                remedy="Use one environment that all machines share, or install the same version on all of them",
            )
        worker.host, worker.pid, worker.awaited = arrival.host, arrival.pid, None
        self._false_starts = 0

    def _take(self, worker: _Worker, message: Reply | int) -> None:
        load = worker.load
        assert load is not None
        if isinstance(message, int):
            load.told += message
            self._tell(message)
            return
        if message.saved:
            self._check_seen(worker, next(job for job in load.bundle.jobs if job.key == message.key))
        load.told -= message.frames
        load.open.discard(message.key)
        self._replies.append(message)
        if not load.open:  # the end of the stream says no more than that
            worker.load = worker.awaited = None

    def _check_seen(self, worker: _Worker, job: Job) -> None:
        file = raw_file(job)
        if file is not None and not appears(file, VISIBLE_WITHIN):
            raise ResultsError(
                f"{worker.host} wrote this file, but it is not seen here: "
                "machines of a cluster write their results to a shared folder",
                where=file,
                remedy="Choose with --out a folder that all machines see under the same name (NFS, Lustre, ...)",
            )

    def _tell(self, frames: int) -> None:
        if self.on_frames is not None and frames:
            self.on_frames(frames)

    # --- faults

    def _bury(self, worker: _Worker, error: Exception) -> None:
        """Forget a worker that died, and give away again what it left undone."""
        self._workers.remove(worker)
        with contextlib.suppress(Exception):
            self._ray.kill(worker.actor)  # it may be out of reach only, and must not do what another does now
        self._machines.look_again()  # perhaps its machine went with it
        if worker.load is not None:
            self._again(worker.load, f"the worker process on {worker.host} died")
            return
        self._false_starts += 1
        if self._false_starts >= _FALSE_STARTS or _NOT_THERE in str(error):
            raise _foreign("a machine of the cluster", error) from error

    def _again(self, load: _Load, how: str) -> None:
        """Give a bundle out again, unless that was done too often; what had been written is finished."""
        self._tell(-load.told)
        for job in load.bundle.jobs:
            file = raw_file(job)
            if job.key in load.open and file is not None and file.is_file():
                load.open.discard(job.key)
                self._replies.append(Reply(job.key, saved=True))
        if not load.open:
            return
        deaths = load.deaths + 1
        if deaths > self.max_retries:
            hint = "A crash in native code, or its machine ran out of memory (then give each worker more CPUs)."
            self._replies.extend(load.bundle.obituary(load.open, f"{how} ({deaths} times)", hint))
            return
        self._say(f"{how}; what it left undone ({len(load.open)} of {len(load.bundle.jobs)}) goes to another")
        for bundle in self._parts(load, last=deaths == self.max_retries):
            self._waiting.appendleft(_Load(bundle, load.code, deaths))

    def _parts(self, load: _Load, *, last: bool) -> list[Bundle]:
        if last:
            return load.bundle.retries(load.open)
        return [dataclasses.replace(load.bundle, jobs=tuple(j for j in load.bundle.jobs if j.key in load.open))]


def cluster_executor(
    address: str, cpus_per_worker: float = 1.0, gpus_per_worker: float = 0.0, workers: int | None = None
) -> RayExecutor:
    """The executor that the options `--ray`, `--cpus`, `--gpus` and `--workers` ask for; see `RayExecutor`."""
    return RayExecutor(address, Share(cpus_per_worker, gpus_per_worker), workers=workers)


def _check_device(spec: TrackerSpec, gpus: float) -> None:
    """Demand that the device on which a worker computes is the one that the run's identity names."""
    named = spec.identity.get("device_type")
    if named == "cuda" and not gpus:
        raise UsageError(
            f"{spec.label} is to run on a GPU, but workers get none",
            remedy="Give each worker a share with --gpus, such as 0.5, or choose --device cpu",
        )
    if named == "cpu" and gpus and spec.options.get("device") == "auto":
        raise UsageError(
            f"workers get a GPU, but this machine has none, so {spec.label} would be recorded as computed on a CPU",
            remedy="Start this on a machine with a GPU, or choose --device cpu and no --gpus",
        )


def _foreign(host: str, error: Exception) -> SpmBenchError:
    """What goes wrong on another machine before or around the work."""
    text = str(error).strip()
    if _NOT_THERE in text:
        return UsageError(
            f"spm_bench is not installed on {host or 'a machine of the cluster'}",
            remedy="pip install 'spm_bench[cluster]' there, or use one environment that all machines share",
        )
    lines = [line for line in text.splitlines() if line.strip()]
    cause = getattr(error, "cause", None)
    reason = f"{type(cause).__name__}: {cause}" if cause is not None else " ".join(lines[:1] + lines[-1:])
    return TrackerError(f"a worker on {host or 'the cluster'} cannot work: {reason[:600]}")


def _absolute(folder: Path | None) -> Path | None:
    return None if folder is None else folder.absolute()


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
