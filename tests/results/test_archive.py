"""Zip files: read like the folder they hold, and none of the old tricks works."""

from __future__ import annotations

import stat
import tarfile
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
    with pytest.raises(ResultsError, match=r"refused: its name (leaves the folder|is absolute)"):
        labels(packed(tmp_path / "all.zip", **{"KCF/a.txt": BOXES, name: BOXES}))
    assert not list(tmp_path.rglob("evil.txt"))


def test_links_are_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("KCF/a.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as target:
        target.writestr(entry, "/etc/passwd")
    with pytest.raises(ResultsError, match="is refused"):
        labels(tmp_path / "all.zip")


def test_bombs_are_bounded_whatever_the_archive_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "all.zip", **{"KCF/a.txt": BOXES * 100_000})
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(archive, "MOST_BYTES", 100_000)
    with pytest.raises(ResultsError, match="more than"):
        labels(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as target:
        target.writestr("KCF/a.txt", BOXES)
        target.writestr("KCF/a.txt", BOXES)
    with pytest.raises(ResultsError, match="there twice"):
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


def test_what_systems_leave_behind_is_left_inside(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "all.zip",
        **{"KCF/a.txt": BOXES, "__MACOSX/KCF/._a.txt": "x", "KCF/.DS_Store": "x"},
    )
    folder = archive.unpack(path)
    assert [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()] == ["KCF/a.txt"]
    assert archive.shown(folder / "KCF" / "a.txt") == path / "KCF" / "a.txt"


def test_tar_files_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "MEEM").mkdir()
    (tmp_path / "MEEM" / "a.txt").write_text(BOXES)
    with tarfile.open(tmp_path / "results.tar.gz", "w:gz") as target:
        target.add(tmp_path / "MEEM", "MEEM")
    assert labels(tmp_path / "results.tar.gz") == ["MEEM"]
    with tarfile.open(tmp_path / "KCF.tar.gz", "w:gz") as target:
        target.add(tmp_path / "MEEM" / "a.txt", "a.txt")
    assert labels(tmp_path / "KCF.tar.gz") == ["KCF"]


def test_a_suite_whose_files_count_from_zero(tmp_path: Path) -> None:
    from dataclasses import replace

    (tmp_path / "T").mkdir()
    (tmp_path / "T" / "a.txt").write_text(BOXES)
    for origin, x in ((1, 0.0), (0, 1.0)):
        counted = replace(SUITE, sequences=tuple(replace(s, file_origin=origin) for s in SUITE.sequences))
        (results,) = find_result_sets([tmp_path / "T"], counted)
        assert results.trajectories(counted.sequences[0])[0].boxes[0].tolist() == [x, x + 1, 3, 4]
        assert counted.origin == origin
