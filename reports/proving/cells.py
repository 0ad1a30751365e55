"""A cell: one tracker on one suite, scored. Its raw results were run here (once, run folders are kept) or by others."""

from __future__ import annotations

import sys
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.engine.progress import choose_progress
from spm_bench.engine.runner import run_all
from spm_bench.errors import ResultsError, listed
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.runs import open_run
from spm_bench.run import Request, choose_protocol
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites.base import Suite
from spm_bench.trackers.base import TrackerSpec
from spm_bench.trackers.catalog import resolve_tracker
from spm_bench.trackers.spm.weights import shipped

SHIPPED = "spm_lite"
"""Name of the weights that come with the package, of which a proof speaks unless it is told others."""
HERE, RESCORED = "run here", "raw results"
"""Where boxes come from: a tracker that ran here, or what its authors (or a named third party) published."""


@dataclass(frozen=True)
class Entry:
    """A tracker as it stands in a table.

    Attributes:
        name: In tables and figures; distinct within a comparison.
        tracker: Registered name.
        variant: Of the tracker, None for the unchanged one.
        weights: For SPM: a file, or what else `--weights` takes.
    """

    name: str
    tracker: str = "SPM"
    variant: str | None = None
    weights: str | None = None


@dataclass(frozen=True)
class Bench:
    """Where and how trackers are run.

    Attributes:
        runs: Root of all run folders; finished sequences in there are not run again.
        device: For trackers with a network.
        workers: Processes.
        quiet: No progress on stderr.
        only: Names of sequences, to take no others; empty for all.
        lockstep: Advance the sequences of a tracker that can be batched together; their speed is not measured.
    """

    runs: Path
    device: str = "auto"
    workers: int = 1
    quiet: bool = False
    only: tuple[str, ...] = ()
    lockstep: bool = False

    def choose(self, suite: Suite) -> Suite:
        """The suite with the sequences that are wanted."""
        if not self.only:
            return suite
        return replace(suite, sequences=tuple(s for s in suite.sequences if s.name in self.only))


@dataclass(frozen=True, eq=False)
class Cell:
    """One tracker on one suite.

    Attributes:
        name: As in the table.
        source: `HERE` or `RESCORED`.
        evaluation: Its scores; the label is the name.
        weights: First digits of the sha256 of its weights, "" without any.
    """

    name: str
    source: str
    evaluation: Evaluation
    weights: str = ""

    @property
    def is_untrained(self) -> bool:
        """Whether its weights were never trained."""
        return any(score.trained == "no" for score in self.evaluation.scores)

    def value(self, metric: str) -> float | None:
        """The score of the whole suite."""
        return self.evaluation.score(metric).value

    def values(self, metric: str, sequences: Many[str]) -> NDArray[np.float64]:
        """The metric of these sequences, in this order.

        Raises:
            ResultsError: It has no value on one of them, so that it cannot be compared.
        """
        frame = self.evaluation.per_sequence
        rows = frame[frame["metric"] == metric]
        found = dict(zip(rows["sequence"], rows["value"], strict=True))
        absent = [name for name in sequences if name not in found]
        if absent:
            raise ResultsError(f"{self.name} has no {metric} on {listed(absent)}", where=self.evaluation.scores[0].run)
        return np.array([found[name] for name in sequences], dtype=np.float64)


def tracker_of(weights: str) -> str:
    """What SPM is called with these weights: `SPM-lite` with those that come with the package, by name or by file."""
    file = shipped().get(SHIPPED)
    same = file is not None and Path(weights).expanduser().resolve() == file.resolve()
    return "SPM-lite" if weights == SHIPPED or same else "SPM"


def run_cells(suite: Suite, entries: Many[Entry], bench: Bench) -> list[Cell]:
    """Run what is not finished yet, and score the sequences that `bench` chooses of `suite`.

    The run folder is always that of the whole suite: a quick look at some sequences is a part of the whole run.

    Raises:
        SpmBenchError: A tracker cannot be built, or data are broken.
        ResultsError: A sequence failed: a proof has no gaps.
    """
    protocol, chosen = choose_protocol(Request(), suite), bench.choose(suite)
    specs = [_resolve(entry, bench) for entry in entries]  # all of them before the first minute is spent
    cells = []
    for entry, spec in zip(entries, specs, strict=True):
        # One after the other: two entries may be the same run under two names.
        with open_run(bench.runs, spec, suite, protocol, command=tuple(sys.orig_argv)) as run:
            progress = choose_progress(quiet=bench.quiet)
            failures = run_all([run], chosen, workers=bench.workers, progress=progress, lockstep=bench.lockstep)
            if failures:
                names = listed(failure.sequence for failure in failures)
                raise ResultsError(f"{entry.name} failed on {names}: {failures[0].problem}", where=run.folder)
            evaluation = evaluate(chosen, run.results())
        cells.append(Cell(entry.name, HERE, replace(evaluation, label=entry.name), _weights_digits(spec)))
    return cells


def _resolve(entry: Entry, bench: Bench) -> TrackerSpec:
    return resolve_tracker(entry.tracker, variant=entry.variant, weights=entry.weights, device=bench.device)


def _weights_digits(spec: TrackerSpec) -> str:
    return str(spec.identity.get("weights_sha256", ""))[:12]


def read_cells(suite: Suite, folder: Path, taken: Many[str] = ()) -> list[Cell]:
    """Score the raw results of other people's trackers on the sequences of `suite`.

    Args:
        suite: Of which sequences may be missing; results on others are not read.
        folder: Holds one folder per tracker.
        taken: Names that are in the table already; a tracker of the same name is marked.

    Raises:
        ResultsError: The folder is missing, broken, or lacks one of the sequences.
    """
    cells = []
    for results in find_result_sets([folder], suite):
        name = f"{results.label} (raw results)" if results.label in taken else results.label
        cells.append(Cell(name, RESCORED, replace(evaluate(suite, results), label=name)))
    return cells
