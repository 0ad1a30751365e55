"""Raw results between our run folders and workspaces of the vot toolkit, in both directions.

`export_runs` writes what a run has finished into `results/<tracker>/<experiment>/...` of a workspace, so that `vot
analysis` takes it for its own. `import_results` takes the results of a workspace out into a folder that `spm-bench
score` reads, its binary trajectories as text.
"""

from __future__ import annotations

import configparser
import re
import struct
from collections.abc import Iterator
from collections.abc import Sequence as Many
from pathlib import Path

from spm_bench.errors import ResultsError, UsageError, listed, unknown_name
from spm_bench.interop.vot import register
from spm_bench.interop.vot_stack import EXPERIMENTS
from spm_bench.results.files import write_bytes
from spm_bench.results.layouts import Layout, get_layout
from spm_bench.results.runs import RunResults, read_run
from spm_bench.suites.annotations import check_name, parse_names
from spm_bench.suites.base import Suite

RESULTS = "results"


def check_workspace(folder: Path) -> None:
    """Raise UsageError for a folder that is no workspace of the toolkit."""
    if not (folder / "config.yaml").is_file():
        raise UsageError("it is no workspace of the vot toolkit", where=folder, remedy="Make one: spm-bench vot init")


def export_runs(folder: Path, runs: Many[Path], suite: Suite) -> dict[str, int]:
    """Write runs into a workspace; files that are there are replaced.

    Args:
        folder: The workspace; its sequences must be among those the runs have finished.
        runs: Run folders of ours, made under one of VOT's protocols.
        suite: The runs were made on; its family is that of their protocol.

    Returns:
        The identifier of each tracker in the toolkit -> number of trajectories.

    Raises:
        UsageError: No workspace, or two runs of one tracker and experiment.
        ResultsError: A run is broken, unfinished on a sequence of the workspace, or not of VOT; or nothing can be
            written.
    """
    check_workspace(folder)
    names = parse_names(folder / "sequences" / "list.txt")
    sequences = [s for s in suite.sequences if s.name in names]
    if strange := sorted({*names} - {s.name for s in sequences}):
        raise UsageError(f"the workspace has {listed(strange)}, which {suite.title} at hand has not", where=folder)
    for sequence in sequences:
        lines = (folder / "sequences" / sequence.name / "groundtruth.txt").read_bytes().count(b"\n")
        if lines != len(sequence):
            raise UsageError(
                f"{sequence.name} has {lines} frames there, {len(sequence)} in {suite.title}", where=folder
            )
    written: dict[str, int] = {}
    for path in runs:
        run = read_run(path, suite)
        name = _identifier(run.label)
        if name in written:
            raise UsageError(f"two of the runs are called {name} in the workspace", where=path, remedy="Export one")
        if unfinished := [s.name for s in sequences if not run.has(s.name)]:
            problem = f"{run.label} has not finished {listed(unfinished)}, which the workspace has"
            raise ResultsError(problem, where=path, remedy="Run the same command again, or make a smaller workspace")
        layout = _vot_layout(run)
        written[name] = 0
        for sequence in sequences:
            for repetition, one in enumerate(run.trajectories(sequence), start=1):
                layout.write_pass(folder / RESULTS / name, sequence, repetition, one)
                written[name] += 1
        _introduce(folder / "trackers.ini", name, run.label)
    return written


def _vot_layout(run: RunResults) -> Layout:
    layout = get_layout(run.family)
    experiment = layout.box_path.partition("/")[0]
    if not run.family.startswith("vot") or experiment not in EXPERIMENTS:
        raise ResultsError(
            f"was run under the protocol {run.protocol}, which is no experiment of VOT's stacks",
            where=run.folder,
            remedy="Run it with --protocol supervised, multistart, unsupervised or realtime",
        )
    return layout


def _identifier(label: str) -> str:
    """A label in the letters the toolkit allows in identifiers."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", label)


def _introduce(path: Path, name: str, label: str) -> None:
    """Register a tracker that has none: the toolkit analyses registered ones only. It cannot be run from there."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(path, encoding="utf-8")
    if name not in config:
        register(path, {name: {"label": label, "protocol": "trax", "command": ""}})


def import_results(folder: Path, out: Path, *, trackers: Many[str] = (), experiments: Many[str] = ()) -> dict[str, int]:
    """Copy the results of a workspace to `<out>/<tracker>/<experiment>/<sequence>/...`.

    Args:
        folder: The workspace.
        out: Where to; made if absent. Files that are there are replaced.
        trackers: Only these; none for all.
        experiments: Only these; none for all.

    Returns:
        Tracker -> number of trajectories.

    Raises:
        UsageError: No workspace, no such tracker or experiment, or `out` lies in the workspace's results.
        ResultsError: There are no results, one cannot be read, or nothing can be written.
    """
    check_workspace(folder)
    source = folder / RESULTS
    if out.resolve().is_relative_to(source.resolve()):
        raise UsageError("these are the workspace's own results", where=out, remedy="Name another folder with --out")
    known = {tracker: found for tracker in _folders(source) if (found := list(_trajectories(tracker)))}
    if not known:
        raise ResultsError("there are no results", where=source, remedy="Run: vot evaluate")
    for kind, asked, there in (
        ("tracker", trackers, [t.name for t in known]),
        ("experiment", experiments, sorted({p.parents[1].name for found in known.values() for p in found})),
    ):
        for name in asked:
            if name not in there:
                raise unknown_name(kind, name, there)
    taken = {tracker: found for tracker, found in known.items() if not trackers or tracker.name in trackers}
    copied = {}
    for tracker, found in taken.items():
        chosen = [p for p in found if not experiments or p.parents[1].name in experiments]
        for path in chosen:
            _copy(path, out / path.relative_to(source))
        if chosen:
            copied[tracker.name] = len(chosen)
    return copied


def _folders(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    return [p for p in found if not p.name.startswith(".")]


def _trajectories(tracker: Path) -> Iterator[Path]:
    """The trajectories of a tracker: text, or binary where there is no text of the same name."""
    for sequence in (s for experiment in _folders(tracker) for s in _folders(experiment)):
        check_name(sequence.name, sequence)
        for path in sorted(sequence.iterdir()):
            number = path.stem.removeprefix(f"{sequence.name}_")
            binary = path.suffix == ".bin" and not path.with_suffix(".txt").is_file()
            if number.isdigit() and (path.suffix == ".txt" or binary):
                yield path


def _copy(path: Path, target: Path) -> None:
    """Copy a trajectory with its seconds; a binary one becomes text."""
    try:
        content = path.read_bytes() if path.suffix == ".txt" else _as_text(path).encode()
        times = path.with_name(f"{path.stem}_time.value")
        seconds = times.read_bytes() if times.is_file() else None
    except OSError as error:
        raise ResultsError(f"cannot be read ({error.strerror or error})", where=error.filename or path) from error
    if seconds is not None:
        write_bytes(target.with_name(times.name), seconds)
    write_bytes(target.with_suffix(".txt"), content)  # last: once it is there, the trajectory is whole


def _as_text(path: Path) -> str:
    """A binary trajectory as lines; the toolkit itself reads it."""
    try:
        from vot.region.io import read_trajectory
    except ImportError:
        raise ResultsError(
            "is a trajectory in the vot toolkit's binary format, which the toolkit alone reads",
            where=path,
            remedy="pip install 'vot-toolkit==0.7.4' 'attributee!=0.1.10', or run it with VOT_RESULTS_BINARY=0",
        ) from None
    try:
        with path.open("rb") as file:
            return "".join(f"{region}\n" for region in read_trajectory(file))
    except (struct.error, OSError, ValueError) as error:
        raise ResultsError(f"is no whole trajectory ({error})", where=path, remedy="Run the toolkit again") from error
