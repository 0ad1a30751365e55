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
        stride, padding, groups, dilation: As in torch.
        dtype: What weights and bias are kept as, None for what they are. Only float32 is laid out for oneDNN; bfloat16
            is for calls under autocast, which then has nothing to convert.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        dilation: int = 1,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.weight = weight.detach().to(dtype or weight.dtype).contiguous(memory_format=torch.channels_last)
        self.bias = None if bias is None else bias.detach().to(dtype or bias.dtype)
        self.stride, self.padding, self.groups, self.dilation = stride, padding, groups, dilation
        self.packed = self._pack()

    @classmethod
    def of(cls, conv: nn.Conv2d, *, norm: nn.BatchNorm2d | None = None, dtype: torch.dtype | None = None) -> FrozenConv:
        """Freeze a module, together with the batch norm that follows it."""
        weight, bias = conv.weight.detach(), None if conv.bias is None else conv.bias.detach()
        if norm is not None:
            factor, summand = scale_and_shift(norm)
            weight = weight * factor[:, None, None, None]
            bias = summand if bias is None else bias * factor + summand
        padding, stride, dilation = cast(int, conv.padding[0]), conv.stride[0], conv.dilation[0]
        return cls(weight, bias, stride=stride, padding=padding, groups=conv.groups, dilation=dilation, dtype=dtype)

    def unpadded(self) -> FrozenConv:
        """The same convolution without padding, with a layout of its own."""
        return FrozenConv(self.weight, self.bias, stride=self.stride, groups=self.groups, dilation=self.dilation)

    def _pack(self) -> Tensor | None:
        usable = (
            self.weight.device.type == "cpu"
            and self.weight.dtype == torch.float32
            and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
            and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
            and hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
        )
        if not usable:
            return None
        padding, stride, dilation = ([n, n] for n in (self.padding, self.stride, self.dilation))
        return torch._C._nn.mkldnn_reorder_conv2d_weight(
            self.weight.to_mkldnn(), padding, stride, dilation, self.groups
        )

    def __call__(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """Convolve B x C x H x W, then ReLU if asked."""
        if self.packed is None:
            out = F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
            return F.relu(out, inplace=True) if relu else out
        padding, stride, dilation = ((n, n) for n in (self.padding, self.stride, self.dilation))
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.packed, self.bias, padding, stride, dilation, self.groups, "relu" if relu else "none", [], ""
        )
        return result


class FrozenLinear:
    """A linear layer whose weights no longer change, for inference.

    On a CPU it is a 1 x 1 convolution over an image of one line with a pixel per row: faster than torch's linear layer
    at the sizes used here, and a row's result does not depend on how many others are computed with it.
    """

    def __init__(self, linear: nn.Linear, *, dtype: torch.dtype | None = None) -> None:
        self.conv = FrozenConv(linear.weight.detach()[:, :, None, None], linear.bias, dtype=dtype)

    def __call__(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """R x inputs -> R x outputs, then ReLU if asked."""
        if self.conv.packed is None:
            out = F.linear(x, self.conv.weight[:, :, 0, 0], self.conv.bias)
            return F.relu(out, inplace=True) if relu else out
        return self.conv(x.t()[None, :, None], relu=relu)[0, :, 0].t()


def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The factor and the summand per channel that a batch norm comes to once its statistics no longer change."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    factor = norm.weight.detach() * (norm.running_var + norm.eps).rsqrt()
    return factor, norm.bias.detach() - norm.running_mean * factor
