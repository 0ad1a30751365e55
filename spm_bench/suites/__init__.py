"""What to track: sequences of frames with ground truth, grouped into named suites. The door is `load_suite`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spm_bench.suites.base import Suite

__all__ = ["load_suite"]


def load_suite(
    name: str,
    data: Path | None = None,
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    only: list[str] | None = None,
) -> "Suite":
    """Load a suite by name: see `spm_bench.suites.catalog.load_suite` for arguments and errors."""
    from spm_bench.suites import catalog

    return catalog.load_suite(name, data, allow_missing=allow_missing, annotations_only=annotations_only, only=only)
