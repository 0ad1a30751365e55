"""The work of `show`: find results and pictures, choose frames, draw them one by one, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from spm_bench.engine.progress import Progress, choose_progress
from spm_bench.errors import ResultsError, SpmBenchError, UsageError, listed, unknown_name
from spm_bench.protocols.catalog import under_protocol
from spm_bench.report.footage import FORMATS, check_amount, write_gif, write_sheet, write_video
from spm_bench.report.lettering import Picture
from spm_bench.report.overlay import GAP, captioned, draw, frames_of, outlines_at
from spm_bench.report.scenes import NARROWEST, Cast, caption, draw_foot, draw_scene
from spm_bench.reproduce.described import data_of
from spm_bench.results.files import RUN_FILE, check_way
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.manifest import read_manifest
from spm_bench.results.runs import RunResults
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.timeline import timelines
from spm_bench.show.decisions import decision_of
from spm_bench.show.frames import around_losses, evenly, parse_frames
from spm_bench.show.replay import LatestFrame, Replay, make_replay, may_be_traced
from spm_bench.show.request import ShowOutcome, ShowRequest
from spm_bench.suites import base, load_suite

EXPLAINED_FPS, PLAIN_FPS = 10.0, 25.0
"""Pictures a second: a decision takes time to read."""
EXPLAINED_WIDTH = 1280
PLAIN_WIDTHS = (640, 1280)
"""Narrowest and widest picture by default; in between it is the frame's own."""
SHEET_WIDTH = 1600
CELL = 320
"""Least width of a picture in a sheet."""
SHEET_CELLS, SHEET_SCENES = 12, 4
"""Pictures of a sheet where nothing else is asked for, without and with decisions."""


def write_show(request: ShowRequest, progress: Progress | None) -> ShowOutcome:
    """See `spm_bench.show.show`."""
    form, out = _file(request)
    _check_numbers(request)
    suite, sequence = _load(request)
    results, notes = _results(request, suite, sequence)
    check_way(out.parent)
    replay, note = _replay(request, results, sequence)
    if replay is not None:  # who is explained is drawn on top, in the first colour
        results.sort(key=lambda found: found.label != replay.label)
    lines = tuple(timelines(suite, found)[sequence.name] for found in results)
    shown = Cast(sequence, tuple(found.label for found in results), lines)
    if replay is not None:
        shown = replace(shown, explained=0, candidates=replay.tracker.config.candidates)
    frames = _frames(request, shown, form)
    film = _Film(shown, frames, replay, progress or choose_progress(quiet=request.quiet), _width(request, shown, form))
    fps = request.fps or (PLAIN_FPS if replay is None else EXPLAINED_FPS)
    codec = film.write(form, out, fps)
    told = "" if replay is None else replay.told()
    explained = None if replay is None else replay.label
    return ShowOutcome(out, len(frames), codec, explained, told, (*notes, *note))


def _file(request: ShowRequest) -> tuple[str, Path]:
    """Format and file.

    Raises:
        UsageError: They contradict each other, or the format is none.
    """
    ending = "" if request.out is None else request.out.suffix.lower().removeprefix(".")
    if request.form is not None and request.form not in FORMATS:
        raise unknown_name("format", request.form, FORMATS)
    if request.out is None:
        form = request.form or FORMATS[0]
        return form, Path(f"{request.sequence}.{form}")
    if request.out.is_dir():
        raise UsageError(
            "is a folder, not a file", where=request.out, remedy=f"Name a file, such as {request.out}/x.mp4"
        )
    if ending not in FORMATS:
        known = ", ".join(f".{form}" for form in FORMATS)
        raise UsageError(f"{request.out} has the ending of no format", remedy=f"Known endings: {known}")
    if request.form not in (None, ending):
        raise UsageError(f"{request.out} is no {request.form}", remedy="Leave --format out, or change the ending")
    return ending, request.out


def _check_numbers(request: ShowRequest) -> None:
    if request.every < 1:
        raise UsageError(f"--every {request.every} shows nothing", remedy="Give 1 or more")
    if request.fps is not None and not 0.1 <= request.fps <= 240:
        raise UsageError(f"--fps {request.fps:g} cannot be played", remedy="Give something from 0.1 to 240")
    if request.failures and request.frames is not None:
        raise UsageError("--frames and --failures choose frames both", remedy="Leave one of them out")
    if request.of is not None and request.proposals is False:
        raise UsageError("--of says whose proposals are drawn, and --no-proposals that none are")


def _load(request: ShowRequest) -> tuple[base.Suite, base.Sequence]:
    """The suite with the one sequence, and this with its pictures."""
    manifests = [read_manifest(folder) for folder in request.folders if (folder / RUN_FILE).is_file()]
    known = [name for manifest in manifests for name in manifest["sequences"]]
    if manifests and len(manifests) == len(request.folders) and request.sequence not in known:
        raise unknown_name("sequence in these results", request.sequence, dict.fromkeys(known))
    data = request.data or next((place for place in map(data_of, manifests) if place is not None), None)
    suite = under_protocol(load_suite(request.suite, data, only=[request.sequence]), request.protocol)
    sequence = suite.sequences[0]
    pictures = frames_of(sequence, "show another sequence")
    if len(pictures) < len(sequence):
        raise ResultsError(f"{len(pictures)} pictures for {len(sequence)} annotated frames", where=sequence.name)
    return suite, replace(sequence, frames=LatestFrame(pictures))


def _results(request: ShowRequest, suite: base.Suite, sequence: base.Sequence) -> tuple[list[ResultSet], list[str]]:
    """The results of this sequence, and a note on those that have none of it."""
    found = find_result_sets(request.folders, suite)
    there = [results for results in found if results.has(sequence.name)]
    if not there:
        found[0].trajectories(sequence)  # says why: not finished, failed, never run
        raise ResultsError(f"no results for {sequence.name}", where=found[0].run)
    absent = [results.label for results in found if not results.has(sequence.name)]
    return there, [f"{listed(absent)}: no results for {sequence.name}"] if absent else []


def _replay(
    request: ShowRequest, results: list[ResultSet], sequence: base.Sequence
) -> tuple[Replay | None, tuple[str, ...]]:
    """The run to explain, if there is one and it can be run again; else why not.

    Raises:
        SpmBenchError: It was asked for and cannot be.
    """
    if request.proposals is False:
        return None, ()
    asked = request.proposals is True or request.of is not None or request.weights is not None
    runs = {r.label: r for r in results if isinstance(r, RunResults) and may_be_traced(r.manifest)}
    if request.of is not None and request.of not in runs:
        raise unknown_name("run of SPM among these", request.of, runs)
    if not runs:
        if asked:
            raise UsageError("none of these is a run of SPM that could be run again", remedy="Leave --proposals out")
        return None, ()
    run = runs[request.of] if request.of is not None else next(iter(runs.values()))
    try:
        recorded = run.trajectories(sequence)[0]
        return make_replay(run.folder, sequence, recorded, data=request.data, weights=request.weights), ()
    except SpmBenchError as error:
        if asked:
            raise
        return None, (f"no proposals of {run.label}: {error}",)


def _frames(request: ShowRequest, shown: Cast, form: str) -> list[int]:
    """The frames to show, ascending, at least one.

    Raises:
        UsageError: None are left.
    """
    n = len(shown.sequence)
    if request.failures:
        who = slice(None) if shown.explained is None else slice(shown.explained, shown.explained + 1)
        chosen = around_losses(shown.lines[who], n, moving=form != "png")[:: request.every]
        if not chosen and all(np.isnan(line.overlaps[1:]).all() for line in shown.lines[who]):
            raise UsageError(
                f"{shown.sequence.name} has no ground truth by which losses could be found",
                remedy="Choose frames with --frames",
            )
        if not chosen:
            names = listed(shown.labels[who])
            others = (
                "" if len(shown.lines[who]) == len(shown.lines) else "; --no-proposals for the losses of the others"
            )
            raise UsageError(
                f"{names} never lost the target of {shown.sequence.name}", remedy=f"Leave --failures out{others}"
            )
        return chosen
    if request.frames is not None:
        return parse_frames(request.frames, n)[:: request.every]
    if form == "png" and request.every == 1:
        if shown.explained is None or n == 1:
            return evenly(n, SHEET_CELLS)
        return [1 + frame for frame in evenly(n - 1, SHEET_SCENES)]  # in the first frame nothing is decided
    return list(range(0, n, request.every))


def _width(request: ShowRequest, shown: Cast, form: str) -> int:
    """Of a scene, or of a sheet of pictures without decisions.

    Raises:
        UsageError: What was asked for is too narrow or too wide.
    """
    least, usual = (NARROWEST, EXPLAINED_WIDTH) if shown.explained is not None else (CELL // 2, 0)
    if not usual:
        size = shown.sequence.image_size
        usual = SHEET_WIDTH if form == "png" else min(max(size[0] if size else 0, PLAIN_WIDTHS[0]), PLAIN_WIDTHS[1])
    width = request.width or usual
    if request.width is not None and not least <= request.width <= 8192:
        remedy = f"Give {least} to 8192 pixels" + ("" if shown.explained is None else ", or --no-proposals")
        raise UsageError(f"--width {request.width} leaves no room for the picture", remedy=remedy)
    return width


@dataclass(eq=False)
class _Film:
    """Draws the chosen frames one after the other.

    Attributes:
        shown: Sequence and trackers.
        frames: From 0, ascending.
        replay: Of the explained tracker, or None.
        progress: Counts frames up to the last one.
        width: Of the whole.
    """

    shown: Cast
    frames: list[int]
    replay: Replay | None
    progress: Progress
    width: int
    _told: int = field(default=0, init=False)

    def write(self, form: str, out: Path, fps: float) -> str:
        """Draw and write everything; returns the codec of a video."""
        self.progress.begin(1, self.frames[-1] + 1)
        try:
            codec = self._write(form, out, fps)
            self.progress.repetition(self.frames[-1] + 1, 0)
            self.progress.sequence("showing", self.shown.sequence.name)
        finally:
            self.progress.end()
        return codec

    def _write(self, form: str, out: Path, fps: float) -> str:
        if form == "png":
            self._write_sheet(out)
            return ""
        scenes = self._pictures(lambda frame: self._scene(frame, self.width))
        first = next(scenes)
        check_amount(form, len(self.frames), first.shape[1], first.shape[0])
        pictures = _chained(first, scenes)
        if form == "mp4":
            return write_video(out, pictures, fps)
        write_gif(out, pictures, fps)
        return ""

    def _write_sheet(self, out: Path) -> None:
        if self.replay is not None:
            draw_cell, columns = (lambda frame: self._scene(frame, self.width, foot=False)), 1
        else:
            columns = min(max((self.width + GAP) // (CELL + GAP), 1), len(self.frames))
            cell = (self.width - GAP * (columns - 1)) // columns
            draw_cell = lambda frame: self._cell(frame, cell)  # noqa: E731
        cells = self._pictures(draw_cell)
        first = next(cells)
        check_amount("png", len(self.frames), first.shape[1], first.shape[0])
        write_sheet(out, list(_chained(first, cells)), columns, draw_foot(self.shown, self.frames, self.width))

    def _pictures(self, make: Callable[[int], Picture]) -> Iterator[Picture]:
        for frame in self.frames:
            yield make(frame)
            self.progress.frames(frame + 1 - self._told)
            self._told = frame + 1

    def _scene(self, frame: int, width: int, *, foot: bool = True) -> Picture:
        trace = None if self.replay is None else self.replay.trace(frame)
        sequence = self.shown.sequence
        decision = None if trace is None else decision_of(trace, sequence, frame)
        note = "" if self.replay is None else self.replay.told()
        image = frames_of(sequence, "")[frame]
        return draw_scene(self.shown, frame, image, width=width, decision=decision, note=note, foot=foot)

    def _cell(self, frame: int, width: int) -> Picture:
        sequence = self.shown.sequence
        picture = draw(frames_of(sequence, "")[frame], outlines_at(sequence, self.shown.lines, frame), width=width)
        lost = self.shown.losses(frame)
        return captioned(picture, caption(self.shown, frame, width - 4), bold=bool(lost))


def _chained(first: Picture, others: Iterator[Picture]) -> Iterator[Picture]:
    yield first
    yield from others
