"""What the rivals share: targets of one network and one configuration, looked at together.

A rival says which squares it looks at and what it makes of the responses; crops, templates, passes through the network
and the bounds of a box are here. On a CPU a target's numbers are the same bits whatever else is in the batch.

Legend: B targets, L looks (search crops).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spm_bench.errors import UsageError
from spm_bench.geometry.anchors import decode_deltas
from spm_bench.geometry.crops import crop_frame, search_region
from spm_bench.models.architecture import Architecture
from spm_bench.models.coarse import Kernels
from spm_bench.models.grid import ResponseGrid, response_grid
from spm_bench.models.spm import SiameseNet
from spm_bench.suites.base import Frame
from spm_bench.trackers.looking import LookSettings
from spm_bench.trackers.siamese.config import DaSiamRpnConfig, SiamFcConfig, SiamRpnConfig
from spm_bench.trackers.siamese.rules import Found, choose_proposal, find_peak, hann, move, upsample
from spm_bench.trackers.spm.batch import looks_at_once
from spm_bench.trackers.spm.proposals import greedy_nms, overlaps_pixel
from spm_bench.trackers.spm.slots import FrameBatch, frame_batch
from spm_bench.trackers.spm.step import anchors_on, delta_list, foreground_scores

STRIDE = 8
DIVISORS = (1.0, 1.0, 1.0, 1.0)
"""Box deltas of the rivals have none."""


class State(NamedTuple):
    """What a rival knows of a target.

    Attributes:
        corners: Where it is in the image, 4 float64.
        kernels: Its template, a batch of one.
        distractors: Class kernels of what looked like it in the last frame, one batch; None: nothing did.
        lost: Whether it is searched for in a wider square.
    """

    corners: NDArray[np.float64]
    kernels: Kernels
    distractors: Kernels | None = None
    lost: bool = False


class Seen(NamedTuple):
    """What L looks gave: logits and deltas as the head has them, and its input."""

    logits: Tensor
    deltas: Tensor
    cells: Tensor


C = TypeVar("C", bound=LookSettings)


class Family(Generic[C]):
    """Targets that share network, settings and device.

    Args:
        net: Prepared for the device.
        config: Settings.
        device: Where to compute.

    Raises:
        UsageError: The network has another head than the rival needs, or the sizes leave no response.
    """

    Settings: ClassVar[type[LookSettings]]
    heads: ClassVar[tuple[str, ...]]

    def __init__(self, net: SiameseNet, config: C, device: torch.device) -> None:
        self.check(net.architecture)
        self.net, self.config, self.device = net, config, device
        self._offset = torch.tensor(config.mean_bgr, device=device)
        self._at_once = looks_at_once(net, config.search_size, device)
        self.grid = self._grid(config.search_size)

    @classmethod
    def title(cls) -> str:
        """What the rival is called."""
        return cls.__name__.removesuffix("Family").replace("Fc", "FC").replace("Rpn", "RPN")

    @classmethod
    def check(cls, architecture: Architecture) -> None:
        """Raise UsageError if the network is not for this rival. A fine stage is not asked, and no harm."""
        if architecture.head not in cls.heads:
            raise UsageError(
                f"weights of {architecture.name} cannot run as {cls.title()}: their head is "
                f"{architecture.head!r}, and {' or '.join(map(repr, cls.heads))} is needed",
                remedy="Give weights that were trained for this tracker",
            )

    def _grid(self, search_size: int) -> ResponseGrid:
        config = self.config
        return response_grid(
            config.template_size,
            search_size,
            config.backbone_padding,
            wide_template=config.wide_template,
            architecture=self.net.architecture,
        )

    def start(self, frames: Sequence[Frame], corners: NDArray[np.float64]) -> list[State]:
        """Make the templates of B targets, B x 4 corners."""
        kernels = self._templates(frame_batch(frames, self.device), range(len(frames)), torch.from_numpy(corners))
        return [State(row.copy(), template) for row, template in zip(corners, kernels, strict=True)]

    def advance(self, states: Sequence[State], frames: Sequence[Frame]) -> list[State]:
        """The states of B targets after their next frames."""
        raise NotImplementedError

    def _templates(self, pictures: FrameBatch, slots: Sequence[int], corners: Tensor) -> list[Kernels]:
        """Kernels of boxes in the pictures of some slots, one after the other: some layers round by the batch."""
        config, net = self.config, self.net
        size = config.search_size if config.wide_template else config.template_size
        region, _ = search_region(corners, config.context, config.template_size, size)
        made = []
        for slot, square in zip(slots, region, strict=True):
            crop = self._crops(pictures, [slot], square[None], size)
            features = net.cm.template_features(crop, config.template_size, config.backbone_padding)
            made.append(net.cm.kernels(features, *self._kernel_scales()))
        return made

    def _kernel_scales(self) -> tuple[float, float]:
        """Factors on the class and the box kernels."""
        return 1.0, 1.0

    def _crops(self, pictures: FrameBatch, slots: Sequence[int], squares: Tensor, size: int) -> Tensor:
        """Cut L x 4 squares out of the pictures of L slots: L x 3 x size x size, less the mean colour."""
        parts = []
        for slot, square in zip(slots, squares.float().to(self.device), strict=True):
            which = pictures.slot_frame[slot]
            frame, mean = pictures.frames[which], pictures.means[which]
            parts.append(crop_frame(frame, mean, square[None], size, offset=self._offset, border=self.config.border))
        return torch.cat(parts)

    def _look(
        self,
        pictures: FrameBatch,
        slots: Sequence[int],
        squares: Tensor,
        kernels: Sequence[Kernels],
        size: int,
    ) -> Seen:
        """Search L squares (L x 4, in the pictures of L slots) with L kernels, a few at a time."""
        parts = []
        for first in range(0, len(slots), self._at_once):
            some = slice(first, first + self._at_once)
            crops = self._crops(pictures, slots[some], squares[some], size)
            features = self.net.cm.features(crops, size, self.config.backbone_padding)
            logits, deltas = self.net.cm(features, join_kernels(kernels[some]))
            parts.append(Seen(logits, deltas, features.conv5))
        return Seen(*(torch.cat(column) for column in zip(*parts, strict=True)))

    def _moved(self, states: Sequence[State], boxes: Tensor, found: Found, pictures: FrameBatch) -> list[State]:
        corners = move(found, boxes, pictures.extent, self.config.min_size).cpu().numpy()
        return [state._replace(corners=row) for state, row in zip(states, corners, strict=True)]

    def _boxes(self, states: Sequence[State]) -> Tensor:
        return torch.from_numpy(np.stack([state.corners for state in states])).to(self.device)


def join_kernels(kernels: Sequence[Kernels]) -> Kernels:
    """Templates side by side; one that all share stays one."""
    first = kernels[0]
    if all(other is first for other in kernels):
        return first
    return type(first)(*(torch.cat(column) for column in zip(*kernels, strict=True)))


class SiamFcFamily(Family[SiamFcConfig]):
    """Several sizes are looked at, and the place is read from the response (see `SiamFcConfig`)."""

    Settings = SiamFcConfig
    heads = ("correlation",)

    def __init__(self, net: SiameseNet, config: SiamFcConfig, device: torch.device) -> None:
        super().__init__(net, config, device)
        half = config.scales // 2
        self._factors = config.scale_step ** torch.arange(-half, half + 1, dtype=torch.float64, device=device)
        self._penalty = torch.full((config.scales,), config.scale_penalty, device=device)
        self._penalty[half] = 1.0
        self._window = hann(self.grid.cells * config.upsampling, device)

    def advance(self, states: Sequence[State], frames: Sequence[Frame]) -> list[State]:
        """See `Family`."""
        config, pictures, boxes = self.config, frame_batch(frames, self.device), self._boxes(states)
        B, P = len(states), config.scales
        region, scale = search_region(boxes, config.context, config.template_size, config.search_size)
        centre, half = (region[:, None, :2] + region[:, None, 2:]) / 2, (region[:, None, 2:] - region[:, None, :2]) / 2
        half = half * self._factors[:, None]
        squares = torch.cat((centre - half, centre + half), -1).reshape(B * P, 4)
        slots = [slot for slot in range(B) for _ in range(P)]
        seen = self._look(pictures, slots, squares, [states[slot].kernels for slot in slots], config.search_size)
        found = find_peak(
            upsample(seen.logits.reshape(B, P, *seen.logits.shape[-2:]), config.upsampling),
            self._factors,
            boxes,
            STRIDE / config.upsampling * self._factors / scale[:, None],
            penalty=self._penalty,
            window=self._window,
            window_weight=config.window_weight,
            size_rate=config.size_rate,
        )
        return self._moved(states, boxes, found, pictures)


R = TypeVar("R", bound=SiamRpnConfig)


class _RpnFamily(Family[R]):
    """What SiamRPN and DaSiamRPN share: proposals, penalty and window (see `SiamRpnConfig`)."""

    heads = ("depthwise", "up_channel")

    def __init__(self, net: SiameseNet, config: R, device: torch.device) -> None:
        super().__init__(net, config, device)
        self._anchors, self._window = self._anchors_of(self.grid)

    def _kernel_scales(self) -> tuple[float, float]:
        return self.config.class_scale, self.config.box_scale

    def _anchors_of(self, grid: ResponseGrid) -> tuple[Tensor, Tensor]:
        """Anchors N x 4 of a response, and the window at the cell of each, N."""
        config = self.config
        ratios, scales, sizes = config.anchor_ratios, config.anchor_scales, config.anchor_sizes
        anchors = anchors_on(grid, self.net.stride, ratios, scales, self.device, sizes)
        per_cell = len(anchors) // grid.cells**2
        return anchors, hann(grid.cells, self.device).flatten().repeat_interleave(per_cell)

    def _proposals(self, seen: Seen, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Scores L x N and boxes L x N x 4 in the search image."""
        boxes = decode_deltas(anchors, delta_list(seen.deltas), DIVISORS, pixel_offset=self.config.decode_offset)
        return foreground_scores(seen.logits), boxes

    def _choose(
        self, scores: Tensor, proposals: Tensor, boxes: Tensor, region: Tensor, scale: Tensor, **changes: Any
    ) -> Found:
        config = self.config
        options = {"window": self._window, "window_weight": config.window_weight, **changes}
        return choose_proposal(
            scores, proposals, boxes, region, scale, penalty=config.penalty, size_rate=config.size_rate, **options
        )

    def _search(
        self, pictures: FrameBatch, slots: Sequence[int], states: Sequence[State], boxes: Tensor, size: int
    ) -> tuple[Seen, Tensor, Tensor]:
        """Look at some slots once each; what is seen, and the squares and scales."""
        region, scale = search_region(boxes, self.config.context, self.config.template_size, size)
        return self._look(pictures, slots, region, [state.kernels for state in states], size), region, scale


class SiamRpnFamily(_RpnFamily[SiamRpnConfig]):
    """See `SiamRpnConfig`."""

    Settings = SiamRpnConfig

    def advance(self, states: Sequence[State], frames: Sequence[Frame]) -> list[State]:
        """See `Family`."""
        pictures, boxes = frame_batch(frames, self.device), self._boxes(states)
        seen, region, scale = self._search(pictures, range(len(states)), states, boxes, self.config.search_size)
        scores, proposals = self._proposals(seen, self._anchors)
        return self._moved(states, boxes, self._choose(scores, proposals, boxes, region, scale), pictures)


class DaSiamRpnFamily(_RpnFamily[DaSiamRpnConfig]):
    """See `DaSiamRpnConfig`."""

    Settings = DaSiamRpnConfig

    def __init__(self, net: SiameseNet, config: DaSiamRpnConfig, device: torch.device) -> None:
        super().__init__(net, config, device)
        self._wide = self._anchors_of(self._grid(config.lost_search_size)) if config.long_term else None

    def advance(self, states: Sequence[State], frames: Sequence[Frame]) -> list[State]:
        """See `Family`."""
        pictures, boxes = frame_batch(frames, self.device), self._boxes(states)
        result = list(states)
        for lost in (False, True):
            slots = [slot for slot, state in enumerate(states) if state.lost == lost]
            if slots:
                some = [states[slot] for slot in slots]
                step = self._search_widely if lost else self._search_near
                for slot, state in zip(slots, step(pictures, slots, some, boxes[slots]), strict=True):
                    result[slot] = state
        return result

    def _search_near(
        self, pictures: FrameBatch, slots: Sequence[int], states: Sequence[State], boxes: Tensor
    ) -> list[State]:
        config = self.config
        seen, region, scale = self._search(pictures, slots, states, boxes, config.search_size)
        scores, proposals = self._proposals(seen, self._anchors)
        ranked = self._ranked(seen, scores, states)
        found = self._choose(ranked, proposals, boxes, region, scale, confidence=scores)
        here = pictures._replace(extent=pictures.extent[slots])
        moved = self._moved(states, boxes, found, here)
        if config.long_term:
            lost = (found.score < config.lost_below).tolist()
            # A box found with so little confidence is not believed.
            moved = [s._replace(lost=True) if gone else m for s, m, gone in zip(states, moved, lost, strict=True)]
        if not config.distractors:
            return moved
        others = self._distractors(pictures, slots, scores, proposals, found, region, scale)
        return [state._replace(distractors=kernels) for state, kernels in zip(moved, others, strict=True)]

    def _ranked(self, seen: Seen, scores: Tensor, states: Sequence[State]) -> Tensor:
        """Scores less the share of the distractors' mean scores at the same anchors."""
        own = [slot for slot, state in enumerate(states) if state.distractors is not None]
        if not own:
            return scores
        ranked = scores.clone()
        for slot in own:
            kernels = states[slot].distractors
            assert kernels is not None
            count = len(kernels.classes)
            cells = seen.cells[slot : slot + 1].expand(count, -1, -1, -1)
            logits, _ = self.net.cm.match(cells, kernels)
            ranked[slot] -= self.config.distractor_weight * foreground_scores(logits).mean(0)
        return ranked

    def _distractors(
        self,
        pictures: FrameBatch,
        slots: Sequence[int],
        scores: Tensor,
        proposals: Tensor,
        found: Found,
        region: Tensor,
        scale: Tensor,
    ) -> list[Kernels | None]:
        """Templates of the proposals that score as high as a target and are none, of each slot."""
        config, B = self.config, len(slots)
        target = proposals[torch.arange(B, device=self.device), found.place]
        apart = overlaps_pixel(proposals, target) < config.distractor_nms
        active = apart & (scores > config.distractor_cut)
        limit = scores.new_full((B,), config.distractor_nms)
        rows, valid = greedy_nms(proposals, scores, active, limit, config.distractors)
        kept: list[Kernels | None] = []
        for place, slot in enumerate(slots):
            boxes = proposals[place, rows[place][valid[place]]].double() / scale[place] + region[place, :2].repeat(2)
            if len(boxes):
                kept.append(join_kernels(self._templates(pictures, [slot] * len(boxes), boxes)))
            else:
                kept.append(None)
        return kept

    def _search_widely(
        self, pictures: FrameBatch, slots: Sequence[int], states: Sequence[State], boxes: Tensor
    ) -> list[State]:
        """Search a wide square without window; a target is moved only if it was found again."""
        assert self._wide is not None
        config, (anchors, window) = self.config, self._wide
        seen, region, scale = self._search(pictures, slots, states, boxes, config.lost_search_size)
        scores, proposals = self._proposals(seen, anchors)
        found = self._choose(scores, proposals, boxes, region, scale, window=window, window_weight=0.0)
        here = pictures._replace(extent=pictures.extent[slots])
        moved = self._moved(states, boxes, found, here)
        again = (found.score >= config.found_above).tolist()
        return [m._replace(lost=False) if back else s for s, m, back in zip(states, moved, again, strict=True)]
