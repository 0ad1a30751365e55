"""`spm-bench report`: run folders and raw results in, a folder or a page out."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from spm_bench.cli import EXIT_OK, EXIT_USAGE, guarded
from spm_bench.cli.report import find_groups, report
from spm_bench.errors import ResultsError, UsageError
from spm_bench.run import Request, run_suite
from tests.cli.test_bad_input import make_sequence
from tests.cli.test_score import TRUTH, write_boxes


def run(*arguments: str | Path) -> int:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command("report")(report)
    app.command("other")(lambda: None)  # with one command only, typer would not expect its name
    return guarded(app, ["report", *map(str, arguments)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trackers on two sequences of the demo suite."""
    out = tmp_path_factory.mktemp("runs")
    run_suite(Request(trackers=("static", "oracle"), sequences=("calm", "light-2"), out=out, report=False, quiet=True))
    return out


@pytest.fixture
def foreign(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "two"):
        write_boxes(tmp_path / "data" / name / "groundtruth.txt", TRUTH)
        write_boxes(tmp_path / "results" / "Perfect" / f"{name}.txt", TRUTH, origin=1.0)
    return tmp_path / "data", tmp_path / "results"


@pytest.mark.parametrize("inside", ["", "demo"])
def test_a_page_of_run_folders(runs: Path, tmp_path: Path, inside: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "demo.html"
    assert run(runs / inside, "--html", "--out", page) == EXIT_OK
    text = page.read_text(encoding="utf-8")
    assert "2 of 20 sequences" in text
    table = text.split('id="leaderboard"')[1]
    assert table.index("oracle") < table.index("static")
    assert "Identity (sha256)" in text
    assert f"report: {page}" in capsys.readouterr().err


def test_one_run_folder_and_the_default_place(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (folder,) = runs.glob("demo/static-*")
    assert run(folder, "--html") == EXIT_OK
    assert (tmp_path / "report" / "report.html").is_file()


def test_frames_and_strips(runs: Path, tmp_path: Path) -> None:
    plain, rich = tmp_path / "plain.html", tmp_path / "rich.html"
    assert run(runs, "--html", "--out", plain) == EXIT_OK
    assert run(runs, "--html", "--frames", "--strips", "--out", rich) == EXIT_OK
    assert "data:image/jpeg" not in plain.read_text(encoding="utf-8").split("<script>")[1]
    assert '<image width="320"' in rich.read_text(encoding="utf-8")
    assert rich.stat().st_size > 5 * plain.stat().st_size


def test_without_html_it_is_the_folder(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def write_report(evaluations, suite, folder, *, published, results):
        assert [r.label for r in results] == [e.label for e in evaluations]
        asked.append(([e.label for e in evaluations], suite.name, folder, published))
        return [folder / "README.md"]

    monkeypatch.setattr("spm_bench.report.write_report", write_report)
    assert run(runs, "--out", tmp_path / "r", "--no-published") == EXIT_OK
    assert asked == [(["oracle", "static"], "demo", tmp_path / "r", False)]


def test_raw_results_of_others(foreign: tuple[Path, Path], tmp_path: Path) -> None:
    data, results = foreign
    page = tmp_path / "p.html"
    assert run(results, "--suite", "folder", "--data", data, "--html", "--out", page) == EXIT_OK
    assert "Perfect" in page.read_text(encoding="utf-8")


def test_several_protocols_get_a_page_each_with_links(runs: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    other = tmp_path / "other"
    supervised = Request(
        trackers=("static",), sequences=("calm",), protocol="supervised", out=other, report=False, quiet=True
    )
    run_suite(supervised)
    assert run(runs, other, "--html", "--out", both) == EXIT_OK
    pages = sorted(p.relative_to(both).as_posix() for p in both.rglob("report.html"))
    assert pages == ["demo-one_pass/report.html", "demo-supervised/report.html"]
    assert 'href="../demo-supervised/report.html"' in (both / pages[0]).read_text(encoding="utf-8")
    assert run(runs, other, "--html", "--out", tmp_path / "one.html") == EXIT_USAGE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--strips"], "Add --html"),
        (["--frames"], "Add --html"),
        (["--out", "page.html"], "Add --html, or name a folder"),
        (["--suite", "otb100"], "is a run on demo"),
        (["--suite", "otb10"], "Did you mean"),
        (["--protocol", "got10k"], "not what was asked for"),
    ],
)
def test_mistakes_have_one_line(
    runs: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(runs, *arguments) == EXIT_USAGE
    printed = capsys.readouterr().err
    assert words in printed
    assert printed.count("\n") == 1


def test_folders_without_a_run(tmp_path: Path, foreign: tuple[Path, Path]) -> None:
    with pytest.raises(ResultsError, match="no such results folder"):
        find_groups([tmp_path / "nowhere"], None, None)
    with pytest.raises(UsageError, match="suite is not known") as caught:
        find_groups([foreign[1]], None, None)
    assert "--suite" in str(caught.value.remedy)


def test_data_are_looked_for_where_the_runs_had_them(tmp_path: Path) -> None:
    make_sequence(tmp_path / "data" / "50%_größe")
    out = tmp_path / "runs"
    run_suite(Request(suite="folder", data=tmp_path / "data", trackers=("static",), out=out, report=False, quiet=True))
    assert run(out, "--html", "--frames", "--out", tmp_path / "x.html") == EXIT_OK
    assert "50%_größe" in (tmp_path / "x.html").read_text(encoding="utf-8")
