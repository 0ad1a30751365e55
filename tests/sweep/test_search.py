"""Searches that are run: what is computed and kept, what is held out, what is said when something breaks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spm_bench.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.errors import ResultsError, UsageError
from spm_bench.report.search import TUNED_MARK, verdict
from spm_bench.results.lock import LockedError, locked
from spm_bench.results.manifest import DONE, read_manifest, sequences_in_state
from spm_bench.run import Request, run_suite
from spm_bench.suites import load_suite
from spm_bench.sweep import entries
from spm_bench.sweep.search import run_search
from spm_bench.sweep.search_plan import SearchRequest
from tests.sweep.search_toys import FRAMES, SEARCH, Dated, use_small_demo
from tests.sweep.toys import Toy, write
from tests.test_doors import loaded_after


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    use_small_demo(monkeypatch)


def search(text=SEARCH, **more):
    return run_search(SearchRequest(file=write(Path(), text), **{"quiet": True, "report": False, **more}))


def summary(outcome):
    return [(t.number, t.state, dict(t.settings), t.value, dict(t.running)) for t in outcome.document.trials]


def raw_files():
    return {p: p.stat().st_mtime_ns for p in Path("runs/demo").rglob("Toy*/*.txt")}


def main(*words):
    return guarded(build_app(), ["search", *words])


def test_the_best_trial_and_the_base_meet_on_the_held_out_part():
    document = search().document
    assert [t.number for t in document.trials] == list(range(6))
    assert dict(document.trials[0].settings) == {"drift": 1.5, "hold": 0, "steady": True, "grow": 1.0}
    complete = [t for t in document.trials if t.value is not None]
    assert document.best == max(complete, key=lambda t: t.value).number > 0
    (auc, *others) = document.comparisons
    assert auc.metric == "auc"
    assert {c.metric for c in others} == {"precision", "normalised_precision"}
    assert auc.difference > 0
    assert auc.n_sequences == len(document.held_out.names) == 3
    assert auc.value == document.held_out.best.score("auc").value
    assert document.trial(document.best).value == document.tuned.best.score("auc").value


def test_runs_are_those_of_a_plain_run(monkeypatch):
    monkeypatch.setattr(entries, "load_suite", load_suite)
    text = SEARCH.replace("changes = { drift = 1.5 }\n", "")
    document = search(text, trials=2).document
    plain = run_suite(
        Request(trackers=("tests.sweep.toys:Toy",), sequences=document.tuned.names + document.held_out.names,
                report=False, quiet=True)
    )  # fmt: skip
    assert Path(document.trials[0].run) == plain.results[0].folder
    assert len(plain.results[0].manifest["sessions"]) == 2  # the search's two parts; the plain run found all done
    frame = plain.evaluations[0].per_sequence
    values = frame[frame["metric"] == "auc"].set_index("sequence")["value"]
    assert document.trials[0].value == pytest.approx(values[list(document.tuned.names)].mean(), abs=1e-12)


def test_no_trial_but_the_best_and_the_base_ever_sees_a_held_out_sequence():
    document = search(SEARCH.replace("trials = 6", "trials = 10")).document
    judged = {document.trials[0].run, document.trial(document.best).run}
    for trial in document.trials:
        done = set(sequences_in_state(read_manifest(Path(trial.run)), DONE))
        if trial.run in judged:
            assert done == {*document.tuned.names, *document.held_out.names}
        else:
            assert done <= set(document.tuned.names)


def test_pruned_trials_were_worse_than_the_median_after_the_same_sequences():
    text = SEARCH.replace("trials = 6", "trials = 16") + "\n[pruner]\ntrials = 3\nsequences = 1\n"
    trials = search(text).document.trials
    pruned = [t for t in trials if t.state == "pruned"]
    assert pruned
    for trial in trials[1:]:
        for seen, value in trial.running.items():
            first = trial.number - trial.number % 2
            others = sorted(t.running[seen] for t in trials[:first] if seen in t.running)
            middle = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2 if len(others) >= 3 else -1.0
            last_seen = seen == max(trial.running)
            assert (value < middle) == (trial.state == "pruned" and last_seen) or seen == 3


def test_several_sequences_at_a_time_give_the_same_scores():
    text = SEARCH + '\n[pruner]\nmethod = "none"\n'
    one, three = search(text), search(text + "every = 2\n", out=Path("other"))
    assert [t.value for t in one.document.trials] == [t.value for t in three.document.trials]
    assert [list(t.running) for t in three.document.trials] == [[2, 3]] * 6


def test_the_second_time_nothing_is_computed_and_more_trials_go_on():
    first = search()
    before = raw_files()
    again = search()
    assert raw_files() == before
    assert summary(again) == summary(first)
    assert again.document.looks == (6,)
    more = search(trials=9)
    assert summary(more)[:6] == summary(first)
    assert len(more.document.trials) == 9
    assert more.document.looks == (6, 9)
    assert {path: raw_files()[path] for path in before} == before
    at_once = search(trials=9, out=Path("whole"))
    assert summary(at_once) == summary(more)


@pytest.mark.parametrize(("workers", "blow"), [(1, signal.SIGINT), (2, signal.SIGKILL)])
def test_a_search_that_is_stopped_or_killed_ends_with_the_same_trials(workers, blow, monkeypatch):
    monkeypatch.setattr(entries, "load_suite", load_suite)
    whole = search(out=Path("whole"))
    root = Path(__file__).parents[2]
    code = "import sys; from spm_bench.cli import *; sys.exit(guarded(build_app(), sys.argv[1:]))"
    command = [sys.executable, "-c", code, "search", "toy.toml", "--workers", str(workers)]
    environment = {**os.environ, "SPM_TEST_PAUSE": "0.01", "PYTHONPATH": str(root)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        deadline = time.monotonic() + 120
        while len(raw_files()) < 5 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.poll() is None
    finally:
        process.send_signal(blow)
        said = process.communicate()[1]
    if blow == signal.SIGINT:
        assert process.returncode == EXIT_INTERRUPTED
        assert said.splitlines()[-1].startswith("interrupted: what was finished is kept")
    kept = raw_files()
    assert kept
    assert summary(search()) == summary(whole)
    assert {path: raw_files()[path] for path in kept} == kept


def test_settings_that_contradict_each_other_cost_nothing():
    text = SEARCH.replace("toys:Toy", "search_toys:Picky").replace("hold = [0, 3, 7]", "hold = [7, 0]")
    text = text.replace("changes = {", "changes = { hold = 7,").replace(
        "[axes]\ndrift = { low = -2.0, high = 2.0, step = 0.5 }", "[axes]\ndrift = [0.0, 1.5]"
    )
    text = text.replace("steady = [false, true]\n", "").replace("grow = { low = 0.1, high = 10.0, log = true }\n", "")
    document = search(text.replace("trials = 6", "trials = 12")).document
    impossible = [t for t in document.trials if t.state == "impossible"]
    assert impossible
    assert all(t.settings == {"drift": 0.0, "hold": 7} and t.run == "" and t.value is None for t in impossible)
    assert "it cannot hold without drifting" in impossible[0].note
    assert not document.failures


FRAGILE = SEARCH.replace("hold = [0, 3, 7]", 'mode = ["plain", "fragile"]').replace("steady = [false, true]\n", "")


def test_trials_that_break_are_reported_and_the_others_go_on(capsys):
    write(Path(), FRAGILE.replace("trials = 6", "trials = 10"))
    assert main("toy") == EXIT_FAILED
    shown = capsys.readouterr()
    assert "ZeroDivisionError" in shown.err
    record = json.loads(Path("runs/searches/toy/search.json").read_text())
    failed = [t for t in record["trials"] if t["state"] == "failed"]
    assert failed
    assert all(t["value"] is None and "too far up" in t["note"] for t in failed)
    assert {t["settings"]["mode"] for t in failed} == {"fragile"}
    assert record["trials"][record["best"]]["state"] == "complete"
    assert any("too far up" in text for text in record["failures"])


def test_trials_that_broke_in_an_earlier_session_are_still_reported(capsys):
    write(Path(), FRAGILE.replace("trials = 6", "trials = 10") + "\n[pruner]\nevery = 2\n")
    record = Path("runs/searches/toy/search.json")
    assert main("toy") == EXIT_FAILED
    first, before = json.loads(record.read_text())["failures"], raw_files()
    capsys.readouterr()
    assert main("toy") == EXIT_FAILED
    assert raw_files() == before
    assert json.loads(record.read_text())["failures"] == first
    shown = capsys.readouterr().err
    assert first
    assert all(f"note: {text}" in shown for text in first)


def test_a_base_that_breaks_ends_the_search():
    text = FRAGILE.replace("drift = 1.5 }", 'drift = 2.0, mode = "fragile" }')
    with pytest.raises(ResultsError, match=r"the base itself fails on .*: ZeroDivisionError"):
        search(text)


def test_equal_trials_share_one_run():
    text = SEARCH[: SEARCH.index("[axes]")] + "[axes]\nhold = [0, 3]\n\n" + SEARCH[SEARCH.index("[suite]") :]
    document = search(text).document
    assert len({t.run for t in document.trials}) == 2
    assert document.best == 0  # hold does nothing, and the earliest of equals is the base
    assert not document.found
    assert document.held_out.best is None
    assert "found nothing" in verdict(document)


def test_only_held_out_scores_are_results_and_the_tuned_ones_are_marked():
    document = search(report=True).document
    folder = Path("runs/searches/toy")
    rows = json.loads((folder / "scores.json").read_text())
    assert {row["n_sequences"] for row in rows} == {len(document.held_out.names)}
    assert {row["value"] for row in rows if row["metric"] == "auc"} == {
        document.held_out.base.score("auc").value,
        document.held_out.best.score("auc").value,
    }
    assert not any(TUNED_MARK in row["note"] for row in rows)
    assert any("of a search of 6 trials, tuned on 3 other sequences" in row["note"] for row in rows)
    record = json.loads((folder / "search.json").read_text())
    for row in record["rows"]:
        assert (row["mark"] == TUNED_MARK) == (row["part"] == "tuned")
        if row["part"] == "tuned":
            assert row["low"] is row["p"] is row["difference_low"] is None
    page = (folder / "README.md").read_text()
    assert page.count(TUNED_MARK) >= 2 + sum(t.value is not None for t in document.trials)
    assert "too few for any test" in page
    assert "tuned on test" in page
    assert TUNED_MARK in (folder / "trials.csv").read_text()
    assert all(s.note.startswith(TUNED_MARK) for s in document.tuned.best.scores)


def test_a_held_out_sequence_that_breaks_is_left_out_of_both(monkeypatch):
    update = Toy.update

    def breaks(self, frame):
        if self.settings.drift == 1.5 and (abs(self.box[2] - BROKEN) < 1e-9):
            raise ZeroDivisionError("not this one")
        return update(self, frame)

    held_out = search(out=Path("first")).document.held_out.names
    chosen = next(s for s in load_suite("demo").sequences if s.name == held_out[0])
    BROKEN = chosen.ground_truth[0, 2]
    monkeypatch.setattr(Toy, "update", breaks)
    document = search(workers=1).document
    assert document.comparisons[0].n_sequences == 2
    assert f"{held_out[0]} failed on the held-out part" in document.notes[0]
    assert document.failures


def test_an_edited_file_goes_on_where_it_can_and_is_refused_where_not():
    search()
    assert (
        len(search(SEARCH.replace("low = -2.0, high = 2.0", "low = -3.0, high = 3.0"), trials=8).document.trials) == 8
    )
    for old, new, told in (
        ("hold = [0, 3, 7]", "hold = [0, 3]", "axes.hold changed"),
        ("seed = 1", "seed = 2", "seed and the split into tuned and held-out sequences changed|seed, the split"),
        ("tune_share = 0.5", "tune_share = 0.7", "the split into tuned and held-out sequences changed"),
        ("drift = 1.5", "drift = 1.0", "the base changed"),
        ("parallel = 2", 'metric = "precision"', "metric changed"),
    ):
        with pytest.raises(UsageError, match=told):
            search(SEARCH.replace(old, new))
    search(SEARCH.replace("parallel = 2", "parallel = 3"), trials=9)


def test_other_code_of_the_tracker_is_another_search(monkeypatch):
    text = SEARCH.replace("toys:Toy", "search_toys:Dated")
    search(text)
    monkeypatch.setattr(Dated, "version", "2")
    with pytest.raises(UsageError, match="the tracker's code changed"):
        search(text)


def test_two_at_once_get_a_clear_message():
    with locked(Path("runs/searches/toy")), pytest.raises(LockedError, match="another process"):
        search()


def test_a_dry_run_writes_nothing(capsys):
    write(Path(), SEARCH)
    assert main("toy.toml", "--dry-run") == EXIT_OK
    shown = capsys.readouterr().out
    assert not Path("runs").exists()
    for part in (
        "tuned: 3 sequences of 3 videos",
        "drift: -2 to 2 in steps of 0.5 (base 1.5)",
        f"frames: at most {(6 * 3 + 2 * 3) * FRAMES} a repetition",
        "a repetition here for one worker, at",
    ):
        assert part in shown, shown


def test_a_dry_run_prints_the_plan_alone_as_json(capfd):
    write(Path(), SEARCH)
    assert main("toy.toml", "--dry-run", "--json") == EXIT_OK
    told = json.loads(capfd.readouterr().out)
    assert not Path("runs").exists()
    assert (told["trials_asked"], told["frames_at_most"]) == (6, (6 * 3 + 2 * 3) * FRAMES)
    assert len(told["tuned"]["sequences"]) == told["held_out"]["units"] == 3
    assert told["base"] == {"drift": 1.5, "hold": 0, "steady": True, "grow": 1.0}
    assert told["seconds_at_most_with_one_worker"] == told["frames_at_most"] * told["seconds_per_frame"] > 0


def test_the_command_prints_the_result_alone_as_json(capfd):
    write(Path(), SEARCH)
    assert main("toy", "--json") == EXIT_OK
    shown = capfd.readouterr()
    assert "report: runs/searches/toy/README.md" in shown.err
    assert json.loads(shown.out) == json.loads(Path("runs/searches/toy/search.json").read_text())


def test_the_command_prints_a_table_and_trials_as_they_finish(capsys):
    write(Path(), SEARCH)
    assert main("toy", "--trials", "2", "--no-report") == EXIT_OK
    shown = capsys.readouterr()
    assert "held out" in shown.out
    assert "trial 0 complete: AUC" in shown.err
    assert not Path("runs/searches/toy/README.md").exists()


def test_without_optuna_the_remedy_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    write(Path(), SEARCH)
    assert main("toy") == EXIT_USAGE
    assert "pip install 'spm_bench[search]'" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_the_help_loads_nothing_heavy():
    code = "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['search', '--help'])"
    assert loaded_after(code) == set()
