"""The padded, grouped AlexNet of the released SPM model.

Legend: B images, H, W pixels. Module names are the checkpoint's.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Features(NamedTuple):
    """Block outputs of one pass, channels-last in memory. Strides 4 (conv1) and 8; conv1 and conv2 after LRN."""

    conv1: Tensor
    conv2: Tensor
    conv3: Tensor
    conv4: Tensor
    conv5: Tensor


def local_response_norm(x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide by a power of the energy of neighbouring channels (AlexNet), without the 3-D pooling of torch's own.

    Args:
        x: B x C x H x W.
        size: Odd number of neighbouring channels.
        alpha: Weight of their summed squares, divided by `size` as in torch.
        beta: Exponent.
        k: Added before the power.

    Returns:
        B x C x H x W, equal to torch.nn.functional.local_response_norm within rounding.
    """
    energy = F.pad(x.square(), (0, 0, 0, 0, size // 2, size // 2))
    channels = x.shape[1]
    total = energy[:, :channels].clone()
    for shift in range(1, size):
        total += energy[:, shift : shift + channels]
    return x * total.mul_(alpha / size).add_(k).pow_(-beta)


class Block(nn.Module):
    """One convolution with bias; what follows it depends on the block and is written in the backbone."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve only."""
        out: Tensor = self.conv(x)
        return out


class PaddedAlexNet(nn.Module):
    """AlexNet with all paddings kept, so that feature cell i is centred on input pixel 8 i.

    271 x 271 pixels give 34 x 34 cells (68 x 68 for conv1). Normalised BGR input, no batch norm.
    """

    stride = 8
    receptive_field = 87

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Block(3, 96, 11, stride=2)
        self.conv2 = Block(96, 256, 5, groups=2)
        self.conv3 = Block(256, 384, 3)
        self.conv4 = Block(384, 384, 3, groups=2)
        self.conv5 = Block(384, 256, 3, groups=2)

    def forward(self, images: Tensor) -> Features:
        """Compute all blocks of B x 3 x H x W images."""
        conv1 = local_response_norm(_pool_relu(self.conv1(images.contiguous(memory_format=torch.channels_last))))
        conv2 = local_response_norm(_pool_relu(self.conv2(conv1)))
        conv3 = F.relu(self.conv3(conv2), inplace=True)
        conv4 = F.relu(self.conv4(conv3), inplace=True)
        conv5 = F.relu(self.conv5(conv4), inplace=True)
        return Features(conv1, conv2, conv3, conv4, conv5)


def _pool_relu(x: Tensor) -> Tensor:
    # Max and ReLU commute, and ReLU is four times cheaper after the pooling.
    return F.relu(F.max_pool2d(x, 3, stride=2, padding=1), inplace=True)


def unpadded_cells(pixels: int, receptive_field: int = PaddedAlexNet.receptive_field, stride: int = 8) -> int:
    """Cells a side would have without padding: 127 -> 6, 271 -> 24 for conv5."""
    return (pixels - receptive_field) // stride + 1


def centre_crop(features: Tensor, cells: int) -> Tensor:
    """Cut the central cells x cells of B x C x H x W; the start is rounded down."""
    top, left = (features.shape[2] - cells) // 2, (features.shape[3] - cells) // 2
    return features[:, :, top : top + cells, left : left + cells]
