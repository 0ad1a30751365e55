"""The space that is searched: one dimension for each setting, and its values as Optuna keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from spm_bench.sweep.axes import DIGITS

Setting = bool | int | float | str
"""A value as Optuna keeps it; lists are kept as JSON text."""


@dataclass(frozen=True)
class Dimension:
    """One direction of the space, as Optuna takes it.

    Attributes:
        kind: "int", "float" or "choice".
        low: Lowest value of a range.
        high: Highest value of a range.
        step: Between values of a range; None: any float, every int.
        log: Whether a range is sampled by its logarithm.
        values: Those of a choice, or of a range with steps as people write them.
    """

    kind: Literal["int", "float", "choice"]
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    values: tuple[Any, ...] = ()

    def holds(self, value: object) -> bool:
        """Tell whether a value is in the range, one of its steps, or among the choices."""
        if self.values:
            return any(type(pack(v)) is type(pack(value)) and pack(v) == pack(value) for v in self.values)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high  # type: ignore[operator]

    def unpack(self, kept: Setting) -> Any:
        """The setting that Optuna's value stands for: lists as lists, numbers as people write them."""
        if self.kind == "choice":
            return next((v for v in self.values if type(pack(v)) is type(kept) and pack(v) == kept), kept)
        if self.values:
            return min(self.values, key=lambda value: abs(value - kept))
        return min(max(float(f"{kept:.{DIGITS}g}"), self.low), self.high) if self.kind == "float" else kept

    def to_json(self) -> dict[str, Any]:
        """What a resumed search is compared by."""
        if self.kind == "choice":
            return {"kind": self.kind, "choices": [pack(value) for value in self.values]}
        return {"kind": self.kind, "low": self.low, "high": self.high, "step": self.step, "log": self.log}

    def text(self) -> str:
        """The dimension in words."""
        if self.kind == "choice":
            return f"one of {', '.join(json.dumps(value) for value in self.values)}"
        how = " by its logarithm" if self.log else f" in steps of {self.step:g}" if self.step is not None else ""
        return f"{self.low:g} to {self.high:g}{how}"


def pack(value: Any) -> Setting:
    """A setting as Optuna keeps it: numbers, texts and truth values themselves, lists as JSON text."""
    return json.dumps(list(value)) if isinstance(value, list | tuple) else value
