"""Many SPM targets advanced together, each with settings of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spm_bench.models.checkpoint import Weights
from spm_bench.models.spm import Template
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import Shared, Start
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.slots import SHARED_FIELDS
from spm_bench.trackers.spm.step import join_templates
from spm_bench.trackers.spm.tracker import BatchedSpm, pick_device
from spm_bench.trackers.spm.weights import find_weights


@dataclass(eq=False)
class Target:
    """One target of a batch: which settings it runs with, its template, and where it is (corners, float64)."""

    slot_of: int
    template: Template
    corners: NDArray[np.float64]


class SpmBatch:
    """SPM on many targets; see `BatchTracker`.

    Args:
        options: Constructor arguments of `SpmTracker`, one mapping per spec.
        default_weights: Of the tracker class, where the options name none.
    """

    def __init__(self, options: Sequence[Mapping[str, Any]], default_weights: str | None = None) -> None:
        self.shared = Shared()
        found: dict[str | None, Weights] = {}
        nets: dict[Any, Any] = {}
        self.members: list[tuple[Any, SpmConfig]] = []
        self.families: dict[Any, tuple[Any, torch.device]] = {}
        for option in options:
            named = option.get("weights") or default_weights
            weights = named if isinstance(named, Weights) else found.setdefault(named, find_weights(named))
            device = pick_device(option.get("device", "auto"))
            config = SpmConfig.build({**weights.all_settings, **(option.get("config") or {})})
            key = (weights.sha256, str(device), tuple(getattr(config, f) for f in SHARED_FIELDS))
            net = nets.setdefault((weights.sha256, str(device)), weights.network())
            self.families[key] = (net, device)
            self.members.append((key, config))

    @property
    def capacity(self) -> int:
        """Targets worth advancing at once."""
        return 24

    def start(self, starts: Sequence[Start]) -> list[Any]:
        """Start targets; see `BatchTracker.start`."""
        targets: list[Target | None] = [None] * len(starts)
        for i, start in enumerate(starts):
            (net, device), config = self._family(start.slot_of)
            lane = BatchedSpm(net, [config], device)
            lane.init([start.frame], np.asarray(start.box, dtype=np.float64)[None])
            assert lane.template is not None
            targets[i] = Target(start.slot_of, lane.template, lane.boxes[0].cpu().numpy().copy())
        return list(targets)

    def advance(self, targets: Sequence[Any], frames: Sequence[Frame]) -> NDArray[np.float64]:
        """Move targets; see `BatchTracker.advance`."""
        corners = np.empty((len(targets), 4))
        lanes: dict[Any, list[int]] = {}
        for i, target in enumerate(targets):
            lanes.setdefault(self.members[target.slot_of][0], []).append(i)
        for key, places in lanes.items():
            net, device = self.families[key]
            lane = BatchedSpm(net, [self.members[targets[i].slot_of][1] for i in places], device)
            lane.template = join_templates([targets[i].template for i in places])
            lane.boxes = torch.from_numpy(np.stack([targets[i].corners for i in places])).to(device)
            corners[places] = lane.advance([frames[i] for i in places]).boxes.cpu().numpy()
        self.shared.asked += len(targets)
        self.shared.computed += len(targets)
        for target, row in zip(targets, corners, strict=True):
            target.corners = row.copy()
        return np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)

    def _family(self, slot_of: int) -> tuple[Any, SpmConfig]:
        key, config = self.members[slot_of]
        return self.families[key], config
