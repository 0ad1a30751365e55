"""The annotation files of ImageNet VID and DET: small XML documents in the manner of Pascal VOC."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.suites.annotations import read_text

MOST_BYTES = 1 << 20
"""The largest annotation of the data sets has some 30 kB."""

_REMEDY = "Unpack the annotations again"


class Marked(NamedTuple):
    """One object of a picture.

    Attributes:
        track: Number of the object in its video, -1 in a still.
        category: WordNet id.
        box: (x, y, w, h): corners as they are written, w = xmax - xmin.
        occluded: Partly hidden, or cut by the picture.
        generated: The box was interpolated, not drawn by a person.
    """

    track: int
    category: str
    box: NDArray[np.float64]
    occluded: bool
    generated: bool


def read_marks(path: Path) -> list[Marked]:
    """Read the objects of one picture.

    Raises:
        DataError: No XML, a document type (which the data sets never have, and which could name other files or grow
            without end), or an object without a name or a box; with the line where it is known.
    """
    data = read_text(path)
    if len(data) > MOST_BYTES or b"<!" in data.replace(b"<!--", b""):
        raise DataError("this is no annotation of ImageNet", where=path, remedy=_REMEDY)
    try:
        root = ElementTree.fromstring(data)  # without a document type there are no entities
    except ElementTree.ParseError as error:
        raise DataError(f"no XML: {error}", where=path, line=error.position[0], remedy=_REMEDY) from error
    return [_marked(item, path) for item in root.iter("object")]


def _marked(item: ElementTree.Element, path: Path) -> Marked:
    category = (item.findtext("name") or "").strip()
    if not category:
        raise DataError("an object has no name", where=path, remedy=_REMEDY)
    x1, y1, x2, y2 = (_number(item, f"bndbox/{side}", path) for side in ("xmin", "ymin", "xmax", "ymax"))
    return Marked(
        track=int(_number(item, "trackid", path)) if item.find("trackid") is not None else -1,
        category=category,
        box=np.asarray((x1, y1, x2 - x1, y2 - y1)),
        occluded=(item.findtext("occluded") or "0").strip() == "1",
        generated=(item.findtext("generated") or "0").strip() == "1",
    )


def _number(item: ElementTree.Element, key: str, path: Path) -> float:
    text = (item.findtext(key) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise DataError(f"{key} of {item.findtext('name')} is {text!r}, no number", where=path, remedy=_REMEDY)
    return value


def read_words(root: Path, task: str) -> dict[str, str]:
    """WordNet id -> word, from the development kit if it is there; so that these categories meet those of other data.

    Args:
        root: Of the data set; the kit is looked for in `devkit/data`.
        task: "vid" or "det".

    Raises:
        DataError: A line that is not `id number word`.
    """
    path = root / "devkit" / "data" / f"map_{task}.txt"
    if not path.is_file():
        return {}
    words = {}
    for line, text in enumerate(read_text(path).decode("utf-8", errors="replace").splitlines(), start=1):
        parts = text.split(maxsplit=2)
        if parts and len(parts) != 3:
            raise DataError(f"{text!r} is not `id number word`", where=path, line=line, remedy="Copy the kit again")
        if parts:
            words[parts[0]] = parts[2].strip().replace("_", " ")
    return words


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders at any depth that hold annotations, and the names of these, both in order."""
    for place, inner, files in os.walk(folder):
        inner.sort()
        marks = sorted(file for file in files if file.endswith(".xml"))
        if marks:
            yield Path(place), marks
