"""VOT: polygons, labels, lists, years that must not be confused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import DataError, MissingDataError
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite

from .builders import HEIGHT, WIDTH, box_lines, vot_sequence, write_lines, write_picture

# vot2013, 2014 and 2019 leave the lengths of their sequences to the data set, which keeps the fixtures small.
YEAR, NAME = "vot2014", "ball"


def load(root: Path, year: str = YEAR, only: str = NAME, **options: bool) -> Suite:
    return load_suite(year, root, only=[only], **options)


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("below", ["", "vot2014", "VOT2014/sequences"])
def test_layouts(tmp_path: Path, color: bool, below: str) -> None:
    vot_sequence(tmp_path / below, NAME, 5, color=color)
    sequence = load(tmp_path).sequences[0]
    assert len(sequence) == 5
    assert sequence.frames is not None
    assert sequence.frames[4].shape == (HEIGHT, WIDTH, 3)
    assert sequence.image_size == (WIDTH, HEIGHT)


def test_polygons_are_kept_and_boxed(tmp_path: Path) -> None:
    vot_sequence(tmp_path, NAME, 3)
    sequence = load(tmp_path).sequences[0]
    assert sequence.polygons is not None
    assert sequence.polygons[1].tolist() == [11, 12, 19, 10, 21, 18, 13, 20]
    assert sequence.ground_truth[1].tolist() == [11, 10, 10, 10]


def test_boxes_are_used_as_they_are(tmp_path: Path) -> None:
    vot_sequence(tmp_path, "bicycle", 3, polygons=False)
    sequence = load(tmp_path, "vot2013", "bicycle").sequences[0]
    assert sequence.polygons is None
    assert sequence.ground_truth[0].tolist() == [10, 12, 8, 6]


def test_labels_and_tags_missing_lines_mean_no(tmp_path: Path) -> None:
    home = vot_sequence(tmp_path, NAME, 4)
    write_lines(home / "occlusion.label", ["0", "1"])
    write_lines(home / "camera_motion.tag", ["1", "1", "1", "0"])
    write_lines(home / "practical.value", ["0.3"] * 4)
    vot_sequence(tmp_path, "bolt", 2)
    suite = load_suite(YEAR, tmp_path, only=[NAME, "bolt"])
    assert {k: v.tolist() for k, v in suite.sequences[0].frame_attributes.items()} == {
        "camera_motion": [True, True, True, False],
        "occlusion": [False, True, False, False],
    }
    assert {k: v.tolist() for k, v in suite.sequences[1].frame_attributes.items()} == {
        "camera_motion": [False, False],
        "occlusion": [False, False],
    }


def test_annotations_alone_with_recorded_sizes(tmp_path: Path) -> None:
    home = tmp_path / "vot2014"
    write_lines(home / "annotations" / NAME / "groundtruth.txt", box_lines(4))
    write_lines(home / "annotations" / "sequences.json", [f'{{"{NAME}": {{"frames": 4, "image_size": [320, 240]}}}}'])
    with pytest.raises(MissingDataError, match="have no pictures"):
        load(tmp_path)
    sequence = load(tmp_path, annotations_only=True).sequences[0]
    assert (sequence.frames, sequence.image_size) == (None, (320, 240))


@pytest.mark.parametrize(("folder", "suite", "fine"), [
    ("vot2016", "vot2015", False), ("VOT2015", "vot2016", False), ("vot2014", "vot2013", False),
    ("vot2018", "vot2017", True), ("vot2017", "vot2018", True), ("my_vot", "vot2015", True),
    ("vot2018/vot2016", "vot2016", True), ("vot2016/sequences", "vot2015", False),
])  # fmt: skip
def test_another_years_folder_is_refused(tmp_path: Path, folder: str, suite: str, fine: bool) -> None:
    name, n = ("bolt", 3) if suite == "vot2013" else ("bmx", 76)
    write_lines(tmp_path / folder / name / "groundtruth.txt", box_lines(n, 0.1))
    if fine:
        assert len(load(tmp_path / folder, suite, name, annotations_only=True).sequences[0]) == n
    else:
        with pytest.raises(DataError, match=r"this is the folder of .*Use --suite|this is the folder of"):
            load(tmp_path / folder, suite, name, annotations_only=True)


def test_a_list_with_another_years_names_is_refused(tmp_path: Path) -> None:
    vot_sequence(tmp_path, NAME, 3)
    write_lines(tmp_path / "list.txt", [NAME, "zebrafish1"])
    with pytest.raises(DataError, match="it lists zebrafish1, which VOT2014 does not have"):
        load(tmp_path)


@pytest.mark.parametrize("names", [["../secret"], ["ball", "ball"], [""]])
def test_a_broken_list(tmp_path: Path, names: list[str]) -> None:
    vot_sequence(tmp_path, NAME, 3)
    write_lines(tmp_path / "list.txt", names)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert caught.value.where == tmp_path / "list.txt"


def test_a_short_list_of_a_partial_copy_is_fine(tmp_path: Path) -> None:
    vot_sequence(tmp_path, NAME, 3)
    write_lines(tmp_path / "list.txt", [NAME])
    suite = load_suite(YEAR, tmp_path, allow_missing=True)
    assert suite.coverage == "1 of 25 sequences"
    assert len(suite.missing) == 24


def test_known_lengths_are_checked_without_pictures(tmp_path: Path) -> None:
    write_lines(tmp_path / "annotations" / "bmx" / "groundtruth.txt", box_lines(75))
    with pytest.raises(DataError, match="75 lines for 76 frames of bmx in VOT2016"):
        load(tmp_path, "vot2016", "bmx", annotations_only=True)


def broken(fault: str, home: Path) -> None:
    truth = home / "groundtruth.txt"
    lines = truth.read_text().splitlines()
    if fault == "fewer lines":
        write_lines(truth, lines[:-1])
    elif fault == "more lines":
        write_lines(truth, [*lines, lines[-1]])
    elif fault == "six values":
        write_lines(truth, [lines[0], "1,2,3,4,5,6", *lines[2:]])
    elif fault == "nan first":
        write_lines(truth, [",".join(["nan"] * 8), *lines[1:]])
    elif fault == "outside first":
        write_lines(truth, ["100,1,109,1,109,9,100,9", *lines[1:]])
    elif fault == "missing picture":
        (home / "00000002.jpg").unlink()
    elif fault == "long label":
        write_lines(home / "occlusion.label", ["0"] * 6)
    else:
        write_lines(home / "occlusion.label", ["0", "maybe"])


FAULTS = {
    "fewer lines": ("4 lines for 5 pictures in ball/", None),
    "more lines": ("6 lines for 5 pictures in ball/", None),
    "six values": ("6 values instead of 8 as in line 1|6 values instead of 4 or 8", 2),
    "nan first": ("no area", 1),
    "outside first": ("outside the image", 1),
    "missing picture": ("picture is missing", None),
    "long label": ("6 lines for 5 frames", None),
    "bad label": ("'maybe' is not a number", 2),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(tmp_path: Path, fault: str) -> None:
    broken(fault, vot_sequence(tmp_path, NAME, 5))
    problem, line = FAULTS[fault]
    with pytest.raises(DataError, match=problem) as caught:
        load(tmp_path)
    assert caught.value.line == line


def test_a_polygon_without_annotation_later_is_nan(tmp_path: Path) -> None:
    home = vot_sequence(tmp_path, NAME, 3)
    lines = (home / "groundtruth.txt").read_text().splitlines()
    write_lines(home / "groundtruth.txt", [*lines[:2], ",".join(["nan"] * 8)])
    assert np.isnan(load(tmp_path).sequences[0].ground_truth[2]).all()


def test_pictures_of_different_sizes_are_allowed(tmp_path: Path) -> None:
    home = vot_sequence(tmp_path, NAME, 3)
    write_picture(home / "00000002.jpg", width=80, height=60)
    frames = load(tmp_path).sequences[0].frames
    assert frames is not None
    assert [frame.shape[:2] for frame in (frames[0], frames[1])] == [(HEIGHT, WIDTH), (60, 80)]


class TestRealData:
    @pytest.mark.parametrize("below", ["", "vot2016"])
    def test_four_sequences(self, real_data: Path, below: str) -> None:
        suite = load_suite("vot2016", real_data / below, allow_missing=True)
        assert suite.coverage == "4 of 60 sequences"
        assert {s.name: len(s) for s in suite.sequences} == {
            "bag": 196,
            "book": 175,
            "motocross1": 164,
            "pedestrian1": 140,
        }
        assert (suite.eao_interval, suite.bounded, suite.family, suite.protocol) == (
            (108, 371),
            True,
            "vot",
            "supervised",
        )

    def test_whole_annotations(self, published_results: Path) -> None:
        # One sequence of 2017 and 2018 is annotated with upright boxes among the polygons.
        for year, n, boxed in (("vot2016", 21455, set()), ("vot2018", 21356, {"conduction1"})):
            suite = load_suite(year, published_results, annotations_only=True)
            assert suite.coverage == "60 sequences"
            assert sum(map(len, suite.sequences)) == n
            assert {s.name for s in suite.sequences if s.polygons is None} == boxed
            assert all(s.polygons is None or s.polygons.shape == (len(s), 8) for s in suite.sequences)
            assert len(suite.sequences[0].frame_attributes) == 5
            known = sum(s.image_size is not None for s in suite.sequences)
            assert known == (50 if year == "vot2016" else 60)

    def test_another_year_by_its_list(self, published_results: Path) -> None:
        with pytest.raises(DataError):
            load_suite("vot2019", published_results / "vot2018", annotations_only=True, allow_missing=True)
