"""DaSiamRPN's released models (github.com/foolwood/DaSiamRPN: SiamRPNVOT, SiamRPNOTB, SiamRPNBIG).

Their network: PySOT's AlexNet, in the large model with twice the channels, and SiamRPN's up-channel correlation without
any factor. Images are BGR from 0 to 255, nothing subtracted. Box deltas have the order coordinate * A + anchor. The
models for VOT and OTB have the same shapes, so the settings are those for OTB; the trackers' variant "vot" has the
others. The large model looks at 287 pixels where the target is small; here it always looks at 271.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from spm_bench.models.architecture import Architecture
from spm_bench.models.published import pysot
from spm_bench.models.published.layout import (
    Layers,
    Layout,
    State,
    backbone,
    by_anchor,
    conv,
    convert_backbone,
    renamed,
)

ANCHORS = pysot.ANCHORS
LAYERS: Layers = tuple((f"featureExtract.{place}", f"featureExtract.{place + 1}") for place in (0, 4, 8, 11, 14))

_BASE = {**pysot.SETTINGS, "search_size": 271}
_OTB = {**_BASE, "penalty": 0.22, "window_weight": 0.40, "size_rate": 0.30}
_BIG = {**_BASE, "penalty": 0.055, "window_weight": 0.42, "size_rate": 0.295}


def _architecture(name: str, wider: int) -> Architecture:
    return replace(
        pysot.ARCHITECTURE,
        name=name,
        blocks=tuple(replace(block, channels=wider * block.channels) for block in pysot.BLOCKS),
        head="up_channel",
        head_channels=wider * 256,
    )


def _convert(state: State) -> dict[str, Tensor]:
    made = convert_backbone(state, LAYERS, eps=pysot.EPS)
    for theirs, ours in (
        ("conv_cls1", "z_cls_conv"),
        ("conv_cls2", "x_cls_conv.0"),
        ("conv_r1", "z_bbox_conv"),
        ("conv_r2", "x_bbox_conv.0"),
        ("regress_adjust", "bbox_refine"),
    ):
        made |= renamed(state, theirs, f"cm.rpn_head.{ours}")
    for part in ("weight", "bias"):
        made[f"cm.rpn_head.bbox_refine.{part}"] = by_anchor(made[f"cm.rpn_head.bbox_refine.{part}"])
    return {**made, "cm.rpn_head.cls_bias": torch.zeros(1, 2 * ANCHORS, 1, 1)}


def _layout(name: str, architecture: Architecture, settings: dict[str, object]) -> Layout:
    inputs, hidden = architecture.channels("conv5"), architecture.head_channels
    shapes = {
        **backbone(LAYERS, architecture.blocks),
        **conv("conv_cls1", 2 * ANCHORS * hidden, inputs, 3),
        **conv("conv_cls2", hidden, inputs, 3),
        **conv("conv_r1", 4 * ANCHORS * hidden, inputs, 3),
        **conv("conv_r2", hidden, inputs, 3),
        **conv("regress_adjust", 4 * ANCHORS, 4 * ANCHORS, 1),
    }
    return Layout(name, shapes, architecture, _convert, settings)


LAYOUTS = (
    _layout("DaSiamRPN SiamRPNVOT or SiamRPNOTB", _architecture("dasiamrpn_alexnet", 1), _OTB),
    _layout("DaSiamRPN SiamRPNBIG", _architecture("dasiamrpn_big", 2), _BIG),
)
