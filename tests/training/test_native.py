"""Each loader on a tiny tree of its own layout, against what the tree was drawn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spm_bench.errors import MissingDataError, UsageError
from spm_bench.training.native import NATIVE, crops
from spm_bench.training.pairs import PictureStore, load_pictures, plan_batch
from spm_bench.training.rows import PictureError, Rows
from spm_bench.training.sources import SOURCES, load_source
from spm_bench.training.table import join_sources
from tests.training import native_trees as trees
from tests.training.made_packs import noise, save, video_line, write_pack

TREES: dict[str, Callable[[Path], Path]] = {kind: getattr(trees, kind) for kind in NATIVE}


def check_row(rows: Rows, row: int, file: Path, box: tuple[float, ...]) -> None:
    """The row's crop holds the same pixels at its box as the picture does at the true box."""
    assert rows.where[row] == str(file)
    whole = cv2.imread(str(file))
    crop = rows.read(row)
    x, y, w, h = (round(v) for v in box)
    cx, cy, cw, ch = rows.boxes[row]
    assert (cw, ch) == pytest.approx((w, h))
    assert (cx, cy) == (round(cx), round(cy))
    np.testing.assert_array_equal(crop[round(cy) :, round(cx) :][:h, :w], whole[y : y + h, x : x + w])
    assert abs(cx + cw / 2 - crop.shape[1] / 2) <= 0.5
    assert abs(cy + ch / 2 - crop.shape[0] / 2) <= 0.5
    assert crop.shape[0] == crop.shape[1] == round(3.2 * ((w + (w + h) / 2) * (h + (w + h) / 2)) ** 0.5)


def others_in_picture(rows: Rows, row: int, box: tuple[float, ...]) -> NDArray[np.float64]:
    """`others` moved back into the whole picture, by way of the target."""
    return rows.others[row] + np.asarray([box[0] - rows.boxes[row, 0], box[1] - rows.boxes[row, 1], 0.0, 0.0])


def test_got10k(tmp_path: Path) -> None:
    root = trees.got10k(tmp_path)
    for place in (root, root / "train"):
        rows = load_source("got10k", place, name="got")
        assert rows.name == "got"
        assert rows.track.tolist() == [0] * 4 + [1] * 3
        assert rows.sequence.tolist() == rows.track.tolist()
        assert rows.frame.tolist() == [1, 2, 3, 4, 1, 2, 3]
        assert rows.categories == ("horse", "sea lion")
        assert rows.sequence_names == ("GOT-10k_Train_000001", "GOT-10k_Train_000002")
        check_row(rows, 6, root / "train/GOT-10k_Train_000002/00000003.jpg", (62.0, *trees.BOX[1:]))
        assert rows.scale is not None
        assert (rows.scale == 1).all()


def test_got10k_leaves_out_what_is_hidden_and_what_is_excluded(tmp_path: Path) -> None:
    root = trees.got10k(tmp_path)
    first = root / "train/GOT-10k_Train_000001"
    trees.write(first / "absence.label", "0\n1\n0\n0\n")
    trees.write(first / "cover.label", "8\n0\n2\n3\n")
    assert load_source("got10k", root, name="g").frame.tolist() == [1, 4, 1, 2, 3]
    assert load_source("got10k", root, name="g", every=2).frame.tolist() == [1, 1, 3]
    trees.write(root / "vot.txt", "GOT-10k_Train_000001\n")
    rows = load_source("got10k", root, name="g", exclude="vot.txt")
    assert rows.frame.tolist() == [1, 2, 3]
    assert rows.sequence_names == ("GOT-10k_Train_000002",)
    (first / "meta_info.ini").unlink()
    assert load_source("got10k", root, name="g").category.tolist() == [-1, -1, 0, 0, 0]


def test_lasot(tmp_path: Path) -> None:
    root = trees.lasot(tmp_path)
    folder = root / "car/car-2"
    trees.write(folder / "full_occlusion.txt", "0,1,0,0,0,0\n")
    trees.write(folder / "out_of_view.txt", "0,0,0,1,0,0")
    rows = load_source("lasot", root, name="lasot", every=1)
    assert rows.frame.tolist() == [1, 2, 3, 4, 5, 6, 1, 3, 5, 6]
    assert rows.categories == ("car",)
    assert rows.sequence_names == ("car-1", "car-2")
    check_row(rows, 7, folder / "img/00000003.jpg", (62.0, *trees.BOX[1:]))
    assert load_source("lasot", root, name="lasot").frame.tolist() == [1, 4, 1]


def test_coco(tmp_path: Path) -> None:
    root = trees.coco(tmp_path)
    rows = load_source("coco", root, name="coco")
    assert len(rows) == 3
    assert rows.track.tolist() == [-1] * 3
    assert rows.sequence.tolist() == [0] * 3
    assert [rows.categories[c] for c in rows.category] == ["car", "car", "dog"]
    file = root / "train2017/000000000007.jpg"
    check_row(rows, 0, file, trees.BOX)
    check_row(rows, 2, file, (10, 70, 40, 30))
    np.testing.assert_allclose(others_in_picture(rows, 0, trees.BOX), [[100, 50, 24, 24], [20, 20, 6, 6]])
    # The tiny car is beyond the crop around the second one.
    np.testing.assert_allclose(others_in_picture(rows, 1, (100, 50, 24, 24)), [trees.BOX])
    assert len(rows.others[2]) == 0
    other = trees.coco(tmp_path / "b", split="val2017")
    assert len(load_source("coco", other, name="coco", split="val2017")) == 3


def test_imagenet_vid(tmp_path: Path) -> None:
    root = trees.imagenet_vid(tmp_path)
    rows = load_source("imagenet_vid", root, name="vid", every=1)
    folder = root / "Data/VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"
    assert rows.track.tolist() == [0] * 5 + [1] * 3 + [2]
    assert rows.frame.tolist() == [0, 2, 3, 4, 5, 0, 2, 4, 5]
    assert rows.sequence.tolist() == [0] * 9
    assert [rows.categories[c] for c in rows.category] == ["car"] * 8 + ["domestic cat"]
    check_row(rows, 1, folder / "000002.JPEG", (62.0, *trees.BOX[1:]))
    np.testing.assert_allclose(others_in_picture(rows, 1, (62.0, *trees.BOX[1:])), [trees.FAR])
    assert len(rows.others[2]) == 0
    assert len(rows.others[8]) == 0
    every = load_source("imagenet_vid", root, name="vid", every=1, occluded=True, generated=False)
    assert every.frame[every.track == 0].tolist() == [0, 1, 3, 4, 5]
    assert load_source("imagenet_vid", root, name="vid").frame.tolist() == [0, 5, 0, 5]


def test_imagenet_det(tmp_path: Path) -> None:
    root = trees.imagenet_det(tmp_path)
    rows = load_source("imagenet_det", root, name="det")
    assert rows.track.tolist() == [-1] * 3
    assert rows.sequence.tolist() == [0] * 3
    assert [rows.categories[c] for c in rows.category] == [trees.CAR, trees.CAR, trees.DOG]
    check_row(rows, 0, root / "Data/DET/train/ILSVRC2013_train/n02958343/n02958343_18.JPEG", trees.BOX)
    np.testing.assert_allclose(others_in_picture(rows, 0, trees.BOX), [trees.FAR])
    assert len(rows.others[2]) == 0


def test_youtube_bb(tmp_path: Path) -> None:
    root = trees.youtube_bb(tmp_path)
    rows = load_source("youtube_bb", root, name="yt")
    assert rows.track.tolist() == [0, 0, 1]
    assert rows.frame.tolist() == [30, 60, 30]
    assert rows.sequence_names == ("AAA",)
    assert rows.categories == ("train",)
    check_row(rows, 1, root / "frames/AAA/2000.jpg", (65.0, *trees.BOX[1:]))
    np.testing.assert_allclose(others_in_picture(rows, 0, trees.BOX), [trees.FAR])
    assert len(rows.others[1]) == 0


@pytest.mark.parametrize("kind", NATIVE)
def test_every_loader_feeds_training(tmp_path: Path, kind: str) -> None:
    rows = load_source(kind, TREES[kind](tmp_path), name=kind)
    table = join_sources([rows])
    mix = {"video": 1.0} if (rows.track >= 0).any() else {"stills": 1.0}
    plan = plan_batch(table, mix, batch=6, negative_share=0.0, rng=np.random.default_rng(0))
    with PictureStore(table) as store:
        pictures = load_pictures(plan, store)
    assert pictures.template.images.shape[0] == 6
    assert not pictures.template.box.isnan().any()


def test_large_targets_are_shrunk_to_the_limit(tmp_path: Path) -> None:
    file = save(tmp_path / "a.png", noise(0, 600, 800))
    builder = crops.RowBuilder("x", tmp_path)
    box = np.asarray([[300.0, 200.0, 200.0, 100.0]])
    builder.add(
        ["a.png"],
        box,
        sequence="a",
        category="",
        others=[np.asarray([[0.0, 0, 50, 50], [310, 210, 20, 20], [1, 1, 0, 9]])],
    )
    rows = builder.finish()
    crop = rows.read(0)
    assert crop.shape == (360, 360, 3)
    side = round(3.2 * (350 * 250) ** 0.5)
    assert rows.scale == pytest.approx(360 / side)
    np.testing.assert_allclose(rows.boxes[0, 2:], np.asarray([200, 100]) * 360 / side)
    np.testing.assert_allclose(rows.boxes[0, :2] + rows.boxes[0, 2:] / 2, 180, atol=0.5)
    assert rows.others[0].shape == (2, 4)
    np.testing.assert_allclose(rows.others[0][1, :2] - rows.boxes[0, :2], 10 * 360 / side)
    assert file.is_file()


def test_tiny_boxes_are_left_out() -> None:
    boxes = np.asarray([[0, 0, 12, 12], [0, 0, 11.9, 12], [0, 0, 24, 0], [0, 0, np.nan, 20], [0, 0, 6, 20]])
    assert crops.usable(boxes).tolist() == [True, False, False, False, True]


@pytest.mark.parametrize("kind", NATIVE)
def test_progress_is_told(tmp_path: Path, kind: str) -> None:
    lines: list[str] = []
    load_source(kind, TREES[kind](tmp_path), name="mine", say=lines.append)
    assert lines
    assert all(line.startswith("mine: ") for line in lines)


def test_a_box_beside_its_picture_is_a_broken_picture(tmp_path: Path) -> None:
    root = trees.got10k(tmp_path)
    trees.write(
        root / "train/GOT-10k_Train_000002/groundtruth.txt", trees.box_lines([trees.BOX, (500, 0, 20, 20), trees.BOX])
    )
    rows = load_source("got10k", root, name="g")
    with pytest.raises(PictureError, match="outside the picture, 160 x 120"):
        rows.read(5)


# ---- the one door


def test_packs_come_through_the_same_door(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "p", [video_line("1.jpg")])
    assert len(load_source("pack", folder, name="mine")) == 1
    rows = load_source(
        "synthetic", tmp_path / "cache", name="mine", videos=1, seed=5, frames_per_video=2, say=lambda _: None
    )
    assert rows.name == "mine"
    assert rows.drawn
    assert not load_source("pack", folder, name="mine").drawn


def test_every_kind_has_a_loader() -> None:
    assert {entry.name for entry in SOURCES} == {"pack", "synthetic", *NATIVE}
    for entry in SOURCES:
        assert callable(SOURCES.load(entry.name))


@pytest.mark.parametrize(
    ("kind", "path", "options", "error", "said"),
    [
        ("cocoo", "here", {}, UsageError, "Did you mean coco"),
        ("coco", "gone", {}, MissingDataError, "there is no folder"),
        ("coco", None, {}, MissingDataError, "have no path"),
        ("coco", "here", {"splits": "x"}, UsageError, "Did you mean split"),
        ("coco", "here", {"split": 3}, UsageError, "It is a text"),
        ("got10k", "here", {"every": 1.5}, UsageError, "It is a whole number"),
        ("got10k", "here", {"every": True}, UsageError, "It is a whole number"),
        ("got10k", "here", {"every": 0}, UsageError, "1 takes all of them"),
        ("imagenet_vid", "here", {"occluded": 1}, UsageError, "It is true or false"),
        ("synthetic", "here", {"videos": 2}, UsageError, "need the option seed"),
        ("synthetic", "here", {"videos": 2, "seed": 1, "workers": "2"}, UsageError, "It is a whole number"),
    ],
)
def test_the_door_says_what_is_wrong(
    tmp_path: Path, kind: str, path: str | None, options: dict[str, object], error: type[Exception], said: str
) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(error) as caught:
        load_source(kind, None if path is None else tmp_path / path, name="mine", **options)
    assert said in str(caught.value)
