"""A training in parts: its folder as one archive, cut into files small enough to be carried, and put together again.

For machines that bring back (or take along) only a few files of limited size. `parts.json` names the parts with their
checksums and is written last, so that parts without it are known to be unfinished.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spm_bench.errors import ResultsError, listed
from spm_bench.results.files import readable_os_errors, write_bytes, write_text

MANIFEST, ARCHIVE = "parts.json", "training.tar"
FORMAT = 1

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PLAIN = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$"
"""A file directly in a folder: neither list nor archive can name anything outside."""
PlainName = Annotated[str, Field(pattern=PLAIN)]


class Part(BaseModel):
    """One file of a cut archive."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: PlainName
    size: Annotated[int, Field(ge=1)]
    sha256: Digest


class Manifest(BaseModel):
    """What the parts make together.

    Attributes:
        format: Of this file.
        training: Name of the training's folder.
        holds: Names of the files in the archive.
        state: "whole", "slim" or "weights"; see `spm_bench.training.slim`.
        sha256: Of the archive.
        parts: In order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: int = FORMAT
    training: str
    holds: tuple[PlainName, ...]
    state: str
    sha256: Digest
    parts: tuple[Part, ...]


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """An archive (tar) of these files, in this order; equal files give equal bytes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def write_parts(folder: Path, files: Mapping[str, bytes], *, training: str, state: str, largest: int) -> list[Path]:
    """Write files as parts; parts of an earlier time are taken away.

    Args:
        folder: Where they go.
        files: Plain name -> content.
        training: See `Manifest`.
        state: See `Manifest`.
        largest: Bytes of a part at most.

    Returns:
        The parts, and the manifest last.

    Raises:
        ResultsError: The disk is full, or the folder cannot be written.
    """
    data = pack_files(files)
    pieces = [data[start : start + largest] for start in range(0, len(data), largest)]
    named = {f"{ARCHIVE}.{number:03d}": piece for number, piece in enumerate(pieces)}
    with readable_os_errors(folder):
        for old in (folder / MANIFEST, *folder.glob(f"{ARCHIVE}.*")):
            old.unlink(missing_ok=True)
    for name, piece in named.items():
        write_bytes(folder / name, piece)
    manifest = Manifest(
        training=training,
        holds=tuple(files),
        state=state,
        sha256=_sha256(data),
        parts=tuple(Part(file=name, size=len(piece), sha256=_sha256(piece)) for name, piece in named.items()),
    )
    write_text(folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n")
    return [*(folder / name for name in named), folder / MANIFEST]


def read_manifest(folder: Path) -> Manifest:
    """Read the list of parts.

    Raises:
        ResultsError: There is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(
            "there are no parts of a training here", where=path, remedy=f"Name the folder that holds {MANIFEST}"
        ) from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise ResultsError("not a list of parts of a training", where=path, remedy=_COPY) from error
    except OSError as error:
        raise ResultsError(f"it cannot be read ({error.strerror})", where=path) from error
    if manifest.format != FORMAT:
        raise ResultsError(f"parts of format {manifest.format}, this version reads {FORMAT}", where=path)
    return manifest


def join_parts(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Put the parts together, and check every byte.

    Args:
        folder: Holds `parts.json` and the parts.

    Returns:
        The manifest, and the files by name.

    Raises:
        ResultsError: Parts are missing (all are named), damaged, or hold something else than the manifest says.
    """
    manifest = read_manifest(folder)
    missing = [part.file for part in manifest.parts if not (folder / part.file).is_file()]
    if missing:
        raise ResultsError(
            f"{len(missing)} of {len(manifest.parts)} parts are missing: {listed(missing)}", where=folder, remedy=_COPY
        )
    data = b"".join(_read_part(folder, part) for part in manifest.parts)
    if _sha256(data) != manifest.sha256:
        raise ResultsError("the parts do not belong together", where=folder, remedy=_COPY)
    files = _unpack(data, folder)
    if set(files) != set(manifest.holds):
        raise ResultsError("the parts hold other files than their list says", where=folder, remedy=_COPY)
    return manifest, files


def place_files(files: Mapping[str, bytes], folder: Path, *, replace: bool) -> list[Path]:
    """Write joined files into a training's folder.

    Args:
        files: See `join_parts`.
        folder: Made if need be.
        replace: Overwrite files of other content; what stands there may be further than what is brought.

    Raises:
        ResultsError: A file of other content is there and may not be replaced, or it cannot be written.
    """
    with readable_os_errors(folder):
        changed = [n for n, data in files.items() if (folder / n).exists() and (folder / n).read_bytes() != data]
    if changed and not replace:
        raise ResultsError(
            f"there are other files of this name: {listed(changed)}",
            where=folder,
            remedy="Give another --out, or --replace if these are newer",
        )
    for name, data in files.items():
        write_bytes(folder / name, data)
    return [folder / name for name in files]


_COPY = "Copy the parts again"


def _read_part(folder: Path, part: Part) -> bytes:
    path = folder / part.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"it cannot be read ({error.strerror})", where=path) from error
    if len(data) != part.size or _sha256(data) != part.sha256:
        raise ResultsError(
            f"the part is damaged: {len(data):,} of {part.size:,} bytes, or others", where=path, remedy=_COPY
        )
    return data


def _unpack(data: bytes, where: Path) -> dict[str, bytes]:
    """Files of an archive, in memory: nothing is written where the archive says."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            members = archive.getmembers()
            files = {m.name: stream.read() for m in members if (stream := archive.extractfile(m)) is not None}
    except tarfile.TarError as error:
        raise ResultsError(f"the archive cannot be read ({error})", where=where, remedy=_COPY) from error
    if len(files) != len(members) or not all(re.match(PLAIN, name) for name in files):
        raise ResultsError("the archive holds more than plain files", where=where)
    return files


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
