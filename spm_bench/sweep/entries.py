"""What sweep files and search files have in common: the suite they name, and weights that replace those of the base."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from spm_bench.errors import UsageError
from spm_bench.protocols.base import TrackingProtocol
from spm_bench.protocols.catalog import as_run_under
from spm_bench.run import Request, choose_protocol
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite
from spm_bench.sweep.file import Base, Source, SuiteEntry


def load_entry(
    entry: SuiteEntry,
    source: Source,
    place: Sequence[int | str],
    *,
    data: Path | None = None,
    sequences: Sequence[str] = (),
    allow_missing: bool = False,
) -> tuple[Suite, TrackingProtocol]:
    """Load the suite that a file names.

    Args:
        entry: Of the file.
        source: The file.
        place: Where the entry stands in it; nothing for one of the command line.
        data: Where the suite's files are; None leaves it to the entry.
        sequences: Only these; nothing leaves it to the entry.
        allow_missing: Take a partly present suite, whatever the entry says.

    Returns:
        The suite, its family and protocol those of the protocol used; and the protocol.

    Raises:
        UsageError: No such suite, sequence, protocol or convention, or nothing to run; with the entry's line.
        SpmBenchError: Data are missing or broken.
    """
    try:
        suite = load_suite(
            entry.name,
            data or _data(entry, source),
            allow_missing=allow_missing or entry.allow_missing,
            only=list(sequences or entry.sequences) or None,
        )
        asked = Request(protocol=entry.protocol, init_box=entry.init_box, repetitions=entry.repetitions)
        protocol = choose_protocol(asked, suite)
        _check_convention(entry.convention, protocol.family)
    except UsageError as error:
        if not place or error.where is not None:
            raise
        raise source.error(error.problem, place, error.remedy) from None
    if not suite.sequences:
        raise source.error(f"{suite.title} has no sequence to run", place)
    return as_run_under(suite, protocol), protocol


def with_weights(base: Base, weights: str | None) -> Base:
    """The base with weights given on the command line: a path there, whatever the file's folder has of the name."""
    if weights is None:
        return base
    place = str(Path(weights).absolute()) if os.path.exists(weights) else weights  # noqa: PTH110 - "" is no path
    return base.model_copy(update={"weights": place})


def _data(entry: SuiteEntry, source: Source) -> Path | None:
    """A path in the file starts at the file's folder; `~` and variables count."""
    if entry.data is None:
        return None
    return source.path.parent / os.path.expandvars(os.path.expanduser(entry.data))  # noqa: PTH111 - variables


def _check_convention(name: str | None, family: str) -> None:
    """Find a mistyped convention before hours are spent on running."""
    from spm_bench.scoring.families import family_of

    family_of(family).convention(name)
