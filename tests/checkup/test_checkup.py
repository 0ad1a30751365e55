"""Every mistake is found in a tracker that has it and in no other, and a sound tracker passes."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from spm_bench.checkup import check_tracker, endurance
from spm_bench.checkup.colour import order_of
from spm_bench.checkup.patient import BrokeError, Patient
from spm_bench.checkup.run import UNFIT, check_names
from spm_bench.checkup.videos import drifting, dyed
from spm_bench.errors import TrackerError, UsageError
from spm_bench.trackers.catalog import resolve_tracker


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    """Another process takes a second to start; one test of its own starts one."""
    monkeypatch.setattr("spm_bench.checkup.memory._elsewhere", lambda patient: patient.follow(drifting()))


@pytest.fixture(autouse=True)
def _fewer_frames(monkeypatch):
    monkeypatch.setattr(endurance, "ROUNDS", 6)


def examined(name, **options):
    return {result.name: result for result in check_tracker(f"tests.checkup.patients:{name}", **options)}


def found(name, **options):
    """(check, level) of all findings."""
    return {(r.name, f.level) for r in examined(name, **options).values() for f in r.findings}


def test_a_sound_tracker_passes_every_check():
    results = examined("Sound")
    assert [*results] == check_names()
    assert {r.name: r.verdict for r in results.values() if r.verdict != "ok"} == {"batch": "skipped"}
    assert all(r.said or r.skipped for r in results.values())


@pytest.mark.parametrize("name", ["WellSeeded", "RightlyConverted", "Batched", "Shifted", "SeededInBatch"])
def test_unusual_trackers_are_sound_too(name):
    assert found(name) == set()


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("Centre", ("box form", "error"), "the centre"),
        ("Corners", ("box form", "error"), "two corners"),
        ("RowFirst", ("box form", "error"), "row before column"),
        ("Sides", ("box form", "error"), "sides exchanged"),
        ("Shares", ("box form", "error"), "shares of the picture"),
        ("FromOne", ("box form", "warning"), "counted from 1"),
        ("Whole", ("box form", "note"), "whole pixels"),
        ("Lost", ("box form", "warning"), "no usual form"),
        ("Empty", ("box size", "error"), "22 of 24 boxes"),
        ("ReadsTruth", ("truth", "error"), "groundtruth.txt"),
        ("Draws", ("arguments", "warning"), "writes into the picture"),
        ("TakesBox", ("arguments", "warning"), "changes the box"),
        ("KeepsView", ("arguments", "note"), "keeps a view"),
        ("Remembers", ("state", "error"), "after another sequence"),
        ("RemembersFrames", ("state", "error"), "middle of a video"),
        ("Chancy", ("chance", "warning"), "no method seed"),
        ("ChancyInSecret", ("chance", "error"), "calls itself deterministic"),
        ("BadlySeeded", ("chance", "error"), "seed() was given the same number"),
        ("Modest", ("chance", "note"), "does not say that it is deterministic"),
        ("RgbToGrey", ("colour", "warning"), "cv2.cvtColor(..., COLOR_RGB2GRAY) on pixels that are BGR"),
        ("TwiceConverted", ("colour", "warning"), "COLOR_BGR2HSV) on pixels that are RGB"),
        ("Pillow", ("colour", "warning"), "PIL.Image.fromarray on pixels that are BGR"),
        ("Leaks", ("memory", "warning"), "per frame"),
        ("LeaksAtStart", ("memory", "warning"), "per start"),
        ("Frail", ("odd input", "error"), "nothing to see"),
        ("Choosy", ("odd input", "note"), "too small"),
        ("BadlyBatched", ("batch", "error"), "three targets in a batch get other boxes than alone, by up to 0.02 px"),
        ("OtherInBatch", ("batch", "error"), "a single target in a batch gets other boxes than alone, by up to 0.5 px"),
        ("ByPlace", ("batch", "error"), "three targets in a batch get other boxes than alone"),
        ("ByPicture", ("batch", "error"), "come later, sit out a round, or see the same picture"),
        ("OneSetting", ("batch", "error"), "settings of variant far, get other boxes than alone, by up to 2 px"),
    ],
)  # fmt: skip
def test_each_mistake_is_found(name, expected, words, tmp_path, monkeypatch):
    truth = tmp_path / "groundtruth.txt"
    truth.write_text("1,2,3,4\n")
    monkeypatch.setenv("TRUTH", str(truth))
    results = examined(name)
    check, level = expected
    told = [f for f in results[check].findings if f.level == level]
    assert any(words in f.problem for f in told), results[check]
    assert all(f.remedy for f in told)


@pytest.mark.parametrize("name", ["Centre", "FromOne", "Draws", "KeepsView", "Chancy", "RgbToGrey", "Leaks", "Choosy"])
def test_a_mistake_is_laid_at_no_other_door(name):
    assert len({check for check, _ in found(name)}) == 1


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("WantsTruth", "interface", "update(frame, truth)"),
        ("IsTold", "interface", "begin(sequence, index)"),
        ("Silent", "run", "returned None in frame 1"),
        ("Breaks", "run", "ZeroDivisionError: no pixels"),
    ],
)
def test_a_tracker_that_cannot_run_is_checked_no_further(name, check, words):
    results = examined(name)
    assert words in results[check].findings[0].problem
    assert {r.name for r in results.values() if r.skipped == UNFIT} == {*check_names()[1:]} - {check}


def test_a_broken_tracker_is_shown_where_it_broke():
    (finding,) = examined("Breaks")["run"].findings
    assert "patients.py, line" in finding.problem


def test_speed_is_held_against_what_is_stated():
    assert ("speed", "warning") in found("Sound", fps=1e9)
    speed = examined("Sound", fps=0.001)["speed"]
    assert speed.verdict == "ok"
    assert "ms per frame of 320 x 240" in speed.said


def test_another_process_is_asked(monkeypatch):
    monkeypatch.undo()
    problem = examined("ByProcess")["chance"].findings[0].problem
    assert problem.startswith("another process gets other boxes, from frame 1 on")


def test_another_process_that_dies_is_a_finding(monkeypatch):
    monkeypatch.undo()
    (finding,) = examined("DiesElsewhere")["chance"].findings
    assert (finding.level, finding.problem) == ("error", "another process that runs it died")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BrokenBatch", "in round 1 of 1 targets: TypeError"),
        ("OneForAll", r"in round 1 of 3 targets: .*shape \(1, 4\)"),
        ("WithoutShared", "no attribute `shared`"),
        ("WithoutCapacity", "capacity 0, which is no number"),
    ],
)
def test_a_batch_that_breaks_is_a_finding(name, words):
    (finding,) = examined(name)["batch"].findings
    assert finding.level == "error"
    assert re.search(words, finding.problem)


def test_a_tracker_that_breaks_later_is_a_finding(monkeypatch):
    def broken(patient):
        raise BrokeError("update broke the second time")

    monkeypatch.setattr("spm_bench.checkup.memory.repeats", broken)
    (finding,) = examined("Sound")["state"].findings
    assert (finding.level, finding.problem) == ("error", "update broke the second time")


def test_a_script_from_standard_input_asks_another_process_too():
    code = "from spm_bench.checkup import check_tracker as c; print([r.verdict for r in c('MOSSE', only=['chance'])])"
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("['ok', 'ok', 'ok']\n", "")


def test_only_some_checks_are_made():
    results = examined("Remembers", only=["state"])
    assert {name: result.verdict for name, result in results.items()} == {
        "interface": "ok",
        "run": "ok",
        "state": "error",
    }
    assert [*examined("Sound", only=["speed", "box form"])] == ["interface", "run", "box form", "speed"]
    with pytest.raises(UsageError, match="Did you mean state"):
        check_tracker("tests.checkup.patients:Sound", only=["stat"])


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan")])
def test_a_speed_must_be_one(fps):
    with pytest.raises(UsageError, match="--fps"):
        check_tracker("tests.checkup.patients:Sound", fps=fps)


def test_names_are_checked_before_anything_runs():
    with pytest.raises(UsageError, match="Did you mean"):
        check_tracker("KFC")
    with pytest.raises(TrackerError, match="update"):
        check_tracker("tests.checkup.patients:_Batch")


def test_the_order_of_dyed_channels_survives_cutting_and_scaling():
    frame = dyed().frames[3]
    part = frame[20:90:3, 10:200]
    assert order_of(part) == "BGR"
    assert order_of(part[..., ::-1].astype(np.float32) / 255 - 0.5) == "RGB"
    assert order_of(drifting().frames[3][..., 0]) is None
    assert order_of(np.zeros((4, 4, 3))) is None


def test_boxes_are_copied_from_a_tracker_that_returns_the_same_array_again():
    class Same:
        box = np.zeros(4)

        def init(self, frame, box):
            self.box[:] = box

        def update(self, frame):
            self.box += 1
            return self.box

    boxes = Patient(resolve_tracker("static")).follow(drifting(), Same())
    assert np.array_equal(boxes - boxes[0], np.tile(np.arange(16.0)[:, None], 4))
