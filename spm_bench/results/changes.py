"""What differs between two runs: their manifests, fact by fact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spm_bench.errors import listed
from spm_bench.results.manifest import Manifest

Facts = dict[str, str]
"""What -> value as text; a fact that was not recorded is missing."""

_MACHINE = {"cpu": "processor", "cores": "processor cores", "platform": "system", "threads": "threads of an operation"}
_IDENTITY = {"code": "tracker code", "weights_sha256": "weights"}
SHORT_HASH = 12
_HASH = re.compile(r"[0-9a-f]{40,64}")
_NAMED = 2
"""Sequences that a row names; of more it says how many."""


@dataclass(frozen=True)
class Change:
    """A fact about a run that is not as it was.

    Attributes:
        what: The fact.
        then: As recorded; "" where it was not.
        now: As it is.
        decides: Whether it is a part of the run's identity: what boxes are known to depend on. Others (versions,
            threads, the machine) may change the last digits.
    """

    what: str
    then: str
    now: str
    decides: bool

    def short(self) -> tuple[str, str]:
        """Both values, hashes cut to what tells them apart."""
        then, now = (_HASH.sub(lambda found: found[0][:SHORT_HASH], value) for value in (self.then, self.now))
        return then, now


def compare_manifests(then: Manifest, now: Manifest) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """The facts that differ between two runs, and the names of those that do not.

    Facts that belong to the runs' identity come first: what boxes are known to depend on. Of the others, each is the
    list of all sessions' values. Data are compared on the sequences that both have.

    Args:
        then: A run's manifest.
        now: Another's.
    """
    changes, unchanged = [], []
    pairs = ((identity_facts(then), identity_facts(now), True), (session_facts(then), session_facts(now), False))
    for before, after, decides in pairs:
        for what in dict.fromkeys([*before, *after]):
            if before.get(what) == after.get(what):
                unchanged.append(what)
            else:
                changes.append(Change(what, before.get(what, ""), after.get(what, ""), decides))
        if decides:
            data = list(_data_changes(then, now))
            changes += data
            unchanged += [] if data else ["data"]
    return tuple(changes), tuple(unchanged)


def identity_facts(manifest: Manifest) -> Facts:
    """What a run's boxes are known to depend on, without its data."""
    tracker = manifest["tracker"]
    found: dict[str, Any] = {"tracker class": tracker["target"]}
    for name, value in tracker["identity"].items():
        if isinstance(value, Mapping):
            found |= {f"setting {key}": inner for key, inner in value.items()}
        else:
            found[_IDENTITY.get(name, name.replace("_", " "))] = value
    for name, value in manifest["protocol"].items():
        found["protocol" if name == "name" else f"protocol {name.replace('_', ' ')}"] = value
    return _texts(found | {"suite": manifest["suite"]["name"], "seed": manifest["seed"]})


def session_facts(manifest: Manifest) -> Facts:
    """With what a run was made: the values of all its sessions, each once."""
    values: dict[str, dict[str, None]] = {}
    for session in manifest["sessions"]:
        for what, value in _texts(dict(_of_session(session))).items():
            values.setdefault(what, {})[value] = None
    return {what: ", ".join(of) for what, of in values.items()}


def _of_session(session: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "Python", session.get("python")
    yield from (session.get("packages") or {}).items()
    for key, value in (session.get("machine") or {}).items():
        yield _MACHINE.get(key, key), value
    engine = session.get("engine") or {}
    yield "engine", engine.get("kind")
    yield "workers", engine.get("workers")
    yield "spm_bench", session.get("spm_bench")
    git = session.get("git")
    if git:
        yield "commit", git.get("commit")
        yield "checkout", "with changes" if git.get("dirty") else "clean"


def _data_changes(then: Manifest, now: Manifest) -> Iterator[Change]:
    """What of the data differs, on the sequences that both have."""
    shared = [name for name in then["sequences"] if name in now["sequences"]]
    different = set[str]()
    for what, key in (("annotations", "annotations"), ("pictures", "fingerprint")):
        names = [n for n in shared if then["sequences"][n][key] != now["sequences"][n][key] and n not in different]
        different |= {*names}  # where annotations differ, the fingerprint of both does too
        if names:
            first, second = (str(m["sequences"][names[0]][key]) for m in (then, now))
            yield Change(f"{what} of {listed(names, _NAMED)}", first, second, decides=True)


def _texts(found: Mapping[str, Any]) -> Facts:
    """Values as text; those that are not known are left out."""
    return {
        what: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for what, value in found.items()
        if value is not None and value != ""
    }
