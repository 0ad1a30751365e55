"""Is this tracker what the benchmark takes it for? A self-test for authors, before hours are spent on wrong boxes.

The walk: `Patient` (builds the tracker as often as asked and drives it over small drawn videos) -> one function per
check -> `Finding`s (what is wrong, the evidence, the remedy). `check_tracker` runs them all.

    from spm_bench.checkup import check_tracker

    for result in check_tracker("my_module:MyTracker"):
        print(result.name, result.verdict, [finding.problem for finding in result.findings])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spm_bench.checkup.findings import Finding as Finding
    from spm_bench.checkup.findings import Result as Result
    from spm_bench.checkup.run import check_tracker as check_tracker

_HOMES = {"Finding": "findings", "Result": "findings", "check_tracker": "run"}
__all__ = ["Finding", "Result", "check_tracker"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
