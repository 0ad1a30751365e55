"""The stack of a workspace: which experiments of the vot toolkit run, and which analyses it makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence as Many

from spm_bench.errors import unknown_name
from spm_bench.metrics.vot_conventions import SENSITIVITY
from spm_bench.protocols.realtime import GRACE
from spm_bench.protocols.supervised import REPETITIONS, SKIP
from spm_bench.suites.base import Suite

EXPERIMENTS = ("baseline", "realtime", "unsupervised")
"""As the challenges' own stacks call them; their results lie in folders of these names."""
MULTISTART = "multistart"


def stack_text(suite: Suite, repetitions: int = REPETITIONS, experiments: Many[str] = EXPERIMENTS[:1]) -> str:
    """The experiments as the toolkit reads them, with the year's analyses.

    Args:
        suite: Its protocol decides what the baseline is: with resets, or with many starts.
        repetitions: Of each sequence in the supervised baseline; the toolkit stops after three equal ones.
        experiments: Some of `EXPERIMENTS`.

    Raises:
        UsageError: No such experiment.
    """
    blocks = {
        "baseline": [*_baseline(suite, repetitions), *_analyses(suite)],
        "realtime": [*_baseline(suite, 1), "    realtime:", f"      grace: {GRACE}", *_analyses(suite)],
        "unsupervised": [
            "    type: unsupervised",
            "    repetitions: 1",
            "    analyses:",
            "    - type: average_accuracy",
            f"      burnin: {suite.ao_burn_in}",
        ],
    }
    lines = [f"title: {json.dumps(f'{suite.title}, {suite.coverage}')}", "experiments:"]
    for name in experiments:
        if name not in blocks:
            raise unknown_name("experiment of the vot toolkit", name, blocks)
        lines += [f"  {name}:", *blocks[name]]
    return "\n".join(lines) + "\n"


def _baseline(suite: Suite, repetitions: int) -> list[str]:
    if suite.protocol == MULTISTART:
        return ["    type: multistart"]
    return ["    type: supervised", f"    repetitions: {repetitions}", f"    skip_initialize: {SKIP}"]


def _analyses(suite: Suite) -> list[str]:
    interval = [] if suite.eao_interval is None else list(zip(("low", "high"), suite.eao_interval, strict=True))
    ends = [f"      {name}: {value}" for name, value in interval]
    if suite.protocol == MULTISTART:
        lines = ["    analyses:", "    - type: multistart_average_ar"]
        if ends:
            lines += ["    - type: multistart_eao_score", *ends, "    - type: multistart_eao_curve", ends[1]]
        return lines
    lines = ["    analyses:", "    - type: supervised_average_ar", f"      sensitivity: {SENSITIVITY}"]
    lines.append("    - type: cumulative_failures")
    return lines + (["    - type: supervised_eao_score", *ends, "    - type: supervised_eao_curve"] if ends else [])
