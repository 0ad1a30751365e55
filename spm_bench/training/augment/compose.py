"""From stored pictures to a batch of training pairs: warp, paste, occlude, recolour, degrade, normalise.

Legend: B pairs, M boxes of other objects. Boxes are corners in crop positions (0 .. 271).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.training.augment.colour import bend, draw_colours, recolour
from spm_bench.training.augment.degrade import add_noise, blur, lower_resolution
from spm_bench.training.augment.draws import Draws, constant
from spm_bench.training.augment.geometry import CROP, anchor_boxes, draw_jitter, make_warp, map_boxes
from spm_bench.training.augment.occlude import cover_of, occlude
from spm_bench.training.augment.paste import add_distractors, change_background
from spm_bench.training.augment.sampling import sample
from spm_bench.training.augment.settings import AugmentSettings
from spm_bench.training.batch import TEMPLATE_PIXELS, TEMPLATE_START, PairBatch
from spm_bench.training.pairs import KINDS
from spm_bench.training.pictures import Pictures

PASTED = KINDS.index("pasted")

HIDDEN = 0.5
"""An object of which a pasted one covers more than this share is no longer there for the labels."""


@torch.no_grad()
def augment(pictures: Pictures, settings: AugmentSettings, generator: torch.Generator) -> PairBatch:
    """Make training pairs out of stored pictures, all at once, on the device where they lie.

    With `AugmentSettings.off()` crops and labels are those of inference. The target's centre always lies in the search
    crop; its box is never clipped, so a target that reaches beyond the crop is regressed in full. Boxes in `same` are
    not clipped either; those wholly outside the crop are left out.

    Args:
        pictures: B pairs. Every template has a box. A search picture without a box is cropped at a random place.
        settings: How strong each part is.
        generator: Where all randomness comes from, on the pictures' device.

    Returns:
        The batch; a pair without a target in the search picture counts as negative. `same` holds, for a positive pair,
        the other objects of the target's category in the search crop (of a pasted pair those of its background), for a
        negative one all objects of the template's category, and in both the pasted look-alike; the first M of them.
    """
    B = len(pictures.negative)
    draws = Draws(generator, B)
    both, one = draws.chance(settings.flip), draws.chance(settings.flip_one)
    template_warp = make_warp(anchor_boxes(pictures.template, draws), draw_jitter(draws, settings, "template", both))
    search_warp = make_warp(anchor_boxes(pictures.search, draws), draw_jitter(draws, settings, "search", both ^ one))
    mirror = draws.uniform(B, 2) < settings.mirror_border
    template = sample(pictures.template, template_warp, mirror[:, 0], TEMPLATE_START, TEMPLATE_PIXELS)
    search = sample(pictures.search, search_warp, mirror[:, 1])

    own = map_boxes(pictures.search.box[:, None], search_warp)
    target = torch.where(pictures.negative[:, None], math.nan, own[:, 0])
    pasted = (pictures.kind == PASTED) & (pictures.extra.extent.amin(1) > 0) & pictures.search.box.isfinite().all(1)
    behind = change_background(search, pictures, search_warp, pasted, draws, settings)
    wanted = (pictures.kind != PASTED) & (pictures.extra.extent.amin(1) > 0) & draws.chance(settings.distractor)
    # What a pasted object must not cover is the picture's own object, be it the target or a negative pair's.
    distractor = add_distractors(search, own[:, 0], pictures.extra, wanted, draws, settings)
    others = _unhidden(map_boxes(pictures.search.others, search_warp), distractor[:, None])
    same = _same(pictures, others, own, _unhidden(behind, own), distractor, pasted)
    occlude(search, target, draws, settings)

    colours = draw_colours(draws, settings)
    soft = settings.template_blur / 2
    template = _photograph(template, colours[0], draws, settings, soft, soft)
    search = _photograph(search, colours[1], draws, settings, settings.blur, settings.motion)
    template_box = map_boxes(pictures.template.box[:, None], template_warp)[:, 0]
    absent = pictures.negative | target.isnan().any(1)
    return PairBatch(template, template_box, search, target, same, absent)


def _photograph(
    crops: Tensor,
    colours: tuple[Tensor, Tensor],
    draws: Draws,
    settings: AugmentSettings,
    gaussian: float,
    motion: float,
) -> Tensor:
    """What light and camera do, and the network's normalisation: B x 3 x h x w, 0 .. 255, to values less the mean."""
    lower_resolution(crops, draws, settings)
    blur(crops, draws, settings, gaussian, motion)
    if settings.colour > 0.0 or settings.greyscale > 0.0:
        crops = recolour(crops, *colours)
    bend(crops, draws, settings)
    add_noise(crops, draws, settings)
    mean = constant(SpmConfig().mean_bgr, crops.device)
    return crops.clamp_(0.0, 255.0).sub_(mean[:, None, None])


def _unhidden(boxes: Tensor, pasted: Tensor) -> Tensor:
    """Boxes (B x K x 4) without those that a pasted object (B x 1 x 4, NaN: none) hides, which become NaN."""
    return torch.where((cover_of(boxes, pasted) > HIDDEN)[..., None], math.nan, boxes)


def _same(
    pictures: Pictures, others: Tensor, own: Tensor, behind: Tensor, distractor: Tensor, pasted: Tensor
) -> Tensor:
    """The objects of the template's category in the search crops, other than the target: B x M x 4, NaN padded."""
    template, search, extra = pictures.template.category, pictures.search.category, pictures.extra.category
    negative = pictures.negative
    alike_search = (search == template) & (search >= 0)
    alike_extra = (extra == template) & (extra >= 0)
    keep_own = negative & alike_search
    keep_others = ~pasted & (~negative | alike_search)
    boxes = torch.cat((distractor[:, None], own, others, behind), 1)
    M = others.shape[1]
    keep = torch.cat(
        (
            alike_extra[:, None],
            keep_own[:, None],
            keep_others[:, None].expand(-1, M),
            alike_extra[:, None].expand(-1, behind.shape[1]),
        ),
        1,
    )
    seen = (boxes[..., 2:] > 0).all(-1) & (boxes[..., :2] < CROP).all(-1)  # NaN compares as unseen
    keep = keep & seen
    order = keep.logical_not().to(torch.uint8).argsort(dim=1, stable=True)[:, :M]
    boxes = torch.where(keep[..., None], boxes, math.nan)
    return boxes.gather(1, order[..., None].expand(-1, -1, 4))
