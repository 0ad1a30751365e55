from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.errors import DataError, UsageError
from spm_bench.training.images import read_image
from spm_bench.training.pairs import (
    KINDS,
    MOST_OTHERS,
    PATCH_RATIO,
    PATCH_SIDES,
    Pictures,
    PictureSet,
    PictureStore,
    Plan,
    load_pictures,
    patch_boxes,
    plan_batch,
)
from spm_bench.training.rows import PictureError, Rows
from spm_bench.training.store import HeldOnDevice
from spm_bench.training.table import WHOLE_SHARE, Table, join_sources
from tests.training.made_packs import make_rows, noise

VIDEO, STILL, PATCHES, SYNTHETIC, PASTED = range(5)


def video() -> Rows:
    """Sequence 0: tracks 0 (rows 0..9) and 1 (10, 11); 1: track 2 (12..14); 2: track 3 (15, 16); 3: one row alone."""
    return make_rows(
        "video",
        tracks=[0] * 10 + [1] * 2 + [2] * 3 + [3] * 2 + [4],
        sequences=[0] * 12 + [1] * 3 + [2] * 2 + [3],
        categories=[0] * 12 + [0] * 3 + [2] * 2 + [-1],
        frames=[0, 1, 2, 3, 10, 11, 12, 13, 100, 101, 5, 6, 1, 2, 30, 1, 2, 1],
    )


def stills() -> Rows:
    """Rows 18..27 in the table: 4 dogs (two of one picture), a CAR, two of no category, three whole pictures."""
    return make_rows(
        "stills",
        tracks=[-1] * 10,
        sequences=[0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        categories=[1, 1, 1, 1, 0, -1, -1, -1, 1, -1],
        whole=(7, 8, 9),
        names=("CAR", "dog"),
    )


def drawn() -> Rows:
    """Rows 28..35: two synthetic videos of one invented category, one of another."""
    return make_rows(
        "drawn",
        [0, 0, 0, 0, 1, 1, 2, 2],
        [0, 0, 0, 0, 1, 1, 2, 2],
        [0] * 6 + [1] * 2,
        names=("any-1", "any-2"),
        drawn=True,
    )


@pytest.fixture(scope="module")
def table() -> Table:
    return join_sources([video(), stills(), drawn()])


def plan(
    table: Table,
    mix: Mapping[str, float],
    *,
    batch: int = 4000,
    negative_share: float = 0.0,
    distractor_share: float = 0.0,
    max_gap: int | None = None,
    seed: int = 0,
) -> Plan:
    return plan_batch(
        table,
        mix,
        batch=batch,
        negative_share=negative_share,
        distractor_share=distractor_share,
        max_gap=max_gap,
        rng=np.random.default_rng(seed),
    )


def test_joining_keeps_things_apart_and_brings_categories_together(table: Table) -> None:
    assert len(table) == 36
    assert table.categories == ("car", "cat", "dog", "any-1", "any-2")
    assert table.category.tolist() == [0] * 15 + [2] * 2 + [-1] + [2] * 4 + [0] + [-1] * 3 + [2, -1] + [3] * 6 + [4] * 2
    assert table.track[18:28].tolist() == [-1] * 10
    assert len({*table.track}) == 1 + 5 + 3
    assert len({*table.sequence}) == 4 + 9 + 3
    assert table.where(20) == "stills-2.jpg"
    np.testing.assert_array_equal(table.read(20), noise(2))


def test_nothing_to_join_is_an_error() -> None:
    with pytest.raises(UsageError, match="nothing to train on"):
        join_sources([make_rows("video", [], [], [])])
    with pytest.raises(UsageError, match="nothing to train on"):
        join_sources([])


def test_a_plan_is_a_function_of_its_generator(table: Table) -> None:
    mix = {"video": 1, "stills": 1, "patches": 1, "synthetic": 1, "pasted": 1}
    first, again, other = (
        plan(table, mix, batch=50, negative_share=0.2, distractor_share=0.3, seed=s) for s in (1, 1, 2)
    )
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.template != other.template).any()


def test_each_batch_holds_its_share_of_each_kind(table: Table) -> None:
    mix = {"video": 0.5, "stills": 0.2, "patches": 0.1, "synthetic": 0.2}
    for seed in range(30):
        kinds = Counter(plan(table, mix, batch=32, seed=seed).kind.tolist())
        for kind, share in mix.items():
            assert abs(kinds[KINDS.index(kind)] - 32 * share) < 1, kinds
    assert set(plan(table, {"video": 3, "stills": 0}, batch=9).kind) == {VIDEO}


def test_video_pairs_are_two_rows_of_a_track(table: Table) -> None:
    got = plan(table, {"video": 1})
    assert (table.track[got.template] == table.track[got.search]).all()
    assert (got.template != got.search).all()
    assert got.template.max() < 17
    assert (got.background == -1).all()
    assert not got.negative.any()
    assert np.isnan(got.patch_template).all()
    # Videos: 1 : 1 : 1 but for the two tracks of one, which weigh sqrt(2) together.
    tracks = Counter(table.track[got.template].tolist())
    for track, weight in {0: 2**-0.5, 1: 2**-0.5, 2: 1.0, 3: 1.0}.items():
        assert tracks[track] / 4000 == pytest.approx(weight / (2 + 2**0.5), abs=0.025)
    # All ordered pairs of a track alike.
    pairs = Counter(zip(got.template.tolist(), got.search.tolist(), strict=True))
    of_track_2 = {pair: n for pair, n in pairs.items() if pair[0] in (12, 13, 14)}
    assert set(of_track_2) == {(a, b) for a in (12, 13, 14) for b in (12, 13, 14) if a != b}
    assert min(of_track_2.values()) > 0.7 * max(of_track_2.values())
    assert {pair for pair in pairs if pair[0] == 0} == {(0, b) for b in range(1, 10)}


@pytest.mark.parametrize("max_gap", [1, 2, 9, 89, 1000])
def test_a_gap_is_kept_where_it_can_be(table: Table, max_gap: int) -> None:
    frames = dict(enumerate([0, 1, 2, 3, 10, 11, 12, 13, 100, 101, 5, 6, 1, 2, 30, 1, 2]))
    members = [range(10), range(10, 12), range(12, 15), range(15, 17)]
    allowed = set()
    for rows in members:
        for a in rows:
            near = {b for b in rows if b != a and abs(frames[b] - frames[a]) <= max_gap}
            allowed |= {(a, b) for b in near or {b for b in (a - 1, a + 1) if b in rows}}
    got = plan(table, {"video": 1}, max_gap=max_gap)
    assert set(zip(got.template.tolist(), got.search.tolist(), strict=True)) == allowed


def test_stills_and_lone_rows_are_paired_with_themselves(table: Table) -> None:
    got = plan(table, {"stills": 1})
    np.testing.assert_array_equal(got.template, got.search)
    # 4 dogs weigh 2, 1 car 1, 3 of unknown category sqrt(3).
    total = 2 + 1 + 3**0.5
    seen = Counter(got.template.tolist())
    expected = {18: 0.5, 19: 0.5, 20: 0.5, 21: 0.5, 22: 1.0, 17: 3**-0.5, 23: 3**-0.5, 24: 3**-0.5}
    assert set(seen) == set(expected)
    for row, weight in expected.items():
        assert seen[row] / 4000 == pytest.approx(weight / total, abs=0.025)


def test_patches_come_from_whole_pictures_and_crops(table: Table) -> None:
    got = plan(table, {"patches": 1})
    np.testing.assert_array_equal(got.template, got.search)
    np.testing.assert_array_equal(got.patch_template, got.patch_search)
    whole = np.isin(got.template, (25, 26, 27))
    assert whole.mean() == pytest.approx(WHOLE_SHARE, abs=0.03)
    assert set(got.template) == set(range(28))
    u, v, side, ratio = got.patch_template.T
    assert ((u >= 0) & (u < 1) & (v >= 0) & (v < 1)).all()
    assert side.min() >= PATCH_SIDES[0]
    assert side.max() <= PATCH_SIDES[1]
    assert ratio.min() >= 1 / PATCH_RATIO
    assert ratio.max() <= PATCH_RATIO
    assert (ratio > 1).mean() == pytest.approx(0.5, abs=0.03)


def test_patch_boxes_stay_inside() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        size = tuple(int(v) for v in rng.integers(20, 400, 2))
        patch = np.asarray([*rng.random(2), rng.uniform(*PATCH_SIDES), PATCH_RATIO ** rng.uniform(-1, 1)])
        for x, y, w, h in patch_boxes(patch[None], np.asarray([size]), 4)[0]:
            assert x >= 0
            assert y >= 0
            assert x + w <= size[0] + 1e-9
            assert y + h <= size[1] + 1e-9
            assert (w * h) ** 0.5 == pytest.approx(patch[2] * min(size))
            assert h / w == pytest.approx(patch[3])


def test_synthetic_pairs_keep_to_themselves(table: Table) -> None:
    got = plan(table, {"synthetic": 1}, negative_share=0.3, distractor_share=0.5)
    for rows in (got.template, got.search, got.background[got.background >= 0]):
        assert rows.min() >= 28
    real = plan(table, {"video": 1, "stills": 1, "patches": 1, "pasted": 1}, negative_share=0.3, distractor_share=0.5)
    for rows in (real.template, real.search, real.background):
        assert rows.max() < 28


def test_drawn_videos_alone_are_enough() -> None:
    table = join_sources([drawn()])
    got = plan_batch(table, {"synthetic": 1.0}, batch=16, negative_share=0.25, rng=np.random.default_rng(0))
    assert set(got.kind) == {SYNTHETIC}
    assert got.negative.any()
    assert (got.background == -1).all()


@pytest.mark.parametrize("kind", ["video", "stills", "synthetic", "patches", "pasted"])
def test_negatives_show_another_object_of_another_video(table: Table, kind: str) -> None:
    got = plan(table, {kind: 1}, negative_share=0.3)
    assert got.negative.mean() == pytest.approx(0.3, abs=0.03)
    template, search = got.template[got.negative], got.search[got.negative]
    assert (table.sequence[template] != table.sequence[search]).all()
    if kind == "patches":
        assert (got.patch_template[got.negative] != got.patch_search[got.negative]).any(axis=1).all()
        return
    assert not np.isnan(table.boxes[search]).any()
    # Half of them are drawn from the category, the others may be of it too.
    category = table.category[template]
    others = [
        (table.category == c) & (table.sequence != s) & ~np.isnan(table.boxes[:, 0])
        for c, s in zip(category, table.sequence[template], strict=True)
    ]
    possible = (category >= 0) & np.asarray([o.any() for o in others])
    same = table.category[search] == category
    assert same[possible].mean() > 0.5
    assert not same[possible].all()


def test_distractors_are_for_positives_without_pasting(table: Table) -> None:
    mix = {"video": 1, "stills": 1, "patches": 1, "synthetic": 1, "pasted": 1}
    got = plan(table, mix, negative_share=0.2, distractor_share=0.4)
    open_to = ~got.negative & np.isin(got.kind, (VIDEO, STILL, SYNTHETIC))
    given = got.background >= 0
    assert given[open_to].mean() == pytest.approx(0.4, abs=0.04)
    assert not given[~open_to & (got.kind != PASTED)].any()
    extra = np.maximum(got.background, 0)
    some = given & open_to
    assert (table.sequence[extra] != table.sequence[got.template])[some].all()
    assert not np.isnan(table.boxes[extra[some]]).any()
    same = table.category[extra] == table.category[got.template]
    assert 0.3 < same[some & (table.category[got.template] >= 0)].mean() < 0.95


def test_pasted_pairs_get_another_background(table: Table) -> None:
    got = plan(table, {"pasted": 1}, negative_share=0.2)
    pasted = ~got.negative
    assert (got.kind[pasted] == PASTED).all()
    assert (got.background[pasted] >= 0).all()
    assert (table.sequence[got.background] != table.sequence[got.template])[pasted].all()
    moving = table.tracks.end[got.template] - table.tracks.first[got.template] > 1
    assert moving[pasted].mean() == pytest.approx(0.5, abs=0.04)
    assert (got.template != got.search)[pasted & moving].all()
    assert (got.template == got.search)[pasted & ~moving].all()
    # A negative of this kind has nothing to paste.
    assert set(got.kind[got.negative]) == {VIDEO, STILL}
    assert (got.background[got.negative] == -1).all()


def test_one_video_alone_has_no_negatives() -> None:
    lonely = join_sources([make_rows("video", [0] * 4, [0] * 4, [0] * 4)])
    got = plan(lonely, {"video": 1, "pasted": 1}, batch=64, negative_share=1.0, distractor_share=1.0)
    assert not got.negative.any()
    assert (got.background == -1).all()
    assert (got.kind == VIDEO).all()


def test_data_without_any_category_are_paired_all_the_same() -> None:
    """GOT-10k without its meta_info.ini, say: negatives and distractors are drawn from all other videos."""
    bare = join_sources([make_rows("video", [0] * 3 + [1] * 3, [0] * 3 + [1] * 3, [-1] * 6, names=())])
    got = plan(bare, {"video": 0.5, "patches": 0.25, "pasted": 0.25}, negative_share=0.5, distractor_share=1.0)
    assert bare.categories == ()
    assert got.negative.mean() == pytest.approx(0.5, abs=0.05)
    assert (bare.sequence[got.template] != bare.sequence[got.search])[got.negative].all()
    assert (got.background >= 0)[(got.kind == VIDEO) & ~got.negative].any()
    with PictureStore(bare) as store:
        loaded = load_pictures(plan(bare, {"video": 1}, batch=4), store)
    assert loaded.template.category.tolist() == [-1] * 4


@pytest.mark.parametrize(
    ("mix", "changes", "said"),
    [
        ({"vidoe": 1.0}, {}, "Did you mean video"),
        ({"video": -0.1}, {}, "is no share"),
        ({"video": float("nan")}, {}, "is no share"),
        ({"video": 0.0}, {}, "mix of pairs is empty"),
        ({}, {}, "mix of pairs is empty"),
        ({"video": 0.5, "synthetic": 0.5}, {}, "no data for synthetic pairs"),
        ({"video": 1.0}, {"negative_share": 1.2}, "is no probability"),
        ({"video": 1.0}, {"distractor_share": float("nan")}, "is no probability"),
    ],
)
def test_a_bad_mix_is_named(mix: dict[str, float], changes: dict[str, float], said: str) -> None:
    real = join_sources([video(), stills()])
    with pytest.raises(UsageError) as caught:
        plan(real, mix, **changes)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert caught.value.remedy


# ---- pictures


def sized(row: int) -> NDArray[np.uint8]:
    return noise(row, 60 + 5 * row, 90 + 3 * row)


def some_table(broken: tuple[int, ...] = (), n: int = 12) -> Table:
    rows = make_rows(
        "v",
        tracks=[i // 2 for i in range(n)],
        sequences=[i // 2 for i in range(n)],
        categories=[i % 2 for i in range(n)],
        read=sized,
        broken=broken,
    )
    boxes = np.asarray([[k, k + 1, 50.0, 2 + k] for k in range(1, 11)])
    return join_sources([Rows(**{**rows.__dict__, "others": (boxes, *rows.others[1:])})])


def fixed(kind: list[int], template: list[int], search: list[int], background: list[int], negative: list[bool]) -> Plan:
    none = np.full((len(kind), 4), np.nan)
    patch = np.where(np.asarray(kind)[:, None] == PATCHES, [0.5, 0.25, 0.3, 2.0], none)
    as_array = [np.asarray(v, dtype=np.int64) for v in (kind, template, search, background)]
    return Plan(*as_array, np.asarray(negative), patch, patch)


def corners(box: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray([box[0], box[1], box[0] + box[2], box[1] + box[3]])


def check_set(got: PictureSet, table: Table, rows: list[int]) -> None:
    S = got.images.shape[1]
    assert got.images.dtype == torch.uint8
    for i, row in enumerate(rows):
        picture = np.zeros((0, 0, 3)) if row < 0 else table.read(row)
        height, width = picture.shape[:2]
        padded = np.zeros((S, S, 3), dtype=np.uint8)
        padded[:height, :width] = picture
        np.testing.assert_array_equal(got.images[i].numpy(), padded)
        assert got.extent[i].tolist() == [width, height]
        assert got.category[i] == (table.category[row] if row >= 0 else -1)
        if row < 0:
            assert torch.isnan(got.box[i]).all()
        else:
            np.testing.assert_allclose(got.box[i].numpy(), corners(table.boxes[row]))


@pytest.mark.parametrize("budget", [0, 100_000, None])
def test_pictures_of_a_plan(budget: int | None) -> None:
    table = some_table()
    with PictureStore(table, budget=budget, threads=2) as store:
        wanted = fixed([VIDEO, STILL, PASTED], [0, 4, 7], [1, 4, 6], [-1, 9, 2], [False, True, False])
        for _ in range(3):
            got = load_pictures(wanted, store)
            check_set(got.template, table, [0, 4, 7])
            check_set(got.search, table, [1, 4, 6])
            check_set(got.extra, table, [-1, 9, 2])
            assert got.negative.tolist() == [False, True, False]
            assert got.kind.tolist() == [VIDEO, STILL, PASTED]
        assert store.met == 7


def test_other_objects_are_the_nearest_ones() -> None:
    table = some_table()
    with PictureStore(table) as store:
        got = load_pictures(fixed([VIDEO], [0], [1], [-1], [False]), store)
    box = table.boxes[0]
    middle = box[:2] + box[2:] / 2
    others = sorted(
        table.other_boxes.tolist(),
        key=lambda o: (o[0] + o[2] / 2 - middle[0]) ** 2 + (o[1] + o[3] / 2 - middle[1]) ** 2,
    )
    expected = np.asarray([corners(np.asarray(o)) for o in others[:MOST_OTHERS]])
    np.testing.assert_allclose(got.template.others[0].numpy(), expected)
    assert torch.isnan(got.search.others).all()
    assert torch.isnan(got.extra.box).all()
    assert got.extra.images.shape[0] == 1


def test_what_is_held_is_read_once_and_what_is_not_each_time() -> None:
    reads: Counter[int] = Counter()
    lock = threading.Lock()

    def read(row: int) -> NDArray[np.uint8]:
        with lock:
            reads[row] += 1
        return sized(row)

    rows = make_rows("v", [0, 0, 1, 1], [0, 0, 1, 1], [0] * 4, read=read)
    wanted = fixed([VIDEO, VIDEO], [0, 2], [1, 3], [-1, -1], [False, False])
    for budget, expected in (
        (None, {0: 1, 1: 1, 2: 1, 3: 1}),
        (0, {0: 3, 1: 3, 2: 3, 3: 3}),
        (sized(0).nbytes, {0: 1, 1: 3, 2: 3, 3: 3}),
    ):
        reads.clear()
        with PictureStore(join_sources([rows]), budget=budget) as store:
            for _ in range(3):
                load_pictures(wanted, store)
        assert reads == expected


def test_warming_reads_ahead_within_the_budget() -> None:
    table = some_table()
    told: list[tuple[int, int]] = []
    with PictureStore(table) as store:
        store.warm(progress=lambda done, of: told.append((done, of)), at_once=5)
        assert store.met == 12
    assert told == [(5, 12), (10, 12), (12, 12)]
    with PictureStore(table, budget=sized(0).nbytes) as store:
        store.warm(at_once=5)
        assert store.met == 5


@pytest.mark.parametrize("on_device", [False, True])
def test_warming_leaves_nothing_to_decode_for_patches(on_device: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    table = some_table()
    with PictureStore(table) as store:
        if on_device:  # the accelerator's holder, run on the CPU
            monkeypatch.setattr(store, "_holder", HeldOnDevice(12, torch.device("cpu"), budget=12 * 360 * 360 * 3))
        store.warm(at_once=5)
        monkeypatch.setattr(Table, "read", refuse)
        load_pictures(fixed([PATCHES, VIDEO], [3, 0], [3, 1], [-1, -1], [False, False]), store)


def refuse(table: Table, row: int) -> NDArray[np.uint8]:
    raise AssertionError(f"row {row} is read again")


@pytest.mark.parametrize("held", [0, 2, 12])
def test_texture_maps_are_kept_of_held_pictures_only(held: int) -> None:
    table = some_table()
    patches = [fixed([PATCHES], [k], [k], [-1], [False]) for k in range(12)]
    with (
        PictureStore(table) as everything,
        PictureStore(table, budget=sum(sized(k).nbytes for k in range(held))) as store,
    ):
        for _ in range(2):
            for k in range(12):
                expected, got = (load_pictures(patches[k], s).template.box for s in (everything, store))
                torch.testing.assert_close(got, expected)
                assert len(store._textures) <= held
        assert len(store._textures) == held
        assert len(store._passing_textures) <= 1


def test_patches_are_boxes_of_the_picture_and_of_no_category() -> None:
    table = some_table()
    with PictureStore(table) as store:
        got = load_pictures(fixed([PATCHES], [0], [0], [-1], [False]), store)
    expected = corners(patch_boxes(np.asarray([[0.5, 0.25, 0.3, 2.0]]), np.asarray([[90, 60]]))[0, 0])
    np.testing.assert_allclose(got.template.box[0].numpy(), expected, rtol=1e-6)
    np.testing.assert_array_equal(got.template.box, got.search.box)
    assert got.template.category.tolist() == [-1]
    assert torch.isnan(got.template.others).all()


def test_a_flat_patch_moves_to_where_something_is() -> None:
    def half(row: int) -> NDArray[np.uint8]:
        picture = np.full((100, 200, 3), 90, dtype=np.uint8)
        picture[:, 100:] = noise(5)
        return picture if row == 0 else np.full((100, 100, 3), 7, dtype=np.uint8)

    table = join_sources([make_rows("s", [-1, -1], [0, 1], [-1, -1], whole=(0, 1), read=half)])
    flat = fixed([PATCHES, PATCHES], [0, 1], [0, 1], [-1, -1], [False, False])
    flat.patch_template[:] = flat.patch_search[:] = [0.0, 0.0, 0.3, 1.0]
    with PictureStore(table) as store:
        got = load_pictures(flat, store)
    moved, stuck = got.template.box.tolist()
    assert moved[2] > 110
    picture = half(0)[int(moved[1]) : int(moved[3]), int(moved[0]) : int(moved[2])]
    assert picture.mean(axis=2).std() > 5
    # All of the other picture is flat: any place will do.
    np.testing.assert_allclose(np.subtract(stuck[2:], stuck[:2]), 30.0, rtol=1e-5)


def test_deviation_is_that_of_the_pixels() -> None:
    picture = noise(3, 160, 320)
    table = join_sources([make_rows("s", [-1], [0], [-1], whole=(0,), read=lambda _: picture)])
    with PictureStore(table) as store:
        store.fetch(np.asarray([0]), textured=[0])
        boxes = [[40.0, 20.0, 80.0, 40.0], [0.0, 0.0, 320.0, 160.0], [320.0, 160.0, 0.0, 0.0]]
        got = store.deviation(np.asarray([0, 0]), np.asarray([boxes, boxes[::-1]]))
    np.testing.assert_array_equal(got[0], got[1, ::-1])
    grey = picture @ np.asarray([0.114, 0.587, 0.299])
    np.testing.assert_allclose(got[0, :2], [grey[20:60, 40:120].std(), grey.std()], rtol=0.02)
    assert np.isfinite(got).all()


def test_broken_pictures_are_replaced_by_the_next_good_pair(caplog: pytest.LogCaptureFixture) -> None:
    big = 1200
    rows = make_rows("v", [i // 2 for i in range(big)], [i // 2 for i in range(big)], [0] * big, broken=(2, 9))
    table = join_sources([rows])
    wanted = fixed([VIDEO] * 5, [0, 2, 4, 6, 8], [1, 3, 5, 7, 9], [-1] * 5, [False, False, True, False, False])
    with PictureStore(table) as store:
        for _ in range(2):  # the second time it is known; the result must be the same, or resuming would change a run
            got = load_pictures(wanted, store)
            check_set(got.template, table, [0, 4, 4, 6, 0])
            check_set(got.search, table, [1, 5, 5, 7, 1])
            assert got.negative.tolist() == [False, True, True, False, False]
        assert set(store.broken) == {2, 9}
    assert [r.getMessage() for r in caplog.records] == [
        "skipped: v-2.jpg: the picture is cut",
        "skipped: v-9.jpg: the picture is cut",
    ]


def test_a_broken_background_costs_its_pair() -> None:
    table = join_sources(
        [
            make_rows("v", [0, 0, 1, 1], [0, 0, 1, 1], [0] * 4, broken=(3,)),
            make_rows("s", [-1] * 996, [*range(996)], [0] * 996),
        ]
    )
    with PictureStore(table) as store:
        got = load_pictures(fixed([PASTED, VIDEO], [0, 1], [1, 0], [3, -1], [False, False]), store)
    assert got.kind.tolist() == [VIDEO, VIDEO]


@pytest.mark.parametrize(
    ("n", "broken", "fails"), [(2000, 10, False), (2000, 11, True), (100, 1, False), (100, 2, True), (20, 1, True)]
)
def test_a_run_ends_when_over_one_percent_is_broken(n: int, broken: int, fails: bool) -> None:
    """Judged against 1000 pictures, or the whole table where that is smaller, or what was met where that is more."""
    tiny = np.zeros((2, 2, 3), dtype=np.uint8)
    rows = make_rows("v", [i // 2 for i in range(n)], [0] * n, [0] * n, broken=range(broken), read=lambda _: tiny)
    with PictureStore(join_sources([rows])) as store:
        if not fails:
            assert store.fetch(np.arange(20)) == frozenset(range(broken))
            return
        with pytest.raises(
            DataError, match=rf"{broken} of 20 pictures cannot be read, more than 1% of the data"
        ) as caught:
            store.fetch(np.arange(20))
    assert "v-0.jpg: the picture is cut" in str(caught.value.remedy)


def test_a_share_of_all_pictures_met_counts() -> None:
    tiny = np.zeros((2, 2, 3), dtype=np.uint8)
    rows = make_rows(
        "v", [0] * 3000, [0] * 3000, [0] * 3000, broken=[*range(10), *range(1990, 2010)], read=lambda _: tiny
    )
    with PictureStore(join_sources([rows])) as store:
        store.fetch(np.arange(1990))
        store.fetch(np.arange(1990, 2000))  # 20 of 2000: just allowed
        with pytest.raises(DataError, match="21 of 2001"):
            store.fetch(np.arange(2000, 2001))


def test_a_batch_of_nothing_but_broken_pictures_is_an_error() -> None:
    rows = make_rows("v", [0] * 2000, [0] * 2000, [0] * 2000, broken=(0,))
    with PictureStore(join_sources([rows])) as store, pytest.raises(DataError, match="no pair of this batch"):
        load_pictures(fixed([VIDEO], [0], [1], [-1], [False]), store)


def test_a_picture_too_large_for_a_crop_is_broken() -> None:
    rows = make_rows(
        "v", [0] * 2000, [0] * 2000, [0] * 2000, read=lambda row: noise(0, 361, 20) if row == 0 else noise(0)
    )
    with PictureStore(join_sources([rows])) as store:
        assert store.fetch(np.asarray([0, 1])) == {0}


def test_other_errors_are_not_swallowed() -> None:
    def read(row: int) -> NDArray[np.uint8]:
        raise ZeroDivisionError(row)

    rows = make_rows("v", [0, 0], [0, 0], [0, 0], read=read)
    with PictureStore(join_sources([rows])) as store, pytest.raises(ZeroDivisionError):
        store.fetch(np.asarray([0]))


@pytest.mark.parametrize("changes", [{"budget": -1}, {"threads": 0}])
def test_a_store_needs_sense(changes: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        PictureStore(some_table(), **changes)


def test_several_threads_share_a_store() -> None:
    table = some_table()
    wanted = [fixed([VIDEO, VIDEO], [2 * k, 0], [2 * k + 1, 1], [-1, k], [False, False]) for k in range(6)]
    with PictureStore(table, budget=0, threads=3) as store:
        alone = [load_pictures(p, store) for p in wanted]
        found: dict[int, Pictures] = {}

        def work(k: int) -> None:
            for _ in range(5):
                found[k] = load_pictures(wanted[k], store)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for k in range(6):
        for a, b in zip(found[k].search, alone[k].search, strict=True):
            torch.testing.assert_close(a, b, equal_nan=True)


@pytest.mark.parametrize("places", [0, 1, 3, 12])
def test_holding_on_a_device_gives_the_same_pictures(places: int) -> None:
    """The accelerator's holder, run on the CPU: any budget gives the pictures that memory gives."""
    table = some_table()
    holder = HeldOnDevice(12, torch.device("cpu"), budget=places * 360 * 360 * 3)
    rng = np.random.default_rng(0)
    for _ in range(10):
        rows = rng.integers(-1, 12, 7)
        wanted = np.unique(rows[rows >= 0])
        missing = holder.missing(wanted)
        holder.put({int(row): table.read(int(row)) for row in missing})
        images = holder.images(rows).numpy()
        assert images.shape == (7, 360, 360, 3)
        for image, row in zip(images, rows, strict=True):
            padded = np.zeros((360, 360, 3), dtype=np.uint8)
            if row >= 0:
                picture = table.read(int(row))
                padded[: picture.shape[0], : picture.shape[1]] = picture
            np.testing.assert_array_equal(image, padded)
    assert len(holder.missing(np.arange(12))) >= 12 - places


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_an_accelerator_gives_the_same_batch() -> None:
    table = some_table()
    wanted = fixed([VIDEO, STILL, PASTED], [0, 4, 7], [1, 4, 6], [-1, 9, 2], [False, True, False])
    with PictureStore(table) as here, PictureStore(table, "cuda") as there:
        a, b = load_pictures(wanted, here), load_pictures(wanted, there)
    for one, other in zip(a[:3], b[:3], strict=True):
        S = one.images.shape[1]
        torch.testing.assert_close(other.images[:, :S, :S].cpu(), one.images)
        torch.testing.assert_close(other.box.cpu(), one.box, equal_nan=True)


def test_an_unreadable_file_is_a_picture_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("p") / "x.jpg"
    path.write_bytes(b"not a picture")
    with pytest.raises(PictureError, match=r"x\.jpg"):
        read_image(path)
