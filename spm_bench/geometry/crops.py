"""Cutting boxes out of frames and feature maps: the corner-aligned sampler, and the square search region.

Legend: B targets, K boxes per target, R boxes in all, C channels, n samples per side. Boxes are corners
(x1, y1, x2, y2).

The sampler puts its first and last sample ON the box edges (one bilinear sample per bin, no averaging); a sample
outside the map is zero, not a blend with the border. Orders of operation are those of the released SPM code, because
its decisions (which proposal survives NMS) sit on the last bits.
"""

from __future__ import annotations

from functools import reduce
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Border = Literal["mean", "zero", "edge", "reflect"]
"""What lies beyond a frame: its mean colour, black, its nearest pixel, or the frame mirrored at its outermost pixels
(which are not repeated), again and again for boxes much larger than the frame."""

RoiSampling = Literal["single", "average", "thirds"]
"""How a RoI becomes cells: see `crop_features`."""


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


def sample_positions(
    low: Tensor, high: Tensor, extent: int, n: int, border: Border = "zero"
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Place n corner-aligned samples between two coordinates of a map with `extent` cells.

    Args:
        low: R float32 coordinates of the first sample, in cell-index units.
        high: R coordinates of the last.
        extent: Number of cells along this axis.
        n: Samples; a single one lies at the centre.
        border: "edge" and "reflect" move samples that lie outside to the cell that stands for them.

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
    return _neighbours(_move_inside(position, last, border), last)


def _move_inside(position: Tensor, last: float, border: Border) -> Tensor:
    """Give positions outside 0..last the place that stands for them; reflected, -1 is 1 and last + 1 is last - 1."""
    if border in ("mean", "zero"):
        return position
    if last == 0:
        return torch.zeros_like(position)
    if border == "edge":
        return position.clamp(0, last)
    folded = position.remainder(2 * last)
    return torch.minimum(folded, 2 * last - folded)


def _neighbours(position: Tensor, last: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `sample_positions` returns, of positions that are known."""
    inside = (position >= 0) & (position <= last)
    position = torch.where(inside, position, torch.zeros_like(position))
    floor = position.floor()
    lower = floor.long()
    return lower, position.ceil().long(), position - floor, inside


def crop_frame(
    frame: Tensor,
    mean: Tensor,
    boxes: Tensor,
    size: int | tuple[int, int],
    *,
    offset: Tensor | None = None,
    border: Border = "mean",
) -> Tensor:
    """Cut boxes out of one frame.

    Args:
        frame: H x W x C, uint8 or float32.
        mean: C, the frame's mean colour. It lies beyond the frame if the border is "mean"; with every border it is
            taken off and added again, so that a crop inside the frame is the same bits with all of them.
        boxes: R x 4 corners in pixel-index units.
        size: Samples per side, or (rows, columns).
        offset: C, subtracted from the result (the network's mean), or None.
        border: What lies beyond the frame, of all R boxes. With "mean" and "zero" a sample takes that colour as soon
            as it lies outside the outermost pixels' centres, however near; there is no blend.

    Returns:
        R x C x rows x columns float32, channels-last in memory.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    # On a CPU one by one: only the pixels that a box touches are looked at, in half the time of several together.
    at_once = 1 if frame.device.type == "cpu" else CROPS_AT_ONCE
    parts = [_crop_some(frame, mean, part, rows, columns, offset, border) for part in torch.split(boxes, at_once)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


CROPS_AT_ONCE = 16
"""On an accelerator; bounds the memory of the gathered rows: about 100 MB for 640-pixel frames and 271-pixel crops."""


def _crop_some(
    frame: Tensor, mean: Tensor, boxes: Tensor, rows: int, columns: int, offset: Tensor | None, border: Border
) -> Tensor:
    # Pixels are kept as one long row of colour values (column * C + channel): inner loops over whole rows are many
    # times faster than over three channels.
    height, width, C = frame.shape
    x0, x1, fx, in_x = sample_positions(boxes[:, 0], boxes[:, 2], width, columns, border)
    y0, y1, fy, in_y = sample_positions(boxes[:, 1], boxes[:, 3], height, rows, border)
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
    if border == "zero":
        crop.sub_(mean.repeat(columns) * ~(in_y[:, :, None] & in_x.repeat_interleave(C, 1)[:, None]))
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


def crop_features(
    features: Tensor, boxes: Tensor, n: int, sampling: RoiSampling = "single", *, owner: Tensor | None = None
) -> Tensor:
    """Cut K boxes per target out of feature maps: the RoI resampling of SPM's fine stage.

    "single" is the released code's: n samples per side, the first and the last on the box's edges, one per bin.
    "average" is RoIAlign (He et al., Mask R-CNN, 2017) with two samples per bin and side: the box is divided into
    n x n equal bins, a bin is the mean of its samples at a quarter and three quarters of each side. As everywhere in
    this house cell i is centred on index i, so it gives what torchvision's `roi_align(boxes + 0.5, aligned=True,
    sampling_ratio=2)` does for samples inside the map. Outside is zero in both, as soon as the centres of the outermost
    cells are left; torchvision goes on with the border's value for one cell more.

    "thirds" is PySiamTracking's RoIAlign: the samples of a bin are at a third and two thirds of each side, and those up
    to a cell outside the map have the border's value; zero comes after that.

    Args:
        features: B x C x H x W.
        boxes: B x K x 4 corners in cell-index units; may reach outside, where samples are zero.
        n: Samples (or bins) per side.
        sampling: See above.
        owner: B indices of the map that each row of boxes is cut from, where there are not B maps in the same order.

    Returns:
        (B * K) x C x n x n, channels-last in memory.
    """
    maps, C, H, W = features.shape
    cells = features.permute(0, 2, 3, 1).reshape(maps * H * W, C)
    if owner is None:
        owner = torch.arange(maps, device=features.device)
    first = (owner * (H * W)).repeat_interleave(boxes.shape[1])[:, None, None]
    x1, y1, x2, y2 = boxes.reshape(-1, 4).unbind(1)
    if sampling == "single":
        return _sample(cells, first, W, sample_positions(x1, x2, W, n), sample_positions(y1, y2, H, n))
    columns, rows = _bin_samples(x1, x2, W, n, sampling), _bin_samples(y1, y2, H, n, sampling)
    parts = (_sample(cells, first, W, x, y) for y in rows for x in columns)
    return reduce(torch.add, parts) / BIN_SAMPLES**2


BIN_SAMPLES = 2
"""Samples per bin and side of an averaged RoI: the number of Mask R-CNN."""

Samples = tuple[Tensor, Tensor, Tensor, Tensor]
"""Along one axis, R x n each: lower and upper neighbour, fraction between them, whether the sample is inside."""


def _bin_samples(low: Tensor, high: Tensor, extent: int, n: int, sampling: RoiSampling) -> list[Samples]:
    """Where in R x n bins the samples lie, one entry for each of the samples of a bin."""
    side = (high.float() - low.float())[:, None] / n
    bins = torch.arange(n, dtype=torch.float32, device=low.device)
    if sampling == "thirds":
        return [_near(low.float()[:, None] + (bins + place) * side, extent) for place in (1 / 3, 2 / 3)]
    places = ((i + 0.5) / BIN_SAMPLES for i in range(BIN_SAMPLES))
    return [_neighbours(low.float()[:, None] + (bins + place) * side, float(extent - 1)) for place in places]


def _near(position: Tensor, extent: int) -> Samples:
    """Neighbours of samples that may lie up to a cell outside the map: the border's cell is theirs."""
    inside = (position >= -1) & (position <= extent)
    lower, upper, fraction, _ = _neighbours(position.clamp(0, extent - 1), float(extent - 1))
    return lower, upper, fraction, inside


def _sample(cells: Tensor, first: Tensor, W: int, columns: Samples, rows: Samples) -> Tensor:
    """Interpolate R x n x n samples.

    Args:
        cells: (B * H * W) x C, all maps as one list.
        first: R x 1 x 1, where the map of each RoI starts in it.
        W: Cells per row of a map.
        columns, rows: Of the samples.
    """
    (x0, x1, fx, in_x), (y0, y1, fy, in_y) = columns, rows
    R, n = x0.shape

    def at(y: Tensor, x: Tensor) -> Tensor:
        index = first + y[:, :, None] * W + x[:, None, :]
        return cells.index_select(0, index.reshape(-1)).reshape(R, n, n, -1)

    fraction_x, fraction_y = fx[:, None, :, None], fy[:, :, None, None]
    top_left, bottom_left = at(y0, x0), at(y1, x0)
    top = top_left + (at(y0, x1) - top_left) * fraction_x
    bottom = bottom_left + (at(y1, x1) - bottom_left) * fraction_x
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


def search_region(
    boxes: Tensor, amount: float | Tensor, template_size: int, search_size: int, exact: bool | Tensor = False
) -> tuple[Tensor, Tensor]:
    """Find the square around a target that becomes the search image.

    Args:
        boxes: B x 4 corners in the image, float64.
        amount: See `context_side`.
        template_size: Pixels that s_z is scaled to (127).
        search_size: Side S of the image in pixels (271).
        exact: Which scale maps coordinates, for all or for each of B targets. False, as in the released code:
            S / side, though the sampler spans the side with S - 1 steps. True: (S - 1) / side, so that coordinates in
            the search frame are indices of pixels. The square is the same.

    Returns:
        B x 4 corners of the square in the image (not rounded), and B scales: search pixels per image pixel.
    """
    side = context_side(boxes, amount)
    scale = template_size / side
    side = side + 2 * ((search_size - template_size) / 2 / scale)
    centre = 0.5 * (boxes[..., :2] + boxes[..., 2:])
    half = side[..., None] / 2
    region, released = torch.cat((centre - half, centre + half), dim=-1), search_size / side
    if exact is False:
        return region, released
    return region, torch.where(torch.as_tensor(exact, device=side.device), (search_size - 1) / side, released)


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
