"""The correlation filter as a tracker: one target, or many in a batch, each with settings and a filter of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spm_bench.errors import TrackerError, UsageError
from spm_bench.geometry.crops import crop_frame
from spm_bench.models.checkpoint import Weights
from spm_bench.models.precision import arithmetic
from spm_bench.models.spm import SiameseNet
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import BatchTracker, Box, Shared, Start, TrackerSpec
from spm_bench.trackers.dcf.config import DcfConfig
from spm_bench.trackers.dcf.filter import Filter, blend, cosine_window, desired_response, find_peak, learn, respond
from spm_bench.trackers.dcf.variants import VARIANTS
from spm_bench.trackers.networked import choose_variant, describe
from spm_bench.trackers.spm.device import pick_device
from spm_bench.trackers.spm.slots import frame_batch
from spm_bench.trackers.spm.weights import find_weights
from spm_bench.trackers.variants import Variant

STRIDE = 8
SLOTS = 64
"""Targets in a batch: they share decoded frames and little else, so more would save nothing."""


@dataclass(frozen=True, eq=False)
class State:
    """Where a target is and what was learned of it.

    Attributes:
        centre: x, y in the image.
        size: w, h when it was started.
        scale: Of its size since then.
        filter: Learned so far.
        age: Frames since the start.
    """

    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    scale: float
    filter: Filter
    age: int = 0

    @property
    def box(self) -> Box:
        """(x, y, w, h)."""
        sides = self.size * self.scale
        return np.concatenate((self.centre - sides / 2, sides))


@dataclass(eq=False)
class Target:
    """One target of a batch: what moves it, and its state."""

    follower: Follower
    state: State


class Follower:
    """Starts and moves targets with one network and one configuration.

    Args:
        net: Of the SPM family, prepared for `device`; its backbone is used.
        config: Settings.
        device: Where to compute.
    """

    def __init__(self, net: SiameseNet, config: DcfConfig, device: torch.device) -> None:
        self.net, self.config, self.device = net, config, device
        self._arithmetic = arithmetic(config.precision, device)
        self._numbers = [int(layer.removeprefix("conv")) for layer in config.layers]
        self._window = cosine_window(config.cells, device)
        half = config.scales // 2
        self._factors = config.scale_step ** np.arange(-half, half + 1, dtype=np.float64)
        weights = np.where(np.arange(config.scales) == half, 1.0, config.scale_penalty)
        self._weights = torch.from_numpy(weights.astype(np.float32)).to(device)
        deviation = config.label_width * (config.cells - 1) / config.area
        self._desired = desired_response(config.cells, deviation, device)
        self._offset = torch.tensor(config.mean_bgr, device=device)
        self._pixels = STRIDE * (config.cells - 1) + 1

    def start(self, frame: Frame, box: Box) -> Target:
        """Learn a target. Raises TrackerError if the box is no box."""
        if not (np.isfinite(box).all() and (box[2:] > 0).all()):
            raise TrackerError(f"DCF cannot start on the box {box.tolist()}: finite with positive size is needed")
        centre, size = box[:2] + box[2:] / 2, np.array(box[2:], dtype=np.float64)
        sample = self._look(frame, centre, [self._side(size)])[0]
        return Target(self, State(centre, size, 1.0, learn(sample, self._desired)))

    def move(self, state: State, frame: Frame) -> State:
        """Find the target in the next frame, and learn what it looks like there if it is time to."""
        side = self._side(state.size * state.scale)
        samples = self._look(frame, state.centre, [side * factor for factor in self._factors])
        responses = respond(state.filter, samples, self.config.regularisation, self.config.fine)
        peak = find_peak(responses, self._weights, self.config.fine)
        found = float(self._factors[peak.sample])
        per_cell = STRIDE * side * found / (self._pixels - 1)
        extent = np.array([frame.shape[1], frame.shape[0]], dtype=np.float64)
        centre = np.clip(state.centre + per_cell * np.array(peak.shift), 0.0, extent)
        scale = self._held(state, state.scale * (1 + self.config.scale_rate * (found - 1)), extent)
        moved = replace(state, centre=centre, scale=scale, age=state.age + 1)
        if self.config.learning_rate == 0 or moved.age % self.config.update_every:
            return moved
        sample = self._look(frame, centre, [self._side(state.size * scale)])[0]
        new = learn(sample, self._desired)
        return replace(moved, filter=blend(state.filter, new, self.config.learning_rate))

    def _side(self, size: NDArray[np.float64]) -> float:
        """Side of the square that is looked at."""
        return self.config.area * float(np.sqrt(size.prod()))

    def _held(self, state: State, scale: float, extent: NDArray[np.float64]) -> float:
        """A scale that keeps the box larger than `min_size` (or what it began with) and no larger than the frame."""
        sides = state.size * scale
        least, most = np.minimum(state.size, self.config.min_size), np.maximum(state.size, extent)
        return scale if (sides >= least).all() and (sides <= most).all() else state.scale

    def _look(self, frame: Frame, centre: NDArray[np.float64], sides: Sequence[float]) -> Tensor:
        """Windowed features of squares around a centre, B x C x m x m; each layer has mean energy 1 per cell."""
        half = np.array(sides)[:, None] / 2
        squares = torch.from_numpy(np.concatenate((centre - half, centre + half), axis=1)).float().to(self.device)
        seen, border = frame_batch([frame], self.device), self.config.border
        crops = crop_frame(seen.frames[0], seen.means[0], squares, self._pixels, offset=self._offset, border=border)
        with self._arithmetic():
            # One by one on a CPU, where some operators round by the size of the batch.
            parts = torch.split(crops, 1) if self.device.type == "cpu" else (crops,)
            return torch.cat([self._features(part) for part in parts])

    def _features(self, crops: Tensor) -> Tensor:
        layers = []
        for number, block in enumerate(self.net.cm.z_net.blocks(crops), start=1):
            if number in self._numbers:
                cells = block.float()
                energy = cells.square().sum(dim=1).mean(dim=(1, 2))
                layers.append(cells / (energy.sqrt()[:, None, None, None] + 1e-6))
            if number == max(self._numbers):
                break
        return torch.cat(layers, dim=1) * self._window


class DcfBatch:
    """The filter on many targets; a `BatchTracker`. Networks are loaded once for all settings.

    Args:
        options: Constructor arguments of `DcfTracker`, one mapping per spec.

    Attributes:
        networks: The distinct ones.

    Raises:
        UsageError: Settings or a device that cannot be used.
        WeightsError: Weights that are missing or broken.
    """

    capacity = SLOTS

    def __init__(self, options: Sequence[Mapping[str, Any]]) -> None:
        self.shared = Shared()
        nets: dict[tuple[object, ...], SiameseNet] = {}
        self._followers = []
        for option in options:
            named, device = option.get("weights") or DEFAULT_WEIGHTS, pick_device(option.get("device", "auto"))
            weights = named if isinstance(named, Weights) else find_weights(named)
            config = DcfConfig.build(option.get("config") or {})
            key = (weights.sha256, str(device), config.precision)
            if key not in nets:
                nets[key] = weights.network().prepare(device, config.precision)
            self._followers.append(Follower(nets[key], config, device))
        self.networks = tuple(nets.values())

    @torch.inference_mode()
    def start(self, starts: Sequence[Start]) -> list[Any]:
        """Start targets; one object per start. Raises TrackerError if a box is no box; none is started then."""
        return [self._followers[s.slot_of].start(s.frame, np.asarray(s.box, dtype=np.float64)) for s in starts]

    @torch.inference_mode()
    def advance(self, targets: Sequence[Any], frames: Sequence[Frame]) -> NDArray[np.float64]:
        """Move each target to the next frame of its own; B x 4 boxes (x, y, w, h). Targets move only if all do."""
        if len(frames) != len(targets):
            raise UsageError(f"{len(frames)} frames for {len(targets)} targets")
        states = [t.follower.move(t.state, frame) for t, frame in zip(targets, frames, strict=True)]
        for target, state in zip(targets, states, strict=True):
            target.state = state
        self.shared.asked += len(targets)
        self.shared.computed += len(targets)
        return np.array([state.box for state in states]).reshape(-1, 4)


DEFAULT_WEIGHTS = "spm_lite"


class DcfTracker:
    """The filter on one target.

    Args:
        weights: Of an SPM network, whose backbone gives the features; see `spm_bench.trackers.spm.weights`.
        config: Changes to `DcfConfig`.
        device: "auto", "cpu", "cuda", "cuda:1", ...
    """

    Settings = DcfConfig
    deterministic = True

    def __init__(
        self, weights: str | Weights | None = None, config: Mapping[str, Any] | None = None, device: str = "auto"
    ) -> None:
        self._batch = DcfBatch([{"weights": weights, "config": config, "device": device}])
        self._targets: list[Any] = []

    def init(self, frame: Frame, box: Box) -> None:
        """Start on `frame` with the target in `box` (x, y, w, h)."""
        self._targets = self._batch.start([Start(0, frame, box)])

    def update(self, frame: Frame) -> Box:
        """Return the box (x, y, w, h) in the next frame. Raises TrackerError before the first `init`."""
        if not self._targets:
            raise TrackerError("DCF was asked to update before it was started")
        return np.asarray(self._batch.advance(self._targets, [frame])[0])

    @classmethod
    def batched(cls, options: Sequence[Mapping[str, Any]]) -> BatchTracker:
        """Make a batch of targets that are advanced together; errors as in `DcfBatch`."""
        return DcfBatch(options)

    def network_parts(self) -> tuple[torch.nn.Module, ...]:
        """The blocks of the backbone: what `spm-bench bench` counts as the network."""
        return tuple(self._batch.networks[0].cm.z_net.children())

    @classmethod
    def resolve(cls, *, name: str, variant: str | Variant | None, weights: str | None, device: str) -> TrackerSpec:
        """Describe a run: variant, settings, identity of the weights.

        Raises:
            UsageError: Unknown variant or device, or a precision that the device does not have.
            WeightsError: The weights are missing or broken.
        """
        chosen = choose_variant("DCF", variant, VARIANTS)
        found, config = find_weights(weights or DEFAULT_WEIGHTS), DcfConfig.build(chosen.changes)
        home = "spm_bench.trackers.dcf" if cls.__module__ == __name__ else cls.__module__
        target = f"{home}:{cls.__qualname__}"
        return describe(name, target, chosen, wanted=weights, found=found, config=config, device=device)
