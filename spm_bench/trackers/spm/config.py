"""Every inference hyper-parameter of SPM, in one frozen and validated record.

Defaults are those of the released OTB configuration. Names of the released configuration files are in `OFFICIAL_KEYS`.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from spm_bench.geometry.anchors import AnchorSizes
from spm_bench.geometry.crops import Border, RoiSampling
from spm_bench.models.grid import Padding
from spm_bench.models.precision import Precision
from spm_bench.trackers.settings import NotNegative, Positive, Settings, Share

SMALLEST_TEMPLATE = 103
"""Gives the three cells that the template's 3 x 3 convolution needs."""


class SpmConfig(Settings):
    """How SPM searches, chooses and moves. All lengths are pixels; scores are probabilities.

    Attributes:
        template_size: What the template's context square is scaled to; its unpadded cells are correlated.
        search_size: Side of the search image, and of the template image too (see `wide_template`).
        wide_template: Whether the template is cut from an image of `search_size` pixels, with real surroundings
            (released code), or from one of `template_size` pixels, as the paper has it.
        border: What a crop shows beyond the frame: the frame's mean colour (released code), black, the nearest pixel,
            or the frame mirrored at its outermost pixels.
        backbone_padding: "cropped", a padded backbone whose central cells are used (released code); "full", padded and
            all cells used; "none", no padding. See `spm_bench.models.grid`.
        roi_sampling: How RoIs are cut from feature maps: "single", one sample per bin from edge to edge (released
            code), "average", RoIAlign, or "thirds", PySiamTracking's. See `spm_bench.geometry.crops.crop_features`.
        precision: Of the networks: "fp32", "tf32" (NVIDIA only) or "bf16". All else is computed as always.
        context: Context on each side of the target as a share of its width + height.
        mean_bgr: Subtracted from the crops after sampling.
        anchor_sizes: How sizes of anchors are made whole: "rounded" in the released code. See
            `spm_bench.geometry.anchors.base_anchors`.
        anchor_ratios: Height / width of the anchors.
        anchor_scales: Anchor size in strides.
        class_scale: Factor on the coarse class kernels.
        box_scale: Factor on the coarse box kernels.
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
        min_size: Smallest width and height.
    """

    template_size: Annotated[int, Field(ge=SMALLEST_TEMPLATE, le=1023)] = 127
    search_size: Annotated[int, Field(ge=143, le=1023)] = 271
    wide_template: bool = True
    border: Border = "mean"
    backbone_padding: Padding = "cropped"
    roi_sampling: RoiSampling = "single"
    precision: Precision = "fp32"
    context: NotNegative = 0.5
    mean_bgr: tuple[float, float, float] = (104.0, 117.0, 123.0)
    anchor_sizes: AnchorSizes = "rounded"
    anchor_ratios: tuple[Positive, ...] = (0.33, 0.5, 1.0, 2.0, 3.0)
    anchor_scales: tuple[Positive, ...] = (8.0,)
    class_scale: Positive = 1e-3
    box_scale: Positive = 1e-3
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
    min_size: Positive = 10.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.near_candidates > self.candidates:
            raise ValueError(f"near_candidates ({self.near_candidates}) cannot exceed candidates ({self.candidates})")
        if self.search_size <= self.template_size:
            raise ValueError(f"search_size ({self.search_size}) must exceed template_size ({self.template_size})")
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
