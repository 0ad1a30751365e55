"""Downloads: whole and right or not there, whatever the server does and wherever they are interrupted."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from spm_bench.errors import FetchError
from spm_bench.fetch import download as module
from spm_bench.fetch.download import Patience, Wanted, download, size_of
from spm_bench.fetch.progress import Lines, Silent
from tests.fetch.server import Server

BODY = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(300_000)
HASTY = Patience(timeout=0.3, tries=3, pause=0.01, longest=1.0)
PATH = "/file.zip"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "in" / "file.zip"


def fetch(server: Server, target: Path, **known: object) -> module.Fetched:
    return download(Wanted(f"{server.url}{PATH}", **known), target, patience=HASTY)


def left_over(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()} - {target.name}


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"size": len(BODY)},
        {"checksum": hashlib.md5(BODY).hexdigest()},
        {"checksum": hashlib.sha1(BODY).hexdigest().upper()},
        {"checksum": hashlib.sha256(BODY).hexdigest()},
        {"checksum": hashlib.sha512(BODY).hexdigest()},
    ],
)
def test_a_file_comes_whole(server: Server, target: Path, known: dict[str, object]) -> None:
    server.files[PATH] = BODY
    done = fetch(server, target, **known)
    assert (done.path, done.size, done.sha256) == (target, len(BODY), hashlib.sha256(BODY).hexdigest())
    assert target.read_bytes() == BODY
    assert left_over(target) == set()


def test_an_empty_file_is_a_file(server: Server, target: Path) -> None:
    server.files[PATH] = b""
    assert fetch(server, target).size == 0
    assert target.read_bytes() == b""


@pytest.mark.parametrize("fault", ["cut 100000", "stall 100000", "hang up", "503", "503 0", "429", "500"])
def test_what_passes_is_tried_again(server: Server, target: Path, fault: str) -> None:
    server.files[PATH] = BODY
    server.faults[PATH] = [fault, fault]
    fetch(server, target)
    assert target.read_bytes() == BODY
    resumed = fault.split()[0] in ("cut", "stall")
    assert server.asked(PATH) == (["", "bytes=100000-", "bytes=200000-"] if resumed else ["", "", ""])


def test_tries_that_bring_something_are_not_counted(server: Server, target: Path) -> None:
    server.files[PATH] = BODY
    server.faults[PATH] = ["cut 30000"] * 9
    fetch(server, target)
    assert target.read_bytes() == BODY
    assert len(server.asked(PATH)) == 10 > HASTY.tries


@pytest.mark.parametrize("fault", ["hang up", "503", "cut 0", "stall 0"])
def test_it_is_given_up_at_last(server: Server, target: Path, fault: str) -> None:
    server.files[PATH] = BODY
    server.always[PATH] = fault
    with pytest.raises(FetchError, match="same command again"):
        fetch(server, target)
    assert len(server.asked(PATH)) == HASTY.tries
    assert not target.exists()


def test_the_next_call_goes_on(server: Server, target: Path) -> None:
    server.files[PATH] = BODY
    server.faults[PATH] = ["cut 200000", "503", "503", "503"]
    with pytest.raises(FetchError, match=r"200.0 kB are kept. .*goes on from there"):
        fetch(server, target)
    assert not target.exists()
    fetch(server, target)
    assert target.read_bytes() == BODY
    assert server.asked(PATH)[-1] == "bytes=200000-"


def test_a_server_that_refuses_ranges_sends_all_again(server: Server, target: Path) -> None:
    server.files[PATH] = BODY
    server.ranges = False
    server.faults[PATH] = ["cut 200000"]
    fetch(server, target)
    assert target.read_bytes() == BODY
    assert server.asked(PATH) == ["", "bytes=200000-"]


@pytest.mark.parametrize("checksum", ["", hashlib.sha256(OTHER).hexdigest()])
def test_a_file_that_changed_between_two_tries_is_fetched_anew(server: Server, target: Path, checksum: str) -> None:
    server.files[PATH] = BODY
    server.faults[PATH] = ["cut 200000", "503", "503", "503"]
    with pytest.raises(FetchError):
        fetch(server, target, checksum=checksum)
    server.files[PATH] = OTHER
    fetch(server, target, checksum=checksum)
    assert target.read_bytes() == OTHER


def test_without_a_validator_or_a_checksum_parts_are_not_trusted(server: Server, target: Path) -> None:
    server.files[PATH] = BODY
    server.validators = False
    server.faults[PATH] = ["cut 200000"]
    fetch(server, target)
    assert target.read_bytes() == BODY
    assert server.asked(PATH) == ["", ""]


def test_with_a_checksum_parts_of_another_version_are_found_out(server: Server, target: Path) -> None:
    server.files[PATH] = OTHER
    server.validators = False
    server.faults[PATH] = ["cut 200000", "503", "503", "503"]
    checksum = hashlib.sha256(BODY).hexdigest()
    with pytest.raises(FetchError):
        fetch(server, target, checksum=checksum)
    server.files[PATH] = BODY
    meter = Notes()
    download(Wanted(f"{server.url}{PATH}", checksum=checksum), target, patience=HASTY, meter=meter)
    assert target.read_bytes() == BODY
    assert server.asked(PATH)[-2:] == ["bytes=200000-", ""]
    assert "anew" in meter.said[-1]


def test_another_source_goes_on_only_where_the_whole_can_be_checked(server: Server, target: Path) -> None:
    mirror = "/mirror/file.zip"
    server.files |= {PATH: BODY, mirror: BODY}
    checksum = hashlib.sha256(BODY).hexdigest()
    for known, expected in (("", ""), (checksum, "bytes=200000-")):
        server.faults[PATH] = ["cut 200000", "503", "503", "503"]
        with pytest.raises(FetchError):
            fetch(server, target, checksum=known)
        download(Wanted(f"{server.url}{mirror}", checksum=known), target, patience=HASTY)
        assert server.asked(mirror)[-1] == expected
        assert target.read_bytes() == BODY
        target.unlink()


def test_a_part_that_is_whole_already_is_only_checked(server: Server, target: Path) -> None:
    server.files[PATH] = BODY
    target.parent.mkdir()
    target.with_name("file.zip.part").write_bytes(BODY)
    fetch(server, target, checksum=hashlib.sha256(BODY).hexdigest())
    assert target.read_bytes() == BODY
    assert server.asked(PATH) == [f"bytes={len(BODY)}-"]


@pytest.mark.parametrize("notes", ["", "{", "[]", '{"other": 1}'])
def test_broken_notes_are_no_notes(server: Server, target: Path, notes: str) -> None:
    server.files[PATH] = BODY
    target.parent.mkdir()
    target.with_name("file.zip.part").write_bytes(OTHER[:1000])
    target.with_name("file.zip.part.json").write_text(notes)
    fetch(server, target)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize(
    ("fault", "known", "told"),
    [
        ("garble", {"checksum": hashlib.md5(BODY).hexdigest()}, "not the promised bytes: md5"),
        ("", {"size": 299_999}, "300,000 bytes, not of 299,999"),
        ("no length", {"size": 299_999}, "more than"),
        ("no length", {"size": 300_001}, "300,000 bytes came, not 300,001"),
        ("", {"largest": 1000}, "more than this file can have"),
        ("no length", {"largest": 1000}, "more than 1.0 kB"),
        ("page", {}, "a web page"),
        ("404", {}, "404"),
        ("403", {}, "403"),
        ("401", {}, "wants a login"),
        ("503 3600", {}, "asks to wait 3600 s"),
        (f"503 {formatdate(time.time() + 90_000, usegmt=True)}", {}, "asks to wait 8"),
        ("redirect file:///etc/passwd", {}, "no address of the web|302"),
        ("redirect /file.zip", {}, "302"),
    ],
)
def test_what_is_not_the_file_is_refused(
    server: Server, target: Path, fault: str, known: dict[str, object], told: str
) -> None:
    server.files[PATH] = BODY
    server.always[PATH] = fault
    started = time.monotonic()
    with pytest.raises(FetchError, match=told) as raised:
        fetch(server, target, **known)
    assert time.monotonic() - started < 3
    assert PATH in str(raised.value.where)
    assert not target.exists()
    assert left_over(target) == set()


def test_wrong_bytes_once_are_fetched_again_only_where_parts_were_joined(server: Server, target: Path) -> None:
    server.files[PATH] = BODY
    server.faults[PATH] = ["cut 200000", "garble"]
    checksum = hashlib.sha256(BODY).hexdigest()
    with pytest.raises(FetchError, match="not the promised bytes"):
        fetch(server, target, checksum=checksum)
    fetch(server, target, checksum=checksum)
    assert target.read_bytes() == BODY


def test_a_check_of_ones_own(server: Server, target: Path) -> None:
    def check(path: Path) -> None:
        if path.read_bytes() != OTHER:
            raise FetchError("not mine")

    server.files[PATH] = BODY
    with pytest.raises(FetchError, match="not mine"):
        fetch(server, target, check=check)
    assert left_over(target) == set()
    server.files[PATH] = OTHER
    assert fetch(server, target, check=check).size == len(OTHER)


def test_redirects_are_followed_and_parts_resumed_behind_them(server: Server, target: Path) -> None:
    server.files["/elsewhere/file"] = BODY
    server.always[PATH] = "redirect /elsewhere/file"
    server.faults["/elsewhere/file"] = ["cut 200000"]
    fetch(server, target)
    assert target.read_bytes() == BODY
    assert server.asked("/elsewhere/file") == ["", "bytes=200000-"]


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "x", "", "http://", "http://[", "http:///x"]
)
def test_addresses_that_are_none(target: Path, url: str) -> None:
    with pytest.raises(FetchError):
        download(Wanted(url), target, patience=HASTY)
    assert not target.exists()


def test_nobody_there_is_told_at_once(target: Path) -> None:
    started = time.monotonic()
    with pytest.raises(FetchError, match="no answer"):
        download(Wanted("http://127.0.0.1:9/x"), target, patience=Patience(pause=60))
    assert time.monotonic() - started < 5


class Full:
    """A file on a disk with room for so many bytes."""

    def __init__(self, stream: object, room: int) -> None:
        self.stream, self.room = stream, room

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def write(self, data: bytes) -> None:
        self.stream.write(data[: self.room])
        self.room -= len(data)
        if self.room < 0:
            self.stream.flush()
            raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        self.stream.flush()


def test_the_disk_is_full_while_writing(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files[PATH] = BODY
    real = Path.open
    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "open", lambda at, mode="r": Full(real(at, mode), 100_000) if "a" in mode else real(at, mode)
        )
        with pytest.raises(FetchError, match=r"the disk is full.*same command again"):
            fetch(server, target)
    assert not target.exists()
    fetch(server, target)
    assert target.read_bytes() == BODY
    assert server.asked(PATH) == ["", "bytes=100000-"]


def test_the_disk_is_too_small(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files[PATH] = BODY
    usage = type("Usage", (), {"free": 250_000})
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(FetchError, match=r"300.0 kB are to come, and 250.0 kB are free.*--to"):
        fetch(server, target)
    server.faults[PATH] = ["cut 100000", "503", "503", "503"]
    usage.free = 300_000
    with pytest.raises(FetchError, match="kept"):
        fetch(server, target)
    usage.free = 200_000
    fetch(server, target)
    assert target.read_bytes() == BODY


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(server: Server, target: Path) -> None:
    server.files[PATH] = BODY
    target.parent.mkdir(mode=0o500)
    with pytest.raises(FetchError, match="permission"):
        fetch(server, target)


def test_a_file_where_the_folder_should_be(server: Server, target: Path) -> None:
    target.parent.write_text("in the way")
    with pytest.raises(FetchError, match="a file is where a folder should be"):
        fetch(server, target)


KILLED = """
import sys
from pathlib import Path
from spm_bench.fetch.download import Wanted, download, Patience
download(Wanted(sys.argv[1]), Path(sys.argv[2]), patience=Patience(timeout=30))
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_it_goes_on(server: Server, target: Path, sent: signal.Signals) -> None:
    server.files[PATH] = BODY
    server.faults[PATH] = ["stall 200000"]
    part = target.with_name("file.zip.part")
    command = [sys.executable, "-c", KILLED, server.url + PATH, str(target)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        for _ in range(400):
            if part.is_file() and part.stat().st_size == 200_000:
                break
            time.sleep(0.02)
        process.send_signal(sent)
        assert process.wait(10) != 0
    assert not target.exists()
    fetch(server, target)
    assert target.read_bytes() == BODY
    assert server.asked(PATH) == ["", "bytes=200000-"]


def test_size_of(server: Server) -> None:
    server.files[PATH] = BODY
    assert size_of(f"{server.url}{PATH}") == len(BODY)
    assert server.asked(PATH) == []
    with pytest.raises(FetchError, match="404"):
        size_of(f"{server.url}/nothing")
    with pytest.raises(FetchError, match="no answer"):
        size_of("http://127.0.0.1:9/x", timeout=1)


def test_lines_tell_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("spm_bench.fetch.progress.time.monotonic", lambda: now[0])
    lines = Lines()
    lines.begin("a.zip", 10_000_000, 1_000_000)
    lines.advance(1_000_000)
    now[0] += 10
    lines.advance(2_000_000)
    lines.note("the connection broke")
    lines.begin("b.zip", None, 0)
    now[0] += 10
    lines.advance(5_000_000)
    lines.end()
    lines.note("done")
    assert capsys.readouterr().err.splitlines() == [
        "a.zip: 4.0 MB of 10.0 MB, 300.0 kB/s, about 0:00:20 left",
        "a.zip: the connection broke",
        "b.zip: 5.0 MB, 500.0 kB/s",
        "done",
    ]
