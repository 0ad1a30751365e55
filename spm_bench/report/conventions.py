"""Convention names in words: what the report prints beside each, composed from the rule set's own fields."""

from __future__ import annotations

from spm_bench.errors import UsageError
from spm_bench.metrics.conventions import FAILS, Convention, get_convention
from spm_bench.metrics.vot_conventions import (
    get_multistart_convention,
    get_no_reset_convention,
    get_vot_convention,
)
from spm_bench.scoring.extra import CONVENTION as EXTRA_CONVENTION
from spm_bench.scoring.families import family_of

_FIRST_FRAME = {
    "ground-truth": "the first frame counts as given",
    "as-is": "the first frame counts as in the result file",
    "excluded": "the first frame is left out",
}
_BOUNDING = {
    "none": "",
    "clamp": "; boxes are clamped to the picture",
    "cut": "; boxes are cut at the picture's border",
}


def explain(name: str) -> str:
    """Explain a named rule set in one or two sentences, with its source; an unknown name is said to be unknown."""
    if name == EXTRA_CONVENTION:
        return (
            "extra metrics are computed from overlaps of upright boxes with the annotation's bounding box, in every "
            "annotated frame the tracker ran in: means over passes, then over sequences."
        )
    try:
        return describe(get_convention(name))
    except UsageError:
        pass  # not one of the one-pass conventions
    for look_up in (get_vot_convention, get_multistart_convention, get_no_reset_convention):
        try:
            return look_up(name).describe()
        except UsageError:
            continue
    return "this version of the project has no description of it."


def default_name(family: str, own: str | None = None) -> str:
    """Name of the benchmark's own rules, which figures from print follow; `own` are those of a suite that has some."""
    return str(family_of(family).rules(None, own).name)


def describe(convention: Convention) -> str:
    """Put the rules of a one-pass convention into words."""
    parts = _average_overlap(convention) if convention.scheme == "average-overlap" else _success(convention)
    return (
        f"{parts}{_BOUNDING[convention.bounding]}; {_FIRST_FRAME[convention.first_frame]}. Source: {convention.source}."
    )


def _average_overlap(convention: Convention) -> str:
    relation = "at least" if convention.overlap_inclusive else "more than"
    words = "AO is the mean overlap over the frames of all sequences pooled"
    return f"{words}, SR the share of frames with {relation} .50 or .75"


def _success(convention: Convention) -> str:
    relation = "at least" if convention.overlap_inclusive else "strictly more than"
    area = "the mean" if convention.area == "mean" else "the area (trapezoid rule)"
    grid = len(convention.overlap_thresholds)
    words = f"AUC is {area} of the success rates (overlap {relation} the threshold) at {grid} thresholds"
    together = convention.repetitions == "frames"
    words += ", per sequence (all its runs together), then averaged" if together else ", per run, then averaged"
    if convention.precision_at is not None:
        within = "at most" if convention.error_inclusive else "less than"
        words += f"; precision is the share of frames with a centre error of {within} {convention.precision_at:g} px"
    else:
        words += f"; precision is {area} of its curve up to {convention.error_thresholds[-1]:g} px"
    if convention.normalised_at is not None:
        words += f", normalised precision within {convention.normalised_at:g} of the true box's sides"
    else:
        words += f", normalised precision {area} of its curve"
    if convention.rounded:
        words += "; boxes are rounded to whole pixels"
    if convention.absent_labels:
        words += "; frames without a target are no hits, but count"
    if convention.coverage:
        words += "; coverage is the share of all frames with a result"
    if convention.invalid_result == "previous":
        words += "; an unusable result box is replaced by the one before it"
    if convention.valid_for_error != "any":
        hit = "misses" if convention.invalid_error == FAILS else "hits"
        words += f"; frames without a usable annotation are failures of overlap and {hit} of precision"
    return words
