"""Two trajectories side by side, against numbers counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.reproduce.boxes import RawFiles, check_there, compare_sequence
from spm_bench.results.layouts import get_layout, one_pass_trajectory
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.suites.base import Sequence

BOXES = np.array([[10.0, 10.0, 20.0, 10.0]] * 6)


def files(folder, family="otb"):
    return RawFiles(folder, get_layout(family), {"a": Sequence("a", BOXES)})


def write(folder, *passes, family="otb"):
    for number, trajectory in enumerate(passes, start=1):
        get_layout(family).write(folder, "a", number, trajectory)
    return files(folder, family)


def supervised(codes):
    """R: tracked, 1, 2, 0 as in the files."""
    of = {"R": FrameState.TRACKED, "1": FrameState.INIT, "2": FrameState.FAILURE, "0": FrameState.SKIPPED}
    states = np.array([of[c] for c in codes], dtype=np.int8)
    boxes = np.where((states == FrameState.TRACKED)[:, None], BOXES[: len(codes)], np.nan)
    return Trajectory(boxes, states, np.full(len(codes), np.nan))


def test_equal_files_are_not_read(tmp_path):
    first, second = write(tmp_path / "1", one_pass_trajectory(BOXES)), write(tmp_path / "2", one_pass_trajectory(BOXES))
    check = compare_sequence(first, second, "a")
    assert (check.identical, check.same(), check.frames, check.overlap) == (True, True, 6, 1.0)


def test_equal_boxes_written_otherwise_are_the_same_and_not_identical(tmp_path):
    first, second = write(tmp_path / "1", one_pass_trajectory(BOXES)), write(tmp_path / "2", one_pass_trajectory(BOXES))
    path = second.files("a")[0]
    path.write_text(path.read_text().replace(".0", ".00"))
    check = compare_sequence(first, second, "a")
    assert (check.identical, check.same(), check.differing, check.first, check.largest) == (False, True, 0, None, 0.0)


def test_where_boxes_part_and_how_far(tmp_path):
    moved = BOXES.copy()
    moved[3, 0] += 10.0  # half of its width: 10 x 10 are shared of 30 x 10
    moved[5, 3] += 0.25
    check = compare_sequence(
        write(tmp_path / "1", one_pass_trajectory(BOXES)), write(tmp_path / "2", one_pass_trajectory(moved)), "a"
    )
    assert (check.differing, check.first, check.repetition, check.states) == (2, 3, 1, 0)
    assert check.largest == pytest.approx(10.0)
    assert check.overlap == pytest.approx((1 + 1 + 1 / 3 + 1 + 10 / 10.25) / 5)  # the given box has no say
    assert not check.same(9.99)
    assert check.same(10.01)


def test_other_failures_are_other_states(tmp_path):
    first = write(tmp_path / "1", supervised("1RRRRR"), supervised("1RRRRR"), family="vot")
    second = write(tmp_path / "2", supervised("1RRRRR"), supervised("1RR200"), family="vot")
    check = compare_sequence(first, second, "a")
    assert (check.states, check.first, check.repetition, check.frames) == (3, 3, 2, 12)
    assert check.largest == 0.0
    assert not check.same(100.0)


def test_another_number_of_repetitions_is_no_sameness(tmp_path):
    first = write(tmp_path / "1", supervised("1RRRRR"), family="vot")
    second = write(tmp_path / "2", supervised("1RRRRR"), supervised("1RRRRR"), family="vot")
    check = compare_sequence(first, second, "a")
    assert (check.repetitions, check.differing, check.same(1.0)) == ((1, 2), 0, False)


def test_missing_raw_files_are_named(tmp_path):
    with pytest.raises(ResultsError, match="none is there") as caught:
        check_there(files(tmp_path), "a", 1)
    assert caught.value.where == tmp_path / "a.txt"
    first = write(tmp_path / "1", supervised("1RRRRR"), family="vot")
    with pytest.raises(ResultsError, match="of its 3 raw files only 1 are there"):
        check_there(first, "a", 3)
