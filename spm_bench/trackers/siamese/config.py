"""Every inference hyper-parameter of the rivals, in frozen and validated records.

Defaults are those of the papers or of the code their authors released; what is ours is named so.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from spm_bench.geometry.anchors import AnchorSizes
from spm_bench.geometry.crops import Border
from spm_bench.models.grid import Padding
from spm_bench.models.precision import Precision
from spm_bench.trackers.settings import NotNegative, Positive, Settings, Share
from spm_bench.trackers.spm.config import SMALLEST_TEMPLATE


class SiameseConfig(Settings):
    """How a one-stage tracker looks at a frame. All lengths are pixels; names are those of `SpmConfig`.

    Attributes:
        template_size, search_size, wide_template, border, backbone_padding, precision, context, mean_bgr, min_size: See
            `SpmConfig`. The sizes of SPM are the default of all, so that a study changes the method and nothing else;
            SiamFC and SiamRPN have 255 in their papers.
        window_weight: Share of the cosine window in the score that selects.
        size_rate: Share of the found size in the new one.
    """

    template_size: Annotated[int, Field(ge=SMALLEST_TEMPLATE, le=1023)] = 127
    search_size: Annotated[int, Field(ge=143, le=1023)] = 271
    wide_template: bool = True
    border: Border = "mean"
    backbone_padding: Padding = "cropped"
    precision: Precision = "fp32"
    context: NotNegative = 0.5
    mean_bgr: tuple[NotNegative, NotNegative, NotNegative] = (104.0, 117.0, 123.0)
    window_weight: Share
    size_rate: Share
    min_size: Positive = 10.0

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if self.search_size <= self.template_size:
            raise ValueError(f"search_size ({self.search_size}) must exceed template_size ({self.template_size})")
        return self


class SiamFcConfig(SiameseConfig):
    """SiamFC's rules (Bertinetto et al., ECCV workshops 2016; the constants of the released 3-scale tracker).

    Attributes:
        window_weight: Of the window, after the response was scaled to sum 1 like it.
        size_rate: Times the change of the best scale.
        scales: Sizes tried around the last one; odd.
        scale_step: Ratio of neighbouring sizes.
        scale_penalty: Factor on the response of other sizes than the last.
        upsampling: How many times finer than cells the response is read, by bicubic interpolation.
    """

    window_weight: Share = 0.176
    size_rate: Share = 0.59
    scales: Annotated[int, Field(ge=1, le=33)] = 3
    scale_step: Annotated[float, Field(gt=1.0, le=2.0)] = 1.0375
    scale_penalty: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9745
    upsampling: Annotated[int, Field(ge=1, le=32)] = 16

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.scales % 2 == 0:
            raise ValueError("scales must be odd, so that there is a middle one")
        return self


class SiamRpnConfig(SiameseConfig):
    """SiamRPN's rules (Li et al., CVPR 2018, section 4.3).

    The paper names the rules and no numbers: the constants are those that DaSiamRPN's authors, who are SiamRPN's,
    released for OTB.

    Attributes:
        window_weight: Share of the window in the score that selects.
        size_rate: Share of the found size, times penalty and score of the winner.
        penalty: Strength of the penalty on changes of size and ratio.
        anchor_sizes: How sizes of anchors are made whole: as in SPM's released code, which all networks of this package
            are trained with, or as in others. See `spm_bench.geometry.anchors.base_anchors`.
        anchor_ratios, anchor_scales, class_scale, box_scale, decode_offset: See `SpmConfig`; no offset here.
    """

    window_weight: Share = 0.40
    size_rate: Share = 0.30
    penalty: NotNegative = 0.22
    anchor_sizes: AnchorSizes = "rounded"
    anchor_ratios: tuple[Positive, ...] = (0.33, 0.5, 1.0, 2.0, 3.0)
    anchor_scales: tuple[Positive, ...] = (8.0,)
    class_scale: Positive = 1e-3
    box_scale: Positive = 1e-3
    decode_offset: NotNegative = 0.0


class DaSiamRpnConfig(SiamRpnConfig):
    """DaSiamRPN's rules on top of SiamRPN's (Zhu et al., ECCV 2018, sections 3.3 and 3.4).

    Attributes:
        distractors: Most distractors remembered, those of the last frame (ours: the paper keeps all, at the price of
            as many more passes); 0: no re-ranking.
        distractor_weight: Share of the distractors' mean score that is taken off a proposal's own (the paper's
            alpha-hat, 0.5; all distractors weigh the same there).
        distractor_cut: Score above which a proposal that is not the target is a distractor (the paper's h, for which it
            gives no number; ours).
        distractor_nms: Overlap at which a proposal is no distractor beside a better one (ours).
        long_term: Whether the search grows where the target is lost.
        lost_below, found_above: Scores at which a target counts as lost, and as found again (the paper's 0.8, 0.95).
        lost_search_size: Search image of a lost target; the paper's 767.
    """

    distractors: Annotated[int, Field(ge=0, le=16)] = 3
    distractor_weight: Share = 0.5
    distractor_cut: Share = 0.5
    distractor_nms: Share = 0.3
    long_term: bool = False
    lost_below: Share = 0.8
    found_above: Share = 0.95
    lost_search_size: Annotated[int, Field(ge=143, le=1535)] = 767

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.lost_search_size < self.search_size:
            raise ValueError(f"lost_search_size ({self.lost_search_size}) must not be below search_size")
        return self
