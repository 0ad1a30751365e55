"""The house's rules: which room may import which, and what must not be loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import spm_bench

ROOT = Path(spm_bench.__file__).parent
HEAVY = ("torch", "torchvision", "pandas", "matplotlib", "seaborn", "cv2", "got10k", "vot")

SHARED = {"configs", "errors", "registry", "words"}
"""Modules beside the rooms that everybody may use."""

DOORS = {
    "geometry": set(),
    "metrics": {"geometry"},
    "models": {"geometry"},
    "suites": {"geometry"},
    "fetch": {"results"},
    "datasets": {"fetch", "suites", "results"},
    "trackers": {"geometry", "models", "suites", "results", "fetch"},
    "protocols": {"geometry", "suites", "trackers", "results"},
    "results": {"suites", "trackers", "protocols", "fetch"},
    "engine": {"suites", "trackers", "protocols", "results"},
    "scoring": {"geometry", "metrics", "suites", "results"},
    "checking": {"geometry", "metrics", "suites", "results", "scoring", "report"},
    "report": {"metrics", "scoring", "suites", "results"},
    "checkup": {"geometry", "suites", "trackers", "protocols"},
    "interop": {"metrics", "suites", "trackers", "protocols", "results"},
    "reproduce": {"geometry", "suites", "trackers", "protocols", "engine", "results", "report"},
    "show": {
        "geometry",
        "suites",
        "trackers",
        "protocols",
        "engine",
        "results",
        "scoring",
        "report",
        "reproduce",
    },
    "sweep": {"metrics", "suites", "trackers", "protocols", "engine", "results", "scoring", "report", "run"},
    "training": {"geometry", "metrics", "models", "suites", "trackers", "results"},
}
"""Room -> rooms it may know; `cli` may know all."""


def imported_rooms(path: Path) -> set[str]:
    """First-level rooms of spm_bench that a module imports, anywhere in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports name the whole path"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    found = {name.split(".")[1] for name in names if name.startswith("spm_bench.")}
    return {name for name in found if (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()}


def test_every_room_has_its_doors_written_down() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms == {*DOORS, "cli"}


@pytest.mark.parametrize("room", DOORS)
def test_doors_lead_one_way(room: str) -> None:
    allowed = DOORS[room] | SHARED | {room}
    wrong = {
        str(path.relative_to(ROOT)): sorted(imported_rooms(path) - allowed) for path in (ROOT / room).rglob("*.py")
    }
    assert {path: rooms for path, rooms in wrong.items() if rooms} == {}


def test_the_engine_knows_the_tracker_interface_only() -> None:
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spm_bench.trackers"):
                assert node.module in {f"spm_bench.trackers.{name}" for name in ("base", "catalog", "stopwatch")}, path


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


@pytest.mark.parametrize(
    "code",
    [
        "import spm_bench",
        "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['--help'])",
        "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['run', '--help'])",
        "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['bench', '--help'])",
        "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['reproduce', '--help'])",
        "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['show', '--help'])",
        "import spm_bench.reproduce",
        "import spm_bench.show",
        "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['train', '--help'])",
        "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['check', '--help'])",
        "from spm_bench.cli import build_app, guarded; guarded(build_app(), ['data', 'get', '--help'])",
        "import spm_bench.run",
    ],
)
def test_help_loads_nothing_heavy(code: str) -> None:
    assert loaded_after(code) == set()


def test_every_module_says_what_it_is_for() -> None:
    silent = [p for p in ROOT.rglob("*.py") if ast.get_docstring(ast.parse(p.read_text())) is None]
    assert silent == []
