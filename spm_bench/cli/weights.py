"""`spm-bench weights`: get, look at and check the weights of SPM."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Get, list and check the weights of SPM.", no_args_is_help=True)


@app.command("get")
def get(
    which: Annotated[
        str, typer.Argument(metavar="WHICH", help="official: the model the authors released.")
    ] = "official",
) -> None:
    """Download weights into the cache, verified; files already there are kept."""
    from spm_bench.errors import unknown_name
    from spm_bench.trackers.spm.weights import download_official

    if which != "official":
        raise unknown_name("set of weights", which, ("official",))
    typer.echo(f"The released model is verified and in {download_official()}")


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
