"""Many SPM targets advanced together, each with settings of its own; what is equal is computed once.

Targets whose settings shape the tensors alike and whose networks are the same form a family, which runs as one batch.
Within it sharing goes by stages, see `sharing`. On a CPU a target's numbers are the same bits whatever else is in the
batch, and so are its boxes; on an accelerator libraries choose their kernels by the size of the batch, and the last
bits go with them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spm_bench.errors import UsageError
from spm_bench.models.checkpoint import Weights
from spm_bench.models.spm import SiameseNet, SpmNet, Template
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import Shared, Start
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.device import LARGEST_KEPT, keep_memory, memory_at_hand, pick_device
from spm_bench.trackers.spm.sharing import LOOK_FIELDS, Part, agree_on, border_seen, share
from spm_bench.trackers.spm.slots import (
    SHARED_FIELDS,
    FrameBatch,
    SlotSettings,
    boxes_of,
    corners_of,
    frame_batch,
    most_candidates,
)
from spm_bench.trackers.spm.step import (
    crop_squares,
    join_templates,
    look,
    make_anchors,
    make_templates,
    nominate,
    pick_templates,
    search_squares,
    settle,
)
from spm_bench.trackers.spm.weights import find_weights

CPU = torch.device("cpu")

LOOKS_AT_ONCE = {"cpu": 8, "cuda": 64}
"""Most search crops per pass through the network. On a CPU more bring little (two cores, SPM-lite, a whole step: 6.3 ms
for one, 4.0 each for eight, 3.8 each for sixteen); on an accelerator they do. 64 of the released network take 2 GB."""

LARGEST_MAP = LARGEST_KEPT
"""Bytes that a feature map of a pass may have on a CPU, see `keep_memory`: a larger one is fetched anew from the system
each time (the released network: 29 ms a look for four at once, 41 for eight)."""

SLOTS = {"cpu": 64, "cuda": 256}
"""Targets at once, memory permitting: on a CPU enough for the cells of a sweep on one sequence, so that none of their
looks is made twice; on an accelerator more, as few of them are distinct."""

BYTES_PER_SLOT = {"cpu": 2**20, "cuda": 48 * 2**20}
"""Memory that a target takes with the released network, rounded up. Kept between rounds: its template, 0.6 MB. During a
round, on an accelerator: its share of a pass, 30 MB of feature maps and their workspace."""

PART_OF_MEMORY = 0.5
"""Of what is free when the batch is made; the rest is for networks, frames, and other processes."""


@dataclass(eq=False)
class Target:
    """One target of a batch.

    Attributes:
        member: Which of the batch's specs it runs with.
        template: One template; targets that started alike have the same object.
        corners: Where it is in the image, 4 float64.
    """

    member: int
    template: Template
    corners: NDArray[np.float64]


@dataclass(eq=False)
class Family:
    """Members of a batch that run as one: same network, same settings that shape the tensors.

    Attributes:
        net: Prepared on the device.
        device: Where to compute.
        configs: Of its members.
    """

    net: SpmNet
    device: torch.device
    configs: list[SpmConfig]

    def __post_init__(self) -> None:
        self.settings = SlotSettings.of(self.configs, self.device, self.net.architecture)
        self.on_host = SlotSettings.of(self.configs, CPU, self.net.architecture)
        self.anchors = make_anchors(self.settings.shared, self.net.stride, self.device, self.net.architecture)
        self.looks_at_once = looks_at_once(self.net, self.settings.shared.search_size, self.device)
        self.look_fields = [agree_on(config, LOOK_FIELDS) for config in self.configs]
        self._joined: dict[tuple[int, ...], tuple[list[Template], Template]] = {}

    def start(self, members: Sequence[int], frames: Sequence[Frame], corners: NDArray[np.float64]) -> list[Template]:
        """Make the templates of B targets, each distinct one once.

        Args:
            members: B places in `configs`.
            frames: B.
            corners: B x 4.
        """
        firsts: dict[Hashable, int] = {}
        keys: list[Hashable] = []
        squares = self._squares(corners, members)
        for place, (member, frame) in enumerate(zip(members, frames, strict=True)):
            config = self.configs[member]
            beyond = border_seen(config.border, squares[place], frame)
            key = (id(frame), corners[place].tobytes(), config.context, beyond, self.look_fields[member])
            keys.append(key)
            firsts.setdefault(key, place)
        distinct = list(firsts.values())
        made: list[Template] = []
        # One at a time on a CPU: some of the template's layers round by the size of the batch.
        at_once = 1 if self.device.type == "cpu" else self.looks_at_once
        for i in range(0, len(distinct), at_once):
            places = distinct[i : i + at_once]
            batch = frame_batch([frames[p] for p in places], self.device)
            boxes = torch.from_numpy(corners[places]).to(self.device)
            settings = self._settings([members[p] for p in places])
            joined = make_templates(self.net, batch, boxes, settings)
            parts = [pick_templates(joined, torch.tensor([n], device=self.device)) for n in range(len(places))]
            made.extend([joined] if len(places) == 1 else parts)
        of = dict(zip(firsts, made, strict=True))
        return [of[key] for key in keys]

    def advance(self, targets: Sequence[Target], members: Sequence[int], frames: Sequence[Frame]) -> Moved:
        """Find where B targets are in their next frames; they are not moved yet.

        Args:
            targets: B.
            members: B places in `configs`.
            frames: B.
        """
        corners = np.stack([target.corners for target in targets])
        region, scale = search_squares(torch.from_numpy(corners), self.on_host.take(torch.tensor(members)))
        squares = torch.cat((region, scale[:, None]), 1).float()
        configs = [self.configs[m] for m in members]
        scenes = [
            (id(f), id(t.template), border_seen(self.configs[m].border, square, f), self.look_fields[m])
            for f, t, m, square in zip(frames, targets, members, squares.numpy(), strict=True)
        ]
        parts = share(scenes, squares.numpy(), corners.astype(np.float32), configs, looks_at_once=self.looks_at_once)
        pictures = frame_batch(frames, self.device)
        rows = torch.cat((torch.from_numpy(corners), region, scale[:, None]), 1).to(self.device)
        templates = [target.template for target in targets]
        known, self._joined = self._joined, {}
        boxes = []
        for part in parts:
            template = self._join([templates[p] for p in part.look_slots], known)
            boxes.append(self._advance(part, rows, pictures, template, [members[p] for p in part.slots]))
        moved = np.empty_like(corners)
        moved[[place for part in parts for place in part.slots]] = torch.cat(boxes).cpu().numpy()
        return Moved(moved, sum(len(part.slot_of_look) for part in parts))

    def _advance(
        self, part: Part, rows: Tensor, pictures: FrameBatch, template: Template, members: Sequence[int]
    ) -> Tensor:
        """New corners of a part's targets; `rows` are B x 9: corners, square and scale of the whole round."""
        configs = [self.configs[m] for m in members]
        pool, near = most_candidates(configs)
        sharing, settings = part.sharing(pool, near, self.device), self._settings(members)
        slots = torch.tensor(part.slots).to(self.device)
        own = rows[slots]
        squares = own[sharing.slot_of_look, 4:].float()
        seen = pictures._replace(slot_frame=tuple(pictures.slot_frame[p] for p in part.look_slots))
        crops = crop_squares(seen, squares[:, :4], [configs[s].border for s in part.slot_of_look], settings.shared)
        looks = look(self.net, template, crops, squares[:, :4], squares[:, 4], self.anchors, settings, sharing)
        ballot = nominate(self.net, template, looks, own[:, :4], settings, sharing)
        return settle(ballot, own[:, :4], pictures.extent[slots], settings).boxes

    def _squares(self, corners: NDArray[np.float64], members: Sequence[int]) -> NDArray[np.float32]:
        """Search squares of targets, B x 4; those that narrow templates are cut from lie inside of them."""
        region, _ = search_squares(torch.from_numpy(corners), self.on_host.take(torch.tensor(members)))
        return np.asarray(region.numpy(), dtype=np.float32)

    def _settings(self, members: Sequence[int]) -> SlotSettings:
        configs = [self.configs[m] for m in members]
        return self.settings.take(torch.tensor(members).to(self.device))._replace(
            borders=tuple(c.border for c in configs),
            wide_templates=tuple(c.wide_template for c in configs),
            any_fine=any(c.needs_fine_stage for c in configs),
        )

    def _join(
        self, parts: list[Template], known: Mapping[tuple[int, ...], tuple[list[Template], Template]]
    ) -> Template:
        """Templates side by side, or the only one; what was joined in the round before is taken from there."""
        if all(part is parts[0] for part in parts):
            return parts[0]
        key = tuple(id(part) for part in parts)
        self._joined[key] = known.get(key) or (parts, join_templates(parts))
        return self._joined[key][1]


class Moved(NamedTuple):
    """Where B targets are now (corners, B x 4), and how many passes through the network that took."""

    corners: NDArray[np.float64]
    computed: int


class SpmBatch:
    """SPM on many targets; a `BatchTracker`.

    Args:
        options: Constructor arguments of `SpmTracker`, one mapping per spec.
        default_weights: Of the tracker class, where the options name none.

    Attributes:
        shared: Steps asked for, and looks computed for them.
        capacity: Targets worth advancing at once, see `SLOTS` and `BYTES_PER_SLOT`.

    Raises:
        UsageError: Settings or a device that cannot be used.
        WeightsError: No trained weights and none asked for, or broken ones.
    """

    def __init__(self, options: Sequence[Mapping[str, Any]], default_weights: str | None = None) -> None:
        keep_memory()
        self.shared = Shared()
        found: dict[str | None, Weights] = {}
        nets: dict[Hashable, SpmNet] = {}
        kinds: dict[Hashable, tuple[SpmNet, torch.device, list[SpmConfig]]] = {}
        places: list[tuple[Hashable, int]] = []
        for option in options:
            named = option.get("weights") or default_weights
            weights = named if isinstance(named, Weights) else found.get(named)
            if weights is None:
                weights = found[named] = find_weights(named)
            device = pick_device(option.get("device", "auto"))
            weights.need_two_stages()
            config = SpmConfig.build({**weights.all_settings, **(option.get("config") or {})})
            which = (weights.sha256, str(device), config.precision)
            if which not in nets:
                nets[which] = weights.two_stages().prepare(device, config.precision)
            kind = (which, agree_on(config, SHARED_FIELDS))
            configs = kinds.setdefault(kind, (nets[which], device, []))[2]
            places.append((kind, len(configs)))
            configs.append(config)
        families = {kind: Family(*parts) for kind, parts in kinds.items()}
        self._members = [(families[kind], place) for kind, place in places]
        self.capacity = self._capacity(self._members[0][0].device)

    @staticmethod
    def _capacity(device: torch.device) -> int:
        """Targets worth advancing at once, asked once: later the memory is less because the batch is using it."""
        kind = "cpu" if device.type == "cpu" else "cuda"
        return max(1, min(SLOTS[kind], int(PART_OF_MEMORY * memory_at_hand(device)) // BYTES_PER_SLOT[kind]))

    @torch.inference_mode()
    def start(self, starts: Sequence[Start]) -> list[Any]:
        """Start targets; returns one object per start.

        Raises:
            TrackerError: A box has no area or is not finite; none is started then.
        """
        boxes = np.array([start.box for start in starts], dtype=np.float64).reshape(len(starts), 4)
        corners = corners_of(boxes)
        templates: list[Template | None] = [None] * len(starts)
        for family, places in self._by_family([start.slot_of for start in starts]):
            members = [self._members[starts[p].slot_of][1] for p in places]
            made = family.start(members, [starts[p].frame for p in places], corners[places])
            for place, template in zip(places, made, strict=True):
                templates[place] = template
        return [
            Target(start.slot_of, template, row.copy())
            for start, template, row in zip(starts, templates, corners, strict=True)
            if template is not None
        ]

    @torch.inference_mode()
    def advance(self, targets: Sequence[Any], frames: Sequence[Frame]) -> NDArray[np.float64]:
        """Move each target to the next frame of its own; B x 4 boxes (x, y, w, h). Targets move only if all do.

        Raises:
            UsageError: Not as many frames as targets.
        """
        if len(frames) != len(targets):
            raise UsageError(f"{len(frames)} frames for {len(targets)} targets")
        corners, computed = np.empty((len(targets), 4)), 0
        for family, places in self._by_family([target.member for target in targets]):
            some = [targets[p] for p in places]
            members = [self._members[target.member][1] for target in some]
            corners[places], passes = family.advance(some, members, [frames[p] for p in places])
            computed += passes
        for target, row in zip(targets, corners, strict=True):
            target.corners = row
        self.shared.asked += len(targets)
        self.shared.computed += computed
        return boxes_of(corners)

    def _by_family(self, members: Sequence[int]) -> list[tuple[Family, list[int]]]:
        together: dict[int, tuple[Family, list[int]]] = {}
        for place, member in enumerate(members):
            family = self._members[member][0]
            together.setdefault(id(family), (family, []))[1].append(place)
        return list(together.values())


def looks_at_once(net: SiameseNet, search_size: int, device: torch.device) -> int:
    """Search crops per pass through the network."""
    if device.type != "cpu":
        return LOOKS_AT_ONCE["cuda"]
    channels, stride = net.cm.z_net.largest_map
    size = 4 * channels * (search_size // stride) ** 2
    return max(1, min(LOOKS_AT_ONCE["cpu"], LARGEST_MAP // size))
