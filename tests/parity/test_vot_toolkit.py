"""The same raw files through vot-toolkit 0.7.4 and through this project: overlaps, accuracy, robustness and EAO.

The toolkit computes EAO in single precision: values are compared to 1e-6, overlaps for equality.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spm_bench.geometry.polygons import raster_overlap
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.supervised import evaluate_supervised
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite
from tests.metrics.supervised_runs import coded
from tests.parity.vot_workspace import Video, analyse, write_workspace

# the toolkit reads its settings when it is imported first
os.environ.update(VOT_PERSISTENT_CACHE="0", VOT_RESULTS_BINARY="0")
pytest.importorskip("vot", reason="vot-toolkit is not installed")

from vot.region import calculate_overlaps
from vot.region.shapes import Polygon, Rectangle

pytestmark = pytest.mark.filterwarnings(r"ignore:Registry\.items\(\) is deprecated:DeprecationWarning")

SIZE = (160, 120)
RANGES = [(5, 40), (60, 75), (0, 4)]
BELOW_ZERO = [(-20, 80), (-9, 3), (-100, 900)]
KINDS = [(4, 4), (4, 8), (8, 4), (8, 8)]
CASES = [
    (*kinds, *span, size)
    for kinds in KINDS
    for span in RANGES + BELOW_ZERO
    for size in (None, (64, 48), (640, 480))
    # left out: unbounded boxes below zero, which the toolkit miscounts (see test_the_known_difference_below_zero)
    if size is not None or span in RANGES or kinds == (8, 8)
]


def shape(region: np.ndarray) -> Any:
    if len(region) == 4:
        return Rectangle(*map(float, region))
    return Polygon([(float(x), float(y)) for x, y in region.reshape(4, 2)])


def theirs(first: np.ndarray, second: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    return np.array(calculate_overlaps([shape(r) for r in first], [shape(r) for r in second], size))


def regions(rng: np.random.Generator, n: int, width: int, low: float, high: float) -> np.ndarray:
    made = rng.uniform(low, high, (n, width))
    if width == 4:
        made[:, 2:] = rng.uniform(0, (high - low) * 0.6, (n, 2))
    made[1::3], made[2::3] = np.round(made[1::3] * 2) / 2, np.round(made[2::3])
    return made


@pytest.mark.parametrize(("first", "second", "low", "high", "size"), CASES)
def test_overlaps_of_random_regions_are_equal(
    first: int, second: int, low: float, high: float, size: tuple[int, int] | None
) -> None:
    rng = np.random.default_rng(abs(int(low * 7 + high)) + first * 10 + second)
    a, b = regions(rng, 400, first, low, high), regions(rng, 400, second, low, high)
    assert np.array_equal(raster_overlap(a, b, size), theirs(a, b, size))


def test_the_known_difference_below_zero() -> None:
    box, polygon = np.array([[-30.0, 5, 20, 10]]), np.array([[-30.0, 5, -11, 5, -11, 14, -30, 14]])
    assert theirs(box, polygon, None).tolist() == [0.5]
    assert raster_overlap(box, polygon).tolist() == [1.0]


def test_overlaps_of_published_results_are_equal(published_results: Path) -> None:
    suite = load_suite("vot2016", published_results, annotations_only=True)
    n = 0
    for found in find_result_sets([published_results / "vot2016" / "results"], suite):
        for sequence in suite.sequences[::15]:
            one = found.trajectories(sequence)[0]
            rows = np.flatnonzero(one.states == FrameState.TRACKED)
            truth, size = sequence.polygons, sequence.image_size
            assert truth is not None
            drawn = one.boxes[rows] if one.polygons is None else one.polygons[rows]
            assert np.array_equal(raster_overlap(truth[rows], drawn, size), theirs(truth[rows], drawn, size))
            n += len(rows)
    assert n > 3000


@dataclass(frozen=True)
class Both:
    """What the toolkit and this project make of the same raw files."""

    toolkit: Mapping[str, Any]
    ours: Evaluation


def both(folder: Path, videos: list[Video], interval: tuple[int, int]) -> Both:
    write_workspace(folder, videos, interval)
    sequences = tuple(
        Sequence(
            v.name,
            np.zeros((len(v.truth), 4)) if v.truth.shape[1] == 8 else v.truth,
            polygons=v.truth if v.truth.shape[1] == 8 else None,
            image_size=v.size,
        )
        for v in videos
    )
    suite = Suite("some", "Some", "vot", "supervised", sequences, len(sequences), eao_interval=interval)
    (results,) = find_result_sets([folder / "results" / "Some"], suite)
    return Both(analyse(folder), evaluate_supervised(suite, results, "vot-toolkit"))


def assert_equal(found: Both) -> None:
    accuracy, lost, (reliability, _), _ = found.toolkit["AverageAccuracyRobustness"][0, 0]
    units = found.ours.extra["robustness_units"]
    assert found.ours.score("accuracy").value == pytest.approx(float(accuracy), abs=1e-6)
    assert units["per_sequence_by_length"] == pytest.approx(float(lost), abs=1e-6)
    assert found.ours.score("reliability").value == pytest.approx(float(reliability), abs=1e-6)
    assert found.ours.score("failures").value == pytest.approx(
        found.toolkit["CumulativeFailureCount"][0, 0][0], abs=1e-6
    )
    assert found.ours.score("eao").value == pytest.approx(float(found.toolkit["EAOScore"][0, 0][0]), abs=1e-6)
    curve, ours = np.asarray(found.toolkit["EAOCurve"][0, 0][0]), found.ours.curves["eao"].y
    assert len(curve) == len(ours)
    np.testing.assert_allclose(ours[1:], curve[1:], rtol=0, atol=1e-6)  # of one frame, theirs is 0, Phi(1) is 1


def video(
    name: str, n: int, failures: list[list[int]], seed: int, *, boxes: bool = False, polygons: bool = False
) -> Video:
    rng = np.random.default_rng(seed)
    centre = np.array([80, 60]) + np.cumsum(rng.normal(0, 2, (n, 2)), axis=0)
    corners = centre[:, None] + np.array([(-16, -12), (15, -14), (17, 12), (-14, 13)]) + rng.normal(0, 2, (n, 4, 2))
    low = corners.min(axis=1)
    upright = np.concatenate((low, corners.max(axis=1) - low), axis=1)
    passes = []
    for lost in failures:
        states = np.array(coded(n, lost), dtype=np.int8)
        away = (states != FrameState.TRACKED)[:, None]
        drawn = np.where(away, np.nan, corners.reshape(n, 8) + rng.normal(0, 3, (n, 8)))
        box = np.where(away, np.nan, upright + rng.normal(0, 4, (n, 4)))
        passes.append(Trajectory(box, states, np.full(n, np.nan), polygons=drawn if polygons else None))
    return Video(name, SIZE, upright if boxes else corners.reshape(n, 8), passes)


@pytest.mark.parametrize(
    "videos",
    [
        pytest.param(
            [
                video("a", 90, [[20], [], [50]], 1),
                video("b", 64, [[], [], []], 2),
                video("c", 70, [[15, 40], [64], [3]], 3),
            ],
            id="three repetitions",
        ),
        pytest.param(
            [video("a", 90, [[20]], 4), video("b", 64, [[58], [59], [60], [63]], 5)], id="losses near the end"
        ),
        pytest.param([video("a", 90, [[30]], 6, polygons=True), video("b", 80, [[]], 7, polygons=True)], id="polygons"),
        pytest.param([video("a", 90, [[30], []], 8, boxes=True), video("b", 80, [[1]], 9, boxes=True)], id="boxes"),
        pytest.param([video("a", 30, [[8, 18, 28]], 10), video("b", 80, [[9]], 11)], id="a pass within the burn-in"),
        pytest.param(
            [video("a", 90, [[30, 70]], 12), video("b", 60, [[22, 31]], 13)], id="no fragment as long as a sequence"
        ),
    ],
)
def test_analyses_of_generated_runs_are_equal(tmp_path: Path, videos: list[Video]) -> None:
    assert_equal(both(tmp_path / "workspace", videos, (10, 32)))


@pytest.mark.parametrize(
    ("suite", "tracker", "first"),
    [
        ("vot2016", "C-COT", 0),
        ("vot2016", "ECO-HC", 3),
        ("vot2016", "SiamMask", 0),
        ("vot2016", "SiamRPN++", 6),
        ("vot2018", "DaSiamRPN", 0),
        ("vot2018", "SiamRPN++", 5),
    ],
)
def test_analyses_of_published_results_are_equal(
    tmp_path: Path, published_results: Path, suite: str, tracker: str, first: int
) -> None:
    whole = load_suite(suite, published_results, annotations_only=True)
    (results,) = (r for r in find_result_sets([published_results / suite / "results"], whole) if r.tracker == tracker)
    some = [s for s in whole.sequences if s.polygons is not None and s.image_size is not None][first::8]
    videos = [Video(s.name, s.image_size or SIZE, np.asarray(s.polygons), results.trajectories(s)) for s in some]
    found = both(tmp_path / "workspace", videos, (40, 120))
    assert_equal(found)
    assert found.ours.score("failures").value > 0
