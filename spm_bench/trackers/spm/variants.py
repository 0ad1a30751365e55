"""The shipped variants of SPM: named single changes, where they come from, and what they should do.

Light: read by `spm-bench ls` without torch or pydantic. A change is one setting, except where one decision takes two
(`series`, `fm_only`, `top_1`). Expectations are for a network trained as the released one and ours are: padded backbone
whose middle is used, wide templates, mean border, single-sample RoIs, the released coordinates.
"""

from __future__ import annotations

from collections.abc import Mapping

from spm_bench.trackers.variants import Variant

_RELEASE = "the released code"
_PAPER = "SPM (CVPR 2019)"
_OURS = "ours"

_STAGES = (
    Variant(
        "base",
        "both stages, scores and boxes fused: the released OTB configuration, and what goes with the weights",
        source=f"{_RELEASE}, otb.yaml",
        expected="the reference of all others",
    ),
    Variant(
        "cm_only",
        "coarse stage alone: no fine score, no fine box",
        {"fm_box": False, "fm_score_weight": 0.0},
        f"{_PAPER}, its first stage",
        "loses to base, most where there are look-alikes: correlation tells kinds apart better than individuals",
    ),
    Variant(
        "fm_only",
        "fine stage alone: its score and its box, on 64 of the coarse stage's boxes of which none is cut for its score",
        {"cm_box": False, "fm_score_weight": 1.0, "candidates": 64, "score_cut": 0.0},
        _OURS,
        "loses to base: without the coarse scores' choice of proposals the fine stage meets what it was not trained on",
    ),
    Variant(
        "series",
        "the stages in series, nothing blended: the coarse stage proposes, the fine stage alone scores and boxes",
        {"cm_box": False, "fm_score_weight": 1.0},
        f"{_PAPER}: series-parallel without the parallel part",
        "loses a little to base, which averages the errors of two stages",
    ),
    Variant(
        "score_fusion_only",
        "scores fused, boxes of the coarse stage (a fine box of weight 0)",
        {"fm_box": False},
        f"{_RELEASE}, ENABLE_FM_BBOX_REFINE",
        "as robust as base, less overlap",
    ),
    Variant(
        "box_fusion_only",
        "boxes fused, choice by the coarse score (a fine score of weight 0)",
        {"fm_score_weight": 0.0},
        f"{_RELEASE}, FM_SCORE_INFLUENCE",
        "the overlap of base where it does not lose the target, which it does more often",
    ),
)

_FUSION = (
    Variant(
        "fm_score_weight_0.25",
        "the fine score counts a quarter",
        {"fm_score_weight": 0.25},
        f"{_RELEASE}, FM_SCORE_INFLUENCE",
        "near base: the top is flat",
    ),
    Variant(
        "fm_score_weight_0.75",
        "the fine score counts three quarters",
        {"fm_score_weight": 0.75},
        f"{_RELEASE}, FM_SCORE_INFLUENCE",
        "near base: the top is flat",
    ),
    Variant(
        "fm_score_only",
        "choice by the fine score alone (weight 1)",
        {"fm_score_weight": 1.0},
        f"{_RELEASE}, FM_SCORE_INFLUENCE",
        "loses a little: the coarse score's knowledge of the kind is missing",
    ),
    Variant(
        "fm_box_weight_1",
        "coarse and fine boxes weighted by their scores alone",
        {"fm_box_weight": 1.0},
        f"{_RELEASE}, FM_BBOX_INFLUENCE",
        "slightly less overlap than base",
    ),
    Variant(
        "fm_box_weight_10",
        "the fine box ten times as heavy as the coarse one",
        {"fm_box_weight": 10.0},
        f"{_RELEASE}, FM_BBOX_INFLUENCE",
        "near base: the coarse box has little part already",
    ),
    Variant(
        "fm_box_only",
        "the fine box alone (an infinite weight), scores fused",
        {"cm_box": False},
        f"{_RELEASE}, FM_BBOX_INFLUENCE at its end",
        "slightly more jitter than base",
    ),
)

_PADDING = (
    Variant(
        "border_zero",
        "black beyond the frame",
        {"border": "zero"},
        _OURS,
        "loses where targets touch the frame: a hard edge that training never showed",
    ),
    Variant(
        "border_edge",
        "the nearest pixel beyond the frame",
        {"border": "edge"},
        _OURS,
        "within noise",
    ),
    Variant(
        "border_reflect",
        "the frame mirrored beyond its border",
        {"border": "reflect"},
        _OURS,
        "within noise, or worse: the mirror image of a target at the border is a look-alike",
    ),
    Variant(
        "padding_full",
        "padded backbone, all of its cells searched: 29 x 29 responses instead of 19 x 19",
        {"backbone_padding": "full"},
        f"{_OURS}, after SiamRPN++ (CVPR 2019) on padding",
        "loses on look-alikes: a wider search, with cells that know where the border is",
    ),
    Variant(
        "padding_none",
        "unpadded backbone, as networks for tracking have been since SiamFC",
        {"backbone_padding": "none"},
        f"{_OURS}, after SiamFC (ECCV-W 2016)",
        "near base for the coarse stage; RoIs near the border of the search image lose cells",
    ),
    Variant(
        "template_127",
        "templates cut from an image of 127 pixels, beyond which the backbone sees its padding",
        {"wide_template": False},
        f"{_PAPER}; the released code cuts them from 271 pixels",
        "loses: kernels and template RoI are made of padding where base has real surroundings",
    ),
)

_PROPOSALS = (
    Variant(
        "top_1",
        "one proposal, the coarse stage's best, and none for its nearness",
        {"candidates": 1, "near_candidates": 0},
        _OURS,
        "loses on look-alikes: the fine stage has no choice",
    ),
    Variant(
        "candidates_2",
        "two proposals: the best, and the one near the last box",
        {"candidates": 2},
        f"{_RELEASE}, NUM_CANDIDATES",
        "between top_1 and base",
    ),
    Variant(
        "candidates_3",
        "three proposals instead of nine",
        {"candidates": 3},
        f"{_RELEASE}, NUM_CANDIDATES",
        "near base: the target is seldom further down",
    ),
    Variant(
        "candidates_16",
        "sixteen proposals instead of nine",
        {"candidates": 16},
        f"{_RELEASE}, NUM_CANDIDATES",
        "as base, where the score cut leaves fewer anyway",
    ),
    Variant(
        "candidates_64",
        "sixty-four proposals instead of nine",
        {"candidates": 64},
        f"{_RELEASE}, NUM_CANDIDATES",
        "as base, where the score cut leaves fewer anyway",
    ),
    Variant(
        "no_near",
        "no proposal is kept for its nearness to the last box",
        {"near_candidates": 0},
        f"{_RELEASE}, NUM_NEAR_CANDIDATES",
        "jumps to look-alikes a little more often",
    ),
    Variant(
        "near_3",
        "three proposals are kept for their nearness to the last box",
        {"near_candidates": 3},
        f"{_RELEASE}, NUM_NEAR_CANDIDATES",
        "within noise",
    ),
    Variant(
        "near_overlap_0.6",
        "near is above an overlap of 0.6 instead of 0.8",
        {"near_overlap": 0.6},
        f"{_RELEASE}, a constant there",
        "within noise",
    ),
    Variant(
        "nms_0.3",
        "stricter NMS: overlap 0.3",
        {"nms_threshold": 0.3},
        f"{_RELEASE}, NMS_THRESHOLD",
        "within noise: other places among the nine, fewer shapes of the target",
    ),
    Variant(
        "nms_0.7",
        "looser NMS: overlap 0.7",
        {"nms_threshold": 0.7},
        f"{_RELEASE}, NMS_THRESHOLD",
        "within noise: more shapes of the target among the nine, fewer other places",
    ),
    Variant(
        "score_cut_0",
        "no proposal is cut for its score",
        {"score_cut": 0.0},
        f"{_RELEASE}, SCORE_THRESH_FACTOR",
        "within noise: what comes in late rarely wins",
    ),
    Variant(
        "score_cut_0.3",
        "proposals below 0.3 of the best score are cut, instead of 0.1",
        {"score_cut": 0.3},
        f"{_RELEASE}, SCORE_THRESH_FACTOR",
        "near base, with look-alikes somewhat worse",
    ),
)

_MOTION = (
    Variant(
        "no_window",
        "no cosine window: selection by score alone",
        {"window_weight": 0.0},
        f"{_RELEASE}, WINDOWS_INFLUENCE",
        "loses on look-alikes",
    ),
    Variant(
        "window_0.3",
        "window weight 0.3 instead of 0.5",
        {"window_weight": 0.3},
        f"{_RELEASE}, WINDOWS_INFLUENCE",
        "near base: better for fast targets, worse with look-alikes",
    ),
    Variant(
        "lasot",
        "the released LaSOT / TrackingNet settings: window weight 0.4",
        {"window_weight": 0.4},
        f"{_RELEASE}, lasot.yaml",
        "within noise on short sequences",
    ),
    Variant(
        "window_0.7",
        "window weight 0.7 instead of 0.5",
        {"window_weight": 0.7},
        f"{_RELEASE}, WINDOWS_INFLUENCE",
        "holds on to the middle: loses fast targets",
    ),
    Variant(
        "size_rate_0.25",
        "size follows slowly: a quarter of the step, times the score",
        {"size_rate": 0.25},
        f"{_RELEASE}, LR",
        "too slow where the size changes fast",
    ),
    Variant(
        "size_rate_1",
        "size follows the score-weighted box fully",
        {"size_rate": 1.0},
        f"{_RELEASE}, LR",
        "more jitter, less lag: sign depends on the sequences",
    ),
    Variant(
        "never_lost",
        "the box always moves, however low the score",
        {"lost_threshold": 0.0},
        f"{_RELEASE}, MAX_SCORE_THRESHOLD",
        "drifts away under occlusion, finds back sometimes where base waits",
    ),
    Variant(
        "lost_0.4",
        "keeps the last box below score 0.4",
        {"lost_threshold": 0.4},
        f"{_RELEASE}, MAX_SCORE_THRESHOLD",
        "near base while scores are high; waits too often where they are not",
    ),
    Variant(
        "lost_0.6",
        "keeps the last box below score 0.6",
        {"lost_threshold": 0.6},
        f"{_RELEASE}, MAX_SCORE_THRESHOLD",
        "loses: the target walks out of the search image while the box waits",
    ),
)

_COMPUTING = (
    Variant(
        "roi_average",
        "averaged RoIAlign, 2 x 2 samples per bin, instead of one sample per bin from edge to edge",
        {"roi_sampling": "average"},
        "Mask R-CNN (ICCV 2017); the released code calls its single samples RoI Align too",
        "loses a little: bins lie elsewhere than in training",
    ),
    Variant(
        "exact_decode",
        "without the +1 pixel of the released box decoding",
        {"decode_offset": 0.0},
        f"{_RELEASE}, a quirk: +1 on reading widths, none on writing",
        "boxes half a search pixel further left and up, and a pixel smaller: within noise",
    ),
    Variant(
        "exact_scale",
        "search coordinates are pixels: scale 270 / side as the sampler's, anchors on their cells",
        {"exact_scale": True},
        f"{_RELEASE}, a quirk: the scale is 271 / side",
        "within noise: sizes differ by 0.4 percent",
    ),
    Variant(
        "tf32",
        "networks multiply in TF32 (NVIDIA from Ampere on)",
        {"precision": "tf32"},
        "torch's default for convolutions on NVIDIA",
        "within noise; faster",
    ),
    Variant(
        "bf16",
        "networks run in bfloat16",
        {"precision": "bf16"},
        "torch's autocast",
        "scores differ in the third digit: within noise, though trajectories part; faster where the hardware has it",
    ),
)

_ALL = (*_STAGES, *_FUSION, *_PADDING, *_PROPOSALS, *_MOTION, *_COMPUTING)

VARIANTS: Mapping[str, Variant] = {variant.name: variant for variant in _ALL}
