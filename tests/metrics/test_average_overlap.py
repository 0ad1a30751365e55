"""GOT-10k's average overlap: which frames count, and what pooling does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm_bench.metrics.average_overlap import counted_frames, overlap_scores
from spm_bench.metrics.conventions import get_convention
from spm_bench.metrics.success import measure_frames


def test_the_first_frame_and_hidden_targets_do_not_count() -> None:
    cover = [8, 3, 0, 8, 8, 1]
    assert counted_frames([4, 2], cover).tolist() == [False, True, False, True, False, True]
    assert counted_frames([4, 2], cover, without_first=False).tolist() == [True, True, False, True, True, True]
    assert counted_frames([2, 1], None).tolist() == [False, True, False]
    with pytest.raises(ValueError, match="cover"):
        counted_frames([3], [1, 1])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8).map(lambda k: k / 8)), max_size=40))
def test_scores_are_means_and_strict_shares(frames: list[tuple[int, float]]) -> None:
    groups, overlaps = [g for g, _ in frames], [v for _, v in frames]
    scores = overlap_scores(overlaps, groups, 4)
    for i in range(4):
        members = [v for g, v in frames if g == i]
        if not members:
            assert all(np.isnan(scores[metric][i]) for metric in scores)
            continue
        assert scores["ao"][i] == pytest.approx(np.mean(members))
        assert scores["sr50"][i] == pytest.approx(np.mean([v > 0.5 for v in members]))
        assert scores["sr75"][i] == pytest.approx(np.mean([v > 0.75 for v in members]))


def test_pooling_weighs_frames_not_sequences() -> None:
    overlaps, groups = [1.0, 0.0, 0.0, 0.0], [0, 1, 1, 1]
    assert overlap_scores(overlaps, groups, 2)["ao"].mean() == 0.5
    assert overlap_scores(overlaps, [0] * 4, 1)["ao"].tolist() == [0.25]


def test_clamping_shifts_a_box_at_the_border_and_cutting_does_not() -> None:
    truth, result = np.array([[0.0, 0, 10, 10]] * 2), np.array([[-5.0, 0, 10, 10]] * 2)
    by_rule = {
        name: measure_frames(result, truth, [2], get_convention(name), sizes=(50, 50)).overlaps[1]
        for name in ("got10k", "got10k-cut")
    }
    assert by_rule == {"got10k": 1.0, "got10k-cut": 0.5}
