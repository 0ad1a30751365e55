"""What the variants that take the stages apart do to a step."""

from __future__ import annotations

import pytest
import torch

from spm_bench.geometry.crops import to_image_frame
from spm_bench.models.checkpoint import random_weights
from spm_bench.suites.synthetic import SyntheticFrames, annotate, make_scene
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.slots import StepResult
from spm_bench.trackers.spm.tracker import BatchedSpm
from spm_bench.trackers.spm.variants import VARIANTS

TAME = 0.03
TAME_COARSE = {"class_scale": 2e-6, "box_scale": 2e-7}
"""Factors that bring the scores and deltas of random weights near 1, as those of trained ones."""


@pytest.fixture(scope="module")
def steps() -> dict[str, tuple[SpmConfig, StepResult]]:
    """One step of an untrained network from the same start, under each variant."""
    scene = make_scene("lookalike", 3, seed=5)
    frames, boxes = SyntheticFrames(scene), annotate(scene).boxes
    net, found = random_weights().network(), {}
    with torch.no_grad():
        for layer in (net.fm.rcnn_cls, net.fm.rcnn_bbox):
            layer.weight *= TAME
            layer.bias *= TAME
    for name in ("base", "series", "fm_only"):
        config = SpmConfig.build({**VARIANTS[name].changes, **TAME_COARSE})
        tracker = BatchedSpm(net, [config], torch.device("cpu"))
        tracker.init([frames[0]], boxes[:1])
        found[name] = (config, tracker.advance([frames[1]]))
    return found


@pytest.mark.parametrize("name", ["series", "fm_only"])
def test_the_fine_stage_alone_scores_and_boxes(name: str, steps: dict[str, tuple[SpmConfig, StepResult]]) -> None:
    config, step = steps[name]
    torch.testing.assert_close(step.fused_score, step.fm_score)
    likely = step.valid & (step.fm_score >= config.lost_threshold)
    assert likely.any()
    fine = to_image_frame(step.fm_box, step.region, step.scale)
    torch.testing.assert_close(step.fused[likely], fine[likely].float(), atol=0.05, rtol=0)
    final = (1 - config.window_weight) * step.fm_score + config.window_weight * step.window
    assert step.best == final.masked_fill(~step.valid, -1).argmax(1)


def test_series_judges_the_proposals_of_the_full_tracker(steps: dict[str, tuple[SpmConfig, StepResult]]) -> None:
    series, full = steps["series"][1], steps["base"][1]
    torch.testing.assert_close(series.candidates, full.candidates)
    torch.testing.assert_close(series.fm_score, full.fm_score)
    assert not torch.equal(series.fused, full.fused)


def test_fm_only_sees_what_the_coarse_scores_would_have_dropped(
    steps: dict[str, tuple[SpmConfig, StepResult]],
) -> None:
    seen, chosen = steps["fm_only"][1], steps["series"][1]
    assert seen.valid.sum() > chosen.valid.sum()
    assert seen.candidates[..., 4][seen.valid].min() <= chosen.candidates[..., 4][chosen.valid].min()
