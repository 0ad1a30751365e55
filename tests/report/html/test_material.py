"""What is gathered: order, values, and moments of loss."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.report.html.material import TOGETHER, Moment, gather, in_words
from tests.report.html.fakes import make_scored, make_suite


def test_trackers_are_best_first_and_values_theirs() -> None:
    suite = make_suite(4, 30)
    scored = make_scored(suite, ["A", "B", "C"])
    material = gather(scored[::-1], suite)
    assert [t.label for t in material.trackers] == ["A", "B", "C"]
    assert material.metrics[0] == "auc"
    assert material.metrics[-1] == "fps"
    means = material.values["auc"].mean(axis=1)
    np.testing.assert_allclose(means, [e.score("auc").value for e, _ in scored], atol=1e-12)


def test_a_sequence_without_a_result_has_no_value() -> None:
    suite = make_suite(3, 20)
    material = gather(make_scored(suite, ["A", "B"], without={"B": {"seq-01"}}), suite)
    place = [t.label for t in material.trackers].index("B")
    assert np.isnan(material.values["auc"][place]).tolist() == [False, True, False]


def test_sequences_that_nobody_ran_are_left_out() -> None:
    suite = make_suite(3, 20)
    material = gather(make_scored(suite, ["A"], without={"A": {"seq-01"}}), suite)
    assert [s.name for s in material.sequences] == ["seq-00", "seq-02"]


def test_losses_soon_after_one_another_are_one_moment() -> None:
    suite = make_suite(2, 100)
    material = gather(make_scored(suite, ["A", "B", "C", "D"]), suite)
    assert [m.sequence for m in material.moments] == [0, 1]
    assert all(abs(m.frame - 50) <= 1 for m in material.moments)  # the worst may be off a frame earlier
    assert all(set(m.lost) == {2, 3} for m in material.moments)
    assert TOGETHER < 50
    assert isinstance(material.moments[0], Moment)


@pytest.mark.parametrize(
    ("metric", "words"),
    [("auc", "AUC: area under the success curve"), ("accuracy", "Accuracy: mean overlap while tracking")],
)
def test_metrics_in_words(metric: str, words: str) -> None:
    assert in_words(metric) == words
