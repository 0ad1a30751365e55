"""Every score has its interval, from all sequences and their videos; what has none says None."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.metrics.conventions import CONVENTIONS
from spm_bench.metrics.resampling import bootstrap, mean_over
from spm_bench.metrics.vot_conventions import VOT_CONVENTIONS
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate, evaluate_all
from spm_bench.scoring.intervals import curve_band, with_intervals
from spm_bench.scoring.units import units_of
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.facts import suite_facts
from tests.metrics.supervised_runs import coded
from tests.scoring.fakes import MemoryResults, make_suite, one_pass


def track(n: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and results of n frames, `shift` px apart on average."""
    rng = np.random.default_rng(seed)
    truth = np.tile([30.0, 30.0, 40.0, 30.0], (n, 1)) + np.cumsum(rng.normal(0, 1, (n, 4)), axis=0) * [1, 1, 0, 0]
    results = truth + rng.normal(shift, 4, (n, 4)) * [1, 1, 0, 0]
    results[0] = truth[0]
    return truth, results


def one_pass_case(
    family: str = "otb", lengths: tuple[int, ...] = (30, 60, 25, 90, 40), name: str = "tiny"
) -> Evaluation:
    made = {f"s{i}-{i % 2 + 1}": track(n, 2.0 * i, i) for i, n in enumerate(lengths)}
    sequences = [
        Sequence(key, truth, image_size=(400, 300), cover=np.full(len(truth), 8)) for key, (truth, _) in made.items()
    ]
    results = MemoryResults({key: (one_pass(boxes, 0.02),) for key, (_, boxes) in made.items()})
    return evaluate(replace(make_suite(*sequences, family=family), name=name), results)


def test_every_score_but_speed_has_an_interval() -> None:
    found = one_pass_case()
    for score in found.scores:
        if score.metric == "fps":
            assert (score.low, score.high, score.level) == (None, None, None)
        else:
            assert score.value is not None
            assert score.low is not None
            assert score.high is not None
            assert 0.0 <= score.low <= score.value <= score.high <= 1.0
            assert score.level == 0.95
    json.dumps([s.to_json() for s in found.scores], allow_nan=False)


def test_a_mean_over_sequences_has_the_interval_of_its_values() -> None:
    found = one_pass_case()
    values = found.per_sequence.query("metric == 'auc'")["value"].to_numpy()
    interval = bootstrap(mean_over(values))
    assert (found.score("auc").low, found.score("auc").high) == (interval.low, interval.high)


def test_average_overlap_weighs_sequences_by_their_frames() -> None:
    found = one_pass_case("got10k")
    statistic = found.statistics["ao"]
    assert statistic.value == pytest.approx(found.score("ao").value, abs=1e-12)
    twice_the_last = statistic([[0, 0, 0, 1, 2]])[0]
    values = found.per_sequence.query("metric == 'ao'")["value"].to_numpy()
    assert twice_the_last == pytest.approx((89 * values[3] + 2 * 39 * values[4]) / (89 + 2 * 39))


@pytest.mark.parametrize("rules", [c for c in CONVENTIONS if not c.absent_labels], ids=lambda c: c.name)
def test_statistics_equal_the_scores_under_every_convention(rules: object) -> None:
    truth, boxes = track(30, 3.0, 1)
    suite = make_suite(*(Sequence(n, truth, image_size=(400, 300)) for n in "ab"))
    found = evaluate(suite, MemoryResults({n: (one_pass(boxes), one_pass(boxes + 1)) for n in "ab"}), rules.name)  # type: ignore[attr-defined]
    for metric, statistic in found.statistics.items():
        assert statistic.value == pytest.approx(found.score(metric).value, abs=1e-12)


def supervised_case(convention: str, n_sequences: int = 6) -> Evaluation:
    sequences, passes = [], {}
    for i in range(n_sequences):
        n = 60 + 7 * i
        truth, boxes = track(n, 1.0 + i, i)
        states = np.array(coded(n, [20] if i % 2 else []), dtype=np.int8)
        boxes[states != 3] = np.nan
        sequences.append(Sequence(f"v{i}", truth, image_size=(400, 300)))
        passes[f"v{i}"] = (replace(one_pass(boxes, 0.05), states=states),)
    suite = Suite("small", "Small", "vot", "supervised", tuple(sequences), n_sequences, eao_interval=(15, 50))
    return evaluate(suite, MemoryResults(passes), convention)


@pytest.mark.parametrize("rules", VOT_CONVENTIONS, ids=lambda c: c.name)
def test_supervised_scores_have_intervals_too(rules: object) -> None:
    found = supervised_case(rules.name)  # type: ignore[attr-defined]
    assert set(found.statistics) == {"eao", "accuracy", "robustness", "failures", "reliability"}
    for metric, statistic in found.statistics.items():
        score = found.score(metric)
        assert statistic.value == pytest.approx(score.value, abs=1e-12)
        assert score.low is not None
        assert score.high is not None
        assert score.low < score.high
    assert found.score("fps").low is None


@pytest.mark.parametrize("case", ["otb", "got10k", "vot-matlab", "vot-toolkit"])
def test_every_curve_has_a_band_around_it(case: str) -> None:
    found = one_pass_case(case) if case in ("otb", "got10k") else supervised_case(case)
    for name, curve in found.curves.items():
        assert curve.statistic is not None
        line = curve.statistic(np.ones((1, len(found.sequences))))[0]
        np.testing.assert_allclose(line, curve.y, atol=1e-12)
        band = curve_band(found, name)
        assert band is not None
        low, high = band
        known = ~np.isnan(low)
        assert known.mean() > 0.8
        assert (low[known] <= curve.y[known] + 1e-9).all()
        assert (high[known] >= curve.y[known] - 1e-9).all()
        assert (high[known] > low[known]).any()


def test_a_curve_of_one_sequence_or_of_unknown_parts_has_no_band() -> None:
    alone = curve_band(one_pass_case(lengths=(30,)), "success")
    assert alone is not None
    assert np.isnan(alone).all()
    found = one_pass_case()
    bare = {name: replace(curve, statistic=None) for name, curve in found.curves.items()}
    assert curve_band(replace(found, curves=bare), "success") is None


def test_one_sequence_has_no_interval() -> None:
    for found in (one_pass_case(lengths=(30,)), supervised_case("vot-matlab", 1)):
        assert all(s.low is None and s.high is None and s.level is None for s in found.scores)


def test_extra_metrics_have_intervals_and_sequences_keep_their_places() -> None:
    truth, boxes = track(30, 3.0, 1)
    suite = make_suite(*(Sequence(n, truth) for n in "abcd"))
    passes = {n: (one_pass(boxes + i * (np.arange(30) > 2 + 5 * i)[:, None] * 30),) for i, n in enumerate("abcd")}
    found = evaluate(suite, MemoryResults(passes), extra=["tracking_length"])
    score = found.score("tracking_length")
    values = found.per_sequence.query("metric == 'tracking_length'").set_index("sequence")["value"]
    assert found.statistics["tracking_length"].singles == pytest.approx(values[list("abcd")].to_numpy())
    assert score.low is not None
    assert score.value is not None
    assert score.low <= score.value


def test_trackers_scored_together_have_the_intervals_that_each_has_alone() -> None:
    made = {f"s{i}": track(n, 2.0 * i, i) for i, n in enumerate((30, 60, 25, 90, 40))}
    suite = make_suite(*(Sequence(key, truth) for key, (truth, _) in made.items()))
    passes = {key: (one_pass(boxes),) for key, (_, boxes) in made.items()}
    some = dict(list(passes.items())[:3])
    worse = {key: (one_pass(boxes + np.array([9.0, 0, 0, 0])),) for key, (_, boxes) in made.items()}
    results = [MemoryResults(one, label=str(i)) for i, one in enumerate((passes, some, worse))]
    together = evaluate_all(suite, results, allow_missing=True)
    assert [one.label for one in together] == ["0", "1", "2"]
    for one, own in zip(together, results, strict=True):
        for score, alone in zip(one.scores, evaluate(suite, own, allow_missing=True).scores, strict=True):
            assert (score.low, score.high) == pytest.approx((alone.low, alone.high), abs=1e-12)
            assert replace(score, low=None, high=None) == replace(alone, low=None, high=None)
    assert together[0].score("auc").low != together[2].score("auc").low
    plain = evaluate_all(suite, results, allow_missing=True, intervals=False)
    assert [(s.value, s.low, s.level) for s in plain[0].scores] == [(s.value, None, None) for s in together[0].scores]


def test_seeds_decide() -> None:
    found = one_pass_case()
    suite = make_suite()
    again, other = (with_intervals(found, suite, seed=seed).score("auc") for seed in (0, 1))
    assert again == found.score("auc")
    assert (other.low, other.high) != (again.low, again.high)
    narrow = with_intervals(found, suite, level=0.5).score("auc")
    assert narrow.level == 0.5
    assert narrow.low is not None
    assert again.low is not None
    assert narrow.low > again.low


def test_parts_of_one_video_are_drawn_together() -> None:
    """Two targets of a video count as one trial: the interval is that over videos."""
    twins = {"Jogging-1": 0, "Jogging-2": 0, "Car4": 3, "Dog": 5}
    sequences, passes = [], {}
    for name, seed in twins.items():
        truth, boxes = track(40, 2.0 * seed, seed)
        sequences.append(Sequence(name, truth))
        passes[name] = (one_pass(boxes),)
    suite = replace(make_suite(*sequences), name="otb100")
    found = evaluate(suite, MemoryResults(passes))
    of_videos = bootstrap(found.statistics["auc"], ["j", "j", "c", "d"])
    alone = bootstrap(found.statistics["auc"])
    assert found.score("auc").high == of_videos.high
    assert of_videos.high - of_videos.low > alone.high - alone.low


@pytest.mark.parametrize(
    ("suite", "names", "units"),
    [
        ("otb2013", ["Jogging.1", "Skating2-2", "Skating1", "Human4-2", "Car1"],
         ["Jogging", "Skating2", "Skating1", "Human4-2", "Car1"]),
        ("demo", ["calm", "light-2", "light-4", "lookalike-1"], ["calm", "light", "light", "lookalike"]),
        ("lasot", ["airplane-1", "airplane-13"], ["airplane-1", "airplane-13"]),
    ],
)  # fmt: skip
def test_units(suite: str, names: list[str], units: list[str]) -> None:
    assert list(units_of(suite, names).values()) == units


@pytest.mark.parametrize(("name", "videos"), [("uav123", 91), ("uav123-10fps", 91), ("uav20l", 20)])
def test_parts_of_one_video_of_uav_are_one_unit(name: str, videos: int) -> None:
    """The data file says which video each target is in."""
    items = suite_facts(name).sequences
    units = units_of(name, [item.name for item in items])
    assert len(set(units.values())) == videos
    if name != "uav20l":
        assert units == {item.name: Path(item.folder).name for item in items}


def test_joggers_of_temple_color_share_a_video() -> None:
    assert units_of("tc128", ["Jogging1", "Jogging2", "Tiger1"]) == {
        "Jogging1": "Jogging",
        "Jogging2": "Jogging",
        "Tiger1": "Tiger1",
    }
