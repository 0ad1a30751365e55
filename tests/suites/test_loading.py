"""What all suites on disk share: finding the data, missing parts, choosing sequences, the fingerprint."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import DataError, MissingDataError, UsageError
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.facts import suite_facts
from spm_bench.suites.loading import fill_frame_attributes, fingerprint, recorded_image_sizes
from spm_bench.suites.roots import data_root, spelling

from .builders import otb_sequence, write_lines, write_picture

DEER, GIRL = "Deer", "MountainBike"
N = {name: 71 if name == DEER else 228 for name in (DEER, GIRL)}


@pytest.fixture(scope="session")
def otb_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the hundred sequences, never changed by a test."""
    home = tmp_path_factory.mktemp("data") / "OTB-100"
    for name, n in N.items():
        otb_sequence(home, name, n)
    return home


def partial(data: Path | None, **options: object) -> Suite:
    return load_suite("otb100", data, allow_missing=True, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spelled", ["otb", "OTB", "otb100", "OTB100", "OTB2015", "tb100", "OTB-100", "otb_100", "TB 100"]
)
def test_the_usual_spellings_of_a_folder(tmp_path: Path, spelled: str) -> None:
    otb_sequence(tmp_path / spelled, DEER, 71)
    assert partial(tmp_path).root == tmp_path / spelled
    assert partial(tmp_path / spelled).root == tmp_path / spelled


def test_the_best_name_wins_and_an_empty_folder_does_not(tmp_path: Path) -> None:
    (tmp_path / "otb100").mkdir()
    otb_sequence(tmp_path / "otb", DEER, 71)
    assert partial(tmp_path).root == tmp_path / "otb"
    otb_sequence(tmp_path / "otb100", DEER, 71)
    assert partial(tmp_path).root == tmp_path / "otb100"


def test_argument_then_variable_then_user_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, otb_home: Path
) -> None:
    monkeypatch.setenv("SPM_BENCH_DATA", str(otb_home.parent))
    assert data_root(tmp_path) == tmp_path
    assert data_root(None) == otb_home.parent
    assert partial(None).root == otb_home
    monkeypatch.delenv("SPM_BENCH_DATA")
    assert data_root(None).name == "spm_bench"
    assert data_root(Path("~/x")) == Path.home() / "x"


@pytest.mark.parametrize(
    ("name", "folded"), [("OTB-100", "otb100"), ("otb_100", "otb100"), ("GOT-10k", "got10k"), ("VOT 2016", "vot2016")]
)
def test_spelling(name: str, folded: str) -> None:
    assert spelling(name) == folded


def test_missing_altogether_says_what_where_and_how(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError) as caught:
        load_suite("otb100", tmp_path)
    text = str(caught.value)
    for part in ("OTB-100", str(tmp_path), "cvlab.hanyang.ac.kr", "--data", "SPM_BENCH_DATA", "tb100"):
        assert part in text
    with pytest.raises(MissingDataError, match="no such folder"):
        load_suite("otb100", tmp_path / "absent")


def test_partly_missing_needs_permission(otb_home: Path) -> None:
    with pytest.raises(MissingDataError) as caught:
        load_suite("otb100", otb_home)
    for part in ("98 of 100 sequences", "Basketball, Biker", "and 93 more", "--allow-missing"):
        assert part in str(caught.value)
    suite = partial(otb_home)
    assert suite.coverage == "2 of 100 sequences"
    assert [s.name for s in suite.sequences] == [DEER, GIRL]
    assert len(suite.missing) == 98
    assert DEER not in suite.missing


def test_annotations_without_pictures_serve_scoring_only(tmp_path: Path, otb_home: Path) -> None:
    shutil.copytree(otb_home, tmp_path / "otb")
    shutil.rmtree(tmp_path / "otb" / DEER / "img")
    with pytest.raises(MissingDataError, match="have no pictures: Deer"):
        load_suite("otb100", tmp_path, only=[DEER])
    assert partial(tmp_path).missing == (
        *(s for s in partial(otb_home).missing[:33]),
        DEER,
        *partial(otb_home).missing[33:],
    )
    suite = load_suite("otb100", tmp_path, only=[DEER], annotations_only=True)
    assert suite.sequences[0].frames is None
    assert suite.sequences[0].image_size is None


def test_permission_does_not_make_an_empty_suite(otb_home: Path) -> None:
    with pytest.raises(MissingDataError, match="1 of 1 sequences"):
        load_suite("otb100", otb_home, only=["Basketball"], allow_missing=True)


def test_only_keeps_the_suites_order_and_total(otb_home: Path) -> None:
    suite = load_suite("otb100", otb_home, only=[GIRL, DEER, GIRL])
    assert [s.name for s in suite.sequences] == [DEER, GIRL]
    assert suite.coverage == "2 of 100 sequences"
    assert suite.missing == ()
    with pytest.raises(UsageError, match="Did you mean Deer"):
        load_suite("otb100", otb_home, only=["deeer"])


def test_an_empty_only_means_all(otb_home: Path) -> None:
    assert len(partial(otb_home, only=[]).sequences) == 2


class TestFingerprint:
    def test_is_that_of_the_content_not_of_the_place(self, tmp_path: Path, otb_home: Path) -> None:
        shutil.copytree(otb_home, tmp_path / "tb100")
        assert partial(tmp_path).fingerprint == partial(otb_home).fingerprint
        assert len(partial(otb_home).fingerprint) == 64

    def test_scoring_sees_the_runs_fingerprint(self, otb_home: Path) -> None:
        assert partial(otb_home, annotations_only=True).fingerprint == partial(otb_home).fingerprint

    @pytest.mark.parametrize("change", ["box", "picture", "name", "fewer", "no pictures"])
    def test_changes_with(self, tmp_path: Path, otb_home: Path, change: str) -> None:
        home = tmp_path / "otb"
        shutil.copytree(otb_home, home)
        if change == "box":
            lines = (home / DEER / "groundtruth_rect.txt").read_text().splitlines()
            write_lines(home / DEER / "groundtruth_rect.txt", [*lines[:-1], "1,2,3,4"])
        elif change == "picture":
            write_picture(home / DEER / "img" / "0003.jpg", width=200)
        elif change == "name":
            (home / DEER / "img" / "0003.jpg").rename(home / DEER / "img" / "00003.jpg")
        elif change == "fewer":
            shutil.rmtree(home / DEER)
        else:
            shutil.rmtree(home / DEER / "img")
        assert partial(home, annotations_only=True).fingerprint != partial(otb_home).fingerprint

    def test_does_not_depend_on_order_separators_or_the_sign_of_nan(self) -> None:
        a, b = (Sequence(name, np.array([[1.0, 2, 3, 4], [np.nan] * 4])) for name in "ab")
        other = replace(a, ground_truth=np.array([[1.0, 2, 3, 4], [-np.nan] * 4]))
        assert fingerprint([a, b]) == fingerprint([b, other])
        assert fingerprint([a, b]) != fingerprint([a])
        assert fingerprint([a]) != fingerprint([b])
        assert fingerprint([replace(a, polygons=np.ones((2, 8)))]) != fingerprint([a])


def test_attributes_of_frames_are_the_same_set_everywhere() -> None:
    with_one = Sequence("a", np.ones((3, 4)), frame_attributes={"occlusion": np.array([True, False, True])})
    without = Sequence("b", np.ones((2, 4)))
    first, second = fill_frame_attributes([with_one, without])
    assert first.frame_attributes["occlusion"].tolist() == [True, False, True]
    assert second.frame_attributes["occlusion"].tolist() == [False, False]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"image_size": [640, 480]}, "b": {"image_size": null}}',
        '{"sequences": [{"name": "a", "image_size": [640, 480]}]}',
    ],
)
def test_recorded_sizes(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    assert recorded_image_sizes(tmp_path / "s.json") == {"a": (640, 480)}
    assert recorded_image_sizes(tmp_path / "absent.json") == {}


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"a": {"image_size": [640]}}', '{"a": 3}', '{"a": {"image_size": ["w", 2]}}']
)
def test_broken_recorded_sizes(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(DataError, match="broken"):
        recorded_image_sizes(tmp_path / "s.json")


def test_folders_are_written_in_their_folded_spelling() -> None:
    assert all(
        spelling(name) == name for suite in ("otb100", "vot2018", "got10k-val") for name in suite_facts(suite).folders
    )
