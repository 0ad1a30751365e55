"""Named rule sets of one-pass evaluation: where evaluators disagree, the rule is a field and every tool an instance.

To add a tool, add a `Convention` to `CONVENTIONS`; no other code knows the names. The numbers that the rules produce
are explained in `spm_bench.metrics.success` (OTB family) and `spm_bench.metrics.average_overlap` (GOT-10k family).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from spm_bench.errors import unknown_name

Scheme = Literal["success", "average-overlap"]
FirstFrame = Literal["ground-truth", "as-is", "excluded"]
InvalidResult = Literal["previous", "as-is"]
ValidTruth = Literal["all-positive", "size-positive", "centre-positive", "any"]
Bounding = Literal["none", "clamp", "cut"]
Area = Literal["mean", "trapezoid"]
Speed = Literal["frames-per-second", "mean-inverse"]
Repetitions = Literal["frames", "mean"]

FAILS = float("inf")
"""An error that no threshold admits."""
PASSES = -1.0
"""An error below every threshold: the original OTB code marks frames without annotation so, and they count as hits."""

OVERLAPS_21 = tuple(np.linspace(0, 1, 21).tolist())
"""0, .05, ..., 1: the grid of the OTB toolkit. A finer grid gives .005 to .011 more AUC."""
OVERLAPS_101 = tuple(np.linspace(0, 1, 101).tolist())
"""The grid of the GOT-10k toolkit's curve."""
PIXELS_51 = tuple(np.arange(51.0).tolist())
"""0, 1, ..., 50 px."""
BOX_SIDES_51 = tuple((np.arange(51) / 100).tolist())
"""0, .01, ..., .50 of the true box's sides."""
PIXELS_21 = tuple(np.linspace(0, 50, 21).tolist())
"""0, 2.5, ..., 50 px: the grid of TrackingNet."""
BOX_SIDES_21 = tuple(np.linspace(0, 0.5, 21).tolist())
"""0, .025, ..., .50 of the true box's sides."""


@dataclass(frozen=True)
class Convention:
    """How one evaluator turns boxes into numbers.

    Attributes:
        name: What the user and the tables write.
        source: Where the rules can be read.
        scheme: "success" (curves per sequence, then their mean) or "average-overlap" (frames of all sequences pooled).
        origin: What the benchmark's files count as the first pixel, 1 or 0. Rules that look at the sign of a
            coordinate, round it, or bound it to the picture do so in the files' coordinates; boxes inside this project
            are 0-based.
        first_frame: The given frame's result is replaced by the truth, taken as it is, or left out.
        invalid_result: A result with NaN or without area is replaced by the one before it, or taken as it is (overlap
            0, and with NaN no threshold is met).
        valid_for_overlap: Which annotations are usable: all four numbers above 0, width and height above 0, or any. In
            other frames the overlap is -1, which fails at every threshold. The frames stay in the denominator.
        valid_for_error: The same for centre errors; "centre-positive" looks at the annotation's centre.
        invalid_error: The centre error of such frames, `PASSES` or `FAILS`.
        invalid_normalised_error: The same for the normalised error.
        absent_labels: Names of frame attributes whose frames fail every threshold, whatever their annotation.
        bounding: Boxes are not bounded to the picture, clamped by GOT-10k's rule, or cut at its border.
        rounded: Boxes are rounded to whole numbers first.
        error_decimals: Centre errors are rounded to so many decimals; None leaves them.
        overlap_thresholds, error_thresholds, normalised_thresholds: Ascending x values of the curves.
        overlap_inclusive: A frame succeeds with overlap >= threshold instead of strictly more.
        error_inclusive: A frame is precise with error <= threshold instead of strictly less.
        area: The number under a curve: the mean of its values, or the trapezoid rule divided by the range of x.
        precision_at: Threshold in pixels whose value is *the* precision; None takes the area, "precision_area".
        normalised_at: The same for normalised precision.
        repetitions: How the passes of a sequence become its curve: the share of all their "frames", so that a pass that
            starts later counts less, or the "mean" of their curves. Equal where passes are equally long, so it matters
            for temporal robustness only.
        coverage: Also report the share of frames with any result, in which x + y + w + h is above 0.
        speed: "frames-per-second" is all frames over all seconds; "mean-inverse" the mean of 1/t in each sequence, then
            over sequences (larger, as fast frames dominate).
    """

    name: str
    source: str
    scheme: Scheme = "success"
    origin: int = 1
    first_frame: FirstFrame = "ground-truth"
    invalid_result: InvalidResult = "previous"
    valid_for_overlap: ValidTruth = "all-positive"
    valid_for_error: ValidTruth = "all-positive"
    invalid_error: float = PASSES
    invalid_normalised_error: float = PASSES
    absent_labels: tuple[str, ...] = ()
    bounding: Bounding = "none"
    rounded: bool = False
    error_decimals: int | None = None
    overlap_thresholds: tuple[float, ...] = OVERLAPS_21
    error_thresholds: tuple[float, ...] = PIXELS_51
    normalised_thresholds: tuple[float, ...] = BOX_SIDES_51
    overlap_inclusive: bool = False
    error_inclusive: bool = True
    area: Area = "mean"
    precision_at: float | None = 20.0
    normalised_at: float | None = 0.2
    repetitions: Repetitions = "frames"
    coverage: bool = False
    speed: Speed = "frames-per-second"

    def __post_init__(self) -> None:
        for thresholds in (self.overlap_thresholds, self.error_thresholds, self.normalised_thresholds):
            if len(thresholds) < 2 or not np.all(np.diff(thresholds) > 0):
                raise ValueError(f"convention {self.name}: thresholds must be two or more, ascending")
        for headline, thresholds in (
            (self.precision_at, self.error_thresholds),
            (self.normalised_at, self.normalised_thresholds),
        ):
            if headline is not None and not np.isclose(thresholds, headline).any():
                raise ValueError(f"convention {self.name}: {headline} is not one of its thresholds")


CONVENTIONS = (
    Convention(
        name="otb-matlab",
        source="Wu, Lim, Yang: OTB toolkit, genPerfMat.m and calcSeqErrRobust.m (jwlim/tracker_benchmark @5e1029c); "
        "it has no normalised precision, which follows LaSOT here",
    ),
    Convention(
        name="spm-release",
        source="OTB port in the SPM-Tracker release (microsoft/SPM-Tracker @f3e997c, benchmarks/otb/butil): errors "
        "rounded to 4 decimals, precision strictly below 20 px",
        invalid_result="as-is",
        error_decimals=4,
        error_inclusive=False,
    ),
    Convention(
        name="got10k-toolkit",
        source="got10k 0.1.3, ExperimentOTB: no repair of results or annotations; normalised precision as in its later "
        "versions, the mean of the curve; speed as the mean of 1/t",
        invalid_result="as-is",
        valid_for_overlap="any",
        valid_for_error="any",
        normalised_at=None,
        speed="mean-inverse",
    ),
    Convention(
        name="pysot",
        source="STVIR/pysot @c7fd71c, toolkit/utils/statistics.py: results as they are, annotations need w, h > 0 for "
        "overlaps and a positive centre for errors",
        first_frame="as-is",
        invalid_result="as-is",
        valid_for_overlap="size-positive",
        valid_for_error="centre-positive",
        absent_labels=("absent",),
    ),
    Convention(
        name="pytracking",
        source="visionml/pytracking @07a34e8, pytracking/analysis/extract_results.py, all frames in the denominator "
        "(exclude_invalid_frames=False); it refuses NaN and negative results, which are repaired here",
        valid_for_overlap="size-positive",
        valid_for_error="size-positive",
        invalid_error=FAILS,
    ),
    Convention(
        name="lasot",
        source="HengLan/LaSOT_Evaluation_Toolkit @41c7933, calc_seq_err_robust.m: absent frames are never hits but "
        "stay in the denominator; normalised precision at 0.20",
        absent_labels=("absent",),
    ),
    Convention(
        name="trackingnet",
        source="SilvioGiancola/TrackingNet-devkit @967661d, metrics.py: boxes rounded to whole pixels, overlap >= the "
        "threshold, 21 thresholds, areas by the trapezoid rule for all three; its numbers are per cent",
        origin=0,
        invalid_result="as-is",
        valid_for_overlap="any",
        valid_for_error="any",
        rounded=True,
        error_thresholds=PIXELS_21,
        normalised_thresholds=BOX_SIDES_21,
        overlap_inclusive=True,
        area="trapezoid",
        precision_at=None,
        normalised_at=None,
        coverage=True,
    ),
    Convention(
        name="got10k",
        source="got10k 0.1.3, ExperimentGOT10k: first frame excluded, boxes clamped to the picture, frames with "
        "cover > 0, repetitions stacked, frames pooled. Speed as frames over seconds (the toolkit: mean of 1/t)",
        scheme="average-overlap",
        origin=0,
        first_frame="excluded",
        invalid_result="as-is",
        valid_for_overlap="any",
        valid_for_error="any",
        bounding="clamp",
        overlap_thresholds=OVERLAPS_101,
    ),
    Convention(
        name="got10k-cut",
        source="As got10k, but boxes are cut at the picture's border instead of shifted inside",
        scheme="average-overlap",
        origin=0,
        first_frame="excluded",
        invalid_result="as-is",
        valid_for_overlap="any",
        valid_for_error="any",
        bounding="cut",
        overlap_thresholds=OVERLAPS_101,
    ),
)
"""All known rule sets of one-pass evaluation; the first of a scheme is its default."""


def get_convention(name: str) -> Convention:
    """Look a rule set up by name, in any case.

    Raises:
        UsageError: Unknown name; the message offers the nearest ones.

    >>> get_convention("OTB-MATLAB").precision_at
    20.0
    """
    for convention in CONVENTIONS:
        if convention.name == name.casefold():
            return convention
    raise unknown_name("convention", name, (c.name for c in CONVENTIONS))


def default_convention(family: str, own: str | None = None) -> Convention:
    """The benchmark's own rules: "got10k" for the GOT-10k family, "otb-matlab" for every other one-pass suite.

    Args:
        family: Of the suite, as it was run.
        own: The suite's own rules where it has some (LaSOT, TrackingNet); they hold for the OTB family.
    """
    return get_convention("got10k" if family == "got10k" else own or "otb-matlab")
