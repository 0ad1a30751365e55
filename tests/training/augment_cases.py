"""Small made-up pictures for the tests of the augmentation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from spm_bench.training.pairs import KINDS
from spm_bench.training.pictures import Pictures, PictureSet

MOST = 8


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(B: int, side: int, seed: int) -> Tensor:
    """B smooth random pictures, B x side x side x 3 uint8: no sampler's last bits matter on them."""
    coarse = torch.rand(B, 3, 12, 12, generator=seeded(seed)) * 255
    fine = F.interpolate(coarse, (side, side), mode="bicubic", align_corners=True)
    return fine.clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous()


def picture_set(
    images: Tensor,
    boxes: Tensor,
    *,
    extent: Tensor | None = None,
    others: Tensor | None = None,
    category: int = -1,
) -> PictureSet:
    B, S = images.shape[:2]
    room = torch.full((B, MOST, 4), math.nan)
    if others is not None:
        room[:, : others.shape[1]] = others
    whole = torch.full((B, 2), float(S))
    categories = torch.full((B,), category, dtype=torch.long)
    return PictureSet(images, whole if extent is None else extent, boxes.float(), room, categories)


def nothing(B: int, side: int = 300) -> PictureSet:
    """No extra pictures."""
    images = torch.zeros(B, side, side, 3, dtype=torch.uint8)
    return picture_set(images, torch.full((B, 4), math.nan), extent=torch.zeros(B, 2))


def boxes_near(middle: float, B: int, seed: int = 5) -> Tensor:
    """B boxes of 20 .. 60 pixels around the middle of a picture, B x 4 corners."""
    generator = seeded(seed)
    centre = middle + torch.rand(B, 2, generator=generator) * 16 - 8
    half = torch.rand(B, 2, generator=generator) * 20 + 10
    return torch.cat((centre - half, centre + half), 1)


def pictures(
    B: int = 4, side: int = 300, *, kind: str = "video", negative: bool = False, category: int = 3
) -> Pictures:
    """B pairs of smooth pictures with a target near the middle."""
    boxes = boxes_near(side / 2, B)
    return Pictures(
        template=picture_set(smooth(B, side, 1), boxes, category=category),
        search=picture_set(smooth(B, side, 2), boxes + 3.0, category=category),
        extra=nothing(B, side),
        negative=torch.full((B,), negative),
        kind=torch.full((B,), KINDS.index(kind)),
    )
