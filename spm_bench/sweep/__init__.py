"""Sweeps: a question, a base, many cells that differ from it, and what is established about the differences.

file (TOML) -> `read_sweep` -> cells (`cells_of`) -> runs (`run_sweep`) -> comparisons -> tables, forest plots
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spm_bench.sweep.cells import Cell, cells_of
    from spm_bench.sweep.file import Sweep, find_sweep, read_sweep
    from spm_bench.sweep.request import SweepRequest
    from spm_bench.sweep.results import SweepOutcome
    from spm_bench.sweep.run import run_sweep

__all__ = ["Cell", "Sweep", "SweepOutcome", "SweepRequest", "cells_of", "find_sweep", "read_sweep", "run_sweep"]

_HOMES = {
    "Cell": "cells",
    "cells_of": "cells",
    "Sweep": "file",
    "find_sweep": "file",
    "read_sweep": "file",
    "SweepRequest": "request",
    "SweepOutcome": "results",
    "run_sweep": "run",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, and pydantic with it, only then."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
