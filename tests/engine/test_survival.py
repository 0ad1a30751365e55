"""Real processes, killed for real: what is finished stays, and the rest comes out byte for byte the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.results.lock import locked
from tests.engine.slow_run import N_CELLS, main

PAUSE = 0.006


def start(out, workers=1, pause=PAUSE, lockstep=False):
    command = [sys.executable, "-m", "tests.engine.slow_run", str(out), str(workers), *["lockstep"] * lockstep]
    return subprocess.Popen(command, start_new_session=True, env={**os.environ, "SPM_TEST_PAUSE": str(pause)})


def boxes(out):
    """Box files only: seconds differ from run to run."""
    return {p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*_0*.txt"))}


def wait_for(condition, process, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "it ended before the test could kill it"
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    main(out, 1)
    files = boxes(out)
    assert len(files) == 12
    assert len(set(files.values())) == 12, "equal files would prove nothing"
    return files


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    out = tmp_path_factory.mktemp("together")
    main(out, 1, lockstep=True)
    files = boxes(out)
    assert len(files) == 3 * 3 * N_CELLS
    assert len(set(files.values())) == 3 * N_CELLS, "three equal repetitions of each cell and sequence"
    return files


@pytest.mark.parametrize("workers", [1, 2])
def test_lockstep_is_killed_and_resumed(tmp_path, together, workers):
    process = start(tmp_path, workers, lockstep=True)
    wait_for(lambda: boxes(tmp_path), process)
    process.kill()
    process.wait(10)
    kept = boxes(tmp_path)
    assert 0 < len(kept) < len(together)
    assert kept.items() <= together.items()
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*_0*.txt")}
    main(tmp_path, 1, lockstep=True)
    assert boxes(tmp_path) == together
    assert all(p.stat().st_mtime_ns == stamp for p, stamp in stamps.items()), "finished files were written again"


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_in_lockstep(tmp_path, together, workers):
    process = start(tmp_path, workers, lockstep=True)
    wait_for(lambda: boxes(tmp_path), process)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    kept = boxes(tmp_path)
    assert 0 < len(kept) < len(together)
    assert kept.items() <= together.items()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("lockstep", [False, True])
def test_a_worker_that_is_killed_from_outside_loses_nothing(tmp_path, uninterrupted, together, lockstep):
    process = start(tmp_path, 2, lockstep=lockstep)
    wait_for(lambda: boxes(tmp_path), process)
    victims = [pid for pid in _children(process.pid) if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(victims) == 2
    os.kill(int(victims[0]), signal.SIGKILL)
    assert process.wait(30) == 0
    assert boxes(tmp_path) == (together if lockstep else uninterrupted)


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random_moments_and_resumed_the_boxes_are_the_same_bytes(tmp_path, uninterrupted, workers):
    rng = np.random.default_rng(workers)
    counts = []
    for n_before in (1, 4, 7):
        process = start(tmp_path, workers)
        wait_for(lambda n=n_before: len(boxes(tmp_path)) >= n, process)
        time.sleep(rng.uniform(0, 0.06))
        kept = boxes(tmp_path)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
        assert kept.items() <= boxes(tmp_path).items() <= uninterrupted.items()
        counts.append(len(boxes(tmp_path)))
    assert counts == sorted(counts)
    assert counts[0] < 12
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*_0*.txt")}
    main(tmp_path, 1)
    assert boxes(tmp_path) == uninterrupted
    assert all(p.stat().st_mtime_ns == stamp for p, stamp in stamps.items()), "finished files were written again"
    assert not list(tmp_path.rglob(".*.tmp"))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_workers_die_with_a_killed_parent(tmp_path):
    process = start(tmp_path, workers=2)
    wait_for(lambda: boxes(tmp_path), process)
    children = _children(process.pid)
    assert len(children) >= 2
    process.kill()
    process.wait(10)
    end = time.monotonic() + 10
    while any(_alive(pid) for pid in children):
        assert time.monotonic() < end, "orphans keep running"
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_quickly_keeps_what_is_finished_and_says_130(tmp_path, uninterrupted, workers):
    process = start(tmp_path, workers, pause=0.02)
    wait_for(lambda: len(boxes(tmp_path)) >= 2, process)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    assert 2 <= len(boxes(tmp_path)) < 12
    assert boxes(tmp_path).items() <= uninterrupted.items()
    main(tmp_path, 1)
    assert boxes(tmp_path) == uninterrupted


def test_a_second_process_on_the_same_run_is_told_and_a_killed_one_holds_nothing(tmp_path):
    process = start(tmp_path, pause=0.02)
    wait_for(lambda: boxes(tmp_path), process)
    with pytest.raises(ResultsError, match=rf"another process \({process.pid}\) is writing this run"):
        main(tmp_path, 1)
    process.kill()
    process.wait(10)
    main(tmp_path, 1)
    assert len(boxes(tmp_path)) == 12


def test_the_lock_is_released_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


def _children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
