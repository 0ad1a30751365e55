"""Settings that Siamese trackers have in common: how they look at a frame, and how they propose boxes."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from spm_bench.geometry.anchors import AnchorSizes
from spm_bench.geometry.crops import Border
from spm_bench.models.grid import Padding
from spm_bench.models.precision import Precision
from spm_bench.trackers.settings import NotNegative, Positive, Settings

SMALLEST_TEMPLATE = 103
"""Gives the three cells that the template's 3 x 3 convolution needs."""


class LookSettings(Settings):
    """How a Siamese tracker looks at a frame. All lengths are pixels.

    The sizes of SPM are the default of all, so that a study changes the method and nothing else; SiamFC and SiamRPN
    have 255 in their papers.

    Attributes:
        template_size: What the template's context square is scaled to; its unpadded cells are correlated.
        search_size: Side of the search image, and of the template image too (see `wide_template`).
        wide_template: Whether the template is cut from an image of `search_size` pixels, with real surroundings
            (released SPM), or from one of `template_size` pixels, as the papers have it.
        border: What a crop shows beyond the frame: the frame's mean colour (released code), black, the nearest pixel,
            or the frame mirrored at its outermost pixels.
        backbone_padding: "cropped", a padded backbone whose central cells are used (released SPM); "full", padded and
            all cells used; "none", no padding. See `spm_bench.models.grid`.
        precision: Of the networks: "fp32", "tf32" (NVIDIA only) or "bf16". All else is computed as always.
        context: Context on each side of the target as a share of its width + height.
        mean_bgr: Subtracted from the crops after sampling.
        min_size: Smallest width and height of a box.
    """

    template_size: Annotated[int, Field(ge=SMALLEST_TEMPLATE, le=1023)] = 127
    search_size: Annotated[int, Field(ge=143, le=1023)] = 271
    wide_template: bool = True
    border: Border = "mean"
    backbone_padding: Padding = "cropped"
    precision: Precision = "fp32"
    context: NotNegative = 0.5
    mean_bgr: tuple[float, float, float] = (104.0, 117.0, 123.0)
    min_size: Positive = 10.0

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if self.search_size <= self.template_size:
            raise ValueError(f"search_size ({self.search_size}) must exceed template_size ({self.template_size})")
        return self


class ProposalSettings(LookSettings):
    """How boxes are proposed from anchors, by SiamRPN and by the coarse stage of SPM.

    Attributes:
        anchor_sizes: How sizes of anchors are made whole: "rounded" in SPM's released code, which all networks of this
            package are trained with. See `spm_bench.geometry.anchors.base_anchors`.
        anchor_ratios: Height / width of the anchors.
        anchor_scales: Anchor size in strides.
        class_scale: Factor on the class kernels.
        box_scale: Factor on the box kernels.
        decode_offset: Added to widths when deltas are decoded: 1 in SPM's released code, 0 without that quirk.
    """

    anchor_sizes: AnchorSizes = "rounded"
    anchor_ratios: tuple[Positive, ...] = (0.33, 0.5, 1.0, 2.0, 3.0)
    anchor_scales: tuple[Positive, ...] = (8.0,)
    class_scale: Positive = 1e-3
    box_scale: Positive = 1e-3
    decode_offset: NotNegative = 0.0
