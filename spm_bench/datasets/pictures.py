"""Is a picture whole? Quickly, from both ends of its file, or by decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spm_bench.errors import DataError
from spm_bench.suites.frames import decode_image, is_cut, read_image_size, size_in_head

HEAD = TAIL = 4096
"""Bytes read from each end; a JPEG with a preview in its head is read whole."""
SMALL = 1 << 16
"""Bytes up to which a file is read whole at once."""
_STARTS = {
    ".jpg": b"\xff\xd8",
    ".jpeg": b"\xff\xd8",
    ".png": b"\x89PNG\r\n\x1a\n",
    ".bmp": b"BM",
}
_ENDS = ((b"\xff\xd8", b"\xff\xd9"), (b"\x89PNG\r\n\x1a\n", b"IEND"))


@dataclass(frozen=True)
class Picture:
    """What was found of a picture.

    Attributes:
        path: Its file.
        fault: What is wrong with it, "" if nothing.
        size: (width, height), None where unknown.
    """

    path: Path
    fault: str = ""
    size: tuple[int, int] | None = None


def look_at(path: Path, *, deep: bool = False) -> Picture:
    """Check a picture.

    Args:
        path: The file.
        deep: Decode it; otherwise only its beginning, its end and its size are looked at.

    Returns:
        What was found; nothing is raised for a broken picture.
    """
    try:
        return _decoded(path) if deep else _quickly(path)
    except DataError as error:
        return Picture(path, error.problem)
    except OSError as error:
        return Picture(path, f"it cannot be read ({error.strerror or error})")


def _decoded(path: Path) -> Picture:
    height, width = decode_image(path.read_bytes(), path).shape[:2]
    return Picture(path, size=(width, height))


def _quickly(path: Path) -> Picture:
    with path.open("rb") as stream:
        n_bytes = stream.seek(0, 2)
        if n_bytes == 0:
            return Picture(path, "the picture is an empty file")
        stream.seek(0)
        if n_bytes <= SMALL:
            head = tail = stream.read()
        else:
            head = stream.read(HEAD)
            stream.seek(n_bytes - TAIL)
            tail = stream.read()
    if not head.startswith(tuple(_STARTS.values())) and path.suffix.lower() in _STARTS:
        return Picture(path, f"this is no {path.suffix[1:].upper()} file")
    ended = n_bytes > SMALL and any(head.startswith(start) and end in tail for start, end in _ENDS)
    if not ended and is_cut(head if n_bytes <= SMALL else path.read_bytes()):
        return Picture(path, "the picture is cut: its end is missing")
    size = size_in_head(head) or read_image_size(path)
    return Picture(path, "" if size else "its head is broken: it does not tell its size", size)
