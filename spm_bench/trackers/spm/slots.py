"""What the slots of a batch hold: the frames they see, their settings, who shares what, and the result of a step.

Legend: B slots (targets), L looks and S selections that they share, K candidates. Boxes are corners (x1, y1, x2, y2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spm_bench.errors import TrackerError, UsageError
from spm_bench.geometry.crops import Border, frame_mean
from spm_bench.models.architecture import SPM_ALEXNET, Architecture
from spm_bench.models.backbone import Features
from spm_bench.models.grid import ResponseGrid, response_grid
from spm_bench.suites.base import Frame
from spm_bench.trackers.spm.config import SpmConfig

SHARED_FIELDS = (
    "template_size",
    "search_size",
    "mean_bgr",
    "anchor_sizes",
    "anchor_ratios",
    "anchor_scales",
    "class_scale",
    "box_scale",
    "coarse_divisors",
    "fine_divisors",
    "backbone_padding",
    "roi_sampling",
    "precision",
)
"""Settings that shape the tensors or the networks and must be equal in all slots of a batch; all others may differ."""


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


def frame_batch(frames: Sequence[Frame], device: torch.device) -> FrameBatch:
    """Bring the frames of B slots to the device; slots that share a frame give the same object."""
    order: dict[int, int] = {}
    distinct: list[Frame] = []
    for frame in frames:
        if id(frame) not in order:
            order[id(frame)] = len(distinct)
            distinct.append(frame)
    extent = [(float(frame.shape[1]), float(frame.shape[0])) for frame in frames]
    return FrameBatch(
        frames=tuple(_to_tensor(frame).to(device) for frame in distinct),
        means=tuple(frame_mean(frame).to(device) for frame in distinct),
        slot_frame=tuple(order[id(frame)] for frame in frames),
        extent=torch.tensor(extent, dtype=torch.float64, device=device),
    )


def _to_tensor(frame: Frame) -> Tensor:
    plain = np.ascontiguousarray(frame)
    # torch refuses to share read-only memory without a warning; cached frames are read-only.
    return torch.from_numpy(plain if plain.flags.writeable else plain.copy())


def corners_of(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners of B x 4 boxes (x, y, w, h) that targets are started on.

    Raises:
        TrackerError: A box has no area or is not finite.
    """
    if not (np.isfinite(boxes).all() and (boxes[:, 2:] > 0).all()):
        raise TrackerError(f"no tracking can start on the box {boxes.tolist()}: finite with positive size is needed")
    return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)


def boxes_of(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes (x, y, w, h) of B x 4 corners."""
    return np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)


class SlotSettings(NamedTuple):
    """Inference settings of B slots, one value per slot and field, and what the whole batch has in common.

    Attributes:
        anchor_shift: What to add to the anchors of `shared`: half a pixel less with `exact_scale`, and what a template
            image of another size moves them.
        fine: Whether the fine stage can change anything.
        any_fine: Whether it can in any slot.
    """

    context: Tensor
    exact_scale: Tensor
    decode_offset: Tensor
    anchor_shift: Tensor
    candidates: Tensor
    near_candidates: Tensor
    near_overlap: Tensor
    score_cut: Tensor
    nms_threshold: Tensor
    fm_score_weight: Tensor
    fm_box: Tensor
    cm_box: Tensor
    fm_box_weight: Tensor
    window_weight: Tensor
    size_rate: Tensor
    lost_threshold: Tensor
    min_size: Tensor
    fine: Tensor
    borders: tuple[Border, ...]
    wide_templates: tuple[bool, ...]
    any_fine: bool
    shared: SpmConfig

    @classmethod
    def of(
        cls, configs: Sequence[SpmConfig], device: torch.device, architecture: Architecture = SPM_ALEXNET
    ) -> SlotSettings:
        """Lay the settings of B slots side by side.

        Args:
            configs: B.
            device: Where the columns go.
            architecture: Of the network; without padding its receptive field moves the anchors.

        Raises:
            UsageError: The slots differ in a field that shapes the tensors.
        """
        first = configs[0]
        for field in SHARED_FIELDS:
            if any(getattr(c, field) != getattr(first, field) for c in configs):
                raise UsageError(f"slots of one batch must have the same {field}")

        start = anchor_grid(first, architecture).first
        shift = [anchor_grid(c, architecture).first - 0.5 * c.exact_scale - start for c in configs]

        def column(field: str, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.tensor([getattr(c, field) for c in configs], dtype=dtype, device=device)

        return cls(
            context=column("context", torch.float64),
            exact_scale=column("exact_scale", torch.bool),
            decode_offset=column("decode_offset"),
            anchor_shift=torch.tensor(shift, dtype=torch.float32, device=device),
            candidates=column("candidates", torch.long),
            near_candidates=column("near_candidates", torch.long),
            near_overlap=column("near_overlap"),
            score_cut=column("score_cut"),
            nms_threshold=column("nms_threshold"),
            fm_score_weight=column("fm_score_weight"),
            fm_box=column("fm_box", torch.bool),
            cm_box=column("cm_box", torch.bool),
            fm_box_weight=column("fm_box_weight"),
            window_weight=column("window_weight"),
            size_rate=column("size_rate", torch.float64),
            lost_threshold=column("lost_threshold"),
            min_size=column("min_size", torch.float64),
            fine=column("needs_fine_stage", torch.bool),
            borders=tuple(c.border for c in configs),
            wide_templates=tuple(c.wide_template for c in configs),
            any_fine=any(c.needs_fine_stage for c in configs),
            shared=first,
        )

    def take(self, slots: Tensor) -> SlotSettings:
        """The settings of some slots, given by their indices; what is no column on the device stays."""
        return SlotSettings._make(value[slots] if isinstance(value, Tensor) else value for value in self)


def anchor_grid(config: SpmConfig, architecture: Architecture = SPM_ALEXNET) -> ResponseGrid:
    """Where the response's cells lie.

    Raises:
        UsageError: The sizes leave no response.
    """
    return response_grid(
        config.template_size,
        config.search_size,
        config.backbone_padding,
        wide_template=config.wide_template,
        architecture=architecture,
    )


class Sharing(NamedTuple):
    """Which of B slots are computed together; indices are tensors on the device.

    A look is a search crop with its coarse response, a selection a list of candidates from it.

    Attributes:
        slot_of_look: L, one slot of each look; its settings count for all.
        look_of_selection: S.
        slot_of_selection: S, one slot of each selection.
        selection_of_slot: B.
        candidates: S, what the most demanding slot of each selection wants.
        most_pool: Largest `candidates - near_candidates` of the batch.
        most_near: Largest `near_candidates` of the batch.
    """

    slot_of_look: Tensor
    look_of_selection: Tensor
    slot_of_selection: Tensor
    selection_of_slot: Tensor
    candidates: Tensor
    most_pool: int
    most_near: int

    @property
    def look_of_slot(self) -> Tensor:
        """B."""
        return self.look_of_selection[self.selection_of_slot]

    @classmethod
    def nothing(cls, configs: Sequence[SpmConfig], device: torch.device) -> Sharing:
        """Every slot for itself."""
        own = torch.arange(len(configs), device=device)
        wanted = torch.tensor([c.candidates for c in configs], device=device)
        return cls(own, own, own, own, wanted, *most_candidates(configs))


def most_candidates(configs: Sequence[SpmConfig]) -> tuple[int, int]:
    """The longest pool list and the longest near list of B slots."""
    return max(c.candidates - c.near_candidates for c in configs), max(c.near_candidates for c in configs)


class Looks(NamedTuple):
    """What L search crops show.

    Attributes:
        features: Of the crops.
        logits, deltas: The coarse stage's raw output.
        rows: L x N x 9, the proposals: [image box, coarse score, search box].
        region, scale: The search squares (L x 4) and search pixels per image pixel (L), float32.
        decode_offset: L.
    """

    features: Features
    logits: Tensor
    deltas: Tensor
    rows: Tensor
    region: Tensor
    scale: Tensor
    decode_offset: Tensor


class Ballot(NamedTuple):
    """The candidates of B slots, judged by both stages; K entries may be padding (`valid`).

    Attributes:
        candidates: B x K x 9 rows [image box, coarse score, search box].
        places: B x K, where each stands in the list of the look's proposals.
        valid: B x K. n_near: B.
        fm_logits, fm_deltas: The fine stage's raw output (of a foreign row where it was not asked for).
        fm_score: B x K. fm_box: B x K x 4, search frame.
        region, scale: As in `Looks`, of each slot.
    """

    candidates: Tensor
    places: Tensor
    valid: Tensor
    n_near: Tensor
    fm_logits: Tensor
    fm_deltas: Tensor
    fm_score: Tensor
    fm_box: Tensor
    region: Tensor
    scale: Tensor


class Decision(NamedTuple):
    """What B slots made of their ballots.

    Attributes:
        boxes: B x 4 float64, the new boxes in the image.
        accepted: B, False where the target counts as lost and the box was kept.
        score: B, the fused score of the chosen candidate.
        best: B, its place among the candidates.
        window: B x K. box_weight: B x K share of the coarse box.
        fused: B x K x 4 image boxes. fused_score, final_score: B x K, without and with the window.
    """

    boxes: Tensor
    accepted: Tensor
    score: Tensor
    best: Tensor
    window: Tensor
    box_weight: Tensor
    fused: Tensor
    fused_score: Tensor
    final_score: Tensor


class StepResult(NamedTuple):
    """The new boxes and everything that led to them; K entries may be padding (`valid`).

    Attributes:
        boxes: B x 4 float64, the new boxes in the image.
        accepted: B, False where the target counts as lost and the box was kept.
        score: B, the fused score of the chosen candidate.
        best: B, its place among the candidates.
        region, scale: The search squares (B x 4, float64) and search pixels per image pixel (B).
        crops: B x 3 x S x S, the search images less the mean colour of the network.
        logits, deltas: The coarse stage's raw output.
        proposals: B x N x 9 rows [image box, coarse score, search box].
        valid: B x K. n_near: B.
        candidates: B x K x 9 rows of the proposals; places: B x K, where they stand there.
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
    crops: Tensor
    logits: Tensor
    deltas: Tensor
    proposals: Tensor
    valid: Tensor
    n_near: Tensor
    candidates: Tensor
    places: Tensor
    fm_logits: Tensor
    fm_deltas: Tensor
    fm_score: Tensor
    fm_box: Tensor
    window: Tensor
    box_weight: Tensor
    fused: Tensor
    fused_score: Tensor
    final_score: Tensor
