"""The report folder: which files, what the index says, and what happens where it cannot be written."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.report import folder as folder_module
from spm_bench.report import write_report
from spm_bench.report.style import to_png
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites import load_suite
from tests.report.fakes import NASTY, field, make_suite, otb, vot
from tests.scoring.fakes import MemoryResults, one_pass

TABLES = {"README.md", "table.md", "table.tex", "table.csv", "table.html", "scores.json", "per_sequence.csv"}


def pair(*names: str) -> set[str]:
    return {f"{name}.{ending}" for name in names for ending in ("png", "pdf")}


def test_files_of_an_otb_report(tmp_path: Path) -> None:
    suite = make_suite(n=100, n_total=100)
    written = write_report([otb(suite, "KCF", 0.4), otb(suite, "SPM", 0.6)], suite, tmp_path / "a" / "report")
    names = {p.name for p in written}
    assert names == TABLES | {f"attributes.{end}" for end in ("csv", "md", "tex", "html")} | pair(
        "success", "precision", "attributes", "attributes_radar", "waterfall"
    )
    assert written[0].name == "README.md"
    assert {p.name for p in (tmp_path / "a" / "report").iterdir()} == names  # no temporary file stays
    assert all(p.stat().st_size > 20 for p in written)


def test_files_of_a_vot_report(tmp_path: Path) -> None:
    suite = make_suite("vot2016", "vot")
    names = {p.name for p in write_report(field(suite, 3), suite, tmp_path)}
    assert names == TABLES | pair("accuracy_robustness", "eao_curve", "eao_ranking", "waterfall")


def test_with_raw_results_there_are_strips_and_the_demo_has_response_curves(tmp_path: Path) -> None:
    suite = load_suite("demo", only=["lookalike-1", "lookalike-4"])
    still = {s.name: (one_pass(np.tile(s.ground_truth[0], (len(s), 1))),) for s in suite.sequences}
    perfect = {s.name: (one_pass(s.ground_truth),) for s in suite.sequences}
    results = [MemoryResults(still, tracker="still", label="still"), MemoryResults(perfect, tracker="eye", label="eye")]
    del still["lookalike-1"]
    evaluations = [evaluate(suite, r, allow_missing=True) for r in results]
    names = {p.name for p in write_report(evaluations, suite, tmp_path, results=results)}
    assert pair("strips", "response", "waterfall") <= names
    index = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "![overlap over time where the trackers differ most](strips.png)" in index
    assert "strips.png" not in {p.name for p in write_report(evaluations, suite, tmp_path / "without")}


def test_one_tracker_on_one_sequence(tmp_path: Path) -> None:
    suite = make_suite(n=1, n_total=1)
    names = {p.name for p in write_report([otb(suite, NASTY, 0.5)], suite, tmp_path)}
    assert names == TABLES | {f"attributes.{end}" for end in ("csv", "md", "tex", "html")} | pair(
        "success", "precision", "attributes", "attributes_radar"
    )


def test_the_index_shows_the_table_all_files_conventions_and_the_command(tmp_path: Path) -> None:
    suite = make_suite(n=14, n_total=100)
    written = write_report([otb(suite, "my tracker", 0.4, run="results/my tracker")], suite, tmp_path)
    index = (tmp_path / "README.md").read_text(encoding="utf-8")
    for path in written[1:]:
        assert f"({path.name})" in index
    assert (tmp_path / "table.md").read_text(encoding="utf-8").strip() in index
    assert "14 of 100 sequences" in index
    assert "21 thresholds" in index
    assert "'results/my tracker'" in index
    assert "--allow-missing" in index
    assert "--convention otb-matlab" in index
    assert "Someone et al." in index


def test_scores_json_is_what_json_prints(tmp_path: Path) -> None:
    suite = make_suite()
    write_report(field(suite, 2), suite, tmp_path)
    rows = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert [r["tracker"] for r in rows] == ["Tracker00", "Tracker00", "Tracker01", "Tracker01"]


def test_per_sequence_values_keep_all_digits(tmp_path: Path) -> None:
    suite = make_suite(n=4, n_total=4)
    evaluation = otb(suite, NASTY, 1 / 3)
    write_report([evaluation, otb(suite, "b", 0.1)], suite, tmp_path)
    text = (tmp_path / "per_sequence.csv").read_text(encoding="utf-8")
    rows = [r for r in csv.DictReader(io.StringIO(text)) if r["tracker"] == NASTY]
    assert [r["sequence"] for r in rows] == ["seq0", "seq1", "seq2", "seq3"]
    assert [float(r["value"]) for r in rows] == evaluation.per_sequence["value"].tolist()


def test_attribute_table_orders_marks_and_counts(tmp_path: Path) -> None:
    suite = make_suite("demo")
    write_report([otb(suite, "b", 0.4), otb(suite, "a", 0.6)], suite, tmp_path)
    lines = (tmp_path / "attributes.md").read_text(encoding="utf-8").splitlines()
    assert lines[2] == "| Tracker | IV (37) | OCC (48) | FM (40) |"
    assert lines[4] == "| a | **0.600** | **0.540** | **0.480** |"
    assert lines[5] == "| b | <u>0.400</u> | <u>0.360</u> | <u>0.320</u> |"


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    suite = make_suite()
    first = {p.name: p.read_bytes() for p in write_report(field(suite, 3), suite, tmp_path / "r")}
    assert {p.name: p.read_bytes() for p in write_report(field(suite, 3)[::-1], suite, tmp_path / "r")} == first


def test_undefined_accuracy_costs_one_figure_and_not_the_report(tmp_path: Path) -> None:
    """Sequences no longer than the burn-in leave accuracy undefined for every tracker."""
    suite = make_suite("vot2016", "vot")
    evaluation = vot(suite, "a", None)
    scores = tuple(replace(s, value=None) if s.metric == "accuracy" else s for s in evaluation.scores)
    write_report([replace(evaluation, scores=scores)], suite, tmp_path)
    assert (tmp_path / "scores.json").is_file()
    assert not (tmp_path / "accuracy_robustness.png").exists()


def test_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="nothing to report"):
        write_report([], make_suite(), tmp_path)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("I was here first")
    suite = make_suite()
    with pytest.raises(ResultsError, match="file is where a folder should be") as caught:
        write_report([otb(suite, "a", 0.5)], suite, tmp_path / "report")
    assert str(tmp_path / "report") in str(caught.value)
    assert caught.value.remedy is not None


def test_a_figure_that_cannot_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "success.png").mkdir()
    suite = make_suite()
    with pytest.raises(ResultsError, match=r"success\.png"):
        write_report([otb(suite, "a", 0.5)], suite, tmp_path)
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    suite = make_suite()
    with pytest.raises(ResultsError, match="no permission"):
        write_report([otb(suite, "a", 0.5)], suite, tmp_path)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    suite = make_suite()
    with pytest.raises(ResultsError, match="disk is full"):
        write_report([otb(suite, "a", 0.5)], suite, tmp_path)


def test_a_failing_figure_leaves_the_old_report_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = make_suite()
    old = {p: p.read_bytes() for p in write_report([otb(suite, "a", 0.5)], suite, tmp_path)}

    def broken(figure: object) -> bytes:
        raise RuntimeError("no ink")

    monkeypatch.setattr(folder_module, "to_png", broken)
    with pytest.raises(RuntimeError, match="no ink"):
        write_report([otb(suite, "a", 0.9)], suite, tmp_path)
    assert {p: p.read_bytes() for p in old} == old
    assert to_png is not broken


def test_the_package_itself_is_light() -> None:
    heavy = "('matplotlib', 'pandas', 'rich', 'torch')"
    code = f"import sys, spm_bench.report; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_evaluations_without_any_table_of_sequences(tmp_path: Path) -> None:
    suite = make_suite("vot2016", "vot", n=0, n_total=60)
    write_report([vot(suite, "a", None)], suite, tmp_path)
    assert (tmp_path / "per_sequence.csv").read_text() == "tracker,variant,sequence,metric,value\n"


def test_figures_of_an_earlier_report_go(tmp_path: Path) -> None:
    suite = make_suite(n=6)
    write_report([otb(suite, "a", 0.5), otb(suite, "b", 0.6)], suite, tmp_path)
    (tmp_path / "mine.png").write_bytes(b"kept")
    assert (tmp_path / "waterfall.pdf").is_file()
    written = write_report([otb(suite, "a", 0.5)], suite, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in written} | {"mine.png"}
    assert "waterfall" not in (tmp_path / "README.md").read_text(encoding="utf-8")
