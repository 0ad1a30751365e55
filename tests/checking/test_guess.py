"""The suite that files belong to, by their names."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from spm_bench.checking.guess import guess_suite
from spm_bench.errors import ResultsError, UsageError
from spm_bench.suites.facts import suite_facts


def names(suite: str) -> list[str]:
    return [item.name for item in suite_facts(suite).sequences]


def flat(folder: Path, sequences: list[str]) -> Path:
    folder.mkdir(parents=True)
    for name in sequences:
        (folder / f"{name}.txt").write_text("1,2,3,4\n")
    return folder


def nested(folder: Path, sequences: list[str], first: str) -> Path:
    for name in sequences:
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}_001.txt").write_text(f"{first}\n1,2,3,4\n")
    return folder


@pytest.mark.parametrize("suite", ["otb100", "otb50", "otb2013"])
def test_parts_of_otb_are_told_apart(tmp_path: Path, suite: str) -> None:
    guess = guess_suite([flat(tmp_path / "KCF", names(suite))])
    assert (guess.name, guess.matched, guess.n_total) == (suite, len(names(suite)), len(names(suite)))


def test_some_sequences_are_of_the_larger_suite(tmp_path: Path) -> None:
    guess = guess_suite([flat(tmp_path / "KCF", names("otb50")[:9])])
    assert guess.name == "otb100"
    assert "9 of its 100 sequences are here" in guess.told
    assert "--suite decides" in guess.told


def test_several_trackers_times_and_hidden_files(tmp_path: Path) -> None:
    flat(tmp_path / "r" / "KCF", ["Deer", "Man", "Deer_time"])
    flat(tmp_path / "r" / "ECO" / ".cache", ["bag"])
    flat(tmp_path / "r" / "MEEM", ["otb_Jogging_1"])
    assert guess_suite([tmp_path / "r"]).matched == 3


def test_codes_tell_vot_from_others(tmp_path: Path) -> None:
    """VOT's basketball and OTB's Basketball differ in one letter's case."""
    assert guess_suite([nested(tmp_path / "a" / "T" / "baseline", ["basketball", "bolt1"], "1")]).name.startswith("vot")
    assert guess_suite([nested(tmp_path / "b" / "T", ["Basketball", "Jogging-1"], "9,9,9,9")]).name == "otb100"
    got = nested(tmp_path / "c" / "T", [f"GOT-10k_Val_{k:06d}" for k in range(1, 4)], "9,9,9,9")
    assert guess_suite([got]).name == "got10k-val"


def test_years_with_the_same_sequences(tmp_path: Path) -> None:
    """The path decides, then the data at hand, then the later year; the others are named."""
    folder = nested(tmp_path / "some" / "T" / "baseline", names("vot2016"), "1")
    guess = guess_suite([folder])
    assert guess.name == "vot2016"
    assert guess.others == ("vot2015",)
    assert "vot2015 would fit, too" in guess.told
    assert guess_suite([folder], {"vot2015": 60}).name == "vot2015"
    named = nested(tmp_path / "VOT-2015" / "T" / "baseline", names("vot2016"), "1")
    assert guess_suite([named], {"vot2016": 60}).name == "vot2015"


def test_a_zip_and_the_demo(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "KCF.zip", "w") as target:
        target.writestr("calm.txt", "1,2,3,4\n")
        target.writestr("lookalike-4.txt", "1,2,3,4\n")
    assert guess_suite([tmp_path / "KCF.zip"]).name == "demo"


@pytest.mark.parametrize(
    ("files", "words"), [(["nobody", "noone"], "named nobody, noone"), ([], "there is no text file")]
)
def test_names_of_no_suite(tmp_path: Path, files: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        guess_suite([flat(tmp_path / "KCF", files)])
    assert "--suite" in str(error.value)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no such results folder"):
        guess_suite([tmp_path / "nowhere"])
