"""One look for all figures: colour-blind-safe colours with line styles, fixed sizes, the same bytes every time.

Figures are built without pyplot, so there is no global state, and need neither a display nor TeX.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.legend import Legend
from matplotlib.text import Text

from spm_bench.report.render import one_line

ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0
"""Figure widths in inches that fit one and two columns of the usual two-column paper formats."""
PNG_DPI = 200
SHOWN_DPI = 130
"""Pixels of a page to the inch of a figure in a notebook: two columns of print take the width of its text."""
MANY = 10
"""With more trackers than this, the legend moves from under the axes to their right: the figure is two columns wide."""
TITLE_LETTERS = 15.5
"""Letters of a title in an inch: 8 points of the base font, a little wider than its mean."""
LONGEST_NAME = 34
"""Longer names are cut in the middle in figures (their ends tell variants apart); tables print them whole."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#8C6D31")
"""Okabe and Ito's colour-blind-safe set, with its yellow, too light for thin lines on white, replaced by brown."""
LINES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (8, 1.5, 1.2, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p", "h")

BETTER, WORSE, NOISE = "#0072B2", "#D55E00", "#5f5f5f"
"""Differences: what helps, what hurts, and what may be neither. Blue and vermilion are apart for all colour vision."""
UNKNOWN = "#d0d0d0"
"""Where there is no value."""
SHADES = "viridis"
"""Colour map of heat maps and strips: lightness only grows, so it is read in grey and by all colour vision."""
BAND_ALPHA = 0.16

FALLBACK_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC")
"""Used for letters the base font lacks, where installed."""

_STYLE: dict[str, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.3,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.2,
    "text.usetex": False,
    "text.parse_math": False,  # "$" in a name is a dollar
    "axes.formatter.use_mathtext": False,
    "pdf.fonttype": 42,  # embedded TrueType: text stays text for editors and submission checks
    "svg.hashsalt": "spm_bench",
    "svg.fonttype": "path",  # letters as outlines: the file needs no font where it is opened
}


@dataclass(frozen=True)
class Look:
    """How one tracker is drawn in every figure of a report."""

    colour: str
    line: str | tuple[float, tuple[float, ...]]
    marker: str


def look(index: int) -> Look:
    """The look of the tracker at `index` of the ranking.

    Neighbours differ in colour and in line style, for print in grey; as 8 colours and 5 line styles have no common
    divisor, the first 40 looks are all different.
    """
    return Look(
        COLOURS[index % len(COLOURS)],
        LINES[index % len(LINES)],
        MARKERS[index % len(MARKERS)],
    )


@contextmanager
def figure_style() -> Iterator[None]:
    """Build or save figures inside this block: fixed settings whatever the user's matplotlibrc says."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = ["DejaVu Sans", *(f for f in FALLBACK_FONTS if f in installed)]
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        settings: Any = matplotlib.rcParams  # its key type differs between releases
        settings.update({**_STYLE, "font.family": fonts})
        # a name in a script no installed font has is drawn as boxes; that is no reason to fail
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        yield


class ShownFigure(Figure):
    """A figure that a notebook shows as the value of a cell: once, in the style it was made in, without pyplot."""

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], Any]:
        """What IPython asks for: a PNG and how large it is on the page."""
        engine = self.get_layout_engine()
        picture = to_png(self)
        self.set_layout_engine(engine)  # it may be changed and shown again
        width, height = (round(SHOWN_DPI * float(inch)) for inch in self.get_size_inches())
        return {"image/png": picture, "text/plain": repr(self)}, {"image/png": {"width": width, "height": height}}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches with an Agg canvas."""
    figure = ShownFigure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plain(text: Text, content: str) -> None:
    """Set a text that is printed as it stands, whoever draws the figure later: no `$...$` mathematics."""
    text.set_parse_math(False)
    text.set_text(content)


def short_name(name: str) -> str:
    """A name for a figure: one line, cut in the middle if very long."""
    name = one_line(name)
    if len(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def wrapped(text: str, width: float) -> str:
    """Break a line of a title (8 points) at spaces so that it fits a figure of this width in inches."""
    line = one_line(text)
    return "\n".join(textwrap.wrap(line, int(TITLE_LETTERS * width))) or line


def legend_rows(labels: Sequence[str], wide: bool, columns: int | None = None) -> int:
    """How many lines the legend of `add_legend` has, for the height of the figure."""
    return -(-len(labels) // (columns or _legend_columns(labels, wide)))


def _legend_columns(labels: Sequence[str], wide: bool) -> int:
    if wide:
        return 1 if len(labels) <= 24 else 2
    return 2 if len(labels) > 2 and max(map(len, labels)) <= 24 else 1


def columns_below(labels: Sequence[str]) -> int:
    """How many columns of a legend fit below the axes of a figure of two columns."""
    return min(len(labels), 4 if max(map(len, labels)) <= 24 else 3)


def add_legend(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], wide: bool, columns: int | None = None
) -> Legend:
    """Put a legend outside the axes: below in a narrow figure, to the right in a wide one; many entries shrink it.

    Args:
        figure: Whose legend it is. A title is set after it (see `figures.head`), so that the two do not meet.
        handles: What the entries look like.
        labels: Their names, drawn as they stand.
        wide: Whether the legend goes to the right.
        columns: Of the legend; None: as many as suit.
    """
    blank = ["x"] * len(labels)  # matplotlib drops labels that start with "_" and sets those with "$" as formulas
    size = float(np.clip(6.5 - 0.07 * (len(labels) - MANY), 4.5, 6.5))
    place: Literal["outside right upper", "outside lower center"] = (
        "outside right upper" if wide else "outside lower center"
    )
    legend: Legend = figure.legend(
        handles, blank, loc=place, ncols=columns or _legend_columns(labels, wide), fontsize=size
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        plain(text, label)
    return legend


def to_png(figure: Figure) -> bytes:
    """Render as PNG; the same figure gives the same bytes."""
    return _save(figure, "png", {"Software": None}, dpi=PNG_DPI)


def to_pdf(figure: Figure) -> bytes:
    """Render as PDF without dates, so that the same figure gives the same bytes."""
    return _save(figure, "pdf", {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": "spm_bench"})


def to_svg(figure: Figure) -> bytes:
    """Render as SVG without date; letters are outlines. The same figure gives the same bytes."""
    return _save(figure, "svg", {"Date": None, "Creator": "spm_bench"})


def _save(figure: Figure, form: str, metadata: dict[str, str | None], dpi: int | None = None) -> bytes:
    stream = io.BytesIO()
    with figure_style():
        if not isinstance(figure.get_layout_engine(), PlaceHolderLayoutEngine | None):
            # laid out once: a second time would move things by fractions of a point, so that bytes would differ
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        figure.savefig(stream, format=form, metadata=metadata, dpi=dpi or "figure")
    return stream.getvalue()
