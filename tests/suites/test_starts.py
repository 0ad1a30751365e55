"""Where multi-start runs begin, and parts of sequences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spm_bench.suites.base import Sequence
from spm_bench.suites.starts import anchors_of, part_of, run_spans, spread_anchors


def numbered(n: int) -> Sequence:
    """Frame i is a picture of the value i."""
    boxes = np.arange(n * 4, dtype=np.float64).reshape(n, 4) + 1
    frames = [np.full((2, 3, 3), i, dtype=np.uint8) for i in range(n)]
    flags = {"blur": np.arange(n) % 2 == 0}
    polygons = np.arange(n * 8, dtype=np.float64).reshape(n, 8)
    return Sequence("s", boxes, frames, polygons=polygons, frame_attributes=flags, cover=np.arange(n))


def test_anchors_of_ours_go_to_the_farther_end() -> None:
    anchors = spread_anchors(120)
    assert np.flatnonzero(anchors).tolist() == [0, 50, 100]
    assert anchors[[0, 50, 100]].tolist() == [1.0, 1.0, -1.0]
    assert spread_anchors(1).tolist() == [1.0]


def test_runs_in_the_toolkits_order() -> None:
    sequence = replace(numbered(6), anchors=np.array([0, -1, 2, 0, -3, 1.0]))
    assert [list(span) for span in run_spans(sequence)] == [[2, 3, 4, 5], [5], [1, 0], [4, 3, 2, 1, 0]]
    assert run_spans(replace(sequence, anchors=np.zeros(6))) == ()
    assert len(run_spans(numbered(120))) == 3
    assert anchors_of(sequence) is sequence.anchors


@pytest.mark.parametrize("span", [range(2, 6), range(3, -1, -1), range(0, 1), range(5, -1, -1)])
def test_a_part_has_the_rows_of_its_frames(span: range) -> None:
    whole = replace(numbered(6), anchors=np.ones(6))
    part, rows = part_of(whole, span), list(span)
    assert len(part) == len(rows)
    assert part.frames is not None
    assert [int(part.frames[i][0, 0, 0]) for i in range(len(part))] == rows
    np.testing.assert_array_equal(part.ground_truth, whole.ground_truth[rows])
    assert part.polygons is not None
    assert whole.polygons is not None
    np.testing.assert_array_equal(part.polygons, whole.polygons[rows])
    np.testing.assert_array_equal(part.frame_attributes["blur"], whole.frame_attributes["blur"][rows])
    assert part.anchors is None


def test_the_whole_is_no_part() -> None:
    whole = numbered(4)
    assert part_of(whole, range(4)) is whole
