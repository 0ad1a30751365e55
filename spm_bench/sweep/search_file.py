"""A search file: a question, a base, the settings that may be changed, and how much may be spent on finding the best.

Base, axes and suite are written as in a sweep file. A list of values is a choice, a range may have steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue, field_validator

from spm_bench.configs import Strict, find_file, read_toml
from spm_bench.errors import UsageError, unknown_name
from spm_bench.metrics.extra import extra_metrics, get_extra_metric
from spm_bench.scoring.families import family_of
from spm_bench.sweep.axes import Axis, read_axes, value_text
from spm_bench.sweep.file import HOME, Asked, Base, SuiteEntry, read_as
from spm_bench.sweep.search_space import Dimension
from spm_bench.trackers.catalog import settings_of

MOST_TRIALS = 100_000
"""More is a mistyped number; Optuna's sampler itself takes seconds a trial long before."""

METRICS = {
    "success": ("auc", "precision", "normalised_precision"),
    "average-overlap": ("ao", "sr50", "sr75"),
    "supervised": ("eao", "accuracy", "robustness", "reliability", "failures"),
    "multi-start": ("eao", "accuracy", "robustness_st"),
    "no reset": ("vot_ao",),
}
"""What can be searched for under each scheme of scoring; the first is the benchmark's own headline."""
AREA = "precision_area"
"""What rules without a threshold of precision have in its place."""
LOWER_IS_BETTER = ("robustness", "failures")


class Pruner(Strict):
    """When a trial is stopped before it has seen all tuned sequences.

    Attributes:
        method: "median": its score so far is worse than the median of the earlier trials' after the same sequences;
            "none": never.
        trials: Earlier trials that must have come as far.
        sequences: Sequences a trial sees in any case.
        every: Sequences that are run at a time, between two decisions: more fill a large batch better.
    """

    method: Literal["median", "none"] = "median"
    trials: Annotated[int, Field(ge=1)] = 5
    sequences: Annotated[int, Field(ge=1)] = 2
    every: Annotated[int, Field(ge=1)] = 1


class SearchFile(Strict):
    """The fields of a search file.

    Attributes:
        question: What is asked.
        expected: What answer is expected, and why.
        cost: What it costs to run, in words.
        base: What is to be improved: trial 0, and what the best is compared with.
        axes: Setting -> values to choose from, or {low, high, step, log}. Each must hold the base's value.
        suite: On what.
        metric: To be improved; an extra metric may be named. Default: the benchmark's own.
        direction: Default: the metric's own, which nothing else agrees with.
        trials: In all, the base included.
        parallel: Trials that are asked for at once and run in lockstep, sharing what they can.
        seed: Of the split, of the order of the sequences, and of all that is drawn.
        tune_share: Share of the sequences that trials see; the others judge the best.
        units: Unit -> sequences (or shell patterns) that show the same video: a unit is never parted.
        sampler: "tpe" learns from earlier trials, "random" does not.
        random_trials: Trials drawn at random before "tpe" learns.
        pruner: When trials are stopped early.
    """

    question: str
    expected: str = ""
    cost: str = ""
    base: Base = Base()
    axes: Annotated[dict[str, JsonValue], Field(min_length=1)]
    suite: SuiteEntry = SuiteEntry(name="demo")
    metric: str | None = None
    direction: Literal["maximize", "minimize"] | None = None
    trials: Annotated[int, Field(ge=2, le=MOST_TRIALS)]
    parallel: Annotated[int, Field(ge=1, le=1024)] = 4
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    tune_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    units: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    sampler: Literal["tpe", "random"] = "tpe"
    random_trials: Annotated[int, Field(ge=1)] = 10
    pruner: Pruner = Pruner()

    @field_validator("suite", mode="before")
    @classmethod
    def _suite_by_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


Search = Asked[SearchFile]
"""A search file, read."""


def find_search(name: str) -> Path:
    """The file that a name means: a path, with or without ending, or the name of one in `experiments`.

    Raises:
        UsageError: There is none; the nearest are offered.
    """
    return find_file(name, HOME, "search")


def read_search(path: Path) -> Search:
    """Read and check a search file. What its axes are is checked by `space_of`.

    Raises:
        UsageError: The file is missing or no TOML, or a field is unknown, missing, of the wrong type or out of range;
            with the line where it can be found.
    """
    text, values = read_toml(path)
    if "suites" in values or "cells" in values:
        raise UsageError("this is a sweep, not a search", where=path, remedy=f"Run it with: spm-bench sweep {path}")
    return read_as(SearchFile, path, text, values)


def space_of(search: Search, base: Base, base_settings: Mapping[str, Any]) -> dict[str, Dimension]:
    """The space that is searched, checked against the tracker's settings.

    Args:
        search: See `read_search`.
        base: Of which the tracker counts.
        base_settings: All settings of the base.

    Raises:
        UsageError: No such setting ("did you mean"), a value it cannot have, one value only, or the base's value is
            not in it; with file and line.
    """
    settings: type[BaseModel] = settings_of(base.tracker)
    space = {}
    for axis in read_axes(search.file.axes, settings, search.source):
        dimension = _dimension(axis, search.file.axes[axis.name])
        place = ("axes", axis.name)
        if axis.values and len(axis.values) < 2:
            raise search.source.error(
                f"axes.{axis.name}: there is nothing to search among one value", place, "Give it another"
            )
        if not dimension.holds(base_settings[axis.name]):
            raise search.source.error(
                f"axes.{axis.name}: the base has {value_text(base_settings[axis.name])}, which is not in it",
                place,
                "Trial 0 is the base: make its value one of them, or change it in [base.changes]",
            )
        space[axis.name] = dimension
    return space


def _dimension(axis: Axis, raw: JsonValue) -> Dimension:
    """An axis as a sampler takes it; the steps of a range keep their order."""
    if not isinstance(raw, Mapping):
        return Dimension("choice", values=axis.values)
    kind: Literal["int", "float"] = "int" if axis.whole else "float"
    step = raw.get("step")
    high = float(axis.values[-1]) if axis.values else axis.high  # the last step need not meet the written end
    return Dimension(kind, axis.low, high, float(str(step)) if step is not None else None, axis.log, axis.values)


def metric_of(file: SearchFile, family: str, own: str | None = None) -> tuple[str, bool, bool]:
    """What is searched for.

    Args:
        file: The question.
        family: Of the suite.
        own: Name of the suite's own rules of scoring, where it has some.

    Returns:
        The metric, whether it is an extra one, and whether higher is better.

    Raises:
        UsageError: No such metric under this suite's rules, or a direction that is not the metric's.
    """
    scored = family_of(family)
    rules = scored.rules(file.suite.convention, own)
    known: Sequence[str] = METRICS[rules.scheme if scored.kind == "one pass" else scored.kind]
    if scored.kind == "one pass":
        known = [AREA if m == "precision" and rules.precision_at is None else m for m in known]
    metric = file.metric or known[0]
    extra = metric not in known
    if extra and ":" not in metric and metric not in extra_metrics():
        error = unknown_name("metric to search for", metric, [*known, *extra_metrics()])
        why = ". Speed is measured by: spm-bench bench" if metric == "fps" else ""
        raise UsageError(error.problem, remedy=f"{error.remedy}{why}")
    higher = get_extra_metric(metric).higher_is_better if extra else metric not in LOWER_IS_BETTER
    own = "maximize" if higher else "minimize"
    if file.direction not in (None, own):
        raise UsageError(
            f"{metric} is better when {'higher' if higher else 'lower'}, not to be searched with {file.direction}",
            remedy="Leave direction out",
        )
    return (get_extra_metric(metric).name if extra else metric), extra, higher
