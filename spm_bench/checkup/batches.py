"""The check of a tracker that advances many targets together: each must get what it gets alone.

The cases are tried one after the other, from the plain to the subtle, and the first that goes wrong is told: one target
in a batch, three from the start, targets that come later or sit out or see one picture, settings that differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spm_bench.checkup.findings import ERROR, Finding
from spm_bench.checkup.patient import BrokeError, Patient, described, largest_gap
from spm_bench.checkup.videos import Video, drifting, other
from spm_bench.errors import TrackerError
from spm_bench.suites.base import FloatArray
from spm_bench.trackers.base import BatchTracker, Shared, Start, TrackerSpec
from spm_bench.trackers.catalog import build_batch, load_kind, resolve_tracker

SAME = 1e-3
"""Pixels by which a batch may differ from a target alone (see `BatchTracker`)."""
LATER, MIDDLE = 3, 5
"""A target that comes later does so in this round; one begins with this frame of its video."""
SITS_OUT = 6
"""In this round a target is not advanced, as the engine does with those that skip frames after a failure."""
MOST_VARIANTS = 4
"""That are tried in search of one whose boxes differ."""


@dataclass(eq=False)
class _One:
    """A target in a batch, and the boxes it gets alone."""

    video: Video
    alone: FloatArray
    begins: int = 0
    slot_of: int = 0
    sits_out: int | None = None
    target: Any = None
    done: int = field(default=0, init=False)


def alike(patient: Patient) -> Iterator[Finding]:
    """Do many targets together get what each gets alone?"""
    _check_members(build_batch([patient.spec]))
    videos = (drifting(), other(), drifting().part(MIDDLE))
    alone = [patient.follow(video) for video in videos]

    def all_from_the_start() -> list[_One]:
        return [_One(video, boxes) for video, boxes in zip(videos, alone, strict=True)]

    def one() -> list[_One]:
        return all_from_the_start()[:1]

    def some_later() -> list[_One]:
        first, second, third = all_from_the_start()
        third.begins = MIDDLE  # from here on it sees the very pictures of the first one
        second.begins, second.sits_out = LATER, SITS_OUT
        return [first, second, third]

    cases = (
        (one, "a single target in a batch gets", "advance must do what update does"),
        (
            all_from_the_start,
            "three targets in a batch get",
            "What one target gets must not depend on the others: look for statistics over the batch, and for what is "
            "kept in the batch instead of its targets",
        ),
        (
            some_later,
            "targets that come later, sit out a round, or see the same picture get",
            "start must leave alone who is under way; a target is known by what start returned for it, not by its "
            "place; what is remembered of a picture holds for that object only",
        ),
    )
    batch = build_batch([patient.spec])
    for cast, what, remedy in cases:
        gap, place = _largest_gap(batch, cast())
        if not gap <= SAME:
            yield Finding(ERROR, f"{what} other boxes than alone, by up to {gap:.3g} px ({place})", remedy)
            return
    yield from _settings(patient)


def _settings(patient: Patient) -> Iterator[Finding]:
    """Two targets on the same pictures, with other settings each."""
    found = _other_settings(patient)
    if found is None:
        return
    spec, boxes = found
    what = f"two targets, one of them with the settings of variant {spec.variant}, get"
    pair = [_One(drifting(), patient.usual), _One(drifting(), boxes, slot_of=1)]
    gap, place = _largest_gap(build_batch([patient.spec, spec]), pair)
    if not gap <= SAME:
        yield Finding(
            ERROR,
            f"{what} other boxes than alone, by up to {gap:.3g} px ({place})",
            "Start.slot_of says which of the batch's options a target runs with",
        )


def _other_settings(patient: Patient) -> tuple[TrackerSpec, FloatArray] | None:
    """A variant of the tracker that gives other boxes, and these; None where it has none."""
    kind, options = load_kind(patient.spec.target), patient.spec.options
    variants: Mapping[str, Any] = getattr(kind, "Variants", {})
    for name in [name for name in variants if name != patient.spec.variant][:MOST_VARIANTS]:
        given = {"weights": options.get("weights"), "device": options.get("device", "auto")}
        spec = resolve_tracker(patient.spec.target, variant=name, **given)
        boxes = Patient(spec).usual
        if largest_gap(patient.usual, boxes)[0] > SAME:
            return spec, boxes
    return None


def _check_members(batch: BatchTracker) -> None:
    """What the engine asks of a batch. Raises BrokeError if it is not there."""
    if not isinstance(getattr(batch, "shared", None), Shared):
        raise BrokeError("its batch has no attribute `shared` of the kind Shared, which the engine reads")
    capacity = getattr(batch, "capacity", None)
    if not isinstance(capacity, int) or capacity < 1:
        raise BrokeError(f"its batch has the capacity {capacity!r}, which is no number of targets")


def _largest_gap(batch: BatchTracker, targets: Sequence[_One]) -> tuple[float, str]:
    """How far a box in the batch is from that of the target alone, in pixels, and where. Raises `BrokeError`."""
    worst, place, step = 0.0, "", -1
    try:
        while any(one.done < len(one.video) - 1 for one in targets):
            step += 1
            pictures: dict[int, Any] = {}  # targets that see one picture get one object
            for one, box in _round(batch, targets, step, pictures):
                gap = float(np.abs(one.alone[one.done] - box).max())
                if not gap <= worst:
                    worst, place = gap, f"frame {one.done} of {one.video.name}"
    except (Exception, SystemExit) as error:
        told = f"in round {step} of {len(targets)} targets" if step else f"when {len(targets)} targets were started"
        raise BrokeError(f"the batch broke {told}: {described(error)}") from error
    return worst, place


def _round(
    batch: BatchTracker, targets: Sequence[_One], step: int, pictures: dict[int, Any]
) -> Iterator[tuple[_One, FloatArray]]:
    """Advance who is under way, in another order every time, and start whose turn it is."""

    def seen(one: _One, index: int) -> Any:
        frame = one.video.frames[index]
        return pictures.setdefault(id(frame), np.array(frame))

    moving = [
        one for one in targets if one.target is not None and step != one.sits_out and one.done < len(one.video) - 1
    ]
    moving = moving[step % max(len(moving), 1) :] + moving[: step % max(len(moving), 1)]
    if moving:
        frames = [seen(one, one.done + 1) for one in moving]
        boxes = np.asarray(batch.advance([one.target for one in moving], frames), dtype=np.float64)
        if boxes.shape != (len(moving), 4):
            raise TrackerError(f"advance returned numbers of shape {boxes.shape}, not one box a target")
        for one, box in zip(moving, boxes, strict=True):
            one.done += 1
            yield one, box
    new = [one for one in targets if one.target is None and one.begins <= step]
    if new:
        starts = [Start(one.slot_of, seen(one, 0), np.array(one.video.boxes[0])) for one in new]
        made = batch.start(starts)
        if len(made) != len(new):
            raise TrackerError(f"start returned {len(made)} targets for {len(new)}")
        for one, target in zip(new, made, strict=True):
            one.target = target
