"""Notebooks and their scripts are the same, run from top to bottom, and say what their committed outputs say."""

from __future__ import annotations

import os
from pathlib import Path

import jupytext
import make
import nbformat
import pytest
from stale import differences, kinds, troubles

SCRIPTS = make.scripts()
BYTES = 2**20
"""A notebook is smaller: GitHub shows larger ones late or not at all."""

each = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def environment(**more: str) -> dict[str, str]:
    """What a kernel sees: nobody's data, runs or published results."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPM_BENCH_")} | more


def test_every_notebook_has_a_script_and_every_script_a_notebook() -> None:
    made = {path.stem for path in make.HOME.glob("*.ipynb")}
    assert made == {path.stem for path in SCRIPTS}
    assert {path.stem for path in make.HOME.glob("*.py")} == {*made, "make", "stale"}


@each
def test_a_notebook_is_paired_with_its_script(script: Path) -> None:
    """As jupytext pairs them: opening one of them does not change the other."""
    made, told = make.read_made(script), make.read_script(script)
    assert [(cell.cell_type, cell.source) for cell in made.cells] == [(c.cell_type, c.source) for c in told.cells]
    again = jupytext.reads(jupytext.writes(made, fmt="py:percent"), fmt="py:percent")
    assert [cell.source for cell in again.cells] == [cell.source for cell in told.cells]
    assert made.metadata == told.metadata
    assert made.metadata["jupytext"]["formats"] == "ipynb,py:percent"


@each
def test_committed_outputs_are_there_and_hold_nothing_of_a_machine(script: Path) -> None:
    made = make.read_made(script)
    nbformat.validate(made)
    assert list(troubles(made)) == []
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(cell.metadata == {} for cell in made.cells)
    shown = [kind for cell in code for kind in kinds(cell)]
    assert sum("image/" in kind for kind in shown) >= 2, "it ends in no figure"
    assert not any(kind.startswith("text/plain") and "Figure" in kind for kind in shown)
    assert script.with_suffix(".ipynb").stat().st_size < BYTES


@each
def test_a_notebook_runs_and_says_what_it_said(script: Path, request: pytest.FixtureRequest) -> None:
    """On a fresh clone; where it needs what users may not have, with it. A warning is a failure.

    Numbers are compared where the machine computes as the one that the outputs are from.
    """
    more = {}
    if script.stem in make.NEEDS:
        more[make.NEEDS[script.stem]] = str(request.getfixturevalue("published_results"))
    executed = make.execute(make.read_script(script), environment(**more))
    assert list(differences(make.read_made(script), executed, numbers=make.computes_alike())) == []


@pytest.mark.parametrize("name", make.NEEDS)
def test_what_needs_material_that_users_do_not_have_works_without_it(name: str) -> None:
    """Scores that are kept in this project then say the same; only what needs the boxes themselves may be missing."""
    (script,) = make.scripts([name])
    made, executed = make.read_made(script), make.execute(make.read_script(script), environment())
    for notebook in (made, executed):
        notebook.cells = [cell for cell in notebook.cells if "RAW" not in cell.source]
        assert len(notebook.cells) > 20
    assert list(differences(made, executed, numbers=make.computes_alike())) == []
