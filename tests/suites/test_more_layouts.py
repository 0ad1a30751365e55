"""UAV123, LaSOT, NfS, TC-128, DTB70 and TrackingNet: tiny native trees, and every fault of their own files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import DataError, MissingDataError, SpmBenchError, UsageError
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.catalog import describe_suites

from .builders import (
    HEIGHT,
    WIDTH,
    box_lines,
    lasot_sequence,
    nfs_sequence,
    otb_sequence,
    tc128_sequence,
    trackingnet_sequence,
    uav_sequence,
    write_lines,
)

FIRST = [9, 11, 8, 6]
"""The first box of every file, 10,12,8,6 with the first pixel at 1, as it is inside."""


def partial(name: str, root: Path, **options: bool) -> Suite:
    return load_suite(name, root, allow_missing=True, **options)


def one(name: str, root: Path, **options: bool) -> Sequence:
    (sequence,) = partial(name, root, **options).sequences
    return sequence


@pytest.mark.parametrize(
    ("suite", "branch", "numbers", "name", "folder"),
    [
        ("uav123", "UAV123", range(1, 46), "uav2", "uav2"),
        ("uav123-10fps", "UAV123_10fps", range(1, 46), "uav2", "uav2"),
        ("uav123-10fps", "UAV123_10fps", range(259, 494), "bird1_2", "bird1"),
    ],
)
def test_uav_targets_are_parts_of_videos(
    tmp_path: Path, suite: str, branch: str, numbers: range, name: str, folder: str
) -> None:
    if suite == "uav123":
        numbers = range(1, 134)
    uav_sequence(tmp_path, branch, name, folder, numbers, flags="1,0,1,0,0,0,0,0,0,0,0,1")
    sequence = one(suite, tmp_path)
    assert (sequence.name, len(sequence)) == (name, len(numbers))
    assert sequence.frames is not None
    assert sequence.frames.names[0] == f"{numbers[0]:06d}.jpg"  # type: ignore[attr-defined]
    assert sequence.ground_truth[0].tolist() == FIRST
    assert sequence.attributes == ("SV", "LR", "SOB")
    assert sequence.image_size == (WIDTH, HEIGHT)


def test_uav_frames_out_of_view_are_nan(tmp_path: Path) -> None:
    lines = ["10,12,8,6", *["NaN,NaN,NaN,NaN"] * 44]
    write_lines(tmp_path / "anno" / "UAV123_10fps" / "uav2.txt", lines)
    truth = one("uav123-10fps", tmp_path, annotations_only=True).ground_truth
    assert np.isnan(truth[1:]).all()


def test_uav_annotations_of_another_rate_are_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "uav2.txt", box_lines(133))
    assert len(one("uav123", tmp_path, annotations_only=True)) == 133
    with pytest.raises(DataError, match=r"uav2.txt: 133 lines for 45 frames of uav2 in UAV123@10fps"):
        one("uav123-10fps", tmp_path, annotations_only=True)


@pytest.mark.parametrize(
    ("flags", "told"),
    [("1,0,1", "3 flags for 12"), ("1,0,2,0,0,0,0,0,0,0,0,1", "att/uav2.txt, line 1: '2' is neither 0 nor 1")],
)
def test_broken_attribute_files_are_named(tmp_path: Path, flags: str, told: str) -> None:
    uav_sequence(tmp_path, "UAV123_10fps", "uav2", "uav2", range(1, 46), flags=flags)
    with pytest.raises(DataError) as raised:
        one("uav123-10fps", tmp_path)
    assert told in str(raised.value)


def test_lasot(tmp_path: Path) -> None:
    lasot_sequence(tmp_path, "airplane-1", 6, occluded=(2,), out=(2, 4))
    write_lines(tmp_path / "att" / "airplane-1.txt", ["1,0,0,0,0,0,0,0,0,0,0,0,0,1"])
    suite = partial("lasot", tmp_path)
    (sequence,) = suite.sequences
    assert suite.convention == "lasot"
    assert sequence.ground_truth[0].tolist() == FIRST
    assert sequence.attributes == ("IV", "ARC")
    flags = {name: np.flatnonzero(values).tolist() for name, values in sequence.frame_attributes.items()}
    assert flags == {"full_occlusion": [2], "out_of_view": [2, 4], "absent": [2, 4]}


def test_lasot_with_the_toolkits_annotations_alone(tmp_path: Path) -> None:
    write_lines(tmp_path / "annos" / "airplane-1.txt", box_lines(4))
    write_lines(tmp_path / "annos" / "absent" / "airplane-1.txt", ["0", "1", "0", "0"])
    sequence = one("lasot", tmp_path, annotations_only=True)
    assert sequence.frame_attributes["absent"].tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("full_occlusion.txt", None, "full_occlusion.txt: the file is missing"),
        ("out_of_view.txt", "0,0,0", "out_of_view.txt: 3 flags for 6"),
        ("out_of_view.txt", "0,0,x,0,0,0", "line 1: 'x' is neither 0 nor 1"),
        ("groundtruth.txt", "1,2,3,4\n", "groundtruth.txt: 1 lines for 6 pictures in img/"),
    ],
)
def test_broken_files_of_lasot_are_named(tmp_path: Path, file: str, text: str | None, told: str) -> None:
    home = lasot_sequence(tmp_path, "airplane-1", 6)
    (home / file).unlink()
    if text is not None:
        (home / file).write_text(text)
    with pytest.raises(DataError) as raised:
        one("lasot", tmp_path)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("pictures", "lines", "n", "second"),
    [(5, 5, 5, 10.0), (5, 40, 5, 17.0), (5, 6, 5, 10.0), (6, 5, 5, 10.0), (5, 41, 5, 17.0)],
)
def test_nfs_lengths(tmp_path: Path, pictures: int, lines: int, n: int, second: float) -> None:
    nfs_sequence(tmp_path, "car", 30, pictures, lines)
    sequence = one("nfs", tmp_path)
    assert len(sequence) == n
    assert sequence.frames is not None
    assert len(sequence.frames) == n
    assert sequence.ground_truth[0].tolist() == [9, 11, 8, 6], "corners become a size"
    assert sequence.ground_truth[1, 0] == second, "at 240 fps, every eighth line counts"


def test_nfs_rates_are_told_apart(tmp_path: Path) -> None:
    nfs_sequence(tmp_path, "car", 240, 9, 9)
    assert len(one("nfs-240", tmp_path)) == 9
    assert one("nfs-240", tmp_path).frame_attributes["occlusion"].tolist() == [bool(i % 2) for i in range(9)]
    with pytest.raises(MissingDataError):
        partial("nfs", tmp_path)


@pytest.mark.parametrize("line", ["0 1 2 3", "0 1 2 x 4 0 0 0 0 car", "", '0 nan 2 3 4 0 0 0 0 "car"'])
def test_broken_lines_of_nfs_are_named(tmp_path: Path, line: str) -> None:
    home = nfs_sequence(tmp_path, "car", 30, 3, 3)
    write_lines(home / "car.txt", ['0 1 2 3 4 0 0 0 0 "car"', line, '0 1 2 3 4 0 0 0 0 "car"'])
    with pytest.raises(DataError, match=r"car.txt, line 2: this is no line of VATIC"):
        one("nfs", tmp_path)


def test_nfs_refuses_lengths_that_no_rule_explains(tmp_path: Path) -> None:
    nfs_sequence(tmp_path, "car", 30, 5, 8)
    with pytest.raises(DataError, match="8 lines for 5 pictures"):
        one("nfs", tmp_path)


def test_tc128(tmp_path: Path) -> None:
    tc128_sequence(tmp_path, "David", 300, 304)
    sequence = one("tc128", tmp_path)
    assert len(sequence) == 5
    assert sequence.frames is not None
    assert sequence.frames.names[0] == "0300.jpg"  # type: ignore[attr-defined]
    assert sequence.ground_truth[0].tolist() == FIRST
    assert "IV" in sequence.attributes


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "David_frames.txt: the file is missing"), ("5,1", "no the numbers"), ("1,9", "5 lines for 9 frames")],
)
def test_broken_ranges_of_tc128_are_named(tmp_path: Path, text: str | None, told: str) -> None:
    home = tc128_sequence(tmp_path, "David", 1, 5)
    (home / "David_frames.txt").unlink()
    if text is not None:
        (home / "David_frames.txt").write_text(text)
    with pytest.raises(DataError) as raised:
        one("tc128", tmp_path)
    assert told.replace("no the", "not the") in str(raised.value)


def test_dtb70_with_and_without_attributes(tmp_path: Path) -> None:
    otb_sequence(tmp_path, "Motor2", 68, digits=5)
    assert one("dtb70", tmp_path).attributes == ()
    write_lines(tmp_path / "anno" / "att" / "Motor2.txt", ["1,1,0,0,0,0,0,0,0,1,0"])
    assert one("dtb70", tmp_path).attributes == ("SV", "ARV", "SOA")
    assert one("dtb70", tmp_path).ground_truth[0].tolist() == FIRST


def test_a_folder_of_otb_is_not_taken_for_dtb70(tmp_path: Path) -> None:
    """Both have a Basketball, in the same layout."""
    otb_sequence(tmp_path / "videos", "Walking", 395)
    assert {row.name: row.n_present for row in describe_suites(tmp_path / "videos")}["dtb70"] == 0
    with pytest.raises(MissingDataError):
        partial("dtb70", tmp_path / "videos")
    (tmp_path / "videos").rename(tmp_path / "DTB70")
    assert len(one("dtb70", tmp_path / "DTB70")) == 395


def test_trackingnet_test_has_first_boxes_only(tmp_path: Path) -> None:
    trackingnet_sequence(tmp_path, "TEST", "-abc_0", 12)
    suite = partial("trackingnet", tmp_path)
    (sequence,) = suite.sequences
    assert (suite.n_total, suite.has_ground_truth, suite.origin, suite.convention) == (511, False, 0, "trackingnet")
    assert len(sequence) == 12
    assert sequence.frames is not None
    assert (sequence.frames.names[0], sequence.frames.names[11]) == ("0.jpg", "11.jpg")  # type: ignore[attr-defined]
    assert sequence.ground_truth[0].tolist() == [10, 12, 8, 6], "the first pixel of its files is 0"
    assert np.isnan(sequence.ground_truth[1:]).all()


def test_trackingnet_train_chunks_come_in_order(tmp_path: Path) -> None:
    for chunk, name in (("TRAIN_10", "a"), ("TRAIN_2", "b"), ("TEST", "c")):
        trackingnet_sequence(tmp_path, chunk, name, 4)
    suite = partial("trackingnet-train", tmp_path)
    assert [s.name for s in suite.sequences] == ["b", "a"]
    assert suite.coverage == "2 of 30132 sequences"


def test_a_discovered_suite_that_is_not_whole_says_so(tmp_path: Path) -> None:
    trackingnet_sequence(tmp_path, "TEST", "abc", 3)
    with pytest.raises(MissingDataError, match=r"1 of 511 sequences of TrackingNet test are there.*--allow-missing"):
        load_suite("trackingnet", tmp_path)
    assert len(load_suite("trackingnet", tmp_path, only=["abc"]).sequences) == 1
    with pytest.raises(UsageError, match="Did you mean abc"):
        load_suite("trackingnet", tmp_path, only=["abd"])
    rows = {row.name: row for row in describe_suites(tmp_path)}
    assert (rows["trackingnet"].n_present, rows["trackingnet"].n_sequences) == (1, 511)


@pytest.mark.parametrize("suite", ["lasot", "uav123", "nfs", "tc128", "dtb70", "trackingnet"])
def test_missing_data_are_answered_with_what_and_how(tmp_path: Path, suite: str) -> None:
    with pytest.raises(SpmBenchError) as raised:
        load_suite(suite, tmp_path)
    assert "--data" in str(raised.value)
    assert "http" in str(raised.value)
