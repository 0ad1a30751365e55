from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import ResultsError, UsageError
from spm_bench.suites.synthetic import AXES, CATEGORIES, SyntheticFrames, annotate, demo_steps, make_scene
from spm_bench.suites.synthetic.ground import HABITATS
from spm_bench.suites.synthetic.render import Renderer
from spm_bench.training import synthetic_pack
from spm_bench.training.packs import load_pack
from spm_bench.training.rows import PictureError, Rows
from spm_bench.training.synthetic_pack import (
    FIRST_SEED,
    MIN_VISIBLE,
    MOST_PACKS,
    SEEDS_PER_PACK,
    PackSettings,
    load_synthetic,
    training_scene,
    video_crops,
)

SMALL = {"seed": 3, "frames_per_video": 3, "width": 200, "height": 160}


def silent(line: str) -> None:
    """Say nothing."""


def load(cache: Path, videos: int, **changes: int) -> Rows:
    options = {**SMALL, **changes}
    return load_synthetic(cache, videos=videos, say=silent, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("pack")
    load(cache, 3)
    return cache


@pytest.fixture
def cache(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "cache"))


def pictures(cache: Path) -> dict[str, bytes]:
    return {
        path.relative_to(cache).as_posix(): path.read_bytes() for path in sorted(cache.rglob("*")) if path.is_file()
    }


def refuse(*args: object) -> None:
    raise AssertionError("nothing should be drawn")


# --- what is drawn -----------------------------------------------------------------------------------------------


def test_no_scene_of_the_demo_can_be_drawn() -> None:
    last = FIRST_SEED + MOST_PACKS * SEEDS_PER_PACK - 1
    assert last < 2**63
    for step in demo_steps():
        assert step.scene.seed < FIRST_SEED
        assert step.scene.category in CATEGORIES
    for video in range(40):
        scene = training_scene(PackSettings(0), video)
        assert scene.seed >= FIRST_SEED
        assert scene.category.startswith("any-")


def test_packs_of_different_seeds_share_no_scene() -> None:
    highest = training_scene(PackSettings(6), SEEDS_PER_PACK - 1).seed
    assert training_scene(PackSettings(7), 0).seed == highest + 1
    training_scene(PackSettings(MOST_PACKS - 1), SEEDS_PER_PACK - 1)  # still within the range of scene seeds


def test_scenes_cover_every_challenge_and_ground() -> None:
    scenes = [training_scene(PackSettings(1), video) for video in range(300)]
    assert {scene.habitat for scene in scenes} == set(HABITATS)
    assert len({scene.category for scene in scenes}) == 75
    calm = make_scene("calm", 0, 0).strengths
    for axis in AXES.values():
        for name, value in (axis.steps[-1] if axis.steps else {}).items():
            if value != getattr(calm, name):
                # The strongest step of each axis comes up somewhere.
                assert any(getattr(scene.strengths, name) == value for scene in scenes), (axis.name, name)
    sizes = np.array([scene.target_size for scene in scenes])
    assert sizes.min() < 36
    assert sizes.max() > 72
    assert scenes == [training_scene(PackSettings(1), video) for video in range(300)]


def test_crops_are_the_frame_around_the_exact_box() -> None:
    scene = make_scene("calm", 0, 5, category="any-9", width=240, height=180, n_frames=8, target_size=24.0)
    truth, frames = annotate(scene), SyntheticFrames(scene)
    crops = list(video_crops(scene, 4))
    assert [crop.frame for crop in crops] == [0, 2, 5, 7]
    for crop in crops:
        _, _, w, h = truth.boxes[crop.frame]
        side = 3.2 * np.sqrt((1.5 * w + 0.5 * h) * (1.5 * h + 0.5 * w))
        assert abs(len(crop.picture) - side) <= 0.5
        assert crop.scale == 1.0
        left, top = (truth.boxes[crop.frame] - crop.box)[:2]
        assert left == round(left)
        np.testing.assert_allclose(crop.box[2:], (w, h), atol=1e-9)
        np.testing.assert_allclose(crop.box[:2] + crop.box[2:] / 2, len(crop.picture) / 2, atol=1.0)
        # the part of the frame that the crop covers, pixel by pixel
        frame, n = frames[crop.frame], len(crop.picture)
        rows, columns = np.arange(n) + round(top), np.arange(n) + round(left)
        inside = np.ix_((rows >= 0) & (rows < 180), (columns >= 0) & (columns < 240))
        shown = frame[np.ix_(rows[(rows >= 0) & (rows < 180)], columns[(columns >= 0) & (columns < 240)])]
        np.testing.assert_array_equal(crop.picture[inside], shown)


def test_large_targets_are_shrunk_to_the_packs_size() -> None:
    scene = make_scene("calm", 0, 5, category="any-9", width=320, height=240, n_frames=4, target_size=100.0)
    crop = next(video_crops(scene, 2))
    truth = annotate(scene).boxes[0]
    assert crop.picture.shape == (360, 360, 3)
    assert crop.scale < 1
    np.testing.assert_allclose(crop.box[2:], truth[2:] * crop.scale, rtol=1e-9)


def test_look_alikes_are_where_they_were_drawn() -> None:
    scene = make_scene("lookalike", 4, 8, category="any-77", width=320, height=240, n_frames=12, target_size=30.0)
    renderer, truth = Renderer(scene), annotate(scene)
    found = 0
    for crop in video_crops(scene, 6):
        corner = truth.boxes[crop.frame][:2] - crop.box[:2]
        seen = []
        for actor in renderer.cast.distractors:
            rows, columns = np.nonzero(renderer.coverage(actor, crop.frame) >= 128)
            if len(rows):
                seen.append([columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1])
        drawn = np.array(seen, dtype=float) - [*corner, 0, 0]
        for x, y, w, h in crop.others:
            if min(x + corner[0], y + corner[1]) < 0 or x + corner[0] + w > 320 or y + corner[1] + h > 240:
                continue  # a mask ends at the frame's border, a box does not
            assert np.abs(drawn - [x, y, w, h]).max(axis=1).min() < 2.0
            found += 1
    assert found > 15


def test_hidden_targets_are_left_out() -> None:
    scene = make_scene("occlude", 4, 3, category="any-4", width=240, height=180, n_frames=24, target_size=40.0)
    visible = annotate(scene).visible
    assert visible.min() < MIN_VISIBLE  # else this test shows nothing
    crops = list(video_crops(scene, 24))
    assert [crop.frame for crop in crops] == np.flatnonzero(visible >= MIN_VISIBLE).tolist()
    assert min(crop.visible for crop in crops) >= MIN_VISIBLE


# --- the cache ---------------------------------------------------------------------------------------------------


def test_rows_say_what_is_in_the_pictures(drawn: Path) -> None:
    rows = load(drawn, 3)
    settings = PackSettings(**SMALL)
    assert rows.name == "synthetic"
    assert set(rows.sequence) == {0, 1, 2}
    assert len(rows.others) == len(rows.where) == len(rows) == len(rows.frame)
    for video in range(3):
        scene = training_scene(settings, video)
        crops = list(video_crops(scene, 3))
        at = np.flatnonzero(rows.track == video)
        assert len(at) == len(crops)
        assert {rows.categories[c] for c in rows.category[at]} == {scene.category}
        assert rows.sequence_names[video] == f"synthetic/{video:05d}"
        for i, crop in zip(at, crops, strict=True):
            np.testing.assert_allclose(rows.boxes[i], crop.box, atol=0.006)
            np.testing.assert_allclose(rows.others[i], crop.others.reshape(-1, 4), atol=0.006)
            assert rows.scale is not None
            assert rows.scale[i] == pytest.approx(crop.scale, abs=1e-5)
            assert rows.frame[i] == crop.frame + 1
            assert np.abs(rows.read(int(i)).astype(int) - crop.picture).mean() < 6.0  # JPEG
            assert rows.others[i].shape[1:] == (4,)


def test_the_index_is_one_of_the_packs(drawn: Path) -> None:
    rows = load(drawn, 3)
    (folder,) = drawn.iterdir()
    pack = load_pack(folder, name="as a pack")
    np.testing.assert_array_equal(pack.boxes, rows.boxes)
    np.testing.assert_array_equal(pack.sequence, rows.sequence)
    np.testing.assert_array_equal(pack.frame, rows.frame)
    np.testing.assert_array_equal(pack.read(4), rows.read(4))


def test_a_complete_cache_is_only_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = pictures(cache)
    monkeypatch.setattr(synthetic_pack, "draw_video", refuse)
    load(cache, 3)
    assert pictures(cache) == before


def test_more_videos_keep_those_that_are_there(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = synthetic_pack.draw_video
    monkeypatch.setattr(synthetic_pack, "draw_video", lambda f, s, v: (asked.append(v), real(f, s, v))[1])
    assert set(load(cache, 4).sequence) == {0, 1, 2, 3}
    assert asked == [3]
    assert set(load(cache, 2).sequence) == {0, 1}


def truncate(folder: Path) -> None:
    path = next((folder / "pictures" / "00001").iterdir())
    path.write_bytes(path.read_bytes()[:-40])


def flip_a_number(folder: Path) -> None:
    path = folder / "videos" / "00001.csv"
    path.write_text(path.read_text().replace(",1.00000,", ",1.10000,", 1))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(truncate, id="a picture ends early"),
        pytest.param(lambda f: next((f / "pictures" / "00001").iterdir()).unlink(), id="a picture is gone"),
        pytest.param(lambda f: (f / "videos" / "00001.csv").unlink(), id="the rows are gone"),
        pytest.param(lambda f: (f / "videos" / "00001.csv").write_text(""), id="the rows are empty"),
        pytest.param(lambda f: (f / "videos" / "00001.csv").write_bytes(b"\xff\xfe\n\x00"), id="the rows are no text"),
        pytest.param(flip_a_number, id="a number of the rows is wrong"),
    ],
)
def test_what_is_damaged_is_drawn_again(cache: Path, damage: object, monkeypatch: pytest.MonkeyPatch) -> None:
    before = pictures(cache)
    (folder,) = cache.iterdir()
    damage(folder)  # type: ignore[operator]
    assert pictures(cache) != before
    asked: list[int] = []
    real = synthetic_pack.draw_video
    monkeypatch.setattr(synthetic_pack, "draw_video", lambda f, s, v: (asked.append(v), real(f, s, v))[1])
    load(cache, 3)
    assert asked == [1]
    assert pictures(cache) == before


def test_an_interrupted_drawing_goes_on(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = synthetic_pack.write_text, []

    def interrupted(path: Path, text: str) -> None:
        if path.name == "00001.csv":
            raise KeyboardInterrupt  # after the pictures of video 1, before its rows
        real(path, text)

    monkeypatch.setattr(synthetic_pack, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, 3)
    monkeypatch.setattr(synthetic_pack, "write_text", real)
    draw = synthetic_pack.draw_video
    monkeypatch.setattr(synthetic_pack, "draw_video", lambda f, s, v: (asked.append(v), draw(f, s, v))[1])
    load(tmp_path, 3)
    assert asked == [1, 2]
    assert pictures(tmp_path) == pictures(drawn)


def test_several_processes_draw_the_same(drawn: Path, tmp_path: Path) -> None:
    said: list[str] = []
    load_synthetic(tmp_path, videos=3, workers=2, say=said.append, **SMALL)  # type: ignore[arg-type]
    assert pictures(tmp_path) == pictures(drawn)
    assert said[0].startswith("drawing 3 synthetic training videos with 2 processes")
    assert said[-1].startswith("3 of 3 videos")


@pytest.mark.parametrize("change", [{"seed": 4}, {"frames_per_video": 4}, {"width": 210}, {"height": 170}])
def test_other_parameters_are_another_folder(change: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    here = PackSettings(**SMALL).key
    assert PackSettings(**{**SMALL, **change}).key != here
    monkeypatch.setattr(synthetic_pack, "GENERATOR_VERSION", synthetic_pack.GENERATOR_VERSION + 1)
    assert PackSettings(**SMALL).key != here


def test_a_file_with_the_rows_has_the_packs_columns(drawn: Path) -> None:
    (folder,) = drawn.iterdir()
    with (folder / "index.csv").open(newline="") as stream:
        header = next(csv.reader(stream))
    assert ",".join(header[:12]) == "file,source,sequence,object,frame,x,y,w,h,crop_scale,category,visibility"


@pytest.mark.parametrize(
    "change",
    [{"videos": 0}, {"videos": SEEDS_PER_PACK + 1}, {"workers": 0}, {"seed": -1}, {"seed": MOST_PACKS},
     {"frames_per_video": 1}, {"width": 10}],
)  # fmt: skip
def test_bad_numbers(tmp_path: Path, change: dict[str, int]) -> None:
    options = {"videos": 1, **SMALL, **change}
    with pytest.raises(UsageError):
        load_synthetic(tmp_path, say=silent, **options)  # type: ignore[arg-type]


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultsError, match="file"):
        load(tmp_path / "file", 1)


def test_a_picture_that_vanishes_while_training_is_named(cache: Path) -> None:
    rows = load(cache, 1)
    Path(rows.where[0]).unlink()
    with pytest.raises(PictureError, match=r"0001\.jpg"):
        rows.read(0)
