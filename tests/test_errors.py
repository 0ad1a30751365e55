"""Errors say what, where and what to do, and survive the way through a process pool."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path

import pytest

from spm_bench.errors import DataError, MissingDataError, SpmBenchError, listed, unknown_name


def test_message() -> None:
    error = DataError("5 columns, expected 4", where=Path("a/b.txt"), line=7, remedy="Mend the line")
    assert str(error) == f"{Path('a/b.txt')}, line 7: 5 columns, expected 4. Mend the line"
    assert str(SpmBenchError("nothing works")) == "nothing works"


def test_pickles_with_all_parts() -> None:
    error = pickle.loads(pickle.dumps(MissingDataError("gone", where="x", line=3, remedy="look")))
    assert type(error) is MissingDataError
    assert str(error) == "x, line 3: gone. look"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (list("abc"), "a, b, c"),
        (list("abcd"), "a, b, c and 1 more"),
        (iter("abcde"), "a, b, c and 2 more"),
    ],
)
def test_long_lists_of_names_are_cut(names: Iterable[str], text: str) -> None:
    assert listed(names, most=3) == text


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("otb", "Did you mean otb-matlab?"),
        ("PYSTO", "Did you mean pysot?"),
        ("got", "Did you mean got10k or got10k-cut?"),
        ("x", "Known:"),
    ],
)
def test_what_begins_like_a_mistyped_name_is_offered_first(name: str, offered: str) -> None:
    remedy = unknown_name("convention", name, ["lasot", "otb-matlab", "pysot", "got10k-cut", "got10k"]).remedy
    assert remedy is not None
    assert remedy.startswith(offered)
    assert remedy.endswith("Known: got10k, got10k-cut, lasot, otb-matlab, pysot")
