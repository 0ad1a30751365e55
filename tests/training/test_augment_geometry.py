"""Warps and sampling: labels go where the pixels go, whatever is shifted, scaled, mirrored or turned."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from spm_bench.training.augment.draws import Draws
from spm_bench.training.augment.geometry import CROP, Jitter, Warp, anchor_boxes, draw_jitter, make_warp, map_boxes
from spm_bench.training.augment.sampling import mean_colour, positions, sample, sample_planes
from spm_bench.training.augment.settings import AugmentSettings
from tests.training.augment_cases import boxes_near, picture_set, seeded, smooth

SIDE = 300
BOX = (120.0, 130.0, 180.0, 170.0)


def jitter(
    *,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 0.0,
    aspect: float = 0.0,
    angle: float = 0.0,
    mirror: bool = False,
    B: int = 1,
) -> Jitter:
    return Jitter(
        shift=torch.tensor([shift] * B),
        scale=torch.full((B,), scale),
        aspect=torch.full((B,), aspect),
        angle=torch.full((B,), math.radians(angle)),
        mirror=torch.full((B,), mirror),
    )


CASES = {
    "none": {},
    "shift": {"shift": (60.0, -40.0)},
    "scale": {"scale": 0.3},
    "aspect": {"aspect": -0.2},
    "mirror": {"mirror": True, "shift": (20.0, 5.0)},
    "turn": {"angle": 25.0},
    "all": {"shift": (-30.0, 20.0), "scale": -0.2, "aspect": 0.15, "angle": -14.0, "mirror": True},
}


def dot_at(x: int, y: int) -> Tensor:
    """A black picture with one bright pixel, soft enough to be found to a fraction of a pixel."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    spot = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.0**2))
    return torch.from_numpy(np.repeat(spot.astype(np.uint8)[None, ..., None], 3, axis=3))


def place_of_dot(crop: Tensor) -> np.ndarray:
    """Centre of mass of a crop's brightness, in label units (pixel k lies at k * 271 / 270)."""
    brightness = (crop[0] - 2.0).clamp(min=0).double().numpy()  # the fill, a mean of mostly black, is no light
    k = np.arange(CROP)
    total = brightness.sum()
    return np.array([(brightness.sum(0) * k).sum(), (brightness.sum(1) * k).sum()]) / total * CROP / (CROP - 1)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dot", [(150, 150), (121, 131), (178, 168), (178, 131)])
def test_labels_follow_the_pixels(case: str, dot: tuple[int, int]) -> None:
    warp = make_warp(torch.tensor([BOX]), jitter(**CASES[case]))
    x, y = dot
    label = map_boxes(torch.tensor([[[x, y, x + 1.0, y + 1.0]]]), warp)[0, 0]
    found = place_of_dot(sample(picture_set(dot_at(x, y), torch.tensor([BOX])), warp, torch.tensor([False]))[0])
    # At inference labels lie half a picture pixel right of and below what is seen: pixel i is the box [i, i + 1), but
    # sampled at i. The label of a pixel has its middle there, so a whole pixel's half comes on top of its place.
    middle = (0.5 * (label[:2] + label[2:]) - warp.half[0]).numpy()
    np.testing.assert_allclose(middle, found, atol=0.02)


@pytest.mark.parametrize("case", CASES)
def test_the_target_lands_where_the_jitter_says(case: str) -> None:
    options = CASES[case]
    warp = make_warp(torch.tensor([BOX]), jitter(**options))
    box = map_boxes(torch.tensor([[BOX]]), warp)[0, 0]
    shift = torch.tensor(options.get("shift", (0.0, 0.0)))
    # a mirrored or turned box keeps the half pixel of its picture, so it may be off by one picture pixel
    tolerance = 2.5 if options.get("mirror") or options.get("angle") else 1e-3
    torch.testing.assert_close(0.5 * (box[:2] + box[2:]), 135.5 + shift, atol=tolerance, rtol=0)
    if not options.get("angle"):
        scale, aspect = options.get("scale", 0.0), options.get("aspect", 0.0)
        width, height = (float(v) for v in box[2:] - box[:2])
        assert width / height == pytest.approx(60 / 40 * math.exp(aspect), rel=1e-4)
        side = math.sqrt((60 + 50) * (40 + 50))
        assert width * height == pytest.approx(60 * 40 * (127 / side * math.exp(scale)) ** 2, rel=1e-4)


@pytest.mark.parametrize("angle", [0.0, 15.0, 90.0, -40.0])
def test_a_turned_box_bounds_the_turned_ellipse(angle: float) -> None:
    warp = make_warp(torch.tensor([BOX]), jitter(angle=angle, scale=0.1))
    t = torch.linspace(0, 2 * math.pi, 20001)
    points = torch.stack((150 + 30 * t.cos(), 150 + 20 * t.sin()), 1) - 0.5 - warp.centre[0]
    mapped = points @ warp.inverse[0].T + 135.5 + warp.half[0]
    expected = torch.cat((mapped.amin(0), mapped.amax(0)))
    torch.testing.assert_close(map_boxes(torch.tensor([[BOX]]), warp)[0, 0], expected, atol=1e-3, rtol=0)


def test_mirroring_twice_is_no_mirroring() -> None:
    pictures = picture_set(smooth(1, SIDE, 3), torch.tensor([BOX]))
    plain, mirrored = (
        sample(pictures, make_warp(pictures.box, jitter(mirror=mirror)), torch.tensor([False]))[0]
        for mirror in (False, True)
    )
    torch.testing.assert_close(mirrored.flip(2), plain, atol=1e-2, rtol=0)
    assert (mirrored - plain).abs().mean() > 5


def test_boxes_without_numbers_stay_without() -> None:
    warp = make_warp(torch.tensor([BOX]), jitter())
    assert map_boxes(torch.full((1, 3, 4), math.nan), warp).isnan().all()


def warps(B: int) -> Warp:
    draws = Draws(seeded(3), B)
    settings = AugmentSettings(search_rotation_share=0.6)
    return make_warp(boxes_near(150.0, B), draw_jitter(draws, settings, "search", draws.chance(0.5)))


@pytest.mark.parametrize(("start", "count"), [(0, 271), (56, 160)])
def test_both_ways_of_sampling_agree(start: int, count: int) -> None:
    B = 8
    extent = torch.rand(B, 2, generator=seeded(8)) * 150 + 150
    extent = extent.floor()
    pictures = picture_set(smooth(B, SIDE, 4), boxes_near(150.0, B), extent=extent)
    mirror = torch.arange(B) % 2 == 0
    one = sample(pictures, warps(B), mirror, start, count)
    other = sample_planes(pictures, warps(B), mirror, start, count)
    # At the very edge of a picture the last bit of a position decides between picture and fill.
    assert ((one - other).abs() > 5e-3).float().mean() < 1e-4


def brute_force(image: np.ndarray, warp: Warp, k: tuple[int, int], *, mirror: bool) -> np.ndarray:
    """One crop pixel (column, row), step by step in float64."""
    height, width = image.shape[:2]
    t = np.array(k) * CROP / (CROP - 1) - CROP / 2
    x, y = warp.centre[0].double().numpy() + warp.linear[0].double().numpy() @ t
    if mirror:
        x, y = (width - 1 - abs(width - 1 - abs(x))), (height - 1 - abs(height - 1 - abs(y)))
        x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
        return image.reshape(-1, 3).mean(0)
    left, top = int(x), int(y)
    right, below = min(left + 1, width - 1), min(top + 1, height - 1)
    fx, fy = x - left, y - top
    upper = image[top, left] * (1 - fx) + image[top, right] * fx
    return np.asarray(upper * (1 - fy) + (image[below, left] * (1 - fx) + image[below, right] * fx) * fy)


@pytest.mark.parametrize("mirror", [False, True])
def test_sampling_against_a_plain_loop(mirror: bool) -> None:
    pictures = picture_set(smooth(1, SIDE, 6), torch.tensor([BOX]), extent=torch.tensor([[190.0, 240.0]]))
    warp = make_warp(pictures.box, jitter(shift=(40.0, -30.0), scale=-0.2, angle=12.0, mirror=True))
    crop = sample(pictures, warp, torch.tensor([mirror]))[0]
    image = pictures.images[0, :240, :190].double().numpy()
    fills = 0
    for k in np.random.default_rng(0).integers(0, CROP, (300, 2)).tolist():
        expected = brute_force(image, warp, (k[0], k[1]), mirror=mirror)
        fills += bool(np.allclose(expected, image.reshape(-1, 3).mean(0)))
        np.testing.assert_allclose(crop[:, k[1], k[0]].numpy(), expected, atol=0.02)
    assert (fills > 20) == (not mirror)


def test_mean_colour_counts_the_picture_only() -> None:
    images = torch.full((2, 10, 10, 3), 99, dtype=torch.uint8)
    images[0, :4, :7] = torch.tensor([10, 20, 30], dtype=torch.uint8)
    images[1, :5, :2] = 1
    images[1, :5, 2:4] = 3
    mean = mean_colour(images, torch.tensor([[7.0, 4.0], [4.0, 5.0]]))
    torch.testing.assert_close(mean, torch.tensor([[10.0, 20.0, 30.0], [2.0, 2.0, 2.0]]))


def test_random_squares_have_their_crops_inside_the_picture() -> None:
    B = 50
    extent = torch.tensor([[320.0, 200.0]]).expand(B, 2)
    bare = picture_set(torch.zeros(B, 320, 320, 3, dtype=torch.uint8), torch.full((B, 4), math.nan), extent=extent)
    boxes = anchor_boxes(bare, Draws(seeded(), B))
    x, y = positions(make_warp(boxes, jitter(B=B)), 0, CROP)
    assert x.min() >= -0.1
    assert x.max() <= 320.1
    assert y.min() >= -0.1
    assert y.max() <= 200.1
    assert boxes[:, 0].std() > 5


def test_jitter_has_the_ranges_of_its_settings() -> None:
    B = 4000
    settings = AugmentSettings()
    drawn = draw_jitter(Draws(seeded(), B), settings, "search", torch.zeros(B, dtype=torch.bool))
    for values, most in (
        (drawn.shift, settings.search_shift),
        (drawn.scale, settings.search_scale),
        (drawn.aspect, settings.search_aspect),
        (drawn.angle, math.radians(settings.search_rotation)),
    ):
        assert 0.98 * most < values.abs().max() <= most
        assert values.mean().abs() < 0.05 * most
    assert (drawn.angle != 0).float().mean() == pytest.approx(settings.search_rotation_share, abs=0.03)


@pytest.mark.parametrize("probability", [0.0, 0.03, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("ask", [True, False])
def test_some_pictures_are_chosen_with_the_given_probability(
    probability: float, ask: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spm_bench.training.augment.draws.may_ask", lambda _: ask)
    B, rounds = 16, 600
    draws = Draws(seeded(), B)
    hits = torch.zeros(B)
    for _ in range(rounds):
        rows, active = draws.some(probability)
        assert ask or len(rows) == math.ceil(probability * B)
        assert len(rows.unique()) == len(rows)
        hits[rows] += active.float()
    assert hits.sum() / (B * rounds) == pytest.approx(probability, abs=0.02)
    assert (hits / rounds - probability).abs().max() < 0.1
