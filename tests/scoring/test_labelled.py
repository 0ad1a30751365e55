"""Scores of labelled frames in VOT's experiments without resets: the same numbers, with their intervals."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate_all
from spm_bench.scoring.multistart import ROBUSTNESS
from spm_bench.scoring.no_reset import AVERAGE_OVERLAP
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.starts import run_spans
from tests.scoring.fakes import MemoryResults, make_suite, one_pass

N = 120


def sequence(name: str, **labels: np.ndarray) -> Sequence:
    truth = np.array([[20.0, 20, 30, 40]] * N) + np.arange(N)[:, None] * [0.5, 0.25, 0, 0]
    return Sequence(name, truth, frame_attributes=labels, image_size=(160, 120))


@pytest.fixture(scope="module")
def suite() -> Suite:
    """ "all" is on every frame, "ant" on those of one sequence, "some" on a third of each, "never" on no frame."""
    every, some, never = np.ones(N, bool), np.arange(N) % 3 == 0, np.zeros(N, bool)
    labelled = partial(sequence, all=every, some=some, never=never)
    return make_suite(labelled("ant", ant=every), labelled("bee"), labelled("cat"), family="vot")


def scored(suite: Suite, protocol: str) -> Evaluation:
    """A tracker that drifts off in the last runs over `bee`."""
    rng = np.random.default_rng(3)
    passes = {}
    for one in suite.sequences:
        found = []
        for number, span in enumerate(run_spans(one) if protocol == "multistart" else [range(N)]):
            boxes = one.ground_truth[np.array(span)] + rng.normal(0, 3, (len(span), 4))
            if one.name == "bee" and number % 2 == 0:
                boxes[30:, 0] += 70
            found.append(one_pass(boxes))
        passes[one.name] = tuple(found)
    results = MemoryResults(passes, protocol=protocol)
    return evaluate_all(replace(suite, protocol=protocol, family=f"vot-{protocol}"), [results])[0]


@pytest.mark.parametrize(("protocol", "metric"), [("multistart", "accuracy"), ("unsupervised", AVERAGE_OVERLAP)])
def test_labelled_frames_have_scores_and_statistics(suite: Suite, protocol: str, metric: str) -> None:
    found = scored(suite, protocol)
    table = found.per_attribute
    assert table is not None
    rows = table[table["metric"] == metric]
    values = {
        str(name): (float(value), int(n))
        for name, value, n in zip(rows["attribute"], rows["value"], rows["n_sequences"], strict=True)
    }
    assert sorted(values) == sorted(found.attributes) == ["all", "ant", "some"]
    of_ant = found.per_sequence.query("sequence == 'ant' and metric == @metric")["value"].item()
    assert values["ant"][0] == pytest.approx(of_ant, abs=1e-12)
    assert {name: n for name, (_, n) in values.items()} == {"all": 3, "ant": 1, "some": 3}
    if protocol == "multistart":
        assert values["all"][0] == pytest.approx(found.score(metric).value, abs=1e-12)
        assert found.score(ROBUSTNESS).value != 1, "a run has failed"
    for name, part in found.attributes.items():
        assert part.sequences == (("ant",) if name == "ant" else ("ant", "bee", "cat"))
        statistic = part.statistics[metric]
        assert statistic.value == pytest.approx(values[name][0], abs=1e-12)
    drawn = found.attributes["some"].statistics[metric]
    assert len(drawn.singles) == 3
    assert drawn.singles[0] > drawn.singles[1], "bee is the one that is lost"
