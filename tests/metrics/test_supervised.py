"""Accuracy and robustness against plain loops over frames."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.metrics import supervised, vot_conventions
from spm_bench.metrics.supervised import (
    accuracy,
    counted_frames,
    pass_accuracies,
    region_overlaps,
    robustness,
    sequence_accuracies,
    sequence_failures,
)
from spm_bench.metrics.vot_conventions import VOT_CONVENTIONS, get_vot_convention
from tests.metrics.supervised_runs import (
    Pass,
    coded,
    counts,
    frame_means,
    joined,
    mean,
    of_sequence,
    pass_accuracy,
    random_passes,
)


@pytest.mark.parametrize("seed", range(4))
def test_burn_in_leaves_out_the_start_and_what_follows_it(seed: int) -> None:
    made = random_passes(seed)
    for burn_in in (0, 1, 10):
        expected = [counts(p, f, burn_in) for p in made for f in range(len(p.codes))]
        assert counted_frames(joined(made), burn_in).tolist() == expected


def test_burn_in_of_10_counts_from_the_eleventh_frame_of_each_start() -> None:
    one = Pass(0, coded(40, [15]), [0.5] * 40)
    assert np.flatnonzero(counted_frames(joined([one]))).tolist() == [10, 11, 12, 13, 14, *range(30, 40)]


def test_a_pass_does_not_inherit_the_start_of_the_pass_before() -> None:
    late = Pass(0, [0, 0, 0, *[3] * 20], [0.0] * 3 + [0.5] * 20)
    passes = joined([Pass(0, coded(23, []), [0.5] * 23), late])
    assert counted_frames(passes)[23:].tolist() == [False] * 10 + [True] * 13


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("repetitions", [(3, 3, 3, 3), (1, 3, 2)])
def test_accuracy_under_every_pooling(seed: int, repetitions: tuple[int, ...]) -> None:
    made = random_passes(seed, repetitions, shortest=30)
    passes, n = joined(made), len(repetitions)
    counted = counted_frames(passes)
    lengths = [len(of_sequence(made, s)[0].codes) for s in range(n)]

    per_pass = [pass_accuracy(p) for p in made]
    assert pass_accuracies(passes, counted) == pytest.approx(np.array(per_pass, dtype=float), nan_ok=True)

    means = [mean([a for p in of_sequence(made, s) if (a := pass_accuracy(p)) is not None]) for s in range(n)]
    known = [(m, k) for m, k in zip(means, lengths, strict=True) if m is not None]
    assert accuracy(passes, counted, "sequences") == pytest.approx(sum(m for m, _ in known) / len(known))
    by_length = sum(m * k for m, k in known) / sum(k for _, k in known)
    assert accuracy(passes, counted, "sequences-by-length") == pytest.approx(by_length)

    pooled = [frame_means(of_sequence(made, s)) for s in range(n)]
    flat = [v for values in pooled for v in values]
    assert accuracy(passes, counted, "frames") == pytest.approx(sum(flat) / len(flat))
    expected = np.array([mean(v) for v in pooled], dtype=float)
    assert sequence_accuracies(passes, counted, "frames") == pytest.approx(expected, nan_ok=True)


def test_the_poolings_differ_where_sequences_and_repetitions_do() -> None:
    made = [
        Pass(0, coded(20, []), [0.0] + [0.2] * 19),
        Pass(0, coded(20, [14]), [0.6 if c == 3 else 0.0 for c in coded(20, [14])]),
        Pass(1, coded(110, []), [0.0] + [0.9] * 109),
    ]
    passes = joined(made)
    counted = counted_frames(passes)
    frames = ([0.4] * 4 + [0.2] * 6, [0.9] * 100)
    assert accuracy(passes, counted, "frames") == pytest.approx((sum(frames[0]) + 90) / 110)
    assert accuracy(passes, counted, "sequences") == pytest.approx((0.4 + 0.9) / 2)
    assert accuracy(passes, counted, "sequences-by-length") == pytest.approx((0.4 * 20 + 0.9 * 110) / 130)


def test_a_pass_without_frames_that_count_is_left_out_or_zero() -> None:
    made = [Pass(0, coded(9, []), [0.0] + [0.8] * 8), Pass(1, coded(20, []), [0.0] + [0.5] * 19)]
    passes = joined(made)
    counted = counted_frames(passes)
    left_out = sequence_accuracies(passes, counted, "sequences")
    assert math.isnan(left_out[0])
    assert left_out[1] == 0.5
    assert sequence_accuracies(passes, counted, "sequences", blank_is_zero=True).tolist() == [0.0, 0.5]
    assert accuracy(passes, counted, "sequences-by-length") == 0.5
    assert accuracy(passes, counted, "sequences-by-length", blank_is_zero=True) == pytest.approx(0.5 * 20 / 29)
    nothing = np.zeros(29, dtype=bool)
    assert math.isnan(accuracy(passes, nothing, "frames"))
    assert math.isnan(accuracy(passes, nothing, "sequences"))


@pytest.mark.parametrize("seed", range(3))
def test_failures_are_averaged_over_repetitions(seed: int) -> None:
    made = random_passes(seed, (2, 1, 4))
    expected = [mean([p.codes.count(2) for p in of_sequence(made, s)]) for s in range(3)]
    assert sequence_failures(joined(made)).tolist() == expected


def test_robustness_in_every_unit() -> None:
    units = robustness(np.array([0.5, 0.0, 1.0]), np.array([60, 40, 50]), 30)
    assert units.failures == 1.5
    assert units.per_sequence == 0.5
    assert units.per_100_frames == 1.0
    assert units.per_sequence_by_length == pytest.approx(80 / 150)
    assert units.reliability == pytest.approx(math.exp(-30 * 1.5 / 150))
    assert units.reliability_by_length == pytest.approx(math.exp(-30 * (80 / 150) / 50))
    assert robustness(np.zeros(2), np.array([10, 20]), 30).reliability == 1.0


def test_the_two_overlaps_differ_and_are_named() -> None:
    truth, result = np.array([[0.0, 0, 10, 0, 10, 10, 0, 10]]), np.array([[0.0, 0, 10, 10]])
    assert region_overlaps(truth, result, None, "raster") == pytest.approx(100 / 121)
    assert region_overlaps(truth, result, None, "exact") == pytest.approx(1.0)


def test_conventions_are_found_by_name_and_explain_themselves() -> None:
    assert get_vot_convention(None) is VOT_CONVENTIONS[0]
    assert get_vot_convention("PySOT").name == "vot-matlab"
    assert get_vot_convention("VOT-toolkit").lengths((100, 356)) == (101, 357)
    assert len({c.name for c in VOT_CONVENTIONS}) == len(VOT_CONVENTIONS)
    assert all(c.source in c.describe() for c in VOT_CONVENTIONS)
    with pytest.raises(UsageError, match="vot-tolkit") as caught:
        get_vot_convention("vot-tolkit")
    assert "vot-toolkit" in str(caught.value)


@pytest.mark.parametrize("module", [supervised, vot_conventions])
def test_examples_in_the_docstrings(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
