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
# # The stages of SPM on one frame
#
# SPM decides in two stages. Coarse matching (CM) proposes boxes and is robust: it answers to
# everything that looks like the target. Fine matching (FM) looks at each proposal again and
# discriminates. Both scores and both boxes are blended. This notebook stops a tracker in the
# middle of a video and shows what each stage sees, says and decides.

# %%
from textwrap import fill

import numpy as np
import pandas as pd

from spm_bench.geometry.boxes import iou
from spm_bench.report import style
from spm_bench.report.decision import in_words
from spm_bench.report.decision_panel import draw_panel
from spm_bench.report.overlay import TRUTH_COLOUR, Outline, Shown, captioned, draw, resized, tiled
from spm_bench.show.decisions import decision_of
from spm_bench.suites import load_suite
from spm_bench.trackers.catalog import build_tracker, resolve_tracker
from spm_bench.trackers.spm.trace import trace_step

pd.options.display.float_format = "{:.3f}".format
BLUE, ORANGE, GREEN = style.COLOURS[0], style.COLOURS[1], style.COLOURS[2]

# %% [markdown]
# ## Up to the frame
#
# Six fish of one kind, drawn for the demo suite. The tracker follows one of them, from the first
# frame on, and is stopped where they meet. `trace_step` moves it by one frame, as `update` does,
# and keeps all arrays of the step.

# %%
(sequence,) = load_suite("demo", only=["lookalike-4"]).sequences
tracker = build_tracker(resolve_tracker("SPM-lite"))
tracker.init(sequence.frames[0], sequence.ground_truth[0])
FRAME = 21
for i in range(1, FRAME):
    tracker.update(sequence.frames[i])
trace = trace_step(tracker, sequence.frames[FRAME])
truth = sequence.ground_truth[FRAME]

# %% [markdown]
# White is the truth, blue the box of the last frame. The orange square around it is the search
# region: what lies outside cannot be found in this frame. It is cut out and scaled for the
# network.

# %%
outlines = [Outline(trace.region, ORANGE), Outline(trace.last, BLUE), Outline(truth, TRUTH_COLOUR)]
frame = captioned(draw(sequence.frames[FRAME], outlines, width=520), f"frame {FRAME}")
crop = captioned(resized(trace.crop, 390), "the search image")
Shown(tiled([frame, crop], columns=2))

# %% [markdown]
# ## Anchors
#
# The response has a cell every few pixels of the search image, and at each cell boxes of several
# shapes, the anchors. The picture shows all cells, and the anchors of the one in the middle.

# %%
G, _, A = trace.foreground.shape
print(f"{G} x {G} cells, {A} anchors each: {G * G * A} proposals")
middle = trace.anchors.reshape(G, G, A, 4)[G // 2, G // 2]
dots = [Outline(np.array([x, y, 0, 0]), "#ffffff") for x in trace.cells for y in trace.cells]
shapes = [Outline(box, colour) for box, colour in zip(middle, style.COLOURS, strict=False)]
Shown(draw(trace.crop, [*dots, *shapes], width=520))

# %% [markdown]
# ## Coarse matching
#
# The features of the target's first picture are correlated with those of the search image. For
# every anchor this gives a score, how much there looks like the target, and a shift of the box.
# Here are the scores, one map for each shape. Every fish answers, not the target alone: that is
# what this stage is trained for.

# %%
with style.figure_style():
    figure = style.new_figure(style.TWO_COLUMNS, 1.75)
    panels = figure.subplots(1, A)
    for a, axes in enumerate(panels):
        shown = axes.imshow(trace.foreground[..., a], cmap=style.SHADES, vmin=0, vmax=1)
        w, h = middle[a, 2:]
        axes.set(xticks=[], yticks=[], title=f"{w:.0f} x {h:.0f} px")
    figure.colorbar(shown, ax=panels, label="CM score", aspect=12)
figure

# %% [markdown]
# Every anchor is also moved towards what it sees. These are the fifty best proposals; they pile up
# on several fish.

# %%
best = np.argsort(-trace.foreground.reshape(-1))[:50]
target = Outline(trace.to_search(truth), TRUTH_COLOUR)
proposed = [Outline(box, ORANGE, thick=1) for box in trace.to_search(trace.proposals[best[::-1]])]
Shown(draw(trace.crop, [*proposed, target], width=620))

# %% [markdown]
# ## Candidates
#
# Of proposals that overlap much, the best is kept (non-maximum suppression), up to a number of
# candidates; proposals near the last box are added, whatever they score. These few go to the fine
# stage. Letters are in the order of the coarse score. A blue one is the target, by an overlap of
# one half; white is the truth.

# %%
c = trace.candidates
order = np.argsort(-c.coarse, kind="stable")
names = {int(k): "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place] for place, k in enumerate(order)}
on_target = iou(c.fused_boxes, np.broadcast_to(truth, c.fused_boxes.shape))
colours = {k: BLUE if on_target[k] >= 0.5 else ORANGE for k in names}
boxes = [Outline(trace.to_search(c.boxes[k]), colours[k], tag=names[k]) for k in order[::-1]]
Shown(draw(trace.crop, [target, *boxes], width=620))

# %% [markdown]
# ## Fine matching and fusion
#
# For each candidate, features of a fixed size are cut out and compared with those of the target by
# a learned measure, not by correlation. The scores of both stages are blended; then a window that
# favours the middle of the search image is blended in, because targets move little. The highest
# final score wins. `overlap` is what nobody tells the tracker: the overlap with the truth of the
# box that would be followed.

# %%
table = pd.DataFrame(
    {
        "CM": c.coarse,
        "FM": c.fine,
        "fused": c.fused,
        "window": c.window,
        "final": c.final,
        "near": c.near,
        "overlap": on_target,
    },
    index=[names[k] for k in range(len(c))],
).loc[[names[int(k)] for k in trace.ranking]]
print(f"fused = {1 - trace.config.fm_score_weight:g} CM + {trace.config.fm_score_weight:g} FM")
print(f"final = {1 - trace.config.window_weight:g} fused + {trace.config.window_weight:g} window")
table

# %%
with style.figure_style():
    figure = style.new_figure(style.TWO_COLUMNS, 2.4)
    axes = figure.add_subplot()
    places = np.arange(len(table))
    for n, name in enumerate(("CM", "FM", "fused", "final")):
        axes.bar(places + 0.2 * (n - 1.5), table[name], 0.18, label=name, color=style.COLOURS[n])
    axes.set_xticks(places, table.index)
    axes.set(xlabel="Candidate, winner first", ylabel="Score")
    axes.grid(visible=False, axis="x")
    axes.legend(ncols=4, loc="upper right", bbox_to_anchor=(1, 1.14))
figure

# %% [markdown]
# Who would have won by each score alone, and how well that box lies:

# %%
winners = table[["CM", "FM", "fused", "final"]].idxmax()
pd.DataFrame({"winner": winners, "overlap": table["overlap"].loc[winners].to_numpy()})

# %% [markdown]
# All of this in one picture, and in words; `spm-bench show` draws it for any frame of any run of
# SPM.

# %%
decision = decision_of(trace, sequence, FRAME)
print(fill(in_words(decision), 100))
Shown(draw_panel(decision, truth))

# %% [markdown]
# ## Boxes
#
# The box is fused, too: the coarse stage's box and the one that the fine stage makes of it. The
# size is then smoothed over time.

# %%
k = trace.best
stages = {"CM": c.boxes[k], "FM": c.fine_boxes[k], "fused": c.fused_boxes[k], "followed": trace.box}
about = pd.DataFrame(stages, index=["x", "y", "w", "h"]).T
about["overlap"] = [iou(box[None], truth[None])[0] for box in stages.values()]
about.loc["truth"] = [*truth, 1.0]
about

# %% [markdown]
# Orange is the coarse box, green the fine one, blue what is followed.

# %%
of_stages = zip(("CM", "FM", "followed"), (ORANGE, GREEN, BLUE), strict=True)
boxes = [Outline(trace.to_search(stages[name]), colour) for name, colour in of_stages]
Shown(draw(trace.crop, [*boxes, target], width=620))

# %% [markdown]
# ## The whole video
#
# Is the target lost because it is not proposed, or because it is not chosen? In each frame: the
# best overlap that any candidate has, that of the box that was followed, and those of the
# candidates that each stage alone would have taken from this list.


# %%
def overlaps_of(name):
    """Track a sequence of the demo from its start; a row per frame."""
    (sequence,) = load_suite("demo", only=[name]).sequences
    tracker.init(sequence.frames[0], sequence.ground_truth[0])
    rows = []
    for i in range(1, len(sequence)):
        step = trace_step(tracker, sequence.frames[i])
        boxes = np.vstack([step.box, step.candidates.fused_boxes])
        followed, *of = iou(boxes, np.broadcast_to(sequence.ground_truth[i], boxes.shape))
        coarse, fine = (score.argmax() for score in (step.candidates.coarse, step.candidates.fine))
        rows.append((max(of), followed, of[coarse], of[fine]))
    columns = ["best candidate", "followed", "CM's first", "FM's first"]
    return pd.DataFrame(rows, columns=columns, index=range(1, len(sequence)))


video = overlaps_of("lookalike-4")
with style.figure_style():
    figure = style.new_figure(style.TWO_COLUMNS, 2.6)
    axes = figure.add_subplot()
    for n, name in enumerate(video):
        axes.plot(video[name], color=style.COLOURS[n], linestyle=style.LINES[n], label=name)
    axes.axvline(FRAME, color="#888888", linewidth=0.6)
    axes.set(xlabel=f"Frame (above: {FRAME})", ylabel="Overlap with the truth", ylim=(0, 1.02))
    figure.legend(loc="outside lower center", ncols=4)
figure

# %% [markdown]
# Means over some videos:

# %%
names = ["deform-4", "occlude-4", "lookalike-2", "lookalike-4"]
pd.DataFrame({name: overlaps_of(name).mean() for name in names}).T

# %% [markdown]
# Among look-alikes the target is proposed: nearly always there is a candidate on it. But in the
# hardest video neither stage tells it from the others: the first of each is soon another fish, and
# what keeps the tracker near the target is the window, not a score. In the videos without
# look-alikes each stage alone would choose nearly as well. So with these weights the fine stage's
# work is the box, which agrees with the [ablation](03_ablation.ipynb): SPM-lite was trained on few
# followed objects, which teach little about twins. The released weights of SPM may well do better
# here.
#
# ## Go on
#
# * A video of all frames: `spm-bench show RUN lookalike-4 --out why.mp4`.
# * Another sequence or frame: change `only=` and `FRAME`. Real videos: `load_suite("otb100", DATA,
#   allow_missing=True, only=["Deer"])`.
# * The released network: `spm-bench weights get official`, then `resolve_tracker("SPM")`.
# * Another setting: `resolve_tracker("SPM-lite", variant="no_window")`; `spm-bench ls trackers`
#   names the variants.
