"""Training pictures as one tar per source, small enough to be taken along.

CARRY/packs.json       name of a source -> its tar, size, sha256
CARRY/video.tar.gz     index.csv, and the pictures it names
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

from spm_bench.errors import DataError, MissingDataError, UsageError

PACKS, INDEX = "packs.json", "index.csv"
SEEN = ".packed"
"""Beside an unpacked source: the checksum of the tar it came from."""


def pack_sources(data: Path, carry: Path, *, quality: int, most: int) -> dict[str, dict[str, Any]]:
    """Write a tar per source, and the list of them.

    Args:
        data: Its sub-folders with an index are the sources.
        carry: Where the tars go.
        quality: Of JPEG; 0 takes the files as they are.
        most: Bytes at most, all together.

    Raises:
        MissingDataError: No source, or a file of an index is not there.
        UsageError: They take more than `most`.
    """
    sources = sorted(path.parent for path in data.glob(f"*/{INDEX}"))
    if not sources:
        raise MissingDataError("no pack is here", where=data, remedy=f"Name the folder whose sub-folders hold {INDEX}")
    packed: dict[str, dict[str, Any]] = {}
    carry.mkdir(parents=True, exist_ok=True)
    for folder in sources:
        content, pictures = pack_source(folder, quality)
        file = f"{folder.name}.tar.gz"
        (carry / file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        packed[folder.name] = {"file": file, "size": len(content), "sha256": digest, "pictures": pictures}
    total = sum(told["size"] for told in packed.values())
    if total > most:
        raise UsageError(f"the pictures take {total:,} bytes of {most:,}", where=carry, remedy="Lower --quality")
    (carry / PACKS).write_text(json.dumps(packed, indent=1) + "\n")
    return packed


def pack_source(folder: Path, quality: int) -> tuple[bytes, int]:
    """The tar of one source, the same bytes every time, and how many pictures it holds."""
    index = (folder / INDEX).read_bytes()
    names = sorted({row["file"] for row in csv.DictReader(io.StringIO(index.decode("utf-8")))})
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name in (INDEX, *names):
            content = index if name == INDEX else read_picture(folder / name, quality)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue(), len(names)


def read_picture(path: Path, quality: int) -> bytes:
    """The bytes of a picture file, JPEGs written anew where that makes them smaller; a broken one stays as it is."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MissingDataError(f"it cannot be read ({error.strerror})", where=path) from error
    if not quality or not content.startswith(b"\xff\xd8"):
        return content
    import cv2
    import numpy as np

    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return content
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    smaller: bytes = cv2.imencode(".jpg", image, options)[1].tobytes()
    return min(smaller, content, key=len)


def unpack_sources(carry: Path, data: Path) -> bool:
    """Unpack the sources that are not there yet, checksums first.

    Returns:
        Whether there are any, from this time or an earlier one.

    Raises:
        DataError: A tar is missing, damaged, or would write outside its folder.
    """
    if (carry / PACKS).is_file():
        for name, told in json.loads((carry / PACKS).read_text()).items():
            folder = data / name
            seen = folder / SEEN
            if not (seen.is_file() and seen.read_text() == told["sha256"]):
                _unpack(carry / told["file"], told["sha256"], folder)
    return any(data.glob(f"*/{INDEX}"))


def _unpack(path: Path, digest: str, folder: Path) -> None:
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise DataError("the pack is missing or damaged", where=path, remedy="Pack and copy it again")
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        with tarfile.open(path, mode="r:gz") as archive:
            archive.extractall(partial, filter="data")
        (partial / SEEN).write_text(digest)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except tarfile.TarError as error:
        raise DataError(f"the pack cannot be unpacked ({error})", where=path) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
