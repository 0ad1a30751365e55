"""The rivals as trackers: they follow, a batch is many of each, and what makes each of them different is seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spm_bench.errors import TrackerError, UsageError, WeightsError
from spm_bench.models.architecture import find_architecture
from spm_bench.models.checkpoint import random_weights, write_safetensors
from spm_bench.suites.synthetic import make_scene, make_sequence
from spm_bench.trackers.base import Start
from spm_bench.trackers.catalog import build_tracker, resolve_tracker, variants_of
from spm_bench.trackers.siamese import DaSiamRpnTracker, SiamFcTracker, SiamRpnTracker
from spm_bench.trackers.siamese.config import DaSiamRpnConfig, SiamFcConfig, SiamRpnConfig
from spm_bench.trackers.siamese.family import DaSiamRpnFamily
from spm_bench.trackers.siamese.tracker import SiameseBatch
from spm_bench.trackers.siamese.variants import DASIAMRPN, SIAMFC, SIAMRPN
from spm_bench.trackers.spm import SpmTracker

FC = random_weights(1, find_architecture("siamfc_lite"))
RPN = random_weights(1, find_architecture("siamrpn_lite"))
KINDS = {"SiamFC": (SiamFcTracker, FC), "SiamRPN": (SiamRpnTracker, RPN), "DaSiamRPN": (DaSiamRpnTracker, RPN)}


@pytest.fixture(scope="module")
def video():
    return make_sequence("drift", make_scene("calm", 0, 5, n_frames=10))


@pytest.fixture(scope="module")
def other():
    return make_sequence("growing", make_scene("scale", 2, 3, n_frames=10))


def follow(tracker, video, n):
    tracker.init(video.frames[0], video.ground_truth[0])
    return np.array([tracker.update(video.frames[i]) for i in range(1, n)])


@pytest.mark.parametrize("name", KINDS)
def test_a_batch_is_each_of_its_targets_alone(name, video, other):
    kind, weights = KINDS[name]
    changes = [{}, {"window_weight": 0.3}, {"search_size": 255}]
    batch = kind.batched([{"weights": weights, "config": config} for config in changes])
    plan = [(0, video), (1, video), (2, other), (0, other)]
    targets = batch.start([Start(slot, v.frames[0], v.ground_truth[0]) for slot, v in plan])
    together = np.array([batch.advance(targets, [v.frames[i] for _, v in plan]) for i in range(1, 3)])
    for place, (slot, v) in enumerate(plan):
        alone = follow(kind(weights=weights, config=changes[slot]), v, 3)
        assert np.array_equal(together[:, place], alone), place
    assert (batch.shared.asked, len(set(batch.families))) == (8, 3)


def test_started_again_it_forgets(video, other):
    tracker = DaSiamRpnTracker(weights=RPN, config={"distractor_cut": 0.0})
    first = follow(tracker, video, 4)
    follow(tracker, other, 4)
    assert np.array_equal(follow(tracker, video, 4), first)


def test_distractors_change_the_ranking_by_their_mean_score(video):
    """With distractors at hand, the scores that rank are the own less half of the distractors' mean."""
    (family,) = SiameseBatch.of(
        DaSiamRpnFamily, [{"weights": RPN, "config": {"distractor_cut": 0.0}}], "random"
    ).families
    with torch.inference_mode():
        corners = np.concatenate((video.ground_truth[0][:2], video.ground_truth[0][:2] + video.ground_truth[0][2:]))
        (state,) = family.start([video.frames[0]], corners[None])
        (moved,) = family.advance([state], [video.frames[1]])
        assert state.distractors is None
        assert len(moved.distractors.classes) == 3
        cells = torch.rand((1, 128, 24, 24), generator=torch.Generator().manual_seed(0))
        scores = torch.rand((1, 1805), generator=torch.Generator().manual_seed(1))
        seen = type("Seen", (), {"cells": cells})
        ranked = family._ranked(seen, scores, [moved])
        each = []
        for kernel in range(3):
            one = type(moved.distractors)(*(part[kernel : kernel + 1] for part in moved.distractors))
            logits, _ = family.net.cm.match(cells, one)
            pair = logits.reshape(2, 5, 19, 19)
            each.append((1 / (1 + (pair[0] - pair[1]).exp())).permute(1, 2, 0).reshape(-1))
        torch.testing.assert_close(ranked[0], scores[0] - 0.5 * torch.stack(each).mean(0), atol=1e-5, rtol=0)


def test_a_lost_target_is_searched_for_in_a_wider_square_and_believed_when_sure(video):
    never = {"long_term": True, "lost_below": 1.0, "found_above": 1.0}
    boxes = follow(DaSiamRpnTracker(weights="spm_lite", config=never), video, 3)
    assert np.allclose(boxes, video.ground_truth[0]), "it is never quite sure, so nothing moves"
    tracker = DaSiamRpnTracker(weights="spm_lite", config={**never, "found_above": 0.0})
    tracker.init(video.frames[0], video.ground_truth[0])
    lost = []
    for index in range(1, 4):
        tracker.update(video.frames[index])
        lost.append(tracker._targets[0].state.lost)
    assert lost == [True, False, True]


@pytest.mark.parametrize(("name", "known"), [("SiamFC", SIAMFC), ("SiamRPN", SIAMRPN), ("DaSiamRPN", DASIAMRPN)])
def test_every_variant_can_be_run_and_is_told(name, known, tmp_path):
    weights = tmp_path / "weights.safetensors"
    write_safetensors(weights, KINDS[name][1], {}, half=True)
    for variant in known:
        spec = resolve_tracker(name, variant=variant, weights=str(weights))
        assert (spec.name, spec.variant, spec.trained) == (name, variant, "no")
        assert variant in variants_of(name)
        config = {k: tuple(v) if isinstance(v, list) else v for k, v in spec.identity["config"].items()}
        assert {k: config[k] for k in known[variant].changes} == dict(known[variant].changes)
    assert isinstance(build_tracker(spec), KINDS[name][0])


def test_the_wrong_network_is_refused():
    with pytest.raises(UsageError, match=r"siamrpn_lite cannot run as SiamFC.*'correlation' is needed"):
        SiamFcTracker(weights=RPN)
    with pytest.raises(UsageError, match="siamfc_lite cannot run as SiamRPN"):
        SiamRpnTracker(weights=FC)
    with pytest.raises(WeightsError, match="siamrpn_lite, which has no fine stage"):
        SpmTracker(weights=RPN)


def test_settings_chosen_for_another_tracker_are_refused():
    with pytest.raises(UsageError, match=r"dasiamrpn_lite.safetensors bring settings that SiamRPN does not have"):
        resolve_tracker("SiamRPN", weights="dasiamrpn_lite")
    assert DaSiamRpnTracker().network_parts()


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        (SiamFcConfig, {"scales": 2}, "scales must be odd"),
        (SiamFcConfig, {"search_size": 127.5}, "search_size"),
        (SiamFcConfig, {"template_size": 300}, "must exceed template_size"),
        (SiamRpnConfig, {"penalti": 0.1}, "Did you mean penalty"),
        (SiamRpnConfig, {"window_weight": 1.5}, "window_weight"),
        (DaSiamRpnConfig, {"lost_search_size": 200}, "must not be below search_size"),
        (DaSiamRpnConfig, {"distractors": -1}, "distractors"),
    ],
)
def test_settings_are_checked(kind, changes, words):
    with pytest.raises(UsageError, match=words):
        kind.build(changes)


@pytest.mark.parametrize("name", KINDS)
def test_it_cannot_go_on_before_it_began_nor_start_on_nothing(name, video):
    kind, weights = KINDS[name]
    tracker = kind(weights=weights)
    with pytest.raises(TrackerError, match="before it was started"):
        tracker.update(video.frames[0])
    with pytest.raises(TrackerError, match="positive size"):
        tracker.init(video.frames[0], np.array([1.0, 2.0, 0.0, 4.0]))
