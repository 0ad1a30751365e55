"""Whole runs against the released tracker: teacher-forced steps, and closed loops of every recorded variant."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.models.spm import SpmNet
from spm_bench.trackers.spm.config import OFFICIAL_KEYS, SpmConfig
from spm_bench.trackers.spm.tracker import BatchedSpm
from tests.golden.conftest import Reference

CPU = torch.device("cpu")


def xywh(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate((corners[..., :2], corners[..., 2:] - corners[..., :2]), axis=-1)


def official_config(reference: Reference, variant: str) -> SpmConfig:
    return SpmConfig.build({OFFICIAL_KEYS[key]: value for key, value in reference.meta["variants"][variant].items()})


def closed_loop(
    net: SpmNet, configs: list[SpmConfig], frames: NDArray[np.uint8], init: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Corner boxes, slots x frames x 4."""
    tracker = BatchedSpm(net, configs, CPU)
    tracker.init([frames[0]] * len(configs), np.repeat(xywh(init)[None], len(configs), axis=0))
    boxes = [tracker.boxes.numpy().copy()]
    for frame in frames[1:]:
        tracker.update([frame] * len(configs))
        boxes.append(tracker.boxes.numpy().copy())
    return np.stack(boxes, axis=1)


@pytest.fixture(scope="module")
def variant_runs(
    reference: Reference, net: SpmNet, run_name: str, frames: NDArray[np.uint8]
) -> dict[str, NDArray[np.float64]]:
    """All recorded variants in one batch, each slot with its own settings."""
    names = list(reference.meta["variants"])
    init = reference.load(f"tracker_otb_{run_name}")["init_box"]
    configs = [official_config(reference, name) for name in names]
    return dict(zip(names, closed_loop(net, configs, frames, init), strict=True))


def test_teacher_forced_steps(reference: Reference, net: SpmNet, run_name: str, frames: NDArray[np.uint8]) -> None:
    recorded = reference.load(f"tracker_otb_{run_name}")
    tracker = BatchedSpm(net, [SpmConfig()], CPU)
    tracker.init([frames[0]], xywh(recorded["init_box"])[None])
    for t, frame in enumerate(frames[1:]):
        tracker.boxes = torch.from_numpy(recorded["box_in"][t])[None]
        result = tracker.advance([frame])
        kept = result.valid[0]
        count = int(kept.sum())
        assert count == recorded["n_prop"][t]
        assert int(result.n_near[0]) == recorded["n_near"][t]
        assert int(kept[: int(result.best[0])].sum()) == recorded["best_idx"][t]
        assert bool(result.accepted[0]) == recorded["accepted"][t]
        np.testing.assert_allclose(result.region[0], recorded["x_box"][t], rtol=1e-9)
        for actual, name in (
            (result.logits[0], "cm_logit"),
            (result.deltas[0], "cm_delta"),
            (result.candidates[0][kept], "proposals"),
            (result.fm_score[0][kept], "fm_score"),
            (result.fused[0][kept], "fused_box_img"),
            (result.final_score[0][kept], "final_score"),
        ):
            expected = recorded[name][t]
            expected = expected if name.startswith("cm_") else expected[:count]
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max(), err_msg=name)
        np.testing.assert_allclose(result.boxes[0], recorded["box_out"][t], atol=1e-3)


def test_closed_loop_of_every_recorded_variant(
    reference: Reference, run_name: str, variant_runs: dict[str, NDArray[np.float64]]
) -> None:
    recorded = reference.load(f"tracker_variants_{run_name}")
    assert set(recorded) == set(variant_runs)
    for name, boxes in variant_runs.items():
        stability = reference.meta["stability_px"][f"{run_name}/{name}"]
        difference = np.abs(boxes - recorded[name]).max(axis=1)
        assert difference[:10].max() <= 0.02, name
        # Where the released code's own run moves by over 0.1 px under 1e-6 noise, only the first rows mean anything.
        if stability <= 0.1:
            assert difference.max() <= max(0.02, 10 * stability), name


def test_otb_run(reference: Reference, run_name: str, variant_runs: dict[str, NDArray[np.float64]]) -> None:
    recorded = reference.load(f"tracker_otb_{run_name}")["boxes"]
    tolerance = max(0.02, 10 * reference.meta["stability_px"][f"{run_name}/otb"])
    np.testing.assert_allclose(variant_runs["otb"], recorded, atol=tolerance)


@pytest.mark.parametrize("variant", ["otb", "cm_only"])
def test_a_slot_alone_equals_the_slot_in_a_batch(
    reference: Reference,
    net: SpmNet,
    run_name: str,
    frames: NDArray[np.uint8],
    variant_runs: dict[str, NDArray[np.float64]],
    variant: str,
) -> None:
    init = reference.load(f"tracker_otb_{run_name}")["init_box"]
    alone = closed_loop(net, [official_config(reference, variant)], frames[:9], init)[0]
    tolerance = max(2e-3, 10 * reference.meta["stability_px"][f"{run_name}/{variant}"])
    np.testing.assert_allclose(alone, variant_runs[variant][:9], atol=tolerance)
