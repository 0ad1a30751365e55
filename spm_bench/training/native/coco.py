"""COCO: `annotations/instances_<split>.json` and pictures in `<split>/`.

Every object becomes a still with the other objects of its category beside it. Crowds are left out, and boxes that fill
more than `MOST_COVERED` of their picture, because nothing around them is left to search.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.training.native.crops import RowBuilder, Say, need
from spm_bench.training.rows import NO_BOXES, Rows

MOST_COVERED = 0.7
"""Share of the picture; the limit of the training packs."""

_REMEDY = "Download the annotations again"


def load_coco(root: Path, *, name: str, split: str = "train2017", say: Say | None = None) -> Rows:
    """Read COCO's instances.

    Args:
        root: Holds `annotations/` and the folder of pictures.
        name: Of the source.
        split: Name of the folder of pictures.
        say: Told how far it is.

    Returns:
        One row per object, `sequence` is the picture; `others` are all other objects of its category in the picture,
        the tiny ones too.

    Raises:
        MissingDataError: No annotations or no pictures.
        DataError: The annotations are no such file, or an object is broken; names the object's id.
    """
    path = need(root / "annotations" / f"instances_{split}.json", "the file of COCO's annotations")
    need(root / split, "the folder of pictures")
    if say is not None:
        say(f"{name}: reading {path.name}")
    content = _read_json(path)
    pictures = {_of(p, "id", path): p for p in content["images"]}
    categories = {_of(c, "id", path): str(_of(c, "name", path)) for c in content["categories"]}
    groups: dict[tuple[Any, Any], list[NDArray[np.float64]]] = defaultdict(list)
    for item in content["annotations"]:
        if not item.get("iscrowd", 0):
            groups[_of(item, "image_id", path), _of(item, "category_id", path)].append(_box(item, path))
    builder = RowBuilder(name, root / split)
    for (picture, category), boxes in groups.items():
        if picture not in pictures or category not in categories:
            raise DataError(f"an object names picture {picture} and category {category}", where=path, remedy=_REMEDY)
        _add(builder, pictures[picture], np.stack(boxes), categories[category], path)
    return builder.finish()


def _add(
    builder: RowBuilder, picture: Mapping[str, Any], boxes: NDArray[np.float64], category: str, path: Path
) -> None:
    file = str(_of(picture, "file_name", path))
    if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
        raise DataError(f"the picture {file!r} lies outside the data set", where=path, remedy=_REMEDY)
    width, height = _number(picture, "width", path), _number(picture, "height", path)
    inside = boxes[:, 2] * boxes[:, 3] <= MOST_COVERED * width * height
    targets = np.flatnonzero(inside)
    alone = len(boxes) == 1
    builder.add(
        [file] * len(targets),
        boxes[targets],
        sequence=file,
        category=category,
        others=[NO_BOXES if alone else np.delete(boxes, i, axis=0) for i in targets],
    )


def _read_json(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        content = json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise DataError(f"no JSON: {error.msg}", where=path, line=error.lineno, remedy=_REMEDY) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the annotations cannot be read: {error}", where=path, remedy=_REMEDY) from error
    for part in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not _all_objects(content.get(part)):
            raise DataError(f"the file has no list {part!r}", where=path, remedy="These are not COCO's instances")
    return dict(content)


def _all_objects(part: object) -> bool:
    return isinstance(part, Iterable) and not isinstance(part, str | dict) and all(isinstance(p, dict) for p in part)


def _of(item: Mapping[str, Any], key: str, path: Path) -> Any:
    if key not in item or isinstance(item[key], dict | list):
        raise DataError(f"the entry {item.get('id', item)} has no {key!r}", where=path, remedy=_REMEDY)
    return item[key]


def _number(item: Mapping[str, Any], key: str, path: Path) -> float:
    value = _of(item, key, path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{key!r} of the entry {item.get('id')} is no number", where=path, remedy=_REMEDY)
    return float(value)


def _box(item: Mapping[str, Any], path: Path) -> NDArray[np.float64]:
    box = item.get("bbox")
    try:
        values = np.asarray(box, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise DataError(f"the box {box!r} of object {item.get('id')} is no box", where=path, remedy=_REMEDY)
    return values
