"""A run in a process of its own, to be killed: `python -m tests.engine.slow_run OUT WORKERS`."""

from __future__ import annotations

import sys
from pathlib import Path

from spm_bench.cli import EXIT_INTERRUPTED
from spm_bench.engine.runner import run_all
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.runs import open_run
from tests.engine.fakes import sequence, spec, suite


def toys():
    """Supervised, so that a sequence has many repetitions and restarts."""
    return suite(*(sequence(name, n=25) for name in ("one", "two", "three")), family="vot", protocol="supervised")


def main(out, workers):
    """Run to the end, or until somebody ends it."""
    protocol = get_protocol("supervised", repetitions=4)
    with open_run(out, spec("Jitter", step=2.5), toys(), protocol, seed=3) as run:
        run_all([run], toys(), workers=workers)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
