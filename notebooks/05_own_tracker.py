# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own tracker
#
# Two methods make a tracker. This notebook writes one, looks at what it does, runs it beside
# others, improves it, asks whether that means anything, and shows what the suite says when
# something is wrong.

# %%
import sys
from contextlib import redirect_stderr
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd

from spm_bench.checkup import check_tracker
from spm_bench.errors import SpmBenchError
from spm_bench.geometry.boxes import iou
from spm_bench.report.comparison import compare_pair
from spm_bench.report.comparison.figures import strips
from spm_bench.report.comparison.film import film
from spm_bench.report.figures import curve_figure
from spm_bench.report.figures_sequences import waterfall
from spm_bench.report.frames import sequence_frame
from spm_bench.report.overlay import TRUTH_COLOUR, Outline, Shown, captioned, draw, tiled
from spm_bench.run import Request, run_suite
from spm_bench.suites import load_suite
from spm_bench.trackers.catalog import build_tracker, resolve_tracker

pd.options.display.float_format = "{:.3f}".format

# %% [markdown]
# ## Write it
#
# `init` gets the first frame (uint8, height x width x 3, in OpenCV's order blue, green, red) and
# the target's box (x, y, width, height; the corner of the picture is 0, 0). `update` gets the next
# frame and returns a box. `init` is called again for every sequence, and has to forget everything
# before.
#
# The class stands in a file, so that worker processes can import it, and so that its code is part
# of the name under which results are kept: after a change it is run again, and nothing stale is
# shown. (A class in a cell is refused for that reason.) This one searches for the first picture of
# the target around its last place.

# %%
# %%writefile my_tracker.py
import cv2
import numpy as np


class Template:
    """Looks for the first picture of the target around its last place."""

    deterministic = True  # no chance in it: protocols that repeat need fewer repetitions

    def init(self, frame, box):
        self.box = np.round(box)
        x, y, w, h = self.box.astype(int)
        self.template = frame[max(y, 0) : y + h, max(x, 0) : x + w].copy()

    def update(self, frame):
        x, y, w, h = self.box.astype(int)
        left, top = max(x - w, 0), max(y - h, 0)
        region = frame[top : max(y + 2 * h, 0), left : max(x + 2 * w, 0)]
        if 0 < len(self.template) <= len(region) and 0 < self.template.shape[1] <= region.shape[1]:
            found = cv2.matchTemplate(region, self.template, cv2.TM_CCOEFF_NORMED)
            row, column = np.unravel_index(found.argmax(), found.shape)
            self.box = np.array([left + column, top + row, w, h], dtype=float)
        return self.box


# %% [markdown]
# ## Look at it
#
# Before any benchmark: one sequence by hand. `resolve_tracker` takes the name that the command
# line takes, `module:Class`.

# %%
(sequence,) = load_suite("demo", only=["deform-3"]).sequences
tracker = build_tracker(resolve_tracker("my_tracker:Template"))
tracker.init(sequence.frames[0], sequence.ground_truth[0])
boxes = np.array(
    [
        sequence.ground_truth[0],
        *(tracker.update(sequence.frames[i]) for i in range(1, len(sequence))),
    ]
)
overlaps = iou(boxes, sequence.ground_truth)

# %% [markdown]
# White is the truth, blue what the tracker says.

# %%
pictures = []
for i in range(5, len(sequence), 6):
    outlines = [Outline(boxes[i], "#0072B2"), Outline(sequence.ground_truth[i], TRUTH_COLOUR)]
    picture = draw(sequence.frames[i], outlines, width=300)
    pictures.append(captioned(picture, f"frame {i}, overlap {overlaps[i]:.2f}"))
Shown(tiled(pictures, columns=3))

# %% [markdown]
# ## Run it beside others
#
# Nine scenes of the demo suite, one step of each. MOSSE is a correlation filter of OpenCV;
# `static` never moves, so it is the floor: what is not better has not tracked.

# %%
sequences = (
    "calm",
    "deform-3",
    "rotate-4",
    "turn-3",
    "scale-4",
    "light-4",
    "blur-2",
    "occlude-4",
    "lookalike-4",
)
options = {"out": Path("runs"), "report": False, "quiet": True}
trackers = ("my_tracker:Template", "MOSSE", "static")
outcome = run_suite(Request(trackers=trackers, sequences=sequences, **options))
title = f"{outcome.suite.title}, {outcome.suite.coverage}"
curve_figure(list(outcome.evaluations), "success", title)

# %%
auc = sequence_frame(outcome.evaluations, "auc")
auc.pivot(index="sequence", columns="tracker", values="value").loc[list(sequences)]

# %% [markdown]
# ## Improve it
#
# The first picture of the target grows old. A second class mixes a little of what was found into
# the template. It is appended to the same file; as the file has changed, both classes are run
# (again) when they are asked for.

# %%
# %%writefile -a my_tracker.py


class Updating(Template):
    """Mixes a tenth of what it finds into the picture that it looks for."""

    def update(self, frame):
        x, y, w, h = super().update(frame).astype(int)
        found = frame[y : y + h, x : x + w]
        if found.shape == self.template.shape:
            self.template = cv2.addWeighted(self.template, 0.9, found, 0.1, 0)
        return self.box


# %%
trackers = ("my_tracker:Template", "my_tracker:Updating")
both = run_suite(Request(trackers=trackers, sequences=sequences, **options))
base, other = zip(both.evaluations, both.results, strict=True)
pair = compare_pair(base, other, both.suite)
waterfall(pair.sequences.query("metric == 'auc'"), title)

# %% [markdown]
# Is it better? The mean says so or not; what counts is whether it could have come out so by
# chance. Intervals come from a bootstrap over scenes, p from an exact signed-rank test.
# `detectable` is the difference that nine scenes show with 80 % power.

# %%
columns = ["base", "difference", "low", "high", "p", "wins", "ties", "losses", "detectable"]
pair.metrics.query("metric != 'fps'").set_index(["label", "metric"])[columns]

# %%
print(fill(pair.conclusion, 100))

# %% [markdown]
# Where the two part, in the sequences with the largest gains and losses:

# %%
Shown(strips(pair, {telling.sequence.name: film(telling) for telling in pair.tellings}))

# %% [markdown]
# ## When something is wrong
#
# Names are checked before anything is run, and answered with what was probably meant.


# %%
# %%writefile broken.py
class NoUpdate:
    def init(self, frame, box): ...


class Good:
    def init(self, frame, box):
        self.box, self.n = box, 0

    def update(self, frame):
        return self.box


class NeedsAFile(Good):
    def __init__(self, weights): ...


class Stops(Good):
    def update(self, frame):
        self.n += 1
        return self.box[self.n]


class Nothing(Good):
    def update(self, frame): ...


class NotANumber(Good):
    def update(self, frame):
        return self.box * float("nan")


class Corners(Good):
    def update(self, frame):
        x, y, w, h = self.box
        return [[x, y], [x + w, y + h]]


# %%
for name in (
    "my_tracker:Templete",
    "mytracker:Template",
    "my_tracker.py:Template",
    "broken:NoUpdate",
    "broken:NeedsAFile",
):
    try:
        resolve_tracker(name)
    except SpmBenchError as error:
        print(f"{name}\n    {error}")

# %% [markdown]
# A tracker that raises an exception, or returns something that is no box, breaks the sequence in
# which it did. The other sequences and trackers go on. What broke is told on stderr (here brought
# to stdout), the traceback lies in the folder `failures` of the run, and the exit code of the
# command is 1.

# %%
trackers = [f"broken:{name}" for name in ("Stops", "Nothing", "NotANumber", "Corners")]
with redirect_stderr(sys.stdout):
    outcome = run_suite(
        Request(trackers=(*trackers, "static"), sequences=("calm", "blur-2"), **options)
    )

# %% [markdown]
# Who finished something is scored. The same call again, after the file was mended, runs what is
# missing.

# %%
{evaluation.label: len(evaluation.sequences) for evaluation in outcome.evaluations}

# %% [markdown]
# Some mistakes break nothing: the scores are bad, and nobody knows why. `spm-bench check-tracker`
# looks for the usual ones in a few seconds: state that is carried over from one sequence to the
# next, corners instead of sizes, pixels counted from 1, red and blue exchanged, chance without a
# seed, and more. Before a benchmark is run, it is worth the time.


# %%
# %%writefile quiet.py
class Remembers:
    def __init__(self):
        self.box = None

    def init(self, frame, box):
        if self.box is None:
            self.box = box

    def update(self, frame):
        self.box = self.box + 0.5
        return self.box


class Corners:
    def init(self, frame, box):
        x, y, w, h = box
        self.box = x, y, x + w, y + h

    def update(self, frame):
        return self.box


# %%
for name in ("quiet:Remembers", "quiet:Corners"):
    for result in check_tracker(name):
        for finding in result.findings:
            print(f"{name}, {result.name}, {finding.level}")
            print(
                fill(
                    f"{finding.problem}. {finding.remedy}",
                    100,
                    initial_indent="    ",
                    subsequent_indent="    ",
                )
            )

# %% [markdown]
# ## Go on
#
# * More trackers, sequences, a real benchmark: `Request(suite="otb100", data=...,
#   trackers=(...))`, or `spm-bench run --suite otb100 --tracker my_tracker:Template` in the folder
#   of the file.
# * Chance, settings for sweeps, many targets at once:
#   [docs/how-to/own-tracker.md](../docs/how-to/own-tracker.md).
# * Where it fails and why: [06_failures](06_failures.ipynb).
