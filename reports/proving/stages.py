"""Parts "stages" and "ablation": SPM without some of its parts, and SPM trained without some of its rules."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

from proving.benchmarks import load_present
from proving.cells import Bench, Entry, run_cells, tracker_of
from proving.compare import (
    Field,
    difference_text,
    itself,
    label,
    markdown_table,
    verdict,
    with_interval,
)
from proving.document import Part, Picture
from proving.lookalikes import demo_discrimination, level_of, level_title, lookalike_suite, scene_of, video_of
from proving.pictures import Difference, difference_figure, response_figure
from spm_bench.errors import UsageError
from spm_bench.models.checkpoint import read_header
from spm_bench.suites.base import Suite
from spm_bench.trackers.catalog import variants_of

COARSE, FULL = "CM alone", "full"
STAGES = {COARSE: "cm_only", "FM alone": "fm_only", "series": "series", FULL: "base"}
"""Row -> variant of SPM."""
ABOUT_STAGES = (
    "One network, four ways to decide. **CM alone**: scores and boxes of the coarse stage. **series**: the coarse "
    "stage proposes its best, the fine stage alone chooses and gives the box. **FM alone**: as series, but the "
    "coarse scores do not choose the proposals either (64 of them; they are still boxes of the coarse stage, as the "
    "fine stage has none of its own). **full**: series and parallel, scores and boxes of both stages fused. Window, "
    "size smoothing, the rule for losses and all other settings, which come with the weights, are the same in all"
)


@dataclass(frozen=True)
class Grounds:
    """What stages and trainings are compared on.

    Attributes:
        data: Folder with OTB sequences.
        scenes: How many look-alike scenes.
    """

    data: Path
    scenes: int = 18

    def fields(self, entries: Many[Entry], bench: Bench) -> tuple[Field, ...]:
        """Run the entries on real targets, the demo's look-alike steps, and look-alike scenes of other seeds."""
        plans: list[tuple[str, Suite, Callable[[str], str], str]] = [
            ("OTB targets", load_present("otb100", self.data), video_of, "videos"),
            # One scene: its steps are drawn here, because nothing else can be.
            ("Demo look-alike steps", demo_discrimination(), itself, "sequences"),
            ("Look-alike scenes", lookalike_suite(self.scenes), scene_of, "scenes"),
        ]
        return tuple(
            Field(title, bench.choose(suite), tuple(run_cells(suite, entries, bench)), unit, units)
            for title, suite, unit, units in plans
            if bench.choose(suite).sequences
        )


def stages_part(grounds: Grounds, weights: str, bench: Bench) -> Part | None:
    """Each stage alone, both in series, and in parallel; None where the choice of sequences leaves none."""
    tracker = tracker_of(weights)
    fields = grounds.fields([Entry(name, tracker, variant, weights) for name, variant in STAGES.items()], bench)
    if not fields:
        return None
    blocks: list[str | Picture] = [
        f"{ABOUT_STAGES} (variants {', '.join(f'`{v}`' for v in STAGES.values())} of {tracker}).\n",
        _comparison_table("Stages", fields, COARSE),
        _claims(fields, FULL, COARSE),
        _difference_picture("proof_stages", fields, COARSE, f"Stages of {tracker}"),
    ]
    scenes = [field for field in fields if field.suite.name == "lookalikes"]
    if scenes:
        blocks += [
            f"Step by step on the look-alike scenes ({scenes[0].describe()}; categories and seeds that training never "
            "draws).\n",
            _level_table(scenes[0]),
            Picture("proof_lookalikes", response_figure(scenes[0], f"Stages of {tracker}"), "AUC against look-alikes."),
        ]
    return Part("stages", "What the stages are for", tuple(blocks), fields)


def ablation_part(grounds: Grounds, trainings: Many[Entry], bench: Bench) -> Part | None:
    """Networks of several trainings, each against the first; None where the choice of sequences leaves none."""
    fields = grounds.fields(trainings, bench)
    if not fields:
        return None
    first = trainings[0].name
    runs = [
        f"{label(cell)}: `{cell.weights}`, run as `{entry.variant or 'base'}`"
        for entry, cell in zip(trainings, fields[0].cells, strict=True)
    ]
    blocks: tuple[str | Picture, ...] = (
        f"Trainings that differ in one rule, each against *{first}*. {_budgets(trainings)} One training each: an "
        "interval covers the choice of sequences, not the luck of a training. Weights (sha256) and variant: "
        f"{'; '.join(runs)}.\n",
        _comparison_table("Training", fields, first),
        _difference_picture("proof_ablation", fields, first, "Trainings of SPM"),
    )
    return Part("ablation", "What the rules of training are for", blocks, fields)


def _budgets(trainings: Many[Entry]) -> str:
    """What each training saw, as its weights say: a short one shows what helps early, not what helps in the end."""
    told = {entry.name: _pairs_seen(entry.weights) for entry in trainings}
    if None in told.values():
        return "Not all of the weights say how long they were trained."
    if len(set(told.values())) == 1:
        pairs = next(iter(told.values()))
        return f"All saw {pairs:,} pairs: what holds for so long a training need not hold for a longer one."
    return "**Unequal budgets**: " + ", ".join(f"{name} {pairs:,} pairs" for name, pairs in told.items()) + "."


def _pairs_seen(weights: str | None) -> int | None:
    path = Path(weights or "")
    told = read_header(path).get("pairs", "") if path.suffix == ".safetensors" and path.is_file() else ""
    return int(told) if told.isdecimal() else None


def read_training(text: str) -> Entry:
    """Read `NAME=FILE` or `NAME=FILE:VARIANT`.

    Raises:
        UsageError: Another form, or no such variant.

    """
    name, _, rest = (part.strip() for part in text.partition("="))
    if not (name and rest):
        raise UsageError(
            f"{text!r} names no training", remedy="Write NAME=FILE.safetensors, or NAME=FILE.safetensors:VARIANT"
        )
    file, colon, variant = rest.rpartition(":")
    if colon and variant in variants_of("SPM"):
        return Entry(name, variant=variant, weights=file)
    if colon and not Path(rest).exists() and Path(file).exists():
        raise UsageError(f"SPM has no variant {variant!r}", where=text, remedy="`spm-bench ls variants` names them")
    return Entry(name, weights=rest)


def _comparison_table(head: str, fields: Many[Field], reference: str) -> str:
    """A row per cell, and per field its AUC and the difference to the reference."""
    heads = [head]
    for field in fields:
        heads += [f"{field.title}, AUC ↑ ({field.describe()})", f"minus {reference}"]
    rows = []
    for cell in fields[0].cells:
        row = [label(cell)]
        for field in fields:
            own, other = field.cell(cell.name), field.cell(reference)
            row += [
                with_interval(field.mean(own)),
                "" if own is other else difference_text(field.difference(own, other)),
            ]
        rows.append(row)
    return markdown_table(heads, rows)


def _claims(fields: Many[Field], first: str, second: str) -> str:
    lines = [f"**{first}** minus **{second}**, AUC:\n"]
    for field in fields:
        interval = field.difference(field.cell(first), field.cell(second))
        lines.append(f"* {field.title} ({field.describe()}): {difference_text(interval)}, {verdict(interval)}")
        if field.suite.name == "demo":
            lines[-1] += " (the steps of one scene: an interval over them says nothing about other scenes)"
    return "\n".join(lines) + "\n"


def _difference_picture(name: str, fields: Many[Field], reference: str, title: str) -> Picture:
    groups = []
    for field in fields:
        base = field.cell(reference)
        rows = [
            Difference(
                cell.name,
                cell.values("auc", field.names) - base.values("auc", field.names),
                field.difference(cell, base),
            )
            for cell in field.cells
            if cell is not base
        ]
        groups.append((f"{field.title} ({field.describe()})", rows))
    figure = difference_figure(groups, title, f"Paired differences to {reference}")
    return Picture(name, figure, f"Differences in AUC to {reference}, sequence by sequence.")


def _level_table(field: Field) -> str:
    """A row per step: every stage's AUC and what the full tracker gains."""
    rows = []
    for level in sorted({level_of(name) for name in field.names}):
        names = [name for name in field.names if level_of(name) == level]
        values = [with_interval(field.mean(cell, names=names)) for cell in field.cells]
        gain = difference_text(field.difference(field.cell(FULL), field.cell(COARSE), names=names))
        rows.append((level_title(level), *values, gain))
    return markdown_table(("Look-alikes", *map(label, field.cells), f"{FULL} minus {COARSE}"), rows)
