"""Real raw files from the text on disk to the number, against every evaluator's definition as plain loops.

The loops (`tests/metrics/references.py`, `tests/metrics/test_lasot_trackingnet.py`) are written from the tools'
descriptions and share no line with this project; the files are read here by hand. Sequences are those with annotations
on which the tools disagree, and a few others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.results.foreign import find_result_sets
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.evaluators import side_by_side
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite
from tests.metrics.references import FRAMES, Row, headline_values
from tests.metrics.test_lasot_trackingnet import lasot_by_loop, trackingnet_by_loop

TRACKERS = ("KCF", "MEEM", "SiamRPN++")
DISPUTED = 4
"""Sequences with an annotation that is not four numbers above 0: Biker, Board, Crowds, Twinnings."""


def by_hand(path: Path) -> list[Row]:
    text = path.read_text()
    return [[float(word) for word in line.replace(",", " ").split()] for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def suite(published_results: Path) -> Suite:
    folder = published_results / "otb100" / "annotations"
    disputed, others = [], []
    for path in sorted(folder.glob("*.txt")):
        (disputed if any(v <= 0 for row in by_hand(path) for v in row) else others).append(path.stem)
    assert len(disputed) == DISPUTED
    return load_suite("otb100", published_results, annotations_only=True, only=disputed + others[::20])


def lasot(results: list[Row], truth: list[Row]) -> dict[str, float]:
    return lasot_by_loop(results, truth, [False] * len(truth))


def zero_based(rows: list[Row]) -> list[Row]:
    return [[x - 1, y - 1, w, h] for x, y, w, h in rows]


def trackingnet(results: list[Row], truth: list[Row]) -> dict[str, float]:
    values = trackingnet_by_loop(zero_based(results), zero_based(truth))
    values.pop("coverage")
    return values


def of_frames(name: str) -> Callable[[list[Row], list[Row]], dict[str, float]]:
    return lambda results, truth: headline_values(FRAMES[name](results, truth), name)


LOOPS = {**{name: of_frames(name) for name in FRAMES}, "lasot": lasot, "trackingnet": trackingnet}


@pytest.mark.parametrize("name", LOOPS)
def test_scores_of_real_files_are_the_definitions(published_results: Path, suite: Suite, name: str) -> None:
    folder = published_results / "otb100"
    if name == "trackingnet":  # its definition divides by the sides of the annotation, which has area there
        flat = [s.name for s in suite.sequences if (np.round(s.ground_truth[:, 2:]) == 0).any()]
        suite = replace(suite, sequences=tuple(s for s in suite.sequences if s.name not in flat))
        assert len(suite.sequences) >= 5
    n = 0
    for results in find_result_sets([folder / "results"], suite):
        if results.label not in TRACKERS:
            continue
        evaluation = evaluate(suite, results, name, allow_missing=True)
        table = evaluation.per_sequence.pivot(index="sequence", columns="metric", values="value")
        expected = {
            s.name: LOOPS[name](
                by_hand(folder / "results" / results.label / f"{s.name}.txt"),
                by_hand(folder / "annotations" / f"{s.name}.txt"),
            )
            for s in suite.sequences
        }
        for sequence, values in expected.items():
            for metric, value in values.items():
                assert table.loc[sequence, metric] == pytest.approx(value, abs=1e-9), (results.label, sequence, metric)
                n += 1
        for metric in next(iter(expected.values())):
            mean = float(np.mean([values[metric] for values in expected.values()]))
            assert evaluation.score(metric).value == pytest.approx(mean, abs=1e-9)
    assert n == 3 * len(TRACKERS) * len(suite.sequences)


def test_every_evaluator_of_the_table_has_its_loop(published_results: Path, suite: Suite) -> None:
    """A new rule set of the success scheme must come with a definition to compare it with."""
    (results,) = find_result_sets([published_results / "otb100" / "results" / "KCF"], suite)
    table = side_by_side(suite, results)
    compared = {s.convention for s in table.scores if s.metric == "auc"}
    assert compared == set(LOOPS)


def test_the_tools_disagree_on_these_files(published_results: Path, suite: Suite) -> None:
    """Else the comparison would prove little."""
    (results,) = find_result_sets([published_results / "otb100" / "results" / "KCF"], suite)
    table = side_by_side(suite, results)
    values = {s.convention: s.value for s in table.scores if s.metric == "auc"}
    assert len({round(v, 6) for v in values.values() if v is not None}) >= 3
