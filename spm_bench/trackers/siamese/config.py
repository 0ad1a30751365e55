"""Every inference hyper-parameter of the rivals, in frozen and validated records.

Defaults are those of the papers or of the code their authors released; what is ours is named so.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from spm_bench.trackers.looking import LookSettings, ProposalSettings
from spm_bench.trackers.settings import NotNegative, Share


class SiamFcConfig(LookSettings):
    """SiamFC's rules (Bertinetto et al., ECCV workshops 2016; the constants of the released 3-scale tracker).

    Attributes:
        window_weight: Share of the cosine window in the score that selects; response and window are scaled to sum 1.
        size_rate: Share of the best size in the new one.
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


class SiamRpnConfig(ProposalSettings):
    """SiamRPN's rules (Li et al., CVPR 2018, section 4.3).

    The paper names the rules and no numbers: the constants are those that DaSiamRPN's authors, who are SiamRPN's,
    released for OTB.

    Attributes:
        window_weight: Share of the cosine window in the score that selects.
        size_rate: Share of the found size, times penalty and score of the winner.
        penalty: Strength of the penalty on changes of size and ratio.
    """

    window_weight: Share = 0.40
    size_rate: Share = 0.30
    penalty: NotNegative = 0.22


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
