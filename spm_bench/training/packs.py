"""Packs: folders of ready crops with one index, as tables of rows; and whole videos held out of training.

A pack's `index.csv` has one row per picture. A pack of videos names `sequence`, `object` and `frame`; a pack of stills
names `original`, the picture that a crop was cut from. Crops are made by the rule of `images.cut_around`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spm_bench.errors import DataError, MissingDataError, UsageError, unknown_name
from spm_bench.suites.frames import read_image_size
from spm_bench.training.images import fit_whole, read_image
from spm_bench.training.rows import MOST_PIXELS, NO_BOXES, PictureError, Rows

INDEX = "index.csv"
SIDES = ("x", "y", "w", "h")
VIDEO_COLUMNS = ("file", "source", "sequence", "object", "frame", *SIDES, "category")
STILL_COLUMNS = ("file", "source", "original", *SIDES, "category")

NO_CATEGORIES = ("region",)
"""Words in the column `category` that name no kind of thing: two such rows do not show the same category."""

SLACK = 0.5
"""Pixels by which a box may reach over the picture's border: boxes are rounded, pictures have whole pixels."""

HELD_OUT = (
    "davis/dogs-jump_240p",
    "tinytlp/Mohiniyattam",
    "uav123_10fps/car14",
    "uav123_10fps/group2_2",
    "uav123_10fps/wakeboard7",
    "vot2014/polarbear",
    "vot2014/surfing",
)
"""Our choice of videos to validate on: four sources, six categories, look-alikes side by side in two of them, and
every category but one (polar bear) also among the videos or stills that are trained on."""

Scale = NDArray[np.float64] | None

_REMEDY = "Mend the index, or copy the pack again"


def load_pack(folder: Path, *, name: str) -> Rows:
    """Read the index of a pack; pictures are read when they are used.

    Args:
        folder: Holds `index.csv` and the files it names.
        name: Name of the source.

    Returns:
        Rows in the order of the index. Rows without a box are whole pictures. Consecutive segments of one video have
        one sequence.

    Raises:
        MissingDataError: No folder, no index, or a file of the index is not there.
        DataError: A column is missing, a value is no number, a box has no area or lies outside its picture, a file lies
            outside the folder, or the index is empty; with file, line and remedy. (Files that cannot be decoded are not
            looked for here: they are skipped and counted while training.)
    """
    folder = Path(folder)
    index = folder / INDEX
    table = _read_index(index)
    video = "sequence" in table.columns
    missing = [c for c in (VIDEO_COLUMNS if video else STILL_COLUMNS) if c not in table.columns]
    if missing:
        kinds = f"A pack of videos has {', '.join(VIDEO_COLUMNS)}; one of stills {', '.join(STILL_COLUMNS)}"
        raise DataError(f"the index has no column {', '.join(missing)}", where=index, line=1, remedy=kinds)
    if table.empty:
        raise DataError("the index names no pictures", where=index, remedy=_REMEDY)
    boxes = _read_boxes(table, index, needed=video)
    paths = _read_paths(table, index, folder)
    _check_against_pictures(boxes, paths, index)
    scale = _read_scale(table, index)
    if video:
        return _video_rows(table, boxes, paths, index, name, scale)
    return _still_rows(table, boxes, paths, name, scale)


def split_validation(
    rows: Rows, *, names: Sequence[str] | None = None, share: float | None = None, seed: int = 0
) -> tuple[Rows, Rows]:
    """Hold out whole sequences (videos, or original pictures with all crops cut from them).

    Args:
        rows: One source.
        names: Which sequences to hold out, as "source/sequence".
        share: Or: at least this share of the rows, whole sequences in the order of a shuffle by `seed`.
        seed: See `share`; the same seed chooses the same sequences.

    Returns:
        Rows to train on, and rows held out. Track and sequence numbers stay as they were in both.

    Raises:
        UsageError: A name that is no sequence, neither or both of `names` and `share`, a share outside 0 .. 1, or
            nothing left to train on.
    """
    if (names is None) == (share is None):
        raise UsageError("hold sequences out either by names or by a share", remedy="Give one of the two")
    held = _named(rows, names) if names is not None else _drawn(rows, float(share or 0.0), seed)
    if held.all() and len(rows):
        raise UsageError(f"all of {rows.name} would be held out", remedy="Hold out fewer sequences")
    return rows.select(~held), rows.select(held)


def _named(rows: Rows, names: Sequence[str]) -> NDArray[np.bool_]:
    number = {known: i for i, known in enumerate(rows.sequence_names)}
    wanted = [_find_sequence(number, name) for name in names]
    if None in wanted:
        raise unknown_name(f"sequence in {rows.name}", names[wanted.index(None)], number)
    return np.isin(rows.sequence, np.asarray(wanted, dtype=np.int64))


def _find_sequence(number: Mapping[str, int], name: str) -> int | None:
    """A sequence by its name, or by that of any of its segments."""
    return number.get(name, number.get(_video_of(name)))


def _drawn(rows: Rows, share: float, seed: int) -> NDArray[np.bool_]:
    if not 0.0 <= share < 1.0:
        raise UsageError(f"a share of {share} cannot be held out", remedy="Choose one from 0 up to below 1")
    sequences, counts = np.unique(rows.sequence, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sequences))
    before = np.concatenate(([0], np.cumsum(counts[order])[:-1]))
    return np.isin(rows.sequence, sequences[order[before < share * len(rows)]])


def _read_index(index: Path) -> pd.DataFrame:
    if not index.is_file():
        raise MissingDataError(
            "there is no pack here", where=index, remedy=f"Name the folder that holds {INDEX} and the pictures"
        )
    try:
        table = pd.read_csv(index, dtype=str, keep_default_na=False, skip_blank_lines=False, index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"the index cannot be read: {error}", where=index, remedy=_REMEDY) from error
    # Short lines come back as NaN even so.
    return table.fillna("")


def _read_boxes(table: pd.DataFrame, index: Path, *, needed: bool) -> NDArray[np.float64]:
    """N x 4 boxes with area; NaN where all four cells are empty and a box is not `needed`."""
    cells = table[list(SIDES)].to_numpy(dtype=str)
    empty = (np.char.strip(cells) == "").all(axis=1)
    if needed and empty.any():
        raise _at(index, int(np.argmax(empty)), "the box is missing")
    boxes = np.stack([_numbers(table, side, index, empty) for side in SIDES], axis=1)
    flat = ~empty & ~((boxes[:, 2] > 0) & (boxes[:, 3] > 0))
    if flat.any():
        row = int(np.argmax(flat))
        raise _at(index, row, f"the box {boxes[row].tolist()} has no area")
    return boxes


def _read_scale(table: pd.DataFrame, index: Path) -> Scale:
    """Stored pixels per original pixel; the column is optional."""
    if "crop_scale" not in table.columns:
        return None
    unknown = (table["crop_scale"].str.strip() == "").to_numpy()
    scale = _numbers(table, "crop_scale", index, unknown)
    wrong = ~unknown & ~(scale > 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _at(index, row, f"the crop scale {scale[row]} is not above zero")
    return scale


def _numbers(table: pd.DataFrame, column: str, index: Path, empty: NDArray[np.bool_]) -> NDArray[np.float64]:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(values) & ~empty
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _at(index, row, f"{table[column].iloc[row]!r} in column {column} is no number")
    return values


def _read_paths(table: pd.DataFrame, index: Path, folder: Path) -> list[Path]:
    paths = []
    for row, file in enumerate(table["file"]):
        inside = PurePosixPath(file)
        if not file.strip() or inside.is_absolute() or ".." in inside.parts or "\\" in file or ":" in file:
            raise _at(index, row, f"{file!r} is not the name of a file in this folder")
        paths.append(folder / inside)
    return paths


def _check_against_pictures(boxes: NDArray[np.float64], paths: list[Path], index: Path) -> None:
    """Compare boxes with the sizes in the files' headers; a file whose header cannot be read is left for later."""
    for row, path in enumerate(paths):
        size = _size_of(path, index, row)
        if size is None or np.isnan(boxes[row, 0]):
            continue
        if max(size) > MOST_PIXELS:
            raise _at(
                index,
                row,
                f"{path.name} is {size[0]} x {size[1]} pixels, and a crop has at most {MOST_PIXELS}",
                "Cut crops as the pack's notes say, or load the data set itself",
            )
        x, y, w, h = boxes[row]
        if min(x, y) < -SLACK or x + w > size[0] + SLACK or y + h > size[1] + SLACK:
            raise _at(
                index, row, f"the box {boxes[row].tolist()} lies outside its picture, {size[0]} x {size[1]} pixels"
            )


def _size_of(path: Path, index: Path, row: int) -> tuple[int, int] | None:
    """(width, height); None for a broken file, which read_image names when its turn comes."""
    size = read_image_size(path)
    if size is None and not path.is_file():
        raise MissingDataError(
            f"the picture {path} is not there", where=index, line=row + 2, remedy="Copy the pack again"
        )
    return size


def _video_rows(
    table: pd.DataFrame, boxes: NDArray[np.float64], paths: list[Path], index: Path, name: str, scale: Scale
) -> Rows:
    full = table["source"] + "/" + table["sequence"]
    frame = _numbers(table, "frame", index, np.zeros(len(table), dtype=bool))
    odd = frame != np.floor(frame)
    if odd.any():
        row = int(np.argmax(odd))
        raise _at(index, row, f"{table['frame'].iloc[row]!r} in column frame is no whole number")
    track, _ = pd.factorize(full + "/" + table["object"])
    return _rows(table, boxes, paths, name, scale, track=track, frame=frame.astype(np.int64), of=full.map(_video_of))


def _still_rows(table: pd.DataFrame, boxes: NDArray[np.float64], paths: list[Path], name: str, scale: Scale) -> Rows:
    none = np.full(len(table), -1, dtype=np.int64)
    of = table["source"] + "/" + table["original"]
    return _rows(table, boxes, paths, name, scale, track=none, frame=np.zeros_like(none), of=of)


def _rows(
    table: pd.DataFrame,
    boxes: NDArray[np.float64],
    paths: list[Path],
    name: str,
    scale: Scale,
    *,
    track: NDArray[np.int64],
    frame: NDArray[np.int64],
    of: pd.Series[str],
) -> Rows:
    sequence, sequences = pd.factorize(of)
    words = table["category"].str.strip()
    category, categories = pd.factorize(words.mask(words.isin(["", *NO_CATEGORIES])))
    whole = np.isnan(boxes[:, 0])
    return Rows(
        name=name,
        boxes=boxes,
        track=np.asarray(track, dtype=np.int64),
        sequence=np.asarray(sequence, dtype=np.int64),
        frame=frame,
        category=np.asarray(category, dtype=np.int64),
        categories=tuple(str(c) for c in categories),
        others=(NO_BOXES,) * len(boxes),
        where=tuple(str(path) for path in paths),
        read=lambda row: _read(paths[row], whole=bool(whole[row])),
        scale=scale,
        sequence_names=tuple(str(s) for s in sequences),
    )


def _read(path: Path, *, whole: bool) -> NDArray[np.uint8]:
    image = read_image(path)
    if whole:
        return fit_whole(image)
    if max(image.shape[:2]) > MOST_PIXELS:
        raise PictureError(
            f"the crop has more than {MOST_PIXELS} pixels a side", where=path, remedy="Copy the pack again"
        )
    return image


def _video_of(name: str) -> str:
    """UAV123 cuts a long video into segments NAME_1, NAME_2, ...: the name of the video."""
    return re.sub(r"_\d+$", "", name) if name.startswith("uav123") else name


def _at(index: Path, row: int, problem: str, remedy: str = _REMEDY) -> DataError:
    return DataError(problem, where=index, line=row + 2, remedy=remedy)  # line 1 is the header
