"""Weights that others published for the rivals of SPM, read from their own files into networks of ours.

One module per format: the names and shapes of its parameters, the network of ours that computes the same, and the
settings its authors ran it with. Facts about formats are from their authors' repositories, named in each module.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spm_bench.errors import WeightsError, listed
from spm_bench.models.checkpoint import Weights, fit, read_foreign_state, state_digest
from spm_bench.models.published import dasiamrpn, pysiamtracking, pysot, siamfc
from spm_bench.models.published.layout import COUNTER, Layout, State

LAYOUTS: Sequence[Layout] = (*siamfc.LAYOUTS, *pysot.LAYOUTS, *dasiamrpn.LAYOUTS, *pysiamtracking.LAYOUTS)
"""Every format that can be read."""

REFUSED = {
    "backbone.layer4.0.conv1.weight": "a ResNet of PySOT, which is made with stride 8 by dilation",
    "z_net.conv2.0.conv1.weight": "a ResNet of PySiamTracking",
    "head.pre_convs.0.weight": "a depth-wise network of PySiamTracking, whose head is not PySOT's",
    "head.score_bias": "SiamFC of PySiamTracking, whose embedding is a layer of one cell",
}
"""A parameter that tells a known format which has no counterpart here -> what it is."""

LEAST_SHARE = 0.5
"""Of a layout's names that a file has, for it to be taken for that layout with faults; below it is something else."""


def read_published(path: Path) -> Weights:
    """Read published weights: a file that torch wrote, in one of `LAYOUTS`.

    Args:
        path: The file as its authors published it, whatever its name.

    Returns:
        Weights of a network of ours that gives the same response, with the settings its authors ran it with.

    Raises:
        WeightsError: The file is missing or broken, in no known layout, or names and shapes are not exactly its
            layout's.
    """
    state = {name: tensor for name, tensor in read_foreign_state(path).items() if not name.endswith(COUNTER)}
    for mark, what in REFUSED.items():
        if mark in state:
            raise WeightsError(f"{what}: no network here computes the same", where=path, remedy=_known())
    layout = max(LAYOUTS, key=lambda layout: _agreement(layout, state))
    if len(layout.shapes.keys() & state.keys()) < LEAST_SHARE * len(layout.shapes):
        raise WeightsError(
            f"parameters in no layout that is known (first: {listed(sorted(state), 3) or 'none'})",
            where=path,
            remedy=_known(),
        )
    layout.check(state, path)
    converted = layout.convert({name: state[name].float() for name in layout.shapes})
    fitted = fit(converted, path, layout.architecture)
    return Weights(fitted, state_digest(fitted), path.name, True, layout.architecture, layout.settings)


def _agreement(layout: Layout, state: State) -> tuple[float, int]:
    """How well a file agrees with a layout: by its names, and of layouts with the same names by shapes."""
    names = layout.shapes.keys() & state.keys()
    return len(names) / len(layout.shapes.keys() | state.keys()), sum(
        state[name].shape == layout.shapes[name] for name in names
    )


def _known() -> str:
    return f"Formats that can be read: {', '.join(layout.name for layout in LAYOUTS)}"
