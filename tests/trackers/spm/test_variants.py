"""The shipped variants: complete, distinct, and each with the effect on SPM-lite that a plain loop gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.geometry.crops import context_side, crop_frame, frame_mean, to_image_frame
from spm_bench.models.checkpoint import random_weights
from spm_bench.suites.base import Sequence
from spm_bench.suites.synthetic import load_demo
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.slots import StepResult
from spm_bench.trackers.spm.tracker import BatchedSpm, SpmLiteTracker
from spm_bench.trackers.spm.variants import VARIANTS
from spm_bench.trackers.spm.weights import find_weights

CPU = torch.device("cpu")
LITE = find_weights("spm_lite")
RUNNABLE = [name for name in VARIANTS if name != "tf32"]
TWO_SETTINGS = {"cm_only", "series", "fm_only", "top_1"}
FIRST_RELEASED = {
    "base",
    "lasot",
    "no_window",
    "cm_only",
    "score_fusion_only",
    "box_fusion_only",
    "fm_score_only",
    "series",
    "fm_only",
    "fm_box_weight_1",
    "no_near",
    "candidates_3",
    "nms_0.3",
    "size_rate_1",
    "lost_0.6",
    "exact_decode",
}
"""Names that reports and run folders know already."""

ANCHORS = ((112, 40), (88, 48), (64, 64), (48, 96), (40, 120))
"""Width and height, as the specification lists them."""


def config_of(changes: Mapping[str, Any]) -> SpmConfig:
    return SpmConfig.build({**LITE.all_settings, **changes})


@pytest.mark.parametrize("settings", [{}, LITE.all_settings], ids=["released", "lite"])
def test_all_differ_from_each_other(settings: Mapping[str, Any]) -> None:
    configs = {name: SpmConfig.build({**settings, **variant.changes}) for name, variant in VARIANTS.items()}
    texts: dict[str, str] = {}
    for name, config in configs.items():
        assert texts.setdefault(config.model_dump_json(), name) == name
    assert configs["base"] == SpmConfig.build(settings)


@pytest.mark.parametrize("name", VARIANTS)
def test_each_is_one_change_told_in_full(name: str) -> None:
    variant = VARIANTS[name]
    assert variant.name == name
    assert variant.about
    assert variant.source
    assert variant.expected
    if name in TWO_SETTINGS:
        assert len(variant.changes) > 1
    else:
        assert len(variant.changes) == (name != "base")
    assert all(len(text) < 130 and "\n" not in text for text in (variant.about, variant.source, variant.expected))


def test_the_names_of_earlier_runs_are_kept() -> None:
    assert set(VARIANTS) >= FIRST_RELEASED


@pytest.fixture(scope="module")
def video() -> Sequence:
    """A target near the frame's border, so that crops leave it."""
    return load_demo(["blur-2"]).sequences[0]


Steps = dict[str, tuple[SpmConfig, BatchedSpm, StepResult]]


@pytest.fixture(scope="module")
def steps(video: Sequence) -> Steps:
    """One step from the same start to the same later picture, under each variant."""
    assert video.frames is not None
    found = {}
    for name in RUNNABLE:
        config = config_of(VARIANTS[name].changes)
        tracker = BatchedSpm(LITE.network(), [config], CPU)
        tracker.init([video.frames[0]], video.ground_truth[:1])
        found[name] = config, tracker, tracker.advance([video.frames[4]])
    return found


@pytest.mark.parametrize("name", [name for name in RUNNABLE if name != "base"])
def test_a_variant_changes_the_step(name: str, steps: Steps) -> None:
    (config, _, step), (base_config, _, base) = steps[name], steps["base"]
    if config.lost_threshold != base_config.lost_threshold:
        assert bool(step.accepted) == (float(step.score) >= config.lost_threshold)
        base = base._replace(accepted=step.accepted, boxes=step.boxes)
        assert_same(step, base)
    else:
        with pytest.raises(AssertionError):
            assert_same(step, base)


def assert_same(a: StepResult, b: StepResult) -> None:
    for field in StepResult._fields:
        assert torch.equal(getattr(a, field), getattr(b, field)), field


FELT = {
    "cm_only",
    "fm_only",
    "series",
    "score_fusion_only",
    "fm_box_weight_1",
    "fm_box_weight_10",
    "fm_box_only",
    "border_zero",
    "border_edge",
    "border_reflect",
    "padding_none",
    "template_127",
    "size_rate_0.25",
    "size_rate_1",
    "roi_average",
    "exact_decode",
    "exact_scale",
    "bf16",
}
"""Those whose boxes differ at once. Others may let in what does not win, or drop what would not have won."""


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_variant_tracks(name: str, video: Sequence, trajectory: NDArray[np.float64]) -> None:
    boxes = track(name, video)
    assert np.isfinite(boxes).all()
    assert np.abs(boxes - video.ground_truth[1:5]).max() < 60
    if name == "base":
        assert np.array_equal(boxes, trajectory)
    if name in FELT:
        assert np.abs(boxes - trajectory).max() > 0.02


@pytest.fixture(scope="module")
def trajectory(video: Sequence) -> NDArray[np.float64]:
    return track("base", video)


def track(name: str, video: Sequence) -> NDArray[np.float64]:
    assert video.frames is not None
    tracker = SpmLiteTracker(config=VARIANTS[name].changes, device="cpu")
    tracker.init(video.frames[0], video.ground_truth[0])
    return np.stack([tracker.update(video.frames[t]) for t in range(1, 5)])


def decode(box: NDArray[Any], delta: NDArray[Any], divisors: tuple[float, ...], offset: float) -> NDArray[np.float64]:
    """Section 3 of the specification, for one box."""
    x1, y1, x2, y2 = box
    dx, dy, dw, dh = (float(d) / v for d, v in zip(delta, divisors, strict=True))
    w, h = x2 - x1 + offset, y2 - y1 + offset
    cx, cy = x1 + w / 2 + dx * w, y1 + h / 2 + dy * h
    w, h = w * math.exp(min(dw, math.log(255 / 32))), h * math.exp(min(dh, math.log(255 / 32)))
    return np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])


def square_of(config: SpmConfig, last: NDArray[Any]) -> tuple[float, float, float]:
    """Corner of the search square, and search pixels per image pixel."""
    w, h = last[2] - last[0], last[3] - last[1]
    s_z = math.sqrt((w + config.context * (w + h)) * (h + config.context * (w + h)))
    side = s_z * 271 / 127
    scale = (270 if config.exact_scale else 271) / side
    return (last[0] + last[2]) / 2 - side / 2, (last[1] + last[3]) / 2 - side / 2, scale


def proposals_of(config: SpmConfig, step: StepResult) -> list[tuple[NDArray[np.float64], float]]:
    """Every proposal in the search frame with its score, cell by cell."""
    logits, deltas = step.logits[0].double().numpy(), step.deltas[0].double().numpy()
    first = {"cropped": 63.5, "full": 23.5, "none": 63.5}[config.backbone_padding] - 0.5 * config.exact_scale
    cells = {"cropped": 19, "full": 29, "none": 19}[config.backbone_padding]
    assert logits.shape == (10, cells, cells)
    found = []
    for row in range(cells):
        for column in range(cells):
            for a, (w, h) in enumerate(ANCHORS):
                x, y = first + 8 * column, first + 8 * row
                anchor = np.array([x - (w - 1) / 2, y - (h - 1) / 2, x + (w - 1) / 2, y + (h - 1) / 2])
                score = 1 / (1 + math.exp(logits[a, row, column] - logits[5 + a, row, column]))
                delta = deltas[4 * a : 4 * a + 4, row, column]
                found.append((decode(anchor, delta, config.coarse_divisors, config.decode_offset), score))
    return found


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_step_is_what_a_plain_loop_makes_of_the_networks_outputs(name: str, steps: Steps, video: Sequence) -> None:
    config, tracker, step = steps[name]
    last = tracker.boxes[0].numpy()
    x0, y0, scale = square_of(config, last)
    proposals = proposals_of(config, step)
    search = np.stack([box for box, _ in proposals])
    rated = []
    for k in range(step.valid.shape[1]):
        if not step.valid[0, k]:
            continue
        row = step.candidates[0, k].double().numpy()
        which = int(np.abs(search - row[5:]).max(1).argmin())
        coarse = proposals[which][1]
        image = search[which] / scale + [x0, y0, x0, y0]
        np.testing.assert_allclose(row, [*image, coarse, *search[which]], atol=2e-3)
        logit = step.fm_logits[0, k].double().numpy()
        fine = 1 / (1 + math.exp(logit[0] - logit[1])) if config.needs_fine_stage else 0.0
        moved = decode(search[which], step.fm_deltas[0, k].numpy(), config.fine_divisors, config.decode_offset)
        share = coarse / (coarse + config.fm_box_weight * fine)
        share = {(True, False): 0.0, (False, True): 1.0}.get((config.fm_box, config.cm_box), share)
        fused = share * image + (1 - share) * (moved / scale + [x0, y0, x0, y0])
        score = (1 - config.fm_score_weight) * coarse + config.fm_score_weight * fine
        middle = np.clip((search[which, :2] + search[which, 2:]) / 2 / 270, 0, 1)
        window = float(np.prod(0.5 - 0.5 * np.cos(2 * np.pi * middle)))
        rated.append(((1 - config.window_weight) * score + config.window_weight * window, score, fused))
    _, score, winner = max(rated, key=lambda entry: entry[0])
    if score >= config.lost_threshold:
        rate = score * config.size_rate
        size = np.maximum(rate * (winner[2:] - winner[:2]) + (1 - rate) * (last[2:] - last[:2]), 10)
        assert video.frames is not None
        height, width = video.frames[0].shape[:2]
        centre = np.maximum(0, np.minimum((winner[:2] + winner[2:]) / 2, np.array([width, height]) - size / 2))
        last = np.concatenate((centre - size / 2, centre + size / 2))
    np.testing.assert_allclose(step.boxes[0].numpy(), last, atol=5e-3)


def test_the_stages_alone(steps: Steps) -> None:
    for name in ("series", "fm_only"):
        _, _, step = steps[name]
        torch.testing.assert_close(step.fused_score, step.fm_score)
        fine = to_image_frame(step.fm_box, step.region, step.scale)
        torch.testing.assert_close(step.fused[step.valid], fine[step.valid], rtol=1e-5, atol=1e-3)
    series, base = steps["series"][2], steps["base"][2]
    assert torch.equal(series.candidates, base.candidates)
    assert torch.equal(series.fm_score, base.fm_score)
    many = steps["fm_only"][2]
    assert many.valid.sum() > series.valid.sum()
    scores, cut = (step.candidates[0, :-1, 4][step.valid[0, :-1]] for step in (many, series))  # without the near one
    assert scores.min() < 0.1 * scores.max() <= cut.min()


def test_a_wider_response_has_the_proposals_of_the_released_one_in_its_middle(steps: Steps) -> None:
    (full_config, _, full), (config, _, base) = steps["padding_full"], steps["base"]
    torch.testing.assert_close(full.logits[..., 5:24, 5:24], base.logits, rtol=1e-4, atol=1e-4)
    whole = np.stack([box for box, _ in proposals_of(full_config, full)]).reshape(29, 29, 5, 4)
    middle = np.stack([box for box, _ in proposals_of(config, base)]).reshape(19, 19, 5, 4)
    np.testing.assert_allclose(whole[5:24, 5:24], middle, atol=1e-2)


@pytest.mark.parametrize("name", ["base", "template_127", "padding_none"])
def test_templates_are_cut_as_told(name: str, steps: Steps, video: Sequence) -> None:
    config, tracker, _ = steps[name]
    assert video.frames is not None
    frame, box = video.frames[0], video.ground_truth[0]
    corners = torch.tensor([[box[0], box[1], box[0] + box[2], box[1] + box[3]]])
    size = 271 if config.wide_template else 127
    half = float(context_side(corners, 0.5)) * size / 127 / 2
    centre = (corners[:, :2] + corners[:, 2:]) / 2
    square = torch.cat((centre - half, centre + half), 1)
    image = crop_frame(torch.from_numpy(frame.copy()), frame_mean(frame), square.float(), size)
    image = image - torch.tensor(config.mean_bgr)[:, None, None]
    with torch.inference_mode():
        features = tracker.net.cm.template_features(image, 127, config.backbone_padding)
        kernels = tracker.net.cm.kernels(features, 1.0, 1.0)
        roi = ((corners - torch.cat((square[:, :2], square[:, :2]), 1)) * size / (2 * half)).float()
        half_of_fine = tracker.net.fm.template_half(features, roi, 8)
    assert tracker.template is not None
    torch.testing.assert_close(tracker.template.kernels.classes, kernels.classes, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(tracker.template.fine_half, half_of_fine, rtol=1e-3, atol=1e-2)


def test_bfloat16_moves_the_box_by_a_fraction_of_a_pixel(steps: Steps) -> None:
    rough, base = steps["bf16"][2], steps["base"][2]
    assert rough.logits.dtype == rough.fm_logits.dtype == torch.float32
    torch.testing.assert_close(rough.logits, base.logits, rtol=0.1, atol=0.3)
    assert float((rough.boxes - base.boxes).abs().max()) < 3


@pytest.mark.parametrize(
    "changes", [{"backbone_padding": "none"}, {"backbone_padding": "full"}, {"wide_template": False}]
)
def test_the_released_layout_takes_them_too(changes: Mapping[str, Any], video: Sequence) -> None:
    """SPM-AlexNet, untrained: response norm, up-channel kernels, paddings of other widths."""
    assert video.frames is not None
    tracker = BatchedSpm(random_weights().network(), [SpmConfig.build({**changes, "lost_threshold": 0.0})], CPU)
    tracker.init([video.frames[0]], video.ground_truth[:1])
    step = tracker.advance([video.frames[1]])
    assert step.logits.shape[-1] == (29 if changes.get("backbone_padding") == "full" else 19)
    assert step.boxes.isfinite().all()
