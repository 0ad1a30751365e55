"""Extra metrics: found by themselves, averaged over passes and sequences, direction and range as declared."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.metrics.extra import PassMeasures, SequenceMetric, extra_metrics, get_extra_metric
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.extra import measure_pass
from spm_bench.suites.base import Sequence, Suite

N = 5
TRUTH = np.tile([10.0, 10, 20, 20], (N, 1))


class Results:
    """Two sequences, two passes each: lost from a given frame on."""

    tracker, variant, protocol, run, trained, source, note = "T", "base", "one_pass", "folder", "", "raw results", ""
    label = "T"
    lost_from: ClassVar = {"a": (2, 4), "b": (5, 5)}

    def has(self, sequence: str) -> bool:
        return sequence in self.lost_from

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        passes = []
        for start in self.lost_from[sequence.name]:
            boxes = TRUTH.copy()
            boxes[start:, 0] += 500
            states = np.full(N, FrameState.TRACKED, np.int8)
            states[0] = FrameState.INIT
            passes.append(Trajectory(boxes, states, np.full(N, np.nan)))
        return tuple(passes)


def score(*names: str) -> Evaluation:
    sequences = (Sequence("a", TRUTH), Sequence("b", TRUTH))
    return evaluate(Suite("s", "S", "otb", "one_pass", sequences, 3), Results(), extra=names)


def mean_centre_error(measures: PassMeasures) -> float:
    return float(np.nanmean(measures.centre_errors))


ERROR = SequenceMetric("centre_error", "mean centre error in pixels", mean_centre_error, higher_is_better=False)


def test_tracking_length_by_hand() -> None:
    found = score("tracking_length").score("tracking_length")
    assert found.value == pytest.approx(((2 / 5 + 4 / 5) / 2 + 1.0) / 2)
    assert (found.n_sequences, found.n_total, found.convention) == (2, 3, "boxes")


def test_a_metric_from_anywhere_with_its_direction() -> None:
    found = score("tests.scoring.test_extra:ERROR").score("centre_error")
    assert found.value == pytest.approx(((500 * 3 / 5 + 500 * 1 / 5) / 2 + 0.0) / 2)
    assert not found.higher_is_better


def test_per_sequence_values_stand_beside_the_others() -> None:
    frame = score("tracking_length").per_sequence
    rows = frame[frame["metric"] == "tracking_length"].set_index("sequence")["value"]
    assert rows.to_dict() == pytest.approx({"a": 0.6, "b": 1.0})
    assert "auc" in set(frame["metric"])


def test_supervised_states_become_overlaps() -> None:
    states = np.array([1, 3, 2, 0, 1], np.int8)
    boxes = np.where((states == 3)[:, None], TRUTH, np.nan)
    measures = measure_pass(Trajectory(boxes, states, np.full(N, np.nan)), Sequence("a", TRUTH))
    np.testing.assert_array_equal(measures.overlaps, [1.0, 1.0, 0.0, np.nan, 1.0])


def test_every_shipped_metric_states_itself() -> None:
    for name, metric in extra_metrics().items():
        assert metric.name == name
        assert metric.about


@pytest.mark.parametrize(
    ("name", "told"), [("tracking_lenght", "Did you mean tracking_length"), ("math:pi", "is not a SequenceMetric")]
)
def test_bad_names(name: str, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        get_extra_metric(name)
    assert told in str(raised.value)


def _fail(_: PassMeasures) -> float:
    raise ZeroDivisionError("nothing to divide by")


FAILING = SequenceMetric("failing", "always raises", _fail)
CURVE = SequenceMetric("curve", "returns an array", lambda measures: measures.overlaps)  # type: ignore[arg-type, return-value]
WORDS = SequenceMetric("words", "returns a text", lambda _: "good")  # type: ignore[arg-type, return-value]
AUC = SequenceMetric("auc", "takes the name of another", lambda _: 1.0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("FAILING", "the metric failing failed on a: ZeroDivisionError: nothing to divide by"),
        ("CURVE", "the metric curve returned an array of shape (5,) on a"),
        ("WORDS", "the metric words failed on a: ValueError"),
        ("AUC", "two metrics called auc"),
    ],
)
def test_a_metric_that_breaks_its_contract_is_the_users_to_mend(name: str, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        score(f"tests.scoring.test_extra:{name}")
    assert told in str(raised.value)
    assert raised.value.remedy is not None


def test_a_metric_named_twice_is_computed_once() -> None:
    names = [s.metric for s in score("tracking_length", "tracking_length").scores]
    assert names.count("tracking_length") == 1
