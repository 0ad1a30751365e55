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
# # Where trackers fail
#
# A mean over sequences says that a tracker fails, not where, when, or how. This goes from the mean
# to the frame: steps of difficulty, attributes, overlaps over time, the moments of loss, and the
# pictures.

# %%
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd

from spm_bench.report.comparison import compare_pair
from spm_bench.report.comparison.figures import strips
from spm_bench.report.comparison.film import film
from spm_bench.report.figures_attributes import attribute_bars
from spm_bench.report.figures_sequences import overlap_strips, telling_sequences, waterfall
from spm_bench.report.figures_steps import response_curves
from spm_bench.report.figures_timelines import overlap_lines
from spm_bench.report.frames import (
    attribute_frame,
    demo_response,
    sequence_frame,
    step_frame,
    timeline_frame,
)
from spm_bench.report.overlay import Shown
from spm_bench.run import Request, run_suite
from spm_bench.scoring.timeline import LOST_BELOW, LOST_FOR, timelines

pd.options.display.float_format = "{:.3f}".format

# %% [markdown]
# ## Run
#
# SPM-lite, its coarse stage alone (`cm_only`), and two correlation filters, on twelve steps of the
# demo suite. The demo is drawn: in each scene one thing gets harder and everything else stays as
# it was.

# %%
names = ["calm", "deform-1", "deform-2", "deform-4", "scale-4", "blur-4", "occlude-2", "occlude-4"]
names += ["lookalike-1", "lookalike-2", "lookalike-3", "lookalike-4"]
request = Request(
    trackers=("SPM-lite", "KCF", "MOSSE"),
    variants=("base", "cm_only"),
    sequences=tuple(names),
    out=Path("runs"),
    report=False,
    quiet=True,
)
outcome = run_suite(request)
suite, results, evaluations = outcome.suite, outcome.results, outcome.evaluations
labels = [run.label for run in results]
title = f"{suite.title}, {suite.coverage}"
auc = sequence_frame(evaluations, "auc")
auc.groupby("tracker")["value"].agg(["mean", "min", "max"]).loc[labels]

# %% [markdown]
# ## Steps of difficulty
#
# A response curve tells at which strength a tracker gives way. `deform` asks for robustness,
# `lookalike` for discrimination: the number of look-alikes of the target, and how like they are.

# %%
response_curves(step_frame(evaluations, "auc", demo_response()), title)

# %% [markdown]
# ## Attributes
#
# Labels group sequences in another way: everything in which the target deforms, is occluded, moves
# fast, ... A sequence may have several, so the bars are no independent measurements.

# %%
attribute_bars(attribute_frame(evaluations, "auc"), title)

# %% [markdown]
# ## Sequences
#
# SPM-lite and KCF have means that are not far apart, and fail in different places.

# %%
scored = dict(zip(labels, zip(evaluations, results, strict=True), strict=True))
pair = compare_pair(scored["KCF"], scored["SPM-lite"], suite)
print(fill(pair.conclusion, 100))
waterfall(pair.sequences.query("metric == 'auc'"), title)

# %% [markdown]
# ## Frames
#
# Overlaps over time, for the sequences on which the three better trackers differ most. A strip
# that is dark at its end is a target that was lost; one that is dark in the middle was found
# again; one that is greenish all along is a box of the wrong size or place on the right target.

# %%
lines = {run.label: timelines(suite, run) for run in results}
overlaps = timeline_frame(lines)
telling = telling_sequences(auc[auc["tracker"] != "MOSSE"], 6)
overlap_strips(overlaps[overlaps["sequence"].isin(telling)], title)

# %% [markdown]
# ## Moments
#
# A target counts as lost in the first of some frames in a row with next to no overlap; a single
# one may be blur, or a hidden target. By this rule, in these scenes, only the weakest tracker
# loses anything. What the others have are slips: frames below one half, of 36. Mostly a tracker
# comes back from them.

# %%
print(f"lost: overlap below {LOST_BELOW} for at least {LOST_FOR} frames")
lost = {
    label: {name: line.losses() for name, line in lines[label].items() if line.losses()}
    for label in labels
}
for label in labels:
    print(f"{label:17}", lost[label] or "never")

# %%
slips = overlaps[overlaps["overlap"] < 0.5].groupby(["sequence", "tracker"])["frame"]
slips.count().unstack(fill_value=0).reindex(index=names, columns=labels, fill_value=0)

# %% [markdown]
# ## Kinds
#
# How is a box wrong? Its middle is off (by more than half of the target's width or height), or its
# size is (more than twice or less than half of the true area), or both, or neither by so much.
# Shares of all frames; good ones have an overlap of at least one half.


# %%
def kinds(label):
    """Shares of frames that are good, and of the ways in which the others are not."""
    found = []
    for sequence in suite.sequences:
        box, truth = lines[label][sequence.name].regions, sequence.ground_truth
        off = np.abs(box[:, :2] + box[:, 2:] / 2 - truth[:, :2] - truth[:, 2:] / 2) / truth[:, 2:]
        area = box[:, 2:].prod(axis=1) / truth[:, 2:].prod(axis=1)
        good = lines[label][sequence.name].overlaps >= 0.5
        place, size = off.max(axis=1) > 0.5, np.abs(np.log2(area)) > 1
        kind = np.select(
            [good, place & size, place, size],
            ["good", "place and size", "place", "size"],
            "a little of both",
        )
        found += [*kind]
    return pd.Series(found).value_counts(normalize=True)


shares = pd.DataFrame({label: kinds(label) for label in labels}).fillna(0.0)
shares.T[["good", *(kind for kind in shares.index if kind != "good")]]

# %% [markdown]
# The coarse stage alone goes wrong by size. KCF keeps the size that it was given, MOSSE drifts
# away. With the fine stage on top of the coarse one, few frames are wrong in any way.
#
# ## Where two trackers part
#
# Overlaps over time in the sequences with the largest gains and losses of SPM-lite against KCF,
# and the frames around the moment in which one of them leaves the target: white is the truth, blue
# SPM-lite, orange KCF.

# %%
moments = {telling.sequence.name: telling.frames for telling in pair.tellings}
overlap_lines(pair.timelines, title, marks=moments)

# %%
gains, losses = ([t for t in pair.tellings if t.win is win] for win in (True, False))
Shown(strips(pair, {t.sequence.name: film(t) for t in [*gains[:2], *losses[:2]]}))

# %% [markdown]
# When the target changes its size or shape, KCF keeps the box that it was given. When something
# passes over the target, SPM-lite's box shrinks to what is still to be seen, and comes back with
# it; a box that stays as it is overlaps more of a target that is as it was. The hardest sequence
# for all, `lookalike-4`, is looked at in [02_stages_of_spm](02_stages_of_spm.ipynb): there is a
# proposal on the target, and another one is taken.

# %% [markdown]
# ## Go on
#
# * Real sequences: `Request(suite="otb100", data=..., allow_missing=True, ...)`; attributes are
#   then those of the benchmark. Under VOT's protocol (`suite="vot2016"`) failures are counted by
#   the protocol, and strips mark them.
# * `spm-bench report RUN... --html` makes one page of all this: a timeline of every sequence and
#   tracker, with pictures if asked for.
# * More steps: `spm_bench.suites.synthetic.make_scene` draws any step of any axis with any seed.
#   Several seeds give response curves their intervals.
