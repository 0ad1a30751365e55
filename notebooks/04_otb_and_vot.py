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
# # OTB and VOT: what published raw results say
#
# Authors publish the boxes of their trackers. Scored by one rule, they answer questions that a
# printed table does not: how sure a ranking is, which differences would survive a test, which
# sequences and attributes make them.
#
# The boxes are other people's and not part of this project. With the variable
# `SPM_BENCH_PUBLISHED` set to a folder that holds them (`otb100/annotations`,
# `otb100/results/TRACKER/*.txt`, `vot2016/...`; see [reports](../reports/README.md)), everything
# here is computed from them. Without it, the notebook starts from the scores in
# `reports/published`, which one command computed from the same boxes, and leaves out what needs
# more than scores.

# %%
import json
import os
from itertools import combinations
from pathlib import Path

import pandas as pd
from IPython.display import Image, display

from spm_bench.metrics.paired import paired_interval
from spm_bench.metrics.statistics import holm, signed_rank_p
from spm_bench.report.figures import curve_figure
from spm_bench.report.figures_attributes import attribute_bars
from spm_bench.report.figures_sequences import waterfall
from spm_bench.report.figures_vot import accuracy_robustness_plot, eao_curve_figure, ranking_plot
from spm_bench.report.forest import forest_plot
from spm_bench.report.frames import attribute_frame, delta_frame, score_frame, sequence_frame
from spm_bench.report.published import figures_beside, same_tracker
from spm_bench.report.vocabulary import HEADLINES, ranked
from spm_bench.results.foreign import find_result_sets
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.units import units_of
from spm_bench.suites import load_suite

RAW = os.environ.get("SPM_BENCH_PUBLISHED")
KEPT = Path("../reports/published")
LOWER_IS_BETTER = ("failures", "robustness")
pd.options.display.float_format = "{:.3f}".format

# %% [markdown]
# Either way, three tidy tables come out: scores with their intervals, scores of each sequence, and
# scores of each attribute.


# %%
def from_raw(name):
    """The suite and everybody's scores, best first; annotations are enough for it."""
    suite = load_suite(name, Path(RAW), annotations_only=True)
    runs = find_result_sets([Path(RAW, name, "results")], suite)
    return suite, ranked([evaluate(suite, run) for run in runs], HEADLINES[suite.family])


def tables_of(evaluations):
    """Scores, scores of sequences, scores of attributes."""
    scores = score_frame(evaluations)
    metrics = scores["metric"].unique()
    sequences = pd.concat(sequence_frame(evaluations, metric) for metric in metrics)
    attributes = pd.concat(attribute_frame(evaluations, metric) for metric in metrics)
    return scores, sequences, attributes


def tables_kept(name):
    """The same from a report's folder."""
    scores = pd.DataFrame(json.loads((KEPT / name / "scores.json").read_text()))
    sequences = pd.read_csv(KEPT / name / "per_sequence.csv")
    attributes = pd.read_csv(KEPT / name / "attributes.csv")
    own = scores[["tracker", "metric", "value"]].rename(columns={"value": "score"})
    looks = {tracker: place for place, tracker in enumerate(sequences["tracker"].unique())}
    for frame in (scores, sequences, attributes.merge(own, on=["tracker", "metric"])):
        up = ~frame["metric"].isin(["failures", "robustness"])
        yield frame.assign(look=frame["tracker"].map(looks), higher_is_better=up)


# %% [markdown]
# ## OTB-100
#
# Eight trackers, 100 sequences, one pass. AUC of the success curve, precision at 20 pixels, and
# normalised precision, each with its 95 % bootstrap interval over videos.

# %%
if RAW:
    otb, evaluations = from_raw("otb100")
    scores, sequences, attributes = tables_of(evaluations)
else:
    scores, sequences, attributes = tables_kept("otb100")
title = "OTB-100, 100 sequences"
auc = scores.query("metric == 'auc'").set_index("tracker").sort_values("value", ascending=False)
wide = scores.pivot(index="tracker", columns="metric", values="value")
auc[["low", "high"]].add_prefix("auc_").join(wide)[
    ["auc", "auc_low", "auc_high", "precision", "normalised_precision"]
]

# %% [markdown]
# The curves behind them. Bands are drawn for the best tracker only: eight of them would hide the
# lines.

# %%
if RAW:
    display(curve_figure(evaluations, "success", title))
else:
    display(Image(KEPT / "otb100" / "success.png", width=442))

# %% [markdown]
# ### Does it agree with print?
#
# Figures from print, where their source was read, beside what the boxes give here. Where they
# differ by more than rounding, the boxes are of another run than the printed figure, or print used
# another grid of thresholds: KCF and STAPLE, for one, are re-runs by third parties.

# %%
rows = [
    (
        tracker,
        figure.metric,
        wide.loc[tracker, figure.metric],
        figure.value,
        figure.source,
    )
    for tracker in auc.index
    for figure in figures_beside("otb100", auc.index)
    if same_tracker(tracker, figure.tracker)
]
beside = pd.DataFrame(rows, columns=["tracker", "metric", "here", "print", "source of print"])
beside.assign(difference=beside["here"] - beside["print"]).set_index(["tracker", "metric"])

# %% [markdown]
# ### Which differences would survive?
#
# All pairs, paired by sequence: the mean difference, its bootstrap interval over videos, and the
# signed-rank test with Holm's correction for the 28 pairs. Intervals of single trackers (above)
# overlap far more than this: they hold what makes sequences hard for everybody, and pairing takes
# it out.

# %%
of_auc = sequences.query("metric == 'auc'")
values = of_auc.pivot(index="sequence", columns="tracker", values="value")
videos = units_of("otb100", values.index)  # two targets of one video are no independent trials
groups = [videos[name] for name in values.index]
by_video = values.groupby(groups).mean()
rows = []
for first, second in combinations(auc.index, 2):
    interval = paired_interval(values[first], values[second], groups)
    p = signed_rank_p(by_video[first] - by_video[second])
    rows.append((first, second, interval.value, interval.low, interval.high, p))
pairs = pd.DataFrame(rows, columns=["first", "second", "difference", "low", "high", "p"])
pairs["p_holm"] = holm(list(pairs["p"]))
pairs["established"] = (pairs["low"] > 0) & (pairs["p_holm"] < 0.05)
print(f"{pairs['established'].sum()} of {len(pairs)} pairs are established; these are not:")
pairs[~pairs["established"]].set_index(["first", "second"])

# %%
of_base = pairs[(pairs["first"] == "C-COT") | (pairs["second"] == "C-COT")]
turned = of_base["second"] != "C-COT"  # the base is subtracted
sign = 1 - 2 * turned
frame = of_base.assign(
    label=of_base["first"].where(~turned, of_base["second"]),
    base="C-COT",
    suite="OTB-100",
    metric="auc",
    difference=sign * of_base["difference"],
    low=of_base["low"].where(~turned, -of_base["high"]),
    high=of_base["high"].where(~turned, -of_base["low"]),
    level=0.95,
    higher_is_better=True,
)
forest_plot(frame, title)

# %% [markdown]
# No tracker is established above its neighbour in the table: it takes more than the two to six
# points that lie between them. Two of the intervals that leave zero out do so with a corrected p
# above .05: one of many comparisons is enough to be lucky in.
#
# ### Where do they differ?

# %%
attribute_bars(attributes.query("metric == 'auc'"), title)

# %%
waterfall(delta_frame(of_auc, "SiamRPN++", "C-COT"), title)

# %% [markdown]
# The sequences that nobody solves, and those on which the trackers disagree most: the first tell
# what the field cannot do yet, the second decide rankings.

# %%
about = values.agg(["max", "idxmax", "min", "std"], axis=1).infer_objects()
about.columns = ["best", "by", "worst", "spread"]
about.sort_values("best").head(8)

# %%
about.sort_values("spread", ascending=False).head(8)

# %% [markdown]
# ### The same boxes under other rules
#
# Evaluators disagree on details: whether an overlap must exceed a threshold or reach it, what an
# unusable box costs, which frames count. Each rule set has a name here (`spm-bench ls
# conventions`). With the same boxes, this is what the choice alone does to AUC and precision: the
# largest difference to `otb-matlab` among the eight trackers.

# %%
if RAW:
    runs = find_result_sets([Path(RAW, "otb100", "results")], otb)
    own = wide[["auc", "precision"]]
    rows = {}
    for rule in ("spm-release", "got10k-toolkit", "pysot", "pytracking", "lasot"):
        told = {run.label: evaluate(otb, run, rule) for run in runs}
        values_of = {m: {name: e.score(m).value for name, e in told.items()} for m in own}
        change = pd.DataFrame(values_of) - own
        rows[rule] = {m: change.loc[change[m].abs().idxmax(), m] for m in own}
    display(pd.DataFrame(rows).T.map("{:+.4f}".format))
else:
    print("This needs the boxes: set SPM_BENCH_PUBLISHED.")

# %% [markdown]
# Here it is little: two tools that disagree by more on these boxes disagree for another reason. On
# suites with hidden or absent targets the rules matter more.

# %% [markdown]
# ## VOT2016
#
# Four trackers, 60 sequences, supervised: a tracker that loses its target is started again five
# frames later. Accuracy is the overlap while it tracks, failures are counted, and EAO (expected
# average overlap) is what a sequence of usual length would give without restarts. It can be had
# from the raw files of restarts only.

# %%
if RAW:
    vot, evaluations = from_raw("vot2016")
    scores, sequences, attributes = tables_of(evaluations)
else:
    scores, sequences, attributes = tables_kept("vot2016")
title = "VOT2016, 60 sequences"
eao = scores.query("metric == 'eao'").set_index("tracker").sort_values("value", ascending=False)
wide = scores.pivot(index="tracker", columns="metric", values="value")
eao[["low", "high"]].add_prefix("eao_").join(wide)[
    ["eao", "eao_low", "eao_high", "accuracy", "robustness", "failures"]
]

# %%
ranking_plot(scores.query("metric == 'eao'"), title)

# %%
accuracy_robustness_plot(scores, title)

# %%
if RAW:
    display(eao_curve_figure(evaluations, vot.eao_interval, title))
else:
    display(Image(KEPT / "vot2016" / "eao_curve.png", width=442))

# %% [markdown]
# EAO is no mean over sequences, so pairs of trackers are compared on a part of it that is: the
# failures of each sequence. The two Siamese trackers are ahead by their boxes (an accuracy of .62
# to .65 against .54) more than by losing the target less often.

# %%
failures = sequences.query("metric == 'failures'")
waterfall(delta_frame(failures, "SiamRPN++", "C-COT"), title)

# %%
lost = failures.pivot(index="sequence", columns="tracker", values="value")[eao.index]
never = int((lost.sum(axis=1) == 0).sum())
print(f"{never} of {len(lost)} sequences are tracked by all without a failure")
lost.assign(all=lost.sum(axis=1)).sort_values("all", ascending=False).head(10)

# %%
attribute_bars(attributes.query("metric == 'failures'"), title)

# %% [markdown]
# ## Go on
#
# * Your own tracker beside them: `spm-bench run --suite otb100 --data DIR --tracker
#   my_module:MyTracker`, then `spm-bench score --suite otb100 --data DIR RUN RESULTS... --out
#   report`.
# * Other benchmarks: `find_result_sets` reads the layouts of OTB, VOT and GOT-10k tools;
#   `spm-bench ls suites` names what can be scored.
# * Print these numbers with the sources of the boxes, and cite the benchmarks: `spm-bench score`
#   writes both under every table.
