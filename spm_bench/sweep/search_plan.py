"""What a search comes down to before anything is run: base, space, suite, and which sequences may be looked at."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from spm_bench.errors import SpmBenchError, UsageError
from spm_bench.protocols.base import TrackingProtocol
from spm_bench.scoring.units import units_of
from spm_bench.suites.base import Suite
from spm_bench.sweep.cells import Cell, resolve_base
from spm_bench.sweep.entries import load_entry, with_weights
from spm_bench.sweep.file import Base
from spm_bench.sweep.search_file import Search, metric_of, read_search, space_of
from spm_bench.sweep.search_journal import load_optuna
from spm_bench.sweep.search_space import Dimension
from spm_bench.sweep.search_split import Split, group_units, split_sequences
from spm_bench.sweep.search_study import Plan
from spm_bench.trackers.catalog import build_tracker, settings_of

HOME = "searches"
"""Folder of all searches' documents in the root of all runs."""


BEYOND_A_NAME = 150
"""Longer names of trials are shortened: a folder's has 255 bytes at most, and tables show the settings beside it."""


@dataclass(frozen=True)
class SearchRequest:
    """A search file and what replaces parts of it. None leaves the choice to the file.

    Attributes:
        file: The search file.
        trials: In all; more than before goes on with a finished search.
        data: Where the suite's files are.
        weights: Of the base: a file, "official" or "random".
        device: For trackers with a network.
        out: Root of all run folders; the study and its document are in `<out>/searches/<name>`.
        workers: Processes.
        lockstep: Advance the trials of a batch together; False runs each alone.
        report: Write the document.
        quiet: No progress on stderr, failures only.
        command: For the record.
    """

    file: Path
    trials: int | None = None
    data: Path | None = None
    weights: str | None = None
    device: str = "auto"
    out: Path = Path("runs")
    workers: int = 1
    lockstep: bool = True
    report: bool = True
    quiet: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SearchPlan:
    """A search, ready to be run.

    Attributes:
        search: The file.
        request: What replaces parts of it.
        base: What is to be improved.
        settings: All settings of the base.
        space: What is searched.
        suite: Loaded; family and protocol are those of the protocol used.
        protocol: The protocol.
        split: Which sequences are tuned on.
        metric: What is searched for.
        extra: The metric's name as an extra metric; none for the benchmark's own.
        higher_is_better: Its direction.
        trials: In all.
    """

    search: Search
    request: SearchRequest
    base: Cell
    settings: Mapping[str, Any]
    space: Mapping[str, Dimension]
    suite: Suite
    protocol: TrackingProtocol
    split: Split
    metric: str
    extra: tuple[str, ...]
    higher_is_better: bool
    trials: int

    @property
    def folder(self) -> Path:
        """Where the study and its document are."""
        return self.request.out / HOME / self.search.name

    def part(self, names: Sequence[str]) -> Suite:
        """The suite with these sequences alone, in this order."""
        by_name = {sequence.name: sequence for sequence in self.suite.sequences}
        return replace(self.suite, sequences=tuple(by_name[name] for name in names))

    def sampling(self) -> Plan:
        """What decides which settings are tried."""
        file = self.search.file
        return Plan(
            space=self.space,
            base={name: self.settings[name] for name in self.space},
            maximize=self.higher_is_better,
            seed=file.seed,
            parallel=file.parallel,
            sampler=file.sampler,
            random_trials=file.random_trials,
        )

    def question(self) -> dict[str, Any]:
        """What the trials' scores depend on, by what messages call it."""
        spec, file = self.base.spec, self.search.file
        return {
            "the base": [spec.target, spec.variant, dict(self.settings)],
            "the weights": spec.identity.get("weights_sha256"),
            "the tracker's code": spec.identity.get("code"),
            "the device or torch": [spec.identity.get("device_type"), spec.identity.get("torch")],
            "the suite's data": [self.suite.name, self.suite.fingerprint],
            "the protocol": [self.protocol.name, self.protocol.parameters()],
            "convention": file.suite.convention,
            "metric": self.metric,
            "seed": file.seed,
            "the split into tuned and held-out sequences": [list(self.split.tuned), list(self.split.held_out)],
        }

    def resolve(self, changes: Mapping[str, Any]) -> Cell:
        """The cell with some settings of the base changed.

        Raises:
            UsageError: The settings contradict each other.
        """
        changed = {name: value for name, value in changes.items() if value != self.settings[name]}
        if not changed:
            return self.base
        base = with_weights(self.search.file.base, self.request.weights)
        together = base.model_copy(update={"changes": {**base.changes, **changed}})
        cell = resolve_base(together, self.search.source, device=self.request.device)
        return _short(replace(cell, changes=changed, is_base=False))


def _short(cell: Cell) -> Cell:
    """The cell under a name that a folder can have."""
    name = cell.name
    if len(name) <= BEYOND_A_NAME:
        return cell
    short = f"search-{len(cell.changes)}-settings-{sha256(name.encode()).hexdigest()[:10]}"
    return replace(cell, name=short, spec=replace(cell.spec, variant=short))


def plan_search(request: SearchRequest) -> SearchPlan:
    """Read the file, resolve the base, load the suite, part the sequences.

    Raises:
        UsageError: Optuna is missing; see `read_search`, `resolve_base` and `space_of`; or an unknown suite, protocol,
            sequence or metric, or units that cannot be parted.
        SpmBenchError: Data or weights are missing or broken.
    """
    from spm_bench.engine.runner import check_workers

    check_workers(request.workers)
    load_optuna()
    search = read_search(request.file)
    file, source = search.file, search.source
    trials = file.trials if request.trials is None else request.trials
    if trials < 2:
        raise UsageError(
            f"a search of {trials} trials finds nothing: trial 0 is the base", remedy="Give --trials 2 or more"
        )
    wanted = with_weights(file.base, request.weights)
    base = resolve_base(wanted, source, device=request.device)
    settings = settings_of_cell(base, wanted)
    space = space_of(search, wanted, settings)
    suite, protocol = load_entry(file.suite, source, ("suite",), data=request.data)
    if not suite.has_ground_truth:
        raise source.error(
            f"{suite.title} has no ground truth here, so nothing can be tuned on it",
            ("suite",),
            "Tune on a suite that is meant for it (got10k-val)",
        )
    try:
        metric, extra, higher = metric_of(file, suite.family, suite.convention)
    except UsageError as error:
        raise source.error(error.problem, ("direction" if file.direction else "metric",), error.remedy) from None
    if metric == "eao" and suite.eao_interval is None:
        raise source.error(
            f"{suite.title} defines no range of sequence lengths for EAO",
            ("metric",),
            "Search for accuracy or failures",
        )
    names = [sequence.name for sequence in suite.sequences]
    try:
        units = group_units(units_of(suite.name, names), file.units)
        split = split_sequences(units, file.tune_share, file.seed)
    except UsageError as error:
        raise source.error(error.problem, ("units",), error.remedy) from None
    wished = file.metric or metric
    return SearchPlan(
        search,
        request,
        base,
        settings,
        space,
        suite,
        protocol,
        split,
        metric,
        (wished,) if extra else (),
        higher,
        trials,
    )


def settings_of_cell(cell: Cell, base: Base) -> dict[str, Any]:
    """All settings of a tracker, those that go with its weights included."""
    resolved = cell.spec.identity.get("config")
    if resolved is not None:
        return dict(resolved)
    return {**settings_of(base.tracker)().model_dump(mode="json"), **cell.variant.changes}


MEASURED = 12
"""Frames that an estimate of time rests on, after two that warm up."""


def forecast(plan: SearchPlan) -> list[str]:
    """What the search would do, line by line. Nothing is written; a few frames are run to see how long they take."""
    file, split = plan.search.file, plan.split
    tuned, held_out, frames = _frames(plan)
    better = "higher" if plan.higher_is_better else "lower"
    pruning = "none" if file.pruner.method == "none" else f"{file.pruner.method}, from sequence {file.pruner.sequences}"
    lines = [
        f"{plan.search.name}: {file.question}",
        f"base: {plan.base.spec.label}; metric: {plan.metric}, {better} is better",
        *(f"  {name}: {kind.text()} (base {plan.settings[name]})" for name, kind in plan.space.items()),
        f"tuned: {len(split.tuned)} sequences of {split.count_units(split.tuned)} videos or scenes, in this order: "
        + ", ".join(split.tuned),
        f"held out: {len(split.held_out)} sequences of {split.count_units(split.held_out)} videos or scenes: "
        + ", ".join(split.held_out),
        f"trials: {plan.trials}, {file.parallel} at a time; pruning: {pruning}",
        f"frames: at most {frames} a repetition ({plan.trials} trials x {tuned}, and 2 x {held_out} at the end)",
    ]
    seconds = seconds_per_frame(plan)
    if seconds is not None:
        minutes = frames * seconds / 60
        lines.append(
            f"time: at most about {minutes:.0f} min a repetition here for one worker, at {1000 * seconds:.0f} ms a "
            "frame of the base alone; pruning, what trials share and more workers make it less"
        )
    return lines


def forecast_json(plan: SearchPlan) -> str:
    """The same for programs. Times are those of one worker, of one repetition; null where they cannot be measured."""
    file, split = plan.search.file, plan.split
    frames = _frames(plan)[-1]
    seconds = seconds_per_frame(plan)
    record = {
        "name": plan.search.name,
        "question": file.question,
        "tracker": plan.base.spec.label,
        "suite": plan.suite.name,
        "protocol": plan.protocol.name,
        "metric": plan.metric,
        "higher_is_better": plan.higher_is_better,
        "space": {name: dimension.text() for name, dimension in plan.space.items()},
        "base": {name: plan.settings[name] for name in plan.space},
        "tuned": {"sequences": list(split.tuned), "units": split.count_units(split.tuned)},
        "held_out": {"sequences": list(split.held_out), "units": split.count_units(split.held_out)},
        "trials_asked": plan.trials,
        "parallel": file.parallel,
        "pruner": file.pruner.model_dump(mode="json"),
        "frames_at_most": frames,
        "seconds_per_frame": seconds,
        "seconds_at_most_with_one_worker": None if seconds is None else frames * seconds,
    }
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _frames(plan: SearchPlan) -> tuple[int, int, int]:
    """Frames of the tuned part, of the held-out part, and of the whole search without pruning."""
    tuned, held_out = (sum(map(len, plan.part(names).sequences)) for names in (plan.split.tuned, plan.split.held_out))
    return tuned, held_out, plan.trials * tuned + 2 * held_out


def seconds_per_frame(plan: SearchPlan) -> float | None:
    """How long the base alone takes for a frame, from a few of them; None where that cannot be measured."""
    sequence = max(plan.part(plan.split.tuned).sequences, key=len)
    last = min(len(sequence), 3 + MEASURED)
    if sequence.frames is None or last <= 3:
        return None
    try:
        tracker = build_tracker(plan.base.spec)
        tracker.init(sequence.frames[0], sequence.ground_truth[0])
        for index in range(1, 3):
            tracker.update(sequence.frames[index])
        begin = time.perf_counter()
        for index in range(3, last):
            tracker.update(sequence.frames[index])
    except SpmBenchError:
        return None
    return (time.perf_counter() - begin) / (last - 3)
