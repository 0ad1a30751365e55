"""The reproduction itself: run again, compare, and tidy up."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from spm_bench.engine.progress import Progress, choose_progress
from spm_bench.engine.runner import check_workers, run_all
from spm_bench.errors import ResultsError, UsageError
from spm_bench.reproduce.boxes import check_there, compare_sequence, raw_files
from spm_bench.reproduce.described import Described, describe
from spm_bench.reproduce.request import ReproduceRequest, Reproduction
from spm_bench.results.changes import compare_manifests
from spm_bench.results.files import RUN_FILE, readable_os_errors
from spm_bench.results.manifest import DONE, Manifest, read_manifest, sequences_in_state
from spm_bench.results.runs import open_run, run_folder


def run_again(request: ReproduceRequest, progress: Progress | None = None) -> Reproduction:
    """See `spm_bench.reproduce.reproduce`."""
    check_workers(request.workers)
    if not request.tolerance >= 0.0:
        raise UsageError(f"a tolerance of {request.tolerance} px is none", remedy="Give 0 or more")
    then = describe(request)
    raw = raw_files(then.folder, then.manifest, then.suite.sequences)
    for sequence in then.suite.sequences:
        check_there(raw, sequence.name, then.manifest["sequences"][sequence.name]["repetitions"])
    found = _run(then, request, progress or choose_progress(quiet=request.quiet))
    now = raw_files(found.folder, found.manifest, then.suite.sequences)
    done = sequences_in_state(found.manifest, DONE)
    checks = tuple(compare_sequence(raw, now, name) for name in done)
    changes, unchanged = compare_manifests(then.manifest, found.manifest)
    outcome = Reproduction(
        run=then.folder,
        label=then.manifest["label"],
        suite=then.suite.title,
        total=len(then.manifest["sequences"]),
        checks=checks,
        left_out=then.left_out,
        failures=dict(found.failures),
        changes=changes,
        unchanged=unchanged,
        tolerance=request.tolerance,
        folder=found.folder,
        kept=found.kept,
        timed=then.protocol.timed,
    )
    return _tidied(outcome) if request.out is None and outcome.same else outcome


@dataclass(frozen=True, eq=False)
class _Again:
    """The new run: its folder and manifest, what broke, and how much an interrupted one had done."""

    folder: Path
    manifest: Manifest
    failures: Mapping[str, str]
    kept: int


def _run(then: Described, request: ReproduceRequest, progress: Progress) -> _Again:
    """Compute the boxes again, or what is missing of an interrupted reproduction."""
    out, seed = request.out or _temporary(), then.manifest["seed"]
    folder = run_folder(out, then.spec, then.suite, then.protocol, seed=seed)
    if folder.exists() and folder.samefile(then.folder):
        raise UsageError(
            f"the new run would be the old one: --out {out} is where it lies", remedy="Give another --out, or none"
        )
    kept = _finished(folder)
    whole = kept == len(then.suite.sequences)  # it was compared: whoever asks again wants it computed again
    overwrite = "always" if whole else "only-missing"
    with open_run(
        out, then.spec, then.suite, then.protocol, seed=seed, overwrite=overwrite, command=request.command
    ) as run:
        failures = run_all([run], then.suite, workers=request.workers, progress=progress, lockstep=then.lockstep)
    broken = {failure.sequence: failure.problem for failure in failures}
    return _Again(folder, run.manifest, broken, 0 if whole else kept)


def _finished(folder: Path) -> int:
    """How many sequences an earlier reproduction has finished in the folder."""
    return len(sequences_in_state(read_manifest(folder), DONE)) if (folder / RUN_FILE).is_file() else 0


def _temporary() -> Path:
    """A folder of this user's that the same command finds again after an interruption.

    Raises:
        ResultsError: Another user has made it.
    """
    folder = Path(tempfile.gettempdir()) / f"spm_bench-reproduce-{os.getuid()}"
    with readable_os_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.lstat().st_uid != os.getuid():  # of a link itself: it would lead to wherever another user wants
            raise ResultsError("belongs to another user", where=folder, remedy="Choose another place with --out")
    return folder


def _tidied(outcome: Reproduction) -> Reproduction:
    """Remove the new run: its boxes are those of the old one."""
    assert outcome.folder is not None
    shutil.rmtree(outcome.folder)
    return replace(outcome, folder=None)
