"""The padded AlexNet of the released SPM model, and narrower networks of the same build.

Legend: B images, H, W pixels. Module names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spm_bench.models.architecture import SPM_ALEXNET, Architecture, BlockPlan
from spm_bench.models.packed import FrozenConv


class Features(NamedTuple):
    """The block outputs that the two stages use, channels-last in memory, stride 8; of conv5 the central cells only."""

    conv2: Tensor
    conv4: Tensor
    conv5: Tensor


def local_response_norm(x: Tensor, alpha: float = 1e-4, k: float = 1.0) -> Tensor:
    """Divide by the energy of five neighbouring channels to the power 3/4 (AlexNet).

    Args:
        x: B x C x H x W.
        alpha: Weight of their summed squares, divided by 5 as in torch.
        k: Added before the power.

    Returns:
        B x C x H x W, equal to torch.nn.functional.local_response_norm within rounding.
    """
    if x.is_cuda or torch.is_grad_enabled():
        return F.local_response_norm(x, 5, alpha, 0.75, k)
    # Torch's own takes ten times as long on a CPU: it pools in three dimensions and raises to a fractional power.
    y = x.permute(0, 2, 3, 1)
    channels = y.shape[-1]
    energy = y.new_zeros((*y.shape[:-1], channels + 4))
    torch.mul(y, y, out=energy[..., 2:-2])
    pairs = energy[..., :-1] + energy[..., 1:]
    total = pairs[..., :channels] + pairs[..., 2 : channels + 2]
    root = total.add_(energy[..., 4:]).mul_(alpha / 5).add_(k).rsqrt_()
    return root.sqrt().mul_(root).mul_(y).permute(0, 3, 1, 2)


class Block(nn.Module):
    """One convolution with bias (or batch norm instead); what follows it depends on the block."""

    def __init__(self, inputs: int, plan: BlockPlan, norm: str, *, padding: int | None = None) -> None:
        super().__init__()
        padding = plan.kernel // 2 if padding is None else padding
        batch = norm == "batch"
        self.conv = nn.Conv2d(
            inputs, plan.channels, plan.kernel, plan.stride, padding, groups=plan.groups, bias=not batch
        )
        self.norm = nn.BatchNorm2d(plan.channels) if batch else None
        self._frozen: FrozenConv | None = None

    def freeze(self) -> None:
        """Prepare for inference; the weights must not change after it."""
        self._frozen = FrozenConv.of(self.conv, norm=self.norm)

    def forward(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """Convolve and normalise, then ReLU if asked."""
        if self._frozen is not None:
            return self._frozen(x, relu=relu)
        out: Tensor = self.conv(x)
        if self.norm is not None:
            out = self.norm(out)
        return F.relu(out, inplace=self.norm is not None) if relu else out


class PaddedAlexNet(nn.Module):
    """AlexNet with all paddings kept, so that feature cell i is centred on input pixel 8 i.

    271 x 271 pixels give 34 x 34 cells. Input is BGR less a mean, not scaled.

    Args:
        architecture: Its five blocks, and what normalises them.
    """

    stride = 8
    receptive_field = 87
    """Of conv5 in the released model; it fixes the number of cells that the coarse stage looks at."""

    def __init__(self, architecture: Architecture = SPM_ALEXNET) -> None:
        super().__init__()
        self.architecture = architecture
        inputs = 3
        for number, plan in enumerate(architecture.blocks, start=1):
            padding = 0 if number == 5 else None  # conv5 is padded where it is used, if at all
            self.add_module(f"conv{number}", Block(inputs, plan, architecture.norm, padding=padding))
            inputs = plan.channels

    def _conv5(self, x: Tensor) -> Tensor:
        out: Tensor = self._modules["conv5"](x, relu=True)  # type: ignore[misc]
        return out

    def _block(self, number: int, x: Tensor) -> Tensor:
        block = cast(Block, self._modules[f"conv{number}"])
        if not self.architecture.blocks[number - 1].pool:
            plain: Tensor = block(x, relu=True)
            return plain
        pooled = pool_relu(block(x))
        return local_response_norm(pooled) if self.architecture.norm == "lrn" else pooled

    def blocks(self, images: Tensor) -> Iterator[Tensor]:
        """Yield conv1 .. conv5 of B x 3 x H x W images (pooled blocks after pooling, ReLU and LRN)."""
        x = images.contiguous(memory_format=torch.channels_last)
        for number in range(1, 5):
            x = self._block(number, x)
            yield x
        yield self._conv5(F.pad(x, (1, 1, 1, 1)))

    def freeze(self) -> None:
        """Prepare for inference; the weights must not change after it."""
        for block in self.children():
            cast(Block, block).freeze()

    def forward(self, images: Tensor, central: int) -> Features:
        """Compute what the two stages need; the other blocks' outputs are let go at once.

        Args:
            images: B x 3 x H x W.
            central: Cells per side of conv5 that the coarse stage looks at; the others are never computed.
        """
        blocks = self.blocks(images)
        _, conv2, _, conv4 = (next(blocks) for _ in range(4))
        around = centre_crop(conv4, central + 2)  # what a 3 x 3 convolution of the centre reads
        return Features(conv2, conv4, self._conv5(around))


def pool_relu(x: Tensor) -> Tensor:
    """Max-pool 3 x 3 with stride 2 and padding 1, then ReLU (the two commute, and ReLU is cheaper after the pooling).

    Args:
        x: B x C x H x W.

    Returns:
        B x C x ceil(H / 2) x ceil(W / 2).
    """
    if x.is_cuda or torch.is_grad_enabled():
        return F.relu(F.max_pool2d(x, 3, stride=2, padding=1))
    # On a CPU two passes of plain maxima take a fifth of the time of torch's pooling, which also notes the indices.
    return _pool_along(_pool_along(x, 2), 3).clamp_(min=0)


def _pool_along(x: Tensor, dim: int) -> Tensor:
    even, odd = (x[:, :, part] if dim == 2 else x[:, :, :, part] for part in (slice(0, None, 2), slice(1, None, 2)))
    n, m = even.shape[dim], odd.shape[dim]
    out = even.clone() if m < n else torch.maximum(even, odd)
    if m < n:
        head = out.narrow(dim, 0, m)
        torch.maximum(head, odd, out=head)
    tail = out.narrow(dim, 1, n - 1)
    torch.maximum(tail, odd.narrow(dim, 0, n - 1), out=tail)
    return out


def unpadded_cells(pixels: int, receptive_field: int = PaddedAlexNet.receptive_field, stride: int = 8) -> int:
    """Cells a side would have without padding: 127 -> 6, 271 -> 24 for conv5."""
    return (pixels - receptive_field) // stride + 1


def centre_crop(features: Tensor, cells: int) -> Tensor:
    """Cut the central cells x cells of B x C x H x W; the start is rounded down."""
    top, left = (features.shape[2] - cells) // 2, (features.shape[3] - cells) // 2
    central = features[:, :, top : top + cells, left : left + cells]
    return central.contiguous(memory_format=torch.channels_last)
