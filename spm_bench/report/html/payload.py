"""The page's data: one small block for the tables and plots, and one a sequence that is read when it is opened."""

from __future__ import annotations

from typing import Any

import numpy as np

from spm_bench.report.html.encode import coordinate_scale, encode_overlaps, encode_regions, ranges, rounded
from spm_bench.report.html.figures import curve_data
from spm_bench.report.html.material import Material, in_words
from spm_bench.report.html.pictures import Film
from spm_bench.report.render import one_line
from spm_bench.report.vocabulary import style_of
from spm_bench.suites import base

UNKNOWN_SIZE_ROOM = 1.05
"""Where the pictures' size is not known, the canvas holds all annotations and a little more."""


def overview(material: Material) -> dict[str, Any]:
    """What the script needs at once: names, values per sequence, curves, moments."""
    return {
        "trackers": [t.label for t in material.trackers],
        "sequences": [
            {"name": one_line(s.name), "frames": len(s), "attributes": list(s.attributes)} for s in material.sequences
        ],
        "metrics": [
            {
                "key": metric,
                "title": style_of(metric).title,
                "words": in_words(metric),
                "decimals": style_of(metric).decimals,
                "up": material.higher_is_better[metric],
                "values": [rounded(row.tolist(), 5) for row in material.values[metric]],
            }
            for metric in material.metrics
        ],
        "curves": curve_data(material),
        "moments": [[m.sequence, m.frame, list(m.lost)] for m in material.moments],
        "restarts": material.restarts,
    }


def sequence_data(material: Material, sequence: base.Sequence, film: Film | None) -> dict[str, Any]:
    """Everything about one sequence: truth, and each tracker's overlaps and regions in its first repetition."""
    truth = sequence.ground_truth if sequence.polygons is None else sequence.polygons
    width, height, known = frame_size(sequence)
    scale = coordinate_scale(truth, (width, height))
    trackers: list[dict[str, Any] | None] = []
    for tracker in material.trackers:
        line = tracker.timelines.get(sequence.name)
        if line is None:
            trackers.append(None)
            continue
        trackers.append(
            {
                "overlaps": encode_overlaps(line.overlaps, line.states, restarts=material.restarts),
                "regions": encode_regions(line.regions, scale),
                "sides": line.regions.shape[1],
                "repetitions": line.repetitions,
                "losses": line.losses(),
            }
        )
    return {
        "size": [width, height],
        "sizeKnown": known,
        "scale": scale,
        "truth": encode_regions(truth, scale),
        "sides": truth.shape[1],
        "labels": {one_line(n): ranges(flags) for n, flags in sequence.frame_attributes.items() if flags.any()},
        "trackers": trackers,
        "film": None if film is None else {"frames": film.frames, "pictures": film.pictures},
    }


def frame_size(sequence: base.Sequence) -> tuple[int, int, bool]:
    """(width, height, whether it is known) of the frames; where it is not, of a canvas that holds the annotations."""
    if sequence.image_size is not None:
        return (*sequence.image_size, True)
    x, y, w, h = sequence.ground_truth.T
    right, bottom = np.nanmax(x + w, initial=1.0), np.nanmax(y + h, initial=1.0)
    return int(np.ceil(right * UNKNOWN_SIZE_ROOM)), int(np.ceil(bottom * UNKNOWN_SIZE_ROOM)), False
