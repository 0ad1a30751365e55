"""Every figure, drawn for fields that are hard to draw; as a script, it writes them where they can be looked at.

python -m tests.report.gallery FOLDER            # all of them, as PNG at 200 dpi
python -m tests.report.gallery FOLDER names one  # some of the fields
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spm_bench.report.figures import curve_plot
from spm_bench.report.figures_attributes import attribute_bars, attribute_radar
from spm_bench.report.figures_sequences import overlap_strips, waterfall
from spm_bench.report.figures_steps import heat_map, response_curves
from spm_bench.report.figures_vot import accuracy_robustness_plot, eao_curve_plot, ranking_plot
from spm_bench.report.forest import comparison_frame, forest_plot
from spm_bench.report.speed_figure import speed_accuracy_plot
from spm_bench.report.style import to_png
from tests.report.fakes import NASTY

NAMES = (
    NASTY,
    "_hidden",
    "$x$",
    "100%",
    "SiamRPN_DWXCORR",
    "Žížala",
    "追踪器",
    "<b>bold</b>",
    "a|b",
    "\\frac{1}{2}",
    "SPM",
)
"""Names that mean something to somebody: HTML, LaTeX, mathtext, matplotlib's legend, Markdown."""
TITLE = "A suite with a name that is longer than a column is wide, 14 of 100 sequences"


@dataclass(frozen=True)
class Field:
    """What is drawn: names of trackers and sequences."""

    trackers: tuple[str, ...]
    sequences: tuple[str, ...]


FIELDS: Mapping[str, Field] = {
    "usual": Field(tuple(f"Tracker-{c}" for c in "ABCDEF"), tuple(f"Sequence{i}" for i in range(30))),
    "one": Field(("SPM",), ("Basketball",)),
    "forty": Field(tuple(f"Tracker{i:02d}-of-many" for i in range(40)), tuple(f"Seq{i}" for i in range(100))),
    "names": Field(NAMES, NAMES[:6]),
}


def _scores(field: Field) -> pd.DataFrame:
    n = len(field.trackers)
    values = 0.7 - 0.5 * np.arange(n) / max(n, 2)
    return pd.DataFrame({"tracker": field.trackers, "look": range(n), "score": values})


def curves(field: Field, name: str = "success") -> pd.DataFrame:
    """Success or precision over 21 or 51 thresholds, with bands."""
    x = np.linspace(0, 1, 21) if name == "success" else np.arange(51.0)
    labels = (
        ("Overlap threshold", "Success rate") if name == "success" else ("Centre error threshold [px]", "Precision")
    )
    rows = []
    for t in _scores(field).to_dict("records"):
        y = np.clip(1.3 * t["score"] + 0.2 - x**2, 0, 1) if name == "success" else 1 - np.exp(-x * t["score"] / 10)
        rows.append(
            pd.DataFrame({"x": x, "y": y, "low": y * 0.95, "high": np.minimum(y * 1.05, 1.0)}).assign(
                **t, curve=name, metric="auc" if name == "success" else "precision", level=0.95,
                x_label=labels[0], y_label=labels[1],
            )
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def attributes(field: Field) -> pd.DataFrame:
    """Eleven attributes, as OTB has."""
    names = ("IV", "OCC", "DEF", "OPR", "BC", "SV", "MB", "FM", "OV", "LR", "IPR")
    rng = np.random.default_rng(0)
    rows = [
        {**t, "attribute": name, "n_sequences": 10 + i, "metric": "auc", "value": t["score"] + 0.1 * rng.random()}
        for t in _scores(field).to_dict("records")
        for i, name in enumerate(names)
    ]
    return pd.DataFrame(rows)


def vot_scores(field: Field, *metrics: str) -> pd.DataFrame:
    """Scores of the supervised protocol with intervals."""
    rng, rows = np.random.default_rng(1), []
    for t in _scores(field).drop(columns="score").to_dict("records"):
        for metric, low, high in (("eao", 0.2, 0.5), ("accuracy", 0.5, 0.65), ("robustness", 0.1, 0.6)):
            value = rng.uniform(low, high)
            ends = {"low": value * 0.9, "high": value * 1.1, "level": 0.95}
            rows.append({**t, "metric": metric, "value": value, "higher_is_better": metric != "robustness", **ends})
    frame = pd.DataFrame(rows)
    return frame[frame["metric"].isin(metrics)] if metrics else frame


def eao_curves(field: Field) -> pd.DataFrame:
    """Expected overlap over lengths up to 600."""
    x = np.arange(1.0, 601.0)
    parts = [
        pd.DataFrame({"x": x, "y": t["score"] * np.exp(-x / 500)}).assign(
            **t, curve="eao", metric="eao", x_label="Sequence length [frames]", y_label="Expected overlap"
        )
        for t in _scores(field).to_dict("records")
    ]
    return pd.concat(parts, ignore_index=True)


def comparisons(field: Field) -> pd.DataFrame:
    """Every tracker but the first against the first."""
    from tests.report.test_ablation import comparison

    others = field.trackers[1:] or field.trackers
    made = [comparison(name, 0.06 * np.sin(2.0 * i), half=0.03) for i, name in enumerate(others)]
    return comparison_frame([replace(c, base=field.trackers[0]) for c in made], {"otb100": TITLE})


def grid(field: Field) -> pd.DataFrame:
    """A sweep of two settings, as many values as there are names."""
    names = field.sequences[: min(len(field.sequences), 12)]
    rows = [
        {"x_name": "window_weight", "x": x, "y_name": field.trackers[0], "y": f"{j / 4:g}", "metric": "auc",
         "value": 0.5 + 0.02 * np.sin(i + j), "base": (i, j) == (0, 1), "established": i == 1, "higher_is_better": True}
        for j in range(min(len(names), 5)) for i, x in enumerate(names)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def steps(field: Field) -> pd.DataFrame:
    """Two axes of difficulty with four steps, three scenes each."""
    rng = np.random.default_rng(0)
    rows = [
        {**t, "axis": axis, "level": level, "step": f"{level}", "about": about, "scene": f"s{s}", "metric": "auc",
         "value": t["score"] - 0.08 * level + 0.1 * rng.random()}
        for t in _scores(field).to_dict("records")
        for axis, about in (("Look-alikes", "number of look-alikes"), ("Deformation", "amplitude, in % of the size"))
        for level in range(4) for s in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def speeds(field: Field) -> pd.DataFrame:
    """A speed and an accuracy of everybody."""
    rng, frame = np.random.default_rng(2), _scores(field)
    fps = 10 ** rng.uniform(0.5, 2.5, len(frame))
    ends = {"fps_low": fps * 0.9, "fps_high": fps * 1.1, "low": frame["score"] - 0.03, "high": frame["score"] + 0.03}
    return frame.assign(metric="auc", value=frame["score"], fps=fps, **ends)


def deltas(field: Field) -> pd.DataFrame:
    """One difference per sequence."""
    values = np.random.default_rng(3).normal(0.03, 0.1, len(field.sequences))
    return pd.DataFrame({"sequence": field.sequences, "delta": values}).assign(
        tracker=field.trackers[0], base=field.trackers[-1], metric="auc", higher_is_better=True
    )


def overlaps(field: Field) -> pd.DataFrame:
    """Overlaps over time of up to eight trackers on up to six sequences."""
    rng, rows = np.random.default_rng(4), []
    for look, tracker in enumerate(field.trackers[:8]):
        for place, sequence in enumerate(field.sequences[:6]):
            n = 60 + 40 * place
            values = np.clip(0.8 - np.cumsum(rng.random(n)) / n * rng.random() * 2, 0, 1)
            event = np.where(np.arange(n) == n // 2, "failure", "")
            made = {"frame": np.arange(n), "overlap": values, "event": event}
            rows.append(pd.DataFrame(made).assign(tracker=tracker, look=look, sequence=sequence))
    return pd.concat(rows, ignore_index=True)


FIGURES: Mapping[str, tuple[Callable[[Field], pd.DataFrame], Callable[[pd.DataFrame], Figure]]] = {
    "success": (curves, lambda f: curve_plot(f, TITLE)),
    "success-two-columns": (curves, lambda f: curve_plot(f, TITLE, columns=2)),
    "precision": (lambda field: curves(field, "precision"), lambda f: curve_plot(f, TITLE)),
    "attributes": (attributes, lambda f: attribute_bars(f, TITLE)),
    "radar": (attributes, lambda f: attribute_radar(f, TITLE)),
    "accuracy-robustness": (vot_scores, lambda f: accuracy_robustness_plot(f, TITLE)),
    "eao-curve": (eao_curves, lambda f: eao_curve_plot(f, (108, 371), TITLE)),
    "eao-ranking": (lambda field: vot_scores(field, "eao"), lambda f: ranking_plot(f, TITLE)),
    "forest": (comparisons, lambda f: forest_plot(f, TITLE)),
    "heat": (grid, lambda f: heat_map(f, TITLE)),
    "response": (steps, lambda f: response_curves(f, TITLE)),
    "speed-accuracy": (speeds, lambda f: speed_accuracy_plot(f, TITLE, caption="Slide Rule X, 2 cores")),
    "waterfall": (deltas, lambda f: waterfall(f, TITLE)),
    "strips": (overlaps, lambda f: overlap_strips(f, TITLE)),
}
"""Figure -> (what makes its frame, what draws it)."""


def drawn(field: Field) -> Iterator[tuple[str, Figure]]:
    """Every figure of a field."""
    for name, (make, draw) in FIGURES.items():
        yield name, draw(make(field))


def main(folder: Path, fields: list[str]) -> None:
    """Write the gallery."""
    for field in fields or list(FIELDS):
        (folder / field).mkdir(parents=True, exist_ok=True)
        for name, figure in drawn(FIELDS[field]):
            (folder / field / f"{name}.png").write_bytes(to_png(figure))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
