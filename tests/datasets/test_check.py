"""Checking data sets: each fault is found, told with its file and a remedy, and nothing sound is accused."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from spm_bench.datasets.check import BROKEN, MISSING, WHOLE, Report, check
from spm_bench.datasets.pictures import look_at
from spm_bench.datasets.record import Record
from spm_bench.errors import DataError, MissingDataError, UsageError
from spm_bench.suites.facts import suite_facts
from tests.datasets.conftest import OTB, fulfil, order
from tests.fetch.server import Server
from tests.suites.builders import (
    got10k_sequence,
    nfs_sequence,
    otb_sequence,
    tc128_sequence,
    trackingnet_sequence,
    vot_sequence,
    write_lines,
    write_picture,
)

N = 71


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences of OTB-100; the tests break the first."""
    for name, n in OTB.items():
        otb_sequence(tmp_path / "otb100", name, n)
    return tmp_path


def states(report: Report) -> dict[str, str]:
    return {found.name: found.state for found in report.sequences if found.name in OTB}


def big_picture(path: Path) -> bytes:
    """A JPEG of more than 64 KiB."""
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), noise, [cv2.IMWRITE_JPEG_QUALITY, 100])
    data = path.read_bytes()
    assert len(data) > 1 << 16
    return data


def test_a_sound_part_of_a_suite(root: Path) -> None:
    for deep in (False, True):
        report = check("otb100", root, deep=deep)
        assert states(report) == dict.fromkeys(OTB, WHOLE)
        assert (report.count(WHOLE), report.count(BROKEN), report.count(MISSING)) == (2, 0, 98)
        assert report.partial
        assert report.notes == ()
        assert report.pictures == sum(OTB.values())
    assert not check("otb100", root, only=list(OTB)).partial


def cut(folder: Path) -> None:
    path = folder / "img" / "0005.jpg"
    path.write_bytes(path.read_bytes()[:-30])


def cut_big(folder: Path) -> None:
    data = big_picture(folder / "img" / "0005.jpg")
    (folder / "img" / "0005.jpg").write_bytes(data[: len(data) // 2])


def zeros_at_the_end(folder: Path) -> None:
    data = big_picture(folder / "img" / "0005.jpg")
    (folder / "img" / "0005.jpg").write_bytes(data[:40_000] + bytes(len(data) - 40_000))


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "cut": (cut, "img/0005.jpg", "its end is missing"),
    "cut, big": (cut_big, "img/0005.jpg", "its end is missing"),
    "zeros": (zeros_at_the_end, "img/0005.jpg", "its end is missing"),
    "empty": (lambda f: (f / "img" / "0005.jpg").write_bytes(b""), "img/0005.jpg", "empty file"),
    "web page": (lambda f: (f / "img" / "0005.jpg").write_text("<html>" * 50), "img/0005.jpg", "no JPG file"),
    "no size": (
        lambda f: (f / "img" / "0005.jpg").write_bytes(b"\xff\xd8\xff\xda" + b"x" * 50 + b"\xff\xd9"),
        "img/0005.jpg",
        "its head is broken",
    ),
    "picture gone": (lambda f: (f / "img" / "0005.jpg").unlink(), "img/0005.jpg", "the picture is missing"),
    "pictures gone": (
        lambda f: [(f / "img" / f"{n:04d}.jpg").unlink() for n in (3, 7, 8, 9, 71)],
        "img/0003.jpg",
        "66 of 71 are there; missing: 3, 7-9, 71",
    ),
    "annotation gone": (lambda f: (f / "groundtruth_rect.txt").unlink(), "groundtruth_rect.txt", "is missing"),
    "short annotation": (
        lambda f: write_lines(f / "groundtruth_rect.txt", ["1,1,5,5"] * 70),
        "groundtruth_rect.txt",
        "70 lines for 71",
    ),
    "no number": (
        lambda f: write_lines(f / "groundtruth_rect.txt", ["1,1,5,5"] * 70 + ["1,1,5,x"]),
        "groundtruth_rect.txt, line 71",
        "'x' is not a number",
    ),
    "twice": (lambda f: write_picture(f / "img" / "5.jpg"), "img", "same number"),
    "folder": (lambda f: ((f / "img" / "0005.jpg").unlink(), (f / "img" / "0005.jpg").mkdir()), "0005.jpg", "missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(root: Path, fault: str) -> None:
    damage, where, what = FAULTS[fault]
    damage(root / "otb100" / "Deer")
    report = check("otb100", root)
    assert states(report) == {"Deer": BROKEN, "Football1": WHOLE}
    problem = next(found for found in report.sequences if found.name == "Deer").problems[0]
    assert problem.where.endswith(f"Deer/{where}" if "/" in where or fault != "folder" else where)
    assert what in problem.what
    assert f"spm-bench data get otb100 --only Deer --replace --to {root / 'otb100'}" in problem.remedy


def test_pictures_that_only_decoding_finds(root: Path) -> None:
    path = root / "otb100" / "Deer" / "img" / "0005.png"
    path.with_suffix(".jpg").unlink()
    assert cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    data = bytearray(path.read_bytes())
    data[60:-60] = bytes(len(data) - 120)
    path.write_bytes(data)
    assert states(check("otb100", root))["Deer"] == WHOLE
    report = check("otb100", root, deep=True)
    assert states(report)["Deer"] == BROKEN


def test_no_pictures_at_all(root: Path) -> None:
    for path in (root / "otb100" / "Deer" / "img").iterdir():
        path.unlink()
    report = check("otb100", root)
    assert states(report)["Deer"] == MISSING
    deer = next(found for found in report.sequences if found.name == "Deer")
    assert "no pictures" in deer.problems[0].what


def test_oddities_are_told_and_do_no_harm(root: Path) -> None:
    folder = root / "otb100" / "Deer"
    write_picture(folder / "img" / "0005.jpg", width=65)
    write_picture(folder / "img" / "thumbnail.jpg")
    (root / "otb100" / "Holiday").mkdir()
    report = check("otb100", root)
    assert states(report) == dict.fromkeys(OTB, WHOLE)
    deer = next(found for found in report.sequences if found.name == "Deer")
    assert [note.what for note in deer.notes] == [
        "1 of 71 pictures have another size than the first (64 x 48), this one 65 x 48",
        "1 pictures are no frames: thumbnail.jpg",
    ]
    assert [note.what for note in report.notes] == ["1 folders are no sequences of OTB-100: Holiday"]


def test_two_targets_of_a_video_share_its_pictures(tmp_path: Path) -> None:
    folder = otb_sequence(tmp_path / "otb100", "Jogging", 307, file="groundtruth_rect.1.txt")
    (folder / "groundtruth_rect.2.txt").write_bytes((folder / "groundtruth_rect.1.txt").read_bytes())
    report = check("otb100", tmp_path, only=["Jogging-1", "Jogging-2"])
    assert [(found.state, found.frames) for found in report.sequences] == [(WHOLE, 307)] * 2
    assert report.pictures == 307


def test_files_are_compared_with_their_download(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fulfil(order(otb, root))
    assert check("otb100", root, deep=True).hashed == sum(OTB.values()) + 2
    folder = root / "otb100" / "Deer"
    (folder / "groundtruth_rect.txt").write_text("2,2,5,5\n" * 71)
    assert states(check("otb100", root))["Deer"] == WHOLE
    report = check("otb100", root, deep=True)
    deer = next(found for found in report.sequences if found.name == "Deer")
    assert [(p.where, p.what) for p in deer.problems] == [
        (str(folder / "groundtruth_rect.txt"), "its bytes are not those of the download")
    ]
    hashes = Record.read(root / "otb100").hashes_path("Football1")
    hashes.write_text(hashes.read_text() + f"{'0' * 64}  Football1/more.txt\n")
    report = check("otb100", root)
    football = next(found for found in report.sequences if found.name == "Football1")
    assert [(p.where, p.what) for p in football.problems] == [
        (str(root / "otb100" / "Football1" / "more.txt"), "the file is missing")
    ]


def test_a_file_that_cannot_be_read_any_more_is_a_problem(
    otb: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fulfil(order(otb, tmp_path))

    def broken_disk(path: Path, _: set[str]) -> dict[str, str]:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("spm_bench.datasets.check.file_digests", broken_disk)
    report = check("otb100", tmp_path, only=["Deer"], deep=True)
    assert {p.what for p in report.sequences[0].problems} == {"it cannot be read (Input/output error)"}


def test_a_suite_that_a_person_has_to_fetch(tmp_path: Path) -> None:
    folder = got10k_sequence(tmp_path / "got10k" / "val", "GOT-10k_Val_000001", 4)
    assert check("got10k-val", tmp_path).count(WHOLE) == 1
    (folder / "cover.label").unlink()
    problem = check("got10k-val", tmp_path).sequences[0].problems[0]
    assert problem.where == str(folder / "cover.label")
    assert "Restore it from the data set (http://got-10k" in problem.remedy


@pytest.mark.parametrize("name", ["nfs", "tc128", "trackingnet"])
def test_other_layouts(tmp_path: Path, name: str) -> None:
    """A sound sequence, then the same with a picture cut."""
    if name == "nfs":
        nfs_sequence(tmp_path / name, "car", 30, 4, 4)
    elif name == "tc128":
        tc128_sequence(tmp_path / name, "Airport_ce", 2, 5)
    else:
        trackingnet_sequence(tmp_path / name, "TEST", "abc_0", 4)
    report = check(name, tmp_path)
    assert (report.count(WHOLE), report.count(BROKEN), report.total) == (1, 0, suite_facts(name).n_sequences)
    assert report.count(MISSING) == report.total - 1
    assert report.partial
    assert report.notes == ()
    cut = sorted((tmp_path / name).rglob("*.jpg"))[2]
    cut.write_bytes(cut.read_bytes()[:-30])
    report = check(name, tmp_path)
    broken = [found for found in report.sequences if found.state == BROKEN]
    assert [found.problems[0].where for found in broken] == [str(cut)]


def test_names_and_folders_that_are_not_it(root: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean otb100"):
        check("otb10", root)
    with pytest.raises(UsageError, match="Did you mean Deer"):
        check("otb100", root, only=["Dear"])
    with pytest.raises(MissingDataError, match="spm-bench data get vot2013"):
        check("vot2013", root)
    vot_sequence(root / "vot2016", "bolt", 3)
    with pytest.raises(DataError, match="folder of vot2016"):
        check("vot2013", root / "vot2016")


def test_all_real_sequences_are_whole(real_data: Path) -> None:
    report = check("otb100", real_data, only=["Crossing", "Jogging-1", "Jogging-2", "Man"], deep=True)
    assert {found.state for found in report.sequences} == {WHOLE}
    assert report.pictures == 120 + 307 + 134
    assert check("vot2016", real_data, only=["pedestrian1", "book"]).count(WHOLE) == 2


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_every_cut_is_found(tmp_path: Path, suffix: str) -> None:
    """Against decoding: what looks whole decodes, whatever the length it was cut to."""
    path = write_picture(tmp_path / f"a{suffix}")
    data = path.read_bytes()
    assert look_at(path).fault == look_at(path, deep=True).fault == ""
    assert look_at(path).size == look_at(path, deep=True).size == (64, 48)
    for n in range(0, len(data) - 4, 97):
        path.write_bytes(data[:n])
        assert look_at(path).fault
    path.write_bytes(data + bytes(5000))
    assert look_at(path).fault == ""
