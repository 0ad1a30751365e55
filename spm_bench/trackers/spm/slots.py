"""What the slots of a batch hold: the frames they see, their settings, and the result of a step.

Legend: B slots (targets), K candidates. Boxes are corners (x1, y1, x2, y2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from spm_bench.errors import UsageError
from spm_bench.trackers.spm.config import SpmConfig

SHARED_FIELDS = (
    "template_size",
    "search_size",
    "mean_bgr",
    "anchor_ratios",
    "anchor_scales",
    "class_scale",
    "box_scale",
    "coarse_divisors",
    "fine_divisors",
    "decode_offset",
)
"""Settings that shape the tensors and must be equal in all slots of a batch; all others may differ."""


class FrameBatch(NamedTuple):
    """The frames that B targets see now; slots that look at the same frame share it.

    Attributes:
        frames: Distinct frames, H x W x 3 uint8 BGR on the device.
        means: Their mean colours, 3 float32 each.
        slot_frame: For each slot, the index of its frame.
        extent: B x 2 float64, (width, height) of each slot's frame.
    """

    frames: tuple[Tensor, ...]
    means: tuple[Tensor, ...]
    slot_frame: tuple[int, ...]
    extent: Tensor


class SlotSettings(NamedTuple):
    """Inference settings of B slots, one value per slot and field, and what the whole batch has in common."""

    context: Tensor
    candidates: Tensor
    near_candidates: Tensor
    near_overlap: Tensor
    score_cut: Tensor
    nms_threshold: Tensor
    fm_score_weight: Tensor
    fm_box: Tensor
    fm_box_weight: Tensor
    window_weight: Tensor
    size_rate: Tensor
    lost_threshold: Tensor
    min_size: Tensor
    most_pool: int
    most_near: int
    fine: bool
    shared: SpmConfig

    @classmethod
    def of(cls, configs: Sequence[SpmConfig], device: torch.device) -> SlotSettings:
        """Lay the settings of B slots side by side.

        Raises:
            UsageError: The slots differ in a field that shapes the tensors.
        """
        first = configs[0]
        for field in SHARED_FIELDS:
            if any(getattr(c, field) != getattr(first, field) for c in configs):
                raise UsageError(f"slots of one batch must have the same {field}")

        def column(field: str, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.tensor([getattr(c, field) for c in configs], dtype=dtype, device=device)

        return cls(
            context=column("context", torch.float64),
            candidates=column("candidates", torch.long),
            near_candidates=column("near_candidates", torch.long),
            near_overlap=column("near_overlap"),
            score_cut=column("score_cut"),
            nms_threshold=column("nms_threshold"),
            fm_score_weight=column("fm_score_weight"),
            fm_box=column("fm_box", torch.bool),
            fm_box_weight=column("fm_box_weight"),
            window_weight=column("window_weight"),
            size_rate=column("size_rate", torch.float64),
            lost_threshold=column("lost_threshold"),
            min_size=column("min_size", torch.float64),
            most_pool=max(c.candidates - c.near_candidates for c in configs),
            most_near=max(c.near_candidates for c in configs),
            fine=any(c.needs_fine_stage for c in configs),
            shared=first,
        )


class StepResult(NamedTuple):
    """The new boxes and everything that led to them; K entries may be padding (`valid`).

    Attributes:
        boxes: B x 4 float64, the new boxes in the image.
        accepted: B, False where the target counts as lost and the box was kept.
        score: B, the fused score of the chosen candidate.
        best: B, its place among the candidates.
        region, scale: The search squares (B x 4, float64) and search pixels per image pixel (B).
        logits, deltas: The coarse stage's raw output.
        valid: B x K. n_near: B.
        candidates: B x K x 9 rows [image box, coarse score, search box].
        fm_logits, fm_deltas: The fine stage's raw output (zeros where it was not needed).
        fm_score: B x K. fm_box: B x K x 4 search frame. window: B x K. box_weight: B x K share of the coarse box.
        fused: B x K x 4 image boxes. fused_score, final_score: B x K, without and with the window.
    """

    boxes: Tensor
    accepted: Tensor
    score: Tensor
    best: Tensor
    region: Tensor
    scale: Tensor
    logits: Tensor
    deltas: Tensor
    valid: Tensor
    n_near: Tensor
    candidates: Tensor
    fm_logits: Tensor
    fm_deltas: Tensor
    fm_score: Tensor
    fm_box: Tensor
    window: Tensor
    box_weight: Tensor
    fused: Tensor
    fused_score: Tensor
    final_score: Tensor
