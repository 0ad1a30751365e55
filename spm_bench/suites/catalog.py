"""All suites by name, and the one way to load them. A new suite of a known layout is one file in `data/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from spm_bench.errors import DataError, MissingDataError
from spm_bench.registry import Registry, load_target
from spm_bench.suites.base import Suite
from spm_bench.suites.facts import SuiteFacts, data_files, suite_facts, suite_names
from spm_bench.suites.loading import Layout, Request

DEMO, FOLDER = "demo", "folder"
"""The two suites that are no benchmark on disk."""


def _register_all() -> Registry:
    suites = Registry("suite")
    suites.register(
        DEMO, "spm_bench.suites.synthetic:load_demo", "synthetic videos with look-alikes in steps, no download"
    )
    suites.register(FOLDER, "spm_bench.suites.folder:load", "your own frames or videos with a box, named by --data")
    for name in suite_names():
        facts = suite_facts(name)
        suites.register(name, f"spm_bench.suites.{facts.layout}:load", facts.about)
    return suites


SUITES = _register_all()
"""Suites: the demo's target is called with `only`, all others with a `loading.Request`."""


def load_suite(
    name: str,
    data: Path | None = None,
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    only: list[str] | None = None,
) -> Suite:
    """Load a suite by name.

    Args:
        name: A name in `SUITES`, any case.
        data: The data root: the folder that holds data sets, or the suite's own folder; for "folder", the frames or
            video. None takes SPM_BENCH_DATA, else the platform's user data folder.
        allow_missing: Accept a partly present data set; `Suite.missing` and `Suite.n_total` tell.
        annotations_only: For scoring: pictures may be absent (`Sequence.frames` is then None). Where they are present
            they are listed, so that the fingerprint is that of a run.
        only: Names of the sequences to load; None or empty for all.

    Returns:
        The suite, sequences in its own order, boxes 0-based.

    Raises:
        UsageError: An unknown suite or sequence; offers the nearest names.
        MissingDataError: The data, or a part without `allow_missing`, are not there; says where to get them.
        DataError: A file is broken or may not be read; names file and line.
    """
    entry = SUITES.entry(name)
    if entry.name == DEMO:
        load_demo = cast("Callable[[list[str] | None], Suite]", load_target(entry.target))
        return load_demo(only or None)
    load = cast("Callable[[Request], Suite]", load_target(entry.target))
    try:
        return load(Request(entry.name, data, allow_missing, annotations_only, tuple(only) if only else None))
    except OSError as problem:
        raise DataError(f"it cannot be read ({problem.strerror or problem})", where=problem.filename) from problem


@dataclass(frozen=True)
class SuiteStatus:
    """A row of `spm-bench ls`.

    Attributes:
        n_sequences: How many the suite has; None where the suite is whatever the user gives.
        where: The folder it was found in, None if nowhere.
        n_present: How many sequences have an annotation there.
    """

    name: str
    title: str
    about: str
    n_sequences: int | None
    protocol: str
    where: Path | None = None
    n_present: int = 0


def describe_suites(data: Path | None = None) -> list[SuiteStatus]:
    """List all suites and where each was found, without opening a file of any data set.

    Args:
        data: The data root, as for `load_suite`.
    """
    demo = data_files()[DEMO]
    n_demo = len(demo["sequences"])
    rows = [
        SuiteStatus(DEMO, demo["title"], SUITES.entry(DEMO).about, n_demo, "one_pass", n_present=n_demo),
        SuiteStatus(FOLDER, "Folder", SUITES.entry(FOLDER).about, None, "one_pass"),
    ]
    return rows + [_status(name, data) for name in suite_names()]


def layout_of(facts: SuiteFacts) -> Layout:
    """How the files of a suite lie."""
    return cast("Layout", load_target(f"spm_bench.suites.{facts.layout}:LAYOUT"))


def _status(name: str, data: Path | None) -> SuiteStatus:
    facts = suite_facts(name)
    layout = layout_of(facts)
    try:
        home = layout.find_home(facts, data)
    except (MissingDataError, OSError):
        return SuiteStatus(name, facts.title, facts.about, facts.n_sequences, facts.protocol)
    present = sum(layout.find_annotation(home, item) is not None for item in layout.items(home, facts))
    return SuiteStatus(name, facts.title, facts.about, facts.n_sequences, facts.protocol, home, present)
