"""One timing at a time, and what else the machine does."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from spm_bench.engine import quiet
from spm_bench.engine.quiet import Before, Busy, Card, OthersMeter, alone, busy_processes, cards, warning_of_others
from spm_bench.errors import UsageError


def test_a_second_timing_is_refused_until_the_first_has_ended(tmp_path):
    lock = tmp_path / "lock"
    with (
        alone(lock),
        pytest.raises(UsageError, match=f"another timing .*process {os.getpid()}.*Wait for it"),
        alone(lock),
    ):
        pytest.fail("the block must not run")
    with alone(lock):
        pass


def test_a_timing_that_was_killed_holds_nothing(tmp_path):
    lock = tmp_path / "lock"
    code = "import os, signal, sys; from pathlib import Path; from spm_bench.engine.quiet import alone\n"
    code += "with alone(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", code, lock], check=False).returncode == -9
    assert lock.is_file()
    with alone(lock):
        pass


def test_the_lock_of_another_user_serves_as_well(tmp_path, monkeypatch):
    lock = tmp_path / "lock"
    lock.write_text("17\n")
    real = os.open

    def foreign(path, flags, *mode):
        if flags & os.O_RDWR and path == lock:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *mode)

    monkeypatch.setattr(os, "open", foreign)
    with alone(lock), pytest.raises(UsageError, match="another timing"), alone(lock):
        pytest.fail("the block must not run")
    assert lock.read_text() == "17\n"


def test_a_lock_that_cannot_be_opened(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere/lock.*cannot be taken"), alone(tmp_path / "nowhere" / "lock"):
        pytest.fail("the block must not run")


def fake_proc(folder, machine, **processes):
    """A /proc with these ticks of work: of the machine (user), and of processes by number and name."""
    folder.mkdir(exist_ok=True)
    (folder / "stat").write_text(f"cpu  {machine} 0 0 900 77 0 0 0 0 0\ncpu0 1 2 3\n")
    for label, ticks in processes.items():
        number, _, name = label.partition("_")
        (folder / number[1:]).mkdir(exist_ok=True)
        (folder / number[1:] / "stat").write_text(f"{number[1:]} ({name}) S 0 0 0 0 -1 0 0 0 0 0 {ticks} 0 9 9 20\n")
    return folder


def test_busy_processes_are_found_by_what_they_did(tmp_path, monkeypatch):
    ticks = os.sysconf("SC_CLK_TCK")
    names = ("p7_train) me", "p8_idle", f"p{os.getpid()}_us", "p9_gone")
    proc = fake_proc(tmp_path / "proc", 0, **dict.fromkeys(names, 100))
    clock = iter([50.0, 52.0])

    def later(_):
        fake_proc(proc, 0, **{names[0]: 100 + 3 * ticks, names[1]: 101, names[2]: 100 + 2 * ticks})
        (proc / "9" / "stat").unlink()

    assert busy_processes(0.0, tmp_path / "none") == []
    monkeypatch.setattr(quiet, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=later))
    assert busy_processes(2.0, proc) == [Busy(7, "train) me", 1.5)]


def test_what_others_took_is_what_the_machine_did_without_us(tmp_path, monkeypatch):
    ticks = os.sysconf("SC_CLK_TCK")
    proc, clock = fake_proc(tmp_path / "proc", 5 * ticks), iter([10.0, 20.0])
    own = iter([os.times_result((1.0, 1.0, 0.0, 0.0, 0.0)), os.times_result((3.0, 2.0, 1.0, 0.0, 0.0))])
    monkeypatch.setattr(quiet, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(quiet.os, "times", lambda: next(own))
    meter = OthersMeter(proc)
    fake_proc(proc, 14 * ticks)
    assert meter.cores() == pytest.approx((9 - 4) / 10)
    assert OthersMeter(tmp_path / "none").cores() is None


@pytest.mark.parametrize(("cores", "n"), [(None, 0), (0.0, 0), (0.09, 0), (0.5, 1)])
def test_others_are_worth_a_warning_from_a_tenth_of_a_core(cores, n):
    assert len(warning_of_others(cores)) == n


def test_a_card_in_use_is_worth_a_warning_to_those_who_use_it(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nprintf 'NVIDIA H200, 37\\nNVIDIA, Old, [N/A]\\n'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = cards()
    assert found == [Card("NVIDIA H200", 37), Card("NVIDIA, Old", None)]
    before = Before(0.1, (), tuple(found))
    assert before.warnings(card=False) == []
    assert before.warnings(card=True) == ["NVIDIA H200 was 37 percent in use before the first frame"]
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert cards() == []
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert cards() == []
