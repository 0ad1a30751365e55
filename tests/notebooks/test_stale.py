"""What counts as the same output on another machine, and what does not."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from stale import differences, same_arithmetic, same_word, troubles


def picture(width: int = 400, data: str = "aGVsbG8=") -> NotebookNode:
    return new_output(
        "display_data",
        {"image/png": data, "text/plain": "<Figure>"},
        metadata={"image/png": {"width": width, "height": 200}},
    )


def said(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


def notebook(*outputs: NotebookNode, source: str = "show()") -> NotebookNode:
    return new_notebook(cells=[new_markdown_cell("# A"), new_code_cell(source, outputs=[*outputs], execution_count=1)])


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("0.797", "0.800", True),
        ("0.797", "0.85", False),
        ("[.052,", "[.049,", True),
        ("\N{MINUS SIGN}.101", "\N{MINUS SIGN}.098", True),
        ("\N{MINUS SIGN}.101", ".101", False),
        ("lookalike-4", "lookalike-4", True),
        ("lookalike-4", "deform-4", False),
        ("18", "20", True),
        ("18", "21", False),
        ("1000", "1029", True),
        ("True", "False", False),
        ("1e-05", "2e-05", True),
        ("0.5", "five", False),
    ],
)
def test_words(old: str, new: str, same: bool) -> None:
    assert same_word(old, new) is same


def test_a_notebook_is_like_itself_and_like_one_of_another_machine() -> None:
    old = notebook(said("KCF    0.742\n"), picture())
    assert list(differences(old, old)) == []
    assert list(differences(old, notebook(said("KCF  0.741\n"), picture(data="d29ybGQ=")))) == []


def test_where_machines_compute_otherwise_only_what_is_shown_counts() -> None:
    old = notebook(said("KCF 0.742"), picture())
    assert list(differences(old, notebook(said("KCF lost it"), picture()), numbers=False)) == []
    assert list(differences(old, notebook(said("KCF 0.742")), numbers=False)) != []


@pytest.mark.parametrize(
    ("second", "same"),
    [([[1.0, 2.0]], True), ([[1.9, 2.0]], True), ([[1.0, 3.1]], False), ([[1.0]], False), ([], False)],
)
def test_machines_compute_alike_where_boxes_end_in_the_same_place(second: list[list[float]], same: bool) -> None:
    assert same_arithmetic([[1.0, 2.0]], second) is same


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (notebook(said("KCF 0.742"), source="tell()"), "not those of its script"),
        (notebook(said("KCF 0.9"), picture()), "'0.9', not '0.742'"),
        (notebook(said("MOSSE 0.742"), picture()), "'MOSSE', not 'KCF'"),
        (notebook(said("KCF 0.742 new"), picture()), "'4 words', not '3 words'"),
        (notebook(said("KCF 0.742"), picture(width=500)), "500 x 200"),
        (notebook(said("KCF 0.742")), "shows ['stdout']"),
        (notebook(said("KCF 0.742"), picture(), said("Warning: old", "stderr")), "complains: Warning: old"),
        (notebook(said("/tmp/x 0.742"), picture()), "tells of a machine: /tmp/"),
        (notebook(said("<Figure at 0x7f6f9cbf39d0>"), picture()), "tells of a machine: 0x7f6f"),
    ],
)
def test_what_differs_is_told(new: NotebookNode, told: str) -> None:
    assert told in " ".join(differences(notebook(said("KCF 0.742"), picture()), new))


def test_a_cell_that_was_not_run_is_told() -> None:
    empty = new_notebook(cells=[new_code_cell("x = 1")])
    assert list(troubles(empty)) == ["cell 0 was not run"]
