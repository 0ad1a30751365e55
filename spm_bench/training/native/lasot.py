"""LaSOT: folders `<category>/<category>-N/` with pictures `img/00000001.jpg ...` and `groundtruth.txt`.

Beside it are `full_occlusion.txt` and `out_of_view.txt`, one line of flags each. Only LaSOT's training sequences are
read: those of `training_set.txt`, which comes with its toolkit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError, MissingDataError
from spm_bench.suites.annotations import BOX_COLUMNS, check_length, parse_names, parse_rows
from spm_bench.suites.frames import numbered_frames
from spm_bench.training.native.crops import SAID_EVERY, RowBuilder, Say, check_every, need
from spm_bench.training.rows import Rows

ABSENCE = ("full_occlusion.txt", "out_of_view.txt")

EVERY = 3
"""Frames at 30 per second differ little; a third of them is still 900 of a usual sequence."""


def load_lasot(
    root: Path, *, name: str, every: int = EVERY, sequences: str = "training_set.txt", say: Say | None = None
) -> Rows:
    """Read the annotations of LaSOT's training sequences.

    Args:
        root: Holds the folders of categories (zip files of categories unpacked).
        name: Of the source.
        every: Take one frame of so many.
        sequences: File that lists the sequences, one per line, relative to `root`.
        say: Told how far it is.

    Returns:
        One row per frame in which the target is neither fully occluded nor out of view, with an annotated box.

    Raises:
        MissingDataError: No list, or no sequence of it is there.
        DataError: A file of a sequence is missing or broken.
    """
    check_every(every)
    listing = root / sequences
    if not listing.is_file():
        raise MissingDataError(
            "the list of LaSOT's training sequences is missing",
            where=listing,
            remedy="Copy training_set.txt of the LaSOT toolkit there: without it, test sequences would be trained on",
        )
    names = parse_names(listing)
    builder = RowBuilder(name, root)
    found = 0
    for done, sequence in enumerate(names):
        if say is not None and done % SAID_EVERY == 0:
            say(f"{name}: {done} of {len(names)} sequences")
        category = sequence.rpartition("-")[0]
        if not category:
            raise DataError(f"{sequence!r} is no name of LaSOT's", where=listing, line=done + 1, remedy="car-3, say")
        # Categories are downloaded one by one; those that are not there are not missed.
        if (root / category).is_dir():
            found += 1
            _add_sequence(builder, root, category, sequence, every)
    if not found:
        raise MissingDataError("no category of the list is here", where=root, remedy="Unpack its categories here")
    return builder.finish()


def _add_sequence(builder: RowBuilder, root: Path, category: str, sequence: str, every: int) -> None:
    folder = need(root / category / sequence, "a sequence of the list")
    annotation = folder / "groundtruth.txt"
    boxes = parse_rows(annotation, (BOX_COLUMNS,))
    frames = numbered_frames(folder / "img")
    if frames is None:
        raise DataError("the folder holds no pictures", where=folder / "img", remedy="Unpack this category again")
    check_length(len(boxes), len(frames), "pictures in img/", annotation)
    seen = np.ones(len(boxes), dtype=bool)
    for label in ABSENCE:
        seen &= ~_flags(folder / label, len(boxes))
    keep = np.flatnonzero(seen)
    keep = keep[keep % every == 0]
    boxes = boxes - (1.0, 1.0, 0.0, 0.0)  # the first pixel is 1 there
    builder.add(
        [f"{category}/{sequence}/img/{frames.names[i]}" for i in keep],
        boxes[keep],
        frames=keep + 1,
        sequence=sequence,
        category=category,
    )


def _flags(path: Path, n: int) -> NDArray[np.bool_]:
    """One line with n flags."""
    values = parse_rows(path, (n,)).reshape(-1)
    odd = ~np.isin(values, (0.0, 1.0))
    if len(values) != n or odd.any():
        raise DataError(f"expected is one line of {n} flags, 0 or 1", where=path, line=1, remedy="Unpack it again")
    return ~odd & (values > 0)
