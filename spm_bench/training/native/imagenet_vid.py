"""ImageNet VID: `Annotations/VID/<split>/.../<video>/000000.xml` and `Data/VID/<split>/.../<video>/000000.JPEG`."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from spm_bench.errors import DataError
from spm_bench.training.native.crops import SAID_EVERY, Floats, RowBuilder, Say, check_every, need
from spm_bench.training.native.ilsvrc import Marked, read_marks, read_words, walk
from spm_bench.training.rows import Rows

EVERY = 5
"""A fifth of the 1.1 million frames is opened in a minute, and frames at 30 per second differ little."""


def load_imagenet_vid(
    root: Path,
    *,
    name: str,
    split: str = "train",
    every: int = EVERY,
    occluded: bool = False,
    generated: bool = True,
    say: Say | None = None,
) -> Rows:
    """Read the annotations of ImageNet VID.

    Args:
        root: Holds `Annotations` and `Data` (ILSVRC2015 or ILSVRC).
        name: Of the source.
        split: Folder of the training videos.
        every: Take one frame of so many.
        occluded: Whether to take targets marked as occluded.
        generated: Whether to take boxes that were interpolated between drawn ones.
        say: Told how far it is.

    Returns:
        One row per object and frame; `others` are the other objects of its category in the frame, whatever their marks.

    Raises:
        MissingDataError: No annotations or no pictures there.
        DataError: An annotation is broken.
    """
    check_every(every)
    marks = need(root / "Annotations" / "VID" / split, "the folder of VID's annotations")
    need(root / "Data" / "VID" / split, "the folder of VID's pictures")
    words = read_words(root, "vid")
    builder = RowBuilder(name, root)
    for done, (folder, files) in enumerate(walk(marks)):
        if say is not None and done % SAID_EVERY == 0:
            say(f"{name}: {done} videos")
        video = folder.relative_to(root / "Annotations").as_posix()
        _add_video(builder, folder, video, files[::every], words, occluded=occluded, generated=generated)
    return builder.finish()


def _add_video(
    builder: RowBuilder,
    folder: Path,
    video: str,
    files: list[str],
    words: dict[str, str],
    *,
    occluded: bool,
    generated: bool,
) -> None:
    tracks: dict[tuple[int, str], list[tuple[str, int, Floats, Floats]]] = defaultdict(list)
    for file in files:
        stem = file.removesuffix(".xml")
        if not stem.isdigit():
            raise DataError("the name is no frame number", where=folder / file, remedy="Unpack the annotations again")
        found = read_marks(folder / file)
        for one in found:
            if (one.occluded and not occluded) or (one.generated and not generated):
                continue
            tracks[one.track, one.category].append(
                (f"Data/{video}/{stem}.JPEG", int(stem), one.box, _beside(one, found))
            )
    for (_, category), seen in tracks.items():
        pictures, frames, boxes, others = zip(*seen, strict=True)
        builder.add(
            pictures,
            np.stack(boxes),
            frames=np.asarray(frames, dtype=np.int64),
            sequence=video,
            category=words.get(category, category),
            others=others,
        )


def _beside(one: Marked, found: list[Marked]) -> Floats:
    boxes = [other.box for other in found if other is not one and other.category == one.category]
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
