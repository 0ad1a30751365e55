"""The rivals as trackers: one target, or many in a batch, each with settings of its own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from spm_bench.errors import TrackerError, UsageError, listed
from spm_bench.models.architecture import Architecture
from spm_bench.models.checkpoint import Weights
from spm_bench.models.spm import SiameseNet
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import BatchTracker, Box, Shared, Start, TrackerSpec
from spm_bench.trackers.looking import LookSettings
from spm_bench.trackers.networked import choose_variant, describe
from spm_bench.trackers.siamese.config import DaSiamRpnConfig, SiamFcConfig, SiamRpnConfig
from spm_bench.trackers.siamese.family import DaSiamRpnFamily, Family, SiamFcFamily, SiamRpnFamily, State
from spm_bench.trackers.siamese.variants import DASIAMRPN, SIAMFC, SIAMRPN
from spm_bench.trackers.spm.device import keep_memory, pick_device
from spm_bench.trackers.spm.slots import boxes_of, corners_of
from spm_bench.trackers.spm.weights import find_weights
from spm_bench.trackers.variants import Variant

SLOTS = 64
"""Targets in a batch: those of one configuration share passes through the network, which is full with some eight."""


@dataclass(eq=False)
class Target:
    """One target of a batch: what moves it, and its state."""

    family: Family[Any]
    state: State


class SiameseBatch:
    """A rival on many targets; a `BatchTracker`.

    Args:
        families: Of each spec; specs that are equal in network, settings and device have the same one.

    Attributes:
        shared: Steps asked for, and computed for them.
        families: See above.
    """

    capacity = SLOTS

    def __init__(self, families: Sequence[Family[Any]]) -> None:
        self.shared = Shared()
        self.families = tuple(families)

    @classmethod
    def of(cls, kind: type[Family[Any]], options: Sequence[Mapping[str, Any]], default_weights: str) -> SiameseBatch:
        """The batch that runs some specs.

        Args:
            kind: Which rival.
            options: Constructor arguments of the tracker, one mapping per spec.
            default_weights: Where the options name none.

        Raises:
            UsageError: Settings or a device that cannot be used, or a network that is not the rival's.
            WeightsError: Missing or broken weights.
        """
        keep_memory()
        nets: dict[Hashable, SiameseNet] = {}
        known: dict[Hashable, Family[Any]] = {}
        families = []
        for option in options:
            named, device = option.get("weights") or default_weights, pick_device(option.get("device", "auto"))
            weights = named if isinstance(named, Weights) else find_weights(named)
            kind.check(weights.architecture)
            config = in_force(kind, weights, option.get("config") or {})
            network = (weights.sha256, str(device), config.precision)
            if network not in nets:
                nets[network] = weights.network().prepare(device, config.precision)
            key = (network, config)
            if key not in known:
                known[key] = kind(nets[network], config, device)
            families.append(known[key])
        return cls(families)

    @torch.inference_mode()
    def start(self, starts: Sequence[Start]) -> list[Any]:
        """Start targets; one object per start. Raises TrackerError if a box is no box; none is started then."""
        corners = corners_of(np.array([start.box for start in starts], dtype=np.float64).reshape(len(starts), 4))
        targets: list[Target | None] = [None] * len(starts)
        for family, places in _by_family([self.families[start.slot_of] for start in starts]):
            states = family.start([starts[p].frame for p in places], corners[places])
            for place, state in zip(places, states, strict=True):
                targets[place] = Target(family, state)
        return list(targets)

    @torch.inference_mode()
    def advance(self, targets: Sequence[Any], frames: Sequence[Frame]) -> NDArray[np.float64]:
        """Move each target to the next frame of its own; B x 4 boxes (x, y, w, h). Targets move only if all do."""
        if len(frames) != len(targets):
            raise UsageError(f"{len(frames)} frames for {len(targets)} targets")
        states: list[State] = [target.state for target in targets]
        for family, places in _by_family([target.family for target in targets]):
            moved = family.advance([states[p] for p in places], [frames[p] for p in places])
            for place, state in zip(places, moved, strict=True):
                states[place] = state
        for target, state in zip(targets, states, strict=True):
            target.state = state
        self.shared.asked += len(targets)
        self.shared.computed += len(targets)
        corners = np.array([state.corners for state in states]).reshape(-1, 4)
        return boxes_of(corners)


def _by_family(families: Sequence[Family[Any]]) -> list[tuple[Family[Any], list[int]]]:
    together: dict[int, tuple[Family[Any], list[int]]] = {}
    for place, family in enumerate(families):
        together.setdefault(id(family), (family, []))[1].append(place)
    return list(together.values())


def settings_of(kind: type[Family[Any]], architecture: Architecture, changes: Mapping[str, Any]) -> LookSettings:
    """The settings in force: the rival's defaults, what the architecture brings, and the changes.

    Factors on the kernels go with an architecture, and SiamFC has none of them.
    """
    known = kind.Settings.model_fields
    brought = {name: value for name, value in architecture.settings.items() if name in known}
    return kind.Settings.build({**brought, **changes})


def in_force(kind: type[Family[Any]], weights: Weights, changes: Mapping[str, Any]) -> LookSettings:
    """The settings that a rival runs with: `settings_of`, with those that go with the weights below the changes.

    Raises:
        UsageError: The weights bring settings that the rival does not have, so they were chosen for another.
    """
    foreign = sorted(weights.settings.keys() - kind.Settings.model_fields.keys())
    if foreign:
        raise UsageError(
            f"the weights {weights.origin} bring settings that {kind.title()} does not have ({listed(foreign, 3)}): "
            "they were chosen for another tracker",
            remedy="Run them with the tracker they are for; DaSiamRPN's variant no_reranking has SiamRPN's rules",
        )
    return settings_of(kind, weights.architecture, {**weights.settings, **changes})


class _RivalTracker:
    """A rival on one target.

    Args:
        weights: See `spm_bench.trackers.spm.weights.find_weights`; None: those that come with the package.
        config: Changes to the settings.
        device: "auto", "cpu", "cuda", "cuda:1", ...
    """

    kind: ClassVar[type[Family[Any]]]
    variants: ClassVar[Mapping[str, Variant]]
    default_weights: ClassVar[str]
    deterministic = True

    def __init__(
        self, weights: str | Weights | None = None, config: Mapping[str, Any] | None = None, device: str = "auto"
    ) -> None:
        options = {"weights": weights, "config": config, "device": device}
        self._batch = SiameseBatch.of(self.kind, [options], self.default_weights)
        self._targets: list[Any] = []

    def init(self, frame: Frame, box: Box) -> None:
        """Start on `frame` with the target in `box` (x, y, w, h)."""
        self._targets = self._batch.start([Start(0, frame, box)])

    def update(self, frame: Frame) -> Box:
        """Return the box (x, y, w, h) in the next frame. Raises TrackerError before the first `init`."""
        if not self._targets:
            raise TrackerError(f"{type(self).__name__} was asked to update before it was started")
        return np.asarray(self._batch.advance(self._targets, [frame])[0], dtype=np.float64)

    @classmethod
    def batched(cls, options: Sequence[Mapping[str, Any]]) -> BatchTracker:
        """Make a batch of targets that are advanced together; errors as in `SiameseBatch.of`."""
        return SiameseBatch.of(cls.kind, options, cls.default_weights)

    def network_parts(self) -> tuple[torch.nn.Module, ...]:
        """Backbone and head: what `spm-bench bench` counts as the network."""
        (family,) = self._batch.families
        return family.net.cm.z_net, family.net.cm

    @classmethod
    def resolve(cls, *, name: str, variant: str | Variant | None, weights: str | None, device: str) -> TrackerSpec:
        """Describe a run: variant, settings, identity of the weights.

        Raises:
            UsageError: Unknown variant or device, a precision that the device does not have, or another's network.
            WeightsError: The weights are missing or broken.
        """
        chosen = choose_variant(name, variant, cls.variants)
        found = find_weights(weights or cls.default_weights)
        cls.kind.check(found.architecture)
        config = in_force(cls.kind, found, chosen.changes)
        home = "spm_bench.trackers.siamese" if cls.__module__ == __name__ else cls.__module__
        target = f"{home}:{cls.__qualname__}"
        return describe(name, target, chosen, wanted=weights, found=found, config=config, device=device)


class SiamFcTracker(_RivalTracker):
    """SiamFC on one target; arguments as in `_RivalTracker`."""

    Settings = SiamFcConfig
    kind = SiamFcFamily
    variants = SIAMFC
    default_weights = "siamfc_lite"


class SiamRpnTracker(_RivalTracker):
    """SiamRPN on one target; arguments as in `_RivalTracker`."""

    Settings = SiamRpnConfig
    kind = SiamRpnFamily
    variants = SIAMRPN
    default_weights = "siamrpn_lite"


class DaSiamRpnTracker(_RivalTracker):
    """DaSiamRPN on one target; arguments as in `_RivalTracker`."""

    Settings = DaSiamRpnConfig
    kind = DaSiamRpnFamily
    variants = DASIAMRPN
    default_weights = "dasiamrpn_lite"
