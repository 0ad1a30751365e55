"""Draw the losses and the validations of one or several trainings: `training.png` and `training.pdf`.

    python reports/training.py --runs runs/train --out reports
    python reports/training.py --runs runs/train/ablation --only base --only no_fine --out reports --name ablation

Reads log.csv and validation.csv of every training below RUNS (or of RUNS itself); they may still be growing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spm_bench.errors import MissingDataError, SpmBenchError, unknown_name
from spm_bench.report import style
from spm_bench.report.figures import head
from spm_bench.results.files import write_bytes
from spm_bench.training.card import read_training
from spm_bench.training.loop import FACTS

LOSSES = {
    "total": "Weighted sum of the losses",
    "coarse_class": "Coarse stage, class",
    "coarse_box": "Coarse stage, box",
    "fine_class": "Fine stage, class",
    "fine_box": "Fine stage, box",
}
"""Column of log.csv -> title of its panel."""
AUC = "auc_one_pass"
SMOOTH = 9
"""Rows of the log that a line takes the median of; the rows themselves are drawn faintly behind it."""
WARM = 0.03
"""First share of a training that may leave a panel at its top: losses start several times higher than they end."""


@dataclass(frozen=True)
class Course:
    """One training: pairs seen (in thousands) and values, by column of its tables."""

    name: str
    pairs: NDArray[np.float64]
    losses: Mapping[str, NDArray[np.float64]]
    validated: NDArray[np.float64]
    auc: NDArray[np.float64]


def read_course(folder: Path) -> Course:
    """Read the tables of a training.

    Raises:
        ResultsError: There is no training, or a table is damaged.
    """
    training = read_training(folder)
    batch = int(training.facts["config"]["batch"])
    fine = bool(training.facts["config"]["fine"])
    shown = [name for name in LOSSES if fine or not name.startswith("fine_")]
    rows = [row for row in training.validation if row.get(AUC)]
    return Course(
        folder.name,
        _column(training.log, "pairs") / 1e3,
        {name: _column(training.log, name) for name in shown},
        _column(rows, "step") * batch / 1e3,
        _column(rows, AUC),
    )


def _column(rows: Sequence[Mapping[str, str]], name: str) -> NDArray[np.float64]:
    return np.array([float(row.get(name) or "nan") for row in rows])


def running_median(values: NDArray[np.float64], width: int = SMOOTH) -> NDArray[np.float64]:
    """Median over a window around each value, narrower towards the ends: it lags behind no slope.

    >>> running_median(np.array([9.0, 3.0, 8.0, 1.0, 0.0]), 3).tolist()
    [9.0, 8.0, 3.0, 1.0, 0.0]
    """
    n, half = len(values), width // 2
    reach = [min(k, n - 1 - k, half) for k in range(n)]
    return np.array([np.median(values[k - r : k + r + 1]) for k, r in enumerate(reach)])


def curves_figure(courses: Sequence[Course], title: str = "") -> Figure:
    """Draw a panel per loss and one of the validations, a line per training."""
    looks = {course.name: style.look(i) for i, course in enumerate(courses)}
    names = [style.short_name(course.name) for course in courses]
    with style.figure_style():
        figure = style.new_figure(style.TWO_COLUMNS, 3.9 + 0.14 * style.legend_rows(names, wide=False))
        grid = figure.subplots(2, 3, sharex=True)
        handles = []
        for axes, (name, panel) in zip(grid.flat, LOSSES.items(), strict=False):
            for course in courses:
                if name in course.losses:
                    look, values = looks[course.name], course.losses[name]
                    axes.plot(course.pairs, values, color=look.colour, alpha=0.25, linewidth=0.6)
                    axes.plot(course.pairs, running_median(values), color=look.colour, linestyle=look.line)
            _frame(axes, panel, top=_top(courses, name))
        axes = grid.flat[-1]
        for course in courses:
            look = looks[course.name]
            drawn = axes.plot(course.validated, course.auc, color=look.colour, linestyle=look.line, marker=look.marker)
            drawn[0].set_markersize(3.5)
            handles += drawn
        _frame(axes, "AUC on held-out videos, one pass", top=None)
        for axes in grid[1]:
            style.plain(axes.set_xlabel(""), "Thousand pairs")
        head(figure, title, f"Losses in training (lines: medians of {SMOOTH} rows of the log) and validation")
        style.add_legend(figure, handles, names, wide=False)
    return figure


def _top(courses: Sequence[Course], name: str) -> float | None:
    """The highest value after the first moments of each training; None without any."""
    settled = [
        course.losses[name][course.pairs > WARM * course.pairs.max(initial=0.0)]
        for course in courses
        if name in course.losses
    ]
    values = np.concatenate([*settled, np.empty(0)])
    values = values[np.isfinite(values)]
    return float(values.max()) if len(values) else None


def _frame(axes: Axes, title: str, *, top: float | None) -> None:
    style.plain(axes.set_title("", loc="left"), title)
    axes.set_xlim(left=0.0)
    if top is not None:
        axes.set_ylim(0.0, 1.05 * top)


def find_trainings(root: Path, only: Sequence[str]) -> list[Path]:
    """Folders of trainings, by name: the root itself, or those below it.

    Raises:
        MissingDataError: There are none.
        UsageError: One that was asked for is not among them.
    """
    found = {path.parent.name: path.parent for path in sorted((*root.glob(FACTS), *root.glob(f"*/{FACTS}")))}
    if not found:
        raise MissingDataError("there are no trainings", where=root, remedy="Name the --out folder of spm-bench train")
    for name in only:
        if name not in found:
            raise unknown_name(f"training in {root} called", name, found)
    return [found[name] for name in only or found]


def main(arguments: list[str] | None = None) -> int:
    """Draw the figure; returns the exit code: 0, or 2 where something must be mended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/train"), help="folder of trainings, or of one")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this training; repeat for more")
    parser.add_argument("--out", type=Path, default=Path("reports"))
    parser.add_argument("--name", default="training", help="of the files (default: training)")
    parser.add_argument("--title", default="", help="stands above the figure")
    args = parser.parse_args(arguments)
    try:
        courses = [read_course(folder) for folder in find_trainings(args.runs, args.only)]
        figure = curves_figure(courses, args.title)
        for suffix, content in ((".png", style.to_png(figure)), (".pdf", style.to_pdf(figure))):
            write_bytes(args.out / f"{args.name}{suffix}", content)
            print(args.out / f"{args.name}{suffix}")
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
