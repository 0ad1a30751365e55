"""Validation on held-out training videos: the real tracker on videos rebuilt from their crops (see `virtual`).

The same door serves to choose the tracker's settings, so that no evaluation sequence is ever used for that.

Legend: V videos, T frames of a video, S slots of a batch (a video with one setting of the tracker).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from spm_bench.geometry.boxes import iou
from spm_bench.metrics.success import area_under, share_above
from spm_bench.models.architecture import Architecture, find_architecture
from spm_bench.models.spm import SiameseNet, build_network
from spm_bench.suites.base import FloatArray, Frame
from spm_bench.trackers.settings import Settings
from spm_bench.trackers.spm.device import pick_device
from spm_bench.training.rows import Rows
from spm_bench.training.slots import Slots, find_method
from spm_bench.training.virtual import VirtualVideo, held_out_tracks, wandering

SLOTS_AT_ONCE = {"cpu": 8, "cuda": 128}
"""Bounds memory: about 10 MB per slot of `spm_lite`, 25 MB of `spm_alexnet`."""
THRESHOLDS = np.linspace(0.0, 1.0, 21)
"""Of the success curve (OTB)."""
MEASURES = ("auc_one_pass", "auc_restarted", "losses")
"""What is told of every sequence, and the mean over sequences."""


Make = Callable[[Sequence[Settings]], Slots]


class Job(NamedTuple):
    """One slot: a video and the tracker's settings."""

    video: VirtualVideo
    config: Settings


class Pass(NamedTuple):
    """What one job gave, without the first frame, where the box was given.

    Attributes:
        one_pass: T - 1 overlaps of a run from the first frame to the last.
        restarted: T - 1 overlaps where the tracker was put back after each frame without overlap.
        losses: How often that was.
    """

    one_pass: FloatArray
    restarted: FloatArray
    losses: int


def follow(jobs: Sequence[Job], make: Make, at_once: int) -> list[Pass]:
    """Run jobs, those of equal length together.

    The second run, with restarts, is made for those jobs only that lost their target; up to its first loss it is the
    first one. A restart keeps the template of the first frame: the box is put on the target's place in the frame where
    it was lost, and the next frame counts again.

    Args:
        jobs: Videos and settings.
        make: Settings of S slots -> tracker.
        at_once: Most slots together.
    """
    single = _run(jobs, make, at_once, restart=False)
    lost = [i for i, overlaps in enumerate(single) if (overlaps[:-1] == 0.0).any()]
    again = dict(zip(lost, _run([jobs[i] for i in lost], make, at_once, restart=True), strict=True))
    restarted = [again.get(i, overlaps) for i, overlaps in enumerate(single)]
    return [Pass(a, b, int((b == 0.0).sum())) for a, b in zip(single, restarted, strict=True)]


def _run(jobs: Sequence[Job], make: Make, at_once: int, *, restart: bool) -> list[FloatArray]:
    overlaps: list[FloatArray] = [np.empty(0)] * len(jobs)
    for some in _batches([len(job.video) for job in jobs], at_once):
        for i, row in zip(some, _run_batch([jobs[i] for i in some], make, restart=restart), strict=True):
            overlaps[i] = row
    return overlaps


def _batches(lengths: Sequence[int], at_once: int) -> Iterator[list[int]]:
    for length in sorted(set(lengths)):
        equal = [i for i, n in enumerate(lengths) if n == length]
        for start in range(0, len(equal), at_once):
            yield equal[start : start + at_once]


def _run_batch(jobs: Sequence[Job], make: Make, *, restart: bool) -> FloatArray:
    """Overlaps S x (T - 1) of jobs of one length."""
    truth = np.stack([job.video.ground_truth for job in jobs])
    slots = make([job.config for job in jobs])
    slots.init(_frames(jobs, 0), truth[:, 0])
    overlaps = np.zeros((len(jobs), truth.shape[1] - 1))
    for t in range(1, truth.shape[1]):
        overlaps[:, t - 1] = iou(slots.update(_frames(jobs, t)), truth[:, t])
        lost = overlaps[:, t - 1] == 0.0
        if restart and lost.any():
            slots.place(lost, truth[:, t])
    return overlaps


def _frames(jobs: Sequence[Job], t: int) -> list[Frame]:
    """Frame t of each job; jobs on one video share the object, which the tracker makes use of."""
    drawn = {id(job.video): job.video for job in jobs}
    frames = {key: video.frame(t) for key, video in drawn.items()}
    return [frames[id(job.video)] for job in jobs]


def success(overlaps: FloatArray) -> float:
    """Area under the success curve of one video (21 thresholds, strictly more, as OTB)."""
    return float(area_under(share_above(overlaps, [len(overlaps)], THRESHOLDS), THRESHOLDS)[0])


def summarise(videos: Sequence[VirtualVideo], passes: Sequence[Pass]) -> dict[str, float]:
    """Means over sequences; targets of one sequence and several wanderings are averaged first.

    Returns:
        "auc_one_pass", "auc_restarted" and "losses" (of one target in one video), then the same for each sequence as
        "auc_one_pass/NAME" and so on.
    """
    by_sequence: dict[str, list[tuple[float, float, float]]] = {}
    for video, done in zip(videos, passes, strict=True):
        values = (success(done.one_pass), success(done.restarted), float(done.losses))
        by_sequence.setdefault(video.sequence, []).append(values)
    means = {name: np.mean(values, axis=0) for name, values in by_sequence.items()}
    overall = np.mean(list(means.values()), axis=0)
    named = {"": overall} | {f"/{name}": mean for name, mean in means.items()}
    return {f"{measure}{name}": float(mean[k]) for name, mean in named.items() for k, measure in enumerate(MEASURES)}


def validate_network(
    net_state: Mapping[str, Tensor],
    architecture: Architecture | str,
    rows: Rows,
    *,
    changes: Mapping[str, Any] | None = None,
    tracker: str | None = None,
    device: str = "cpu",
    seed: int = 0,
    seeds: int = 1,
) -> dict[str, float]:
    """Run the tracker with given weights on the held-out rows.

    Args:
        net_state: State dict of the network (that of the averaged weights, say); it is copied.
        architecture: Its architecture, or the name.
        rows: Held-out rows.
        changes: Settings on top of the architecture's own.
        tracker: See `evaluate_settings`.
        device: Where to compute.
        seed: Of the first wandering.
        seeds: How many wanderings of each video.

    Returns:
        See `summarise`; and "skipped", how many pictures could not be read.

    Raises:
        DataError: No usable track.
        UsageError: Unknown architecture or setting.
    """
    net = build_network(find_architecture(architecture) if isinstance(architecture, str) else architecture)
    net.load_state_dict(dict(net_state))
    seen = range(seed, seed + seeds)
    return evaluate_settings(net, rows, [changes or {}], seeds=seen, tracker=tracker, device=device)[0].values


class Setting(NamedTuple):
    """One row of a search: changes to the tracker's settings, and what they gave (see `validate_network`)."""

    changes: Mapping[str, Any]
    values: dict[str, float]


def settings_grid(**choices: Sequence[Any]) -> list[dict[str, Any]]:
    """All combinations of some settings' values, the last name varying fastest.

    >>> settings_grid(window_weight=[0.3, 0.5], size_rate=[0.4])
    [{'window_weight': 0.3, 'size_rate': 0.4}, {'window_weight': 0.5, 'size_rate': 0.4}]
    """
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def evaluate_settings(
    net: SiameseNet,
    rows: Rows,
    grid: Sequence[Mapping[str, Any]],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    tracker: str | None = None,
    device: str = "cpu",
) -> list[Setting]:
    """Try settings of the tracker on the held-out rows, all as slots of the same batches.

    Args:
        net: Trained network; it is frozen and moved to `device`, so give no network that is still being trained.
        rows: Held-out rows.
        grid: Changes to the settings that go with the architecture, one mapping per row of the result; fields that
            shape tensors must agree.
        seeds: Of the wanderings; each video is seen once with each.
        tracker: "SPM", "SiamFC", "SiamRPN" or "DaSiamRPN"; None: what the network was made for.
        device: Where to compute.

    Returns:
        One row per setting, in the order of `grid`.

    Raises:
        DataError: No usable track.
        UsageError: Unknown setting, or settings that cannot share a batch.
    """
    place = pick_device(device)
    method = find_method(tracker, net.architecture)
    configs = [method.build(net.architecture, changes) for changes in grid]
    tracks = held_out_tracks(rows)
    skipped = {"skipped": float(sum(track.skipped for track in tracks))}
    videos = [wandering(track, seed) for track in tracks for seed in seeds]

    def make(some: Sequence[Settings]) -> Slots:
        return method.make(net, some, place)

    # Settings innermost: slots on one frame are in one batch and share it.
    jobs = [Job(video, config) for video in videos for config in configs]
    passes = follow(jobs, make, SLOTS_AT_ONCE.get(place.type, SLOTS_AT_ONCE["cuda"]))
    return [Setting(changes, summarise(videos, passes[k :: len(configs)]) | skipped) for k, changes in enumerate(grid)]
