"""A short fuzz run of all parsers; a longer one is `python tests/fuzz/fuzz.py --seconds 600`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fuzz.py")
RUNS = 12_000
"""Inputs: some seconds. The same ones each time, so that a failure is the work of a change."""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_no_parser_breaks_on_some_thousand_inputs(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris (extra dev, Python up to 3.13 on Linux) is not installed")
    done = run(tmp_path, "--runs", str(RUNS))
    left = {path.name: path.read_bytes() for path in tmp_path.glob("*-*") if path.is_file()}
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{left}"
    assert "Done " in done.stderr
    assert not left


def test_an_unknown_parser_is_named(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris (extra dev, Python up to 3.13 on Linux) is not installed")
    done = run(tmp_path, "--only", "nobody")
    assert done.returncode == 1
    assert "no parser is called 'nobody'; known: otb, got10k" in done.stderr
