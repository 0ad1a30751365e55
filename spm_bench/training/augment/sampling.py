"""Reading pictures through warps: one bilinear sample per crop pixel, the mean colour outside.

Legend: B pictures, S side of their buffers, n samples per side.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from spm_bench.training.augment.geometry import CROP, MIDDLE, Warp
from spm_bench.training.pictures import PictureSet

CPU_CHUNK = 2
"""Pictures at a time on a CPU: their planes then stay in the cache and the allocator does not go to the system."""


def positions(warp: Warp, start: int, count: int) -> tuple[Tensor, Tensor]:
    """Where crop pixels [start, start + count) lie in the pictures: x and y, B x count x count each."""
    pixels = torch.arange(start, start + count, dtype=torch.float32, device=warp.linear.device)
    t = pixels * (CROP / (CROP - 1)) - MIDDLE
    (xx, xy), (yx, yy) = warp.linear[:, 0].T, warp.linear[:, 1].T
    across = warp.centre[:, :, None] + torch.stack((xx, yx), 1)[:, :, None] * t
    down = torch.stack((xy, yy), 1)[:, :, None] * t
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
    B = len(mirror)
    size = CPU_CHUNK if mirror.device.type == "cpu" else max(1, B)
    crops = [_sample(pictures, warp, mirror, slice(i, i + size), start, count) for i in range(0, B, size)]
    return torch.cat(crops) if crops else warp.linear.new_zeros((0, 3, count, count))


def _sample(pictures: PictureSet, warp: Warp, mirror: Tensor, part: slice, start: int, count: int) -> Tensor:
    images, extent = pictures.images[part].float(), pictures.extent[part]
    fill = mean_colour(images, extent)
    last = (extent - 1).clamp(min=0.0)
    chosen = Warp(*(values[part] for values in warp))
    folds = mirror[part, None, None]
    grid, seen = [], []
    for axis, place in enumerate(positions(chosen, start, count)):
        end = last[:, axis, None, None]
        kept = torch.where(folds, end - (place.abs() - end).abs(), place).clamp_(min=0.0).minimum(end)
        seen.append(kept == place)
        grid.append(kept.mul_(2.0 / max(1, images.shape[1] - 1)).sub_(1.0))
    planes = images.permute(0, 3, 1, 2)
    crop = F.grid_sample(planes, torch.stack(grid, -1), mode="bilinear", padding_mode="border", align_corners=True)
    return torch.where(((seen[0] & seen[1]) | folds)[:, None], crop, fill[:, :, None, None])
