"""The loop of a training: steps, logs, validations and checkpoints, from the first step or from where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from spm_bench.errors import ResultsError, SpmBenchError, WeightsError
from spm_bench.models.checkpoint import Weights, read_header, state_digest, write_safetensors
from spm_bench.results.files import readable_os_errors, write_text
from spm_bench.results.lock import locked
from spm_bench.results.provenance import environment
from spm_bench.training.checkpoint import CHECKPOINT, Checkpoint, check_resumable, read_checkpoint, write_checkpoint
from spm_bench.training.config import TrainConfig
from spm_bench.training.guards import Stop, Watch, arithmetic
from spm_bench.training.initial import initial_state
from spm_bench.training.learner import GRADIENT, NUMBERS, Data, Learner
from spm_bench.training.logs import Log, Progress, choose_progress
from spm_bench.training.rows import Rows
from spm_bench.training.schedule import crosses
from spm_bench.training.validate import validate_network

WEIGHTS, FACTS, FAILURE = "weights.safetensors", "training.json", "failure.json"


class TrainingError(SpmBenchError):
    """A training came to numbers that are not finite."""


class NamedData(Data, Protocol):
    """What the loop needs of the data besides the pairs."""

    held_out: Rows | None

    @property
    def digests(self) -> Mapping[str, str]:
        """Source -> digest of its table."""

    def provenance(self, step: int) -> list[dict[str, Any]]:
        """Kind and files of each pair of a step."""

    def summary(self) -> Mapping[str, Mapping[str, int]]:
        """Source -> how much it holds."""


@dataclass(frozen=True)
class TrainResult:
    """How a call of `train` ended.

    Attributes:
        folder: Holds the logs, the checkpoint and the weights.
        weights: The averaged weights so far.
        steps: Steps done, over all calls.
        pairs: Pairs seen in them.
        finished: Whether the schedule is at its end.
        stopped: Else why: "SIGTERM", "SIGINT" or "time".
        seconds: Spent on the steps, over all calls.
        validation: Last measures on the held-out sequences; empty without any.
    """

    folder: Path
    weights: Path
    steps: int
    pairs: int
    finished: bool
    stopped: str
    seconds: float
    validation: Mapping[str, float] = field(default_factory=dict)


def train(
    config: TrainConfig,
    data: NamedData,
    folder: Path,
    *,
    device: torch.device,
    threads: int = 1,
    minutes: float | None = None,
    fresh: bool = False,
    home: Path = Path(),
    progress: Progress | None = None,
) -> TrainResult:
    """Train until the schedule ends, the time is up, or a signal comes; go on from the folder's checkpoint.

    On one machine, with the same device and threads, it makes no difference to any bit how often it was stopped.

    Args:
        config: The training.
        data: Its pairs, on `device`.
        folder: Of this training alone; made if need be.
        device: Where to compute.
        threads: Of a CPU: shares of a batch computed at a time.
        minutes: Budget of this call.
        fresh: Start at the first step even if there is a checkpoint.
        home: Where the config lies; the path in `config.initial` starts here.
        progress: Told how far it is; None: a bar on a terminal, lines elsewhere.

    Raises:
        UsageError: The checkpoint is of another config or other data.
        TrainingError: A loss is not finite; its step and files are in `failure.json`. The checkpoint before it stays.
        ResultsError: Another process trains here, or the last checkpoint or the weights cannot be written.
    """
    progress = progress or choose_progress()
    with locked(folder), arithmetic(device, deterministic=config.deterministic, threads=1):
        with readable_os_errors(folder):
            for stale in (FAILURE, CHECKPOINT) if fresh else (FAILURE,):
                (folder / stale).unlink(missing_ok=True)
        found = read_checkpoint(folder / CHECKPOINT, device)
        if found is not None:
            check_resumable(found, config, dict(data.digests), folder / CHECKPOINT)
        initial = initial_state(config, home) if found is None else None
        replicas = replicas_of(config.batch, threads, device)
        run = _Run(config, data, folder, device, replicas, progress, initial)
        if found is not None:
            run.go_on_from(found)
        return run.until_the_end(minutes)


def replicas_of(batch: int, threads: int, device: torch.device) -> int:
    """Shares of a batch computed at a time: one on an accelerator, else as many as divide the batch, a thread each."""
    if device.type != "cpu":
        return 1
    return next(n for n in range(max(1, min(threads, batch // 2)), 0, -1) if batch % n == 0)


class _Run:
    """The state of one call of `train`."""

    def __init__(
        self,
        config: TrainConfig,
        data: NamedData,
        folder: Path,
        device: torch.device,
        replicas: int,
        progress: Progress,
        initial: Mapping[str, Tensor] | None,
    ) -> None:
        self.config, self.data, self.folder, self.device, self.progress = config, data, folder, device, progress
        self.digests = dict(data.digests)
        self.machine = {"device": _device_name(device), "replicas": replicas, "torch": str(torch.__version__)}
        self.learner = Learner(config, data, device, replicas=replicas, initial=initial)
        self.done = 0
        self.seconds = 0.0
        self.validation: dict[str, float] = {}

    def go_on_from(self, found: Checkpoint) -> None:
        """Take a checkpoint over."""
        self.learner.load(found.model, found.ema, found.optimizer, found.scaler)
        self.done, self.seconds = found.step, found.seconds
        told = "going on" if self.done < self.config.steps else "finished already"
        self.progress.note(f"{told}: {self.done} of {self.config.steps} steps are done ({self.folder / CHECKPOINT})")
        if dict(found.machine) != self.machine:
            told = ", ".join(f"{k} {v}, now {self.machine.get(k)}" for k, v in found.machine.items())
            self.progress.note(f"note: the checkpoint was made elsewhere ({told}); the bits will differ")

    def until_the_end(self, minutes: float | None) -> TrainResult:
        """Run the loop, close what it opened, and write the weights."""
        self._write_facts()
        log = Log(self.folder, self.done, self.progress)
        self.validation = log.validation.last()
        self.progress.begin(self.done, self.config.steps, self.config.batch)
        try:
            with Stop(minutes) as stop:
                reason = self._steps(log, stop)
            self._write_facts()  # broken pictures are known by now
        finally:
            self.progress.end()
            log.close()
            self.learner.close()
        return TrainResult(
            folder=self.folder,
            weights=self.folder / WEIGHTS,
            steps=self.done,
            pairs=self.done * self.config.batch,
            finished=self.done >= self.config.steps,
            stopped=reason,
            seconds=self.seconds,
            validation=self.validation,
        )

    def _steps(self, log: Log, stop: Stop) -> str:
        """The loop itself; returns why it ended early, or ""."""
        config, total = self.config, self.config.steps
        watched = frozenset(NUMBERS) - ({GRADIENT} if config.amp == "float16" else set())
        watch = Watch(NUMBERS, watched, self.device)  # float16 overflows now and then, and such a step is left out
        self._validate_if_due(log)
        first, saved, began = self.done, time.monotonic(), time.monotonic() - self.seconds
        pace = _Pace(self.done, self.seconds)
        reason = ""
        while self.done < total and not reason:
            watch.add(self.done, self.learner.step(self.done))
            self.done += 1
            if self.done % config.log_every == 0 or self.done == total:
                self._check(watch)
                self.seconds = time.monotonic() - began
                log.row(self.done, self._row(pace) | watch.means())
            self.progress.step(self.done)
            reason = stop.reason if self.done < total else ""
            due = self._validation_due()
            self.seconds = time.monotonic() - began
            if reason or due or self.done == total or time.monotonic() - saved >= 60.0 * config.checkpoint_minutes:
                self._check(watch)
                self._keep(self._save, must=bool(reason) or self.done == total)
                saved = time.monotonic()
            if due and not reason:
                self._validate_if_due(log)
                began = time.monotonic() - self.seconds  # validation is no training time
        if self.done > first or not self._weights_are_current():
            self._write_weights()
        return reason

    def _weights_are_current(self) -> bool:
        """Whether the file holds what the checkpoint has come to; a full disk may have kept an older one."""
        try:
            header = read_header(self.folder / WEIGHTS)
        except WeightsError:
            return False
        return all(header.get(name) == value for name, value in self._progress_facts().items())

    def _progress_facts(self) -> dict[str, str]:
        return {
            "training": self.config.digest(),
            "pairs": str(self.done * self.config.batch),
            "finished": "yes" if self.done >= self.config.steps else "no",
        }

    def _row(self, pace: _Pace) -> dict[str, float]:
        speed, data_share = pace.since(self.done, self.seconds, self.learner.data_seconds)
        return {
            "pairs": self.done * self.config.batch,
            "seconds": round(self.seconds, 1),
            "pairs_per_s": round(speed * self.config.batch, 2),
            "data_share": round(data_share, 3),
            "learning_rate": self.learner.rate(self.done - 1),
        }

    def _validation_due(self) -> bool:
        if self.data.held_out is None or self.done == 0:
            return False
        every = self.config.validate_every
        return self.done == self.config.steps or crosses(self.done - 1, self.config.batch, every)

    def _validate_if_due(self, log: Log) -> None:
        """Validate the averaged weights, unless the log has it already (a run that was stopped in between)."""
        if self.data.held_out is None or not self._validation_due() or log.validation.at(self.done):
            return
        with torch.random.fork_rng(devices=[]):
            self.validation = validate_network(
                self.learner.average.state,
                self.learner.architecture,
                self.data.held_out,
                changes=self.config.settings(),
                device=str(self.device),
            )
        log.validated(self.done, self.validation)
        self._keep(self._write_weights, must=False)

    def _check(self, watch: Watch) -> None:
        """Raise if a number was not finite, before anything of it is kept."""
        found = watch.broken()
        if found is None:
            return
        step, names = found
        path = self.folder / FAILURE
        told = {"step": step, "not_finite": names, "config": self.config.digest(), "pairs": self.data.provenance(step)}
        write_text(path, json.dumps(told, indent=1) + "\n")
        files = sorted({str(pair["search"]) for pair in told["pairs"]})  # type: ignore[attr-defined]
        raise TrainingError(
            f"{', '.join(names)} not finite in step {step} (its search pictures: {', '.join(files[:3])}, ...)",
            where=path,
            remedy="The file names all pictures of the batch; the last checkpoint is from before it. Look at them, or "
            "lower learning_rate, or clip more",
        )

    def _keep(self, write: Callable[[], None], *, must: bool) -> None:
        """Write something that is written again later: trouble with the disk on the way is told and not the end."""
        try:
            write()
        except ResultsError as error:
            if must:
                raise
            self.progress.note(f"warning: {error}. What was there before is kept, training goes on")

    def _save(self) -> None:
        """Write the checkpoint."""
        checkpoint = Checkpoint(
            config=self.config.to_json(),
            data=self.digests,
            machine=self.machine,
            step=self.done,
            seconds=self.seconds,
            **self.learner.state(),
        )
        write_checkpoint(self.folder / CHECKPOINT, checkpoint)

    def _write_facts(self) -> None:
        """Write what this training is, for whoever finds the folder."""
        facts = {
            "config": self.config.to_json(),
            "training": self.config.digest(),
            "data": {name: {**counts, "digest": self.digests[name]} for name, counts in self.data.summary().items()},
            "machine": self.machine,
            "environment": environment(),
        }
        write_text(self.folder / FACTS, json.dumps(facts, indent=1) + "\n")

    def _write_weights(self) -> None:
        """Write the averaged weights in half precision, with what they are in the header."""
        state = {name: value.detach().cpu() for name, value in self.learner.average.state.items()}
        config = self.config
        weights = Weights(
            state,
            state_digest(state),
            config.architecture,
            trained=True,
            architecture=self.learner.architecture,
            settings=config.settings(),
        )
        header = {
            **self._progress_facts(),
            "seed": str(config.seed),
            "data": json.dumps(self.data.summary()),
            "validation": json.dumps({k: round(v, 4) for k, v in self.validation.items() if "/" not in k}),
        }
        path = self.folder / WEIGHTS
        with readable_os_errors(path):
            write_safetensors(path, weights, header, half=True)


class _Pace:
    """Steps per second and the data's share of the time, between two rows of the log."""

    def __init__(self, steps: int, seconds: float) -> None:
        self._last = (steps, seconds, 0.0)

    def since(self, steps: int, seconds: float, data_seconds: float) -> tuple[float, float]:
        """Both since the last call."""
        before, self._last = self._last, (steps, seconds, data_seconds)
        done, spent, on_data = (now - then for now, then in zip(self._last, before, strict=True))
        return done / max(spent, 1e-9), on_data / max(spent, 1e-9)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
