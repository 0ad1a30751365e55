r"""The lines of TraX, version 4 (Cehovin: TraX: The visual Tracking eXchange protocol, Neurocomputing 2017).

    program:  @@TRAX:hello "trax.version=4" "trax.image=path;" "trax.region=rectangle;" "trax.channels=color;"
    we:       @@TRAX:initialize "10.0000,20.0000,30.0000,40.0000"
              @@TRAX:frame "file:///tmp/1.png" "name=value"
    program:  @@TRAX:state "10.0000,20.0000,30.0000,40.0000"
    we:       @@TRAX:frame "file:///tmp/2.png"
    ...
    we:       @@TRAX:quit

A line that begins otherwise is what the program prints. Each "initialize" adds a target; one without a region comes
before the next start and takes all away. Before version 4 a start was one line: picture, then region.

Written here and not left to the package vot-trax: its client brings this process down where an answer is broken or does
not come. The tests speak with that package's own server, and compare with its client what is sent.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from spm_bench.errors import TrackerError
from spm_bench.suites.base import Frame
from spm_bench.suites.regions import mask_box
from spm_bench.trackers.base import Box

MARK = b"@@TRAX:"
RECTANGLE, POLYGON, MASK = "rectangle", "polygon", "mask"
PATH, BUFFER, MEMORY = "path", "buffer", "memory"
"""Forms in which a program may take pictures: a file, an encoded file's content, pixels (RGB)."""
COLOUR = "color"
SPLIT_START = 4
"""From this version on, region and picture of a start are two messages."""
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_UNESCAPED = {"n": "\n"}
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', re.DOTALL)
_NAME = re.compile(r"[a-z]+")


def message(name: str, words: Iterable[str] = (), properties: Mapping[str, str] | None = None) -> bytes:
    r"""A line to send.

    >>> message("frame", ["file:///a b.png"], {"say": 'a "b"'})
    b'@@TRAX:frame "file:///a b.png" "say=a \\"b\\""\n'
    """
    values = [*words, *(f"{key}={value}" for key, value in (properties or {}).items())]
    return b" ".join([MARK + name.encode(), *map(_quoted, values)]) + b"\n"


def parse(line: bytes) -> tuple[str, list[str]] | None:
    r"""A message's name and words; None for a line that is none.

    >>> parse(b'@@TRAX:state "1,2,3,4" "sure=\\"yes\\""\r\n')
    ('state', ['1,2,3,4', 'sure="yes"'])
    """
    text = line.removeprefix(MARK).decode(errors="replace").strip()
    name = _NAME.match(text)
    if name is None:
        return None
    rest, words = text[name.end() :], []
    while rest.strip():
        found = _WORD.match(rest.lstrip())
        if found is None or rest[0] not in " \t":
            return None
        words.append(re.sub(r"\\(.)", lambda e: _UNESCAPED.get(e[1], e[1]), found[1] or "") or found[2] or "")
        rest = rest.lstrip()[found.end() :]
    return name[0], words


def start_messages(
    version: int, picture: str, region: str, properties: Mapping[str, str], *, again: bool = False
) -> bytes:
    """What starts a target; `again` where the program follows one already, which is to be forgotten."""
    if version < SPLIT_START:
        return message("initialize", [picture, region], properties)
    forget = message("initialize") if again else b""
    return forget + message("initialize", [region]) + message("frame", [picture], properties)


def picture_of(frame: Frame, form: str) -> str:
    """A picture as text, for programs that take no file."""
    if form == BUFFER:
        return f"data:image/png;{base64.b64encode(png(frame)).decode()}"
    height, width = frame.shape[:2]
    return f"image:{width};{height};rgb;{base64.b64encode(frame[..., ::-1].tobytes()).decode()}"


def png(frame: Frame) -> bytes:
    """A picture encoded without loss, quickly."""
    import cv2

    return bytes(cv2.imencode(".png", frame, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])


def region_of(box: Box, kinds: Sequence[str], size: tuple[int, int]) -> str:
    """The region to start on: a rectangle where the program takes one, else a polygon, else a mask.

    Args:
        box: x, y, w, h.
        kinds: What the program takes.
        size: Of the picture, (height, width).

    Raises:
        TrackerError: It takes none of the three, or wants a mask and the box covers no pixel.

    >>> region_of(np.array([1.5, 2, 3, 4]), ["polygon"], (9, 9))
    '1.5000,2.0000,4.5000,2.0000,4.5000,6.0000,1.5000,6.0000'
    """
    x, y, w, h = (float(value) for value in box)
    if RECTANGLE in kinds:
        return _numbers([x, y, w, h])
    if POLYGON in kinds:
        return _numbers([x, y, x + w, y, x + w, y + h, x, y + h])
    if MASK not in kinds:
        raise TrackerError(f"it starts on {' or '.join(kinds)}; rectangle, polygon and mask can be given")
    left, right = (int(np.clip(round(side), 0, size[1])) for side in (x, x + w))
    top, bottom = (int(np.clip(round(side), 0, size[0])) for side in (y, y + h))
    if right <= left or bottom <= top:
        raise TrackerError(f"it starts on masks only, and the box {box.tolist()} covers no pixel of the picture")
    columns, rows = right - left, bottom - top
    return f"mask:{left},{top},{columns},{rows},0,{columns * rows}"


def box_of(text: str) -> Box | None:
    """The box that is meant: of a polygon or a mask the smallest upright one around it; None for an empty mask.

    Raises:
        ValueError: It is no region, or one that says where no target is.

    >>> box_of("1,2,3,4"), box_of("0,0,4,1,2,3"), box_of("mask:0,0,4,3,5,2"), box_of("mask:0,0,4,3,12")
    (array([1., 2., 3., 4.]), array([0., 0., 4., 3.]), array([1., 1., 2., 1.]), None)
    """
    if text.startswith("m"):
        box = mask_box([int(number) for number in text.removeprefix("mask:").removeprefix("m").split(",")])
        return None if np.isnan(box).any() else box
    values = np.array([float(number) for number in text.split(",")])
    if len(values) == 1:
        raise ValueError("a special region, which has no place")
    if not np.isfinite(values).all():
        raise ValueError("numbers that are not finite")
    if len(values) == 4:
        return values
    if len(values) < 6 or len(values) % 2:
        raise ValueError(f"{len(values)} numbers, which are no rectangle and no polygon")
    points = values.reshape(-1, 2)
    return np.concatenate([points.min(axis=0), np.ptp(points, axis=0)])


def _quoted(text: str) -> bytes:
    return f'"{"".join(_ESCAPES.get(letter, letter) for letter in text)}"'.encode()


def _numbers(values: Iterable[float]) -> str:
    return ",".join(f"{value:.4f}" for value in values)
