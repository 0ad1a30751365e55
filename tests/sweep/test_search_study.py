"""The memory of a search: batches, resuming after a kill at any write, compatible and other questions."""

from __future__ import annotations

import errno
import sys
import warnings
from pathlib import Path

import optuna
import pytest

from spm_bench.errors import ResultsError, UsageError
from spm_bench.sweep.search_journal import load_optuna
from spm_bench.sweep.search_space import Dimension
from spm_bench.sweep.search_study import (
    COMPLETE,
    FAILED,
    IMPOSSIBLE,
    JOURNAL,
    PRUNED,
    Plan,
    open_study,
    worse_than_median,
)

SPACE = {
    "x": Dimension("float", -2.0, 2.0),
    "s": Dimension("float", 0.0, 0.7, 0.1, values=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)),
    "n": Dimension("int", 1, 9),
    "flag": Dimension("choice", values=(False, True)),
    "list": Dimension("choice", values=([1.0], [0.5, 2.0])),
}
BASE = {"x": 0.0, "s": 0.3, "n": 4, "flag": False, "list": [1.0]}
PLAN = Plan(SPACE, BASE, maximize=True, seed=5, parallel=3, random_trials=4)
QUESTION = {"metric": "auc", "seed": 5}


def objective(settings):
    return -((settings["x"] - 1) ** 2) + settings["s"] + 0.1 * settings["n"] - settings["flag"]


def work(folder, trials=10, plan=PLAN, question=QUESTION):
    """A search without a tracker: two steps; pruned below -2, impossible where n is 9."""
    folder.mkdir(exist_ok=True)
    with open_study(folder, plan, question) as study:
        while batch := study.next_batch(trials):
            told = []
            for asked in batch:
                if asked.settings["n"] == 9 and asked.place:
                    study.tell(asked, IMPOSSIBLE, note="nine is too many")
                    continue
                study.report(asked, 1, objective(asked.settings) / 2)
                told.append(asked)
            for asked in told:
                value = objective(asked.settings)
                if value < -2 and asked.place:
                    study.tell(asked, PRUNED)
                else:
                    study.report(asked, 2, value)
                    study.tell(asked, COMPLETE, value, run="folder")
        return study.finished()


def test_trials_are_numbered_from_the_base_and_lie_in_the_space(tmp_path):
    found = work(tmp_path)
    assert [t.place for t in found] == list(range(10))
    assert dict(found[0].settings) == BASE
    for trial in found:
        assert list(trial.settings) == list(SPACE)
        assert all(SPACE[name].holds(value) for name, value in trial.settings.items())
        assert type(trial.settings["n"]) is int
        assert type(trial.settings["flag"]) is bool
    assert {t.run for t in found if t.state == COMPLETE} == {"folder"}
    assert max(t.value for t in found if t.value is not None) > found[0].value


def test_floats_are_written_with_three_digits_and_steps_as_people_write_them(tmp_path):
    found = work(tmp_path, 20)
    assert all(t.settings["x"] == float(f"{t.settings['x']:.3g}") for t in found)
    assert {t.settings["s"] for t in found} <= set(SPACE["s"].values)


def killed_after(writes, monkeypatch):
    """From now on the journal's writes fail as a process that was killed: the last one is cut in the middle."""
    backend = optuna.storages.journal.JournalFileBackend
    real, count = backend.append_logs, [0]

    def append(self, logs):
        count[0] += 1
        if count[0] > writes:
            with Path(self._file_path).open("ab") as stream:
                stream.write(b'{"op_code": 5, "worker')
            raise KeyboardInterrupt
        real(self, logs)

    monkeypatch.setattr(backend, "append_logs", append)


def test_a_search_killed_at_any_write_ends_with_the_same_trials(tmp_path, monkeypatch):
    whole = work(tmp_path / "whole", 7)
    for writes in range(1, 150, 7):
        folder = tmp_path / str(writes)
        with monkeypatch.context() as patch:
            killed_after(writes, patch)
            try:
                work(folder, 7)
            except KeyboardInterrupt:
                killed = True
            else:
                killed = False
        assert work(folder, 7) == whole, writes
        if not killed:
            return
    raise AssertionError("the search has more writes than were tried")


def test_killed_twice_in_a_row_changes_nothing_either(tmp_path, monkeypatch):
    whole = work(tmp_path / "whole", 7)
    for writes in (31, 60):
        for again in (2, 9):
            folder = tmp_path / f"{writes}-{again}"
            for count in (writes, again):
                with monkeypatch.context() as patch:
                    killed_after(count, patch)
                    with pytest.raises(KeyboardInterrupt):
                        work(folder, 7)
            assert work(folder, 7) == whole


def test_more_trials_later_are_those_of_one_go(tmp_path):
    work(tmp_path / "parts", 6)
    assert work(tmp_path / "parts", 12) == work(tmp_path / "whole", 12)


def test_another_seed_draws_other_trials(tmp_path):
    other = Plan(SPACE, BASE, maximize=True, seed=6, parallel=3, random_trials=4)
    first, second = work(tmp_path / "a"), work(tmp_path / "b", plan=other)
    assert first[0].settings == second[0].settings
    assert [t.settings for t in first[1:]] != [t.settings for t in second[1:]]


def test_earlier_trials_are_those_of_earlier_batches(tmp_path):
    work(tmp_path, 8)
    with open_study(tmp_path, PLAN, QUESTION) as study:
        assert [t.place for t in study.earlier(5)] == [0, 1, 2]
        assert study.earlier(2) == []


def test_the_sampler_learns(tmp_path):
    plan = Plan({"x": SPACE["x"]}, {"x": -1.5}, maximize=True, seed=0, parallel=2, random_trials=5)

    def search(folder, plan):
        folder.mkdir()
        with open_study(folder, plan, QUESTION) as study:
            while batch := study.next_batch(40):
                for asked in batch:
                    study.tell(asked, COMPLETE, -abs(asked.settings["x"] - 1.3))
            return [abs(t.settings["x"] - 1.3) for t in study.finished()][20:]

    learnt = search(tmp_path / "tpe", plan)
    random = search(tmp_path / "random", Plan(**{**vars(plan), "sampler": "random"}))
    assert sum(learnt) < 0.5 * sum(random)


@pytest.mark.parametrize("maximize", [True, False])
def test_the_best_is_complete_in_the_space_and_the_earliest_of_equals(tmp_path, maximize):
    sign = 1 if maximize else -1
    plan = Plan({"n": Dimension("int", 1, 9)}, {"n": 2}, maximize=maximize, seed=1, parallel=4)
    values = {0: 1.0, 1: 3.0, 2: 5.0, 3: 5.0}
    with open_study(tmp_path, plan, QUESTION) as study:
        for asked in study.next_batch(4):
            study.tell(asked, FAILED if asked.place == 1 else COMPLETE, sign * values[asked.place])
        assert study.best().place == 2
        held = study.best().settings["n"]
    narrow = Plan({"n": Dimension("int", 1, 9)}, {"n": 2}, maximize=maximize, seed=1, parallel=4)
    narrow.space["n"] = Dimension("int", 1, held - 1) if held > 2 else Dimension("int", held + 1, 9)
    with open_study(tmp_path, narrow, QUESTION) as study:
        assert study.best() is None or study.best().settings["n"] != held


BROADER = {**SPACE, "x": Dimension("float", -3.0, 3.0), "n": Dimension("int", 2, 8)}


def test_ranges_may_change_and_earlier_trials_still_count(tmp_path):
    work(tmp_path, 6)
    found = work(tmp_path, 12, Plan(BROADER, BASE, maximize=True, seed=5, parallel=3, random_trials=4))
    assert len(found) == 12
    assert all(2 <= t.settings["n"] <= 8 for t in found[6:])


@pytest.mark.parametrize(
    ("space", "question", "told"),
    [
        ({**SPACE, "more": Dimension("int", 1, 2)}, QUESTION, "axes.more changed"),
        ({n: d for n, d in SPACE.items() if n != "flag"}, QUESTION, "axes.flag changed"),
        ({**SPACE, "n": Dimension("float", 1, 9)}, QUESTION, "axes.n changed"),
        ({**SPACE, "list": Dimension("choice", values=([1.0], [3.0]))}, QUESTION, "axes.list changed"),
        (SPACE, {"metric": "ao", "seed": 5}, "metric changed"),
        (SPACE, {"metric": "auc", "seed": 6}, "seed changed since this search was begun"),
    ],
)
def test_another_question_is_refused_with_a_remedy(tmp_path, space, question, told):
    work(tmp_path, 4)
    base = {name: BASE.get(name, 1) for name in space}
    with pytest.raises(UsageError, match=told) as caught:
        work(tmp_path, 4, Plan(space, base, maximize=True, seed=5, parallel=3), question)
    assert "another file name" in str(caught.value)
    assert work(tmp_path, 5)  # the study is as it was


def test_before_the_first_trial_is_finished_the_question_may_change(tmp_path):
    with open_study(tmp_path, PLAN, QUESTION) as study:
        study.next_batch(4)
    other = Plan({"n": Dimension("choice", values=(1, 2))}, {"n": 1}, maximize=False, seed=0, parallel=1)
    with open_study(tmp_path, other, {"metric": "ao"}) as study:
        assert [trial.settings for trial in study.next_batch(4)] == [{"n": 1}]


def test_a_journal_that_is_none_is_refused(tmp_path):
    (tmp_path / JOURNAL).write_text("what is this\nno journal\n")
    with pytest.raises(ResultsError, match="not the journal of a search"), open_study(tmp_path, PLAN, QUESTION):
        pass


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(self, logs):
        raise OSError(errno.ENOSPC, "No space left on device")

    work(tmp_path, 3)
    with open_study(tmp_path, PLAN, QUESTION) as study:
        monkeypatch.setattr(optuna.storages.journal.JournalFileBackend, "append_logs", full)
        with pytest.raises(ResultsError, match="the disk is full"):
            study.next_batch(6)


def test_looks_at_the_held_out_part_are_counted_once_for_each_number_of_trials(tmp_path):
    work(tmp_path, 4)
    with open_study(tmp_path, PLAN, QUESTION) as study:
        assert study.look() == [4]
        assert study.look() == [4]
    work(tmp_path, 8)
    with open_study(tmp_path, PLAN, QUESTION) as study:
        assert study.look() == [4, 8]


def test_importance_finds_what_matters_and_needs_trials(tmp_path):
    plan = Plan({"x": SPACE["x"], "s": SPACE["s"]}, {"x": 0.0, "s": 0.3}, maximize=True, seed=2, parallel=5)
    with open_study(tmp_path, plan, QUESTION) as study:
        for trials in (10, 40):
            while batch := study.next_batch(trials):
                for asked in batch:
                    study.tell(asked, COMPLETE, -((asked.settings["x"] - 1) ** 2))
            shares = study.importance()
            assert (shares == {}) == (trials == 10)
    assert shares["x"] > 3 * shares["s"]


def test_optuna_is_quiet_and_left_as_it_was(tmp_path, capfd):
    before = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        work(tmp_path, 4)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"a search needs Optuna.*pip install 'spm_bench\[search\]'"):
        load_optuna()


@pytest.mark.parametrize(
    ("value", "others", "maximize", "fewest", "expected"),
    [
        (0.5, [0.4, 0.6, 0.7], True, 3, True),
        (0.6, [0.4, 0.6, 0.7], True, 3, False),
        (0.5, [0.4, 0.6, 0.7], False, 3, False),
        (0.65, [0.4, 0.6, 0.7], False, 3, True),
        (0.0, [0.4, 0.6], True, 3, False),
        (float("nan"), [0.4, 0.6, 0.7], True, 3, False),
    ],
)
def test_median(value, others, maximize, fewest, expected):
    assert worse_than_median(value, others, maximize=maximize, fewest=fewest) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("x", 1.999, True), ("x", 2.01, False), ("x", True, False), ("x", "1", False),
        ("s", 0.3, True), ("s", 0.35, False), ("n", 9, True), ("n", 10, False),
        ("flag", True, True), ("flag", 1, False), ("list", [0.5, 2.0], True), ("list", (0.5, 2.0), True),
        ("list", [2], False),
    ],
)  # fmt: skip
def test_what_a_dimension_holds(name, value, expected):
    assert SPACE[name].holds(value) is expected
