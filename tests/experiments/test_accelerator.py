"""Training on a borrowed machine, on this one: packed, unpacked, trained in two goes, brought back and joined."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from spm_bench.errors import DataError, MissingDataError, UsageError
from spm_bench.models.checkpoint import read_header, read_safetensors
from spm_bench.training.checkpoint import read_checkpoint
from spm_bench.training.packs import load_pack
from tests.training.tiny import PACK_TOML, make_pack

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "train" / "accelerator.py"
LITTLE = ("--part-mib", 40 / 2**10, "--most-mib", 0.2)
"""The weights take 26 KiB, a whole checkpoint 221 KiB: too much, and a slim one fits."""
TOML = PACK_TOML.replace("$TINY_PACK", "$SPM_BENCH_TRAIN_DATA/made").replace('["made/b"]', "[]")


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("accelerator", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pack, a config and nothing else; what the tool sets in the environment does not outlast it."""
    for name in ("SPM_BENCH_TRAIN_DATA", "SPM_BENCH_CACHE", "PYTHONPATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("spm_bench.training.logs.Board.__init__", lambda *_: None)
    monkeypatch.setattr("spm_bench.training.logs.Board._writer", None, raising=False)
    make_pack(tmp_path / "data" / "made")
    (tmp_path / "tiny.toml").write_text(TOML)
    return tmp_path


def part(name: str) -> Any:
    """A module beside the tool; to be found as long as the tool is in use."""
    return importlib.import_module(f"borrowed.{name}")


def run(tool: ModuleType, place: Path, verb: str, *words: object) -> int:
    shared = {"pack": ("--carry",), "unpack": ("--carry", "--work"), "train": ("--carry", "--work", "--bring")}
    folders = {"--carry": "carry", "--work": "work", "--bring": "bring"}
    options = [word for name in shared.get(verb, ()) for word in (name, place / folders[name])]
    return tool.main([verb, *map(str, words), *map(str, options)])


def train(tool: ModuleType, place: Path, *words: object) -> int:
    return run(
        tool, place, "train", place / "tiny", "--device", "cpu", "--threads", 1, "--parts", place / "parts", *words
    )


def test_there_and_back_again(tool: ModuleType, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tool, place, "pack", "--data", place / "data", "--no-wheels") == 0
    assert train(tool, place, "--minutes", 0, *LITTLE) == 0  # out of time at once: a step, a checkpoint
    assert "4 of 16 pairs: time" in capfd.readouterr().err
    first = sorted(path.name for path in (place / "bring").iterdir())
    assert first[0] == "parts.json"
    assert 3 <= len(first) <= 8
    assert all(n.startswith("training.tar.") for n in first[1:])
    assert all(path.stat().st_size <= 40 * 2**10 for path in (place / "bring").glob("training.tar.*"))

    (place / "bring").rename(place / "parts")  # another machine: only the parts are left
    (place / "work").rename(place / "lost")
    assert train(tool, place, "--minutes", 5) == 0
    told = capfd.readouterr().err
    assert f"taken over from {place / 'parts'}: slim" in told
    assert "going on: 1 of 4 steps are done" in told
    assert "16 of 16 pairs: trained" in told
    assert "pairs/s" in told
    assert "on making pairs" in told

    assert run(tool, place, "join", place / "bring", "--out", place / "runs") == 0
    folder = place / "runs" / "tiny"
    assert read_header(folder / "weights.safetensors")["finished"] == "yes"
    assert read_safetensors(folder / "weights.safetensors").trained
    checkpoint = read_checkpoint(folder / "checkpoint.pt", torch.device("cpu"))
    assert checkpoint is not None
    assert checkpoint.step == 4
    assert [line.split(",")[0] for line in (folder / "log.csv").read_text().splitlines()] == ["step", *"1234"]


def test_a_warm_machine_needs_nothing_again(tool: ModuleType, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(tool, place, "pack", "--data", place / "data", "--no-wheels")
    train(tool, place, "--minutes", 0)
    (place / "carry").rename(place / "elsewhere")
    assert train(tool, place, "--minutes", 5) == 0
    assert "going on: 1 of 4" in capfd.readouterr().err


def test_parts_of_another_training_are_refused(
    tool: ModuleType, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tool, place, "pack", "--data", place / "data", "--no-wheels")
    train(tool, place, "--minutes", 0)
    (place / "bring").rename(place / "parts")
    (place / "other.toml").write_text(TOML)
    words = ("--device", "cpu", "--parts", place / "parts", "--minutes", 5)
    assert run(tool, place, "train", place / "other", *words) == 2
    assert "are of the training tiny" in capfd.readouterr().err


def test_weights_alone_come_back_where_no_checkpoint_fits(tool: ModuleType, place: Path) -> None:
    run(tool, place, "pack", "--data", place / "data", "--no-wheels")
    assert train(tool, place, "--minutes", 0, "--most-mib", 0.06) == 0
    manifest = json.loads((place / "bring" / "parts.json").read_text())
    assert manifest["state"] == "weights"
    assert manifest["holds"] == ["weights.safetensors", "training.json", "log.csv"]


def test_what_cannot_go_on_elsewhere_is_said_at_the_start(
    tool: ModuleType, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tool, place, "pack", "--data", place / "data", "--no-wheels")
    capfd.readouterr()
    (place / "tiny.toml").write_text(TOML.replace("head_channels = 8", "head_channels = 64"))
    assert train(tool, place, "--minutes", 0, "--most-mib", 0.2) == 0
    told = capfd.readouterr().err
    assert told.startswith("warning: only the weights will come back: a checkpoint of spm_lite does not fit into 0.2 ")
    assert "brought back: weights, " in told
    assert "on no other machine. To go on elsewhere: --most-mib 2 --files 2 " in told
    assert train(tool, place, "--minutes", 0, "--most-mib", 2, "--files", 2) == 0
    told = capfd.readouterr().err
    assert "warning" not in told
    assert "brought back: weights" not in told
    assert train(tool, place, "--minutes", 0, "--most-mib", 0.01) == 2
    told = capfd.readouterr().err
    assert told.startswith("error: the weights of spm_lite do not fit into 0.01 MiB")


def test_the_default_limits_are_told_for_the_large_network(tool: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    from spm_bench.training.config import read_config

    for name in ("spm_alexnet", "spm_alexnet_dw", "spm_lite"):
        path = SCRIPT.parent / f"{name}.toml"
        tool.foresee(tool.parse(["train", str(path), "--minutes", "1", "--bring", "b"]), read_config(path))
        assert ("only the weights will come back" in capfd.readouterr().err) == (name == "spm_alexnet"), name


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, KeyboardInterrupt, UsageError])
def test_what_is_there_is_brought_back_whatever_ends_the_training(
    tool: ModuleType,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    kind: type[BaseException],
) -> None:
    run(tool, place, "pack", "--data", place / "data", "--no-wheels")
    train(tool, place, "--minutes", 0)
    for path in (place / "bring").iterdir():
        path.unlink()
    monkeypatch.setattr(tool, "train_on", lambda *_: (_ for _ in ()).throw(kind("too much")))
    if kind is UsageError:
        assert train(tool, place, "--minutes", 5) == 2
        assert "error: too much" in capfd.readouterr().err
    else:
        with pytest.raises(kind, match="too much"):
            train(tool, place, "--minutes", 5)
    assert json.loads((place / "bring" / "parts.json").read_text())["state"] == "whole"


def test_an_end_without_weights_is_not_hidden(
    tool: ModuleType, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tool, place, "pack", "--data", place / "data", "--no-wheels")
    monkeypatch.setattr(tool, "train_on", lambda *_: (_ for _ in ()).throw(MemoryError("of the device")))
    with pytest.raises(MemoryError, match="of the device"):
        train(tool, place, "--minutes", 5)
    assert "nothing was brought back: " in capfd.readouterr().err
    monkeypatch.setattr(tool, "train_on", lambda *_: 0)
    assert train(tool, place, "--minutes", 5) == 2


def photograph(path: Path) -> Path:
    rng = np.random.default_rng(4)
    image = cv2.resize(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return path


def test_a_smaller_copy_is_the_same_pack(tool: ModuleType, tmp_path: Path) -> None:
    luggage = part("luggage")
    folder = tmp_path / "data" / "p"
    photograph(folder / "a" / "1.jpg")
    (folder / "a" / "2.jpg").write_bytes(b"\xff\xd8 not a picture")
    lines = ["file,source,sequence,object,frame,x,y,w,h,category", *(f"a/{k}.jpg,s,a,1,{k},9,9,50,50,c" for k in "12")]
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    told = luggage.pack_sources(tmp_path / "data", tmp_path / "carry", quality=66, most=10**6)
    again, _ = luggage.pack_source(folder, 66)
    assert (tmp_path / "carry" / told["p"]["file"]).read_bytes() == again
    assert luggage.unpack_sources(tmp_path / "carry", tmp_path / "there")
    there = tmp_path / "there" / "p"
    assert (there / "index.csv").read_bytes() == (folder / "index.csv").read_bytes()
    assert (there / "a" / "2.jpg").read_bytes() == (folder / "a" / "2.jpg").read_bytes()  # counted there as broken
    images = [cv2.imread(str(root / "a" / "1.jpg")) for root in (folder, there)]
    assert (there / "a" / "1.jpg").stat().st_size < 0.7 * (folder / "a" / "1.jpg").stat().st_size
    assert images[0].shape == images[1].shape
    assert cv2.PSNR(*images) > 30
    loaded = [load_pack(root, name="p") for root in (folder, there)]
    np.testing.assert_array_equal(loaded[0].boxes, loaded[1].boxes)


def test_unpacking_again_touches_nothing(tool: ModuleType, place: Path) -> None:
    luggage = part("luggage")
    luggage.pack_sources(place / "data", place / "carry", quality=0, most=10**7)
    luggage.unpack_sources(place / "carry", place / "there")
    mark = place / "there" / "made" / "mark"
    mark.touch()
    assert luggage.unpack_sources(place / "carry", place / "there")
    assert mark.exists()
    luggage.pack_sources(place / "data", place / "carry", quality=0, most=10**7)  # the same bytes
    assert luggage.unpack_sources(place / "carry", place / "there")
    assert mark.exists()


def test_a_damaged_pack_is_named(tool: ModuleType, place: Path) -> None:
    luggage = part("luggage")
    luggage.pack_sources(place / "data", place / "carry", quality=0, most=10**7)
    path = place / "carry" / "made.tar.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"made\.tar\.gz: the pack is missing or damaged"):
        luggage.unpack_sources(place / "carry", place / "there")
    assert not (place / "there" / "made").exists()


def test_a_pack_writes_nowhere_else(tool: ModuleType, tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    (tmp_path / "carry").mkdir()
    (tmp_path / "carry" / "evil.tar.gz").write_bytes(stream.getvalue())
    digest = hashlib.sha256(stream.getvalue()).hexdigest()
    packs = {"evil": {"file": "evil.tar.gz", "sha256": digest}}
    (tmp_path / "carry" / "packs.json").write_text(json.dumps(packs))
    with pytest.raises(DataError, match="cannot be unpacked"):
        part("luggage").unpack_sources(tmp_path / "carry", tmp_path / "there")
    assert [path.name for path in tmp_path.rglob("*outside*")] == []


def test_what_does_not_fit_is_said_at_home(tool: ModuleType, place: Path) -> None:
    with pytest.raises(UsageError, match="Lower --quality"):
        part("luggage").pack_sources(place / "data", place / "carry", quality=0, most=1000)
    with pytest.raises(MissingDataError, match="no pack is here"):
        part("luggage").pack_sources(place / "carry", place / "carry", quality=0, most=1000)


def test_a_python_without_anything_is_told_what_it_lacks(place: Path) -> None:
    words = [sys.executable, "-I", "-S", str(SCRIPT), "unpack", "tiny", "--carry", "none", "--work", "work"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=place, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: this Python lacks pydantic, ")
    assert "Traceback" not in done.stderr


def test_wheels_are_installed_beside_the_machines_own(
    tool: ModuleType, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel that names this project's version stands for all of them."""
    wheels = part("wheels")
    (place / "wheels").mkdir()
    wheels.write_own_wheel(place / "wheels")
    answers = iter((["pydantic"], []))
    monkeypatch.setattr(wheels, "missing_modules", lambda: next(answers))
    wheels.install(place / "wheels", place / "site")
    found = list((place / "site").glob("spm_bench-*.dist-info/METADATA"))
    assert len(found) == 1
    assert "Name: spm_bench" in found[0].read_text()
    assert sys.path[0] == str(place / "site")


FAKE = """
import pathlib, sys, time
print("90, 1000\\n94, 1000\\n99, 1000\\n[N/A], 5", flush=True)
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""


def test_the_accelerator_is_sampled_from_the_first_row_on(tool: ModuleType, tmp_path: Path) -> None:
    told: list[str] = []
    meter = part("meter").Meter(told.append, (sys.executable, "-c", FAKE, str(tmp_path / "said")))
    meter.begin(0, 10, 4)
    rows = [(100, 10.0, 0.5), (300, 11.0, 0.1), (500, 12.0, 0.3)]
    for pairs, seconds, share in rows:
        meter.losses({"pairs": pairs, "seconds": seconds, "data_share": share})
    process = meter._process
    assert process is not None
    while not (tmp_path / "said").exists():
        time.sleep(0.01)
    meter.stop()
    assert process.returncode is not None
    lines = meter.report()
    assert lines[0] == "400 pairs in 2.0 s of steps: 200.0 pairs/s, 20.0% of the time spent on making pairs"
    assert "94.3 % on average, median 94 %" in lines[1]
    assert "3 samples" in lines[1]


def test_without_an_accelerator_nothing_is_sampled(tool: ModuleType) -> None:
    meter = part("meter").Meter(lambda _: None, ("no-such-program-anywhere",))
    meter.losses({"pairs": 1, "seconds": 1.0, "data_share": 0.0})
    meter.stop()
    assert meter.report() == []
