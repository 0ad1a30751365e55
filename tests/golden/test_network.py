"""Network outputs against those recorded from the released code (relative 1e-4, absolute 1e-4 of the largest)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.geometry.anchors import decode_deltas
from spm_bench.models.backbone import centre_crop
from spm_bench.models.spm import SpmNet
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.slots import SlotSettings
from spm_bench.trackers.spm.step import crop_targets, make_templates
from spm_bench.trackers.spm.tracker import BatchedSpm
from tests.golden.conftest import Reference
from tests.golden.synthetic import sequence

Arrays = dict[str, NDArray[Any]]


def close(actual: torch.Tensor, expected: NDArray[Any]) -> None:
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-4, atol=1e-4 * scale)


@pytest.fixture(scope="module")
def coarse(reference: Reference) -> Arrays:
    return reference.load("cm_stage")


@pytest.fixture(scope="module")
def fine(reference: Reference) -> Arrays:
    return reference.load("fm_stage")


@pytest.fixture(scope="module")
def tracker(net: SpmNet) -> BatchedSpm:
    return BatchedSpm(net, [SpmConfig()], torch.device("cpu"))


def image(tracker: BatchedSpm, frame: NDArray[np.uint8], corners: NDArray[np.float64]) -> tuple[torch.Tensor, ...]:
    return crop_targets(tracker._batch([frame]), torch.from_numpy(corners)[None], tracker.settings)


def test_reference_weights_are_the_recorded_ones(reference: Reference) -> None:
    checks = json.loads((reference.folder / "weights_check.json").read_text())
    for name, check in checks.items():
        assert hashlib.sha256(np.ascontiguousarray(reference.state[name]).tobytes()).hexdigest() == check["sha256"], (
            name
        )


def test_reference_frames_are_the_recorded_ones(reference: Reference, run_name: str) -> None:
    frames, corners = sequence(reference.meta[f"sequence_{run_name}"])
    recorded = reference.load(f"tracker_otb_{run_name}")
    assert [hashlib.sha256(f.tobytes()).hexdigest() for f in frames] == recorded["frame_sha256"].tolist()
    np.testing.assert_array_equal(corners, recorded["gt"])


@torch.inference_mode()
@pytest.mark.parametrize("part", ["z", "x"])
def test_crops_and_backbone(tracker: BatchedSpm, coarse: Arrays, part: str) -> None:
    frame, box = ("frame0", "init_box") if part == "z" else ("frame1", "box_in")
    crop, region, scale = image(tracker, coarse[frame], coarse[box])
    np.testing.assert_allclose(region[0].numpy(), coarse[f"{part}_box_crop"], rtol=1e-12)
    assert float(scale[0]) == pytest.approx(float(coarse[f"{part}_scale"]), rel=1e-12)
    np.testing.assert_allclose(crop.numpy(), coarse[f"{part}_input"], atol=5e-5)
    for n, features in enumerate(tracker.net.cm.z_net.blocks(crop), 1):
        close(features[:, :: 24 if n == 1 else 16], coarse[f"{part}_conv{n}"])
        if n == 5:
            central = tracker.net.cm.features(crop, 271 if part == "x" else 127).conv5
            torch.testing.assert_close(central, centre_crop(features, central.shape[-1]), rtol=1e-4, atol=1e-4)
        statistics = torch.stack((features.mean(), features.std(), features.abs().max()))
        close(statistics, coarse[f"stat_{part}_conv{n}"])


@torch.inference_mode()
def test_coarse_stage(tracker: BatchedSpm, coarse: Arrays) -> None:
    net = tracker.net
    kernels = net.cm.kernels(net.cm.features(image(tracker, coarse["frame0"], coarse["init_box"])[0], 127), 1e-3, 1e-3)
    close(kernels.classes[0], coarse["z_cls_weights"])
    close(kernels.boxes[0], coarse["z_bbox_weights"])
    logits, deltas = net.cm(net.cm.features(image(tracker, coarse["frame1"], coarse["box_in"])[0], 271), kernels)
    close(logits, coarse["logit"])
    close(deltas, coarse["delta"])
    close(logits.reshape(1, 2, 5, 19, 19).softmax(1)[:, 1], coarse["fg_prob"])


@torch.inference_mode()
def test_fine_stage(tracker: BatchedSpm, coarse: Arrays, fine: Arrays) -> None:
    net = tracker.net
    template = net.cm.features(image(tracker, coarse["frame0"], coarse["init_box"])[0], 127)
    search = net.cm.features(image(tracker, coarse["frame1"], coarse["box_in"])[0], 271)
    box = torch.from_numpy(fine["z_roi"])[None, 1:]
    close(net.fm.feat_extractor(template, box[:, None], 8), fine["z_roi_feat"])
    normalised = net.fm.feat_extractor.normalise(search)
    close(normalised[:, :384:48], fine["bn_conv4_sub"])
    close(normalised[:, 384::32], fine["bn_conv2_sub"])
    proposals = torch.from_numpy(fine["proposals"])[None, :, 5:]
    features = net.fm.feat_extractor(search, proposals, 8)
    close(features[:, ::8], fine["x_roi_feat_sub"])
    close(features[0], fine["x_roi_feat_0"])
    close(features.sum((2, 3)), fine["x_roi_feat_sum"])
    half = net.fm.template_half(template, box, 8)
    close(net.fm.siam_fusion(half, features), fine["hidden1"])
    logits, deltas = net.fm(search, half, proposals, 8)
    close(logits[0], fine["fm_logit"])
    close(deltas[0], fine["fm_delta"])
    close(logits[0].softmax(-1)[:, 1], fine["fm_score"])
    close(decode_deltas(proposals[0], deltas[0], (5, 5, 10, 10)), fine["fm_box"])


@torch.inference_mode()
def test_one_step_with_all_its_parts(tracker: BatchedSpm, coarse: Arrays, fine: Arrays) -> None:
    corners = coarse["init_box"]
    tracker.init([coarse["frame0"]], np.concatenate((corners[:2], corners[2:] - corners[:2]))[None])
    tracker.boxes = torch.from_numpy(fine["box_in"])[None]
    result = tracker.advance([coarse["frame1"]])
    kept = result.valid[0]
    close(result.candidates[0][kept], fine["proposals"])
    close(result.window[0][kept], fine["win_score"])
    close(result.box_weight[0][kept], fine["cm_weight"])
    close(result.fused[0][kept], fine["fused_box_img"])
    close(result.fused_score[0][kept], fine["pred_score"])
    close(result.final_score[0][kept], fine["final_score"])
    assert int(kept[: int(result.best[0])].sum()) == int(fine["best_idx"])
    np.testing.assert_allclose(result.boxes[0].numpy(), fine["box_out"], atol=1e-3)


@torch.inference_mode()
def test_template_half_is_computed_once(reference: Reference, tracker: BatchedSpm, coarse: Arrays) -> None:
    """The split convolution equals the released one on joined features, and the step uses only the candidates' half."""
    batch, box = tracker._batch([coarse["frame0"]]), torch.from_numpy(coarse["init_box"])[None]
    template = make_templates(tracker.net, batch, box, SlotSettings.of([SpmConfig()], torch.device("cpu")))
    z, x = torch.randn(1, 640, 6, 6), torch.randn(3, 640, 6, 6)
    relation = tracker.net.fm.siam_fusion
    joined = torch.nn.functional.conv2d(
        torch.cat((z.expand(3, -1, -1, -1), x), 1),
        relation._conv.weight,
        relation._conv.bias,
        padding=1,
    ).relu()
    hidden = joined.flatten(1)
    for layer in relation.linear_layers.values():
        hidden = layer(hidden).relu()
    np.testing.assert_allclose(relation(relation.template_half(z), x), hidden, rtol=1e-4, atol=1e-4)
    assert template.fine_half.shape == (1, 256, 6, 6)
