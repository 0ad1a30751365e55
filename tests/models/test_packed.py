"""Frozen convolutions give the outputs of plain ones, with and without oneDNN's own layout of the weights."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spm_bench.models.backbone import PaddedAlexNet, centre_crop, local_response_norm, pool_relu
from spm_bench.models.packed import FrozenConv, FrozenLinear


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("groups", [1, 2])
def test_equals_the_plain_convolution(batch: int, relu: bool, groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    conv = nn.Conv2d(8, 12, 3, stride=2, padding=1, groups=groups)
    x = torch.randn(batch, 8, 17, 20).contiguous(memory_format=torch.channels_last)
    expected = F.relu(conv(x)) if relu else conv(x)
    frozen = FrozenConv.of(conv)
    torch.testing.assert_close(frozen(x, relu=relu), expected, rtol=1e-5, atol=1e-5)
    frozen.packed = None
    torch.testing.assert_close(frozen(x, relu=relu), expected, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert FrozenConv.of(conv).packed is None


@pytest.mark.parametrize("size", [(34, 34), (33, 40), (5, 6)])
def test_pooling_and_response_norm_equal_torchs(size: tuple[int, int]) -> None:
    x = torch.randn(2, 16, *size).mul(20).contiguous(memory_format=torch.channels_last)
    pooled = F.relu(F.max_pool2d(x, 3, stride=2, padding=1))
    normed = F.local_response_norm(pooled, 5, 1e-4, 0.75, 1.0)
    with torch.no_grad():
        torch.testing.assert_close(pool_relu(x), pooled, rtol=0, atol=0)
        torch.testing.assert_close(local_response_norm(pooled), normed, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(local_response_norm(pool_relu(x)), normed, rtol=1e-5, atol=1e-6)


def test_the_network_can_be_trained_before_it_is_frozen() -> None:
    net = PaddedAlexNet()
    features = net(torch.randn(1, 3, 143, 143), 6)
    features.conv5.sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())
    whole = list(net.blocks(torch.zeros(1, 3, 143, 143)))[-1]
    central = net(torch.zeros(1, 3, 143, 143), 6).conv5
    torch.testing.assert_close(central, centre_crop(whole, 6))


@pytest.mark.parametrize("rows", [1, 2, 9, 33])
def test_a_frozen_linear_layer_gives_each_row_the_same_whatever_comes_with_it(rows: int) -> None:
    """Targets that share a row with a batch must get what they get alone."""
    torch.manual_seed(3)
    linear, x = torch.nn.Linear(288, 24), torch.randn(64, 288)
    frozen = FrozenLinear(linear)
    with torch.inference_mode():
        torch.testing.assert_close(frozen(x, relu=True), linear(x).relu(), rtol=1e-5, atol=1e-5)
        order = torch.randperm(64)[:rows]
        if frozen.conv.packed is not None:
            assert torch.equal(frozen(x[order]), frozen(x)[order])
