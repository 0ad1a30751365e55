"""Networks with one stage, and a trunk that is kept: what they are taught, and that a training is else the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spm_bench.errors import UsageError, WeightsError
from spm_bench.models.architecture import find_architecture
from spm_bench.models.checkpoint import random_weights, read_safetensors, write_safetensors
from spm_bench.models.coarse import CorrelationHead, CorrelationKernels
from spm_bench.models.spm import random_siamese
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.step import make_anchors
from spm_bench.training.config import parse_config
from spm_bench.training.forward import correlation_forward
from spm_bench.training.initial import initial_state
from spm_bench.training.loop import train
from spm_bench.training.losses import LossWeights
from spm_bench.training.targets import TargetSettings, cell_targets
from tests.training.tiny import OVERRIDES, TinyData, Told, tiny_config

CPU = torch.device("cpu")
ANCHORS = make_anchors(SpmConfig(), 8, CPU)
TINY_FC = {**OVERRIDES, "head": "correlation", "fine_layers": []}


def tiny_batch(B: int = 4, seed: int = 3) -> Any:
    config = tiny_config(batch=B, seed=seed)
    data = TinyData(config)
    return data.pairs(data.shares(0, 1)[0])


def test_cells_near_the_target_are_positive() -> None:
    batch = tiny_batch()._replace(negative=torch.tensor([False, False, True, False]))
    positive, negative = cell_targets(ANCHORS, batch, TargetSettings())
    for b in range(4):
        x1, y1, x2, y2 = batch.target[b].tolist()
        for cell in range(361):
            centre = 63.5 + 8 * (cell % 19), 63.5 + 8 * (cell // 19)
            near = math.hypot(centre[0] - (x1 + x2) / 2, centre[1] - (y1 + y2) / 2) <= 16
            assert bool(positive[b, cell]) == (near and b != 2), (b, cell)
    assert torch.equal(negative, ~positive)


def test_the_correlation_is_a_mean_of_products() -> None:
    head = CorrelationHead(inputs=4, channels=3).eval()
    search, kernel = torch.rand(2, 4, 24, 24), torch.rand(2, 3, 4, 4)
    with torch.no_grad():
        head.bias.fill_(0.25)
        logits, deltas = head(search, CorrelationKernels(kernel, kernel.new_empty(2, 0)))
        cells = head.embed(search)
        expected = 10 * (cells[1, :, 5:9, 7:11] * kernel[1]).mean() + 0.25
    assert (logits.shape, deltas.shape) == ((2, 1, 19, 19), (2, 0, 19, 19))
    torch.testing.assert_close(logits[1, 0, 5, 7], expected)
    assert float(cells.min()) < 0, "the embedding has no ReLU"


def test_the_loss_is_that_of_the_cells() -> None:
    net, batch = random_siamese(0, find_architecture("siamfc_lite")).train(), tiny_batch()
    losses = correlation_forward(net, batch, ANCHORS, TargetSettings(), torch.Generator(), weights=LossWeights())
    with torch.no_grad():
        template, search = (net.cm.features(x, n) for x, n in ((batch.template, 127), (batch.search, 271)))
        scores = net.cm(search, net.cm.kernels(template, 1.0, 1.0))[0].flatten(1).double().numpy()
    positive = cell_targets(ANCHORS, batch, TargetSettings()).positive.numpy()
    loss = np.log1p(np.exp(np.where(positive, -scores, scores)))
    rows = [0.5 * row[near].mean() + 0.5 * row[~near].mean() for row, near in zip(loss, positive, strict=True)]
    assert float(losses.total.detach()) == pytest.approx(np.mean(rows), rel=1e-4)
    assert float(losses.positives) == pytest.approx(positive.sum(1).mean())
    assert 0 <= float(losses.coarse_overlap) <= 1
    losses.total.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.fixture
def trunk(tmp_path: Path) -> Path:
    path = tmp_path / "trunk.safetensors"
    architecture = find_architecture("spm_lite").changed(OVERRIDES)
    write_safetensors(path, random_weights(9, architecture), {}, half=True)
    return path


def trained(config: Any, folder: Path, home: Path, **options: Any) -> dict[str, torch.Tensor]:
    result = train(config, TinyData(config), folder, device=CPU, home=home, progress=Told(), **options)
    return dict(read_safetensors(result.weights).state)


@pytest.mark.parametrize("amp", ["off", "bfloat16"])
def test_a_trunk_is_kept_and_all_else_is_trained(trunk: Path, tmp_path: Path, amp: str) -> None:
    config = tiny_config(trunk=trunk.name, trunk_blocks=3, amp=amp, pairs=8)
    first = initial_state(config, tmp_path)
    assert first is not None
    weights = trained(config, tmp_path / "run", tmp_path, threads=2)
    kept = read_safetensors(trunk).state
    for name, value in weights.items():
        if name.startswith(("cm.z_net.conv1", "cm.z_net.conv2", "cm.z_net.conv3")):
            assert torch.equal(value, kept[name]), name
        elif value.is_floating_point() and value.ndim > 1:
            assert not torch.equal(value, first[name].half().float()), name
            assert not torch.equal(value, kept[name]), name


@pytest.mark.parametrize("overrides", [OVERRIDES, TINY_FC])
def test_with_a_trunk_it_goes_on_bit_by_bit(trunk: Path, tmp_path: Path, overrides: dict[str, Any]) -> None:
    config = tiny_config(trunk=trunk.name, overrides=overrides, pairs=12)
    whole = trained(config, tmp_path / "whole", tmp_path)
    train(config, TinyData(config), tmp_path / "parts", device=CPU, home=tmp_path, progress=Told(), minutes=0.0)
    trunk.unlink()  # it is in the checkpoint
    parts = trained(config, tmp_path / "parts", tmp_path)
    assert all(torch.equal(parts[name], value) for name, value in whole.items())


def test_the_shipped_trunk_has_a_name() -> None:
    state = initial_state(tiny_config(trunk="spm_lite", overrides={"fine_layers": []}), Path("nowhere"))
    assert state is not None
    assert not any(name.startswith("fm.") for name in state)


def test_a_trunk_of_other_blocks_is_refused(trunk: Path, tmp_path: Path) -> None:
    config = tiny_config(trunk=trunk.name, overrides={})
    with pytest.raises(WeightsError, match="has other blocks than that of spm_lite"):
        initial_state(config, tmp_path)
    with pytest.raises(UsageError, match="initial and trunk both say"):
        tiny_config(trunk="spm_lite", initial="imagenet")


def test_more_negatives_of_the_category_can_be_asked_for() -> None:
    assert tiny_config(same_category_share=0.75).same_category_share == 0.75
    with pytest.raises(UsageError, match="same_category_share"):
        parse_config({**tiny_config().to_json(), "same_category_share": 2.0}, where="test")
