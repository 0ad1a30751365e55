"""`spm-bench check-tracker` as it is typed."""

from __future__ import annotations

import json

import pytest

from spm_bench.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, build_app, guarded


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    monkeypatch.setattr("spm_bench.checkup.memory._elsewhere", lambda patient: patient.usual)
    monkeypatch.setenv("COLUMNS", "80")


def spm_bench(*arguments):
    return guarded(build_app(), ["check-tracker", *arguments])


def test_prints_a_line_for_each_check_and_a_sum(capsys):
    assert spm_bench("MOSSE") == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok       interface  as agreed"
    assert "skipped  batch      it advances one target at a time" in lines
    assert lines[-1] == "MOSSE: 13 checks, 1 skipped: nothing found"
    assert max(map(len, lines)) <= 80


def test_tells_what_is_wrong_and_what_to_do(capsys):
    assert spm_bench("tests.checkup.patients:Centre") == EXIT_FAILED
    text = " ".join(capsys.readouterr().out.split())
    assert "error box form it seems to return the centre and the sides (cx, cy, w, h): read so" in text
    assert "Return x = cx - w / 2, y = cy - h / 2, w, h." in text
    assert text.endswith("1 skipped: 1 error")


def test_a_tracker_that_does_not_run_gets_few_lines(capsys):
    assert spm_bench("tests.checkup.patients:Breaks") == EXIT_FAILED
    out = capsys.readouterr().out
    assert "see above" not in out
    assert "11 skipped: 1 error" in out


def test_json_and_nothing_else(capfd):
    assert spm_bench("tests.checkup.patients:RgbToGrey", "--json", "--fps", "0.1") == EXIT_OK
    rows = {row["name"]: row for row in json.loads(capfd.readouterr().out)}
    assert rows["colour"]["verdict"] == "warning"
    assert rows["colour"]["findings"][0]["level"] == "warning"
    assert rows["state"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("KFC",), "Did you mean KCF"),
        (("no_such_module:T",), "no module 'no_such_module'"),
        (("tests.checkup.patients:Sounds",), "Did you mean Sound"),
        (("KCF", "--variant", "as_shiped"), "as_shipped"),
        (("KCF", "--weights", "x"), "no weights"),
        (("KCF", "--fps", "0"), "--fps"),
        (("KCF", "--fsp", "1"), "--fsp"),
    ],
)
def test_mistakes_end_in_one_line(capsys, arguments, words):
    assert spm_bench(*arguments) == EXIT_USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
