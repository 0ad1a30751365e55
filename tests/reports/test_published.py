"""The committed reports of published raw results are what the script makes of them today."""

from __future__ import annotations

from pathlib import Path

import published
import pytest

SAMPLE = Path(published.__file__).parent / "published"
AS_PRINTED = ("README.md", "table.md", "table.tex", "attributes.md")
"""Files with rounded numbers: those with all digits may differ in the last one between builds of numpy."""


def test_the_committed_report_is_what_is_made_today(published_results: Path, tmp_path: Path) -> None:
    assert published.main(["--published", str(published_results), "--suite", "vot2018", "--out", str(tmp_path)]) == 0
    folders = (tmp_path / "vot2018", SAMPLE / "vot2018")
    made, kept = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert set(made) == set(kept)
    for name in AS_PRINTED:
        assert made[name] == kept[name], f"{name} is stale: run reports/published.py again"
    for name, content in made.items():
        assert str(published_results).encode() not in content, name


@pytest.mark.parametrize("suite", published.SUITES)
def test_samples_hold_no_path_of_a_machine(suite: str) -> None:
    files = [path for path in (SAMPLE / suite).iterdir() if path.suffix in {".md", ".csv", ".json", ".html", ".tex"}]
    assert {"README.md", "scores.json", "table.csv"} <= {path.name for path in files}
    for path in files:
        text = path.read_text()
        assert f"{suite}/results/" in text or path.name not in ("README.md", "scores.json", "table.csv")
        assert not any(
            f"{before}/{home}/" in text for before in " `\"(,'" for home in ("home", "root", "work", "Users")
        )


def test_a_folder_without_results_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert published.main(["--published", str(tmp_path), "--suite", "vot2016", "--out", str(tmp_path / "out")]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
