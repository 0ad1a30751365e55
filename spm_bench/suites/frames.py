"""Pictures by index, decoded when asked for: folders of image files, and video files.

Some OpenCV releases decode a cut JPEG without complaint and fill the rest with grey; here every broken picture is an
error that names the file. OpenCV is imported on the first picture, so that scoring, which needs none, starts fast.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spm_bench.errors import DataError, listed
from spm_bench.suites.base import Frame

if TYPE_CHECKING:
    import cv2

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".webm", ".wmv", ".mjpeg", ".mjpg"}
)


@dataclass(frozen=True)
class ImageFrames:
    """Frames in image files of one folder (a `FrameSource`; pickles small and can be read from any thread).

    Attributes:
        folder: Where they are.
        names: File name of each frame.
        sizes: Bytes of each file, for the fingerprint.
    """

    folder: Path
    names: tuple[str, ...]
    sizes: tuple[int, ...] = field(repr=False)

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.names)

    def __getitem__(self, index: int) -> Frame:
        """Decode frame `index`: uint8 H x W x 3, BGR, contiguous.

        Raises:
            DataError: The file is missing, empty, cut or not an image.
        """
        return read_image(self.folder / self.names[index])

    def identity(self) -> list[tuple[str, int]]:
        """Name and bytes of each file: what the fingerprint of a suite covers."""
        return list(zip(self.names, self.sizes, strict=True))

    def image_size(self) -> tuple[int, int] | None:
        """(width, height) of the first picture whose header can be read; None if there is none among the first ten."""
        for name in self.names[:10]:
            size = read_image_size(self.folder / name)
            if size is not None:
                return size
        return None


def read_image(path: Path) -> Frame:
    """Decode an image file to BGR as its pixels are stored (an orientation tag is ignored, as the annotations do).

    Raises:
        DataError: The file is missing, empty, cut or not an image.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError("the picture is missing", where=path, remedy="Restore it from the data set") from None
    except OSError as problem:
        raise DataError(f"the picture cannot be read ({problem.strerror or problem})", where=path) from problem
    return decode_image(data, path)


def decode_image(data: bytes, where: Path | str) -> Frame:
    """Decode the bytes of an image file, see `read_image`.

    Args:
        data: The whole file.
        where: Its name, for errors.

    Raises:
        DataError: Empty, cut or not an image.
    """
    import cv2

    remedy = "Restore it from the data set"
    if not data:
        raise DataError("the picture is an empty file", where=where, remedy=remedy)
    if is_cut(data):
        raise DataError("the picture is cut: its end is missing", where=where, remedy=remedy)
    try:
        frame = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        frame = None
    if frame is None:
        raise DataError("the picture cannot be decoded", where=where, remedy=remedy)
    return np.ascontiguousarray(frame, dtype=np.uint8)


def is_cut(data: bytes) -> bool:
    """Tell whether the end of a JPEG, PNG, BMP or WebP file is missing; bytes after the end are harmless."""
    if data[:2] == b"\xff\xd8":
        return data.rfind(b"\xff\xd9") < _jpeg_header(data)[0]
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" not in data[-4096:] and b"IEND" not in data
    if data[:2] == b"BM" and len(data) >= 34:
        pixels, width, height = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (10, 18, 22))
        bits, compression = int.from_bytes(data[28:30], "little"), int.from_bytes(data[30:34], "little")
        row_bytes = (width * bits + 31) // 32 * 4
        return compression in (0, 3) and len(data) < pixels + row_bytes * abs(height)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    return False


def _jpeg_header(data: bytes) -> tuple[int, tuple[int, int] | None]:
    """Walk the segments of a JPEG up to its first scan, past any embedded preview with an end of its own.

    Returns:
        Position of the scan (the length of `data` if there is none) and (width, height) if they came before it.
    """
    at, size = 2, None
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xDA:
            return at, size
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and at + 9 <= len(data):
            size = int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        standalone = marker == 0x01 or 0xD0 <= marker <= 0xD8
        at += 2 if standalone else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return len(data), size


def size_in_head(head: bytes) -> tuple[int, int] | None:
    """(width, height) as the first bytes of a JPEG, PNG or BMP file tell; None where they do not, or it is none."""
    if head[:2] == b"\xff\xd8":
        return _jpeg_header(head)[1]
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head[:2] == b"BM" and len(head) >= 26:
        width, height = (int.from_bytes(head[at : at + 4], "little", signed=True) for at in (18, 22))
        return width, abs(height)
    return None


def read_image_size(path: Path) -> tuple[int, int] | None:
    """Read (width, height) from the head of an image file, decoding it only where the format is an unusual one.

    Returns:
        The size, or None if the file is missing or broken.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
            size = size_in_head(head)
            if size is None and head[:2] == b"\xff\xd8":  # a preview in the metadata may fill more than these 64 KiB
                return size_in_head(head + file.read())
    except OSError:
        return None
    if size is not None:
        return size
    try:
        frame = read_image(path)
    except DataError:
        return None
    return frame.shape[1], frame.shape[0]


def list_images(folder: Path) -> dict[str, int]:
    """Image files of a folder, name -> bytes; empty if there is no such folder."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return {}
    images = [entry for entry in entries if Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and entry.is_file()]
    return {entry.name: entry.stat().st_size for entry in images if not entry.name.startswith(".")}


def numbered_frames(folder: Path, first: int = 1, last: int | None = None) -> ImageFrames | None:
    """Frames whose file names are picture numbers ("0001.jpg", "00000001.jpg": the number counts, not the digits).

    Args:
        folder: Where the pictures are.
        first: Number of the first frame.
        last: Number of the last frame, None for the highest there is.

    Returns:
        The frames, or None if the folder holds no picture.

    Raises:
        DataError: A picture of the range is missing, or two have the same number.
    """
    by_number: dict[int, str] = {}
    images = list_images(folder)
    for name in sorted(images):
        stem = Path(name).stem
        if not (stem.isascii() and stem.isdigit()):
            continue
        if int(stem) in by_number:
            raise DataError(
                f"{by_number[int(stem)]} and {name} have the same number", where=folder, remedy="Remove one"
            )
        by_number[int(stem)] = name
    if not by_number:
        return None
    wanted = range(first, (max(by_number) if last is None else last) + 1)
    absent = [number for number in wanted if number not in by_number]
    if absent:
        example = Path(next(iter(by_number.values())))
        name = f"{absent[0]:0{len(example.stem)}d}{example.suffix}"
        raise DataError(
            f"the picture is missing ({len(wanted) - len(absent)} of {len(wanted)} are there{_others(absent)})",
            where=folder / name,
            remedy="Restore the sequence from the data set",
        )
    names = tuple(by_number[number] for number in wanted)
    return ImageFrames(folder, names, tuple(images[name] for name in names))


def _others(absent: list[int]) -> str:
    """The numbers of all missing pictures, if there are more than one: "; missing: 3, 7-12"."""
    ranges: list[list[int]] = []
    for number in absent:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    told = listed((str(a) if a == b else f"{a}-{b}" for a, b in ranges), 10)
    return f"; missing: {told}" if len(absent) > 1 else ""


class VideoFrames:
    """Frames of a video file (a `FrameSource`).

    Reading forward is fast. Going back decodes again from the start, which costs time but always gives the same picture
    for the same index, as seeking in a compressed video does not.
    """

    def __init__(self, path: Path) -> None:
        """Open the video and count its frames.

        Raises:
            DataError: It is missing or no frame can be decoded.
        """
        self.path = path
        self._capture: cv2.VideoCapture | None = None
        self._next = 0
        self._lock = threading.Lock()
        self._count = _count_frames(path)

    def __len__(self) -> int:
        """Count the frames."""
        return self._count

    def __getitem__(self, index: int) -> Frame:
        """Decode frame `index`: uint8 H x W x 3, BGR, contiguous.

        Raises:
            DataError: The video cannot be decoded up to this frame.
        """
        wanted = range(self._count)[index]
        with self._lock:
            if self._capture is None or wanted < self._next:
                self.close()
                self._capture = _open_video(self.path)
            while self._next < wanted and self._capture.grab():
                self._next += 1
            ok, frame = self._capture.read() if self._next == wanted else (False, None)
            self._next += 1
        if not ok or frame is None:
            self.close()
            raise DataError(f"frame {wanted} cannot be decoded", where=self.path, remedy="Is the video file complete?")
        return np.ascontiguousarray(frame, dtype=np.uint8)

    def close(self) -> None:
        """Release the decoder; the next access opens the file again."""
        if self._capture is not None:
            self._capture.release()
        self._capture, self._next = None, 0

    def identity(self) -> list[tuple[str, int]]:
        """Name and bytes of the file: what the fingerprint of a suite covers."""
        return [(self.path.name, self.path.stat().st_size)]

    def image_size(self) -> tuple[int, int] | None:
        """(width, height) of the first frame."""
        height, width = self[0].shape[:2]
        return width, height

    def __getstate__(self) -> dict[str, Any]:
        """Leave the decoder behind when going to another process."""
        return {"path": self.path, "_count": self._count}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self._count = state["path"], state["_count"]
        self._capture, self._next, self._lock = None, 0, threading.Lock()


def _open_video(path: Path) -> cv2.VideoCapture:
    import cv2

    if not path.is_file():
        raise DataError("the video is missing", where=path)
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise DataError("the video cannot be decoded", where=path, remedy="Convert it, or extract its frames as images")
    return capture


def _count_frames(path: Path) -> int:
    """Count the frames that can be decoded; the container's figure is believed only if its last frame is the last."""
    import cv2

    capture = _open_video(path)
    claimed = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    if claimed > 0 and capture.set(cv2.CAP_PROP_POS_FRAMES, claimed - 1) and capture.grab() and not capture.grab():
        capture.release()
        return claimed
    capture.release()
    capture, counted = _open_video(path), 0
    while capture.grab():
        counted += 1
    capture.release()
    if counted == 0:
        raise DataError("no frame of the video can be decoded", where=path, remedy="Is the file complete?")
    return counted
