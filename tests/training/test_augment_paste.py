"""Occluders, changed backgrounds and distractors: what they cover, and what the labels say then."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spm_bench.training.augment import AugmentSettings, augment
from spm_bench.training.augment.draws import Draws
from spm_bench.training.augment.geometry import CROP
from spm_bench.training.augment.occlude import cover_of, occlude
from spm_bench.training.pairs import KINDS
from spm_bench.training.pictures import Pictures
from tests.training.augment_cases import boxes_near, picture_set, pictures, seeded

OFF = AugmentSettings.off()
MEAN = torch.tensor((104.0, 117.0, 123.0))[:, None, None]


def plain(B: int, level: int, side: int = 300) -> Tensor:
    return torch.full((B, side, side, 3), level, dtype=torch.uint8)


def levels(B: int, *, negative: bool = False, kind: str = "video", extra_category: int = 3) -> Pictures:
    """Search pictures of level 40 and extra pictures of level 200, so that each pixel tells where it is from."""
    given = pictures(B, kind=kind, negative=negative)
    search = picture_set(plain(B, 40), given.search.box, category=3)
    return given._replace(
        search=search, extra=picture_set(plain(B, 200), boxes_near(150, B, 8), category=extra_category)
    )


def from_extra(search: Tensor) -> Tensor:
    """How much of each pixel is from the extra picture: B x 271 x 271, 0 .. 1."""
    return ((search + MEAN)[:, 0] - 40) / 160


def inside(boxes: Tensor, grow: float = 0.0) -> Tensor:
    """Which pixels lie in the boxes, B x 271 x 271 bool."""
    t = torch.arange(CROP) * CROP / (CROP - 1)
    low, high = boxes[:, :2] - grow, boxes[:, 2:] + grow
    x, y = ((t >= low[:, k : k + 1]) & (t <= high[:, k : k + 1]) for k in (0, 1))
    return x[:, None, :] & y[:, :, None]


def shrunk(boxes: Tensor, share: float) -> Tensor:
    middle, half = 0.5 * (boxes[:, :2] + boxes[:, 2:]), 0.5 * (boxes[:, 2:] - boxes[:, :2])
    return torch.cat((middle - share * half, middle + share * half), 1)


def test_a_pasted_target_stands_before_another_background() -> None:
    batch = augment(levels(6, kind="pasted"), replace(OFF, search_shift=60.0), seeded())
    share = from_extra(batch.search)
    assert share[inside(shrunk(batch.target, 0.8))].max() < 1e-3
    assert share[~inside(batch.target, 40.0)].min() > 1 - 1e-3
    assert not batch.negative.any()


def test_objects_of_the_background_count_and_those_of_the_lost_one_do_not() -> None:
    # the background's own object is of the template's category: it is a look-alike, unless the target hides it
    given = levels(16, kind="pasted")
    lost = given.search.box[:, None] + torch.tensor([20.0, 20.0, 20.0, 20.0])
    others = torch.full_like(given.search.others, math.nan)
    others[:, :1] = lost
    given = given._replace(search=given.search._replace(others=others))
    batch = augment(given, replace(OFF, search_shift=72.0), seeded(2))
    found = batch.same.isfinite().all(-1).sum(1)
    assert set(found.tolist()) == {0, 1}
    seen = batch.same[found == 1, 0]
    assert (cover_of(seen, batch.target[found == 1]) <= 0.5).all()
    other_category = augment(
        given._replace(extra=given.extra._replace(category=given.extra.category + 1)), OFF, seeded()
    )
    assert other_category.same.isnan().all()


@pytest.mark.parametrize("negative", [False, True])
def test_a_distractor_lies_free_and_is_told(negative: bool) -> None:
    settings = replace(OFF, distractor=1.0, paste_scale=0.3, search_shift=72.0)
    batch = augment(levels(24, negative=negative), settings, seeded())
    pasted = batch.same[:, 0]
    there = pasted.isfinite().all(1)
    assert there.float().mean() > 0.9
    share = from_extra(batch.search)
    core, around = inside(shrunk(pasted, 0.7)), inside(pasted, 40.0)
    assert share[there][core[there]].min() > 1 - 1e-3
    assert share[there][~around[there]].max() < 1e-3
    assert (share[~there].abs() < 1e-3).all()
    if not negative:
        covered = (share > 0.02) & inside(batch.target)
        assert (covered.sum((1, 2)) / inside(batch.target).sum((1, 2))).max() <= settings.paste_cover + 0.02
    else:
        # the search picture's own object is of the category too
        assert batch.same[there].isfinite().all(-1).sum(1).eq(2).all()


def test_no_free_place_no_distractor() -> None:
    given = levels(6)
    huge = given.search.box.new_tensor((0.0, 0.0, 4.0, 290.0)).expand(6, 4)
    wide = given._replace(extra=given.extra._replace(box=huge))
    batch = augment(wide, replace(OFF, distractor=1.0, paste_cover=0.0), seeded())
    free = batch.same[:, 0].isfinite().all(1)
    assert (from_extra(batch.search)[~free].abs() < 1e-3).all()


@pytest.mark.parametrize(("category", "told"), [(3, True), (4, False), (-1, False)])
def test_only_a_distractor_of_the_category_is_a_look_alike(category: int, told: bool) -> None:
    batch = augment(levels(5, extra_category=category), replace(OFF, distractor=1.0), seeded())
    assert bool(batch.same.isfinite().any()) == told
    assert from_extra(batch.search).amax((1, 2)).min() > 0.99  # it is there either way


def test_no_distractor_where_the_extra_picture_has_no_box() -> None:
    given = levels(3)
    given = given._replace(extra=given.extra._replace(box=torch.full((3, 4), math.nan)))
    batch = augment(given, replace(OFF, distractor=1.0), seeded())
    assert from_extra(batch.search).abs().max() < 1e-3


def test_occluders_on_the_target_cover_as_much_as_they_may() -> None:
    B = 60
    search = torch.arange(B, dtype=torch.float32)[:, None, None, None].expand(B, 1, CROP, CROP).clone()
    before = search.clone()
    target = torch.tensor([[90.0, 100.0, 170.0, 150.0]]).expand(B, 4)
    occlude(search, target, Draws(seeded(), B), replace(OFF, occlude=1.0, occlude_target=1.0, occlude_most=0.5))
    covered = ((search != before)[:, 0] & inside(target)).sum((1, 2)) / inside(target).sum((1, 2))
    assert covered.max() < 0.53
    assert covered.min() > 0.07
    assert covered.max() - covered.min() > 0.2
    # what covers is another picture of the batch
    assert torch.equal(search.amax((1, 2, 3)), torch.maximum(before[:, 0, 0, 0], (before[:, 0, 0, 0] + 1) % B))


def test_other_occluders_lie_anywhere_and_spare_the_target() -> None:
    B = 100
    search = torch.arange(B, dtype=torch.float32)[:, None, None, None].expand(B, 1, CROP, CROP).clone()
    before = search.clone()
    target = torch.tensor([[100.0, 100.0, 160.0, 160.0]]).expand(B, 4).clone()
    target[75:] = math.nan
    occlude(search, target, Draws(seeded(), B), replace(OFF, occlude=0.5, occlude_target=0.0, occlude_most=0.3))
    hidden = (search != before)[:, 0]
    assert hidden.flatten(1).any(1).float().mean() == pytest.approx(0.5, abs=0.1)
    covered = (hidden & inside(target)).sum((1, 2)) / inside(target).sum((1, 2)).clamp(min=1)
    assert covered.max() < 0.33
    assert hidden.float().mean((1, 2)).max() < 0.36**2
    assert hidden[75:].flatten(1).any(1).any()


def test_a_single_pair_is_occluded_by_a_plain_colour() -> None:
    given = pictures(1)
    settings = replace(OFF, occlude=1.0, occlude_target=1.0, occlude_most=0.5)
    clean, hidden = augment(given, OFF, seeded()).search[0], augment(given, settings, seeded()).search[0]
    changed = (clean != hidden).any(0)
    assert changed.sum() > 100
    assert len(hidden[:, changed].T.unique(dim=0)) == 1


def test_shares_of_boxes_covered() -> None:
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 0.0, 10.0], [math.nan] * 4, [0.0, 0.0, 10.0, 10.0]])
    by = torch.tensor([[5.0, 5.0, 20.0, 20.0], [0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 1.0, 1.0], [math.nan] * 4])
    torch.testing.assert_close(cover_of(boxes, by), torch.tensor([0.25, 0.0, 0.0, 0.0]))


def test_pasted_is_the_kind_of_that_name() -> None:
    kind = torch.arange(len(KINDS))
    given = levels(len(KINDS))._replace(kind=kind)
    behind = from_extra(augment(given, OFF, seeded()).search)[:, 0, 0] > 0.99
    assert behind.tolist() == [name == "pasted" for name in KINDS]
