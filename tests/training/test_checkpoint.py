import errno
import os
from dataclasses import replace

import pytest
import torch

from spm_bench.errors import ResultsError, UsageError
from spm_bench.training.checkpoint import Checkpoint, check_resumable, read_checkpoint, write_checkpoint
from tests.training.tiny import tiny_config

CPU = torch.device("cpu")


def checkpoint(step=4, **changes):
    config = tiny_config()
    made = Checkpoint(
        config=config.to_json(),
        data={"video": "abc", "stills": "def"},
        machine={"device": "cpu", "replicas": 2, "torch": "2"},
        step=step,
        seconds=1.5,
        model={"w": torch.randn(3, 2)},
        ema={"w": torch.randn(3, 2)},
        optimizer={
            "state": {0: {"step": torch.tensor(4.0), "exp_avg": torch.randn(3, 2)}},
            "param_groups": [{"lr": 1}],
        },
        scaler={},
    )
    return replace(made, **changes)


def test_comes_back_bit_by_bit(tmp_path):
    made = checkpoint()
    write_checkpoint(tmp_path / "c.pt", made)
    back = read_checkpoint(tmp_path / "c.pt", CPU)
    assert back is not None
    assert (back.config, back.data, back.machine) == (made.config, made.data, made.machine)
    assert (back.step, back.seconds) == (4, 1.5)
    assert torch.equal(back.model["w"], made.model["w"])
    assert torch.equal(back.ema["w"], made.ema["w"])
    assert torch.equal(back.optimizer["state"][0]["exp_avg"], made.optimizer["state"][0]["exp_avg"])


def test_there_may_be_none(tmp_path):
    assert read_checkpoint(tmp_path / "c.pt", CPU) is None


def test_a_full_disk_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    write_checkpoint(path, checkpoint(step=4))
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsError, match="the disk is full"):
        write_checkpoint(path, checkpoint(step=8))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


class Evil:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no checkpoint"),
        lambda path: torch.save({"format": 1, "evil": Evil()}, path),
        lambda path: torch.save({"format": 99}, path),
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save({**torch.load(path, weights_only=True), "more": 1}, path),
    ],
)
def test_what_is_no_checkpoint_is_refused_unexecuted(tmp_path, monkeypatch, spoil):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "c.pt"
    write_checkpoint(path, checkpoint())
    spoil(path)
    with pytest.raises(ResultsError, match="--fresh") as caught:
        read_checkpoint(path, CPU)
    assert caught.value.where == path
    assert not (tmp_path / "executed").exists()


def test_another_config_is_refused_by_field(tmp_path):
    data = {"video": "abc", "stills": "def"}
    check_resumable(checkpoint(), tiny_config(log_every=9), data, tmp_path)
    with pytest.raises(UsageError, match=r"seed: 3 in the checkpoint, 8 now\)\. Use another --out, or --fresh"):
        check_resumable(checkpoint(), tiny_config(seed=8), data, tmp_path)
    many = tiny_config(
        seed=8, pairs=99, learning_rate=1.0, clip=1.0, ema=0.5, weight_decay=0.0, fine=False, warmup_steps=1
    )
    with pytest.raises(UsageError, match="and 2 more"):
        check_resumable(checkpoint(), many, data, tmp_path)


@pytest.mark.parametrize("data", [{"video": "abc", "stills": "other"}, {"video": "abc"}])
def test_other_data_are_refused_by_name(tmp_path, data):
    with pytest.raises(UsageError, match="the data changed since the checkpoint: stills"):
        check_resumable(checkpoint(), tiny_config(), data, tmp_path)
