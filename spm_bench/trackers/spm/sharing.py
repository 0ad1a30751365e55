"""Which targets of a round can be computed together without a bit changing; decided on the host, from what they are.

Two targets share a look if they see the same picture through the same search square with the same template; the square
enters the computation in float32, so targets whose states differ below its resolution share, and trajectories that
parted can meet again. They share a selection if, besides, their last boxes (in float32) and the settings that choose
candidates are equal; how many each takes from the list is its own affair.

Legend: B targets, L looks, S selections.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from spm_bench.geometry.crops import Border
from spm_bench.suites.base import Frame
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.slots import Sharing

LOOK_FIELDS = ("decode_offset", "exact_scale", "wide_template")
"""Settings that change what a look shows, apart from the search square, the template, and what is beyond the frame."""

SELECT_FIELDS = ("near_candidates", "near_overlap", "score_cut", "nms_threshold")
"""Settings that change the list of candidates, apart from its length."""


def agree_on(config: SpmConfig, fields: Sequence[str]) -> Hashable:
    """The values that targets which share must have in common."""
    return tuple(getattr(config, name) for name in fields)


def border_seen(border: Border, square: NDArray[np.float32], frame: Frame) -> Border:
    """What a square shows beyond the frame; squares inside it look the same with all borders, and count as "mean".

    Args:
        border: Of the target.
        square: 4 corners. One that comes nearer to the border than a pixel counts as outside: rounding may put it so.
        frame: What it lies in.
    """
    height, width = frame.shape[:2]
    inside = square[0] >= 1 and square[1] >= 1 and square[2] <= width - 2 and square[3] <= height - 2
    return "mean" if inside else border


@dataclass(eq=False)
class Part:
    """Some looks, computed in one pass, with all selections and targets that belong to them.

    Attributes:
        slots: Places of the targets in the round; what follows counts within this list.
        slot_of_look, look_of_selection, slot_of_selection, selection_of_slot, candidates: See `Sharing`.
    """

    slots: list[int] = field(default_factory=list)
    slot_of_look: list[int] = field(default_factory=list)
    look_of_selection: list[int] = field(default_factory=list)
    slot_of_selection: list[int] = field(default_factory=list)
    selection_of_slot: list[int] = field(default_factory=list)
    candidates: list[int] = field(default_factory=list)

    @property
    def look_slots(self) -> list[int]:
        """For each look, the place in the round of one of its targets."""
        return [self.slots[slot] for slot in self.slot_of_look]

    def sharing(self, most_pool: int, most_near: int, device: torch.device) -> Sharing:
        """The same on the device, by one transfer.

        Args:
            most_pool, most_near: See `Sharing`; of the whole round, so that its parts fit together.
            device: Where the indices go.
        """
        columns = (
            self.slot_of_look,
            self.look_of_selection,
            self.slot_of_selection,
            self.selection_of_slot,
            self.candidates,
        )
        joined = torch.tensor([number for column in columns for number in column]).to(device)
        parts = torch.split(joined, [len(column) for column in columns])
        return Sharing._make((*parts, most_pool, most_near))


def share(
    scenes: Sequence[Hashable],
    squares: NDArray[np.float32],
    boxes: NDArray[np.float32],
    configs: Sequence[SpmConfig],
    *,
    looks_at_once: int,
) -> list[Part]:
    """Group targets by what they share.

    Args:
        scenes: B, equal for targets that see the same picture with the same template, `LOOK_FIELDS` and `border_seen`.
        squares: B x 5, search squares and scales as the network sees them.
        boxes: B x 4, last boxes as the selection sees them.
        configs: B.
        looks_at_once: Most looks of a part; parts are about equal in size.

    Returns:
        The parts. Looks of one scene stand side by side.
    """
    looks: dict[Hashable, dict[bytes, list[int]]] = {}
    for place, (scene, square) in enumerate(zip(scenes, squares, strict=True)):
        looks.setdefault(scene, {}).setdefault(square.tobytes(), []).append(place)
    listed = [places for of_scene in looks.values() for places in of_scene.values()]
    count = -(-len(listed) // looks_at_once)
    edges = [len(listed) * part // count for part in range(count + 1)]
    return [_part(listed[a:b], boxes, configs) for a, b in pairwise(edges)]


def _part(looks: Sequence[Sequence[int]], boxes: NDArray[np.float32], configs: Sequence[SpmConfig]) -> Part:
    part = Part()
    for number, places in enumerate(looks):
        part.slot_of_look.append(len(part.slots))
        known: dict[Hashable, int] = {}
        for place in places:
            config, slot = configs[place], len(part.slots)
            key = (agree_on(config, SELECT_FIELDS), boxes[place].tobytes())
            selection = known.setdefault(key, len(part.candidates))
            if selection == len(part.candidates):
                part.look_of_selection.append(number)
                part.slot_of_selection.append(slot)
                part.candidates.append(config.candidates)
            else:
                part.candidates[selection] = max(part.candidates[selection], config.candidates)
            part.selection_of_slot.append(selection)
            part.slots.append(place)
    return part
