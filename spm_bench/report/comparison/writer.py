"""Writes the folder of a comparison: index, page, tables and figures."""

from __future__ import annotations

from pathlib import Path

from spm_bench.report import overlay
from spm_bench.report.comparison.figures import Films, figures, strips
from spm_bench.report.comparison.film import film
from spm_bench.report.comparison.page import render_comparison
from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.comparison.text import to_latex, to_markdown
from spm_bench.report.style import to_pdf, to_png
from spm_bench.results.files import write_bytes

INDEX = "README.md"


def write(pair: PairComparison, folder: Path, *, command: tuple[str, ...]) -> list[Path]:
    """See `spm_bench.report.comparison.write_comparison`."""
    # everything is made before the first file is written: a failure leaves an earlier comparison as it was
    films: Films = {t.sequence.name: film(t) for t in pair.tellings if pair.strips and t.has_pictures}
    made: dict[str, bytes] = {"comparison.html": _encoded(render_comparison(pair, films, command=command))}
    frames = {"comparison.csv": pair.metrics, "attributes.csv": pair.attributes, "sequences.csv": pair.sequences}
    for name, frame in frames.items():
        if len(frame):
            made[name] = _encoded(frame.to_csv(index=False, lineterminator="\n"))
    made["comparison.tex"] = _encoded(to_latex(pair))
    for name, figure in figures(pair, films):
        made |= {f"{name}.png": to_png(figure), f"{name}.pdf": to_pdf(figure)}
    picture = strips(pair, films)
    if picture is not None:
        made |= {"strips.png": overlay.to_png(picture), "strips.pdf": to_pdf(overlay.to_figure(picture))}
    index = _encoded(to_markdown(pair, list(made), command))
    for name, content in {INDEX: index, **made}.items():
        write_bytes(folder / name, content)
    return [folder / name for name in (INDEX, *made)]


def _encoded(text: str) -> bytes:
    """In UTF-8; a name from a file system that is none may hold bytes that no encoding has."""
    return text.encode("utf-8", "replace")
