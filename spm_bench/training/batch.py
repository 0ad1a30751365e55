"""What the network is trained on: one batch of template and search crops with their labels."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

TEMPLATE_START, TEMPLATE_PIXELS = 56, 160
"""The template crop's pixels [56, 216): conv5 cells 14 .. 19, all that the coarse stage reads, and context around."""


class PairBatch(NamedTuple):
    """B training pairs. Boxes are corners (x1, y1, x2, y2) in pixels of a 271-pixel crop, as at inference.

    Attributes:
        template: B x 3 x 160 x 160 float32, the middle of the template crop, BGR minus the network's mean.
        template_box: B x 4, the target in the whole template crop (not shifted by `TEMPLATE_START`).
        search: B x 3 x 271 x 271 float32.
        target: B x 4, the target in the search crop; NaN where it is not there.
        same: B x M x 4, other objects of the target's category in the search crop, padded with NaN.
        negative: B bool, the template's object is not in the search crop.
    """

    template: Tensor
    template_box: Tensor
    search: Tensor
    target: Tensor
    same: Tensor
    negative: Tensor
