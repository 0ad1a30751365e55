"""From a tracker's trace to what the report draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spm_bench.geometry.boxes import has_area, iou
from spm_bench.geometry.polygons import raster_overlap
from spm_bench.report.decision import Decision
from spm_bench.suites.base import Sequence

if TYPE_CHECKING:
    from spm_bench.trackers.spm.trace import StepTrace

FloatArray = NDArray[np.float64]


def decision_of(trace: StepTrace, sequence: Sequence, frame: int) -> Decision:
    """A step of SPM as the report draws it, beside the truth of its frame.

    Args:
        trace: Of frame `frame`.
        sequence: With ground truth.
        frame: From 0.
    """
    c, config = trace.candidates, trace.config
    return Decision(
        boxes=c.boxes,
        fused_boxes=c.fused_boxes,
        near=c.near,
        coarse=c.coarse,
        fine=c.fine,
        fused=c.fused,
        window=c.window,
        final=c.final,
        overlaps=overlaps_with_truth(c.fused_boxes, sequence, frame, trace.frame_size),
        best=trace.best,
        box=trace.box,
        accepted=trace.accepted,
        fine_share=config.fm_score_weight,
        window_share=config.window_weight,
        lost_below=config.lost_threshold,
        region=trace.region,
        crop=trace.crop,
        heat=trace.foreground.max(axis=2),
        cells=trace.cells,
        sees_truth=_sees(trace.region, sequence.ground_truth[frame]),
    )


def overlaps_with_truth(boxes: FloatArray, sequence: Sequence, frame: int, size: tuple[int, int]) -> FloatArray:
    """Overlaps of K boxes with the annotation of a frame; NaN where it has none.

    Polygons are compared as the VOT protocol does, in pixels inside the picture, boxes by their areas.
    """
    if not has_area(sequence.ground_truth[frame]):
        return np.full(len(boxes), np.nan)
    if sequence.polygons is not None:
        sane = np.clip(boxes, -1e4, 1e4)
        return np.asarray(raster_overlap(sequence.polygons[frame][None], sane, size))
    return np.asarray(iou(boxes, np.broadcast_to(sequence.ground_truth[frame], boxes.shape)))


def _sees(region: FloatArray, truth: FloatArray) -> bool | None:
    """Whether the middle of the true box lies in the search square."""
    if not has_area(truth):
        return None
    middle = truth[:2] + truth[2:] / 2
    return bool((middle >= region[:2]).all() and (middle <= region[:2] + region[2:]).all())
