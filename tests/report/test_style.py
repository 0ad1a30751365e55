"""How figures show themselves in a notebook."""

from __future__ import annotations

import matplotlib.image
import pandas as pd
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure

from spm_bench.report import style
from spm_bench.report.figures_vot import ranking_plot


def make() -> Figure:
    return ranking_plot(pd.DataFrame({"tracker": ["a", "b"], "metric": "eao", "value": [0.3, 0.4]}), "Two")


def test_a_notebook_shows_a_picture_without_pyplot() -> None:
    """The formatter of a fresh kernel, in which no cell said `%matplotlib inline`."""
    data, metadata = DisplayFormatter().format(make())
    assert set(data) == {"image/png", "text/plain"}
    assert data["image/png"] == style.to_png(make())
    width = metadata["image/png"]["width"]
    assert width == round(style.SHOWN_DPI * style.ONE_COLUMN)
    assert width < style.PNG_DPI * style.ONE_COLUMN  # pixels to spare: sharp on a fine screen


def test_it_may_be_changed_and_shown_again(tmp_path) -> None:  # type: ignore[no-untyped-def]
    figure, formatter = make(), DisplayFormatter()
    first, _ = formatter.format(figure)
    assert formatter.format(figure)[0] == first
    figure.set_size_inches(style.TWO_COLUMNS, 3.0)
    figure.axes[0].set_ylabel("a label that needs room")
    data, metadata = formatter.format(figure)
    assert metadata["image/png"] == {"width": 910, "height": 390}
    (tmp_path / "it.png").write_bytes(data["image/png"])
    ink = matplotlib.image.imread(tmp_path / "it.png")[..., :3].min(axis=2) < 0.9
    assert not ink[:, 0].any(), "the label is cut: the layout was not made anew"
    assert not ink[:, -1].any()
