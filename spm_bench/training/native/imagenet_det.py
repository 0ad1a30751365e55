"""ImageNet DET: `Annotations/DET/<split>/.../*.xml` and pictures of the same names in `Data/DET/<split>`.

Every object becomes a still with the other objects of its category beside it.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from spm_bench.training.native.crops import SAID_EVERY, Floats, RowBuilder, Say, need
from spm_bench.training.native.ilsvrc import read_marks, read_words, walk
from spm_bench.training.rows import NO_BOXES, Rows


def load_imagenet_det(root: Path, *, name: str, split: str = "train", say: Say | None = None) -> Rows:
    """Read the annotations of ImageNet DET.

    Args:
        root: Holds `Annotations` and `Data` (ILSVRC2015 or ILSVRC).
        name: Of the source.
        split: Folder of the training pictures.
        say: Told how far it is.

    Returns:
        One row per object, `sequence` is the picture.

    Raises:
        MissingDataError: No annotations or no pictures there.
        DataError: An annotation is broken.
    """
    marks = need(root / "Annotations" / "DET" / split, "the folder of DET's annotations")
    need(root / "Data" / "DET" / split, "the folder of DET's pictures")
    words = read_words(root, "det")
    builder = RowBuilder(name, root)
    done = 0
    for folder, files in walk(marks):
        place = folder.relative_to(root / "Annotations").as_posix()
        for file in files:
            if say is not None and done % (SAID_EVERY * 100) == 0:
                say(f"{name}: {done} pictures")
            done += 1
            _add_picture(builder, folder / file, f"{place}/{file.removesuffix('.xml')}", words)
    return builder.finish()


def _add_picture(builder: RowBuilder, path: Path, picture: str, words: dict[str, str]) -> None:
    by_category: dict[str, list[Floats]] = defaultdict(list)
    for one in read_marks(path):
        by_category[one.category].append(one.box)
    for category, found in by_category.items():
        boxes = np.stack(found)
        builder.add(
            [f"Data/{picture}.JPEG"] * len(boxes),
            boxes,
            sequence=picture,
            category=words.get(category, category),
            others=[np.delete(boxes, i, axis=0) if len(boxes) > 1 else NO_BOXES for i in range(len(boxes))],
        )
