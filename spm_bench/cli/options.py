"""Options that several verbs share: one text for each, whoever takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CONVENTION = Annotated[str | None, typer.Option("--convention", help="Rules of scoring. Default: the benchmark's own.")]
DATA = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Data root or the suite's own folder. Default: SPM_BENCH_DATA, else the user's data folder."
    ),
]
DATA_AS_FOR_RUN = Annotated[
    Path | None, typer.Option("--data", help="Data root, or the suite's folder; as for `spm-bench run`.")
]
DATA_OF_RUNS = Annotated[
    Path | None,
    typer.Option("--data", help="Data root or the suite's folder. Default: a run's own, SPM_BENCH_DATA, the user's."),
]
DATA_OR_VIDEO = Annotated[
    Path | None,
    typer.Option("--data", help="Data root, the suite's folder, or a video. Default: SPM_BENCH_DATA, else the user's."),
]
DEVICE = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, ...")]
METRICS = Annotated[
    list[str] | None, typer.Option("--metric", help="One more metric, or module:object; repeat for more.")
]
NO_REPORT = Annotated[bool, typer.Option("--no-report", help="Run and print only.")]
PROTOCOL_OF_RESULTS = Annotated[
    str | None, typer.Option("--protocol", help="Of raw results. Default: the suite's own.", show_default=False)
]
RUNS_OUT = Annotated[Path, typer.Option("--out", help="Folder of all runs.")]
SEQUENCES = Annotated[list[str] | None, typer.Option("--sequence", help="Only this one; repeat for more.")]
SUITE_OF_RESULTS = Annotated[
    str | None, typer.Option("--suite", help="Suite of raw results. Run folders know theirs.", show_default=False)
]
WEIGHTS = Annotated[
    str | None, typer.Option("--weights", help="official, a file, a folder, or random (tables then say untrained).")
]
