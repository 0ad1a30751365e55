import errno
import os

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.results import files, formats
from spm_bench.results.layouts import LAYOUTS, get_layout, one_pass_trajectory
from spm_bench.results.trajectory import FrameState, Trajectory

RNG = np.random.default_rng(5)
BOXES = RNG.normal(scale=100, size=(7, 4))


def put(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_otb_is_one_based_on_disk_and_zero_based_inside(tmp_path):
    path = tmp_path / "a.txt"
    formats.write_otb(path, np.array([[0.0, 0.5, 10, 20], [1, 2, 3, 4.25]]))
    assert path.read_text() == "1.0,1.5,10.0,20.0\n2.0,3.0,3.0,4.25\n"
    assert formats.read_otb(path, 2).tolist() == [[0, 0.5, 10, 20], [1, 2, 3, 4.25]]


def test_writing_does_not_shift_the_callers_boxes(tmp_path):
    before = BOXES.copy()
    formats.write_otb(tmp_path / "a.txt", BOXES)
    assert (before == BOXES).all()


def test_got10k_keeps_every_bit(tmp_path):
    formats.write_got10k(tmp_path / "a.txt", BOXES)
    assert (formats.read_got10k(tmp_path / "a.txt", 7) == BOXES).all()


def test_otb_keeps_all_but_the_rounding_of_the_shift(tmp_path):
    formats.write_otb(tmp_path / "a.txt", BOXES)
    back = formats.read_otb(tmp_path / "a.txt", 7)
    assert (back[:, 2:] == BOXES[:, 2:]).all()
    assert np.abs(back - BOXES).max() < 1e-13


def test_vot_round_trip_with_codes(tmp_path):
    states = np.array([1, 3, 2, 0, 0, 1, 3], dtype=np.int8)
    boxes = np.where((states == 3)[:, None], BOXES, np.nan)
    formats.write_vot(tmp_path / "a.txt", Trajectory(boxes, states, np.zeros(7)))
    back = formats.read_vot(tmp_path / "a.txt", 7)
    assert back.states.tolist() == states.tolist()
    np.testing.assert_array_equal(back.boxes, boxes)
    assert back.polygons is None
    assert np.isnan(back.seconds).all()


def test_vot_polygons_and_boxes_in_one_file(tmp_path):
    path = put(tmp_path / "a.txt", "1\n1,2,3,4\n0,0,4,1,5,6,-1,2\n1.0\n2.000\n")
    back = formats.read_vot(path, 5)
    assert back.states.tolist() == [1, 3, 3, 1, 2]
    assert back.boxes[1:3].tolist() == [[1, 2, 3, 4], [-1, 0, 6, 6]]
    assert back.polygons[2].tolist() == [0, 0, 4, 1, 5, 6, -1, 2]
    assert np.isnan(back.polygons[[0, 1, 3, 4]]).all()


@pytest.mark.parametrize("line", ["nan,nan,nan,nan", "1,nan,3,4", "NaN,1,2,3,4,5,6,7"])
def test_vot_regions_with_nan_are_unknown_as_in_the_toolkit(tmp_path, line):
    back = formats.read_vot(put(tmp_path / "a.txt", f"1\n{line}\n1,2,3,4\n"), 3)
    assert back.states.tolist() == [1, 0, 3]
    assert np.isnan(back.boxes[1]).all()


def test_nan_boxes_are_legal_in_otb_only(tmp_path):
    path = put(tmp_path / "a.txt", "1,2,3,4\nNaN,NaN,NaN,NaN\n")
    assert np.isnan(formats.read_otb(path, 2)[1]).all()
    with pytest.raises(ResultsError, match="line 2"):
        formats.read_got10k(path, 2)


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3,4\n5,6,7,8\n",
        "1\t2\t3\t4\n5 6 7 8\n",
        "\ufeff1, 2, 3, 4\r\n5,\t6,7 8\r\n",
        "1;2;3;4\n5;6;7;8",
        "1,2,3,4\n5,6,7,8\n\n",
    ],
)
@pytest.mark.parametrize("read", [formats.read_got10k, lambda path, n: formats.read_vot(path, n).boxes])
def test_separators_line_ends_and_marks_of_the_wild(tmp_path, text, read):
    assert read(put(tmp_path / "a.txt", text), 2).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


BROKEN = [
    ("1,2,3,4\n5,6,7\n", "line 2"),
    ("1,2,3,4\n5,6,seven,8\n", "line 2"),
    ("1,2,3,4\n", "1 lines.* 2 frames"),
    ("1,2,3,4\n" * 3, "3 lines.* 2 frames"),
    ("", "a.txt"),
    ("1,2,3,4\n5,6,inf,8\n", "line 2"),
    ("1,2,3,4\n5,,7,8\n", "line 2"),
    (b"\x00\x01\x02\xff\n\xfe\n", "a.txt"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
@pytest.mark.parametrize("read", [formats.read_otb, formats.read_got10k, formats.read_vot])
def test_broken_files_are_refused_with_file_and_line(tmp_path, text, message, read):
    path = put(tmp_path / "a.txt", text)
    with pytest.raises(ResultsError, match=message) as caught:
        read(path, 2)
    assert "a.txt" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n3\n", "line 2.*none of the codes"),
        ("1\n-1\n", "line 2.*none of the codes"),
        ("1\n0.5\n", "line 2.*none of the codes"),
        ("1\nnan\n", "line 2.*none of the codes"),
        ("1\n1,2\n", "line 2.*found 2 values"),
        ("1\n1,2,3,4,5,6\n", "line 2.*found 6 values"),
        ("1\nm0,0,5,5,3,4\n", "line 2.*masks"),
        ("1\n\n1,2,3,4\n", "line 2"),
    ],
)
def test_broken_vot_files(tmp_path, text, message):
    with pytest.raises(ResultsError, match=message):
        formats.read_vot(put(tmp_path / "a.txt", text), text.count("\n"))


@pytest.mark.parametrize("read", [formats.read_otb, formats.read_got10k, formats.read_vot])
def test_our_own_files_end_with_a_line_break_or_are_cut(tmp_path, read):
    path = put(tmp_path / "a.txt", "1,2,3,4\n5,6,7,88")
    with pytest.raises(ResultsError, match=r"line 2.*incomplete"):
        read(path, 2, whole=True)
    read(path, 2)


@pytest.mark.parametrize("read", [formats.read_otb, formats.read_got10k, formats.read_vot, formats.read_seconds])
def test_missing_files_and_folders_in_their_place(tmp_path, read):
    with pytest.raises(ResultsError, match="nowhere"):
        read(tmp_path / "nowhere.txt", 2)
    with pytest.raises(ResultsError):
        read(tmp_path, 2)


def test_seconds_round_trip_in_both_dialects(tmp_path):
    seconds = np.array([[0.1, 1 / 3], [np.nan, 2.0]])
    formats.write_seconds(tmp_path / "a", seconds)
    assert (tmp_path / "a").read_text() == "0.1,0.3333333333333333\nnan,2.0\n"
    np.testing.assert_array_equal(formats.read_seconds(tmp_path / "a", 2), seconds)
    formats.write_seconds(tmp_path / "b", np.array([np.nan, 0.5, np.nan]), untimed="")
    assert (tmp_path / "b").read_text() == "\n0.5\n\n"
    np.testing.assert_array_equal(formats.read_seconds(tmp_path / "b", 3), [[np.nan], [0.5], [np.nan]])


@pytest.mark.parametrize("text", ["0.1\nfast\n", "0.1\n0.1,0.2\n", "0.1\n"])
def test_broken_seconds(tmp_path, text):
    with pytest.raises(ResultsError, match=r"a\.txt"):
        formats.read_seconds(put(tmp_path / "a.txt", text), 2)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = put(tmp_path / "a.txt", "old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsError, match=r"disk is full.*Free some space"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.EROFS, "read-only.*--out"),
        (errno.EACCES, "permission.*--out"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "cannot write: Input/output"),
    ],
)
def test_file_system_errors_name_a_remedy(tmp_path, monkeypatch, code, message):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.tempfile, "mkstemp", fail)
    with pytest.raises(ResultsError, match=message):
        files.write_text(tmp_path / "a.txt", "text")


def test_a_file_in_place_of_the_folder(tmp_path):
    put(tmp_path / "results", "I am a file")
    with pytest.raises(ResultsError, match="a file is where a folder should be") as caught:
        files.write_text(tmp_path / "results" / "deep" / "a.txt", "text")
    assert caught.value.where == tmp_path / "results"


def test_written_files_have_ordinary_permissions(tmp_path):
    files.write_text(tmp_path / "a.txt", "text")
    (tmp_path / "b.txt").write_text("text")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    path = put(tmp_path / "a.mp4", "old")
    with files.replacing(path, ending=".mp4") as temporary:
        assert (temporary.parent, temporary.suffix, temporary.name[0]) == (tmp_path, ".mp4", ".")
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"

    def half():
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_killed_processes_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "deep").mkdir()
    leftover = put(tmp_path / "deep" / f".a.txt.x{files.TEMPORARY_SUFFIX}", "half")
    kept = [put(tmp_path / "deep" / name, "") for name in ("a.txt", "b.tmp", ".lock")]
    assert files.remove_leftovers(tmp_path) == [leftover]
    assert all(path.exists() for path in kept)


@pytest.mark.parametrize("family", LAYOUTS)
def test_layouts_round_trip_with_seconds(tmp_path, family):
    layout = get_layout(family)
    repetitions = 3 if layout.repeats else 1
    made = []
    for r in range(1, repetitions + 1):
        boxes, seconds = RNG.normal(size=(5, 4)), RNG.random(5)
        trajectory = one_pass_trajectory(boxes, seconds)
        if family.startswith("vot"):
            boxes[0] = np.nan
        made.append(trajectory)
        layout.write(tmp_path, "s", r, trajectory)
    assert layout.count_repetitions(tmp_path, "s") == repetitions
    for r, trajectory in enumerate(made, start=1):
        back = layout.read(tmp_path, "s", 5, repetition=r, whole=True)
        np.testing.assert_allclose(back.boxes, trajectory.boxes, rtol=0, atol=1e-14)
        assert back.states.tolist() == [FrameState.INIT] + [FrameState.TRACKED] * 4
        assert (back.seconds == trajectory.seconds).all()


@pytest.mark.parametrize(
    ("family", "files"),
    [
        ("otb", ["s.txt", "times/s_time.txt"]),
        ("got10k", ["s/s_001.txt", "s/s_time.txt"]),
        ("vot", ["baseline/s/s_001.txt", "baseline/s/s_001_time.value"]),
    ],
)
def test_layouts_are_those_of_the_toolkits(tmp_path, family, files):
    get_layout(family).write(tmp_path, "s", 1, one_pass_trajectory(np.ones((2, 4)), np.ones(2)))
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == files


def test_a_repetition_killed_between_its_two_files_leaves_no_trace_in_the_seconds(tmp_path):
    layout = get_layout("got10k")
    layout.write(tmp_path, "s", 1, one_pass_trajectory(np.ones((2, 4)), np.array([0.1, 0.2])))
    formats.write_seconds(tmp_path / "s" / "s_time.txt", np.array([[0.1, 9.0], [0.2, 9.0]]))
    layout.write(tmp_path, "s", 2, one_pass_trajectory(np.ones((2, 4)), np.array([0.3, 0.4])))
    assert (tmp_path / "s" / "s_time.txt").read_text() == "0.1,0.3\n0.2,0.4\n"


def test_results_without_seconds_have_unknown_ones(tmp_path):
    put(tmp_path / "s.txt", "1,2,3,4\n1,2,3,4\n")
    assert np.isnan(get_layout("otb").read(tmp_path, "s", 2).seconds).all()


def test_gaps_between_repetitions(tmp_path):
    layout = get_layout("vot")
    for r in (1, 3):
        layout.write(tmp_path, "s", r, one_pass_trajectory(np.ones((2, 4)), np.ones(2)))
    with pytest.raises(ResultsError, match="repetition 2 of s is missing"):
        layout.count_repetitions(tmp_path, "s")
