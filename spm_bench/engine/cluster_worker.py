"""What runs on the machines of a cluster: bundles, after a look at whether this machine fits the one that asks."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from queue import SimpleQueue

import spm_bench
from spm_bench.engine.jobs import Bundle, FrameTeller, Job, Reply, TrackerCache, execute
from spm_bench.errors import ResultsError, SpmBenchError, UsageError
from spm_bench.results.files import RUN_FILE
from spm_bench.results.provenance import code_hash

VISIBLE_WITHIN = 75.0
"""Seconds after which a file written on one machine must be seen on another; NFS keeps a folder's listing for 60."""
_LOOK_EVERY = 0.2
_TELL_EVERY = 1.0
"""Seconds between two counts of frames from a worker: bundles of a sweep take minutes until the first reply."""
_ROOMS = ("engine", "geometry", "models", "protocols", "results", "suites", "trackers")
"""The code a worker runs; tables and figures may differ."""


@dataclass(frozen=True)
class Installation:
    """What must be the same on every machine for results to be of one kind.

    Attributes:
        version: Of spm_bench.
        code: sha256 over the source of the rooms a worker uses; tells checkouts of one version apart.
        python: Major and minor version.
    """

    version: str
    code: str
    python: str

    @classmethod
    def here(cls) -> Installation:
        """That of this process."""
        return cls(metadata.version("spm_bench"), _code_digest(), ".".join(platform.python_version_tuple()[:2]))

    def __str__(self) -> str:
        return f"spm_bench {self.version} (code {self.code[:8]}), Python {self.python}"


@dataclass(frozen=True)
class Arrival:
    """What a worker says once it runs."""

    host: str
    pid: int
    installation: Installation


class ClusterWorker:
    """An actor's life: one process with its cores and its share of a GPU, which does bundle after bundle.

    Args:
        home: The driver's working directory: relative paths and `module:Class` of the user's own start there.
        threads: For the library that reads no variable (OpenCV).
        gpus: Share of the GPU that Ray reserved; memory beyond it is refused, so that a neighbour's is safe.
    """

    def __init__(self, home: Path, threads: int | None, gpus: float) -> None:
        with contextlib.suppress(OSError):  # where it does not exist, absolute paths may still do
            os.chdir(home)
        if threads is not None:
            import cv2

            cv2.setNumThreads(threads)
        if 0 < gpus < 1:
            import torch

            if torch.cuda.is_available():
                torch.cuda.set_per_process_memory_fraction(gpus)
        self._trackers = TrackerCache()

    def arrive(self) -> Arrival:
        """Say who this is."""
        return Arrival(socket.gethostname(), os.getpid(), Installation.here())

    def work(self, bundle: Bundle, code: Mapping[str, str]) -> Iterator[Reply | int]:
        """Do a bundle; yields its replies, and in between how many more frames are done.

        Args:
            bundle: What to do. What fails here says where it failed.
            code: Fingerprint of each tracker's source on the driver's machine, by target.
        """
        try:
            check_code(code)
            for folder in {job.save_to for job in bundle.jobs if job.save_to is not None}:
                check_folder(folder)
        except SpmBenchError as error:
            yield Reply(bundle.jobs[0].key, fatal=error)
            return
        said: SimpleQueue[Reply | int | BaseException | None] = SimpleQueue()
        threading.Thread(target=self._do, args=(bundle, said.put), daemon=True).start()
        while (message := said.get()) is not None:
            if isinstance(message, BaseException):
                raise message
            yield message

    def _do(self, bundle: Bundle, say: Callable[[Reply | int | BaseException | None], None]) -> None:
        """Do a bundle in a thread of its own: the generator must be free to tell how far it is."""
        count = FrameTeller(say, _TELL_EVERY)
        try:
            for reply in execute(bundle, self._trackers, count):
                count.flush()
                say(reply if reply.trace is None else replace(reply, problem=f"{reply.problem} (on {_host()})"))
        except BaseException as error:  # noqa: BLE001 - raised again by the generator
            say(error)
        say(None)


def check_code(code: Mapping[str, str]) -> None:
    """Demand that the source of trackers is what it is where the run was started.

    Raises:
        UsageError: It differs, or is not here at all.
    """
    for target, expected in code.items():
        try:
            found = code_hash(target)
        except UsageError as error:
            raise UsageError(
                f"{_host()}: {error.problem}", remedy="Put the tracker's module where all machines see it"
            ) from None
        if found != expected:
            raise UsageError(
                f"the code of {target} on {_host()} is not the one the run was started with",
                remedy="Use one environment and one folder that all machines share, or install the same version on all",
            )


def check_folder(raw: Path, within: float = VISIBLE_WITHIN) -> None:
    """Demand that the run folder around `raw` is the one that the driver made.

    Raises:
        ResultsError: It is not seen here.
    """
    if not appears(raw.parent / RUN_FILE, within):
        raise ResultsError(
            f"the run folder is not seen on {_host()}: machines of a cluster write their results to a shared folder",
            where=raw.parent,
            remedy="Choose with --out a folder that all machines see under the same name (NFS, Lustre, ...)",
        )


def appears(path: Path, within: float) -> bool:
    """Wait for a file that another machine may have written a moment ago."""
    end = time.monotonic() + within
    while not path.is_file():
        if time.monotonic() > end:
            return False
        with contextlib.suppress(OSError):
            os.listdir(path.parent)  # noqa: PTH208 - opening a folder is what makes NFS ask its server again
        time.sleep(_LOOK_EVERY)
    return True


def raw_file(job: Job) -> Path | None:
    """Where the job's result goes, if its worker writes it."""
    from spm_bench.results.layouts import get_layout

    if job.save_to is None:
        return None
    layout = get_layout(job.protocol.family)
    return layout.box_file(job.save_to, job.sequence.name, layout.number(job.sequence, job.repetition))


def _host() -> str:
    return socket.gethostname()


def _code_digest() -> str:
    root = Path(spm_bench.__file__).parent
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
