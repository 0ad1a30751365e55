import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.errors import UsageError
from spm_bench.results.files import write_text
from spm_bench.run import Request, choose_trackers, main, run_suite
from spm_bench.suites import load_suite
from tests.engine.fakes import sequence

TWO = ("--suite", "demo", "--sequence", "calm", "--sequence", "light-2")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def video(tmp_path):
    """Three pictures and the box in the first: a folder as a user has it."""
    import cv2

    folder = tmp_path / "cup"
    folder.mkdir()
    for i in range(3):
        cv2.imwrite(str(folder / f"{i}.png"), sequence().frames[i])
    (folder / "groundtruth.txt").write_text("8,10,12,9\n")
    return folder


def test_ends_with_a_table_a_report_and_raw_results(capsys, tmp_path):
    assert main([*TWO, "--tracker", "static", "--tracker", "oracle"]) == EXIT_OK
    printed = capsys.readouterr()
    assert "2 of 20 sequences" in printed.out
    assert "oracle" in printed.out
    assert "report: runs/demo/report/" in printed.err
    rows = json.loads((tmp_path / "runs" / "demo" / "report" / "scores.json").read_text())
    assert {row["tracker"] for row in rows} == {"static", "oracle"}
    (raw,) = (tmp_path / "runs" / "demo").glob("static-*/static")
    assert sorted(p.name for p in raw.glob("*.txt")) == ["calm.txt", "light-2.txt"]


def test_json_prints_the_rows_and_nothing_else(capsys):
    assert main([*TWO, "--tracker", "oracle", "--json", "--no-report"]) == EXIT_OK
    printed = capsys.readouterr()
    rows = json.loads(printed.out)
    auc = next(row for row in rows if row["metric"] == "auc")
    # A perfect tracker succeeds at 20 of the 21 thresholds, as none is above overlap 1.
    assert auc["value"] == pytest.approx(20 / 21, abs=1e-12)
    assert (auc["n_sequences"], auc["n_total"], auc["protocol"]) == (2, 20, "one_pass")
    assert Path(auc["run"]).is_dir()
    assert not Path("runs/demo/report").exists()


def test_two_folders_of_videos_have_two_reports(video, tmp_path):
    text = (video / "groundtruth.txt").read_text()
    (video / "groundtruth.txt").write_text(text * 3)
    video.rename(tmp_path / "mug")
    (tmp_path / "shelf").mkdir()
    (tmp_path / "mug").rename(tmp_path / "shelf" / "mug")
    for data in ("shelf", "shelf/mug"):
        assert main(["--suite", "folder", "--data", data, "--tracker", "static"]) == EXIT_OK
    assert {p.parent.name for p in Path("runs/folder").rglob("scores.json")} == {"report-shelf", "report-mug"}


def test_variants_in_lockstep_are_the_same_runs_without_a_speed(capsys):
    names = ("--tracker", "tests.engine.batch_fakes:Walker", "--tracker", "static")
    assert main([*TWO, *names, "--lockstep"]) == EXIT_OK
    printed = capsys.readouterr()
    assert "what ran in lockstep has no speed; `spm-bench bench` measures it" in printed.err
    (walker,) = Path("runs/demo").glob("Walker-*/run.json")
    assert json.loads(walker.read_text())["sessions"][0]["engine"]["kind"] == "lockstep"
    rows = json.loads(Path("runs/demo/report/scores.json").read_text())
    assert {row["tracker"] for row in rows if row["metric"] == "auc"} == {"Walker", "static"}
    assert {row["tracker"] for row in rows if row["metric"] == "fps"} == {"static"}, "it cannot be batched"
    assert main([*TWO, *names]) == EXIT_OK
    assert "running" not in capsys.readouterr().err, "all is there already"


def test_the_second_time_nothing_is_run(capsys):
    main([*TWO, "--tracker", "static", "--no-report"])
    capsys.readouterr()
    begin = {p: p.stat().st_mtime_ns for p in Path("runs").rglob("*.txt")}
    assert main([*TWO, "--tracker", "static", "--no-report"]) == EXIT_OK
    assert begin == {p: p.stat().st_mtime_ns for p in Path("runs").rglob("*.txt")}
    assert "running" not in capsys.readouterr().err


def test_failed_sequences_are_named_the_rest_is_scored_and_the_code_is_1(capsys, monkeypatch):
    suite = load_suite("demo", only=["calm", "light-2"])
    broken = (
        replace(suite.sequences[0], frames=sequence(n=len(suite.sequences[0]), broken=5).frames),
        suite.sequences[1],
    )
    monkeypatch.setattr("spm_bench.suites.load_suite", lambda *_, **__: replace(suite, sequences=broken, n_total=2))
    assert main([*TWO, "--tracker", "static"]) == EXIT_FAILED
    printed = capsys.readouterr()
    assert "1 failed: calm (static)" in printed.err
    assert "static failed on calm: 00000005.jpg: the picture cannot be decoded" in printed.err
    assert "1 of 2 sequences" in printed.out
    assert list(Path("runs").rglob("failures/calm.txt"))


def test_if_everything_failed_there_is_no_table(capsys, monkeypatch):
    suite = load_suite("demo", only=["calm"])
    broken = (replace(suite.sequences[0], frames=sequence(n=len(suite.sequences[0]), broken=0).frames),)
    monkeypatch.setattr("spm_bench.suites.load_suite", lambda *_, **__: replace(suite, sequences=broken))
    assert main(["--sequence", "calm", "--tracker", "static"]) == EXIT_FAILED
    assert capsys.readouterr().out == ""


def test_without_ground_truth_it_runs_and_says_that_there_is_no_score(capsys, video):
    assert main(["--suite", "folder", "--data", str(video), "--tracker", "static"]) == EXIT_OK
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "cup has no ground truth here, so there is no score" in printed.err
    (raw,) = Path("runs/folder").glob("static-*/static/cup.txt")
    assert np.loadtxt(raw, delimiter=",").tolist() == [[9, 11, 12, 9]] * 3
    assert main(["--suite", "folder", "--data", str(video), "--tracker", "static", "--json"]) == EXIT_OK
    assert capsys.readouterr().out.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "demmo"], "Did you mean demo"),
        (["--tracker", "KFC"], "Did you mean KCF"),
        (["--tracker", "static", "--sequence", "clam"], "Did you mean calm"),
        (["--tracker", "static", "--variant", "fast"], "variant of static 'fast'"),
        (["--tracker", "static", "--weights", "random"], "weights"),
        (["--tracker", "static", "--protocol", "one-pass"], "Did you mean one_pass"),
        (["--tracker", "static", "--repetitions", "3"], "no option repetitions"),
        (["--tracker", "static", "--init-box", "axis_aligned"], "no option init_box"),
        (["--tracker", "static", "--convention", "otb-matlb"], "Did you mean otb-matlab"),
        (["--tracker", "static", "--overwrite", "sometimes"], "overwrite policy"),
        (["--tracker", "static", "--workers", "0"], "workers"),
        (["--tracker", "static", "--protocol", "got10k"], "visible"),
        (["--tracker", "no_module_of_mine:Tracker"], "no module"),
        (["--suite", "otb100", "--data", "nowhere"], "nowhere"),
        (["--suite", "folder"], "--data"),
        (["--bogus"], "No such option"),
        (["--seed", "three"], "Invalid value for '--seed'"),
    ],
)
def test_mistakes_are_one_line_and_code_2_and_nothing_is_written(capsys, arguments, message):
    assert main(arguments) == EXIT_USAGE
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert not list(Path().rglob("*.txt"))


def test_supervised_needs_ground_truth(capsys, video):
    assert (
        main(["--suite", "folder", "--data", str(video), "--tracker", "static", "--protocol", "supervised"])
        == EXIT_USAGE
    )
    assert "needs ground truth" in capsys.readouterr().err


def test_another_protocol_has_its_own_raw_format_scores_and_report(capsys):
    assert (
        main(["--sequence", "calm", "--tracker", "static", "--protocol", "supervised", "--repetitions", "2"]) == EXIT_OK
    )
    assert "Convention vot" in capsys.readouterr().out
    assert len(list(Path("runs/demo").glob("static-*/static/baseline/calm/calm_00?.txt"))) == 2
    assert Path("runs/demo/report-supervised/scores.json").is_file()


def test_a_file_where_the_results_should_go(capsys):
    Path("runs").write_text("a file")
    assert main(["--sequence", "calm", "--tracker", "static"]) == EXIT_USAGE
    assert "a file is where a folder should be" in capsys.readouterr().err


def test_a_full_disk(capsys, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as filled:
        filled.setattr(os, "fsync", full)
        assert main(["--sequence", "calm", "--tracker", "static"]) == EXIT_USAGE
    assert "the disk is full. Free some space" in capsys.readouterr().err
    write_text(Path("works_again.txt"), "")


def test_ctrl_c_anywhere_is_a_quiet_130(capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("spm_bench.trackers.static.StaticTracker.update", interrupt)
    assert main(["--sequence", "calm", "--tracker", "static"]) == EXIT_INTERRUPTED
    printed = capsys.readouterr()
    assert "run the same command again" in printed.err
    assert "Traceback" not in printed.err


def test_the_verb_of_the_console_script_is_the_same(capsys):
    assert guarded(build_app(), ["run", "--sequence", "calm", "--tracker", "static", "--no-report"]) == EXIT_OK
    assert "static" in capsys.readouterr().out


def test_a_tracker_of_the_users_own(tmp_path, capsys, monkeypatch):
    text = "class Mine:\n    def init(self, frame, box): self.box = box\n    def update(self, frame): return self.box\n"
    (tmp_path / "own_tracker_of_test.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = ["--sequence", "calm", "--tracker", "own_tracker_of_test:Mine", "--no-report"]
    assert main(arguments) == EXIT_OK
    assert "Mine" in capsys.readouterr().out
    (tmp_path / "own_tracker_of_test.py").write_text(text + "# changed\n")
    main(arguments)
    assert len(list(Path("runs/demo").glob("Mine-*"))) == 2, "another code is another run"


def labels(*arguments, **options):
    return [spec.label for spec in choose_trackers(*arguments, **options)]


def test_variants_go_to_the_trackers_that_have_them():
    assert labels(["oracle", "static"], ["noisy", "forgetful"]) == ["oracle-noisy", "oracle-forgetful", "static"]
    assert labels(["oracle"], ["base", "noisy"]) == ["oracle", "oracle-noisy"]
    assert labels(["static", "static"]) == ["static"]
    assert labels(["SPM", "static"], ["cm_only"], "random") == ["SPM-cm_only", "static"]


@pytest.mark.parametrize(
    ("names", "variants", "message"),
    [(["oracle", "static"], ["noisy", "fast"], "fast"), (["oracle", "statik"], [], "statik")],
)
def test_a_variant_or_tracker_that_nobody_knows(names, variants, message):
    with pytest.raises(UsageError, match=message):
        choose_trackers(names, variants)


def test_two_trackers_of_one_label():
    with pytest.raises(UsageError, match="called Still"):
        choose_trackers(["tests.engine.fakes:Still", "tests.cli.twin:Still"])


def test_for_programs():
    outcome = run_suite(
        Request(trackers=("oracle",), sequences=("calm",), out=Path("elsewhere"), report=False, quiet=True)
    )
    assert outcome.evaluations[0].score("auc").value == pytest.approx(20 / 21, abs=1e-12)
    assert outcome.results[0].has("calm")
    assert outcome.failures == ()


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from spm_bench.run import main; main(['--help']);"
        "heavy = {'torch', 'pandas', 'matplotlib', 'cv2', 'got10k', 'vot', 'numpy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--allow-missing" in done.stdout


def test_real_sequences_in_two_processes(real_data, capsys):
    arguments = [
        "--suite",
        "otb100",
        "--data",
        str(real_data),
        "--tracker",
        "MOSSE",
        "--sequence",
        "Deer",
        "--sequence",
        "Bird2",
    ]
    assert main([*arguments, "--workers", "2", "--no-report"]) == EXIT_OK
    assert "2 of 100 sequences" in capsys.readouterr().out


def test_real_vot_sequence_under_its_protocol(real_data, capsys):
    arguments = ["--suite", "vot2016", "--data", str(real_data), "--sequence", "bag", "--no-report", "--json"]
    assert main([*arguments, "--tracker", "oracle", "--variant", "forgetful", "--repetitions", "2"]) == EXIT_OK
    rows = {row["metric"]: row["value"] for row in json.loads(capsys.readouterr().out)}
    assert 0.5 < rows["accuracy"] < 0.95
    assert rows["failures"] > 0
