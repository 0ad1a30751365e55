"""Hand-made evaluations: small, exact, and with the names that break things."""

from __future__ import annotations

from collections.abc import Sequence as Series
from dataclasses import replace

import numpy as np
import pandas as pd

from spm_bench.metrics.resampling import mean_line
from spm_bench.scoring.base import Curve, Evaluation, Score
from spm_bench.suites.base import Sequence, Suite

NASTY = '<script>alert("1")</script> 50%_a|b & #c $x^2$ \\frac{1} ~追踪 *é* `k`'
"""A name with everything that Markdown, LaTeX, HTML, CSV, rich and matplotlib could trip over."""


def make_suite(name: str = "otb100", family: str = "otb", n: int = 3, n_total: int = 3) -> Suite:
    titles = {"otb100": "OTB-100", "vot2016": "VOT2016", "vot2018": "VOT2018", "got10k-val": "GOT-10k val"}
    protocols = {"otb": "one_pass", "vot": "supervised", "got10k": "got10k"}
    sequences = tuple(Sequence(f"seq{i}", np.ones((4, 4))) for i in range(n))
    return Suite(
        name,
        titles.get(name, name),
        family,
        protocols[family],
        sequences,
        n_total,
        eao_interval=(108, 371) if family == "vot" else None,
        citation="Someone et al., A benchmark, 2015",
    )


def make_scores(suite: Suite, tracker: str, values: dict[str, float | None], **changes: object) -> tuple[Score, ...]:
    fields: dict[str, object] = {
        "variant": "base",
        "n_sequences": len(suite.sequences),
        "convention": "otb-matlab" if suite.family == "otb" else "vot-toolkit",
        "run": f"runs/{tracker}",
        "source": "raw results",
        **changes,
    }
    return tuple(
        Score(
            tracker=tracker,
            suite=suite.name,
            protocol=suite.protocol,
            metric=metric,
            value=value,
            n_total=suite.n_total,
            higher_is_better=metric not in ("robustness", "failures"),
            **fields,  # type: ignore[arg-type]
        )
        for metric, value in values.items()
    )


def otb(suite: Suite, tracker: str, auc: float | None, precision: float | None = 0.8, **changes: object) -> Evaluation:
    scores = make_scores(suite, tracker, {"auc": auc, "precision": precision}, **changes)
    level = 0.5 if auc is None or not np.isfinite(auc) else auc
    x, px = np.linspace(0, 1, 21), np.arange(51.0)
    curves = {
        "success": Curve(x, np.clip(1.3 * level + 0.2 - x**2, 0, 1), "Overlap threshold", "Success rate"),
        "precision": Curve(px, 1 - np.exp(-px / (30 - 25 * level)), "Centre error threshold [px]", "Precision"),
    }
    names = [s.name for s in suite.sequences]
    per_sequence = pd.DataFrame({"sequence": names, "metric": "auc", "value": np.linspace(0, level, len(names))})
    attributes = pd.DataFrame(
        {
            "attribute": ["IV", "OCC", "FM"],
            "metric": "auc",
            "value": [level, level * 0.9, level * 0.8],
            "n_sequences": [37, 48, 40],
        }
    )
    variant = str(changes.get("variant", "base"))
    label = tracker if variant == "base" else f"{tracker}-{variant}"
    return Evaluation(label, scores, per_sequence, curves, attributes)


def vot(suite: Suite, tracker: str, eao: float | None, a: float = 0.6, r: float = 0.2, **changes: object) -> Evaluation:
    values = {"eao": eao, "accuracy": a, "robustness": r, "failures": round(r * 214), "fps": None}
    x = np.arange(1.0, 601.0)
    curves = {
        "eao": Curve(
            x, np.exp(-x / 900) * (eao or 0.1) * 1.8 * (1 - 0.2), "Sequence length [frames]", "Expected overlap"
        )
    }
    names = [s.name for s in suite.sequences]
    per_sequence = pd.DataFrame({"sequence": names, "metric": "accuracy", "value": np.full(len(names), a)})
    return Evaluation(tracker, make_scores(suite, tracker, values, **changes), per_sequence, curves)


def banded(evaluation: Evaluation, n: int = 6) -> Evaluation:
    """The same with the parts of its success curve: n sequences around it."""
    curve = evaluation.curves["success"]
    lines = curve.y + np.linspace(-0.1, 0.1, n)[:, None]
    whole = replace(curve, statistic=mean_line(lines))
    return replace(
        evaluation, curves={**evaluation.curves, "success": whole}, sequences=tuple(f"s{i}" for i in range(n))
    )


def field(suite: Suite, n: int) -> list[Evaluation]:
    """`n` trackers with falling scores and names of several lengths."""
    names: Series[str] = [
        f"Tracker{i:02d}" + ("_with_a_rather_long_variant_name" if i % 7 == 3 else "") for i in range(n)
    ]
    if suite.family == "vot":
        return [vot(suite, name, 0.7 - 0.015 * i, 0.6 - 0.03 * (i % 7), 0.2 + 0.02 * i) for i, name in enumerate(names)]
    return [otb(suite, name, 0.7 - 0.015 * i) for i, name in enumerate(names)]
