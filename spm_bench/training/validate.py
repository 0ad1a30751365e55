"""Validation on held-out training videos: the real tracker, on videos rebuilt from the stored crops.

The packs hold no frames, only crops with the target in the middle. A tracker would do well on those by staying where it
is; so each crop is laid on a canvas of its mean colour at a place that wanders (seeded), at the scale it had in the
original video. What a tracker sees of the surroundings, and of the changes from frame to frame, is real.

Legend: V videos, T frames of a video, S slots of a batch (a video with one setting of the tracker).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spm_bench.errors import DataError
from spm_bench.geometry.boxes import iou
from spm_bench.metrics.success import area_under, share_above
from spm_bench.models.architecture import Architecture, find_architecture
from spm_bench.models.spm import SpmNet
from spm_bench.suites.base import Frame
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.tracker import BatchedSpm, pick_device
from spm_bench.training.rows import PictureError, Rows

FloatArray = NDArray[np.float64]

MOST_STEP = 0.3
"""Longest way of the target between two frames, in units of s_z: the packs' frames are sparse, some 0.1 s apart."""
USUAL_STEP = 0.08
"""Standard deviation of a step along each axis, in s_z."""
INERTIA = 0.7
"""Share of a step that continues the last one: targets do not jitter."""
ROOM = 1.0
"""How far the target may be from the middle of the canvas, in s_z: the crop's edge is seen on all sides in turn."""
MIN_FRAMES = 5
"""Shorter tracks are left out."""
TRACKS_PER_SEQUENCE = 4
"""At most so many targets of one video: a crowd of pedestrians is one scene, and time is short."""
SLOTS_AT_ONCE = {"cpu": 8, "cuda": 128}
"""Bounds memory: about 10 MB per slot of `spm_lite`, 25 MB of `spm_alexnet`."""
PICTURES_KEPT = 64
"""Decoded crops kept at hand: several wanderings and settings look at the same one."""
THRESHOLDS = np.linspace(0.0, 1.0, 21)
"""Of the success curve (OTB)."""


@dataclass(frozen=True, eq=False)
class VirtualVideo:
    """A held-out track as a video.

    Attributes:
        name: "sequence" or "sequence#track".
        group: The sequence's number: targets of one sequence count as one in means.
        ground_truth: T x 4 (x, y, w, h) on the canvas.
        canvas: Side of the square frames, pixels.
        rows: T row numbers in the table of pictures.
        corners: T x 2 whole pixels (x, y), where the crops lie on the canvas.
        sizes: T x 2 whole pixels (width, height) of the crops on the canvas.
        read: Row -> picture.
    """

    name: str
    group: int
    ground_truth: FloatArray
    canvas: int
    rows: NDArray[np.int64]
    corners: NDArray[np.int64]
    sizes: NDArray[np.int64]
    read: Callable[[int], Frame]

    def __len__(self) -> int:
        return len(self.ground_truth)

    def frame(self, t: int) -> Frame:
        """Compose frame t: canvas x canvas x 3 uint8 BGR.

        Raises:
            PictureError: The crop cannot be read any more.
        """
        crop = self.read(int(self.rows[t]))
        width, height = (int(n) for n in self.sizes[t])
        if crop.shape[:2] != (height, width):
            rule = cv2.INTER_AREA if width < crop.shape[1] else cv2.INTER_LINEAR
            crop = np.asarray(cv2.resize(crop, (width, height), interpolation=rule), dtype=np.uint8)
        frame = np.empty((self.canvas, self.canvas, 3), np.uint8)
        frame[:] = np.rint(crop.mean(axis=(0, 1)))
        x, y = (int(n) for n in self.corners[t])
        frame[y : y + height, x : x + width] = crop
        return frame


@dataclass(frozen=True, eq=False)
class HeldOutTrack:
    """The crops of one target in the order of the frames.

    Attributes:
        name: See `VirtualVideo`.
        group: The sequence's number.
        number: The track's number.
        index: T row numbers of pictures that can be read.
        boxes: T x 4 boxes in crops of the size they have on the canvas.
        sizes: T x 2 whole pixels, that size.
        read: Row -> picture.
        skipped: How many pictures could not be read.
    """

    name: str
    group: int
    number: int
    index: NDArray[np.int64]
    boxes: FloatArray
    sizes: FloatArray
    read: Callable[[int], Frame]
    skipped: int


def held_out_tracks(rows: Rows, *, tracks_per_sequence: int = TRACKS_PER_SEQUENCE) -> list[HeldOutTrack]:
    """Find the tracks to validate on, and the size of their crops on a canvas.

    Crops are put at one scale: what was shrunk to fit the pack is enlarged again, as far as the track's median crop
    was not shrunk itself. Pictures that cannot be read are left out, like a dropped frame.

    Args:
        rows: Held-out rows; those without a box or a track are not used.
        tracks_per_sequence: Most targets taken of one sequence, evenly spread over its tracks.

    Raises:
        DataError: No track has `MIN_FRAMES` readable pictures.
    """
    usable = (rows.track >= 0) & np.isfinite(rows.boxes).all(axis=1)
    read = lru_cache(maxsize=PICTURES_KEPT)(rows.read)
    found = []
    for group in np.unique(rows.sequence[usable]):
        numbers, counts = np.unique(rows.track[usable & (rows.sequence == group)], return_counts=True)
        long = numbers[counts >= MIN_FRAMES]
        spread = np.unique(np.linspace(0, len(long) - 1, min(len(long), tracks_per_sequence)).round().astype(int))
        name = rows.sequence_names[group] if rows.sequence_names else f"{rows.name}-{group}"
        for number in long[spread]:
            index = np.flatnonzero(usable & (rows.sequence == group) & (rows.track == number))
            index = index[np.argsort(rows.frame[index], kind="stable")]
            label = f"{name}#{number}" if len(numbers) > 1 else name
            found.append(_held_out_track(rows, index, read, label))
    tracks = [t for t in found if len(t.index) >= MIN_FRAMES]
    if not tracks:
        raise DataError(
            f"no track of the source {rows.name!r} has {MIN_FRAMES} readable pictures to validate on",
            remedy="Hold out whole videos with boxes",
        )
    return tracks


def _held_out_track(rows: Rows, index: NDArray[np.int64], read: Callable[[int], Frame], name: str) -> HeldOutTrack:
    stored = _sizes(index, read)
    readable = stored[:, 0] > 0
    skipped = int((~readable).sum())
    group, number = int(rows.sequence[index[0]]), int(rows.track[index[0]])
    index, stored = index[readable], stored[readable]
    shrunk = np.ones(len(index)) if rows.scale is None else np.nan_to_num(rows.scale[index], nan=1.0)
    factors = (np.median(shrunk) if len(shrunk) else 1.0) / shrunk
    sizes = np.maximum(np.rint(stored * factors[:, None]), 1.0)
    boxes = rows.boxes[index] * np.tile(sizes / stored, 2)
    return HeldOutTrack(name, group, number, index, boxes, sizes, read, skipped)


def virtual_videos(rows: Rows, seed: int) -> list[VirtualVideo]:
    """Rebuild a video from each track of the held-out rows (see `held_out_tracks`).

    Args:
        rows: Held-out rows.
        seed: Of the wandering; the way of a target is a function of it and the track's number.

    Raises:
        DataError: No usable track.
    """
    return [wandering(track, seed) for track in held_out_tracks(rows)]


def wandering(track: HeldOutTrack, seed: int) -> VirtualVideo:
    """Lay the crops of a track on canvases, the target on a smooth random walk."""
    w, h = track.boxes[:, 2], track.boxes[:, 3]
    s_z = np.sqrt((w + 0.5 * (w + h)) * (h + 0.5 * (w + h)))
    walk = _wander(s_z, np.random.default_rng([seed, track.number]))
    # Whole pixels: a crop that keeps its size is copied, not resampled.
    corners = np.rint(walk - track.boxes[:, :2] - track.boxes[:, 2:] / 2.0)
    low, high = corners.min(axis=0), (corners + track.sizes).max(axis=0)
    canvas = int((high - low).max())
    corners += np.floor((canvas - (high - low)) / 2.0) - low
    return VirtualVideo(
        name=track.name,
        group=track.group,
        ground_truth=track.boxes + np.pad(corners, ((0, 0), (0, 2))),
        canvas=canvas,
        rows=track.index,
        corners=corners.astype(np.int64),
        sizes=track.sizes.astype(np.int64),
        read=track.read,
    )


def _sizes(index: NDArray[np.int64], read: Callable[[int], Frame]) -> FloatArray:
    """(width, height) of the stored pictures, T x 2; 0 where a picture cannot be read."""
    sizes = np.zeros((len(index), 2))
    for t, row in enumerate(index):
        try:
            sizes[t] = read(int(row)).shape[1::-1]
        except PictureError:
            continue
    return sizes


def _wander(s_z: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Positions T x 2 of a smooth random walk inside a square of `ROOM`; steps are in units of the target's own s_z."""
    room = ROOM * float(np.median(s_z))
    places = np.empty((len(s_z), 2))
    places[0] = rng.uniform(-room, room, 2)
    step = rng.normal(0.0, USUAL_STEP, 2)
    for t in range(1, len(s_z)):
        step = INERTIA * step + np.sqrt(1.0 - INERTIA**2) * rng.normal(0.0, USUAL_STEP, 2)
        step *= min(1.0, MOST_STEP / max(float(np.hypot(*step)), 1e-9))
        beyond = np.abs(places[t - 1] + step * s_z[t - 1]) > room
        step = np.where(beyond, -np.sign(places[t - 1]) * np.abs(step), step)
        places[t] = places[t - 1] + step * s_z[t - 1]
    return places


class Slots(Protocol):
    """A tracker that follows S targets together."""

    def init(self, frames: Sequence[Frame], boxes: FloatArray) -> None:
        """Start every slot; boxes S x 4 (x, y, w, h)."""

    def update(self, frames: Sequence[Frame]) -> FloatArray:
        """Advance every slot; S x 4."""

    def place(self, slots: NDArray[np.bool_], boxes: FloatArray) -> None:
        """Put the last box of the marked slots (S bool) where `boxes` (S x 4) say; templates stay."""


class SpmSlots:
    """`BatchedSpm` whose slots can be put back on their target."""

    def __init__(self, net: SpmNet, configs: Sequence[SpmConfig], device: torch.device) -> None:
        self.batch = BatchedSpm(net, configs, device)

    def init(self, frames: Sequence[Frame], boxes: FloatArray) -> None:
        """See `Slots`."""
        self.batch.init(frames, boxes)

    def update(self, frames: Sequence[Frame]) -> FloatArray:
        """See `Slots`."""
        return self.batch.update(frames)

    def place(self, slots: NDArray[np.bool_], boxes: FloatArray) -> None:
        """See `Slots`."""
        corners = torch.from_numpy(np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1))
        marked = torch.from_numpy(slots).to(self.batch.device)
        self.batch.boxes = torch.where(marked[:, None], corners.to(self.batch.device), self.batch.boxes)


Make = Callable[[Sequence[SpmConfig]], Slots]


class Job(NamedTuple):
    """One slot: a video and the tracker's settings."""

    video: VirtualVideo
    config: SpmConfig


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
    """Means over sequences (targets of one sequence and several wanderings first).

    Returns:
        "auc_one_pass", "auc_restarted", "losses" (per sequence, mean over its targets), and
        "auc_one_pass/NAME", "auc_restarted/NAME" and "losses/NAME" for each sequence.
    """
    values: dict[str, dict[str, list[float]]] = {"auc_one_pass": {}, "auc_restarted": {}, "losses": {}}
    for video, result in zip(videos, passes, strict=True):
        name = video.name.split("#")[0]
        for measure, value in (
            ("auc_one_pass", success(result.one_pass)),
            ("auc_restarted", success(result.restarted)),
            ("losses", float(result.losses)),
        ):
            values[measure].setdefault(name, []).append(value)
    means = {m: {name: float(np.mean(v)) for name, v in by_name.items()} for m, by_name in values.items()}
    overall = {measure: float(np.mean(list(by_name.values()))) for measure, by_name in means.items()}
    return overall | {f"{m}/{name}": value for m, by_name in means.items() for name, value in by_name.items()}


def validate_network(
    net_state: Mapping[str, Tensor],
    architecture: Architecture | str,
    rows: Rows,
    *,
    changes: Mapping[str, Any] | None = None,
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
        device: Where to compute.
        seed: Of the first wandering.
        seeds: How many wanderings of each video.

    Returns:
        See `summarise`.

    Raises:
        DataError: No usable track.
        UsageError: Unknown architecture or setting.
    """
    plan = find_architecture(architecture) if isinstance(architecture, str) else architecture
    net = SpmNet(plan)
    net.load_state_dict(dict(net_state))
    result = evaluate_settings(
        net, rows, [{**plan.settings, **(changes or {})}], seeds=range(seed, seed + seeds), device=device
    )[0]
    return result.values


class Setting(NamedTuple):
    """One row of a search: changes to the tracker's settings, and what they gave (see `summarise`)."""

    changes: Mapping[str, Any]
    values: dict[str, float]


def evaluate_settings(
    net: SpmNet,
    rows: Rows,
    grid: Sequence[Mapping[str, Any]],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    device: str = "cpu",
) -> list[Setting]:
    """Try settings of the tracker on the held-out rows, all as slots of the same batches.

    Args:
        net: Trained network; it is frozen and moved to `device`.
        rows: Held-out rows.
        grid: Changes to `SpmConfig`, one mapping per setting; fields that shape tensors must agree.
        seeds: Of the wanderings; each video is seen once with each.
        device: Where to compute.

    Returns:
        One row per setting, in the order of `grid`.

    Raises:
        DataError: No usable track.
        UsageError: Unknown setting, or settings that cannot share a batch.
    """
    place = pick_device(device)
    configs = [SpmConfig.build(changes) for changes in grid]
    videos = [wandering(track, seed) for track in held_out_tracks(rows) for seed in seeds]

    def make(some: Sequence[SpmConfig]) -> Slots:
        return SpmSlots(net, some, place)

    # Settings innermost: slots on one frame are in one batch and share its decoding.
    jobs = [Job(video, config) for video in videos for config in configs]
    passes = follow(jobs, make, SLOTS_AT_ONCE.get(place.type, SLOTS_AT_ONCE["cuda"]))
    return [Setting(changes, summarise(videos, passes[k :: len(configs)])) for k, changes in enumerate(grid)]
