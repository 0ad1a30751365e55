"""What is known about a suite before any of its files is read: one small JSON file per suite in `data/`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from spm_bench.errors import DataError, unknown_name


@dataclass(frozen=True)
class SequenceFacts:
    """One target of a suite.

    Attributes:
        name: The benchmark's name for it.
        folder: Folder of the video; two targets may share one (OTB's Jogging).
        annotation: File in that folder.
        first: Number of the first evaluated picture.
        last: Number of the last one, None where only the data set itself tells.
        annotated_from: Picture number of the annotation's first line, where that may be earlier than `first`.
        attributes: Tags of the whole sequence (OTB).
    """

    name: str
    folder: str
    annotation: str = "groundtruth.txt"
    first: int = 1
    last: int | None = None
    annotated_from: int | None = None
    attributes: tuple[str, ...] = ()

    @property
    def n_frames(self) -> int | None:
        """Number of evaluated frames, None where unknown."""
        return None if self.last is None else self.last - self.first + 1


@dataclass(frozen=True)
class Source:
    """Where `spm-bench data get` takes a suite from.

    Attributes:
        kind: "archives" (files that anybody may download), "vot" (a description that names them), or "manual" (there is
            a login, a form, or a store without plain addresses in between: a person has to do it).
        url: Address of the archive; "{folder}" in it stands for each sequence's folder. Of a description, its own.
        steps: What a person has to do, one step each; for "manual".
        note: What else is worth knowing about the source.
    """

    kind: str
    url: str = ""
    steps: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class SuiteFacts:
    """A suite as its data file describes it; fields shared with `Suite` mean the same.

    Attributes:
        about: One line for lists.
        layout: How its files lie on disk: "otb", "vot" or "got10k", the module that reads them.
        n_sequences: How many it has.
        folders: Usual names of its folder, best first, lower case and without "-", "_" and blanks.
        url: Official page.
        get: How to get the data, in a line.
        source: Where a command can take them from, or what a person has to do; None where nobody wrote it down.
    """

    name: str
    title: str
    about: str
    layout: str
    family: str
    protocol: str
    n_sequences: int
    folders: tuple[str, ...]
    url: str
    get: str
    citation: str
    sequences: tuple[SequenceFacts, ...]
    bounded: bool = True
    has_ground_truth: bool = True
    eao_interval: tuple[int, int] | None = None
    source: Source | None = None


@cache
def data_files() -> Mapping[str, Mapping[str, Any]]:
    """Content of the data files in alphabetical order, suite name -> fields. Raises DataError for a broken one."""
    files = resources.files("spm_bench.suites").joinpath("data").iterdir()
    return {file.name[:-5]: _read(file) for file in sorted(files, key=lambda f: f.name) if file.name[-5:] == ".json"}


def _read(file: Traversable) -> Mapping[str, Any]:
    """Content of one data file; a mistake in a new one is the contributor's to mend."""
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"this is no JSON ({error})", where=str(file)) from error
    if not isinstance(fields, dict):
        raise DataError("this is no JSON object", where=str(file), remedy="Another suite's file shows the form")
    return fields


def suite_names() -> list[str]:
    """Names of all suites that are read from disk: their data file says how the files lie (the demo's does not)."""
    return [name for name, fields in data_files().items() if "layout" in fields]


@cache
def suite_facts(name: str) -> SuiteFacts:
    """What the data file of a suite on disk says.

    Raises:
        UsageError: There is none of this name.
        DataError: The file lacks a field, or has one of another kind or name.
    """
    if name not in suite_names():
        raise unknown_name("suite", name, suite_names())
    try:
        return _suite_facts(name, dict(data_files()[name]))
    except (KeyError, TypeError, AttributeError) as error:
        problem = f"it lacks {error}" if isinstance(error, KeyError) else f"it has fields of another kind ({error})"
        raise DataError(problem, where=f"{name}.json", remedy="Another suite's file shows the form") from error


def _suite_facts(name: str, fields: dict[str, Any]) -> SuiteFacts:
    sequences = _sequences(fields)
    for consumed in ("sequences", "names", "name_pattern", "sequences_of"):
        fields.pop(consumed, None)
    interval = fields.pop("eao_interval", None)
    source = fields.pop("source", None)
    folders = tuple(fields.pop("folders"))
    return SuiteFacts(
        name=name,
        sequences=sequences,
        folders=folders,
        eao_interval=None if interval is None else (interval[0], interval[1]),
        source=None if source is None else Source(**{**source, "steps": tuple(source.get("steps", ()))}),
        **fields,
    )


def _sequences(fields: Mapping[str, Any]) -> tuple[SequenceFacts, ...]:
    """Expand the four ways to list sequences: in full, by name, by numbered pattern, as a part of another suite's."""
    if "sequences_of" in fields:
        others = suite_facts(fields["sequences_of"]).sequences
        names = fields.get("names")
        return others if names is None else tuple(item for item in others if item.name in names)
    if "name_pattern" in fields:
        return tuple(_plain(fields["name_pattern"] % number) for number in range(1, fields["n_sequences"] + 1))
    if "names" in fields:
        return tuple(map(_plain, fields["names"]))
    return tuple(_detailed(item, fields["layout"]) for item in fields["sequences"])


def _plain(name: str) -> SequenceFacts:
    return SequenceFacts(name=name, folder=name)


def _detailed(item: Mapping[str, Any], layout: str) -> SequenceFacts:
    defaults = {"folder": item["name"], "annotation": "groundtruth_rect.txt" if layout == "otb" else "groundtruth.txt"}
    return SequenceFacts(**{**defaults, **item, "attributes": tuple(item.get("attributes", ()))})
