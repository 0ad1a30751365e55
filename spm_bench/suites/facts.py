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
        init_omit: (first, last) numbers of pictures on which no run of temporal robustness starts (OTB).
    """

    name: str
    folder: str
    annotation: str = "groundtruth.txt"
    first: int = 1
    last: int | None = None
    annotated_from: int | None = None
    attributes: tuple[str, ...] = ()
    init_omit: tuple[tuple[int, int], ...] = ()

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
        layout: How its files lie on disk: the module that reads them ("otb", "vot", "got10k", "lasot", ...).
        n_sequences: How many it has.
        folders: Usual names of its folder, best first, lower case and without "-", "_" and blanks.
        origin: What its files of boxes, and result files of the family "otb", count as the first pixel, 1 or 0. Other
            families' files are taken as they are.
        url: Official page.
        get: How to get the data, in a line.
        source: Where a command can take them from, or what a person has to do; None where nobody wrote it down.
        sequences: All of them; empty for a suite that is `discovered`.
        convention: Name of the benchmark's own rules of scoring, where these are not those of its family.
        attribute_flags: Tags in the order of the 0 and 1 of native attribute files, one file per sequence.
        shared_names: Sequences whose names another data set of this layout has too: a folder with these alone is taken
            for this suite's only by its own name.
        discovered: Nobody has the list: the sequences are those in the folder, and only their number is known.
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
    origin: int = 1
    convention: str | None = None
    attribute_flags: tuple[str, ...] = ()
    shared_names: tuple[str, ...] = ()
    discovered: bool = False
    ao_burn_in: int = 10


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
    for consumed in ("sequences", "names", "name_pattern", "sequences_of", "folder_pattern", "annotation_pattern"):
        fields.pop(consumed, None)
    interval = fields.pop("eao_interval", None)
    source = fields.pop("source", None)
    folders = tuple(fields.pop("folders"))
    flags, shared = (tuple(fields.pop(key, ())) for key in ("attribute_flags", "shared_names"))
    return SuiteFacts(
        name=name,
        sequences=sequences,
        folders=folders,
        eao_interval=None if interval is None else (interval[0], interval[1]),
        source=None if source is None else Source(**{**source, "steps": tuple(source.get("steps", ()))}),
        attribute_flags=flags,
        shared_names=shared,
        **fields,
    )


def _sequences(fields: Mapping[str, Any]) -> tuple[SequenceFacts, ...]:
    """Expand the ways to list sequences: in full, by name, by numbered pattern, or as a part of another suite's."""
    if fields.get("discovered"):
        return ()
    if "sequences_of" in fields:
        others = suite_facts(fields["sequences_of"]).sequences
        names = fields.get("names")
        return others if names is None else tuple(item for item in others if item.name in names)
    if "name_pattern" in fields:
        items = [{"name": fields["name_pattern"] % number} for number in range(1, fields["n_sequences"] + 1)]
    elif "names" in fields:
        items = [{"name": name} for name in fields["names"]]
    else:
        items = fields["sequences"]
    return tuple(_one(item, fields) for item in items)


def _one(item: Mapping[str, Any], fields: Mapping[str, Any]) -> SequenceFacts:
    """One listed sequence; what it does not say follows the suite's patterns, or its layout's habit."""
    name, usual = item["name"], "groundtruth_rect.txt" if fields["layout"] == "otb" else "groundtruth.txt"
    folder = fields.get("folder_pattern", "{folder}").format(name=name, folder=item.get("folder", name))
    defaults = {"annotation": fields.get("annotation_pattern", usual).format(name=name)}
    lists = {"attributes": tuple(item.get("attributes", ())), "init_omit": tuple(map(tuple, item.get("init_omit", ())))}
    return SequenceFacts(**{**defaults, **item, **lists, "folder": folder})
