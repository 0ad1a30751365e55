"""TRE and SRE as they are run: files, resuming, lockstep, scores against plain loops, reports."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.cli import EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.engine.runner import run_all
from spm_bench.errors import DataError
from spm_bench.geometry.boxes import iou
from spm_bench.metrics.conventions import CONVENTIONS
from spm_bench.protocols.catalog import as_run_under, get_protocol
from spm_bench.protocols.shifts import SHIFTS, shifted_box
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.runs import open_run, read_run
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.timeline import timelines
from spm_bench.suites.base import Suite
from spm_bench.suites.temporal import temporal_starts
from tests.engine.batch_fakes import spec as batched
from tests.engine.fakes import Scripted, Still, sequence, spec, suite

LENGTHS = {"long": 64, "short": 25, "one": 1}


def toys(protocol: str) -> Suite:
    made = suite(*(sequence(name, n=n) for name, n in LENGTHS.items()))
    return as_run_under(made, get_protocol(protocol))


def run(out: Path, data: Suite, *specs: object, **options: bool) -> list[Path]:
    """Run all specs; returns their run folders."""
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(open_run(out, one, data, get_protocol(data.protocol))) for one in specs]
        assert run_all(runs, data, **options) == ()
        return [one.folder for one in runs]


def box_files(folder: Path) -> dict[str, bytes]:
    found = sorted(p for p in folder.rglob("*.txt") if "time" not in p.name)
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def test_temporal_runs_begin_on_their_frames_and_end_with_the_sequence() -> None:
    ball, tre = sequence(n=64), get_protocol("tre")
    starts = temporal_starts(ball)
    assert tre.count(ball) == len(starts) == 20
    for repetition, start in enumerate(starts, start=1):
        tracker = Still()
        result = tre.run(tracker, ball, repetition=repetition, seed=0)
        assert tracker.calls == [("init", start), *(("update", i) for i in range(start + 1, 64))]
        assert len(result) == 64 - start
        assert (result.boxes == ball.ground_truth[start]).all()


def test_spatial_runs_begin_with_the_twelve_shifts() -> None:
    ball, sre = sequence(n=6), get_protocol("sre")
    for repetition, shift in enumerate(SHIFTS, start=1):
        result = sre.run(Still(), ball, repetition=repetition, seed=0)
        expected = shifted_box(ball.ground_truth[0], shift, (64, 48))
        assert result.boxes.tolist() == [expected.tolist()] * 6


def test_spatial_runs_need_the_size_of_the_pictures() -> None:
    with pytest.raises(DataError, match="size of its pictures is not known"):
        get_protocol("sre").run(Still(), replace(sequence(n=3), image_size=None), repetition=1, seed=0)


@pytest.mark.parametrize(
    ("protocol", "example", "count"),
    [("tre", "TRE/long/long_00000002.txt", 20 + 6 + 1), ("sre", "SRE/long/long_012.txt", 12 * 3)],
)
def test_raw_files_resume_byte_for_byte(tmp_path: Path, protocol: str, example: str, count: int) -> None:
    data, jitter = toys(protocol), spec("Jitter")
    (whole,) = run(tmp_path / "whole", data, jitter)
    expected = box_files(whole / "Jitter")
    assert len(expected) == count
    assert example in expected
    (again,) = run(tmp_path / "again", data, jitter)
    later = sorted((again / "Jitter").rglob("long_0*.txt"))[len("later") :]
    for path in later:
        path.unlink()
    manifest = json.loads((again / "run.json").read_text())
    manifest["sequences"]["long"]["state"] = "pending"
    (again / "run.json").write_text(json.dumps(manifest))
    (again,) = run(tmp_path / "again", data, jitter)
    assert box_files(again / "Jitter") == expected


@pytest.mark.parametrize("protocol", ["tre", "sre"])
def test_lockstep_gives_the_same_files(tmp_path: Path, protocol: str) -> None:
    data = toys(protocol)
    cells = [batched("Walker", f"v{i}", speed=speed, drift=0.1) for i, speed in enumerate((0.4, 0.4, 2.0))]
    alone = run(tmp_path / "alone", data, *cells)
    together = run(tmp_path / "together", data, *cells, lockstep=True)
    for one, other in zip(alone, together, strict=True):
        assert box_files(one) == box_files(other)


def plain_score(data: Suite, passes: dict[str, list[tuple[int, np.ndarray]]]) -> tuple[float, float]:
    """AUC and precision by loops: hits of all runs of a sequence over all their frames, then the mean of sequences."""
    aucs, precisions = [], []
    for one in data.sequences:
        hits, near, frames = np.zeros(21), 0, 0
        for start, boxes in passes[one.name]:
            truth = one.ground_truth[start:]
            for row, (box, true) in enumerate(zip(boxes, truth, strict=True)):
                overlap = 1.0 if row == 0 else float(iou(box[None], true[None])[0])
                centre = 0.0 if row == 0 else float(np.hypot(*(box[:2] + box[2:] / 2 - true[:2] - true[2:] / 2)))
                hits += [overlap > k * 0.05 for k in range(21)]
                near += centre <= 20
                frames += 1
        aucs.append(hits.mean() / frames)
        precisions.append(near / frames)
    return float(np.mean(aucs)), float(np.mean(precisions))


@pytest.mark.parametrize("protocol", ["tre", "sre"])
def test_scores_equal_plain_loops(tmp_path: Path, protocol: str) -> None:
    made = suite(sequence("long", n=64), sequence("middle", n=45))
    data = as_run_under(made, get_protocol(protocol))
    (folder,) = run(tmp_path, data, spec("Jitter"))
    results = read_run(folder, data)
    starts = {
        s.name: temporal_starts(s) if protocol == "tre" else (0,) * len(SHIFTS) for s in data.sequences
    }  # fmt: skip
    passes = {
        s.name: [(b, t.boxes) for b, t in zip(starts[s.name], results.trajectories(s), strict=True)]
        for s in data.sequences
    }
    auc, precision = plain_score(data, passes)
    evaluation = evaluate(data, results)
    assert evaluation.score("auc").value == pytest.approx(auc, abs=1e-12)
    assert evaluation.score("precision").value == pytest.approx(precision, abs=1e-12)
    assert evaluation.score("auc").protocol == protocol
    assert evaluation.score("auc").convention == "otb-matlab"
    raw = evaluate(data, find_result_sets([folder / "Jitter"], data)[0])
    assert raw.score("auc").value == evaluation.score("auc").value


def test_the_mean_of_runs_is_another_number_where_they_differ_in_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = as_run_under(suite(sequence("long", n=64)), get_protocol("tre"))
    (folder,) = run(tmp_path, data, spec("Jitter", step=3.0))
    pooled = evaluate(data, read_run(folder, data)).score("auc").value
    house = replace(CONVENTIONS[0], name="house", repetitions="mean")
    monkeypatch.setattr("spm_bench.metrics.conventions.CONVENTIONS", (*CONVENTIONS, house))
    alike = evaluate(data, read_run(folder, data), "house").score("auc").value
    assert pooled is not None
    assert alike is not None
    assert abs(pooled - alike) > 1e-3


def test_a_missing_run_is_named(tmp_path: Path) -> None:
    data = as_run_under(suite(sequence("long", n=64)), get_protocol("tre"))
    (folder,) = run(tmp_path, data, spec("Still"))
    files = sorted((folder / "Still" / "TRE" / "long").glob("long_0???????.txt"))
    files[-1].unlink()
    (results,) = find_result_sets([folder / "Still"], data)
    with pytest.raises(Exception, match="19 of 20 runs on long"):
        evaluate(data, results)


def test_timelines_know_where_the_first_run_begins(tmp_path: Path) -> None:
    ball = sequence("ball", n=50)
    hidden = np.zeros(50, dtype=bool)
    hidden[:7] = True
    data = as_run_under(suite(replace(ball, no_start=hidden)), get_protocol("tre"))
    (folder,) = run(tmp_path, data, spec("Still"))
    line = timelines(data, read_run(folder, data))["ball"]
    assert len(line.overlaps) == len(line.states) == len(line.regions) == 50
    assert np.isnan(line.overlaps[:7]).all()
    assert line.overlaps[7] == 1.0


def typed(*arguments: str | Path) -> int:
    return guarded(build_app(), [*map(str, arguments)])


@pytest.mark.parametrize("protocol", ["tre", "sre"])
def test_a_user_runs_scores_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], protocol: str
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--suite", "demo", "--protocol", protocol.upper())
    command = ("run", *asked, "--tracker", "static", "--sequence", "calm")
    assert typed(*command) == EXIT_OK
    printed = capsys.readouterr()
    assert f"protocol {protocol}" in printed.out
    assert f"report-{protocol}" in printed.err
    table = (Path("runs/demo") / f"report-{protocol}" / "README.md").read_text()
    assert "all its runs together" in " ".join(table.split())
    (folder,) = Path("runs/demo").glob("static-*")
    assert typed("score", *asked, "--allow-missing", "--json", folder / "static") == EXIT_OK
    rows = json.loads(capsys.readouterr().out)
    assert {row["protocol"] for row in rows} == {protocol}
    assert typed("score", "--suite", "demo", "--allow-missing", folder) == EXIT_USAGE
    assert f"was run under the protocol {protocol}" in capsys.readouterr().err
    assert typed("report", folder, "--html", "--out", "page.html") == EXIT_OK
    assert typed("reproduce", folder / "run.json") == EXIT_OK


def test_a_tracker_that_breaks_in_one_run_is_a_failed_sequence(tmp_path: Path) -> None:
    ball = sequence(n=64)
    broken = Scripted([[1, 2, 3, 4]] * 60)
    with pytest.raises(IndexError) as caught:
        get_protocol("tre").run(broken, ball, repetition=20, seed=0)
    assert caught.value.__notes__ == ["in frame 60 of ball, repetition 20"]
