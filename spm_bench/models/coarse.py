"""Coarse matching (CM): the SiamRPN structure with up-channel cross-correlation.

Legend: B targets, A anchors, C head channels, G cells per side of the response.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spm_bench.models.backbone import Features, PaddedAlexNet, unpadded_cells
from spm_bench.models.packed import FrozenConv


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

    def freeze(self) -> None:
        """Prepare for inference; the weights must not change after it."""
        cls_conv, bbox_conv = (cast(nn.Conv2d, branch[0]) for branch in (self.x_cls_conv, self.x_bbox_conv))
        self._frozen = FrozenConv.of(cls_conv), FrozenConv.of(bbox_conv)

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
    """Cross-correlate each target's search features with its own kernels, in one grouped convolution.

    Args:
        search: B x C x H x W.
        kernels: B x M x C x h x w.

    Returns:
        B x M x (H - h + 1) x (W - w + 1).
    """
    B, M = kernels.shape[:2]
    if B == 1:
        return F.conv2d(search, kernels[0])
    stacked = search.reshape(1, -1, *search.shape[-2:])
    response = F.conv2d(stacked, kernels.reshape(B * M, *kernels.shape[2:]), groups=B)
    return response.reshape(B, M, *response.shape[-2:])


class CoarseStage(nn.Module):
    """Backbone and coarse head; the backbone's features serve the fine stage too."""

    def __init__(self) -> None:
        super().__init__()
        self.z_net = PaddedAlexNet()
        self.rpn_head = CoarseHead()

    def freeze(self) -> None:
        """Prepare for inference; the weights must not change after it."""
        self.z_net.freeze()
        self.rpn_head.freeze()

    def features(self, images: Tensor, unpadded_size: int) -> Features:
        """Run the backbone on B x 3 x H x W images; conv5 has the cells of an unpadded image of that size."""
        features: Features = self.z_net(images, unpadded_cells(unpadded_size))
        return features

    def kernels(self, features: Features, class_scale: float, box_scale: float) -> CoarseKernels:
        """Correlation kernels from a template pass."""
        return self.rpn_head.kernels(features.conv5, class_scale, box_scale)

    def forward(self, features: Features, kernels: CoarseKernels) -> tuple[Tensor, Tensor]:
        """Match a search pass; see `CoarseHead.forward` for the shapes."""
        out: tuple[Tensor, Tensor] = self.rpn_head(features.conv5, kernels)
        return out
