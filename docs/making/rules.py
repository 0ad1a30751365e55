"""What each rule of one-pass evaluation is worth: the same boxes under each of its values.

`CASES` has one case for every field of `Convention` that is a rule; a field without one stops the build.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from making.names import table
from making.words import explanations, number, users, value_text
from spm_bench.metrics.average_overlap import counted_frames, overlap_scores
from spm_bench.metrics.conventions import (
    BOX_SIDES_51,
    CONVENTIONS,
    FAILS,
    OVERLAPS_21,
    OVERLAPS_101,
    PASSES,
    PIXELS_51,
    Convention,
    get_convention,
)
from spm_bench.metrics.speed import frames_per_second, mean_inverse_seconds
from spm_bench.metrics.success import covered_frames, headlines, measure_frames, pass_curves
from spm_bench.suites.facts import suite_facts, suite_names

NOT_RULES = ("name", "source")
PICTURE = (100, 100)
"""Width and height of all pictures here."""
TITLES = {
    "auc": "AUC",
    "precision": "precision",
    "precision_area": "precision (area)",
    "coverage": "coverage",
    "normalised_precision": "normalised precision",
    "ao": "AO",
    "sr50": "SR.50",
    "sr75": "SR.75",
    "fps": "fps",
}
HEADLINES = {
    "success": ("auc", "precision or precision_area", "normalised_precision"),
    "average-overlap": ("ao", "sr50", "sr75"),
}
"""Scheme -> what its rule sets are compared by."""

BOX = (10.0, 10.0, 20.0, 20.0)
TARGET = np.array([BOX] * 4)


def moved(right: float) -> np.ndarray:
    """Four frames of boxes beside the target."""
    return np.asarray(np.add(TARGET, (right, 0.0, 0.0, 0.0)))


def with_row(boxes: np.ndarray, row: int, box: tuple[float, ...]) -> np.ndarray:
    """The same boxes, one of them another."""
    changed = boxes.copy()
    changed[row] = box
    return changed


FAR, UNKNOWN, BLANK = (80.0, 80.0, 20.0, 20.0), (np.nan,) * 4, (-1.0, -1.0, 0.0, 0.0)
"""A box that misses the target, a result that is none, an annotation of zeros (1-based in the files, so -1 here)."""
AT_BORDER = (-1.0, 10.0, 20.0, 20.0)
"""An annotation whose x is 0 in the files."""


@dataclass(frozen=True, eq=False)
class Case:
    """Boxes on which the values of one rule differ.

    Attributes:
        rule: Field of `Convention`.
        values: Of the rule.
        scene: What the boxes are, a sentence.
        metric: That shows the difference.
        results, truth: F x 4 boxes, 0-based.
        base: All other rules.
        lengths: Frames of each pass; all in one where empty.
        absent: Frames with the label "absent".
        seconds: Of each frame.
    """

    rule: str
    values: tuple[Any, ...]
    scene: str
    metric: str
    results: np.ndarray = field(default_factory=TARGET.copy)
    truth: np.ndarray = field(default_factory=TARGET.copy)
    base: Convention = CONVENTIONS[0]
    lengths: tuple[int, ...] = ()
    absent: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()


GOT10K = get_convention("got10k")
CASES = (
    Case(
        "scheme",
        ("success", "average-overlap"),
        "A tracker is always right in a sequence of 4 frames, and loses the target at once in one of 12.",
        "auc or ao",
        np.array([BOX] * 4 + [FAR] * 12),
        np.array([BOX] * 16),
        lengths=(4, 12),
    ),
    Case(
        "origin",
        (1, 0),
        "The tracker is right in four frames; in one the target touches the left border (x = 0 inside this project).",
        "auc",
        with_row(TARGET, 1, (0.0, 10, 20, 20)),
        with_row(TARGET, 1, (0.0, 10, 20, 20)),
    ),
    Case(
        "first_frame",
        ("ground-truth", "as-is", "excluded"),
        "Four frames; the result is wrong in the first and in the last.",
        "ao",
        with_row(with_row(TARGET, 0, FAR), 3, FAR),
        base=GOT10K,
    ),
    Case(
        "invalid_result",
        ("previous", "as-is"),
        "Four frames, the target does not move; the last result is NaN.",
        "precision",
        with_row(TARGET, 3, UNKNOWN),
    ),
    Case(
        "valid_for_overlap",
        ("all-positive", "size-positive", "centre-positive", "any"),
        "Four frames; one annotation is zeros, one has x = 0 in the files. The tracker is right otherwise.",
        "auc",
        with_row(TARGET, 3, AT_BORDER),
        with_row(with_row(TARGET, 2, BLANK), 3, AT_BORDER),
    ),
    Case(
        "valid_for_error",
        ("all-positive", "size-positive", "centre-positive", "any"),
        "The same annotations; the tracker is far away in these two frames.",
        "precision",
        with_row(with_row(TARGET, 2, FAR), 3, FAR),
        with_row(with_row(TARGET, 2, BLANK), 3, AT_BORDER),
    ),
    Case(
        "invalid_error",
        (PASSES, FAILS),
        "Four frames, one without an annotation; the tracker is right in the others.",
        "precision",
        truth=with_row(TARGET, 3, BLANK),
    ),
    Case(
        "invalid_normalised_error",
        (PASSES, FAILS),
        "The same frames.",
        "normalised_precision",
        truth=with_row(TARGET, 3, BLANK),
    ),
    Case(
        "absent_labels",
        ((), ("absent",)),
        "Four frames; the tracker agrees with all annotations, one frame is labelled absent.",
        "precision",
        absent=(2,),
    ),
    Case(
        "bounding",
        ("none", "clamp", "cut"),
        "The target touches the left border of the picture; from the second frame on the result reaches 10 px over it.",
        "ao",
        np.array([(0.0, 40, 20, 20)] + [(-10.0, 40, 20, 20)] * 3),
        np.array([(0.0, 40, 20, 20)] * 4),
        GOT10K,
    ),
    Case("rounded", (False, True), "The result is 20.4 px off from the second frame on.", "precision", moved(20.4)),
    Case(
        "error_decimals",
        (None, 4),
        "The result is 20.00004 px off from the second frame on.",
        "precision",
        moved(20.00004),
    ),
    Case("overlap_thresholds", (OVERLAPS_21, OVERLAPS_101), "A perfect tracker.", "auc"),
    Case(
        "error_thresholds",
        (PIXELS_51, tuple(np.linspace(0, 50, 21).tolist())),
        "The result is 11 px off from the second frame on; `precision_at` is None, so precision is an area.",
        "precision_area",
        moved(11),
        base=replace(CONVENTIONS[0], precision_at=None),
    ),
    Case(
        "normalised_thresholds",
        (BOX_SIDES_51, tuple(np.linspace(0, 0.5, 21).tolist())),
        "The result is 0.11 sides off from the second frame on; `normalised_at` is None.",
        "normalised_precision",
        moved(2.2),
        base=replace(CONVENTIONS[0], normalised_at=None),
    ),
    Case("overlap_inclusive", (False, True), "A perfect tracker: no overlap is above 1.", "auc"),
    Case(
        "error_inclusive",
        (True, False),
        "The result is 20 px off from the second frame on.",
        "precision",
        moved(20),
    ),
    Case("area", ("mean", "trapezoid"), "A perfect tracker.", "auc"),
    Case(
        "precision_at",
        (20.0, None),
        "The result is 15 px off from the second frame on.",
        "precision or precision_area",
        moved(15),
    ),
    Case(
        "normalised_at",
        (0.2, None),
        "The result is a quarter of the target's width off from the second frame on.",
        "normalised_precision",
        moved(5),
    ),
    Case(
        "repetitions",
        ("frames", "mean"),
        "Two passes of one sequence: one of 12 frames is always right, one that starts later, of 4 frames, is right in "
        "the first only.",
        "precision",
        np.array([BOX] * 13 + [FAR] * 3),
        np.array([BOX] * 16),
        lengths=(12, 4),
    ),
    Case(
        "coverage",
        (True, False),
        "Four frames; one result is zeros. Without the rule the number is not reported.",
        "coverage",
        with_row(TARGET, 3, (0.0, 0, 0, 0)),
        base=replace(CONVENTIONS[0], origin=0),
    ),
    Case(
        "speed",
        ("frames-per-second", "mean-inverse"),
        "Four frames of 10 ms, 10 ms, 10 ms and 100 ms.",
        "fps",
        seconds=(0.01, 0.01, 0.01, 0.1),
    ),
)

DIFFICULT = Case(
    "",
    (),
    "",
    "",
    results=np.array(
        [(14.0, 10, 20, 20), *[(12.0, 11, 20, 20)] * 4, UNKNOWN, FAR, AT_BORDER, BOX, (30.0, 10, 20, 20)]
        + [(-8.0, 40, 20, 20)] * 2
    ),
    truth=np.array([BOX] * 6 + [BLANK, AT_BORDER] + [BOX] * 2 + [(1.0, 40, 20, 20)] * 2),
    absent=(8,),
)
"""Twelve frames with everything evaluators disagree on; `conventions.md` says what in words."""


def scores(case: Case, rules: Convention) -> dict[str, float]:
    """Metric -> value of a case under rules."""
    lengths = case.lengths or (len(case.truth),)
    absent = np.isin(np.arange(len(case.truth)), case.absent) if rules.absent_labels else None
    frames = measure_frames(case.results, case.truth, lengths, rules, absent=absent, sizes=PICTURE)
    speed = frames_per_second if rules.speed == "frames-per-second" else mean_inverse_seconds
    found = {"fps": speed(case.seconds) or np.nan}
    if rules.scheme == "success":
        per_pass = headlines(pass_curves(frames, lengths, rules), rules)
        weights = lengths if case.rule == "repetitions" and rules.repetitions == "frames" else None
        covered = covered_frames(case.results, case.truth, lengths, rules).mean() if rules.coverage else np.nan
        found["coverage"] = float(covered)
        return found | {name: float(np.average(values, weights=weights)) for name, values in per_pass.items()}
    cover = np.ones(len(case.truth)) if case is not DIFFICULT else case.truth[:, 2] > 0
    overlaps = frames.overlaps[counted_frames(lengths, cover, without_first=rules.first_frame == "excluded")]
    return found | {name: float(v[0]) for name, v in overlap_scores(overlaps, np.zeros(len(overlaps), int), 1).items()}


def both(case: Case) -> dict[Any, float]:
    """Value of the rule -> value of the case's metric."""
    found = {}
    for value in case.values:
        measured = scores(case, replace(case.base, name="one rule", **{case.rule: value}))
        found[value] = of_first(measured, case.metric)
    return found


def of_first(measured: dict[str, float], names: str) -> float:
    """The first that was measured of some metrics with "or" between."""
    return next(measured[name] for name in names.split(" or ") if name in measured)


def one_pass_sets() -> str:
    """All rule sets on the same twelve frames, then each with its source and the rules in which it differs."""
    parts = []
    for scheme, metrics in HEADLINES.items():
        chosen = [c for c in CONVENTIONS if c.scheme == scheme]
        heads = ("rule set", *(TITLES[m.partition(" or ")[0]] for m in metrics))
        rows = [
            (f"[`{c.name}`](#{c.name})", *(number(of_first(scores(DIFFICULT, c), m)) for m in metrics)) for c in chosen
        ]
        parts.append(table(heads, rows))
    parts += [_about(c) for c in CONVENTIONS]
    return "\n\n".join(parts)


def _about(convention: Convention) -> str:
    first = next(c for c in CONVENTIONS if c.scheme == convention.scheme)
    lines = [f"### {convention.name} {{ #{convention.name} }}", f"{convention.source}."]
    if convention is first:
        return "\n\n".join([*lines, "The default of its suites."])
    if own := [f"`{name}`" for name in suite_names() if suite_facts(name).convention == convention.name]:
        lines.append(f"The default of {' and '.join(own)}.")
    other = [f.name for f in fields(Convention) if f.name not in NOT_RULES]
    differs = {n: getattr(convention, n) for n in other if getattr(convention, n) != getattr(first, n)}
    rows = [
        (f"[`{name}`](#rule-{name})", value_text(name, value), value_text(name, getattr(first, name)))
        for name, value in differs.items()
    ]
    return "\n\n".join([*lines, table(("rule", "here", f"`{first.name}`"), rows)])


def one_pass_rules() -> str:
    """A section for every rule: what it says, who has which value, and what the values give."""
    cases = {case.rule: case for case in CASES}
    told = explanations(Convention)
    return "\n\n".join(_rule(cases[f.name], told[f.name]) for f in fields(Convention) if f.name not in NOT_RULES)


def _rule(case: Case, meaning: str) -> str:
    head = " or ".join(TITLES[name] for name in case.metric.split(" or "))
    rows = [
        (value_text(case.rule, v), users(case.rule, v, CONVENTIONS), number(found)) for v, found in both(case).items()
    ]
    return "\n\n".join(
        [
            f"### `{case.rule}` {{ #rule-{case.rule} }}",
            meaning,
            f"*{case.scene}*",
            table(("value", "rule sets", head), rows),
        ]
    )
