from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from spm_bench.errors import DataError, MissingDataError, UsageError
from spm_bench.training.images import CONTEXT_SIDES, cut_around, cut_crop, fit_whole, place_in_crops, read_image
from spm_bench.training.packs import HELD_OUT, load_pack, split_validation
from spm_bench.training.rows import MOST_PIXELS, PictureError
from tests.conftest import SHARED
from tests.training.made_packs import STILLS, VIDEO, noise, save, still_line, video_line, write_pack


def test_a_pack_of_videos(tmp_path: Path) -> None:
    lines = [
        video_line("a/1.jpg", frame=3),
        video_line("a/2.jpg", frame=9, crop_scale=0.25),
        video_line("a/3.jpg", object=2, category=""),
        video_line("b/1.jpg", "b", category="dog"),
    ]
    rows = load_pack(write_pack(tmp_path, lines), name="v")
    assert rows.name == "v"
    assert rows.track.tolist() == [0, 0, 1, 2]
    assert rows.sequence.tolist() == [0, 0, 0, 1]
    assert rows.sequence_names == ("s/a", "s/b")
    assert rows.frame.tolist() == [3, 9, 1, 1]
    assert [rows.categories[c] if c >= 0 else None for c in rows.category] == ["car", "car", None, "dog"]
    np.testing.assert_array_equal(rows.boxes[0], [35, 36, 30, 28])
    assert rows.scale is not None
    assert rows.scale.tolist() == [0.5, 0.25, 0.5, 0.5]
    assert rows.where[3] == str(tmp_path / "b/1.jpg")
    np.testing.assert_array_equal(rows.read(3), cv2.imread(str(tmp_path / "b/1.jpg")))


def test_a_pack_of_stills(tmp_path: Path) -> None:
    lines = [
        still_line("p_0.jpg", "p.png"),
        still_line("p_1.jpg", "p.png", category="region"),
        still_line("whole.jpg", "whole.jpg", x="", y="", w="", h="", crop_scale="", category=""),
    ]
    rows = load_pack(write_pack(tmp_path, lines, STILLS), name="s")
    assert rows.track.tolist() == [-1, -1, -1]
    assert rows.sequence.tolist() == [0, 0, 1]
    assert rows.category.tolist() == [0, -1, -1]
    assert np.isnan(rows.boxes[2]).all()
    assert rows.scale is not None
    assert math.isnan(rows.scale[2])


def test_segments_of_one_video_are_one_sequence(tmp_path: Path) -> None:
    lines = [
        video_line("1.jpg", "truck4_1", source="uav123_10fps"),
        video_line("2.jpg", "truck4_2", source="uav123_10fps"),
        video_line("3.jpg", "run_1"),
        video_line("4.jpg", "run_2"),
    ]
    rows = load_pack(write_pack(tmp_path, lines), name="v")
    assert rows.sequence.tolist() == [0, 0, 1, 2]
    assert rows.track.tolist() == [0, 1, 2, 3]
    train, held = split_validation(rows, names=["uav123_10fps/truck4_2"])
    assert (len(train), len(held)) == (2, 2)


def bad(**changes: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        lines = [video_line("1.jpg"), video_line("2.jpg") | changes]
        write_pack(folder, lines, pictures=False)
        for name in ("1.jpg", "2.jpg"):
            save(folder / name, noise(0))

    return write


def without(column: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_pack(folder, [video_line("1.jpg")], [c for c in VIDEO if c != column])

    return write


def text(content: bytes) -> Callable[[Path], None]:
    return lambda folder: [folder.mkdir(), (folder / "index.csv").write_bytes(content), None][-1]  # type: ignore[func-returns-value]


def large(folder: Path) -> None:
    write_pack(folder, [video_line("1.jpg")])
    save(folder / "1.jpg", noise(0, 361, 361))


@pytest.mark.parametrize(
    ("write", "kind", "said", "line"),
    [
        (lambda folder: folder.mkdir(), MissingDataError, "no pack here", None),
        (text(b""), DataError, "cannot be read", None),
        (text(b"\xff\xfe\x00\x01"), DataError, "cannot be read", None),
        (text(b'file,source\n"a,b'), DataError, "cannot be read", None),
        (text((",".join(VIDEO) + "\n").encode()), DataError, "names no pictures", None),
        (without("w"), DataError, "no column w", 1),
        (without("frame"), DataError, "no column frame", 1),
        (without("sequence"), DataError, "no column original", 1),
        (bad(x="wide"), DataError, "'wide' in column x is no number", 3),
        (bad(x="inf"), DataError, "'inf' in column x is no number", 3),
        (bad(y=""), DataError, "'' in column y is no number", 3),
        (bad(x="", y="", w="", h=""), DataError, "the box is missing", 3),
        (bad(w=0), DataError, "no area", 3),
        (bad(h=-3), DataError, "no area", 3),
        (bad(x=-2), DataError, "outside its picture, 100 x 100", 3),
        (bad(x=80, w=21), DataError, "outside its picture", 3),
        (bad(y=5000), DataError, "outside its picture", 3),
        (bad(frame="one"), DataError, "'one' in column frame is no number", 3),
        (bad(frame=1.5), DataError, "no whole number", 3),
        (bad(crop_scale=0), DataError, "not above zero", 3),
        (bad(file="../2.jpg"), DataError, "not the name of a file in this folder", 3),
        (bad(file="/etc/hostname"), DataError, "not the name of a file in this folder", 3),
        (bad(file="C:\\2.jpg"), DataError, "not the name of a file in this folder", 3),
        (bad(file=""), DataError, "not the name of a file in this folder", 3),
        (bad(file="3.jpg"), MissingDataError, "3.jpg is not there", 3),
        (large, DataError, "361 x 361 pixels", 2),
    ],
)
def test_a_bad_index_is_named(
    tmp_path: Path, write: Callable[[Path], None], kind: type[DataError], said: str, line: int | None
) -> None:
    folder = tmp_path / "pack"
    write(folder)
    with pytest.raises(kind, match=said) as caught:
        load_pack(folder, name="v")
    assert caught.value.line == line
    assert caught.value.where == folder / "index.csv"
    assert caught.value.remedy


def test_a_box_may_touch_the_border_to_a_rounding(tmp_path: Path) -> None:
    rows = load_pack(write_pack(tmp_path, [video_line("1.jpg", x=-0.3, y=0, w=100.6, h=100)]), name="v")
    assert rows.boxes[0, 0] == -0.3


@pytest.mark.parametrize("keep", [0, 3, 200, -2])
def test_a_broken_picture_is_found_when_it_is_read(tmp_path: Path, keep: int) -> None:
    folder = write_pack(tmp_path, [video_line("1.jpg")])
    path = folder / "1.jpg"
    path.write_bytes(path.read_bytes()[:keep])
    rows = load_pack(folder, name="v")
    with pytest.raises(PictureError, match=r"1\.jpg"):
        rows.read(0)


def test_whole_pictures_fit(tmp_path: Path) -> None:
    assert fit_whole(noise(0, 200, 300)).shape == (200, 300, 3)
    wide = noise(0, 224, 627)
    np.testing.assert_array_equal(fit_whole(wide), wide[:, 133:493])
    assert fit_whole(noise(0, 900, 700)).shape == (MOST_PIXELS, MOST_PIXELS, 3)
    save(tmp_path / "w.png", wide)
    lines = [still_line("w.png", x="", y="", w="", h="")]
    rows = load_pack(write_pack(tmp_path, lines, STILLS, pictures=False), name="s")
    assert rows.read(0).shape == (224, 360, 3)


def test_splits_keep_sequences_whole(tmp_path: Path) -> None:
    lines = [video_line(f"{s}/{i}.jpg", s) for s in "abcdefgh" for i in range(3)]
    rows = load_pack(write_pack(tmp_path, lines), name="v")
    for seed in range(5):
        train, held = split_validation(rows, share=0.25, seed=seed)
        assert not {*train.sequence} & {*held.sequence}
        assert len(held) == 6
        assert len(train) == 18
        again = split_validation(rows, share=0.25, seed=seed)[1]
        assert again.where == held.where
    assert len({split_validation(rows, share=0.2, seed=s)[1].where for s in range(5)}) > 1
    train, held = split_validation(rows, names=["s/c", "s/a"])
    assert [Path(w).parent.name for w in held.where] == ["a"] * 3 + ["c"] * 3
    np.testing.assert_array_equal(held.read(3), rows.read(6))
    assert len(split_validation(rows, share=0.0)[1]) == 0
    assert len(split_validation(rows, names=[])[1]) == 0


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "either by names or by a share"),
        ({"names": ["s/a"], "share": 0.5}, "either by names or by a share"),
        ({"names": ["s/aa"]}, "no sequence in v 's/aa'. Did you mean s/a"),
        ({"names": ["s/a", "s/b"]}, "all of v would be held out"),
        ({"share": 1.0}, "cannot be held out"),
        ({"share": -0.1}, "cannot be held out"),
        ({"share": math.nan}, "cannot be held out"),
    ],
)
def test_bad_splits_are_refused(tmp_path: Path, wanted: dict[str, object], said: str) -> None:
    rows = load_pack(write_pack(tmp_path, [video_line("1.jpg"), video_line("2.jpg", "b")]), name="v")
    with pytest.raises(UsageError) as caught:
        split_validation(rows, **wanted)  # type: ignore[arg-type]
    assert said in str(caught.value)


@pytest.mark.parametrize("box", [[40.0, 30.0, 20.0, 30.0], [1.5, 2.25, 60.0, 31.0], [-8.0, 70.0, 33.0, 90.0]])
def test_small_crops_are_plain_copies(box: list[float]) -> None:
    picture = noise(1, 120, 160)
    cut = cut_around(np.asarray(box))
    crop = cut_crop(picture, cut)
    w, h = box[2:]
    side = CONTEXT_SIDES * math.sqrt((1.5 * w + 0.5 * h) * (1.5 * h + 0.5 * w))
    assert cut.scale == min(1.0, MOST_PIXELS / round(side))
    assert crop.shape == (cut.pixels, cut.pixels, 3)
    assert cut.pixels == min(round(side), MOST_PIXELS)
    if cut.scale < 1:
        return
    mean = np.rint(picture.reshape(-1, 3).mean(axis=0))
    for y in range(0, cut.pixels, 7):
        for x in range(0, cut.pixels, 5):
            py, px = y + cut.top, x + cut.left
            inside = 0 <= py < 120 and 0 <= px < 160
            np.testing.assert_array_equal(crop[y, x], picture[py, px] if inside else mean)


def test_crops_put_the_target_where_they_say() -> None:
    """A white box on black, cut and shrunk: its edges, measured to a part of a pixel, are those of `place`."""
    for box in ([300.0, 200.0, 200.0, 100.0], [20.0, 400.0, 90.0, 150.0], [640.0, 30.0, 160.0, 160.0]):
        picture = np.zeros((600, 800, 3), dtype=np.uint8)
        x, y, w, h = (int(v) for v in box)
        picture[y : y + h, x : x + w] = 255
        cut = cut_around(np.asarray(box))
        assert cut.scale < 1
        crop = cut_crop(picture, cut)[:, :, 0].astype(np.float64)
        crop -= crop.min()
        crop /= crop.max()
        placed, sides = place_in_crops(np.asarray([box]))
        np.testing.assert_allclose(placed[0], cut.place(np.asarray(box)))
        assert sides[0] == cut.side
        px, py, pw, ph = placed[0]
        middle = crop[round(py + ph / 2)], crop[:, round(px + pw / 2)]
        inside = slice(round(px - 8) if px > 8 else 0, round(px + pw + 8))
        assert abs(middle[0][inside].sum() - pw) < 0.6
        assert (
            abs(
                np.average(np.arange(len(middle[0])) + 0.5, weights=np.where(middle[0] > 0.3, middle[0], 0))
                - px
                - pw / 2
            )
            < 0.3
        )
        assert (
            abs(
                np.average(np.arange(len(middle[1])) + 0.5, weights=np.where(middle[1] > 0.3, middle[1], 0))
                - py
                - ph / 2
            )
            < 0.3
        )


def test_a_crop_beside_its_picture_is_the_mean_colour() -> None:
    picture = noise(3, 50, 60)
    crop = cut_crop(picture, cut_around(np.asarray([500.0, 10.0, 20.0, 20.0])))
    assert (crop == np.rint(picture.reshape(-1, 3).mean(axis=0)).astype(np.uint8)).all()


def test_reading_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"gone\.jpg"):
        read_image(tmp_path / "gone.jpg")


@pytest.fixture(scope="module")
def training_packs() -> Path:
    folder = SHARED / "train"
    if not folder.is_dir():
        pytest.skip(f"the training packs are not at hand ({folder})")
    return folder


def test_the_real_packs(training_packs: Path) -> None:
    video = load_pack(training_packs / "video", name="video")
    assert (len(video), len({*video.track}), len({*video.sequence})) == (2609, 68, 35)
    train, held = split_validation(video, names=HELD_OUT)
    assert len(train) + len(held) == 2609
    assert {name.split("/")[0] for name in HELD_OUT} == {"davis", "tinytlp", "uav123_10fps", "vot2014"}
    stills = load_pack(training_packs / "stills", name="stills")
    assert len(stills) == 3576
    assert int(np.isnan(stills.boxes[:, 0]).sum()) == 693
    for rows in (video, stills):
        for row in range(0, len(rows), 500):
            assert max(rows.read(row).shape) <= MOST_PIXELS
