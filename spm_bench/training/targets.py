"""What both stages are taught: which anchors and proposals are positive, and where their boxes shall go.

Legend: B pairs, N anchors, M other objects, O = 1 + M objects (the target first), K proposals. Boxes are corners
(x1, y1, x2, y2) in the search frame. Nothing here loops over pairs or waits for the device; chance comes from the
generator alone, which lives on the batch's device.

The thresholds are those of the released defaults (no training code was released); what is ours is named so.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from spm_bench.geometry.anchors import decode_deltas, encode_deltas
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.proposals import LOWEST, greedy_nms
from spm_bench.trackers.spm.step import delta_list, foreground_scores
from spm_bench.training.batch import PairBatch

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0, le=4096)]

COARSE_DIVISORS, FINE_DIVISORS = SpmConfig().coarse_divisors, SpmConfig().fine_divisors
"""Inference divides the network's deltas by these, so targets are multiplied by them."""

SMALLEST_SIDE = 4.0
"""Pixels; half a cell. An untrained coarse stage can decode to boxes without area."""

CENTRED = 1e-3
"""Weight of centring when the best anchor is sought: a target inside several anchors has the same IoU with all."""


class TargetSettings(BaseModel):
    """Rules of positives and negatives, and of sampling. "Released": from the defaults file; "ours": our choice.

    Attributes:
        positive_overlap: Anchors above this IoU with the target are positive (released, 0.6).
        negative_overlap: Anchors below it are negative, those between are ignored (released, 0.3).
        keep_best: The best anchor of a target without positives is positive if it is not a negative (ours).
        generalised_positives: Objects of the target's category are class positives too (paper; switchable).
        centre_share: Side of the centre region as a share of the object's (ours).
        centre_overlap: An anchor centred in the centre region is positive above this IoU already (ours).
        regress_same: Positives on other objects regress to their own object, so that look-alikes become good
            proposals for the fine stage to reject; otherwise only the target's positives learn boxes (ours).
        positives: Most positive anchors that count, per pair (ours, 16).
        random_negatives: Negatives drawn at random, per pair (ours, 32).
        hard_negatives: Negatives of highest class loss among the others, per pair (ours, 16).
        fill_to: If not 0, random negatives fill up each pair's positives to this number (see `RELEASED_SAMPLING`).
        cell_radius: For networks with one score per cell: those this near to the target's centre are positive, all
            others negative; pixels (SiamFC, 16).
        decode_offset: See `SpmConfig.decode_offset`; proposals are decoded as at inference.
        proposals: Coarse proposals per pair that train the fine stage (released, 8 after NMS).
        proposal_nms: Overlap that suppresses one of them (released, 0.75).
        jittered: Moved copies of the true box per pair, so that early training has positives (ours).
        distractors: Moved copies of other objects of the category per pair, or random boxes if there are none (ours).
        jitter_shift: Most a copy's centre moves, as a share of the box (ours).
        jitter_scale: Most its log size changes (ours).
        fine_positive_overlap: Proposals with at least this IoU with the target are positive (released, 0.5).
        fine_negative_overlap: Proposals below it are negative, those between are ignored (released, 0.5: none).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    positive_overlap: Share = 0.6
    negative_overlap: Share = 0.3
    keep_best: bool = True
    generalised_positives: bool = True
    centre_share: Share = 0.5
    centre_overlap: Share = 0.5
    regress_same: bool = True
    positives: Count = 16
    random_negatives: Count = 32
    hard_negatives: Count = 16
    fill_to: Count = 0
    cell_radius: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 16.0
    decode_offset: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    proposals: Count = 8
    proposal_nms: Share = 0.75
    jittered: Count = 4
    distractors: Count = 4
    jitter_shift: Share = 0.15
    jitter_scale: Share = 0.2
    fine_positive_overlap: Share = 0.5
    fine_negative_overlap: Share = 0.5

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.negative_overlap > min(self.positive_overlap, self.centre_overlap):
            raise ValueError("negative_overlap cannot exceed positive_overlap or centre_overlap")
        if self.fine_negative_overlap > self.fine_positive_overlap:
            raise ValueError("fine_negative_overlap cannot exceed fine_positive_overlap")
        if 0 < self.fill_to < self.positives:
            raise ValueError(f"fill_to ({self.fill_to}) cannot be below positives ({self.positives})")
        if self.proposals + self.jittered + self.distractors == 0:
            raise ValueError("the fine stage needs proposals, jittered or distractors")
        return self


RELEASED_SAMPLING = {"positives": 24, "fill_to": 48, "random_negatives": 0, "hard_negatives": 0}
"""Changes to `TargetSettings` for the rule of the released defaults: 48 anchors, at most half of them positive."""


class Objects(NamedTuple):
    """The target and the other objects of its category: B x O x 4 boxes, finite where B x O `valid` is False too."""

    boxes: Tensor
    valid: Tensor


class CoarseTargets(NamedTuple):
    """What B x N anchors are taught.

    Attributes:
        labels: B x N int64: 1 positive, 0 negative, -1 ignored.
        deltas: B x N x 4 to the object that the anchor stands for; 0 where it is not positive.
        regressed: B x N, positives that learn their box.
    """

    labels: Tensor
    deltas: Tensor
    regressed: Tensor


class Samples(NamedTuple):
    """The anchors that count in this step, B x N bool each."""

    positive: Tensor
    negative: Tensor


class FineTargets(NamedTuple):
    """What B x K proposals are taught: labels as in `CoarseTargets`, deltas B x K x 4 to the target (else 0)."""

    labels: Tensor
    deltas: Tensor
    overlaps: Tensor


def has_area(boxes: Tensor) -> Tensor:
    """Which ... x 4 corners are finite and of positive width and height."""
    return boxes.isfinite().all(-1) & (boxes[..., 2:] > boxes[..., :2]).all(-1)


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """IoU of ... x 4 corners that broadcast with each other; both need positive areas."""
    ax1, ay1, ax2, ay2 = a.unbind(-1)
    bx1, by1, bx2, by2 = b.unbind(-1)
    wide = (torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)).clamp_(min=0)
    shared = (torch.minimum(ay2, by2) - torch.maximum(ay1, by1)).clamp_(min=0).mul_(wide)
    return shared / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared)


def find_objects(batch: PairBatch) -> Objects:
    """Join targets and other objects; the target of a negative pair is not valid, whatever its box holds."""
    boxes = torch.cat((batch.target[:, None], batch.same), 1).float()
    present = torch.cat((~batch.negative[:, None], torch.ones_like(batch.same[..., 0], dtype=torch.bool)), 1)
    valid = has_area(boxes) & present
    unit = (torch.arange(4, device=boxes.device) // 2).float()  # 0 0 1 1, made there: copying it would mean waiting
    return Objects(torch.where(valid[..., None], boxes, unit), valid)


@torch.no_grad()
def coarse_targets(anchors: Tensor, batch: PairBatch, settings: TargetSettings) -> CoarseTargets:
    """Label all anchors.

    Without generalised positives only the target counts: positive above 0.6, or centred in its centre region with a
    fair fit; negative below 0.3. With them the coarse stage learns "an object of the target's category", which is what
    the paper asks of it (the fine stage tells them apart): every object of the category is positive in the same way,
    also in a negative pair, where the target itself is missing; its surroundings are ignored: anchors not below 0.3,
    and for other objects than the target all that are centred in the box, because objects of another size than the
    target's may fit no anchor at all. A positive stands for the object it fits best.

    Args:
        anchors: N x 4.
        batch: B pairs.
        settings: See there.
    """
    objects = find_objects(batch)
    if not settings.generalised_positives:
        objects = Objects(objects.boxes[:, :1], objects.valid[:, :1])
    anchors = anchors.T.contiguous().T  # sweeps over one coordinate of all anchors are dense then
    overlap = overlaps(objects.boxes[:, :, None], anchors).mul_(objects.valid[..., None])
    fits = overlap > settings.positive_overlap
    near = overlap.amax(1) >= settings.negative_overlap
    offset = _centre_offsets(objects, anchors)
    fits |= (offset <= settings.centre_share) & (overlap > settings.centre_overlap)
    if settings.generalised_positives:
        near |= ((offset[:, 1:] <= 1.0) & objects.valid[:, 1:, None]).any(1)
    if settings.keep_best:
        own = overlap[:, 0]
        quality = own - CENTRED * offset[:, 0]
        lone = ~fits[:, 0].any(1, keepdim=True) & (own > settings.negative_overlap)
        fits[:, 0] |= lone & (quality == quality.amax(1, keepdim=True))
    fit, stands_for = overlap.mul_(fits).max(1)
    positive = fit > 0
    boxes = objects.boxes.gather(1, stands_for[..., None].expand(-1, -1, 4))
    deltas = encode_deltas(anchors, boxes, COARSE_DIVISORS).masked_fill_(~positive[..., None], 0.0)
    regressed = positive if settings.regress_same else positive & (stands_for == 0)
    return CoarseTargets(positive.long() - (near & ~positive).long(), deltas, regressed)


def cell_centres(anchors: Tensor, cells: int) -> Tensor:
    """Where the cells of a response lie in the search image, cells x 2; N x 4 anchors stand in their order."""
    first = anchors[:: len(anchors) // cells]
    return (first[:, :2] + first[:, 2:]) / 2


@torch.no_grad()
def cell_targets(anchors: Tensor, batch: PairBatch, settings: TargetSettings) -> Samples:
    """What the cells of a response are taught: near the target's centre or not, B x cells each.

    Args:
        anchors: N x 4 of a network with as many anchors per cell as `SpmConfig` has.
        batch: B pairs; in a negative one no cell is positive.
        settings: Gives the radius.
    """
    objects = find_objects(batch)
    target = objects.boxes[:, 0]
    centres = cell_centres(anchors, len(anchors) // len(SpmConfig().anchor_ratios))
    away = torch.cdist((target[:, :2] + target[:, 2:]) / 2, centres)
    positive = (away <= settings.cell_radius) & objects.valid[:, :1]
    return Samples(positive, ~positive)


def _centre_offsets(objects: Objects, anchors: Tensor) -> Tensor:
    """How far anchors' centres are from objects' centres, B x O x N: 0 centre, 1 on the box's border."""
    size = objects.boxes[..., 2:] - objects.boxes[..., :2]
    centre = (objects.boxes[..., :2] + objects.boxes[..., 2:]) / 2
    x, y = ((anchors[:, :2] + anchors[:, 2:]) / 2).unbind(-1)
    across = (x - centre[..., :1]).abs_().mul_(2 / size[..., :1])
    down = (y - centre[..., 1:]).abs_().mul_(2 / size[..., 1:])
    return torch.maximum(across, down)


@torch.no_grad()
def sample_anchors(labels: Tensor, hardness: Tensor, settings: TargetSettings, generator: torch.Generator) -> Samples:
    """Choose the anchors that count: random positives, random negatives, and the hardest of the other negatives.

    Args:
        labels: B x N from `coarse_targets`.
        hardness: B x N, current class loss of each anchor as a negative.
        settings: Counts.
        generator: Source of chance.
    """
    # Positives and negatives are different anchors, so one draw serves both.
    keys = torch.rand(labels.shape, generator=generator, device=labels.device)
    is_negative = labels == 0
    positive = _highest(keys, labels == 1, settings.positives)
    if settings.fill_to:
        room = settings.fill_to - positive.sum(1, keepdim=True)
        negative = _highest(keys, is_negative, settings.fill_to, room)
    else:
        negative = _highest(keys, is_negative, settings.random_negatives)
    hard = _highest(hardness, is_negative & ~negative, settings.hard_negatives)
    return Samples(positive, negative | hard)


def _highest(keys: Tensor, allowed: Tensor, most: int, room: Tensor | None = None) -> Tensor:
    """Mark the `most` allowed entries of highest key in each row, fewer if `room` (B x 1) says so."""
    values, index = torch.where(allowed, keys, LOWEST).topk(min(most, keys.shape[1]), dim=1)
    taken = values > LOWEST
    if room is not None:
        taken &= torch.arange(taken.shape[1], device=keys.device) < room
    return torch.zeros_like(allowed).scatter_(1, index, taken)


def class_pairs(logits: Tensor) -> Tensor:
    """Class logits B x 2A x G x G of the coarse stage as a list in anchor order, B x N x 2."""
    B, channels, G, _ = logits.shape
    return logits.reshape(B, 2, channels // 2, G, G).permute(0, 3, 4, 2, 1).reshape(B, -1, 2)


@torch.no_grad()
def fine_proposals(
    logits: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    batch: PairBatch,
    settings: TargetSettings,
    generator: torch.Generator,
) -> Tensor:
    """Choose the boxes that the fine stage learns from; no gradient flows into them.

    First the coarse stage's proposals, decoded as at inference: the best scores after greedy NMS, and random boxes
    where they run out. Then moved copies of the true box, or in a negative pair of the template box, where the target
    was expected. Then moved copies of other objects of the category, or random boxes.

    Args:
        logits: B x 2A x G x G of the coarse stage.
        deltas: B x 4A x G x G.
        anchors: N x 4.
        batch: B pairs.
        settings: Counts and thresholds.
        generator: Source of chance.

    Returns:
        B x K x 4, K = proposals + jittered + distractors; finite, sides from 4 px to twice the search image.
    """
    objects, extent = find_objects(batch), float(batch.search.shape[-1])
    template = batch.template_box.float()[:, None]
    spare = _random_boxes(template, settings.proposals + settings.distractors, extent, generator)
    boxes = _tame(
        decode_deltas(anchors, delta_list(deltas.float()), COARSE_DIVISORS, pixel_offset=settings.decode_offset), extent
    )
    scores = foreground_scores(logits.float())
    threshold = scores.new_full((len(scores),), settings.proposal_nms)
    rows, valid = greedy_nms(boxes, scores, torch.ones_like(scores, dtype=torch.bool), threshold, settings.proposals)
    best = boxes.gather(1, rows[..., None].expand(-1, -1, 4))
    best = torch.where(valid[..., None], best, spare[:, : settings.proposals])

    expected = torch.where(objects.valid[:, :1, None], objects.boxes[:, :1], template)
    moved = _jitter(expected.expand(-1, settings.jittered, -1), settings.jitter_shift, settings.jitter_scale, generator)
    others, found = _draw_objects(objects, settings.distractors, generator)
    others = _jitter(others, settings.jitter_shift, settings.jitter_scale, generator)
    others = torch.where(found[..., None], others, spare[:, settings.proposals :])
    return _tame(torch.cat((best, moved, others), 1), extent)


def _draw_objects(objects: Objects, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw `count` of each pair's objects other than the target, with replacement: boxes, and whether there is any."""
    valid = objects.valid[:, 1:]
    if valid.shape[1] == 0:
        none = valid.new_zeros((len(valid), count))
        return objects.boxes[:, :1].expand(-1, count, -1), none
    keys = torch.rand((len(valid), count, valid.shape[1]), generator=generator, device=valid.device)
    pick = torch.where(valid[:, None], keys, LOWEST).argmax(-1)
    boxes = objects.boxes[:, 1:].gather(1, pick[..., None].expand(-1, -1, 4))
    return boxes, valid.any(1, keepdim=True).expand(-1, count)


def _random_boxes(like: Tensor, count: int, extent: float, generator: torch.Generator) -> Tensor:
    """B x count boxes about the size of B x 1 x 4 `like`, centred anywhere in the search image."""
    draw = torch.rand((len(like), count, 4), generator=generator, device=like.device)
    size = (like[..., 2:] - like[..., :2]) * (draw[..., 2:] - 0.5).exp()
    return torch.cat((draw[..., :2] * extent - size / 2, draw[..., :2] * extent + size / 2), -1)


def _jitter(boxes: Tensor, shift: float, scale: float, generator: torch.Generator) -> Tensor:
    """Move ... x 4 corners by up to `shift` of their size, and scale each side by up to exp(+-scale)."""
    draw = torch.rand(boxes.shape, generator=generator, device=boxes.device) * 2 - 1
    size = boxes[..., 2:] - boxes[..., :2]
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2 + draw[..., :2] * shift * size
    half = size * (draw[..., 2:] * scale).exp() / 2
    return torch.cat((centre - half, centre + half), -1)


def _tame(boxes: Tensor, extent: float) -> Tensor:
    """Bound boxes: centres to half an image around the search image, sides to [SMALLEST_SIDE, 2 extents]."""
    boxes = torch.nan_to_num(boxes, nan=extent / 2, posinf=2 * extent, neginf=-extent)
    centre = ((boxes[..., :2] + boxes[..., 2:]) / 2).clamp_(-extent / 2, 1.5 * extent)
    half = ((boxes[..., 2:] - boxes[..., :2]) / 2).clamp_(SMALLEST_SIDE / 2, extent)
    return torch.cat((centre - half, centre + half), -1)


@torch.no_grad()
def fine_targets(boxes: Tensor, batch: PairBatch, settings: TargetSettings) -> FineTargets:
    """Label proposals by their overlap with the target itself; look-alikes and negative pairs are negatives.

    Args:
        boxes: B x K x 4 of positive size.
        batch: B pairs.
        settings: Thresholds.
    """
    objects = find_objects(batch)
    target, present = objects.boxes[:, :1], objects.valid[:, :1]
    overlap = overlaps(boxes, target) * present
    positive = (overlap >= settings.fine_positive_overlap) & present
    grey = ~positive & (overlap >= settings.fine_negative_overlap) & present
    deltas = encode_deltas(boxes, target, FINE_DIVISORS).masked_fill_(~positive[..., None], 0.0)
    return FineTargets(positive.long() - grey.long(), deltas, overlap)
