"""Pairs: who is paired with whom (`plan_batch`), and their pictures on the training device (`load_pictures`).

A plan is a pure function of the table and a random generator, so training resumes at any step without stored random
state. What is drawn, by kind:

    video      two rows of one track, any distance in time: tracks alike (`table.SCENE_POWER`), then frames alike
    synthetic  the same, of drawn videos
    stills     one row with itself: categories by `table.CATEGORY_POWER`
    patches    a random box of any picture, with itself; a flat box is moved to where there is something to see
    pasted     an object (video or still) whose search picture gives it a background of another video or picture

A negative pair's search picture shows an object of another video or picture, for half of them (by default) of the
template's category. Some positive pairs get such an object as `background`, to be pasted beside the target as a
distractor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError, UsageError, unknown_name
from spm_bench.training.pictures import Pictures, PictureSet
from spm_bench.training.store import PictureStore
from spm_bench.training.table import Floats, Ints, Table

__all__ = ["KINDS", "PictureSet", "PictureStore", "Pictures", "Plan", "load_pictures", "plan_batch", "repair_plan"]

KINDS = ("video", "stills", "patches", "synthetic", "pasted")

_VIDEO, _STILLS, _PATCHES, _SYNTHETIC, _PASTED = range(len(KINDS))

_POOLS = {"video": "video", "stills": "stills", "patches": "pictures", "synthetic": "synthetic", "pasted": "objects"}
_NEEDS = {
    "video": "a source of videos with two rows of one track",
    "stills": "a source of stills with boxes",
    "patches": "a source of pictures",
    "synthetic": "the source of synthetic videos",
    "pasted": "a source of pictures with boxes",
}

TRIES = 6
"""Draws of another object before a pair goes without: one of the same video or picture is no negative, because the
template's object may be in it."""

PATCH_SIDES = (0.12, 0.45)
"""Side of a patch (root of its area) as a share of the picture's short side."""

PATCH_RATIO = 3.0
"""Height / width of a patch lies between 1 / this and this, evenly in its logarithm."""

FLAT = 10.0
"""Grey levels of standard deviation below which a patch shows nothing that could be found again."""

PATCH_MOVES = 8
"""Places tried for a patch, the most textured is taken if all are flat."""

_SPREAD = np.asarray((0.7548776662466927, 0.5698402909980532))
"""Steps of the R2 sequence (1/p, 1/p^2 with p^3 = p + 1): places that keep away from those tried before."""

MOST_OTHERS = 8
"""Other objects of the category that are handed on, the ones nearest to the target."""


class Plan(NamedTuple):
    """B pairs, as rows of the joined table.

    Attributes:
        kind: B, index into `KINDS`.
        template: B rows.
        search: B rows.
        background: B; for "pasted" the picture to paste onto, else an object to paste as a distractor; -1 none.
        negative: B; the template's object is not in the search picture.
        patch_template: B x 4 for "patches", else NaN: place of the box along x and y in the room it has (0 .. 1), its
            side as a share of the picture's short side, height / width. (The pictures' sizes are not known yet.)
        patch_search: The same for the search picture.
    """

    kind: Ints
    template: Ints
    search: Ints
    background: Ints
    negative: NDArray[np.bool_]
    patch_template: Floats
    patch_search: Floats


def plan_batch(
    table: Table,
    mix: Mapping[str, float],
    *,
    batch: int,
    negative_share: float,
    rng: np.random.Generator,
    same_category_share: float = 0.5,
    distractor_share: float = 0.0,
    max_gap: int | None = None,
) -> Plan:
    """Choose the pairs of one step.

    Args:
        table: All sources.
        mix: Kind of pair -> its weight; kinds left out have none. Every batch holds each kind's share, to one pair.
        batch: B, number of pairs.
        negative_share: Probability that a pair is negative.
        rng: For resuming, made from (seed, step).
        same_category_share: Of negatives and distractors, those of the template's category where there is another of it
            (the rest are drawn from all): what is hardest to tell apart.
        distractor_share: Probability that a positive pair of kind video, stills or synthetic gets an object to paste.
        max_gap: Most frames between the two of a video or synthetic pair; None: any distance.

    Raises:
        UsageError: An unknown kind, weights or shares that are no such, or a kind that no source has rows for.
    """
    _check_share("negative", negative_share)
    _check_share("distractor", distractor_share)
    _check_share("same category", same_category_share)
    u, tries = rng.random((14, batch)), rng.random((2, TRIES, batch))
    kind = _draw_kinds(check_mix(table, mix), batch, u[0, 0])
    template = np.empty(batch, dtype=np.int64)
    for number in np.unique(kind):
        of = kind == number
        template[of] = table.pools[_POOLS[KINDS[number]]].draw(u[1, of])
    patch, pasted = kind == _PATCHES, kind == _PASTED
    other = _other_objects(table, template, kind, u[2] < same_category_share, tries[0])
    negative = (u[3] < negative_share) & (other >= 0)
    partner = np.where(patch, template, table.tracks.partners(template, u[4], max_gap))
    distracted = ~negative & ~patch & ~pasted & (u[5] < distractor_share)
    background = np.where(distracted, other, -1)
    onto = pasted & ~negative
    background[onto] = _elsewhere(
        table, "pictures", template[onto], np.zeros(onto.sum(), dtype=bool), tries[1][:, onto]
    )
    patches = _draw_patches(u[6:10])
    return Plan(
        kind=np.where(pasted & (background < 0), np.where(partner == template, _STILLS, _VIDEO), kind),
        template=template,
        search=np.where(negative, other, partner),
        background=background,
        negative=negative,
        patch_template=np.where(patch[:, None], patches, np.nan),
        patch_search=np.where(patch[:, None], np.where(negative[:, None], _draw_patches(u[10:14]), patches), np.nan),
    )


def check_mix(table: Table, mix: Mapping[str, float]) -> dict[str, float]:
    """The kinds of a mix with a weight above zero, weights summing to 1.

    Raises:
        UsageError: An unknown kind, weights that are no such, or a kind that no source has rows for.
    """
    for kind, weight in mix.items():
        if kind not in KINDS:
            raise unknown_name("kind of pair", kind, KINDS)
        if not (np.isfinite(weight) and weight >= 0):
            raise UsageError(f"the weight {weight} of {kind} pairs is no share", remedy="Choose a number from 0 up")
        if weight > 0 and not len(table.pools[_POOLS[kind]]):
            raise UsageError(f"no data for {kind} pairs", remedy=f"Add {_NEEDS[kind]}, or set their weight to 0")
    total = sum(mix.values())
    if not total > 0:
        raise UsageError("the mix of pairs is empty", remedy=f"Give a weight to some of {', '.join(KINDS)}")
    return {kind: weight / total for kind, weight in mix.items() if weight > 0}


def _check_share(what: str, share: float) -> None:
    if not 0.0 <= share <= 1.0:
        raise UsageError(f"a {what} share of {share} is no probability", remedy="Choose one from 0 to 1")


def _draw_kinds(mix: Mapping[str, float], batch: int, u: float) -> Ints:
    """Systematic draws: evenly spaced from one random start, so each batch holds each kind's share to one pair."""
    names = np.asarray([KINDS.index(kind) for kind in mix], dtype=np.int64)
    upto = np.cumsum(list(mix.values()))
    chosen = np.searchsorted(upto, (np.arange(batch) + u) / batch, side="right")
    return names[np.minimum(chosen, len(names) - 1)]


def _other_objects(table: Table, template: Ints, kind: Ints, same: NDArray[np.bool_], u: Floats) -> Ints:
    """Rows of other objects (for patches: of other pictures) of the template's sort of data; -1 where none is found."""
    other = np.full(len(template), -1, dtype=np.int64)
    pools = np.where(kind == _SYNTHETIC, "synthetic objects", np.where(kind == _PATCHES, "pictures", "objects"))
    for name in np.unique(pools):
        of = pools == name
        other[of] = _elsewhere(table, str(name), template[of], same[of] & (kind[of] != _PATCHES), u[:, of])
    return other


def _elsewhere(table: Table, pool: str, rows: Ints, same: NDArray[np.bool_], u: Floats) -> Ints:
    """Draw for each row another one of a different video or picture.

    Args:
        table: All sources.
        pool: Name of the pool to draw from.
        rows: B rows.
        same: B; first try the row's own category.
        u: `TRIES` x B numbers in [0, 1).

    Returns:
        B rows; -1 where all tries hit the row's own video or picture.
    """
    found = np.full(len(rows), -1, dtype=np.int64)
    if not len(rows):  # the pool may be empty, too: drawn videos alone have no pictures to paste onto
        return found
    draws = table.pools[pool]
    for k in range(TRIES):
        # The only video of a category must not use up all tries.
        category = np.where(same & (k < TRIES // 2), table.category[rows], -1)
        row = draws.draw_of(category, u[k])
        row = np.where(row < 0, draws.draw(u[k]), row)
        found = np.where((found < 0) & (table.sequence[row] != table.sequence[rows]), row, found)
    return found


def _draw_patches(u: Floats) -> Floats:
    """4 x B numbers in [0, 1) to B x 4 values of `Plan.patch_template`."""
    low, high = PATCH_SIDES
    side = low + (high - low) * u[2]
    return np.stack([u[0], u[1], side, PATCH_RATIO ** (2 * u[3] - 1)], axis=1)


def load_pictures(plan: Plan, store: PictureStore) -> Pictures:
    """Bring a plan's pictures to the training device; from any thread.

    A pair with a picture that cannot be read is replaced by the next good pair of the batch, whatever was read before:
    the result depends on the plan and the files only.

    Args:
        plan: B pairs.
        store: Holds or reads the pictures.

    Raises:
        DataError: Too many of the pictures met so far cannot be read, or none of this batch can.
    """
    with store.lock:
        return _load(plan, store)


def _load(plan: Plan, store: PictureStore) -> Pictures:
    patched = np.isfinite(plan.patch_template[:, 0])
    wanted = np.concatenate((plan.template, plan.search, plan.background[plan.background >= 0]))
    broken = store.fetch(wanted, textured=np.concatenate((plan.template[patched], plan.search[patched])))
    if broken:
        plan = repair_plan(plan, broken)
        patched = np.isfinite(plan.patch_template[:, 0])
    none = np.full((len(plan.kind), 4), np.nan)
    return Pictures(
        template=_picture_set(store, plan.template, _patch_boxes(store, plan.template, plan.patch_template, patched)),
        search=_picture_set(store, plan.search, _patch_boxes(store, plan.search, plan.patch_search, patched)),
        extra=_picture_set(store, plan.background, none),
        negative=store.to_device(plan.negative),
        kind=store.to_device(plan.kind),
    )


def repair_plan(plan: Plan, broken: Collection[int]) -> Plan:
    """Put the next good pair of the batch in the place of each pair with a broken picture.

    Args:
        plan: B pairs.
        broken: Rows whose picture cannot be read; those of other batches make no difference.

    Raises:
        DataError: No pair is left.
    """
    rows = np.stack((plan.template, plan.search, plan.background))
    places = np.flatnonzero(~np.isin(rows, np.asarray(sorted(broken), dtype=np.int64)).any(axis=0))
    if not len(places):
        raise DataError("no pair of this batch can be read", remedy="Copy the data again")
    nearest = places[np.searchsorted(places, np.arange(rows.shape[1])) % len(places)]
    return Plan(
        kind=plan.kind[nearest],
        template=plan.template[nearest],
        search=plan.search[nearest],
        background=plan.background[nearest],
        negative=plan.negative[nearest],
        patch_template=plan.patch_template[nearest],
        patch_search=plan.patch_search[nearest],
    )


def _patch_boxes(store: PictureStore, rows: Ints, patches: Floats, patched: NDArray[np.bool_]) -> Floats:
    """The patches as boxes (B x 4: x, y, w, h) of the pictures, moved away from flat places; NaN where no patch."""
    boxes = np.full((len(rows), 4), np.nan)
    if patched.any():
        places = patch_boxes(patches[patched], store.sizes(rows[patched]), PATCH_MOVES)
        texture = store.deviation(rows[patched], places)
        seen = texture >= FLAT
        best = np.where(seen.any(axis=1), seen.argmax(axis=1), texture.argmax(axis=1))
        boxes[patched] = places[np.arange(len(best)), best]
    return boxes


def patch_boxes(patches: Floats, sizes: Ints, places: int = 1) -> Floats:
    """Patches as boxes of their pictures, each at several places.

    Args:
        patches: P x 4, see `Plan.patch_template`.
        sizes: P x 2 (width, height) of the pictures.
        places: k; the first is the patch's own.

    Returns:
        P x k x 4 (x, y, w, h), inside the pictures.
    """
    side = patches[:, 2] * sizes.min(axis=1)
    shape = np.stack((patches[:, 3] ** -0.5, patches[:, 3] ** 0.5), axis=1)
    extent = np.minimum(side[:, None] * shape, sizes)[:, None]
    moved = (patches[:, None, :2] + np.arange(places)[:, None] * _SPREAD) % 1.0
    corner = moved * (sizes[:, None] - extent)
    return np.concatenate((corner, np.broadcast_to(extent, corner.shape)), axis=-1)


def _picture_set(store: PictureStore, rows: Ints, patches: Floats) -> PictureSet:
    table, there = store.table, rows >= 0
    row = np.maximum(rows, 0)
    boxes = np.where(np.isnan(patches[:, :1]), table.boxes[row], patches)
    # A crop that a patch was taken from shows another object than its own.
    category = np.where(there & np.isnan(patches[:, 0]), table.category[row], -1)
    others = _nearest_others(table, np.where(category >= 0, row, -1), boxes)
    images, extent = store.images(rows)
    return PictureSet(
        images=images,
        extent=extent,
        box=store.to_device(np.where(there[:, None], corners(boxes), np.nan).astype(np.float32)),
        others=store.to_device(others.astype(np.float32)),
        category=store.to_device(category),
    )


def corners(boxes: Floats) -> Floats:
    """(x, y, w, h) to (x1, y1, x2, y2), ... x 4."""
    return np.concatenate((boxes[..., :2], boxes[..., :2] + boxes[..., 2:]), axis=-1)


def _nearest_others(table: Table, rows: Ints, boxes: Floats) -> Floats:
    """B x `MOST_OTHERS` x 4 corners of the other objects, nearest to the target first, NaN padded."""
    found = np.full((len(rows), MOST_OTHERS, 4), np.nan)
    first, end = table.other_first[np.maximum(rows, 0)], table.other_first[np.maximum(rows, 0) + 1]
    for i in np.flatnonzero((rows >= 0) & (end > first)):
        others = table.other_boxes[first[i] : end[i]]
        if len(others) > MOST_OTHERS:
            away = (others - boxes[i])[:, :2] + (others - boxes[i])[:, 2:] / 2
            others = others[np.argsort((away**2).sum(axis=1), kind="stable")[:MOST_OTHERS]]
        found[i, : len(others)] = corners(others)
    return found
