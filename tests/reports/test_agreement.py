"""Figures in print beside ours: what is called an agreement, and that explanations follow from the numbers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import agreement
import numpy as np
import pytest
from agreeing.compare import AGREES, OTHER_RUN, RULE, UNEXPLAINED, Lost, compare, explain
from agreeing.document import to_csv, to_markdown

from spm_bench.report.published import PublishedFigure, load_published

TRACKERS = ("ECO-HC", "STAPLE", "SiamFC-3s")
OTHERS = {"a finer grid": {"auc": 0.7004}, "the rules of x": {"auc": 0.6934}}


def figure(value: float, metric: str = "auc", digits: int = 3) -> PublishedFigure:
    return PublishedFigure("T", "otb100", metric, value, "repo", "somewhere", digits=digits)


@pytest.mark.parametrize(
    ("printed", "digits", "about", "kind", "words"),
    [
        (0.691, 3, "", AGREES, "all 3 printed decimals"),
        (0.69, 2, "", AGREES, "all 2 printed decimals"),
        (0.700, 3, "", RULE, "a finer grid, one of 2 rules tried"),
        (0.700, 3, "third-party re-run", OTHER_RUN, "third-party re-run"),
        (0.710, 3, "", UNEXPLAINED, "none of 2 rules tried gives it; the nearest is a finer grid (0.7004)"),
        (0.650, 3, "", UNEXPLAINED, "none of 2 rules tried gives it, nor comes noticeably closer"),
        (0.692, 3, "", UNEXPLAINED, "As much as 0.10 in the score of one of 100 sequences"),
    ],
)
def test_kinds_of_explanations(printed: float, digits: int, about: str, kind: str, words: str) -> None:
    found = explain(figure(printed, digits=digits), "auc", 0.6910, OTHERS, about, None, 100)
    assert found[0] == kind
    assert words in found[1]


def test_another_number_of_failures_is_another_run() -> None:
    eao = PublishedFigure("SiamRPN++", "vot2018", "eao", 0.414, "repo", "somewhere")
    kind, words = explain(eao, "eao", 0.4213, {"x": {"eao": 0.4141}}, "", Lost(51, 21356), 60)
    assert (kind, "51 failures, R 0.234 in print means 50" in words) == (OTHER_RUN, True)
    assert explain(eao, "eao", 0.4213, {"x": {"eao": 0.4141}}, "", Lost(50, 21356), 60)[0] == RULE


@pytest.fixture(scope="module")
def rows(published_results: Path) -> list:
    return compare("otb100", published_results, only=TRACKERS)


def test_every_tracker_has_its_rows_and_ours_are_the_reference_values(rows: list, published_results: Path) -> None:
    import json

    expected = json.loads((published_results / "expected.json").read_bytes())["otb100"]["trackers"]
    assert [row.tracker for row in rows] == [name for name in TRACKERS for _ in range(2)]
    for row in rows:
        key = {"auc": "auc", "precision": "precision20"}[row.metric]
        assert row.ours == pytest.approx(expected[row.tracker]["recomputed"][key], abs=1e-5)
        assert row.low <= row.ours <= row.high


def test_published_figures_are_those_of_the_package_only(rows: list) -> None:
    printed = {(f.suite, f.metric, f.value) for f in load_published()}
    assert {(r.suite, r.metric, r.published.value) for r in rows} <= printed
    kinds = {(row.tracker, row.metric): row.kind for row in rows}
    assert kinds["ECO-HC", "auc"] == kinds["SiamFC-3s", "precision"] == AGREES
    assert kinds["STAPLE", "auc"] == OTHER_RUN


def test_the_documents(rows: list) -> None:
    text = to_markdown(rows, "make it")
    assert "| ECO-HC | AUC | 0.643 | 0.6429 |" in text
    assert "make it" in text
    parsed = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert len(parsed) == len(rows)
    assert np.isclose(float(parsed[0]["here"]) - float(parsed[0]["published"]), float(parsed[0]["difference"]))


def test_the_committed_comparison_is_of_these_numbers(rows: list) -> None:
    committed = Path(agreement.__file__).parent / "agreement" / "agreement.csv"
    parsed = csv.DictReader(io.StringIO(committed.read_text(encoding="utf-8")))
    found = {(r["tracker"], r["metric"]): r for r in parsed if r["suite"] == "otb100"}
    for row in rows:
        assert float(found[row.tracker, row.metric]["here"]) == pytest.approx(row.ours, abs=1e-9)
        assert found[row.tracker, row.metric]["kind"] == row.kind


def test_a_folder_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert agreement.main(["--published", str(tmp_path)]) == 2
    assert "error: " in capsys.readouterr().err
