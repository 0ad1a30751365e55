"""Zip files of raw results, unpacked where they can do no harm: into a temporary folder that goes with the process.

A path inside an archive is shown to people as `results.zip/KCF/Basketball.txt`, wherever its copy lies.
"""

from __future__ import annotations

import atexit
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from spm_bench.errors import ResultsError

MOST_FILES = 200_000
"""Entries of an archive; 40 trackers with 60 sequences, 15 repetitions and their seconds are 72,000."""
MOST_BYTES = 4 * 2**30
"""Of all files together, unpacked: ten times what such an archive holds, and less than a disk."""
_KEPT = (".txt", ".value", ".json", ".bin", ".mat")
"""Endings of files that are unpacked; pictures and programs that lie beside results are of no use here."""
_CHUNK = 2**20
_unpacked: dict[Path, Path] = {}
"""Temporary folder -> the archive whose content it holds."""
_folders: dict[tuple[Path, int, int], Path] = {}
"""Archive, its time and size -> the folder it was unpacked into: whoever asks again gets the same."""


def is_archive(path: Path) -> bool:
    """Tell whether a path is a zip file, by its content."""
    return path.is_file() and zipfile.is_zipfile(path)


def unpack(path: Path) -> Path:
    """Unpack a zip file of raw results into a temporary folder, which is deleted when the process ends.

    Args:
        path: The archive.

    Returns:
        The folder with its content; `shown` turns paths in it into what people know.

    Raises:
        ResultsError: The archive is broken or encrypted, an entry would leave the folder, is a link or stands there
            twice, or there is more in it than raw results are.
    """
    known = (path.resolve(), path.stat().st_mtime_ns, path.stat().st_size)
    if known in _folders:
        return _folders[known]
    folder = Path(tempfile.mkdtemp(prefix="spm-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _unpacked[folder.resolve()] = path
    try:
        with zipfile.ZipFile(path) as archive:
            _unpack_all(archive, folder, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
        raise ResultsError(f"the archive is broken ({error})", where=path, remedy="Fetch or pack it again") from error
    except OSError as error:
        raise ResultsError(f"cannot be unpacked ({error.strerror or error})", where=path) from error
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


def _unpack_all(archive: zipfile.ZipFile, folder: Path, path: Path) -> None:
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise ResultsError(f"holds {len(entries)} files, more than raw results are", where=path, remedy=_SPLIT)
    seen: set[PurePosixPath] = set()
    left = MOST_BYTES
    for entry in entries:
        name = _checked(entry, path)
        if entry.is_dir() or not _is_result(name):
            continue
        if name in seen:
            raise ResultsError(f"holds {entry.filename!r} twice", where=path, remedy="Pack it again")
        seen.add(name)
        left -= _unpack_one(archive, entry, folder.joinpath(*name.parts), left, path)


_SPLIT = f"At most {MOST_FILES} files of {MOST_BYTES // 2**30} GiB together are unpacked; unpack it yourself"


def _is_result(name: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.parts)
    return not hidden and name.suffix.lower() in _KEPT


def _checked(entry: zipfile.ZipInfo, path: Path) -> PurePosixPath:
    """The entry's path, if it stays below the folder."""
    text = entry.filename.replace("\\", "/")
    name = PurePosixPath(text)
    if name.is_absolute() or ".." in name.parts or ":" in text or "\0" in text:
        raise ResultsError(f"the entry {entry.filename!r} would leave the folder", where=path, remedy="Do not trust it")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ResultsError(f"the entry {entry.filename!r} is a link", where=path, remedy="Pack the files themselves")
    if entry.flag_bits & 1:
        raise ResultsError("the archive is encrypted", where=path, remedy="Unpack it yourself, and give the folder")
    return name


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int, path: Path) -> int:
    """Write one file and return its bytes; what the archive says about sizes is not believed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > most:
                raise ResultsError("unpacks to more than raw results are", where=path, remedy=_SPLIT)
            copy.write(chunk)
    return written
