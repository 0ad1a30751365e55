"""Puts the page together: templates, style and script in one file, and a policy that forbids it every other source."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from spm_bench import __version__
from spm_bench.report.attributes import attribute_metric, attribute_table
from spm_bench.report.html import PageOptions
from spm_bench.report.html.encode import script_json
from spm_bench.report.html.figures import make_plots
from spm_bench.report.html.looks import DARK_GROUND, DASHES, LIGHT_GROUND, palette
from spm_bench.report.html.material import Material, gather, in_words
from spm_bench.report.html.origin import origin_of, typed
from spm_bench.report.html.payload import overview, sequence_data
from spm_bench.report.html.pictures import make_film, make_strips
from spm_bench.report.render import one_line
from spm_bench.report.tables import build_table, coverage
from spm_bench.report.vocabulary import style_of
from spm_bench.report.writer import command
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.timeline import LOST_BELOW, LOST_FOR
from spm_bench.suites.base import Suite

SCRIPTS = ("decode", "dom", "trackers", "tables", "plots", "timeline", "scene", "sequence", "main")
"""Files of `static/`, in the order they need each other."""
SHADES = 10
"""Steps of the shading of cells between 0 and 1."""
MOST_MOMENTS = 60
"""Rows of the table of losses; each sequence's own page has all of its own."""
OPEN_STRIPS = 4
"""Film strips shown unfolded: more would push everything else off the page."""


def render_page(scored: Sequence[tuple[Evaluation, ResultSet]], suite: Suite, options: PageOptions) -> str:
    """The text of the page (see `spm_bench.report.html.write_page`)."""
    material = gather(scored, suite, options.convention)
    template = environment().get_template("page.html.j2")
    # gathered first: pictures are the slow part, and the one that may fail
    strips = list(make_strips(material)) if options.strips else []
    style, script, early = Markup(page_style()), Markup(_script(*SCRIPTS)), Markup(_script("early"))
    evaluations = material.evaluations
    metric = attribute_metric(evaluations, material.headline)
    return template.render(
        title=one_line(suite.title),
        suite=suite,
        coverage=coverage(evaluations, suite),
        material=material,
        table=build_table(evaluations, suite, published=options.published),
        attributes=None if metric is None else attribute_table(evaluations, suite, metric),
        attribute_words="" if metric is None else in_words(metric),
        plots=make_plots(material),
        values=material.values[material.metrics[0]] if material.metrics else None,
        value_style=style_of(material.metrics[0]) if material.metrics else None,
        value_words=in_words(material.metrics[0]) if material.metrics else "",
        moments=sorted(material.moments, key=lambda m: -len(m.lost))[:MOST_MOMENTS],
        strips=strips,
        open_strips=OPEN_STRIPS,
        rule={"below": LOST_BELOW, "frames": LOST_FOR},
        index_of={t.label: t.index for t in material.trackers},
        origins=[origin_of(t) for t in material.trackers],
        page_command=typed(options.command),
        score_command=command(evaluations, suite),
        siblings=options.siblings,
        version=__version__,
        style=style,
        script=script,
        early=early,
        policy=policy(style, (early, script)),
        overview=script_json(overview(material)),
        sequences=_sequence_scripts(material, options.frames),
    )


def policy(style: str, scripts: Sequence[str]) -> str:
    """Content security policy: this style, these scripts, embedded pictures, and nothing from anywhere."""
    allowed = " ".join(_hash(text) for text in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def shade(value: float | None) -> int | None:
    """Step of the shading of a value between 0 and 1; None for what cannot be shaded."""
    if value is None or not np.isfinite(value) or not 0.0 <= value <= 1.0:
        return None
    return min(int(value * SHADES), SHADES - 1)


def _sequence_scripts(material: Material, frames: bool) -> list[Markup]:
    return [
        script_json(sequence_data(material, sequence, make_film(sequence) if frames else None))
        for sequence in material.sequences
    ]


def environment() -> jinja2.Environment:
    """Templates of pages: everything is escaped, and a name that is not there is an error."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("spm_bench.report.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"one_line": one_line, "shade": shade, "finite": _finite}
    made.globals |= {"zip": zip, "style_of": style_of}
    return made


def _finite(value: Any) -> bool:
    return value is not None and bool(np.isfinite(value))


def page_style() -> str:
    """The style sheet of all pages."""
    template = environment().get_template("style.css.j2")
    return template.render(
        palette=palette(), dashes=DASHES, grounds={"light": LIGHT_GROUND, "dark": DARK_GROUND}, shades=SHADES
    )


def _script(*names: str) -> str:
    files = resources.files("spm_bench.report.html") / "static"
    parts = [(files / f"{name}.js").read_text(encoding="utf-8") for name in names]
    return '(function () {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def _hash(text: str) -> str:
    """How a policy names an inline text: by its hash, as the browser computes it from the element's content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
