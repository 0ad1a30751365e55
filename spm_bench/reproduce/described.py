"""What a manifest describes, found again on this machine: tracker, data and protocol as they are now."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

from spm_bench.errors import MissingDataError, ResultsError, UsageError, WeightsError, unknown_name
from spm_bench.protocols.base import TrackingProtocol
from spm_bench.protocols.catalog import PROTOCOLS, as_run_under, suite_protocol
from spm_bench.reproduce.request import ReproduceRequest
from spm_bench.results.files import RUN_FILE
from spm_bench.results.manifest import DONE, FAILED, Manifest, read_manifest
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite
from spm_bench.suites.catalog import FOLDER
from spm_bench.trackers.base import TrackerSpec
from spm_bench.trackers.catalog import TRACKERS, resolve_tracker, settings_of
from spm_bench.trackers.trax.program import TARGET as PROGRAM
from spm_bench.trackers.variants import Variant

WORDS = {DONE: "", FAILED: "failed then"}
OF_SUITE = ("bounded", "base")
"""Options of protocols that follow from the suite."""
MEASURED = "measured"
"""What is recorded of seconds that were taken and not given."""
UNFINISHED, NOT_ASKED = "was not finished then", "not asked for"


@dataclass(frozen=True, eq=False)
class Described:
    """A run as it would be made now.

    Attributes:
        folder: Of the recorded run.
        manifest: Its run.json.
        spec: The tracker, with the recorded options and its code and weights as they are.
        suite: The sequences that are run again, with their pictures.
        protocol: With the recorded options.
        left_out: Sequence -> why it is not run again.
    """

    folder: Path
    manifest: Manifest
    spec: TrackerSpec
    suite: Suite
    protocol: TrackingProtocol
    left_out: dict[str, str]

    @property
    def lockstep(self) -> bool:
        """Whether the run was computed in lockstep, wholly or in part."""
        return any((session.get("engine") or {}).get("kind") == "lockstep" for session in self.manifest["sessions"])


def describe(request: ReproduceRequest) -> Described:
    """Read a manifest and find what it describes.

    Raises:
        SpmBenchError: See `spm_bench.reproduce.reproduce`.
    """
    folder = run_folder_of(request.run)
    manifest = read_manifest(folder)
    _check_form(manifest, folder / RUN_FILE)
    left_out = _left_out(manifest, request.sequences, folder)
    suite = _suite(request, manifest, [name for name in manifest["sequences"] if name not in left_out])
    spec = _tracker(request, manifest)
    protocol = _protocol(manifest["protocol"], suite)
    return Described(folder, manifest, spec, as_run_under(suite, protocol), protocol, left_out)


def _check_form(manifest: Manifest, path: Path) -> None:
    """Make sure of what only a new run needs. Raises ResultsError where a field is missing or of another kind."""
    try:
        tracker = manifest["tracker"]
        numbers = [manifest["seed"], *(entry["frames"] for entry in manifest["sequences"].values())]
        tables = [tracker["options"], tracker["identity"], *manifest["sessions"]]
        kinds = (([tracker["target"]], str), (numbers, int), (tables, dict))
        wrong = [value for values, kind in kinds for value in values if not isinstance(value, kind)]
        problem = f"{wrong[0]!r} is not what belongs there" if wrong else ""
    except KeyError as error:
        problem = f"{error.args[0]} missing"
    if problem:
        raise ResultsError(
            f"is not the description of a run ({problem})", where=path, remedy="Restore the file, or run it again"
        )


def run_folder_of(path: Path) -> Path:
    """The run folder at `path`, which may be its run.json.

    Raises:
        ResultsError: There is none; tells of those inside.
    """
    if path.name == RUN_FILE and path.is_file():
        return path.parent
    if (path / RUN_FILE).is_file():
        return path
    if not path.exists():
        raise ResultsError("there is no such run folder or run.json", where=path)
    inside = sorted(file.parent for pattern in (f"*/{RUN_FILE}", f"*/*/{RUN_FILE}") for file in path.glob(pattern))
    if inside:
        more = f" (there are {len(inside)})" if len(inside) > 1 else ""
        raise ResultsError("holds runs, and is none", where=path, remedy=f"Name one of them{more}: {inside[0]}")
    raise ResultsError(f"is no run folder: it holds no {RUN_FILE}", where=path, remedy="See OUT/SUITE of `run --out`")


def _left_out(manifest: Manifest, wanted: tuple[str, ...], folder: Path) -> dict[str, str]:
    """Sequences that are not run again, and why.

    Raises:
        UsageError: A wanted one is not there, or was not finished.
        ResultsError: None was finished.
    """
    entries = manifest["sequences"]
    reasons = {name: WORDS.get(entry["state"], UNFINISHED) for name, entry in entries.items()}
    for name in wanted:
        if name not in entries:
            raise unknown_name("sequence of this run", name, entries)
        if reasons[name]:
            raise UsageError(f"{name} {reasons[name]}: there are no boxes to compare with", where=folder)
    if all(reasons.values()):
        raise ResultsError("no sequence of this run was finished: there is nothing to compare with", where=folder)
    if wanted:
        reasons = {name: why or ("" if name in wanted else NOT_ASKED) for name, why in reasons.items()}
    return {name: why for name, why in reasons.items() if why}


def recorded_data(manifest: Manifest) -> Path | None:
    """Where a run's data were; None where that was not recorded, or the suite has none."""
    return next((Path(s["data"]) for s in reversed(manifest["sessions"]) if s.get("data")), None)


def data_of(manifest: Manifest) -> Path | None:
    """Where a run's data were, if they still are; None leaves it to the usual places."""
    recorded = recorded_data(manifest)
    there = recorded is not None and (recorded.exists() or manifest["suite"]["name"] == FOLDER)
    return recorded if there else None


def _suite(request: ReproduceRequest, manifest: Manifest, names: list[str]) -> Suite:
    """The sequences, from where they are said to be, else where they were, else the usual places."""
    recorded = recorded_data(manifest)
    try:
        return load_suite(manifest["suite"]["name"], request.data or data_of(manifest), only=names)
    except MissingDataError as error:
        was = f"The run was made on data in {recorded}. " if recorded else ""
        remedy = f"{was}Name the folder that holds them now with --data, or do a part of the run with --sequence"
        raise MissingDataError(error.problem, where=error.where, line=error.line, remedy=remedy) from None


def _protocol(recorded: dict[str, Any], suite: Suite) -> TrackingProtocol:
    """The protocol with the recorded options; rules that are no options, or the suite's, are as they are now."""
    kind = cast(type[Any], PROTOCOLS.load(recorded["name"]))
    known = {field.name for field in fields(kind)} - {"name", *OF_SUITE} if is_dataclass(kind) else set()
    options = {key: value for key, value in recorded.items() if key in known and value != MEASURED}
    return suite_protocol(suite, recorded["name"], **options)


def _tracker(request: ReproduceRequest, manifest: Manifest) -> TrackerSpec:
    """The tracker with the recorded name, variant and options; its code and weights are those at hand."""
    recorded = manifest["tracker"]
    name, target, options = recorded["name"], recorded["target"], dict(recorded["options"])
    ours = name in TRACKERS and TRACKERS.entry(name).target == target
    weights = request.weights or options.get("weights")
    try:
        asked = name if ours else options.get("asked", target) if target == PROGRAM else target
        variant = _variant(asked, recorded["variant"], options)
        device = request.device or options.get("device", "auto")
        found = resolve_tracker(asked, variant=variant, weights=weights, device=device)
    except UsageError as error:
        if ours or error.where != target:
            raise
        remedy = f"The run used {target}: start this in the folder that holds it, or put that on PYTHONPATH"
        raise UsageError(error.problem, where=error.where, remedy=remedy) from error
    except WeightsError as error:
        raise _weights_error(error, weights, recorded["identity"].get("weights_sha256")) from error
    kept = {key: value for key, value in options.items() if key not in found.places}
    return replace(found, name=name, variant=recorded["variant"], options={**found.options, **kept})


def _variant(asked: str, name: str, options: dict[str, Any]) -> str | Variant:
    """The variant as it was: with its recorded changes, whatever its name stands for now."""
    try:
        settings_of(asked)
    except UsageError:
        return name
    return Variant(name, "as recorded", options["config"]) if "config" in options else name


def _weights_error(error: WeightsError, weights: str | None, sha256: str | None) -> WeightsError:
    """The same with what is known of the weights of the run."""
    were = f"The run's were {weights or 'the released model'}" + (f" (sha256 {sha256})" if sha256 else "")
    parts = (were, "Name where they are now with --weights", error.remedy)
    return WeightsError(error.problem, where=error.where, remedy=". ".join(filter(None, parts)))
