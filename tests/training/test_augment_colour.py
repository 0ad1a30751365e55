"""Colour, blur, low resolution and noise against plain definitions."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from spm_bench.training.augment.colour import LUMA, PIVOT, bend, draw_colours, recolour
from spm_bench.training.augment.degrade import (
    TAPS,
    add_noise,
    blur,
    convolve,
    gauss_kernels,
    line_kernels,
    lower_resolution,
)
from spm_bench.training.augment.draws import Draws
from spm_bench.training.augment.settings import AugmentSettings
from tests.training.augment_cases import seeded, smooth

OFF = AugmentSettings.off()


def planes(B: int, side: int = 40, seed: int = 1) -> torch.Tensor:
    return smooth(B, side, seed).permute(0, 3, 1, 2).float().contiguous()


def one_change(**changes: float) -> tuple[torch.Tensor, torch.Tensor]:
    settings = replace(OFF, colour=1.0, **changes)
    return draw_colours(Draws(seeded(), 64), settings)[1]


def test_brightness_adds_and_nothing_else() -> None:
    matrix, offset = one_change(brightness=20.0)
    torch.testing.assert_close(matrix, torch.eye(3).expand(64, 3, 3), atol=1e-6, rtol=0)
    assert 15 < offset.abs().max() <= 20
    assert torch.equal(offset[:, 0], offset[:, 2])


def test_contrast_keeps_middle_grey_and_has_the_drawn_gain() -> None:
    matrix, offset = one_change(contrast=0.3)
    grey = torch.full((64, 3, 1), PIVOT)
    torch.testing.assert_close(matrix @ grey + offset, grey, atol=1e-3, rtol=0)
    assert math.exp(-0.3) <= matrix[:, 0, 0].min() < 0.8
    assert 1.25 < matrix[:, 0, 0].max() <= math.exp(0.3)


@pytest.mark.parametrize("changes", [{"saturation": 0.5}, {"hue": 40.0}])
def test_saturation_and_hue_keep_grey_grey(changes: dict[str, float]) -> None:
    matrix, offset = one_change(**changes)
    grey = torch.full((64, 3, 1), 80.0)
    torch.testing.assert_close(matrix @ grey + offset, grey, atol=1e-3, rtol=0)
    red = torch.tensor([0.0, 0.0, 200.0])[:, None]
    assert (matrix @ red - red).abs().amax() > 20


def test_greyscale_is_that_of_opencv() -> None:
    picture = smooth(1, 40, 2)
    matrix, offset = draw_colours(Draws(seeded(), 1), replace(OFF, greyscale=1.0))[0]
    grey = recolour(picture.permute(0, 3, 1, 2).float(), matrix, offset)[0]
    expected = cv2.cvtColor(picture[0].numpy(), cv2.COLOR_BGR2GRAY)
    for channel in grey:
        np.testing.assert_allclose(channel.numpy(), expected, atol=0.51)
    assert sum(LUMA) == pytest.approx(1.0)


def test_what_template_and_search_share() -> None:
    base = replace(OFF, colour=1.0, brightness=20.0)
    for own, alike in ((0.0, True), (1.0, False)):
        (_, template), (_, search) = draw_colours(Draws(seeded(), 32), replace(base, colour_own=own))
        assert torch.equal(template, search) == alike


def test_colour_leaves_alone_whom_it_does_not_choose() -> None:
    matrix, offset = draw_colours(Draws(seeded(), 400), replace(AugmentSettings(), colour=0.3, greyscale=0.0))[0]
    same = (matrix - torch.eye(3)).abs().amax((1, 2)) < 1e-6
    assert same.float().mean() == pytest.approx(0.7, abs=0.07)
    assert offset[same].abs().max() < 1e-4


def test_the_tone_curve_keeps_black_white_and_order() -> None:
    ramp = torch.linspace(0, 255, 256).expand(30, 3, 1, 256).contiguous()
    bent = ramp.clone()
    bend(bent, Draws(seeded(), 30), replace(OFF, curve=1.0, curve_strength=0.9))
    torch.testing.assert_close(bent[..., (0, -1)], ramp[..., (0, -1)], atol=1e-3, rtol=0)
    assert (bent.diff(dim=-1) > 0).all()
    middle = bent[:, 0, 0, 128] - 128
    assert middle.min() < -40
    assert middle.max() > 40


@pytest.mark.parametrize("kernel", ["gauss", "line"])
def test_kernels_against_opencv(kernel: str) -> None:
    picture = planes(1)[0]
    if kernel == "gauss":
        weights = gauss_kernels(torch.tensor([1.3]))
        one = cv2.getGaussianKernel(TAPS, 1.3)
        expected = one @ one.T
    else:
        weights = line_kernels(torch.tensor([7.0]), torch.tensor([0.0]))
        expected = np.zeros((TAPS, TAPS))
        expected[TAPS // 2, 1:8] = 1 / 7
    np.testing.assert_allclose(weights[0].numpy(), expected, atol=1e-6)
    image = picture.permute(1, 2, 0).contiguous().numpy()
    filtered = cv2.filter2D(image, -1, expected, borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(convolve(picture[None], weights)[0].permute(1, 2, 0).numpy(), filtered, atol=1e-3)


def test_a_motion_has_its_length_and_direction() -> None:
    angle = torch.tensor([0.0, math.pi / 2, 0.7])
    kernels = line_kernels(torch.tensor([9.0, 9.0, 6.0]), angle).double()
    torch.testing.assert_close(kernels.sum((1, 2)), torch.ones(3, dtype=torch.float64))
    steps = torch.arange(TAPS, dtype=torch.float64) - TAPS // 2
    spread = torch.stack(((kernels.sum(1) * steps**2).sum(1), (kernels.sum(2) * steps**2).sum(1)), 1)
    assert spread[0, 0] == pytest.approx(80 / 12, rel=1e-3)  # variance of 9 equal steps
    assert spread[0, 1] == pytest.approx(0.0, abs=1e-9)
    assert spread[1].flip(0).tolist() == pytest.approx(spread[0].tolist(), abs=1e-6)
    covariance = (kernels[2] * steps[:, None] * steps[None, :]).sum()
    main = 0.5 * math.atan2(2 * float(covariance), float(spread[2, 0] - spread[2, 1]))
    assert main == pytest.approx(0.7, abs=0.03)


def changed(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    return (before - after).abs().amax((1, 2, 3)) > 1e-3


@pytest.mark.parametrize("part", ["blur", "low", "noise"])
def test_only_the_chosen_pictures_change_and_their_mean_stays(part: str) -> None:
    B = 40
    settings = AugmentSettings(low_resolution=0.4, noise=0.4)
    crops = planes(B, 31)
    before = crops.clone()
    draws = Draws(seeded(), B)
    if part == "blur":
        blur(crops, draws, settings, 0.2, 0.2)
    elif part == "low":
        lower_resolution(crops, draws, settings)
    else:
        add_noise(crops, draws, settings)
    share = changed(before, crops).float().mean()
    assert 0.2 < share < 0.6
    torch.testing.assert_close(crops.mean((2, 3)), before.mean((2, 3)), atol=4.0, rtol=0)


def test_noise_has_its_strength() -> None:
    crops = torch.zeros(200, 3, 20, 20)
    add_noise(crops, Draws(seeded(), 200), replace(OFF, noise=1.0, noise_sigma=8.0))
    deviation = crops.std((1, 2, 3))
    assert 7.0 < deviation.max() < 8.4
    assert deviation.mean() == pytest.approx(4.0, abs=0.5)
