"""Accuracy, robustness and EAO of multi-start runs against their definitions, written as plain loops."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.errors import UsageError
from spm_bench.metrics.multistart import StartRuns, multistart_eao, progress_of, start_sums
from spm_bench.metrics.vot_conventions import (
    MULTISTART_CONVENTIONS,
    NO_RESET_CONVENTIONS,
    MultiStartConvention,
    get_multistart_convention,
    get_no_reset_convention,
)

TOOLKIT, PLAIN = get_multistart_convention("vot-st"), get_multistart_convention("vot-st-plain")


@dataclass(frozen=True)
class OneRun:
    """A run over sequence `owner`: overlaps (0 at the start), and which frames are annotated."""

    owner: int
    overlaps: list[float]
    annotated: list[bool]


def random_runs(seed: int, n_sequences: int = 4) -> tuple[list[OneRun], list[int]]:
    rng = np.random.default_rng(seed)
    frames = rng.integers(20, 60, n_sequences).tolist()
    made = []
    for owner, n in enumerate(frames):
        for _ in range(int(rng.integers(1, 5))):
            length = int(rng.integers(2, n + 1))
            overlaps = np.where(rng.random(length) < 0.1, 0.05, rng.uniform(0.1, 1, length))
            if rng.random() < 0.6 and length > 14:
                fail = int(rng.integers(0, length - 10))
                overlaps[fail : fail + 10] = 0.1 if rng.random() < 0.5 else 0.0
            overlaps[0] = 0.0
            made.append(OneRun(owner, overlaps.tolist(), (rng.random(length) < 0.93).tolist()))
    return made, frames


def joined(made: list[OneRun], frames: list[int]) -> StartRuns:
    return StartRuns(
        owners=np.array([one.owner for one in made]),
        lengths=np.array([len(one.overlaps) for one in made]),
        overlaps=np.concatenate([one.overlaps for one in made]),
        annotated=np.concatenate([one.annotated for one in made]),
        frames=np.array(frames),
    )


def progress_by_loop(one: OneRun, rules: MultiStartConvention) -> int:
    in_a_row = 0
    for frame, overlap in enumerate(one.overlaps):
        counts = one.annotated[frame] and not (frame == 0 and rules.start_frame == "left-out")
        in_a_row = in_a_row + 1 if counts and overlap <= rules.threshold else 0
        if in_a_row == rules.grace:
            return frame - rules.grace + 1
    return len(one.overlaps)


def accuracy_by_loop(made: list[OneRun], rules: MultiStartConvention) -> float:
    total, n = 0.0, 0
    for one in made:
        for frame in range(progress_by_loop(one, rules)):
            if frame == 0 and rules.start_frame == "left-out":
                continue
            if not one.annotated[frame] and rules.unannotated == "left-out":
                continue
            total, n = total + one.overlaps[frame], n + 1
    return total / n


def robustness_by_loop(made: list[OneRun], frames: list[int], rules: MultiStartConvention) -> float:
    per_sequence, lengths = [], []
    for owner in range(len(frames)):
        own = [one for one in made if one.owner == owner]
        lengths.append(sum(len(one.overlaps) for one in own))
        per_sequence.append(sum(progress_by_loop(one, rules) for one in own) / lengths[-1])
    weights = frames if rules.robustness_weight == "sequence-length" else lengths
    return sum(r * w for r, w in zip(per_sequence, weights, strict=True)) / sum(weights)


def phi_by_loop(made: list[OneRun], length: int, rules: MultiStartConvention) -> float | None:
    values = []
    for one in made:
        n, progress = len(one.overlaps), progress_by_loop(one, rules)
        kept = [o if frame < progress else 0.0 for frame, o in enumerate(one.overlaps)]
        if length <= n:
            values.append(sum(kept[1:length]) / (length - 1))
        elif progress < n:
            less = 1 if rules.padded_mean == "one-frame-less" else 0
            values.append(sum(kept[1:]) / (length - 1 - less))
    return sum(values) / len(values) if values else None


@pytest.mark.parametrize("rules", MULTISTART_CONVENTIONS, ids=lambda c: c.name)
@pytest.mark.parametrize("seed", range(6))
def test_everything_equals_the_definition(rules: MultiStartConvention, seed: int) -> None:
    made, frames = random_runs(seed)
    runs = joined(made, frames)
    progress = progress_of(runs, rules)
    assert progress.tolist() == [progress_by_loop(one, rules) for one in made]
    sums = start_sums(runs, progress, rules)
    assert sums.accuracy.value == pytest.approx(accuracy_by_loop(made, rules), abs=1e-12)
    assert sums.robustness.value == pytest.approx(robustness_by_loop(made, frames, rules), abs=1e-12)
    interval = (8, 70)
    eao, statistic, line = multistart_eao(runs, progress, rules, interval)
    expected = [phi_by_loop(made, length, rules) for length in range(2, 71)]
    known = np.array([np.nan if value is None else value for value in expected])
    np.testing.assert_allclose(eao.curve[1:70], known, rtol=0, atol=1e-12)
    inside = known[rules.lengths(interval)[0] - 2 :]
    if rules.unknown_length == "zero":
        inside = np.nan_to_num(inside)
    assert eao.value == pytest.approx(float(np.nanmean(inside)), abs=1e-12)
    assert statistic is not None
    assert statistic.value == pytest.approx(eao.value, abs=1e-12)
    drawn = line.formula(line.columns.sum(axis=0))
    np.testing.assert_allclose(drawn, eao.curve[~np.isnan(eao.curve)], rtol=0, atol=1e-12)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_drawing_sequences_is_scoring_the_drawn_ones(seed: int) -> None:
    made, frames = random_runs(seed)
    runs = joined(made, frames)
    progress = progress_of(runs, TOOLKIT)
    _, statistic, _ = multistart_eao(runs, progress, TOOLKIT, (8, 30))
    assert statistic is not None
    drawn = [
        OneRun(k, one.overlaps, one.annotated) for k, pick in enumerate((2, 0, 2)) for one in made if one.owner == pick
    ]
    of_drawn = joined(drawn, [frames[2], frames[0], frames[2]])
    expected = multistart_eao(of_drawn, progress_of(of_drawn, TOOLKIT), TOOLKIT, (8, 30))[0].value
    assert statistic([[1, 0, 2, 0]])[0] == pytest.approx(expected, abs=1e-12)


def test_a_perfect_tracker() -> None:
    made = [OneRun(k, [0.0] + [1.0] * (n - 1), [True] * n) for k, n in enumerate((760, 200, 900))]
    runs = joined(made, [760, 200, 900])
    for rules in MULTISTART_CONVENTIONS:
        progress = progress_of(runs, rules)
        assert multistart_eao(runs, progress, rules, (115, 755))[0].value == pytest.approx(1.0, abs=1e-12)
        assert start_sums(runs, progress, rules).robustness.value == 1.0
    # the toolkit counts the frames of the three starts, in which nothing overlaps
    assert start_sums(runs, runs.lengths, TOOLKIT).accuracy.value == pytest.approx(1857 / 1860)
    assert start_sums(runs, runs.lengths, PLAIN).accuracy.value == 1.0


def test_failures_by_hand() -> None:
    def progress(
        overlaps: list[float], annotated: list[bool] | None = None, rules: MultiStartConvention = TOOLKIT
    ) -> int:
        one = OneRun(0, overlaps, annotated or [True] * len(overlaps))
        return int(progress_of(joined([one], [len(overlaps)]), rules)[0])

    assert progress([0, *[0.5] * 5, *[0.1] * 10, 0.9]) == 6  # at the threshold counts
    assert progress([0, *[0.5] * 5, *[0.1] * 9, 0.9]) == 16
    assert progress([0, *[0.1] * 9, 0.9]) == 0  # the start counts as the first of ten
    assert progress([0, *[0.1] * 9, 0.9], rules=PLAIN) == 11
    absent = [True] * 6 + [True] * 5 + [False] + [True] * 5
    assert progress([0, *[0.5] * 5, *[0.0] * 11], absent) == 17  # absence interrupts the row


def test_short_sequences_are_told() -> None:
    lost = OneRun(0, [0.0, *[0.5] * 9, *[0.0] * 10], [True] * 20)
    kept = OneRun(0, [0.0, *[0.5] * 19], [True] * 20)
    for rules, words in ((TOOLKIT, "they count 0"), (PLAIN, "they are left out")):
        runs = joined([kept], [20])
        assert words in multistart_eao(runs, progress_of(runs, rules), rules, (10, 30))[0].note
        both = joined([kept, lost], [20])
        note = multistart_eao(both, progress_of(both, rules), rules, (10, 30))[0].note
        assert "10 of the" in note
        assert "runs that failed are all that is known there" in note
    assert multistart_eao(runs, progress_of(runs, PLAIN), PLAIN, (30, 40))[0].value is None
    assert multistart_eao(runs, progress_of(runs, PLAIN), PLAIN, None)[0].value is None


RUNS = [
    OneRun(0, [0.0, *[0.8] * 29], [True] * 30),
    OneRun(0, [0.0, *[0.6] * 9, *[0.0] * 10], [True] * 20),
    OneRun(1, [0.0, *[0.4] * 9, 0.0, *[0.4] * 9], [True] * 10 + [False] + [True] * 9),
    OneRun(1, [0.0, *[0.05] * 9, *[0.7] * 5], [True] * 15),
]


@pytest.mark.parametrize(
    ("rule", "values", "metric"),
    [
        ("threshold", (0.1, 0.04), "robustness"),
        ("grace", (10, 11), "robustness"),
        ("start_frame", ("missed", "left-out"), "accuracy"),
        ("unannotated", ("missed", "left-out"), "accuracy"),
        ("padded_mean", ("one-frame-less", "all-frames"), "eao"),
        ("unknown_length", ("zero", "left-out"), "eao"),
        ("first_length", (0, 1), "eao"),
        ("robustness_weight", ("sequence-length", "run-length"), "robustness"),
    ],
)
def test_each_rule_has_two_values(rule: str, values: tuple[object, object], metric: str) -> None:
    found = []
    for value in values:
        rules = replace(TOOLKIT, **{rule: value})
        made = [one for one in RUNS if rule != "unknown_length" or one is RUNS[0]]
        runs = joined(made, [30, 20][: len({one.owner for one in made})])
        progress = progress_of(runs, rules)
        sums = start_sums(runs, progress, rules)
        found.append(
            {
                "accuracy": sums.accuracy.value,
                "robustness": sums.robustness.value,
                "eao": multistart_eao(runs, progress, rules, (10, 35))[0].value,
            }[metric]
        )
        if metric == "accuracy":
            assert found[-1] == pytest.approx(accuracy_by_loop(made, rules))
        if metric == "robustness":
            assert found[-1] == pytest.approx(robustness_by_loop(made, [30, 20], rules))
    assert found[0] != pytest.approx(found[1], abs=1e-4)


def test_names() -> None:
    assert get_multistart_convention(None) is MULTISTART_CONVENTIONS[0]
    assert get_multistart_convention("VOT-toolkit") is TOOLKIT
    assert get_no_reset_convention("vot-toolkit") is NO_RESET_CONVENTIONS[0]
    for look_up in (get_multistart_convention, get_no_reset_convention):
        with pytest.raises(UsageError, match="convention of"):
            look_up("vot-matlab")
    names = [c.name for c in (*MULTISTART_CONVENTIONS, *NO_RESET_CONVENTIONS)]
    assert len(set(names)) == len(names)
