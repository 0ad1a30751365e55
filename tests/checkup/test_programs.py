"""Programs over TraX under examination: what can be seen from outside is found, the rest is said to be skipped."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("trax", reason="needs the extra [vot]")

from spm_bench.checkup import check_tracker, contract, endurance, memory, run
from spm_bench.checkup.boxes import form
from spm_bench.checkup.patient import Patient
from spm_bench.trackers.catalog import resolve_tracker

PROGRAMS = Path(__file__).parents[1] / "trackers" / "trax" / "programs.py"


def name(mode):
    return f"trax:{sys.executable} {PROGRAMS} {mode}"


def patient(mode):
    return Patient(resolve_tracker(name(mode)))


def test_a_sound_program_passes(monkeypatch):
    dear = {"state", "odd input", "memory"}  # start many processes, and do nothing else with a program
    monkeypatch.setattr(run, "CHECKS", tuple(listed for listed in run.CHECKS if listed.name not in dear))
    monkeypatch.setattr(endurance, "measure", lambda patient: endurance.Speed(1.0, 1.0))
    results = {result.name: result for result in check_tracker(name("sound"))}
    assert {r.name: r.findings for r in results.values() if r.findings} == {}
    assert {r.name for r in results.values() if r.skipped} == {"colour", "arguments", "batch"}


@pytest.mark.parametrize(
    ("check", "mode", "words"),
    [
        (form, "centre", "the centre and the sides"),
        (memory.before, "remembers", "after another sequence it gives other boxes"),
        (contract.answers, "truth", "groundtruth.txt of wrong boxes beside its pictures it gives other boxes"),
        (contract.runs, "stays", "told to quit, it went on running"),
        (contract.runs, "crash", "exit code 7 when it was asked for the next box; its stderr ended with: Traceback"),
        (contract.runs, "no_trax", "init broke on a drifting target: it ended with exit code 3"),
    ],
)
def test_mistakes_are_found(check, mode, words, monkeypatch):
    monkeypatch.setattr("spm_bench.trackers.trax.session.FAREWELL", 0.3)
    (finding,) = check(patient(mode))
    assert words in finding.problem
    assert finding.remedy


@pytest.mark.skipif(not endurance.can_see_memory(), reason="needs /proc")
def test_the_memory_watched_is_that_of_the_program(monkeypatch):
    monkeypatch.setattr(endurance, "ROUNDS", 5)
    monkeypatch.setattr(endurance, "EACH", 8)
    (finding,) = endurance.leak(patient("leaks"))
    assert "the program grows by" in finding.problem
    assert "per frame" in finding.problem
