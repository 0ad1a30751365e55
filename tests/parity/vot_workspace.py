"""A workspace of the vot toolkit made from arrays, and its analyses run in this process.

Raw files are written here on their own, by the format's description, so that an error of this project's writers cannot
hide from the comparison. Only the first picture exists: the toolkit takes the size from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from spm_bench.results.trajectory import FrameState, Trajectory

ANALYSES = ("supervised_average_ar", "cumulative_failures", "supervised_eao_score", "supervised_eao_curve")
"""Names of the analyses in every VOT stack of 2015 to 2019."""


@dataclass(frozen=True, eq=False)
class Video:
    """Annotations (n x 8 or n x 4) of one sequence, its picture size, and a tracker's repetitions."""

    name: str
    size: tuple[int, int]
    truth: np.ndarray[Any, np.dtype[np.float64]]
    passes: Sequence[Trajectory]


def numbers(values: Sequence[float]) -> str:
    return ",".join(repr(float(v)) for v in values)


def raw_lines(trajectory: Trajectory) -> list[str]:
    """The lines of a VOT trajectory file: the code of a state, or the region."""
    regions = trajectory.boxes if trajectory.polygons is None else trajectory.polygons
    return [
        numbers(region) if state == FrameState.TRACKED else str(int(state))
        for state, region in zip(trajectory.states, regions, strict=True)
    ]


def write_results(folder: Path, videos: Sequence[Video], tracker: str = "Some") -> None:
    """Write the raw files of a tracker into a workspace."""
    for video in videos:
        results = folder / "results" / tracker / "baseline" / video.name
        results.mkdir(parents=True)
        for k, one in enumerate(video.passes, 1):
            (results / f"{video.name}_{k:03d}.txt").write_text("\n".join(raw_lines(one)) + "\n")
            (results / f"{video.name}_{k:03d}_time.value").write_text("0.1\n" * len(one))


def write_workspace(
    folder: Path, videos: Sequence[Video], interval: tuple[int, int], trackers: Sequence[str] = ("Some",)
) -> None:
    """Write configuration, annotations, and the results of the first tracker."""
    low, high = interval
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("registry:\n- ./trackers.ini\nstack: stack.yaml\nsequences: sequences\n")
    sections = [f"[{tracker}]\nprotocol = traxpython\ncommand = none\n" for tracker in trackers]
    (folder / "trackers.ini").write_text("\n".join(sections))
    analyses = "".join(
        f"      - type: {name}\n" + (f"        low: {low}\n        high: {high}\n" if name.endswith("score") else "")
        for name in ANALYSES
    )
    (folder / "stack.yaml").write_text(
        "title: Small\nexperiments:\n  baseline:\n    type: supervised\n    repetitions: 15\n"
        f"    skip_initialize: 5\n    analyses:\n{analyses}"
    )
    for video in videos:
        place = folder / "sequences" / video.name
        place.mkdir(parents=True)
        width, height = video.size
        (place / "sequence").write_text(
            f"channels.color=%08d.jpg\nname={video.name}\nfps=30\nwidth={width}\nheight={height}\n"
            f"length={len(video.truth)}\n"
        )
        (place / "groundtruth.txt").write_text("".join(numbers(row) + "\n" for row in video.truth))
        cv2.imwrite(str(place / "00000001.jpg"), np.zeros((height, width, 3), np.uint8))
    write_results(folder, videos, trackers[0])
    (folder / "sequences" / "list.txt").write_text("".join(f"{v.name}\n" for v in videos))


def analyse(folder: Path, *trackers: str) -> Mapping[str, Any]:
    """Run all analyses of a workspace's stack; name of the analysis -> what it returned for the trackers ("Some")."""
    # the toolkit reads its settings from the environment when it is first imported
    os.environ.update(VOT_PERSISTENT_CACHE="0", VOT_RESULTS_BINARY="0")
    from vot.analysis.processor import AnalysisProcessor, process_stack_analyses
    from vot.workspace import Workspace

    workspace = Workspace.load(str(folder))
    with AnalysisProcessor():
        found = process_stack_analyses(workspace, workspace.registry.resolve(*(trackers or ("Some",))))
    return {type(analysis).__name__: grid for results in found.values() for analysis, grid in results.items()}
