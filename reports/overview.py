"""Draw the README's picture from a run of the demo suite: frames with every tracker's box, and the success plot.

    make demo
    python reports/overview.py runs reports/overview.png

What `make demo` has run is not run again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence as Many
from pathlib import Path

import numpy as np
from demo import run_demo
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from spm_bench.report import style
from spm_bench.report.figures import frame_curve, legend_labels, looks_of
from spm_bench.report.vocabulary import is_untrained, ranked
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.suites.base import Sequence

STRIPS = (("lookalike-3", (6, 18, 28)), ("deform-4", (6, 18, 28)), ("occlude-2", (4, 14, 24)))
"""Sequence and the frames shown of it."""
TRUTH = "#ffffff"


def draw_frame(axes: Axes, sequence: Sequence, index: int, boxes: dict[str, NDArray[np.float64]]) -> None:
    """Show a frame with the true box (white) and one box per tracker, keyed by colour."""
    assert sequence.frames is not None
    axes.imshow(sequence.frames[index][..., ::-1])
    for colour, box in ((TRUTH, sequence.ground_truth[index]), *boxes.items()):
        x, y, w, h = box
        axes.add_patch(Rectangle((x, y), w, h, fill=False, edgecolor=colour, linewidth=1.2))
    axes.set_axis_off()


def overview(sequences: dict[str, Sequence], results: Many[ResultSet], evaluations: Many[Evaluation]) -> Figure:
    """Three film strips (without untrained trackers, whose boxes mean nothing) beside the success plot.

    Args:
        sequences: Name -> sequence with frames.
        results: Raw results, in the order of `evaluations`.
        evaluations: Their scores.
    """
    looks = looks_of(evaluations)
    with style.figure_style():
        figure = style.new_figure(9.0, 3.6)
        figure.set_layout_engine("none")
        grid = figure.add_gridspec(3, 3, left=0.005, right=0.53, bottom=0.01, top=0.99, wspace=0.02, hspace=0.03)
        for row, (name, frames) in enumerate(STRIPS):
            tracks = {
                looks[id(e)].colour: r.trajectories(sequences[name])[0].boxes
                for e, r in zip(evaluations, results, strict=True)
                if not is_untrained(e)
            }
            for column, index in enumerate(frames):
                axes = figure.add_subplot(grid[row, column])
                draw_frame(axes, sequences[name], index, {c: boxes[index] for c, boxes in tracks.items()})
                if column == 0:
                    axes.text(6, 24, name, color="white", fontsize=7)
        axes = figure.add_axes((0.60, 0.14, 0.39, 0.77))
        shown = ranked(evaluations, "auc")
        lines = []
        for evaluation in shown:
            curve, look = evaluation.curves["success"], looks[id(evaluation)]
            lines += axes.plot(curve.x, curve.y, color=look.colour, linestyle=look.line)
        frame_curve(axes, "Overlap threshold", "Success rate", 1.0)
        axes.legend(lines, legend_labels(shown, "auc"), loc="lower left", fontsize=7)
        axes.set_title("Success on the demo suite [AUC]", loc="left")
        return figure


def main() -> None:
    """Read a folder of runs and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="root of the run folders, as of `make demo`")
    parser.add_argument("picture", type=Path)
    args = parser.parse_args()
    outcome = run_demo(args.runs)
    figure = overview({s.name: s for s in outcome.suite.sequences}, outcome.results, outcome.evaluations)
    figure.savefig(args.picture, dpi=130, metadata={"Software": None})
    print(args.picture)


if __name__ == "__main__":
    main()
