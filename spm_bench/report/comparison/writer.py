"""Writes the folder of a comparison: index, page, tables and figures."""

from __future__ import annotations

from pathlib import Path

from spm_bench.report import overlay
from spm_bench.report.comparison.figures import Films, figures, strips
from spm_bench.report.comparison.film import film
from spm_bench.report.comparison.page import render_comparison
from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.comparison.text import ABOUT, to_latex, to_markdown
from spm_bench.report.folder import Content, encoded, write_folder
from spm_bench.report.style import to_pdf

INDEX = "README.md"


def write(pair: PairComparison, folder: Path, *, command: tuple[str, ...]) -> list[Path]:
    """See `spm_bench.report.comparison.write_comparison`."""
    # everything is made before the first file is written: a failure leaves an earlier comparison as it was
    films: Films = {t.sequence.name: film(t) for t in pair.tellings if pair.strips and t.has_pictures}
    made: dict[str, Content] = {"comparison.html": render_comparison(pair, films, command=command)}
    frames = {"comparison.csv": pair.metrics, "attributes.csv": pair.attributes, "sequences.csv": pair.sequences}
    for name, frame in frames.items():
        if len(frame):
            made[name] = frame.to_csv(index=False, lineterminator="\n")
    made |= {"comparison.tex": to_latex(pair), **dict(figures(pair, films))}
    picture = strips(pair, films)
    if picture is not None:
        made |= {"strips.png": overlay.to_png(picture), "strips.pdf": to_pdf(overlay.to_figure(picture))}
    files = encoded(made)
    index = encoded({INDEX: to_markdown(pair, list(files), command)})
    return write_folder(folder, {**index, **files}, ABOUT)
