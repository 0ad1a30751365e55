"""Search files: what is said of bad ones, what the space and the metric come down to."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import spm_bench
from spm_bench.errors import UsageError
from spm_bench.sweep.search_file import SearchFile, find_search, metric_of, read_search
from spm_bench.sweep.search_plan import SearchRequest, plan_search
from tests.sweep.search_toys import SEARCH, use_small_demo
from tests.sweep.toys import write


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    use_small_demo(monkeypatch)


def plan(text=SEARCH, **more):
    return plan_search(SearchRequest(file=write(Path(), text), **more))


def test_the_space_is_typed_by_the_settings():
    found = plan()
    kinds = {name: (d.kind, d.low, d.high, d.step, d.log, d.values) for name, d in found.space.items()}
    assert kinds == {
        "drift": ("float", -2.0, 2.0, 0.5, False, (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)),
        "hold": ("choice", 0.0, 0.0, None, False, (0, 3, 7)),
        "steady": ("choice", 0.0, 0.0, None, False, (False, True)),
        "grow": ("float", 0.1, 10.0, None, True, ()),
    }
    assert found.sampling().base == {"drift": 1.5, "hold": 0, "steady": True, "grow": 1.0}
    assert (found.metric, found.extra, found.higher_is_better, found.trials) == ("auc", (), True, 6)


def test_a_step_that_misses_the_end_stops_before_it():
    found = plan(SEARCH.replace("high = 2.0, step = 0.5", "high = 1.9, step = 0.5"))
    assert found.space["drift"].high == 1.5


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("trials = 6", "trails = 6", 3, r"there is no setting 'trails'\. Did you mean trials"),
        ("trials = 6", "trials = 1", 3, "greater than or equal to 2"),
        ("trials = 6", 'trials = "6"', 3, "valid integer"),
        ("trials = 6", "", None, "trials is missing"),
        ("seed = 1", "seed = -1", 5, "greater than or equal to 0"),
        ("tune_share = 0.5", "tune_share = 1.0", 6, "less than 1"),
        ("tune_share = 0.5", "tune_share = 0", 6, "greater than 0"),
        ("parallel = 2", 'sampler = "grid"', 4, "'tpe' or 'random'"),
        ("parallel = 2", 'direction = "minimize"', 4, "auc is better when higher.*Leave direction out"),
        ("parallel = 2", 'metric = "aoc"', 4, r"no metric to search for 'aoc'\. Did you mean auc"),
        ("parallel = 2", 'metric = "fps"', 4, "no metric to search for 'fps'.*spm-bench bench"),
        ("parallel = 2", 'metric = "eao"', 4, "no metric to search for 'eao'"),
        ("drift = {", "drft = {", 13, r"no setting 'drft'\. Did you mean drift"),
        ("low = -2.0", "low = 3.0", 13, "must be below high"),
        ("low = -2.0", "low = -9.0", 13, "greater than or equal to -5"),
        ("low = -2.0", "low = 1.8", 13, "nothing to search among one value"),
        ("step = 0.5", "step = 0.3", 13, "the base has 1.5, which is not in it.*base.changes"),
        ("step = 0.5", "step = 0", 13, "greater than 0"),
        ("hold = [0, 3, 7]", "hold = [3, 7]", 14, "the base has 0, which is not in it"),
        ("hold = [0, 3, 7]", "hold = [0]", 14, "nothing to search among one value"),
        ("hold = [0, 3, 7]", "hold = []", 14, "there is no value"),
        ("hold = [0, 3, 7]", "hold = [0, 3, 0]", 14, "stands there twice"),
        ("hold = [0, 3, 7]", "hold = [0, 3.5]", 14, "valid integer"),
        ("hold = [0, 3, 7]", "hold = { low = 0, high = 99 }", 14, "less than or equal to 9"),
        ("steady = [false, true]", "steady = { low = 0, high = 1 }", 15, "a range is for numbers"),
        ("low = 0.1", "low = 0.0", 16, "greater than 0"),
        ('name = "demo"', 'name = "dmo"', None, "no suite 'dmo'"),
        ('"calm", ', '"clam", ', None, r"no sequence 'clam'\. Did you mean calm"),
        ('name = "demo"', 'name = "demo"\nprotocol = "two_pass"', None, "no protocol 'two_pass'"),
        ('name = "demo"', 'name = "demo"\nconvention = "mine"', None, "'mine'"),
        ('name = "demo"', 'name = "demo"\nprotocol = "supervised"', None, "no range of sequence lengths for EAO"),
        ('[suite]', '[units]\nall = ["*"]\n\n[suite]', 18, "one unit"),
        ('[suite]', '[units]\nx = ["nobody"]\n\n[suite]', 18, "no sequence fits"),
        ('[suite]', '[pruner]\nmethod = "mean"\n\n[suite]', 19, "'median' or 'none'"),
        ('[suite]', '[pruner]\nevery = 0\n\n[suite]', 19, "greater than or equal to 1"),
        ('tracker = "tests.sweep.toys:Toy"', 'tracker = "static"', 9, "no settings"),
        ("{ drift = 1.5 }", "{ drift = true }", 10, "valid number"),
        ("[axes]", "[axes", 12, "not valid TOML"),
        ("[suite]", "[[suites]]", None, "this is a sweep, not a search.*spm-bench sweep toy.toml"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_line_and_remedy(old, new, line, told):
    assert old in SEARCH
    with pytest.raises(UsageError) as caught:
        plan(SEARCH.replace(old, new, 1))
    assert re.search(told, str(caught.value)), str(caught.value)
    if line is not None:
        assert f"toy.toml, line {line}" in str(caught.value)


def test_no_axis_at_all():
    text = re.sub(r"\[axes\].*?\n\n", "[axes]\n\n", SEARCH, flags=re.DOTALL)
    with pytest.raises(UsageError, match=r"axes: .*at least 1 item"):
        plan(text)


@pytest.mark.parametrize(("trials", "told"), [(1, "trial 0 is the base"), (-5, "trial 0 is the base")])
def test_too_few_trials_on_the_command_line(trials, told):
    with pytest.raises(UsageError, match=told):
        plan(trials=trials)


@pytest.mark.parametrize(
    ("family", "fields", "expected"),
    [
        ("otb", {}, ("auc", False, True)),
        ("otb", {"metric": "precision"}, ("precision", False, True)),
        ("got10k", {}, ("ao", False, True)),
        ("vot", {}, ("eao", False, True)),
        ("vot", {"metric": "failures"}, ("failures", False, False)),
        ("vot", {"metric": "robustness", "direction": "minimize"}, ("robustness", False, False)),
        ("otb", {"metric": "tracking_length"}, ("tracking_length", True, True)),
    ],
)
def test_metrics_know_their_direction(family, fields, expected):
    file = SearchFile(question="", axes={"x": [1]}, trials=2, **fields)
    assert metric_of(file, family) == expected


def test_shipped_searches_can_be_planned():
    home = Path(spm_bench.__file__).parents[1] / "experiments"
    files = [p for p in sorted(home.glob("*.toml")) if "trials" in tomllib.loads(p.read_text())]
    assert [p.stem for p in files] == ["search_window"]
    for path in files:
        found = plan_search(SearchRequest(file=path))
        assert found.space
        assert path.read_text().startswith("# Question:")


def test_a_name_is_found_and_a_mistyped_one_helped(tmp_path):
    path = write(tmp_path, SEARCH, "tune.toml")
    assert find_search(str(tmp_path / "tune")) == path
    assert read_search(path).name == "tune"
    with pytest.raises(UsageError, match="Did you mean tune"):
        find_search(str(tmp_path / "tone"))
