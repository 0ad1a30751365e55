"""Where training pictures are kept: decoded once, held in memory or on the accelerator, read by threads when not.

Legend: K distinct rows, B pictures of a batch, S their side. Pictures are uint8, BGR.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spm_bench.errors import DataError, UsageError, listed
from spm_bench.training.rows import MOST_PIXELS, PictureError
from spm_bench.training.table import Floats, Ints, Table

Picture = NDArray[np.uint8]

BROKEN_SHARE = 0.01
"""Share of broken pictures above which a run ends: a few bad files happen, more mean a bad copy."""

JUDGED = 1000
"""Pictures that count as met from the start (fewer if the table is smaller), so that one broken picture among the first
batch does not end a run."""

CELLS = 16
"""Cells per side of the texture map of a picture."""

CPU_BUDGET = 4 << 30
"""Bytes of decoded pictures held in memory; 11,000 crops of 360 pixels. The rest is decoded at each use."""

DEVICE_BUDGET = 24 << 30
"""Bytes of pictures held on an accelerator; 66,000 padded crops. Their texture maps take 1.2 % of it, in memory."""

_NOTHING: Picture = np.empty((0, 0, 3), dtype=np.uint8)

_LOG = logging.getLogger(__name__)


class Holder(Protocol):
    """Keeps pictures; those over its budget only until the next `put`."""

    def missing(self, rows: Ints) -> Ints:
        """The rows of K that are not held for good."""
        ...

    def put(self, pictures: Mapping[int, Picture]) -> None:
        """Take the pictures of a batch that were missing."""
        ...

    def images(self, rows: Ints) -> Tensor:
        """B x S x S x 3, pictures at the top left; a row of -1 is black."""
        ...


class PictureStore:
    """The pictures of a table.

    Several threads may use one store: each holds `lock` from `fetch` to the last `images` of a batch.

    Args:
        table: All sources.
        device: Where batches are wanted.
        budget: Bytes of pictures to hold there; None: `CPU_BUDGET` or `DEVICE_BUDGET`.
        threads: That decode pictures which are not held.

    Attributes:
        table: As given.
        budget: Bytes of pictures to hold.
        lock: See above.
        broken: Row -> what is wrong with its picture, of those met so far.

    Raises:
        UsageError: A negative budget or no thread.
    """

    def __init__(
        self, table: Table, device: torch.device | str = "cpu", *, budget: int | None = None, threads: int = 4
    ) -> None:
        if threads < 1 or (budget is not None and budget < 0):
            raise UsageError("a store of pictures needs a budget from 0 up and at least one thread")
        self.table = table
        self.device = torch.device(device)
        self.lock = threading.Lock()
        self.broken: dict[int, str] = {}
        usual = CPU_BUDGET if self.device.type == "cpu" else DEVICE_BUDGET
        self.budget = usual if budget is None else budget
        if self.device.type == "cpu":
            self._holder: Holder = HeldInMemory(self.budget)
        else:
            self._holder = HeldOnDevice(len(table), self.device, self.budget)
        self._sizes = np.zeros((len(table), 2), dtype=np.int64)
        # Maps of pictures that are held. Any other picture is decoded at each use, and its map made again.
        self._textures: dict[int, Floats] = {}
        self._passing_textures: dict[int, Floats] = {}
        self._met = np.zeros(len(table), dtype=bool)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="pictures")

    def __enter__(self) -> PictureStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    @property
    def met(self) -> int:
        """Distinct pictures asked for so far."""
        return int(self._met.sum())

    def fetch(self, rows: Ints, *, textured: Ints | Collection[int] = ()) -> frozenset[int]:
        """Have the pictures of a batch ready for `images`.

        Args:
            rows: Rows, any number of times.
            textured: Those of them that `deviation` will be asked about.

        Returns:
            Rows whose picture is broken.

        Raises:
            DataError: More than `BROKEN_SHARE` of the pictures met are broken; names some.
        """
        wanted = np.unique(rows)
        self._met[wanted] = True
        need_texture = {int(row) for row in textured} - self._textures.keys()
        absent = {int(row) for row in self._holder.missing(wanted)}
        order = sorted((absent | need_texture) - self.broken.keys())
        pictures: dict[int, Picture] = {}
        textures: dict[int, Floats] = {}
        failed = len(self.broken)
        # `map` yields in order, whichever thread is first.
        read = self._threads.map(self._read, order, [row in need_texture for row in order])
        for row, got in zip(order, read, strict=True):
            if isinstance(got, PictureError):
                self.broken[row] = str(got)
                _LOG.warning("skipped: %s", got)
                continue
            picture, texture = got
            self._sizes[row] = picture.shape[1], picture.shape[0]
            if texture is not None:
                textures[row] = texture
            if row in absent:
                pictures[row] = picture
        if len(self.broken) > failed:
            self._judge()
        self._holder.put(pictures)
        self._keep_textures(textures)
        return frozenset(int(row) for row in wanted if row in self.broken)

    def warm(self, *, progress: Callable[[int, int], None] | None = None, at_once: int = 256) -> None:
        """Read pictures in order until all are held or the budget is used up; also what patches need to know of them.

        Without it, a picture that was first used for something else is decoded once more for its first patch.

        Args:
            progress: Called with (pictures read, of how many).
            at_once: Pictures read between two calls of `progress`.
        """
        total = len(self.table)
        patched = np.zeros(total, dtype=bool)
        patched[self.table.pools["pictures"].rows] = True
        for start in range(0, total, at_once):
            rows = np.arange(start, min(start + at_once, total))
            self.fetch(rows, textured=rows[patched[rows]])
            good = np.asarray([row for row in rows if row not in self.broken], dtype=np.int64)
            if progress is not None:
                progress(int(rows[-1]) + 1, total)
            if len(self._holder.missing(good)):
                return

    def sizes(self, rows: Ints) -> Ints:
        """(width, height) of pictures that were fetched, n x 2."""
        return self._sizes[rows]

    def images(self, rows: Ints) -> tuple[Tensor, Tensor]:
        """The pictures of the last `fetch`, in any order.

        Args:
            rows: B rows, -1 for none.

        Returns:
            B x S x S x 3 uint8 and B x 2 float32 (width, height), 0 where there is none; on the device.
        """
        sizes = np.where(rows[:, None] >= 0, self._sizes[rows], 0)
        return self._holder.images(rows), self.to_device(sizes.astype(np.float32))

    def deviation(self, rows: Ints, boxes: Floats) -> Floats:
        """Standard deviation of grey levels inside boxes, from texture maps, so to a cell's precision.

        Args:
            rows: P rows that the last `fetch` named as `textured`.
            boxes: P x k x 4 (x, y, w, h) inside the pictures.

        Returns:
            P x k values.
        """
        sums = np.stack(
            [self._textures[r] if r in self._textures else self._passing_textures[r] for r in rows.tolist()]
        )
        cells = self._sizes[rows][:, None] / CELLS
        low = np.minimum(np.floor(boxes[..., :2] / cells).astype(np.int64), CELLS - 1)
        high = np.clip(np.ceil((boxes[..., :2] + boxes[..., 2:]) / cells).astype(np.int64), low + 1, CELLS)
        (x1, y1), (x2, y2) = np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)
        P = np.arange(len(rows))[:, None]
        inside = sums[P, y2, x2] - sums[P, y1, x2] - sums[P, y2, x1] + sums[P, y1, x1]
        mean, square = np.moveaxis(inside, -1, 0) / ((x2 - x1) * (y2 - y1))
        return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0.0)), dtype=np.float64)

    def to_device(self, array: NDArray[Any]) -> Tensor:
        """Copy a small array to the device without waiting for it."""
        return to_device(array, self.device)

    def _keep_textures(self, textures: dict[int, Floats]) -> None:
        """Keep new maps of pictures that are held, the others until the next `fetch`: so the budget bounds them too."""
        passing = set(self._holder.missing(np.asarray(list(textures), dtype=np.int64)).tolist())
        self._textures |= {row: texture for row, texture in textures.items() if row not in passing}
        self._passing_textures = {row: textures[row] for row in passing}

    def _read(self, row: int, textured: bool) -> tuple[Picture, Floats | None] | PictureError:
        try:
            picture = self.table.read(row)
        except PictureError as error:
            return error  # fetch counts it
        if max(picture.shape[:2]) > MOST_PIXELS:
            return PictureError(f"the picture has more than {MOST_PIXELS} pixels a side", where=self.table.where(row))
        return picture, texture_map(picture) if textured else None

    def _judge(self) -> None:
        judged = max(self.met, min(len(self.table), JUDGED))
        if len(self.broken) > BROKEN_SHARE * judged:
            raise DataError(
                f"{len(self.broken)} of {self.met} pictures cannot be read, more than {BROKEN_SHARE:.0%} of the data",
                remedy="Copy the data again, or take these out of its index. First of them: "
                + listed(list(self.broken.values()), most=3),
            )


class HeldInMemory:
    """Pictures as they are, in the computer's memory."""

    def __init__(self, budget: int) -> None:
        self._held: dict[int, Picture] = {}
        self._passing: dict[int, Picture] = {}
        self._left = budget

    def missing(self, rows: Ints) -> Ints:
        """See `Holder`."""
        return np.asarray([row for row in rows.tolist() if row not in self._held], dtype=np.int64)

    def put(self, pictures: Mapping[int, Picture]) -> None:
        """See `Holder`."""
        self._passing = {}
        for row, picture in pictures.items():
            if picture.nbytes <= self._left:
                self._held[row] = picture
                self._left -= picture.nbytes
            else:
                self._passing[row] = picture

    def images(self, rows: Ints) -> Tensor:
        """See `Holder`. S is the largest side of the batch."""
        pictures = [self._held.get(row, self._passing.get(row, _NOTHING)) for row in rows.tolist()]
        S = max((max(picture.shape[:2]) for picture in pictures), default=0)
        if S == 0:
            return torch.zeros((1, 1, 1, 3), dtype=torch.uint8).expand(len(rows), MOST_PIXELS, MOST_PIXELS, 3)
        images = np.empty((len(rows), S, S, 3), dtype=np.uint8)
        for image, picture in zip(images, pictures, strict=True):
            fill_padded(image, picture)
        return torch.from_numpy(images)


class HeldOnDevice:
    """Pictures padded to one size in a tensor on the accelerator; a batch is one gather there."""

    def __init__(self, rows: int, device: torch.device, budget: int) -> None:
        self._device = device
        places = min(rows, budget // (MOST_PIXELS * MOST_PIXELS * 3))
        self._held = torch.empty((places, MOST_PIXELS, MOST_PIXELS, 3), dtype=torch.uint8, device=device)
        self._place = np.full(rows, -1, dtype=np.int64)
        self._used = 0
        self._passing = self._held[:0]
        self._passing_place: dict[int, int] = {}

    def missing(self, rows: Ints) -> Ints:
        """See `Holder`."""
        return rows[self._place[rows] < 0]

    def put(self, pictures: Mapping[int, Picture]) -> None:
        """See `Holder`."""
        rows = np.asarray(list(pictures), dtype=np.int64)
        stacked = torch.empty(
            (len(rows), MOST_PIXELS, MOST_PIXELS, 3), dtype=torch.uint8, pin_memory=self._device.type == "cuda"
        )
        for image, picture in zip(stacked.numpy(), pictures.values(), strict=True):
            fill_padded(image, picture)
        moved = stacked.to(self._device, non_blocking=True)
        kept = min(len(rows), len(self._held) - self._used)
        self._held[self._used : self._used + kept] = moved[:kept]
        self._place[rows[:kept]] = np.arange(self._used, self._used + kept)
        self._used += kept
        self._passing = moved[kept:]
        self._passing_place = {int(row): i for i, row in enumerate(rows[kept:])}

    def images(self, rows: Ints) -> Tensor:
        """See `Holder`. S is always `MOST_PIXELS`."""
        there = rows >= 0
        if not there.any():
            return self._held.new_zeros((1, 1, 1, 3)).expand(len(rows), MOST_PIXELS, MOST_PIXELS, 3)
        place = np.where(there, self._place[rows], 0)
        passing = np.asarray([self._passing_place.get(int(row), -1) for row in rows], dtype=np.int64)
        if (passing < 0).all() or not len(self._held):
            source, index = (self._held, place) if (passing < 0).all() else (self._passing, np.maximum(passing, 0))
            images = source.index_select(0, self._index(index))
        else:
            images = self._held.index_select(0, self._index(np.maximum(place, 0)))
            of = np.flatnonzero(passing >= 0)
            images[self._index(of)] = self._passing.index_select(0, self._index(passing[of]))
        if not there.all():
            images[self._index(np.flatnonzero(~there))] = 0
        return images

    def _index(self, index: Ints) -> Tensor:
        return to_device(index, self._device)


def to_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """Copy an array to a device; from page-locked memory where that lets the computer go on meanwhile."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def fill_padded(image: Picture, picture: Picture) -> None:
    """Put a picture at the top left of a larger one, the rest black."""
    height, width = picture.shape[:2]
    image[:height, :width] = picture
    image[:height, width:] = 0
    image[height:] = 0


def texture_map(picture: Picture) -> Floats:
    """Running sums over a grid of cells of the mean grey level and its square.

    Returns:
        (CELLS + 1) x (CELLS + 1) x 2.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    sums = np.zeros((CELLS + 1, CELLS + 1, 2))
    for k, values in enumerate((grey, grey * grey)):
        cells = cv2.resize(values, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
        sums[1:, 1:, k] = cells.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    return sums
