"""All suites by name, and the one way to load them."""

from __future__ import annotations

from pathlib import Path

from spm_bench.registry import Registry
from spm_bench.suites.base import Suite

SUITES = Registry("suite")
SUITES.register("demo", "spm_bench.suites.synthetic:load_demo", "Synthetic videos made here, no download")


def load_suite(
    name: str,
    data: Path | None = None,
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    only: list[str] | None = None,
) -> Suite:
    """Load a suite."""
    raise NotImplementedError
