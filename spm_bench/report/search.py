"""Writes the document of a search: a page, every trial, scores of the held-out part alone, and figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from spm_bench import __version__
from spm_bench.errors import ResultsError
from spm_bench.report.folder import encoded, write_folder
from spm_bench.report.scores import score_rows
from spm_bench.report.search_document import (
    TUNED_MARK,
    Part,
    SearchDocument,
    SearchRow,
    changes_text,
    known,
    result_rows,
    verdict,
    warnings_of,
)
from spm_bench.report.search_figures import SearchTrial, history_figure, slices_figure, transfer_figure
from spm_bench.report.search_page import search_page
from spm_bench.report.vocabulary import style_of

__all__ = [
    "TUNED_MARK",
    "Part",
    "SearchDocument",
    "SearchRow",
    "SearchTrial",
    "print_search",
    "result_rows",
    "search_json",
    "verdict",
    "warnings_of",
    "write_search",
]

INDEX = "README.md"
_FILES = {
    "trials.csv": "every trial",
    "scores.json": "scores on the held-out part",
    "search.json": "all of this for programs",
}
_FIGURES = {
    "history": "scores of the trials on the tuned part, in their order",
    "slices": "scores of the trials on the tuned part, over each setting",
    "transfer": "what the tuned settings are worth on the tuned and on the held-out part",
}


def write_search(document: SearchDocument, folder: Path) -> list[Path]:
    """Write a search as Markdown, CSV and JSON, with figures (PNG, PDF).

    Args:
        document: What is written.
        folder: Created if it is not there; files of an earlier document are replaced one by one, each atomically.

    Returns:
        The files written, `README.md` first.

    Raises:
        ResultsError: The folder cannot be written, or there is no trial.
    """
    if not document.trials:
        raise ResultsError("there is no finished trial to report", where=folder)
    figures = dict(_figures(document))
    texts = {
        "trials.csv": _trials_csv(document),
        "scores.json": _scores(document),
        "search.json": search_json(document),
    }
    index = search_page(document, _FILES, {name: _FIGURES[name] for name in figures})
    return write_folder(folder, encoded({INDEX: index, **texts, **figures}), _FIGURES)


def _figures(document: SearchDocument) -> Iterator[tuple[str, Figure]]:
    title, metric, best = f"{document.name}: {document.suite.title}", document.metric, document.best
    up = document.higher_is_better
    yield "history", history_figure(document.trials, metric=metric, higher_is_better=up, best=best, title=title)
    yield (
        "slices",
        slices_figure(
            document.trials,
            metric=metric,
            best=best,
            base=document.base,
            log=document.log,
            importance=document.importance or {},
            title=title,
        ),
    )
    tuned, held_out = document.tuned, document.held_out
    if tuned.base and tuned.best and held_out.base and held_out.best:
        pairs = (tuned.base, tuned.best), (held_out.base, held_out.best)
        yield "transfer", transfer_figure(*pairs, metric=metric, title=title)


def _trials_csv(document: SearchDocument) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["trial", "state", *document.space, f"tuned_{document.metric}", "sequences", "run", "note"])
    for trial in document.trials:
        settings = [json.dumps(trial.settings[n]) if n in trial.settings else "" for n in document.space]
        value = "" if trial.value is None else repr(trial.value)
        note = "; ".join(filter(None, (TUNED_MARK if trial.value is not None else "", trial.note)))
        writer.writerow([trial.number, trial.state, *settings, value, max(trial.running, default=0), trial.run, note])
    return buffer.getvalue()


def print_search(document: SearchDocument) -> None:
    """Print the result on the terminal, the tuned part marked; 80 columns are enough."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    style, console = style_of(document.metric), Console()
    heads = ("Part", "Tracker", "Sequences", style.title, "Difference", "")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for title in heads:
        table.add_column(title, overflow="fold", justify="right" if title in heads[2:5] else "left")
    for row in result_rows(document):
        span = "" if row.difference_low is None else f" [{row.difference_low:+.3f}, {row.difference_high:+.3f}]"
        difference = "" if row.difference is None else f"{row.difference:+.3f}{span}"
        cells = (row.part, row.label, str(row.n_sequences), style.format(row.score), difference, row.mark)
        table.add_row(*map(Text, cells), style="italic dim" if row.mark else "")
    lines = [f"{document.name}: {document.suite.title}, {len(document.trials)} trials"]
    if document.found:
        lines.append(f"{document.best_label}: {changes_text(document, document.best)}")
    for line in lines:
        console.print(line, markup=False, highlight=False)
    console.print(table)
    console.print(verdict(document), markup=False, highlight=False)


def _scores(document: SearchDocument) -> str:
    """Scores of the held-out part only: a reader that collects `scores.json` files meets no tuned number."""
    found = [e for e in (document.held_out.base, document.held_out.best) if e is not None]
    return json.dumps(score_rows(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def search_json(document: SearchDocument) -> str:
    """The text of `search.json`: everything, numbers with all their digits."""
    record = {
        "name": document.name,
        "question": document.question,
        "expected": document.expected,
        "command": document.command,
        "suite": document.suite.name,
        "protocol": document.suite.protocol,
        "metric": document.metric,
        "higher_is_better": document.higher_is_better,
        "space": dict(document.space),
        "base": dict(document.base),
        "trials_asked": document.asked,
        "trials": [asdict(trial) for trial in document.trials],
        "best": document.best,
        "best_settings": dict(document.trial(document.best).settings),
        "tuned": {"sequences": list(document.tuned.names), "units": document.tuned.n_units},
        "held_out": {"sequences": list(document.held_out.names), "units": document.held_out.n_units},
        "looks_at_held_out": list(document.looks),
        "rows": [asdict(row) for row in result_rows(document)],
        "comparisons": [{k: known(v) for k, v in asdict(c).items()} for c in document.comparisons],
        "importance": dict(document.importance or {}),
        "verdict": verdict(document),
        "warnings": warnings_of(document),
        "failures": list(document.failures),
        "notes": list(document.notes),
        "frames": {"without_pruning": document.frames[0], "run": document.frames[1]},
        "made_by": f"spm_bench {__version__}",
    }
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
