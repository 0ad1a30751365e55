"""The whole forward pass of training: the stages that a network has, their targets and losses.

Legend: B pairs, N anchors, K fine proposals.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor

from spm_bench.geometry.anchors import decode_deltas
from spm_bench.models.backbone import Features
from spm_bench.models.spm import SiameseNet, SpmNet
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.step import delta_list
from spm_bench.training.batch import TEMPLATE_START, PairBatch
from spm_bench.training.losses import Losses, LossWeights, box_loss, class_loss, mean_where, negative_loss
from spm_bench.training.targets import (
    COARSE_DIVISORS,
    FINE_DIVISORS,
    TargetSettings,
    cell_centres,
    cell_targets,
    class_pairs,
    coarse_targets,
    find_objects,
    fine_proposals,
    fine_targets,
    overlaps,
    sample_anchors,
)

DEFAULT_WEIGHTS = LossWeights()


class StageLosses(NamedTuple):
    """Class and box loss of one stage, positives per pair, and the IoU of its best box with the target."""

    classes: Tensor
    boxes: Tensor
    positives: Tensor
    overlap: Tensor
    accuracy: Tensor


class Forward(Protocol):
    """A forward pass that compares what a network says with what it should have said."""

    def __call__(
        self,
        net: SiameseNet,
        batch: PairBatch,
        anchors: Tensor,
        settings: TargetSettings,
        generator: torch.Generator,
        *,
        weights: LossWeights,
    ) -> Losses:
        """See `training_forward`."""


def training_forward(
    net: SiameseNet,
    batch: PairBatch,
    anchors: Tensor,
    settings: TargetSettings,
    generator: torch.Generator,
    *,
    class_scale: float,
    box_scale: float,
    weights: LossWeights = DEFAULT_WEIGHTS,
    fine: bool = True,
) -> Losses:
    """Run the network on B pairs and compare it with what it should have said.

    May run under `torch.autocast`: only the network's layers follow it, targets and losses are float32.

    Args:
        net: In training mode, on the batch's device.
        batch: B pairs.
        anchors: N x 4, from `make_anchors`.
        settings: Rules of the targets.
        generator: On the batch's device; all chance comes from it.
        class_scale: Factor on the coarse class kernels.
        box_scale: Factor on the coarse box kernels.
        weights: Weights and forms of the losses.
        fine: Whether the fine stage takes part; without it its losses are 0, and if there is one it gets no gradient.
    """
    sizes = SpmConfig()
    template = net.cm.features(batch.template, sizes.template_size)
    search = net.cm.features(batch.search, sizes.search_size)
    kernels = net.cm.kernels(template, class_scale, box_scale)
    logits, deltas = net.cm(search, kernels)
    with torch.autocast(batch.search.device.type, enabled=False):
        logits, deltas = logits.float(), deltas.float()
        coarse = coarse_losses(logits, deltas, anchors, batch, settings, generator, weights)
    if fine:
        boxes = fine_proposals(logits, deltas, anchors, batch, settings, generator)
        second = fine_losses(cast(SpmNet, net), template, search, boxes, batch, settings, weights)
    else:
        second = StageLosses(*(logits.new_zeros(()) for _ in StageLosses._fields))
    total = weights.coarse_class * coarse.classes + weights.coarse_box * coarse.boxes
    total = total + weights.fine_class * second.classes + weights.fine_box * second.boxes
    return Losses(
        total=total,
        coarse_class=coarse.classes,
        coarse_box=coarse.boxes,
        fine_class=second.classes,
        fine_box=second.boxes,
        positives=coarse.positives,
        coarse_overlap=coarse.overlap,
        fine_positives=second.positives,
        fine_accuracy=second.accuracy,
        fine_overlap=second.overlap,
    )


def correlation_forward(
    net: SiameseNet,
    batch: PairBatch,
    anchors: Tensor,
    settings: TargetSettings,
    generator: torch.Generator,  # noqa: ARG001 - nothing is drawn: every cell counts
    *,
    weights: LossWeights = DEFAULT_WEIGHTS,
) -> Losses:
    """The same for a network with one score per cell: the balanced logistic loss of SiamFC over all cells.

    Its box is of the template's size around the best cell; the overlap of that box with the target is told.
    """
    sizes = SpmConfig()
    template = net.cm.features(batch.template, sizes.template_size)
    search = net.cm.features(batch.search, sizes.search_size)
    logits, _ = net.cm(search, net.cm.kernels(template, 1.0, 1.0))
    with torch.autocast(batch.search.device.type, enabled=False):
        scores = logits.float().flatten(1)
        positive, negative = cell_targets(anchors, batch, settings)
        pairs = torch.stack((torch.zeros_like(scores), scores), -1)
        objects = find_objects(batch)
        present = objects.valid[:, 0]
        with torch.no_grad():
            size = (batch.template_box[:, 2:] - batch.template_box[:, :2]).float()
            centre = cell_centres(anchors, scores.shape[1])[scores.argmax(1)]
            box = torch.cat((centre - size / 2, centre + size / 2), -1)
            overlap = mean_where(overlaps(box, objects.boxes[:, 0]), present)
        classes = class_loss(pairs, positive, negative, weights.positive_share)
        none = torch.zeros_like(classes)
    return Losses(
        total=weights.coarse_class * classes,
        coarse_class=classes,
        coarse_box=none,
        fine_class=none,
        fine_box=none,
        positives=mean_where(positive.sum(1).float(), present),
        coarse_overlap=overlap,
        fine_positives=none,
        fine_accuracy=none,
        fine_overlap=none,
    )


def coarse_losses(
    logits: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    batch: PairBatch,
    settings: TargetSettings,
    generator: torch.Generator,
    weights: LossWeights,
) -> StageLosses:
    """Compare the coarse stage's float32 output maps with the batch's boxes."""
    pairs, regression = class_pairs(logits), delta_list(deltas)
    targets = coarse_targets(anchors, batch, settings)
    samples = sample_anchors(targets.labels, negative_loss(pairs.detach()), settings, generator)
    objects = find_objects(batch)
    present = objects.valid[:, 0]
    with torch.no_grad():
        margin = pairs[..., 1] - pairs[..., 0]
        best = margin.argmax(1, keepdim=True)
        chosen = regression.gather(1, best[..., None].expand(-1, -1, 4))
        box = decode_deltas(anchors[best], chosen, COARSE_DIVISORS, pixel_offset=settings.decode_offset)
        overlap = mean_where(overlaps(box[:, 0], objects.boxes[:, 0]), present)
        positives = mean_where((targets.labels == 1).sum(1).float(), present)
        right = mean_where(((margin > 0) == samples.positive).float(), samples.positive | samples.negative)
    return StageLosses(
        classes=class_loss(pairs, samples.positive, samples.negative, weights.positive_share),
        boxes=box_loss(regression, targets.deltas, samples.positive & targets.regressed, weights.coarse_beta),
        positives=positives,
        overlap=overlap,
        accuracy=right,
    )


def fine_losses(
    net: SpmNet,
    template: Features,
    search: Features,
    boxes: Tensor,
    batch: PairBatch,
    settings: TargetSettings,
    weights: LossWeights,
) -> StageLosses:
    """Run the fine stage on B x K x 4 proposals and compare it with the target."""
    half = net.fm.template_half(template, batch.template_box - TEMPLATE_START, net.stride)
    pairs, regression = net.fm(search, half, boxes, net.stride)
    with torch.autocast(boxes.device.type, enabled=False):
        pairs, regression = pairs.float(), regression.float()
        targets = fine_targets(boxes, batch, settings)
        positive, negative = targets.labels == 1, targets.labels == 0
        objects = find_objects(batch)
        present = objects.valid[:, 0]
        with torch.no_grad():
            margin = pairs[..., 1] - pairs[..., 0]
            refined = decode_deltas(boxes, regression, FINE_DIVISORS, pixel_offset=settings.decode_offset)
            seen = settings.proposals or boxes.shape[1]
            best = margin[:, :seen].argmax(1)[:, None, None].expand(-1, -1, 4)
            overlap = mean_where(overlaps(refined.gather(1, best)[:, 0], objects.boxes[:, 0]), present)
            right = mean_where(((margin > 0) == positive).float(), positive | negative)
        return StageLosses(
            classes=class_loss(pairs, positive, negative, weights.positive_share),
            boxes=box_loss(regression, targets.deltas, positive, weights.fine_beta),
            positives=mean_where(positive.sum(1).float(), present),
            overlap=overlap,
            accuracy=right,
        )
