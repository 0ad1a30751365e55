"""Every inference hyper-parameter of SPM, in one frozen and validated record.

Defaults are those of the released OTB configuration. Names of the released configuration files are in `OFFICIAL_KEYS`.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from spm_bench.geometry.crops import RoiSampling
from spm_bench.trackers.looking import ProposalSettings
from spm_bench.trackers.settings import NotNegative, Positive, Share


class SpmConfig(ProposalSettings):
    """How SPM searches, chooses and moves; what it shares with its rivals is in `LookSettings` and `ProposalSettings`.

    Attributes:
        roi_sampling: How RoIs are cut from feature maps: "single", one sample per bin from edge to edge (released
            code), "average", RoIAlign, or "thirds", PySiamTracking's. See `spm_bench.geometry.crops.crop_features`.
        coarse_divisors: The coarse stage's box deltas are divided by these.
        fine_divisors: The fine stage's box deltas are divided by these.
        decode_offset: Added to widths when deltas are decoded: 1 in the released code, 0 without that quirk.
        exact_scale: False as in the released code: search coordinates are scaled by S / side, while the sampler spans
            the side with S - 1 steps, so coordinate 271 is pixel 270. True: both are (S - 1) / side, a coordinate is
            the index of a pixel, and anchors are centred on their cell's pixel, half a pixel before the released place.
        candidates: Boxes handed to the fine stage, near candidates included.
        near_candidates: Of these, boxes taken for their nearness to the last position, outside the NMS.
        near_overlap: Overlap with the last box above which a proposal is near.
        score_cut: Proposals below this share of the best score are dropped.
        nms_threshold: Overlap (>=) that suppresses a proposal.
        fm_score_weight: Share of the fine stage in the fused score (1: fine only, 0: coarse only).
        fm_box: Whether the fine stage moves the box at all.
        cm_box: Whether the coarse box has a part in the result; without it the fine box is taken as it is.
        fm_box_weight: Weight of the fine box relative to the coarse one, each times its score. Infinity is no weight:
            it is said by `cm_box=False`.
        window_weight: Share of the cosine window in the final score; it serves selection only.
        size_rate: Rate of the size update, times the score.
        lost_threshold: Below this fused score the last box is kept.
    """

    roi_sampling: RoiSampling = "single"
    coarse_divisors: tuple[Positive, Positive, Positive, Positive] = (1.0, 1.0, 1.0, 1.0)
    fine_divisors: tuple[Positive, Positive, Positive, Positive] = (5.0, 5.0, 10.0, 10.0)
    decode_offset: NotNegative = 1.0
    exact_scale: bool = False
    candidates: Annotated[int, Field(ge=1, le=256)] = 9
    near_candidates: Annotated[int, Field(ge=0, le=256)] = 1
    near_overlap: Share = 0.8
    score_cut: Share = 0.1
    nms_threshold: Share = 0.5
    fm_score_weight: Share = 0.5
    fm_box: bool = True
    cm_box: bool = True
    fm_box_weight: NotNegative = 3.0
    window_weight: Share = 0.5
    size_rate: Share | Annotated[float, Field(gt=1.0, le=2.0)] = 0.5
    lost_threshold: Share = 0.2

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.near_candidates > self.candidates:
            raise ValueError(f"near_candidates ({self.near_candidates}) cannot exceed candidates ({self.candidates})")
        if not (self.cm_box or self.fm_box):
            raise ValueError("cm_box and fm_box cannot both be off: one stage has to give the box")
        return self

    @property
    def needs_fine_stage(self) -> bool:
        """Whether the fine stage can change anything."""
        return self.fm_box or self.fm_score_weight > 0.0


OFFICIAL_KEYS = {
    "Z_SIZE": "template_size",
    "X_SIZE": "search_size",
    "Z_CONTEXT_AMOUNT": "context",
    "CM_CLS_SCALE_FACTOR": "class_scale",
    "CM_BBOX_SCALE_FACTOR": "box_scale",
    "FM_BBOX_VAR_INV": "fine_divisors",
    "NUM_CANDIDATES": "candidates",
    "NUM_NEAR_CANDIDATES": "near_candidates",
    "SCORE_THRESH_FACTOR": "score_cut",
    "NMS_THRESHOLD": "nms_threshold",
    "FM_SCORE_INFLUENCE": "fm_score_weight",
    "ENABLE_FM_BBOX_REFINE": "fm_box",
    "FM_BBOX_INFLUENCE": "fm_box_weight",
    "WINDOWS_INFLUENCE": "window_weight",
    "LR": "size_rate",
    "MAX_SCORE_THRESHOLD": "lost_threshold",
}
"""Key of the released configuration files -> field here."""
