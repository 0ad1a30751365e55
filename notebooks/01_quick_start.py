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
# # Quick start
#
# Three trackers on a part of the demo suite: run them, score them, and look where they differ and
# why. It takes a few seconds. `SPM-lite` is SPM with the compact network that comes with the
# package; KCF and MOSSE are correlation filters of OpenCV.

# %%
from pathlib import Path

import pandas as pd

from spm_bench.report.figures import curve_figure
from spm_bench.report.figures_sequences import overlap_strips, waterfall
from spm_bench.report.frames import delta_frame, score_frame, sequence_frame, timeline_frame
from spm_bench.report.overlay import Shown, captioned, draw, outlines_at, tiled
from spm_bench.run import Request, run_suite
from spm_bench.scoring.timeline import timelines

pd.options.display.float_format = "{:.3f}".format

# %% [markdown]
# ## Run
#
# The demo suite is drawn when it is watched: 20 videos of 36 frames with exact boxes, each a step
# of one difficulty. Here are eight of them. `run_suite` does what `spm-bench run` does. Results
# are kept in `runs`, beside the notebook: run this cell again, and nothing is tracked anew.

# %%
sequences = (
    "calm",
    "deform-2",
    "deform-4",
    "scale-4",
    "blur-2",
    "occlude-4",
    "lookalike-2",
    "lookalike-4",
)
outcome = run_suite(
    Request(
        suite="demo",
        trackers=("SPM-lite", "KCF", "MOSSE"),
        sequences=sequences,
        out=Path("runs"),
        report=False,
        quiet=True,
    )
)
suite, results, evaluations = outcome.suite, outcome.results, list(outcome.evaluations)
[run.label for run in results]

# %% [markdown]
# ## Scores
#
# A table of every score is a pandas frame, with a bootstrap interval over sequences where there is
# one. AUC is the area under the success curve, precision the share of frames whose centre is at
# most 20 pixels off, normalised precision the same in units of the target's size. (Speed is left
# out: it is a matter of the machine, and measured by `spm-bench bench`.)

# %%
scores = score_frame(evaluations)
table = scores.pivot(index="tracker", columns="metric", values="value")
interval = scores.query("metric == 'auc'").set_index("tracker")[["low", "high"]].add_prefix("auc_")
columns = ["auc", "auc_low", "auc_high", "precision", "normalised_precision"]
table.join(interval)[columns].sort_values("auc", ascending=False)

# %% [markdown]
# Figures are functions of such frames. They come in the sizes of one and two columns of a paper;
# `figure.savefig("success.pdf")` keeps one.

# %%
title = f"{suite.title}, {suite.coverage}"
curve_figure(evaluations, "success", title)

# %% [markdown]
# The bands are wide: eight sequences say little about trackers in general. They do say something
# about these eight, sequence by sequence.

# %%
auc = sequence_frame(evaluations, "auc")
auc.pivot(index="sequence", columns="tracker", values="value").loc[list(sequences)]

# %% [markdown]
# ## Where two trackers differ
#
# The difference of two trackers on each sequence takes out what makes a sequence hard for both.

# %%
waterfall(delta_frame(auc, "SPM-lite", "KCF"), title)

# %% [markdown]
# And frame by frame: the overlap with the true box over time. A dark strip is a tracker that is
# somewhere else.

# %%
lines = {run.label: timelines(suite, run) for run in results}
overlaps = timeline_frame(lines)
overlap_strips(overlaps[overlaps["sequence"].isin(["scale-4", "occlude-4", "lookalike-4"])], title)

# %% [markdown]
# ## What happened
#
# Where is each of them when the strips get dark? White is the truth; the looks of the trackers are
# those of the figures.

# %%
sequence = next(s for s in suite.sequences if s.name == "lookalike-4")
own = [lines[run.label][sequence.name] for run in results]
pictures = []
for i in (10, 18, 22, 24, 28, 34):
    picture = draw(sequence.frames[i], outlines_at(sequence, own, i), width=300)
    pictures.append(captioned(picture, f"{sequence.name}, frame {i}"))
Shown(tiled(pictures, columns=3))

# %% [markdown]
# ## Go on
#
# * [02_stages_of_spm](02_stages_of_spm.ipynb): what SPM proposes and decides in one of these
#   frames.
# * [03_ablation](03_ablation.ipynb): which of its parts earns what, with tests.
# * [04_otb_and_vot](04_otb_and_vot.ipynb): real benchmarks and published trackers.
# * [05_own_tracker](05_own_tracker.ipynb): a tracker of your own.
# * [06_failures](06_failures.ipynb): where trackers fail.
