"""Cells: which there are, in which order, under which names."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.sweep import cells_of, read_sweep
from spm_bench.sweep.axes import Axis, value_text
from spm_bench.sweep.cells import choose_cells
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.variants import VARIANTS
from tests.sweep.toys import TARGET, TOY, write


def cells(folder, text=TOY):
    return cells_of(read_sweep(write(folder, text)))


def toy(*lines):
    head, tail = [line for line in lines if "[" not in line[:1]], [line for line in lines if line[:1] == "["]
    return "\n".join(['question = "?"', *head, f'base = {{ tracker = "{TARGET}" }}', *tail]) + "\n"


def test_the_base_comes_first_then_the_grid_then_those_written_out(tmp_path):
    found = cells(tmp_path)
    grid = [f"drift={d},hold={h}" for d, h in itertools.product(("0", "0.5", "2"), (0, 3))]
    assert [cell.name for cell in found] == ["base", *grid[1:], "drifting"]
    assert found[0].also == (grid[0],)
    assert [cell.is_base for cell in found] == [True] + [False] * 6
    assert found[2].spec.options == {"config": {"drift": 0.5, "hold": 0}}
    assert found[2].spec.label == "Toy-drift=0.5,hold=0"
    assert found[-1].change == "drift = 1.0"
    assert found[-1].variant.source == "the toy's paper"


def test_cells_change_the_base_whatever_it_is(tmp_path):
    text = TOY.replace("[base]", '[base]\nvariant = "drifting"\nchanges = { grow = 2 }')
    with pytest.raises(UsageError, match=r"the cell drifting is the same as the base \(drifting,grow=2\)"):
        cells(tmp_path, text)
    found = cells(tmp_path, text.replace('cells = ["drifting"]', ""))
    assert found[0].name == "drifting,grow=2"
    assert found[1].variant.changes == {"drift": 0.0, "grow": 2.0, "hold": 0}


def test_named_variants_and_changes_add_up_to_released_settings(tmp_path):
    text = 'question = "?"\ncells = ["cm_only", { variant = "lasot", changes = { candidates = 3 }, name = "few" }]\n'
    base, cm_only, few = cells(tmp_path, text)
    assert cm_only.variant.changes == VARIANTS["cm_only"].changes
    assert (few.name, few.variant.changes) == ("few", {"window_weight": 0.4, "candidates": 3})
    assert base.spec.identity["config"] == SpmConfig().model_dump(mode="json") | base_settings(base)
    assert few.spec.identity["config"] == base.spec.identity["config"] | {"window_weight": 0.4, "candidates": 3}


def base_settings(base):
    """What goes with the shipped weights."""
    plain = SpmConfig().model_dump(mode="json")
    return {k: v for k, v in base.spec.identity["config"].items() if plain[k] != v}


def test_a_random_sweep_keeps_its_first_cells_when_it_grows(tmp_path):
    axes = "[axes]\ndrift = { low = -5, high = 5 }\ngrow = { low = 0.1, high = 100, log = true }"
    axes += "\nhold = { low = 0, high = 9 }"

    def drawn(samples, seed):
        return cells(tmp_path, toy('method = "random"', f"samples = {samples}", f"seed = {seed}", axes))[1:]

    few, many, others = drawn(5, 1), drawn(40, 1), drawn(5, 2)
    assert [c.name for c in few] == [c.name for c in many[:5]]
    assert {c.name for c in few}.isdisjoint(c.name for c in others)
    values = [c.changes for c in many]
    assert all(-5 <= v["drift"] <= 5 and 0.1 <= v["grow"] <= 100 and v["hold"] in range(10) for v in values)
    assert sum(v["grow"] < 3.17 for v in values) in range(10, 31)  # half of them: even in the logarithm
    assert all(v["drift"] == float(f"{v['drift']:.3g}") for v in values)


def test_steps_are_counted_without_the_noise_of_floats(tmp_path):
    found = cells(tmp_path, toy("[axes]\ndrift = { low = 0, high = 0.7, step = 0.1 }"))
    assert [c.name for c in found[1:]] == [f"drift=0.{i}" for i in range(1, 8)]
    found = cells(tmp_path, toy("[axes]\nhold = { low = 1, high = 9, step = 4 }"))
    assert [c.changes["hold"] for c in found[1:]] == [1, 5, 9]


@pytest.mark.parametrize("log", [False, True])
def test_whole_numbers_are_drawn_from_both_ends(log):
    rng = np.random.default_rng(0)
    axis = Axis("k", low=2, high=4, log=log, whole=True)
    assert {axis.draw(rng) for _ in range(200)} == {2, 3, 4}


def test_long_names_are_short_ones(tmp_path):
    ratios = ", ".join(f"{i / 7:.5f}" for i in range(20))
    found = cells(tmp_path, toy(f"[axes]\nratios = [[1.0], [{ratios}]]"))
    base, other = (c.name for c in found)
    assert base == "base"
    assert re.fullmatch("grid-[0-9a-f]{10}", other)


@pytest.mark.parametrize(
    ("value", "text"), [(3.0, "3"), (0.25, "0.25"), (True, "true"), ("edge", "edge"), ([1.0, 0.5], "1x0.5"), (7, "7")]
)
def test_values_are_readable_in_names(value, text):
    assert value_text(value) == text


def test_patterns_choose_cells_and_the_base_stays(tmp_path):
    found = cells(tmp_path)
    assert [c.name for c in choose_cells(found, ["drift=2*"])] == ["base", "drift=2,hold=0", "drift=2,hold=3"]
    assert choose_cells(found, []) == found
    with pytest.raises(UsageError, match=r"--only drfiting matches no cell. Did you mean drifting"):
        choose_cells(found, ["drift=2*", "drfiting"])


LONG = [[i / 7, *(0.12345 + j for j in range(20))] for i in range(1, 4)]


def test_long_names_are_those_of_their_content(tmp_path):
    three = cells(tmp_path, toy(f"[axes]\nratios = {LONG}"))
    two = cells(tmp_path, toy(f"[axes]\nratios = {LONG[1:]}"))
    assert [c.name for c in two[1:]] == [c.name for c in three[2:]]
    axes = "[axes]\ndrift = { low = -5, high = 5 }\n" + f"ratios = {LONG}"
    few, many = (cells(tmp_path, toy('method = "random"', f"samples = {n}", axes))[1:] for n in (9, 10))
    assert [c.name for c in few] == [c.name for c in many[:9]]


def test_changes_too_long_for_a_name_are_named_by_their_content(tmp_path):
    written = [f'{{ variant = "{v}", changes = {{ ratios = {LONG[0]} }} }}' for v in ("base", "drifting")]
    names = [c.name for c in cells(tmp_path, toy(f"cells = [{', '.join(written)}]"))]
    assert names[1].startswith("changes-")
    assert names[2] == f"drifting,{names[1]}"


@pytest.mark.parametrize("step", ["1e-9", "1e-320"])
def test_too_many_steps_are_refused_before_they_are_made(tmp_path, step):
    with pytest.raises(UsageError, match=r"axes.drift: a step of .* makes more than 2000 values"):
        cells(tmp_path, toy(f"[axes]\ndrift = {{ low = 0, high = 5, step = {step} }}"))
