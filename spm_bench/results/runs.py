"""Run folders: where our own results live, named by what they depend on, so that nothing stale is ever reused.

    <out>/<suite>/<label>-<hash12>/
        run.json                what, where from, how far (see `manifest`)
        <label>/...             raw files in the family's own layout: hand this folder to any toolkit
        failures/<sequence>.txt the traceback of a sequence that broke
        .lock                   held by the process that writes

Every raw file is written whole or not at all, so a file that is there is finished: a run killed at any moment continues
with the first missing repetition.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spm_bench.errors import ResultsError, unknown_name
from spm_bench.protocols.base import TrackingProtocol, is_finished
from spm_bench.results.files import RUN_FILE, readable_os_errors, remove_leftovers, write_text
from spm_bench.results.layouts import Layout, get_layout
from spm_bench.results.lock import locked
from spm_bench.results.manifest import (
    DONE,
    FAILED,
    HASH_DIGITS,
    PENDING,
    Manifest,
    check_same_data,
    identity_hash,
    identity_of,
    new_manifest,
    now,
    read_manifest,
    sequences_in_state,
    write_manifest,
)
from spm_bench.results.provenance import code_hash, environment
from spm_bench.results.trajectory import Joined, Trajectory
from spm_bench.suites.annotations import check_name
from spm_bench.suites.base import Sequence, Suite
from spm_bench.trackers.base import TrackerSpec

OVERWRITE = ("only-missing", "always", "never")
"""Keep what is finished and compute the rest; start from nothing; refuse if anything is there."""
FAILURES = "failures"


@dataclass(eq=False)
class RunResults:
    """The finished sequences of a run folder (a `ResultSet`).

    Attributes:
        folder: The run folder.
        manifest: Its run.json.
    """

    folder: Path
    manifest: Manifest
    source: str = "measured here"

    def __post_init__(self) -> None:
        tracker = self.manifest["tracker"]
        self.label: str = self.manifest["label"]
        self.tracker: str = tracker["name"]
        self.variant: str = tracker["variant"]
        self.trained: str = tracker["trained"]
        self.protocol: str = self.manifest["protocol"]["name"]
        self.family: str = self.manifest["family"]
        self.run = str(self.folder)
        self.note = "; ".join(filter(None, ("untrained" if self.trained == "no" else "", _about_clock(self.manifest))))

    @property
    def failed(self) -> list[str]:
        """The sequences that broke."""
        return sequences_in_state(self.manifest, FAILED)

    def has(self, sequence: str) -> bool:
        """Tell whether all repetitions of the sequence are finished."""
        entry = self.manifest["sequences"].get(sequence)
        return entry is not None and entry["state"] == DONE

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        """Read all repetitions of a sequence, in order.

        Raises:
            ResultsError: The sequence is not finished (says why), or a file of it was damaged since.
        """
        if not self.has(sequence.name):
            raise self._unfinished(sequence.name)
        count = self.manifest["sequences"][sequence.name]["repetitions"]
        return _read_own(get_layout(self.family), self.folder / self.label, sequence, count)

    def joined(self, sequences: Many[Sequence]) -> Joined | None:
        """Read many sequences at once (see `JoinedResultSet`)."""
        names = [sequence.name for sequence in sequences]
        return get_layout(self.family).read_joined(self.folder / self.label, sequences, names, whole=True)

    def _unfinished(self, name: str) -> ResultsError:
        if name in self.failed:
            problem = f"{self.label} failed on {', '.join(self.failed)}"
            remedy = f"See {self.folder / FAILURES}; run again after mending it, or score the rest with --allow-missing"
            return ResultsError(problem, where=self.folder, remedy=remedy)
        reason = "has not finished" if name in self.manifest["sequences"] else "was run without"
        return ResultsError(f"{self.label} {reason} {name}", where=self.folder, remedy="Run the same command again")


def _about_clock(manifest: Manifest) -> str:
    """The clock that a run in real time went by; empty for all others."""
    facts = manifest["protocol"]
    if "seconds_per_frame" not in facts:
        return ""
    seconds = facts["seconds_per_frame"]
    speed = "seconds as measured" if isinstance(seconds, str) else f"a tracker of {seconds:g} s a frame simulated"
    return f"clock of {facts['fps']:g} fps, {facts['grace']} slow answers forgiven, {speed}"


def _read_own(layout: Layout, raw: Path, sequence: Sequence, count: int) -> tuple[Trajectory, ...]:
    """Read all repetitions of a sequence from files that were whole when they were written."""
    try:
        return tuple(layout.read_pass(raw, sequence, r, whole=True) for r in range(1, count + 1))
    except ResultsError as error:
        raise ResultsError(
            f"{error.problem}: damaged since it was written",
            where=error.where,
            line=error.line,
            remedy="Delete the file and run the same command again: only this is then computed anew",
        ) from None


def read_run(folder: Path, suite: Suite) -> RunResults:
    """Open a run folder for scoring on `suite`.

    Raises:
        ResultsError: The folder is broken, or was made on other data or for other metrics than the suite's.
    """
    manifest = read_manifest(folder)
    check_same_data(manifest, suite, folder)
    if manifest["family"] != suite.family:
        raise ResultsError(
            f"was run under the protocol {manifest['protocol']['name']}, which {suite.title} is not scored by",
            where=folder,
            remedy=f"Run it again with --protocol {suite.protocol}",
        )
    return RunResults(folder, manifest)


@dataclass(eq=False)
class Run:
    """A run folder held for writing; made by `open_run`.

    Attributes:
        data: Where the suite's files are, for the record; None where it has none.
        engine: How this session computes, for the record; no part of the run's identity.
    """

    folder: Path
    spec: TrackerSpec
    protocol: TrackingProtocol
    seed: int
    manifest: Manifest
    command: tuple[str, ...] = ()
    data: Path | None = None
    engine: dict[str, Any] = field(default_factory=dict, init=False)
    _session: dict[str, Any] | None = field(default=None, init=False)

    @property
    def layout(self) -> Layout:
        """Structure of the raw files."""
        return get_layout(self.protocol.family)

    @property
    def raw(self) -> Path:
        """The folder of raw files, as other toolkits take it."""
        return self.folder / self.spec.label

    def finished(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        """Read the finished repetitions of a sequence.

        Raises:
            ResultsError: A file was damaged, or has gaps.
        """
        count = self.layout.count_passes(self.raw, sequence)
        return _read_own(self.layout, self.raw, sequence, count)

    def read(self, sequence: Sequence, repetition: int) -> Trajectory:
        """Read one repetition that somebody else wrote into `raw`.

        Raises:
            ResultsError: It is not there, or damaged.
        """
        return self.layout.read_pass(self.raw, sequence, repetition, whole=True)

    def is_done(self, sequence: Sequence, finished: tuple[Trajectory, ...]) -> bool:
        """Tell whether a sequence needs nothing more: its repetitions say so, or the record does and they are there."""
        entry = self.manifest["sequences"][sequence.name]
        recorded = entry["state"] == DONE and entry["repetitions"] == len(finished)
        return bool(finished) and (recorded or is_finished(self.protocol, sequence, finished))

    def save(self, sequence: Sequence, repetition: int, trajectory: Trajectory) -> None:
        """Write one finished repetition. Raises ResultsError if it cannot."""
        self.begin_session()
        self.layout.write_pass(self.raw, sequence, repetition, trajectory)

    def mark_done(self, sequence: Sequence, repetitions: int) -> None:
        """Record that a sequence is finished."""
        entry = self.manifest["sequences"][sequence.name]
        if (entry["state"], entry.get("repetitions")) == (DONE, repetitions):
            return
        entry.update(state=DONE, repetitions=repetitions)
        with readable_os_errors(self.folder):
            self._failure_file(sequence).unlink(missing_ok=True)
        write_manifest(self.folder, self.manifest)

    def mark_failed(self, sequence: Sequence, trace: str) -> Path:
        """Record that a sequence broke; returns the file with the traceback."""
        self.begin_session()
        path = self._failure_file(sequence)
        write_text(path, trace)
        self.manifest["sequences"][sequence.name].update(state=FAILED, repetitions=0)
        write_manifest(self.folder, self.manifest)
        return path

    def results(self) -> RunResults:
        """What is finished so far, for scoring."""
        return RunResults(self.folder, self.manifest)

    def close(self) -> None:
        """Record when this session ended."""
        if self._session is not None:
            self._session["finished"] = now()
            write_manifest(self.folder, self.manifest)

    def begin_session(self) -> None:
        """Record who computes, once something is computed: a run that finds everything done leaves no trace."""
        if self._session is None:
            data = None if self.data is None else str(self.data.absolute())
            self._session = {"command": list(self.command), "started": now(), "finished": None}
            self._session |= {"data": data, "engine": self.engine, **environment()}
            self.manifest["sessions"].append(self._session)
            write_manifest(self.folder, self.manifest)

    def _failure_file(self, sequence: Sequence) -> Path:
        return self.folder / FAILURES / f"{sequence.name}.txt"


@contextlib.contextmanager
def open_run(
    out: Path,
    spec: TrackerSpec,
    suite: Suite,
    protocol: TrackingProtocol,
    *,
    seed: int = 0,
    overwrite: str = "only-missing",
    command: tuple[str, ...] = (),
) -> Iterator[Run]:
    """Hold the folder of one run, made if need be: `<out>/<suite>/<label>-<hash12>`.

    Args:
        out: Root of all runs.
        spec: The tracker.
        suite: What it runs on.
        protocol: How.
        seed: From which all seeds of the run are made.
        overwrite: One of `OVERWRITE`.
        command: For the record.

    Raises:
        LockedError: Another process holds it.
        ResultsError: It cannot be written, or `overwrite` is "never" and it has results.
        UsageError: No such policy.
    """
    if overwrite not in OVERWRITE:
        raise unknown_name("overwrite policy", overwrite, OVERWRITE)
    for name in (suite.name, spec.label, *(sequence.name for sequence in suite.sequences)):
        check_name(name, Path(suite.root or suite.name))
    fresh = new_manifest(spec, suite, _protocol_facts(protocol), seed, protocol.family)
    folder = _folder(out, spec, suite, fresh["identity"])
    with locked(folder):
        remove_leftovers(folder)
        manifest = _prepare(folder, fresh, overwrite)
        run = Run(folder, spec, protocol, seed, manifest, command, suite.root)
        yield run
        run.close()


def run_folder(out: Path, spec: TrackerSpec, suite: Suite, protocol: TrackingProtocol, *, seed: int = 0) -> Path:
    """Where `open_run` keeps the results of these; nothing is made or read there."""
    return _folder(out, spec, suite, identity_hash(identity_of(spec, suite, _protocol_facts(protocol), seed)))


def _folder(out: Path, spec: TrackerSpec, suite: Suite, identity: str) -> Path:
    return out / suite.name / f"{spec.label}-{identity[:HASH_DIGITS]}"


def _protocol_facts(protocol: TrackingProtocol) -> dict[str, Any]:
    """Its parameters and code: what a protocol calls a failure, and where it starts again, decides about boxes too."""
    kind = type(protocol)
    return {**protocol.parameters(), "code": code_hash(f"{kind.__module__}:{kind.__qualname__}")}


def _prepare(folder: Path, fresh: Manifest, overwrite: str) -> Manifest:
    """Apply the policy; returns the manifest to go on with."""
    raw = folder / fresh["label"]
    if overwrite == "never" and any(p.is_file() for p in raw.rglob("*")):
        raise ResultsError(
            "has results already",
            where=folder,
            remedy="--overwrite only-missing goes on with them, always replaces them",
        )
    if overwrite == "always":
        with readable_os_errors(folder):
            for stale in (raw, folder / FAILURES):
                shutil.rmtree(stale, ignore_errors=not stale.exists())
    elif (folder / RUN_FILE).is_file():
        manifest = read_manifest(folder)
        if manifest["identity"] != fresh["identity"]:
            raise ResultsError("belongs to another run", where=folder, remedy="Move it away and run again")
        for entry in manifest["sequences"].values():
            if entry["state"] == FAILED:
                entry["state"] = PENDING
        return manifest
    write_manifest(folder, fresh)
    return fresh
