"""The shipped variants of the rivals: what their rules are worth."""

from __future__ import annotations

from collections.abc import Mapping

from spm_bench.trackers.variants import Variant


def _named(*variants: Variant) -> Mapping[str, Variant]:
    return {variant.name: variant for variant in variants}


_BASE_RPN = Variant(
    "base",
    "the paper's rules with the constants released for OTB",
    source="DaSiamRPN's released code, by the authors of SiamRPN",
    expected="the reference of all others",
)
_VOT = Variant(
    "vot",
    "the constants released for VOT",
    {"window_weight": 0.44, "size_rate": 0.45, "penalty": 0.04},
    "DaSiamRPN's released code",
    "follows changes of size faster, and errors, too",
)
_NO_PENALTY = Variant(
    "no_penalty", "changes of size and ratio cost nothing", {"penalty": 0.0}, "ours", "jumps between sizes"
)
_NO_WINDOW = Variant(
    "no_window", "no cosine window", {"window_weight": 0.0}, "ours", "jumps to look-alikes far from the last place"
)

SIAMFC = _named(
    Variant(
        "base",
        "three sizes, as released",
        source="SiamFC-3s, the released tracker",
        expected="the reference of all others",
    ),
    Variant(
        "five_scales",
        "five sizes",
        {"scales": 5},
        "ours, after the 5-scale tracker of the paper, whose other constants were not released",
        "a little better where sizes change, five looks a frame",
    ),
    Variant("one_scale", "the size of the first frame for good", {"scales": 1}, "ours", "loses where sizes change"),
    _NO_WINDOW,
)
SIAMRPN = _named(_BASE_RPN, _VOT, _NO_PENALTY, _NO_WINDOW)
DASIAMRPN = _named(
    Variant(
        "base",
        "distractors of the last frame count against proposals",
        source="DaSiamRPN, section 3.3; constants released for OTB",
        expected="fewer jumps to look-alikes than SiamRPN",
    ),
    Variant(
        "no_reranking",
        "its network under SiamRPN's rules",
        {"distractors": 0},
        "DaSiamRPN's ablation",
        "what its training pairs alone are worth",
    ),
    Variant(
        "long_term",
        "a lost target is searched for in a wider square",
        {"long_term": True},
        "DaSiamRPN, section 3.4",
        "finds targets again that left the frame; slower while they are lost",
    ),
    _VOT,
)
