"""Archives of raw results, unpacked where they can do no harm: into a temporary folder that goes with the process.

A path inside an archive is shown to people as `results.zip/KCF/Basketball.txt`, wherever its copy lies.
"""

from __future__ import annotations

import atexit
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from spm_bench.errors import FetchError, ResultsError

MOST_BYTES = 4 * 2**30
"""Of all files together, unpacked: ten times what such an archive holds, and less than a disk."""
_ENDINGS = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz")
_unpacked: dict[Path, Path] = {}
"""Temporary folder -> the archive whose content it holds."""
_folders: dict[tuple[Path, int, int], Path] = {}
"""Archive, its time and size -> the folder it was unpacked into: whoever asks again gets the same."""


def is_archive(path: Path) -> bool:
    """Tell whether a path is a zip or tar file: by its content, or by its name where it is broken."""
    if not path.is_file():
        return False
    return path.suffix.lower() in _ENDINGS or zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpack(path: Path) -> Path:
    """Unpack an archive of raw results into a temporary folder, which is deleted when the process ends.

    Args:
        path: A zip or tar file.

    Returns:
        The folder with its content; `shown` turns paths in it into what people know.

    Raises:
        ResultsError: The archive is broken or encrypted, an entry would leave the folder, stands there twice or is no
            file, or there is more in it than raw results are.
    """
    from spm_bench.fetch.archive import unpack as unpack_into

    known = (path.resolve(), path.stat().st_mtime_ns, path.stat().st_size)
    if known in _folders:
        return _folders[known]
    folder = Path(tempfile.mkdtemp(prefix="spm-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        unpack_into(path, folder, most=MOST_BYTES, option="TMPDIR")
    except FetchError as error:
        remedy = "Pack or fetch it again" if "broken" in error.problem else error.remedy
        raise ResultsError(error.problem, where=error.where, remedy=remedy) from error
    _unpacked[folder.resolve()] = path
    _folders[known] = folder
    return folder


def shown(path: Path | str) -> Path:
    """A path as people know it: inside an archive, behind the archive's name.

    >>> shown("KCF/Basketball.txt").as_posix()
    'KCF/Basketball.txt'
    """
    full = Path(path)
    for folder, archive in _unpacked.items():
        for candidate in (full, full.resolve()):
            if candidate.is_relative_to(folder):
                return archive / candidate.relative_to(folder)
    return full


def archive_of(folder: Path) -> Path | None:
    """The archive that was unpacked into this very folder; None for any other folder."""
    return _unpacked.get(folder.resolve())
