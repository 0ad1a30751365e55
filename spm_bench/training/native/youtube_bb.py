"""YouTube-BoundingBoxes: the data set's own table of boxes, and frames that the user has decoded.

    yt_bb_detection_train.csv           as published: no header; video, time in ms, class number, class, object number,
                                        present / absent / uncertain, xmin, xmax, ymin, ymax as shares of the picture
    frames/<video>/<time in ms>.jpg     the frames of these times; videos that are gone from YouTube are not missed

(The data set has no pictures of its own; `ffmpeg -ss TIME -i VIDEO -frames:v 1 TIME.jpg` makes such a frame.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spm_bench.errors import DataError, MissingDataError
from spm_bench.suites.annotations import check_name
from spm_bench.suites.frames import list_images, read_image_size
from spm_bench.training.native.crops import SAID_EVERY, Floats, RowBuilder, Say, need
from spm_bench.training.rows import NO_BOXES, Rows

COLUMNS = ("video", "time", "class", "category", "object", "presence", "xmin", "xmax", "ymin", "ymax")
SHARES = COLUMNS[6:]
PRESENCES = ("present", "absent", "uncertain")

FRAMES_PER_SECOND = 30
"""Turns times into frame numbers, so that gaps mean the same as in other data."""

_TYPES: dict[int, Any] = (
    {0: str, 1: float} | dict.fromkeys(range(2, 6), "category") | dict.fromkeys(range(6, 10), float)
)

_REMEDY = "Download the table again, and unpack it"


def load_youtube_bb(root: Path, *, name: str, table: str = "yt_bb_detection_train.csv", say: Say | None = None) -> Rows:
    """Read the boxes of the videos whose frames are there.

    Args:
        root: Holds the table and `frames/`.
        name: Of the source.
        table: File name of the table.
        say: Told how far it is.

    Returns:
        One row per object and time at which it is present and the frame is there; `sequence` is the video.

    Raises:
        MissingDataError: No table, or no frame of it.
        DataError: A line of the table is broken.
    """
    path = need(root / table, "the table of boxes")
    frames = need(root / "frames", "the folder of decoded frames")
    boxes = _read_table(path)
    builder = RowBuilder(name, root)
    for done, (video, part) in enumerate(boxes.groupby("video", sort=False)):
        if say is not None and done % (SAID_EVERY * 10) == 0:
            say(f"{name}: {done} videos")
        check_name(str(video), path, int(part.index[0]) + 1)
        images = {Path(file).stem: file for file in sorted(list_images(frames / str(video)))}
        if images:
            _add_video(builder, frames, str(video), part, images)
    if not len(builder):
        raise MissingDataError(
            "there is no frame of the table", where=frames, remedy="Put frames at <video>/<time in ms>.jpg"
        )
    return builder.finish()


def _read_table(path: Path) -> pd.DataFrame:
    """The lines with a present object; the index is the 0-based line."""
    try:
        table = _parse(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"the table cannot be read: {error}", where=path, remedy=_REMEDY) from error
    if table.shape[1] != len(COLUMNS):
        raise DataError(f"{table.shape[1]} columns instead of {len(COLUMNS)}", where=path, line=1, remedy=_REMEDY)
    table.columns = pd.Index(COLUMNS)
    _refuse(~table["presence"].isin(PRESENCES), table, "presence", path)
    table = table[table["presence"] == "present"].copy()
    for column in ("time", *SHARES):
        values = pd.to_numeric(table[column], errors="coerce")
        legal = values.ge(0.0) if column == "time" else values.between(0.0, 1.0)
        _refuse(~legal, table, column, path)
        table[column] = values
    return table


def _parse(path: Path, types: dict[int, Any] = _TYPES) -> pd.DataFrame:
    """The table with typed columns (5 million lines as texts take gigabytes); as texts where a value does not fit."""
    try:
        return pd.read_csv(path, header=None, dtype=types, keep_default_na=False, skip_blank_lines=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise
    except ValueError:
        return _parse(path, dict.fromkeys(range(len(COLUMNS)), str))


def _refuse(wrong: pd.Series[bool], table: pd.DataFrame, column: str, path: Path) -> None:
    if wrong.any():
        line = wrong.index[int(np.argmax(wrong.to_numpy()))]
        raise DataError(
            f"{str(table.loc[line, column])!r} is no {column} of this data set",
            where=path,
            line=int(line) + 1,
            remedy=_REMEDY,
        )


def _add_video(builder: RowBuilder, frames: Path, video: str, part: pd.DataFrame, images: dict[str, str]) -> None:
    stems = part["time"].astype(np.int64).astype(str)
    part = part[stems.isin(images.keys()).to_numpy()]
    size = next((s for file in images.values() if (s := read_image_size(frames / video / file))), None)
    if part.empty or size is None:
        return
    part = part.assign(file=[f"frames/{video}/{images[str(int(t))]}" for t in part["time"]])
    boxes = _boxes(part, size)
    time, kind = part["time"].to_numpy(), part["class"].astype(str).to_numpy()
    for _, rows in part.groupby(["class", "object"], sort=False, observed=True).indices.items():
        others = [_beside(boxes, (time == time[i]) & (kind == kind[i]), int(i)) for i in rows]
        builder.add(
            part["file"].iloc[rows].tolist(),
            boxes[rows],
            frames=(time[rows] * FRAMES_PER_SECOND / 1000).astype(np.int64),
            sequence=video,
            category=str(part["category"].iloc[rows[0]]),
            others=others,
        )


def _boxes(part: pd.DataFrame, size: tuple[int, int]) -> Floats:
    x1, x2, y1, y2 = (part[column].to_numpy(dtype=np.float64) for column in SHARES)
    width, height = size
    return np.stack((x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height), axis=1)


def _beside(boxes: Floats, alike: NDArray[np.bool_], row: int) -> Floats:
    alike[row] = False
    return boxes[alike] if alike.any() else NO_BOXES
