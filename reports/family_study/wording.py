"""Sentences of the page, each made from its numbers: whichever way they fall, the sentence says it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Sequence as Many
from typing import Any

import numpy as np
import pandas as pd
from proving.compare import FEWEST_UNITS, MINUS, signed

from family_study.measure import AXES, MEAN, OTB, STEPS
from family_study.methods import CLOSEST, METHODS, PUBLISHED, REFERENCES, RIVALS, SPM
from family_study.study import Study
from spm_bench.report.differences import p_text
from spm_bench.report.vocabulary import style_of

Row = dict[str, Any]


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`; `none` of nothing."""
    known = list(names)
    if not known:
        return "none"
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} and {known[-1]}"


def rows_of(frame: pd.DataFrame, methods: Many[str], seed: str | None = None) -> list[Row]:
    """Rows of differences of these methods (and this seed), in their order."""
    rows: list[Row] = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    chosen = [row for row in rows if row["method"] in methods and (seed is None or row["seed"] == seed)]
    return sorted(chosen, key=lambda row: list(methods).index(row["method"]))


def interval_text(row: Row, *, turned: bool = False, digits: int = 3, short: bool = False) -> str:
    """`+0.031, 95 % interval [+0.002, +0.060]`; turned, of SPM minus the other; short, for a table."""
    value, low, high = float(row["difference"]), float(row["low"]), float(row["high"])
    if turned:
        value, low, high = -value, -high, -low
    if row["n_units"] < FEWEST_UNITS or not (math.isfinite(low) and math.isfinite(high)):
        return _signed(value, digits) + ("" if short else " (too few sequences for an interval)")
    between = ", 95 % interval" if not short else ""
    return f"{_signed(value, digits)}{between} [{_signed(low, digits)}, {_signed(high, digits)}]"


def _signed(value: float, digits: int) -> str:
    if digits == 3:
        return signed(value)
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0.0 else f"{'+' if value > 0 else MINUS}{text}"


def verdict(row: Row) -> str:
    """Who is ahead of whom, as far as interval and test say so. Differences are rival minus SPM."""
    if row["established"]:
        return f"{SPM if not row['better'] else row['method']} is better beyond noise"
    if row["n_units"] < FEWEST_UNITS:
        return "too few to say"
    return "not to be told apart here"


def statement(row: Row, what: str) -> str:
    """The sentence of one comparison: SPM minus a rival."""
    test = f"p {p_text(row['p'])}, corrected {p_text(row['p_holm'])}"
    return f"**{SPM} minus {row['method']}**, {what}: {interval_text(row, turned=True)}; {test}: {verdict(row)}."


def by_seed(study: Study, suite: str, metric: str, rival: str, part: str = "") -> dict[str, float]:
    """SPM minus a rival of the same seed, for the seeds that both have."""
    found = {}
    for seed in study.seeds(SPM):
        ours, theirs = (study.score(suite, method, seed, metric, part) for method in (SPM, rival))
        if ours is not None and theirs is not None:
            found[seed] = float(ours["value"]) - float(theirs["value"])
    return found


def spread(values: Many[float]) -> str:
    """`0.012 (0.402 to 0.425)`: standard deviation over trainings, and the range; a dash with fewer than two."""
    if len(values) < 2:
        return f"one training ({values[0]:.3f})" if values else "none"
    return f"{np.std(values, ddof=1):.3f} ({min(values):.3f} to {max(values):.3f})"


def forest_says(study: Study) -> str:
    """Of each ground with an AUC: which rivals differ from SPM, and how far single trainings lie from their mean."""
    parts = []
    for suite, title in ((OTB, "OTB at hand"), (STEPS, "the steps")):
        rows = rows_of(study.compared(suite, "auc"), RIVALS, MEAN)
        if not rows:
            continue
        sure = [row for row in rows if row["established"]]
        worse = [row["method"] for row in sure if not row["better"]]
        better = [row["method"] for row in sure if row["better"]]
        open_ = [row["method"] for row in rows if not row["established"]]
        words = [
            f"below SPM beyond noise: {listed(worse)}",
            f"above it: {listed(better)}",
            f"not to be told from it: {listed(open_)}",
        ]
        parts.append(f"On {title}, {'; '.join(words)}.")
    ranges = []
    for method in METHODS:
        values = [_value(study, OTB, method.name, seed) for seed in study.seeds(method.name)]
        known = [v for v in values if v is not None]
        if len(known) > 1:
            ranges.append(f"{method.name} {max(known) - min(known):.3f}")
    if ranges:
        parts.append(f"Between trainings of one method, AUC on OTB ranges over {', '.join(ranges)}.")
    return " ".join(parts)


def _value(study: Study, suite: str, method: str, seed: str, part: str = "") -> float | None:
    row = study.score(suite, method, seed, "auc", part)
    return None if row is None else float(row["value"])


def axes_pay(study: Study) -> str:
    """On which axes SPM is above the rival that lacks its second stage, and whether all seeds agree."""
    above, below, open_ = [], [], []
    for axis in AXES:
        rows = rows_of(study.compared(STEPS, "auc", axis), [CLOSEST], MEAN)
        if not rows:
            continue
        row, seeds = rows[0], by_seed(study, STEPS, "auc", CLOSEST, axis)
        agreed = sum(value > 0 for value in seeds.values())
        n = len(seeds)
        text = f"{axis} ({interval_text(row, turned=True)}; above in {agreed} of {n} pairs of trainings)"
        surely = row["n_units"] >= FEWEST_UNITS
        if surely and row["high"] < 0:  # the rival minus SPM
            above.append(text)
        elif surely and row["low"] > 0:
            below.append(text)
        else:
            open_.append(text)
    if not (above or below or open_):
        return f"Without networks of both {SPM} and {CLOSEST} nothing can be said of the second stage."
    told = [
        f"Above zero on {listed(above)}: there the second stage pays."
        if above
        else "The second stage pays on no axis beyond doubt.",
        f"Below zero on {listed(below)}: there it costs." if below else "",
        f"Open on {listed(open_)}." if open_ else "",
    ]
    return f"AUC, {SPM} minus {CLOSEST}. {' '.join(filter(None, told))}"


def sequences_say(study: Study) -> str:
    """On how many targets SPM is ahead, and where most."""
    delta = study.seed_means(OTB, "auc", SPM) - study.seed_means(OTB, "auc", CLOSEST)
    if delta.empty:
        return ""
    best, worst = str(delta.idxmax()), str(delta.idxmin())
    ahead = int((delta > 0).sum())
    return (
        f"{SPM} is ahead on {ahead} of {len(delta)} targets, most on {best} ({signed(float(delta[best]))}), least on "
        f"{worst} ({signed(float(delta[worst]))}); the median is {signed(float(delta.median()))}, the mean "
        f"{signed(float(delta.mean()))}."
    )


def costs(study: Study, suite: str, methods: Many[str]) -> str:
    """Who is beaten by nobody in both, and what the cheapest and the best cost."""
    assert study.speed is not None
    points = []
    for timed in study.speed["rows"]:
        if timed["method"] in methods and timed["tracker_ms"]:
            value = _value(study, suite, timed["method"], MEAN if timed["method"] in [m.name for m in METHODS] else "")
            if value is not None:
                points.append((timed["method"], float(timed["tracker_ms"]), value))
    front = [name for name, ms, value in points if not any(m <= ms and v >= value and n != name for n, m, v in points)]
    cheap, best = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[2])
    return (
        f"Nobody is both faster and better than {listed(front)}. The cheapest is {cheap[0]} ({cheap[1]:.1f} ms a "
        f"frame, AUC {cheap[2]:.3f}), the best {best[0]} ({best[1]:.1f} ms, {best[2]:.3f})."
    )


def published_says(study: Study) -> list[str]:
    """A line a Siamese tracker: at or above published KCF on these very sequences, in the mean over its seeds?"""
    lines = []
    for method in METHODS:
        answers = []
        for metric in ("auc", "precision"):
            own = study.score(OTB, method.name, MEAN, metric)
            theirs = study.score(OTB, PUBLISHED, "", metric)
            if own is not None and theirs is not None:
                word = "yes" if own["value"] >= theirs["value"] else "no"
                answers.append(
                    f"{style_of(metric).title} **{word}** ({own['value']:.3f} against {theirs['value']:.3f})"
                )
        if answers:
            lines.append(f"* {method.name} at or above published KCF: {', '.join(answers)}")
    return lines


def rates_say(study: Study, methods: Many[str]) -> str:
    """What learning less often costs the filter, on the steps."""
    base = _value(study, STEPS, REFERENCES[0].name, "")
    if base is None:
        return ""
    told = []
    for name in methods:
        value = _value(study, STEPS, name, "")
        if value is not None and name != REFERENCES[0].name:
            told.append(f"{name.removeprefix('DCF ')} {signed(value - base)}")
    return f"AUC on the steps against DCF as it is ({base:.3f}): {', '.join(told)}." if told else ""
