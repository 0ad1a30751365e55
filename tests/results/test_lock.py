"""Locks on file systems that misbehave; tests/engine/test_survival.py holds them against real processes."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from spm_bench.errors import ResultsError
from spm_bench.results.lock import locked


@pytest.mark.parametrize(
    ("module", "name", "code", "message"),
    [
        (fcntl, "flock", errno.ENOLCK, "cannot write: no locks"),
        (os, "pwrite", errno.ENOSPC, "the disk is full"),
        (os, "open", errno.EMFILE, "as many files open as it may.*ulimit -n"),
        (os, "ftruncate", errno.EROFS, "the file system is read-only"),
    ],
)
def test_a_lock_that_cannot_be_taken_is_an_error_with_the_folder(tmp_path, monkeypatch, module, name, code, message):
    def fail(*_):
        raise OSError(code, "no locks")

    monkeypatch.setattr(module, name, fail)
    with pytest.raises(ResultsError, match=rf"{tmp_path}.*{message}"), locked(tmp_path):
        pytest.fail("the block must not run")


def test_an_error_inside_the_block_is_not_taken_for_one_of_the_lock(tmp_path):
    with pytest.raises(OSError, match="mine"), locked(tmp_path):
        raise OSError(errno.ENOSPC, "mine")


def test_a_sweep_may_hold_more_locks_than_the_usual_limit_of_open_files(tmp_path):
    code = f"""
import contextlib, resource, sys
from pathlib import Path
from spm_bench.results.lock import locked
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 200))
with contextlib.ExitStack() as held:
    for i in range(100):
        held.enter_context(locked(Path({str(tmp_path)!r}) / str(i)))
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(200, 200)", done.stderr
