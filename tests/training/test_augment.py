"""The whole walk of `augment`: parity with inference, labels, negatives, look-alikes, determinism."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from spm_bench.errors import UsageError
from spm_bench.geometry.crops import crop_frame, frame_mean, search_region, to_search_frame
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.training.augment import AugmentSettings, augment
from spm_bench.training.augment.settings import SHARES
from spm_bench.training.batch import TEMPLATE_PIXELS, TEMPLATE_START, PairBatch
from spm_bench.training.pairs import KINDS
from spm_bench.training.pictures import Pictures, PictureSet
from tests.training.augment_cases import MOST, boxes_near, picture_set, pictures, seeded, smooth

OFF = AugmentSettings.off()
MEAN = torch.tensor(SpmConfig().mean_bgr)
STRONG = AugmentSettings()


def at_inference(image: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
    """Crop (3 x 271 x 271) and label (4) of one picture by the functions that the tracker uses."""
    config = SpmConfig()
    wide = box[None].double()
    region, scale = search_region(wide, config.context, config.template_size, config.search_size)
    crop = crop_frame(image, frame_mean(image.numpy()), region, config.search_size, offset=MEAN)
    return crop[0], to_search_frame(wide, region, scale)[0].float()


def assert_like(crop: Tensor, expected: Tensor, way: str) -> None:
    """Equal crops; the sampler of an accelerator rounds positions once more, so its border may move by a pixel."""
    apart = (crop - expected).abs()
    if way == "asking":
        assert apart.max() < 1e-3
    else:
        assert apart.quantile(0.99) < 5e-3


def real(pictures: PictureSet, i: int) -> Tensor:
    width, height = (int(v) for v in pictures.extent[i])
    return pictures.images[i, :height, :width].contiguous()


@pytest.mark.parametrize("extent", [(300, 300), (211, 160), (150, 300)])
def test_switched_off_it_is_the_geometry_of_inference(extent: tuple[int, int], asking: str) -> None:
    # The smaller pictures end inside the crop: the mean colour of the picture, not of its buffer, has to fill it.
    given = pictures(3)
    box = boxes_near(110.0, 3) - torch.tensor([0.0, 40.0, 0.0, 40.0])
    size = torch.tensor([extent] * 3, dtype=torch.float32)
    given = given._replace(
        template=given.template._replace(extent=size, box=box), search=given.search._replace(extent=size, box=box + 2)
    )
    batch = augment(given, OFF, seeded())
    for i in range(3):
        crop, label = at_inference(real(given.search, i), given.search.box[i])
        assert_like(batch.search[i], crop, asking)
        torch.testing.assert_close(batch.target[i], label, atol=1e-3, rtol=0)
        crop, label = at_inference(real(given.template, i), given.template.box[i])
        cut = slice(TEMPLATE_START, TEMPLATE_START + TEMPLATE_PIXELS)
        assert_like(batch.template[i], crop[:, cut, cut], asking)
        torch.testing.assert_close(batch.template_box[i], label, atol=1e-3, rtol=0)
    assert not batch.negative.any()
    assert batch.same.shape == (3, MOST, 4)
    assert batch.same.isnan().all()


def test_the_same_seed_gives_the_same_batch_and_another_does_not() -> None:
    given = everything(6)
    first, again, other = (augment(given, STRONG, seeded(seed)) for seed in (4, 4, 5))
    for a, b, c in zip(first, again, other, strict=True):
        torch.testing.assert_close(a, b, atol=0, rtol=0, equal_nan=True)
        assert a.shape == c.shape
    assert not torch.equal(first.search, other.search)


def test_it_neither_changes_its_pictures_nor_draws_from_the_global_generator() -> None:
    given = everything(5)
    copies = [part.clone() for group in given[:3] for part in group]
    state = torch.get_rng_state()
    augment(given, STRONG, seeded())
    assert torch.equal(torch.get_rng_state(), state)
    for part, copy in zip((part for group in given[:3] for part in group), copies, strict=True):
        torch.testing.assert_close(part, copy, atol=0, rtol=0, equal_nan=True)


def everything(B: int) -> Pictures:
    """Pairs of all kinds, some negative, with objects to paste."""
    given = pictures(B)
    return given._replace(
        extra=picture_set(smooth(B, 300, 9), boxes_near(150.0, B, 7), category=3),
        negative=torch.arange(B) % 3 == 2,
        kind=torch.arange(B) % len(KINDS),
    )


@pytest.fixture(params=["asking", "not asking"])
def asking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of computing: that of a CPU, and that of an accelerator, which nothing waits for."""
    way: str = request.param
    for module in ("draws", "sampling"):
        monkeypatch.setattr(f"spm_bench.training.augment.{module}.may_ask", lambda _: way == "asking")
    return way


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_batch_is_sound(seed: int, asking: str) -> None:
    B = 10
    batch = augment(everything(B), STRONG, seeded(seed))
    for crops, size in ((batch.template, TEMPLATE_PIXELS), (batch.search, 271)):
        assert crops.shape == (B, 3, size, size)
        assert crops.dtype == torch.float32
        assert crops.isfinite().all()
        levels = crops + MEAN[:, None, None]
        assert levels.min() > -1e-3
        assert levels.max() < 255.001
    assert torch.equal(batch.target.isnan().all(1), batch.negative)
    there = batch.target[~batch.negative]
    middle = 0.5 * (there[:, :2] + there[:, 2:])
    assert ((middle > 0) & (middle < 271)).all()
    assert (there[:, 2:] > there[:, :2]).all()
    found = batch.same[batch.same.isfinite().all(-1)]
    assert (found[:, 2:] > found[:, :2]).all()
    assert torch.equal(batch.same.isnan().any(-1), batch.same.isnan().all(-1))


@pytest.mark.parametrize(
    ("side", "box"),
    [
        (1, (0.0, 0.0, 1.0, 1.0)),
        (2, (0.0, 0.0, 2.0, 2.0)),
        (24, (-9.0, 3.0, 40.0, 5.0)),
        (40, (39.0, 39.0, 39.0, 39.0)),
        (300, (0.0, 0.0, 300.0, 300.0)),
    ],
)
def test_tiny_and_odd_pictures(side: int, box: tuple[float, ...], asking: str) -> None:
    B = 4
    given = everything(B)
    odd = picture_set(given.search.images, torch.tensor([box] * B), extent=torch.full((B, 2), float(side)))
    for where in ("template", "search", "extra"):
        batch = augment(given._replace(**{where: odd}), STRONG, seeded())
        assert batch.template.isfinite().all()
        assert batch.search.isfinite().all()


def test_what_lies_beyond_the_picture_in_its_buffer_is_never_read() -> None:
    given = everything(6)
    size = torch.tensor([[260.0, 180.0]] * 6)

    def framed(value: int) -> Pictures:
        groups = []
        for group in given[:3]:
            images = torch.full_like(group.images, value)
            images[:, :180, :260] = group.images[:, :180, :260]
            groups.append(group._replace(images=images, extent=size))
        return Pictures(*groups, given.negative, given.kind)

    black, white = (augment(framed(value), STRONG, seeded(1)) for value in (0, 255))
    assert torch.equal(black.search, white.search)
    assert torch.equal(black.template, white.template)


def with_category(group: PictureSet, category: int, others: Tensor | None = None) -> PictureSet:
    room = torch.full_like(group.others, math.nan)
    if others is not None:
        room[:, : others.shape[1]] = others
    return group._replace(category=torch.full_like(group.category, category), others=room)


def count(batch: PairBatch) -> int:
    return int(batch.same.isfinite().all(-1).sum(1)[0])


@pytest.mark.parametrize(
    ("negative", "template", "search", "expected"),
    [
        (False, 3, 3, 1),  # the other object of the category
        (True, 3, 3, 2),  # the search picture's own object as well
        (True, 3, 4, 0),  # another category: neither
        (True, -1, -1, 0),  # unknown categories are not the same
    ],
)
def test_objects_of_the_category(negative: bool, template: int, search: int, expected: int) -> None:
    given = pictures(1, negative=negative)
    other = given.search.box[:, None] + torch.tensor([30.0, -20.0, 40.0, -10.0])
    given = given._replace(
        template=with_category(given.template, template), search=with_category(given.search, search, other)
    )
    batch = augment(given, OFF, seeded())
    assert count(batch) == expected
    assert batch.target.isnan().all() == negative
    own = at_inference(given.search.images[0], given.search.box[0])[1]
    scale = (own[2] - own[0]) / (given.search.box[0, 2] - given.search.box[0, 0])
    mapped = own + scale * torch.tensor([30.0, -20.0, 40.0, -10.0])
    if expected:
        torch.testing.assert_close(batch.same[0, expected - 1], mapped, atol=1e-3, rtol=0)
    if expected == 2:
        torch.testing.assert_close(batch.same[0, 0], own, atol=1e-3, rtol=0)


def test_objects_outside_the_crop_and_more_than_there_is_room_for() -> None:
    given = pictures(1)
    box = given.search.box[:, None]
    far = box + 400.0
    many = torch.cat([far, *[box + float(d) for d in range(10, 17)]], 1)
    given = given._replace(search=with_category(given.search, 3, many))
    assert count(augment(given, OFF, seeded())) == 7
    negative = given._replace(negative=torch.tensor([True]))
    assert count(augment(negative, OFF, seeded())) == 8
    crowd = torch.cat([box + float(d) for d in range(10, 18)], 1)
    full = negative._replace(search=with_category(given.search, 3, crowd))
    assert count(augment(full, OFF, seeded())) == MOST


def test_a_search_picture_without_a_target_is_a_negative() -> None:
    given = pictures(3)
    bare = given.search._replace(box=torch.full((3, 4), math.nan))
    batch = augment(given._replace(search=bare), OFF, seeded())
    assert batch.negative.all()
    assert batch.target.isnan().all()
    # Crops of a picture without a target lie inside it: no place is filled with the mean colour.
    flat = given.search.images.clone().fill_(10)
    flat[:, ::2] = 200
    stripes = augment(given._replace(search=bare._replace(images=flat)), OFF, seeded()).search
    assert (stripes.amax(2) - stripes.amin(2) > 30).all()


def test_every_part_can_be_switched_off_and_changes_something_when_on() -> None:
    given = everything(5)
    plain = augment(given, OFF, seeded())
    alone = {
        "search_rotation": {"search_rotation": 15.0, "search_rotation_share": 1.0},
        "template_rotation": {"template_rotation": 15.0, "template_rotation_share": 1.0},
        "colour": {"colour": 1.0, "brightness": 30.0, "hue": 20.0, "saturation": 0.5, "contrast": 0.3},
        "curve": {"curve": 1.0, "curve_strength": 0.5},
        "blur": {"blur": 1.0, "blur_sigma": 2.0},
        "motion": {"motion": 1.0, "motion_length": 9.0},
        "template_blur": {"template_blur": 1.0, "blur_sigma": 2.0},
        "noise": {"noise": 1.0, "noise_sigma": 10.0},
        "occlude": {"occlude": 1.0, "occlude_target": 1.0, "occlude_most": 0.5},
        "flip_one": {"flip_one": 1.0},
        "mirror_border": {"mirror_border": 1.0, "search_shift": 72.0},
        "distractor": {"distractor": 1.0, "paste_scale": 0.3},
    }
    single = {"search_shift": 72.0, "search_scale": 0.3, "search_aspect": 0.2, "flip": 1.0, "greyscale": 1.0}
    single |= {"template_shift": 4.0, "template_scale": 0.1, "template_aspect": 0.1, "low_resolution": 1.0}
    for name, changes in [*alone.items(), *((name, {name: value}) for name, value in single.items())]:
        changed = augment(given, replace(OFF, **changes), seeded())
        same_template = torch.equal(changed.template, plain.template)
        same_search = torch.equal(changed.search, plain.search)
        assert not (same_template and same_search), name
    touched = {name for changes in alone.values() for name in changes} | set(single)
    assert touched | {"colour_own", "paste_cover"} == {field.name for field in fields(AugmentSettings)}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"flip": 1.5}, "flip is 1.5, but must be from 0 to 1"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"search_shift": 140.0}, "search_shift is 140.0, but must be from 0 to 130"),
        ({"brightness": math.nan}, "brightness is nan"),
        ({"hue": math.inf}, "hue is inf"),
        ({"blur": 0.6, "motion": 0.6}, "blur and motion"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        replace(STRONG, **changes)


def test_every_share_is_a_setting() -> None:
    assert {field.name for field in fields(AugmentSettings)} >= SHARES
