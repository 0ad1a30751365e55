"""Parts "otb" and "vot": SPM beside trackers run here and beside the raw results of others, on real sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proving.cells import Bench, Cell, Entry, read_cells, run_cells, tracker_of
from proving.compare import Field, difference_text, itself, label, markdown_table, number, with_interval
from proving.document import Part, Picture
from proving.lookalikes import video_of
from proving.pictures import Difference, difference_figure
from spm_bench.report.attributes import attribute_values
from spm_bench.report.figures import curve_figure
from spm_bench.report.figures_vot import accuracy_robustness_figure, eao_curve_figure
from spm_bench.report.render import escape_markdown
from spm_bench.scoring.base import Evaluation
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite

BASELINES = ("CSRT", "KCF", "MOSSE")
GOAL = "CSRT"
"""The tracker that the attribute table compares with."""


def load_present(name: str, data: Path) -> Suite:
    """The sequences of a benchmark that are there."""
    return load_suite(name, data, allow_missing=True)


@dataclass(frozen=True, eq=False)
class Contest:
    """Our tracker and others on what is at hand of a benchmark.

    Attributes:
        field: The cells, ours among them.
        ours: Name of our cell: that of the tracker with the weights in question.
    """

    field: Field
    ours: str

    @property
    def evaluations(self) -> list[Evaluation]:
        """The scores of all cells."""
        return [cell.evaluation for cell in self.field.cells]

    def title(self, cell: Cell) -> str:
        """The name of a cell in a table, ours in bold."""
        return f"**{label(cell)}**" if cell.name == self.ours else label(cell)

    def listed(self) -> str:
        """How much of the benchmark it is, with names."""
        field = self.field
        return f"{field.describe()} out of {field.suite.n_total}: {', '.join(map(escape_markdown, field.names))}"


def contest(
    name: str,
    title: str,
    data: Path,
    published: Path | None,
    weights: str,
    bench: Bench,
    unit: Callable[[str], str] = itself,
    unit_name: str = "sequences",
) -> Contest | None:
    """SPM and OpenCV's trackers, run here, and whoever has raw results in `published`, on the sequences of `bench`.

    None where the choice of sequences leaves none.
    """
    whole = load_present(name, data)
    suite = bench.choose(whole)
    if not suite.sequences:
        return None
    ours = tracker_of(weights)
    cells = run_cells(whole, [Entry(ours, ours, weights=weights), *(Entry(name, name) for name in BASELINES)], bench)
    if published is not None:
        cells += read_cells(suite, published / name / "results", [cell.name for cell in cells])
    return Contest(Field(f"{title}, sequences at hand", suite, tuple(cells), unit, unit_name), ours)


def otb_part(data: Path, published: Path | None, weights: str, bench: Bench) -> Part | None:
    """One-pass scores on the OTB-100 sequences at hand; None where the choice of sequences leaves none."""
    made = contest("otb100", "OTB-100", data, published, weights, bench, video_of, "videos")
    if made is None:
        return None
    field, ours, evaluations = made.field, made.ours, made.evaluations
    title = f"OTB-100, {field.describe()}, one-pass"
    differences = _against(field, field.cell(ours))
    blocks = (
        f"{made.listed()}. One pass, rules `otb-matlab`: AUC of the success curve, precision at 20 pixels.\n",
        _score_table(made),
        Picture(
            "proof_otb_success", curve_figure(evaluations, "success", title), "Success on the OTB targets at hand."
        ),
        Picture(
            "proof_otb_precision",
            curve_figure(evaluations, "precision", title),
            "Precision on the OTB targets at hand.",
        ),
        Picture(
            "proof_otb_differences",
            difference_figure(
                [(f"{ours} minus", differences)], title, f"Paired differences of {ours} and each other tracker"
            ),
            f"{ours} minus each other tracker, sequence by sequence.",
        ),
        f"AUC per attribute (a sequence has several), and {ours} minus {GOAL} with its paired interval.\n",
        _attribute_table(made),
    )
    return Part("otb", "Real videos, one pass: OTB", blocks, (field,))


def _against(field: Field, ours: Cell) -> list[Difference]:
    others = [cell for cell in field.ranked() if cell is not ours]
    mine = ours.values("auc", field.names)
    return [
        Difference(cell.name, mine - cell.values("auc", field.names), field.difference(ours, cell)) for cell in others
    ]


def _score_table(made: Contest) -> str:
    field, ours = made.field, made.field.cell(made.ours)
    rows = []
    for cell in field.ranked():
        same = cell is ours
        rows.append(
            (
                made.title(cell),
                cell.source,
                with_interval(field.mean(cell, "auc")),
                with_interval(field.mean(cell, "precision")),
                "" if same else difference_text(field.difference(ours, cell, "auc")),
                "" if same else difference_text(field.difference(ours, cell, "precision")),
            )
        )
    heads = ("Tracker", "from", "AUC ↑", "P@20 ↑", f"{ours.name} minus it, AUC", f"{ours.name} minus it, P@20")
    return markdown_table(heads, rows)


def _attribute_table(made: Contest) -> str:
    field = made.field
    members: dict[str, list[str]] = {}
    for sequence in field.suite.sequences:
        for attribute in sequence.attributes:
            members.setdefault(attribute, []).append(sequence.name)
    order, ours, goal = field.ranked(), field.cell(made.ours), field.cell(GOAL)
    rows = []
    for attribute, names in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        values = [number(float(np.mean(cell.values("auc", names)))) for cell in order]
        difference = difference_text(field.difference(ours, goal, names=names))
        rows.append((f"{escape_markdown(attribute)} ({len(names)})", *values, difference))
    return markdown_table(("Attribute (sequences)", *map(label, order), f"{made.ours} minus {GOAL}"), rows)


def vot_part(data: Path, published: Path | None, weights: str, bench: Bench) -> Part | None:
    """Supervised scores on the VOT2016 sequences at hand; None where the choice of sequences leaves none."""
    made = contest("vot2016", "VOT2016", data, published, weights, bench)
    if made is None:
        return None
    field, suite, evaluations = made.field, made.field.suite, made.evaluations
    longest = max(map(len, suite.sequences))
    low, high = suite.eao_interval or (1, longest)
    title = f"VOT2016, {suite.coverage}, supervised"
    has_eao = any(cell.value("eao") is not None for cell in field.cells)
    lengths = (low, min(high, longest))
    blocks: tuple[str | Picture, ...] = (
        f"{made.listed()}. Supervised protocol: a restart five frames after each failure, ten frames of burn-in, "
        "initial box from the polygon. A is the mean overlap while tracking, R the failures per 100 frames, Lost the "
        "failures per run.\n",
        _vot_table(made, lengths),
        _about_eao(has_eao, longest, (low, high), lengths),
        "Accuracy and failures of each sequence (A, failures per run).\n",
        _vot_sequences(field),
        "Failures in the frames of each attribute (a frame has several, or none), per run of all sequences ↓.\n",
        _vot_attributes(made),
        Picture("proof_vot_ar", accuracy_robustness_figure(evaluations, title), "Accuracy against robustness."),
        Picture(
            "proof_vot_eao",
            eao_curve_figure(evaluations, suite.eao_interval, title),
            "Expected overlap of a sequence of given length.",
        ),
    )
    return Part("vot", "Real videos, supervised: VOT2016", blocks, (field,))


def _about_eao(defined: bool, longest: int, interval: tuple[int, int], lengths: tuple[int, int]) -> str:
    low, high = interval
    if defined:
        return f"EAO averages the expected overlap over lengths {low} to {high}.\n"
    text = (
        f"EAO is undefined here: it averages lengths {low} to {high}, and the longest sequence has {longest} frames. "
    )
    if longest < low:
        return text + "\n"
    return text + (
        f"The last column averages the same curve over the lengths at hand, {lengths[0]} to {lengths[1]}; it is no EAO "
        "and orders trackers here only. So few sequences give no interval.\n"
    )


def expected_overlap(evaluation: Evaluation, lengths: tuple[int, int]) -> float | None:
    """Mean of the expected-overlap curve over these lengths; None where it does not reach them."""
    curve = evaluation.curves["eao"]
    inside = curve.y[(curve.x >= lengths[0]) & (curve.x <= lengths[1])]
    return float(inside.mean()) if len(inside) else None


def _vot_table(made: Contest, lengths: tuple[int, int]) -> str:
    def key(cell: Cell) -> float:
        return -(cell.value("eao") or expected_overlap(cell.evaluation, lengths) or 0.0)

    rows = [
        (
            made.title(cell),
            cell.source,
            number(cell.value("accuracy")),
            number(cell.value("robustness")),
            number(cell.value("failures"), 1),
            number(cell.value("eao")),
            number(expected_overlap(cell.evaluation, lengths)),
        )
        for cell in sorted(made.field.cells, key=key)
    ]
    column = f"Expected overlap, lengths {lengths[0]} to {lengths[1]} ↑"
    return markdown_table(("Tracker", "from", "A ↑", "R ↓", "Lost ↓", "EAO ↑", column), rows)


def _vot_sequences(field: Field) -> str:
    rows = []
    for cell in field.cells:
        frame = cell.evaluation.per_sequence
        found = {(s, m): v for s, m, v in zip(frame["sequence"], frame["metric"], frame["value"], strict=True)}
        texts = [
            f"{number(found.get((name, 'accuracy')))}, {number(found.get((name, 'failures')), 1)}"
            for name in field.names
        ]
        rows.append((label(cell), *texts))
    return markdown_table(("Tracker", *map(escape_markdown, field.names)), rows)


def _vot_attributes(made: Contest) -> str:
    """A row per attribute of the benchmark's frames, a column per tracker."""
    cells = sorted(made.field.cells, key=lambda cell: cell.value("failures") or 0.0)
    values = [attribute_values(cell.evaluation, "failures") for cell in cells]
    counts = {name: n for of_one in values for name, (_, n) in of_one.items()}
    rows = [
        (
            f"{escape_markdown(name)} ({n})",
            *(number(of_one[name][0] if name in of_one else None, 1) for of_one in values),
        )
        for name, n in counts.items()
    ]
    return markdown_table(("Attribute of frames (sequences)", *map(made.title, cells)), rows)
