"""SPM and SiamRPN with AlexNet of PySiamTracking, the later repository of SPM's authors.

Source: github.com/microsoft/PySiamTracking, spm_alexnet and siamrpn_alexnet. Their backbone is torchvision's AlexNet,
padded, with smaller steps. The coarse stage is the released SPM's, but its class map goes through a 1 x 1 convolution,
which the template's convolution can do beforehand, and classes are ordered anchor * 2 + class. The fine stage compares
RoIs of conv2 and conv4 by a 1 x 1 convolution, without batch norms; it takes the middle of a map for the middle of the
image, and samples bins at thirds. Images are RGB, normalised as torchvision does.

The settings are those of their configurations that ours have, too. Ours lack SPM's penalty on changes of size and ratio
and its narrow window, and multiply the rate of the size by the score, which theirs do not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from spm_bench.models.architecture import Architecture
from spm_bench.models.fine import ROI_CELLS
from spm_bench.models.imagenet import MEAN_RGB, TORCHVISION_BLOCKS, for_our_input
from spm_bench.models.published.layout import Layers, Layout, Shapes, State, backbone, conv, convert_backbone, renamed

ANCHORS, CHANNELS, HIDDEN = 5, 256, 256
LAYERS: Layers = tuple((f"z_net.conv{number}.conv", None) for number in range(1, 6))

SIAMRPN = Architecture(
    "siamrpn_alexnet_padded",
    TORCHVISION_BLOCKS,
    norm="none",
    head="up_channel",
    head_channels=CHANNELS,
    fine_layers=(),
    settings={"class_scale": 1.0, "box_scale": 1.0},
)
SPM = Architecture(
    "spm_alexnet_padded",
    TORCHVISION_BLOCKS,
    norm="none",
    head="up_channel",
    head_channels=CHANNELS,
    fine_layers=("conv2", "conv4"),
    fine_centred=True,
    fine_channels=CHANNELS,
    fine_hidden=HIDDEN,
    settings=SIAMRPN.settings,
)

MEAN_BGR = (255 * MEAN_RGB[2], 255 * MEAN_RGB[1], 255 * MEAN_RGB[0])
_BOTH = {
    "template_size": 127,
    "search_size": 255,
    "wide_template": True,
    "backbone_padding": "cropped",
    "context": 0.5,
    "mean_bgr": MEAN_BGR,
    "anchor_sizes": "corners",
    "anchor_ratios": (0.33, 0.5, 1.0, 2.0, 3.0),
    "anchor_scales": (8.0,),
    "decode_offset": 0.0,
    "window_weight": 0.40,
    "size_rate": 0.5,
    "min_size": 8.0,
}
SIAMRPN_SETTINGS = {**_BOTH, "penalty": 0.2}
SPM_SETTINGS = {
    **_BOTH,
    "roi_sampling": "thirds",
    "fine_divisors": (10.0, 10.0, 10.0, 10.0),
    "exact_scale": True,
    "candidates": 8,
    "near_candidates": 0,
    "score_cut": 0.0,
    "nms_threshold": 0.6,
    "fm_score_weight": 0.5,
    "cm_box": False,
    "lost_threshold": 0.1,
}


def _coarse(fusion: str, head: str) -> Shapes:
    shapes = backbone(LAYERS, TORCHVISION_BLOCKS)
    for branch, outputs in enumerate((2 * ANCHORS, 4 * ANCHORS)):
        shapes |= conv(f"{fusion}.z_conv.{branch}", outputs * CHANNELS, TORCHVISION_BLOCKS[4].channels, 3)
        shapes |= conv(f"{fusion}.x_conv.{branch}", CHANNELS, TORCHVISION_BLOCKS[4].channels, 3)
        shapes |= conv(f"{head}.{('cls_convs', 'reg_convs')[branch]}.0", outputs, outputs, 1)
    return shapes


def _convert_coarse(state: State, fusion: str, head: str) -> dict[str, Tensor]:
    own = "cm.rpn_head"
    made = convert_backbone(state, LAYERS, eps=0.0)
    first = "cm.z_net.conv1.conv"
    weight, bias = for_our_input(made[f"{first}.weight"], made[f"{first}.bias"], MEAN_BGR)
    made |= {f"{first}.weight": weight, f"{first}.bias": bias}
    mix, class_bias = state[f"{head}.cls_convs.0.weight"][:, :, 0, 0].double(), state[f"{head}.cls_convs.0.bias"]
    order = torch.arange(2 * ANCHORS).reshape(ANCHORS, 2).T.flatten()  # anchor * 2 + class, in our order
    for part in ("weight", "bias"):
        kernels = state[f"{fusion}.z_conv.0.{part}"]
        rows = mix[order] @ kernels.double().reshape(2 * ANCHORS, -1)
        made[f"{own}.z_cls_conv.{part}"] = rows.float().reshape(kernels.shape)
    made[f"{own}.cls_bias"] = class_bias[order].reshape(1, -1, 1, 1)
    made |= renamed(state, f"{fusion}.x_conv.0", f"{own}.x_cls_conv.0")
    made |= renamed(state, f"{fusion}.z_conv.1", f"{own}.z_bbox_conv")
    made |= renamed(state, f"{fusion}.x_conv.1", f"{own}.x_bbox_conv.0")
    return {**made, **renamed(state, f"{head}.reg_convs.0", f"{own}.bbox_refine")}


def _convert_siamrpn(state: State) -> dict[str, Tensor]:
    return _convert_coarse(state, "fusion", "head")


def _fine() -> Shapes:
    joined = 2 * sum(SPM.channels(layer) for layer in SPM.fine_layers)
    return {
        **conv("fm_fusion.post_convs.0", CHANNELS, joined, 1),
        **_linear("fm_head.feat_fcs.0", HIDDEN, CHANNELS * ROI_CELLS**2),
        **_linear("fm_head.feat_fcs.2", HIDDEN, HIDDEN),
        **_linear("fm_head.cls_fc", 2, HIDDEN),
        **_linear("fm_head.reg_fc", 4, HIDDEN),
    }


def _linear(name: str, outputs: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _convert_spm(state: State) -> dict[str, Tensor]:
    made = _convert_coarse(state, "cm_fusion", "cm_head")
    for theirs, ours in (
        ("fm_fusion.post_convs.0", "siam_fusion.roi_conv.roi_conv0"),
        ("fm_head.feat_fcs.0", "siam_fusion.linear_layers.linear0"),
        ("fm_head.feat_fcs.2", "siam_fusion.linear_layers.linear1"),
        ("fm_head.cls_fc", "rcnn_cls"),
        ("fm_head.reg_fc", "rcnn_bbox"),
    ):
        made |= renamed(state, theirs, f"fm.{ours}")
    comparison = "fm.siam_fusion.roi_conv.roi_conv0.weight"
    made[comparison] = F.pad(made[comparison], (1, 1, 1, 1))  # 1 x 1 in the middle of our 3 x 3
    for number, layer in enumerate(SPM.fine_layers):
        made |= _no_norm(f"fm.feat_extractor.bn_list.{number}", SPM.channels(layer))
    return made


def _no_norm(name: str, channels: int) -> dict[str, Tensor]:
    """A batch norm that changes nothing: its epsilon is taken off the variance."""
    zeros = torch.zeros(channels)
    return {
        f"{name}.weight": torch.ones(channels),
        f"{name}.bias": zeros,
        f"{name}.running_mean": zeros,
        f"{name}.running_var": torch.full((channels,), 1 - torch.nn.BatchNorm2d(1).eps),
        f"{name}.num_batches_tracked": torch.zeros(()),
    }


LAYOUTS = (
    Layout(
        "PySiamTracking spm_alexnet", {**_coarse("cm_fusion", "cm_head"), **_fine()}, SPM, _convert_spm, SPM_SETTINGS
    ),
    Layout("PySiamTracking siamrpn_alexnet", _coarse("fusion", "head"), SIAMRPN, _convert_siamrpn, SIAMRPN_SETTINGS),
)
