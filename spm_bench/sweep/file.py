"""A sweep file: a question, a base, the cells that are compared with it, and the suites they are compared on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, JsonValue, field_validator, model_validator

from spm_bench.configs import Strict, find_file, line_of, parse, read_toml
from spm_bench.errors import UsageError

HOME = Path("experiments")
"""Where the project's own sweeps lie, seen from a checkout."""
DEFAULT_TRACKER = "SPM-lite"
MOST_CELLS = 2000
"""More is a mistyped grid: each cell holds an open file, and no correction leaves anything significant of so many."""


class Base(Strict):
    """What every cell is compared with, and a change to.

    Attributes:
        tracker: Name, or module:Class with a class attribute `Settings`.
        variant: Named variant it starts from.
        weights: As `--weights`; a path may start at the file's folder.
        changes: Settings changed on top of the variant.
    """

    tracker: str = DEFAULT_TRACKER
    variant: str = "base"
    weights: str | None = None
    changes: dict[str, JsonValue] = Field(default_factory=dict)


class CellEntry(Strict):
    """A cell written out: a named variant, changes, or both; on top of the base."""

    name: str = ""
    variant: str = "base"
    changes: dict[str, JsonValue] = Field(default_factory=dict)
    about: str = ""
    expected: str = ""


class SuiteEntry(Strict):
    """A suite to compare on, with the options of `spm-bench run` that belong to it."""

    name: str
    data: str | None = None
    protocol: str | None = None
    init_box: str | None = None
    repetitions: Annotated[int, Field(ge=1)] | None = None
    sequences: Annotated[tuple[str, ...], Field(strict=False)] = ()  # a list, too: validators hand over Python values
    allow_missing: bool = False
    convention: str | None = None


class SweepFile(Strict):
    """The fields of a sweep file.

    Attributes:
        question: What is asked.
        expected: What answer is expected, and why.
        cost: What it costs to run, in words.
        base: What the cells are changes to.
        method: How cells are made of the axes: all combinations ("grid"), or some by chance ("random"); "list" has no
            axes. Default: "grid" with axes, "list" without.
        samples: How many a random sweep takes. More of them later keep the first ones.
        seed: Of the random choice.
        axes: Setting -> its values, or {low, high, step, log}.
        cells: Cells written out, in addition to those of the axes; a text is the name of a variant.
        suites: On what; none is the demo suite.
        seeds: For trackers that use chance: each cell is run once with each.
    """

    question: str
    expected: str = ""
    cost: str = ""
    base: Base = Base()
    method: Literal["grid", "list", "random"] | None = None
    samples: Annotated[int, Field(ge=1, le=MOST_CELLS)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    axes: dict[str, JsonValue] = Field(default_factory=dict)
    cells: tuple[CellEntry, ...] = ()
    suites: Annotated[tuple[SuiteEntry, ...], Field(min_length=1)] = (SuiteEntry(name="demo"),)
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**32)], ...], Field(min_length=1)] = (0,)

    @field_validator("cells", mode="before")
    @classmethod
    def _variants_by_name(cls, value: object) -> object:
        listed = value if isinstance(value, list) else [value]
        return tuple({"variant": item} if isinstance(item, str) else item for item in listed)

    @field_validator("suites", mode="before")
    @classmethod
    def _suites_by_name(cls, value: object) -> object:
        listed = value if isinstance(value, list) else [value]
        return tuple({"name": item} if isinstance(item, str) else item for item in listed)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        twice = next((seed for seed in value if value.count(seed) > 1), None)
        if twice is not None:
            raise ValueError(f"the seed {twice} stands there twice")
        return value

    @model_validator(mode="after")
    def _method_fits(self) -> SweepFile:
        if self.method == "list" and self.axes:
            raise ValueError('method is "list", so there can be no axes: write "grid" or "random", or take them out')
        if self.method == "random" and self.samples is None:
            raise ValueError("a random sweep needs `samples`, how many cells it takes")
        if self.method != "random" and self.samples is not None:
            raise ValueError('`samples` belongs to method = "random"')
        return self

    @property
    def how(self) -> str:
        """The method, made out where the file does not say it."""
        return self.method or ("grid" if self.axes else "list")


@dataclass(frozen=True)
class Source:
    """A file that was read: its place, and its text to find lines in."""

    path: Path
    text: str = ""

    def error(self, problem: str, place: Sequence[int | str] = (), remedy: str | None = None) -> UsageError:
        """The error that names the file, and the line of a field."""
        return UsageError(problem, where=self.path, line=self._line(place), remedy=remedy)

    def _line(self, place: Sequence[int | str]) -> int | None:
        return line_of(self.text, place) if place else None


Fields = TypeVar("Fields", bound=Strict)


@dataclass(frozen=True)
class Asked(Generic[Fields]):
    """A file that asks something, read.

    Attributes:
        name: The file's name without its ending: that of the results' folder.
        file: Its fields.
        source: The file.
        sha256: Of its text.
    """

    name: str
    file: Fields
    source: Source
    sha256: str


Sweep = Asked[SweepFile]
"""A sweep file, read."""


def find_sweep(name: str) -> Path:
    """The file that a name means: a path, with or without ending, or the name of one in `experiments`.

    Raises:
        UsageError: There is none; the nearest are offered.
    """
    return find_file(name, HOME, "sweep")


def read_sweep(path: Path) -> Sweep:
    """Read and check a sweep file. What its cells are is checked by `cells_of`.

    Raises:
        UsageError: The file is missing or no TOML, or a field is unknown, missing, of the wrong type or out of range;
            with the line where it can be found.
    """
    return read_as(SweepFile, path, *read_toml(path))


def read_as(kind: type[Fields], path: Path, text: str, values: dict[str, Any]) -> Asked[Fields]:
    """Check the fields of a file that was read; errors as in `read_sweep`."""
    file = parse(kind, values, where=path, text=text)
    return Asked(path.stem, file, Source(path, text), hashlib.sha256(text.encode()).hexdigest())
