"""What each rule of VOT's runs without resets is worth: many starts (VOT-ST 2020 to 2022), and the average overlap.

`START_CASES` and `AO_CASES` have one case for every field of their rule sets that is a rule; a field without one stops
the build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from making.names import table
from making.vot_rules import NOT_RULES, TARGET
from making.words import explanations, number, users, value_text
from spm_bench.metrics.multistart import StartRuns, multistart_eao, progress_of, start_sums
from spm_bench.metrics.supervised import Passes, accuracy, counted_frames, region_overlaps
from spm_bench.metrics.vot_conventions import (
    BY_LENGTH,
    MULTISTART_CONVENTIONS,
    NO_RESET_CONVENTIONS,
    MultiStartConvention,
    NoResetConvention,
)

TITLES = {"eao": "EAO", "accuracy": "A", "robustness": "R", "ao": "AO"}
LOST = 40.0
"""Pixels off at which a result overlaps the target of 40 x 40 px no more."""
STACK_BURN_IN = 10
"""What a suite's own stack leaves out in the cases: that of 2016 to 2018."""


@dataclass(frozen=True)
class Run:
    """One run: its sequence, its frames, how far off it is in each, and the frames in which nothing is annotated.

    Attributes:
        sequence: Index.
        off: Pixels in frames 2, 3, ...; frame 1 is the start.
        absent: Frames, from 0.
    """

    sequence: int
    off: tuple[float, ...]
    absent: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.off) + 1


@dataclass(frozen=True, eq=False)
class Case:
    """Runs on which the values of one rule differ.

    Attributes:
        rule: Field of the rule set.
        values: Of the rule.
        scene: What the runs are, a sentence.
        metric: That shows the difference.
        runs: In the order of their sequences.
        frames: Lengths of the sequences.
        interval: Of EAO.
    """

    rule: str
    values: tuple[Any, ...]
    scene: str
    metric: str
    runs: tuple[Run, ...]
    frames: tuple[int, ...]
    interval: tuple[int, int] = (10, 20)


def steady(n: int, off: float = 0.0) -> tuple[float, ...]:
    """N frames that are so far off."""
    return (off,) * n


START_CASES = (
    Case(
        "overlap",
        ("raster", "exact"),
        "One run of 30 frames; the result is 12.4 px beside a target of 40 x 40 px.",
        "accuracy",
        (Run(0, steady(29, 12.4)),),
        (30,),
    ),
    Case(
        "threshold",
        (0.1, 0.2),
        "One run of 30 frames, perfect for 15, then 29 px off (an overlap of .16).",
        "robustness",
        (Run(0, steady(14) + steady(15, 29.0)),),
        (30,),
    ),
    Case(
        "grace",
        (10, 5),
        "One run of 30 frames that is off the target in frames 11 to 17 and perfect elsewhere.",
        "robustness",
        (Run(0, steady(9) + steady(7, LOST) + steady(13)),),
        (30,),
    ),
    Case(
        "start_frame",
        ("missed", "left-out"),
        "One perfect run of 20 frames.",
        "accuracy",
        (Run(0, steady(19)),),
        (20,),
    ),
    Case(
        "unannotated",
        ("missed", "left-out"),
        "One run of 21 frames, perfect but for five frames in which the target is not annotated.",
        "accuracy",
        (Run(0, steady(20), (8, 9, 10, 11, 12)),),
        (21,),
    ),
    Case(
        "padded_mean",
        ("one-frame-less", "all-frames"),
        "One run of 15 frames that is perfect for 5 and lost from then on; the interval is 16 to 18 frames.",
        "eao",
        (Run(0, steady(4) + steady(10, LOST)),),
        (15,),
        (16, 18),
    ),
    Case(
        "unknown_length",
        ("zero", "left-out"),
        "One perfect run of 15 frames; the interval is 10 to 20 frames.",
        "eao",
        (Run(0, steady(14)),),
        (15,),
    ),
    Case(
        "first_length",
        (0, 1),
        "A perfect run of 30 frames, and one that is lost after 8; the interval is 10 to 20 frames.",
        "eao",
        (Run(0, steady(29)), Run(0, steady(7) + steady(22, LOST))),
        (30,),
    ),
    Case(
        "robustness_weight",
        ("sequence-length", "run-length"),
        "A perfect run over 20 of a sequence's 60 frames; three runs over all 20 frames of another, lost at once.",
        "robustness",
        (Run(0, steady(19)), *[Run(1, steady(19, LOST))] * 3),
        (60, 20),
    ),
)

DIFFICULT = Case(
    "",
    (),
    "",
    "",
    (
        Run(0, steady(59, 6.3), (30, 31)),
        Run(0, steady(20, 6.3) + steady(19, LOST)),
        Run(1, steady(29, 12.4)),
        Run(1, steady(4, 3.6) + steady(15, 33.0)),
    ),
    (60, 30),
    (20, 50),
)
"""Two sequences with everything that is disagreed on; `conventions.md` says what in words."""

AO_CASES = (
    Case(
        "overlap",
        ("raster", "exact"),
        "One run of 30 frames; the result is 12.4 px beside a target of 40 x 40 px.",
        "ao",
        (Run(0, steady(29, 12.4)),),
        (30,),
    ),
    Case(
        "burn_in",
        (None, 1),
        "One run of 20 frames: perfect for ten, then 20 px off; the suite's own stack leaves out 10.",
        "ao",
        (Run(0, steady(9) + steady(10, 20.0)),),
        (20,),
    ),
    Case(
        "weighted",
        (True, False),
        "A perfect run of 60 frames, and one over another sequence of 20 frames that is 20 px off.",
        "ao",
        (Run(0, steady(59)), Run(1, steady(19, 20.0))),
        (60, 20),
    ),
)


def overlaps_of(run: Run, overlap: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Of each frame; 0 at the start."""
    truth = np.tile(TARGET, (len(run.off), 1))
    found = region_overlaps(truth, truth + np.outer(run.off, (1, 0, 0, 0)), None, overlap)
    values = np.concatenate(([0.0], found))
    values[list(run.absent)] = 0.0
    return values


def start_scores(case: Case, rules: MultiStartConvention) -> dict[str, float | None]:
    """Metric -> value of a case under rules."""
    annotated = [np.isin(np.arange(len(run)), run.absent, invert=True) for run in case.runs]
    runs = StartRuns(
        owners=np.array([run.sequence for run in case.runs]),
        lengths=np.array([len(run) for run in case.runs]),
        overlaps=np.concatenate([overlaps_of(run, rules.overlap) for run in case.runs]),
        annotated=np.concatenate(annotated),
        frames=np.array(case.frames),
    )
    progress = progress_of(runs, rules)
    sums = start_sums(runs, progress, rules)
    eao = multistart_eao(runs, progress, rules, case.interval)[0].value
    return {"eao": eao, "accuracy": sums.accuracy.value, "robustness": sums.robustness.value}


def ao_scores(case: Case, rules: NoResetConvention) -> dict[str, float | None]:
    """Likewise of runs without resets."""
    starts = np.concatenate([np.arange(len(run)) == 0 for run in case.runs])
    passes = Passes(
        owners=np.array([run.sequence for run in case.runs]),
        lengths=np.array([len(run) for run in case.runs]),
        overlaps=np.concatenate([overlaps_of(run, rules.overlap) for run in case.runs]),
        starts=starts,
        failed=np.zeros(len(starts), dtype=bool),
        tracked=~starts,
    )
    counted = counted_frames(passes, STACK_BURN_IN if rules.burn_in is None else rules.burn_in)
    pooling = BY_LENGTH if rules.weighted else "sequences"
    return {"ao": accuracy(passes, counted, pooling, blank_is_zero=True)}


def both(case: Case) -> dict[Any, float | None]:
    """Value of the rule -> value of the case's metric."""
    if case.metric == "ao":
        of_ao = NO_RESET_CONVENTIONS[0]
        return {value: ao_scores(case, replace(of_ao, **{case.rule: value}))["ao"] for value in case.values}
    base = MULTISTART_CONVENTIONS[0]
    return {value: start_scores(case, replace(base, **{case.rule: value}))[case.metric] for value in case.values}


def start_sets() -> str:
    """All rule sets of many starts on the same runs, then each with its source and its rules in words."""
    metrics = ("eao", "accuracy", "robustness")
    rows = [
        (f"[`{c.name}`](#{c.name})", *(number(start_scores(DIFFICULT, c)[metric]) for metric in metrics))
        for c in MULTISTART_CONVENTIONS
    ]
    return _sets(table(("rule set", *(TITLES[m] for m in metrics)), rows), MULTISTART_CONVENTIONS)


def ao_sets() -> str:
    """Likewise of the average overlap."""
    rows = [(f"[`{c.name}`](#{c.name})", number(ao_scores(DIFFICULT, c)["ao"])) for c in NO_RESET_CONVENTIONS]
    return _sets(table(("rule set", "AO"), rows), NO_RESET_CONVENTIONS)


def _sets(first: str, conventions: Sequence[MultiStartConvention | NoResetConvention]) -> str:
    return "\n\n".join([first, *(f"### {c.name} {{ #{c.name} }}\n\n{c.describe()}" for c in conventions)])


def start_rules() -> str:
    """A section for every rule of many starts: what it says, who has which value, and what the values give."""
    return _rules(START_CASES, MultiStartConvention, MULTISTART_CONVENTIONS, "st")


def ao_rules() -> str:
    """Likewise of the average overlap."""
    return _rules(AO_CASES, NoResetConvention, NO_RESET_CONVENTIONS, "ao")


def _rules(cases: Sequence[Case], of: type[Any], sets: tuple[Any, ...], prefix: str) -> str:
    known, told = {case.rule: case for case in cases}, explanations(of)
    sections = []
    for name in (f.name for f in fields(of) if f.name not in NOT_RULES):
        case = known[name]
        rows = [
            (value_text(name, value), users(name, value, sets), number(found)) for value, found in both(case).items()
        ]
        heads = ("value", "rule sets", TITLES[case.metric])
        sections += [f"### `{name}` {{ #{prefix}-{name} }}", told[name], f"*{case.scene}*", table(heads, rows)]
    return "\n\n".join(sections)
