"""`run.json`: what a run depends on, where it came from, and how far it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spm_bench.errors import ResultsError, listed
from spm_bench.results.files import RUN_FILE, write_text
from spm_bench.results.provenance import code_hash
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.loading import fingerprint
from spm_bench.trackers.base import TrackerSpec

SCHEMA = 1
"""Version of the form of run.json; raised when a reader of the old form would misread the new one."""
HASH_DIGITS = 12
"""Of the identity in a folder's name: 48 bits, no collision among any number of runs a disk can hold."""

PENDING, DONE, FAILED = "pending", "done", "failed"
"""States of a sequence."""

_FIELDS = frozenset({"label", "identity", "family", "tracker", "suite", "protocol", "seed", "sequences", "sessions"})
_SHAPE = {
    "family": str,
    "tracker": {"name": str, "variant": str, "trained": str},
    "suite": {"name": str, "title": str, "fingerprint": str},
    "protocol": {"name": str},
    "sequences": dict,
    "sessions": list,
}
"""What every reader takes for granted."""
_SEQUENCE = {"state": str, "annotations": str, "fingerprint": str}

Manifest = dict[str, Any]


def identity_of(spec: TrackerSpec, suite: Suite, protocol: dict[str, Any], seed: int) -> dict[str, Any]:
    """Everything the boxes of a run depend on, JSON-able; times, machines and paths are not in it.

    Args:
        spec: The tracker. Its code is fingerprinted here unless its identity holds a "code" already.
        suite: Of which name and fingerprint count.
        protocol: Parameters of the protocol.
        seed: Of the run.
    """
    known = dict(spec.identity)
    return {
        "tracker": {
            "name": spec.name,
            "variant": spec.variant,
            "target": spec.target,
            "options": {k: v for k, v in spec.options.items() if k not in spec.places},
            "identity": known if "code" in known else {"code": code_hash(spec.target), **known},
        },
        "suite": {"name": suite.name, "fingerprint": suite.fingerprint},
        "protocol": protocol,
        "seed": seed,
    }


def identity_hash(identity: dict[str, Any]) -> str:
    """sha256 of an identity in hex; equal for equal content, whatever the order of the keys.

    Raises:
        ResultsError: Some option of the tracker cannot be written as JSON.
    """
    try:
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ResultsError(
            f"the tracker's options cannot be recorded ({error})", remedy="Use numbers, texts, lists and dicts"
        ) from None
    return hashlib.sha256(text.encode()).hexdigest()


def new_manifest(spec: TrackerSpec, suite: Suite, protocol: dict[str, Any], seed: int, family: str) -> Manifest:
    """The manifest of a run that has not begun."""
    identity = identity_of(spec, suite, protocol, seed)
    return {
        "schema": SCHEMA,
        "label": spec.label,
        "identity": identity_hash(identity),
        "family": family,
        **identity,
        "tracker": identity["tracker"] | {"options": dict(spec.options), "trained": spec.trained},
        "suite": identity["suite"] | {"title": suite.title, "coverage": suite.coverage, "missing": list(suite.missing)},
        "sequences": {s.name: {"state": PENDING, "frames": len(s), **_fingerprints(s)} for s in suite.sequences},
        "sessions": [],
    }


def read_manifest(folder: Path) -> Manifest:
    """Read a run folder's manifest.

    Raises:
        ResultsError: Missing, broken, or written by a newer version.
    """
    path = folder / RUN_FILE
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        schema = manifest["schema"]
    except OSError as error:
        raise ResultsError(f"cannot read: {error.strerror or error}", where=path) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ResultsError(f"is not the description of a run ({error})", where=path, remedy="Run it again") from None
    if schema != SCHEMA:
        raise ResultsError(
            f"has form {schema}, this version reads form {SCHEMA}", where=path, remedy="Use the version that wrote it"
        )
    label = manifest.get("label")
    if missing := sorted(_FIELDS - manifest.keys()):
        problem = f"{', '.join(missing)} missing"
    elif not isinstance(label, str) or label != Path(label).name or label in ("", ".", ".."):
        problem = f"{label!r} is no folder's name"  # it would be read from outside the run folder
    elif not (problem := _misfit(manifest, _SHAPE) or _misfit(manifest["sequences"], _of_each(manifest))):
        return dict(manifest)
    raise ResultsError(f"is not the description of a run ({problem})", where=path, remedy="Run it again")


def _of_each(manifest: Manifest) -> dict[str, Any]:
    """The shape of the sequences' entries; those that are done say how many repetitions there are."""
    return {
        name: _SEQUENCE | ({"repetitions": int} if isinstance(entry, dict) and entry.get("state") == DONE else {})
        for name, entry in manifest["sequences"].items()
    }


def _misfit(value: Any, shape: Mapping[str, Any]) -> str:
    """The first field that is missing or of another kind; empty where all is as it should be."""
    for name, kind in shape.items():
        if not isinstance(value, dict) or name not in value:
            return f"{name} missing"
        if isinstance(kind, Mapping):
            if told := _misfit(value[name], kind):
                return f"{name}: {told}"
        elif not isinstance(value[name], kind):
            return f"{name} is no {_KINDS[kind]}"
    return ""


_KINDS = {str: "text", dict: "table", list: "list", int: "number"}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a run folder's manifest atomically. Raises ResultsError if it cannot."""
    write_text(folder / RUN_FILE, json.dumps(manifest, indent=2, allow_nan=False) + "\n")


def sequences_in_state(manifest: Manifest, state: str) -> list[str]:
    """Names of the sequences in a state, in the suite's order."""
    return [name for name, entry in manifest["sequences"].items() if entry["state"] == state]


def check_same_data(manifest: Manifest, suite: Suite, folder: Path) -> None:
    """Make sure that a run was made on the data at hand, as far as these are loaded.

    Equal fingerprints of the suites settle it. Otherwise (annotations without pictures, more or fewer sequences) the
    sequences that both have are compared one by one.

    Raises:
        ResultsError: They differ; says in what.
    """
    recorded = manifest["suite"]
    if recorded["name"] != suite.name:
        raise ResultsError(f"is a run on {recorded['name']}, not on {suite.name}", where=folder)
    if recorded["fingerprint"] == suite.fingerprint:
        return
    entries = manifest["sequences"]
    shared = [s for s in suite.sequences if s.name in entries]
    for what, key in (("annotations", "annotations"), ("pictures", "fingerprint")):
        compared = [s for s in shared if key == "annotations" or s.frames is not None]
        changed = [s.name for s in compared if entries[s.name][key] != _fingerprints(s)[key]]
        if changed:
            raise _stale(f"other {what} of {listed(changed)}", folder)
    same_sequences = len(shared) == len(entries) == len(suite.sequences)
    if same_sequences and all(s.frames is not None for s in shared):
        raise _stale(f"another version of {suite.title}", folder)


def now() -> str:
    """The time in UTC to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _fingerprints(sequence: Sequence) -> dict[str, str]:
    annotations = fingerprint([replace(sequence, frames=None)])
    return {"annotations": annotations, "fingerprint": fingerprint([sequence])}


def _stale(what: str, folder: Path) -> ResultsError:
    return ResultsError(f"the run was made on {what} than those at hand", where=folder, remedy="Run it again")
