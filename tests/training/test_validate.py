from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.errors import DataError, UsageError
from spm_bench.geometry.boxes import iou
from spm_bench.models.architecture import find_architecture
from spm_bench.models.spm import random_network
from spm_bench.suites.base import Frame
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.tracker import BatchedSpm
from spm_bench.training.validate import (
    Job,
    Pass,
    evaluate_settings,
    follow,
    settings_grid,
    success,
    summarise,
    validate_network,
)
from spm_bench.training.virtual import VirtualVideo, virtual_videos
from tests.training.virtual_rows import find_red, red_rows

Boxes = NDArray[np.float64]
BEST = 20 / 21
"""The success curve of a perfect tracker is 1 but at the threshold 1, which an overlap of 1 does not exceed."""


class Fake:
    """Slots that know the answer, or stay, or lose the target in their third update until they are put back."""

    made: ClassVar[list[int]] = []

    def __init__(self, configs: Sequence[SpmConfig], kind: str) -> None:
        Fake.made.append(len(configs))
        self.kind, self.updates = kind, 0
        self.lost = np.zeros(len(configs), dtype=bool)

    def init(self, frames: Sequence[Frame], boxes: Boxes) -> None:
        assert len(frames) == len(boxes) == len(self.lost)
        self.boxes = boxes.copy()

    def update(self, frames: Sequence[Frame]) -> Boxes:
        self.updates += 1
        if self.kind != "stays":
            self.boxes = np.stack([find_red(frame) for frame in frames])
        if self.kind == "loses" and self.updates == 3:
            self.lost[:] = True
        return np.where(self.lost[:, None], [-500.0, -500.0, 5.0, 5.0], self.boxes)

    def place(self, slots: NDArray[np.bool_], boxes: Boxes) -> None:
        self.boxes[slots] = boxes[slots]
        self.lost &= ~slots


def maker(kind: str) -> Callable[[Sequence[SpmConfig]], Fake]:
    Fake.made = []
    return lambda configs: Fake(configs, kind)


def run(kind: str, videos: Sequence[VirtualVideo], at_once: int = 8) -> list[Pass]:
    return follow([Job(video, SpmConfig()) for video in videos], maker(kind), at_once)


def test_one_who_sees_the_target_is_perfect() -> None:
    videos = virtual_videos(red_rows((12, 9, 12)), 0)
    passes = run("sees", videos)
    assert [len(p.one_pass) for p in passes] == [11, 8, 11]
    for done in passes:
        np.testing.assert_array_equal(done.one_pass, 1.0)
        assert done.restarted is done.one_pass
        assert done.losses == 0
    values = summarise(videos, passes)
    assert values["auc_one_pass"] == pytest.approx(BEST)
    assert values["auc_restarted"] == pytest.approx(BEST)


def test_one_who_stays_is_poor() -> None:
    # Crops have the target in their middle: without the wandering this one would be nearly perfect.
    videos = virtual_videos(red_rows((40, 40, 40)), 0)
    passes = run("stays", videos)
    values = summarise(videos, passes)
    assert values["auc_one_pass"] < 0.3
    assert values["losses"] > 1
    # Put back after each loss it has overlaps again, and never gets as good as one who follows.
    assert values["auc_one_pass"] < values["auc_restarted"] < 0.6


def test_a_loss_ends_one_pass_and_costs_a_frame_with_restarts() -> None:
    videos = virtual_videos(red_rows((12,)), 0)
    (done,) = run("loses", videos)
    np.testing.assert_array_equal(done.one_pass, [1, 1] + [0] * 9)
    np.testing.assert_array_equal(done.restarted, [1, 1, 0] + [1] * 8)
    assert done.losses == 1


def test_only_those_who_lost_run_again() -> None:
    short, long = virtual_videos(red_rows((5, 12)), 0)
    jobs = [Job(video, SpmConfig()) for video in (short, long, short)]
    follow(jobs, maker("sees"), 8)
    assert Fake.made == [2, 1]  # those of one length together
    follow(jobs, maker("loses"), 8)
    assert Fake.made == [2, 1, 2, 1]
    follow(jobs, maker("sees"), 1)
    assert Fake.made == [1, 1, 1]


def test_losing_in_the_last_frame_needs_no_second_run() -> None:
    videos = virtual_videos(red_rows((5,)), 0)
    make = maker("loses")

    def late(configs: Sequence[SpmConfig]) -> Fake:
        fake = make(configs)
        fake.updates = -1  # the third update is the last but none
        return fake

    (done,) = follow([Job(videos[0], SpmConfig())], late, 8)
    assert done.losses == 1
    assert Fake.made == [1]


@pytest.mark.parametrize(
    ("overlaps", "area"), [([1.0, 1.0], BEST), ([0.0], 0.0), ([0.52, 0.0], 11 / 42), ([0.5], 10 / 21)]
)
def test_area_under_the_success_curve(overlaps: list[float], area: float) -> None:
    values = np.array(overlaps)
    brute = np.mean([(values > k / 20).mean() for k in range(21)])
    assert success(values) == pytest.approx(area)
    assert success(values) == pytest.approx(brute)


def test_means_are_over_sequences() -> None:
    rows = red_rows((6, 6, 6), sequence=[0, 0, 1])
    videos = virtual_videos(rows, 0)
    perfect, nothing = Pass(np.ones(5), np.ones(5), 0), Pass(np.zeros(5), np.zeros(5), 5)
    values = summarise(videos, [perfect, perfect, nothing])
    assert list(values)[:3] == ["auc_one_pass", "auc_restarted", "losses"]
    assert values["auc_one_pass/video 0"] == pytest.approx(BEST)
    assert values["auc_one_pass/video 1"] == 0.0
    assert values["auc_one_pass"] == pytest.approx(BEST / 2)  # not 2/3: two targets of one video count as one
    assert values["losses"] == 2.5
    assert values["losses/video 1"] == 5.0


# --- the real tracker --------------------------------------------------------------------------------------------


def by_hand(video: VirtualVideo, config: SpmConfig) -> tuple[Boxes, Boxes]:
    """Overlaps of one pass and with restarts, one slot and one frame at a time."""
    found = []
    for restart in (False, True):
        slot = BatchedSpm(random_network(1, LITE), [config], torch.device("cpu"))
        slot.init([video.frame(0)], video.ground_truth[:1])
        overlaps = []
        for t in range(1, len(video)):
            overlaps.append(float(iou(slot.update([video.frame(t)])[0], video.ground_truth[t])))
            if restart and overlaps[-1] == 0:
                x, y, w, h = video.ground_truth[t]
                slot.boxes = torch.tensor([[x, y, x + w, y + h]], dtype=torch.float64)
        found.append(np.array(overlaps))
    return found[0], found[1]


LITE = find_architecture("spm_lite")


def test_settings_run_together_as_they_do_alone() -> None:
    rows = red_rows((6,))
    # Nothing is learnt: boxes are bare anchors (no deltas), chosen by the window; or they stay until they are put back.
    bare = {"box_scale": 1e-6, "fm_box": False, "lost_threshold": 0.0}
    grid = [{**bare, "window_weight": 1.0}, {**bare, "window_weight": 0.2}, {**bare, "lost_threshold": 1.0}]
    got = evaluate_settings(random_network(1, LITE), rows, grid, seeds=(3, 4))
    assert [row.changes for row in got] == grid
    for row in got:
        config = SpmConfig.build({**LITE.settings, **row.changes})
        pairs = [by_hand(virtual_videos(rows, seed)[0], config) for seed in (3, 4)]
        expected = np.mean([[success(one), success(more), (more == 0).sum()] for one, more in pairs], axis=0)
        got_here = [row.values[name] for name in ("auc_one_pass", "auc_restarted", "losses")]
        assert got_here == pytest.approx(expected, abs=0.02)
    assert len({row.values["auc_restarted"] for row in got}) == len(grid)
    assert max(row.values["auc_one_pass"] for row in got) > 0.1


def test_a_network_is_validated_without_being_touched() -> None:
    net = random_network(1, LITE).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    rows = red_rows((6,), broken=(2,))
    values = validate_network(net.state_dict(), "spm_lite", rows, changes={"window_weight": 1.0}, seed=3)
    assert net.training
    assert all(parameter.requires_grad for parameter in net.parameters())
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert values["skipped"] == 1.0
    again = validate_network(net.state_dict(), LITE, rows, changes={"window_weight": 1.0}, seed=3)
    assert values == again
    alone = evaluate_settings(random_network(1, LITE), rows, [{"window_weight": 1.0}], seeds=[3])[0].values
    assert values == alone


def test_weights_without_numbers_are_lost_and_no_crash() -> None:
    state = {k: torch.full_like(v, float("nan")) if v.is_floating_point() else v
             for k, v in random_network(1, LITE).state_dict().items()}  # fmt: skip
    assert 0.0 <= validate_network(state, "spm_lite", red_rows((6,)))["auc_one_pass"] < 1.0


@pytest.mark.parametrize(
    ("grid", "problem"),
    [
        ([{"window": 1.0}], "window"),
        ([{"window_weight": 2.0}], "window_weight"),
        ([{"search_size": 271}, {"search_size": 255}], "same search_size"),
    ],
)
def test_settings_that_cannot_be_tried(grid: list[dict[str, float]], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        evaluate_settings(random_network(1, LITE), red_rows((6,)), grid, seeds=[0])


def test_unknown_architecture_and_nothing_to_run_on() -> None:
    net = random_network(1, LITE)
    with pytest.raises(UsageError, match="spm_light"):
        validate_network(net.state_dict(), "spm_light", red_rows((6,)))
    with pytest.raises(DataError, match="to validate on"):
        validate_network(net.state_dict(), "spm_lite", red_rows((3,)))


def test_all_combinations() -> None:
    grid = settings_grid(window_weight=[0.3, 0.5], fm_box_weight=[1.0, 2.0, 3.0])
    assert len(grid) == 6
    assert grid[1] == {"window_weight": 0.3, "fm_box_weight": 2.0}
    assert settings_grid() == [{}]
