"""The four losses of SPM: class and box, coarse and fine; always in float32.

Legend: B pairs, N anchors or proposals. Cross entropy over a pair of logits (l0, l1) is softplus of their difference.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class LossWeights(BaseModel):
    """How the four losses are formed and added.

    Attributes:
        coarse_class: Weight of the coarse class loss (released defaults, 1).
        coarse_box: Weight of the coarse box loss (released, 2).
        fine_class: Weight of the fine class loss (released, 1).
        fine_box: Weight of the fine box loss (released, 1).
        positive_share: Share of the positives in a class loss, however many there are (ours; the balance that is
            usual for Siamese trackers).
        coarse_beta: Where the coarse box loss turns from square to linear. Coarse deltas have no divisors, so the
            RPN's 1/9 is taken instead of 1 (ours).
        fine_beta: The same for the fine box loss, whose deltas are times 5 and 10 (ours, 1 as in Fast R-CNN).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    coarse_class: Weight = 1.0
    coarse_box: Weight = 2.0
    fine_class: Weight = 1.0
    fine_box: Weight = 1.0
    positive_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    coarse_beta: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1 / 9
    fine_beta: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0


class Losses(NamedTuple):
    """Losses of one batch and numbers to watch; scalars on the device, gradients flow from the first five only.

    Attributes:
        total: Weighted sum.
        coarse_class, coarse_box, fine_class, fine_box: The four losses, unweighted.
        positives: Positive anchors per pair with a target, before sampling.
        coarse_overlap: Mean IoU of the best-scored coarse proposal with the target.
        fine_positives: Positive fine proposals per pair with a target.
        fine_accuracy: Share of the fine proposals classified right.
        fine_overlap: Mean IoU of the refined proposal of best fine score with the target (moved true boxes left out).
    """

    total: Tensor
    coarse_class: Tensor
    coarse_box: Tensor
    fine_class: Tensor
    fine_box: Tensor
    positives: Tensor
    coarse_overlap: Tensor
    fine_positives: Tensor
    fine_accuracy: Tensor
    fine_overlap: Tensor


def negative_loss(pairs: Tensor) -> Tensor:
    """Cross entropy of ... x 2 logits if each were a negative: ... values."""
    pairs = pairs.float()
    return F.softplus(pairs[..., 1] - pairs[..., 0])


def class_loss(pairs: Tensor, positive: Tensor, negative: Tensor, positive_share: float) -> Tensor:
    """Balanced cross entropy.

    Each pair's positives are averaged, then the pairs that have any; negatives likewise; the two means are added with
    fixed shares. So neither a pair with few positives nor one without changes the balance.

    Args:
        pairs: B x N x 2 logits.
        positive: B x N bool, what counts as positive.
        negative: B x N bool.
        positive_share: Weight of the positives, the negatives have the rest.
    """
    pairs = pairs.float()
    margin = pairs[..., 1] - pairs[..., 0]
    wrong_positive = _mean_of_means(F.softplus(-margin), positive)
    wrong_negative = _mean_of_means(F.softplus(margin), negative)
    return positive_share * wrong_positive + (1 - positive_share) * wrong_negative


def _mean_of_means(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean over the rows of B x N that have chosen entries, of the mean of these; 0 if there are none at all."""
    count = chosen.sum(1)
    means = (values * chosen).sum(1) / count.clamp(min=1)
    return means.sum() / (count > 0).sum().clamp(min=1)


def box_loss(deltas: Tensor, targets: Tensor, chosen: Tensor, beta: float) -> Tensor:
    """Smooth L1, summed over the four deltas and averaged over the chosen boxes of the batch; 0 without any.

    Args:
        deltas: B x N x 4.
        targets: B x N x 4, finite everywhere.
        chosen: B x N bool.
        beta: Where the square ends.
    """
    loss = F.smooth_l1_loss(deltas.float(), targets, beta=beta, reduction="none").sum(-1)
    return (loss * chosen).sum() / chosen.sum().clamp(min=1)


def mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen entries, 0 if there are none."""
    return torch.where(chosen, values, 0.0).sum() / chosen.sum().clamp(min=1)
