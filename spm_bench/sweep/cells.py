"""Cells: the variants that a sweep compares, the base first, each resolved to a tracker that can be run."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from spm_bench.errors import SpmBenchError, UsageError, unknown_name
from spm_bench.suites.annotations import check_name
from spm_bench.sweep.axes import changes_text, check_setting, check_value, grid, read_axes, sample
from spm_bench.sweep.file import MOST_CELLS, Base, Source, Sweep
from spm_bench.trackers.base import TrackerSpec
from spm_bench.trackers.catalog import get_variant, resolve_tracker, settings_of
from spm_bench.trackers.variants import Variant

if TYPE_CHECKING:
    from pydantic import BaseModel

Place = Sequence[int | str]
LONGEST_NAME = 100
"""Longer names, of many changes, are replaced by a hash of the changes; tables show the change beside them."""


@dataclass(frozen=True)
class Cell:
    """One tracker of a sweep.

    Attributes:
        name: Of its variant, unique in the sweep: what tables print and `--only` matches.
        variant: All of its changes, with where they come from and what they are expected to do.
        spec: The tracker.
        changes: What differs from the base; empty for the base.
        is_base: Whether the others are compared with it.
        also: Names under which the file has this cell too (points of a grid that are the base).
        points: Points of the axes that come down to this cell: setting -> value.
    """

    name: str
    variant: Variant
    spec: TrackerSpec
    changes: Mapping[str, Any]
    is_base: bool = False
    also: tuple[str, ...] = ()
    points: tuple[Mapping[str, Any], ...] = ()

    @property
    def change(self) -> str:
        """The change in words; empty for the base."""
        return ", ".join(f"{name} = {json.dumps(value)}" for name, value in self.changes.items())


@dataclass(frozen=True)
class _Draft:
    """A cell as the file has it: the variant, what it changes, and where it stands."""

    variant: Variant
    changes: Mapping[str, Any]
    place: Place
    of_axes: bool = False


def cells_of(sweep: Sweep, *, base: Base | None = None, device: str = "auto") -> list[Cell]:
    """All cells of a sweep, the base first, then those of the axes, then those written out.

    Args:
        sweep: See `read_sweep`.
        base: Replaces the file's: another tracker, other weights.
        device: For trackers with a network.

    Raises:
        UsageError: Unknown tracker, variant or axis; a value that the setting cannot have; no cell; two that are the
            same or have the same name; with file and line.
        WeightsError: The weights are missing or broken.
    """
    base = base or sweep.file.base
    source = sweep.source
    settings = _settings(base, source)
    first = resolve_base(base, source, device=device)
    drafts = [*_of_axes(sweep, first, settings), *_written_out(sweep, base, first, settings)]
    if not drafts:
        raise source.error("there is no cell: nothing to compare with the base", (), "Write [axes], or cells = [...]")
    cells, also, on_base = [first], list[str](), list[Mapping[str, Any]]()
    seen = {_sameness(first.spec, first.variant, settings): first}
    for draft in drafts:
        _check_cell_name(draft, source)
        spec = _spec(base, draft.variant, source, device, draft.place, what=f"the cell {draft.variant.name}")
        points = (dict(draft.changes),) if draft.of_axes else ()
        cell = Cell(draft.variant.name, draft.variant, spec, dict(draft.changes), points=points)
        same = seen.get(key := _sameness(cell.spec, cell.variant, settings))
        if same is None:
            if cell.name.casefold() in (other.name.casefold() for other in cells):
                raise source.error(
                    f"two cells are called {cell.name} and have different settings",
                    draft.place,
                    "Give one of them a name of its own",
                )
            seen[key] = cell
            cells.append(cell)
        elif same.is_base and draft.of_axes:
            also.append(cell.name)
            on_base += points
        else:
            raise _same(draft, same, source)
    if len(cells) == 1:
        raise source.error("every cell is the base: nothing to compare", ("axes",), "Give an axis another value")
    return [replace(first, also=tuple(also), points=tuple(on_base)), *cells[1:]]


def choose_cells(cells: Sequence[Cell], only: Sequence[str]) -> list[Cell]:
    """The base, and the cells whose names match one of these shell patterns; none keeps all.

    Raises:
        UsageError: A pattern matches no cell.
    """
    names = [cell.name for cell in cells]
    for pattern in only:
        if not fnmatch.filter(names, pattern):
            error = unknown_name("cell", pattern, names)
            raise UsageError(f"--only {pattern} matches no cell", remedy=error.remedy)
    return [c for c in cells if not only or c.is_base or any(fnmatch.fnmatch(c.name, p) for p in only)]


def resolve_base(base: Base, source: Source, *, device: str = "auto") -> Cell:
    """The base of a sweep or a search as a cell.

    Raises:
        UsageError: Unknown tracker, variant or setting; a tracker without settings.
        WeightsError: The weights are missing or broken.
    """
    settings = _settings(base, source)
    named = _variant(base.tracker, base.variant, source, ("base", "variant"))
    changes = _checked(base.changes, settings, source, ("base", "changes"))
    variant = _changed(named, changes, about="the base of the sweep") if changes else named
    place = ("base", "tracker")
    spec = _spec(base, variant, source, device, place, what="the base")
    return Cell(variant.name, variant, spec, {}, is_base=True)


def _settings(base: Base, source: Source) -> type[BaseModel]:
    try:
        return settings_of(base.tracker)
    except UsageError as error:
        raise source.error(error.problem, ("base", "tracker"), error.remedy) from None


def _of_axes(sweep: Sweep, base: Cell, settings: type[BaseModel]) -> Iterator[_Draft]:
    """The cells that the axes make."""
    file, source = sweep.file, sweep.source
    if file.how == "list":
        return
    axes = read_axes(file.axes, settings, source)
    if not axes:
        raise source.error(
            f'method is "{file.how}" and there is no axis, so the grid is empty', ("method",), "Write [axes]"
        )
    count = 1
    for axis in axes:
        count *= max(len(axis.values), 1)
    if file.how == "grid" and count > MOST_CELLS:
        raise source.error(
            f"the grid has {count} cells, more than {MOST_CELLS}", ("axes",), 'Take method = "random" with samples'
        )
    points = grid(axes, source) if file.how == "grid" else sample(axes, file.samples or 1, file.seed, source)
    for point in points:
        about = f"{', '.join(point)} varied"
        variant = Variant(
            _name(changes_text(point), file.how, point), about, {**base.variant.changes, **point}, source="ours"
        )
        yield _Draft(variant, point, ("axes",), of_axes=True)


def _written_out(sweep: Sweep, base: Base, first: Cell, settings: type[BaseModel]) -> Iterator[_Draft]:
    """The cells that the file lists."""
    source = sweep.source
    for number, entry in enumerate(sweep.file.cells):
        place = ("cells", number)
        named = _variant(base.tracker, entry.variant, source, place)
        inline = _checked(entry.changes, settings, source, (*place, "changes"))
        changes = {**named.changes, **inline}
        if not changes:
            raise source.error(
                "a cell that changes nothing is the base, which is run anyway", place, "Give it a variant or changes"
            )
        variant = _changed(named, inline) if inline else named
        variant = Variant(
            entry.name or variant.name,
            entry.about or variant.about,
            {**first.variant.changes, **changes},
            variant.source,
            entry.expected or variant.expected,
        )
        yield _Draft(variant, changes, place)


def _changed(named: Variant, changes: Mapping[str, Any], about: str = "") -> Variant:
    """A variant with more changes, named by both."""
    text = changes_text(changes)
    unchanged = named.name == "base"
    short = "changes" if unchanged else f"{named.name},changes"
    return Variant(
        _name(text if unchanged else f"{named.name},{text}", short, changes),
        about or (f"{changes_text(changes)}" if unchanged else f"{named.about}; {changes_text(changes)}"),
        {**named.changes, **changes},
        named.source if named.source and not unchanged else "ours",
        "" if unchanged else named.expected,
    )


def _variant(tracker: str, name: str, source: Source, place: Place) -> Variant:
    try:
        return get_variant(tracker, name)
    except UsageError as error:
        raise source.error(error.problem, place, error.remedy) from None


def _checked(changes: Mapping[str, Any], settings: type[BaseModel], source: Source, place: Place) -> dict[str, Any]:
    for name in changes:
        check_setting(name, settings, source, (*place, name))
    return {n: check_value(n, value, settings, source, (*place, n)) for n, value in changes.items()}


def _spec(base: Base, variant: Variant, source: Source, device: str, place: Place, what: str) -> TrackerSpec:
    """Resolve a tracker; settings that do not fit together are said with the file's line."""
    weights = base.weights
    if weights is not None and (source.path.parent / weights).exists():
        weights = str(source.path.parent / weights)
    try:
        return resolve_tracker(base.tracker, variant=variant, weights=weights, device=device)
    except UsageError as error:
        if not str(error.where).endswith(" configuration"):
            raise
        raise source.error(f"{what}: {error.problem}", place, error.remedy) from None


def _sameness(spec: TrackerSpec, variant: Variant, settings: type[BaseModel]) -> str:
    """What two cells that are the same have in common, however they are written: the settings they come down to."""
    resolved = spec.identity.get("config")
    if resolved is None:
        resolved = {name: field.default for name, field in settings.model_fields.items()} | dict(variant.changes)
    return json.dumps(resolved, sort_keys=True, default=str)


def _same(draft: _Draft, other: Cell, source: Source) -> SpmBenchError:
    name = draft.variant.name
    if other.is_base:
        return source.error(
            f"the cell {name} is the same as the base ({other.name}), which is run anyway", draft.place, "Take it out"
        )
    named = f"the cells {other.name} and {name} are" if other.name != name else f"two cells called {name} are"
    return source.error(f"{named} the same: their settings come down to the same values", draft.place, "Take one out")


def _name(name: str, short: str, changes: Mapping[str, Any]) -> str:
    """The name, or where it is too long another made of the changes: no other cell of the file decides on it."""
    if len(name) <= LONGEST_NAME:
        return _tame(name)
    text = json.dumps(changes, sort_keys=True)
    return f"{short}-{sha256(text.encode()).hexdigest()[:10]}"


def _tame(name: str) -> str:
    """A name made of values, without letters that a folder's name cannot have."""
    return re.sub(r'[/\\:*?"<>|\s\x00-\x1f]+', "_", name)


def _check_cell_name(draft: _Draft, source: Source) -> None:
    name = draft.variant.name
    try:
        check_name(name, source.path)
    except SpmBenchError:
        place = (*draft.place, "name")
        raise source.error(
            f"{name!r} cannot be the name of a cell, it becomes a folder's", place, "No slashes, colons, * or ?"
        ) from None
