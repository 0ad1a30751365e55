"""Colour changes: everything linear is one 3 x 3 matrix and an offset per picture, applied in one pass.

Legend: B pictures, h x w pixels. Colours are BGR, 0 .. 255.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spm_bench.training.augment.draws import Draws, constant
from spm_bench.training.augment.settings import AugmentSettings

LUMA = (0.114, 0.587, 0.299)
"""Weights of B, G and R in grey (ITU-R BT.601, as in OpenCV)."""

PIVOT = 117.0
"""Grey level that a change of contrast leaves alone: about the mean of natural pictures."""


def draw_colours(draws: Draws, settings: AugmentSettings) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Draw the colour changes of template and search: (matrix B x 3 x 3, offset B x 3 x 1) for each.

    What happens to a pair (light, camera) is shared; the share `colour_own` of each strength is drawn for each picture.
    """
    active = draws.chance(settings.colour).float()[:, None]
    grey = draws.chance(settings.greyscale)
    strengths = (settings.brightness, settings.contrast, settings.saturation, math.radians(settings.hue))
    span = constant(strengths, active.device) * active
    shared = draws.within(1.0 - settings.colour_own, draws.size, 4)
    template = (shared + draws.within(settings.colour_own, draws.size, 4)) * span
    search = (shared + draws.within(settings.colour_own, draws.size, 4)) * span
    return _maps(template, grey), _maps(search, grey)


def _maps(changes: Tensor, grey: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices and offsets of B changes: B x 4 (brightness, log contrast, saturation, hue)."""
    brightness, contrast, saturation, hue = changes.unbind(1)
    luma = constant(LUMA, changes.device).expand(3, 3)
    strength = torch.where(grey, 0.0, 1.0 + saturation)[:, None, None]
    mixed = luma + strength * (_about_grey(hue) - luma)
    gain = contrast.exp()
    return gain[:, None, None] * mixed, (brightness + PIVOT * (1.0 - gain))[:, None, None].expand(-1, 3, 1)


def _about_grey(angle: Tensor) -> Tensor:
    """Rotations of colour space about the grey axis (Rodrigues' formula): B x 3 x 3, rows sum to 1."""
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None] / math.sqrt(3.0)
    same = torch.eye(3, device=angle.device)
    turn = constant((0.0, -1.0, 1.0, 1.0, 0.0, -1.0, -1.0, 1.0, 0.0), angle.device).reshape(3, 3)
    return cos * same + (1.0 - cos) / 3.0 + sin * turn


def recolour(pictures: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Apply one colour map to each picture: B x 3 x h x w gives the same shape, not clamped."""
    return torch.baddbmm(offset, matrix, pictures.flatten(2)).reshape(pictures.shape)


def bend(pictures: Tensor, draws: Draws, settings: AugmentSettings) -> None:
    """Bend the tone curve of some pictures in place: x + k x (1 - x / 255), k in +- `curve_strength`.

    Such a curve keeps black and white and moves the tones between, as a gamma does, without a power per pixel.
    """
    rows, active = draws.some(settings.curve)
    if len(rows):
        bends = draws.within(settings.curve_strength, len(rows)).mul_(active)[:, None, None, None]
        chosen = pictures[rows].clamp_(0.0, 255.0)
        pictures[rows] = chosen.addcmul_(chosen * bends, chosen.mul(-1 / 255).add_(1.0))
