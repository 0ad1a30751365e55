"""Trackers as validation runs them: S slots that advance together and can be put back on their targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from spm_bench.errors import WeightsError, unknown_name
from spm_bench.models.architecture import Architecture
from spm_bench.models.spm import SiameseNet, SpmNet
from spm_bench.suites.base import FloatArray, Frame
from spm_bench.trackers.base import Start
from spm_bench.trackers.settings import Settings
from spm_bench.trackers.siamese.family import DaSiamRpnFamily, Family, SiamFcFamily, SiamRpnFamily
from spm_bench.trackers.siamese.tracker import SiameseBatch, Target, settings_of
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.tracker import BatchedSpm
from spm_bench.training.pairs import corners


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
        there = torch.from_numpy(corners(boxes))
        marked = torch.from_numpy(slots).to(self.batch.device)
        self.batch.boxes = torch.where(marked[:, None], there.to(self.batch.device), self.batch.boxes)


class RivalSlots:
    """`SiameseBatch`, a slot for each target, whose targets can be put back."""

    def __init__(
        self, kind: type[Family[Any]], net: SiameseNet, configs: Sequence[Settings], device: torch.device
    ) -> None:
        net.prepare(device)
        families = {config: kind(net, cast(Any, config), device) for config in dict.fromkeys(configs)}
        self._batch = SiameseBatch([families[config] for config in configs])
        self._targets: list[Target] = []

    def init(self, frames: Sequence[Frame], boxes: FloatArray) -> None:
        """See `Slots`."""
        starts = [Start(slot, frame, box) for slot, (frame, box) in enumerate(zip(frames, boxes, strict=True))]
        self._targets = self._batch.start(starts)

    def update(self, frames: Sequence[Frame]) -> FloatArray:
        """See `Slots`."""
        return self._batch.advance(self._targets, frames)

    def place(self, slots: NDArray[np.bool_], boxes: FloatArray) -> None:
        """See `Slots`."""
        there = corners(boxes)
        for slot in np.flatnonzero(slots):
            target = self._targets[slot]
            target.state = target.state._replace(corners=there[slot], lost=False)


class Method(NamedTuple):
    """How a tracker is validated.

    Attributes:
        build: (architecture, changes) -> settings.
        make: (network, settings of S slots, device) -> slots; the network is frozen and moved.
    """

    build: Callable[[Architecture, Mapping[str, Any]], Settings]
    make: Callable[[SiameseNet, Sequence[Settings], torch.device], Slots]


def _spm(net: SiameseNet, configs: Sequence[Settings], device: torch.device) -> Slots:
    if not isinstance(net, SpmNet):
        raise WeightsError(f"a network of {net.architecture.name} has no fine stage, so SPM cannot run with it")
    return SpmSlots(net, cast("Sequence[SpmConfig]", configs), device)


def _rival(kind: type[Family[Any]]) -> Method:
    return Method(
        build=lambda architecture, changes: settings_of(kind, architecture, changes),
        make=lambda net, configs, device: RivalSlots(kind, net, configs, device),
    )


METHODS: Mapping[str, Method] = {
    "SPM": Method(lambda architecture, changes: SpmConfig.build({**architecture.settings, **changes}), _spm),
    "SiamFC": _rival(SiamFcFamily),
    "SiamRPN": _rival(SiamRpnFamily),
    "DaSiamRPN": _rival(DaSiamRpnFamily),
}
"""Name of a tracker -> how it is validated."""


def tracker_of(architecture: Architecture) -> str:
    """The tracker that an architecture was made for."""
    single = "SiamFC" if architecture.head == "correlation" else "SiamRPN"
    return "SPM" if architecture.two_stages else single


def find_method(tracker: str | None, architecture: Architecture) -> Method:
    """The named tracker's, or that of the tracker the architecture was made for.

    Raises:
        UsageError: No such tracker.
    """
    tracker = tracker or tracker_of(architecture)
    if tracker not in METHODS:
        raise unknown_name("tracker with settings to choose", tracker, METHODS)
    return METHODS[tracker]
