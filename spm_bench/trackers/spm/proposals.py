"""From all anchors to a handful of candidates: near candidates, score cut, and greedy NMS in lockstep for B targets.

Legend: B targets, N proposals, K candidates. Boxes are corners (x1, y1, x2, y2).
Nothing here waits for the device: counts are tensors, and padded entries carry `valid = False`.

Ties: of equal keys the lowest row (row-major over cells, anchor fastest) is taken. No recorded output fixes this.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LOWEST = float("-inf")


class Candidates(NamedTuple):
    """K candidates per target: pool survivors by falling score, padding, and the near ones last.

    Attributes:
        rows: B x K rows of the proposal list.
        valid: B x K, False for padding.
        n_near: B, how many proposals overlap the last box by more than the near threshold.
    """

    rows: Tensor
    valid: Tensor
    n_near: Tensor


def overlaps_pixel(boxes: Tensor, reference: Tensor) -> Tensor:
    """IoU in the "+1" pixel convention of the released code (used for nearness only).

    Args:
        boxes: B x N x 4.
        reference: B x 4.

    Returns:
        B x N; NaN boxes give 0.
    """
    ref = reference[:, None].to(boxes.dtype)
    inter = (torch.minimum(boxes[..., 2:], ref[..., 2:]) - torch.maximum(boxes[..., :2], ref[..., :2]) + 1).clamp(min=0)
    common = inter[..., 0] * inter[..., 1]
    area = (boxes[..., 2:] - boxes[..., :2] + 1).prod(-1) + (ref[..., 2:] - ref[..., :2] + 1).prod(-1)
    return torch.nan_to_num(common / (area - common), nan=0.0)


def select_candidates(
    boxes: Tensor,
    scores: Tensor,
    last: Tensor,
    *,
    candidates: Tensor,
    near: Tensor,
    near_overlap: Tensor,
    score_cut: Tensor,
    nms_threshold: Tensor,
    most_pool: int,
    most_near: int,
) -> Candidates:
    """Choose the boxes that the fine stage will look at.

    1. If more than `near` proposals overlap the last box by more than `near_overlap`, the `near` best-scored of them
       are the near candidates, else the `near` of highest overlap, whatever it is. All others are the pool.
    2. The pool keeps scores >= score_cut * its own maximum (taken after the near ones left).
    3. Greedy NMS on the pool (suppress at overlap >= threshold, areas without +1), best `candidates - near` kept.
    4. Near candidates come last, are never suppressed, and may duplicate a pool row's neighbour.

    Args:
        boxes: B x N x 4 in the image.
        scores: B x N coarse scores.
        last: B x 4, the last box.
        candidates, near: B integers; near_overlap, score_cut, nms_threshold: B numbers.
        most_pool: Largest `candidates - near` of the batch, the number of NMS rounds.
        most_near: Largest `near` of the batch.
    """
    near_index, near_valid, n_near = _near(boxes, scores, last, near, near_overlap, most_near)
    pool = torch.ones_like(scores, dtype=torch.bool)
    for m in range(most_near):
        keep = ~near_valid[:, m : m + 1] & pool.gather(1, near_index[:, m : m + 1])
        pool.scatter_(1, near_index[:, m : m + 1], keep)
    pool_scores = torch.where(pool, scores, LOWEST)
    active = pool & (scores >= score_cut[:, None] * pool_scores.amax(1, keepdim=True))
    index, valid = greedy_nms(boxes, scores, active, nms_threshold, most_pool)
    rounds = torch.arange(most_pool, device=scores.device)
    valid = valid & (rounds < (candidates - near)[:, None])
    return Candidates(torch.cat((index, near_index), 1), torch.cat((valid, near_valid), 1), n_near)


def _near(
    boxes: Tensor, scores: Tensor, last: Tensor, near: Tensor, near_overlap: Tensor, most_near: int
) -> tuple[Tensor, Tensor, Tensor]:
    overlap = overlaps_pixel(boxes, last)
    close = overlap > near_overlap[:, None]
    count = close.sum(1)
    by_score = torch.where(close, scores, LOWEST)
    key = torch.where((count > near)[:, None], by_score, overlap)
    picks = []
    for _ in range(most_near):
        pick = key.argmax(1, keepdim=True)
        key = key.scatter(1, pick, LOWEST)
        picks.append(pick)
    index = torch.cat(picks, 1) if picks else key.new_zeros((len(key), 0), dtype=torch.long)
    return index, torch.arange(most_near, device=near.device) < near[:, None], count


def greedy_nms(boxes: Tensor, scores: Tensor, active: Tensor, threshold: Tensor, rounds: int) -> tuple[Tensor, Tensor]:
    """Keep the best boxes that do not overlap a better one: `rounds` times arg-max and suppress.

    Args:
        boxes: B x N x 4.
        scores: B x N.
        active: B x N, which boxes take part.
        threshold: B; a box with overlap >= threshold to a kept one goes.
        rounds: How many to keep at most.

    Returns:
        B x rounds indices by falling score, and whether each is a real one.
    """
    low, high = boxes[..., :2].transpose(1, 2).contiguous(), boxes[..., 2:].transpose(1, 2).contiguous()
    sides = high - low
    area = sides[:, 0] * sides[:, 1]
    planes = torch.cat((low, high, area[:, None]), 1)
    ranked = torch.where(active, scores, LOWEST)
    limit = threshold[:, None]
    best, picks = [], []
    for _ in range(rounds):
        top, pick = ranked.max(1, keepdim=True)
        best.append(top)
        picks.append(pick)
        kept = planes.gather(2, pick[:, None].expand(-1, 5, -1))
        shared = (torch.minimum(high, kept[:, 2:4]) - torch.maximum(low, kept[:, :2])).clamp_(min=0)
        common = shared[:, 0] * shared[:, 1]
        overlap = common / (area + kept[:, 4] - common)
        # The picked row is masked by name: a box without area has overlap NaN with itself.
        ranked = ranked.masked_fill_(overlap >= limit, LOWEST).scatter_(1, pick, LOWEST)
    if not picks:
        none = active.new_zeros((len(active), 0))
        return none.long(), none
    return torch.cat(picks, 1), torch.cat(best, 1) > LOWEST
