"""Single operators against outputs recorded from the released code (tolerance: relative 1e-5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.geometry.anchors import base_anchors, decode_deltas, encode_deltas, grid_anchors
from spm_bench.geometry.crops import (
    context_side,
    crop_features,
    crop_frame,
    search_region,
    to_image_frame,
    to_search_frame,
)
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.proposals import greedy_nms, overlaps_pixel, select_candidates
from spm_bench.trackers.spm.step import cosine_window, foreground_scores, make_anchors, smooth
from tests.golden.conftest import Reference

Arrays = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def ops(reference: Reference) -> Arrays:
    return reference.load("ops")


def close(actual: torch.Tensor | NDArray[Any], expected: NDArray[Any], rtol: float = 1e-5) -> None:
    scale = float(np.nanmax(np.abs(expected)))
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=rtol, atol=rtol * scale)


def test_frame_crop_with_mean_padding(ops: Arrays) -> None:
    image = torch.from_numpy(ops["crop_img"][0].transpose(1, 2, 0).copy())
    mean = torch.from_numpy(ops["crop_img"][0]).mean(1).mean(1)
    boxes = torch.from_numpy(ops["crop_boxes"])
    close(crop_frame(image, mean, boxes, 31), ops["crop_out_31x31"])


def test_frame_crop_with_zero_padding_is_bit_exact(ops: Arrays) -> None:
    image = torch.from_numpy(ops["crop_img"][0].transpose(1, 2, 0).copy())
    boxes = torch.from_numpy(ops["crop_boxes"])
    actual = crop_frame(image, torch.zeros(3), boxes, (9, 14))
    np.testing.assert_array_equal(actual.numpy(), ops["crop_out_9x14_noavg"])


def test_roi_crop_is_bit_exact(ops: Arrays) -> None:
    actual = crop_features(torch.from_numpy(ops["roi_feat"]), torch.from_numpy(ops["rois"])[None, :, 1:] / 8, 6)
    np.testing.assert_array_equal(actual.numpy(), ops["roi_out"])


def test_search_region_and_frame_mappings(ops: Arrays) -> None:
    boxes = torch.from_numpy(ops["sr_boxes"])
    region, scale = search_region(boxes, 0.5, 127, 271)
    close(context_side(boxes, 0.5), ops["sr_z"][:, 2] - ops["sr_z"][:, 0])
    close(region, ops["sr_x"])
    close(scale, ops["sr_scale"])
    close(to_search_frame(boxes, region, scale), ops["sr_to_search"])
    close(to_image_frame(boxes, region, scale), ops["sr_to_image"])


@pytest.mark.parametrize(("divisors", "suffix"), [((1.0, 1.0, 1.0, 1.0), ""), ((5.0, 5.0, 10.0, 10.0), "_w")])
def test_delta_decode_and_encode(ops: Arrays, divisors: tuple[float, ...], suffix: str) -> None:
    boxes, deltas = torch.from_numpy(ops["bt_boxes"]), torch.from_numpy(ops["bt_deltas"])
    close(decode_deltas(boxes, deltas, divisors), ops["bt_out" + suffix])
    close(encode_deltas(boxes, torch.from_numpy(ops["bti_gt"]), divisors), ops["bti_out" + suffix])


def test_anchors(ops: Arrays) -> None:
    base = base_anchors(8, (0.33, 0.5, 1, 2, 3), (8,))
    np.testing.assert_array_equal(base, ops["anchors_base"])
    np.testing.assert_array_equal(grid_anchors(base, 19, 8, 63.5), ops["anchors"])
    np.testing.assert_array_equal(make_anchors(SpmConfig(), 8, torch.device("cpu")).numpy(), ops["anchors"])


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
def test_nms_keeps_the_same_rows(ops: Arrays, threshold: float) -> None:
    rows = torch.from_numpy(ops["nms_dets"])
    active = torch.ones(1, len(rows), dtype=torch.bool)
    picks, valid = greedy_nms(rows[None, :, :4], rows[None, :, 4], active, torch.tensor([threshold]), len(rows))
    assert sorted(picks[0][valid[0]].tolist()) == ops[f"nms_keep_{threshold}"].tolist()


def test_pixel_overlaps(ops: Arrays) -> None:
    boxes = torch.from_numpy(ops["nms_dets"][:, :4])
    for j in range(ops["ov"].shape[1]):
        close(overlaps_pixel(boxes[None], boxes[j : j + 1])[0], ops["ov"][:, j])


def test_softmax_pairs_and_score_order(ops: Arrays) -> None:
    close(foreground_scores(torch.from_numpy(ops["sm_logit"]))[0], ops["sm_score"])


def test_window_score(ops: Arrays) -> None:
    close(cosine_window(torch.from_numpy(ops["win_det"])[:, 5:], 271), ops["win_out"])


def test_smoothing_and_clamps(ops: Arrays) -> None:
    given = torch.from_numpy(ops["li_in"])
    new, old, rate, extent = given[:, :4], given[:, 4:8], given[:, 8], given[:, [10, 9]]
    close(smooth(new, old, rate, extent, torch.full((len(given),), 10.0, dtype=torch.float64)), ops["li_out"])


def candidate_rows(ops: Arrays, case: int, near: int) -> NDArray[Any]:
    rows = torch.from_numpy(ops[f"gp{case}_det"])[None]
    chosen = select_candidates(
        rows[..., :4],
        rows[..., 4],
        torch.from_numpy(ops[f"gp{case}_cur"])[None],
        candidates=torch.tensor([9]),
        near=torch.tensor([near]),
        near_overlap=torch.tensor([0.8]),
        score_cut=torch.tensor([0.1]),
        nms_threshold=torch.tensor([0.5]),
        most_pool=9 - near,
        most_near=near,
    )
    return rows[0][chosen.rows[0][chosen.valid[0]]].numpy()


@pytest.mark.parametrize("near", [0, 1, 2])
@pytest.mark.parametrize("case", [0, 1, 2, 3])
def test_candidate_selection(ops: Arrays, case: int, near: int) -> None:
    np.testing.assert_array_equal(candidate_rows(ops, case, near), ops[f"gp{case}_out_near{near}"])


def test_candidate_selection_far_from_everything(ops: Arrays) -> None:
    """All overlaps are 0, so the near rows are an arbitrary tie; ours is the lowest row, and says so."""
    np.testing.assert_array_equal(candidate_rows(ops, 4, 0), ops["gp4_out_near0"])
    np.testing.assert_array_equal(candidate_rows(ops, 4, 1)[-1], ops["gp4_det"][0])
