"""Reference: `expected.json` beside the published raw results, per-sequence AUC and precision of eight trackers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spm_bench.results.formats import read_otb
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites.annotations import parse_rows
from spm_bench.suites.base import Sequence, Suite
from tests.scoring.fakes import MemoryResults, make_suite, one_pass

ROUNDED = 0.5e-5 + 1e-9
"""The reference has five decimals."""


@pytest.fixture(scope="module")
def reference(published_results: Path) -> dict[str, Any]:
    trackers: dict[str, Any] = json.loads((published_results / "expected.json").read_bytes())["otb100"]["trackers"]
    return trackers


@pytest.fixture(scope="module")
def suite(published_results: Path) -> Suite:
    folder = published_results / "otb100" / "annotations"
    listed = json.loads((folder / "sequences.json").read_bytes())["sequences"]
    sequences = []
    for entry in listed:
        truth = parse_rows(folder / f"{entry['name']}.txt", (4,)) - (1, 1, 0, 0)
        sequences.append(Sequence(entry["name"], truth, attributes=tuple(entry["attributes"])))
    return make_suite(*sequences)


@pytest.fixture(scope="module")
def evaluations(published_results: Path, suite: Suite, reference: dict[str, Any]) -> dict[str, Evaluation]:
    found = {}
    for tracker in reference:
        folder = published_results / "otb100" / "results" / tracker
        passes = {s.name: (one_pass(read_otb(folder / f"{s.name}.txt", len(s))),) for s in suite.sequences}
        found[tracker] = evaluate(suite, MemoryResults(passes, label=tracker))
    return found


def test_auc_and_precision_of_all_trackers(evaluations: dict[str, Evaluation], reference: dict[str, Any]) -> None:
    assert len(evaluations) == 8
    for tracker, evaluation in evaluations.items():
        expected = reference[tracker]["recomputed"]
        assert evaluation.score("auc").value == pytest.approx(expected["auc"], abs=ROUNDED), tracker
        assert evaluation.score("precision").value == pytest.approx(expected["precision20"], abs=ROUNDED), tracker


def test_values_of_every_sequence(evaluations: dict[str, Evaluation], reference: dict[str, Any]) -> None:
    for tracker, evaluation in evaluations.items():
        table = evaluation.per_sequence.pivot(index="sequence", columns="metric", values="value")
        expected = reference[tracker]["per_sequence"]
        assert set(table.index) == set(expected)
        wanted = np.array([expected[name] for name in table.index])
        np.testing.assert_allclose(table[["auc", "precision"]], wanted, rtol=0, atol=ROUNDED, err_msg=tracker)


def test_the_conventions_differ_by_less_than_the_trackers(
    evaluations: dict[str, Evaluation], published_results: Path, suite: Suite
) -> None:
    """Half a point of AUC at most: the tools disagree on broken annotations and repairs, which OTB has few of."""
    folder = published_results / "otb100" / "results" / "SiamRPN++"
    passes = {s.name: (one_pass(read_otb(folder / f"{s.name}.txt", len(s))),) for s in suite.sequences}
    official = evaluations["SiamRPN++"].score("auc").value
    for name in ("pysot", "pytracking", "got10k-toolkit"):
        other = evaluate(suite, MemoryResults(passes), name).score("auc").value
        assert official != other
        assert other == pytest.approx(official, abs=0.005)


def test_attributes_count_the_sequences_that_carry_them(evaluations: dict[str, Evaluation], suite: Suite) -> None:
    table = evaluations["ECO-HC"].per_attribute
    assert table is not None
    occluded = [s.name for s in suite.sequences if "OCC" in s.attributes]
    row = table[(table["attribute"] == "OCC") & (table["metric"] == "auc")].iloc[0]
    values = evaluations["ECO-HC"].per_sequence.query("metric == 'auc'").set_index("sequence")["value"]
    assert row["n_sequences"] == len(occluded)
    assert row["value"] == pytest.approx(values[occluded].mean())
