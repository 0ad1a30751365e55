"""Anchors and box deltas: what the coarse and the fine stage regress, and back.

Legend: A anchors per cell, G cells per side, N = G * G * A. Boxes are corners (x1, y1, x2, y2) in search-frame pixels.
Source: the released SPM inference code, as described in its defaults (base 8, scale 8, ratios 0.33 .. 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MAX_LOG_SIZE = math.log(255.0 / 32.0)
"""Upper clip of the predicted log size ratio; NaN and infinities become this value too. There is no lower clip."""


AnchorSizes = Literal["rounded", "truncated", "corners"]
"""What SPM's released code makes whole, what DaSiamRPN's and PySOT's do, and PySiamTracking's: see `base_anchors`."""


def base_anchors(
    stride: int, ratios: Sequence[float], scales: Sequence[float], sizes: AnchorSizes = "rounded"
) -> NDArray[np.float64]:
    """Make the anchors of one cell, centred on 0.

    Args:
        stride: Base size in pixels, the stride of the feature map.
        ratios: Height / width, one anchor each (outer loop).
        scales: Multiples of the base size (inner loop).
        sizes: "rounded", half to even before scaling, with half extents (size - 1) / 2; "truncated" before scaling,
            with half extents size / 2; or "corners", with half extents (size - 1) / 2 that are rounded after scaling.

    Returns:
        A x 4 corners.
    """
    less = 0.0 if sizes == "truncated" else 1.0
    rows = []
    for ratio in ratios:
        width = _whole(np.sqrt(stride * stride / ratio), sizes)
        height = _whole(width * ratio, sizes)
        for scale in scales:
            half_w, half_h = (width * scale - less) / 2, (height * scale - less) / 2
            if sizes == "corners":
                half_w, half_h = np.round(half_w), np.round(half_h)
            rows.append((-half_w, -half_h, half_w, half_h))
    return np.asarray(rows, dtype=np.float64)


def _whole(size: float, sizes: AnchorSizes) -> float:
    if sizes == "corners":
        return size
    return float(np.round(size) if sizes == "rounded" else np.floor(size))


def grid_anchors(base: NDArray[np.float64], cells: int, stride: int, offset: float) -> NDArray[np.float64]:
    """Repeat the base anchors over a square grid.

    Args:
        base: A x 4 corners, centred on 0.
        cells: Cells per side, G.
        stride: Distance of neighbouring cells in pixels.
        offset: Centre of the first cell in pixels.

    Returns:
        (G * G * A) x 4 corners; order is row, column, anchor (anchor fastest).
    """
    shift = np.arange(cells, dtype=np.float64) * stride + offset
    y, x = np.meshgrid(shift, shift, indexing="ij")
    centres = np.stack((x, y, x, y), axis=-1).reshape(-1, 1, 4)
    return np.asarray((centres + base[None]).reshape(-1, 4))


def decode_deltas(
    boxes: Tensor, deltas: Tensor, divisors: Sequence[float], *, pixel_offset: float | Tensor = 1.0
) -> Tensor:
    """Apply predicted deltas to boxes.

    The released code takes widths as x2 - x1 + 1 but writes corners as centre +- size / 2, so zero deltas grow a box by
    1 px and move its centre by +0.5 px. `pixel_offset=0` is the decoding without that quirk.

    Args:
        boxes: ... x 4 corners; cast to the deltas' type first.
        deltas: ... x 4 (dx, dy, dw, dh), in units of the box size and log size ratio, times `divisors`.
        divisors: Four numbers the deltas are divided by.
        pixel_offset: Added to widths and heights, 1 in the released code; one number, or a tensor of the deltas' type
            that broadcasts against ... x 2 (B x 1 x 1: one per target).

    Returns:
        ... x 4 corners of the deltas' type.
    """
    boxes = boxes.to(deltas.dtype)
    size = boxes[..., 2:] - boxes[..., :2] + pixel_offset
    centre = boxes[..., :2] + 0.5 * size
    scale = _constants(divisors, deltas)
    new_centre = deltas[..., :2] / scale[:2] * size + centre
    log_size = deltas[..., 2:] / scale[2:]
    log_size = torch.nan_to_num(log_size, nan=MAX_LOG_SIZE, posinf=MAX_LOG_SIZE, neginf=MAX_LOG_SIZE)
    half = 0.5 * log_size.clamp(max=MAX_LOG_SIZE).exp() * size
    return torch.cat((new_centre - half, new_centre + half), dim=-1)


def encode_deltas(boxes: Tensor, targets: Tensor, divisors: Sequence[float]) -> Tensor:
    """Find the deltas that lead from boxes to targets; training's side of `decode_deltas`.

    As in the released code widths are x2 - x1 here, without the +1, so the pair is not an exact inverse.

    Args:
        boxes: ... x 4 corners with positive size.
        targets: ... x 4 corners with positive size.
        divisors: Four numbers the deltas are multiplied by.

    Returns:
        ... x 4 (dx, dy, dw, dh).
    """
    size, target_size = boxes[..., 2:] - boxes[..., :2], targets[..., 2:] - targets[..., :2]
    shift = (targets[..., :2] + targets[..., 2:] - boxes[..., :2] - boxes[..., 2:]) * 0.5 / size
    return torch.cat((shift, (target_size / size).log()), dim=-1) * _constants(divisors, boxes)


def _constants(values: Sequence[float], like: Tensor) -> Tensor:
    """The values with the type and device of `like`; on an accelerator without a copy that would wait for it."""
    if like.device.type == "cpu":
        return like.new_tensor(values)
    return torch.stack([like.new_full((), value) for value in values])
