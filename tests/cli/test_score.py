"""`spm-bench score`: raw results in, a table or JSON out, and every mistake of a user in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from spm_bench.cli import guarded
from spm_bench.cli.score import score
from spm_bench.errors import SpmBenchError

TRUTH = [(10.0 + i, 20.0, 40.0, 30.0) for i in range(12)]


def run(*arguments: str | Path) -> int:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command("score")(score)
    app.command("other")(lambda: None)  # with one command only, typer would not expect its name
    return guarded(app, ["score", *map(str, arguments)])


def write_boxes(path: Path, boxes: list[tuple[float, ...]], origin: float = 0.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(repr(v) for v in (x + origin, y + origin, w, h)) for x, y, w, h in boxes]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two sequences of one's own, annotations only."""
    for name in ("one", "two"):
        write_boxes(tmp_path / "data" / name / "groundtruth.txt", TRUTH)
    return tmp_path / "data"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two trackers: one perfect, one that never moves."""
    for name in ("one", "two"):
        write_boxes(tmp_path / "results" / "Perfect" / f"{name}.txt", TRUTH, origin=1.0)
        write_boxes(tmp_path / "results" / "Still" / f"{name}.txt", TRUTH[:1] * 12, origin=1.0)
    return tmp_path / "results"


def test_table_of_a_folder_of_trackers(data: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--suite", "folder", "--data", data, results) == 0
    out = capsys.readouterr().out
    assert out.index("Perfect") < out.index("Still")
    assert "0.952" in out  # 20 of 21 thresholds: no overlap is more than 1
    assert "2 sequences" in out
    assert "Convention otb-matlab" in out


def test_json_prints_the_rows_and_nothing_else(data: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--suite", "folder", "--data", data, "--json", results / "Perfect", results / "Still") == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert captured.err == ""
    auc = {row["tracker"]: row["value"] for row in rows if row["metric"] == "auc"}
    assert auc["Perfect"] == pytest.approx(20 / 21)
    assert 0 < auc["Still"] < auc["Perfect"]
    assert {row["source"] for row in rows} == {"raw results"}


def test_out_writes_the_report_and_says_where(
    data: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run("--suite", "folder", "--data", data, results, "--out", out) == 0
    assert str(out / "README.md") in capsys.readouterr().err
    assert {"README.md", "scores.json", "table.tex", "success.pdf", "precision.png"} <= {p.name for p in out.iterdir()}
    capsys.readouterr()
    assert run("--suite", "folder", "--data", data, results, "--json") == 0
    assert capsys.readouterr().out == (out / "scores.json").read_text(encoding="utf-8")


def test_a_named_convention_changes_the_numbers_and_is_said(
    data: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--suite", "folder", "--data", data, results, "--convention", "pytracking") == 0
    assert "Convention pytracking" in capsys.readouterr().out


def _missing_sequence(results: Path) -> None:
    (results / "Still" / "two.txt").unlink()


def _cut(results: Path) -> None:
    write_boxes(results / "Still" / "two.txt", TRUTH[:7])


def _letters(results: Path) -> None:
    path = results / "Still" / "two.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:4], "1,2,x,4", *lines[5:]]) + "\n")


@pytest.mark.parametrize(
    ("breakage", "words"),
    [
        (_missing_sequence, ["Still", "two"]),
        (_cut, ["two.txt", "7", "12"]),
        (_letters, ["two.txt, line 5"]),
    ],
)
def test_broken_results_name_the_file_and_end_with_2(
    breakage: object, words: list[str], data: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breakage(results)  # type: ignore[operator]
    assert run("--suite", "folder", "--data", data, results) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "Traceback" not in captured.err
    for word in words:
        assert word in captured.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--suite", "otb10", "RESULTS"], ["no suite 'otb10'", "Did you mean", "otb100"]),
        (
            ["--suite", "folder", "--data", "DATA", "--convention", "pysto", "RESULTS"],
            ["no convention 'pysto'", "pysot"],
        ),
        (["--suite", "folder", "--data", "DATA", "no/such/folder"], ["no/such/folder"]),
        (["--suite", "folder", "--data", "no/such/data", "RESULTS"], ["no/such/data"]),
        (["--suite", "folder", "--data", "DATA", "RESULTS/Still", "RESULTS"], ["Still"]),
        (["--suite", "folder", "--data", "DATA", "RESULTS", "--out", "RESULTS/Still/one.txt"], ["one.txt", "folder"]),
    ],
)
def test_a_users_mistake_is_one_line_and_2(
    arguments: list[str], words: list[str], data: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [a.replace("DATA", str(data)).replace("RESULTS", str(results)) for a in arguments]
    assert run(*filled) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    for word in words:
        assert word in captured.err


def test_missing_sequences_are_scored_on_request_and_the_table_says_so(
    data: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _missing_sequence(results)
    assert run("--suite", "folder", "--data", data, results, "--allow-missing") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "1 to 2 of 2 sequences" in out
    assert "different sequences" in out


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Example: spm-bench score --suite otb100" in out
    assert "--convention" in out


def test_json_loads_neither_torch_nor_matplotlib(data: Path, results: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from spm_bench.cli.score import score; "
        "score([Path(sys.argv[2])], 'folder', Path(sys.argv[1]), json=True); "
        "print([m for m in ('torch', 'matplotlib', 'got10k', 'vot', 'seaborn') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(data), str(results)], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)


def test_errors_reach_a_caller_of_the_function(data: Path) -> None:
    with pytest.raises(SpmBenchError):
        score([data / "nothing"], "folder", data)


def test_the_published_results_of_otb100(published_results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = published_results / "otb100"
    assert run("--suite", "otb100", "--data", published_results, "--json", folder / "results") == 0
    rows = json.loads(capsys.readouterr().out)
    auc = {row["tracker"]: row["value"] for row in rows if row["metric"] == "auc"}
    expected = json.loads((published_results / "expected.json").read_text())["otb100"]["trackers"]
    assert auc == pytest.approx({name: e["recomputed"]["auc"] for name, e in expected.items()}, abs=1e-5)
    assert {row["n_sequences"] for row in rows if row["metric"] == "auc"} == {100}


def test_published_figures_stand_beside_measured_ones(
    published_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = published_results / "otb100"
    one = folder / "results" / "SiamFC-3s"
    assert run("--suite", "otb100", "--data", folder, one) == 0
    out = capsys.readouterr().out
    assert "SiamFC (published)" in out
    assert "SPM (published)" in out
    assert "0.687" in out
    assert run("--suite", "otb100", "--data", folder, one, "--no-published") == 0
    assert "published" not in capsys.readouterr().out.casefold()


@pytest.mark.parametrize("suite", ["vot2016", "vot2018"])
def test_the_published_results_of_vot(suite: str, published_results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--suite", suite, "--data", published_results, published_results / suite / "results") == 0
    out = capsys.readouterr().out
    expected = json.loads((published_results / "expected.json").read_text())[suite]["trackers"]
    for tracker, values in expected.items():
        line = next(line for line in out.splitlines() if line.split()[:1] == [tracker] and "ublished" not in line)
        assert f"{values['recomputed_exact']['failures']}" in line.split()
        assert f"{values['recomputed_exact']['R_per_100']:.3f}" in line.split()
    assert "60 sequences" in out
    assert "SPM (published)" in out
