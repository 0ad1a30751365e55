"""Fine matching (FM): a relation network on RoI features, a learned distance instead of cross-correlation.

Legend: B targets, K candidates per target, C channels of the joined features (conv4 and conv2, "C42", in the released
model: 384 + 256 = 640). RoIs have 6 x 6 cells.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spm_bench.geometry.crops import RoiSampling, crop_features
from spm_bench.models.architecture import SPM_ALEXNET, Architecture
from spm_bench.models.backbone import Features
from spm_bench.models.packed import FrozenConv, FrozenLinear, scale_and_shift
from spm_bench.models.precision import Arithmetic

ROI_CELLS = 6
"""Samples per side of a RoI feature."""


class RoiExtractor(nn.Module):
    """Batch norm on whole maps, then the RoI crop, so that samples outside the map are zero after normalisation."""

    def __init__(self, architecture: Architecture = SPM_ALEXNET) -> None:
        super().__init__()
        self.layers = architecture.fine_layers
        self.bn_list = nn.ModuleList(nn.BatchNorm2d(architecture.channels(layer)) for layer in self.layers)
        self._frozen: list[tuple[Tensor, Tensor]] | None = None

    def freeze(self) -> None:
        """Turn the batch norms into one factor and one summand per channel, for weights that no longer change."""
        self._frozen = [scale_and_shift(cast(nn.BatchNorm2d, norm)) for norm in self.bn_list]

    def normalise(self, features: Features) -> Tensor:
        """Normalise the layers' maps and join them: B x C x H x W, channels-last in memory."""
        maps = [cast(Tensor, getattr(features, layer)) for layer in self.layers]
        if self._frozen is None:
            return torch.cat([norm(m) for norm, m in zip(self.bn_list, maps, strict=True)], dim=1)
        B, _, H, W = maps[0].shape
        joined = maps[0].new_empty((B, H, W, sum(m.shape[1] for m in maps)))
        start = 0
        for (factor, summand), m in zip(self._frozen, maps, strict=True):
            part = joined[..., start : start + m.shape[1]]
            torch.addcmul(summand, m.permute(0, 2, 3, 1), factor, out=part)
            start += m.shape[1]
        return joined.permute(0, 3, 1, 2)

    def forward(
        self,
        features: Features,
        boxes: Tensor,
        stride: int,
        owner: Tensor | None = None,
        sampling: RoiSampling = "single",
    ) -> Tensor:
        """Cut B x K x 4 boxes (pixels of the network's input) out of the maps, or out of maps `owner` (B).

        Returns:
            (B * K) x C x 6 x 6.
        """
        cells = (boxes - features.roi_origin if features.roi_origin else boxes) / stride
        return crop_features(self.normalise(features), cells, ROI_CELLS, sampling, owner=owner)


class Relation(nn.Module):
    """Compare a template with candidates: one convolution on the joined features, then two linear layers."""

    def __init__(self, architecture: Architecture = SPM_ALEXNET) -> None:
        super().__init__()
        inputs = self.inputs = sum(architecture.channels(layer) for layer in architecture.fine_layers)
        channels, hidden = architecture.fine_channels, architecture.fine_hidden
        self._frozen: FrozenConv | None = None
        self._frozen_layers: list[FrozenLinear] = []
        self.roi_conv = nn.ModuleDict({"roi_conv0": nn.Conv2d(2 * inputs, channels, 3, padding=1)})
        self.linear_layers = nn.ModuleDict(
            {"linear0": nn.Linear(channels * ROI_CELLS**2, hidden), "linear1": nn.Linear(hidden, hidden)}
        )

    @property
    def _conv(self) -> nn.Conv2d:
        return cast(nn.Conv2d, self.roi_conv["roi_conv0"])

    def template_half(self, template: Tensor) -> Tensor:
        """The part of the convolution that depends on the template only, with the bias: B x 256 x 6 x 6."""
        return F.conv2d(template, self._conv.weight[:, : self.inputs], self._conv.bias, padding=1)

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Prepare the candidates' half for inference, weights as `dtype`; the weights must not change after it."""
        self._frozen = FrozenConv(self._conv.weight[:, self.inputs :], None, padding=1, dtype=dtype)
        linear = (cast(nn.Linear, layer) for layer in self.linear_layers.values())
        self._frozen_layers = [FrozenLinear(layer, dtype=dtype) for layer in linear]

    def forward(self, template_half: Tensor, candidates: Tensor) -> Tensor:
        """Compare template halves with (B * K) x 640 x 6 x 6 candidates: (B * K) x 256.

        B template halves have K candidates each; a single one (1 x 256 x 6 x 6) is compared with all candidates.
        """
        if self._frozen is not None:
            fused = self._frozen(candidates)
        else:
            fused = F.conv2d(candidates, self._conv.weight[:, self.inputs :], padding=1)
        B = len(template_half)
        fused = fused.reshape(B, -1, *fused.shape[1:]) + template_half[:, None]
        hidden = F.relu(fused, inplace=True).reshape(-1, fused.shape[2] * ROI_CELLS**2)
        if self._frozen is not None:
            for frozen in self._frozen_layers:
                hidden = frozen(hidden, relu=True)
            return hidden
        for layer in self.linear_layers.values():
            hidden = F.relu(layer(hidden), inplace=True)
        return hidden


class FineStage(nn.Module):
    """RoI features, relation network, and the two outputs."""

    def __init__(self, architecture: Architecture = SPM_ALEXNET) -> None:
        super().__init__()
        self.feat_extractor = RoiExtractor(architecture)
        self.siam_fusion = Relation(architecture)
        self.rcnn_cls = nn.Linear(architecture.fine_hidden, 2)
        self.rcnn_bbox = nn.Linear(architecture.fine_hidden, 4)
        self._frozen: tuple[FrozenLinear, FrozenLinear] | None = None
        self._arithmetic: Arithmetic = nullcontext

    def freeze(self, arithmetic: Arithmetic = nullcontext, dtype: torch.dtype | None = None) -> None:
        """Prepare for inference; the weights must not change after it.

        Args:
            arithmetic: Makes the context of all calls.
            dtype: Of the frozen weights, None for what they are.
        """
        self._arithmetic = arithmetic
        self._frozen = FrozenLinear(self.rcnn_cls, dtype=dtype), FrozenLinear(self.rcnn_bbox, dtype=dtype)
        self.feat_extractor.freeze()
        self.siam_fusion.freeze(dtype)

    def template_half(self, features: Features, boxes: Tensor, stride: int, sampling: RoiSampling = "single") -> Tensor:
        """The constant half of the fine stage for B targets, from their B x 4 boxes in the template image (pixels)."""
        with self._arithmetic():
            rois = self.feat_extractor(features, boxes[:, None], stride, sampling=sampling)
            half: Tensor = self.siam_fusion.template_half(rois)
        return half if self._frozen is None else half.float()

    def forward(
        self,
        features: Features,
        template_half: Tensor,
        boxes: Tensor,
        stride: int,
        owner: Tensor | None = None,
        sampling: RoiSampling = "single",
    ) -> tuple[Tensor, Tensor]:
        """Score and refine candidates.

        Args:
            features: Of B targets.
            template_half: B x 256 x 6 x 6, or one for all.
            boxes: B x K x 4 in the search frame.
            stride: Of the features.
            owner: With it boxes are R x K x 4, and R indices tell which of the B targets each row belongs to.
            sampling: How RoIs are cut, as in the template's half; see `spm_bench.geometry.crops.crop_features`.

        Returns:
            Class logits B x K x 2 and box deltas B x K x 4 (or R x K x ...), float32 when frozen.
        """
        if owner is not None and len(template_half) > 1:
            template_half = template_half[owner]
        rows, K = boxes.shape[:2]
        classes, moves = self._frozen or (self.rcnn_cls, self.rcnn_bbox)
        with self._arithmetic():
            hidden = self.siam_fusion(template_half, self.feat_extractor(features, boxes, stride, owner, sampling))
            logits, deltas = classes(hidden).reshape(rows, K, 2), moves(hidden).reshape(rows, K, 4)
        return (logits, deltas) if self._frozen is None else (logits.float(), deltas.float())
