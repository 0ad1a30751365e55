"""Names: looked up without case, loaded on demand, mistyped ones answered with the nearest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spm_bench.errors import UsageError, unknown_name
from spm_bench.registry import Registry, load_target


@pytest.fixture
def shelf() -> Registry:
    registry = Registry("vessel")
    registry.register("Kettle", "fractions:Fraction", "boils")
    registry.register("pan", "no_such_module:Thing", "fries")
    return registry


def test_loads_only_when_asked(shelf: Registry) -> None:
    from fractions import Fraction

    assert "KETTLE" in shelf
    assert [entry.name for entry in shelf] == ["Kettle", "pan"]
    assert shelf.load("kettle") is Fraction


def test_names_are_taken_once(shelf: Registry) -> None:
    with pytest.raises(UsageError, match="registered twice"):
        shelf.register("KETTLE", "a:b", "again")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("fractions", "module:object"),
        (":Fraction", "module:object"),
        ("no_such_module:Thing", "no module 'no_such_module'"),
        ("fractions.deeper:Thing", "no module 'fractions.deeper'"),
        ("fractions:Fractoin", "Did you mean Fraction"),
        ("my_tracker.py:Mine", "write my_tracker:Mine"),
        (
            "./deep/my_tracker.py:Mine",
            "is a file, not the name of a module. Go to its folder and write my_tracker:Mine",
        ),
        ("deep\\my_tracker.py:Mine", "write my_tracker:Mine"),
    ],
)
def test_bad_targets(target: str, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        load_target(target)
    assert told in str(raised.value)


def test_a_missing_dependency_is_named_itself(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "needs_something.py").write_text("import not_installed_here\n")
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(UsageError, match="needs the module 'not_installed_here'"):
        load_target("needs_something:Thing")


@pytest.mark.parametrize(
    ("typed", "offered"), [("kettel", "Did you mean Kettle?"), ("KETTLE2", "Did you mean Kettle?"), ("xyz", "Known: ")]
)
def test_did_you_mean(typed: str, offered: str) -> None:
    assert offered in str(unknown_name("vessel", typed, ["Kettle", "pan"]))


def test_the_current_directory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console script does not put it on the path by itself."""
    monkeypatch.setattr("sys.path", [p for p in sys.path if p])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lies_here_only.py").write_text("thing = 7\n")
    assert load_target("lies_here_only:thing") == 7
