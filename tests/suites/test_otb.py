"""OTB: 1-based boxes, targets that share a video, ranges, and every fault of a sequence folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import DataError
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.facts import suite_facts

from .builders import HEIGHT, WIDTH, box_lines, otb_sequence, write_lines, write_picture, write_pictures


def load(root: Path, name: str, **options: bool) -> Sequence:
    return load_suite("otb100", root, only=[name], **options).sequences[0]


def test_a_sequence(tmp_path: Path) -> None:
    otb_sequence(tmp_path, "Deer", 71)
    sequence = load(tmp_path, "Deer")
    assert len(sequence) == 71
    assert sequence.ground_truth[0].tolist() == [9, 11, 8, 6], "the first pixel of a file is 1, here it is 0"
    assert sequence.attributes == ("MB", "FM", "IPR", "BC", "LR")
    assert sequence.image_size == (WIDTH, HEIGHT)
    assert sequence.frames is not None
    assert len(sequence.frames) == 71
    assert sequence.frames[70].shape == (HEIGHT, WIDTH, 3)


def test_two_targets_of_one_video(tmp_path: Path) -> None:
    home = otb_sequence(tmp_path, "Jogging", 307, file="groundtruth_rect.1.txt")
    write_lines(home / "groundtruth_rect.2.txt", [f"20,{10 + i / 10},5,9" for i in range(307)])
    suite = load_suite("otb100", tmp_path, only=["Jogging-1", "Jogging-2"])
    assert [s.ground_truth[0, 0] for s in suite.sequences] == [9, 19]


def test_the_second_target_alone_where_the_first_files_are_empty(tmp_path: Path) -> None:
    home = otb_sequence(tmp_path, "Human4", 667, file="groundtruth_rect.2.txt")
    (home / "groundtruth_rect.1.txt").write_text("")
    assert len(load(tmp_path, "Human4-2")) == 667


def test_a_range_of_a_longer_video(tmp_path: Path) -> None:
    write_pictures(tmp_path / "BlurCar3" / "img", 359, first=1)
    write_lines(tmp_path / "BlurCar3" / "groundtruth_rect.txt", box_lines(357, 0.05))
    frames = load(tmp_path, "BlurCar3").frames
    assert frames is not None
    assert len(frames) == 357
    assert frames.names[0] == "0003.jpg"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("lines", "first"), [(354, 15.0), (349, 10.0)])
def test_tiger1_with_its_native_or_its_cut_annotation(tmp_path: Path, lines: int, first: float) -> None:
    write_lines(tmp_path / "annotations" / "Tiger1.txt", [f"{10 + i},5,6,7" for i in range(lines)])
    truth = load(tmp_path, "Tiger1", annotations_only=True).ground_truth
    assert len(truth) == 349
    assert truth[0, 0] == first - 1


def test_other_sequences_take_their_own_number_of_lines_only(tmp_path: Path) -> None:
    write_lines(tmp_path / "annotations" / "David.txt", box_lines(770, 0.01))
    with pytest.raises(DataError, match="770 lines for 471 frames of David in OTB-100"):
        load(tmp_path, "David", annotations_only=True)


def test_names_with_five_digits(tmp_path: Path) -> None:
    otb_sequence(tmp_path, "Skiing", 81, digits=5)
    assert len(load(tmp_path, "Skiing")) == 81


@pytest.mark.parametrize("folder", ["annotations", "anno"])
def test_annotations_alone(tmp_path: Path, folder: str) -> None:
    home = tmp_path / "otb100"
    write_lines(home / folder / "Deer.txt", box_lines(71))
    write_lines(home / folder / "sequences.json", ['{"sequences": [{"name": "Deer", "image_size": [704, 400]}]}'])
    for data in (tmp_path, home, home / folder):
        sequence = load(data, "Deer", annotations_only=True)
        assert sequence.frames is None
        assert sequence.image_size == (704, 400)


def test_unannotated_frames_are_kept(tmp_path: Path) -> None:
    lines = box_lines(71)
    lines[3:6] = ["NaN,NaN,NaN,NaN", "0,0,0,0", "5,5,-3,4"]
    lines[6] = "900,900,5,5"
    write_lines(tmp_path / "annotations" / "Deer.txt", lines)
    truth = load(tmp_path, "Deer", annotations_only=True).ground_truth
    assert np.isnan(truth[3]).all()
    assert truth[4:7].tolist() == [[-1, -1, 0, 0], [4, 4, -3, 4], [899, 899, 5, 5]]


def broken(fault: str, home: Path) -> None:
    lines = box_lines(71)
    truth = home / "groundtruth_rect.txt"
    if fault == "cut":
        write_lines(truth, lines[:70])
    elif fault == "long":
        write_lines(truth, [*lines, lines[-1]])
    elif fault == "cut line":
        truth.write_text("\n".join(lines[:-1]) + "\n80,9")
    elif fault == "word":
        write_lines(truth, [*lines[:9], "1,2,three,4", *lines[10:]])
    elif fault == "nan first":
        write_lines(truth, ["NaN,NaN,NaN,NaN", *lines[1:]])
    elif fault == "flat first":
        write_lines(truth, ["5,5,0,7", *lines[1:]])
    elif fault == "outside first":
        write_lines(truth, ["500,5,9,7", *lines[1:]])
    elif fault == "missing picture":
        (home / "img" / "0040.jpg").unlink()
    elif fault == "last picture missing":
        (home / "img" / "0071.jpg").unlink()
    else:
        truth.write_bytes(b"")


FAULTS = {
    "cut": (r"70 lines for 71 frames of Deer in OTB-100", "groundtruth_rect.txt", None),
    "long": (r"72 lines for 71 frames", "groundtruth_rect.txt", None),
    "cut line": (r"2 values instead of 4", "groundtruth_rect.txt", 71),
    "word": (r"'three' is not a number", "groundtruth_rect.txt", 10),
    "nan first": (r"no area", "groundtruth_rect.txt", 1),
    "flat first": (r"no area", "groundtruth_rect.txt", 1),
    "outside first": (r"outside the image of 64 x 48", "groundtruth_rect.txt", 1),
    "missing picture": (r"picture is missing \(70 of 71 are there\)", "0040.jpg", None),
    "last picture missing": (r"picture is missing \(70 of 71", "0071.jpg", None),
    "empty": (r"the file is empty", "groundtruth_rect.txt", None),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("annotations_only", [False, True])
def test_faults(tmp_path: Path, fault: str, annotations_only: bool) -> None:
    home = otb_sequence(tmp_path, "Deer", 71)
    broken(fault, home)
    problem, file, line = FAULTS[fault]
    with pytest.raises(DataError, match=problem) as caught:
        load(tmp_path, "Deer", annotations_only=annotations_only)
    assert Path(str(caught.value.where)).name == file
    assert caught.value.line == line


def test_a_broken_picture_is_an_error_of_its_frame(tmp_path: Path) -> None:
    home = otb_sequence(tmp_path, "Deer", 71)
    picture = write_picture(home / "img" / "0002.jpg")
    picture.write_bytes(picture.read_bytes()[:-30])
    frames = load(tmp_path, "Deer").frames
    assert frames is not None
    assert frames[0].shape == frames[2].shape
    with pytest.raises(DataError, match="cut") as caught:
        frames[1]
    assert caught.value.where == picture


class TestRealData:
    def test_fourteen_targets(self, real_data: Path) -> None:
        suite = load_suite("otb100", real_data, allow_missing=True)
        assert suite.coverage == "14 of 100 sequences"
        assert sum(map(len, suite.sequences)) == 2256 + 307, "307 frames are used by two targets"
        for sequence in suite.sequences:
            assert sequence.frames is not None
            assert sequence.image_size is not None
            height, width = sequence.frames[len(sequence) - 1].shape[:2]
            assert (width, height) == sequence.image_size

    def test_attributes_agree(self, real_data: Path) -> None:
        import json

        listed = json.loads((real_data / "otb" / "attributes.json").read_text())["sequences"]
        suite = load_suite("otb100", real_data, allow_missing=True)
        assert {s.name: list(s.attributes) for s in suite.sequences} == {
            s.name: listed[s.name] for s in suite.sequences
        }


@pytest.fixture(scope="module")
def suite(published_results: Path) -> Suite:
    return load_suite("otb100", published_results, annotations_only=True)


class TestPublishedAnnotations:
    def test_whole_benchmark(self, suite: Suite) -> None:
        assert suite.coverage == "100 sequences"
        assert suite.missing == ()
        assert sum(map(len, suite.sequences)) == 59035

    def test_values_are_the_files_minus_one(self, suite: Suite, published_results: Path) -> None:
        for sequence in suite.sequences:
            text = (published_results / "otb100" / "annotations" / f"{sequence.name}.txt").read_text()
            rows = [[float(v) for v in line.replace(",", " ").split()] for line in text.splitlines() if line.strip()]
            np.testing.assert_array_equal(sequence.ground_truth, np.array(rows) - np.array([1, 1, 0, 0]))

    @pytest.mark.parametrize("name", ["otb50", "otb2013"])
    @pytest.mark.parametrize("below", ["", "otb100", "otb100/annotations"])
    def test_subsets_share_the_folder(self, name: str, below: str, published_results: Path) -> None:
        suite = load_suite(name, published_results / below, annotations_only=True)
        assert len(suite.sequences) == suite_facts(name).n_sequences

    def test_annotations_equal_those_beside_the_pictures(self, suite: Suite, real_data: Path) -> None:
        whole = {s.name: s for s in suite.sequences}
        for sequence in load_suite("otb100", real_data, allow_missing=True).sequences:
            np.testing.assert_array_equal(sequence.ground_truth, whole[sequence.name].ground_truth)
