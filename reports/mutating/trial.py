"""Does a test find the fault? One process per mutant: first the tests of its module, then those around it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from mutating.operators import Mutant, make_mutant
from mutating.plugin import FILE, TEXT

ROOT = Path(__file__).resolve().parents[2]
AROUND = {
    "metrics": ("tests/metrics",),
    "protocols": ("tests/protocols", "tests/engine/test_runner.py"),
}
"""Room -> tests that are run where those of the module alone find nothing."""
ELSEWHERE = {"extra": ("tests/scoring/test_extra.py",)}
"""Folder of modules -> their tests, where these do not mirror them."""
KILLED, SLOW, SURVIVED = "killed", "too slow", "survived"
LEAST_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        mutant: Which one.
        state: "killed", "too slow" (killed by the clock: an endless loop, as a rule) or "survived".
        by: The first test that failed, "" if none did.
        seconds: How long it took.
        before: The statement as it was.
        after: The statement with the fault.
        tests: What identifies the tests of its module.
    """

    mutant: Mutant
    state: str
    by: str
    seconds: float
    before: str
    after: str
    tests: str = ""


def own_tests(module: str) -> tuple[str, ...]:
    """The tests of a module: those that carry its name, else those of its room.

    >>> own_tests("spm_bench/metrics/eao.py")
    ('tests/metrics/test_eao.py',)
    """
    path = Path(module)
    room = path.parts[1]
    if path.parent.name in ELSEWHERE:
        return ELSEWHERE[path.parent.name]
    named = ROOT / "tests" / room / f"test_{path.stem}.py"
    return (named.relative_to(ROOT).as_posix(),) if named.is_file() else (f"tests/{room}",)


def rounds_of(module: str) -> list[tuple[str, ...]]:
    """What is run, one after the other, until a test fails."""
    around = tuple(name for name in AROUND[Path(module).parts[1]] if (ROOT / name).exists())
    return [own_tests(module), around]


class Limits:
    """Tests -> seconds they may take on a mutant, measured when they are first needed (from any thread)."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], float] = {}
        self._locks: dict[tuple[str, ...], threading.Lock] = {}

    def __getitem__(self, tests: tuple[str, ...]) -> float:
        """Measure once."""
        with self._locks.setdefault(tests, threading.Lock()):
            if tests not in self._known:
                self._known[tests] = measure(tests)
            return self._known[tests]


def try_mutant(mutant: Mutant, limits: Limits) -> Outcome:
    """Run the tests on a mutant."""
    source = (ROOT / mutant.module).read_text(encoding="utf-8")
    text, before, after = make_mutant(source, mutant.number)
    started = time.monotonic()
    for tests in rounds_of(mutant.module):
        state, by = run_tests(tests, limits[tests], (ROOT / mutant.module, text))
        if state != SURVIVED:
            break
    return Outcome(mutant, state, by, time.monotonic() - started, before, after)


def run_tests(tests: tuple[str, ...], limit: float, changed: tuple[Path, str] | None = None) -> tuple[str, str]:
    """Run tests until one fails.

    Args:
        tests: Files or folders.
        limit: Seconds.
        changed: A module and the text that takes its place.

    Returns:
        "killed", "too slow" or "survived", and the first test that failed.
    """
    with tempfile.TemporaryDirectory(prefix="mutant_") as folder:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "reports")))}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        if changed is not None:
            text = Path(folder) / "module.py"
            text.write_text(changed[1], encoding="utf-8")
            environment |= {FILE: str(changed[0]), TEXT: str(text)}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "mutating.plugin", "-p", "no:xdist"]
        command += ["-p", "no:cacheprovider", f"--basetemp={folder}/tmp", "--hypothesis-seed=0", *tests]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            return SLOW, ""
    if done.returncode == 0:
        return SURVIVED, ""
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return KILLED, failed[0].split()[1] if failed else f"pytest ended with {done.returncode}"


def measure(tests: tuple[str, ...]) -> float:
    """Seconds that tests may take on a mutant: five times what they take on the code as it is.

    Raises:
        RuntimeError: They fail on the code as it is.
    """
    started = time.monotonic()
    state, by = run_tests(tests, 1200.0)
    if state != SURVIVED:
        raise RuntimeError(f"{by or tests} fails without any fault ({state}): mend that first")
    return max(5 * (time.monotonic() - started), LEAST_SECONDS)
