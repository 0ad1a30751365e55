"""Sweep files: what they say, and what is said of their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from spm_bench.errors import UsageError
from spm_bench.sweep import cells_of, find_sweep, read_sweep
from spm_bench.sweep.plan import make_plan
from spm_bench.sweep.request import SweepRequest
from tests.sweep.toys import TOY, write

SHIPPED = Path(__file__).resolve().parents[2] / "experiments"


def test_a_file_says_its_question_and_leaves_the_rest_to_the_defaults(tmp_path):
    sweep = read_sweep(write(tmp_path, 'question = "Why?"\ncells = ["cm_only"]\n'))
    file = sweep.file
    assert (sweep.name, file.question, file.how, file.seeds) == ("toy", "Why?", "list", (0,))
    assert [suite.name for suite in file.suites] == ["demo"]
    assert file.base.tracker == "SPM-lite"
    assert [cell.variant for cell in file.cells] == ["cm_only"]


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("drift = [0.0, 0.5, 2]", "drfit = [1.0]", 11, "no setting 'drfit'. Did you mean drift"),
        ("drift = [0.0, 0.5, 2]", 'drift = [0.0, "1"]', 11, "axes.drift.1: input should be a valid number"),
        ("drift = [0.0, 0.5, 2]", "drift = [\n0.0,\n5.5]", 13, "less than or equal to 5 (given: 5.5)"),
        ("drift = [0.0, 0.5, 2]", "drift = []", 11, "the grid is empty. Give at least one"),
        ("drift = [0.0, 0.5, 2]", "drift = 0.5", 11, "a list of values or a range is needed (given: 0.5)"),
        ("drift = [0.0, 0.5, 2]", "drift = [2, 2.0]", 11, "axes.drift: 2 stands there twice"),
        ("drift = [0.0, 0.5, 2]", "drift = {low = 0, high = 1}", 11, "a grid needs listed values, or a range with"),
        ("drift = [0.0, 0.5, 2]", "drift = {low = 1, high = 1, step = 1}", 11, "low (1) must be below high (1)"),
        ("drift = [0.0, 0.5, 2]", "drift = {low = 0, high = 9, step = 1}", 11, "less than or equal to 5"),
        ("drift = [0.0, 0.5, 2]", "drift = {low = 0, hihg = 9}", 11, "Did you mean high"),
        ("drift = [0.0, 0.5, 2]", "steady = {low = 0, high = 1}", 11, "a range is for numbers, steady is none"),
        ("drift = [0.0, 0.5, 2]", "grow = {low = 0.1, high = 1, step = 0.1, log = true}", 11, "log needs low above 0"),
        ("hold = [0, 3]", "hold = [0, 3.5]", 12, "axes.hold.1: input should be a valid integer"),
        ("hold = [0, 3]", "hold = [true]", 12, "axes.hold.0: input should be a valid integer"),
        ("hold = [0, 3]", "hold = {low = 0.5, high = 3, step = 1}", 12, "axes.hold: input should be a valid integer"),
        ("hold = [0, 3]", 'mode = ["plane"]', 12, "'plain', 'unbuildable' or 'fragile'"),
        ('cells = ["drifting"]', 'cells = ["drfiting"]', 4, "Did you mean drifting"),
        ('cells = ["drifting"]', 'cells = [\n"drifting",\n{changes = {grow = 0}}]', 6, "greater than 0 (given: 0)"),
        ('cells = ["drifting"]', "cells = [{changes = {grwo = 1}}]", 4, "no setting 'grwo'. Did you mean grow"),
        ('cells = ["drifting"]', 'cells = [{varaint = "drifting"}]', 4, "no setting 'cells.0.varaint'. Did you mean"),
        ('cells = ["drifting"]', 'cells = [{name = "a/b", changes = {grow = 2}}]', 4, "'a/b' cannot be the name"),
        ('cells = ["drifting"]', 'cells = [{name = "../up", changes = {grow = 2}}]', 4, "cannot be the name of a cell"),
        ('cells = ["drifting"]', "cells = [{changes = {drift = 0}}]", 4, "the same as the base (base)"),
        ('cells = ["drifting"]', 'cells = ["base"]', 4, "a cell that changes nothing is the base"),
        ('cells = ["drifting"]', 'cells = [{name = "x", changes = {hold = 0, drift = 2}}]', 4,
         "the cells drift=2,hold=0 and x are the same: their settings come down to the same values"),
        ('cells = ["drifting"]', 'cells = ["drifting", "drifting"]', 4, "two cells called drifting are the same"),
        ('cells = ["drifting"]', 'cells = ["drifting", {name = "Drifting", changes = {grow = 2}}]', 4,
         "two cells are called Drifting and have different settings"),
        ('tracker = "tests.sweep.toys:Toy"', 'tracker = "tests.sweep.toys:Toyy"', 8, "Did you mean Toy"),
        ('tracker = "tests.sweep.toys:Toy"', 'tracker = "KCF"', 8, "KCF has no settings that could be changed. Sweep"),
        ('tracker = "tests.sweep.toys:Toy"', 'tracker = "SMP"', 8, "no tracker 'SMP'. Did you mean SPM"),
        ("[base]", '[base]\nvariant = "drft"', 8, "no variant of Toy 'drft'. Did you mean drifting"),
        ("[base]", "[base]\nchanges = {drift = 6}", 8, "base.changes.drift: input should be less than or equal to 5"),
        ('name = "demo"', 'name = "demmo"', 14, "no suite 'demmo'. Did you mean demo"),
        ('name = "demo"', 'name = "demo"\nprotocol = "one_pas"', 14, "no protocol 'one_pas'. Did you mean one_pass"),
        ('name = "demo"', 'name = "demo"\nconvention = "otb"', 14, "Known: "),
        ('name = "demo"', 'name = "demo"\nrepetitions = 3', 14, "the protocol one_pass has no option repetitions"),
        ('"light-2"', '"lihgt-2"', 14, "no sequence 'lihgt-2'. Did you mean light-2"),
        ("seeds = [3]", "seeds = []", 5, "seeds: "),
        ("seeds = [3]", "seeds = [3, 3]", 5, "the seed 3 stands there twice"),
        ("seeds = [3]", "seeds = [-1]", 5, "greater than or equal to 0"),
        ("seeds = [3]", "method = 'random'", None, "a random sweep needs `samples`"),
        ("seeds = [3]", "method = 'list'", None, 'method is "list", so there can be no axes'),
        ("seeds = [3]", "method = 'gird'", 5, "'grid', 'list' or 'random'"),
        ("seeds = [3]", "samples = 3", None, "`samples` belongs to"),
        ("seeds = [3]", "method = 'random'\nsamples = 100", 6, "hardly more than 6 different cells, 100 are asked for"),
        ("seeds = [3]", "sedes = [3]", 5, "no setting 'sedes'. Did you mean seeds"),
        ('question = "Does drifting hurt?"', "", None, "question is missing"),
        ("seeds = [3]", "seeds = [3", 7, "not valid TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_remedy(tmp_path, before, after, line, said):
    assert TOY.count(before) == 1
    path = write(tmp_path, TOY.replace(before, after))
    with pytest.raises(UsageError) as caught:
        make_plan(SweepRequest(file=path))
    assert said in str(caught.value)
    assert caught.value.where == path
    if line is not None:
        assert caught.value.line == line


@pytest.mark.parametrize("extra", ["method = 'grid'", "method = 'random'\nsamples = 2"])
def test_a_method_without_axes_is_an_empty_grid(tmp_path, extra):
    with pytest.raises(UsageError, match="there is no axis, so the grid is empty"):
        cells_of(read_sweep(write(tmp_path, f'question = "?"\n{extra}\n')))


def test_nothing_to_compare_is_said(tmp_path):
    with pytest.raises(UsageError, match="there is no cell"):
        cells_of(read_sweep(write(tmp_path, 'question = "?"\n')))
    with pytest.raises(UsageError, match="every cell is the base"):
        cells_of(read_sweep(write(tmp_path, 'question = "?"\n[axes]\nwindow_weight = [0.5]\n')))


def test_settings_that_do_not_fit_together_are_said_with_the_cell(tmp_path):
    text = 'question = "?"\ncells = [\n "cm_only",\n {changes = {candidates = 2, near_candidates = 4}}]\n'
    with pytest.raises(UsageError, match=r"toy.toml, line 4: the cell candidates=2,near_candidates=4: .*cannot exceed"):
        cells_of(read_sweep(write(tmp_path, text)))


@pytest.mark.parametrize("name", ["stages", "fusion_weights", "padding", "proposals", "window", "quirks"])
def test_the_shipped_files_say_what_they_give_and_cost(name, monkeypatch):
    monkeypatch.chdir(SHIPPED.parent)
    path = find_sweep(name)
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert any(line.startswith("# Should give: ") for line in head[:3])
    assert any(line.startswith("# Costs: ") for line in head[:5])
    sweep = read_sweep(path)
    cells = cells_of(sweep)
    assert f"Costs: {len(cells)} cells" in "".join(head)
    assert sweep.file.cost.startswith(f"{len(cells)} cells")
    assert [s.name for s in sweep.file.suites] == ["demo"]
    assert cells[0].spec.label == "SPM-lite"
    if name == "fusion_weights":
        assert len(cells) == 12
    if name == "stages":
        stages = ["base", "cm_only", "fm_only", "series", "score_fusion_only", "box_fusion_only"]
        assert [cell.name for cell in cells] == stages


def test_the_example_of_the_readme_is_a_sweep(tmp_path):
    example = (SHIPPED / "README.md").read_text().split("```toml\n")[1].split("```")[0]
    cells = cells_of(read_sweep(write(tmp_path, example)))
    assert cells[0].name == "no_window,size_rate=0.4"
    assert len(cells) == 1 + 3 * 3 - 1 + 2
    assert cells[0].also == ("candidates=9,nms_threshold=0.5",)
