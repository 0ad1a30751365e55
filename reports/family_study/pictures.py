"""The figures of the study, all by the house's own: forest, response curves, waterfall, accuracy over speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from proving.document import Picture
from proving.lookalikes import axis_of, level_of

from family_study.measure import AXES, MEAN, METRICS, OTB, STEPS
from family_study.methods import CLOSEST, METHODS, RATES, REFERENCES, SPM
from family_study.study import Study
from family_study.wording import axes_pay, costs, forest_says, sequences_say
from spm_bench.report.figures_sequences import waterfall
from spm_bench.report.figures_steps import response_curves
from spm_bench.report.forest import forest_plot
from spm_bench.report.speed_figure import speed_accuracy_plot
from spm_bench.suites.synthetic import AXES as ALL_AXES

TITLES = {OTB: "OTB at hand", STEPS: "steps of difficulty", "vot2016": "VOT2016 at hand"}
ORDER = [method.name for method in METHODS]


@dataclass(frozen=True, eq=False)
class Titled(Picture):
    """A figure with its place in the page.

    Attributes:
        title: What it is.
    """

    title: str


def pictures(study: Study) -> dict[str, Titled]:
    """All figures that the numbers at hand allow, by name."""
    makers: tuple[Callable[[Study], Titled | None], ...] = (_forest, _response, _waterfall, _cost_otb, _cost_steps)
    made = [maker(study) for maker in makers]
    return {picture.name: picture for picture in made if picture is not None}


def _forest(study: Study) -> Titled | None:
    """Every rival, every training and every reference minus SPM."""
    parts = []
    for suite, metrics in METRICS.items():
        if suite not in TITLES or suite == "vot2016":
            continue
        for metric in metrics:
            found = study.compared(suite, metric)
            if not found.empty:
                parts.append(found.assign(suite=TITLES[suite]))
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[~frame["method"].isin([entry.name for entry in RATES])]
    rows = [SPM, *ORDER[1:]]
    order = [label for method in rows for label in _labels(frame, method)]
    others = [label for label in dict.fromkeys(frame["label"]) if label not in order]
    title = f"Differences to the mean of SPM's {_counted(study, SPM)}"
    return Titled(
        "forest", forest_plot(frame, title, rows=[*order, *others]), forest_says(study), "Everybody minus SPM"
    )


def _labels(frame: pd.DataFrame, method: str) -> list[str]:
    """The mean first, then the trainings."""
    own = frame[frame["method"] == method]
    return [*dict.fromkeys(own[own["seed"] == MEAN]["label"]), *dict.fromkeys(own[own["seed"] != MEAN]["label"])]


def _counted(study: Study, method: str) -> str:
    n = sum(fact["method"] == method for fact in study.facts["networks"])
    return f"{n} training{'s' if n != 1 else ''}"


def _response(study: Study) -> Titled | None:
    """AUC over the steps of each axis: means over the seeds, whiskers over scenes."""
    frame = study.values
    frame = frame[(frame["suite"] == STEPS) & (frame["metric"] == "auc")]
    frame = frame[frame["method"].isin([*ORDER, REFERENCES[0].name])]
    if frame.empty:
        return None
    mean = frame.groupby(["method", "sequence", "unit"], sort=False, as_index=False)["value"].mean()
    names = [name for name in [*ORDER, REFERENCES[0].name] if name in set(mean["method"])]
    levels = [level_of(name) for name in mean["sequence"]]
    axes = [axis_of(name) for name in mean["sequence"]]
    steps = mean.rename(columns={"method": "tracker", "unit": "scene"}).assign(
        axis=axes,
        level=levels,
        metric="auc",
        step=[_strengths(axis, level) for axis, level in zip(axes, levels, strict=True)],
        about=[ALL_AXES[axis].about for axis in axes],
        look=[names.index(name) for name in mean["method"]],
    )
    if steps.groupby("axis")["level"].nunique().max() < 2:
        return None
    shown = [axis for axis in AXES if axis in set(axes)]
    shown = [axis for axis in shown if steps[steps["axis"] == axis]["level"].nunique() > 1]
    figure = response_curves(steps.sort_values(["look", "level"], kind="stable"), "Mean over seeds", axes_shown=shown)
    return Titled("response", figure, axes_pay(study), "Steps of difficulty")


def _strengths(axis: str, level: int) -> str:
    return "\n".join(f"{value:g}" for value in ALL_AXES[axis].steps[level - 1].values())


def _waterfall(study: Study) -> Titled | None:
    """SPM minus its closest rival on every OTB sequence."""
    ours, theirs = (study.seed_means(OTB, "auc", method) for method in (SPM, CLOSEST))
    if ours.empty or theirs.empty:
        return None
    frame = pd.DataFrame(
        {
            "sequence": ours.index,
            "tracker": SPM,
            "base": CLOSEST,
            "metric": "auc",
            "delta": (ours - theirs).to_numpy(dtype=np.float64),
            "higher_is_better": True,
        }
    )
    figure = waterfall(frame, f"{TITLES[OTB]}, means over seeds")
    return Titled("sequences", figure, sequences_say(study), f"{SPM} minus {CLOSEST}, target by target")


def _cost_otb(study: Study) -> Titled | None:
    return _cost(study, OTB, "cost", [*ORDER, *(entry.name for entry in REFERENCES)])


def _cost_steps(study: Study) -> Titled | None:
    return _cost(study, STEPS, "cost_steps", [*ORDER, *(entry.name for entry in (*REFERENCES, *RATES))])


def _cost(study: Study, suite: str, name: str, methods: list[str]) -> Titled | None:
    """AUC over speed."""
    if study.speed is None:
        return None
    rows = []
    for timed in study.speed["rows"]:
        method = timed["method"]
        score = study.score(suite, method, MEAN if method in ORDER else "", "auc")
        if method in methods and score is not None:
            rows.append(
                {"tracker": method, "look": methods.index(method), "metric": "auc", "untrained": False}
                | {key: score[key] for key in ("value", "low", "high")}
                | {key: timed[key] for key in ("fps", "fps_low", "fps_high")}
            )
    if not rows:
        return None
    figure = speed_accuracy_plot(
        pd.DataFrame(rows), f"{TITLES[suite]}; 1000 / fps = ms a frame", caption=study.speed["hardware"]
    )
    return Titled(name, figure, costs(study, suite, methods), f"Cost against quality: {TITLES[suite]}")
