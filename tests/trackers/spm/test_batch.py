"""A batch gives each target what it gets alone, and computes once what is equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spm_bench.errors import TrackerError, UsageError
from spm_bench.suites.synthetic import SyntheticFrames, annotate, make_scene
from spm_bench.trackers.base import Start
from spm_bench.trackers.catalog import build_batch, build_tracker, can_batch, resolve_tracker
from spm_bench.trackers.spm import batch as batch_module
from spm_bench.trackers.spm.batch import SpmBatch, Target
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.slots import SHARED_FIELDS
from spm_bench.trackers.spm.tracker import SpmLiteTracker, SpmTracker
from spm_bench.trackers.variants import Variant

Frames = Sequence[NDArray[np.uint8]]
Changes = Mapping[str, Any]

LATE: list[Changes] = [
    {},
    {"window_weight": 0.0},
    {"window_weight": 0.1},
    {"nms_threshold": 0.3},
    {"nms_threshold": 0.8},
    {"candidates": 3},
    {"candidates": 20, "near_candidates": 3},
    {"lost_threshold": 0.5},
    {"near_candidates": 0},
    {"score_cut": 0.5},
    {"near_overlap": 0.95},
    {"min_size": 40.0},
]
FUSION: list[Changes] = [
    {"fm_score_weight": 0.0, "fm_box": False},
    {"fm_score_weight": 1.0},
    {"fm_box_weight": 0.0},
    {"cm_box": False},
    {"size_rate": 1.0},
]
EARLY: list[Changes] = [
    {"border": "zero"},
    {"border": "reflect"},
    {"exact_scale": True},
    {"decode_offset": 0.0},
    {"wide_template": False},
    {"context": 0.4},
    {"backbone_padding": "full"},
    {"backbone_padding": "none"},
    {"roi_sampling": "average"},
    {"precision": "bf16"},
]


def scene(name: str, length: int = 8, seed: int = 3) -> tuple[Frames, NDArray[np.float64]]:
    made = make_scene(name, 3, seed=seed, n_frames=length)
    frames = SyntheticFrames(made)
    return [frames[t] for t in range(length)], annotate(made).boxes


def alone(changes: Changes, frames: Frames, box: NDArray[np.float64]) -> NDArray[np.float64]:
    tracker = SpmLiteTracker(config=changes, device="cpu")
    tracker.init(frames[0], box)
    return np.stack([tracker.update(frame) for frame in frames[1:]])


def make(cells: Sequence[Changes]) -> SpmBatch:
    return SpmBatch([{"config": dict(changes), "device": "cpu"} for changes in cells], "spm_lite")


def together(
    batch: SpmBatch, slots: int, frames: Frames, box: NDArray[np.float64]
) -> tuple[list[Target], NDArray[np.float64]]:
    targets = batch.start([Start(slot, frames[0], box) for slot in range(slots)])
    return targets, np.stack([batch.advance(targets, [frame] * slots) for frame in frames[1:]], axis=1)


@pytest.mark.parametrize("cells", [LATE, FUSION, EARLY], ids=["late", "fusion", "early"])
def test_every_cell_is_as_alone(cells: list[Changes]) -> None:
    frames, boxes = scene("lookalike")
    batch = make(cells)
    _, found = together(batch, len(cells), frames, boxes[0])
    for changes, track in zip(cells, found, strict=True):
        # Not a bit differs on the machines we know; elsewhere a library may round a batch otherwise.
        np.testing.assert_allclose(track, alone(changes, frames, boxes[0]), atol=1e-3, err_msg=str(changes))
    assert batch.shared.asked == len(cells) * (len(frames) - 1)
    assert len({track.tobytes() for track in found}) > 1, "no cell made a difference: nothing was tested"


def test_no_setting_is_left_out_of_these_tests() -> None:
    """A new setting must be held to its sharing key: name it in one of the lists above, or in SHARED_FIELDS."""
    held = {name for changes in (*LATE, *FUSION, *EARLY) for name in changes}
    assert set(SpmConfig.model_fields) <= held | set(SHARED_FIELDS)


def test_equal_targets_are_computed_once() -> None:
    frames, boxes = scene("lookalike")
    batch = make([{}] * 5)
    _, found = together(batch, 5, frames, boxes[0])
    assert batch.shared.computed == len(frames) - 1
    np.testing.assert_array_equal(found[1:], found[:1].repeat(4, axis=0))


def test_late_decisions_share_looks_until_they_part_and_early_ones_never() -> None:
    frames, boxes = scene("lookalike")
    batch = make(LATE)
    targets = batch.start([Start(slot, frames[0], boxes[0]) for slot in range(len(LATE))])
    batch.advance(targets, [frames[1]] * len(LATE))
    assert (batch.shared.asked, batch.shared.computed) == (len(LATE), 1)
    distinct = len({target.corners.astype(np.float32).tobytes() for target in targets})
    batch.advance(targets, [frames[2]] * len(LATE))
    assert 1 < distinct < len(LATE)
    assert batch.shared.computed == 1 + distinct
    batch = make([{"context": 0.5}, {"context": 0.45}, {"exact_scale": True}, {"decode_offset": 0.0}])
    together(batch, 4, frames, boxes[0])
    assert batch.shared.computed == batch.shared.asked


def test_other_frames_boxes_and_sizes_in_one_round() -> None:
    """Sequences of different pictures, in different orders from round to round, and starts between."""
    first, second = scene("lookalike"), scene("scale", seed=5)
    cells: list[Changes] = [{}, {"fm_box": False}]
    batch = make(cells)
    early = batch.start([Start(0, first[0][0], first[1][0]), Start(1, second[0][0], second[1][0])])
    batch.advance(early[::-1], [second[0][1], first[0][1]])
    late = batch.start([Start(1, first[0][1], first[1][1])])
    rows = [batch.advance([early[0], late[0], early[1]], [first[0][t], first[0][t], second[0][t]]) for t in range(2, 8)]
    found = np.stack(rows, axis=1)
    for track, changes, (frames, boxes), start in zip(
        found, (cells[0], cells[1], cells[1]), (first, first, second), (0, 1, 0), strict=True
    ):
        expected = alone(changes, frames[start:8], boxes[start])
        np.testing.assert_allclose(track, expected[-6:], atol=1e-3)


def test_many_looks_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, boxes = scene("lookalike", 6)
    cells: list[Changes] = [{"context": 0.4 + 0.02 * n} for n in range(7)]
    found = []
    for at_once in (1, 3, 64):
        monkeypatch.setattr(batch_module, "LOOKS_AT_ONCE", {"cpu": at_once})
        found.append(together(make(cells), 7, frames, boxes[0])[1])
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)
    np.testing.assert_allclose(found[0], found[2], atol=1e-3)


def test_states_closer_than_float32_share_again() -> None:
    frames, boxes = scene("lookalike", 4)
    batch = make([{}, {}])
    targets = batch.start([Start(slot, frames[0], boxes[0]) for slot in range(2)])
    targets[1].corners = targets[1].corners + 1e-9
    batch.advance(targets, [frames[1]] * 2)
    assert (batch.shared.asked, batch.shared.computed) == (2, 1)
    targets[1].corners = targets[1].corners + 0.01
    batch.advance(targets, [frames[2]] * 2)
    assert batch.shared.computed == 3


def test_targets_stay_where_they_are_if_one_breaks() -> None:
    frames, boxes = scene("lookalike", 4)
    batch = make([{}, {"backbone_padding": "full"}])
    targets = batch.start([Start(slot, frames[0], boxes[0]) for slot in range(2)])
    before = [target.corners.copy() for target in targets]
    with pytest.raises(Exception):  # noqa: B017 - whatever torch says to a frame that is none
        batch.advance(targets, [frames[1], np.zeros((5,), np.uint8)])
    with pytest.raises(UsageError, match="1 frames for 2 targets"):
        batch.advance(targets, [frames[1]])
    np.testing.assert_array_equal([target.corners for target in targets], before)
    assert batch.shared.asked == 0


@pytest.mark.parametrize("box", [[0, 0, 0, 5], [0, 0, float("nan"), 5]])
def test_refuses_a_box_without_area(box: list[float]) -> None:
    frames, boxes = scene("lookalike", 2)
    with pytest.raises(TrackerError, match="positive size"):
        make([{}]).start([Start(0, frames[0], boxes[0]), Start(0, frames[0], np.array(box))])


def test_templates_are_shared_by_equal_starts_only() -> None:
    frames, boxes = scene("lookalike", 2)
    batch = make([{}, {"window_weight": 0.1}, {"context": 0.3}, {"wide_template": False}])
    a, b, c, d, e = batch.start([Start(s, frames[0], boxes[0]) for s in range(4)] + [Start(0, frames[0], boxes[0] + 1)])
    assert a.template is b.template
    assert len({id(t.template) for t in (a, c, d, e)}) == 4


@pytest.mark.parametrize(("side", "different"), [(12.0, 1), (150.0, 4)], ids=["inside", "beyond"])
def test_borders_are_told_apart_only_where_they_are_seen(side: float, different: int) -> None:
    frames, boxes = scene("lookalike", 3)
    middle = boxes[0, :2] + boxes[0, 2:] / 2 - side / 2
    box = np.array([*middle, side, side])
    cells: list[Changes] = [{"border": border} for border in ("mean", "zero", "edge", "reflect")]
    batch = make(cells)
    targets = batch.start([Start(slot, frames[0], box) for slot in range(4)])
    assert len({id(target.template) for target in targets}) == different
    found = batch.advance(targets, [frames[1]] * 4)
    assert batch.shared.computed == different
    for changes, boxes_found in zip(cells, found, strict=True):
        np.testing.assert_allclose(boxes_found, alone(changes, frames[:2], box)[-1], atol=1e-3)


def test_the_door_of_the_catalog() -> None:
    specs = [
        resolve_tracker("SPM-lite", variant=Variant("w", "", {"window_weight": w}), device="cpu") for w in (0.1, 0.4)
    ]
    assert can_batch(specs[0])
    batch = build_batch(specs)
    assert batch.capacity >= 1
    frames, boxes = scene("lookalike", 4)
    targets = batch.start([Start(slot, frames[0], boxes[0]) for slot in range(2)])
    tracker = build_tracker(specs[1])
    tracker.init(frames[0], boxes[0])
    for frame in frames[1:]:
        found = batch.advance(targets, [frame, frame])
        np.testing.assert_allclose(found[1], np.asarray(tracker.update(frame)), atol=1e-3)


def test_capacity_follows_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_module, "memory_at_hand", lambda _: 2**40)
    assert make([{}]).capacity == batch_module.SLOTS["cpu"]
    monkeypatch.setattr(batch_module, "memory_at_hand", lambda _: 2**25)
    assert make([{}]).capacity == 16
    monkeypatch.setattr(batch_module, "memory_at_hand", lambda _: 0)
    assert make([{}]).capacity == 1


def test_the_released_layout_too() -> None:
    """Up-channel correlation and its templates, with random weights."""
    frames, boxes = scene("lookalike", 4)
    base = {"lost_threshold": 0.0, "class_scale": 2e-6, "box_scale": 2e-7}
    cells = [{**base}, {**base, "window_weight": 0.1}, {**base, "context": 0.4}]
    batch = SpmBatch([{"weights": "random", "config": c, "device": "cpu"} for c in cells])
    _, found = together(batch, 3, frames, boxes[0])
    for changes, track in zip(cells, found, strict=True):
        tracker = SpmTracker("random", changes, "cpu")
        tracker.init(frames[0], boxes[0])
        np.testing.assert_allclose(track, np.stack([tracker.update(frame) for frame in frames[1:]]), atol=1e-3)
