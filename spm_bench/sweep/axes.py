"""Axes: settings and the values they take, typed by the tracker's own settings."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spm_bench.configs import Strict, parse, told
from spm_bench.errors import UsageError, unknown_name
from spm_bench.sweep.file import MOST_CELLS, Source

DIGITS = 3
"""Significant digits of numbers drawn by chance: they can be read, and no score is sensitive to the fourth."""
_DRAWS_PER_SAMPLE = 200
"""Draws after which a random sweep gives up finding one more cell that is new."""


@dataclass(frozen=True)
class Axis:
    """A setting that is varied: over listed values, or over a range.

    Attributes:
        name: Field of the tracker's settings.
        values: In the order written; empty for a range without steps.
        low, high: Ends of the range, both included.
        log: Whether the range is even in the logarithm.
        whole: Whether the setting is an integer.
    """

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def draw(self, rng: np.random.Generator) -> Any:
        """One value by chance, of `DIGITS` significant digits where it is drawn from a range."""
        if self.values:
            return self.values[int(rng.integers(len(self.values)))]
        if self.log:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        elif self.whole:
            return int(rng.integers(round(self.low), round(self.high) + 1))
        else:
            value = float(rng.uniform(self.low, self.high))
        rounded = round(value) if self.whole else float(f"{value:.{DIGITS}g}")
        return min(max(rounded, self.low), self.high) if not self.whole else rounded


class _Range(Strict):
    low: float
    high: float
    step: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = None
    log: bool = False


def read_axes(raw: Mapping[str, Any], settings: type[BaseModel], source: Source) -> tuple[Axis, ...]:
    """Check axes against the settings of a tracker.

    Args:
        raw: Name -> list of values, or {low, high, step, log}.
        settings: The tracker's settings, see `trackers.catalog.settings_of`.
        source: The file, for errors.

    Raises:
        UsageError: No such setting ("did you mean"), no value, a value of the wrong type, out of range, or twice.
    """
    return tuple(_read_axis(name, given, settings, source) for name, given in raw.items())


def _read_axis(name: str, given: object, settings: type[BaseModel], source: Source) -> Axis:
    place = ("axes", name)
    check_setting(name, settings, source, place)
    if isinstance(given, Mapping):
        return _read_range(name, given, settings, source)
    if not isinstance(given, list):
        raise source.error(
            f"axes.{name}: a list of values or a range is needed (given: {json.dumps(given)})",
            place,
            f"Write {name} = [{json.dumps(given)}], or {name} = {{ low = ..., high = ... }}",
        )
    if not given:
        raise source.error(f"axes.{name}: there is no value, so the grid is empty", place, "Give at least one")
    values = tuple(check_value(name, value, settings, source, (*place, i)) for i, value in enumerate(given))
    for first, second in itertools.combinations(values, 2):
        if first == second:
            raise source.error(f"axes.{name}: {value_text(first)} stands there twice", place, "Take one out")
    return Axis(name, values)


def _read_range(name: str, given: Mapping[str, Any], settings: type[BaseModel], source: Source) -> Axis:
    place = ("axes", name)
    kind = _number_kind(settings.model_fields[name].annotation)
    if kind is None:
        raise source.error(f"axes.{name}: a range is for numbers, {name} is none", place, "List its values")
    try:
        limits = parse(_Range, given, where=source.path)
    except UsageError as error:
        raise source.error(f"axes.{name}: {error.problem}", place, error.remedy) from None

    def checked(value: float) -> Any:
        return check_value(name, _whole(value) if kind is int else value, settings, source, place)

    low, high = checked(limits.low), checked(limits.high)
    if not low < high:
        raise source.error(f"axes.{name}: low ({limits.low:g}) must be below high ({limits.high:g})", place)
    if limits.log and (low <= 0 or limits.step is not None):
        raise source.error(f"axes.{name}: log needs low above 0 and no step", place)
    if limits.step is None:
        return Axis(name, (), low, high, limits.log, kind is int)
    ratio = (high - low) / limits.step + 1e-9
    if not ratio < MOST_CELLS:
        raise source.error(
            f"axes.{name}: a step of {limits.step:g} makes more than {MOST_CELLS} values", place, "Take a larger step"
        )
    count = math.floor(ratio) + 1
    steps = [float(f"{low + i * limits.step:.12g}") for i in range(count)]  # 0.30000000000000004 is written by nobody
    return Axis(name, tuple(checked(value) for value in steps), low, high, False, kind is int)


def _whole(value: float) -> float | int:
    return int(value) if value == round(value) else value


def _number_kind(annotation: object) -> type[int] | type[float] | None:
    """Int or float, where that is what a field's type comes down to."""
    if annotation in (int, float):
        return int if annotation is int else float
    origin, inside = get_origin(annotation), get_args(annotation)
    kinds = {_number_kind(argument) for argument in (inside[:1] if origin is Annotated else inside)}
    if origin in (tuple, Literal) or None in kinds or not kinds:
        return None
    return float if float in kinds else int


def check_setting(name: str, settings: type[BaseModel], source: Source, place: Sequence[int | str]) -> None:
    """Raise UsageError where a tracker has no such setting."""
    if name not in settings.model_fields:
        error = unknown_name("setting", name, settings.model_fields)
        raise source.error(f"{'.'.join(map(str, place))}: {error.problem}", place, error.remedy)


def check_value(name: str, value: object, settings: type[BaseModel], source: Source, place: Sequence[int | str]) -> Any:
    """The value as the settings hold it (3 for a float is 3.0); lists instead of tuples, as JSON has them.

    Raises:
        UsageError: It is of the wrong type or out of range.
    """
    field = settings.model_fields[name]
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(kind, config=ConfigDict(strict=bool(settings.model_config.get("strict"))))
    try:
        checked = adapter.validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        outer = tuple(place)
        raise source.error(told(outer, first["msg"], first["type"], value), outer) from None
    return json.loads(adapter.dump_json(checked))


def grid(axes: Sequence[Axis], source: Source) -> Iterator[dict[str, Any]]:
    """All combinations, the last axis fastest.

    Raises:
        UsageError: An axis is a range without steps.
    """
    for axis in axes:
        if not axis.values:
            raise source.error(
                f"axes.{axis.name}: a grid needs listed values, or a range with a step",
                ("axes", axis.name),
                'Add step = ..., or take method = "random"',
            )
    for combination in itertools.product(*(axis.values for axis in axes)):
        yield dict(zip((axis.name for axis in axes), combination, strict=True))


def sample(axes: Sequence[Axis], samples: int, seed: int, source: Source) -> Iterator[dict[str, Any]]:
    """So many different combinations by chance; asking for more later gives the same ones first.

    Raises:
        UsageError: There are not so many.
    """
    rng = np.random.default_rng(seed)
    seen: set[str] = set()
    for _ in range(samples):
        for _ in range(_DRAWS_PER_SAMPLE):
            drawn = {axis.name: axis.draw(rng) for axis in axes}
            key = json.dumps(drawn, sort_keys=True)
            if key not in seen:
                break
        else:
            raise source.error(
                f"the axes have hardly more than {len(seen)} different cells, {samples} are asked for",
                ("samples",),
                'Ask for fewer, or take method = "grid"',
            )
        seen.add(key)
        yield drawn


def changes_text(changes: Mapping[str, Any]) -> str:
    """Changes as a name: `fm_score_weight=0.5,fm_box=false`."""
    return ",".join(f"{name}={value_text(value)}" for name, value in changes.items())


def value_text(value: object) -> str:
    """A value in a name: 3.0 is "3", a list "1x2x3"."""
    if isinstance(value, list | tuple):
        return "x".join(value_text(item) for item in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)
