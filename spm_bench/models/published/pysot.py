"""SiamRPN with depth-wise correlation of PySOT (github.com/STVIR/pysot), with AlexNet and with MobileNetV2.

siamrpn_alex_dwxcorr and its _otb: five convolutions without padding and without groups, each with batch norm, 3 x 3
maxima after the first two, ReLU after all but the fifth; two branches of the depth-wise head. "Legacy" and new backbone
are the same network under two namings. Images are BGR from 0 to 255, nothing subtracted. Box deltas have the order
coordinate * A + anchor. Constants are those of the experiment's configuration; both models have the same.

siamrpn_mobilev2_l234_dwxcorr: see `spm_bench.models.mobilenet`. Each of three layers is brought to 256 channels and has
a head of its own, whose maps are averaged: one head on the layers side by side, in groups, the last layers' weights
divided by 3. Files with learned weights of the layers instead of the mean are read as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from spm_bench.models.architecture import SPM_ALEXNET, Architecture, BlockPlan
from spm_bench.models.mobilenet import ADJUSTED, STEM, USED, WIDTH, plan
from spm_bench.models.published.layout import (
    COUNTER,
    Layers,
    Layout,
    Shapes,
    State,
    backbone,
    by_anchor,
    conv,
    convert_backbone,
    folded,
    norm,
    renamed,
)

BLOCKS = tuple(BlockPlan(b.channels, b.kernel, b.stride, pool=b.pool) for b in SPM_ALEXNET.blocks)
"""AlexNet in one tower."""

ARCHITECTURE = Architecture(
    "siamrpn_alex_dwxcorr",
    BLOCKS,
    norm="none",
    head="depthwise",
    head_channels=256,
    last_relu=False,
    fine_layers=(),
    settings={"class_scale": 1.0, "box_scale": 1.0},
)
SETTINGS = {
    "template_size": 127,
    "search_size": 287,
    "wide_template": False,
    "backbone_padding": "none",
    "context": 0.5,
    "mean_bgr": (0.0, 0.0, 0.0),
    "anchor_sizes": "truncated",
    "anchor_ratios": (0.33, 0.5, 1.0, 2.0, 3.0),
    "anchor_scales": (8.0,),
    "penalty": 0.16,
    "window_weight": 0.40,
    "size_rate": 0.30,
    "min_size": 10.0,
}
EPS = 1e-5
"""Of its batch norms, torch's default."""
ANCHORS = 5

LEGACY: Layers = tuple((f"backbone.features.{place}", f"backbone.features.{place + 1}") for place in (0, 4, 8, 11, 14))
LAYERED: Layers = tuple((f"backbone.layer{number}.0", f"backbone.layer{number}.1") for number in range(1, 6))


def head_shapes(prefix: str, inputs: int = 256, hidden: int = 256) -> Shapes:
    """Parameters of PySOT's depth-wise head, its class and its box branch."""
    shapes: Shapes = {}
    for branch, outputs in (("cls", 2 * ANCHORS), ("loc", 4 * ANCHORS)):
        for side in ("conv_kernel", "conv_search"):
            shapes |= conv(f"{prefix}.{branch}.{side}.0", hidden, inputs, 3, bias=False)
            shapes |= norm(f"{prefix}.{branch}.{side}.1", hidden)
        shapes |= conv(f"{prefix}.{branch}.head.0", hidden, hidden, 1, bias=False)
        shapes |= norm(f"{prefix}.{branch}.head.1", hidden)
        shapes |= conv(f"{prefix}.{branch}.head.3", outputs, hidden, 1)
    return shapes


def convert_head(state: State, prefix: str, own: str) -> dict[str, Tensor]:
    """That head in our names."""
    made: dict[str, Tensor] = {}
    for branch, ours in (("cls", "cls"), ("loc", "bbox")):
        for part, name in (
            ("conv_kernel", f"z_{ours}_conv"),
            ("conv_search", f"x_{ours}_conv"),
            ("head", f"{ours}_mix"),
        ):
            made |= renamed(state, f"{prefix}.{branch}.{part}.0", f"{own}.{name}.conv")
            made |= renamed(state, f"{prefix}.{branch}.{part}.1", f"{own}.{name}.norm")
        made |= renamed(state, f"{prefix}.{branch}.head.3", f"{own}.{ours}_out")
    for part in ("weight", "bias"):
        made[f"{own}.bbox_out.{part}"] = by_anchor(made[f"{own}.bbox_out.{part}"])
    return made


def _convert(layers: Layers, state: State) -> dict[str, Tensor]:
    return {**convert_backbone(state, layers, eps=EPS), **convert_head(state, "rpn_head", "cm.rpn_head")}


ALEXNET = tuple(
    Layout(
        name, {**backbone(layers, BLOCKS), **head_shapes("rpn_head")}, ARCHITECTURE, partial(_convert, layers), SETTINGS
    )
    for name, layers in (
        ("PySOT siamrpn_alex_dwxcorr", LEGACY),
        ("PySOT siamrpn_alex_dwxcorr with the newer AlexNet", LAYERED),
    )
)

MOBILE = Architecture(
    "siamrpn_mobilev2_l234_dwxcorr",
    backbone="mobilenet_v2",
    norm="none",
    head="depthwise",
    head_channels=len(USED) * ADJUSTED,
    head_groups=len(USED),
    fine_layers=(),
    settings=ARCHITECTURE.settings,
)
MOBILE_SETTINGS = {**SETTINGS, "search_size": 255, "penalty": 0.04, "window_weight": 0.40, "size_rate": 0.50}


def _mobile_convs() -> Iterator[tuple[str, str, str, tuple[int, int, int]]]:
    """Every convolution of backbone and neck: its name, its batch norm's, ours; outputs, inputs of a group, kernel."""
    yield "backbone.layer0.0", "backbone.layer0.1", "stem", (int(STEM * WIDTH), 3, 3)
    for number, rows in enumerate(plan()):
        for place, one in enumerate(rows):
            theirs, ours = f"backbone.layer{number + 1}.{place}.conv", f"stages.{number}.{place}"
            yield f"{theirs}.0", f"{theirs}.1", f"{ours}.expand", (one.hidden, one.inputs, 1)
            yield f"{theirs}.3", f"{theirs}.4", f"{ours}.middle", (one.hidden, 1, 3)
            yield f"{theirs}.6", f"{theirs}.7", f"{ours}.project", (one.outputs, one.hidden, 1)
    for place, stage in enumerate(USED):
        neck = f"neck.downsample{place + 2}.downsample"
        yield f"{neck}.0", f"{neck}.1", f"adjust.{place}", (ADJUSTED, plan()[stage - 1][-1].outputs, 1)


def _mobile_shapes(*, weighted: bool) -> Shapes:
    shapes: Shapes = {}
    for theirs, norm_name, _, (outputs, inputs, kernel) in _mobile_convs():
        shapes |= conv(theirs, outputs, inputs, kernel, bias=False) | norm(norm_name, outputs)
    for place in range(len(USED)):
        shapes |= head_shapes(f"rpn_head.rpn{place + 2}", ADJUSTED, ADJUSTED)
    return shapes | ({f"rpn_head.{branch}_weight": (len(USED),) for branch in ("cls", "loc")} if weighted else {})


def _convert_mobile(state: State) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    for theirs, norm_name, ours, (outputs, _, _) in _mobile_convs():
        weight, bias = folded(state[f"{theirs}.weight"], torch.zeros(outputs), state, norm_name, eps=EPS)
        made |= {f"cm.z_net.{ours}.conv.weight": weight, f"cm.z_net.{ours}.conv.bias": bias}
    heads = [convert_head(state, f"rpn_head.rpn{place + 2}", "cm.rpn_head") for place in range(len(USED))]
    mean = torch.full((len(USED),), 1 / len(USED))
    for branch, ours in (("cls", "cls_out"), ("loc", "bbox_out")):
        learned = state.get(f"rpn_head.{branch}_weight")
        shares = mean if learned is None else learned.softmax(0)
        for head, share in zip(heads, shares, strict=True):
            for part in ("weight", "bias"):
                head[f"cm.rpn_head.{ours}.{part}"] = head[f"cm.rpn_head.{ours}.{part}"] * share
    for name, tensor in heads[0].items():
        parts = [head[name] for head in heads]
        if name.endswith("_out.bias"):
            made[name] = torch.stack(parts).sum(0)
        elif name.endswith(COUNTER):
            made[name] = tensor
        else:  # the last layers sum over all channels, all others keep their layer's apart
            made[name] = torch.cat(parts, 1 if name.endswith("_out.weight") else 0)
    return made


LAYOUTS = (
    *ALEXNET,
    *(
        Layout(name, _mobile_shapes(weighted=weighted), MOBILE, _convert_mobile, MOBILE_SETTINGS)
        for name, weighted in (
            ("PySOT siamrpn_mobilev2_l234_dwxcorr", False),
            ("PySOT siamrpn_mobilev2_l234_dwxcorr with weighted layers", True),
        )
    ),
)
