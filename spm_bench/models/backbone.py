"""The padded AlexNet of the released SPM model, and narrower networks of the same build.

Legend: B images, H, W pixels. Module names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spm_bench.errors import UsageError
from spm_bench.models.architecture import SPM_ALEXNET, Architecture, BlockPlan
from spm_bench.models.grid import RECEPTIVE_FIELD, STRIDE, receptive_field, unpadded_cells
from spm_bench.models.packed import FrozenConv

__all__ = ["Features", "PaddedAlexNet", "centre_crop", "local_response_norm", "pool_relu", "unpadded_cells"]


class Features(NamedTuple):
    """The block outputs that the two stages use, channels-last in memory, stride 8.

    Under autocast they may be bfloat16.

    Attributes:
        conv2, conv4: For the fine stage, as many cells of each, one upon the other.
        conv5: For the coarse stage, the cells that are correlated.
        roi_origin: The pixel on which cell 0 of conv2 and conv4 is centred: 0 with padding, 35 without in the AlexNet.
            Cell i is taken to be centred on pixel 8 i + roi_origin.
    """

    conv2: Tensor
    conv4: Tensor
    conv5: Tensor
    roi_origin: float = 0


def local_response_norm(x: Tensor, alpha: float = 1e-4, k: float = 1.0) -> Tensor:
    """Divide by the energy of five neighbouring channels to the power 3/4 (AlexNet).

    Args:
        x: B x C x H x W.
        alpha: Weight of their summed squares, divided by 5 as in torch.
        k: Added before the power.

    Returns:
        B x C x H x W, equal to torch.nn.functional.local_response_norm within rounding.
    """
    if x.dtype == torch.bfloat16:  # of the sum 1 + energy too little would be left
        return local_response_norm(x.float(), alpha, k).to(x.dtype)
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
        self._frozen_unpadded: FrozenConv | None = None

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference, weights as `dtype`; the weights must not change after it."""
        self._frozen, self._frozen_unpadded = FrozenConv.of(self.conv, norm=self.norm, dtype=dtype), None

    def _without_padding(self) -> FrozenConv | None:
        """Made when it is first asked for: few runs need it, and it has a layout of its own in memory."""
        if self._frozen is not None and self._frozen_unpadded is None:
            self._frozen_unpadded = self._frozen.unpadded()
        return self._frozen_unpadded

    def forward(self, x: Tensor, *, relu: bool = False, padded: bool = True) -> Tensor:
        """Convolve and normalise, then ReLU if asked."""
        frozen = self._frozen if padded else self._without_padding()
        if frozen is not None:
            return frozen(x, relu=relu)
        conv = self.conv
        out: Tensor = conv(x) if padded else F.conv2d(x, conv.weight, conv.bias, conv.stride, 0, 1, conv.groups)
        if self.norm is not None:
            out = self.norm(out)
        return F.relu(out, inplace=self.norm is not None) if relu else out


class PaddedAlexNet(nn.Module):
    """AlexNet with all paddings kept, so that feature cell i is centred on input pixel 8 i; or, if asked, with none.

    271 x 271 pixels give 34 x 34 cells. Input is BGR less a mean, not scaled.

    Args:
        architecture: Its five blocks, and what normalises them.
    """

    stride = STRIDE
    receptive_field = RECEPTIVE_FIELD

    def __init__(self, architecture: Architecture = SPM_ALEXNET) -> None:
        super().__init__()
        self.architecture = architecture
        inputs = 3
        for number, plan in enumerate(architecture.blocks, start=1):
            padding = 0 if number == 5 else None  # conv5 is padded where it is used, if at all
            self.add_module(f"conv{number}", Block(inputs, plan, architecture.norm, padding=padding))
            inputs = plan.channels

    @property
    def largest_map(self) -> tuple[int, int]:
        """Channels and stride of the map that takes most memory."""
        first = self.architecture.blocks[0]
        return first.channels, first.stride

    def _conv5(self, x: Tensor) -> Tensor:
        out: Tensor = self._modules["conv5"](x, relu=self.architecture.last_relu)  # type: ignore[misc]
        return out

    def _block(self, number: int, x: Tensor, *, padded: bool) -> Tensor:
        block = cast(Block, self._modules[f"conv{number}"])
        if not self.architecture.blocks[number - 1].pool:
            plain: Tensor = block(x, relu=True, padded=padded)
            return plain
        pooled = pool_relu(block(x, padded=padded), padded=padded)
        return local_response_norm(pooled) if self.architecture.norm == "lrn" else pooled

    def blocks(self, images: Tensor, *, padded: bool = True) -> Iterator[Tensor]:
        """Yield conv1 .. conv5 of B x 3 x H x W images (pooled blocks after pooling, ReLU and LRN)."""
        x = images.contiguous(memory_format=torch.channels_last)
        for number in range(1, 5):
            x = self._block(number, x, padded=padded)
            yield x
        yield self._conv5(F.pad(x, (1, 1, 1, 1)) if padded else x)

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference, weights as `dtype`; the weights must not change after it."""
        for block in self.children():
            cast(Block, block).freeze(dtype)

    def first_blocks(self, count: int) -> list[Block]:
        """The first `count` blocks, from the input on."""
        return [cast(Block, self._modules[f"conv{number}"]) for number in range(1, count + 1)]

    def forward(self, images: Tensor, central: int | None, *, padded: bool = True) -> Features:
        """Compute what the two stages need; the other blocks' outputs are let go at once.

        Args:
            images: B x 3 x S x S.
            central: Cells per side of conv5 that the coarse stage looks at (others are never computed), or None: all.
            padded: Whether every layer is padded by half its kernel.

        Raises:
            UsageError: The images are too small to have `central` cells.
        """
        pixels = images.shape[-1]
        there = -(-pixels // STRIDE) if padded else unpadded_cells(pixels, receptive_field(self.architecture, 4))
        if there < (3 if central is None else central + 2):
            raise UsageError(f"images of {pixels} pixels are too small for {self.architecture.name}, padded {padded}")
        blocks = self.blocks(images, padded=padded)
        _, conv2, _, conv4 = (next(blocks) for _ in range(4))
        if central is None:
            return Features(conv2, conv4, next(blocks), self._padded_origin(pixels, conv4))
        conv5 = self._conv5(centre_crop(conv4, central + 2))  # what a 3 x 3 convolution of the centre reads
        if padded:
            return Features(conv2, conv4, conv5, self._padded_origin(pixels, conv4))
        origin = (receptive_field(self.architecture, 4) - 1) // 2
        return Features(centre_crop(conv2, conv4.shape[-1]), conv4, conv5, origin)

    def _padded_origin(self, pixels: int, cells: Tensor) -> float:
        return (pixels - 1 - STRIDE * (cells.shape[-1] - 1)) / 2 if self.architecture.fine_centred else 0


def pool_relu(x: Tensor, *, padded: bool = True) -> Tensor:
    """Max-pool 3 x 3 with stride 2, then ReLU (the two commute, and ReLU is cheaper after the pooling).

    Args:
        x: B x C x H x W.
        padded: By 1 on each side, or not at all.

    Returns:
        B x C x ceil(H / 2) x ceil(W / 2); without padding floor((H - 1) / 2) x floor((W - 1) / 2).
    """
    if x.is_cuda or torch.is_grad_enabled():
        return F.relu(F.max_pool2d(x, 3, stride=2, padding=int(padded)))
    # On a CPU two passes of plain maxima take a fifth of the time of torch's pooling, which also notes the indices.
    along = _pool_along if padded else _pool_inside
    return along(along(x, 2), 3).clamp_(min=0)


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


def _pool_inside(x: Tensor, dim: int) -> Tensor:
    n = (x.shape[dim] - 1) // 2
    even, odd = (x[:, :, part] if dim == 2 else x[:, :, :, part] for part in (slice(0, None, 2), slice(1, None, 2)))
    out = torch.maximum(even.narrow(dim, 0, n), odd.narrow(dim, 0, n))
    return torch.maximum(out, even.narrow(dim, 1, n), out=out)


def centre_crop(features: Tensor, cells: int) -> Tensor:
    """Cut the central cells x cells of B x C x H x W; the start is rounded down."""
    top, left = (features.shape[2] - cells) // 2, (features.shape[3] - cells) // 2
    central = features[:, :, top : top + cells, left : left + cells]
    return central.contiguous(memory_format=torch.channels_last)
