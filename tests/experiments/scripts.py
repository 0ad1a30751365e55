"""Scripts of `experiments/train`, which is no package, as modules."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).parents[2] / "experiments" / "train"


def load_script(name: str) -> ModuleType:
    """The script NAME.py."""
    spec = importlib.util.spec_from_file_location(name, HOME / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
