"""The filter as a tracker: it follows, learns when it should, and a batch is many of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spm_bench.errors import TrackerError, UsageError
from spm_bench.geometry.boxes import iou
from spm_bench.suites.synthetic import make_scene, make_sequence
from spm_bench.trackers.base import Start
from spm_bench.trackers.catalog import build_tracker, resolve_tracker, variants_of
from spm_bench.trackers.dcf import DcfTracker
from spm_bench.trackers.dcf.config import DcfConfig
from spm_bench.trackers.dcf.tracker import DcfBatch, Follower
from spm_bench.trackers.dcf.variants import VARIANTS
from spm_bench.trackers.spm.weights import find_weights

SMALL = {"cells": 17, "fine": 4}
"""A quarter of the work."""


@pytest.fixture(scope="module")
def net():
    return find_weights("spm_lite").network().prepare(torch.device("cpu"))


@pytest.fixture(scope="module")
def video():
    return make_sequence("drift", make_scene("calm", 0, 5, n_frames=10))


@pytest.fixture(scope="module")
def growing():
    return make_sequence("growing", make_scene("scale", 2, 3, n_frames=24))


def follow(tracker, video, n=None):
    tracker.init(video.frames[0], video.ground_truth[0])
    return np.array([tracker.update(video.frames[i]) for i in range(1, n or len(video))])


def overlap(boxes, video):
    return float(iou(boxes, video.ground_truth[1 : 1 + len(boxes)]).mean())


def test_follows_an_easy_target(video):
    assert overlap(follow(DcfTracker(), video), video) > 0.8


def test_sizes_are_followed_where_sizes_are_tried(growing):
    five = overlap(follow(DcfTracker(config={"fine": 4}), growing), growing)
    one = overlap(follow(DcfTracker(config={"fine": 4, "scales": 1}), growing), growing)
    assert five > one + 0.05


def test_box_and_filter_stay_put_on_a_still_picture(net, video):
    follower = Follower(net, DcfConfig.build(SMALL), torch.device("cpu"))
    with torch.inference_mode():
        state = follower.start(video.frames[0], video.ground_truth[0]).state
        moved = follower.move(state, video.frames[0])
    np.testing.assert_allclose(moved.box, video.ground_truth[0], atol=1e-9)
    torch.testing.assert_close(moved.filter.numerator, state.filter.numerator)


@pytest.mark.parametrize(("changes", "learns"), [
    ({"learning_rate": 0.0}, []),
    ({}, [1, 2, 3, 4]),
    ({"update_every": 2}, [2, 4]),
])  # fmt: skip
def test_it_learns_when_it_is_time_to(net, video, changes, learns):
    follower = Follower(net, DcfConfig.build({**SMALL, **changes}), torch.device("cpu"))
    with torch.inference_mode():
        state, seen = follower.start(video.frames[0], video.ground_truth[0]).state, []
        for index in range(1, 5):
            before, state = state, follower.move(state, video.frames[index])
            seen += [index] if state.filter is not before.filter else []
    assert seen == learns


def test_a_batch_is_each_of_its_targets_alone(video, growing):
    changes = [SMALL, {**SMALL, "scales": 1}, {**SMALL, "learning_rate": 0.1, "layers": ("conv4",)}]
    batch = DcfBatch([{"config": config} for config in changes])
    plan = [(0, video), (1, video), (2, growing), (0, growing)]
    targets = batch.start([Start(slot, v.frames[0], v.ground_truth[0]) for slot, v in plan])
    together = np.array([batch.advance(targets, [v.frames[i] for _, v in plan]) for i in range(1, 6)])
    for place, (slot, v) in enumerate(plan):
        assert np.array_equal(together[:, place], follow(DcfTracker(config=changes[slot]), v, 6))
    assert (batch.shared.asked, batch.shared.computed) == (20, 20)
    assert len(batch.networks) == 1


def test_targets_move_only_if_all_do(video):
    batch = DcfBatch([{"config": SMALL}])
    targets = batch.start([Start(0, video.frames[0], video.ground_truth[0])] * 2)
    with pytest.raises(AttributeError):
        batch.advance(targets, [video.frames[1], None])
    assert [target.state.age for target in targets] == [0, 0]


def test_the_box_stays_in_the_frame_and_keeps_a_size(video):
    dark = np.zeros_like(video.frames[0])
    tracker = DcfTracker(config={**SMALL, "scale_step": 1.5, "scale_rate": 1.0})
    tracker.init(video.frames[0], np.array([-20.0, -20.0, 30.0, 12.0]))
    boxes = np.array([tracker.update(frame) for frame in [video.frames[1], dark, dark, video.frames[3]] * 3])
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    assert (centres >= 0).all()
    assert (centres <= [320, 240]).all()
    assert (boxes[:, 2:] >= 10).all()
    assert (boxes[:, 2] <= 320).all()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_run_and_is_told(name):
    spec = resolve_tracker("dcf", variant=name)
    assert (spec.name, spec.variant, spec.trained) == ("DCF", name, "yes")
    assert {**DcfConfig().model_dump(), **VARIANTS[name].changes} == {
        key: tuple(value) if isinstance(value, list) else value for key, value in spec.identity["config"].items()
    }
    assert name in variants_of("DCF")
    assert isinstance(build_tracker(spec), DcfTracker)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cells": 32}, "cells must be odd"),
        ({"scales": 2}, "scales must be odd"),
        ({"layers": ()}, "each once"),
        ({"layers": ("conv1",)}, "conv2, conv3, conv4 and conv5"),
        ({"layers": ("conv9",)}, "layers.0"),
        ({"learning_rate": 1.5}, "learning_rate"),
        ({"learnin_rate": 0.1}, "Did you mean learning_rate"),
        ({"update_every": True}, "update_every"),
    ],
)
def test_settings_are_checked(changes, words):
    with pytest.raises(UsageError, match=words):
        DcfConfig.build(changes)


def test_it_cannot_go_on_before_it_began_nor_start_on_nothing(video):
    tracker = DcfTracker(config=SMALL)
    with pytest.raises(TrackerError, match="before it was started"):
        tracker.update(video.frames[0])
    with pytest.raises(TrackerError, match="positive size"):
        tracker.init(video.frames[0], np.array([1.0, 2.0, 0.0, 4.0]))
    with pytest.raises(UsageError, match="there is no variant"):
        resolve_tracker("DCF", variant="never_update")
