"""The command that makes notebooks: executes, cleans, checks, and keeps outputs whose material is not at hand."""

from __future__ import annotations

from pathlib import Path

import make
import nbformat
import pytest

HEAD = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A notebook

"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of notebooks of its own."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr(make, "HOME", folder)
    return folder


def written(home: Path, body: str, name: str = "01_a") -> Path:
    script = home / f"{name}.py"
    script.write_text(HEAD + body)
    return script


def test_it_is_made_checked_and_made_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One kernel after the other, in an empty folder of its own: the file is the same, byte for byte."""
    body = "# %%\nimport os\nopen('runs', 'x').close()\nprint(os.listdir())\n\n# %%\nos.path.basename(os.getcwd())\n"
    script = written(home, body)
    assert make.main([]) == 0
    assert capsys.readouterr().out == "01_a: as it should be\n"
    first = script.with_suffix(".ipynb").read_bytes()
    notebook = make.read_made(script)
    assert [cell.outputs[0].get("text", "").strip() for cell in notebook.cells[1:2]] == ["['runs']"]
    assert notebook.cells[2].outputs[0].data["text/plain"] == "'notebooks'"
    assert make.main(["01_a.ipynb"]) == 0
    assert script.with_suffix(".ipynb").read_bytes() == first
    written(home, body.replace("print(os.listdir())", "print('else')"))
    assert make.main(["--check"]) == 1
    assert "not those of its script" in capsys.readouterr().out
    assert script.with_suffix(".ipynb").read_bytes() == first


def test_a_cell_that_fails_is_told_and_nothing_is_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = written(home, "# %%\nprint(1)\n\n# %%\n1 / 0\n")
    assert make.main(["01_a"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert not script.with_suffix(".ipynb").exists()


def test_a_cell_that_never_ends_and_a_kernel_that_dies_are_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make, "SECONDS", 1)
    endless = written(home, "# %%\nimport time\ntime.sleep(60)\n", "01_endless")
    assert make.main(["01_endless"]) == 1
    assert "timed out" in capsys.readouterr().out
    dead = written(home, "# %%\nimport os\nos._exit(1)\n", "02_dead")
    assert make.main(["02_dead"]) == 1
    assert capsys.readouterr().err == "02_dead: stopped, or its kernel died\n"
    assert not endless.with_suffix(".ipynb").exists()
    assert not dead.with_suffix(".ipynb").exists()


def test_outputs_whose_material_is_not_at_hand_are_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make, "NEEDS", {"01_a": "MATERIAL_OF_TEST"})
    monkeypatch.delenv("MATERIAL_OF_TEST", raising=False)
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("stream", text="kept\n")], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), home / "01_a.ipynb")
    script = written(home, "# %%\nx\n\n# %%\ny\n")
    assert make.main([]) == 0
    told = capsys.readouterr().out
    assert "MATERIAL_OF_TEST is not set" in told
    assert "cell 2 was not run" in told
    assert [cell.get("outputs", []) for cell in make.read_made(script).cells[1:]] == [cell.outputs, []]


def test_a_name_that_is_none(home: Path) -> None:
    written(home, "# %%\n1\n")
    with pytest.raises(SystemExit, match="no notebook 07_none; there are 01_a"):
        make.main(["07_none"])
