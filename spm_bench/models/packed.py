"""Convolutions with frozen weights: on a CPU, laid out once for oneDNN instead of at every call.

oneDNN wants weights in blocks of its own; plain ones are rearranged at each call, 25 MB per step of SPM. The outputs
are the same bits. The operator is not part of torch's documented interface, so its absence only costs speed.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FrozenConv:
    """A convolution whose weights no longer change, for inference.

    Args:
        weight: Output x input / groups x k x k.
        bias: Output, or None.
        stride, padding, groups: As in torch.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, *, stride: int = 1, padding: int = 0, groups: int = 1
    ) -> None:
        self.weight = weight.detach().contiguous(memory_format=torch.channels_last)
        self.bias = None if bias is None else bias.detach()
        self.stride, self.padding, self.groups = stride, padding, groups
        self.packed = self._pack()

    @classmethod
    def of(cls, conv: nn.Conv2d, *, padding: int | None = None) -> FrozenConv:
        """Freeze a module; `padding` overrides its own."""
        own = cast(int, conv.padding[0]) if padding is None else padding
        return cls(conv.weight, conv.bias, stride=conv.stride[0], padding=own, groups=conv.groups)

    def _pack(self) -> Tensor | None:
        usable = (
            self.weight.device.type == "cpu"
            and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
            and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
            and hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
        )
        if not usable:
            return None
        padding, stride, dilation = ([n, n] for n in (self.padding, self.stride, 1))
        return torch._C._nn.mkldnn_reorder_conv2d_weight(
            self.weight.to_mkldnn(), padding, stride, dilation, self.groups
        )

    def __call__(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """Convolve B x C x H x W, then ReLU if asked."""
        if self.packed is None:
            out = F.conv2d(x, self.weight, self.bias, self.stride, self.padding, 1, self.groups)
            return F.relu(out, inplace=True) if relu else out
        padding, stride, dilation = ((n, n) for n in (self.padding, self.stride, 1))
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.packed, self.bias, padding, stride, dilation, self.groups, "relu" if relu else "none", [], ""
        )
        return result
