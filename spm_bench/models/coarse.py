"""Coarse matching (CM): the SiamRPN structure, with up-channel or depth-wise cross-correlation; or SiamFC's, no boxes.

Legend: B targets, A anchors, C head channels, G cells per side of the response.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spm_bench.models.architecture import SPM_ALEXNET, Architecture
from spm_bench.models.backbone import Features, PaddedAlexNet
from spm_bench.models.grid import MOBILENET_TEMPLATE, Padding, unpadded_cells
from spm_bench.models.mobilenet import MobileNetV2
from spm_bench.models.packed import FrozenConv
from spm_bench.models.precision import Arithmetic


class CoarseKernels(NamedTuple):
    """What the template becomes in the coarse stage: correlation kernels, B x 2A x C x 4 x 4 and B x 4A x C x 4 x 4."""

    classes: Tensor
    boxes: Tensor


class CoarseHead(nn.Module):
    """Class and box branches on centre-cropped conv5 features."""

    def __init__(self, anchors: int = 5, inputs: int = 256, channels: int = 256) -> None:
        super().__init__()
        self.anchors, self.channels = anchors, channels
        self.cls_bias = nn.Parameter(torch.zeros(1, 2 * anchors, 1, 1), requires_grad=False)
        self.z_cls_conv = nn.Conv2d(inputs, channels * 2 * anchors, 3)
        self.z_bbox_conv = nn.Conv2d(inputs, channels * 4 * anchors, 3)
        self.x_cls_conv = nn.Sequential(nn.Conv2d(inputs, channels, 3))
        self.x_bbox_conv = nn.Sequential(nn.Conv2d(inputs, channels, 3))
        self.bbox_refine = nn.Conv2d(4 * anchors, 4 * anchors, 1)
        self._frozen: tuple[FrozenConv, FrozenConv] | None = None

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference, weights as `dtype`; the weights must not change after it."""
        cls_conv, bbox_conv = (cast(nn.Conv2d, branch[0]) for branch in (self.x_cls_conv, self.x_bbox_conv))
        self._frozen = FrozenConv.of(cls_conv, dtype=dtype), FrozenConv.of(bbox_conv, dtype=dtype)

    def kernels(self, template: Tensor, class_scale: float, box_scale: float) -> CoarseKernels:
        """Turn B x 256 x 6 x 6 template features into correlation kernels.

        Args:
            template: Centre crop of conv5.
            class_scale: Factor on the class kernels (1e-3 in the released model: up-channel sums are large).
            box_scale: Factor on the box kernels.
        """
        classes, boxes = self.z_cls_conv(template), self.z_bbox_conv(template)
        shape = (len(template), -1, self.channels, *classes.shape[-2:])
        return CoarseKernels(classes.reshape(shape) * class_scale, boxes.reshape(shape) * box_scale)

    def forward(self, search: Tensor, kernels: CoarseKernels) -> tuple[Tensor, Tensor]:
        """Match B x 256 x 24 x 24 search features.

        Returns:
            Class logits B x 2A x G x G (channel = class * A + anchor, class 1 is the target) and deltas B x 4A x G x G
            (channel = anchor * 4 + (dx, dy, dw, dh)).
        """
        x_cls, x_bbox = self._frozen or (self.x_cls_conv, self.x_bbox_conv)
        logits = correlate(x_cls(search), kernels.classes) + self.cls_bias
        deltas = self.bbox_refine(correlate(x_bbox(search), kernels.boxes))
        return logits, deltas


def correlate(search: Tensor, kernels: Tensor) -> Tensor:
    """Cross-correlate each target's search features with its own kernels.

    Args:
        search: B x C x H x W.
        kernels: B x M x C x h x w, or 1 x ... for all targets.

    Returns:
        B x M x (H - h + 1) x (W - w + 1).
    """
    B, M = kernels.shape[:2]
    if B == 1:
        return F.conv2d(search, kernels[0])
    if search.device.type == "cpu" and not torch.is_grad_enabled():
        # As fast as one grouped convolution, and the same bits whatever else is in the batch.
        return torch.cat([F.conv2d(search[b : b + 1], kernels[b]) for b in range(B)])
    stacked = search.reshape(1, -1, *search.shape[-2:])
    response = F.conv2d(stacked, kernels.reshape(B * M, *kernels.shape[2:]), groups=B)
    return response.reshape(B, M, *response.shape[-2:])


class DepthwiseKernels(NamedTuple):
    """Template kernels of the depth-wise head, B x C x 4 x 4 for the classes and for the boxes."""

    classes: Tensor
    boxes: Tensor


class DepthwiseHead(nn.Module):
    """Class and box branches that correlate channel by channel and mix the channels afterwards (SiamRPN++)."""

    def __init__(self, anchors: int = 5, inputs: int = 96, channels: int = 64, groups: int = 1) -> None:
        super().__init__()

        def branch(inputs: int, kernel: int) -> NormedConv:
            return NormedConv(inputs, channels, kernel, groups=groups)

        self.z_cls_conv, self.z_bbox_conv = branch(inputs, 3), branch(inputs, 3)
        self.x_cls_conv, self.x_bbox_conv = branch(inputs, 3), branch(inputs, 3)
        self.cls_mix, self.bbox_mix = branch(channels, 1), branch(channels, 1)
        self.cls_out = nn.Conv2d(channels, 2 * anchors, 1)
        self.bbox_out = nn.Conv2d(channels, 4 * anchors, 1)

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference, weights as `dtype`; the weights must not change after it."""
        for part in self.children():
            if isinstance(part, NormedConv):
                part.freeze(dtype)

    def kernels(self, template: Tensor, class_scale: float, box_scale: float) -> DepthwiseKernels:
        """Turn B x inputs x 6 x 6 template features into correlation kernels; the factors are 1 in trained networks."""
        return DepthwiseKernels(self.z_cls_conv(template) * class_scale, self.z_bbox_conv(template) * box_scale)

    def forward(self, search: Tensor, kernels: DepthwiseKernels) -> tuple[Tensor, Tensor]:
        """Match B x inputs x 24 x 24 search features; outputs as in `CoarseHead.forward`."""
        classes = correlate_depthwise(self.x_cls_conv(search), kernels.classes)
        boxes = correlate_depthwise(self.x_bbox_conv(search), kernels.boxes)
        return self.cls_out(self.cls_mix(classes)), self.bbox_out(self.bbox_mix(boxes))


class CorrelationKernels(NamedTuple):
    """Template kernel of the correlation head: B x C x 4 x 4, and nothing for boxes (B x 0)."""

    classes: Tensor
    boxes: Tensor


class CorrelationHead(nn.Module):
    """One score per cell: the inner product of template and search cells under one embedding (SiamFC).

    The embedding's last layer is a convolution without ReLU, the same for template and search; the correlation is
    averaged over its terms, so that its size does not depend on the number of channels, then scaled and shifted, as in
    the authors' code (their "adjust" layer).

    Args:
        inputs: Of the embedding.
        channels: That are correlated.
        embedding: Whether there is one; without it the backbone's last layer is the embedding's.
    """

    def __init__(self, inputs: int = 96, channels: int = 64, *, embedding: bool = True) -> None:
        super().__init__()
        self.embed = NormedConv(inputs, channels, 3, relu=False) if embedding else nn.Identity()
        self.gain, self.bias = nn.Parameter(torch.full((1,), FIRST_GAIN)), nn.Parameter(torch.zeros(1))

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference, weights as `dtype`; the weights must not change after it."""
        if isinstance(self.embed, NormedConv):
            self.embed.freeze(dtype)

    def kernels(self, template: Tensor, class_scale: float, box_scale: float) -> CorrelationKernels:  # noqa: ARG002
        """Turn B x inputs x 6 x 6 template features into correlation kernels; the factors belong to other heads."""
        embedded = self.embed(template)
        return CorrelationKernels(embedded, embedded.new_empty((len(embedded), 0)))

    def forward(self, search: Tensor, kernels: CorrelationKernels) -> tuple[Tensor, Tensor]:
        """Match B x inputs x 24 x 24 search features: logits B x 1 x G x G, and no deltas (B x 0 x G x G)."""
        products = correlate_depthwise(self.embed(search), kernels.classes)
        terms = products.shape[1] * kernels.classes.shape[-1] * kernels.classes.shape[-2]
        logits = products.float().sum(1, keepdim=True) * (self.gain / terms) + self.bias
        return logits, logits.new_empty((len(logits), 0, *logits.shape[-2:]))


FIRST_GAIN = 10.0
"""Of an untrained correlation head: embeddings of unit variance that agree come to this logit."""


class NormedConv(nn.Module):
    """Convolution without padding, batch norm, ReLU (unless it is left out)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, relu: bool = True, groups: int = 1) -> None:
        super().__init__()
        self.relu = relu
        self.conv = nn.Conv2d(inputs, outputs, kernel, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self._frozen: FrozenConv | None = None

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Fold the batch norm into the convolution, weights as `dtype`; the weights must not change after it."""
        self._frozen = FrozenConv.of(self.conv, norm=self.norm, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        """B x inputs x H x W -> B x outputs x (H - k + 1) x (W - k + 1)."""
        if self._frozen is not None:
            return self._frozen(x, relu=self.relu)
        out: Tensor = self.norm(self.conv(x))
        return F.relu(out, inplace=True) if self.relu else out


def correlate_depthwise(search: Tensor, kernels: Tensor) -> Tensor:
    """Cross-correlate every channel of every target with its own kernel.

    Args:
        search: B x C x H x W.
        kernels: B x C x h x w, or 1 x C x h x w for all targets.

    Returns:
        B x C x (H - h + 1) x (W - w + 1).
    """
    if torch.is_grad_enabled() and (search.requires_grad or kernels.requires_grad):
        response: Tensor = _ShiftedCorrelation.apply(search, kernels)  # type: ignore[no-untyped-call]
        return response
    B, C = kernels.shape[:2]
    if B == 1:
        return F.conv2d(search, kernels[0][:, None], groups=C)
    stacked = search.reshape(1, B * C, *search.shape[-2:])
    flat = F.conv2d(stacked, kernels.reshape(B * C, 1, *kernels.shape[-2:]), groups=B * C)
    return flat.reshape(B, C, *flat.shape[-2:])


class _ShiftedCorrelation(torch.autograd.Function):
    """The same as a sum over shifts: torch's gradient of a convolution with B * C groups is many times slower."""

    @staticmethod
    def forward(ctx: Any, search: Tensor, kernels: Tensor) -> Tensor:
        ctx.save_for_backward(search, kernels)
        (H, W), (h, w) = search.shape[-2:], kernels.shape[-2:]
        rows, columns = H - h + 1, W - w + 1
        out = search[:, :, :rows, :columns] * kernels[:, :, :1, :1]
        for i, j in _shifts(h, w):
            out.addcmul_(search[:, :, i : i + rows, j : j + columns], kernels[:, :, i : i + 1, j : j + 1])
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        (grad,), (search, kernels) = grads, ctx.saved_tensors
        rows, columns = grad.shape[-2:]
        for_search, for_kernels = torch.zeros_like(search), torch.empty_like(kernels)
        h, w = kernels.shape[-2:]
        for i, j in [(0, 0), *_shifts(h, w)]:
            part = (slice(None), slice(None), slice(i, i + rows), slice(j, j + columns))
            for_search[part].addcmul_(grad, kernels[:, :, i : i + 1, j : j + 1])
            for_kernels[:, :, i, j] = (grad * search[part]).sum((-1, -2))
        return for_search, for_kernels


def _shifts(h: int, w: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(h) for j in range(w) if i or j]


Kernels = CoarseKernels | DepthwiseKernels | CorrelationKernels
"""A head's template kernels; all have `classes` and `boxes`."""


def _head(architecture: Architecture) -> CoarseHead | DepthwiseHead | CorrelationHead:
    inputs, channels = architecture.channels("conv5"), architecture.head_channels
    if architecture.head == "correlation":
        return CorrelationHead(inputs, channels, embedding=architecture.embedding)
    if architecture.head == "depthwise":
        return DepthwiseHead(inputs=inputs, channels=channels, groups=architecture.head_groups)
    return CoarseHead(inputs=inputs, channels=channels)


class CoarseStage(nn.Module):
    """Backbone and coarse head; the backbone's features serve the fine stage too."""

    def __init__(self, architecture: Architecture = SPM_ALEXNET) -> None:
        super().__init__()
        self.z_net = (PaddedAlexNet if architecture.backbone == "blocks" else MobileNetV2)(architecture)
        self._own_grid = architecture.backbone == "mobilenet_v2"
        self.rpn_head = _head(architecture)
        self._arithmetic: Arithmetic = nullcontext
        self._is_frozen = False

    def freeze(self, arithmetic: Arithmetic = nullcontext, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference; the weights must not change after it.

        Args:
            arithmetic: Makes the context of all calls.
            dtype: Of the frozen weights, None for what they are.
        """
        self._arithmetic, self._is_frozen = arithmetic, True
        self.z_net.freeze(dtype)
        self.rpn_head.freeze(dtype)

    def features(self, images: Tensor, unpadded_size: int, padding: Padding = "cropped") -> Features:
        """Run the backbone on search images.

        Args:
            images: B x 3 x S x S.
            unpadded_size: S; conv5 has the cells that the released backbone would have without padding for that size.
            padding: "full" gives all padded cells of conv5 instead, "none" runs the backbone without padding. See
                `spm_bench.models.grid`.

        Raises:
            UsageError: The images are too small.
        """
        central = None if padding == "full" or self._own_grid else unpadded_cells(unpadded_size)
        return self._run(images, central, padding)

    def template_features(self, images: Tensor, template_size: int, padding: Padding = "cropped") -> Features:
        """Run the backbone on template images, from which the middle cells are always cut ("full" counts as "cropped").

        Args:
            images: B x 3 x S x S; S may be `template_size`, or more to have real surroundings.
            template_size: Pixels that count for the kernel: 127 gives 6 x 6 cells of conv5.
            padding: As for `features`.

        Raises:
            UsageError: The images are too small.
        """
        central = MOBILENET_TEMPLATE if self._own_grid else unpadded_cells(template_size)
        return self._run(images, central, padding)

    def _run(self, images: Tensor, central: int | None, padding: Padding) -> Features:
        with self._arithmetic():
            features: Features = self.z_net(images, central, padded=padding != "none")
        return features

    def kernels(self, features: Features, class_scale: float, box_scale: float) -> Kernels:
        """Correlation kernels from a template pass, float32 when frozen."""
        with self._arithmetic():
            kernels: Kernels = self.rpn_head.kernels(features.conv5, class_scale, box_scale)
        return type(kernels)(*map(self._single, kernels))

    def forward(self, features: Features, kernels: Kernels) -> tuple[Tensor, Tensor]:
        """Match a search pass; see `CoarseHead.forward` for the shapes. Float32 when frozen."""
        return self.match(features.conv5, kernels)

    def match(self, cells: Tensor, kernels: Kernels) -> tuple[Tensor, Tensor]:
        """The same for conv5 alone, which is all that the head looks at."""
        with self._arithmetic():
            logits, deltas = self.rpn_head(cells, kernels)
        return self._single(logits), self._single(deltas)

    def _single(self, x: Tensor) -> Tensor:
        """Float32 of what autocast may have given; in training it is left as it is."""
        return x.float() if self._is_frozen else x
