"""`spm-bench check`: findings and the table of evaluators on the terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spm_bench.cli import EXIT_USAGE, build_app, guarded
from spm_bench.metrics.conventions import CONVENTIONS
from spm_bench.results.foreign import find_result_sets
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites import load_suite

NAMES = ("Couple", "Deer", "Man", "Skiing")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four sequences of OTB-100 with annotations of our own, and one tracker's results."""
    from spm_bench.suites.facts import suite_facts

    for k, item in enumerate(s for s in suite_facts("otb100").sequences if s.name in NAMES):
        rng = np.random.default_rng(k)
        assert item.n_frames is not None
        truth = np.column_stack(
            (100 + np.cumsum(rng.normal(0, 3, (item.n_frames, 2)), 0), np.full((item.n_frames, 2), (50.0, 30)))
        )
        boxes = truth + rng.normal(0, 2, truth.shape)
        boxes[0] = truth[0]
        for folder, rows in (("otb100/annotations", truth), ("results/Mine", boxes)):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            np.savetxt(tmp_path / folder / f"{item.name}.txt", rows, "%.3f", ",")
    return tmp_path


def run(*arguments: str | Path) -> int:
    return guarded(build_app(), ["check", *map(str, arguments)])


def test_clean_results(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("results", "--data", data) == 0
    out = capsys.readouterr().out
    assert "Taken for OTB-100: 4 of its 100 sequences are here" in out
    assert "Mine on OTB-100: nothing wrong was found" in out
    for convention in CONVENTIONS:
        assert convention.name in out
    assert "Scores are of 4 of 100 sequences." in out
    assert max(map(len, out.splitlines())) <= 80


def test_defects_have_file_line_and_remedy_and_make_the_exit_code(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data / "results" / "Mine" / "Deer.txt"
    rows = path.read_text().splitlines()
    rows[8] = "NaN,NaN,NaN,NaN"
    path.write_text("\n".join(rows) + "\n")
    (data / "results" / "Mine" / "Man.txt").unlink()
    assert run("results/Mine", "--suite", "otb100", "--data", data) == 1
    out = capsys.readouterr().out
    assert "Mine on OTB-100: 1 error, 1 warning" in out
    assert "error    results/Mine: no results for 1 of 4 sequences: Man" in out
    assert "warning  results/Mine/Deer.txt, line 9: no box (NaN) in 1 line" in out
    assert "Write the last known box" in out
    assert "Taken for" not in out


def test_many_findings_of_a_kind_are_folded_unless_asked_for(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        path = data / "results" / "Mine" / f"{name}.txt"
        path.write_text(path.read_text() + "1,1,5,5\n")
    assert run("results", "--data", data, "--no-scores") == 1
    out = capsys.readouterr().out
    assert out.count(" lines, the sequence has ") == 3
    assert "and 1 more of this kind (length); --all prints them" in out
    assert "Evaluator" not in out
    assert run("results", "--data", data, "--no-scores", "--all") == 1
    assert capsys.readouterr().out.count(" lines, the sequence has ") == 4


def test_json_has_everything(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "results" / "Mine" / "Man.txt").unlink()
    assert run("results", "--data", data, "--json") == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    found = json.loads(printed.out)
    (tracker,) = found["trackers"]
    assert (found["suite"], tracker["tracker"]) == ("otb100", "Mine")
    assert [f["kind"] for f in tracker["findings"]] == ["missing"]
    assert {row["evaluator"] for row in tracker["scores"]} == {c.name for c in CONVENTIONS}
    default = next(row for row in tracker["scores"] if row["metric"] == "auc")
    assert (default["difference"], default["n_sequences"]) == (0.0, 3)


def test_csv_on_stdout_and_findings_on_stderr(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("results", "--data", data, "--csv") == 0
    printed = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    suite = load_suite("otb100", data, allow_missing=True, annotations_only=True)
    (results,) = find_result_sets([data / "results"], suite)
    for convention in ("pysot", "pytracking", "got10k-toolkit"):
        value = next(float(r["value"]) for r in rows if (r["evaluator"], r["metric"]) == (convention, "auc"))
        assert value == evaluate(suite, results, convention).score("auc").value
    assert "nothing wrong was found" in printed.err


def test_a_zip(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(data / "Mine.zip", "w") as target:
        for path in (data / "results" / "Mine").iterdir():
            target.writestr(path.name, "x\n" if path.stem == "Man" else path.read_text())
    assert run("Mine.zip", "--data", data, "--no-scores") == 1
    out = capsys.readouterr().out
    assert "Mine on OTB-100: 1 error" in out
    assert "Mine.zip/Man.txt, line 1" in out


def test_markup_in_names_is_text(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "results" / "Mine").rename(data / "results" / "[red]<b>%s_é")
    assert run("results", "--data", data, "--no-scores") == 0
    assert "[red]<b>%s_é on OTB-100" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no such results folder"),
        (["results", "--suite", "otb10"], "there is no suite 'otb10'"),
        (["results", "--json", "--csv"], "exclude each other"),
        (["otb100/annotations/Deer.txt"], "is a file, not a results folder"),
        (["results", "--suite", "vot2016"], "VOT2016"),
    ],
)
def test_mistakes_of_the_user(data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert run(*arguments, "--data", data) == EXIT_USAGE
    assert words in capsys.readouterr().err


def test_without_the_data_it_says_what_the_results_are_of(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run("results", "--data", tmp_path / "empty") == EXIT_USAGE
    assert "taken for OTB-100: 4 of its 100" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("protocol", "metric"), [("multistart", "accuracy"), ("unsupervised", "vot_ao"), ("tre", "auc")]
)
def test_results_of_other_experiments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], protocol: str, metric: str
) -> None:
    """Files of the right form have no findings but the sequences that were not run; mistakes in them have."""
    told = f"run --suite demo --tracker static --protocol {protocol} --sequence calm --no-report"
    assert guarded(build_app(), [*told.split(), "--out", str(tmp_path / "runs")]) == 0
    (raw,) = (tmp_path / "runs" / "demo").glob("static-*/static")
    capsys.readouterr()
    assert run(raw, "--suite", "demo", "--protocol", protocol, "--json") == 1
    (tracker,) = json.loads(capsys.readouterr().out)["trackers"]
    assert [f["kind"] for f in tracker["findings"] if f["level"] != "note"] == ["missing"]
    assert metric in {row["metric"] for row in tracker["scores"]}
    path = next(p for p in sorted(raw.rglob("*.txt")) if "_time" not in p.name)
    path.write_text(path.read_text() + "x\n")
    assert run(raw, "--suite", "demo", "--protocol", protocol, "--json") == 1
    (tracker,) = json.loads(capsys.readouterr().out)["trackers"]
    (broken,) = (f for f in tracker["findings"] if f["level"] == "error" and f["kind"] != "missing")
    assert broken["where"] == str(path)
    assert not tracker["scores"]


def test_matlab_files_are_told_how_to_be_read(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "old").mkdir()
    (data / "old" / "deer_KCF.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    assert run("old", "--suite", "otb100", "--data", data) == EXIT_USAGE
    assert "MATLAB files are not read: write them as text" in capsys.readouterr().err


def test_files_are_checked_without_annotations_where_these_are_nowhere(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their number of lines is known for OTB; for GOT-10k's it is that of the files."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SPM_BENCH_DATA", str(tmp_path / "empty"))
    path = data / "results" / "Mine" / "Deer.txt"
    rows = path.read_text().splitlines()
    rows[8] = "NaN,NaN,NaN,NaN"
    path.write_text("\n".join(rows) + "\n")
    (data / "results" / "Mine" / "Man.txt").write_text("1,2,3,4\n" * 5)
    assert run("results") == 1
    printed = capsys.readouterr()
    assert "checked without annotations, and not scored: " in printed.err
    assert "Mine/Deer.txt, line 9: no box (NaN) in 1 line" in printed.out
    assert "has 5 lines, the sequence has 134 frames" in printed.out
    assert "Evaluator" not in printed.out
    assert "server" not in printed.out
    name = "GOT-10k_Test_000001"
    (tmp_path / "sub" / "T" / name).mkdir(parents=True)
    (tmp_path / "sub" / "T" / name / f"{name}_001.txt").write_text("1,2,3,4\n" * 5 + "1,2,x,4\n")
    assert run("sub") == 1
    assert f"{name}_001.txt, line 6: 'x' is not a number" in capsys.readouterr().out.replace("\n         ", " ")
