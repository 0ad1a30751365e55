"""Reading pictures through warps: one bilinear sample per crop pixel, the mean colour outside.

Legend: B pictures, S side of their buffers, n samples per side, N = n * n.

There are two ways with one result: `grid_sample` for the whole batch, and on a CPU, where that is half as slow again,
picture by picture with gathered whole pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from spm_bench.training.augment.draws import may_ask
from spm_bench.training.augment.geometry import CROP, MIDDLE, Warp
from spm_bench.training.pictures import PictureSet


def positions(warp: Warp, start: int, count: int) -> tuple[Tensor, Tensor]:
    """Where crop pixels [start, start + count) lie in the pictures: x and y, B x count x count each."""
    pixels = torch.arange(start, start + count, dtype=torch.float32, device=warp.linear.device)
    t = pixels * (CROP / (CROP - 1)) - MIDDLE
    across = warp.centre[:, :, None] + warp.linear[:, :, :1] * t
    down = warp.linear[:, :, 1:] * t
    grid = across[:, :, None, :] + down[:, :, :, None]
    return grid[:, 0], grid[:, 1]


def mean_colour(images: Tensor, extent: Tensor) -> Tensor:
    """Mean colour of each picture.

    Args:
        images: B x S x S x 3, any number type.
        extent: B x 2, (width, height); what lies beyond is not counted.

    Returns:
        B x 3 float32.
    """
    B, S = images.shape[:2]
    cells = torch.arange(S, device=images.device)
    columns, rows = ((cells < extent[:, k : k + 1]).float() for k in (0, 1))
    per_column = (rows[:, None] @ images.reshape(B, S, S * 3).float()).reshape(B, S, 3)
    return (columns[:, None] @ per_column)[:, 0] / extent.prod(1, keepdim=True).clamp(min=1.0)


def sample(pictures: PictureSet, warp: Warp, mirror: Tensor, start: int = 0, count: int = CROP) -> Tensor:
    """Cut crops out of pictures.

    Args:
        pictures: B.
        warp: B.
        mirror: B bool; such a picture goes on as its mirror image beyond its border, others in their mean colour.
        start, count: The part of the crop: pixels [start, start + count) of both sides.

    Returns:
        B x 3 x count x count float32, 0 .. 255.
    """
    if not may_ask(mirror.device):
        return sample_planes(pictures, warp, mirror, start, count)
    crops = torch.empty((len(mirror), 3, count, count))
    scratch = torch.empty((2, 3, count * count))
    for i, folds in enumerate(mirror.tolist()):
        one = Warp(*(part[i : i + 1] for part in warp))
        grid = positions(one, start, count)
        _gather(pictures.images[i], pictures.extent[i], (grid[0][0], grid[1][0]), folds, crops[i].flatten(1), scratch)
    return crops


def sample_planes(pictures: PictureSet, warp: Warp, mirror: Tensor, start: int, count: int) -> Tensor:
    """`sample` for a whole batch at once, without waiting for the device."""
    images = pictures.images.float()
    folds = mirror[:, None, None]
    last = (pictures.extent - 1).clamp(min=0.0)
    grid, seen = [], []
    for axis, place in enumerate(positions(warp, start, count)):
        end = last[:, axis, None, None]
        kept = torch.where(folds, end - (place.abs() - end).abs(), place).clamp_(min=0.0).minimum(end)
        seen.append(kept == place)
        grid.append(kept.mul_(2.0 / max(1, images.shape[1] - 1)).sub_(1.0))
    planes, fill = images.permute(0, 3, 1, 2), mean_colour(images, pictures.extent)
    crops = F.grid_sample(planes, torch.stack(grid, -1), mode="bilinear", padding_mode="border", align_corners=True)
    return torch.where(((seen[0] & seen[1]) | folds)[:, None], crops, fill[:, :, None, None])


def _gather(
    image: Tensor, extent: Tensor, grid: tuple[Tensor, Tensor], folds: bool, crop: Tensor, scratch: Tensor
) -> None:
    """Fill one crop (3 x N) with the picture (S x S x 3 uint8) at the places of the grid (x and y, n x n)."""
    size = [max(1, int(pixels)) for pixels in extent.tolist()]
    lows, highs, cells, fractions = [], [], [], []
    # A mask of floats: choosing by one of bools is ten times slower than interpolating.
    outside, missed = torch.zeros_like(grid[0]), torch.empty_like(grid[0])
    for place, end in zip(grid, size, strict=True):
        last = end - 1.0
        kept = (last - (place.abs() - last).abs() if folds else place).clamp(0.0, last)
        if not folds:
            torch.maximum(outside, torch.ne(kept, place, out=missed), out=outside)
        cell = kept.int()
        low, high = (int(bound) for bound in torch.aminmax(cell))
        lows.append(low)
        highs.append(min(high + 2, end))
        cells.append(cell.sub_(low).flatten())
        fractions.append(kept.frac_().flatten())
    pixels, width = _packed(image[lows[1] : highs[1], lows[0] : highs[0]])
    index = cells[1].mul_(width).add_(cells[0])
    across, down = fractions
    upper = _unpack(pixels.index_select(0, index), crop)
    upper.lerp_(_unpack(pixels[1:].index_select(0, index), scratch[0]), across)
    lower = _unpack(pixels[width:].index_select(0, index), scratch[1])
    lower.lerp_(_unpack(pixels[width + 1 :].index_select(0, index), scratch[0]), across)
    upper.lerp_(lower, down)
    if outside.amax() > 0:
        crop.lerp_(mean_colour(image[None], extent[None])[0][:, None], outside.flatten())


def _packed(image: Tensor) -> tuple[Tensor, int]:
    """Put each pixel of an h x w x 3 picture into one int32 (B + 256 G + 65536 R), row by row, and tell the width.

    One more row and pixel of zeros follow, which the neighbours of the last row and pixel read with weight 0.
    """
    height, width = image.shape[:2]
    pixels = torch.zeros((height + 1) * width + 2, dtype=torch.int32)
    colours = pixels[: height * width].view(torch.uint8).view(height, width, 4)
    for channel in range(3):  # a copy of three interleaved values at a time is three times slower
        colours[..., channel] = image[..., channel]
    return pixels, width


def _unpack(pixels: Tensor, planes: Tensor) -> Tensor:
    """Put N packed pixels into three planes, 3 x N float32; the pixels are used up."""
    planes[0] = pixels & 255
    planes[1] = pixels.bitwise_right_shift_(8) & 255
    planes[2] = pixels.bitwise_right_shift_(8)
    return planes
