"""The page's text: what is in it, what can never be in it, and how large it is."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import replace
from pathlib import Path

import pytest

from spm_bench.errors import DataError, ResultsError
from spm_bench.report.html import PageOptions, write_page
from spm_bench.report.html.origin import typed
from tests.report.html.fakes import NASTY_NAMES, make_scored, make_suite, write

LARGEST = 15e6
"""Bytes of 100 sequences x 10 trackers without pictures."""
OTB_FRAMES = 59_035
"""Frames of OTB-100: what 100 sequences are."""


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write(tmp_path_factory.mktemp("page") / "r.html", make_suite(6, 30), ["Alpha", "Beta"])
    return path.read_text(encoding="utf-8")


def test_the_policy_allows_exactly_what_is_inside(text: str) -> None:
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1])  # type: ignore[index]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    inside = re.findall(r"<(script|style)>(.*?)</\1>", text, re.S)
    assert [kind for kind, _ in inside] == ["style", "script", "script"]
    for kind, content in inside:
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in re.search(rf"{kind}-src ([^;]+)", policy)[1]  # type: ignore[index]


def test_nothing_is_fetched(text: str) -> None:
    markup = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    targets = re.findall(r"""(?:src|href|action)\s*=\s*["']?([^"'\s>]*)""", markup)
    assert targets
    assert [t for t in targets if not t.startswith(("#", "data:"))] == []
    assert "@import" not in text
    assert "url(" not in text
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not a place


def test_equal_results_give_equal_bytes(tmp_path: Path) -> None:
    suite = make_suite(3, 20)
    first = write(tmp_path / "a.html", suite, ["A", "B"]).read_bytes()
    assert write(tmp_path / "b.html", suite, ["A", "B"]).read_bytes() == first


def test_names_stay_names(tmp_path: Path) -> None:
    text = write(tmp_path / "r.html", make_suite(names=NASTY_NAMES), NASTY_NAMES).read_text(encoding="utf-8")
    assert text.count("<script") == text.count("</script>") == 3 + len(NASTY_NAMES)
    assert "<img" not in text
    assert "alert(1)&gt;" in text
    assert "{{ 7*7 }}" in text  # no template in a template


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    """File systems have names that no encoding has."""
    path = write(tmp_path / "r.html", make_suite(2, 10), ["tr\udcffck"])
    assert "tr?ck" in path.read_text(encoding="utf-8")


def test_what_was_run_is_told(text: str) -> None:
    assert "spm-bench score --suite otb100" in text
    assert "ab" * 32 in text
    assert "otb-matlab" in text
    assert "results/0" in text
    assert "Someone et al." in text


def test_a_recorded_command_is_shown_as_typed() -> None:
    assert (
        typed(["/venv/bin/python", "/venv/bin/spm-bench", "run", "--out", "my runs"]) == "spm-bench run --out 'my runs'"
    )
    assert typed(["/usr/bin/spm-bench", "score"]) == "spm-bench score"
    assert typed(["python", "-m", "spm_bench.run"]) == "python -m spm_bench.run"
    assert typed([]) == ""


@pytest.mark.parametrize(
    ("trackers", "sequences", "frames"), [(1, 1, 1), (1, 1, 2), (1, 3, 10), (2, 1, 10), (40, 2, 10)]
)
@pytest.mark.parametrize("family", ["otb", "vot"])
def test_few_and_many(tmp_path: Path, trackers: int, sequences: int, frames: int, family: str) -> None:
    names = [f"T{i}" for i in range(trackers)]
    text = write(tmp_path / "r.html", make_suite(sequences, frames, family=family), names).read_text(encoding="utf-8")
    assert text.count('<tr id="s-') == sequences
    assert len(re.findall(r'<li data-t="', text)) == (trackers if 'id="plots"' in text else 0)
    assert "nan" not in re.sub(r"<script.*?</script>", "", text, flags=re.S).lower().split()


def test_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="nothing to report"):
        write_page([], make_suite(), tmp_path / "r.html")


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "r.html").mkdir()
    suite = make_suite(1, 5)
    with pytest.raises(ResultsError) as caught:
        write_page(make_scored(suite, ["A"]), suite, tmp_path / "r.html")
    assert "r.html" in str(caught.value)


@pytest.mark.parametrize("option", ["frames", "strips"])
def test_pictures_that_are_not_there(tmp_path: Path, option: str) -> None:
    suite = make_suite(2, 40, pictures=False)
    with pytest.raises(DataError, match="pictures are not here") as caught:
        write(tmp_path / "r.html", suite, ["A", "B"], PageOptions(**{option: True}))
    assert caught.value.remedy is not None
    assert not (tmp_path / "r.html").exists()


def test_a_part_of_a_suite_says_so(tmp_path: Path) -> None:
    suite = replace(make_suite(3, 10), n_total=100)
    text = write(tmp_path / "r.html", suite, ["A"]).read_text(encoding="utf-8")
    assert "3 of 100 sequences" in text


def test_unknown_picture_sizes_give_a_canvas_that_holds_the_truth(tmp_path: Path) -> None:
    suite = make_suite(1, 10)
    suite = replace(suite, sequences=tuple(replace(s, image_size=None) for s in suite.sequences))
    text = write(tmp_path / "r.html", suite, ["A"]).read_text(encoding="utf-8")
    assert '"sizeKnown":false' in text


def test_a_hundred_sequences_of_ten_trackers_fit(tmp_path: Path) -> None:
    """What a frame and a sequence add, times their numbers on OTB-100: measured on pages a hundredth of the size."""
    names = [f"T{i}" for i in range(10)]

    def size(sequences: int, frames: int) -> int:
        suite = make_suite(sequences, frames, pictures=False)
        return write(tmp_path / f"{sequences}-{frames}.html", suite, names).stat().st_size

    base, longer, more = size(2, 100), size(2, 300), size(6, 100)
    of_frame = (longer - base) / 400
    of_sequence = (more - base) / 4 - 100 * of_frame
    assert base + 98 * of_sequence + OTB_FRAMES * of_frame < LARGEST
