"""A variant: a named, typed change to a tracker's settings. Light: read by `spm-bench ls` without torch or pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variant:
    """One named change to a tracker.

    Attributes:
        name: As given to `--variant` and printed in tables and folder names.
        about: The change and its meaning, one line.
        changes: Fields of the tracker's settings and their values; types are checked when the tracker is resolved.
        source: Where the change comes from (a paper's section, the released code, ours).
        expected: What it is expected to do to the scores, and why; one line.
    """

    name: str
    about: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    expected: str = ""
