"""A run in a process of its own, to be killed: `python -m tests.engine.slow_run OUT WORKERS [lockstep]`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from spm_bench.cli import EXIT_INTERRUPTED
from spm_bench.engine.runner import run_all
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.runs import open_run
from tests.engine import batch_fakes
from tests.engine.fakes import sequence, spec, suite

N_CELLS = 4


LENGTHS = {"one": 25, "two": 25, "three": 25}, {"one": 25, "two": 40, "three": 12}
"""Frames of the sequences without and with lockstep."""


def toys(lockstep=False):
    """Supervised, so that a sequence has many repetitions and restarts."""
    made = [sequence(name, n=n) for name, n in LENGTHS[lockstep].items()]
    return suite(*made, family="vot", protocol="supervised")


def main(out, workers, lockstep=False):
    """Run to the end, or until somebody ends it."""
    protocol = get_protocol("supervised", repetitions=4)
    data = toys(lockstep)
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(open_run(out, each, data, protocol, seed=3)) for each in specs(lockstep)]
        run_all(runs, data, workers=workers, lockstep=lockstep)


def specs(lockstep):
    """One tracker that uses chance; or some that can be batched."""
    if not lockstep:
        return [spec("Jitter", step=2.5)]
    return [batch_fakes.spec("Walker", f"v{i}", speed=2.0 + i, drift=0.3) for i in range(N_CELLS)]


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["lockstep"])
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
