import csv
import errno
import json
import os
import signal
import sys

import numpy as np
import pytest
import torch

from spm_bench.errors import ResultsError, UsageError, WeightsError
from spm_bench.models.checkpoint import read_header, read_safetensors
from spm_bench.results.lock import locked
from spm_bench.training import checkpoint, learner, loop
from spm_bench.training.config import read_config
from spm_bench.training.data import TrainingData
from spm_bench.training.learner import NUMBERS, Learner
from spm_bench.training.loop import TrainingError, replicas_of, train
from tests.training.tiny import PACK_TOML, TinyData, Told, make_pack, tiny_config

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _tables_only(monkeypatch):
    """No TensorBoard: it takes longer to start than these trainings take."""
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)


def run(folder, config=None, data=None, **options):
    config = config or tiny_config()
    told = Told()
    result = train(config, data or TinyData(config), folder, device=CPU, progress=told, **options)
    return result, told


def killed_at(config, number, name=signal.SIGTERM):
    """Data that send us a signal as the batch of a step is asked for."""
    return TinyData(config, before_step=lambda step: os.kill(os.getpid(), name) if step == number else None)


def stored(folder):
    found = checkpoint.read_checkpoint(folder / "checkpoint.pt", CPU)
    assert found is not None
    return found


def same_bits(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b) and a.dtype == b.dtype
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_bits(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same_bits, a, b))
    return a == b


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("threads", [1, 2])
def test_stopping_and_going_on_makes_no_difference_to_any_bit(tmp_path, threads):
    config = tiny_config(freeze_norm_share=0.4)
    whole, _ = run(tmp_path / "whole", config, threads=threads)
    part, _ = run(tmp_path / "parts", config, killed_at(config, 2), threads=threads)
    assert (part.stopped, part.steps, part.finished) == ("SIGTERM", 3, False)
    rest, told = run(tmp_path / "parts", config, threads=threads)
    assert told.begun == (3, 6, 4)
    assert (whole.steps, rest.steps, rest.pairs, rest.finished, rest.stopped) == (6, 6, 24, True, "")
    a, b = stored(tmp_path / "whole"), stored(tmp_path / "parts")
    for name in ("model", "ema", "optimizer"):
        assert same_bits(getattr(a, name), getattr(b, name)), name
    assert read_safetensors(whole.weights).sha256 == read_safetensors(rest.weights).sha256
    kept = ("step", "pairs", "learning_rate", *NUMBERS)
    logs = [[[row[name] for name in kept] for row in rows_of(tmp_path / k / "log.csv")] for k in ("whole", "parts")]
    assert [row[0] for row in logs[0]] == ["2", "4", "6"]
    assert logs[0][0] == logs[1][0]
    assert logs[0][2] == logs[1][2]
    # The row of steps 3 and 4 averages only the steps of its own call.
    assert logs[0][1][:3] == logs[1][1][:3]


def test_real_pictures_go_on_bit_by_bit_too(tmp_path, monkeypatch):
    monkeypatch.setenv("TINY_PACK", str(make_pack(tmp_path / "pack")))
    (tmp_path / "tiny.toml").write_text(PACK_TOML)
    config = read_config(tmp_path / "tiny.toml", {"held_out": []})
    data = TrainingData(config, tmp_path, CPU, print)
    try:
        run(tmp_path / "whole", config, data, threads=2)
        monkeypatch.setattr(data, "pairs", stopping_after(data.pairs, 2))
        part, _ = run(tmp_path / "parts", config, data, threads=2)
    finally:
        data.close()
    assert (part.stopped, part.steps) == ("SIGTERM", 3)
    again = TrainingData(config, tmp_path, CPU, print)  # as a new process has it
    try:
        run(tmp_path / "parts", config, again, threads=2)
    finally:
        again.close()
    a, b = stored(tmp_path / "whole"), stored(tmp_path / "parts")
    for name in ("model", "ema", "optimizer", "data"):
        assert same_bits(getattr(a, name), getattr(b, name)), name


def stopping_after(pairs, number):
    def asked(share):
        if share.step == number and share.part == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return pairs(share)

    return asked


def test_no_thread_empties_the_casts_of_another(monkeypatch):
    """Autocast keeps casts for all threads and forgets them when any of them leaves: gradients would depend on it."""
    config = tiny_config(amp="bfloat16")
    seen = []
    real = learner.training_forward

    def forward(*args, **options):
        seen.append(torch.is_autocast_cache_enabled())
        return real(*args, **options)

    monkeypatch.setattr(learner, "training_forward", forward)
    two = Learner(config, TinyData(config), CPU, replicas=2)
    two.step(0)
    two.close()
    assert seen == [False, False]


def test_a_training_at_its_end_has_the_weights_of_its_end(tmp_path, monkeypatch):
    """The disk was full for the last weights only: the next call writes them, though there is no step left."""
    config = tiny_config()
    run(tmp_path, config, killed_at(config, 0))
    with monkeypatch.context() as patched:
        patched.setattr(loop, "write_safetensors", full_disk)
        with pytest.raises(ResultsError, match="disk is full"):
            run(tmp_path, config)
    assert read_header(tmp_path / "weights.safetensors")["finished"] == "no"
    result, _ = run(tmp_path, config)
    header = read_header(tmp_path / "weights.safetensors")
    assert (result.finished, header["finished"], header["pairs"]) == (True, "yes", "24")


def full_disk(*args, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_weights_without_a_fine_stage_say_so(tmp_path):
    result, _ = run(tmp_path / "coarse", tiny_config(fine=False))
    assert read_safetensors(result.weights).settings == {"fm_box": False, "fm_score_weight": 0.0}
    result, _ = run(tmp_path / "both", tiny_config())
    assert read_safetensors(result.weights).settings == {}


def test_the_network_learns(tmp_path):
    config = tiny_config(pairs=160, learning_rate=1e-2, log_every=10, fine=False)
    run(tmp_path, config)
    totals = [float(row["total"]) for row in rows_of(tmp_path / "log.csv")]
    assert len(totals) == 4
    assert totals[-1] < 0.7 * totals[0]


def test_ends_with_weights_a_tracker_can_use(tmp_path):
    config = tiny_config()
    result, told = run(tmp_path, config)
    weights = read_safetensors(result.weights)
    assert weights.architecture == config.network()
    assert weights.trained
    averaged = stored(tmp_path).ema
    for name, value in weights.state.items():
        assert torch.allclose(value.float(), averaged[name].float(), rtol=1e-3, atol=1e-6), name
    header = read_header(result.weights)
    assert header["training"] == config.digest()
    assert (header["seed"], header["pairs"], header["finished"]) == ("3", "24", "yes")
    assert json.loads(header["data"]) == {"tiny": {"pictures": 1}}
    facts = json.loads((tmp_path / "training.json").read_text())
    assert facts["config"] == config.to_json()
    assert facts["machine"]["replicas"] == 1
    assert told.ended


def test_a_training_without_the_fine_stage_leaves_it_alone(tmp_path):
    config = tiny_config(fine=False)
    before = Learner(config, TinyData(config), CPU).net.state_dict()
    run(tmp_path, config)
    after = stored(tmp_path).model
    assert torch.equal(before["fm.rcnn_cls.weight"], after["fm.rcnn_cls.weight"])
    assert not torch.equal(before["cm.z_net.conv1.conv.weight"], after["cm.z_net.conv1.conv.weight"])


def test_norms_keep_their_statistics_in_the_last_share(tmp_path):
    config = tiny_config(freeze_norm_share=0.5)
    run(tmp_path / "half", config, killed_at(config, 2))
    run(tmp_path / "full", config)
    half, full = stored(tmp_path / "half").model, stored(tmp_path / "full").model
    names = [name for name in half if name.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    assert names
    for name in names:
        assert torch.equal(half[name], full[name]), name
    assert not torch.equal(half["cm.z_net.conv1.conv.weight"], full["cm.z_net.conv1.conv.weight"])


@pytest.mark.parametrize(("name", "stopped"), [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")])
def test_a_signal_ends_after_the_step_with_a_checkpoint(tmp_path, name, stopped):
    config = tiny_config()
    result, _ = run(tmp_path, config, killed_at(config, 0, name))
    assert (result.stopped, result.steps, result.pairs) == (stopped, 1, 4)
    assert stored(tmp_path).step == 1
    assert read_header(result.weights)["finished"] == "no"


def test_the_budget_ends_after_the_step_with_a_checkpoint(tmp_path):
    result, _ = run(tmp_path, minutes=0.0)
    assert (result.stopped, result.steps) == ("time", 1)
    assert stored(tmp_path).step == 1


def test_a_number_that_is_not_finite_stops_with_its_provenance(tmp_path):
    config = tiny_config(log_every=1)
    run(tmp_path, config, killed_at(config, 1))
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(TrainingError, match=r"total.* not finite in step 3 .*s3\.jpg") as caught:
        run(tmp_path, config, TinyData(config, broken=[3]))
    assert caught.value.where == tmp_path / "failure.json"
    told = json.loads((tmp_path / "failure.json").read_text())
    assert told["step"] == 3
    assert "coarse_class" in told["not_finite"]
    assert told["pairs"] == [{"kind": "video", "template": "t3.jpg", "search": "s3.jpg"}]
    assert (tmp_path / "checkpoint.pt").read_bytes() == before  # from before the trouble


def test_bad_numbers_are_found_before_a_checkpoint_keeps_them(tmp_path):
    config = tiny_config(log_every=100, checkpoint_minutes=1e-9)  # a checkpoint after each step
    with pytest.raises(TrainingError, match="step 2"):
        run(tmp_path, config, TinyData(config, broken=[2]))
    kept = stored(tmp_path)
    assert kept.step == 2
    assert all(torch.isfinite(value.float()).all() for value in kept.model.values())


def test_a_full_disk_on_the_way_is_told_and_survived(tmp_path, monkeypatch):
    config = tiny_config(checkpoint_minutes=1e-9)
    real, calls = loop.write_checkpoint, []

    def sometimes(path, made):
        calls.append(made.step)
        if made.step in (3, 4):
            raise ResultsError("the disk is full", where=path)
        real(path, made)

    monkeypatch.setattr(loop, "write_checkpoint", sometimes)
    result, told = run(tmp_path, config)
    assert calls == [1, 2, 3, 4, 5, 6]
    assert sum("the disk is full" in note for note in told.notes) == 2
    assert result.finished
    assert stored(tmp_path).step == 6


def test_a_full_disk_at_the_end_is_an_error(tmp_path, monkeypatch):
    def full(path, content):
        raise ResultsError("the disk is full", where=path) from OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(checkpoint, "write_bytes", full)
    with pytest.raises(ResultsError, match="the disk is full"):
        run(tmp_path)


def test_another_config_does_not_go_on_but_can_start_afresh(tmp_path):
    run(tmp_path)
    other = tiny_config(seed=4)
    with pytest.raises(UsageError, match="seed: 3 in the checkpoint, 4 now"):
        run(tmp_path, other)
    result, told = run(tmp_path, other, fresh=True)
    assert told.begun == (0, 6, 4)
    assert result.finished
    assert stored(tmp_path).config["seed"] == 4
    assert [row["step"] for row in rows_of(tmp_path / "log.csv")] == ["2", "4", "6"]


def test_a_finished_training_is_left_as_it_is(tmp_path):
    run(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.suffix in (".csv", ".pt", ".safetensors")}
    result, told = run(tmp_path)
    assert result.finished
    assert "finished already: 6 of 6" in told.notes[0]
    assert before == {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.name in before}


def test_other_threads_are_noted(tmp_path):
    config = tiny_config()
    run(tmp_path, config, killed_at(config, 1), threads=1)
    _, told = run(tmp_path, config, threads=2)
    assert any("replicas 1, now 2" in note and "bits will differ" in note for note in told.notes)


def test_two_trainings_do_not_share_a_folder(tmp_path):
    with locked(tmp_path), pytest.raises(ResultsError, match="another process"):
        run(tmp_path)


def test_validates_the_average_when_due_and_at_the_end(tmp_path, monkeypatch):
    config = tiny_config(validate_every=8)
    data = TinyData(config)
    data.held_out = object()
    seen = []

    def validate(state, architecture, rows, *, changes, device):
        assert (architecture, rows, device) == (config.network(), data.held_out, "cpu")
        seen.append({name: value.clone() for name, value in state.items()})
        torch.rand(3)
        return {"auc_one_pass": len(seen) / 8, "auc_one_pass/x": 0.5}

    monkeypatch.setattr(loop, "validate_network", validate)
    result, _ = run(tmp_path, config, data)
    assert [row["step"] for row in rows_of(tmp_path / "validation.csv")] == ["2", "4", "6"]
    assert same_bits(seen[-1], stored(tmp_path).ema)
    assert result.validation["auc_one_pass"] == 3 / 8
    assert json.loads(read_header(result.weights)["validation"]) == {"auc_one_pass": 0.375}
    again, _ = run(tmp_path, config, data)  # nothing to do: no fourth validation
    assert len(seen) == 3
    assert again.validation["auc_one_pass"] == 0.375


def test_a_validation_that_was_killed_is_made_up_for(tmp_path, monkeypatch):
    config = tiny_config(validate_every=8)
    data = TinyData(config)
    data.held_out = object()

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "validate_network", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, config, data)
    assert stored(tmp_path).step == 2
    monkeypatch.setattr(loop, "validate_network", lambda *_, **__: {"auc_one_pass": 0.5})
    run(tmp_path, config, data)
    assert [row["step"] for row in rows_of(tmp_path / "validation.csv")] == ["2", "4", "6"]


@pytest.mark.parametrize(
    ("batch", "threads", "expected"), [(32, 2, 2), (32, 1, 1), (30, 4, 3), (2, 8, 1), (7, 4, 1), (16, 6, 4)]
)
def test_parts_of_a_batch_are_equal_and_hold_two_pairs_at_least(batch, threads, expected):
    assert replicas_of(batch, threads, CPU) == expected
    assert replicas_of(batch, threads, torch.device("cuda")) == 1


def test_replicas_compute_the_mean_gradient_of_their_parts(tmp_path):
    config = tiny_config(freeze_norm_share=1.0)  # frozen norms: a part does not see its neighbours
    learners = [Learner(config, TinyData(config), CPU, replicas=n) for n in (1, 2)]
    two = learners[1]
    told = two.step(0)
    separate = []
    for part in (0, 1):
        one = Learner(config, TinyData(config), CPU, replicas=1)
        one.replicas.train(statistics=False)
        share = two.data.shares(0, 2)[part]
        loss, _ = one._loss(one.net, share)
        separate.append(torch.autograd.grad(loss, one.replicas.parameters, allow_unused=True))
    squares = [float((((a + b) / 2) ** 2).sum()) for a, b in zip(*separate, strict=True) if a is not None]
    assert float(told[-1]) == pytest.approx(np.sqrt(sum(squares)), rel=1e-4)
    for done in learners:
        done.close()


def test_half_precision_needs_an_accelerator():
    config = tiny_config(amp="float16")
    with pytest.raises(UsageError, match="float16"):
        Learner(config, TinyData(config), CPU)


def test_bfloat16_computes_about_the_same():
    values = []
    for amp in ("off", "bfloat16"):
        config = tiny_config(amp=amp)
        values.append(Learner(config, TinyData(config), CPU).step(0)[0].item())
    assert values[0] != values[1]
    assert values[1] == pytest.approx(values[0], rel=0.05)


def test_weights_to_start_from(tmp_path):
    result, _ = run(tmp_path / "first")
    config = tiny_config(initial="first/weights.safetensors", seed=9)
    run(tmp_path / "second", config, TinyData(config), home=tmp_path, minutes=0.0)
    started, scratch = stored(tmp_path / "second").model, Learner(config, TinyData(config), CPU).net.state_dict()
    first = read_safetensors(result.weights).state
    name = "cm.z_net.conv3.conv.weight"  # one step of warm-up away
    assert (started[name] - first[name]).abs().max() < 2e-3 < (started[name] - scratch[name]).abs().max()
    other = tiny_config(initial="first/weights.safetensors", overrides={})
    with pytest.raises(WeightsError, match="another network"):
        run(tmp_path / "third", other, home=tmp_path)
