"""Results out of workspaces of the vot toolkit and into them; its own analysis of what we exported."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from spm_bench.engine.runner import run_all
from spm_bench.errors import ResultsError, UsageError
from spm_bench.interop.vot import TrackerCall, init_workspace
from spm_bench.interop.vot_results import export_runs, import_results
from spm_bench.protocols.catalog import as_run_under, suite_protocol
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.runs import open_run, read_run
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites.base import Suite
from spm_bench.trackers.catalog import resolve_tracker
from tests.interop.test_vot import make_suite

CASES = ["supervised", "multistart", "unsupervised", "realtime"]


def made_run(out: Path, suite: Suite, protocol: str, tracker: str = "KCF") -> tuple[Suite, Path]:
    seconds = {"seconds_per_frame": 0.04} if protocol == "realtime" else {}
    made = suite_protocol(suite, protocol, **seconds)
    own = as_run_under(suite, made)
    with open_run(out, resolve_tracker(tracker), own, made) as held:
        assert run_all([held], own) == ()
        return own, held.folder


def workspace(folder: Path, suite: Suite, protocol: str) -> Path:
    baseline = "multistart" if protocol == "multistart" else "supervised"
    own = as_run_under(suite, suite_protocol(suite, baseline))
    experiment = protocol if protocol in ("unsupervised", "realtime") else "baseline"
    init_workspace(folder, own, [TrackerCall("static")], experiments=(experiment,))
    return folder


@pytest.mark.filterwarnings(r"ignore:Registry\.items\(\) is deprecated:DeprecationWarning")
@pytest.mark.parametrize("protocol", CASES)
def test_the_toolkits_analysis_of_an_exported_run_is_our_score(tmp_path: Path, protocol: str) -> None:
    os.environ.update(VOT_PERSISTENT_CACHE="0", VOT_RESULTS_BINARY="0")
    pytest.importorskip("vot", reason="vot-toolkit is not installed")
    from tests.parity.vot_workspace import analyse

    suite = make_suite(32)
    own, run = made_run(tmp_path / "runs", suite, protocol)
    folder = workspace(tmp_path / "ws", suite, protocol)
    count = {"supervised": 6, "multistart": 2, "unsupervised": 2, "realtime": 2}[protocol]
    assert export_runs(folder, [run], own) == {"KCF": count}
    found = analyse(folder, "KCF")
    ours = evaluate(own, read_run(run, own), "vot-toolkit")
    if protocol == "unsupervised":
        assert ours.score("vot_ao").value == pytest.approx(float(found["AverageAccuracy"][0, 0][0]), abs=1e-6)
    else:
        assert ours.score("eao").value == pytest.approx(float(found["EAOScore"][0, 0][0]), abs=1e-6)
        accuracy = found["AverageAccuracyRobustness"][0, 0][0]
        assert ours.score("accuracy").value == pytest.approx(float(accuracy), abs=1e-6)


@pytest.mark.parametrize("protocol", CASES)
def test_there_and_back_again(tmp_path: Path, protocol: str) -> None:
    suite = make_suite(16)
    own, run = made_run(tmp_path / "runs", suite, protocol)
    folder = workspace(tmp_path / "ws", suite, protocol)
    export_runs(folder, [run], own)
    assert import_results(folder, tmp_path / "out") == {"KCF": len(list((run / "KCF").rglob("*[0-9].txt")))}
    (found,) = find_result_sets([tmp_path / "out"], own)
    before = read_run(run, own)
    for sequence in own.sequences:
        for one, other in zip(before.trajectories(sequence), found.trajectories(sequence), strict=True):
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(one.states, other.states)
            np.testing.assert_array_equal(one.seconds, other.seconds)


def test_binary_trajectories_become_text(tmp_path: Path) -> None:
    io = pytest.importorskip("vot.region.io", reason="vot-toolkit is not installed")
    suite = make_suite(16)
    own, run = made_run(tmp_path / "runs", suite, "supervised")
    folder = workspace(tmp_path / "ws", suite, "supervised")
    export_runs(folder, [run], own)
    text = folder / "results" / "KCF" / "baseline" / "walks" / "walks_002.txt"
    with text.open() as lines:
        regions = io.read_trajectory(lines)
    with text.with_suffix(".bin").open("wb") as binary:
        io.write_trajectory(binary, regions)
    text.unlink()
    assert import_results(folder, tmp_path / "out", trackers=["KCF"], experiments=["baseline"]) == {"KCF": 6}
    (found,) = find_result_sets([tmp_path / "out"], own)
    before = read_run(run, own).trajectories(own.sequences[0])[1].boxes
    np.testing.assert_array_equal(found.trajectories(own.sequences[0])[1].boxes, np.float32(before))
    text.with_suffix(".bin").write_bytes(text.with_suffix(".bin").read_bytes()[:40])
    with pytest.raises(ResultsError, match=r"walks_002\.bin"):
        import_results(folder, tmp_path / "again")


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    suite = make_suite(12)
    own, run = made_run(tmp_path / "runs", suite, "supervised")
    folder = workspace(tmp_path / "ws", suite, "supervised")
    with pytest.raises(UsageError, match="no workspace"):
        export_runs(tmp_path, [run], own)
    with pytest.raises(UsageError, match="two of the runs are called KCF"):
        export_runs(folder, [run, run], own)
    one_pass, other = made_run(tmp_path / "runs", suite, "one_pass")
    with pytest.raises(ResultsError, match="no experiment of VOT's stacks"):
        export_runs(folder, [other], one_pass)
    lines = (folder / "sequences" / "walks" / "groundtruth.txt").read_text().splitlines()
    (folder / "sequences" / "walks" / "groundtruth.txt").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UsageError, match="walks has 11 frames there, 12"):
        export_runs(folder, [run], own)
    (folder / "sequences" / "list.txt").write_text("walks\nflies\n")
    with pytest.raises(UsageError, match="flies"):
        export_runs(folder, [run], own)


def test_a_run_that_is_not_finished(tmp_path: Path) -> None:
    from dataclasses import replace

    suite = make_suite(12)
    part = replace(suite, sequences=suite.sequences[:1])
    own, run = made_run(tmp_path / "runs", part, "supervised")
    folder = workspace(tmp_path / "ws", suite, "supervised")
    with pytest.raises(ResultsError, match="has not finished jumps"):
        export_runs(folder, [run], replace(own, sequences=suite.sequences))


def test_what_cannot_be_imported(tmp_path: Path) -> None:
    suite = make_suite(12)
    folder = workspace(tmp_path / "ws", suite, "supervised")
    with pytest.raises(ResultsError, match="there are no results"):
        import_results(folder, tmp_path / "out")
    own, run = made_run(tmp_path / "runs", suite, "supervised")
    export_runs(folder, [run], own)
    for options, words in (({"trackers": ["KFC"]}, "Did you mean KCF"), ({"experiments": ["realtime"]}, "baseline")):
        with pytest.raises(UsageError) as caught:
            import_results(folder, tmp_path / "out", **options)  # type: ignore[arg-type]
        assert words in str(caught.value)
    with pytest.raises(UsageError, match="own results"):
        import_results(folder, folder / "results" / "x")
    shutil.rmtree(folder / "results")
    with pytest.raises(ResultsError, match="there are no results"):
        import_results(folder, tmp_path / "out")


def test_a_registered_tracker_keeps_its_command(tmp_path: Path) -> None:
    suite = make_suite(12)
    folder = workspace(tmp_path / "ws", suite, "supervised")
    before = (folder / "trackers.ini").read_text()
    own, run = made_run(tmp_path / "runs", suite, "supervised", "static")
    export_runs(folder, [run], own)
    assert (folder / "trackers.ini").read_text() == before
