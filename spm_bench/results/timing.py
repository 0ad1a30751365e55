"""`timing.json`: the seconds of every timed frame, and what they were measured on. Raw: what is made of them is report.

Times stand in milliseconds to the tenth of a microsecond, finer than any clock here. A timing belongs to one machine;
two of different machines are never joined.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.results.files import write_text

TIMING_FILE = "timing.json"
SCHEMA = 1
"""Version of the form; raised when a reader of the old form would misread the new one."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PassTimes:
    """One tracker's pass over one sequence: seconds of each timed frame.

    Attributes:
        round: From 1; in each round every tracker passes over every sequence.
        sequence: Name.
        start: Seconds of the tracker's `init`, which is in no other figure.
        decode: Seconds until the picture is there.
        tracker: Seconds of `update`, until its device has finished.
        network: Seconds of them inside the network, from a pass of its own over the same frames; None where the
            tracker has no network or does not show it.
    """

    round: int
    sequence: str
    start: float
    decode: FloatArray
    tracker: FloatArray
    network: FloatArray | None = None

    @property
    def end_to_end(self) -> FloatArray:
        """Seconds from the file to the box."""
        return np.asarray(self.decode + self.tracker, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class TimedTracker:
    """One tracker with all its passes.

    Attributes:
        name, variant, label, trained: As in `TrackerSpec`.
        identity: Target, options and the facts its boxes depend on, as in a run's `run.json`.
        computes: False for a tracker that never looks at a picture: it has no place in a ranking of speeds.
        devices: Other than the CPU.
        passes: In the order they were made.
        note: Anything the reader must know.
    """

    name: str
    variant: str
    label: str
    trained: str
    identity: Mapping[str, Any]
    computes: bool
    devices: tuple[str, ...]
    passes: tuple[PassTimes, ...]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Timing:
    """Trackers timed side by side.

    Attributes:
        suite, title, family, protocol: Of the suite, as in `Suite`.
        n_total: Sequences of the whole suite.
        sequences: Those used: name -> (width, height).
        plan: Frames, warm-up, rounds, seed.
        machine: See `provenance.environment`, and "cards": names of graphics cards.
        threads: Library -> threads of one operation.
        load: What else the machine did before and during.
        warnings: What may have spoilt the numbers, one sentence each.
        command: As given.
        started, finished: UTC.
    """

    suite: str
    title: str
    family: str
    protocol: str
    n_total: int
    sequences: Mapping[str, tuple[int, int]]
    plan: Mapping[str, int]
    trackers: tuple[TimedTracker, ...]
    machine: Mapping[str, Any]
    threads: Mapping[str, int]
    load: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    started: str = ""
    finished: str = ""

    @property
    def hardware(self) -> str:
        """The machine in a few words, for captions: "AMD EPYC 7B13 (2 cores), 2 threads"."""
        machine = self.machine["machine"]
        used = sorted({device for tracker in self.trackers for device in tracker.devices})
        cards = sorted(set(self.machine["cards"])) if used else []
        threads = "threads: " * bool(self.threads) + ", ".join(f"{name} {n}" for name, n in self.threads.items())
        if len(set(self.threads.values())) == 1:
            count = next(iter(self.threads.values()))
            threads = f"{count} thread{'s' if count != 1 else ''}"
        cores = machine["cores"]
        told = [f"{machine['cpu']} ({cores} core{'s' if cores != 1 else ''})", threads]
        return ", ".join([*(cards or used), *(part for part in told if part)])


def write_timing(timing: Timing, folder: Path) -> Path:
    """Write `timing.json` into `folder`, whole or not at all.

    Raises:
        ResultsError: It cannot be written.
    """
    path = folder / TIMING_FILE
    write_text(path, json.dumps(_to_json(timing), allow_nan=False, ensure_ascii=False) + "\n")
    return path


def read_timing(path: Path) -> Timing:
    """Read a timing: the file, or the folder that holds it.

    Raises:
        ResultsError: There is none, it is broken, or a newer version wrote it.
    """
    path = path / TIMING_FILE if path.is_dir() else path
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise ResultsError(f"has form {found['schema']}, this version reads form {SCHEMA}", where=path)
        return _from_json(found)
    except OSError as error:
        raise ResultsError(f"cannot read: {error.strerror or error}", where=path) from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ResultsError(
            f"is not a timing ({type(error).__name__}: {error})", where=path, remedy="Time again with spm-bench bench"
        ) from None


_PLAIN = ("suite", "title", "family", "protocol", "n_total", "machine", "threads", "load", "started", "finished")
_PLAIN_OF_TRACKER = ("name", "variant", "label", "trained", "identity", "computes", "note")


def _to_json(timing: Timing) -> dict[str, Any]:
    plain = {name: getattr(timing, name) for name in _PLAIN}
    return {
        "schema": SCHEMA,
        **plain,
        "sequences": {name: list(size) for name, size in timing.sequences.items()},
        "plan": dict(timing.plan),
        "warnings": list(timing.warnings),
        "command": list(timing.command),
        "trackers": [
            {name: getattr(tracker, name) for name in _PLAIN_OF_TRACKER}
            | {"devices": list(tracker.devices), "passes": [_pass_to_json(p) for p in tracker.passes]}
            for tracker in timing.trackers
        ],
    }


def _from_json(found: Mapping[str, Any]) -> Timing:
    trackers = tuple(
        TimedTracker(
            **{name: tracker[name] for name in _PLAIN_OF_TRACKER},
            devices=tuple(tracker["devices"]),
            passes=tuple(_pass_from_json(p) for p in tracker["passes"]),
        )
        for tracker in found["trackers"]
    )
    return Timing(
        **{name: found[name] for name in _PLAIN},
        sequences={name: (int(w), int(h)) for name, (w, h) in found["sequences"].items()},
        plan=dict(found["plan"]),
        trackers=trackers,
        warnings=tuple(found["warnings"]),
        command=tuple(found["command"]),
    )


def _pass_to_json(times: PassTimes) -> dict[str, Any]:
    return {
        "round": times.round,
        "sequence": times.sequence,
        "start_ms": round(1e3 * times.start, 4),
        "decode_ms": _to_ms(times.decode),
        "tracker_ms": _to_ms(times.tracker),
        "network_ms": None if times.network is None else _to_ms(times.network),
    }


def _pass_from_json(found: Mapping[str, Any]) -> PassTimes:
    decode, tracker = _from_ms(found["decode_ms"]), _from_ms(found["tracker_ms"])
    if len(decode) != len(tracker) or not len(tracker):
        raise ValueError(f"{len(decode)} and {len(tracker)} frames in a pass over {found['sequence']}")
    network = None if found["network_ms"] is None else _from_ms(found["network_ms"])
    return PassTimes(
        int(found["round"]), str(found["sequence"]), float(found["start_ms"]) / 1e3, decode, tracker, network
    )


def _to_ms(seconds: FloatArray) -> list[float]:
    return [round(value, 4) for value in (1e3 * seconds).tolist()]


def _from_ms(found: list[float]) -> FloatArray:
    seconds = np.asarray(found, dtype=np.float64) / 1e3
    if seconds.ndim != 1 or not np.isfinite(seconds).all() or (seconds < 0).any():
        raise ValueError("a time that is no number of milliseconds")
    return seconds
