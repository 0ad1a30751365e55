"""GOT-10k: labels of val, the single box of test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import DataError, MissingDataError
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite

from .builders import HEIGHT, WIDTH, box_lines, got10k_sequence, write_lines

VAL, TEST = "GOT-10k_Val_000001", "GOT-10k_Test_000001"


def load(root: Path, split: str = "val", **options: bool) -> Suite:
    return load_suite(f"got10k-{split}", root, only=[VAL if split == "val" else TEST], **options)


@pytest.mark.parametrize("below", ["", "val", "GOT-10k/val", "got10k/val", "GOT10k/full_data/val"])
def test_layouts(tmp_path: Path, below: str) -> None:
    got10k_sequence(tmp_path / below, VAL, 4)
    assert load(tmp_path).root == tmp_path / below


def test_val(tmp_path: Path) -> None:
    got10k_sequence(tmp_path, VAL, 4)
    suite = load(tmp_path)
    sequence = suite.sequences[0]
    assert suite.has_ground_truth
    assert suite.bounded
    assert sequence.ground_truth[0].tolist() == [10, 12, 8, 6], "used as they are"
    assert sequence.cover is not None
    assert sequence.cover.tolist() == [8, 7, 6, 8]
    assert sequence.frame_attributes["absence"].tolist() == [False, False, False, True]
    assert sequence.frame_attributes["cut_by_image"].tolist() == [False] * 4
    assert sequence.image_size == (WIDTH, HEIGHT)


def test_size_without_meta_information(tmp_path: Path) -> None:
    home = got10k_sequence(tmp_path, VAL, 4)
    (home / "meta_info.ini").unlink()
    assert load(tmp_path).sequences[0].image_size == (WIDTH, HEIGHT)


def test_scoring_val_needs_no_pictures(tmp_path: Path) -> None:
    home = got10k_sequence(tmp_path, VAL, 4)
    for picture in home.glob("*.jpg"):
        picture.unlink()
    sequence = load(tmp_path, annotations_only=True).sequences[0]
    assert sequence.frames is None
    assert sequence.image_size == (WIDTH, HEIGHT)
    with pytest.raises(MissingDataError, match="have no pictures"):
        load(tmp_path)


@pytest.mark.parametrize("lines", [1, 5])
def test_test_knows_the_first_box_only(tmp_path: Path, lines: int) -> None:
    home = got10k_sequence(tmp_path, TEST, 5, test=True)
    write_lines(home / "groundtruth.txt", box_lines(lines))
    suite = load(tmp_path, "test")
    truth = suite.sequences[0].ground_truth
    assert not suite.has_ground_truth
    assert truth.shape == (5, 4)
    assert truth[0].tolist() == [10, 12, 8, 6]
    assert np.isnan(truth[1:]).all()


FAULTS = {
    "fewer lines": ("groundtruth.txt", box_lines(3), "3 lines for 4 pictures", None),
    "more lines": ("groundtruth.txt", box_lines(5), "5 lines for 4 pictures", None),
    "flat first": ("groundtruth.txt", ["1,2,0,4", *box_lines(3)], "no area", 1),
    "outside first": ("groundtruth.txt", ["64,2,3,4", *box_lines(3)], "outside", 1),
    "short cover": ("cover.label", ["8"] * 3, "3 lines for 4 frames", None),
    "high cover": ("cover.label", ["8", "9", "8", "8"], "'9' is not a whole number from 0 to 8", 2),
    "bad absence": ("absence.label", ["0", "0", "2", "0"], "'2' is not a whole number from 0 to 1", 3),
    "no cover": ("cover.label", None, "the file is missing", None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(tmp_path: Path, fault: str) -> None:
    home = got10k_sequence(tmp_path, VAL, 4)
    file, lines, problem, line = FAULTS[fault]
    if lines is None:
        (home / file).unlink()
    else:
        write_lines(home / file, lines)
    with pytest.raises(DataError, match=problem) as caught:
        load(tmp_path)
    assert (caught.value.where, caught.value.line) == (home / file, line)


def test_faults_of_test(tmp_path: Path) -> None:
    home = got10k_sequence(tmp_path, TEST, 5, test=True)
    write_lines(home / "groundtruth.txt", box_lines(3))
    with pytest.raises(DataError, match="3 lines, where the test split has one"):
        load(tmp_path, "test")
    write_lines(home / "groundtruth.txt", ["1,2,3"])
    with pytest.raises(DataError, match="3 values instead of 4"):
        load(tmp_path, "test")


def test_missing(tmp_path: Path) -> None:
    got10k_sequence(tmp_path / "val", VAL, 3)
    with pytest.raises(MissingDataError, match="179 of 180 sequences of GOT-10k val"):
        load_suite("got10k-val", tmp_path)
    with pytest.raises(MissingDataError, match=r"got-10k\.aitestunion\.com"):
        load_suite("got10k-test", tmp_path)
    assert load_suite("got10k-val", tmp_path, allow_missing=True).coverage == "1 of 180 sequences"
