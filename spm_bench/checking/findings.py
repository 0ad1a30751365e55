"""The form of what a check finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "note"]
LEVELS: dict[Level, str] = {
    "error": "cannot be scored, or the score would say nothing about the tracker",
    "warning": "the score is affected",
    "note": "worth knowing; the score stands",
}
"""Gravest first."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        level: See `LEVELS`.
        kind: A word for machines ("origin", "length", ...); findings of one kind are shown together.
        problem: One sentence without a full stop at the end.
        remedy: What to do about it.
        where: The file or folder, as people know it.
        line: 1-based line in that file.
        sequences: Names of the sequences it concerns; empty for the tracker as a whole.
    """

    level: Level
    kind: str
    problem: str
    remedy: str = ""
    where: str = ""
    line: int | None = None
    sequences: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """File and line in words; empty where it is about the tracker as a whole."""
        return self.where if self.line is None else f"{self.where}, line {self.line}"

    def to_json(self) -> dict[str, Any]:
        """The finding as `--json` prints it."""
        return {**asdict(self), "sequences": list(self.sequences)}


def by_gravity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then warnings, then notes; of one level, kinds in the order in which they were first found."""
    found = list(findings)
    kinds = list(dict.fromkeys(f.kind for f in found))
    order = list(LEVELS)
    return tuple(sorted(found, key=lambda f: (order.index(f.level), kinds.index(f.kind))))


def has_defects(findings: Iterable[Finding]) -> bool:
    """Whether any is an error or a warning."""
    return any(f.level != "note" for f in findings)
