"""The files of a sweep: the ablation document, and `sweep.json`, which says what was run and what came out."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence as Many
from dataclasses import replace
from pathlib import Path
from typing import Any

from spm_bench.report.ablation import AblationCell, AblationDocument, AblationGrid, AblationSuite, write_ablation
from spm_bench.report.vocabulary import headline_metric
from spm_bench.results.files import readable_os_errors, write_text
from spm_bench.results.manifest import now
from spm_bench.results.provenance import environment
from spm_bench.scoring.compare import Comparison
from spm_bench.sweep.axes import value_text
from spm_bench.sweep.cells import Cell
from spm_bench.sweep.plan import Plan
from spm_bench.sweep.request import SweepRequest
from spm_bench.sweep.results import SuiteOutcome, SweepOutcome

FOLDER, RECORD = "sweeps", "sweep.json"
OWN = tuple(f"ablation.{end}" for end in ("md", "csv", "tex", "html", "json")) + tuple(
    f"{name}.{end}" for name in ("forest", "forest_*", "heat_*") for end in ("png", "pdf")
)
"""What the files of a document are called."""
SCHEMA = 1
"""Of sweep.json; raised when a reader of the old form would misread the new one."""


def sweep_folder(request: SweepRequest, name: str) -> Path:
    """Where a sweep's document lies: `<out>/sweeps/<name>`."""
    return request.out / FOLDER / name


def write_document(outcome: SweepOutcome) -> Path:
    """Write all files; returns their folder.

    Raises:
        ResultsError: The folder cannot be written.
    """
    folder = sweep_folder(outcome.plan.request, outcome.plan.sweep.name)
    new: list[Path] = []
    if any(suite.evaluations for suite in outcome.suites):
        new = write_ablation(ablation_of(outcome), folder)
    _remove_stale(folder, new)
    write_text(folder / RECORD, record_json(outcome))
    return folder


def _remove_stale(folder: Path, new: Many[Path]) -> None:
    """Remove the files of an earlier document that this one does not have: they would be taken for its own."""
    with readable_os_errors(folder):
        for path in (path for pattern in OWN for path in folder.glob(pattern)):
            if path not in new and path.is_file():
                path.unlink(missing_ok=True)


def record_json(outcome: SweepOutcome) -> str:
    """The text of `sweep.json`."""
    return json.dumps(record_of(outcome), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def ablation_of(outcome: SweepOutcome) -> AblationDocument:
    """The sweep in the terms of the report."""
    plan, file = outcome.plan, outcome.plan.sweep.file
    sharing, told = _sharing(outcome)
    return AblationDocument(
        name=plan.sweep.name,
        title=f"{plan.sweep.name} ({plan.base.spec.name})",
        question=file.question,
        expected=file.expected,
        command=shlex.join(command_of(plan.request)),
        cells=tuple(_ablation_cell(cell, outcome) for cell in plan.cells),
        base=plan.base.name,
        suites=tuple(
            AblationSuite(
                suite.part.suite,
                tuple(suite.evaluations.get(cell.name) for cell in plan.cells),
                suite.comparisons,
                suite.note,
            )
            for suite in outcome.suites
            if suite.evaluations
        ),
        sharing=sharing,
        failures=tuple(map(str, outcome.failures)),
        notes=(*outcome.notes, *told),
        grid=grid_of(plan),
    )


def _sharing(outcome: SweepOutcome) -> tuple[float | None, tuple[str, ...]]:
    """The factor where it was measured on all of the document, else what to say of it."""
    asked, computed, measured, tasks = (
        sum(getattr(s, name) for s in outcome.suites) for name in ("asked", "computed", "measured", "tasks")
    )
    if not computed or measured == tasks:
        return (asked / computed if computed else None), ()
    told = f"Exact sharing in the last session ({measured} of {tasks} cells x sequences): {asked / computed:.2f} steps"
    return None, (f"{told} of trackers for each that was computed.",)


def grid_of(plan: Plan) -> AblationGrid | None:
    """The cells as a table of two settings; None unless the axes are two and all their combinations are there."""
    axes = plan.sweep.file.axes
    if plan.sweep.file.how != "grid" or len(axes) != 2:
        return None
    found = [(point, cell.name) for cell in plan.cells for point in cell.points]
    values = {name: _axis_values(axes[name], [point[name] for point, _ in found]) for name in axes}
    sizes = [len(of_axis) for of_axis in values.values()]
    if min(sizes) < 2 or len(found) != math.prod(sizes):
        return None
    y, x = sorted(values, key=lambda name: len(values[name]))  # a page is wider than high
    places = {
        (values[x].index(point[x]), values[y].index(point[y])): (value_text(point[x]), value_text(point[y]), cell)
        for point, cell in found
    }
    return AblationGrid(x, y, tuple(places[i, j] for j in range(len(values[y])) for i in range(len(values[x]))))


def _axis_values(given: object, found: Many[Any]) -> list[Any]:
    """The values of an axis, each once: in the file's order where it lists them, else ascending."""
    distinct = [value for place, value in enumerate(found) if value not in found[:place]]
    return sorted(distinct, key=given.index) if isinstance(given, list) else sorted(distinct)


def _ablation_cell(cell: Cell, outcome: SweepOutcome) -> AblationCell:
    mine = [failure for failure in outcome.failures if failure.cell == cell.name]
    return AblationCell(
        label=cell.name,
        change=cell.change,
        source=cell.variant.source,
        expected=cell.variant.expected,
        failure="; ".join(f"{f.sequence or f.suite}: {f.problem}" for f in mine),
    )


def command_of(request: SweepRequest) -> list[str]:
    """The shell command that makes this again; options that change nothing of the results are left out."""
    words = ["spm-bench", "sweep", str(request.file)]
    for option, values in (
        ("--only", request.only),
        ("--suite", request.suites),
        ("--sequence", request.sequences),
        ("--seed", tuple(map(str, request.seeds))),
    ):
        words += [word for value in values for word in (option, value)]
    for option, given in (("--data", request.data), ("--tracker", request.tracker), ("--weights", request.weights)):
        words += [] if given is None else [option, str(given)]
    words += ["--device", request.device] if request.device != "auto" else []
    words += ["--allow-missing"] if request.allow_missing else []
    return [*words, "--out", str(request.out)]


def record_of(outcome: SweepOutcome) -> dict[str, Any]:
    """What stands in `sweep.json`: JSON-able, NaN is None."""
    plan = outcome.plan
    sweep, file = plan.sweep, plan.sweep.file
    return {
        "schema": SCHEMA,
        "name": sweep.name,
        "file": {"path": str(sweep.source.path), "sha256": sweep.sha256},
        "question": file.question,
        "expected": file.expected,
        "cost": file.cost,
        "seeds": {"asked": list(plan.request.seeds or file.seeds), "run": list(plan.seeds)},
        "base": plan.base.name,
        "cells": [_cell_record(cell) for cell in plan.cells],
        "cells_left_out": plan.skipped,
        "suites": [_suite_record(suite, plan) for suite in outcome.suites],
        "failures": [vars(failure) for failure in outcome.failures],
        "notes": list(outcome.notes),
        "command": list(plan.request.command),
        "again": command_of(plan.request),
        "written": now(),
        "environment": environment(),
    }


def _cell_record(cell: Cell) -> dict[str, Any]:
    return {
        "name": cell.name,
        "base": cell.is_base,
        "label": cell.spec.label,
        "tracker": cell.spec.name,
        "about": cell.variant.about,
        "changes": dict(cell.changes),
        "settings": dict(cell.variant.changes),
        "source": cell.variant.source,
        "expected": cell.variant.expected,
        "also": list(cell.also),
        "trained": cell.spec.trained,
    }


def _suite_record(outcome: SuiteOutcome, plan: Plan) -> dict[str, Any]:
    suite = outcome.part.suite
    return {
        "suite": suite.name,
        "title": suite.title,
        "protocol": outcome.part.protocol.name,
        "coverage": suite.coverage,
        "sequences": [sequence.name for sequence in suite.sequences],
        "fingerprint": suite.fingerprint,
        "convention": outcome.part.convention,
        "runs": {name: [str(folder) for folder in folders] for name, folders in outcome.runs.items()},
        "sharing": {
            "asked": outcome.asked,
            "computed": outcome.computed,
            "factor": outcome.sharing,
            "measured": outcome.measured,
            "tasks": outcome.tasks,
        },
        "scores": [
            {"cell": cell.name, "metric": score.metric, "value": _number(score.value), "convention": score.convention}
            for cell in plan.cells
            if cell.name in outcome.evaluations
            for score in outcome.evaluations[cell.name].scores
        ],
        "main_metric": main_metric(outcome),
        "comparisons": [comparison_record(comparison) for comparison in outcome.comparisons],
        "note": outcome.note,
    }


def with_earlier_sharing(outcomes: Many[SuiteOutcome], plan: Plan) -> list[SuiteOutcome]:
    """Take the sharing from the record of an earlier session where this one had nothing to compute.

    One of other cells or seeds is not taken: it says nothing of these.
    """
    try:
        record = json.loads((sweep_folder(plan.request, plan.sweep.name) / RECORD).read_text(encoding="utf-8"))
        same = record["cells"] == json.loads(json.dumps([_cell_record(cell) for cell in plan.cells]))
        same = same and record["seeds"]["run"] == list(plan.seeds)
        known = {
            (s["suite"], s["protocol"], s["fingerprint"]): s["sharing"]
            for s in record["suites"]
            if same and "measured" in s["sharing"]
        }
    except (OSError, ValueError, KeyError, TypeError):  # no record, or one of another version: then it is not known
        return list(outcomes)
    told = []
    for outcome in outcomes:
        suite = outcome.part.suite
        earlier = known.get((suite.name, outcome.part.protocol.name, suite.fingerprint))
        if earlier and not outcome.asked:
            outcome = replace(outcome, **{name: earlier[name] for name in ("asked", "computed", "measured")})
        told.append(outcome)
    return told


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it."""
    return {name: _number(value) if isinstance(value, float) else value for name, value in vars(comparison).items()} | {
        "established": comparison.established
    }


def main_metric(outcome: SuiteOutcome) -> str | None:
    """The metric that the benchmark ranks by, else one that could be compared; None where nothing was scored."""
    if not outcome.evaluations:
        return None
    headline = headline_metric(list(outcome.evaluations.values()), outcome.part.suite.family)
    compared = [c.metric for c in outcome.comparisons if math.isfinite(c.difference)]
    return headline if headline in compared or not compared else compared[0]


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
