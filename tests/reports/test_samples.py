"""The samples: made by one command each, listed on an index that is up to date, the same bytes from the same runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import demo
import pair
import pytest
import samples
from indexing import Sample, to_html, to_markdown

REPORTS = Path(samples.__file__).parent
EVERY = (*samples.SAMPLES, *samples.BY_HAND)


def test_the_index_is_up_to_date() -> None:
    assert (REPORTS / "README.md").read_text(encoding="utf-8") == to_markdown(EVERY), "run reports/samples.py --index"
    assert (REPORTS / "index.html").read_text(encoding="utf-8") == to_html(EVERY), "run reports/samples.py --index"


@pytest.mark.parametrize("sample", EVERY, ids=lambda sample: sample.name)
def test_what_the_index_shows_is_there(sample: Sample) -> None:
    for _, path in (*sample.pages, *sample.pictures):
        assert (REPORTS / path).is_file(), path
    assert (REPORTS.parent / sample.command.split()[1]).is_file()


def test_the_page_fetches_nothing_from_outside() -> None:
    page = to_html(EVERY)
    addresses = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert addresses
    assert not [address for address in addresses if ":" in address or address.startswith("/")]
    assert "<script" not in page


def test_names_in_the_index_are_text() -> None:
    page = to_html([replace(EVERY[0], title="<b>50%</b>", note="`a < b`")])
    assert "<h2>&lt;b&gt;50%&lt;/b&gt;</h2>" in page
    assert "<code>a &lt; b</code>" in page


def tiny(name: str, command: str) -> Sample:
    return Sample(name, name, "", command, ())


def test_what_needs_data_is_left_out_and_what_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import sys; word = sys.argv[1]; open({str(tmp_path / 'made')!r}, 'w').write(word)")
    chosen = (
        tiny("good", f"python {script} {{data}}"),
        tiny("bad", f"python {script}"),
        tiny("needy", f"python {script} {{published}} {{data}}"),
    )
    monkeypatch.setattr(samples, "SAMPLES", chosen)
    monkeypatch.setattr(samples, "write_index", lambda: [Path("a"), Path("b")])
    assert samples.main(["--data", str(samples.ROOT / "x y")]) == 1
    told = capfd.readouterr().out
    assert (tmp_path / "made").read_text() == "x y"  # paths are those from the project's folder
    assert "good: made\nbad: failed (exit code 1)\nneedy: left out: needs --published\n" in told
    assert samples.main(["needy"]) == 0
    assert "needy: left out: needs --data and --published" in capfd.readouterr().out


def test_a_mistyped_name_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    assert samples.main(["publishd"]) == 2
    assert "Did you mean published?" in capsys.readouterr().err


def test_the_demo_is_the_same_bytes_from_the_same_runs(tmp_path: Path) -> None:
    words = ["--tracker", "static", "--tracker", "oracle", "--only", "calm", "deform-1", "lookalike-3"]
    words += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    assert demo.main(words) == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert {"README.md", "report.html", "success.pdf", "strips.png", "table.html"} <= set(first)
    assert demo.main(words) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first
    assert {row["metric"] for row in json.loads(first["scores.json"])} == {"auc", "precision", "normalised_precision"}
    assert b"data:image/jpeg;base64," in first["report.html"]


def test_a_demo_of_an_unknown_tracker_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--tracker", "nobody", "--runs", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "nobody" in capsys.readouterr().err


def test_a_pair_needs_a_place_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").write_text("a file")
    assert pair.main(["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]) == 2
    assert "error:" in capsys.readouterr().err
