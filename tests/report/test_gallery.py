"""The gallery: every figure of the manual is in it, and is inside its sheet whatever it is drawn of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spm_bench.errors import ResultsError
from spm_bench.report import style
from tests.report.gallery import FIELDS, FIGURES
from tests.report.test_figures import assert_nothing_is_cut_off

SOURCE = Path(__file__).with_name("gallery.py")
MANUAL = Path(__file__).parents[2] / "docs" / "reference" / "python-report.md"


def test_the_gallery_has_every_figure_of_the_manual() -> None:
    section = MANUAL.read_text(encoding="utf-8").partition("## Figures")[2].partition("\n## ")[0]
    figures = set(
        re.findall(
            r"\w+_plot|\w*attribute_bars|attribute_radar|waterfall|overlap_strips|response_curves|heat_map", section
        )
    )
    assert len(figures) == 12
    source = SOURCE.read_text(encoding="utf-8")
    assert not [name for name in figures if f"{name}(f" not in source]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("field", ["one", "names"])
def test_every_figure_is_inside_its_sheet(name: str, field: str) -> None:
    make, draw = FIGURES[name]
    figure = draw(make(FIELDS[field]))
    assert_nothing_is_cut_off(figure)
    assert figure.get_size_inches()[0] in (style.ONE_COLUMN, style.TWO_COLUMNS)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_nothing_is_refused(name: str) -> None:
    make, draw = FIGURES[name]
    with pytest.raises(ResultsError, match=r"no row|nothing|no tracker"):
        draw(make(FIELDS["one"]).iloc[:0])
