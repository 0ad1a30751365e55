"""Named changes to the released OTB configuration. Light: read by `spm-bench ls` without torch or pydantic."""

from __future__ import annotations

from collections.abc import Mapping

from spm_bench.trackers.variants import Variant

FINE_BOX = 99_999.0
"""An `fm_box_weight` that leaves the coarse box no part: wherever the fine score is high enough to be followed
(`lost_threshold`), its share is below 1e-4."""

_ALL = (
    Variant("base", "the released OTB configuration, and the settings that go with the weights"),
    Variant("lasot", "the released LaSOT / TrackingNet settings: window weight 0.4", {"window_weight": 0.4}),
    Variant("no_window", "no cosine window: selection by score alone", {"window_weight": 0.0}),
    Variant("cm_only", "coarse stage alone: no fine score, no fine box", {"fm_box": False, "fm_score_weight": 0.0}),
    Variant("score_fusion_only", "fine stage scores, but boxes stay the coarse ones", {"fm_box": False}),
    Variant("box_fusion_only", "fine stage refines boxes, but does not score the choice", {"fm_score_weight": 0.0}),
    Variant("fm_score_only", "choice by the fine score alone", {"fm_score_weight": 1.0}),
    Variant(
        "series",
        "the stages in series, not in parallel: the fine stage alone scores and boxes the coarse stage's proposals",
        {"fm_score_weight": 1.0, "fm_box": True, "fm_box_weight": FINE_BOX},
    ),
    Variant(
        "fm_only",
        "as series, but the coarse scores do not choose the proposals either: 64 of them, none cut for its score",
        {"fm_score_weight": 1.0, "fm_box": True, "fm_box_weight": FINE_BOX, "candidates": 64, "score_cut": 0.0},
    ),
    Variant("fm_box_weight_1", "coarse and fine boxes weighted by their scores alone", {"fm_box_weight": 1.0}),
    Variant("no_near", "no near candidate", {"near_candidates": 0}),
    Variant("candidates_3", "three candidates instead of nine", {"candidates": 3}),
    Variant("nms_0.3", "stricter NMS: overlap 0.3", {"nms_threshold": 0.3}),
    Variant("size_rate_1", "size follows the score-weighted box fully", {"size_rate": 1.0}),
    Variant("lost_0.6", "keeps the last box below score 0.6", {"lost_threshold": 0.6}),
    Variant("exact_decode", "without the +1 pixel of the released box decoding", {"decode_offset": 0.0}),
)

VARIANTS: Mapping[str, Variant] = {variant.name: variant for variant in _ALL}
