"""Reading training pictures: whole pictures, and crops by the rule of the packs.

Pictures are H x W x 3 uint8 in BGR. Boxes are (x, y, w, h), 0-based and continuous: pixel i covers [i, i + 1).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.suites import frames
from spm_bench.training.rows import MOST_PIXELS, PictureError

CONTEXT_SIDES = 3.2
"""Side of a stored crop in s_z: 6.4 times the side of a square target, 1.5 times the search region."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Decode one picture file as its pixels are stored.

    Returns:
        H x W x 3, BGR.

    Raises:
        PictureError: The file is missing, empty, cut or no picture.
    """
    try:
        return frames.read_image(path)
    except DataError as error:
        raise PictureError(error.problem, where=error.where, remedy=error.remedy) from error


def fit_whole(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a whole picture within `MOST_PIXELS`: its short side is shrunk, its long side cut around the middle."""
    height, width = image.shape[:2]
    if max(height, width) <= MOST_PIXELS:
        return image
    scale = MOST_PIXELS / min(height, width)
    if scale < 1:
        width, height = max(round(width * scale), 1), max(round(height * scale), 1)
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    top, left = max(height - MOST_PIXELS, 0) // 2, max(width - MOST_PIXELS, 0) // 2
    return np.ascontiguousarray(image[top : top + MOST_PIXELS, left : left + MOST_PIXELS])


class Cut(NamedTuple):
    """Where the crop of one target lies: whole pixels of the picture, then one scale."""

    left: int
    top: int
    side: int
    scale: float

    @property
    def pixels(self) -> int:
        """Side of the crop in its own pixels."""
        return round(self.side * self.scale)

    def place(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes (... x 4) of the picture in pixels of the crop."""
        return np.asarray((boxes - (self.left, self.top, 0.0, 0.0)) * self.scale, dtype=np.float64)


def context_sides(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """s_z of boxes (... x 4): the side of the square that holds a target and half its (width + height) around."""
    w, h = boxes[..., 2], boxes[..., 3]
    context = 0.5 * (w + h)
    return np.asarray(np.sqrt((w + context) * (h + context)), dtype=np.float64)


def cut_around(box: NDArray[np.float64]) -> Cut:
    """Place the crop of a target by the pack rule: a square around it, shrunk to `MOST_PIXELS`, never enlarged.

    It lies on whole pixels, so a crop that needs no shrinking is a plain copy; the target's centre is the crop's to
    half a pixel.

    Args:
        box: 4 values with area.
    """
    ((left, top, side),) = _crop_squares(np.asarray(box, dtype=np.float64)[None]).tolist()
    return Cut(left=int(left), top=int(top), side=int(side), scale=min(MOST_PIXELS, int(side)) / int(side))


def place_in_crops(boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find where many targets lie in their own crops, as `cut_around` places those.

    Args:
        boxes: N x 4 with area.

    Returns:
        N x 4 in pixels of the crops, and N sides of the crops in pixels of the pictures.
    """
    squares = _crop_squares(boxes)
    side = squares[:, 2]
    placed = np.concatenate((boxes[:, :2] - squares[:, :2], boxes[:, 2:]), axis=1)
    return placed * (np.minimum(side, MOST_PIXELS) / side)[:, None], side


def _crop_squares(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """N x 3 whole numbers: left, top, side."""
    side = np.maximum(np.rint(CONTEXT_SIDES * context_sides(boxes)), 1.0)
    corner = np.rint(boxes[:, :2] + boxes[:, 2:] / 2 - side[:, None] / 2)
    return np.concatenate((corner, side[:, None]), axis=1)


def cut_crop(image: NDArray[np.uint8], cut: Cut) -> NDArray[np.uint8]:
    """Cut a crop out of a picture; beyond the picture it has the picture's mean colour.

    Returns:
        n x n x 3, n = side * scale.
    """
    height, width = image.shape[:2]
    fill = np.rint(cv2.mean(image)[:3]).astype(np.uint8)
    left, top = max(cut.left, 0), max(cut.top, 0)
    right, below = min(cut.left + cut.side, width), min(cut.top + cut.side, height)
    n = cut.pixels
    # Shrinking first keeps a crop far larger than the picture from being built at full size.
    if right <= left or below <= top:
        return np.ascontiguousarray(np.broadcast_to(fill, (n, n, 3)))
    part = image[top:below, left:right]
    if n == cut.side:
        crop = np.empty((n, n, 3), dtype=np.uint8)
        crop[:] = fill
        crop[top - cut.top : below - cut.top, left - cut.left : right - cut.left] = part
        return crop
    return _shrink(part, (left - cut.left, top - cut.top), fill, n, cut)


def _shrink(
    part: NDArray[np.uint8], corner: tuple[int, int], fill: NDArray[np.uint8], n: int, cut: Cut
) -> NDArray[np.uint8]:
    # Area averaging first (no aliasing), by the whole picture's scale; then the exact place by a bilinear warp.
    height, width = part.shape[:2]
    size = (max(round(width * cut.scale), 1), max(round(height * cut.scale), 1))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    sx, sy = size[0] / width, size[1] / height
    ax, ay = cut.scale / sx, cut.scale / sy
    # Pixel centres lie at index + 0.5 of the continuous coordinates.
    move = np.array(
        [
            [ax, 0.0, corner[0] * cut.scale + 0.5 * ax - 0.5],
            [0.0, ay, corner[1] * cut.scale + 0.5 * ay - 0.5],
        ]
    )
    colour = tuple(int(value) for value in fill)
    warped = cv2.warpAffine(small, move, (n, n), flags=cv2.INTER_LINEAR, borderValue=colour)
    return np.asarray(warped, dtype=np.uint8)
