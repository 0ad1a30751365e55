"""One SPM step for B targets, written once: every decision from the search crop to the new box, on tensors.

The stages are those at which targets can be computed together: `look` (crop, network, proposals) depends on the frame,
the template and the search square only; `nominate` adds the last box and how candidates are chosen, and runs the fine
stage once on every distinct proposal; `settle` is a slot's own. `Sharing` tells who is together; a target alone, or B
that share nothing, go the same way.

Legend: B targets, L looks, S selections, N = 1805 proposals, K candidates. Boxes are corners (x1, y1, x2, y2);
"search" boxes are in pixels of the 271 x 271 search image. Slots of one batch may have different settings
(`SlotSettings` holds a value per slot). Nothing here waits for an accelerator.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spm_bench.geometry.anchors import AnchorSizes, base_anchors, decode_deltas, grid_anchors
from spm_bench.geometry.crops import Border, crop_frame, search_region, to_image_frame, to_search_frame
from spm_bench.models.architecture import SPM_ALEXNET, Architecture
from spm_bench.models.grid import ResponseGrid
from spm_bench.models.spm import SpmNet, Template
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.proposals import LOWEST, Candidates, select_candidates
from spm_bench.trackers.spm.slots import (
    Ballot,
    Decision,
    FrameBatch,
    Looks,
    Sharing,
    SlotSettings,
    StepResult,
    anchor_grid,
)


def make_anchors(
    config: SpmConfig, stride: int, device: torch.device, architecture: Architecture = SPM_ALEXNET
) -> Tensor:
    """All anchors of the search image in the released code's coordinates, N x 4 float32 corners.

    Raises:
        UsageError: The sizes leave no response.
    """
    ratios, scales, sizes = config.anchor_ratios, config.anchor_scales, config.anchor_sizes
    return anchors_on(anchor_grid(config, architecture), stride, ratios, scales, device, sizes)


def anchors_on(
    grid: ResponseGrid,
    stride: int,
    ratios: Sequence[float],
    scales: Sequence[float],
    device: torch.device,
    sizes: AnchorSizes = "rounded",
) -> Tensor:
    """All anchors of a response, N x 4 float32 corners in list order (row, column, anchor)."""
    base = base_anchors(stride, ratios, scales, sizes)
    return torch.from_numpy(grid_anchors(base, grid.cells, stride, grid.first)).float().to(device)


def search_squares(boxes: Tensor, settings: SlotSettings) -> tuple[Tensor, Tensor]:
    """Where B targets are searched: squares B x 4 in the image and search pixels per image pixel B, float64."""
    shared = settings.shared
    return search_region(boxes, settings.context, shared.template_size, shared.search_size, exact=settings.exact_scale)


def crop_squares(
    batch: FrameBatch, squares: Tensor, borders: Sequence[Border], config: SpmConfig, size: int | None = None
) -> Tensor:
    """Cut search (or template) images.

    Args:
        batch: Frames; `slot_frame` tells which one each square lies in.
        squares: L x 4 float32 corners.
        borders: L, what is shown beyond the frame.
        config: What the batch has in common.
        size: Side of the images; by default the search image's.

    Returns:
        Crops less the mean colour of the network, L x 3 x size x size.
    """
    size = size or config.search_size
    offset = squares.new_tensor(config.mean_bgr)
    together: dict[tuple[int, Border], list[int]] = {}
    for place, key in enumerate(zip(batch.slot_frame, borders, strict=True)):
        together.setdefault(key, []).append(place)

    def cut(frame: int, border: Border, boxes: Tensor) -> Tensor:
        return crop_frame(batch.frames[frame], batch.means[frame], boxes, size, offset=offset, border=border)

    if len(together) == 1:
        return cut(*next(iter(together)), squares)
    crops = squares.new_empty((len(squares), size, size, 3)).permute(0, 3, 1, 2)
    for key, places in together.items():
        crops[places] = cut(*key, squares[places])
    return crops


def crop_targets(batch: FrameBatch, boxes: Tensor, settings: SlotSettings) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the search images of B targets: crops B x 3 x S x S, squares B x 4 and scales B (float64)."""
    region, scale = search_squares(boxes, settings)
    return crop_squares(batch, region.float(), settings.borders, settings.shared), region, scale


def make_templates(net: SpmNet, batch: FrameBatch, boxes: Tensor, settings: SlotSettings) -> Template:
    """Compute what is kept of B templates, including the constant half of the fine stage.

    Args:
        net: Network on the frames' device.
        batch: Frames.
        boxes: B x 4 float64 image boxes of the targets.
        settings: Slot settings.
    """
    wide = settings.wide_templates
    if all(wide) or not any(wide):
        return _make_templates(net, batch, boxes, settings, wide[0])
    order = [[b for b, is_wide in enumerate(wide) if is_wide == kind] for kind in (True, False)]
    parts = []
    for slots, kind in zip(order, (True, False), strict=True):
        of = torch.tensor(slots, device=boxes.device)
        few = batch._replace(slot_frame=tuple(batch.slot_frame[b] for b in slots))
        some = settings.take(of)._replace(borders=tuple(settings.borders[b] for b in slots))
        parts.append(_make_templates(net, few, boxes[of], some, kind))
    back = torch.tensor(order[0] + order[1], device=boxes.device).argsort()
    return pick_templates(join_templates(parts), back)


def _make_templates(net: SpmNet, batch: FrameBatch, boxes: Tensor, settings: SlotSettings, wide: bool) -> Template:
    shared = settings.shared
    size = shared.search_size if wide else shared.template_size
    region, scale = search_region(boxes, settings.context, shared.template_size, size, exact=settings.exact_scale)
    crops = crop_squares(batch, region.float(), settings.borders, shared, size)
    features = net.cm.template_features(crops, shared.template_size, shared.backbone_padding)
    kernels = net.cm.kernels(features, shared.class_scale, shared.box_scale)
    search_boxes = to_search_frame(boxes, region, scale).float()
    return Template(kernels, net.fm.template_half(features, search_boxes, net.stride, shared.roi_sampling))


def pick_templates(template: Template, which: Tensor) -> Template:
    """Some of B templates, by their indices."""
    kernels = type(template.kernels)(template.kernels.classes[which], template.kernels.boxes[which])
    return Template(kernels, template.fine_half[which])


def join_templates(parts: Sequence[Template]) -> Template:
    """Put the templates of several batches side by side, in order."""
    kernels = type(parts[0].kernels)(
        torch.cat([p.kernels.classes for p in parts]), torch.cat([p.kernels.boxes for p in parts])
    )
    return Template(kernels, torch.cat([p.fine_half for p in parts]))


def step(
    net: SpmNet,
    template: Template,
    batch: FrameBatch,
    boxes: Tensor,
    anchors: Tensor,
    settings: SlotSettings,
    sharing: Sharing,
) -> StepResult:
    """Advance B targets that share nothing by one frame.

    Args:
        net: Network on the frames' device.
        template: From `make_templates`.
        batch: The new frames.
        boxes: B x 4 float64, the last boxes in the image.
        anchors: From `make_anchors`.
        settings: Slot settings.
        sharing: `Sharing.nothing`.
    """
    crops, region, scale = crop_targets(batch, boxes, settings)
    looks = look(net, template, crops, region.float(), scale.float(), anchors, settings, sharing)
    ballot = nominate(net, template, looks, boxes, settings, sharing)
    decision = settle(ballot, boxes, batch.extent, settings)
    return StepResult(
        crops=crops,
        logits=looks.logits,
        deltas=looks.deltas,
        proposals=looks.rows,
        **{**ballot._asdict(), "region": region, "scale": scale},
        **decision._asdict(),
    )


def look(
    net: SpmNet,
    template: Template,
    crops: Tensor,
    region: Tensor,
    scale: Tensor,
    anchors: Tensor,
    settings: SlotSettings,
    sharing: Sharing,
) -> Looks:
    """Run the network on L search crops, and decode the coarse response into proposals.

    Args:
        net: Network.
        template: L templates, or one for all.
        crops: From `crop_squares`.
        region, scale: Float32, see `Looks`.
        anchors: From `make_anchors`.
        settings: Of the B slots.
        sharing: Which of them look together.
    """
    shared = settings.shared
    features = net.cm.features(crops, shared.search_size, shared.backbone_padding)
    logits, deltas = net.cm(features, template.kernels)
    scores = foreground_scores(logits)
    offset = settings.decode_offset[sharing.slot_of_look]
    anchors = anchors + settings.anchor_shift[sharing.slot_of_look, None, None]
    search = decode_deltas(anchors, delta_list(deltas), shared.coarse_divisors, pixel_offset=offset[:, None, None])
    rows = torch.cat((to_image_frame(search, region, scale), scores[..., None], search), -1)
    return Looks(features, logits, deltas, rows, region, scale, offset)


def nominate(
    net: SpmNet, template: Template, looks: Looks, boxes: Tensor, settings: SlotSettings, sharing: Sharing
) -> Ballot:
    """Choose the candidates of B slots, and judge each distinct one by the fine stage.

    Args:
        net: Network.
        template: Of the looks.
        looks: What is seen.
        boxes: B x 4, the last boxes.
        settings: Of the B slots.
        sharing: Which of them look and select together.
    """
    chosen = _select(looks, boxes, settings, sharing)
    L, N = looks.rows.shape[:2]
    own, look_of_slot = sharing.selection_of_slot, sharing.look_of_slot
    pool = (
        torch.arange(sharing.most_pool, device=boxes.device) < (settings.candidates - settings.near_candidates)[:, None]
    )
    valid = chosen.valid[own]
    valid[:, : sharing.most_pool] &= pool
    rows = chosen.rows[own]
    places = rows + (look_of_slot * N)[:, None]
    candidates = looks.rows.reshape(L * N, 9)[places]
    if settings.any_fine:
        fm_logits, fm_deltas, fm_score, fm_box = _compare(net, template, looks, places, valid, settings)
    else:
        fm_score, fm_box = torch.zeros_like(candidates[..., 4]), candidates[..., 5:]
        fm_logits, fm_deltas = fm_score[..., None].expand(*fm_score.shape, 2), torch.zeros_like(fm_box)
    return Ballot(
        candidates=candidates,
        places=rows,
        valid=valid,
        n_near=chosen.n_near[own],
        fm_logits=fm_logits,
        fm_deltas=fm_deltas,
        fm_score=fm_score,
        fm_box=fm_box,
        region=looks.region[look_of_slot],
        scale=looks.scale[look_of_slot],
    )


def _select(looks: Looks, boxes: Tensor, settings: SlotSettings, sharing: Sharing) -> Candidates:
    rows, of = looks.rows[sharing.look_of_selection], sharing.slot_of_selection
    return select_candidates(
        rows[..., :4],
        rows[..., 4],
        boxes[of],
        candidates=sharing.candidates,
        near=settings.near_candidates[of],
        near_overlap=settings.near_overlap[of],
        score_cut=settings.score_cut[of],
        nms_threshold=settings.nms_threshold[of],
        most_pool=sharing.most_pool,
        most_near=sharing.most_near,
    )


def _compare(
    net: SpmNet, template: Template, looks: Looks, places: Tensor, valid: Tensor, settings: SlotSettings
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Run the fine stage on candidates.

    Args:
        places: B x K, where each candidate stands in the joined list of all looks' proposals.
        valid: B x K.

    Returns:
        Logits B x K x 2, deltas B x K x 4, scores B x K and boxes B x K x 4; those of padding are some other row's.
    """
    L, N = looks.rows.shape[:2]
    if places.device.type == "cpu":
        # Each proposal once, for all slots that name it.
        wanted = torch.zeros(L * N, dtype=torch.bool)
        wanted[places[valid & settings.fine[:, None]]] = True
        rows = wanted.nonzero()[:, 0]
        back = (wanted.cumsum(0) - 1).clamp_(min=0)[places]
    else:
        # Finding out which are distinct would mean waiting for the device; computing some twice is quicker.
        rows = places.reshape(-1)
        back = torch.arange(rows.numel(), device=places.device).reshape(places.shape)
    if not len(rows):  # only slots without a fine stage moved, or nothing is above the cut
        rows, back = places[:1, 0], torch.zeros_like(places)
    owner = rows // N
    boxes = looks.rows.reshape(L * N, 9)[rows, 5:]
    logits, deltas = net.fm(
        looks.features, template.fine_half, boxes[:, None], net.stride, owner, settings.shared.roi_sampling
    )
    moved = decode_deltas(
        boxes, deltas[:, 0], settings.shared.fine_divisors, pixel_offset=looks.decode_offset[owner, None]
    )
    return logits[:, 0][back], deltas[:, 0][back], logits[:, 0].softmax(-1)[:, 1][back], moved[back]


def settle(ballot: Ballot, boxes: Tensor, extent: Tensor, settings: SlotSettings) -> Decision:
    """Fuse both stages' scores and boxes, choose, and smooth.

    Args:
        ballot: Of B slots.
        boxes: B x 4 float64, the last boxes.
        extent: B x 2 float64, (width, height) of the frames.
        settings: Of the B slots.
    """
    rows = ballot.candidates
    image_boxes, coarse, search_boxes = rows[..., :4], rows[..., 4], rows[..., 5:]
    # What a slot without fine stage finds here belongs to others.
    fm_score = torch.where(settings.fine[:, None], ballot.fm_score, 0.0)
    fm_box = torch.where(settings.fine[:, None, None], ballot.fm_box, search_boxes)
    window = cosine_window(search_boxes, settings.shared.search_size)
    box_weight = coarse_box_weight(coarse, fm_score, settings.fm_box_weight, settings.fm_box, settings.cm_box)
    fused = box_weight[..., None] * image_boxes + (1 - box_weight[..., None]) * to_image_frame(
        fm_box, ballot.region, ballot.scale
    )
    S, V = settings.fm_score_weight[:, None], settings.window_weight[:, None]
    fused_score = (1 - S) * coarse + S * fm_score
    final_score = torch.where(ballot.valid, (1 - V) * fused_score + V * window, LOWEST)
    best = final_score.argmax(1)
    score = fused_score.gather(1, best[:, None])[:, 0]
    winner = fused.gather(1, best[:, None, None].expand(-1, 1, 4))[:, 0]
    moved = smooth(winner.double(), boxes, score.double() * settings.size_rate, extent, settings.min_size)
    # A network without sense (untrained, say) can blow a box up beyond numbers; that target is lost, not everywhere.
    accepted = (score >= settings.lost_threshold) & moved.isfinite().all(1)
    return Decision(
        boxes=torch.where(accepted[:, None], moved, boxes),
        accepted=accepted,
        score=score,
        best=best,
        window=window,
        box_weight=box_weight,
        fused=fused,
        fused_score=fused_score,
        final_score=final_score,
    )


def delta_list(deltas: Tensor) -> Tensor:
    """Box deltas B x 4A x G x G of the coarse stage in list order (row, column, anchor): B x N x 4."""
    B, channels = deltas.shape[:2]
    return deltas.reshape(B, channels // 4, 4, *deltas.shape[-2:]).permute(0, 3, 4, 1, 2).reshape(B, -1, 4)


def foreground_scores(logits: Tensor) -> Tensor:
    """Softmax over the class pair of B x 2A x G x G logits; B x N in list order (row, column, anchor)."""
    B, channels = logits.shape[:2]
    background, target = logits.reshape(B, 2, channels // 2, *logits.shape[-2:]).unbind(1)
    # Written out, as torch's softmax rounds by the place in the batch.
    scores = (background - target).exp().add(1).reciprocal()
    return scores.permute(0, 2, 3, 1).reshape(B, -1)


def cosine_window(search_boxes: Tensor, search_size: int) -> Tensor:
    """Window score at the centres of search-frame boxes, ... x 4 -> ...: 1 in the middle, 0 on the border."""
    centre = (0.5 * (search_boxes[..., :2] + search_boxes[..., 2:]) / (search_size - 1)).clamp(0, 1)
    return (0.5 - 0.5 * torch.cos(2 * torch.pi * centre)).prod(-1)


def coarse_box_weight(coarse: Tensor, fine: Tensor, influence: Tensor, fine_box: Tensor, coarse_box: Tensor) -> Tensor:
    """Share of the coarse box in the fused box.

    Args:
        coarse, fine: B x K scores.
        influence: B, weight of the fine score.
        fine_box: B, where False the coarse box is taken as it is.
        coarse_box: B, where False the fine box is.
    """
    weight = coarse / (coarse + influence[:, None] * fine).clamp(1e-5, 99999.0)
    return torch.where(fine_box[:, None], torch.where(coarse_box[:, None], weight, 0.0), 1.0)


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
