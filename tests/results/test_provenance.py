import subprocess
import sys
import types
from pathlib import Path

import pytest

from spm_bench.errors import UsageError
from spm_bench.results.provenance import code_hash, environment, git_state


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a tracker, a module it uses, one that this uses, and one that nobody uses."""
    home = tmp_path / "pack_of_test"
    home.mkdir()
    (home / "__init__.py").write_text("")
    (home / "tracker.py").write_text("import json\n\n\nclass T:\n    def init(self):\n        from .helper import x\n")
    (home / "helper.py").write_text("from pack_of_test import deep\nx = 1\n")
    (home / "deep.py").write_text("y = 1\n")
    (home / "unused.py").write_text("z = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield home
    for name in [n for n in sys.modules if n.startswith("pack_of_test")]:
        del sys.modules[name]


TARGET = "pack_of_test.tracker:T"


@pytest.mark.parametrize("file", ["tracker.py", "helper.py", "deep.py"])
def test_a_change_in_anything_imported_counts(package, file):
    before = code_hash(TARGET)
    assert code_hash(TARGET) == before
    (package / file).write_text((package / file).read_text() + "# changed\n")
    assert code_hash(TARGET) != before


def test_a_change_elsewhere_does_not(package):
    before = code_hash(TARGET)
    (package / "unused.py").write_text("z = 2\n")
    assert code_hash(TARGET) == before
    assert not any(name.startswith("pack_of_test.t") for name in sys.modules), "it was imported"


def test_a_lone_script_counts_with_its_neighbours(tmp_path, monkeypatch):
    (tmp_path / "lone_of_test.py").write_text("import neighbour_of_test\nimport numpy\n")
    (tmp_path / "neighbour_of_test.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = code_hash("lone_of_test:T")
    (tmp_path / "neighbour_of_test.py").write_text("x = 2\n")
    assert code_hash("lone_of_test:T") != before


def test_a_tracker_built_on_one_of_ours_counts_with_it(tmp_path, monkeypatch):
    (tmp_path / "heir_of_test.py").write_text("from spm_bench.trackers.static import StaticTracker as Base\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    read = []
    monkeypatch.setattr(Path, "read_bytes", lambda self, real=Path.read_bytes: read.append(self.name) or real(self))
    code_hash("heir_of_test:T")
    assert {"heir_of_test.py", "static.py"} <= set(read)


def test_of_this_project_only_the_rooms_that_make_boxes_count(monkeypatch):
    read = []
    monkeypatch.setattr(Path, "read_bytes", lambda self, real=Path.read_bytes: read.append(self) or real(self))
    code_hash("spm_bench.trackers.spm:SpmTracker")
    rooms = {path.parts[path.parts.index("spm_bench", -5) + 1] for path in read}
    assert rooms == {"trackers", "models", "geometry"}
    assert "catalog.py" not in {path.name for path in read}


def test_a_protocol_counts_with_the_overlap_it_judges_by(monkeypatch):
    read = []
    monkeypatch.setattr(Path, "read_bytes", lambda self, real=Path.read_bytes: read.append(self.name) or real(self))
    code_hash("spm_bench.protocols.supervised:Supervised")
    assert {"supervised.py", "polygons.py", "raster.py"} <= set(read)
    assert not {"runner.py", "loading.py", "got10k.py"} & set(read)


def test_a_neighbour_with_a_mistake_counts_by_its_bytes(package):
    (package / "deep.py").write_text("def\n")
    before = code_hash(TARGET)
    (package / "deep.py").write_text("def x\n")
    assert code_hash(TARGET) != before


def test_modules_without_source_or_existence(monkeypatch):
    assert code_hash("math:sqrt") == ""
    monkeypatch.setitem(sys.modules, "made_by_hand", types.ModuleType("made_by_hand"))
    assert code_hash("made_by_hand:T") == ""
    with pytest.raises(UsageError, match="no module 'nowhere_at_all'"):
        code_hash("nowhere_at_all:T")


def test_environment_is_json_and_names_the_machine():
    import json

    found = environment()
    assert json.loads(json.dumps(found)) == found
    assert found["machine"]["cores"] >= 1
    assert found["python"].startswith(f"{sys.version_info.major}.")


def test_git_state(tmp_path):
    assert git_state(tmp_path) is None

    def git(*arguments):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    git("init")
    assert git_state(tmp_path) is None
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("-c", "user.name=x", "-c", "user.email=x@y", "commit", "-m", "one")
    state = git_state(tmp_path)
    assert len(state["commit"]) == 40
    assert state["dirty"] is False
    (tmp_path / "a").write_text("2")
    assert git_state(tmp_path)["dirty"] is True
