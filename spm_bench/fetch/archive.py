"""Unpack zip and tar archives of strangers: nothing outside the folder is touched, and nothing grows without bound.

Refused, with the member's name: absolute names, `..`, drive letters, control characters, members of the same name (also
where only the case differs: some file systems know no case), a file where a folder is, devices, encrypted members,
links out of the archive, and contents far bigger than the archive. A link to a file inside becomes a copy of that file,
so that no link is ever made.
"""

from __future__ import annotations

import hashlib
import lzma
import shutil
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from spm_bench.errors import FetchError
from spm_bench.results.files import readable_os_errors
from spm_bench.words import amount

MOST_MEMBERS = 2_000_000
RATIO, SLACK = 100, 64 << 20
"""An archive of n bytes may hold RATIO * n + SLACK: label files shrink much, pictures not at all."""
LONGEST_NAME = 255
"""Bytes of one part of a name on common file systems."""
LONGEST_TARGET = 4096
"""Bytes of a link's target on common file systems."""
JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db")
"""What systems leave in archives without anybody's will."""


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes:
        name: As it stands there.
        size: Bytes of its content, as announced.
        kind: "file", "folder", "link" (to `target`, a name in the archive), or what else it is.
        target: Of a link, from the archive's root.
    """

    name: str
    size: int
    kind: str
    target: str = ""


class _Zip:
    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._infos: dict[str, zipfile.ZipInfo] = {}

    def members(self) -> Iterator[Member]:
        for info in self._zip.infolist():
            if not info.filename:  # zipfile asks for its last letter
                raise zipfile.BadZipFile("a member has no name")
            self._infos[info.filename] = info
            mode = info.external_attr >> 16
            kind = "folder" if info.is_dir() else "file"
            target = ""
            if info.flag_bits & 1:
                kind = "encrypted"
            elif mode & 0o170000 == 0o120000:
                kind = "link"
                with self._zip.open(info) as content:  # what is announced is not believed: never more than a path
                    target = _relative(info.filename, content.read(LONGEST_TARGET).decode("utf-8", "replace"))
            elif mode & 0o170000 not in (0, 0o040000, 0o100000):
                kind = "device"
            yield Member(info.filename, info.file_size, kind, target)

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(self._infos[name])

    def finish(self, most: int) -> None:
        """Nothing to do: each member was checked when it was read."""

    def close(self) -> None:
        self._zip.close()


class _Tar:
    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path)  # noqa: SIM115 - closed by `close`
        self._infos: dict[str, tarfile.TarInfo] = {}

    def members(self) -> Iterator[Member]:
        for info in self._tar:
            self._infos[info.name] = info
            kind = "file" if info.isreg() else "folder" if info.isdir() else "link" if _is_link(info) else "device"
            target = info.linkname if info.islnk() else _relative(info.name, info.linkname) if info.issym() else ""
            yield Member(info.name, info.size if info.isreg() else 0, kind, target)
        if not self._has_end():
            raise tarfile.ReadError("its end is missing")

    def _has_end(self) -> bool:
        """Whether the block of zeros that ends an archive is there: without it members may be missing."""
        stream = self._tar.fileobj
        return stream is not None and stream.tell() >= self._tar.offset + tarfile.BLOCKSIZE

    def open(self, name: str) -> IO[bytes]:
        stream = self._tar.extractfile(self._infos[name])
        if stream is None:
            raise tarfile.ReadError(f"{name} has no content")
        return stream

    def finish(self, most: int) -> None:
        """Read to the end, of at most so many bytes: only there the compression's checksum is compared."""
        while self._tar.fileobj is not None and (rest := self._tar.fileobj.read(1 << 20)):
            most -= len(rest)
            if most < 0:
                raise tarfile.ReadError("it does not end")

    def close(self) -> None:
        self._tar.close()


def _is_link(info: tarfile.TarInfo) -> bool:
    return info.issym() or info.islnk()


def _relative(name: str, target: str) -> str:
    """Where a symbolic link leads, from the archive's root: `..` is worked out, so that what leaves keeps it."""
    if target.startswith("/"):
        return target
    parts: list[str] = []
    for part in (*PurePosixPath(name).parent.parts, *PurePosixPath(target).parts):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def unpack(archive: Path, into: Path, *, most: int | None = None, option: str = "--to") -> dict[str, str]:
    """Unpack an archive into an empty folder.

    Args:
        archive: A zip file, or a tar file, plain or compressed by gzip, bzip2 or xz.
        into: The folder; made if need be. After an error it holds whatever had been unpacked: throw it away.
        most: The most bytes that it may hold; by default 100 times its own and a little.
        option: Where the user can name another place, for messages.

    Returns:
        Name of each file, with `/`, from `into` -> SHA-256 of its content.

    Raises:
        FetchError: It is no such archive, is cut, encrypted, or holds what is refused; names the member.
    """
    limit = archive.stat().st_size * RATIO + SLACK if most is None else most
    with _broken_archives(archive):
        opened: _Zip | _Tar = _Zip(archive) if zipfile.is_zipfile(archive) else _Tar(archive)
        try:
            members = list(_judged(opened.members(), archive, limit))
            _check_room(sum(member.size for _, member in members), into, option)
            hashes = _write_all(opened, members, into, archive, limit, option)
            opened.finish(limit)
            return hashes
        finally:
            opened.close()


_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,  # of gzip and bzip2
    NotImplementedError,  # of zip methods that Python does not know
    RuntimeError,  # of zip members that want a password
    struct.error,  # of zip members whose extra fields are cut
    UnicodeDecodeError,  # of zip members whose names claim to be UTF-8
)


@contextmanager
def _broken_archives(archive: Path) -> Iterator[None]:
    """Turn what the libraries say of broken archives into one error."""
    try:
        yield
    except _BROKEN as error:
        told = str(error).splitlines() or [type(error).__name__]
        raise FetchError(
            f"the archive is broken or none at all ({told[0].rstrip(':')})",
            where=archive,
            remedy="Run the same command again; if that gives the same, the source is broken",
        ) from error


def _judged(members: Iterable[Member], archive: Path, limit: int) -> Iterator[tuple[PurePosixPath, Member]]:
    """All members that are files, or links to files, with safe paths; raises at the first that is refused."""
    seen: dict[str, tuple[str, str]] = {}
    total = 0
    for number, member in enumerate(members):
        path = safe_path(member.name, archive)
        if path is None:
            continue
        if member.kind not in ("file", "folder", "link"):
            raise _refused(member.name, f"it is {_KINDS.get(member.kind, member.kind)}", archive)
        total += member.size
        if number >= MOST_MEMBERS or total > limit:
            raise FetchError(
                f"it holds far more than an archive of {amount(archive.stat().st_size)} can in earnest", where=archive
            )
        _check_alone(path, member, seen, archive)
        if member.kind != "folder":
            yield path, member


_KINDS = {"device": "a device or another special file", "encrypted": "encrypted"}


def _check_alone(path: PurePosixPath, member: Member, seen: dict[str, tuple[str, str]], archive: Path) -> None:
    """Refuse a second member of a name, in any case and spelling, and files that are used as folders."""
    kind = "folder" if member.kind == "folder" else "file"
    for at in (path, *path.parents[:-1]):
        here = kind if at == path else "folder"
        spelled, was = seen.setdefault(_folded(at), (str(at), here))
        if (spelled, was) != (str(at), here):
            raise _refused(member.name, f"it has the name of another member ({spelled})", archive)
    if kind == "file":
        key = f"\0{_folded(path)}"
        if key in seen:
            raise _refused(member.name, "it is there twice", archive)
        seen[key] = (str(path), kind)


def _folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def safe_path(name: str, archive: Path) -> PurePosixPath | None:
    """The path of a member below the folder it is unpacked into; None for what systems leave behind, and the root.

    Raises:
        FetchError: It would leave the folder, or is no sound name.
    """
    plain = name.replace("\\", "/")
    if plain.startswith("/") or (len(plain) > 1 and plain[1] == ":"):
        raise _refused(name, "its name is absolute", archive)
    path = PurePosixPath(plain)
    if ".." in path.parts:
        raise _refused(name, "its name leaves the folder", archive)
    if not plain.isprintable() or any(len(part.encode("utf-8", "surrogatepass")) > LONGEST_NAME for part in path.parts):
        raise _refused(name, "its name is no name of a file", archive)
    if not path.parts or any(part in JUNK or part.startswith("._") for part in path.parts):
        return None
    return path


def _refused(name: str, why: str, archive: Path) -> FetchError:
    shown = repr(name if len(name) <= 80 else name[:77] + "...")
    return FetchError(
        f"the member {shown} is refused: {why}", where=archive, remedy="Nothing of it was used; is the source sound?"
    )


def _check_room(total: int, into: Path, option: str) -> None:
    with readable_os_errors(into, kind=FetchError, option=option):
        into.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(into).free
    if total > free:
        raise FetchError(
            f"{amount(total)} are to be unpacked, and {amount(free)} are free on this disk",
            where=into,
            remedy=f"Free some space, or choose another place with {option}",
        )


def _write_all(
    opened: _Zip | _Tar,
    members: list[tuple[PurePosixPath, Member]],
    into: Path,
    archive: Path,
    limit: int,
    option: str,
) -> dict[str, str]:
    """Write the files, then copies of them for links; what is announced is not believed: bytes are counted."""
    files = {str(path): member for path, member in members if member.kind == "file"}
    left, hashes = limit, {}
    for name, member in files.items():
        hashes[name], written = _write(opened, member.name, into / name, left, option)
        left -= written
        if left < 0:
            raise FetchError(f"it holds more than it says: {member.name!r} does not end", where=archive)
    for path, member in members:
        if member.kind == "link":
            target = safe_path(member.target, archive)
            if target is None or str(target) not in files:
                raise _refused(member.name, f"it is a link to {member.target!r}, no file of the archive", archive)
            left -= files[str(target)].size
            if left < 0:
                raise _refused(member.name, "links make it far bigger than it is", archive)
            with readable_os_errors(into / path, kind=FetchError, option=option):
                (into / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(into / target, into / path)
            hashes[str(path)] = hashes[str(target)]
    return hashes


def _write(opened: _Zip | _Tar, name: str, path: Path, left: int, option: str) -> tuple[str, int]:
    """Write one file; stops one chunk after `left` bytes. Returns its SHA-256 and its bytes."""
    digest, written = hashlib.sha256(), 0
    with readable_os_errors(path, kind=FetchError, option=option):
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.open("xb")
    with target, opened.open(name) as source:
        while written <= left and (chunk := source.read(1 << 20)):
            digest.update(chunk)
            written += len(chunk)
            with readable_os_errors(path, kind=FetchError, option=option):
                target.write(chunk)
    return digest.hexdigest(), written
