"""`spm-bench vot`: our trackers in the vot toolkit's own evaluation."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Plug trackers into the vot toolkit (0.7.4).", no_args_is_help=True)


@app.callback()
def vot() -> None:
    """Plug trackers into the vot toolkit (0.7.4)."""


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the workspace; made if absent.")],
    tracker: Annotated[list[str], typer.Option("--tracker", help="Name or module:Class; repeat for more.")],
    suite: Annotated[str, typer.Option("--suite", help="What to track; `spm-bench ls` names the suites.")] = "vot2016",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Data root or the suite's own folder. Default: SPM_BENCH_DATA, else the user's data folder."
        ),
    ] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="Of every tracker named in this call.")] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", help="Of every tracker named in this call: a file, official, or random.")
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    sequence: Annotated[list[str] | None, typer.Option("--sequence", help="Only this one; repeat for more.")] = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Accept a partly present suite.")] = False,
    init_box: Annotated[
        str, typer.Option("--init-box", help="Polygon to initial box: area_preserving or axis_aligned.")
    ] = "area_preserving",
    repetitions: Annotated[int, typer.Option("--repetitions", help="Per sequence, at most.", min=1)] = 15,
) -> None:
    """Make a workspace in which `vot evaluate --workspace DIR TRACKER` runs our trackers on data that are here.

    Call it again with the same suite to add trackers, for instance one with weights to one without.
    """
    from spm_bench.errors import unknown_name
    from spm_bench.interop.vot import TrackerCall, init_workspace, toolkit_problem
    from spm_bench.protocols.initial_box import INIT_BOXES
    from spm_bench.suites import load_suite

    if init_box not in INIT_BOXES:
        raise unknown_name("rule for the initial box", init_box, INIT_BOXES)
    loaded = load_suite(suite, data, allow_missing=allow_missing, only=sequence)
    calls = [TrackerCall(name, variant, weights, device) for name in tracker]
    names = init_workspace(folder, loaded, calls, init_box=init_box, repetitions=repetitions)
    typer.echo(f"{folder}: {loaded.title}, {loaded.coverage}, for {', '.join(names)}. Now:")
    for verb in ("evaluate", "analysis"):
        command = shlex.join(["vot", verb, "--workspace", str(folder), *names])
        typer.echo(f"  VOT_RESULTS_BINARY=0 VOT_PERSISTENT_CACHE=0 {command}")
    if problem := toolkit_problem():
        typer.echo(f"note: {problem}", err=True)
