"""Success, precision and normalised precision of one-pass runs, by a named convention.

Shapes: F frames of all passes one after the other, U passes (one tracker, one sequence, one repetition) with `lengths`
that add up to F, T thresholds. First every frame gets its overlap and errors, then every pass its curves; means over
passes are the caller's second step. Boxes are `(x, y, w, h)`, 0-based.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spm_bench.geometry.boxes import (
    Columns,
    centre_offsets,
    clamp_boxes,
    clip_boxes,
    has_area,
    iou,
    offsets_in_sides,
)
from spm_bench.geometry.boxes import columns as as_columns
from spm_bench.geometry.boxes import lengths as vector_lengths
from spm_bench.metrics.conventions import FAILS, Area, Bounding, Convention, ValidTruth

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

BLOCK = 16384
"""Frames measured at a time: so few that the steps between stay in the processor's cache, which is a third faster."""
INVALID_OVERLAP = -1.0
"""The overlap of frames without a usable annotation: below every threshold, also of an inclusive comparison with 0."""


@dataclass(frozen=True, eq=False)
class FrameMeasures:
    """What a convention says about each of F frames: overlap, centre error in px, centre error in true box sides.

    All finite, except errors that no threshold admits, which are infinite.
    """

    overlaps: FloatArray
    errors: FloatArray
    normalised_errors: FloatArray


def first_rows(lengths: ArrayLike) -> IntArray:
    """Index of the first frame of each pass.

    >>> first_rows([3, 2, 4]).tolist()
    [0, 3, 5]
    """
    counts = np.asarray(lengths, dtype=np.intp)
    return np.cumsum(counts) - counts


@dataclass(frozen=True, eq=False)
class _TruthBlock:
    """The truth of some passes as a convention sees it.

    Attributes:
        rows: Its frames among all F.
        starts: The first frames of its passes, counted inside the block.
        boxes: Shifted, rounded and bounded as the convention has it.
        given: The same before they are bounded: what takes the place of results in first frames.
        for_overlap: Frames with a usable annotation.
        for_error: The same for errors.
        lost: Frames that fail in any case.
        sizes: Of the pictures; None without bounds.
    """

    rows: slice
    starts: IntArray
    boxes: Columns
    given: Columns
    for_overlap: BoolArray
    for_error: BoolArray
    lost: BoolArray
    sizes: FloatArray | None


@dataclass(frozen=True, eq=False)
class Truth:
    """Annotations of F frames, ready to be compared with the results of many trackers (see `prepare_truth`)."""

    n_frames: int
    convention: Convention
    blocks: tuple[_TruthBlock, ...]


def prepare_truth(
    truth: ArrayLike,
    lengths: ArrayLike,
    convention: Convention,
    *,
    absent: BoolArray | None = None,
    sizes: ArrayLike | None = None,
) -> Truth:
    """Work out what a convention needs of the annotations, once for all trackers; see `measure_frames`.

    Args:
        truth: F x 4 boxes; rows with NaN or without area have no annotation.
        lengths: Number of frames of each pass, each at least 1.
        convention: The rules, see `Convention`.
        absent: F booleans, frames that fail in any case; needed only by conventions with `absent_labels`.
        sizes: (width, height) of the pictures, F x 2 or (2,); needed only by conventions that bound boxes.

    Raises:
        ValueError: Shapes that do not fit together, or sizes missing.
    """
    counts, boxes = np.asarray(lengths, dtype=np.intp), np.asarray(truth, np.float64)
    n = len(boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or n != counts.sum() or (counts < 1).any():
        raise ValueError(f"{boxes.shape} true boxes and {counts.sum()} frames do not fit together")
    lost = np.zeros(n, dtype=bool) if absent is None else absent
    extents = None if sizes is None else np.broadcast_to(np.asarray(sizes, np.float64), (n, 2))
    blocks = []
    for passes, rows in _blocks(counts):
        bounds = None if extents is None else extents[rows]
        given = _as_seen(boxes[rows], convention)
        bounded = _bounded(given, bounds, convention.bounding)
        for_overlap, for_error = (
            _valid(bounded, r) for r in (convention.valid_for_overlap, convention.valid_for_error)
        )
        starts = first_rows(counts[passes])
        blocks.append(_TruthBlock(rows, starts, bounded, given, for_overlap, for_error, lost[rows], bounds))
    return Truth(n, convention, tuple(blocks))


def measure_frames(
    results: ArrayLike,
    truth: ArrayLike,
    lengths: ArrayLike,
    convention: Convention,
    *,
    absent: BoolArray | None = None,
    sizes: ArrayLike | None = None,
) -> FrameMeasures:
    """Compare results with the truth, frame by frame, under a convention.

    Args:
        results: F x 4 boxes.
        truth, lengths, convention, absent, sizes: See `prepare_truth`.

    Raises:
        ValueError: Shapes that do not fit together, or sizes missing.

    >>> from spm_bench.metrics.conventions import get_convention
    >>> frames = measure_frames([[0, 0, 9, 9], [3, 4, 4, 4]], [[0, 0, 4, 4]] * 2, [2], get_convention("otb-matlab"))
    >>> frames.overlaps.round(3).tolist(), frames.errors.tolist()
    ([1.0, 0.0], [0.0, 5.0])
    """
    return measure_against(results, prepare_truth(truth, lengths, convention, absent=absent, sizes=sizes))


def measure_against(results: ArrayLike, truth: Truth) -> FrameMeasures:
    """Compare one tracker's results, F x 4 boxes, with what `prepare_truth` made.

    Raises:
        ValueError: Another number of frames.
    """
    boxes = np.asarray(results, np.float64)
    if boxes.shape != (truth.n_frames, 4):
        raise ValueError(f"{boxes.shape} results and {truth.n_frames} true boxes do not fit together")
    measures = np.empty((3, truth.n_frames))
    for block in truth.blocks:
        measures[:, block.rows] = _measure(boxes[block.rows], block, truth.convention)
    return FrameMeasures(*measures)


def _blocks(counts: IntArray) -> Iterator[tuple[slice, slice]]:
    """Cut U passes into runs of about `BLOCK` frames: slices of the passes, and of their frames."""
    ends = np.cumsum(counts)
    passes = [0, *(np.flatnonzero(np.diff(ends // BLOCK)) + 1), len(counts)]
    rows = [0, *(ends[i - 1] for i in passes[1:])]
    for i in range(len(passes) - 1):
        yield slice(passes[i], passes[i + 1]), slice(rows[i], rows[i + 1])


def _as_seen(boxes: FloatArray, convention: Convention) -> Columns:
    """New columns in the coordinates that the benchmark's own tools see: every rule below looks at these.

    Each is contiguous, as the steps below work on single columns.
    """
    x, y = boxes[:, 0] + convention.origin, boxes[:, 1] + convention.origin
    w, h = boxes[:, 2].copy(), boxes[:, 3].copy()
    return Columns(*map(np.round, (x, y, w, h))) if convention.rounded else Columns(x, y, w, h)


def _measure(results: FloatArray, truth: _TruthBlock, convention: Convention) -> tuple[FloatArray, ...]:
    """Overlaps, errors and normalised errors of one block."""
    boxes = _bounded(_repair(_as_seen(results, convention), truth, convention), truth.sizes, convention.bounding)
    errors, normalised = _errors(boxes, truth, convention)
    counted = truth.for_overlap & ~truth.lost
    if convention.overlap_inclusive:  # an overlap of 0 meets the threshold 0; that of no box meets none
        counted &= ~np.isnan(boxes.x + boxes.y + boxes.w + boxes.h)
    return np.where(counted, iou(boxes, truth.boxes), INVALID_OVERLAP), errors, normalised


def _repair(boxes: Columns, truth: _TruthBlock, convention: Convention) -> Columns:
    starts, columns = truth.starts, (boxes.x, boxes.y, boxes.w, boxes.h)
    if convention.first_frame == "ground-truth":
        given = truth.given
        for column, true in zip(columns, (given.x, given.y, given.w, given.h), strict=True):
            column[starts] = true[starts]
    if convention.invalid_result == "as-is":
        return boxes
    usable = has_area(boxes)
    usable[starts] = True  # nothing is carried over from the pass before
    if usable.all():
        return boxes
    rows = np.maximum.accumulate(np.where(usable, np.arange(len(usable)), 0))
    return Columns(*(column[rows] for column in columns))


def _bounded(boxes: Columns, sizes: FloatArray | None, rule: Bounding) -> Columns:
    if rule == "none":
        return boxes
    if sizes is None:
        raise ValueError("this convention bounds boxes to the picture and needs its size")
    array = np.stack([boxes.x, boxes.y, boxes.w, boxes.h], axis=-1)
    return as_columns(clamp_boxes(array, sizes) if rule == "clamp" else clip_boxes(array, sizes))


def _errors(boxes: Columns, truth: _TruthBlock, convention: Convention) -> tuple[FloatArray, FloatArray]:
    offsets = centre_offsets(boxes, truth.boxes)
    with np.errstate(all="ignore"):
        errors, normalised = vector_lengths(offsets), vector_lengths(offsets_in_sides(offsets, truth.boxes))
    for values, invalid_value in (
        (errors, convention.invalid_error),
        (normalised, convention.invalid_normalised_error),
    ):
        values[np.isnan(values)] = FAILS
        values[~truth.for_error] = invalid_value
        values[truth.lost] = FAILS
    if convention.error_decimals is not None:
        errors = np.round(errors, convention.error_decimals)
    return errors, normalised


def _valid(true: Columns, rule: ValidTruth) -> BoolArray:
    if rule == "all-positive":
        return np.asarray((true.x > 0) & (true.y > 0) & true.sized)
    if rule == "size-positive":
        return true.sized
    if rule == "centre-positive":
        x, y = true.centres
        return np.asarray((x > 0) & (y > 0))
    if rule == "any":
        return np.ones(len(true.x), dtype=bool)
    assert_never(rule)


def share_above(values: ArrayLike, lengths: ArrayLike, thresholds: ArrayLike, *, inclusive: bool = False) -> FloatArray:
    """Share of each pass's frames with a value above each threshold: the success curves.

    Args:
        values: F overlaps; NaN is above nothing.
        lengths: U numbers of frames.
        thresholds: T ascending numbers.
        inclusive: Count equality (>=) instead of strictly more (>).

    Returns:
        U x T shares; a row of NaN for a pass without frames.

    >>> share_above([0.2, 0.5, 0.9, 0.1], [3, 1], [0, 0.5, 1]).round(3).tolist()
    [[1.0, 0.333, 0.0], [1.0, 0.0, 0.0]]
    """
    met = _thresholds_met(np.greater_equal if inclusive else np.greater, values, thresholds)
    return _shares(met, lengths, np.size(thresholds))[:, ::-1]


def share_within(values: ArrayLike, lengths: ArrayLike, thresholds: ArrayLike, *, inclusive: bool = True) -> FloatArray:
    """Share of each pass's frames with a value within each threshold: the precision curves.

    Args:
        values: F errors; NaN is within nothing.
        lengths: U numbers of frames.
        thresholds: T ascending numbers.
        inclusive: Count equality (<=) instead of strictly less (<).

    Returns:
        U x T shares; a row of NaN for a pass without frames.

    >>> share_within([3, 20, 21], [3], [0, 20, 50]).round(3).tolist()
    [[0.0, 0.667, 1.0]]
    """
    met = _thresholds_met(np.less_equal if inclusive else np.less, values, thresholds)
    return _shares(met, lengths, np.size(thresholds))


def _thresholds_met(compare: np.ufunc, values: ArrayLike, thresholds: ArrayLike) -> NDArray[np.unsignedinteger]:
    """How many thresholds each of F values meets: as they ascend, that says which ones. NaN meets none.

    Between evenly spaced thresholds the nearest is the only one in doubt, and a comparison with it decides: as exact as
    T comparisons, and faster than these, which are faster than T binary searches.
    """
    numbers, limits = np.asarray(values, np.float64), np.asarray(thresholds, np.float64)
    last, step = len(limits) - 1, (limits[-1] - limits[0]) / max(len(limits) - 1, 1)
    met = np.zeros(len(numbers), np.min_scalar_type(len(limits)))
    if not step or (np.abs(limits - limits[0] - step * np.arange(len(limits))) > step / 8).any():
        for limit in limits:
            met += compare(numbers, limit).view(np.uint8)  # adding booleans would convert each
        return met
    rising = compare in (np.greater, np.greater_equal)
    clips = ((np.fmax, limits[0]), (np.fmin, limits[-1]))[:: 1 if rising else -1]  # NaN goes to where it meets none
    for i in range(0, len(numbers), BLOCK):
        some = numbers[i : i + BLOCK]
        places = some
        for clip, end in clips:
            places = clip(places, end)
        places -= limits[0]
        places *= 1.0 / step
        nearest = np.rint(places, out=places).astype(np.intp)
        met[i : i + BLOCK] = nearest if rising else last - nearest
        met[i : i + BLOCK] += compare(some, limits.take(nearest)).view(np.uint8)
    return met


def _shares(met: NDArray[np.unsignedinteger], lengths: ArrayLike, n: int) -> FloatArray:
    """Share of each pass's frames that meet n thresholds, at least n - 1, ..., at least one: shape U x n."""
    counts = np.asarray(lengths, np.intp)
    if len(met) != counts.sum():
        raise ValueError(f"{len(met)} values for {counts.sum()} frames")
    cells = np.repeat(np.arange(len(counts)) * (n + 1), counts)
    cells += met
    histogram = np.bincount(cells, minlength=len(counts) * (n + 1)).reshape(len(counts), n + 1)
    hits, frames = np.cumsum(histogram[:, :0:-1], axis=1), counts.astype(np.float64)[:, None]
    return np.asarray(np.divide(hits, frames, out=np.full(hits.shape, np.nan), where=frames > 0))


def area_under(curves: ArrayLike, thresholds: ArrayLike, rule: Area = "mean") -> FloatArray:
    """The number under each curve, shape (...) for curves of shape (..., T).

    Args:
        curves: Values at the thresholds.
        thresholds: T ascending numbers.
        rule: "mean" of the values (OTB's AUC), or "trapezoid" over the range of x (TrackingNet).

    >>> area_under([1, 1, 0], [0, 0.5, 1]).round(4).item(), area_under([1, 1, 0], [0, 0.5, 1], "trapezoid").item()
    (0.6667, 0.75)
    """
    y, x = np.asarray(curves, np.float64), np.asarray(thresholds, np.float64)
    if rule == "mean":
        return np.asarray(y.mean(axis=-1))
    steps = np.diff(x)
    return np.asarray(((y[..., 1:] + y[..., :-1]) / 2 * steps).sum(axis=-1) / (x[-1] - x[0]))


def headline(curves: ArrayLike, thresholds: ArrayLike, at: float | None, rule: Area = "mean") -> FloatArray:
    """The value of each curve at the threshold `at`, or the area under it where `at` is None.

    Raises:
        ValueError: `at` is not one of the thresholds.

    >>> headline([0.1, 0.6, 0.9], [0, 20, 40], 20).item()
    0.6
    """
    if at is None:
        return area_under(curves, thresholds, rule)
    return np.asarray(np.asarray(curves, np.float64)[..., _place(tuple(np.asarray(thresholds).tolist()), at)])


@lru_cache(maxsize=64)
def _place(thresholds: tuple[float, ...], at: float) -> int:
    """Index of a threshold; kept, as it is asked for of each tracker."""
    found = np.flatnonzero(np.isclose(thresholds, at))
    if len(found) != 1:
        raise ValueError(f"{at} is not one of the thresholds")
    return int(found[0])


@dataclass(frozen=True, eq=False)
class PassCurves:
    """The three curves of U passes, U x T each."""

    success: FloatArray
    precision: FloatArray
    normalised_precision: FloatArray


def pass_curves(frames: FrameMeasures, lengths: ArrayLike, convention: Convention) -> PassCurves:
    """Curves of every pass by a convention's thresholds and comparisons (see `share_above` and `share_within`)."""
    within = convention.error_inclusive
    return PassCurves(
        share_above(frames.overlaps, lengths, convention.overlap_thresholds, inclusive=convention.overlap_inclusive),
        share_within(frames.errors, lengths, convention.error_thresholds, inclusive=within),
        share_within(frames.normalised_errors, lengths, convention.normalised_thresholds, inclusive=within),
    )


def headlines(curves: PassCurves, convention: Convention) -> dict[str, FloatArray]:
    """Metric name -> U values, in the order tables show them.

    The names are "auc", "precision" and "normalised_precision"; an area under the precision curve is "precision_area".
    """
    rule = convention.area
    return {
        "auc": area_under(curves.success, convention.overlap_thresholds, rule),
        "precision" if convention.precision_at is not None else "precision_area": headline(
            curves.precision, convention.error_thresholds, convention.precision_at, rule
        ),
        "normalised_precision": headline(
            curves.normalised_precision, convention.normalised_thresholds, convention.normalised_at, rule
        ),
    }


def covered_frames(results: ArrayLike, truth: ArrayLike, lengths: ArrayLike, convention: Convention) -> BoolArray:
    """Which of F frames have a result at all: x + y + w + h above 0, under a convention's rounding and first frame.

    Args:
        results: F x 4 boxes.
        truth: F x 4 boxes.
        lengths: Number of frames of each pass.
        convention: The rules.

    >>> from spm_bench.metrics.conventions import get_convention
    >>> rules = get_convention("trackingnet")
    >>> covered_frames([[0, 0, 0, 0], [0, 0, 9, 9], [0.2, 0, 0.2, 0]], [[1, 1, 5, 5]] * 3, [3], rules).tolist()
    [True, True, False]
    """
    boxes, true = np.array(results, np.float64), np.asarray(truth, np.float64)
    starts = first_rows(lengths)
    if convention.first_frame == "ground-truth":
        boxes[starts] = true[starts]
    boxes[:, :2] += convention.origin
    sums = (np.round(boxes) if convention.rounded else boxes).sum(axis=1)
    return np.asarray(sums > 0)
