"""Trainings in parts: put together again bit for bit, or refused with what is wrong."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from spm_bench.errors import ResultsError
from spm_bench.training.parts import join_parts, pack_files, place_files, write_parts

FILES = {"a.bin": bytes(range(256)) * 20, "empty": b"", "b.csv": b"step\n1\n"}


def cut(folder: Path, files: dict[str, bytes] = FILES, largest: int = 4000) -> list[Path]:
    return write_parts(folder, files, training="t", state="whole", largest=largest)


def test_cut_and_joined(tmp_path: Path) -> None:
    paths = cut(tmp_path)
    assert [path.name for path in paths] == [*(f"training.tar.{k:03d}" for k in range(len(paths) - 1)), "parts.json"]
    assert all(path.stat().st_size <= 4000 for path in paths)
    manifest, files = join_parts(tmp_path)
    assert files == FILES
    assert (manifest.training, manifest.state, manifest.holds) == ("t", "whole", tuple(FILES))
    assert b"".join(path.read_bytes() for path in paths[:-1]) == pack_files(FILES)


def test_fewer_parts_leave_none_of_before(tmp_path: Path) -> None:
    cut(tmp_path)
    few = cut(tmp_path, largest=10**6)
    assert sorted(tmp_path.iterdir()) == sorted(few)
    assert join_parts(tmp_path)[1] == FILES


def change_manifest(folder: Path, old: str, new: str) -> None:
    text = (folder / "parts.json").read_text()
    assert old in text
    (folder / "parts.json").write_text(text.replace(old, new))


def swap(folder: Path) -> None:
    """Both parts are whole, in the wrong order."""
    manifest = json.loads((folder / "parts.json").read_text())
    manifest["parts"] = manifest["parts"][::-1]
    (folder / "parts.json").write_text(json.dumps(manifest))


BROKEN = {
    "no list": (lambda f: (f / "parts.json").unlink(), "there are no parts of a training here"),
    "a damaged list": (lambda f: change_manifest(f, '"parts"', '"pieces"'), "not a list of parts"),
    "a list in bytes": (lambda f: (f / "parts.json").write_bytes(b"\xff"), "not a list of parts"),
    "a list that leads outside": (lambda f: change_manifest(f, '"training.tar.000"', '"../x"'), "not a list of parts"),
    "another format": (lambda f: change_manifest(f, '"format": 1', '"format": 7'), "format 7"),
    "missing parts": (lambda f: (f / "training.tar.001").unlink(), r"1 of 3 parts are missing: training\.tar\.001"),
    "a cut part": (lambda f: (f / "training.tar.001").write_bytes(b"x"), r"training\.tar\.001: the part is damaged"),
    "swapped parts": (swap, "do not belong together"),
    "other files": (lambda f: change_manifest(f, '"empty"', '"full"'), "other files than their list says"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_damaged_is_refused(tmp_path: Path, name: str) -> None:
    cut(tmp_path, largest=5000)
    spoil, told = BROKEN[name]
    spoil(tmp_path)
    with pytest.raises(ResultsError, match=told):
        join_parts(tmp_path)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/b", ".hidden"])
def test_an_archive_cannot_lead_outside(tmp_path: Path, name: str) -> None:
    cut(tmp_path, {"xxxxxxxx": b"1"}, largest=10**6)
    path = tmp_path / "training.tar.000"
    before = path.read_bytes()
    data = pack_files({name: b"1"})
    path.write_bytes(data)
    change_manifest(tmp_path, *(hashlib.sha256(content).hexdigest() for content in (before, data)))
    with pytest.raises(ResultsError, match="more than plain files"):
        join_parts(tmp_path)


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"further")
    with pytest.raises(ResultsError, match=re.escape("other files of this name: a.bin")):
        place_files(FILES, tmp_path, replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    place_files(FILES, tmp_path, replace=True)
    place_files(FILES, tmp_path, replace=False)  # the same again
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == FILES
