"""`spm-bench compare`: run folders and raw results in, a table, a conclusion and a folder out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from spm_bench.cli import EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.run import Request, run_suite
from tests.cli.test_score import TRUTH, write_boxes

THREE = ("calm", "light-2", "scale-2")


def typed(*arguments: str | Path) -> int:
    return guarded(build_app(), ["compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tracker -> its run on three sequences of the demo."""
    out = tmp_path_factory.mktemp("runs")
    outcome = run_suite(Request(trackers=("static", "oracle"), sequences=THREE, out=out, report=False, quiet=True))
    return {results.label: Path(results.run) for results in outcome.results}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out: drawing them takes longer than all else."""
    monkeypatch.setattr("spm_bench.report.comparison.writer.figures", lambda *_: iter(()))


def test_two_runs(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(runs["static"], runs["oracle"]) == EXIT_OK
    printed = capsys.readouterr()
    assert printed.out.startswith("oracle against static on Demo (synthetic): 3 of 20 sequences")
    assert "3 videos are too few: no p below .25 is possible." in " ".join(printed.out.split())
    assert "comparison: comparison/README.md" in printed.err
    folder = Path("comparison")
    assert (folder / "strips.png").is_file(), "the demo draws its pictures"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert "## What differs between the two runs" in index
    assert "| tracker class |" in index
    table = pd.read_csv(folder / "comparison.csv")
    assert (table["difference"] > 0).all()


@pytest.mark.usefixtures("undrawn")
def test_the_same_run_twice_and_no_strips(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(runs["oracle"], runs["oracle"], "--out", "same") == EXIT_OK
    assert "oracle (2) and oracle (1) are equal on all 3 sequences" in " ".join(capsys.readouterr().out.split())
    assert typed(runs["static"], runs["oracle"], "--no-strips", "--out", "plain") == EXIT_OK
    assert Path("plain/comparison.html").is_file()
    assert not Path("plain/strips.png").exists()


@pytest.mark.usefixtures("undrawn")
def test_several_against_one(runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shutil.copytree(runs["static"], tmp_path / "elsewhere" / runs["static"].name)
    assert typed(runs["oracle"], runs["static"], copy, "--no-strips", "--out", "out") == EXIT_OK
    assert sorted(p.name for p in Path("out").iterdir()) == ["static_1_", "static_2_"]
    assert capsys.readouterr().out.count("against oracle") >= 2


@pytest.mark.usefixtures("undrawn")
def test_runs_of_other_sequences_meet_on_the_common_ones(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = run_suite(
        Request(trackers=("static",), sequences=("calm", "blur-2", "light-2"), out=tmp_path, report=False, quiet=True)
    )
    assert typed(runs["oracle"], other.results[0].run, "--no-strips") == EXIT_OK
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 of 20 sequences" in printed
    assert "note: on the 2 of 4 sequences that both have" in printed


@pytest.mark.usefixtures("undrawn")
def test_raw_results_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        write_boxes(tmp_path / "data" / name / "groundtruth.txt", TRUTH)
        write_boxes(tmp_path / "results" / "Perfect" / f"{name}.txt", TRUTH, origin=1.0)
        write_boxes(tmp_path / "results" / "50%_off <b>" / f"{name}.txt", TRUTH, origin=4.0)
    results = tmp_path / "results"
    rules = ("--suite", "folder", "--data", tmp_path / "data")
    assert typed(results / "Perfect", results / "50%_off <b>", *rules) == EXIT_OK
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("50%_off <b> against Perfect on data")
    assert "note: no film strip: the pictures are not here" in printed
    assert typed(results, results / "Perfect", *rules) == EXIT_USAGE
    assert "holds the results of 2 trackers" in capsys.readouterr().err
    assert typed(results / "Perfect", results / "50%_off <b>") == EXIT_USAGE
    assert "the suite is not known" in capsys.readouterr().err


def test_other_protocols_and_suites_do_not_compare(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    supervised = run_suite(
        Request(
            trackers=("static",), sequences=("calm",), protocol="supervised", repetitions=1, out=tmp_path, report=False,
            quiet=True,
        )
    )  # fmt: skip
    assert typed(runs["oracle"], supervised.results[0].run) == EXIT_USAGE
    assert "under the protocol supervised" in capsys.readouterr().err
    assert not Path("comparison").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "there is no such results folder"),
        ([], "Missing argument"),
        (["{static}", "--suite", "otb10"], "Did you mean"),
        (["{static}", "--convention", "otb"], "Did you mean"),
        (["{static}", "--metric", "tracking"], "Did you mean"),
        (["{all}"], "holds the results of 2 trackers"),
    ],
)
def test_mistakes(runs: dict[str, Path], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    filled = [a.format(static=runs["static"], all=runs["static"].parent) for a in arguments]
    assert typed(runs["oracle"], *filled) == EXIT_USAGE
    assert words in capsys.readouterr().err
    assert not Path("comparison").exists()
