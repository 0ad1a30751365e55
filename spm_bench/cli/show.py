"""`spm-bench show`: a sequence of a run as a video, a GIF or a sheet of pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from spm_bench.cli.options import PROTOCOL_OF_RESULTS, SUITE_OF_RESULTS
from spm_bench.errors import UsageError


def show(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Run folders, folders of those, or folders of anybody's raw results (these need --suite).",
            show_default=False,
        ),
    ],
    sequence: Annotated[str, typer.Argument(metavar="SEQUENCE", help="Name of the sequence.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The file; .mp4, .gif or .png. Default: SEQUENCE.mp4.", show_default=False),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", help="mp4, gif, or png: a sheet. Default: by the ending of --out.", show_default=False
        ),
    ] = None,
    frames: Annotated[
        str | None, typer.Option("--frames", help="Only these, counted from 1: 10-40,55.", show_default=False)
    ] = None,
    every: Annotated[int, typer.Option("--every", metavar="N", help="Only every Nth of the frames.")] = 1,
    failures: Annotated[bool, typer.Option("--failures", help="Only the frames around losses of the target.")] = False,
    proposals: Annotated[
        bool | None,
        typer.Option(
            "--proposals/--no-proposals",
            help="Run SPM again and show what it decided between. Default: if a run is of SPM and can be run again.",
            show_default=False,
        ),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(
            "--of", metavar="LABEL", help="Whose decisions. Default: the first run of SPM.", show_default=False
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option("--fps", help="Pictures a second. Default: 10 with proposals, else 25.", show_default=False),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option("--width", help="Pixels of the whole picture. Default: what suits.", show_default=False),
    ] = None,
    suite: SUITE_OF_RESULTS = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Data root or the suite's own folder. Default: where the run's were, else the usual."
        ),
    ] = None,
    protocol: PROTOCOL_OF_RESULTS = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights", help="Where the run's weights are now. Default: where they were.", show_default=False
        ),
    ] = None,
) -> int:
    """Draw what trackers did on a sequence: their boxes, the ground truth, and why SPM decided as it did.

    Of a run of SPM each picture shows the candidates of the coarse stage with their scores (CM, FM, fused, window),
    which one won, and why, in words. The tracker is run again for that, and its boxes are compared with the recorded
    ones.

    Exit code: 0 written, 1 written, but the boxes of the repeated run are not the recorded ones, 2 something must be
    mended.

    Example: spm-bench show runs/demo lookalike-4 --frames 17-21 --out why.png
    """
    from spm_bench.cli import EXIT_FAILED, EXIT_OK
    from spm_bench.show import ShowRequest
    from spm_bench.show import show as write

    request = ShowRequest(
        *_group(runs, sequence, suite, protocol),
        data=data, out=out, form=form, frames=frames, every=every, failures=failures,
        fps=fps, width=width, proposals=proposals, of=of, weights=weights,
    )  # fmt: skip
    found = write(request)
    for note in found.notes:
        print(note, file=sys.stderr)
    if found.explained is not None:
        same = f"{found.explained} run again: its boxes are the recorded ones"
        print(f"warning: {found.difference}" if found.difference else same, file=sys.stderr)
    what = f"{found.pictures} picture{'s' * (found.pictures != 1)}" + (f", {found.codec}" if found.codec else "")
    print(f"show: {found.path} ({what})", file=sys.stderr)
    return EXIT_FAILED if found.difference else EXIT_OK


def _group(
    paths: list[Path], sequence: str, suite: str | None, protocol: str | None
) -> tuple[tuple[Path, ...], str, str, str | None]:
    """Folders, suite, sequence and protocol of the one group of results that has the sequence."""
    from spm_bench.cli.report import find_groups

    groups = find_groups(paths, suite, protocol)
    having = [group for group in groups if group.sequences is None or sequence in group.sequences] or groups
    if len(having) > 1:
        titles = ", ".join(f"{group.suite} ({group.protocol})" for group in having)
        raise UsageError(f"these are runs on {titles}", remedy="Name the runs of one suite and protocol")
    group = having[0]
    return tuple(group.folders), group.suite, sequence, group.protocol
