"""Where the cells of SPM's feature maps lie in the image, for each way of padding the backbone.

All is counted in pixels of the network's input, from the middle of its first pixel. Stride is 8 everywhere.

* Padded by half a kernel at every layer, cell i of every map of stride 8 is centred on pixel 8 i.
* Without padding, cell i of the released AlexNet is centred on pixel 8 i + 19 (conv2), 8 i + 35 (conv4) and 8 i + 43
  (conv5): half the receptive field comes before it. The cells of conv2 that lie on those of conv4 are all but the two
  outermost on each side.

The coarse stage correlates the middle cells of the template (6 x 6, as many as an unpadded image of 127 pixels leaves)
with, by the name of the padding,

* "cropped": the middle cells of a padded search image, as many as an unpadded one leaves (24 x 24 of 34 x 34 for 271
  pixels): the released code.
* "full": all cells of a padded search image (34 x 34).
* "none": the cells of an unpadded search image (24 x 24; of a network with a smaller receptive field the middle ones).
  PySOT's MobileNetV2, which has paddings inside, knows no other: all its cells, and the template's middle 7 x 7.

A 3 x 3 convolution on both sides costs two cells, the correlation those of the kernel less one: 19 x 19 responses, or
29 x 29 for "full".
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from spm_bench.errors import UsageError
from spm_bench.models.architecture import SPM_ALEXNET, Architecture

Padding = Literal["cropped", "full", "none"]

STRIDE = 8
RECEPTIVE_FIELD = 87
"""Of conv5 in the released model; for all networks it fixes the number of cells that the coarse stage looks at."""

HEAD_KERNEL = 3
"""Side of the convolutions that adapt both sides before they are correlated."""


class ResponseGrid(NamedTuple):
    """What the coarse stage's response covers.

    Attributes:
        cells: Per side.
        first: Where the anchors of its first cell are centred, in the released code's coordinates, which are those of
            the middles of pixels plus 1/2 (63.5 for pixel 63; the half is the released 271/270 mismatch in the middle
            of the image). With `exact_scale` coordinates are pixels: anchors are then centred on `first - 0.5`.
    """

    cells: int
    first: float


def response_grid(
    template_size: int,
    search_size: int,
    padding: Padding = "cropped",
    *,
    wide_template: bool = True,
    architecture: Architecture = SPM_ALEXNET,
) -> ResponseGrid:
    """Find the cells of the response, and the place that a target has whose template is found at the first of them.

    The target is in the middle of the template image, its kernel's middle up to half a stride before that, since cells
    cannot be cut in halves. The same holds for the search image, so a target that stays is found where it is.

    Args:
        template_size: Pixels that count for the kernel (127).
        search_size: Side of the search image (271).
        padding: See above.
        wide_template: Whether the template image has `search_size` pixels a side, or `template_size`.
        architecture: Without padding, the receptive field matters.

    Returns:
        19 cells from 63.5 for the released sizes, 29 cells from 23.5 with "full".

    Raises:
        UsageError: The sizes leave too few cells.
    """
    template_image = search_size if wide_template else template_size
    kernel, template_start = middle_cells(template_image, template_size, padding, architecture, template=True)
    cells, search_start = middle_cells(search_size, search_size, padding, architecture)
    if padding == "full":
        cells, search_start = padded_cells(search_size), 0
    cells = cells - (kernel - HEAD_KERNEL + 1) - HEAD_KERNEL + 2
    if kernel < HEAD_KERNEL or cells < 1:
        raise UsageError(f"a template of {template_size} pixels leaves no response in {search_size}")
    return ResponseGrid(cells, STRIDE * (search_start - template_start) + template_image / 2)


def middle_cells(
    image: int, counted: int, padding: Padding, architecture: Architecture, *, template: bool = False
) -> tuple[int, int]:
    """The middle cells of conv5 that take part in the correlation: how many a side, and which is the first.

    Args:
        image: Side of the image in pixels.
        counted: As many cells as an unpadded image of this size leaves in the released model.
        padding: Whether the map has a border of padded cells; "full" counts as "cropped" here.
        architecture: Its receptive field says how many cells there are without padding.
        template: Whether this is the template's.

    Raises:
        UsageError: The image has not that many, or the network is not padded in this way.
    """
    if architecture.backbone == "mobilenet_v2":
        if padding != "none":
            raise UsageError(f"{architecture.name} is padded in its own way: backbone_padding must be none")
        there = mobilenet_cells(image)
        cells = MOBILENET_TEMPLATE if template else there
        return cells, (there - cells) // 2
    cells = unpadded_cells(counted)
    there = unpadded_cells(image, receptive_field(architecture, 5)) if padding == "none" else padded_cells(image)
    if not 0 < cells <= there:
        raise UsageError(
            f"conv5 of {architecture.name} has {max(there, 0)} cells a side for an image of {image} pixels, "
            f"where {cells} are needed (backbone_padding {padding})"
        )
    return cells, (there - cells) // 2


MOBILENET_TEMPLATE = 7
"""Cells a side of the template that PySOT's MobileNetV2 correlates."""


def mobilenet_cells(pixels: int) -> int:
    """Cells a side of PySOT's MobileNetV2, which has three steps of 2 without padding: 127 -> 15, 255 -> 31.

    Raises:
        UsageError: There are fewer than the template's.
    """
    cells = pixels
    for _ in range(3):
        cells = (cells - 3) // 2 + 1
    if cells < MOBILENET_TEMPLATE:
        raise UsageError(f"an image of {pixels} pixels leaves a MobileNetV2 {max(cells, 0)} cells a side, 7 are needed")
    return cells


def padded_cells(pixels: int) -> int:
    """Cells a side of a padded map: 271 -> 34, 127 -> 16."""
    return -(-pixels // STRIDE)


def unpadded_cells(pixels: int, receptive_field: int = RECEPTIVE_FIELD, stride: int = STRIDE) -> int:
    """Cells a side would have without padding: 127 -> 6, 271 -> 24 for conv5."""
    return (pixels - receptive_field) // stride + 1


def receptive_field(architecture: Architecture, block: int) -> int:
    """Pixels a side that a cell of conv1 .. conv5 sees, pooling included: 39 of conv2, 71 of conv4, 87 of conv5."""
    field, step = 1, 1
    for plan in architecture.blocks[:block]:
        field += (plan.kernel - 1) * step
        step *= plan.stride
        if plan.pool:
            field += 2 * step
            step *= 2
    return field
