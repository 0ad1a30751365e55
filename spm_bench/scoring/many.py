"""Many trackers on one suite, scored in as many processes as there are cores.

On Linux only, where a process is copied with all that is loaded: elsewhere starting one costs more than it saves. What
a tracker scores does not depend on who computes it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites.base import Suite

TRACKERS_EACH = 10
"""So many at least make a process worth its start, which costs about as much as scoring three trackers on OTB-100."""


@dataclass(frozen=True, eq=False)
class _Job:
    """What every process knows."""

    suite: Suite
    results: Sequence[ResultSet]
    convention: str | None
    allow_missing: bool
    extra: tuple[str, ...]

    def evaluation(self, index: int) -> Evaluation:
        return evaluate(
            self.suite,
            self.results[index],
            self.convention,
            allow_missing=self.allow_missing,
            extra=self.extra,
        )


_inherited: list[_Job] = []
"""In a worker: its job."""


def evaluate_many(
    suite: Suite,
    results: Sequence[ResultSet],
    convention: str | None = None,
    *,
    allow_missing: bool = False,
    extra: Sequence[str] = (),
    processes: int | None = None,
) -> list[Evaluation]:
    """Score the raw results of some trackers, see `evaluate`.

    Args:
        suite: With ground truth.
        results: Of one tracker each.
        convention: Name of the rule set; None takes the benchmark's own.
        allow_missing: Score the sequences that have results, instead of failing when one has none.
        extra: Names of further metrics.
        processes: At most; None: as many as there are cores and trackers enough.

    Returns:
        One evaluation per tracker, in their order.

    Raises:
        UsageError: As `evaluate`.
        ResultsError: As `evaluate`; of the first tracker that has a fault.
    """
    job = _Job(suite, results, convention, allow_missing, tuple(extra))
    n = min(len(results) // TRACKERS_EACH, _cores() if processes is None else processes)
    if n < 2 or sys.platform != "linux":
        return [job.evaluation(index) for index in range(len(results))]
    first = job.evaluation(0)  # here, so that the others inherit what it loads and draws
    fork = multiprocessing.get_context("fork")
    with warnings.catch_warnings(), ProcessPoolExecutor(n, fork, _begin, (job,)) as pool:
        # Newer Pythons warn of copying a process with threads: those of the linear algebra library, which allows it.
        warnings.simplefilter("ignore", DeprecationWarning)
        rest = range(1, len(results))
        return [first, *pool.map(_evaluation, rest, chunksize=max(1, len(rest) // (4 * n)))]


def _begin(job: _Job) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is answered by the process that the user started
    _inherited.append(job)


def _evaluation(index: int) -> Evaluation:
    return _inherited[0].evaluation(index)


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
