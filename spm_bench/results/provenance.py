"""Where numbers come from: the code of the tracker, the versions, the machine, the state of the checkout."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from spm_bench.errors import UsageError

PACKAGES = (
    "numpy",
    "torch",
    "torchvision",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-python",
)
"""Distributions whose version can change a box."""

_OWN_PACKAGE = "spm_bench"
_OWN_ROOT = Path(__file__).resolve().parents[2]
_BOX_MAKING_ROOMS = ("spm_bench.trackers", "spm_bench.models", "spm_bench.geometry", "spm_bench.protocols")
"""Of this project, only these rooms decide where a box goes: a new table layout must not make results stale."""
_NOT_BOX_MAKING = (
    "spm_bench.trackers.base",
    "spm_bench.trackers.catalog",
    "spm_bench.trackers.variants",
    "spm_bench.trackers.spm.variants",  # what a variant changes is part of a run's identity; its prose is not
    "spm_bench.protocols.catalog",
)
_GIT_SECONDS = 5.0
"""Longest wait for git, which may hang on a network file system."""


def code_hash(target: str) -> str:
    """Fingerprint the source on which boxes depend: that of a tracker, or of a protocol.

    The files are the module of `target`, its siblings if it is a package's `__init__`, and everything they import, also
    indirectly, from the same top-level package (a lone module: from the same folder) and from this project; imports
    inside functions count. Of this project only the rooms that make boxes count: trackers, models, geometry, protocols.

    Args:
        target: `module:object`. Its module is found without being imported; parent packages are imported.

    Returns:
        sha256 in hex over the files' names and bytes; "" if the module has no Python source.

    Raises:
        UsageError: There is no such module.
    """
    if not (files := code_files(target)):
        return ""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def code_files(target: str) -> dict[str, Path]:
    """The files whose bytes `code_hash` is made of (which see for errors), by the names of their modules."""
    module = target.partition(":")[0]
    start = _source_of(module)
    if start is None:
        return {}
    return _closure(module, start, start.parents[module.count(".") + (start.name == "__init__.py")])


def script_files(path: Path) -> dict[str, Path]:
    """The files that a script or a module of Python consists of, as `code_files`: it, and what it imports beside it."""
    start = path.resolve()
    return _closure(start.stem, start, start.parent) or {start.stem: start}


def environment() -> dict[str, Any]:
    """Describe what a run was made with: versions, machine, threads, and the state of the checkout if there is one."""
    return {
        "spm_bench": metadata.version(_OWN_PACKAGE),
        "python": platform.python_version(),
        "packages": _versions(),
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "platform": platform.platform(),
            "threads": _threads(),
        },
        "git": git_state(Path(__file__).resolve().parents[2]),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit checked out at `folder` and whether files differ from it; None without a checkout or git."""
    if not (folder / ".git").exists():
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None else {"commit": commit, "dirty": changes != ""}


def _source_of(module: str) -> Path | None:
    """The file of a module; None for one without Python source."""
    loaded = sys.modules.get(module)
    if loaded is not None and getattr(loaded, "__spec__", None) is None:  # __main__ of a script, or made by hand
        origin = getattr(loaded, "__file__", None)
    else:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError) as error:
            raise UsageError(f"there is no module {module!r} ({error})") from None
        if spec is None:
            raise UsageError(f"there is no module {module!r}", remedy="Is its folder on PYTHONPATH?")
        origin = spec.origin
    return Path(origin).resolve() if origin is not None and origin.endswith(".py") else None


def _closure(module: str, start: Path, root: Path) -> dict[str, Path]:
    """All source files that count for `module`, by dotted name."""
    top = module.partition(".")[0]
    lone = not (root / top).is_dir()
    found: dict[str, Path] = {}
    waiting = [module, *(_siblings(module, start) if start.name == "__init__.py" else ())]
    while waiting:
        name = waiting.pop()
        ours = name.partition(".")[0] == _OWN_PACKAGE  # a tracker of somebody's own may be built on one of ours
        path = _file_of(name, _OWN_ROOT if ours else root)
        if path is None or name in found or not _counts(name, _OWN_PACKAGE if ours else top, lone, path):
            continue
        found[name] = path
        waiting.extend(_imports(name, path))
    return found


def _siblings(module: str, start: Path) -> Iterator[str]:
    return (f"{module}.{p.stem}" for p in sorted(start.parent.glob("*.py")) if p.name != "__init__.py")


def _file_of(name: str, root: Path) -> Path | None:
    base = root.joinpath(*name.split("."))
    for path in (base / "__init__.py", base.with_name(base.name + ".py")):
        if path.is_file():
            return path
    return None


def _counts(name: str, top: str, lone: bool, path: Path) -> bool:
    if top == _OWN_PACKAGE:
        inside = any(name == room or name.startswith(room + ".") for room in _BOX_MAKING_ROOMS)
        return inside and name not in _NOT_BOX_MAKING
    if lone:
        # A user's script may use its neighbours; an installed single module must not pull in all of site-packages.
        return name.partition(".")[0] == top or "site-packages" not in path.parts
    return name.partition(".")[0] == top


def _imports(name: str, path: Path) -> Iterator[str]:
    """Dotted names that a file imports; for `from a import b` both a and a.b, as b may be a module."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # a neighbour that is not finished: it cannot be imported, so it imports nothing
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _threads() -> int | None:
    """Threads of one operation, where somebody set them: by torch if it is loaded, else by OMP_NUM_THREADS."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdigit() else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
