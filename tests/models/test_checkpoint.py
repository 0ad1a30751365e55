"""Checkpoints: the released two-file layout is read strictly, nothing hostile is executed, errors name the file."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spm_bench.errors import WeightsError
from spm_bench.models.checkpoint import (
    OFFICIAL_FILES,
    OVERWRITTEN,
    git_blob_id,
    random_weights,
    read_official,
    read_safetensors,
    write_safetensors,
)

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    return dict(random_weights(5).state)


def write_stages(folder: Path, state: State, *, legacy: bool = False, prefix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stage, (name, _) in OFFICIAL_FILES.items():
        part = {prefix + k.removeprefix(f"{stage}."): v for k, v in state.items() if k.startswith(f"{stage}.")}
        torch.save(part, folder / name, _use_new_zipfile_serialization=not legacy)
    return folder


def test_git_blob_id_is_gits() -> None:
    assert git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_reads_the_released_layout(tmp_path: Path, state: State, legacy: bool, prefix: str) -> None:
    found = read_official(write_stages(tmp_path / "own", state, legacy=legacy, prefix=prefix))
    assert (found.origin, found.trained) == ("own", True)
    assert found.sha256 == random_weights(5).sha256
    assert found.network().state_dict().keys() == state.keys()


def test_stored_template_kernels_are_optional(tmp_path: Path, state: State) -> None:
    more = state | {name: torch.zeros(1) for name in OVERWRITTEN}
    assert read_official(write_stages(tmp_path, more)).sha256 == random_weights(5).sha256


def test_the_network_has_exactly_the_released_parameters(state: State) -> None:
    assert sum(v.numel() for k, v in state.items() if k.startswith("cm.")) == 21_339_950 - 30 * 256 * 16
    assert sum(v.numel() for k, v in state.items() if k.startswith("fm.")) == 5_378_824
    assert state["cm.rpn_head.cls_bias"].shape == (1, 10, 1, 1)


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (Path("exploded"),)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def poison(path: Path) -> None:
    torch.save({"bomb": Bomb()}, path)


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"bomb": Bomb()}))


def reshape(path: Path) -> None:
    part = torch.load(path, weights_only=True)
    part["rcnn_cls.weight"] = part["rcnn_cls.weight"].T
    torch.save(part, path)


def drop(path: Path) -> None:
    part = torch.load(path, weights_only=True)
    del part["rcnn_cls.weight"]
    torch.save(part, path)


def add(path: Path) -> None:
    torch.save(torch.load(path, weights_only=True) | {"surprise": torch.zeros(1)}, path)


def spoil(path: Path) -> None:
    part = torch.load(path, weights_only=True)
    part["rcnn_cls.bias"][0] = float("nan")
    torch.save(part, path)


def listed(path: Path) -> None:
    torch.save([torch.zeros(1)], path)


def scramble_directory(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 10] ^= 0xFF
    data[data.find(b"PK\x01\x02")] ^= 0xFF
    path.write_bytes(data)


def archive(path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning", "ignore:.*torch.jit.*:FutureWarning")
@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (Path.unlink, "no such file"),
        (truncate, "truncated or damaged"),
        (lambda p: p.write_bytes(b""), "truncated or damaged"),
        (lambda p: p.write_text("a page that says: not found"), "truncated or damaged"),
        (poison, "more than tensors"),
        (plain_pickle, "more than tensors"),
        (reshape, "rcnn_cls.weight has shape (256, 2), expected (2, 256)"),
        (drop, "1 missing (first: fm.rcnn_cls.weight)"),
        (add, "1 unknown (first: fm.surprise)"),
        (spoil, "NaN"),
        (listed, "not a state dict"),
        (archive, "TorchScript"),
        (scramble_directory, "truncated or damaged"),
    ],
)
def test_broken_checkpoints(
    tmp_path: Path, state: State, damage: Callable[[Path], Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_stages(tmp_path / "weights", state)
    damage(folder / "fm_stage.pt")
    with pytest.raises(WeightsError) as raised:
        read_official(folder)
    assert told in str(raised.value)
    assert str(folder) in str(raised.value)
    assert not (tmp_path / "exploded").exists()


def test_verification_refuses_other_files(tmp_path: Path, state: State) -> None:
    with pytest.raises(WeightsError, match="blob id"):
        read_official(write_stages(tmp_path, state), verify=True)


@pytest.mark.parametrize("half", [True, False])
def test_safetensors_round_trip(tmp_path: Path, state: State, half: bool) -> None:
    path = tmp_path / "own.safetensors"
    write_safetensors(path, random_weights(5), {"architecture": "spm_alexnet"}, half=half)
    found = read_safetensors(path)
    for name, tensor in found.state.items():
        assert tensor.dtype == state[name].dtype
        expected = state[name].half().float() if half and tensor.is_floating_point() else state[name]
        torch.testing.assert_close(tensor, expected, rtol=0, atol=0)


def test_truncated_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    write_safetensors(path, random_weights(5), {}, half=True)
    truncate(path)
    with pytest.raises(WeightsError, match="safetensors"):
        read_safetensors(path)


@pytest.mark.parametrize("trained", [True, False])
def test_untrained_weights_stay_untrained_in_a_file(tmp_path: Path, trained: bool) -> None:
    path = tmp_path / "own.safetensors"
    write_safetensors(path, replace(random_weights(5), trained=trained), {}, half=False)
    assert read_safetensors(path).trained is trained


def test_random_weights_depend_on_the_seed_only() -> None:
    torch.manual_seed(1)
    first = random_weights(0)
    torch.manual_seed(2)
    assert random_weights(0).sha256 == first.sha256
    assert random_weights(1).sha256 != first.sha256
    assert (first.origin, first.trained) == ("random", False)
