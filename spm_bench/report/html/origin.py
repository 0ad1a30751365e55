"""What was run and how to do it again, as facts for the page: commands, versions, hashes, machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spm_bench.report.html.material import Tracker
from spm_bench.results.files import RUN_FILE
from spm_bench.results.runs import RunResults

Facts = tuple[tuple[str, str], ...]
"""(name, value) pairs; values are texts as they stand."""
PROGRAM = "spm-bench"


@dataclass(frozen=True)
class Session:
    """One time somebody ran the tracker: the command to type, and what it ran with."""

    command: str
    facts: Facts


@dataclass(frozen=True)
class Origin:
    """Where one tracker's results come from.

    Attributes:
        label: Of the tracker.
        index: Of the tracker.
        source: "measured here" or "raw results".
        facts: About tracker, data and protocol.
        sessions: The latest first; empty for foreign results.
        manifest: Path of run.json, "" for foreign results.
    """

    label: str
    index: int
    source: str
    facts: Facts
    sessions: tuple[Session, ...] = ()
    manifest: str = ""


def origin_of(tracker: Tracker) -> Origin:
    """What is known about where a tracker's results come from."""
    results = tracker.results
    manifest: Mapping[str, Any] | None = results.manifest if isinstance(results, RunResults) else None
    if manifest is None:
        facts = (("Folder", results.run), ("Protocol", results.protocol), ("Note", results.note))
        return Origin(tracker.label, tracker.index, results.source, _told(facts))
    sessions = tuple(_session(entry) for entry in reversed(manifest["sessions"]))
    return Origin(
        tracker.label,
        tracker.index,
        results.source,
        _told(_run_facts(manifest, results.run)),
        sessions,
        str(Path(results.run) / RUN_FILE),
    )


def typed(command: Sequence[str]) -> str:
    """A recorded command as one would type it: without the interpreter and the folder of the program.

    >>> typed(["/usr/bin/python3", "/usr/bin/spm-bench", "run", "--suite", "demo"])
    'spm-bench run --suite demo'
    """
    words = list(command)
    for place, word in enumerate(words[:2]):
        if Path(word).stem == PROGRAM:
            words = [PROGRAM, *words[place + 1 :]]
            break
    return shlex.join(words)


def _run_facts(manifest: Mapping[str, Any], folder: str) -> Iterable[tuple[str, str]]:
    tracker, suite, protocol = manifest["tracker"], manifest["suite"], manifest["protocol"]
    identity = tracker.get("identity", {})
    yield "Folder", folder
    yield "Tracker", f"{tracker['name']} (variant {tracker['variant']}), {tracker.get('target', '')}"
    yield "Options", _compact(tracker.get("options", {}))
    yield "Trained", tracker.get("trained", "")
    yield "Code (sha256)", str(identity.get("code", ""))
    yield "Weights (sha256)", str(identity.get("weights_sha256", ""))
    yield "Settings", _compact({k: v for k, v in identity.items() if k not in ("code", "weights_sha256")})
    yield "Suite", f"{suite.get('title', suite['name'])}, {suite.get('coverage', '')}"
    yield "Suite (sha256)", suite["fingerprint"]
    yield "Protocol", _compact(protocol)
    yield "Seed", str(manifest["seed"])
    yield "Identity (sha256)", manifest["identity"]


def _session(entry: Mapping[str, Any]) -> Session:
    machine, git = entry.get("machine") or {}, entry.get("git") or {}
    packages = ", ".join(f"{name} {version}" for name, version in (entry.get("packages") or {}).items())
    facts = (
        ("Time", f"{entry.get('started', '')} to {entry.get('finished') or '(not finished)'}"),
        ("Versions", f"spm_bench {entry.get('spm_bench', '?')}, Python {entry.get('python', '?')}, {packages}"),
        ("Commit", f"{git['commit']}{' with changes' if git.get('dirty') else ''}" if git else ""),
        ("Machine", ", ".join(f"{name}: {value}" for name, value in machine.items() if value is not None)),
        ("Engine", _compact(entry.get("engine") or {})),
    )
    return Session(typed(entry.get("command") or ()), _told(facts))


def _told(facts: Iterable[tuple[str, str]]) -> Facts:
    return tuple((name, value) for name, value in facts if value)


def _compact(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False) if content else ""
