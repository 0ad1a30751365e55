"""`spm-bench weights`: get, look at and check the weights of SPM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Get, list and check the weights of SPM.", no_args_is_help=True)


@app.command("get")
def get(
    which: Annotated[
        str, typer.Argument(metavar="WHICH", help="official: the model the authors released.")
    ] = "official",
) -> None:
    """Download weights into the cache, verified; files already there are kept, and what was cut off goes on."""
    from spm_bench.errors import unknown_name
    from spm_bench.fetch.progress import choose_meter
    from spm_bench.trackers.spm.weights import download_official

    if which != "official":
        raise unknown_name("set of weights", which, ("official",))
    typer.echo(f"The released model is verified and in {download_official(meter=choose_meter())}")


@app.command("ls")
def list_weights() -> None:
    """Tell which weights are at hand."""
    from spm_bench.trackers.spm.weights import has_official, official_folder, shipped

    for name in shipped():
        typer.echo(f"{name:9} comes with the package")
    state = f"in {official_folder()}" if has_official() else "not here; get it with: spm-bench weights get official"
    typer.echo(f"official  {state}")
    typer.echo("random    always here, untrained: every table says so")


@app.command("check")
def check(
    path: Annotated[str, typer.Argument(help="A folder with cm_stage.pt and fm_stage.pt, or a safetensors file.")],
) -> None:
    """Read weights as strictly as a run would, and print their identity."""
    from spm_bench.trackers.spm.weights import find_weights

    found = find_weights(path)
    typer.echo(f"origin   {found.origin}")
    typer.echo(f"network  {found.architecture.name}")
    typer.echo(f"trained  {'yes' if found.trained else 'no'}")
    typer.echo(f"sha256   {found.sha256}")


@app.command("card")
def card(
    path: Annotated[Path, typer.Argument(help="A safetensors file that a training wrote.", metavar="FILE")],
    training: Annotated[
        Path | None, typer.Option("--training", help="Folder of its training. Default: the file's own.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write here; default: stdout.")] = None,
    figure: Annotated[str, typer.Option("--figure", help="Link to the picture of the curves.")] = "",
    command: Annotated[str, typer.Option("--command", help="That trained it, if more than spm-bench train.")] = "",
) -> None:
    """Write the model card: data, licence notes, recipe, seed, command, time, validation and limits."""
    from spm_bench.results.files import write_text
    from spm_bench.training.card import make_card

    text = make_card(path, training or path.parent, command=command, figure=figure)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)


@app.command("join")
def join(
    parts: Annotated[Path, typer.Argument(help="Folder with parts.json and the parts of a training.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of all trainings.")] = Path("runs/train"),
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite other files of the same training.")] = False,
) -> None:
    """Put a training that came in parts together; every byte is checked."""
    from spm_bench.training.parts import read_manifest
    from spm_bench.training.slim import join_training

    folder = out / read_manifest(parts).training
    manifest = join_training(parts, folder, replace=replace)
    goes_on = "only its weights" if manifest.state == "weights" else "spm-bench train goes on from it"
    typer.echo(f"{folder}: {', '.join(manifest.holds)} ({goes_on})")
