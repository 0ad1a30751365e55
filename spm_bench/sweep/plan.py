"""What a sweep comes down to before anything is run: cells, suites, protocols, seeds, and what is done already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spm_bench.errors import unknown_name
from spm_bench.protocols.base import TrackingProtocol, frames_to_track, in_parts
from spm_bench.registry import load_target
from spm_bench.results.files import RUN_FILE
from spm_bench.results.manifest import DONE, read_manifest, sequences_in_state
from spm_bench.results.runs import OVERWRITE, run_folder
from spm_bench.suites.base import Sequence, Suite
from spm_bench.sweep.cells import Cell, cells_of, choose_cells
from spm_bench.sweep.entries import load_entry, with_weights
from spm_bench.sweep.file import Base, SuiteEntry, Sweep, read_sweep
from spm_bench.sweep.request import SweepRequest


@dataclass(frozen=True, eq=False)
class SuitePlan:
    """One suite of a sweep.

    Attributes:
        suite: Loaded; family and protocol are those of the protocol used.
        protocol: The protocol.
        convention: Scoring rules; None for the suite's own.
    """

    suite: Suite
    protocol: TrackingProtocol
    convention: str | None = None

    @property
    def key(self) -> str:
        """What tells it from the sweep's other suites: "vot2016 (supervised)"."""
        return f"{self.suite.name} ({self.protocol.name})"


@dataclass(frozen=True, eq=False)
class Plan:
    """A sweep, ready to be run.

    Attributes:
        cells: The base first.
        skipped: How many cells `--only` left out.
        seeds: With which every cell is run.
        notes: What the reader must know, one sentence each.
    """

    sweep: Sweep
    request: SweepRequest
    cells: tuple[Cell, ...]
    suites: tuple[SuitePlan, ...]
    seeds: tuple[int, ...]
    skipped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def base(self) -> Cell:
        """What the others are compared with."""
        return self.cells[0]

    def folder(self, part: SuitePlan, cell: Cell, seed: int) -> Path:
        """Where the results of a cell are."""
        return run_folder(self.request.out, cell.spec, part.suite, part.protocol, seed=seed)


def make_plan(request: SweepRequest) -> Plan:
    """Read the file, resolve the cells, load the suites.

    Raises:
        UsageError: See `read_sweep` and `cells_of`; or an unknown suite, protocol or sequence.
        SpmBenchError: Data or weights are missing or broken.
    """
    from spm_bench.engine.runner import check_workers

    check_workers(1 if request.workers is None else request.workers)
    if request.overwrite not in OVERWRITE:
        raise unknown_name("overwrite policy", request.overwrite, OVERWRITE)
    sweep = read_sweep(request.file)
    every = cells_of(sweep, base=_base(sweep, request), device=request.device)
    cells = choose_cells(every, request.only)
    suites = tuple(_load(sweep, request, number, entry) for number, entry in _entries(sweep, request))
    seeds, notes = _seeds(request.seeds or sweep.file.seeds, cells[0])
    if cells[0].also:
        notes = (*notes, f"{' and '.join(cells[0].also)} is the base ({cells[0].name}) and run as that")
    if len(every) > len(cells):
        notes = (*notes, f"only {len(cells)} of {len(every)} cells were asked for")
    return Plan(sweep, request, tuple(cells), suites, seeds, len(every) - len(cells), notes)


def _base(sweep: Sweep, request: SweepRequest) -> Base:
    """The file's base, or another tracker: its weights are then its own, unless some are given."""
    base = sweep.file.base
    if request.tracker is not None and request.tracker != base.tracker:
        base = base.model_copy(update={"tracker": request.tracker, "weights": None})
    return with_weights(base, request.weights)


def _entries(sweep: Sweep, request: SweepRequest) -> list[tuple[int | None, SuiteEntry]]:
    """The suites to run on, with their place in the file (None: from the command line)."""
    of_file = list(enumerate(sweep.file.suites))
    if not request.suites:
        return list(of_file)
    chosen: list[tuple[int | None, SuiteEntry]] = []
    for name in dict.fromkeys(request.suites):
        known = [(number, entry) for number, entry in of_file if entry.name.casefold() == name.casefold()]
        chosen += known or [(None, SuiteEntry(name=name))]
    return chosen


def _load(sweep: Sweep, request: SweepRequest, number: int | None, entry: SuiteEntry) -> SuitePlan:
    suite, protocol = load_entry(
        entry,
        sweep.source,
        () if number is None else ("suites", number),
        data=request.data,
        sequences=request.sequences,
        allow_missing=request.allow_missing,
    )
    return SuitePlan(suite, protocol, entry.convention)


def is_deterministic(cell: Cell) -> bool:
    """Whether the cell's tracker says that chance has no part in it."""
    return getattr(load_target(cell.spec.target), "deterministic", False) is True


def _seeds(seeds: tuple[int, ...], base: Cell) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The seeds that make a difference, and what to say of them if several were asked for."""
    if len(seeds) == 1:
        return seeds, ()
    if not is_deterministic(base):
        return seeds, (f"every cell was run with seeds {', '.join(map(str, seeds))}",)
    told = f"{base.spec.name} is deterministic: of the {len(seeds)} seeds only {seeds[0]} is run, all would be the same"
    return seeds[:1], (told,)


@dataclass(frozen=True)
class Amount:
    """How much of a suite is to be done, over all cells and seeds.

    Attributes:
        tasks: Cells x seeds x sequences.
        done: Of these, finished already.
        frames: That the tasks have, each repetition that is expected counted.
        left: Of these, not finished yet.
        finished_cells: Cells with nothing left.
        open: Sequences that some cell still needs, and how many cells do.
    """

    tasks: int
    done: int
    frames: int
    left: int
    finished_cells: int
    open: tuple[tuple[Sequence, int], ...]


def amount_of(plan: Plan, part: SuitePlan) -> Amount:
    """Look into the run folders, without locking or changing anything."""
    fresh = plan.request.overwrite == "always"
    sequences = part.suite.sequences
    needed = {sequence.name: 0 for sequence in sequences}
    finished_cells = 0
    for cell in plan.cells:
        left = 0
        for seed in plan.seeds:
            done = set() if fresh else _done(plan.folder(part, cell, seed))
            for sequence in sequences:
                if sequence.name not in done:
                    needed[sequence.name] += 1
                    left += 1
        finished_cells += left == 0
    frames = {s.name: frames_of(part, plan.base, s) for s in sequences}
    tasks = len(plan.cells) * len(plan.seeds) * len(sequences)
    return Amount(
        tasks=tasks,
        done=tasks - sum(needed.values()),
        frames=sum(frames.values()) * len(plan.cells) * len(plan.seeds),
        left=sum(frames[s.name] * needed[s.name] for s in sequences),
        finished_cells=finished_cells,
        open=tuple((s, needed[s.name]) for s in sequences if needed[s.name]),
    )


def frames_of(part: SuitePlan, cell: Cell, sequence: Sequence) -> int:
    """Frames that a cell tracks on a sequence: of all its repetitions, or of all the parts that the protocol starts."""
    if in_parts(part.protocol, sequence):
        return frames_to_track(part.protocol, sequence, range(1, part.protocol.count(sequence) + 1))
    return len(sequence) * expected_repetitions(part, cell)


def expected_repetitions(part: SuitePlan, cell: Cell) -> int:
    """Repetitions of a sequence: those of the protocol, but a deterministic tracker's are soon seen to be equal."""
    most = part.protocol.repetitions
    return min(most, part.protocol.enough_equal) if is_deterministic(cell) else most


def _done(folder: Path) -> set[str]:
    if not (folder / RUN_FILE).is_file():
        return set()
    return set(sequences_in_state(read_manifest(folder), DONE))
