"""The document of an ablation: all numbers in all forms, names as they are, failed cells seen, the same bytes twice."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from spm_bench.errors import ResultsError
from spm_bench.report.ablation import (
    AblationCell,
    AblationDocument,
    AblationGrid,
    AblationSuite,
    heat_frame,
    write_ablation,
)
from spm_bench.report.vocabulary import DASH
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import Comparison
from tests.report.fakes import NASTY, make_suite, otb, vot

NAN = float("nan")


def comparison(
    label: str, difference: float, *, suite: str = "otb100", metric: str = "auc", half: float = 0.02
) -> Comparison:
    """A difference that is established where zero is farther than `half`."""
    p = 0.01 if abs(difference) > half else 0.6
    return Comparison(
        label=label,
        base="base",
        suite=suite,
        metric=metric,
        value=0.6 + difference,
        base_value=0.6,
        difference=difference,
        low=difference - half,
        high=difference + half,
        level=0.95,
        p=p / 2,
        p_holm=p,
        wins=8,
        ties=2,
        losses=4,
        detectable=0.03,
        n_sequences=14,
        n_units=12,
        higher_is_better=metric not in ("robustness", "failures"),
    )


def named(evaluation: Evaluation, label: str) -> Evaluation:
    return replace(evaluation, label=label)


def document(labels: tuple[str, ...] = ("base", "cm_only", NASTY, "[bracket]", "broken")) -> AblationDocument:
    cells = tuple(
        AblationCell(label, f"x_{i} = {i} | <y>" if i else "", "paper, 3.2" if i else "", "less & worse" if i else "",
                     failure="seq1: boom" if label == "broken" else "")
        for i, label in enumerate(labels)
    )  # fmt: skip
    suites = []
    for suite in (make_suite("otb100", n=14, n_total=100), make_suite("vot2016", "vot", 60, 60)):
        make = otb if suite.family == "otb" else vot
        metrics = ("auc", "precision") if suite.family == "otb" else ("eao", "failures")
        evaluations = [
            None if c.failure else named(make(suite, c.label, 0.6 - i / 50), c.label) for i, c in enumerate(cells)
        ]
        compared = [
            comparison(c.label, 0.08 * (-1) ** i / i, suite=suite.name, metric=metric)
            for i, c in enumerate(cells)
            if i and not c.failure
            for metric in metrics
        ]
        suites.append(AblationSuite(suite, tuple(evaluations), tuple(compared)))
    return AblationDocument(
        "stages", "Stages_of 50% <SPM>", "What is each stage for?", "Full beats all.", "spm-bench sweep stages.toml",
        cells, "base", tuple(suites), 3.25, ("broken on seq1: boom",), ("One seed.",),
    )  # fmt: skip


def gridded() -> AblationDocument:
    """Two settings of two values each; one cell has no result."""
    labels = ("base", "a=1", NASTY, "broken")
    places = (("0", "0", "base"), ("1", "0", "a=1"), ("0", "1", NASTY), ("1", "1", "broken"))
    return replace(document(labels), grid=AblationGrid("a", "b", places))


def test_a_grid_of_two_settings_has_a_heat_map_per_suite_and_main_metric(tmp_path: Path) -> None:
    of_vot = replace(gridded(), suites=gridded().suites[1:])
    names = {path.name for path in write_ablation(of_vot, tmp_path)}
    heats = ("heat_vot2016_eao", "heat_vot2016_accuracy", "heat_vot2016_robustness")
    assert {name for name in names if "heat" in name} == {f"{h}.{end}" for h in heats for end in ("png", "pdf")}
    text = (tmp_path / "ablation.md").read_text()
    assert "![EAO: all combinations of the two settings](heat_vot2016_eao.png)" in text
    assert "* [heat_vot2016_eao.pdf](heat_vot2016_eao.pdf)" in text


def test_the_heat_maps_frame_has_every_place_of_the_grid() -> None:
    frame = heat_frame(gridded(), 0, "auc")
    assert frame[["x", "y"]].to_numpy().tolist() == [["0", "0"], ["1", "0"], ["0", "1"], ["1", "1"]]
    assert frame["value"].tolist()[:3] == pytest.approx([0.60, 0.58, 0.56])
    assert math.isnan(frame["value"].iloc[3])
    assert frame["base"].tolist() == [True, False, False, False]
    assert frame["established"].tolist() == [False, True, True, False]
    assert frame["higher_is_better"].all()
    assert not heat_frame(gridded(), 1, "robustness")["higher_is_better"].any()


def test_cells_of_fewer_sequences_are_told_to_the_heat_map() -> None:
    whole = gridded()
    (first, second, *others) = whole.suites[0].evaluations
    assert second is not None
    fewer = replace(second, scores=tuple(replace(s, n_sequences=3) for s in second.scores))
    part = replace(whole.suites[0], evaluations=(first, fewer, *others))
    assert heat_frame(replace(whole, suites=(part,)), 0, "auc")["partial"].tolist() == [False, True, False, False]


def test_a_grid_without_any_value_has_no_heat_map(tmp_path: Path) -> None:
    whole = gridded()
    empty = replace(whole.suites[0], evaluations=(None,) * 4, comparisons=())
    names = {path.name for path in write_ablation(replace(whole, suites=(empty,)), tmp_path)}
    assert not any(name.startswith("heat") for name in names)


def test_a_grid_of_other_cells_is_refused(tmp_path: Path) -> None:
    strange = replace(gridded(), grid=AblationGrid("a", "b", (("0", "0", "nobody"),)))
    with pytest.raises(ResultsError, match="'nobody' is a place of the grid, and no cell"):
        write_ablation(strange, tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablation") / "new"
    files = write_ablation(document(), folder)
    assert files[0] == folder / "ablation.md"
    assert sorted(files) == sorted(folder.iterdir())
    return folder


def test_the_files(written: Path) -> None:
    names = {path.name for path in written.iterdir()}
    figures = ["forest", "forest_otb100_auc", "forest_vot2016_eao"]  # others than main metrics stand in tables only
    texts = {f"ablation.{end}" for end in ("md", "csv", "tex", "html", "json")}
    assert names == texts | {f"{f}.{end}" for f in figures for end in ("png", "pdf")}


def test_markdown_says_what_is_asked_found_and_failed(written: Path) -> None:
    text = (written / "ablation.md").read_text()
    for words in (
        "# Stages\\_of 50% &lt;SPM&gt;",
        "**Question.** What is each stage for?",
        "**Expected.** Full beats all.",
        "* broken on seq1: boom",
        "One seed.",
        "* OTB-100: Established in AUC: cm\\_only (\N{MINUS SIGN}.080, worse)",
        "| **base (base)** |",
        "| cm\\_only | x\\_1 = 1 \\| &lt;y&gt; | paper, 3.2 | less &amp; worse |",
        "## OTB-100: 14 of 100 sequences",
        "14 sequences of 12 videos or scenes",
        "| cm\\_only | <u>0.580</u> | **\N{MINUS SIGN}.080** [\N{MINUS SIGN}.100, \N{MINUS SIGN}.060] | .010 | 8/2/4 |",
        "| broken | no result |  |  |  |  |",
        "| \\[bracket\\] | 0.540 | **\N{MINUS SIGN}.027** [",
        "![AUC: differences to the base](forest_otb100_auc.png)",
        "Exact sharing: 3.25 steps",
        "spm-bench sweep stages.toml",
    ):
        assert words in text, words
    assert "<script>" not in text
    for picture in [line.split("](")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]:
        assert (written / picture).is_file()
    # a cell of a table never breaks its row
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in tables} <= {5, 7, 4}


def test_csv_has_every_number(written: Path) -> None:
    rows = list(csv.DictReader((written / "ablation.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 5 * (2 + 4)
    row = next(r for r in rows if (r["cell"], r["suite"], r["metric"]) == ("cm_only", "otb100", "auc"))
    assert float(row["difference"]) == -0.08
    assert (float(row["difference_low"]), float(row["difference_high"])) == pytest.approx((-0.1, -0.06))
    assert (row["p"], row["p_holm"], row["wins"], row["ties"], row["losses"]) == ("0.005", "0.01", "8", "2", "4")
    assert (row["detectable"], row["established"], row["base"], row["n_units"]) == ("0.03", "yes", "no", "12")
    base = next(r for r in rows if r["cell"] == "base")
    assert (base["base"], base["difference"], base["value"]) == ("yes", "", "0.6")
    broken = next(r for r in rows if r["cell"] == "broken")
    assert (broken["value"], broken["failure"]) == ("", "seq1: boom")
    assert NASTY in {r["cell"] for r in rows}


def test_json_has_everything(written: Path) -> None:
    data = json.loads((written / "ablation.json").read_text())
    assert (data["schema"], data["base"], data["sharing"]) == (1, "base", 3.25)
    assert [cell["label"] for cell in data["cells"]] == ["base", "cm_only", NASTY, "[bracket]", "broken"]
    assert data["failures"] == ["broken on seq1: boom"]
    first = data["suites"][0]
    assert (first["suite"], first["coverage"]) == ("otb100", "14 of 100 sequences")
    assert {s["cell"] for s in first["scores"]} == {"base", "cm_only", NASTY, "[bracket]"}
    assert {"low", "high", "level"} <= first["scores"][0].keys()
    assert first["comparisons"][0]["established"] is True
    assert first["comparisons"][0]["p_holm"] == 0.01


def test_latex(written: Path) -> None:
    text = (written / "ablation.tex").read_text()
    assert len(re.findall(r"\\begin{table\*?}", text)) == len(re.findall(r"\\end{table\*?}", text)) == 2 + 4
    assert r"\textbf{base (base)} & \textbf{0.600} &  &  &  &  \\" in text
    difference = r"\textbf{$-$.080} {\scriptsize [$-$.100, $-$.060]}"
    assert rf"cm\_only & \underline{{0.580}} & {difference} & .010 & 8/2/4 & .030 \\" in text
    assert r"{}[bracket] &" in text
    assert r"\caption{Stages\_of 50\% \textless{}SPM\textgreater{}, OTB-100 (14 of 100 sequences)" in text
    assert "<script>" not in text


def test_the_same_document_gives_the_same_bytes(tmp_path: Path) -> None:
    one = document(("base", "a"))
    part = replace(one.suites[0], comparisons=one.suites[0].comparisons[:1])
    first, second = (write_ablation(replace(one, suites=(part,)), tmp_path / name) for name in "ab")
    assert len(first) == 5 + 2
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_undefined_numbers_are_dashes_and_nulls(tmp_path: Path) -> None:
    one = document(("base", "a"))
    part = one.suites[0]
    blank = replace(
        comparison("a", NAN), low=NAN, high=NAN, p=NAN, p_holm=NAN, detectable=NAN, wins=0, ties=0, losses=0
    )
    write_ablation(replace(one, suites=(replace(part, comparisons=(blank,)),), sharing=None), tmp_path)
    assert f"| a | <u>0.580</u> |{4 * f' {DASH} |'}" in (tmp_path / "ablation.md").read_text()
    found = json.loads((tmp_path / "ablation.json").read_text())["suites"][0]["comparisons"][0]
    assert found["difference"] is found["low"] is found["p"] is found["detectable"] is None
    assert "nan" not in (tmp_path / "ablation.csv").read_text().lower()
    assert not math.isfinite(blank.difference)


def test_only_the_base_or_nothing_compared_is_a_document_too(tmp_path: Path) -> None:
    one = document(("base",))
    files = write_ablation(replace(one, suites=(replace(one.suites[0], comparisons=()),)), tmp_path)
    assert [p.name for p in files] == [f"ablation.{end}" for end in ("md", "csv", "tex", "html", "json")]
    assert "Nothing was compared." in files[0].read_text()


def test_untrained_cells_are_marked(tmp_path: Path) -> None:
    one = document(("base", "a"))
    part = one.suites[0]
    evaluation = part.evaluations[1]
    assert evaluation is not None
    raw = replace(evaluation, scores=tuple(replace(s, trained="no") for s in evaluation.scores))
    write_ablation(
        replace(one, suites=(replace(part, evaluations=(part.evaluations[0], raw), comparisons=()),)), tmp_path
    )
    assert "| a (untrained) |" in (tmp_path / "ablation.md").read_text()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (replace(document(), base="nobody"), "no cell is called 'nobody'"),
        (replace(document(), cells=(*document().cells[:-1], AblationCell("base"))), "two cells are called 'base'"),
        (replace(document(), cells=document().cells[:-1]), "5 evaluations on otb100 for 4 cells"),
        (
            replace(document(), suites=(replace(document().suites[0], comparisons=(comparison("who", 0.1),)),)),
            "'who' was compared",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(broken: AblationDocument, words: str, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=words):
        write_ablation(broken, tmp_path)
    assert list(tmp_path.iterdir()) == []
