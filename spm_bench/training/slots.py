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
from spm_bench.trackers.settings import Settings
from spm_bench.trackers.siamese.family import DaSiamRpnFamily, Family, SiamFcFamily, SiamRpnFamily, State
from spm_bench.trackers.siamese.tracker import settings_of
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.tracker import BatchedSpm


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
        corners = torch.from_numpy(_corners(boxes))
        marked = torch.from_numpy(slots).to(self.batch.device)
        self.batch.boxes = torch.where(marked[:, None], corners.to(self.batch.device), self.batch.boxes)


class RivalSlots:
    """A rival whose slots can be put back; those of equal settings are computed together."""

    def __init__(
        self, kind: type[Family[Any]], net: SiameseNet, configs: Sequence[Settings], device: torch.device
    ) -> None:
        families: dict[Settings, Family[Any]] = {}
        for config in configs:
            if config not in families:
                families[config] = kind(net.prepare(device), cast(Any, config), device)
        self._groups = [
            (family, [slot for slot, other in enumerate(configs) if other == config])
            for config, family in families.items()
        ]
        self._states: list[State] = []

    @torch.inference_mode()
    def init(self, frames: Sequence[Frame], boxes: FloatArray) -> None:
        """See `Slots`."""
        corners = _corners(boxes)
        self._run(len(frames), lambda family, slots: family.start([frames[s] for s in slots], corners[slots]))

    @torch.inference_mode()
    def update(self, frames: Sequence[Frame]) -> FloatArray:
        """See `Slots`."""
        before = self._states
        self._run(
            len(frames), lambda family, slots: family.advance([before[s] for s in slots], [frames[s] for s in slots])
        )
        corners = np.stack([state.corners for state in self._states])
        return np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)

    def place(self, slots: NDArray[np.bool_], boxes: FloatArray) -> None:
        """See `Slots`."""
        corners = _corners(boxes)
        for slot in np.flatnonzero(slots):
            self._states[slot] = self._states[slot]._replace(corners=corners[slot], lost=False)

    def _run(self, count: int, step: Callable[[Family[Any], list[int]], list[State]]) -> None:
        found: dict[int, State] = {}
        for family, slots in self._groups:
            found |= dict(zip(slots, step(family, slots), strict=True))
        self._states = [found[slot] for slot in range(count)]


def _corners(boxes: FloatArray) -> FloatArray:
    return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)


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
