"""Zip files: read like the folder they hold, and none of the old tricks works."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.results import archive
from spm_bench.results.foreign import find_result_sets
from spm_bench.suites.base import Sequence, Suite

SUITE = Suite("toys", "Toys", "otb", "one_pass", tuple(Sequence(n, np.ones((3, 4))) for n in ("a", "b")), 2)
BOXES = "1,2,3,4\n" * 3


def packed(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(name, text)
    return path


def labels(path: Path) -> list[str]:
    return [results.label for results in find_result_sets([path], SUITE)]


def test_trackers_in_a_zip_and_one_trackers_files_alone(tmp_path: Path) -> None:
    many = packed(tmp_path / "all.zip", **{"results/OTB/KCF/a.txt": BOXES, "results/OTB/ECO/a.txt": BOXES})
    assert labels(many) == ["ECO", "KCF"]
    assert labels(packed(tmp_path / "MOSSE.zip", **{"a.txt": BOXES, "a_time.txt": "0.1\n" * 3})) == ["MOSSE"]


def test_paths_are_shown_behind_the_archives_name(tmp_path: Path) -> None:
    path = packed(tmp_path / "all.zip", **{"KCF/a.txt": BOXES, "KCF/b.txt": BOXES + "1,2,x,4\n"})
    (results,) = find_result_sets([path], SUITE)
    assert results.run == str(path / "KCF")
    assert len(results.trajectories(SUITE.sequences[0])[0]) == 3
    with pytest.raises(ResultsError, match="not a number") as error:
        results.trajectories(SUITE.sequences[1])
    assert (error.value.where, error.value.line) == (path / "KCF" / "b.txt", 4)


@pytest.mark.parametrize("name", ["../evil.txt", "KCF/../../evil.txt", "/etc/evil.txt", "C:/evil.txt", "..\\evil.txt"])
def test_entries_that_would_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ResultsError, match="would leave the folder"):
        labels(packed(tmp_path / "all.zip", **{"KCF/a.txt": BOXES, name: BOXES}))
    assert not list(tmp_path.rglob("evil.txt"))


def test_links_are_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("KCF/a.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as target:
        target.writestr(entry, "/etc/passwd")
    with pytest.raises(ResultsError, match="is a link"):
        labels(tmp_path / "all.zip")


def test_bombs_are_bounded_whatever_the_archive_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "all.zip", **{"KCF/a.txt": BOXES * 100_000})
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(archive, "MOST_BYTES", 100_000)
    with pytest.raises(ResultsError, match="more than raw results are"):
        labels(path)
    monkeypatch.setattr(archive, "MOST_FILES", 1)
    with pytest.raises(ResultsError, match="holds 2 files"):
        labels(packed(tmp_path / "two.zip", **{"KCF/a.txt": BOXES, "KCF/b.txt": BOXES}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as target:
        target.writestr("KCF/a.txt", BOXES)
        target.writestr("KCF/a.txt", BOXES)
    with pytest.raises(ResultsError, match="twice"):
        labels(tmp_path / "all.zip")


def test_a_broken_and_an_encrypted_archive(tmp_path: Path) -> None:
    path = packed(tmp_path / "all.zip", **{"KCF/a.txt": "1,2,3,4\n" * 5000})
    whole = bytearray(path.read_bytes())
    whole[40:60] = bytes(20)
    path.write_bytes(whole)
    with pytest.raises(ResultsError, match="broken"):
        labels(path)
    entry = packed(tmp_path / "secret.zip", **{"KCF/a.txt": BOXES})
    content = bytearray(entry.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    entry.write_bytes(content)
    with pytest.raises(ResultsError, match="encrypted"):
        labels(entry)


def test_other_files_are_left_inside(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "all.zip",
        **{"KCF/a.txt": BOXES, "KCF/plot.png": "x", "__MACOSX/KCF/._a.txt": "x", "KCF/.hidden.txt": "x"},
    )
    folder = archive.unpack(path)
    assert [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()] == ["KCF/a.txt"]
    assert archive.shown(folder / "KCF" / "a.txt") == path / "KCF" / "a.txt"
