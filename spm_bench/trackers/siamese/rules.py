"""The rivals' decisions, from the response to the new box: pure functions on tensors.

Legend: B targets, P scales, N anchors, G cells per side of the response. Boxes are corners (x1, y1, x2, y2).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spm_bench.geometry.crops import to_image_frame


class Found(NamedTuple):
    """Where B targets are believed to be, before anything is smoothed.

    Attributes:
        centre: B x 2 in the image, float64.
        size: B x 2 (width, height) in the image, float64.
        rate: B, share of that size in the new one, float64.
        score: B, of the winner.
        place: B, the winner: its anchor (SiamRPN) or its scale (SiamFC).
    """

    centre: Tensor
    size: Tensor
    rate: Tensor
    score: Tensor
    place: Tensor


def hann(cells: int, device: torch.device) -> Tensor:
    """Hann window over cells, G x G float32: 1 in the middle, 0 in the outermost cells (numpy's convention)."""
    line = torch.hann_window(cells, periodic=False, dtype=torch.float64, device=device)
    return (line[:, None] * line[None]).float()


def find_peak(
    logits: Tensor,
    scales: Tensor,
    boxes: Tensor,
    per_point: Tensor,
    *,
    penalty: Tensor,
    window: Tensor,
    window_weight: float,
    size_rate: float,
) -> Found:
    """SiamFC: the best scale by its peak, then the place in its response under the window.

    Args:
        logits: B x P x n x n, response to each scale, interpolated; n points over the response's G cells.
        scales: P factors on the size.
        boxes: B x 4 last boxes, float64.
        per_point: B x P, image pixels per point of the response, float64.
        penalty: P factors on the responses.
        window: n x n.
        window_weight: Its share.
        size_rate: Share of the new size.
    """
    B, _, n, _ = logits.shape
    peaks = logits.amax((-1, -2)) * penalty
    place = peaks.argmax(1)
    chosen = torch.arange(B, device=logits.device), place
    response = logits[chosen]
    response = response - response.amin((-1, -2), keepdim=True)
    # Sums by rows, as a sum over everything would round by the size of the batch.
    response = response / response.sum(-1, keepdim=True).sum(-2, keepdim=True).clamp(min=1e-12)
    final = (1 - window_weight) * response + window_weight * (window / window.sum())
    best = final.flatten(1).argmax(1)
    offset = torch.stack((best % n, best.div(n, rounding_mode="floor")), -1).double() - (n - 1) / 2
    size = boxes[:, 2:] - boxes[:, :2]
    return Found(
        centre=(boxes[:, :2] + boxes[:, 2:]) / 2 + offset * per_point[chosen][:, None],
        size=size * scales[place][:, None].double(),
        rate=torch.full((B,), size_rate, dtype=torch.float64, device=boxes.device),
        score=peaks[chosen].sigmoid(),
        place=place,
    )


def upsample(logits: Tensor, factor: int) -> Tensor:
    """Bicubic interpolation of B x P x G x G to `factor` times as many points; the middle stays the middle."""
    if factor == 1:
        return logits
    return F.interpolate(logits, scale_factor=factor, mode="bicubic", align_corners=False)


def change_penalty(proposals: Tensor, last: Tensor, strength: float) -> Tensor:
    """SiamRPN's penalty on changes of ratio and size, exp(-k (ratio change * size change - 1)); B x N in (0, 1].

    Size is that of the context square, sqrt((w + p) (h + p)) with p = (w + h) / 2.

    Args:
        proposals: B x N x 2 (width, height).
        last: B x 2 in the same unit.
        strength: k.
    """

    def changes(x: Tensor) -> Tensor:
        return torch.maximum(x, 1 / x)

    def squares(sides: Tensor) -> Tensor:
        pad = sides.sum(-1) / 2
        return ((sides[..., 0] + pad) * (sides[..., 1] + pad)).sqrt()

    ratio = changes((last[:, :1] / last[:, 1:]) / (proposals[..., 0] / proposals[..., 1]))
    size = changes(squares(proposals) / squares(last)[:, None])
    return (-(ratio * size - 1) * strength).exp()


def choose_proposal(
    scores: Tensor,
    proposals: Tensor,
    boxes: Tensor,
    region: Tensor,
    scale: Tensor,
    *,
    window: Tensor,
    window_weight: float,
    penalty: float,
    size_rate: float,
    confidence: Tensor | None = None,
) -> Found:
    """SiamRPN: the proposal of best score after penalty and window.

    Args:
        scores: B x N, what proposals are ranked by.
        proposals: B x N x 4 in the search image.
        boxes: B x 4 last boxes in the image, float64.
        region: B x 4 the search squares, float64.
        scale: B, search pixels per image pixel, float64.
        window: N, of each anchor's cell.
        window_weight: Its share.
        penalty: Strength of the penalty on changes.
        size_rate: Share of the new size, times penalty and confidence.
        confidence: B x N, the scores themselves where `scores` were changed for the ranking.
    """
    confidence = scores if confidence is None else confidence
    last = ((boxes[:, 2:] - boxes[:, :2]) * scale[:, None]).float()
    kept = change_penalty((proposals[..., 2:] - proposals[..., :2]).clamp(min=1e-3), last, penalty)
    final = (1 - window_weight) * kept * scores + window_weight * window
    final = torch.nan_to_num(final, nan=-torch.inf)
    best = final.argmax(1)
    chosen = torch.arange(len(best), device=best.device), best
    winner = to_image_frame(proposals[chosen].double(), region, scale)
    return Found(
        centre=(winner[:, :2] + winner[:, 2:]) / 2,
        size=winner[:, 2:] - winner[:, :2],
        rate=(kept[chosen] * confidence[chosen]).double() * size_rate,
        score=confidence[chosen],
        place=best,
    )


def move(found: Found, boxes: Tensor, extent: Tensor, min_size: float) -> Tensor:
    """Blend the sizes, keep the centre in the frame and the sides between `min_size` and the frame's; B x 4 corners.

    These are SiamRPN's bounds; SiamFC's tracker gets them too (it has none on the place, which a lost target leaves for
    good). A target found beyond numbers stays where it was.

    Args:
        found: Of B targets.
        boxes: B x 4 last boxes, float64.
        extent: B x 2 (width, height) of the frames, float64.
        min_size: Smallest side.
    """
    rate = found.rate[:, None]
    size = rate * found.size + (1 - rate) * (boxes[:, 2:] - boxes[:, :2])
    size = torch.minimum(size.clamp(min=min_size), extent.clamp(min=min_size))
    centre = torch.minimum(found.centre.clamp(min=0), extent)
    moved = torch.cat((centre - size / 2, centre + size / 2), -1)
    return torch.where(moved.isfinite().all(1, keepdim=True), moved, boxes)
