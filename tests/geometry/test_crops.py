"""Borders, scales and RoI resampling against loops over single samples.

The values recorded from the released code (mean and zero border, single-sample RoIs) are in tests/golden/test_ops.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spm_bench.geometry.anchors import decode_deltas
from spm_bench.geometry.crops import (
    Border,
    crop_features,
    crop_frame,
    frame_mean,
    search_region,
    to_image_frame,
    to_search_frame,
)

BORDERS: tuple[Border, ...] = ("mean", "zero", "edge", "reflect")
FRAME = np.random.default_rng(3).integers(0, 256, (11, 17, 3), dtype=np.uint8)
BOXES = {
    "inside": (2.3, 1.1, 9.9, 8.2),
    "over the left top": (-4.7, -3.2, 6.1, 5.9),
    "over the right bottom": (10.2, 6.6, 21.5, 14.4),
    "on the middles of pixels": (-5.0, -5.0, 23.0, 23.0),
    "apart from the frame": (30.4, -25.3, 41.2, -14.1),
    "much larger than the frame": (-150.3, -99.8, 160.7, 141.4),
}


def border_index(i: int, extent: int, border: Border) -> int | None:
    """Which pixel stands for pixel i, one step at a time."""
    while not 0 <= i < extent:
        if border in ("mean", "zero"):
            return None
        if border == "edge":
            return 0 if i < 0 else extent - 1
        i = -i if i < 0 else 2 * (extent - 1) - i
    return i


def pixel(frame: NDArray[np.float64], x: float, y: float, border: Border, colour: NDArray[np.float64]) -> object:
    """One sample by the definition: the frame is continued pixel by pixel, then interpolated."""
    rows, columns = frame.shape[:2]
    if border in ("mean", "zero") and not (0 <= x <= columns - 1 and 0 <= y <= rows - 1):
        return colour
    x0, y0 = math.floor(x), math.floor(y)
    value = np.zeros(frame.shape[2])
    for j, wy in ((y0, 1 - (y - y0)), (y0 + 1, y - y0)):
        for i, wx in ((x0, 1 - (x - x0)), (x0 + 1, x - x0)):
            row, column = border_index(j, rows, border), border_index(i, columns, border)
            if wx and wy:
                assert row is not None
                assert column is not None
                value += wx * wy * frame[row, column]
    return value


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("box", BOXES)
def test_crops_continue_the_frame(box: str, border: Border) -> None:
    x1, y1, x2, y2 = BOXES[box]
    mean, n, offset = frame_mean(FRAME), 15, torch.tensor([104.0, 117.0, 123.0])
    colour = mean.double().numpy() if border == "mean" else np.zeros(3)
    expected = [
        [
            pixel(FRAME.astype(np.float64), x1 + k * (x2 - x1) / (n - 1), y1 + m * (y2 - y1) / (n - 1), border, colour)
            for k in range(n)
        ]
        for m in range(n)
    ]
    actual = crop_frame(torch.from_numpy(FRAME), mean, torch.tensor([BOXES[box]]), n, offset=offset, border=border)
    wanted = np.asarray(expected).transpose(2, 0, 1) - offset.numpy()[:, None, None]
    np.testing.assert_allclose(actual[0].numpy(), wanted, atol=0.02)


def test_mirrored_crops_are_numpys() -> None:
    wide = np.pad(FRAME, ((40, 40), (40, 40), (0, 0)), mode="reflect").astype(np.float32)
    box = torch.tensor([[-40.0, -40.0, 56.0, 50.0]])
    crop = crop_frame(torch.from_numpy(FRAME), torch.zeros(3), box, (91, 97), border="reflect")
    np.testing.assert_allclose(crop[0].permute(1, 2, 0).numpy(), wide, atol=0.02)


def test_the_mean_border_does_not_depend_on_being_named() -> None:
    boxes = torch.tensor(list(BOXES.values()))
    frame, mean = torch.from_numpy(FRAME), frame_mean(FRAME)
    named = crop_frame(frame, mean, boxes, 31, border="mean")
    assert torch.equal(crop_frame(frame, mean, boxes, 31), named)
    black = crop_frame(frame, mean, boxes, 31, border="zero")
    torch.testing.assert_close(black, crop_frame(frame, torch.zeros(3), boxes, 31), atol=1e-4, rtol=0)


@pytest.mark.parametrize("border", BORDERS)
def test_inside_the_frame_the_border_has_no_say(border: Border) -> None:
    boxes = torch.tensor([BOXES["inside"]])
    crops = (crop_frame(torch.from_numpy(FRAME), frame_mean(FRAME), boxes, 9, border=b) for b in ("mean", border))
    assert torch.equal(*crops)


@pytest.mark.parametrize("border", ["edge", "reflect"])
def test_a_frame_of_one_pixel_is_that_pixel_everywhere(border: Border) -> None:
    crop = crop_frame(
        torch.full((1, 1, 3), 9.0), torch.zeros(3), torch.tensor([[-3.0, -2.0, 5.0, 8.0]]), 5, border=border
    )
    assert torch.equal(crop, torch.full((1, 3, 5, 5), 9.0))


def roi_align(cells: NDArray[np.float64], box: tuple[float, ...], n: int) -> NDArray[np.float64]:
    """Averaged RoIAlign of one H x W map as in the paper, 2 x 2 samples per bin; outside the map is zero."""
    (x1, y1, x2, y2), (H, W) = box, cells.shape
    out = np.zeros((n, n))
    for row in range(n):
        for column in range(n):
            for sy in (0.25, 0.75):
                for sx in (0.25, 0.75):
                    x = x1 + (column + sx) * (x2 - x1) / n
                    y = y1 + (row + sy) * (y2 - y1) / n
                    if not (0 <= x <= W - 1 and 0 <= y <= H - 1):
                        continue
                    i, j = min(int(x), W - 2), min(int(y), H - 2)
                    a, b = x - i, y - j
                    square = cells[j : j + 2, i : i + 2]
                    out[row, column] += np.array([1 - b, b]) @ square @ np.array([1 - a, a]) / 4
    return out


def test_averaged_rois_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 3, 9, 12))
    low = rng.uniform(-3, 7, (2, 4, 2))
    boxes = np.concatenate((low, low + rng.uniform(0.2, 9, (2, 4, 2))), -1)
    out = crop_features(torch.from_numpy(features).float(), torch.from_numpy(boxes).float(), 6, sampling="average")
    assert out.shape == (8, 3, 6, 6)
    assert out.permute(0, 2, 3, 1).is_contiguous()
    for b in range(2):
        for k in range(4):
            for c in range(3):
                expected = roi_align(features[b, c], tuple(boxes[b, k]), 6)
                np.testing.assert_allclose(out[b * 4 + k, c].numpy(), expected, atol=1e-4)


def test_an_averaged_roi_of_a_slope_has_the_slopes_values_at_its_bins_middles() -> None:
    slope = torch.arange(20.0).expand(1, 1, 10, 20)
    out = crop_features(slope, torch.tensor([[[2.0, 1.0, 14.0, 7.0]]]), 6, sampling="average")
    torch.testing.assert_close(out[0, 0, 2], torch.tensor([3.0, 5, 7, 9, 11, 13]))
    edges = crop_features(slope, torch.tensor([[[2.0, 1.0, 14.0, 7.0]]]), 6)
    torch.testing.assert_close(edges[0, 0, 2], torch.linspace(2, 14, 6))


box = st.tuples(*[st.floats(-500, 900) for _ in range(2)], *[st.floats(1, 400) for _ in range(2)])


@settings(max_examples=50)
@given(box)
def test_exact_coordinates_are_indices_of_pixels(given_box: tuple[float, ...]) -> None:
    x, y, w, h = given_box
    boxes = torch.tensor([[x, y, x + w, y + h]] * 2, dtype=torch.float64)
    region, scale = search_region(boxes, 0.5, 127, 271, torch.tensor([True, False]))
    released_region, released_scale = search_region(boxes, 0.5, 127, 271)
    assert torch.equal(region, released_region)
    assert scale[1] == released_scale[1]
    assert torch.equal(search_region(boxes, 0.5, 127, 271, exact=True)[1][0], scale[0])
    ends = to_search_frame(region, region, scale)
    torch.testing.assert_close(ends[0, 2:], torch.tensor([270.0, 270], dtype=torch.float64))
    torch.testing.assert_close(ends[1, 2:], torch.tensor([271.0, 271], dtype=torch.float64))
    torch.testing.assert_close(to_image_frame(ends, region, scale), region)


def test_each_target_may_have_a_decoding_of_its_own() -> None:
    boxes, deltas = torch.rand(7, 4).cumsum(1) * 30, torch.randn(3, 7, 4)
    divisors, offsets = (5.0, 5.0, 10.0, 10.0), torch.tensor([1.0, 0.0, 0.5])
    together = decode_deltas(boxes, deltas, divisors, pixel_offset=offsets[:, None, None])
    for one, offset, delta in zip(together, offsets.tolist(), deltas, strict=True):
        assert torch.equal(one, decode_deltas(boxes, delta, divisors, pixel_offset=offset))
