"""SiamRPN with AlexNet and depth-wise correlation of PySOT (github.com/STVIR/pysot, siamrpn_alex_dwxcorr and its _otb).

Its network: five convolutions without padding and without groups, each with batch norm, 3 x 3 maxima after the first
two, ReLU after all but the fifth; two branches of the depth-wise head. "Legacy" and new backbone are the same network
under two namings. Images are BGR from 0 to 255, nothing subtracted. Box deltas have the order coordinate * A + anchor.
Constants are those of the experiment's configuration; both models are published with the same.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from spm_bench.models.architecture import SPM_ALEXNET, Architecture, BlockPlan
from spm_bench.models.published.layout import (
    Layers,
    Layout,
    Shapes,
    State,
    backbone,
    by_anchor,
    conv,
    convert_backbone,
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


LAYOUTS = tuple(
    Layout(
        name, {**backbone(layers, BLOCKS), **head_shapes("rpn_head")}, ARCHITECTURE, partial(_convert, layers), SETTINGS
    )
    for name, layers in (
        ("PySOT siamrpn_alex_dwxcorr", LEGACY),
        ("PySOT siamrpn_alex_dwxcorr with the newer AlexNet", LAYERED),
    )
)
