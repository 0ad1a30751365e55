"""Comparisons with a base: each number against its own definition, and what does not compare is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spm_bench.errors import ResultsError, UsageError
from spm_bench.metrics.paired import paired_interval
from spm_bench.metrics.resampling import Statistic, mean_over
from spm_bench.metrics.statistics import detectable_difference, holm, signed_rank_p, swap_p
from spm_bench.metrics.supervised import robustness_statistics
from spm_bench.scoring.base import Evaluation, Part
from spm_bench.scoring.compare import OPPOSED, SAME, compare_attributes, compare_to_base
from tests.report.fakes import make_scores, make_suite

NAMES = tuple(f"s{i}" for i in range(9))
RNG = np.random.default_rng(7)
BASE = RNG.uniform(0.3, 0.8, 9)


def made(
    label: str,
    values: np.ndarray,
    names: tuple[str, ...] = NAMES,
    *,
    metric: str = "auc",
    suite: str = "otb100",
    **changes: object,
) -> Evaluation:
    scores = make_scores(make_suite(suite), label, {metric: float(np.nanmean(values)), "fps": 100.0}, **changes)
    return Evaluation(label, scores, pd.DataFrame(), {}, sequences=names, statistics={metric: mean_over(values)})


def test_every_number_is_what_it_says() -> None:
    values = BASE + RNG.normal(0.04, 0.05, 9)
    (found,) = compare_to_base(made("base", BASE), [made("a", values)])
    d = values - BASE
    interval = paired_interval(values, BASE)
    assert (found.label, found.base, found.suite, found.metric) == ("a", "base", "otb100", "auc")
    assert found.value == pytest.approx(values.mean())
    assert found.base_value == pytest.approx(BASE.mean())
    assert found.difference == pytest.approx(d.mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert found.p == found.p_holm == pytest.approx(signed_rank_p(d))
    assert (found.wins, found.ties, found.losses) == ((d > 0).sum(), 0, (d < 0).sum())
    assert found.detectable == pytest.approx(detectable_difference(d.std(ddof=1) / 3, 9))
    assert (found.n_sequences, found.n_units, found.note, found.level) == (9, 9, "", 0.95)


def test_holm_runs_over_the_cells_of_one_metric() -> None:
    others = [made(f"c{i}", BASE + RNG.normal(0.02 * i, 0.05, 9)) for i in range(5)]
    with_second = [
        replace(
            e,
            scores=(*e.scores, replace(e.scores[0], metric="precision")),
            statistics={**e.statistics, "precision": mean_over(RNG.random(9))},
        )
        for e in [made("base", BASE), *others]
    ]
    found = compare_to_base(with_second[0], with_second[1:])
    assert [c.label for c in found] == [f"c{i}" for i in range(5) for _ in range(2)]
    for metric in ("auc", "precision"):
        rows = [c for c in found if c.metric == metric]
        assert [c.p_holm for c in rows] == pytest.approx(holm([c.p for c in rows]))
    chosen = compare_to_base(with_second[0], with_second[1:], metrics=["precision"])
    assert [c.metric for c in chosen] == ["precision"] * 5


def test_established_needs_both_the_interval_and_the_corrected_test() -> None:
    better = made("better", BASE + 0.1 + RNG.normal(0, 0.01, 9))
    (alone,) = compare_to_base(made("base", BASE), [better])
    assert alone.established
    assert alone.better
    assert not replace(alone, p_holm=0.2).established
    assert not replace(alone, low=-0.01).established
    assert not replace(alone, low=math.nan, high=math.nan).established
    crowd = compare_to_base(
        made("base", BASE), [better, *(made(f"c{i}", BASE + 1e-3 * RNG.normal(0, 1, 9)) for i in range(20))]
    )
    assert crowd[0].low > 0
    assert crowd[0].p < 0.05 < crowd[0].p_holm
    assert not crowd[0].established  # with 21 cells, nine sequences cannot show it


def test_fewer_failures_are_wins() -> None:
    lost = np.array([2.0, 1, 0, 3, 1, 0, 0, 2, 1])
    fewer = np.maximum(lost - 1, 0)
    (found,) = compare_to_base(made("base", lost, metric="failures"), [made("a", fewer, metric="failures")])
    assert (found.wins, found.ties, found.losses) == (6, 3, 0)
    assert found.better
    assert found.difference < 0


def test_equal_results_are_no_difference() -> None:
    (found,) = compare_to_base(made("base", BASE), [made("same", BASE)])
    assert (found.difference, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert (found.wins, found.ties, found.losses) == (0, 9, 0)
    assert math.isnan(found.detectable)
    assert found.note == SAME
    assert not found.established


def test_units_are_drawn_and_tested_whole() -> None:
    values = BASE + RNG.normal(0.05, 0.05, 9)
    units = dict(zip(NAMES, "aabbccdde", strict=True))
    (found,) = compare_to_base(made("base", BASE), [made("x", values)], units=units)
    interval = paired_interval(values, BASE, list(units.values()))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert (found.n_sequences, found.n_units) == (9, 5)
    means = [np.mean([(values - BASE)[i] for i in range(9) if "aabbccdde"[i] == u]) for u in "abcde"]
    assert found.p == pytest.approx(signed_rank_p(means))
    assert found.wins + found.losses == 9  # of sequences, not of units
    half = compare_to_base(made("base", BASE), [made("x", values)], units={"s0": "v", "s1": "v"})
    assert half[0].n_units == 8


def test_known_videos_are_units_without_being_asked() -> None:
    names = ("Jogging-1", "Jogging-2", "Car4")
    (found,) = compare_to_base(made("base", BASE[:3], names), [made("x", BASE[:3] + np.array([0.1, 0.2, 0.3]), names)])
    assert (found.n_sequences, found.n_units) == (3, 2)


def test_only_sequences_that_both_have_are_compared_in_whatever_order() -> None:
    values = BASE + RNG.normal(0.05, 0.05, 9)
    order = [4, 2, 8, 0, 1]
    part = made("part", values[order], tuple(NAMES[i] for i in order))
    (found,) = compare_to_base(made("base", BASE), [part])
    assert found.n_sequences == 5
    assert found.value == pytest.approx(values[order].mean())
    assert found.base_value == pytest.approx(BASE[order].mean())
    assert found.note == "on the 5 of 9 sequences that both have"
    assert found.p == pytest.approx(signed_rank_p((values - BASE)[order]))


def test_a_score_of_no_single_sequence_is_tested_by_swaps() -> None:
    def squares(sums: np.ndarray) -> np.ndarray:
        return np.asarray(sums[..., 0] / sums[..., 1])

    columns = [np.stack([RNG.random(9) + shift, np.ones(9)], axis=1) for shift in (0.0, 0.3)]
    statistics = [Statistic(c, squares, of_single=False) for c in columns]
    base, other = (
        replace(made(n, BASE, metric="eao"), statistics={"eao": s})
        for n, s in zip(("base", "x"), statistics, strict=True)
    )
    (found,) = compare_to_base(base, [other])
    assert found.p == swap_p(statistics[1], statistics[0])
    assert (found.wins, found.ties, found.losses) == (0, 0, 0)
    assert "randomisation" in found.note


def test_a_metric_that_one_lacks_is_left_out_and_one_sequence_has_no_interval() -> None:
    assert compare_to_base(made("base", BASE), [replace(made("x", BASE), statistics={})]) == []
    assert compare_to_base(made("base", BASE), []) == []
    (found,) = compare_to_base(made("base", BASE[:1], NAMES[:1]), [made("x", BASE[:1] + 0.1, NAMES[:1])])
    assert found.difference == pytest.approx(0.1)
    assert math.isnan(found.low)
    assert math.isnan(found.detectable)
    assert not found.established


def test_seeds_decide() -> None:
    pair = made("base", BASE), [made("x", BASE + RNG.normal(0.05, 0.05, 9))]
    assert compare_to_base(*pair) == compare_to_base(*pair)
    assert compare_to_base(*pair, seed=1)[0].low != compare_to_base(*pair)[0].low
    assert compare_to_base(*pair, level=0.5)[0].low > compare_to_base(*pair)[0].low


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (made("x", BASE, suite="otb50"), "different suites"),
        (made("x", BASE, convention="pysot"), "follows pysot"),
        (made("x", BASE, tuple("abcdefghi")), "no sequence in common"),
    ],
)
def test_what_does_not_compare_is_refused(other: Evaluation, words: str) -> None:
    with pytest.raises(ResultsError, match=words):
        compare_to_base(made("base", BASE), [other])


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(UsageError, match="aux"):
        compare_to_base(made("base", BASE), [], metrics=["aux"])


def test_nothing_is_established_where_mean_and_ranks_are_of_two_minds() -> None:
    names = tuple(f"s{i}" for i in range(68))
    base = np.full(68, 0.4)
    (found,) = compare_to_base(
        made("base", base, names), [made("few large", base + np.array([-0.01] * 60 + [0.5] * 8), names)]
    )
    assert found.low > 0.0
    assert found.p_holm < 0.001
    assert not found.established
    assert OPPOSED in found.note


def test_failures_are_totals_of_the_sequences_that_both_have() -> None:
    lost, frames = np.array([1.0, 4.0, 0.0, 5.0]), np.array([100, 200, 150, 90])

    def failing(label: str, rows: list[int]) -> Evaluation:
        metric = "failures"
        statistics = robustness_statistics(lost[rows], frames[rows], 30.0)
        names = tuple(f"s{i}" for i in rows)
        return replace(made(label, lost[rows], names, metric=metric), statistics={metric: statistics[metric]})

    (found,) = compare_to_base(failing("base", [0, 1, 2, 3]), [failing("same", [1, 3])])
    assert (found.value, found.base_value, found.difference) == (9.0, 9.0, 0.0)
    assert (found.wins, found.ties, found.losses) == (0, 2, 0)


def test_attributes_are_compared_on_the_sequences_that_carry_them() -> None:
    carriers = {"OCC": (0, 2, 3, 5, 8), "SV": (1, 2), "LR": (4,)}
    values = BASE + RNG.normal(0.1, 0.05, 9)

    def tagged(label: str, of: np.ndarray, tags: tuple[str, ...]) -> Evaluation:
        parts = {
            tag: Part(tuple(NAMES[i] for i in carriers[tag]), {"auc": mean_over(of[[*carriers[tag]]])}) for tag in tags
        }
        return replace(made(label, of), attributes=parts)

    found = compare_attributes(tagged("base", BASE, ("OCC", "SV", "LR")), tagged("a", values, ("LR", "SV", "OCC")))
    assert {tag: c.n_sequences for tag, (c,) in found.items()} == {"OCC": 5, "SV": 2, "LR": 1}
    (occluded,) = found["OCC"]
    d = (values - BASE)[[*carriers["OCC"]]]
    interval = paired_interval(values[[*carriers["OCC"]]], BASE[[*carriers["OCC"]]])
    assert (occluded.label, occluded.base, occluded.metric) == ("a", "base", "auc")
    assert occluded.difference == pytest.approx(d.mean())
    assert (occluded.low, occluded.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert (occluded.wins, occluded.ties, occluded.losses) == ((d > 0).sum(), 0, (d < 0).sum())
    assert [c.p_holm for (c,) in found.values()] == pytest.approx(holm([c.p for (c,) in found.values()]))
    assert math.isnan(found["LR"][0].low)
    assert list(compare_attributes(tagged("base", BASE, ("OCC", "SV")), tagged("a", values, ("SV",)))) == ["SV"]
