"""What to run of a sweep, and where. Light: no import beyond the standard library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SweepRequest:
    """A sweep file and what replaces parts of it. None and nothing leave the choice to the file.

    Attributes:
        file: The sweep file.
        only: Shell patterns of cells; the base is always among them.
        suites: On these instead of the file's; a suite that the file has, too, keeps its options.
        data: Where the suites' files are.
        sequences: Only these, in every suite.
        allow_missing: Run partly present suites.
        tracker: Another base.
        weights: Of the base: a file, "official" or "random".
        device: For trackers with a network.
        seeds: Instead of the file's.
        out: Root of all run folders; the document goes to `<out>/sweeps/<name>`.
        workers: Processes; None is 1, or as many as a cluster has room for.
        ray: Address of a Ray cluster to compute on ("local", "auto", host:port).
        cpus: Of each worker on a cluster.
        gpus: Likewise; a fraction lets workers share one.
        overwrite: "only-missing", "always" or "never".
        lockstep: Advance the cells together; False runs each alone.
        report: Write the document.
        quiet: No progress on stderr, failures only.
        command: For the record.
    """

    file: Path
    only: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    data: Path | None = None
    sequences: tuple[str, ...] = ()
    allow_missing: bool = False
    tracker: str | None = None
    weights: str | None = None
    device: str = "auto"
    seeds: tuple[int, ...] = ()
    out: Path = Path("runs")
    workers: int | None = None
    ray: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    overwrite: str = "only-missing"
    lockstep: bool = True
    report: bool = True
    quiet: bool = False
    command: tuple[str, ...] = ()
