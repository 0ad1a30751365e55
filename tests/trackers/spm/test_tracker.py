"""SPM in batches: slots do not see each other, settings differ per slot, bad starts are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.errors import TrackerError, UsageError, WeightsError
from spm_bench.models.checkpoint import Weights, random_weights
from spm_bench.models.spm import SpmNet
from spm_bench.trackers.base import Tracker
from spm_bench.trackers.spm import SpmTracker
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.device import pick_device
from spm_bench.trackers.spm.step import join_templates, smooth
from spm_bench.trackers.spm.tracker import BatchedSpm
from spm_bench.trackers.variants import Variant

CPU = torch.device("cpu")
Frames = list[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return random_weights()


@pytest.fixture(scope="module")
def net(weights: Weights) -> SpmNet:
    return weights.network()


def video(seed: int, height: int, width: int, length: int = 4) -> Frames:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    still = base.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
    return [np.ascontiguousarray(np.roll(still, 2 * t, axis=1)) for t in range(length)]


def test_slots_with_frames_of_other_sizes_equal_slots_alone(net: SpmNet) -> None:
    videos = [video(1, 120, 160), video(2, 90, 200)]
    videos.append(videos[0])
    boxes = np.array([[40.0, 30, 30, 40], [100, 20, 50, 30], [90, 60, 40, 44]])
    configs = [
        SpmConfig(lost_threshold=0.0),
        SpmConfig(lost_threshold=0.0, candidates=3, near_candidates=0, window_weight=0.1, fm_score_weight=1.0),
        SpmConfig(lost_threshold=0.0, fm_box=False, fm_score_weight=0.0, nms_threshold=0.3, size_rate=1.0),
    ]
    together = BatchedSpm(net, configs, CPU)
    together.init([v[0] for v in videos], boxes)
    alone = [BatchedSpm(net, [c], CPU) for c in configs]
    for tracker, frames, box in zip(alone, videos, boxes, strict=True):
        tracker.init([frames[0]], box[None])
    for t in range(1, 4):
        batch = together.update([v[t] for v in videos])
        single = [tracker.update([frames[t]])[0] for tracker, frames in zip(alone, videos, strict=True)]
        np.testing.assert_allclose(batch, single, rtol=1e-5, atol=1e-3)
    assert not np.allclose(batch, boxes, atol=0.5)


def test_joined_templates_equal_one_batch(net: SpmNet) -> None:
    frames = video(5, 100, 140)
    boxes = np.array([[30.0, 20, 40, 30], [60, 40, 30, 30]])
    both = BatchedSpm(net, [SpmConfig()] * 2, CPU)
    both.init([frames[0]] * 2, boxes)
    parts = []
    for box in boxes:
        one = BatchedSpm(net, [SpmConfig()], CPU)
        one.init([frames[0]], box[None])
        assert one.template is not None
        parts.append(one.template)
    joined = join_templates(parts)
    assert both.template is not None
    for a, b in ((joined.fine_half, both.template.fine_half), (joined.kernels.boxes, both.template.kernels.boxes)):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_keeps_the_box_when_lost(net: SpmNet) -> None:
    frames = video(7, 100, 140)
    tracker = BatchedSpm(net, [SpmConfig(lost_threshold=1.0)], CPU)
    box = np.array([[30.0, 20, 40, 30]])
    tracker.init([frames[0]], box)
    np.testing.assert_allclose(tracker.update([frames[1]]), box)


def test_a_box_beyond_numbers_is_a_lost_target(net: SpmNet) -> None:
    frames = video(7, 100, 140)
    tracker = BatchedSpm(net, [SpmConfig(lost_threshold=0.0)], CPU)
    tracker.init([frames[0]], np.array([[30.0, 20, 40, 30]]))
    tracker.boxes = torch.tensor([[-1e38, -1e38, 1e38, 1e38]], dtype=torch.float64)
    before = tracker.boxes.clone()
    result = tracker.advance([frames[1]])
    assert not result.accepted.any()
    torch.testing.assert_close(result.boxes, before)


def test_init_forgets_everything(weights: Weights) -> None:
    frames, other = video(8, 100, 140), video(9, 80, 90)
    tracker = SpmTracker(weights, {"lost_threshold": 0.0})
    tracker.init(frames[0], np.array([30.0, 20, 40, 30]))
    first = [tracker.update(f) for f in frames[1:]]
    tracker.init(other[0], np.array([10.0, 10, 20, 20]))
    tracker.update(other[1])
    tracker.init(frames[0], np.array([30.0, 20, 40, 30]))
    np.testing.assert_array_equal(first, [tracker.update(f) for f in frames[1:]])


def test_read_only_and_strided_frames_are_accepted(weights: Weights) -> None:
    frames = video(8, 100, 140)
    tracker = SpmTracker(weights)
    assert isinstance(tracker, Tracker)
    plain = frames[0].copy()
    plain.flags.writeable = False
    tracker.init(plain, np.array([30.0, 20, 40, 30]))
    expected = tracker.update(frames[1])
    tracker.init(plain, np.array([30.0, 20, 40, 30]))
    mirrored = np.ascontiguousarray(frames[1][..., ::-1])[..., ::-1]
    np.testing.assert_array_equal(tracker.update(mirrored), expected)


@pytest.mark.parametrize("box", [[0, 0, 0, 5], [0, 0, -3, 5], [float("nan"), 0, 5, 5], [0, 0, float("inf"), 5]])
def test_refuses_a_box_without_area(net: SpmNet, box: list[float]) -> None:
    tracker = BatchedSpm(net, [SpmConfig()], CPU)
    with pytest.raises(TrackerError, match="positive size"):
        tracker.init([video(1, 60, 60)[0]], np.array([box]))


def test_refuses_to_update_before_it_was_started(net: SpmNet) -> None:
    with pytest.raises(TrackerError, match="before it was started"):
        BatchedSpm(net, [SpmConfig()], CPU).update([video(1, 60, 60)[0]])


def test_slots_must_agree_on_what_shapes_the_tensors(net: SpmNet) -> None:
    with pytest.raises(UsageError, match="search_size"):
        BatchedSpm(net, [SpmConfig(), SpmConfig(search_size=255)], CPU)


def test_a_box_wider_than_the_frame_is_clamped_from_below_last() -> None:
    """W < w / 2 makes the upper bound negative; the lower bound 0 comes last."""
    wide = torch.tensor([[-200.0, 10, 400, 40]], dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    moved = smooth(wide, wide, one, torch.tensor([[100.0, 80.0]], dtype=torch.float64), 10 * one)
    assert moved.tolist() == [[-300.0, 10.0, 300.0, 40.0]]


def test_resolve_records_what_the_boxes_depend_on() -> None:
    spec = SpmTracker.resolve(name="SPM", variant="cm_only", weights="random", device="cpu")
    assert (spec.label, spec.trained) == ("SPM-cm_only", "no")
    assert spec.identity["config"]["fm_box"] is False
    assert len(spec.identity["weights_sha256"]) == 64
    other = SpmTracker.resolve(name="SPM", variant=None, weights="random:3", device="cpu")
    assert other.identity["weights_sha256"] != spec.identity["weights_sha256"]


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"variant": "cm_onyl", "weights": "random"}, UsageError, "Did you mean cm_only"),
        ({"variant": None, "weights": "random:x"}, WeightsError, "whole number"),
        ({"variant": None, "weights": None}, WeightsError, "--weights random"),
        ({"variant": None, "weights": "official"}, WeightsError, "By hand"),
        ({"variant": None, "weights": "no/such/file.safetensors"}, WeightsError, "no such file"),
    ],
)
def test_resolve_errors(
    arguments: dict[str, Any], error: type[Exception], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("SPM_BENCH_CACHE", str(tmp_path))
    with pytest.raises(error) as raised:
        SpmTracker.resolve(name="SPM", device="cpu", **arguments)
    assert told in str(raised.value)


def test_a_precision_that_the_device_lacks_is_refused_before_anything_runs() -> None:
    variant = Variant("rough", "", {"precision": "tf32"})
    with pytest.raises(UsageError, match="tf32 exists on NVIDIA cards only, not on cpu"):
        SpmTracker.resolve(name="SPM", variant=variant, weights="random", device="cpu")


def test_unknown_device_is_a_users_error() -> None:
    with pytest.raises(UsageError, match="cpu"):
        pick_device("quantum")
