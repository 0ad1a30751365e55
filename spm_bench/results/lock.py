"""One process at a time in a folder, by a lock that the system releases however the process ends."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path

from spm_bench.errors import ResultsError, SpmBenchError
from spm_bench.results.files import readable_os_errors

LOCK_FILE = ".lock"
_MANY_FILES = 65536
"""Open files that are enough for any sweep; more would only slow down programs that close all they might have."""


class LockedError(ResultsError):
    """Another process writes there: whoever can wait may try again."""


def locked(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Hold a run's folder for this process while the block runs; the folder is made if need be.

    Raises:
        LockedError: Another process holds it.
        ResultsError: The folder cannot be written.
    """
    allow_many_files()
    return held(folder, "is writing this run", remedy="Wait for it, or give this one another --out")


@contextlib.contextmanager
def held(
    folder: Path,
    doing: str,
    *,
    remedy: str = "Wait for it",
    refused: type[SpmBenchError] = LockedError,
    kind: type[SpmBenchError] = ResultsError,
    option: str = "--out",
) -> Iterator[None]:
    """Hold a folder for this process while the block runs; the folder is made if need be.

    The lock is the kernel's (flock) on a file that stays: nothing is left to clean up after `kill -9`.

    Args:
        folder: Where the lock lies.
        doing: What who holds it does, for the error.
        remedy: What to do about that.
        refused: Class of the error where another process holds it.
        kind: The same where the folder cannot be written.
        option: Where the user can name another place.
    """
    with readable_os_errors(folder, kind=kind, option=option):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with readable_os_errors(folder, kind=kind, option=option):
            holder = take(descriptor)
        if holder is not None:
            raise refused(f"another process ({holder}) {doing}", where=folder, remedy=remedy)
        yield
    finally:
        os.close(descriptor)


@functools.cache
def allow_many_files() -> None:
    """Let this process, once, have more files open: a sweep holds one lock per run, and the usual limit is 1024.

    The hard limit stays, as only an administrator can raise it; a system that refuses is left as it is.
    """
    try:
        import resource  # POSIX only
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def take(descriptor: int, *, sign: bool = True) -> str | None:
    """Lock an open file; `sign` writes our number into it, for the message of whoever comes second.

    Returns:
        None if the lock is ours, else the number of the process that holds it, or "of unknown number".

    Raises:
        OSError: The file system cannot lock, or the number cannot be written.
    """
    import fcntl  # POSIX only; reading and scoring results do without

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "of unknown number"
    if sign:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return None
