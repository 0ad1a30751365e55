"""Warps from crops back to pictures, and boxes from pictures into crops.

Legend: B pairs, K boxes. A crop position t (labels, 0 .. 271) shows the picture at centre + linear (t - 135.5), in the
pixel-index units of the sampler; crop pixel k lies at t = k * 271 / 270. Without jitter this is `search_region` and
`crop_frame` of inference exactly.

The sampler of the released code reads a box edge as a pixel index, though pixel i covers [i, i + 1): labels lie half a
picture pixel right of and below what they bound. Mirrored and rotated labels keep that offset, to agree with inference.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from spm_bench.geometry.crops import search_region
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.training.augment.draws import Draws
from spm_bench.training.augment.settings import AugmentSettings
from spm_bench.training.pictures import PictureSet

_SPM = SpmConfig()
CROP = _SPM.search_size
"""Pixels of a crop's side, 271; the template is cut from such a crop too."""

MIDDLE = CROP / 2
BARE_SIDE = (0.5, 1.0)
"""Side of a crop from a picture without a target, as a share of the picture's shorter side."""


class Jitter(NamedTuple):
    """How a crop differs from that of inference: B values each.

    Attributes:
        shift: B x 2, place of the target's centre from the middle of the crop, in crop pixels.
        scale: Log size of the content.
        aspect: Log of the content's width over height.
        angle: Rotation in radians.
        mirror: Bool, mirrored left to right.
    """

    shift: Tensor
    scale: Tensor
    aspect: Tensor
    angle: Tensor
    mirror: Tensor


class Warp(NamedTuple):
    """Where crops look: B affine maps from crop positions to pictures.

    Attributes:
        centre: B x 2, picture position at the middle of the crop.
        linear: B x 2 x 2, picture pixels per crop position.
        inverse: B x 2 x 2.
        half: B x 2, half a picture pixel in crop positions.
    """

    centre: Tensor
    linear: Tensor
    inverse: Tensor
    half: Tensor

    def take(self, rows: Tensor) -> Warp:
        """The warps of some pairs."""
        return Warp(*(part[rows] for part in self))


def draw_jitter(draws: Draws, settings: AugmentSettings, role: str, mirror: Tensor) -> Jitter:
    """Draw the jitter of the "template" or "search" crops; `mirror` is B bool."""
    B = draws.size
    rotated = draws.chance(getattr(settings, f"{role}_rotation_share"))
    angle = draws.within(math.radians(getattr(settings, f"{role}_rotation")))
    return Jitter(
        shift=draws.within(getattr(settings, f"{role}_shift"), B, 2),
        scale=draws.within(getattr(settings, f"{role}_scale")),
        aspect=draws.within(getattr(settings, f"{role}_aspect")),
        angle=torch.where(rotated, angle, 0.0),
        mirror=mirror,
    )


def make_warp(boxes: Tensor, jitter: Jitter) -> Warp:
    """Find the warps whose crops show the boxes as the jitter says.

    Args:
        boxes: B x 4 finite corners in the pictures, positive size.
        jitter: B.
    """
    side = CROP / search_region(boxes, _SPM.context, _SPM.template_size, CROP)[1]
    pixels = (
        side[:, None] / CROP * torch.exp(torch.stack((-jitter.aspect, jitter.aspect), 1) / 2 - jitter.scale[:, None])
    )
    sign = torch.stack((1.0 - 2.0 * jitter.mirror.float(), torch.ones_like(jitter.scale)), 1)
    cos, sin = jitter.angle.cos(), jitter.angle.sin()
    rotation = torch.stack((cos, -sin, sin, cos), 1).reshape(-1, 2, 2)
    linear = rotation * (sign * pixels)[:, None, :]
    inverse = rotation.transpose(1, 2) * (sign / pixels)[:, :, None]
    middle = 0.5 * (boxes[:, :2] + boxes[:, 2:])
    return Warp(middle - (linear @ jitter.shift[:, :, None])[:, :, 0], linear, inverse, 0.5 / pixels)


def map_boxes(boxes: Tensor, warp: Warp) -> Tensor:
    """Map boxes of the pictures into the crops.

    A rotated box becomes the box around the rotated ellipse that touches the old box's sides (our choice: the box
    around the rotated corners would grow by up to 20 % at 15 degrees, though objects rarely reach their corners).

    Args:
        boxes: B x K x 4 corners; NaN stays NaN.
        warp: B.

    Returns:
        B x K x 4 corners in crop positions, not clipped.
    """
    centre = 0.5 * (boxes[..., :2] + boxes[..., 2:]) - 0.5 - warp.centre[:, None]
    half = 0.5 * (boxes[..., 2:] - boxes[..., :2])
    middle = centre @ warp.inverse.transpose(1, 2) + MIDDLE + warp.half[:, None]
    reach = (half.square() @ warp.inverse.square().transpose(1, 2)).sqrt()
    return torch.cat((middle - reach, middle + reach), -1)


def anchor_boxes(pictures: PictureSet, draws: Draws) -> Tensor:
    """The boxes that crops are laid around: the targets, or random squares in pictures without one.

    A random square is chosen such that its crop lies inside the picture (`BARE_SIDE`).

    Returns:
        B x 4 finite corners of at least one pixel.
    """
    extent = pictures.extent.clamp(min=2.0)
    side = extent.amin(1) * draws.uniform(draws.size, low=BARE_SIDE[0], high=BARE_SIDE[1])
    centre = side[:, None] / 2 + draws.uniform(draws.size, 2) * (extent - side[:, None])
    # A square box of side a has s_z = 2 a, and its crop the side 2 a * 271 / 127.
    half = (side * _SPM.template_size / CROP / 4)[:, None]
    bare = torch.cat((centre - half, centre + half), 1)
    box = torch.where(pictures.box.isfinite().all(1, keepdim=True), pictures.box, bare)
    middle = 0.5 * (box[:, :2] + box[:, 2:])
    reach = (0.5 * (box[:, 2:] - box[:, :2])).clamp(min=0.5)
    return torch.cat((middle - reach, middle + reach), 1)
