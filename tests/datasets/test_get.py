"""Getting data sets: whole folders or none, the same bytes as ever, and going on after any interruption."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from spm_bench.datasets import get as module
from spm_bench.datasets.record import LOCK_NAME, STATE_NAME, Record
from spm_bench.datasets.sources import mirrored
from spm_bench.errors import DataError, FetchError, MissingDataError, SpmBenchError, UsageError
from spm_bench.fetch.progress import Silent
from spm_bench.suites import load_suite
from spm_bench.suites.facts import Source, suite_facts, suite_names
from tests.datasets.conftest import DESCRIPTION, OTB, VOT, fulfil, order, zipped
from tests.fetch.archives import tar_of, tree, zip_of
from tests.fetch.server import Server
from tests.suites.builders import otb_sequence, tc128_sequence, vot_sequence


def home(root: Path, name: str = "otb100") -> Path:
    return root / name


def loads(root: Path, name: str, sequences: dict[str, int]) -> bool:
    suite = load_suite(name, root, allow_missing=True, only=list(sequences))
    return {s.name: len(s) for s in suite.sequences} == sequences


def test_a_suite_of_one_archive_a_video(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    told = fulfil(order(otb, root))
    assert loads(root, "otb100", OTB)
    source = {name: content for name, content in tree(tmp_path / "source").items() if ".DS_Store" not in name}
    there = {
        name: content for name, content in tree(home(root)).items() if not name.startswith((STATE_NAME, LOCK_NAME))
    }
    assert there == source
    assert [line.partition(":")[0] for line in told] == list(OTB)
    assert "72 files" in told[0]
    assert "none is published" in told[0]
    assert not list((home(root) / STATE_NAME / "archives").iterdir())
    assert not (home(root) / STATE_NAME / "unpacking").exists()


def test_it_is_remembered_and_not_fetched_twice(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fulfil(order(otb, root))
    lock = json.loads((home(root) / LOCK_NAME).read_text())
    content = otb.files["/seq/Deer.zip"]
    known = lock["archives"]["Deer.zip"]
    assert (known["size"], known["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (known["url"], known["verified"]) == (f"{otb.url}/seq/Deer.zip", "first download")
    assert lock["folders"]["Deer"] == ["Deer.zip"]
    otb.requests.clear()
    assert fulfil(order(otb, root)) == []
    assert otb.requests == []


def test_hashes_are_those_of_sha256sum(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fulfil(order(otb, root))
    files = home(root) / STATE_NAME / "hashes" / "Deer.sha256"
    done = subprocess.run(["sha256sum", "-c", "--quiet", files], cwd=home(root), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_vot_suite_has_what_the_toolkit_wants(vot: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    told = fulfil(order(vot, root, "vot2013"))
    assert loads(root, "vot2013", VOT)
    bolt = home(root, "vot2013") / "bolt"
    assert (bolt / "color" / "00000003.jpg").is_file()
    assert (home(root, "vot2013") / "list.txt").read_text() == "bolt\ncup\n"
    assert "channels.color=color/%08d.jpg\n" in (bolt / "sequence").read_text()
    assert "checksum of its source" in told[0]
    assert Record.read(home(root, "vot2013")).archives["bolt.color.zip"].verified == "published"


def test_a_suite_that_only_its_description_lists(vot: Server, tmp_path: Path) -> None:
    """VOT2021: its data file has no names."""
    assert suite_facts("vot2021").sequences == ()
    root = tmp_path / "root"
    with pytest.raises(UsageError, match=r"no sequence 'cap'. Did you mean cup"):
        fulfil(order(vot, root, "vot2021", only=("cap",), mirror=vot.url + DESCRIPTION))
    fulfil(order(vot, root, "vot2021", only=("cup",), mirror=vot.url + DESCRIPTION))
    assert loads(root, "vot2021", {"cup": VOT["cup"]})
    assert len(fulfil(order(vot, root, "vot2021", only=(), mirror=vot.url + DESCRIPTION))) == 1
    assert loads(root, "vot2021", VOT)
    assert (home(root, "vot2021") / "list.txt").read_text() == "bolt\ncup\n"
    assert fulfil(order(vot, root, "vot2021", only=(), mirror=vot.url + DESCRIPTION)) == []


def test_only_some_and_then_the_others(vot: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fulfil(order(vot, root, "vot2013", only=("cup",)))
    assert (home(root, "vot2013") / "list.txt").read_text() == "cup\n"
    assert loads(root, "vot2013", {"cup": VOT["cup"]})
    assert len(fulfil(order(vot, root, "vot2013"))) == 1
    assert loads(root, "vot2013", VOT)


POINTS = ["unpack", "_place", "Record.write_hashes", "Record.write", "write_text", "shutil.rmtree", "Path.unlink"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("after", [0, 1, 2])
def test_interrupted_anywhere_it_goes_on(
    vot: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, after: int
) -> None:
    """Ctrl-C at the n-th call of a step; whatever has a name then is whole."""
    root, owner, name = tmp_path / "root", module, point
    if "." in point:
        owner, name = getattr(module, point.partition(".")[0]), point.partition(".")[2]
    real, calls = getattr(owner, name), []

    def interrupted(*given: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == after + 1:
            raise KeyboardInterrupt
        return real(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        try:
            fulfil(order(vot, root, "vot2013"))
        except KeyboardInterrupt:
            assert not (home(root, "vot2013") / "list.txt").exists() or point in ("write_text", "shutil.rmtree")
    present = {s: n for s, n in VOT.items() if (home(root, "vot2013") / s).is_dir()}
    assert not present or loads(root, "vot2013", present)
    fulfil(order(vot, root, "vot2013"))
    assert loads(root, "vot2013", VOT)
    assert tree(home(root, "vot2013") / "bolt").keys() == {
        "color/00000001.jpg",
        "color/00000002.jpg",
        "color/00000003.jpg",
        "groundtruth.txt",
        "occlusion.tag",
        "sequence",
    }


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_the_command_killed_in_the_middle_goes_on(otb: Server, tmp_path: Path, sent: signal.Signals) -> None:
    root = tmp_path / "root"
    size = len(otb.files["/seq/Football1.zip"])
    otb.faults["/seq/Football1.zip"] = [f"stall {size // 2}"]
    part = home(root) / STATE_NAME / "archives" / "Football1.zip.part"
    names = [word for name in OTB for word in ("--only", name)]
    command = ["data", "get", "otb100", "--to", str(root), "--url", f"{otb.url}/seq", "--timeout", "20", *names]
    command.insert(0, str(Path(sys.executable).parent / "spm-bench"))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(800):
            if part.is_file() and part.stat().st_size == size // 2:
                break
            time.sleep(0.02)
        process.send_signal(sent)
        said = process.communicate(timeout=10)[1]
    assert process.returncode == (130 if sent == signal.SIGINT else -9)
    assert ("run the same command again" in said) == (sent == signal.SIGINT)
    assert loads(root, "otb100", {"Deer": 71})
    assert not (home(root) / "Football1").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "OTB-100 is here now" in done.stdout
    assert loads(root, "otb100", OTB)
    assert otb.asked("/seq/Football1.zip") == ["", f"bytes={size // 2}-"]
    assert otb.asked("/seq/Deer.zip") == [""]


def test_an_archive_that_is_refused_leaves_nothing(otb: Server, tmp_path: Path) -> None:
    root, good = tmp_path / "root", otb.files["/seq/Deer.zip"]
    otb.files["/seq/Deer.zip"] = zip_of(tmp_path / "bad.zip", {"Deer/img/0001.jpg": b"x", "../evil": b"x"}).read_bytes()
    with pytest.raises(FetchError, match="leaves the folder"):
        fulfil(order(otb, root))
    assert not (home(root) / "Deer").exists()
    assert not list(tmp_path.rglob("evil"))
    otb.files["/seq/Deer.zip"] = good
    fulfil(order(otb, root))
    assert loads(root, "otb100", OTB)


def test_an_archive_of_something_else(otb: Server, tmp_path: Path) -> None:
    otb.files["/seq/Deer.zip"] = zip_of(tmp_path / "other.zip", {"Other/readme.txt": b"x"}).read_bytes()
    with pytest.raises(DataError, match="holds no folder 'Deer'"):
        fulfil(order(otb, tmp_path / "root"))
    assert not (home(tmp_path / "root") / "Deer").exists()


def test_a_source_that_changed_is_not_taken_unasked(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fulfil(order(otb, root))
    shutil.rmtree(home(root) / "Deer")
    changed = otb_sequence(tmp_path / "changed", "Deer", 71)
    (changed / "groundtruth_rect.txt").write_text("9,9,9,9\n" * 71)
    otb.files["/seq/Deer.zip"] = zipped(changed, changed.parent)
    with pytest.raises(FetchError, match=r"not the promised bytes: sha256 .* kept in otb100, is"):
        fulfil(order(otb, root))
    assert not (home(root) / "Deer").exists()
    fulfil(order(otb, root, replace=True))
    assert (home(root) / "Deer" / "groundtruth_rect.txt").read_text().startswith("9,9,9,9")


def test_bytes_that_are_not_what_the_source_publishes(vot: Server, tmp_path: Path) -> None:
    vot.always["/sequences/cup-color.zip"] = "garble"
    with pytest.raises(FetchError, match=r"md5 .* the checksum that its source publishes"):
        fulfil(order(vot, tmp_path / "root", "vot2013"))
    assert not (home(tmp_path / "root", "vot2013") / "cup").exists()
    vot.always.clear()
    fulfil(order(vot, tmp_path / "root", "vot2013"))
    assert loads(tmp_path / "root", "vot2013", VOT)


def test_what_was_lost_is_fetched_again(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fulfil(order(otb, root))
    (home(root) / "Deer" / "img" / "0007.jpg").unlink()
    otb.requests.clear()
    assert len(fulfil(order(otb, root))) == 1
    assert otb.asked("/seq/Deer.zip") == [""]
    assert otb.asked("/seq/Football1.zip") == []
    assert loads(root, "otb100", OTB)


def test_folders_of_ones_own_are_kept_or_refused(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    own = otb_sequence(home(root), "Deer", 71)
    (own / "notes.txt").write_text("mine")
    assert len(fulfil(order(otb, root))) == 1
    assert (own / "notes.txt").read_text() == "mine"
    broken = otb_sequence(home(root), "Football1", 10)
    shutil.rmtree(home(root) / STATE_NAME)
    (home(root) / LOCK_NAME).unlink()
    with pytest.raises(DataError, match=r"not fetched by this command, and is broken: .*--replace"):
        fulfil(order(otb, root))
    assert broken.is_dir()
    fulfil(order(otb, root, replace=True))
    assert loads(root, "otb100", OTB)


def test_a_record_without_hashes_is_made_good(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fulfil(order(otb, root))
    shutil.rmtree(home(root) / STATE_NAME)
    assert fulfil(order(otb, root)) == []
    (home(root) / "Deer" / "groundtruth_rect.txt").unlink()
    assert len(fulfil(order(otb, root))) == 1


def test_archives_can_be_kept_and_are_used_again(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fulfil(order(otb, root, keep_archives=True))
    kept = home(root) / STATE_NAME / "archives"
    assert {path.name for path in kept.iterdir()} == {"Deer.zip", "Football1.zip"}
    shutil.rmtree(home(root) / "Deer")
    otb.requests.clear()
    fulfil(order(otb, root))
    assert otb.requests == []
    assert loads(root, "otb100", OTB)


def test_it_goes_where_the_suite_is(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    otb_sequence(root / "OTB_2015", "Deer", 71)
    fulfil(order(otb, root))
    assert (root / "OTB_2015" / "Football1").is_dir()
    assert not (root / "otb100").exists()
    fulfil(order(otb, root / "OTB_2015"))
    annotations = tmp_path / "alone" / "otb100" / "annotations"
    annotations.mkdir(parents=True)
    (annotations / "Deer.txt").write_text("1,1,5,5\n" * 71)
    fulfil(order(otb, tmp_path / "alone"))
    assert (tmp_path / "alone" / "otb100" / "Deer" / "img").is_dir()


def test_never_into_the_folder_of_another_suite(vot: Server, tmp_path: Path) -> None:
    vot_sequence(tmp_path / "vot2016", "bolt", 3)
    with pytest.raises(DataError, match="vot2016"):
        fulfil(order(vot, tmp_path / "vot2016", "vot2013"))


def test_two_at_a_time(otb: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    wanted = order(otb, root)
    made = module.plan(wanted, Silent())
    (home(root) / STATE_NAME).mkdir(parents=True)
    with (home(root) / STATE_NAME / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        with pytest.raises(DataError, match=f"another process \\({os.getpid()}\\)"):
            module.get(wanted, made, Silent(), print)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"archives": {"a": {"url": 1}}, "folders": {}}'])
def test_a_broken_record(otb: Server, tmp_path: Path, content: str) -> None:
    root = tmp_path / "root"
    home(root).mkdir(parents=True)
    (home(root) / LOCK_NAME).write_text(content)
    with pytest.raises(DataError, match="record of downloads is broken"):
        fulfil(order(otb, root))


@pytest.mark.parametrize(
    "line", ["x", f"{'0' * 64}  ../../etc/passwd", f"{'0' * 64}  Deer/../../x", f"{'0' * 64} Deer"]
)
def test_broken_hashes(otb: Server, tmp_path: Path, line: str) -> None:
    root = tmp_path / "root"
    fulfil(order(otb, root))
    Record.read(home(root)).hashes_path("Deer").write_text(line.replace("0", "0" * 64) + "\n")
    with pytest.raises(DataError, match="no line of sha256sum"):
        fulfil(order(otb, root))


def whole_suite(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make VOT2013 a suite of one archive."""
    facts = suite_facts("vot2013")
    mine = replace(facts, source=Source("archives", url))
    monkeypatch.setattr(module, "suite_facts", lambda _: mine)


@pytest.mark.parametrize("base", ["", "VOT13/", "data/VOT13/"])
def test_a_suite_of_one_archive(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    for name in suite_facts("vot2013").sequences:
        vot_sequence(tmp_path / "source", name.name, 2, polygons=False)
    files = {f"{base}{name}": content for name, content in tree(tmp_path / "source").items()}
    server.files["/VOT13.tar.gz"] = tar_of(tmp_path / "a.tar.gz", files).read_bytes()
    whole_suite(f"{server.url}/VOT13.tar.gz?dl=1", monkeypatch)
    server.files["/VOT13.tar.gz?dl=1"] = server.files["/VOT13.tar.gz"]
    root = tmp_path / "root"
    fulfil(order(server, root, "vot2013", only=(), mirror=None))
    assert len(load_suite("vot2013", root).sequences) == 16
    (home(root, "vot2013") / "cup" / "groundtruth.txt").unlink()
    (home(root, "vot2013") / "bolt" / "mine.txt").write_text("kept")
    fulfil(order(server, root, "vot2013", only=(), mirror=server.url))
    assert len(load_suite("vot2013", root).sequences) == 16
    assert (home(root, "vot2013") / "bolt" / "mine.txt").is_file()


def test_temple_color_from_a_copy_of_its_archive(server: Server, tmp_path: Path) -> None:
    tc128_sequence(tmp_path / "source", "Airport_ce", 2, 5)
    server.files["/copy.zip"] = zipped(tmp_path / "source", tmp_path / "source")
    root = tmp_path / "root"
    fulfil(order(server, root, "tc128", only=("Airport_ce",), mirror=f"{server.url}/copy.zip"))
    assert loads(root, "tc128", {"Airport_ce": 4})


BROKEN_DESCRIPTIONS = {
    "no JSON": b"<html>",
    "no object": b"[]",
    "no list": b'{"sequences": 3}',
    "no names": b'{"sequences": [{}]}',
    "no archives": b'{"sequences": [{"name": "bolt"}, {"name": "cup"}]}',
    "other year": b'{"sequences": [{"name": "ants1"}]}',
    "bad checksum": b'{"sequences": [{"name": "bolt", "fps": 1, "channels": {}, '
    b'"annotations": {"url": "x", "uid": 1, "checksum": "12"}}]}',
    "bad name": b'{"sequences": [{"name": "bolt"}, {"name": "../x"}]}',
    "bad channel": b'{"sequences": [{"name": "bolt", "fps": 1, "annotations": {"url": "x", "uid": 1}, '
    b'"channels": {"../x": {"url": "y"}}}]}',
}


@pytest.mark.parametrize("fault", BROKEN_DESCRIPTIONS)
def test_a_broken_description(vot: Server, tmp_path: Path, fault: str) -> None:
    vot.files[DESCRIPTION] = BROKEN_DESCRIPTIONS[fault]
    with pytest.raises(DataError) as raised:
        fulfil(order(vot, tmp_path / "root", "vot2013", only=("bolt",)))
    assert DESCRIPTION in str(raised.value)
    assert not (tmp_path / "root").exists()


def test_a_description_cannot_point_at_files(vot: Server, tmp_path: Path) -> None:
    described = json.loads(vot.files[DESCRIPTION])
    described["sequences"][0]["annotations"]["url"] = "file:///etc/passwd"
    vot.files[DESCRIPTION] = json.dumps(described).encode()
    with pytest.raises(FetchError, match="no address of the web"):
        fulfil(order(vot, tmp_path / "root", "vot2013"))


@pytest.mark.parametrize(
    ("name", "more", "kind"),
    [
        ("otb100", {"only": ("Dear",)}, UsageError),
        ("otb10", {}, UsageError),
        ("got10k-val", {}, MissingDataError),
        ("otb100", {"mirror": "http://127.0.0.1:9/all.zip"}, UsageError),
        ("otb100", {"mirror": "ftp://127.0.0.1/seq"}, FetchError),
        ("vot2013", {"mirror": "http://127.0.0.1:9/x"}, FetchError),
    ],
)
def test_orders_that_cannot_be_filled(
    otb: Server, tmp_path: Path, name: str, more: dict[str, object], kind: type[SpmBenchError]
) -> None:
    with pytest.raises(kind):
        fulfil(order(otb, tmp_path / "root", name, **more))


@pytest.mark.parametrize(
    ("url", "mirror", "expected"),
    [
        ("http://a/seq/{folder}.zip", None, "http://a/seq/{folder}.zip"),
        ("http://a/seq/{folder}.zip", "http://b/x/", "http://b/x/{folder}.zip"),
        ("http://a/seq/{folder}.zip", "http://b/{folder}.tar.gz", "http://b/{folder}.tar.gz"),
        ("http://a/d.tar.gz?dl=1", "http://b/x", "http://b/x/d.tar.gz"),
        ("http://a/vot/description.json", "http://b/vot", "http://b/vot/description.json"),
        ("http://a/vot/description.json", "http://b/d.json", "http://b/d.json"),
    ],
)
def test_mirrors(url: str, mirror: str | None, expected: str) -> None:
    assert mirrored(url, mirror) == expected


def test_every_suite_says_how_it_is_got() -> None:
    for name in suite_names():
        source = suite_facts(name).source
        assert source is not None, f"{name} has no source"
        assert source.kind in ("archives", "vot", "manual")
        assert source.url.startswith(("https://", "http://")) == (source.kind != "manual")
        assert bool(source.steps) == (source.kind == "manual")
