"""Unpacking: honest archives whole, all others refused before they can do harm."""

from __future__ import annotations

import hashlib
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spm_bench.errors import FetchError
from spm_bench.fetch import archive as module
from spm_bench.fetch.archive import safe_path, unpack
from tests.fetch.archives import add, tar_of, tree, zip_of

FILES = {
    "Crossing/groundtruth_rect.txt": b"1,2,3,4\n" * 50,
    "Crossing/img/0001.jpg": random.Random(1).randbytes(70_000),
    "Crossing/img/é 0002.jpg": random.Random(2).randbytes(3),
    "Crossing/empty": b"",
}
KINDS = ("zip", "stored", "w", "w:gz", "w:bz2", "w:xz")


def packed(kind: str, path: Path, files: dict[str, bytes]) -> Path:
    if kind in ("zip", "stored"):
        return zip_of(path, files, compressed=kind == "zip")
    return tar_of(path, files, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_archive(tmp_path: Path, kind: str) -> None:
    archive = packed(kind, tmp_path / "a", FILES)
    hashes = unpack(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES
    assert hashes == {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_is_cut(tmp_path: Path, kind: str) -> None:
    data = packed(kind, tmp_path / "a", FILES).read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9):
        archive = tmp_path / "cut"
        archive.write_bytes(data[: int(share * len(data))])
        with pytest.raises(FetchError, match="broken or none"):
            unpack(archive, tmp_path / f"out{share}")


def test_a_tar_that_ends_between_two_members_is_cut(tmp_path: Path) -> None:
    data = tar_of(tmp_path / "a.tar", {"one": b"1" * 512, "two": b"2" * 512}, "w").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[:1024])
    with pytest.raises(FetchError, match="its end is missing"):
        unpack(tmp_path / "cut.tar", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "stored", "w:gz", "w:xz"])
def test_bytes_that_turned(tmp_path: Path, kind: str) -> None:
    data = bytearray(packed(kind, tmp_path / "a", FILES).read_bytes())
    data[len(data) // 2] ^= 255
    (tmp_path / "turned").write_bytes(data)
    with pytest.raises(FetchError, match="broken or none"):
        unpack(tmp_path / "turned", tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\3\4", b"\x1f\x8b\x08", b"Rar!\x1a\x07\x00"])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(FetchError, match="broken or none"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


BAD_NAMES = {
    "../evil": "leaves the folder",
    "a/../../evil": "leaves the folder",
    "a/..": "leaves the folder",
    "..\\evil": "leaves the folder",
    "/evil": "absolute",
    "//evil": "absolute",
    "\\evil": "absolute",
    "C:\\evil": "absolute",
    "C:evil": "absolute",
    "a\nb": "no name of a file",
    "a\x1b[2Jb": "no name of a file",
    "x" * 300: "no name of a file",
}


@pytest.mark.parametrize("kind", ["zip", "w"])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_would_do_harm(tmp_path: Path, kind: str, name: str) -> None:
    archive = packed(kind, tmp_path / "a", {"fine": b"1", name: b"2"})
    with pytest.raises(FetchError, match=BAD_NAMES[name]) as raised:
        unpack(archive, tmp_path / "in" / "out")
    assert "\x1b" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.rglob("evil*"))
    assert not Path("/evil").exists()


@given(name=st.text(max_size=40))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_stays_inside_or_is_refused(tmp_path: Path, name: str) -> None:
    try:
        path = safe_path(name, tmp_path)
    except FetchError:
        return
    if path is not None:
        inside = (tmp_path / path).resolve()
        assert tmp_path.resolve() in inside.parents


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("a", "a"), "twice"),
        (("a/b", "a\\b"), "twice"),
        (("a", "./a"), "twice"),
        (("img/0001.jpg", "img/0001.JPG"), "name of another"),
        (("img/1.jpg", "IMG/2.jpg"), "name of another"),
        (("caf\u00e9", "cafe\u0301"), "name of another"),
        (("stra\u00dfe", "STRASSE"), "name of another"),
        (("a", "a/b"), "name of another"),
        (("a/b", "a"), "name of another"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_a_name(tmp_path: Path, names: tuple[str, str], told: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in names:
            add(tar, name, b"x")
    for path in (tmp_path / "a.zip", tmp_path / "a.tar"):
        with pytest.raises(FetchError, match=told):
            unpack(path, tmp_path / f"out{path.suffix}")


LINKS = {
    "/etc/passwd": False,
    "../../etc/passwd": False,
    "nowhere": False,
    "..": False,
    ".": False,
    "real.txt": True,
    "../folder/real.txt": True,
}


@pytest.mark.parametrize("target", LINKS)
def test_links_leave_nothing_and_become_copies_inside(tmp_path: Path, target: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "folder/link.txt", kind=tarfile.SYMTYPE, to=target)
        add(tar, "folder/real.txt", b"mine")
    info = zipfile.ZipInfo("folder/link.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, target)
        archive.writestr("folder/real.txt", b"mine")
    for path in (tmp_path / "a.tar", tmp_path / "a.zip"):
        out = tmp_path / f"out{path.suffix}"
        if LINKS[target]:
            assert len(unpack(path, out)) == 2
            assert tree(out) == {"folder/link.txt": b"mine", "folder/real.txt": b"mine"}
        else:
            with pytest.raises(FetchError, match=r"is a link to|leaves the folder|absolute"):
                unpack(path, out)
        assert not any(p.is_symlink() for p in out.rglob("*"))


def test_a_link_cannot_be_used_as_a_folder(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "door", kind=tarfile.SYMTYPE, to=str(tmp_path / "outside"))
        add(tar, "door/evil", b"x")
    (tmp_path / "outside").mkdir()
    with pytest.raises(FetchError):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "nowhere"])
def test_hard_links_out_of_the_archive(tmp_path: Path, target: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "link", kind=tarfile.LNKTYPE, to=target)
    with pytest.raises(FetchError):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def test_a_hard_link_inside_is_a_copy(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "folder/real", b"mine")
        add(tar, "link", kind=tarfile.LNKTYPE, to="folder/real")
    unpack(tmp_path / "a.tar", tmp_path / "out")
    assert tree(tmp_path / "out") == {"folder/real": b"mine", "link": b"mine"}
    assert (tmp_path / "out" / "link").stat().st_nlink == 1


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "dev/null", kind=kind)
    with pytest.raises(FetchError, match="special file"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    info = zipfile.ZipInfo("pipe")
    info.external_attr = (stat.S_IFIFO | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, b"")
    with pytest.raises(FetchError, match="special file"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    data = bytearray(zip_of(tmp_path / "a.zip", {"secret": b"x" * 100}).read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    data[6] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(FetchError, match="encrypted"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "w:gz", "w:xz"])
def test_a_bomb_is_refused_before_it_is_written(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLACK", 4 << 20)
    size = 2 * module.SLACK
    archive = packed(kind, tmp_path / "a", {f"{i}": bytes(size // 4) for i in range(4)})
    assert archive.stat().st_size * module.RATIO < size / 1.5
    with pytest.raises(FetchError, match="far more than an archive of"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    data = bytearray(zip_of(tmp_path / "a.zip", {"zeros": bytes(4_000_000)}).read_bytes())
    for sign, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        position = data.index(sign) + at
        data[position : position + 4] = struct.pack("<I", 1000)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(FetchError):
        unpack(tmp_path / "a.zip", tmp_path / "out", most=1_000_000)
    written = sum(len(content) for content in tree(tmp_path / "out").values())
    assert written <= 1_000_000 + (1 << 20)


def test_links_do_not_make_a_bomb(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "real", bytes(10_000))
        for i in range(100):
            add(tar, f"link{i}", kind=tarfile.LNKTYPE, to="real")
    with pytest.raises(FetchError, match="bigger"):
        unpack(tmp_path / "a.tar", tmp_path / "out", most=200_000)


def test_a_link_that_is_a_bomb_is_not_read(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr, info.compress_type = (stat.S_IFLNK | 0o777) << 16, zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, b"a" * (32 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(FetchError, match="far more than an archive of"):
            unpack(tmp_path / "a.zip", tmp_path / "out", most=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_zip_whose_name_is_no_utf8(tmp_path: Path) -> None:
    data = zip_of(tmp_path / "a.zip", {"é": b"1"}).read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace("é".encode(), b"\xff\xfe"))
    with pytest.raises(FetchError, match="broken or none"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_zip_with_a_member_without_a_name(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"abcd": b"1"})
    archive.write_bytes(archive.read_bytes().replace(b"abcd", b"\0bcd"))
    with pytest.raises(FetchError, match="a member has no name"):
        unpack(archive, tmp_path / "out")


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MEMBERS", 10)
    archive = zip_of(tmp_path / "a.zip", {str(i): b"" for i in range(11)})
    with pytest.raises(FetchError, match="far more"):
        unpack(archive, tmp_path / "out")


def test_junk_of_systems_is_left_out(tmp_path: Path) -> None:
    junk = {"__MACOSX/Crossing/._1": b"x", "Crossing/.DS_Store": b"x", "Crossing/._0001.jpg": b"x", "Thumbs.db": b"x"}
    archive = zip_of(tmp_path / "a.zip", FILES | junk)
    unpack(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES


def test_a_disk_that_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zip_of(tmp_path / "a.zip", FILES)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(FetchError, match=r"70.4 kB are to be unpacked, and 1.0 kB are free.*--to"):
        unpack(archive, tmp_path / "out")


def test_a_full_disk_while_writing(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"a/b": b"x"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("in the way")
    with pytest.raises(FetchError, match="a file is where a folder should be"):
        unpack(archive, tmp_path / "out")
