"""Linking: what is known under a suite's name is what it is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from spm_bench.datasets.link import link
from spm_bench.errors import DataError, MissingDataError, UsageError
from spm_bench.suites import load_suite
from spm_bench.suites.facts import suite_facts
from tests.suites.builders import vot_sequence


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """All of VOT2013, in a folder with a name that says nothing."""
    for item in suite_facts("vot2013").sequences:
        vot_sequence(tmp_path / "my é data" / "2013!", item.name, 2, polygons=False)
    return tmp_path / "my é data" / "2013!"


def test_a_linked_suite_is_found(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPM_BENCH_DATA", str(tmp_path / "root"))
    place, report = link("vot2013", elsewhere)
    assert place == tmp_path / "root" / "vot2013"
    assert place.resolve() == elsewhere.resolve()
    assert len(report.sequences) == len(load_suite("vot2013").sequences) == 16
    assert link("vot2013", elsewhere)[0] == place


def test_a_relative_folder_stays_what_it_was(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(elsewhere.parent)
    link("vot2013", Path(elsewhere.name), tmp_path / "root")
    monkeypatch.chdir("/")
    assert len(load_suite("vot2013", tmp_path / "root").sequences) == 16


def test_a_workspace_of_the_toolkit(elsewhere: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    elsewhere.rename(workspace / "sequences")
    link("vot2013", workspace, tmp_path / "root")
    assert load_suite("vot2013", tmp_path / "root").root == tmp_path / "root" / "vot2013" / "sequences"


def test_a_part_only_where_it_is_accepted(elsewhere: Path, tmp_path: Path) -> None:
    (elsewhere / "cup").rename(tmp_path / "cup")
    with pytest.raises(MissingDataError, match=r"1 of 16 sequences of VOT2013 are missing: cup.*--allow-missing"):
        link("vot2013", elsewhere, tmp_path / "root")
    assert not (tmp_path / "root").exists()
    link("vot2013", elsewhere, tmp_path / "root", allow_missing=True)
    assert len(load_suite("vot2013", tmp_path / "root", allow_missing=True).sequences) == 15


def test_what_it_is_not(elsewhere: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (elsewhere / "cup" / "00000002.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 sequences of VOT2013 are broken: cup; .*00000002.jpg: .* empty"):
        link("vot2013", elsewhere, root, allow_missing=True)
    with pytest.raises(MissingDataError):
        link("otb100", elsewhere, root)
    with pytest.raises(MissingDataError, match="no such folder"):
        link("vot2013", tmp_path / "nowhere", root)
    with pytest.raises(MissingDataError, match="a file, not a folder"):
        link("vot2013", elsewhere / "cup" / "groundtruth.txt", root)
    with pytest.raises(UsageError, match="Did you mean vot2013"):
        link("vot203", elsewhere, root)
    (elsewhere.parent / "VOT-2016").symlink_to(elsewhere)
    with pytest.raises(DataError, match="folder of vot2016"):
        link("vot2013", elsewhere.parent / "VOT-2016", root)
    assert not root.exists()


def test_what_is_in_the_way(elsewhere: Path, tmp_path: Path) -> None:
    place = tmp_path / "root" / "vot2013"
    place.mkdir(parents=True)
    for replace in (False, True):
        with pytest.raises(DataError, match=r"no link. Move it away"):
            link("vot2013", elsewhere, tmp_path / "root", replace=replace)
    place.rmdir()
    place.symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"a link to .*gone. Replace it with --replace"):
        link("vot2013", elsewhere, tmp_path / "root")
    assert link("vot2013", elsewhere, tmp_path / "root", replace=True)[0].resolve() == elsewhere.resolve()


def test_a_root_that_cannot_be_made(elsewhere: Path, tmp_path: Path) -> None:
    (tmp_path / "root").write_text("in the way")
    with pytest.raises(DataError, match=r"no link can be made.*SPM_BENCH_DATA"):
        link("vot2013", elsewhere, tmp_path / "root")
