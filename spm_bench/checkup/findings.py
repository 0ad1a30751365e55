"""What a check can say."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"
"""Results would be wrong or missing; results may be worse than they need to be; worth knowing."""
LEVELS = (ERROR, WARNING, NOTE)


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: One of `LEVELS`.
        problem: What is wrong, with the evidence, in one sentence without a full stop.
        remedy: What to do about it.
    """

    level: str
    problem: str
    remedy: str = ""


@dataclass(frozen=True)
class Result:
    """One check.

    Attributes:
        name: Of the check.
        about: The question it asks.
        findings: Worst first; none if all is well.
        said: What was seen, where all is well.
        skipped: Why it could not be made; empty if it was.
    """

    name: str
    about: str
    findings: tuple[Finding, ...] = ()
    said: str = ""
    skipped: str = ""

    @property
    def verdict(self) -> str:
        """The worst level found, "ok", or "skipped"."""
        if self.skipped:
            return "skipped"
        return next((level for level in LEVELS for f in self.findings if f.level == level), "ok")
