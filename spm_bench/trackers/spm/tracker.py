"""SPM as a tracker: one target, or B targets at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spm_bench.errors import TrackerError, UsageError
from spm_bench.models.checkpoint import Weights
from spm_bench.models.spm import SpmNet, Template
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import BatchTracker, Box, TrackerSpec
from spm_bench.trackers.networked import choose_variant, describe
from spm_bench.trackers.spm.batch import SpmBatch
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.device import pick_device
from spm_bench.trackers.spm.slots import (
    FrameBatch,
    Sharing,
    SlotSettings,
    StepResult,
    boxes_of,
    corners_of,
    frame_batch,
)
from spm_bench.trackers.spm.step import make_anchors, make_templates, step
from spm_bench.trackers.spm.variants import VARIANTS
from spm_bench.trackers.spm.weights import find_weights
from spm_bench.trackers.variants import Variant


class BatchedSpm:
    """SPM on B slots that advance together; each slot has its own target, frame and settings.

    Args:
        net: A network; it is frozen and moved to `device`.
        configs: Settings of the B slots.
        device: Where to compute.
    """

    def __init__(self, net: SpmNet, configs: Sequence[SpmConfig], device: torch.device) -> None:
        if not configs:
            raise UsageError("a batch needs at least one slot")
        self.device = device
        self.settings = SlotSettings.of(configs, device, net.architecture)
        shared = self.settings.shared
        self.net = net.prepare(device, shared.precision)
        self.anchors = make_anchors(shared, net.stride, device, net.architecture)
        self.slots = len(configs)
        self.sharing = Sharing.nothing(configs, device)
        self.boxes = torch.zeros((self.slots, 4), dtype=torch.float64, device=device)
        self.template: Template | None = None

    @torch.inference_mode()
    def init(self, frames: Sequence[Frame], boxes: NDArray[np.float64]) -> None:
        """Start every slot.

        Args:
            frames: B frames (the same object for slots that share it).
            boxes: B x 4 (x, y, w, h).

        Raises:
            TrackerError: A box has no area or is not finite.
        """
        given = np.asarray(boxes, dtype=np.float64).reshape(self.slots, 4)
        self.boxes = torch.from_numpy(corners_of(given)).to(self.device)
        self.template = make_templates(self.net, self._batch(frames), self.boxes, self.settings)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # else the first update would be charged for this

    @torch.inference_mode()
    def update(self, frames: Sequence[Frame]) -> NDArray[np.float64]:
        """Advance every slot by one frame; B x 4 (x, y, w, h)."""
        corners = self.move(frames).boxes.cpu().numpy()
        return boxes_of(corners)

    def move(self, frames: Sequence[Frame]) -> StepResult:
        """Advance every slot by one frame, as `update` does, and tell everything that led there (see `trace`)."""
        result = self.advance(frames)
        self.boxes = result.boxes
        return result

    @torch.inference_mode()
    def advance(self, frames: Sequence[Frame]) -> StepResult:
        """Compute the next step with everything that led to it, without moving on."""
        if self.template is None:
            raise TrackerError("SPM was asked to update before it was started")
        batch = self._batch(frames)
        return step(self.net, self.template, batch, self.boxes, self.anchors, self.settings, self.sharing)

    def _batch(self, frames: Sequence[Frame]) -> FrameBatch:
        if len(frames) != self.slots:
            raise UsageError(f"{len(frames)} frames for {self.slots} slots")
        return frame_batch(frames, self.device)


class SpmTracker:
    """SPM on one target.

    Args:
        weights: See `spm_bench.trackers.spm.weights.find_weights`.
        config: Changes to `SpmConfig`, on top of the settings that go with the weights.
        device: "auto", "cpu", "cuda", "cuda:1", ...

    Attributes:
        config: All settings in force.
    """

    Settings = SpmConfig
    deterministic = True
    default_weights: str | None = None

    def __init__(
        self, weights: str | Weights | None = None, config: Mapping[str, Any] | None = None, device: str = "auto"
    ) -> None:
        loaded = weights if isinstance(weights, Weights) else find_weights(weights or self.default_weights)
        loaded.need_two_stages()
        self.config = SpmConfig.build({**loaded.all_settings, **(config or {})})
        self.batch = BatchedSpm(loaded.two_stages(), [self.config], pick_device(device))

    def init(self, frame: Frame, box: Box) -> None:
        """Start on `frame` with the target in `box` (x, y, w, h)."""
        self.batch.init([frame], np.asarray(box, dtype=np.float64)[None])

    def update(self, frame: Frame) -> Box:
        """Return the box (x, y, w, h) in the next frame."""
        return np.asarray(self.batch.update([frame])[0], dtype=np.float64)

    @classmethod
    def batched(cls, options: Sequence[Mapping[str, Any]]) -> BatchTracker:
        """Make a batch of targets that are advanced together; one mapping of constructor arguments per spec.

        Raises:
            UsageError: Settings or a device that cannot be used.
            WeightsError: No trained weights and none asked for, or broken ones.
        """
        return SpmBatch(options, cls.default_weights)

    def network_parts(self) -> tuple[torch.nn.Module, ...]:
        """Backbone, coarse and fine stage: what `spm-bench bench` counts as the network."""
        net = self.batch.net
        return net.cm.z_net, net.cm, net.fm

    @classmethod
    def resolve(cls, *, name: str, variant: str | Variant | None, weights: str | None, device: str) -> TrackerSpec:
        """Describe an SPM run: variant, resolved configuration, identity of the weights.

        Raises:
            UsageError: Unknown variant or device, or a precision that the device does not have.
            WeightsError: No trained weights and none asked for, broken ones, or those of a network with one stage.
        """
        chosen = choose_variant("SPM", variant, VARIANTS)
        found = find_weights(weights or cls.default_weights)
        found.need_two_stages()
        config = SpmConfig.build({**found.all_settings, **chosen.changes})
        home = "spm_bench.trackers.spm" if cls.__module__ == __name__ else cls.__module__  # a subclass may be anywhere
        target = f"{home}:{cls.__qualname__}"
        return describe(name, target, chosen, wanted=weights, found=found, config=config, device=device)


class SpmLiteTracker(SpmTracker):
    """SPM with the compact network that comes with the package; arguments as in `SpmTracker`."""

    default_weights = "spm_lite"
