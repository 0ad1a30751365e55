"""Writes the report folder: scores, tables, figures, and an index that says what they are and how to redo them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from spm_bench import __version__
from spm_bench.errors import ResultsError
from spm_bench.report import latex, render
from spm_bench.report.attributes import attribute_metric, attribute_table
from spm_bench.report.figures import CURVES, curve_figure
from spm_bench.report.figures_attributes import FEWEST_SPOKES, attribute_bars, attribute_counts, attribute_radar
from spm_bench.report.figures_sequences import overlap_strips, telling_sequences, waterfall
from spm_bench.report.figures_steps import response_curves
from spm_bench.report.figures_vot import accuracy_robustness_figure, eao_curve_figure, has_point, ranking_figure
from spm_bench.report.folder import encoded, write_folder
from spm_bench.report.frames import (
    attribute_frame,
    delta_frame,
    demo_response,
    sequence_frame,
    step_frame,
    timeline_frame,
)
from spm_bench.report.scores import scores_json
from spm_bench.report.tables import build_table, coverage, own_protocol
from spm_bench.report.vocabulary import find_score, finite, headline_metric, metric_order, ranked
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.extra import CONVENTION as EXTRA_CONVENTION
from spm_bench.scoring.timeline import timelines
from spm_bench.suites.base import Suite

INDEX = "README.md"
STRIPS_EACH, STRIPS_SEQUENCES = 6, 6
"""Trackers and sequences in the figure of strips: half a page."""
_ABOUT = {
    "scores.json": "every score: one row per tracker, variant, suite, protocol and metric",
    "table.md": "the table",
    "table.tex": "the same for LaTeX (needs booktabs only)",
    "table.csv": "the same with all digits",
    "table.html": "the same as a page",
    "per_sequence.csv": "every metric of every sequence, one row each",
    "attributes.csv": "every metric per attribute, one row each",
    "attributes.md": "the headline metric per attribute",
    "attributes.tex": "the same for LaTeX",
    "attributes.html": "the same as a page",
    "success": "success over the overlap threshold",
    "overlap": "success over the overlap threshold",
    "precision": "precision over the centre error",
    "normalised_precision": "precision over the centre error in units of the target's size",
    "attributes": "the headline metric per attribute",
    "attributes_radar": "the same around a centre",
    "waterfall": "the best tracker minus the second, sequence by sequence",
    "response": "the score over steps of difficulty",
    "strips": "overlap over time where the trackers differ most",
    "accuracy_robustness": "accuracy over robustness",
    "eao_curve": "expected overlap over sequence length",
    "eao_ranking": "trackers in the order of EAO",
}


def write_report(
    evaluations: Sequence[Evaluation],
    suite: Suite,
    folder: Path,
    *,
    published: bool = True,
    results: Sequence[ResultSet] = (),
) -> list[Path]:
    """Write a report (see `spm_bench.report.write_report`)."""
    if not evaluations:
        raise ResultsError("there is nothing to report", where=folder, remedy="Give at least one tracker's results")
    order = ranked(evaluations, headline_metric(evaluations, suite.family))
    behind = {id(e): r for e, r in zip(evaluations, results, strict=True)} if results else {}
    # everything is made before the first file is written: a failure leaves an earlier report as it was
    texts = dict(_texts(order, suite, published))
    figures = dict(_figures(order, suite, behind))
    index = _index(order, suite, list(texts), list(figures), texts["table.md"])
    files = encoded({INDEX: index, **texts, **figures})
    return write_folder(folder, files, _ABOUT)


def _texts(evaluations: Sequence[Evaluation], suite: Suite, published: bool) -> Iterator[tuple[str, str]]:
    table = build_table(evaluations, suite, published=published)
    yield "table.md", render.to_markdown(table)
    yield "table.tex", latex.to_latex(table)
    yield "table.csv", render.to_csv(table)
    yield "table.html", render.to_html(table)
    yield "scores.json", scores_json(evaluations)
    yield "per_sequence.csv", _tidy_csv(evaluations, [e.per_sequence for e in evaluations])
    metric = attribute_metric(evaluations, headline_metric(evaluations, suite.family))
    if metric is not None:
        yield "attributes.csv", _tidy_csv(evaluations, [e.per_attribute for e in evaluations])
        table = attribute_table(evaluations, suite, metric)
        yield "attributes.md", render.to_markdown(table)
        yield "attributes.tex", latex.to_latex(table)
        yield "attributes.html", render.to_html(table)


def _figures(
    evaluations: Sequence[Evaluation], suite: Suite, results: Mapping[int, ResultSet]
) -> Iterator[tuple[str, Figure]]:
    protocol = "" if suite.protocol == own_protocol(suite) else f" {suite.protocol}"
    title, metrics = f"{suite.title}{protocol}, {coverage(evaluations, suite)}", metric_order(evaluations)
    headline = headline_metric(evaluations, suite.family)
    for curve, (metric, _) in CURVES.items():
        if any(curve in e.curves for e in evaluations):
            metric = next((m for m in (metric, f"{metric}_area") if m in metrics), headline)
            yield curve, curve_figure(evaluations, curve, title, metric=metric)
    if any(has_point(e) for e in evaluations):
        yield "accuracy_robustness", accuracy_robustness_figure(evaluations, title)
    if any("eao" in e.curves for e in evaluations):
        yield "eao_curve", eao_curve_figure(evaluations, suite.eao_interval, title)
    if any(finite(find_score(e, "eao")) is not None for e in evaluations):
        yield "eao_ranking", ranking_figure(evaluations, "eao", title)
    yield from _attribute_figures(evaluations, headline, title)
    yield from _sequence_figures(evaluations, suite, title, results)


def _attribute_figures(evaluations: Sequence[Evaluation], headline: str, title: str) -> Iterator[tuple[str, Figure]]:
    metric = attribute_metric(evaluations, headline)
    if metric is not None:
        frame = attribute_frame(evaluations, metric)
        yield "attributes", attribute_bars(frame, title)
        if len(attribute_counts(frame)) >= FEWEST_SPOKES:
            yield "attributes_radar", attribute_radar(frame, title)


def _sequence_figures(
    evaluations: Sequence[Evaluation], suite: Suite, title: str, results: Mapping[int, ResultSet]
) -> Iterator[tuple[str, Figure]]:
    """What needs scores of single sequences; EAO has none, there it is the accuracy."""
    headline = headline_metric(evaluations, suite.family)
    known = [str(m) for e in evaluations if not e.per_sequence.empty for m in e.per_sequence["metric"] if m != "fps"]
    if not known:
        return
    metric = headline if headline in known else known[0]
    frame = sequence_frame(evaluations, metric)
    if len(evaluations) > 1 and evaluations[0].label != evaluations[1].label:
        deltas = delta_frame(frame, evaluations[0].label, evaluations[1].label)
        if deltas["delta"].notna().any():
            yield "waterfall", waterfall(deltas, title)
    if suite.name == "demo":
        steps = step_frame(evaluations, metric, demo_response())
        if len(steps) and steps.groupby("axis")["level"].nunique().max() > 1:
            yield "response", response_curves(steps, title)
    if results:
        yield "strips", overlap_strips(_strips(evaluations, suite, frame, results), title)


def _strips(
    evaluations: Sequence[Evaluation], suite: Suite, frame: pd.DataFrame, results: Mapping[int, ResultSet]
) -> pd.DataFrame:
    """The best trackers' timelines of the sequences that tell most about them."""
    shown = [e for e in evaluations if id(e) in results][:STRIPS_EACH]
    names = telling_sequences(frame[frame["tracker"].isin([e.label for e in shown])], STRIPS_SEQUENCES)
    part = replace(suite, sequences=tuple(s for s in suite.sequences if s.name in names))
    shown = [e for e in shown if any(results[id(e)].has(name) for name in names)]
    return timeline_frame({e.label: timelines(part, results[id(e)]) for e in shown})


def _tidy_csv(evaluations: Sequence[Evaluation], frames: Sequence[pd.DataFrame | None]) -> str:
    """One frame with the tracker's names in front; numbers with all their digits."""
    named = []
    for evaluation, frame in zip(evaluations, frames, strict=True):
        if frame is not None and not frame.empty:
            first = evaluation.scores[0]
            named.append(frame.assign(tracker=first.tracker, variant=first.variant))
    if not named:
        return "tracker,variant,sequence,metric,value\n"
    tidy = pd.concat(named, ignore_index=True)
    names = ["tracker", "variant"]
    text: str = tidy[[*names, *(c for c in tidy.columns if c not in names)]].to_csv(index=False, lineterminator="\n")
    return text


def _index(
    evaluations: Sequence[Evaluation], suite: Suite, texts: Sequence[str], figures: Sequence[str], table: str
) -> str:
    pictures = [f"![{_ABOUT[name]}]({name}.png)" for name in figures]
    listed = [f"* [{name}]({name}): {_ABOUT[name]}" for name in texts]
    listed += [f"* [{name}.pdf]({name}.pdf), [{name}.png]({name}.png): {_ABOUT[name]}" for name in figures]
    parts = [f"# {render.escape_markdown(suite.title)}", table.rstrip(), *pictures, "## Files", "\n".join(listed)]
    parts += ["## How to make this again", f"```sh\n{command(evaluations, suite)}\n```"]
    parts += [f"Made by spm_bench {__version__} from these raw results:", _runs(evaluations)]
    if suite.fingerprint:
        parts.append(f"Fingerprint of the suite (names, annotations, frames): `{suite.fingerprint}`")
    if suite.citation:
        parts.append(f"Please cite: {render.escape_markdown(suite.citation)}")
    return "\n\n".join(parts) + "\n"


def command(evaluations: Sequence[Evaluation], suite: Suite) -> str:
    """The shell command that scores the same raw results again, one argument per line."""
    scores = [s for e in evaluations for s in e.scores]
    extra = list(dict.fromkeys(s.metric for s in scores if s.convention == EXTRA_CONVENTION))
    conventions = {s.convention for s in scores if s.convention} - {EXTRA_CONVENTION}
    lines = [["spm-bench", "score", "--suite", suite.name, "--protocol", suite.protocol]]
    if suite.root is not None:
        lines.append(["--data", str(suite.root)])
    if len(conventions) == 1:
        lines.append(["--convention", *conventions])
    lines += [["--metric", metric] for metric in extra]
    if len(suite.sequences) < suite.n_total or any(s.n_sequences < s.n_total for s in scores):
        lines.append(["--allow-missing"])
    lines += [["--out", "report"], *([run] for run in dict.fromkeys(s.run for s in scores))]
    return " \\\n  ".join(shlex.join(line) for line in lines)


def _runs(evaluations: Sequence[Evaluation]) -> str:
    return "\n".join(
        f"* {render.escape_markdown(e.label)}: {render.escape_markdown(e.scores[0].run)} ({e.scores[0].source})"
        for e in evaluations
    )
