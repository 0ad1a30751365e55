"""SiamFC with the authors' AlexNet, as ported to PyTorch (github.com/huanglianghua/siamfc-pytorch, AlexNetV1).

Its network: five convolutions without padding, the second, fourth and fifth in two groups, batch norm (eps 1e-6) and
ReLU after the first four, 3 x 3 maxima after the first two. The fifth has neither: it is the embedding, and its 6 x 6
template cells are correlated with 22 x 22 search cells, times 0.001. Images are RGB from 0 to 255, nothing subtracted.
The tracker's constants are those of the port, which are the released SiamFC-3s's.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from spm_bench.models.architecture import SPM_ALEXNET, Architecture
from spm_bench.models.published.layout import Layers, Layout, State, backbone, convert_backbone

ARCHITECTURE = Architecture(
    "siamfc_alexnet",
    SPM_ALEXNET.blocks,
    norm="none",
    head="correlation",
    head_channels=256,
    last_relu=False,
    embedding=False,
    fine_layers=(),
)
SETTINGS = {
    "template_size": 127,
    "search_size": 255,
    "wide_template": False,
    "backbone_padding": "none",
    "context": 0.5,
    "mean_bgr": (0.0, 0.0, 0.0),
    "scales": 3,
    "scale_step": 1.0375,
    "scale_penalty": 0.9745,
    "size_rate": 0.59,
    "window_weight": 0.176,
    "upsampling": 16,
}
EPS = 1e-6
"""Of its batch norms."""
RESPONSE_SCALE = 1e-3
"""Factor on the sum over all 256 x 6 x 6 products."""

_NAMED: Layers = (
    *((f"backbone.conv{number}.0", f"backbone.conv{number}.1") for number in range(1, 5)),
    ("backbone.conv5.0", None),
)
_NUMBERED: Layers = (
    *((f"feature.{place}", f"feature.{place + 1}") for place in (0, 4, 8, 11)),
    ("feature.14", None),
)
"""The port's first year had all layers in one list."""


def _convert(layers: Layers, state: State) -> dict[str, Tensor]:
    made = convert_backbone(state, layers, eps=EPS)
    first = "cm.z_net.conv1.conv.weight"
    # Ours averages over the products; the port has their sum.
    gain = torch.full((1,), RESPONSE_SCALE * ARCHITECTURE.head_channels * 6 * 6)
    return {**made, first: made[first].flip(1), "cm.rpn_head.gain": gain, "cm.rpn_head.bias": torch.zeros(1)}


LAYOUTS = tuple(
    Layout(name, backbone(layers, ARCHITECTURE.blocks), ARCHITECTURE, partial(_convert, layers), SETTINGS)
    for name, layers in (
        ("siamfc-pytorch AlexNetV1", _NAMED),
        ("siamfc-pytorch AlexNet of 2019", _NUMBERED),
    )
)
