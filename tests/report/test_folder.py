"""A report's folder holds that report, whatever was written there before."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from spm_bench.errors import ResultsError
from spm_bench.report.folder import encoded, write_folder


def test_figures_become_two_files_and_odd_names_are_written() -> None:
    files = encoded({"README.md": "a \udcff name", "strips.png": b"x", "curve": Figure()})
    assert list(files) == ["README.md", "strips.png", "curve.png", "curve.pdf"]
    assert (files["README.md"], files["strips.png"]) == (b"a ? name", b"x")
    assert files["curve.png"].startswith(b"\x89PNG")
    assert files["curve.pdf"].startswith(b"%PDF")


def test_what_an_earlier_report_left_goes_and_all_else_stays(tmp_path: Path) -> None:
    for name in ("forest.png", "forest.pdf", "heat_otb_auc.png", "old.csv", "run.json", "heat.txt", "mine_forest.png"):
        (tmp_path / name).write_text("of before")
    (tmp_path / "heat_maps.png").mkdir()
    files = {"README.md": b"new", "forest.png": b"new"}
    written = write_folder(tmp_path, files, ("forest", "heat_*", "old.csv", "never.csv"))
    assert written == [tmp_path / "README.md", tmp_path / "forest.png"]
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {
        "README.md": "new",
        "forest.png": "new",
        "run.json": "of before",
        "heat.txt": "of before",
        "mine_forest.png": "of before",
    }
    assert (tmp_path / "heat_maps.png").is_dir()


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ResultsError, match="--out"):
        write_folder(tmp_path / "out", {"README.md": b""}, ())
