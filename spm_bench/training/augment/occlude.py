"""Occluders: rectangles of another picture over a part of the target, or anywhere.

Legend: B search crops, n chosen. Boxes are corners in crop positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spm_bench.training.augment.draws import Draws
from spm_bench.training.augment.geometry import CROP
from spm_bench.training.augment.settings import AugmentSettings

LEAST_COVER = 0.1
"""Smallest share of the target that an occluder on it covers."""

SIDES = (0.08, 0.35)
"""Side of an occluder that lies anywhere, as a share of the crop."""

PLAIN = 0.35
"""Share of the occluders that are of one colour (that of a random pixel), not a piece of another picture."""


def occlude(search: Tensor, target: Tensor, draws: Draws, settings: AugmentSettings) -> None:
    """Lay rectangles over some crops, in place; at most `occlude_most` of the target's box is covered.

    Args:
        search: B x 3 x 271 x 271.
        target: B x 4, NaN where there is none (then the occluder lies anywhere).
    """
    B = len(search)
    rows, active = draws.some(settings.occlude)
    n = len(rows)
    if not n:
        return
    box = target[rows]
    on_target = (draws.uniform(n) < settings.occlude_target) & box.isfinite().all(1)
    rectangle = torch.where(on_target[:, None], _over(box, draws, settings), _anywhere(box, draws, settings))
    t = torch.arange(CROP, device=search.device) * (CROP / (CROP - 1))
    wide, high = ((t >= rectangle[:, k : k + 1]) & (t <= rectangle[:, k + 2 : k + 3]) for k in (0, 1))
    mask = wide[:, None, :] & high[:, :, None] & active[:, None, None]
    # Turned upside down, so that the other picture's target does not lie where this one's is.
    other = search[(rows + 1) % B].flip(2)
    where = (draws.uniform(n, 2) * CROP).long().clamp_(max=CROP - 1)
    colour = other[torch.arange(n, device=rows.device), :, where[:, 0], where[:, 1]][:, :, None, None]
    plain = (draws.uniform(n) < PLAIN) if B > 1 else torch.ones_like(active)
    hidden = mask[:, None].float()  # interpolating is ten times faster than choosing
    filling = other.lerp_(colour, plain.float()[:, None, None, None])
    search[rows] = search[rows].lerp_(filling, hidden)


def _over(box: Tensor, draws: Draws, settings: AugmentSettings) -> Tensor:
    """Rectangles that cover a share of the boxes from one of their corners or sides, and reach beyond: n x 4."""
    n = len(box)
    low = min(LEAST_COVER, settings.occlude_most)
    cover = draws.uniform(n, low=low, high=settings.occlude_most)
    split = draws.uniform(n)
    # Shares of width and height whose product is the cover: from a stripe over the whole width to one over the height.
    share = torch.stack((cover**split, cover ** (1.0 - split)), 1)
    size = box[:, 2:] - box[:, :2]
    beyond = draws.uniform(n, 2, high=0.5) * size
    far = draws.uniform(n, 2) < 0.5
    start = torch.where(far, box[:, 2:] - share * size, box[:, :2] - beyond)
    end = torch.where(far, box[:, 2:] + beyond, box[:, :2] + share * size)
    return torch.cat((start, end), 1)


def _anywhere(box: Tensor, draws: Draws, settings: AugmentSettings) -> Tensor:
    """Rectangles at random places, without area where they would cover too much of the box: n x 4."""
    n = len(box)
    size = draws.uniform(n, 2, low=SIDES[0], high=SIDES[1]) * CROP
    start = draws.uniform(n, 2) * (CROP - size)
    rectangle = torch.cat((start, start + size), 1)
    too_much = (cover_of(box, rectangle) > settings.occlude_most)[:, None]
    return torch.where(too_much, torch.cat((start, start - 1.0), 1), rectangle)


def cover_of(boxes: Tensor, by: Tensor) -> Tensor:
    """Share of each box (... x 4) that lies inside another (... x 4); 0 for boxes of NaN or without area."""
    sides = torch.minimum(boxes[..., 2:], by[..., 2:]) - torch.maximum(boxes[..., :2], by[..., :2])
    area = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    return torch.nan_to_num(sides.clamp(min=0.0).prod(-1) / area, nan=0.0, posinf=0.0)
