"""`spm-bench vot`: our trackers in the vot toolkit's own evaluation."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from spm_bench.cli.options import DATA, DEVICE, SEQUENCES

app = typer.Typer(help="Plug trackers into the vot toolkit (0.7.4).", no_args_is_help=True)


@app.callback()
def vot() -> None:
    """Plug trackers into the vot toolkit (0.7.4)."""


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the workspace; made if absent.")],
    tracker: Annotated[list[str], typer.Option("--tracker", help="Name or module:Class; repeat for more.")],
    suite: Annotated[str, typer.Option("--suite", help="What to track; `spm-bench ls` names the suites.")] = "vot2016",
    data: DATA = None,
    variant: Annotated[str | None, typer.Option("--variant", help="Of every tracker named in this call.")] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", help="Of every tracker named in this call: a file, official, or random.")
    ] = None,
    device: DEVICE = "auto",
    sequence: SEQUENCES = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Accept a partly present suite.")] = False,
    init_box: Annotated[
        str, typer.Option("--init-box", help="Polygon to initial box: area_preserving or axis_aligned.")
    ] = "area_preserving",
    repetitions: Annotated[int, typer.Option("--repetitions", help="Per sequence, at most.", min=1)] = 15,
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Of the baseline: supervised or multistart. Default: the suite's.")
    ] = None,
    experiment: Annotated[
        list[str] | None,
        typer.Option("--experiment", help="baseline, realtime or unsupervised; repeat for more. Default: baseline."),
    ] = None,
) -> None:
    """Make a workspace in which `vot evaluate --workspace DIR TRACKER` runs our trackers on data that are here.

    Call it again with the same suite to add trackers, for instance one with weights to one without.
    """
    from spm_bench.interop.vot import TrackerCall, init_workspace, toolkit_problem
    from spm_bench.interop.vot_stack import EXPERIMENTS
    from spm_bench.protocols.catalog import under_protocol
    from spm_bench.protocols.initial_box import check_init_box
    from spm_bench.suites import load_suite

    check_init_box(init_box)
    loaded = under_protocol(load_suite(suite, data, allow_missing=allow_missing, only=sequence), protocol)
    calls = [TrackerCall(name, variant, weights, device) for name in tracker]
    experiments = tuple(experiment or EXPERIMENTS[:1])
    names = init_workspace(folder, loaded, calls, init_box=init_box, repetitions=repetitions, experiments=experiments)
    typer.echo(f"{folder}: {loaded.title}, {loaded.coverage}, for {', '.join(names)}. Now:")
    for verb in ("evaluate", "analysis"):
        typer.echo(_toolkit_command(verb, folder, names))
    if problem := toolkit_problem():
        typer.echo(f"note: {problem}", err=True)


@app.command("import")
def take(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The workspace.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")],
    tracker: Annotated[list[str] | None, typer.Option("--tracker", help="Only this one; repeat for more.")] = None,
    experiment: Annotated[
        list[str] | None, typer.Option("--experiment", help="Only this one (baseline, ...); repeat for more.")
    ] = None,
) -> None:
    """Take the results of a workspace out into a folder that `spm-bench score` reads; binary ones become text.

    Example: spm-bench vot import WORKSPACE --out results; spm-bench score --suite vot2016 --data DATA results
    """
    from spm_bench.interop.vot_results import import_results

    copied = import_results(folder, out, trackers=tuple(tracker or ()), experiments=tuple(experiment or ()))
    for name, n in copied.items():
        typer.echo(f"{out / name}: {n} trajectories")


@app.command("export")
def give(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The workspace; make it with `spm-bench vot init`.")],
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders of this project.")],
    data: DATA = None,
) -> None:
    """Write finished runs into a workspace, in the toolkit's layout, so that `vot analysis` works on them.

    All runs must be on one suite, under one protocol.

    Example: spm-bench vot export WORKSPACE runs/vot2016/KCF-1a2b3c4d5e6f
    """
    from spm_bench.errors import UsageError
    from spm_bench.interop.vot_results import export_runs
    from spm_bench.protocols.catalog import under_protocol
    from spm_bench.results.manifest import read_manifest
    from spm_bench.suites import load_suite

    made = {(m["suite"]["name"], m["protocol"]["name"]) for m in map(read_manifest, runs)}
    if len(made) > 1:
        shown = ", ".join(sorted(f"{suite} ({protocol})" for suite, protocol in made))
        raise UsageError(f"the runs are of several kinds: {shown}", remedy="Export one kind at a time")
    ((suite, protocol),) = made
    loaded = load_suite(suite, data, allow_missing=True, annotations_only=True)
    written = export_runs(folder, runs, under_protocol(loaded, protocol))
    for name, n in written.items():
        typer.echo(f"{folder / 'results' / name}: {n} trajectories")
    typer.echo(_toolkit_command("analysis", folder, written))


def _toolkit_command(verb: str, folder: Path, names: Iterable[str]) -> str:
    """What to type for the toolkit, indented."""
    command = shlex.join(["vot", verb, "--workspace", str(folder), *names])
    return f"  VOT_RESULTS_BINARY=0 VOT_PERSISTENT_CACHE=0 {command}"


@app.command("evaluate")
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The workspace.")],
    tracker: Annotated[list[str], typer.Option("--tracker", help="Name or module:Class; repeat for more.")],
    variant: Annotated[str | None, typer.Option("--variant", help="Of every tracker named in this call.")] = None,
    weights: Annotated[str | None, typer.Option("--weights", help="Likewise: a file, official, or random.")] = None,
    device: DEVICE = "auto",
    init_box: Annotated[
        str, typer.Option("--init-box", help="Polygon to initial box: area_preserving or axis_aligned.")
    ] = "area_preserving",
    experiment: Annotated[
        list[str] | None, typer.Option("--experiment", help="Only this one of the stack; repeat for more.")
    ] = None,
) -> None:
    """Let the toolkit (0.7.4) run its experiments with our trackers in this process: as `vot evaluate`, without TraX.

    Example: spm-bench vot evaluate WORKSPACE --tracker KCF
    """
    from spm_bench.errors import UsageError
    from spm_bench.interop.vot import TrackerCall, toolkit_problem

    if problem := toolkit_problem():
        raise UsageError(problem)
    from spm_bench.interop.vot_inprocess import run_in_process

    for name in tracker:
        call = TrackerCall(name, variant, weights, device)
        identifier = run_in_process(folder, call, init_box=init_box, experiments=tuple(experiment or ()))
        typer.echo(f"{folder / 'results' / identifier}")
