"""What must hold of every metric, whatever the boxes: bounds, symmetry, invariance, order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.geometry.boxes import iou
from spm_bench.geometry.polygons import exact_overlap, raster_overlap
from spm_bench.metrics.conventions import CONVENTIONS, get_convention
from spm_bench.metrics.vot_conventions import VOT_CONVENTIONS, VotConvention
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.one_pass import evaluate_one_pass
from spm_bench.scoring.supervised import evaluate_supervised
from spm_bench.suites.base import Sequence, Suite
from tests.metrics.supervised_runs import coded
from tests.scoring.fakes import MemoryResults, make_suite, one_pass

SIZE = (200, 150)
SUCCESS = [c.name for c in CONVENTIONS if c.scheme == "success"]
coordinate = st.floats(-50, 250, width=32)
side = st.floats(0.25, 120, width=32)
box = st.tuples(coordinate, coordinate, side, side).map(np.array)
corner = st.tuples(st.floats(0, 200, width=32), st.floats(0, 150, width=32))
quick = settings(max_examples=60, deadline=None, derandomize=True)


def convex(seed: int) -> np.ndarray:
    """A convex quadrilateral: four points of an ellipse, in order."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 4))
    centre, axes = rng.uniform(40, 120, 2), rng.uniform(5, 40, 2)
    return (centre + axes * np.stack((np.cos(angles), np.sin(angles)), 1)).ravel()


@quick
@given(a=box, b=box, move=st.tuples(st.integers(-40, 40), st.integers(-40, 40)), scale=st.sampled_from([0.5, 2.0, 4.0]))
def test_box_overlaps(a: np.ndarray, b: np.ndarray, move: tuple[int, int], scale: float) -> None:
    value = float(iou(a, b))
    assert 0.0 <= value <= 1.0
    assert value == float(iou(b, a))
    assert float(iou(a, a)) == pytest.approx(1.0)
    moved = float(iou(np.add(a, (*move, 0, 0)), np.add(b, (*move, 0, 0))))
    assert moved == pytest.approx(value, abs=1e-9)
    assert float(iou(a * scale, b * scale)) == pytest.approx(value, abs=1e-9)
    mirrored = [np.array((-v[0] - v[2], v[1], v[2], v[3])) for v in (a, b)]
    assert float(iou(*mirrored)) == pytest.approx(value, abs=1e-9)
    turned = [v[[1, 0, 3, 2]] for v in (a, b)]
    assert float(iou(*turned)) == pytest.approx(value, abs=1e-12)


@quick
@given(a=box, b=box)
def test_exact_overlaps_of_boxes_are_box_overlaps(a: np.ndarray, b: np.ndarray) -> None:
    assert float(exact_overlap(a[None], b[None])[0]) == pytest.approx(float(iou(a, b)), abs=1e-9)


@quick
@given(
    first=st.integers(0, 10**6), second=st.integers(0, 10**6), move=st.tuples(st.integers(0, 30), st.integers(0, 30))
)
@pytest.mark.parametrize("overlap", [raster_overlap, exact_overlap])
def test_polygon_overlaps(overlap: Callable[..., np.ndarray], first: int, second: int, move: tuple[int, int]) -> None:
    a, b = convex(first)[None], convex(second)[None]
    value = float(overlap(a, b)[0])
    assert 0.0 <= value <= 1.0
    assert float(overlap(b, a)[0]) == pytest.approx(value, abs=1e-12)
    assert float(overlap(a, a)[0]) == pytest.approx(1.0)
    by = np.tile(move, 4)
    assert float(overlap(a + by, b + by)[0]) == pytest.approx(value, abs=1e-9)
    around = np.roll(a, 2, axis=1)  # the same corners from another one on
    assert float(overlap(around, b)[0]) == pytest.approx(value, abs=1e-9)


def walk(seed: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.uniform(5, 120, (n, 2)), rng.uniform(15, 60, (n, 2))], 1)


def results(seed: int, noise: float, lengths: tuple[int, ...] = (12, 20, 7)) -> tuple[Suite, MemoryResults]:
    sequences, passes = [], {}
    for k, n in enumerate(lengths):
        truth = walk(seed + k, n)
        sequences.append(Sequence(f"s{k}", truth, image_size=SIZE))
        boxes = truth + noise * np.random.default_rng(seed + 50 + k).normal(0, 1, truth.shape)
        passes[f"s{k}"] = (one_pass(boxes),)
    return make_suite(*sequences), MemoryResults(passes)


@pytest.mark.parametrize("name", [c.name for c in CONVENTIONS])
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), noise=st.floats(0, 40))
def test_scores_are_shares_and_do_not_depend_on_the_order_of_sequences(name: str, seed: int, noise: float) -> None:
    suite, found = results(seed, noise)
    scores = {s.metric: s.value for s in evaluate_one_pass(suite, found, name).scores}
    assert all(value is not None and -1e-12 <= value <= 1 + 1e-12 for value in scores.values())
    backwards = make_suite(*suite.sequences[::-1])
    turned = {s.metric: s.value for s in evaluate_one_pass(backwards, found, name).scores}
    assert turned == pytest.approx(scores, abs=1e-12)


@pytest.mark.parametrize("name", SUCCESS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), noise=st.floats(0, 40))
def test_success_falls_and_precision_rises(name: str, seed: int, noise: float) -> None:
    suite, found = results(seed, noise)
    curves = evaluate_one_pass(suite, found, name).curves
    assert (np.diff(curves["success"].y) <= 1e-12).all()
    assert (np.diff(curves["precision"].y) >= -1e-12).all()
    assert (np.diff(curves["normalised_precision"].y) >= -1e-12).all()


@pytest.mark.parametrize("name", SUCCESS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), shrink=st.floats(0.05, 0.95))
def test_auc_never_falls_when_overlaps_rise(name: str, seed: int, shrink: float) -> None:
    """Boxes inside the true one overlap by their share of it: a larger share is better in every frame."""
    suite, found = results(seed, 0)

    def inside(share: float) -> float | None:
        changed = {
            k: tuple(one_pass(np.column_stack((t.boxes[:, :2], t.boxes[:, 2:] * share))) for t in passes)
            for k, passes in found.passes.items()
        }
        return evaluate_one_pass(suite, MemoryResults(changed), name).score("auc").value

    smaller, larger = inside(shrink), inside(min(1.0, shrink * 1.05 + 0.01))
    assert smaller is not None
    assert larger is not None
    if not get_convention(name).rounded:  # whole pixels may shrink a box that grew
        assert larger >= smaller - 1e-12


@pytest.mark.parametrize("name", SUCCESS)
def test_a_perfect_tracker_has_all_but_what_strict_comparison_takes(name: str) -> None:
    suite, found = results(3, 0)
    value = evaluate_one_pass(suite, found, name).score("auc").value
    assert value == pytest.approx(1.0 if get_convention(name).overlap_inclusive else 20 / 21)


def supervised(seed: int, noise: float, failures: tuple[tuple[int, ...], ...]) -> tuple[Suite, MemoryResults]:
    sequences, passes = [], {}
    for k, lost in enumerate(failures):
        n = 40 + 5 * k
        truth = walk(seed + k, n)
        states = np.array(coded(n, list(lost)), dtype=np.int8)
        boxes = truth + noise * np.random.default_rng(seed + k).normal(0, 1, truth.shape)
        boxes[states != FrameState.TRACKED] = np.nan
        sequences.append(Sequence(f"s{k}", truth, image_size=(400, 400)))
        passes[f"s{k}"] = (Trajectory(boxes, states, np.full(n, np.nan)),)
    suite = Suite("v", "V", "vot", "supervised", tuple(sequences), len(sequences), eao_interval=(10, 40))
    return suite, MemoryResults(passes, protocol="supervised")


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda r: r.name)
def test_eao_and_accuracy_of_a_perfect_tracker_are_1(rules: VotConvention) -> None:
    suite, found = supervised(1, 0, ((), (), ()))
    evaluation = evaluate(suite, found, rules.name)
    assert evaluation.score("eao").value == pytest.approx(1.0, abs=1e-9)
    assert evaluation.score("accuracy").value == pytest.approx(1.0, abs=1e-9)
    assert evaluation.score("robustness").value == 0


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda r: r.name)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), noise=st.floats(0, 5), lost=st.lists(st.integers(3, 39), max_size=1))
def test_supervised_scores(rules: VotConvention, seed: int, noise: float, lost: list[int]) -> None:
    """In bounds, independent of the order of sequences, and a failure never helps EAO or R."""
    name = rules.name
    suite, found = supervised(seed, noise, (tuple(lost), (), (20,)))
    scores = {s.metric: s.value for s in evaluate_supervised(suite, found, name).scores}
    for metric in ("eao", "accuracy", "reliability"):
        assert scores[metric] is not None
        assert 0 <= scores[metric] <= 1 + 1e-12
    backwards = Suite(**{**vars(suite), "sequences": suite.sequences[::-1]})
    assert {s.metric: s.value for s in evaluate_supervised(backwards, found, name).scores} == pytest.approx(scores)
    if lost:
        _, safe = supervised(seed, noise, ((), (), (20,)))
        better = {s.metric: s.value for s in evaluate_supervised(suite, safe, name).scores}
        assert better["robustness"] < scores["robustness"]
        assert better["reliability"] >= scores["reliability"]
