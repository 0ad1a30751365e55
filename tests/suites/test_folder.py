"""Anybody's frames and videos."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from spm_bench.errors import DataError, MissingDataError, SpmBenchError, UsageError
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite

from .builders import HEIGHT, WIDTH, box_lines, picture, write_lines, write_picture, write_pictures


def load(path: Path, **options: object) -> Suite:
    return load_suite("folder", path, **options)  # type: ignore[arg-type]


def frames_folder(path: Path, n: int = 4, below: str = "") -> Path:
    for index in range(n):
        write_picture(path / below / f"frame{index + 8}.png", index)
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for index in range(6):
        writer.write(picture(index))
    writer.release()
    return path


@pytest.mark.parametrize("below", ["", "img", "color", "frames", "images"])
def test_frames_in_natural_order(tmp_path: Path, below: str) -> None:
    home = frames_folder(tmp_path / "my video", below=below)
    write_lines(home / "groundtruth.txt", box_lines(4))
    suite = load(home)
    sequence = suite.sequences[0]
    assert (sequence.name, len(sequence), suite.has_ground_truth) == ("my video", 4, True)
    assert (suite.family, suite.protocol, suite.n_total) == ("otb", "one_pass", 1)
    assert sequence.frames is not None
    assert sequence.frames.names == ("frame8.png", "frame9.png", "frame10.png", "frame11.png")  # type: ignore[attr-defined]
    np.testing.assert_array_equal(sequence.frames[2], picture(2))
    assert sequence.ground_truth[0].tolist() == [10, 12, 8, 6], "0-based, as they are"


@pytest.mark.parametrize("name", ["groundtruth.txt", "groundtruth_rect.txt", "init.txt", "box.txt"])
def test_one_box_is_enough_to_run(tmp_path: Path, name: str) -> None:
    home = frames_folder(tmp_path / "a")
    write_lines(home / name, ["5 6 7 8"])
    suite = load(home)
    assert not suite.has_ground_truth
    assert suite.sequences[0].ground_truth[0].tolist() == [5, 6, 7, 8]
    assert np.isnan(suite.sequences[0].ground_truth[1:]).all()
    assert len(suite.sequences[0]) == 4


def test_a_polygon(tmp_path: Path) -> None:
    home = frames_folder(tmp_path / "a")
    write_lines(home / "init.txt", ["10,10,20,10,20,30,10,30"])
    sequence = load(home).sequences[0]
    assert sequence.ground_truth[0].tolist() == [10, 10, 10, 20]
    assert sequence.polygons is not None
    assert sequence.polygons.shape == (4, 8)


@pytest.mark.parametrize("name", ["clip.txt", "clip.avi.txt"])
@pytest.mark.parametrize("lines", [1, 6])
def test_a_video(tmp_path: Path, clip: Path, name: str, lines: int) -> None:
    shutil.copy(clip, tmp_path)
    write_lines(tmp_path / name, box_lines(lines))
    suite = load(tmp_path / "clip.avi")
    sequence = suite.sequences[0]
    assert (sequence.name, len(sequence), suite.has_ground_truth) == ("clip", 6, lines == 6)
    assert sequence.frames is not None
    assert sequence.frames[5].shape == (HEIGHT, WIDTH, 3)


def test_a_folder_of_folders_and_videos(tmp_path: Path, clip: Path) -> None:
    for name in ("v10", "v9"):
        write_lines(frames_folder(tmp_path / name) / "groundtruth.txt", box_lines(4))
    shutil.copy(clip, tmp_path)
    write_lines(tmp_path / "clip.txt", box_lines(6))
    (tmp_path / "notes").mkdir()
    (tmp_path / ".cache").mkdir()
    write_pictures(tmp_path / ".cache", 2)
    suite = load(tmp_path)
    assert [s.name for s in suite.sequences] == ["clip", "v9", "v10"]
    assert suite.has_ground_truth
    assert [s.name for s in load(tmp_path, only=["v10"]).sequences] == ["v10"]
    assert load(tmp_path, only=["v10"]).coverage == "1 of 3 sequences"
    with pytest.raises(UsageError, match="Did you mean v10"):
        load(tmp_path, only=["v100"])


def test_a_sequence_without_a_box_needs_permission(tmp_path: Path) -> None:
    write_lines(frames_folder(tmp_path / "a") / "groundtruth.txt", box_lines(4))
    frames_folder(tmp_path / "b")
    with pytest.raises(MissingDataError, match=r"no box to start from for b.*init\.txt"):
        load(tmp_path)
    suite = load(tmp_path, allow_missing=True)
    assert (suite.coverage, suite.missing) == ("1 of 2 sequences", ("b",))


def test_one_box_among_full_annotations_leaves_no_ground_truth(tmp_path: Path) -> None:
    write_lines(frames_folder(tmp_path / "a") / "groundtruth.txt", box_lines(4))
    write_lines(frames_folder(tmp_path / "b") / "init.txt", box_lines(1))
    assert not load(tmp_path).has_ground_truth


def test_scoring_without_pictures(tmp_path: Path) -> None:
    write_lines(tmp_path / "a" / "groundtruth.txt", box_lines(4))
    assert load(tmp_path / "a", annotations_only=True).sequences[0].frames is None
    with pytest.raises(MissingDataError, match="no picture"):
        load(tmp_path / "a")


def test_relative_paths_have_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = frames_folder(tmp_path / "here")
    write_lines(home / "init.txt", box_lines(1))
    monkeypatch.chdir(home)
    assert load(Path()).sequences[0].name == "here"
    monkeypatch.chdir(home.parent)
    assert load(Path("here/../here")).sequences[0].name == "here"


def test_fingerprint_covers_videos(tmp_path: Path, clip: Path) -> None:
    prints = set()
    for extra in (b"", b"\0"):
        (tmp_path / "clip.avi").write_bytes(clip.read_bytes() + extra)
        write_lines(tmp_path / "clip.txt", box_lines(1))
        prints.add(load(tmp_path / "clip.avi").fingerprint)
    assert len(prints) == 2


def test_no_path_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--data"):
        load_suite("folder")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (box_lines(3), "3 lines for 4 frames"),
        (box_lines(5), "5 lines for 4 frames"),
        (["1,2,0,4"], "no area"),
        (["100,2,3,4"], "outside the image"),
        (["1,2,3"], "3 values instead of 4 or 8"),
        (["one box"], "not a number"),
        ([], "empty"),
    ],
)
def test_broken_annotations(tmp_path: Path, lines: list[str], problem: str) -> None:
    home = frames_folder(tmp_path / "a")
    write_lines(home / "groundtruth.txt", lines)
    with pytest.raises(DataError, match=problem) as caught:
        load(home)
    assert caught.value.where == home / "groundtruth.txt"


def nothing(root: Path) -> Path:
    return root / "absent"


def empty(root: Path) -> Path:
    return root


def a_text_file(root: Path) -> Path:
    return write_lines(root / "a.txt", ["1,2,3,4"])


def no_video(root: Path) -> Path:
    write_lines(root / "a.txt", ["1,2,3,4"])
    return write_lines(root / "a.mp4", ["not a video"])


def evil_name(root: Path) -> Path:
    write_lines(frames_folder(root / "x\x1b[31m") / "init.txt", ["1,2,3,4"])
    return root


def same_name(root: Path) -> Path:
    for name in ("a.mp4", "a.avi"):
        write_lines(root / name, ["no video"])
    return root


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (nothing, "no such folder or video"),
        (empty, "nothing to track"),
        (a_text_file, "no such folder or video.*A video ends in"),
        (no_video, "cannot be decoded"),
        (evil_name, "cannot be the name"),
        (same_name, "more than one sequence is named 'a'"),
    ],
)
def test_other_mistakes(tmp_path: Path, make: object, problem: str) -> None:
    with pytest.raises(SpmBenchError, match=problem):
        load(make(tmp_path))  # type: ignore[operator]
