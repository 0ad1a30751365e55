"""Videos made from a seed: exact ground truth, per-frame labels, and difficulty in steps.

The walk of the data: `Scene` (a few numbers) -> `cast` (who is where at which time) -> `annotate` (exact boxes and
labels) and `SyntheticFrames` (pictures). `make_scene` gives the scenes of a difficulty axis, `load_demo` the embedded
suite `demo`. To train on such videos, vary `seed`, `category` ("any-K" invents one from each K) and the strengths:

    scene = make_scene("lookalike", 3, seed=7, category="any-12")
    truth = annotate(scene)             # truth.boxes, truth.visible, truth.labels["DIST"], ...
    frame = SyntheticFrames(scene)[0]   # uint8 H x W x 3, BGR

Names are imported when first used, because drawing needs OpenCV.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spm_bench.suites.synthetic.categories import CATEGORIES as CATEGORIES
    from spm_bench.suites.synthetic.demo import DemoStep as DemoStep
    from spm_bench.suites.synthetic.demo import demo_steps as demo_steps
    from spm_bench.suites.synthetic.demo import load_demo as load_demo
    from spm_bench.suites.synthetic.frames import SyntheticFrames as SyntheticFrames
    from spm_bench.suites.synthetic.frames import make_sequence as make_sequence
    from spm_bench.suites.synthetic.scene import Scene as Scene
    from spm_bench.suites.synthetic.scene import Strengths as Strengths
    from spm_bench.suites.synthetic.steps import AXES as AXES
    from spm_bench.suites.synthetic.steps import make_scene as make_scene
    from spm_bench.suites.synthetic.truth import LABELS as LABELS
    from spm_bench.suites.synthetic.truth import Truth as Truth
    from spm_bench.suites.synthetic.truth import annotate as annotate

_HOMES = {
    "AXES": "steps",
    "CATEGORIES": "categories",
    "DemoStep": "demo",
    "LABELS": "truth",
    "Scene": "scene",
    "Strengths": "scene",
    "SyntheticFrames": "frames",
    "Truth": "truth",
    "annotate": "truth",
    "demo_steps": "demo",
    "load_demo": "demo",
    "make_scene": "steps",
    "make_sequence": "frames",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
