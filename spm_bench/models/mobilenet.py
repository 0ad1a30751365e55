"""MobileNetV2 as PySOT's SiamRPN++ looks through it: width 1.4, stride 8, and three of its layers side by side.

Legend: B images, H, W pixels. Convolutions have biases: the batch norms of published weights are folded when they are
read, and this network is for inference only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spm_bench.errors import UsageError
from spm_bench.models.architecture import MOBILENET_OUTPUTS, Architecture
from spm_bench.models.backbone import Block, Features, centre_crop
from spm_bench.models.grid import STRIDE, mobilenet_cells
from spm_bench.models.packed import FrozenConv


class Stage(NamedTuple):
    """Bottlenecks of one width.

    Attributes:
        expansion: Channels inside a bottleneck as a multiple of its inputs.
        channels: Outputs, before the width.
        repeats: How many.
        stride: Of the first.
        dilation: Of all but the first, which has half of it where it differs from the stage before.
    """

    expansion: int
    channels: int
    repeats: int
    stride: int
    dilation: int


STAGES = (
    Stage(1, 16, 1, 1, 1),
    Stage(6, 24, 2, 2, 1),
    Stage(6, 32, 3, 2, 1),
    Stage(6, 64, 4, 1, 2),
    Stage(6, 96, 3, 1, 2),
    Stage(6, 160, 3, 1, 4),
    Stage(6, 320, 1, 1, 4),
)
"""MobileNetV2's (Sandler et al., CVPR 2018, table 2), with dilation where PySOT takes the stride away."""
WIDTH, STEM = 1.4, 32
USED = (3, 5, 7)
"""Stages that the head looks at, counted from 1."""
ADJUSTED = MOBILENET_OUTPUTS // len(USED)


class BottleneckPlan(NamedTuple):
    """Channels and geometry of one bottleneck."""

    inputs: int
    hidden: int
    outputs: int
    stride: int
    dilation: int


def plan() -> list[list[BottleneckPlan]]:
    """The bottlenecks of every stage."""
    made, inputs, before = [], int(STEM * WIDTH), 1
    for stage in STAGES:
        outputs, rows = int(stage.channels * WIDTH), []
        for number in range(stage.repeats):
            first = number == 0
            dilation = max(stage.dilation // 2, 1) if first and stage.dilation != before else stage.dilation
            stride = stage.stride if first else 1
            rows.append(BottleneckPlan(inputs, inputs * stage.expansion, outputs, stride, dilation))
            inputs = outputs
        made.append(rows)
        before = stage.dilation
    return made


class PlainConv(nn.Module):
    """A convolution with a bias, and a clamp to 0 .. 6 if wanted."""

    def __init__(self, conv: nn.Conv2d, *, clamp: bool) -> None:
        super().__init__()
        self.conv, self.clamp = conv, clamp
        self._frozen: FrozenConv | None = None

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference, weights as `dtype`; the weights must not change after it."""
        self._frozen = FrozenConv.of(self.conv, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve B x C x H x W."""
        out: Tensor = (self._frozen or self.conv)(x)
        return F.relu6(out, inplace=not torch.is_grad_enabled()) if self.clamp else out


class Bottleneck(nn.Module):
    """Expand, convolve channel by channel, project; added to the input where shapes allow."""

    def __init__(self, one: BottleneckPlan) -> None:
        super().__init__()
        # With a stride there is no padding, so that cells stay centred.
        padding = one.dilation if one.dilation > 1 else 2 - one.stride
        middle = nn.Conv2d(one.hidden, one.hidden, 3, one.stride, padding, dilation=one.dilation, groups=one.hidden)
        self.expand = PlainConv(nn.Conv2d(one.inputs, one.hidden, 1), clamp=True)
        self.middle = PlainConv(middle, clamp=True)
        self.project = PlainConv(nn.Conv2d(one.hidden, one.outputs, 1), clamp=False)
        self.adds = one.stride == 1 and one.inputs == one.outputs

    def forward(self, x: Tensor) -> Tensor:
        """B x inputs x H x W to B x outputs x H' x W'."""
        out: Tensor = self.project(self.middle(self.expand(x)))
        return out + x if self.adds else out


class MobileNetV2(nn.Module):
    """The backbone, with the 1 x 1 convolutions that bring three of its stages to the head's width.

    Args:
        architecture: Whose backbone this is.
    """

    stride = STRIDE

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        stages = plan()
        self.stem = PlainConv(nn.Conv2d(3, int(STEM * WIDTH), 3, 2), clamp=True)
        self.stages = nn.ModuleList(nn.Sequential(*map(Bottleneck, rows)) for rows in stages)
        outputs = [stages[number - 1][-1].outputs for number in USED]
        self.adjust = nn.ModuleList(PlainConv(nn.Conv2d(n, ADJUSTED, 1), clamp=False) for n in outputs)

    @property
    def largest_map(self) -> tuple[int, int]:
        """Channels and stride of the map that takes most memory."""
        return plan()[1][0].hidden, 2

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference, weights as `dtype`; the weights must not change after it."""
        for part in self.modules():
            if isinstance(part, PlainConv):
                part.freeze(dtype)

    def first_blocks(self, count: int) -> list[Block]:
        """None of them; raises UsageError if some are asked for, as it is for inference only."""
        if count:
            raise UsageError(f"{self.architecture.name} has no blocks that could be kept while the rest is trained")
        return []

    def blocks(self, images: Tensor, *, padded: bool = True) -> Iterator[Tensor]:  # noqa: ARG002
        """Raise UsageError: it has none of the blocks that other trackers look at."""
        raise UsageError(
            f"{self.architecture.name} has no blocks conv1 .. conv5",
            remedy="Give the weights to --tracker SiamRPN or DaSiamRPN",
        )

    def forward(self, images: Tensor, central: int | None, *, padded: bool = True) -> Features:
        """Compute what the head needs.

        Args:
            images: B x 3 x S x S.
            central: Cells per side in the middle that are given, or None: all.
            padded: Must be False: there are paddings inside, and no other.

        Raises:
            UsageError: It is padded, or the images are too small.
        """
        if padded:
            raise UsageError(f"{self.architecture.name} is padded in its own way: backbone_padding must be none")
        mobilenet_cells(images.shape[-1])
        x = self.stem(images.contiguous(memory_format=torch.channels_last))
        parts = []
        for number, stage in enumerate(self.stages, start=1):
            x = stage(x)
            if number in USED:
                parts.append(self.adjust[USED.index(number)](x if central is None else centre_crop(x, central)))
        cells = torch.cat(parts, 1)
        return Features(cells, cells, cells)
