"""What one SPM step saw, proposed, scored and decided: arrays for pictures and analysis, made by the step itself.

    tracker = SpmLiteTracker()
    tracker.init(frames[0], box)
    trace = trace_step(tracker, frames[1])  # moves on, as `tracker.update(frames[1])` does
    c = trace.candidates
    for k in trace.ranking:  # the first is the decision
        print(f"CM {c.coarse[k]:.2f}  FM {c.fine[k]:.2f}  fused {c.fused[k]:.2f}  with window {c.final[k]:.2f}")

`TracedSpm` does the same for whoever drives a tracker by `init` and `update`. Without them none of this is done.

Legend: S pixels a side of the search image, G x G cells of the coarse response with A anchors each, N = G * G * A
proposals, K candidates. Boxes are (x, y, w, h) float64 in the frame; "search" boxes are in pixels of the search image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spm_bench.geometry.crops import to_image_frame
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import Box
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.slots import StepResult
from spm_bench.trackers.spm.tracker import BatchedSpm, SpmTracker

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CandidateTrace:
    """The K candidates in the tracker's order: survivors of the NMS by falling coarse score, near candidates last.

    Attributes:
        places: K, which of the N proposals each is.
        near: K booleans: taken for its nearness to the last box, outside the NMS.
        boxes: K x 4, the coarse stage's boxes.
        fine_boxes: K x 4, where the fine stage moves them; NaN where it was not asked.
        fused_boxes: K x 4, what would be followed.
        coarse: K scores of the coarse stage (CM), 0 to 1.
        fine: K scores of the fine stage (FM), 0 to 1; NaN where it was not asked, as in the variant cm_only.
        coarse_share: K, share of the coarse box in the fused one.
        fused: K, both scores blended by `fm_score_weight`.
        window: K, the cosine window at the coarse box's centre: 1 in the middle of the search image, 0 on its border.
        final: K, fused score and window blended by `window_weight`: the highest is chosen.
    """

    places: NDArray[np.int64]
    near: NDArray[np.bool_]
    boxes: FloatArray
    fine_boxes: FloatArray
    fused_boxes: FloatArray
    coarse: FloatArray
    fine: FloatArray
    coarse_share: FloatArray
    fused: FloatArray
    window: FloatArray
    final: FloatArray

    def __len__(self) -> int:
        """Count the candidates."""
        return len(self.places)


@dataclass(frozen=True, eq=False)
class StepTrace:
    """One step of one target.

    Attributes:
        config: The tracker's settings.
        frame_size: (width, height) in pixels.
        last: 4, the box before the step.
        box: 4, the box after it: the chosen fused box with its size smoothed and held to the frame, or `last` if lost.
        accepted: False where the chosen candidate's fused score is below `config.lost_threshold`: the target counts as
            lost and the box stays.
        best: Which candidate was chosen.
        score: Its fused score.
        region: 4, the search square.
        scale: Pixels of the search image per pixel of the frame.
        crop: S x S x 3 uint8 BGR, the search image.
        foreground: G x G x A coarse scores (row, column, anchor), 0 to 1.
        anchors: N x 4 search boxes, in the order of `foreground`.
        proposals: N x 4, the anchors as moved by the coarse stage, in the same order.
        n_near: How many proposals overlap the last box by more than `config.near_overlap`.
        candidates: Those that were compared.
    """

    config: SpmConfig
    frame_size: tuple[int, int]
    last: FloatArray
    box: FloatArray
    accepted: bool
    best: int
    score: float
    region: FloatArray
    scale: float
    crop: Frame
    foreground: FloatArray
    anchors: FloatArray
    proposals: FloatArray
    n_near: int
    candidates: CandidateTrace

    @property
    def ranking(self) -> NDArray[np.int64]:
        """K places in `candidates` by falling final score; the first is `best`."""
        return np.argsort(-self.candidates.final, kind="stable")

    @property
    def cells(self) -> FloatArray:
        """G: where the centres of the response's columns (and rows) lie in the search image, in its pixels."""
        G, _, A = self.foreground.shape
        return np.asarray(self.anchors[: G * A : A, 0] + self.anchors[: G * A : A, 2] / 2)

    def to_search(self, boxes: FloatArray) -> FloatArray:
        """Frame boxes (... x 4) in pixels of the search image."""
        moved = np.array(boxes, dtype=np.float64)
        moved[..., :2] -= self.region[:2]
        return moved * self.scale


class TracedSpm:
    """A tracker that tells of every step; its boxes are those of the tracker it wraps.

    Args:
        tracker: SPM.
        on_step: Called with each step's trace, after the tracker has moved.
    """

    def __init__(self, tracker: SpmTracker, on_step: Callable[[StepTrace], None]) -> None:
        self.tracker, self.on_step = tracker, on_step

    def init(self, frame: Frame, box: Box) -> None:
        """Start on `frame` with the target in `box` (x, y, w, h)."""
        self.tracker.init(frame, box)

    def update(self, frame: Frame) -> Box:
        """Return the box (x, y, w, h) in the next frame."""
        trace = trace_step(self.tracker, frame)
        self.on_step(trace)
        return trace.box


@torch.inference_mode()
def trace_step(tracker: SpmTracker, frame: Frame) -> StepTrace:
    """Update `tracker` with `frame`, as its `update` does, and tell everything that led to the box.

    Raises:
        TrackerError: It was not started.
    """
    batch = tracker.batch
    last = batch.boxes
    result = batch.move([frame])
    cells = _grid(result.proposals[0, :, 4], result.logits)
    return StepTrace(
        config=tracker.config,
        frame_size=(frame.shape[1], frame.shape[0]),
        last=_boxes(last)[0],
        box=_boxes(result.boxes)[0],
        accepted=bool(result.accepted),
        best=int(result.valid[0, : int(result.best)].sum()),
        score=float(result.score),
        region=_boxes(result.region)[0],
        scale=float(result.scale),
        crop=_picture(result.crops[0], tracker.config),
        foreground=cells,
        anchors=_boxes(batch.anchors + batch.settings.anchor_shift[0]),
        proposals=_boxes(result.proposals[0, :, :4]),
        n_near=int(result.n_near),
        candidates=_candidates(result, batch, tracker.config),
    )


def _candidates(result: StepResult, batch: BatchedSpm, config: SpmConfig) -> CandidateTrace:
    """The candidates without padding."""
    valid = result.valid[0]
    fine_boxes = to_image_frame(result.fm_box, result.region.float(), result.scale.float())
    asked = config.needs_fine_stage

    def column(values: Tensor) -> FloatArray:
        return np.asarray(values[0, valid].double().cpu().numpy())

    fine, moved = column(result.fm_score), _boxes(fine_boxes[0, valid])
    return CandidateTrace(
        places=result.places[0, valid].cpu().numpy(),
        near=(torch.arange(len(valid), device=valid.device) >= batch.sharing.most_pool)[valid].cpu().numpy(),
        boxes=_boxes(result.candidates[0, valid, :4]),
        fine_boxes=moved if asked else np.full_like(moved, np.nan),
        fused_boxes=_boxes(result.fused[0, valid]),
        coarse=column(result.candidates[..., 4]),
        fine=fine if asked else np.full_like(fine, np.nan),
        coarse_share=column(result.box_weight),
        fused=column(result.fused_score),
        window=column(result.window),
        final=column(result.final_score),
    )


def _grid(scores: Tensor, logits: Tensor) -> FloatArray:
    """N scores as G x G x A."""
    G = logits.shape[-1]
    return np.asarray(scores.reshape(G, G, -1).double().cpu().numpy())


def _boxes(corners: Tensor) -> FloatArray:
    """Corners n x 4 as (x, y, w, h)."""
    values = corners.double().cpu().numpy()
    return np.concatenate((values[..., :2], values[..., 2:] - values[..., :2]), axis=-1)


def _picture(crop: Tensor, config: SpmConfig) -> Frame:
    """A network input 3 x S x S as a picture again."""
    values = crop.permute(1, 2, 0).cpu().numpy() + np.asarray(config.mean_bgr, dtype=np.float32)
    return np.ascontiguousarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
