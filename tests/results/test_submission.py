"""Archives for servers: GOT-10k's is the one its own toolkit makes; what is not whole is refused.

Reference: got10k 0.1.3, ExperimentGOT10k.run and report on its test split.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.cli import EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.results.submission import SERVERS
from spm_bench.suites.facts import SuiteFacts, suite_facts, suite_names
from tests.suites.builders import (
    box_lines,
    got10k_sequence,
    otb_sequence,
    trackingnet_sequence,
    write_lines,
    write_pictures,
)

N = 3


class Drift:
    """Goes right by a third of a pixel a frame; not called deterministic, so that GOT-10k runs it three times."""

    def init(self, _: np.ndarray, box: np.ndarray) -> None:
        self.box = box

    def update(self, _: np.ndarray) -> np.ndarray:
        self.box = np.add(self.box, (1 / 3, 0, 0, 0))
        return self.box


def typed(*arguments: str | Path) -> int:
    return guarded(build_app(), [*map(str, arguments)])


def run_here(suite: str, data: Path, *more: str) -> Path:
    tracker = f"{__name__}:Drift"
    assert typed("run", "--suite", suite, "--data", data, "--tracker", tracker, *more) == EXIT_OK
    (folder,) = Path("runs", suite).glob("Drift-*")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_got10k_equals_the_toolkits_archive(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments = pytest.importorskip("got10k.experiments")
    from spm_bench.interop.got10k import wrap

    names = [item.name for item in suite_facts("got10k-test").sequences][:7]
    monkeypatch.setattr("spm_bench.results.submission.suite_facts", lambda name: _smaller(name, len(names)))
    for name in names:
        got10k_sequence(here / "GOT-10k" / "test", name, N, test=True)
    write_lines(here / "GOT-10k" / "test" / "list.txt", names)
    folder = run_here("got10k-test", here / "GOT-10k", "--allow-missing")
    assert typed("submit", folder) == EXIT_OK
    assert "7 of 180 sequences of GOT-10k test. Upload it at http" in capsys.readouterr().out

    experiment = experiments.ExperimentGOT10k(str(here / "GOT-10k"), subset="test", result_dir=str(here / "theirs"))
    tracker = wrap(f"{__name__}:Drift", origin=0)
    experiment.run(tracker)
    experiment.report([tracker.name])
    theirs = zipfile.ZipFile(here / "theirs" / "GOT-10k" / f"{tracker.name}.zip")
    ours = zipfile.ZipFile(folder / "Drift.zip")
    files = [name for name in theirs.namelist() if not name.endswith("/")]
    assert sorted(files) == sorted(ours.namelist())
    assert len(files) == len(names) * 4
    for name in files:
        if name.endswith("_time.txt"):  # other seconds, in the same form
            shapes = []
            for archive in (ours, theirs):
                lines = archive.read(name).decode().split()
                shapes.append([[len(cell.partition(".")[2]) for cell in line.split(",")] for line in lines])
            assert shapes[0] == shapes[1] == [[8] * 3] * N
        else:
            assert ours.read(name) == theirs.read(name)


def test_trackingnet_has_its_files_at_the_top_and_counts_from_0(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("-a_0", "b"):
        trackingnet_sequence(here / "TrackingNet", "TEST", name, N)
    folder = run_here("trackingnet", here / "TrackingNet", "--allow-missing")
    assert (folder / "Drift" / "b.txt").read_text().startswith("10.0,12.0,8.0,6.0\n"), "as annotated, not 1-based"
    monkeypatch.setattr("spm_bench.results.submission.suite_facts", lambda name: _smaller(name, 2))
    assert typed("submit", folder, "--out", here / "all.zip") == EXIT_OK
    archive = zipfile.ZipFile(here / "all.zip")
    assert sorted(archive.namelist()) == ["-a_0.txt", "b.txt"]
    assert archive.read("b.txt").decode().split() == [
        "10.000,12.000,8.000,6.000",
        "10.333,12.000,8.000,6.000",
        "10.667,12.000,8.000,6.000",
    ]
    before = (here / "all.zip").read_bytes()
    assert typed("submit", folder, "--out", here / "all.zip") == EXIT_OK
    assert (here / "all.zip").read_bytes() == before


def _smaller(name: str, n: int) -> SuiteFacts:
    return replace(suite_facts(name), n_sequences=n)


@pytest.mark.parametrize(("protocol", "runs"), [("tre", 20), ("sre", 12)])
def test_robustness_becomes_the_json_of_otbs_toolkit(
    here: Path, capsys: pytest.CaptureFixture[str], protocol: str, runs: int
) -> None:
    """Sequence BlurCar3 begins with picture 3. The fields are those its `Result` objects are built from."""
    write_pictures(here / "OTB" / "BlurCar3" / "img", 357, first=3)
    write_lines(here / "OTB" / "BlurCar3" / "groundtruth_rect.txt", box_lines(357, 0.05))
    folder = run_here("otb100", here / "OTB", "--allow-missing", "--no-report", "--protocol", protocol)
    assert typed("submit", folder) == EXIT_OK
    assert "results/ of tracker_benchmark" in capsys.readouterr().out
    archive = zipfile.ZipFile(folder / "Drift.zip")
    (name,) = archive.namelist()
    assert name == f"{protocol.upper()}/Drift/BlurCar3.json"
    found = json.loads(archive.read(name))
    fields = [
        "tracker",
        "seqName",
        "startFrame",
        "endFrame",
        "evalType",
        "fps",
        "shiftType",
        "resType",
        "tmplsize",
        "res",
    ]
    assert [list(one) for one in found] == [fields] * runs
    for one in found:
        assert len(one["res"]) == one["endFrame"] - one["startFrame"] + 1
        assert one["endFrame"] == 359
    assert found[0]["startFrame"] == 3
    if protocol == "tre":
        assert found[-1]["startFrame"] == 359 - 19
        moved = 0.05 * (found[3]["startFrame"] - 3)
        assert found[3]["res"][0][:2] == pytest.approx([10 + moved, 12 + moved])
    else:
        assert [one["shiftType"] for one in found[:5]] == ["left", "right", "up", "down", "topLeft"]


def test_robustness_on_a_suite_that_counts_from_0_is_still_1_based_for_otbs_toolkit(here: Path) -> None:
    trackingnet_sequence(here / "TrackingNet", "TEST", "b", N)
    folder = run_here("trackingnet", here / "TrackingNet", "--allow-missing", "--no-report", "--protocol", "sre")
    assert typed("submit", folder, "--out", here / "b.zip") == EXIT_OK
    left = json.loads(zipfile.ZipFile(here / "b.zip").read("SRE/Drift/b.json"))[0]
    assert left["shiftType"] == "left"
    assert left["res"][0] == [10.0, 13.0, 8.0, 6.0], "10, 12 as annotated, one pixel to the left"


def test_a_part_of_a_suite_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trackingnet_sequence(here / "TrackingNet", "TEST", "b", N)
    folder = run_here("trackingnet", here / "TrackingNet", "--allow-missing")
    assert typed("submit", folder) == EXIT_USAGE
    assert "1 of 511 sequences of TrackingNet test. The server wants them all" in capsys.readouterr().err
    manifest = json.loads((folder / "run.json").read_text())
    manifest["sequences"]["b"]["state"] = "pending"
    (folder / "run.json").write_text(json.dumps(manifest))
    assert typed("submit", folder) == EXIT_USAGE
    assert "1 of 1 sequences are not finished: b. Run the same command again" in capsys.readouterr().err


def test_suites_that_are_scored_here_and_folders_that_are_no_runs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    otb_sequence(here / "OTB", "Deer", 71)
    folder = run_here("otb100", here / "OTB", "--allow-missing", "--no-report")
    assert typed("submit", folder) == EXIT_USAGE
    assert "OTB-100 has no evaluation server: its results are scored here" in capsys.readouterr().err
    assert typed("submit", here / "OTB") == EXIT_USAGE
    assert "run.json" in capsys.readouterr().err


def test_another_protocol_and_damaged_files_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got10k_sequence(here / "GOT-10k" / "test", "GOT-10k_Test_000001", N, test=True)
    folder = run_here("got10k-test", here / "GOT-10k", "--allow-missing", "--protocol", "one_pass")
    assert typed("submit", folder) == EXIT_USAGE
    assert "protocol one_pass, not got10k" in capsys.readouterr().err


def test_every_suite_without_public_ground_truth_has_a_server() -> None:
    assert {name for name in suite_names() if not suite_facts(name).has_ground_truth} == set(SERVERS)
