"""One SPM step for B targets, written once: every decision from the search crop to the new box, on tensors.

Legend: B targets, N = 1805 proposals, K candidates. Boxes are corners (x1, y1, x2, y2); "search" boxes are in pixels of
the 271 x 271 search image. Slots of one batch may have different settings (`SlotSettings` holds a value per slot).
Nothing in `decide` waits for the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spm_bench.geometry.anchors import base_anchors, decode_deltas, grid_anchors
from spm_bench.geometry.crops import crop_frame, search_region, to_image_frame, to_search_frame
from spm_bench.models.backbone import unpadded_cells
from spm_bench.models.spm import SpmNet, Template
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.proposals import LOWEST, select_candidates
from spm_bench.trackers.spm.slots import FrameBatch, SlotSettings, StepResult

HEAD_SHRINK = 2 + 3
"""Cells lost between the cropped feature map and the response: a 3 x 3 convolution, then a 4 x 4 correlation."""


def make_anchors(config: SpmConfig, stride: int, device: torch.device) -> Tensor:
    """All anchors of the search image, N x 4 float32 corners."""
    base = base_anchors(stride, config.anchor_ratios, config.anchor_scales)
    cells = unpadded_cells(config.search_size) - HEAD_SHRINK
    return torch.from_numpy(grid_anchors(base, cells, stride, config.template_size / 2)).float().to(device)


def crop_targets(batch: FrameBatch, boxes: Tensor, settings: SlotSettings) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the search (or template) images of B targets.

    Args:
        batch: Frames.
        boxes: B x 4 float64 image boxes to centre on.
        settings: Slot settings.

    Returns:
        Normalised crops B x 3 x S x S, search squares B x 4 and scales B (float64).
    """
    shared = settings.shared
    region, scale = search_region(boxes, settings.context, shared.template_size, shared.search_size)
    corners = region.float()
    offset = batch.frames[0].new_tensor(shared.mean_bgr, dtype=torch.float32)
    if len(batch.frames) == 1:
        return crop_frame(batch.frames[0], batch.means[0], corners, shared.search_size, offset=offset), region, scale
    crops = corners.new_empty((len(boxes), 3, shared.search_size, shared.search_size))
    for f, (frame, mean) in enumerate(zip(batch.frames, batch.means, strict=True)):
        slots = [b for b, slot_frame in enumerate(batch.slot_frame) if slot_frame == f]
        crops[slots] = crop_frame(frame, mean, corners[slots], shared.search_size, offset=offset)
    return crops, region, scale


def make_templates(net: SpmNet, batch: FrameBatch, boxes: Tensor, settings: SlotSettings) -> Template:
    """Compute what is kept of B templates, including the constant half of the fine stage.

    Args:
        net: Network on the frames' device.
        batch: Frames.
        boxes: B x 4 float64 image boxes of the targets.
        settings: Slot settings.
    """
    shared = settings.shared
    crops, region, scale = crop_targets(batch, boxes, settings)
    features = net.cm.features(crops, shared.template_size)
    kernels = net.cm.kernels(features, shared.class_scale, shared.box_scale)
    search_boxes = to_search_frame(boxes, region, scale).float()
    return Template(kernels, net.fm.template_half(features, search_boxes, net.stride))


def step(
    net: SpmNet, template: Template, batch: FrameBatch, boxes: Tensor, anchors: Tensor, settings: SlotSettings
) -> StepResult:
    """Advance B targets by one frame.

    Args:
        net: Network on the frames' device.
        template: From `make_templates`.
        batch: The new frames.
        boxes: B x 4 float64, the last boxes in the image.
        anchors: From `make_anchors`.
        settings: Slot settings.
    """
    crops, region, scale = crop_targets(batch, boxes, settings)
    return decide(net, template, crops, region, scale, batch.extent, boxes, anchors, settings)


def decide(
    net: SpmNet,
    template: Template,
    crops: Tensor,
    region: Tensor,
    scale: Tensor,
    extent: Tensor,
    boxes: Tensor,
    anchors: Tensor,
    settings: SlotSettings,
) -> StepResult:
    """The step after the crop: network, proposals, fine stage, fusion, smoothing (shapes as in `StepResult`)."""
    shared = settings.shared
    features = net.cm.features(crops, shared.search_size)
    logits, deltas = net.cm(features, template.kernels)
    scores, rows = _proposals(logits, deltas, anchors, region, scale, shared)
    chosen = select_candidates(
        rows[..., :4],
        scores,
        boxes,
        candidates=settings.candidates,
        near=settings.near_candidates,
        near_overlap=settings.near_overlap,
        score_cut=settings.score_cut,
        nms_threshold=settings.nms_threshold,
        most_pool=settings.most_pool,
        most_near=settings.most_near,
    )
    candidates = rows.gather(1, chosen.rows[..., None].expand(-1, -1, 9))
    search_boxes, coarse = candidates[..., 5:], candidates[..., 4]
    if settings.fine:
        fm_logits, fm_deltas = net.fm(features, template.fine_half, search_boxes, net.stride)
        fm_score = fm_logits.softmax(-1)[..., 1]
        fm_box = decode_deltas(search_boxes, fm_deltas, shared.fine_divisors, pixel_offset=shared.decode_offset)
    else:
        fm_logits, fm_deltas = coarse.new_zeros((*coarse.shape, 2)), torch.zeros_like(search_boxes)
        fm_score, fm_box = torch.zeros_like(coarse), search_boxes
    window = cosine_window(search_boxes, shared.search_size)
    box_weight = coarse_box_weight(coarse, fm_score, settings.fm_box_weight, settings.fm_box)
    fused = box_weight[..., None] * candidates[..., :4] + (1 - box_weight[..., None]) * to_image_frame(
        fm_box, region, scale
    )
    S, V = settings.fm_score_weight[:, None], settings.window_weight[:, None]
    fused_score = (1 - S) * coarse + S * fm_score
    final_score = torch.where(chosen.valid, (1 - V) * fused_score + V * window, LOWEST)
    best = final_score.argmax(1)
    score = fused_score.gather(1, best[:, None])[:, 0]
    winner = fused.gather(1, best[:, None, None].expand(-1, 1, 4))[:, 0]
    moved = smooth(winner.double(), boxes, score.double() * settings.size_rate, extent, settings.min_size)
    # A network without sense (untrained, say) can blow a box up beyond numbers; that target is lost, not everywhere.
    accepted = (score >= settings.lost_threshold) & moved.isfinite().all(1)
    return StepResult(
        boxes=torch.where(accepted[:, None], moved, boxes),
        accepted=accepted,
        score=score,
        best=best,
        region=region,
        scale=scale,
        logits=logits,
        deltas=deltas,
        valid=chosen.valid,
        n_near=chosen.n_near,
        candidates=candidates,
        fm_logits=fm_logits,
        fm_deltas=fm_deltas,
        fm_score=fm_score,
        fm_box=fm_box,
        window=window,
        box_weight=box_weight,
        fused=fused,
        fused_score=fused_score,
        final_score=final_score,
    )


def _proposals(
    logits: Tensor, deltas: Tensor, anchors: Tensor, region: Tensor, scale: Tensor, config: SpmConfig
) -> tuple[Tensor, Tensor]:
    """Decode the response map: B x N scores, and B x N x 9 rows [image box, score, search box]."""
    scores = foreground_scores(logits)
    search = decode_deltas(anchors, delta_list(deltas), config.coarse_divisors, pixel_offset=config.decode_offset)
    return scores, torch.cat((to_image_frame(search, region, scale), scores[..., None], search), -1)


def delta_list(deltas: Tensor) -> Tensor:
    """Box deltas B x 4A x G x G of the coarse stage in list order (row, column, anchor): B x N x 4."""
    B, channels = deltas.shape[:2]
    return deltas.reshape(B, channels // 4, 4, *deltas.shape[-2:]).permute(0, 3, 4, 1, 2).reshape(B, -1, 4)


def foreground_scores(logits: Tensor) -> Tensor:
    """Softmax over the class pair of B x 2A x G x G logits; B x N in list order (row, column, anchor)."""
    B, channels = logits.shape[:2]
    pairs = logits.reshape(B, 2, channels // 2, *logits.shape[-2:]).softmax(1)
    return pairs[:, 1].permute(0, 2, 3, 1).reshape(B, -1)


def cosine_window(search_boxes: Tensor, search_size: int) -> Tensor:
    """Window score at the centres of search-frame boxes, ... x 4 -> ...: 1 in the middle, 0 on the border."""
    centre = (0.5 * (search_boxes[..., :2] + search_boxes[..., 2:]) / (search_size - 1)).clamp(0, 1)
    return (0.5 - 0.5 * torch.cos(2 * torch.pi * centre)).prod(-1)


def coarse_box_weight(coarse: Tensor, fine: Tensor, influence: Tensor, enabled: Tensor) -> Tensor:
    """Share of the coarse box in the fused box.

    Args:
        coarse, fine: B x K scores.
        influence: B, weight of the fine score.
        enabled: B, where False the coarse box is taken as it is.
    """
    weight = coarse / (coarse + influence[:, None] * fine).clamp(1e-5, 99999.0)
    return torch.where(enabled[:, None], weight, 1.0)


def smooth(winner: Tensor, last: Tensor, rate: Tensor, extent: Tensor, min_size: Tensor) -> Tensor:
    """Take the winner's centre, blend its size with the last one, and keep the box at the image.

    The lower bound of the centre is 0 and comes last, so a box may stick out by half at the left and top, never at the
    right and bottom; this is the released behaviour.

    Args:
        winner, last: B x 4 corners, float64.
        rate: B, share of the new size.
        extent: B x 2 (width, height) of the frames.
        min_size: B.

    Returns:
        B x 4 corners.
    """
    r = rate[:, None]
    size = r * (winner[:, 2:] - winner[:, :2]) + (1 - r) * (last[:, 2:] - last[:, :2])
    size = torch.maximum(size, min_size[:, None])
    centre = 0.5 * (winner[:, :2] + winner[:, 2:])
    centre = torch.minimum(centre, extent - size / 2).clamp(min=0)
    return torch.cat((centre - size / 2, centre + size / 2), dim=-1)
