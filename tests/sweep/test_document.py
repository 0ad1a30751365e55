"""What a sweep hands to the report: its cells as a table of two settings, where they are one."""

from __future__ import annotations

import pytest

from spm_bench.sweep.document import grid_of
from spm_bench.sweep.plan import make_plan
from spm_bench.sweep.request import SweepRequest
from tests.sweep.toys import TOY, write


def grid(folder, text=TOY, **more):
    return grid_of(make_plan(SweepRequest(file=write(folder, text), **more)))


def test_a_grid_of_two_axes_is_a_table_the_base_in_its_place(tmp_path):
    found = grid(tmp_path)
    assert (found.x, found.y) == ("drift", "hold")
    assert found.places == (
        ("0", "0", "base"), ("0.5", "0", "drift=0.5,hold=0"), ("2", "0", "drift=2,hold=0"),
        ("0", "3", "drift=0,hold=3"), ("0.5", "3", "drift=0.5,hold=3"), ("2", "3", "drift=2,hold=3"),
    )  # fmt: skip


def test_values_stand_in_the_files_order_or_ascend(tmp_path):
    found = grid(tmp_path, TOY.replace("[0.0, 0.5, 2]", "[2, 0.0, 0.5]"))
    assert [x for x, _, _ in found.places[:3]] == ["2", "0", "0.5"]
    found = grid(tmp_path, TOY.replace("[0.0, 0.5, 2]", "{ low = -2, high = 2, step = 2 }"))
    assert [x for x, _, _ in found.places[:3]] == ["-2", "0", "2"]
    assert found.places[1] == ("0", "0", "base")


def test_the_base_need_not_be_on_the_grid(tmp_path):
    found = grid(tmp_path, TOY.replace("[0.0, 0.5, 2]", "[3, 0.5, 2]"))
    assert "base" not in [label for _, _, label in found.places]
    assert len(found.places) == 6


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (TOY.replace("hold = [0, 3]\n", ""), {}),
        (TOY.replace("hold = [0, 3]", "hold = [0]"), {}),
        (TOY.replace("hold = [0, 3]", "hold = [0, 3]\ngrow = [1, 2]"), {}),
        (TOY.replace("[base]", 'method = "random"\nsamples = 4\n[base]'), {}),
        (TOY[: TOY.index("[axes]")] + TOY[TOY.index("[[suites]]") :], {}),
        (TOY, {"only": ("drift=0.5*",)}),
    ],
    ids=["one axis", "one value", "three axes", "random", "list", "some cells"],
)
def test_anything_else_is_no_table(tmp_path, text, more):
    assert grid(tmp_path, text, **more) is None
