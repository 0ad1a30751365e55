"""Temporal and spatial robustness as the OTB toolkit in python keeps them: one JSON file per sequence.

`<TRE or SRE>/<tracker>/<Sequence>.json` holds a list with an object per run: what `scripts/model/result.py` of
jwlim/tracker_benchmark @e253a48 writes and its evaluation reads. Boxes are 1-based; frames are picture numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from spm_bench.protocols.shifts import SHIFTS
from spm_bench.results.formats import OTB_ORIGIN
from spm_bench.results.layouts import get_layout
from spm_bench.results.manifest import Manifest
from spm_bench.suites.facts import suite_facts, suite_names

EVALUATIONS = {"tre": "TRE", "sre": "SRE"}
"""Protocol -> the toolkit's name for it."""


def robustness_members(manifest: Manifest, raw: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each file of the archive.

    Args:
        manifest: Of a finished run under one of `EVALUATIONS`.
        raw: Its folder of raw files.

    Raises:
        ResultsError: A raw file is missing or damaged.
    """
    evaluation, suite = EVALUATIONS[manifest["protocol"]["name"]], manifest["suite"]["name"]
    facts = suite_facts(suite) if suite in suite_names() else None
    firsts = {} if facts is None else {item.name: item.first for item in facts.sequences}
    origin = 1 if facts is None else facts.origin
    for name, entry in manifest["sequences"].items():
        first = firsts.get(name, 1)
        runs = list(_runs(manifest, raw, name, entry["frames"], first, evaluation, origin))
        yield f"{evaluation}/{manifest['label']}/{name}.json", json.dumps(runs)


def _runs(
    manifest: Manifest, raw: Path, name: str, n_frames: int, first: int, evaluation: str, origin: int
) -> Iterator[dict[str, object]]:
    layout = get_layout(manifest["family"])
    for index, number in enumerate(layout.numbers(raw, name)):
        begin = 0 if layout.spans is None else number
        one = layout.read(raw, name, n_frames - begin, repetition=number, whole=True, origin=origin)
        timed = one.seconds[np.isfinite(one.seconds)]
        yield {
            "tracker": manifest["label"],
            "seqName": name,
            "startFrame": first + begin,
            "endFrame": first + n_frames - 1,
            "evalType": evaluation,
            "fps": len(timed) / float(timed.sum()) if timed.sum() > 0 else None,
            "shiftType": SHIFTS[index] if evaluation == "SRE" else None,
            "resType": "rect",
            "tmplsize": None,
            "res": np.add(one.boxes, (OTB_ORIGIN, OTB_ORIGIN, 0, 0)).tolist(),
        }
