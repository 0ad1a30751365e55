"""Single rules of scoring in words: what a tool does where evaluators disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spm_bench.metrics.conventions import FAILS
from spm_bench.report.vocabulary import MINUS
from spm_bench.scoring.evaluators import NEGLIGIBLE, EvaluatorScore

NO_DIFFERENCE = "no rule makes a difference here"
DIGITS = 4
"""Of values and differences: rules often make less than a thousandth."""


def _chosen(**words: str) -> Callable[[Any], str]:
    by_value = {key.replace("_", "-"): text for key, text in words.items()}
    return lambda value: by_value.get(str(value), str(value))


def _flag(true: str, false: str) -> Callable[[Any], str]:
    return lambda value: true if value else false


def _usable(what: str) -> Callable[[Any], str]:
    return _chosen(
        all_positive=f"{what}, an annotation with any number of 0 or less is unusable",
        size_positive=f"{what}, an annotation needs only a width and height above 0",
        centre_positive=f"{what}, an annotation needs only a centre above 0",
        any=f"{what}, every annotation is used as it is",
    )


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "scheme": _chosen(success="curves per sequence, then their mean", average_overlap="all frames are pooled"),
    "origin": lambda v: f"numbers in files count from {v}",
    "first_frame": _chosen(
        ground_truth="the first box counts as given",
        as_is="the first box is taken from the file",
        excluded="the first frame is left out",
    ),
    "invalid_result": _chosen(
        previous="a box without area is replaced by the one before it", as_is="a box without area is a miss"
    ),
    "valid_for_overlap": _usable("for overlaps"),
    "valid_for_error": _usable("for centre errors"),
    "invalid_error": lambda v: f"frames without annotation are {'misses' if v == FAILS else 'hits'} of precision",
    "invalid_normalised_error": (
        lambda v: f"frames without annotation are {'misses' if v == FAILS else 'hits'} of normalised precision"
    ),
    "absent_labels": _flag("frames labelled absent are misses", "labels of absence are not looked at"),
    "bounding": _chosen(
        none="boxes may leave the picture", clamp="boxes are clamped to the picture", cut="boxes are cut at the border"
    ),
    "rounded": _flag("boxes are rounded to whole pixels", "boxes are taken with their decimals"),
    "error_decimals": lambda v: "errors are not rounded" if v is None else f"errors are rounded to {v} decimals",
    "overlap_thresholds": lambda v: f"{len(v)} thresholds of overlap",
    "error_thresholds": lambda v: f"{len(v)} thresholds of error up to {v[-1]:g} px",
    "normalised_thresholds": lambda v: f"{len(v)} thresholds of normalised error up to {v[-1]:g}",
    "overlap_inclusive": _flag("an overlap equal to the threshold succeeds", "an overlap equal to the threshold fails"),
    "error_inclusive": _flag("an error equal to the threshold is a hit", "an error equal to the threshold is a miss"),
    "area": _chosen(mean="the mean of a curve's values", trapezoid="the area by the trapezoid rule"),
    "precision_at": (
        lambda v: "precision is the area under its curve" if v is None else f"precision is the value at {v:g} px"
    ),
    "normalised_at": (
        lambda v: (
            "normalised precision is the mean of its curve"
            if v is None
            else f"normalised precision is the value at {v:.2f}"
        )
    ),
    "overlap": _chosen(raster="overlaps are counted in painted pixels", exact="overlaps are exact"),
    "pooling": _chosen(
        sequences_by_length="A is averaged over runs, then over sequences by their length",
        sequences="A is averaged over sequences, all alike",
        frames="A is averaged over all frames",
    ),
    "blank_is_zero": _flag("a run that is burn-in only counts 0", "a run that is burn-in only is left out"),
    "fragment_weight": _chosen(one="every fragment weighs one", per_sequence="every sequence weighs one"),
    "late_failure": _chosen(
        padded="a run lost near the end counts 0 for all longer sequences",
        reaches_end="a run lost near the end counts as one that reached it",
    ),
    "first_length": lambda v: f"EAO's lengths begin {v} frame{'s' * (v != 1)} later",
    "curve_end": _chosen(
        longest_fragment="the curve ends with the longest fragment",
        longest_sequence="the curve goes on to the longest sequence",
    ),
    "repetitions": _chosen(
        frames="passes over a sequence count by their frames", mean="passes over a sequence count alike"
    ),
    "burn_in": lambda v: f"{v} frames of burn-in",
    "skip": lambda v: f"restarts come {v} frames after a failure",
}


def rule_words(rule: str, value: Any) -> str:
    """What a tool with this value of a rule does, in a few words; a rule without words of its own by its name.

    >>> rule_words("overlap_inclusive", True)
    'an overlap equal to the threshold succeeds'
    """
    words = _WORDS.get(rule)
    return f"{rule.replace('_', ' ')} is {value}" if words is None else words(value)


def signed(value: float | None, digits: int = DIGITS) -> str:
    """A difference with its sign; empty where there is none, 0 where it rounds to nothing.

    >>> signed(0.00123), signed(0.0), signed(None)
    ('+0.0012', '0', '')
    """
    if value is None:
        return ""
    text = f"{value:+.{digits}f}"
    return "0" if float(text) == 0 else text.replace("-", MINUS)


def explain_difference(score: EvaluatorScore) -> str:
    """Which rule makes the difference of a number to the default's, in one sentence; says so where none does."""
    if score.value is None:
        return score.note
    if score.difference is None:
        return "another number: the benchmark's own rules have none like it"
    if abs(score.difference) <= NEGLIGIBLE:
        return NO_DIFFERENCE
    if not score.rules:
        return f"the rules of {score.convention} (see `spm-bench ls conventions`)"
    least = max(NEGLIGIBLE, 0.05 * abs(score.difference))
    moving = [effect for effect in score.rules if abs(effect.among_others) >= least] or list(score.rules[:1])
    if len(moving) == 1:
        return rule_words(moving[0].rule, moving[0].value)
    return "; ".join(f"{rule_words(e.rule, e.value)} ({signed(e.among_others)})" for e in moving[:3])
