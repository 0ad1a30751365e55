"""`spm-bench bench` from the command line: what it leaves behind, and what a user gets for a mistake."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from spm_bench.bench import differs
from spm_bench.cli import EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.engine import quiet
from spm_bench.results.timing import read_timing
from tests.results.made_timings import tracker

QUICK = ("--sequence", "calm", "--frames", "3", "--warmup", "1", "--repeats", "2")


@pytest.fixture(autouse=True)
def _quiet_and_apart(tmp_path, monkeypatch):
    """No look at the machine, which takes half a second, and a lock that tests beside this one do not share."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(quiet, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(quiet, "busy_processes", lambda: [])


def spm_bench(*arguments):
    return guarded(build_app(), [str(a) for a in arguments])


def bench(*more):
    return spm_bench("bench", *QUICK, *more)


def the_folder():
    (folder,) = Path("runs/timing").iterdir()
    return folder


def test_leaves_raw_times_tables_and_what_they_were_measured_on(capsys):
    assert bench("--tracker", "MOSSE", "--tracker", "static", "--threads", "1") == EXIT_OK
    printed = capsys.readouterr()
    assert "Speed on Demo" in printed.out
    assert "1 thread" in printed.out
    assert "round 2 of 2" in printed.err
    assert "There is no auc of MOSSE" in printed.err
    folder = the_folder()
    assert folder.name.startswith("demo-")
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "table.csv",
        "table.md",
        "table.tex",
        "timing.json",
    ]
    found = read_timing(folder)
    assert [(t.label, t.computes, len(t.passes)) for t in found.trackers] == [("MOSSE", True, 2), ("static", False, 2)]
    assert all(len(p.tracker) == 3 and p.network is None for t in found.trackers for p in t.passes)
    assert found.threads == {"torch": 1, "OpenCV": 1}
    assert found.sequences == {"calm": (320, 240)}
    assert found.machine["machine"]["cpu"]
    assert found.load.keys() == {"average_before", "busy_before", "cards_before", "cores_of_others"}


def test_the_network_of_spm_is_timed_within_the_tracker():
    assert bench("--tracker", "SPM-lite") == EXIT_OK
    (spm,) = read_timing(the_folder()).trackers
    assert spm.note == ""
    assert all((p.network > 0).all() for p in spm.passes)


def test_the_same_again_takes_the_same_folder_and_another_plan_another():
    assert bench("--tracker", "static") == bench("--tracker", "static") == EXIT_OK
    before = the_folder()
    assert bench("--tracker", "static", "--frames", "4") == EXIT_OK
    assert len(list(before.parent.iterdir())) == 2


def test_csv_and_nothing_else(capsys):
    assert bench("--tracker", "MOSSE", "--csv") == EXIT_OK
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["tracker"], row["protocol"], row["network_ms"]) == ("MOSSE", "timing", "")
    assert float(row["fps"]) > 0


def test_accuracies_are_found_in_the_runs_and_a_timing_is_drawn_again(capsys):
    assert bench("--tracker", "MOSSE") == EXIT_OK
    folder = the_folder()
    before = (folder / "timing.json").read_bytes()
    run = ("run", "--sequence", "calm", "--tracker", "MOSSE", "--no-report")
    assert spm_bench(*run) == EXIT_OK
    capsys.readouterr()
    assert spm_bench("bench", "--again", folder) == EXIT_OK
    printed = capsys.readouterr()
    assert "Speed on Demo" in printed.out
    assert "There is no" not in printed.err
    assert (folder / "speed_accuracy.png").is_file()
    assert (folder / "timing.json").read_bytes() == before
    (folder / "speed_accuracy.png").unlink()
    (run_folder,) = Path("runs/demo").glob("MOSSE-*")
    assert spm_bench("bench", "--again", folder / "timing.json", "--scores", run_folder) == EXIT_OK
    assert (folder / "speed_accuracy.png").is_file()


def test_scores_of_another_tracker_are_not_drawn(capsys):
    assert spm_bench("run", "--sequence", "calm", "--tracker", "MOSSE") == EXIT_OK
    rows = json.loads(Path("runs/demo/report/scores.json").read_text())
    (manifest,) = Path("runs/demo").glob("MOSSE-*/run.json")
    recorded = json.loads(manifest.read_text())
    recorded["tracker"]["identity"]["weights_sha256"] = "other"
    manifest.write_text(json.dumps(recorded))
    assert bench("--tracker", "MOSSE", "--scores", "runs/demo/report") == EXIT_OK
    assert "The scores of MOSSE are not drawn: they are of other weights" in capsys.readouterr().err
    assert not (the_folder() / "speed_accuracy.png").exists()
    Path("two.json").write_text(json.dumps(rows))
    assert bench("--tracker", "MOSSE", "--scores", "two.json", "--scores", "runs/demo/report") == EXIT_USAGE
    assert "two scores of MOSSE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tracker", "SPN"), ("there is no tracker 'SPN'", "Did you mean SPM")),
        (("--tracker", "static", "--variant", "cm_onli"), ("there is no variant", "cm_onli")),
        (("--tracker", "static", "--suite", "demmo"), ("there is no suite", "demo")),
        (("--tracker", "static", "--sequence", "calmer"), ("calmer", "calm")),
        (("--tracker", "static", "--warmup", "35"), ("no frame is left", "calm (36 frames)", "--warmup")),
        (("--tracker", "static", "--frames", "0"), ("--frames 0",)),
        (("--tracker", "static", "--repeats", "0"), ("--repeats 0",)),
        (("--tracker", "static", "--threads", "0"), ("0 threads",)),
        (("--tracker", "static", "--device", "gpu:1", "--tracker", "SPM-lite"), ("'gpu:1'",)),
        (("--tracker", "static", "--scores", "none.json"), ("none.json: cannot read",)),
        (("--tracker", "static", "--scores", "broken.json"), ("broken.json: is not JSON",)),
        (("--tracker", "static", "--scores", "empty"), ("empty",)),
        (("--again", "nowhere"), ("nowhere", "cannot read")),
        (("--again", "broken.json"), ("broken.json: is not a timing",)),
    ],
)
def test_mistakes_end_in_one_line_before_anything_is_timed(capsys, arguments, words):
    Path("broken.json").write_text("{")
    Path("empty").mkdir()
    assert bench(*arguments) == EXIT_USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert lines[-1].startswith("error: ")
    assert not any(line.startswith("round") for line in lines)
    for word in words:
        assert word in lines[-1]
    assert not Path("runs").exists()


def test_another_timing_is_waited_for_by_the_user(capsys, tmp_path):
    with quiet.alone(tmp_path / "lock"):
        assert bench("--tracker", "static") == EXIT_USAGE
    assert "another timing is running on this machine" in capsys.readouterr().err
    assert bench("--tracker", "static") == EXIT_OK


def test_a_tracker_that_breaks_leaves_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "class Frail:\n    def init(self, frame, box): pass\n    def update(self, frame): return 1 / 0\n"
    (tmp_path / "frail_tracker.py").write_text(code)
    assert bench("--tracker", "frail_tracker:Frail") == EXIT_USAGE
    assert "Frail broke in frame 1 of calm: ZeroDivisionError" in capsys.readouterr().err
    assert not Path("runs").exists()


IDENTITY = {"code": "x", "weights_sha256": "w", "config": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({}, None),
        ({"code": "y", "torch": "9", "device_type": "cuda"}, None),  # what timing is about
        ({"config": {"a": 1}}, None),  # the other setting did not exist yet
        ({"config": {"a": 3, "b": 2}}, "a"),
        ({"weights_sha256": "v"}, "weights"),
    ],
)
def test_whose_scores_can_be_taken(changes, difference):
    timed = tracker("SPM")
    timed.identity["identity"] = IDENTITY
    assert differs(timed, {**timed.identity, "identity": {**IDENTITY, **changes}}) == difference
    assert differs(timed, {**timed.identity, "variant": "cm_only"}) == "variant"
