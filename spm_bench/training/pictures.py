"""What a loader hands to `augment`: the pictures of B pairs as they are stored, on the training device.

Legend: B pairs, S side of the picture buffer, M boxes of other objects at most. Boxes are corners (x1, y1, x2, y2) in
pixels of the stored picture, continuous, 0-based (pixel i covers [i, i + 1)).
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class PictureSet(NamedTuple):
    """B pictures of one role.

    Attributes:
        images: B x S x S x 3 uint8 BGR; each picture lies at the top left, what is beyond `extent` is never read.
        extent: B x 2 float32, (width, height) of the true pictures.
        box: B x 4 float32 corners of the target, NaN where the picture has none.
        others: B x M x 4 float32 corners of the other objects of the target's category, NaN padded.
        category: B int64, -1 unknown.
    """

    images: Tensor
    extent: Tensor
    box: Tensor
    others: Tensor
    category: Tensor


class Pictures(NamedTuple):
    """The three pictures of each of B pairs.

    Attributes:
        template: Pictures that show the object to be found; every one has a box.
        search: Pictures it is looked for in.
        extra: What is pasted onto (kind "pasted": a picture), or what is pasted (an object row as a distractor); a row
            that has none has extent 0 and a NaN box.
        negative: B bool, the template's object is not in the search picture.
        kind: B int64, index into `pairs.KINDS`.
    """

    template: PictureSet
    search: PictureSet
    extra: PictureSet
    negative: Tensor
    kind: Tensor
