"""LaSOT's and TrackingNet's rules against definitions written as loops, from the descriptions of their evaluators."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.metrics.conventions import get_convention
from spm_bench.metrics.success import covered_frames, headlines, measure_frames, pass_curves
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites.base import Sequence
from tests.metrics.references import Row, difficult_run, error, normalised, overlap, repaired
from tests.scoring.fakes import MemoryResults, make_suite, one_pass

ONE_BASED = np.array((1.0, 1.0, 0.0, 0.0))
LASOT, TRACKINGNET = get_convention("lasot"), get_convention("trackingnet")


def lasot_by_loop(results: list[Row], truth: list[Row], absent: list[bool]) -> dict[str, float]:
    """1-based boxes. Absent frames are taken out, and the counts divided by the number of all frames."""
    kept = [(r, g) for r, g, gone in zip(repaired(results, truth), truth, absent, strict=True) if not gone]
    frames = []
    for r, g in kept:
        ok = all(value > 0 for value in g)
        frames.append((overlap(r, g), error(r, g), normalised(r, g)) if ok else (-1.0, -1.0, -1.0))
    n = len(truth)
    success = [sum(f[0] > k * 0.05 for f in frames) / n for k in range(21)]
    return {
        "auc": sum(success) / 21,
        "precision": sum(f[1] <= 20 for f in frames) / n,
        "normalised_precision": sum(f[2] <= 0.2 for f in frames) / n,
    }


def whole(value: float) -> float:
    """Half to even, like numpy."""
    return value if math.isnan(value) else float(round(value))


def trackingnet_by_loop(results: list[Row], truth: list[Row]) -> dict[str, float]:
    """Whole pixels, corners inclusive, one at a time."""
    frames, seen = [], 0
    for i, (result, anno) in enumerate(zip(results, truth, strict=True)):
        g = [whole(v) for v in anno]
        r = g if i == 0 else [whole(v) for v in result]
        seen += sum(r) > 0
        left, top = max(r[0], g[0]), max(r[1], g[1])
        right, bottom = min(r[0] + r[2] - 1, g[0] + g[2] - 1), min(r[1] + r[3] - 1, g[1] + g[3] - 1)
        shared = max(right - left + 1, 0) * max(bottom - top + 1, 0)
        dx, dy = g[0] + (g[2] + 1) / 2 - r[0] - (r[2] + 1) / 2, g[1] + (g[3] + 1) / 2 - r[1] - (r[3] + 1) / 2
        if any(map(math.isnan, r)):
            frames.append((-1.0, math.inf, math.inf))
        else:
            joined = r[2] * r[3] + g[2] * g[3] - shared
            frames.append((shared / joined, math.hypot(dx, dy), math.hypot(dx / g[2], dy / g[3])))
    n = len(frames)
    success = [sum(f[0] >= t for f in frames) / n for t in np.linspace(0, 1, 21)]
    precise = [sum(f[1] <= t for f in frames) / n for t in np.linspace(0, 50, 21)]
    normal = [sum(f[2] <= t for f in frames) / n for t in np.linspace(0, 0.5, 21)]
    area = [sum((a + b) / 2 for a, b in pairwise(y)) / 20 for y in (success, precise, normal)]
    names = ("auc", "precision_area", "normalised_precision")
    return {**dict(zip(names, area, strict=True)), "coverage": seen / n}


@pytest.mark.parametrize("seed", range(8))
def test_lasot_equals_its_loop(seed: int) -> None:
    results, truth = difficult_run(seed)
    absent = np.random.default_rng(seed).random(len(truth)) < 0.2
    absent[0] = False
    frames = measure_frames(results - ONE_BASED, truth - ONE_BASED, [len(truth)], LASOT, absent=absent)
    found = {k: float(v[0]) for k, v in headlines(pass_curves(frames, [len(truth)], LASOT), LASOT).items()}
    assert found == pytest.approx(lasot_by_loop(results.tolist(), truth.tolist(), absent.tolist()), abs=1e-12)


def test_absent_frames_of_lasot_cost_what_they_are_of_the_whole_sequence() -> None:
    """A perfect tracker loses exactly the absent share, as the denominator stays the full length."""
    truth = np.array([[10.0, 10, 20, 20]] * 8)
    absent = np.array([False] * 6 + [True] * 2)
    suite = make_suite(Sequence("a", truth, frame_attributes={"absent": absent}))
    evaluation = evaluate(suite, MemoryResults({"a": (one_pass(truth),)}), "lasot")
    assert evaluation.score("precision").value == pytest.approx(6 / 8)
    assert evaluation.score("auc").value == pytest.approx(6 / 8 * 20 / 21)
    assert evaluate(suite, MemoryResults({"a": (one_pass(truth),)})).score("precision").value == 1.0


def trackingnet_run(seed: int, n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.uniform(0, 80, (n, 2)), rng.uniform(5, 40, (n, 2))], 1).round(1)
    results = truth + rng.normal(0, 4, (n, 4)).round(1)
    results[:, 2:] = np.abs(results[:, 2:]) + 1
    results[:6] = np.round(results[:6]) + 0.5  # halves round to even
    results[rng.integers(1, n, 4)] = 0
    results[rng.integers(1, n, 2)] = np.nan
    return results, truth


@pytest.mark.parametrize("seed", range(8))
def test_trackingnet_equals_its_loop(seed: int) -> None:
    results, truth = trackingnet_run(seed)
    suite = make_suite(Sequence("a", truth))
    evaluation = evaluate(suite, MemoryResults({"a": (one_pass(results),)}), "trackingnet")
    expected = trackingnet_by_loop(results.tolist(), truth.tolist())
    assert {s.metric: s.value for s in evaluation.scores} == pytest.approx(expected, abs=1e-12)
    assert [s.metric for s in evaluation.scores] == list(expected)


def test_coverage_pools_frames_and_the_curves_average_sequences() -> None:
    truth = np.array([[200.0, 10, 20, 20]] * 4)
    long = np.repeat(truth, 4, axis=0)
    suite = make_suite(Sequence("short", truth), Sequence("long", long))
    results = MemoryResults({"short": (one_pass(truth * [[1], [1], [0], [0]]),), "long": (one_pass(long),)})
    evaluation = evaluate(suite, results, "trackingnet")
    assert evaluation.score("coverage").value == pytest.approx(18 / 20)
    assert evaluation.score("precision_area").value == pytest.approx((0.5 + 1) / 2)
    per_sequence = evaluation.per_sequence.set_index(["sequence", "metric"])["value"]
    assert per_sequence["short", "coverage"] == 0.5
    statistic = evaluation.statistics["coverage"]
    assert statistic.value == pytest.approx(18 / 20)


def test_suites_are_scored_by_their_own_rules_unless_others_are_asked_for() -> None:
    truth = np.array([[10.0, 10, 20, 20]] * 4)
    results = MemoryResults({"a": (one_pass(truth),)})
    suite = replace(make_suite(Sequence("a", truth)), convention="trackingnet")
    assert evaluate(suite, results).score("auc").convention == "trackingnet"
    assert evaluate(suite, results).score("auc").value == 1.0, "overlaps of 1 count at the threshold 1"
    assert evaluate(suite, results, "otb-matlab").score("auc").value == pytest.approx(20 / 21)


boxes = st.lists(
    st.tuples(*[st.floats(0, 200, allow_nan=False)] * 2, *[st.floats(1, 90, allow_nan=False)] * 2),
    min_size=2,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(boxes, st.integers(0, 2**32 - 1))
def test_scores_are_shares_and_frames_can_be_shuffled(rows: list[tuple[float, ...]], seed: int) -> None:
    truth = np.array(rows)
    rng = np.random.default_rng(seed)
    results = truth + rng.normal(0, 8, truth.shape)
    order = np.concatenate(([0], 1 + rng.permutation(len(truth) - 1)))
    for rules in (LASOT, TRACKINGNET):
        found = []
        for rows_of in (np.arange(len(truth)), order):
            frames = measure_frames(results[rows_of], truth[rows_of], [len(truth)], rules)
            curves = pass_curves(frames, [len(truth)], rules)
            assert (np.diff(curves.success) <= 0).all()
            assert (np.diff(curves.precision) >= 0).all()
            found.append({k: float(v[0]) for k, v in headlines(curves, rules).items()})
        assert all(0.0 <= value <= 1.0 for value in found[0].values())
        if rules.invalid_result == "as-is":  # a repaired result depends on the frame before it
            assert found[0] == pytest.approx(found[1], abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(boxes)
def test_a_perfect_tracker_is_perfect_under_trackingnet(rows: list[tuple[float, ...]]) -> None:
    truth = np.array(rows)
    frames = measure_frames(truth, truth, [len(truth)], TRACKINGNET)
    found = headlines(pass_curves(frames, [len(truth)], TRACKINGNET), TRACKINGNET)
    assert all(value[0] == pytest.approx(1.0) for value in found.values())
    assert covered_frames(truth, truth, [len(truth)], TRACKINGNET).all()
