"""`spm-bench reproduce` as it is typed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from spm_bench.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, build_app, guarded
from tests.reproduce.test_reproduce import make, shift


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return make(Path("runs"))


def typed(*arguments: str | Path) -> int:
    return guarded(build_app(), ["reproduce", *map(str, arguments)])


def test_same_different_and_within_a_tolerance(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(run / "run.json") == EXIT_OK
    printed = capsys.readouterr().out
    assert "the boxes are the same, byte for byte" in printed
    assert "As it was: tracker class, tracker code" in " ".join(printed.split())
    shift(run, "calm", 9, 0.5)
    assert typed(run, "--out", "new") == EXIT_FAILED
    printed = " ".join(capsys.readouterr().out.split())
    assert "the boxes differ on 1 of 2 sequences" in printed
    assert "calm 9 1/36 0.5" in printed
    assert "The new run: new/demo/static-" in printed
    assert typed(run, "--out", "new", "--tolerance", "0.51") == EXIT_OK


def test_json_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(run, "--json", "--sequence", "calm") == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["left_out"]) == (True, {"light-2": "not asked for"})


def test_what_changed_is_a_table(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = json.loads((run / "run.json").read_text())
    manifest["tracker"]["identity"]["code"] = "0" * 64
    manifest["sessions"][0]["packages"]["numpy"] = "1.0"
    (run / "run.json").write_text(json.dumps(manifest))
    assert typed(run) == EXIT_OK
    printed = capsys.readouterr().out
    assert "Not as it was:" in printed
    row = next(line for line in printed.splitlines() if line.strip().startswith("tracker code"))
    assert "0" * 12 in row
    assert "0" * 13 not in row
    assert any(line.split()[:2] == ["numpy", "1.0"] for line in printed.splitlines())
    assert "The boxes do not show it that these have changed: tracker code" in " ".join(printed.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nowhere"], "there is no such run folder"), (["runs"], "holds runs, and is none"), ([], "Missing argument")],
)
def test_mistakes(run: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(*arguments) == EXIT_USAGE
    assert words in capsys.readouterr().err
