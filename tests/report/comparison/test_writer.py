"""The folder of a comparison: complete, consistent, in any case that trackers and names bring about."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spm_bench.errors import DataError
from spm_bench.report.comparison import compare_pair, write_comparison
from spm_bench.report.comparison.film import cut_window, film
from spm_bench.report.comparison.show import print_comparison
from tests.report.comparison.fakes import pair, two
from tests.report.fakes import NASTY
from tests.report.html.fakes import NASTY_NAMES, make_suite

ALL = {
    "README.md",
    "comparison.html",
    "comparison.csv",
    "attributes.csv",
    "sequences.csv",
    "comparison.tex",
    *(f"{name}.{end}" for name in ("waterfall", "attributes", "overlaps", "strips") for end in ("png", "pdf")),
}


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out: drawing them takes longer than all else."""
    monkeypatch.setattr("spm_bench.report.comparison.writer.figures", lambda *_: iter(()))


def test_everything_is_there_and_named_in_the_index(tmp_path: Path) -> None:
    found = pair()
    written = write_comparison(found, tmp_path / "c", command=("/usr/bin/spm-bench", "compare", "a", "b"))
    assert {p.name for p in written} == ALL == {p.name for p in (tmp_path / "c").iterdir()}
    assert written[0].name == "README.md"
    index = written[0].read_text(encoding="utf-8")
    assert index.startswith("# Good against Bad on OTB-100\n")
    for name in ALL - {"README.md"}:
        assert f"]({name})" in index
    assert f"**{found.conclusion}**".replace("[", "\\[").replace("]", "\\]").replace("<", "&lt;") in index
    table = pd.read_csv(tmp_path / "c" / "comparison.csv")
    assert list(table["difference"]) == [c.difference for c in found.comparisons]
    deltas = pd.read_csv(tmp_path / "c" / "sequences.csv")
    assert len(deltas) == 3 * 12
    assert np.allclose(deltas["delta"], deltas["value"] - deltas["base_value"])


def test_the_same_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for place in ("1", "2"):
        write_comparison(pair(make_suite(3)), tmp_path / place)
    for file in (tmp_path / "1").iterdir():
        assert file.read_bytes() == (tmp_path / "2" / file.name).read_bytes(), file.name


def test_supervised_results_have_figures_by_failures_and_accuracy(tmp_path: Path) -> None:
    names = {p.name for p in write_comparison(pair(make_suite(6, 60, family="vot")), tmp_path)}
    assert {
        f"{kind}_{metric}.png" for kind in ("waterfall", "attributes") for metric in ("failures", "accuracy")
    } < names
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert page.count('class="loss') > 0
    assert "Lost: failures in the whole suite" in page


@pytest.mark.parametrize("family", ["otb", "vot"])
def test_one_sequence(family: str, tmp_path: Path) -> None:
    found = pair(make_suite(1, 60, family=family))
    write_comparison(found, tmp_path)
    assert "One sequence says nothing about others" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_identical_results_have_no_moments(tmp_path: Path) -> None:
    suite = make_suite(3)
    base, _ = two(suite)
    written = write_comparison(compare_pair(base, base, suite), tmp_path)
    assert "overlaps.png" not in {p.name for p in written}
    assert "are equal on all 3 sequences" in (tmp_path / "comparison.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_without_pictures_or_strips_there_are_overlaps_only(tmp_path: Path) -> None:
    suite = make_suite(3)
    for place, found in (
        ("a", pair(make_suite(3, pictures=False))),
        ("b", compare_pair(*two(suite), suite, strips=False)),
    ):
        assert "strips.png" not in {p.name for p in write_comparison(found, tmp_path / place)}
        page = (tmp_path / place / "comparison.html").read_text(encoding="utf-8")
        assert "data:image/jpeg" not in page
        assert page.count('<path class="curve') == 2 * len(found.tellings) > 0


@pytest.mark.usefixtures("undrawn")
def test_a_broken_picture_leaves_an_earlier_comparison_as_it_was(tmp_path: Path) -> None:
    class Broken:
        def __len__(self) -> int:
            return 40

        def __getitem__(self, index: int) -> np.ndarray:
            raise DataError("the picture cannot be decoded", where=f"{index}.jpg")

    suite = make_suite(3)
    found = compare_pair(*two(suite), suite)
    write_comparison(found, tmp_path)
    before = (tmp_path / "README.md").read_bytes()
    object.__setattr__(found.tellings[0].sequence, "frames", Broken())
    with pytest.raises(DataError, match="cannot be decoded"):
        write_comparison(found, tmp_path)
    assert (tmp_path / "README.md").read_bytes() == before


@pytest.mark.usefixtures("undrawn")
def test_names_come_out_as_they_are(tmp_path: Path, visit: Callable[..., Any]) -> None:
    suite = make_suite(names=NASTY_NAMES)
    write_comparison(pair(suite, [NASTY, "base_of 100%"]), tmp_path)
    text = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    page = visit(tmp_path / "comparison.html")
    assert page.locator("h1").inner_text().startswith(NASTY)
    assert NASTY in page.locator("table").last.inner_text() or NASTY in page.locator("#sequences").inner_text()
    assert "\\_of 100%" in (tmp_path / "README.md").read_text(encoding="utf-8")
    tex = (tmp_path / "comparison.tex").read_text(encoding="utf-8")
    assert r"base\_of 100\%" in tex
    assert not re.search(r"(?<!\\)[%#]", "\n".join(line for line in tex.splitlines() if not line.startswith("% ")))


@pytest.mark.usefixtures("undrawn")
def test_the_page_fits_a_phone_and_a_dark_room(tmp_path: Path, visit: Callable[..., Any]) -> None:
    write_comparison(pair(), tmp_path)
    for options in ({"size": (390, 844)}, {"color_scheme": "dark"}, {"java_script_enabled": False}):
        page = visit(tmp_path / "comparison.html", **options)
        if options.get("java_script_enabled", True):
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.locator(".moment .pictures svg").first.is_visible()
        assert page.locator(".verdict").inner_text()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no TeX here")
@pytest.mark.usefixtures("undrawn")
def test_the_tables_compile(tmp_path: Path) -> None:
    write_comparison(pair(make_suite(3), ["A_b 50%", "Base & #1"]), tmp_path)
    (tmp_path / "main.tex").write_text(
        r"\documentclass{article}\usepackage[utf8]{inputenc}\usepackage{booktabs}\begin{document}\input{comparison}\end{document}"
    )
    done = subprocess.run(["pdflatex", "-halt-on-error", "main"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-800:]


def test_the_terminal_gets_a_row_per_metric_and_the_conclusion(capsys: pytest.CaptureFixture[str]) -> None:
    found = pair()
    print_comparison(found)
    printed = capsys.readouterr().out
    assert printed.startswith("Good against Bad on OTB-100: 12 sequences, protocol one_pass")
    assert [line.split()[0] for line in printed.splitlines() if " [" in line and "/" in line][-3:] == [
        "AUC",
        "P@20",
        "NormP",
    ]
    assert " ".join(found.conclusion.split()) in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= 80


def test_long_names_leave_the_numbers_whole_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    long = "A_tracker_of_a_very_long_name"
    for names in ([f"{long}_1", f"{long}_2"], [f"x{long}", f"y{long}"], [long, f"{long[:14]}{long[8:]}"]):
        print_comparison(pair(make_suite(3), names))
        lines = capsys.readouterr().out.splitlines()
        (row,) = [line for line in lines if line.strip().startswith("AUC")]
        assert len(re.findall(r" [01]\.\d{3} ", row)) == 2
        assert re.search(r"\[[^\]]+\] .* \d/\d/\d", row)
        assert max(map(len, lines)) <= 80


def test_cuts_hold_everybody_and_stay_inside() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        width, height = (int(v) for v in rng.integers(40, 900, 2))
        boxes = [np.array([*rng.uniform(-20, (width, height)), *rng.uniform(1, (width, height))]) for _ in range(3)]
        x, y, w, h = cut_window(boxes, (width, height))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
        assert w >= 1
        assert h >= 1
    x, y, w, h = cut_window([np.array([100.0, 80, 30, 40]), np.array([180.0, 90, 30, 40])], (640, 480))
    assert x <= 100
    assert y <= 80
    assert x + w >= 210
    assert y + h >= 130
    assert cut_window([], (320, 240)) == (0, 0, 320, 240)


def test_a_strip_shows_who_was_where() -> None:
    telling = pair(make_suite(3)).tellings[0]
    shots = film(telling)
    assert tuple(shot.frame for shot in shots) == telling.frames
    assert len({shot.window for shot in shots}) == 1
    for shot in shots:
        w, h = shot.window[2:]
        assert shot.picture.shape == (h, w, 3)
        assert (shot.picture == shot.frame % 256).all()
        assert shot.overlaps == (telling.lines[0].overlaps[shot.frame], telling.lines[1].overlaps[shot.frame])
        assert [place for place, _ in shot.regions][-1] is None, "the truth lies on top"
