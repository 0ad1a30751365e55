import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from spm_bench.cli import EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.models.checkpoint import read_safetensors
from tests.training.tiny import PACK_TOML, make_pack


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config of a pack of pictures that the test draws, in the folder we are in."""
    monkeypatch.setenv("TINY_PACK", str(make_pack(tmp_path / "pack")))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(PACK_TOML)
    return tmp_path / "tiny.toml"


def spm_bench(*arguments):
    return guarded(build_app(), ["train", *arguments])


def test_trains_validates_and_goes_on_to_the_end(config, capsys, tmp_path):
    folder = tmp_path / "runs" / "train" / "tiny"
    assert spm_bench("tiny", "--minutes", "0", "--threads", "1") == EXIT_OK
    printed = capsys.readouterr().err
    assert "stopped (time) after 1 steps, 4 pairs" in printed
    assert "the same command again goes on" in printed
    assert spm_bench("tiny", "--threads", "1") == EXIT_OK
    printed = capsys.readouterr().err
    assert "going on: 1 of 4 steps are done" in printed
    assert "trained: 4 steps, 16 pairs" in printed
    assert "held-out sequences: AUC 0." in printed
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) == [
        "checkpoint.pt", "log.csv", "tensorboard", "training.json", "validation.csv", "weights.safetensors"
    ]  # fmt: skip
    with (folder / "log.csv").open(newline="") as stream:
        assert [row["step"] for row in csv.DictReader(stream)] == ["1", "2", "3", "4"]
    assert read_safetensors(folder / "weights.safetensors").trained


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tinny"], "Did you mean tiny"),
        (["tiny", "--device", "cuda:99"], "the device 'cuda:99' cannot be used"),
        (["tiny", "--pairs", "0"], "--pairs"),
        (["tiny", "--threads", "0"], "--threads"),
        (["tiny", "--resum"], "--resume"),
    ],
)
def test_a_mistake_gets_a_line_and_no_traceback(config, capsys, arguments, said):
    assert spm_bench(*arguments) == EXIT_USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('kind = "pack"', 'kind = "pak"', "Did you mean pack"),
        ('path = "$TINY_PACK"', 'path = "nowhere"', "there is no folder"),
        ('path = "$TINY_PACK"', 'path = "$TINY_PACKS"', "needs the environment variable TINY_PACKS"),
        ('path = "$TINY_PACK"', 'path = "$TINY_PACK"\noptions = { sed = 1 }', "option of pack data 'sed'"),
        ('held_out = ["made/b"]', 'held_out = ["made/bb"]', "Did you mean made/b"),
        ('held_out = ["made/b"]', 'held_out = ["made/a", "made/b", "made/c"]', "all of made would be held out"),
        ("patches = 0.25", "synthetic = 0.25\npatches = 0.0", "no data for synthetic pairs"),
    ],
)
def test_data_that_do_not_fit_are_named(config, capsys, before, after, said):
    assert PACK_TOML.count(before) == 1
    config.write_text(PACK_TOML.replace(before, after))
    assert spm_bench("tiny") == EXIT_USAGE
    assert said in capsys.readouterr().err


def test_changed_data_or_another_length_do_not_go_on_unnoticed(config, capsys, tmp_path):
    assert spm_bench("tiny", "--minutes", "0") == EXIT_OK
    capsys.readouterr()
    assert spm_bench("tiny", "--pairs", "32") == EXIT_USAGE
    assert "pairs: 16 in the checkpoint, 32 now" in capsys.readouterr().err
    index = tmp_path / "pack" / "index.csv"
    index.write_text(index.read_text().replace("36,36,24,24", "35,36,24,24"))
    assert spm_bench("tiny") == EXIT_USAGE
    printed = capsys.readouterr().err
    assert "the data changed since the checkpoint: made" in printed
    assert "--fresh" in printed


def test_sigterm_ends_with_a_checkpoint_and_its_own_exit_code(config, tmp_path):
    log = tmp_path / "runs" / "train" / "tiny" / "log.csv"
    command = [sys.executable, "-c", "from spm_bench.cli import main; main()", "train", "tiny", "--pairs", "400000"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=tmp_path
    )
    try:
        deadline = time.monotonic() + 120
        while not log.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143, printed
    assert "stopped (SIGTERM) after" in printed
    assert (log.parent / "checkpoint.pt").exists()


def test_a_broken_picture_is_told_at_the_end_and_in_the_facts(config, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("spm_bench.training.store.BROKEN_SHARE", 1.0)
    victim = sorted((tmp_path / "pack" / "a").glob("*.png"))[0]
    victim.write_bytes(victim.read_bytes()[:40])
    assert spm_bench("tiny", "--threads", "1", "--pairs", "48") == EXIT_OK
    assert "1 broken pictures were skipped" in capsys.readouterr().err
    facts = json.loads((tmp_path / "runs" / "train" / "tiny" / "training.json").read_text())
    assert sum(source["broken"] for source in facts["data"].values()) == 1
