"""Pasting real objects: the target onto another background, and a distractor into the search crop.

Legend: B pairs, M boxes per picture. Boxes are corners in crop positions unless they are said to be of a picture.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spm_bench.training.augment.draws import Draws, constant, rows_of
from spm_bench.training.augment.geometry import (
    CROP,
    MIDDLE,
    Jitter,
    Warp,
    anchor_boxes,
    draw_jitter,
    make_warp,
    map_boxes,
)
from spm_bench.training.augment.occlude import cover_of
from spm_bench.training.augment.sampling import positions, sample
from spm_bench.training.augment.settings import AugmentSettings
from spm_bench.training.pictures import Pictures, PictureSet

FADE = (0.08, 0.35)
"""How far a pasted object fades beyond its box, in half sides (a superellipse of power 4), drawn anew for each: its own
surroundings hide the seam, and no one kind of seam marks what is a target."""

TRIES = 12
"""Places drawn for a distractor; the one that covers least of the target is taken."""

PLACES = (40.0, CROP - 40.0)
"""Range of a distractor's centre: at least a good part of it is seen."""


def take(pictures: PictureSet, rows: Tensor) -> PictureSet:
    """The pictures of some pairs."""
    return PictureSet(*(part[rows] for part in pictures))


def soft_mask(box: Tensor, warp: Warp, fade: Tensor) -> Tensor:
    """Opacity of a pasted object at every crop pixel: 1 inside its box, fading outside, rounded corners.

    Args:
        box: n x 4 corners in the picture.
        warp: n.
        fade: n, see `FADE`.

    Returns:
        n x 271 x 271, 0 .. 1.
    """
    power: Tensor | None = None
    for axis, place in enumerate(positions(warp, 0, CROP)):
        middle = (0.5 * (box[:, axis] + box[:, axis + 2]) - 0.5)[:, None, None]
        half = (0.5 * (box[:, axis + 2] - box[:, axis])).clamp(min=0.5)[:, None, None]
        fourth = ((place - middle) / half).square_().square_()
        power = fourth if power is None else power.add_(fourth)
    assert power is not None  # two axes
    end = fade[:, None, None]
    return power.sqrt_().sqrt_().sub_(1.0 + end).div_(-end).clamp_(0.0, 1.0)


def change_background(
    search: Tensor, pictures: Pictures, warp: Warp, pasted: Tensor, draws: Draws, settings: AugmentSettings
) -> Tensor:
    """Put other pictures behind the targets of "pasted" pairs, in place.

    Args:
        search: B x 3 x 271 x 271, the search pictures through `warp`.
        pictures: The B pairs.
        warp: B, of the search pictures.
        pasted: B bool.

    Returns:
        B x (1 + M) x 4: the objects of the backgrounds (the extra pictures), NaN where nothing was pasted.
    """
    jitter = draw_jitter(draws, settings, "search", draws.chance(settings.flip))
    behind = make_warp(anchor_boxes(pictures.extra, draws), jitter)
    mirror = draws.chance(settings.mirror_border)
    fade = draws.uniform(draws.size, low=FADE[0], high=FADE[1])
    rows = rows_of(pasted)
    if len(rows):
        background = sample(take(pictures.extra, rows), behind.take(rows), mirror[rows])
        opacity = soft_mask(pictures.search.box[rows], warp.take(rows), fade[rows])[:, None]
        kept = (~pasted[rows]).float()[:, None, None, None]
        search[rows] = background.lerp_(search[rows], torch.where(pasted[rows][:, None, None, None], opacity, kept))
    boxes = torch.cat((pictures.extra.box[:, None], pictures.extra.others), 1)
    return torch.where(pasted[:, None, None], map_boxes(boxes, behind), math.nan)


def add_distractors(
    search: Tensor, target: Tensor, extra: PictureSet, wanted: Tensor, draws: Draws, settings: AugmentSettings
) -> Tensor:
    """Paste the objects of extra pictures at free places of the search crops, in place.

    Args:
        search: B x 3 x 271 x 271.
        target: B x 4, NaN where there is none.
        extra: B pictures whose box is the object.
        wanted: B bool.

    Returns:
        B x 4, the boxes of the pasted objects; NaN where none was pasted (not wanted, or no place is free).
    """
    B = draws.size
    usable = wanted & extra.box.isfinite().all(1)
    box = torch.where(usable[:, None], extra.box, constant((0.0, 0.0, 8.0, 8.0), extra.box.device))
    jitter = Jitter(
        shift=torch.zeros_like(box[:, :2]),
        scale=draws.within(settings.paste_scale),
        aspect=draws.within(settings.search_aspect),
        angle=draws.within(math.radians(settings.search_rotation)),
        mirror=draws.chance(settings.flip),
    )
    central = map_boxes(box[:, None], make_warp(box, jitter))
    places = draws.uniform(B, TRIES, 2, low=PLACES[0], high=PLACES[1]) - MIDDLE
    fade = draws.uniform(B, low=FADE[0], high=FADE[1])
    reach = (1.0 + fade[:, None, None]) * 0.5 * (central[..., 2:] - central[..., :2])
    cover = cover_of(target[:, None], torch.cat((places - reach, places + reach), -1) + MIDDLE)
    least, best = cover.min(1)
    usable = usable & (least <= settings.paste_cover)
    shift = places[torch.arange(B, device=box.device), best]
    warp = make_warp(box, jitter._replace(shift=shift))
    rows = rows_of(usable)
    if len(rows):
        chosen = warp.take(rows)
        objects = sample(take(extra, rows), chosen, usable[rows])
        opacity = soft_mask(box[rows], chosen, fade[rows])[:, None] * usable[rows].float()[:, None, None, None]
        search[rows] = search[rows].lerp_(objects, opacity)
    return torch.where(usable[:, None], map_boxes(box[:, None], warp)[:, 0], math.nan)
