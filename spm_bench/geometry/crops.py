"""Cutting boxes out of frames and feature maps: the corner-aligned sampler, and the square search region.

Legend: B targets, K boxes per target, R boxes in all, C channels, n samples per side. Boxes are corners
(x1, y1, x2, y2).

The sampler puts its first and last sample ON the box edges (one bilinear sample per bin, no averaging); a sample
outside the map is zero, not a blend with the border. Orders of operation are those of the released SPM code, because
its decisions (which proposal survives NMS) sit on the last bits.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def frame_mean(frame: NDArray[np.uint8]) -> Tensor:
    """Compute the mean colour of a frame, which pads crops that reach beyond it.

    Rows first (one value per column), then columns, in float32: the order of the released code, bit by bit on a CPU.

    Args:
        frame: H x W x C.

    Returns:
        C values, 0..255, float32, on the CPU.
    """
    rows, columns, channels = frame.shape
    # Integer sums are exact, whatever their order. (A matrix product is no faster, and its threads fight with torch's.)
    column_sums = frame.reshape(rows, columns * channels).sum(axis=0, dtype=np.uint32)
    column_means = (column_sums.astype(np.float32) / np.float32(rows)).reshape(columns, channels)
    return torch.from_numpy(np.ascontiguousarray(column_means.T)).mean(dim=1)


def sample_positions(low: Tensor, high: Tensor, extent: int, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Place n corner-aligned samples between two coordinates of a map with `extent` cells.

    Args:
        low: R float32 coordinates of the first sample, in cell-index units.
        high: R coordinates of the last.
        extent: Number of cells along this axis.
        n: Samples; a single one lies at the centre.

    Returns:
        R x n: index of the lower neighbour, of the upper neighbour (both clamped into the map), the fraction between
        them, and whether the sample is inside the map (0 <= position <= extent - 1).
    """
    last = float(extent - 1)
    a, b = low.float() / last, high.float() / last
    if n == 1:
        position = (0.5 * (a + b) * last)[:, None]
    else:
        steps = torch.arange(n, dtype=torch.float32, device=low.device)
        position = (a * last)[:, None] + steps * ((b - a) * last / (n - 1))[:, None]
    inside = (position >= 0) & (position <= last)
    position = torch.where(inside, position, torch.zeros_like(position))
    floor = position.floor()
    lower = floor.long()
    return lower, position.ceil().long(), position - floor, inside


def crop_frame(
    frame: Tensor, mean: Tensor, boxes: Tensor, size: int | tuple[int, int], *, offset: Tensor | None = None
) -> Tensor:
    """Cut boxes out of one frame, padding with its mean colour.

    Args:
        frame: H x W x C, uint8 or float32.
        mean: C, the padding colour.
        boxes: R x 4 corners in pixel-index units.
        size: Samples per side, or (rows, columns).
        offset: C, subtracted from the result (the network's mean), or None.

    Returns:
        R x C x rows x columns float32, channels-last in memory.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    parts = [_crop_some(frame, mean, part, rows, columns, offset) for part in torch.split(boxes, CROPS_AT_ONCE)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


CROPS_AT_ONCE = 16
"""Bounds the memory of the gathered rows: about 100 MB for 640-pixel frames and 271-pixel crops."""


def _crop_some(frame: Tensor, mean: Tensor, boxes: Tensor, rows: int, columns: int, offset: Tensor | None) -> Tensor:
    # Pixels are kept as one long row of colour values (column * C + channel): inner loops over whole rows are many
    # times faster than over three channels.
    height, width, C = frame.shape
    x0, x1, fx, in_x = sample_positions(boxes[:, 0], boxes[:, 2], width, columns)
    y0, y1, fy, in_y = sample_positions(boxes[:, 1], boxes[:, 3], height, rows)
    (top, below), (left, right) = _touched(y0, y1, height), _touched(x0, x1, width)
    patch = frame[top:below, left:right].reshape(below - top, -1).float() - mean.repeat(right - left)
    y0, y1, x0, x1 = y0 - top, y1 - top, x0 - left, x1 - left
    if len(boxes) == 1 and below - top <= 2 * rows:
        lines = _across(patch[None], x0, x1, fx, C)
        upper, lower = lines[:, y0[0]], lines[:, y1[0]]
    else:
        picked = patch.index_select(0, torch.cat((y0, y1), 1).reshape(-1)).reshape(len(boxes), 2 * rows, -1)
        lines = _across(picked, x0, x1, fx, C)
        upper, lower = lines[:, :rows], lines[:, rows:]
    crop = upper + (lower - upper) * fy[:, :, None]
    crop.masked_fill_(~in_y[:, :, None], 0.0).masked_fill_(~in_x.repeat_interleave(C, 1)[:, None], 0.0)
    # Adding the mean and taking the offset off stay two steps: one combined constant would round differently.
    crop.add_(mean.repeat(columns))
    if offset is not None:
        crop.sub_(offset.repeat(columns))
    return crop.reshape(len(boxes), rows, columns, C).permute(0, 3, 1, 2)


def _touched(low: Tensor, high: Tensor, extent: int) -> tuple[int, int]:
    """First and last + 1 cell that any sample reads; all of them on an accelerator, where asking would mean waiting."""
    return (int(low.min()), int(high.max()) + 1) if low.device.type == "cpu" else (0, extent)


def _across(lines: Tensor, x0: Tensor, x1: Tensor, fraction: Tensor, C: int) -> Tensor:
    """Interpolate along x: R x h x (w * C) lines and R x n positions give R x h x (n * C)."""
    channel = torch.arange(C, device=lines.device)

    def at(x: Tensor) -> Tensor:
        index = (x[:, :, None] * C + channel).reshape(len(x), 1, -1)
        return lines.gather(2, index.expand(-1, lines.shape[1], -1))

    left = at(x0)
    return left + (at(x1) - left) * fraction.repeat_interleave(C, 1)[:, None]


def crop_features(features: Tensor, boxes: Tensor, n: int) -> Tensor:
    """Cut K boxes per target out of feature maps: the single-sample RoI resampling of SPM's fine stage.

    Args:
        features: B x C x H x W.
        boxes: B x K x 4 corners in cell-index units; may reach outside, where samples are zero.
        n: Samples per side.

    Returns:
        (B * K) x C x n x n, channels-last in memory.
    """
    B, C, H, W = features.shape
    K = boxes.shape[1]
    flat_boxes = boxes.reshape(-1, 4)
    x0, x1, fx, in_x = sample_positions(flat_boxes[:, 0], flat_boxes[:, 2], W, n)
    y0, y1, fy, in_y = sample_positions(flat_boxes[:, 1], flat_boxes[:, 3], H, n)
    cells = features.permute(0, 2, 3, 1).reshape(B * H * W, C)
    first = (torch.arange(B, device=features.device) * (H * W)).repeat_interleave(K)[:, None, None]

    def rows(y: Tensor, x: Tensor) -> Tensor:
        index = first + y[:, :, None] * W + x[:, None, :]
        return cells.index_select(0, index.reshape(-1)).reshape(B * K, n, n, C)

    fraction_x, fraction_y = fx[:, None, :, None], fy[:, :, None, None]
    top_left, bottom_left = rows(y0, x0), rows(y1, x0)
    top = top_left + (rows(y0, x1) - top_left) * fraction_x
    bottom = bottom_left + (rows(y1, x1) - bottom_left) * fraction_x
    inside = (in_y[:, :, None] & in_x[:, None, :])[..., None]
    return torch.where(inside, top + (bottom - top) * fraction_y, top.new_zeros(())).permute(0, 3, 1, 2)


def context_side(boxes: Tensor, amount: float | Tensor) -> Tensor:
    """Side of the square that holds a target and its context, s_z of the Siamese trackers.

    Args:
        boxes: ... x 4 corners in pixels.
        amount: Context on each side as a share of (width + height), 0.5 in SPM.

    Returns:
        ... sides in pixels, sqrt((w + a (w + h)) * (h + a (w + h))).
    """
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    context = amount * (width + height)
    return ((width + context) * (height + context)).sqrt()


def search_region(boxes: Tensor, amount: float | Tensor, template_size: int, search_size: int) -> tuple[Tensor, Tensor]:
    """Find the square around a target that becomes the search image.

    Args:
        boxes: B x 4 corners in the image, float64.
        amount: See `context_side`.
        template_size: Pixels that s_z is scaled to (127).
        search_size: Side of the search image in pixels (271).

    Returns:
        B x 4 corners of the square in the image (not rounded), and B scales: search pixels per image pixel.
    """
    side = context_side(boxes, amount)
    scale = template_size / side
    side = side + 2 * ((search_size - template_size) / 2 / scale)
    centre = 0.5 * (boxes[..., :2] + boxes[..., 2:])
    half = side[..., None] / 2
    return torch.cat((centre - half, centre + half), dim=-1), search_size / side


def to_search_frame(boxes: Tensor, region: Tensor, scale: Tensor) -> Tensor:
    """Map image boxes into the search frame: (p - region corner) * scale.

    Args:
        boxes: B x ... x 4 corners in the image.
        region: B x 4, from `search_region`.
        scale: B.

    Returns:
        Boxes of the same shape and type, in search pixels.
    """
    corner, factor = _per_target(boxes, region, scale)
    return (boxes - corner) * factor


def to_image_frame(boxes: Tensor, region: Tensor, scale: Tensor) -> Tensor:
    """Map search-frame boxes into the image: p / scale + region corner. Shapes as in `to_search_frame`."""
    corner, factor = _per_target(boxes, region, scale)
    return boxes / factor + corner


def _per_target(boxes: Tensor, region: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    middle = (1,) * (boxes.ndim - 2)
    corner = region[:, :2].repeat(1, 2).reshape(len(region), *middle, 4)
    return corner.to(boxes.dtype), scale.reshape(len(scale), *middle, 1).to(boxes.dtype)
