"""GOT-10k train: `list.txt`, and for each sequence `00000001.jpg ...`, `groundtruth.txt`, labels, `meta_info.ini`.

Frames in which the target is absent, or less than `LEAST_COVER` eighths of it can be seen, are left out. The sequences
of its validation and test splits are what trackers are measured on, and are refused. (About 1,000 of the training
sequences are also in VOT; the VOT committee lists them, and `exclude` takes such a list.)
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.suites.annotations import BOX_COLUMNS, check_length, parse_labels, parse_names, parse_rows
from spm_bench.suites.frames import numbered_frames
from spm_bench.training.native.crops import SAID_EVERY, RowBuilder, Say, check_every, need
from spm_bench.training.rows import Rows

LEAST_COVER = 3
"""Of 8 parts of the target that are visible; about the 0.4 of the training packs."""

HIGHEST_COVER = 8

_CLASS = re.compile(r"^\s*object_class\s*[:=]\s*(.*?)\s*$", re.MULTILINE)


def load_got10k(root: Path, *, name: str, every: int = 1, exclude: str = "", say: Say | None = None) -> Rows:
    """Read the annotations of GOT-10k's training split.

    Args:
        root: The folder `train`, or the one that holds it.
        name: Of the source.
        every: Take one frame of so many.
        exclude: File with names of sequences to leave out, one per line; relative to `root`.
        say: Told how far it is.

    Returns:
        One row per annotated frame; a sequence is a track.

    Raises:
        MissingDataError: No list of sequences.
        DataError: A file of a sequence is missing or broken, or it is one of the evaluation splits.
    """
    check_every(every)
    home = root if (root / "list.txt").is_file() else root / "train"
    listing = need(home / "list.txt", "the list of GOT-10k's training sequences")
    names = parse_names(listing)
    evaluation = next((i for i, found in enumerate(names) if re.search(r"_(val|test)_", found, re.IGNORECASE)), None)
    if evaluation is not None:
        raise DataError(
            f"{names[evaluation]} is for evaluation",
            where=listing,
            line=evaluation + 1,
            remedy="Train on the split `train` only",
        )
    left_out = set(parse_names(root / exclude)) if exclude else set()
    builder = RowBuilder(name, home)
    for done, sequence in enumerate(names):
        if say is not None and done % SAID_EVERY == 0:
            say(f"{name}: {done} of {len(names)} sequences")
        if sequence not in left_out:
            _add_sequence(builder, home, sequence, every)
    return builder.finish()


def _add_sequence(builder: RowBuilder, home: Path, sequence: str, every: int) -> None:
    folder = need(home / sequence, "a sequence of list.txt")
    annotation = folder / "groundtruth.txt"
    boxes = parse_rows(annotation, (BOX_COLUMNS,))
    frames = numbered_frames(folder)
    if frames is None:
        raise DataError("the folder holds no pictures", where=folder, remedy="Unpack this sequence again")
    check_length(len(boxes), len(frames), "pictures in the folder", annotation)
    keep = np.flatnonzero(_visible(folder, len(boxes)))
    keep = keep[keep % every == 0]
    builder.add(
        [f"{sequence}/{frames.names[i]}" for i in keep],
        boxes[keep],
        frames=keep + 1,
        sequence=sequence,
        category=_object_class(folder / "meta_info.ini"),
    )


def _visible(folder: Path, n: int) -> NDArray[np.bool_]:
    seen = np.ones(n, dtype=bool)
    if (folder / "absence.label").is_file():
        seen &= parse_labels(folder / "absence.label", n) == 0
    if (folder / "cover.label").is_file():
        seen &= parse_labels(folder / "cover.label", n, highest=HIGHEST_COVER) >= LEAST_COVER
    return seen


def _object_class(path: Path) -> str:
    """The class of the target; "" where the file says none."""
    if not path.is_file():
        return ""
    found = _CLASS.search(path.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else ""
