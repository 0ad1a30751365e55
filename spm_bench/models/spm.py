"""The networks of the Siamese family: one stage (SiamFC, SiamRPN), and the two of SPM.

Parameters are named as in the released SPM checkpoints, prefixed `cm.` and `fm.`.
"""

from __future__ import annotations

from typing import NamedTuple, Self, cast

import torch
from torch import Tensor, nn

from spm_bench.models.architecture import SPM_ALEXNET, Architecture
from spm_bench.models.coarse import CoarseStage, Kernels
from spm_bench.models.fine import FineStage
from spm_bench.models.precision import Precision, arithmetic


class Template(NamedTuple):
    """All that is kept of B templates: coarse kernels, and the constant half of the fine stage (B x 256 x 6 x 6)."""

    kernels: Kernels
    fine_half: Tensor


class SiameseNet(nn.Module):
    """Backbone and coarse stage, which is all of SiamFC and SiamRPN."""

    stride = 8
    precision: Precision = "fp32"

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.cm = CoarseStage(architecture)

    def prepare(self, device: torch.device, precision: Precision = "fp32") -> Self:
        """Freeze for inference on a device, weights in the memory layout the step uses. Returns itself.

        The stages' methods then set up the arithmetic themselves, and give float32. A network has one precision: to run
        two, make two.

        Args:
            device: Where its calls will be.
            precision: See `spm_bench.models.precision`.

        Raises:
            UsageError: The device cannot do it.
        """
        context = arithmetic(precision, device)
        self.eval().requires_grad_(requires_grad=False).to(device)
        self.lay_out()
        dtype = torch.bfloat16 if precision == "bf16" else None
        for stage in self.children():
            cast(CoarseStage | FineStage, stage).freeze(context, dtype)
        self.precision = precision
        return self

    def lay_out(self) -> None:
        """Put the kernels into channels-last memory, on which convolutions run fastest."""
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


class SpmNet(SiameseNet):
    """Coarse and fine stage; by default SPM-AlexNet ("C42"), the layout of the released checkpoints."""

    def __init__(self, architecture: Architecture = SPM_ALEXNET) -> None:
        super().__init__(architecture)
        self.fm = FineStage(architecture)


def build_network(architecture: Architecture) -> SiameseNet:
    """The network of an architecture, with torch's first weights: an `SpmNet` if it has two stages."""
    return SpmNet(architecture) if architecture.two_stages else SiameseNet(architecture)


def random_network(seed: int = 0, architecture: Architecture = SPM_ALEXNET) -> SpmNet:
    """The same as `random_siamese`, of an architecture that has two stages."""
    return cast(SpmNet, random_siamese(seed, architecture))


def random_siamese(seed: int, architecture: Architecture) -> SiameseNet:
    """An untrained network whose weights depend on the seed only (and not on torch's global generator)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build_network(architecture)
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    return net
