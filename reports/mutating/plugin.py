"""A pytest plugin (`-p mutating.plugin`) that lets one module be another text: nothing in the checkout is changed."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

FILE, TEXT = "MUTANT_FILE", "MUTANT_TEXT"
"""Environment: path of the module, and of the text that takes its place."""


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """Compile the other text; the cache knows nothing of it."""
        text = Path(os.environ[TEXT]).read_text(encoding="utf-8")
        return compile(text, self.get_filename(fullname), "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer for the one module."""
        file = Path(os.environ[FILE])
        if fullname.rpartition(".")[2] not in (file.stem, file.parent.name):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or Path(spec.origin).resolve() != file.resolve():
            return None
        return importlib.util.spec_from_file_location(
            fullname,
            spec.origin,
            loader=_Loader(fullname, spec.origin),
            submodule_search_locations=spec.submodule_search_locations,
        )


if FILE in os.environ:
    sys.meta_path.insert(0, _Finder())
