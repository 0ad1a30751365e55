"""What cameras do to crops: blur, motion blur, low resolution, noise. All in place, on the chosen pictures only.

Legend: B pictures, n of them chosen, h x w pixels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from spm_bench.training.augment.draws import Draws
from spm_bench.training.augment.settings import AugmentSettings

TAPS = 9
"""Side of the blur kernels: holds a Gaussian of sigma 2 and a way of 9 pixels."""

SMALLEST_SIGMA, SHORTEST_WAY = 0.5, 2.0
"""Below these a blur is not seen."""

REDUCTIONS = (1.5, 2.0, 3.0)
"""Factors of the low-resolution part, chosen with equal probability."""


def line_kernels(length: Tensor, angle: Tensor) -> Tensor:
    """Kernels of a straight motion: n x TAPS x TAPS, sum 1; length in pixels, angle in radians."""
    x, y = _grid(length.device)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    along, beside = (x * cos + y * sin).abs(), (y * cos - x * sin).abs()
    kernel = (length[:, None, None] / 2 + 0.5 - along).clamp(0.0, 1.0) * (1.0 - beside).clamp(min=0.0)
    return kernel / kernel.sum((1, 2), keepdim=True)


def gauss_kernels(sigma: Tensor) -> Tensor:
    """Gaussian kernels, n x TAPS x TAPS, sum 1."""
    x, y = _grid(sigma.device)
    kernel = torch.exp(-(x * x + y * y) / (2 * sigma.square())[:, None, None])
    return kernel / kernel.sum((1, 2), keepdim=True)


def _grid(device: torch.device) -> tuple[Tensor, Tensor]:
    steps = torch.arange(TAPS, device=device) - TAPS // 2
    return steps[None, :].float(), steps[:, None].float()


def convolve(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Convolve n x C x h x w pictures with one kernel each (n x TAPS x TAPS); borders are continued."""
    n, C, h, w = pictures.shape
    margin = TAPS // 2
    padded = F.pad(pictures, (margin,) * 4, mode="replicate").reshape(1, n * C, h + 2 * margin, w + 2 * margin)
    weight = kernels[:, None].expand(n, C, TAPS, TAPS).reshape(n * C, 1, TAPS, TAPS)
    return F.conv2d(padded, weight, groups=n * C).reshape(n, C, h, w)


def blur(pictures: Tensor, draws: Draws, settings: AugmentSettings, gaussian: float, motion: float) -> None:
    """Blur some pictures in place: a Gaussian with probability `gaussian`, else a motion with probability `motion`."""
    total = gaussian + motion
    rows, active = draws.some(min(1.0, total))
    n = len(rows)
    if not n:
        return
    moved = draws.uniform(n) * total < motion
    sigma = SMALLEST_SIGMA + draws.uniform(n) * max(0.0, settings.blur_sigma - SMALLEST_SIGMA)
    way = SHORTEST_WAY + draws.uniform(n) * max(0.0, settings.motion_length - SHORTEST_WAY)
    kernels = torch.where(moved[:, None, None], line_kernels(way, draws.uniform(n, high=math.pi)), gauss_kernels(sigma))
    still = torch.zeros_like(kernels)
    still[:, TAPS // 2, TAPS // 2] = 1.0
    pictures[rows] = convolve(pictures[rows], torch.where(active[:, None, None], kernels, still))


def lower_resolution(pictures: Tensor, draws: Draws, settings: AugmentSettings) -> None:
    """Shrink some pictures and enlarge them again, in place."""
    h, w = pictures.shape[2:]
    for factor in REDUCTIONS:
        rows, active = draws.some(settings.low_resolution / len(REDUCTIONS))
        if len(rows):
            chosen = pictures[rows]
            small = F.interpolate(chosen, (round(h / factor), round(w / factor)), mode="area")
            large = F.interpolate(small, (h, w), mode="bilinear", align_corners=False)
            pictures[rows] = chosen.lerp_(large, active.float()[:, None, None, None])


def add_noise(pictures: Tensor, draws: Draws, settings: AugmentSettings) -> None:
    """Add uniform noise with a standard deviation of up to `noise_sigma` to some pictures, in place."""
    rows, active = draws.some(settings.noise)
    if len(rows):
        sigma = draws.uniform(len(rows), high=settings.noise_sigma).mul_(active)[:, None, None, None]
        noise = draws.uniform(len(rows), *pictures.shape[1:]).sub_(0.5).mul_(sigma * math.sqrt(12.0))
        pictures[rows] += noise
