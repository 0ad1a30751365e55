# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Quick start
#
# Run two trackers on a part of the embedded suite, score them, and look at where they differ.
# Open it as a notebook with `jupytext --to ipynb notebooks/quick_start.py` (extra `notebooks`), or run it as a script.

# %%
from pathlib import Path
from tempfile import mkdtemp

from spm_bench.report.figures import curve_figure
from spm_bench.run import Request, run_suite

out = Path(mkdtemp(prefix="spm_bench_"))
sequences = ("calm", "deform-4", "lookalike-1", "lookalike-4")

# %% [markdown]
# The same as `spm-bench run --suite demo --tracker KCF --tracker static --sequence ...`: results are kept, and a second
# run resumes.

# %%
outcome = run_suite(Request(suite="demo", trackers=("KCF", "static"), sequences=sequences, out=out, quiet=True))
for evaluation in outcome.evaluations:
    print(evaluation.label, {s.metric: None if s.value is None else round(s.value, 3) for s in evaluation.scores})

# %% [markdown]
# Per-sequence values come first: a tidy frame, ready for pandas.

# %%
table = {
    e.label: e.per_sequence.query("metric == 'auc'").set_index("sequence")["value"].round(3)
    for e in outcome.evaluations
}
for name, column in table.items():
    print(name, column.to_dict())

# %% [markdown]
# The success plot, as in the report folder.

# %%
figure = curve_figure(list(outcome.evaluations), "success", "Demo suite, four sequences")
figure.savefig(out / "success.png")
print(out / "success.png")
figure

# %% [markdown]
# Where a tracker lost the target: raw boxes against the truth, frame by frame.

# %%
from spm_bench.geometry.boxes import iou  # noqa: E402  (beside its use, as notebooks do)

run = outcome.results[0]
for sequence in outcome.suite.sequences:
    (trajectory,) = run.trajectories(sequence)
    overlaps = iou(trajectory.boxes, sequence.ground_truth)
    lost = [t for t, value in enumerate(overlaps) if value < 0.1]
    print(f"{run.label} on {sequence.name}: mean overlap {overlaps.mean():.2f}, lost first in frame {lost[:1] or None}")
