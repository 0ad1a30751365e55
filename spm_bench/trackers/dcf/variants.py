"""The shipped variants of the correlation filter: the price of learning online, and what it learns on."""

from __future__ import annotations

from collections.abc import Mapping

from spm_bench.trackers.variants import Variant

_ALL = (
    Variant(
        "base",
        "learns from every frame, on two layers, in five sizes",
        source="closed form of MOSSE and DSST, constants of HCF (filter) and SiamFC (sizes)",
        expected="the reference of all others",
    ),
    Variant(
        "never_updated",
        "the filter of the first frame for good",
        {"learning_rate": 0.0},
        "ours",
        "as fast as a filter can be; loses targets that change",
    ),
    Variant(
        "every_5",
        "learns from every fifth frame, at five times the rate",
        {"update_every": 5, "learning_rate": 0.15},
        "ours, in the manner of ECO (Danelljan et al., CVPR 2017), which learns from every sixth",
        "nearly as accurate as base, and faster",
    ),
    Variant(
        "fast_learner",
        "forgets quickly: five times the rate",
        {"learning_rate": 0.15},
        "ours",
        "better under deformation, worse behind occluders, which it learns",
    ),
    Variant(
        "conv2_only", "the low layer alone", {"layers": ("conv2",)}, "HCF's ablation", "precise, easily distracted"
    ),
    Variant(
        "conv4_only", "the high layer alone", {"layers": ("conv4",)}, "HCF's ablation", "robust, places less exactly"
    ),
    Variant(
        "one_size", "never changes its size", {"scales": 1}, "ours", "a third of the passes; loses where sizes change"
    ),
)
VARIANTS: Mapping[str, Variant] = {variant.name: variant for variant in _ALL}
