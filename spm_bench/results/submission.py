"""Archives that others evaluate, made from the raw files of a finished run: servers, and a toolkit.

* GOT-10k: `<video>/<video>_001.txt` (x,y,w,h, three decimals) for each repetition and `<video>/<video>_time.txt`
  (seconds, eight decimals, a column per repetition), nothing around it: what the got10k toolkit 0.1.3 zips
  (`ExperimentGOT10k._record` and `report`).
* TrackingNet: `<video>.txt` (x,y,w,h) at the top of the archive, the first pixel at 0 as in its annotations: what its
  development kit reads (`metrics.py` @967661d; its maintainer warns of a folder around the files, issue 12).
* Temporal and spatial robustness, on any suite: the JSON files of OTB's toolkit in python, see `otb_json`.

Nothing but names and numbers goes into an archive, so equal results give equal bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spm_bench.errors import ResultsError, UsageError, listed
from spm_bench.results import formats
from spm_bench.results.files import write_bytes
from spm_bench.results.layouts import get_layout
from spm_bench.results.manifest import DONE, Manifest, read_manifest, sequences_in_state
from spm_bench.results.otb_json import EVALUATIONS, robustness_members
from spm_bench.suites.facts import suite_facts

BOX_FORMAT, SECONDS_FORMAT = "%.3f", "%.8f"
"""The got10k toolkit's; a thousandth of a pixel moves no overlap by what a table shows."""


@dataclass(frozen=True)
class Server:
    """Who evaluates a suite.

    Attributes:
        upload: Where the archive goes, in words.
        members: Yields name and text of each file of the archive, for a manifest and its folder of raw files.
    """

    upload: str
    members: Callable[[Manifest, Path], Iterator[tuple[str, str]]]


def write_submission(run: Path, out: Path | None = None) -> Path:
    """Pack the raw files of a run for who evaluates its suite or its protocol.

    Args:
        run: A run folder.
        out: The archive; None for `<label>.zip` in the run folder.

    Returns:
        The archive.

    Raises:
        UsageError: There is nobody: the suite is scored here.
        ResultsError: No run folder, an unfinished run or one of a part of the suite, a damaged raw file, or the archive
            cannot be written.
    """
    manifest = read_manifest(run)
    label, server = manifest["label"], server_of(manifest)
    _check_finished(manifest, run)
    if server is not TOOLKIT:
        _check_whole(manifest, run)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in server.members(manifest, run / label):
            archive.writestr(zipfile.ZipInfo(member), text, zipfile.ZIP_DEFLATED)
    path = run / f"{label}.zip" if out is None else out
    write_bytes(path, buffer.getvalue())
    return path


def server_of(manifest: Manifest) -> Server:
    """Who evaluates a run. Raises UsageError where there is nobody."""
    suite = manifest["suite"]
    if manifest["protocol"]["name"] in EVALUATIONS:
        return TOOLKIT
    if suite["name"] not in SERVERS:
        raise UsageError(
            f"{suite['title']} has no evaluation server: its results are scored here",
            remedy=f"Use spm-bench score --suite {suite['name']}. Servers evaluate: {', '.join(SERVERS)}; OTB's "
            f"toolkit takes runs under the protocols {' and '.join(EVALUATIONS)}",
        )
    return SERVERS[suite["name"]]


def _check_finished(manifest: Manifest, run: Path) -> None:
    done, known = sequences_in_state(manifest, DONE), manifest["sequences"]
    if len(done) < len(known):
        left = [name for name in known if name not in done]
        problem = f"{len(left)} of {len(known)} sequences are not finished: {listed(left)}"
        raise ResultsError(problem, where=run, remedy="Run the same command again, then submit")


def _check_whole(manifest: Manifest, run: Path) -> None:
    """Servers count what is absent as misses, so a part of a suite would come back with a wrong number."""
    facts = suite_facts(manifest["suite"]["name"])
    if manifest["protocol"]["name"] != facts.protocol:
        problem = f"was run under the protocol {manifest['protocol']['name']}, not {facts.protocol}"
        raise ResultsError(problem, where=run, remedy="Run the suite under its own protocol")
    known = manifest["sequences"]
    if len(known) < facts.n_sequences:
        problem = f"the run has {len(known)} of {facts.n_sequences} sequences of {facts.title}"
        raise ResultsError(problem, where=run, remedy="The server wants them all: run the whole suite")


def _got10k(manifest: Manifest, raw: Path) -> Iterator[tuple[str, str]]:
    layout = get_layout("got10k")
    for name, entry in manifest["sequences"].items():
        count, n = entry["repetitions"], entry["frames"]
        for repetition in range(1, count + 1):
            boxes = formats.read_got10k(layout.box_file(raw, name, repetition), n, whole=True)
            yield f"{name}/{name}_{repetition:03d}.txt", _text(boxes, BOX_FORMAT)
        times = layout.time_file(raw, name)
        seconds = formats.read_seconds(times, n) if times.is_file() else np.full((n, count), np.nan)
        yield f"{name}/{name}_time.txt", _text(seconds, SECONDS_FORMAT)


def _trackingnet(manifest: Manifest, raw: Path) -> Iterator[tuple[str, str]]:
    layout = get_layout("otb")
    for name, entry in manifest["sequences"].items():
        boxes = formats.read_otb(layout.box_file(raw, name), entry["frames"], whole=True, origin=0)
        yield f"{name}.txt", _text(boxes, BOX_FORMAT)


def _text(table: formats.FloatArray, number: str) -> str:
    return "".join(",".join(number % value for value in row) + "\n" for row in table.tolist())


SERVERS = {
    "got10k-test": Server("Upload it at http://got-10k.aitestunion.com/submit_instructions", _got10k),
    "trackingnet": Server("Upload it at http://eval.tracking-net.org", _trackingnet),
}
"""Suite -> its server."""
TOOLKIT = Server("Unpack it into the folder results/ of tracker_benchmark", robustness_members)
"""OTB's toolkit in python; it takes any part of a suite."""
