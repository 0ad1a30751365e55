"""What each rule of supervised evaluation is worth: the same passes under each of its values.

`CASES` has one case for every field of `VotConvention` that is a rule; a field without one stops the build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from making.names import table
from making.words import explanations, number, users, value_text
from spm_bench.metrics.eao import expected_average_overlap
from spm_bench.metrics.supervised import (
    Passes,
    accuracy,
    counted_frames,
    region_overlaps,
    robustness,
    sequence_failures,
)
from spm_bench.metrics.vot_conventions import BY_LENGTH, VOT_CONVENTIONS, VotConvention, get_vot_convention

NOT_RULES = ("name", "source")
TITLES = {"eao": "EAO", "accuracy": "A", "robustness": "R", "reliability": "reliability"}
TARGET = (10.3, 10.3, 40.0, 40.0)
"""The annotation of every frame; results lie to its right, so that the overlap is (40 - d) / (40 + d)."""


@dataclass(frozen=True)
class Pass:
    """One pass: its sequence, its codes ("1" start, "." tracked, "2" failure, "0" skipped), and how far off it is.

    Attributes:
        sequence: Index.
        codes: A letter a frame.
        off: Pixels, in all frames or in each.
    """

    sequence: int
    codes: str
    off: float | Sequence[float] = 0.0


@dataclass(frozen=True, eq=False)
class Case:
    """Passes on which the values of one rule differ.

    Attributes:
        rule: Field of `VotConvention`.
        values: Of the rule.
        scene: What the passes are, a sentence.
        metric: That shows the difference.
        passes: In the order of their sequences.
        interval: Of EAO.
        base: Name of the rule set that all other rules are taken from.
    """

    rule: str
    values: tuple[Any, ...]
    scene: str
    metric: str
    passes: tuple[Pass, ...]
    interval: tuple[int, int] = (10, 20)
    base: str = "vot-matlab"


def whole(n: int) -> str:
    """Codes of a pass of n frames without a failure."""
    return "1" + "." * (n - 1)


CASES = (
    Case(
        "overlap",
        ("raster", "exact"),
        "One pass of 30 frames; the result is 12.4 px beside a target of 40 x 40 px.",
        "accuracy",
        (Pass(0, whole(30), 12.4),),
    ),
    Case(
        "pooling",
        ("sequences-by-length", "sequences", "frames"),
        "A perfect pass of 60 frames; two passes of another sequence of 20 frames, 20 px off, and 10 px off until it "
        "is lost in frame 13.",
        "accuracy",
        (Pass(0, whole(60)), Pass(1, whole(20), 20.0), Pass(1, whole(12) + "200001..", 10.0)),
    ),
    Case(
        "blank_is_zero",
        (False, True),
        "Two passes of 20 frames: one perfect, one lost in frame 6 and started again in frame 11, so that the burn-in "
        "leaves nothing of it.",
        "accuracy",
        (Pass(0, whole(20)), Pass(0, whole(5) + "20000" + whole(10))),
        base="vot-toolkit",
    ),
    Case(
        "fragment_weight",
        ("one", "per-sequence"),
        "Three perfect passes of one sequence; a single pass of another, lost in frame 6. All of 30 frames.",
        "eao",
        (*[Pass(0, whole(30))] * 3, Pass(1, whole(5) + "20000" + whole(20))),
    ),
    Case(
        "late_failure",
        ("padded", "reaches-end"),
        "A perfect pass of 60 frames; one of another sequence of 30 frames that is lost in frame 28, too late for "
        "another start.",
        "eao",
        (Pass(0, whole(60)), Pass(1, whole(27) + "200")),
        interval=(30, 50),
    ),
    Case(
        "first_length",
        (0, 1),
        "A perfect pass of 30 frames, and one that is lost in frame 9; the interval is 10 to 20 frames.",
        "eao",
        (Pass(0, whole(30)), Pass(0, whole(8) + "20000" + whole(17))),
    ),
    Case(
        "curve_end",
        ("longest-fragment", "longest-sequence"),
        "One pass of 60 frames, lost in frames 21 and 41; no fragment is longer than 20 frames, the interval is 10 to "
        "30.",
        "eao",
        (Pass(0, whole(20) + "20000" + whole(15) + "20000" + whole(15)),),
        interval=(10, 30),
    ),
    Case(
        "burn_in",
        (10, 0),
        "One pass of 20 frames: ten that are right, as just after a start, ten that are 20 px off.",
        "accuracy",
        (Pass(0, whole(20), (0.0,) * 10 + (20.0,) * 10),),
    ),
    Case(
        "sensitivity",
        (30, 100),
        "One pass of 300 frames with one failure.",
        "reliability",
        (Pass(0, whole(100) + "20000" + whole(195)),),
    ),
    Case(
        "skip",
        (5, 10),
        "A perfect pass of 60 frames; one of another sequence of 30 frames that is lost in frame 24 and not started "
        "again: after 5 frames it could have been, after 10 not.",
        "eao",
        (Pass(0, whole(60)), Pass(1, whole(23) + "2000000")),
        interval=(30, 50),
    ),
)

DIFFICULT = Case(
    "",
    (),
    "",
    "",
    (
        Pass(0, whole(60), 6.3),
        Pass(0, whole(57) + "200", 6.3),
        Pass(1, whole(20) + "20000" + whole(15), 12.4),
        Pass(1, whole(5) + "20000" + whole(25) + "20000", 12.4),
        Pass(2, whole(50), 3.6),
    ),
    interval=(20, 40),
)
"""Three sequences with everything evaluators disagree on; `conventions.md` says what in words."""


def join(passes: Sequence[Pass], rules: VotConvention) -> Passes:
    """The passes with their overlaps as the rules measure them."""
    codes = np.concatenate([list(one.codes) for one in passes])
    off = np.concatenate([np.broadcast_to(np.asarray(one.off, float), len(one.codes)) for one in passes])
    truth = np.tile(TARGET, (len(codes), 1))
    found = region_overlaps(truth, truth + np.outer(off, (1, 0, 0, 0)), None, rules.overlap)
    return Passes(
        owners=np.array([one.sequence for one in passes]),
        lengths=np.array([len(one.codes) for one in passes]),
        overlaps=np.where(codes == ".", found, 0.0),
        starts=codes == "1",
        failed=codes == "2",
        tracked=codes == ".",
    )


def scores(case: Case, rules: VotConvention) -> dict[str, float | None]:
    """Metric -> value of a case under rules."""
    passes = join(case.passes, rules)
    counted = counted_frames(passes, rules.burn_in)
    lost = robustness(sequence_failures(passes), passes.frames, rules.sensitivity)
    return {
        "eao": expected_average_overlap(passes, rules, case.interval).value,
        "accuracy": accuracy(passes, counted, rules.pooling, blank_is_zero=rules.blank_is_zero),
        "robustness": lost.per_100_frames,
        "reliability": lost.reliability_by_length if rules.pooling == BY_LENGTH else lost.reliability,
    }


def both(case: Case) -> dict[Any, float | None]:
    """Value of the rule -> value of the case's metric."""
    base = get_vot_convention(case.base)
    return {value: scores(case, replace(base, **{case.rule: value}))[case.metric] for value in case.values}


def vot_sets() -> str:
    """All rule sets on the same passes, then each with its source and its rules in words."""
    rows = [
        (f"[`{c.name}`](#{c.name})", *(number(scores(DIFFICULT, c)[metric]) for metric in TITLES))
        for c in VOT_CONVENTIONS
    ]
    parts = [table(("rule set", *TITLES.values()), rows)]
    parts += [f"### {c.name} {{ #{c.name} }}\n\n{c.describe()}" for c in VOT_CONVENTIONS]
    return "\n\n".join(parts)


def vot_rules() -> str:
    """A section for every rule: what it says, who has which value, and what the values give."""
    cases = {case.rule: case for case in CASES}
    told = explanations(VotConvention)
    return "\n\n".join(_rule(cases[f.name], told[f.name]) for f in fields(VotConvention) if f.name not in NOT_RULES)


def _rule(case: Case, meaning: str) -> str:
    rows = [
        (value_text(case.rule, value), users(case.rule, value, VOT_CONVENTIONS), number(found))
        for value, found in both(case).items()
    ]
    return "\n\n".join(
        [
            f"### `{case.rule}` {{ #vot-{case.rule} }}",
            meaning,
            f"*{case.scene}*",
            table(("value", "rule sets", TITLES[case.metric]), rows),
        ]
    )
