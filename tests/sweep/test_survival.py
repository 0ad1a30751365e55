"""Sweeps in processes of their own: ended by Ctrl-C or kill -9, or two at once in one folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spm_bench.cli import EXIT_INTERRUPTED, EXIT_OK
from tests.sweep.toys import write

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0


@pytest.fixture
def start(tmp_path):
    """Start a sweep of toys in a folder of its own; as slow as asked for."""
    write(tmp_path)
    begun = []

    def run(pause=0.0, *words):
        code = "import sys; from spm_bench.cli import build_app, guarded; sys.exit(guarded(build_app()))"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "SPM_TEST_PAUSE": str(pause), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-c", code, "sweep", "toy.toml", "--no-report", *words],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def raw_files(folder):
    return {p: p.stat().st_mtime_ns for p in (folder / "runs" / "demo").glob("Toy*/Toy*/*.txt")}


def wait_for(folder, count):
    end = time.monotonic() + PATIENCE
    while len(raw_files(folder)) < count:
        assert time.monotonic() < end, "nothing was written"
        time.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_finished_is_kept(start, tmp_path, how):
    process = start(0.01)
    wait_for(tmp_path, 2)
    process.send_signal(how)
    _, err = process.communicate(timeout=PATIENCE)
    if how == signal.SIGINT:
        assert process.returncode == EXIT_INTERRUPTED
        assert "interrupted: what was finished is kept" in err
    before = raw_files(tmp_path)
    assert 2 <= len(before) < 14
    assert start().wait(PATIENCE) == EXIT_OK
    after = raw_files(tmp_path)
    assert len(after) == 14
    assert {p: after[p] for p in before} == before


def test_two_at_once_both_finish_and_nothing_is_computed_twice(start, tmp_path):
    first = start(0.01)
    wait_for(tmp_path, 1)
    second = start(0.01)
    told = [process.communicate(timeout=PATIENCE) for process in (first, second)]
    assert [first.returncode, second.returncode] == [EXIT_OK, EXIT_OK]
    assert f"waiting for 7 of the cells on Demo (synthetic): another process ({first.pid}) is writing" in told[1][1]
    assert told[0][0] == told[1][0]
    sessions = [json.loads(p.read_text())["sessions"] for p in (tmp_path / "runs" / "demo").glob("*/run.json")]
    assert [len(one) for one in sessions] == [1] * 7
