"""Files that are either whole or not there: atomic writing, and file-system errors a user can act on."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from spm_bench.errors import ResultsError, SpmBenchError

RUN_FILE = "run.json"
"""What makes a folder one of our run folders."""

TEMPORARY_SUFFIX = ".tmp"
"""Ending of files being written; a leftover one belongs to a killed process and is never read."""

_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "Free some space and run the same command again; what was finished is kept"),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and run the same command again"),
    errno.EROFS: ("the file system is read-only", "Choose another place with {option}"),
    errno.EACCES: ("no permission to write here", "Change the permissions, or choose another place with {option}"),
    errno.EPERM: ("no permission to write here", "Change the permissions, or choose another place with {option}"),
    errno.EMFILE: (
        "this process has as many files open as it may",
        "Allow more with `ulimit -n`, or run fewer cells and seeds at a time: each of their runs keeps one file open",
    ),
    errno.ENOTDIR: ("a file is where a folder should be", "Move it away, or choose another place with {option}"),
    errno.EEXIST: ("a file is where a folder should be", "Move it away, or choose another place with {option}"),
}

_FILE_IN_THE_WAY = (errno.ENOTDIR, errno.EEXIST)


@contextlib.contextmanager
def readable_os_errors(
    path: Path, *, kind: type[SpmBenchError] = ResultsError, option: str = "--out"
) -> Iterator[None]:
    """Turn an OSError inside the block into an error about `path` with a remedy.

    Args:
        path: What is written.
        kind: Class of the error.
        option: Where the user can name another place.
    """
    try:
        yield
    except OSError as error:
        problem, remedy = _REMEDIES.get(error.errno or 0, (f"cannot write: {error.strerror or error}", None))
        told = None if remedy is None else remedy.format(option=option)
        raise kind(problem, where=_in_the_way(path, error), remedy=told) from error


def _in_the_way(path: Path, error: OSError) -> Path:
    """The file above `path` that keeps it from being made, if that is what is wrong; else `path`."""
    above = [parent for parent in path.parents if parent.is_file()] if error.errno in _FILE_IN_THE_WAY else []
    return above[0] if above else path


def check_way(folder: Path, *, kind: type[SpmBenchError] = ResultsError, option: str = "--out") -> None:
    """Refuse a place for results that a file is in the way of, before they are worked for. Nothing is made.

    Raises:
        kind: It, or what is above it, is a file.
    """
    blocked = next((place for place in (folder, *folder.parents) if place.is_file()), None)
    if blocked is not None:
        with readable_os_errors(blocked, kind=kind, option=option):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory")


def write_text(path: Path, text: str, *, kind: type[SpmBenchError] = ResultsError, option: str = "--out") -> None:
    """Write `text` in UTF-8 with plain newlines; see `write_bytes`."""
    write_bytes(path, text.encode(), kind=kind, option=option)


def write_bytes(path: Path, content: bytes, *, kind: type[SpmBenchError] = ResultsError, option: str = "--out") -> None:
    """Write a file so that a reader sees the old one or the whole new one, even after `kill -9`.

    Missing folders are made.

    Args:
        path: The file.
        content: All of it.
        kind: Class of the error.
        option: Where the user can name another place, for the error.

    Raises:
        kind: The folder is read-only, the disk is full, or a file is in the way.
    """
    with replacing(path, kind=kind, option=option) as temporary, temporary.open("wb") as stream:
        stream.write(content)


@contextlib.contextmanager
def replacing(
    path: Path, *, ending: str = "", kind: type[SpmBenchError] = ResultsError, option: str = "--out"
) -> Iterator[Path]:
    """Write a file by its name: what the block leaves in the yielded file takes the place of `path` in one step.

    The yielded file is empty and in the same folder. It is flushed to disk before it takes the name; after an exception
    in the block it is deleted. Missing folders are made.

    Args:
        path: What is to be written.
        ending: Of the yielded file's name, for libraries that go by it (".mp4").
        kind: Class of the error.
        option: Where the user can name another place, for the error.

    Raises:
        kind: The folder is read-only, the disk is full, or a file is in the way.
    """
    with readable_os_errors(path, kind=kind, option=option):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY_SUFFIX + ending)
        temporary = Path(name)
        try:
            os.close(descriptor)
            yield temporary
            with temporary.open("r+b") as stream:
                os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove_leftovers(folder: Path) -> list[Path]:
    """Delete the temporary files that killed processes left anywhere under `folder`; returns them.

    Call it only while no other process writes there.
    """
    with readable_os_errors(folder):
        leftovers = sorted(p for p in folder.rglob(f".*{TEMPORARY_SUFFIX}") if p.is_file())
        for path in leftovers:
            path.unlink(missing_ok=True)
    return leftovers


def _umask() -> int:
    """The process's file mode mask (mkstemp ignores it and makes private files)."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
