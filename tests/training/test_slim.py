"""Carried trainings: how exact a slim checkpoint is, what fits, and that training goes on from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from spm_bench.cli import build_app, guarded
from spm_bench.errors import ResultsError
from spm_bench.models.checkpoint import read_header, read_safetensors
from spm_bench.training.checkpoint import CHECKPOINT, read_checkpoint
from spm_bench.training.learner import Learner
from spm_bench.training.loop import WEIGHTS, train
from spm_bench.training.parts import pack_files, write_parts
from spm_bench.training.slim import (
    BARE,
    BLOCK,
    BYTES,
    LEAN,
    SLIM,
    WHOLE,
    choose_files,
    decode,
    encode,
    expected_state,
    join_training,
)
from tests.training.tiny import OVERRIDES, TinyData, Told, tiny_config

CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _one_board() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spm_bench.training.logs.Board._writer", None, raising=False)
        patch.setattr("spm_bench.training.logs.Board.__init__", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was stopped after its first step."""
    folder = tmp_path_factory.mktemp("trainings") / "t"
    config = tiny_config()
    train(config, TinyData(config), folder, device=CPU, minutes=0.0, progress=Told())
    return folder


@pytest.mark.parametrize("shape", [(3, 5), (BLOCK,), (7, 11, 3, 3), (1, 1)])
def test_signed_codes_are_off_by_half_a_step_of_their_block(shape: tuple[int, ...]) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 10.0 ** -torch.arange(shape[-1])
    coded = encode(values, signed=True)
    assert coded["codes"].dtype == torch.int8
    back = decode(coded)
    assert back.shape == values.shape
    flat, error = values.flatten(), (back - values).flatten().abs()
    for start in range(0, flat.numel(), BLOCK):
        block = slice(start, start + BLOCK)
        assert error[block].max() <= flat[block].abs().max() / 127 / 2 * 1.0001


def test_second_moments_are_never_read_smaller_or_as_zero() -> None:
    values = torch.rand(40, 40, generator=torch.Generator().manual_seed(2)) ** 12
    back = decode(encode(values, signed=False))
    assert (back >= values * 0.999).all()
    step = values.flatten().split(BLOCK)[0].sqrt().max() / 255
    first = slice(None, BLOCK)
    assert ((back.flatten()[first].sqrt() - values.flatten()[first].sqrt()) <= 1.001 * step).all()
    assert (back[values > 0] > 0).all()
    assert torch.equal(decode(encode(torch.zeros(3, 300), signed=False)), torch.zeros(3, 300))


def sizes(folder: Path) -> dict[str, int]:
    everything = choose_files(folder, 10**9)
    assert everything[0] == WHOLE
    whole = len(pack_files(everything[1]))
    state, files = choose_files(folder, whole - 1)
    assert state == LEAN
    lean = len(pack_files(files))
    state, files = choose_files(folder, lean - 1)
    assert state == BARE
    return {WHOLE: whole, LEAN: lean, BARE: len(pack_files(files))}


def test_the_richest_state_that_fits_is_chosen(stopped: Path) -> None:
    found = sizes(stopped)
    for state, size in found.items():
        chosen, files = choose_files(stopped, size)
        assert chosen == state
        assert {WHOLE: CHECKPOINT, LEAN: SLIM, BARE: WEIGHTS}[state] in files
        assert {WEIGHTS, "training.json"} <= files.keys()
    with pytest.raises(ResultsError, match="take more than"):
        choose_files(stopped, found[BARE] - 1)


@pytest.mark.parametrize("numbers", [13_000, 27_000_000])
def test_the_state_that_will_fit_is_foreseen(numbers: int) -> None:
    assert expected_state(numbers, 18 * numbers) == WHOLE
    assert expected_state(numbers, 18 * numbers - 1) == LEAN
    assert expected_state(numbers, 6 * numbers - 1) == BARE
    assert expected_state(numbers, 2 * numbers - 1) is None


def test_a_forecast_is_that_of_the_files(tmp_path: Path) -> None:
    """On a network of 400,000 weights, where the files' own tables hardly count."""
    config = tiny_config(overrides={**OVERRIDES, "fine_hidden": 1600})
    train(config, TinyData(config), tmp_path, device=CPU, minutes=0.0, progress=Told())
    numbers = sum(value.numel() for value in read_safetensors(tmp_path / WEIGHTS).state.values())
    for state, size in sizes(tmp_path).items():
        assert size == pytest.approx(BYTES[state] * numbers, rel=0.12), state


def copied(stopped: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in stopped.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize(
    ("changes", "comes"),
    [({}, True), ({"config": "of another"}, False), ({"step": 0}, False), ({"step": None}, False)],
    ids=["after the last step", "of another training", "of a step done since", "damaged"],
)
def test_a_failure_comes_along_only_if_it_is_the_last_news(
    stopped: Path, tmp_path: Path, changes: dict[str, object], comes: bool
) -> None:
    folder = copied(stopped, tmp_path / "t")
    (folder / "log.csv").write_text("step,total\n1,0.5\n")
    told = {"step": 1, "config": json.loads((folder / "training.json").read_text())["training"], **changes}
    (folder / "failure.json").write_text(json.dumps(told))
    assert ("failure.json" in choose_files(folder, 10**9)[1]) == comes


def test_logs_of_before_do_not_stay_beside_replaced_ones(stopped: Path, tmp_path: Path) -> None:
    folder = copied(stopped, tmp_path / "t")
    for name in ("failure.json", "validation.csv"):
        (folder / name).write_text("step\n")
    state, files = choose_files(stopped, 10**9)
    write_parts(tmp_path / "parts", files, training="t", state=state, largest=10**6)
    join_training(tmp_path / "parts", folder)
    assert (folder / "validation.csv").exists()
    join_training(tmp_path / "parts", folder, replace=True)
    assert sorted(path.name for path in folder.iterdir() if path.suffix in (".json", ".csv")) == sorted(
        name for name in files if name.endswith((".json", ".csv"))
    )


def test_moments_lie_in_memory_as_their_parameters_do(stopped: Path, tmp_path: Path) -> None:
    """Channels last on an accelerator, where a fused optimiser asks for equal layouts."""
    folder = carried(stopped, tmp_path, LEAN)
    found = read_checkpoint(folder / CHECKPOINT, CPU)
    assert found is not None
    config = tiny_config()
    learner = Learner(config, TinyData(config), CPU)
    try:
        for parameter in learner.net.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        learner.load(found.model, found.ema, found.optimizer, found.scaler)
        moved = 0
        for parameter, moments in learner.optimizer.state.items():
            assert isinstance(parameter, torch.Tensor)
            for name in ("exp_avg", "exp_avg_sq"):
                assert moments[name].stride() == parameter.stride()
            moved += not parameter.is_contiguous()
        assert moved > 4
        numbers = [state["exp_avg"] for state in found.optimizer["state"].values()]
        taken = [state["exp_avg"] for state in learner.optimizer.state.values()]
        assert all(torch.equal(a, b) for a, b in zip(numbers, taken, strict=True))
    finally:
        learner.close()


def carried(stopped: Path, folder: Path, state: str) -> Path:
    chosen, files = choose_files(stopped, sizes(stopped)[state])
    write_parts(folder / "parts", files, training="t", state=chosen, largest=30_000)
    join_training(folder / "parts", folder / "t")
    return folder / "t"


def test_a_whole_checkpoint_arrives_bit_for_bit(stopped: Path, tmp_path: Path) -> None:
    folder = carried(stopped, tmp_path, WHOLE)
    assert (folder / CHECKPOINT).read_bytes() == (stopped / CHECKPOINT).read_bytes()


def test_a_slim_checkpoint_is_close(stopped: Path, tmp_path: Path) -> None:
    folder = carried(stopped, tmp_path, LEAN)
    there, here = (read_checkpoint(f / CHECKPOINT, CPU) for f in (stopped, folder))
    assert there is not None
    assert here is not None
    for name in ("config", "data", "machine", "step", "seconds", "scaler"):
        assert getattr(there, name) == getattr(here, name), name
    for group in ("model", "ema"):
        before, after = getattr(there, group), getattr(here, group)
        assert before.keys() == after.keys()
        for name, value in before.items():
            assert after[name].dtype == value.dtype
            torch.testing.assert_close(after[name], value, rtol=1e-3, atol=1e-6)
    assert there.optimizer["param_groups"] == here.optimizer["param_groups"]
    assert there.optimizer["state"].keys() == here.optimizer["state"].keys()
    for number, moments in there.optimizer["state"].items():
        for name, value in moments.items():
            got = here.optimizer["state"][number][name]
            assert (got.shape, got.dtype) == (value.shape, value.dtype)
            if value.ndim <= 1:
                assert torch.equal(got, value)
            elif name == "exp_avg":
                assert (got - value).abs().max() <= value.abs().max() / 250


def test_training_goes_on_from_a_slim_checkpoint(stopped: Path, tmp_path: Path) -> None:
    folder = carried(stopped, tmp_path, LEAN)
    config, told = tiny_config(), Told()
    result = train(config, TinyData(config), folder, device=CPU, progress=told)
    assert result.finished
    assert told.steps[0] == 2
    assert read_header(folder / WEIGHTS)["finished"] == "yes"


def test_the_verb_joins(stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    carried(stopped, tmp_path, BARE)
    words = ["weights", "join", str(tmp_path / "parts"), "--out", str(tmp_path / "runs")]
    assert guarded(build_app(), words) == 0
    assert "only its weights" in capsys.readouterr().out
    assert (tmp_path / "runs" / "t" / WEIGHTS).read_bytes() == (stopped / WEIGHTS).read_bytes()
    (tmp_path / "runs" / "t" / WEIGHTS).write_bytes(b"further")
    assert guarded(build_app(), words) == 2
    assert "other files of this name: weights.safetensors" in capsys.readouterr().err
    assert guarded(build_app(), [*words, "--replace"]) == 0


def test_an_average_of_another_step_is_not_passed_off(stopped: Path, tmp_path: Path) -> None:
    """A run that was killed between checkpoint and weights: the checkpoint comes whole or not at all."""
    for name in (CHECKPOINT, "training.json"):
        (tmp_path / name).write_bytes((stopped / name).read_bytes())
    weights = (stopped / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(weights.replace(b'"pairs":"4"', b'"pairs":"8"'))
    assert read_header(tmp_path / WEIGHTS)["pairs"] == "8"
    most = len(pack_files(choose_files(tmp_path, 10**9)[1])) - 1
    assert choose_files(tmp_path, most)[0] == BARE


def test_a_checkpoint_is_not_overwritten_unless_asked(stopped: Path, tmp_path: Path) -> None:
    carried(stopped, tmp_path, LEAN)
    with pytest.raises(ResultsError, match="there is a checkpoint already"):
        join_training(tmp_path / "parts", tmp_path / "t")
    join_training(tmp_path / "parts", tmp_path / "t", replace=True)


@pytest.mark.parametrize(("content", "told"), [(b"x", "damaged"), (None, "not a slim checkpoint")])
def test_a_damaged_slim_checkpoint_is_refused(stopped: Path, tmp_path: Path, content: bytes | None, told: str) -> None:
    _, files = choose_files(stopped, sizes(stopped)[LEAN])
    files[SLIM] = (stopped / CHECKPOINT).read_bytes() if content is None else content
    write_parts(tmp_path / "parts", files, training="t", state=LEAN, largest=10**6)
    with pytest.raises(ResultsError, match=told):
        join_training(tmp_path / "parts", tmp_path / "t")


def test_without_weights_nothing_can_be_carried(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no weights here yet"):
        choose_files(tmp_path, 10**9)
