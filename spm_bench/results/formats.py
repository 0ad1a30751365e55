"""Raw result files of the three toolkits, one function per direction. Text on disk, 0-based float64 boxes inside.

Boxes, one line per frame:

* otb: `<Tracker>/<Sequence>.txt`, x,y,w,h, 1-based (TrackingNet: 0-based, like its annotations)
* got10k: `<Tracker>/<seq>/<seq>_001.txt`, x,y,w,h, as annotated
* vot: `<Tracker>/baseline/<seq>/<seq>_001.txt`, a code (1 initialised, 2 failed, 0 skipped) or a region's 4 or 8 values

Seconds, one line per frame:

* otb: `<Tracker>/times/<Sequence>_time.txt` (got10k toolkit)
* got10k: `<Tracker>/<seq>/<seq>_time.txt`, a column per repetition
* vot: `<Tracker>/baseline/<seq>/<seq>_001_time.value` (vot toolkit), empty where not timed

Numbers are written with `repr`: reading gives back the same float64 (OTB: up to the rounding of the 1-based shift).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.results.files import write_text
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.suites.annotations import parse_plain, parse_ragged, parse_rows, read_text

FloatArray = NDArray[np.float64]

OTB_ORIGIN = 1.0
"""OTB counts pixels from 1 (MATLAB); GOT-10k and VOT files hold coordinates as they are annotated."""
_CODES = (FrameState.SKIPPED, FrameState.INIT, FrameState.FAILURE)
_REGION_VALUES = (1, 4, 8)
"""Values of a line: a code, a rectangle, or a polygon of four corners."""
_REPETITIONS = range(1, 1000)
"""Columns a plain time file may have; the names of the result files have three digits for them."""
_CUT = "The file is cut or belongs to another version of the sequence; make it again"


def read_otb(path: Path, n_frames: int, *, whole: bool = False, origin: float = OTB_ORIGIN) -> FloatArray:
    """Read an OTB box file.

    Args:
        path: Lines of x,y,w,h, 1-based, separated by commas, tabs or spaces.
        n_frames: Lines there must be.
        whole: Insist that the last line ends with a line break, as our own files do.
        origin: What the file counts as the first pixel, if not 1.

    Returns:
        n_frames x 4 boxes, 0-based. NaN rows are legal: the OTB rule replaces them by the box before when scoring.

    Raises:
        ResultsError: Missing, not numbers, not four columns, or not n_frames lines.
    """
    boxes = _read_boxes(path, n_frames, whole)
    for column in (0, 1):  # one by one, as numpy's inner loop then runs over the frames and not over two numbers
        boxes[:, column] -= origin
    return boxes


def write_otb(path: Path, boxes: FloatArray, *, origin: float = OTB_ORIGIN) -> None:
    """Write n x 4 0-based boxes as an OTB file (1-based, or as `origin` says), atomically.

    Raises:
        ResultsError: It cannot be written.
    """
    shifted = np.array(boxes, dtype=np.float64)
    shifted[:, :2] += origin
    write_text(path, _lines(shifted))


def read_got10k(path: Path, n_frames: int, *, whole: bool = False) -> FloatArray:
    """Read a GOT-10k box file: like `read_otb`, but without a shift, and a NaN is an error (no rule mends it)."""
    boxes = _read_boxes(path, n_frames, whole)
    broken = np.flatnonzero(~np.isfinite(boxes).all(axis=1))
    if len(broken):
        raise ResultsError("the box is not four finite numbers", where=path, line=int(broken[0]) + 1)
    return boxes


def write_got10k(path: Path, boxes: FloatArray) -> None:
    """Write n x 4 boxes as a GOT-10k file, atomically. Raises ResultsError if it cannot."""
    write_text(path, _lines(boxes))


def read_vot(path: Path, n_frames: int, *, whole: bool = False) -> Trajectory:
    """Read a VOT trajectory: per line 1 (initialisation), 2 (failure), 0 (skipped), or a region of 4 or 8 values.

    A region with a NaN counts as skipped: the vot toolkit (0.7.4, `parse_region`) reads it as unknown.

    Returns:
        States; boxes (bounding boxes of polygons); polygons if any line has 8 values; seconds NaN (see `read_seconds`).

    Raises:
        ResultsError: Missing, not numbers, another count of values or code, or not n_frames lines.
    """
    values, counts = _ragged(path, n_frames, whole)
    if (wrong := np.flatnonzero(~_among(counts, _REGION_VALUES))).size:
        raise _no_region(path, _read_lines(path, n_frames), int(wrong[0]))
    starts = np.cumsum(counts) - counts
    codes = values[starts[counts == 1]]
    if (bad := ~_among(codes, _CODES)).any():
        line = int(np.flatnonzero(counts == 1)[bad][0])
        found = _read_lines(path, n_frames)[line]
        raise ResultsError(f"{found!r} is none of the codes 0, 1, 2", where=path, line=line + 1, remedy=_CUT)
    states = np.full(len(counts), FrameState.TRACKED, dtype=np.int8)
    states[counts == 1] = codes.astype(np.int8)
    boxes, polygons = _regions(values, starts, counts)
    if (infinite := np.isinf(boxes).any(axis=1)).any():
        raise ResultsError("the region is infinite", where=path, line=int(infinite.argmax()) + 1)
    unknown = np.isnan(boxes).any(axis=1)
    boxes[unknown] = np.nan
    states[(states == FrameState.TRACKED) & unknown] = FrameState.SKIPPED
    return Trajectory(boxes=boxes, states=states, seconds=np.full(len(counts), np.nan), polygons=polygons)


def write_vot(path: Path, trajectory: Trajectory) -> None:
    """Write a trajectory with its codes as a VOT file (rectangles), atomically. Raises ResultsError if it cannot."""
    rows = zip(trajectory.states.tolist(), trajectory.boxes.tolist(), strict=True)
    text = "".join((_line(box) if state == FrameState.TRACKED else str(state)) + "\n" for state, box in rows)
    write_text(path, text)


def read_seconds(path: Path, n_frames: int) -> FloatArray:
    """Read a time file of any family: n_frames lines, a column per repetition, empty or nan where not timed.

    Returns:
        n_frames x repetitions float64 seconds.

    Raises:
        ResultsError: Missing, not numbers, lines of different lengths, or not n_frames lines.
    """
    plain = parse_plain(read_text(path, ResultsError), _REPETITIONS)
    if plain is not None and len(plain) == n_frames:
        return plain
    lines = _read_lines(path, n_frames, blank_at_end=True)
    rows = [[_seconds(path, i, cell) for cell in line.split(",")] for i, line in enumerate(lines)]
    if (lengths := {len(row) for row in rows}) and len(lengths) > 1:
        raise ResultsError(f"the lines have from {min(lengths)} to {max(lengths)} values", where=path, remedy=_CUT)
    return np.array(rows, dtype=np.float64).reshape(n_frames, -1)


def write_seconds(path: Path, seconds: FloatArray, *, untimed: str = "nan") -> None:
    """Write n or n x repetitions seconds, atomically, with the text `untimed` for NaN.

    The got10k toolkit reads "nan" there, the vot toolkit an empty line.

    Raises:
        ResultsError: The file cannot be written.
    """
    rows = np.asarray(seconds, dtype=np.float64).reshape(len(seconds), -1).tolist()
    write_text(path, "".join(",".join(untimed if t != t else repr(t) for t in row) + "\n" for row in rows))


def _seconds(path: Path, index: int, cell: str) -> float:
    try:
        return float(cell) if cell.strip() else float("nan")
    except ValueError:
        raise ResultsError(f"{cell!r} is not a number of seconds", where=path, line=index + 1, remedy=_CUT) from None


def _read_boxes(path: Path, n_frames: int, whole: bool) -> FloatArray:
    boxes = parse_rows(path, (4,), error=ResultsError)
    _check_length(path, len(boxes), n_frames)
    if whole:
        _check_last_line(path, path.read_bytes())
    return boxes


def _check_length(path: Path, n_lines: int, n_frames: int) -> None:
    if n_lines != n_frames:
        raise ResultsError(f"has {n_lines} lines, the sequence has {n_frames} frames", where=path, remedy=_CUT)


def _check_last_line(path: Path, data: bytes) -> None:
    if not data.endswith(b"\n"):
        raise ResultsError("the last line is incomplete", where=path, line=data.count(b"\n") + 1, remedy=_CUT)


def _read_lines(path: Path, n_frames: int, *, blank_at_end: bool = False) -> list[str]:
    """The lines of a text file with commas as the only separators, counted against the frames."""
    text = read_text(path, ResultsError).decode("utf-8", errors="replace")
    lines = text.splitlines()
    while lines and not lines[-1].strip() and not blank_at_end:
        lines.pop()
    _check_length(path, len(lines), n_frames)
    if any(separator in text for separator in "\t ;"):
        lines = [",".join(line.replace(",", " ").replace(";", " ").split()) for line in lines]
    return lines


def _among(values: NDArray[np.generic], allowed: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which values are one of a few; several times faster than numpy's general search."""
    return np.asarray(np.logical_or.reduce([values == one for one in allowed]), dtype=bool)


def _ragged(path: Path, n_frames: int, whole: bool) -> tuple[FloatArray, NDArray[np.intp]]:
    """All values of a file in order, and how many each line has."""
    data = read_text(path, ResultsError)
    if whole:
        _check_last_line(path, data)
    found = parse_ragged(data)
    if found is not None and len(found[1]) == n_frames:
        return found
    lines = _read_lines(path, n_frames)
    counts = np.array([line.count(",") for line in lines], dtype=np.intp) + 1
    if not _among(counts, _REGION_VALUES).all():
        return np.empty(0), counts
    try:
        return np.array(",".join(lines).split(","), dtype=np.float64), counts
    except ValueError:
        raise _first_broken_number(path, lines, range(len(lines))) from None


def _first_broken_number(path: Path, lines: list[str], chosen: Iterable[int]) -> ResultsError:
    for i in chosen:
        for cell in lines[i].split(","):
            try:
                float(cell)
            except ValueError:
                return ResultsError(f"{cell!r} is not a number", where=path, line=i + 1, remedy=_CUT)
    raise AssertionError("called for a file without a broken number")


def _no_region(path: Path, lines: list[str], index: int) -> ResultsError:
    if lines[index].startswith("m"):
        return ResultsError("masks are not supported", where=path, line=index + 1, remedy="Give rectangles or polygons")
    problem = f"expected a code or a region of 4 or 8 values, found {lines[index].count(',') + 1} values"
    return ResultsError(problem, where=path, line=index + 1, remedy=_CUT)


def _regions(
    values: FloatArray, starts: NDArray[np.intp], counts: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray | None]:
    """Boxes of all lines (NaN for codes), and polygons where there are any."""
    boxes = np.full((len(counts), 4), np.nan)
    boxes[counts == 4] = values[starts[counts == 4][:, None] + np.arange(4)]
    if not (counts == 8).any():
        return boxes, None
    polygons = np.full((len(counts), 8), np.nan)
    polygons[counts == 8] = values[starts[counts == 8][:, None] + np.arange(8)]
    corners = polygons[counts == 8].reshape(-1, 4, 2)
    with np.errstate(invalid="ignore"):
        low = corners.min(axis=1)
        boxes[counts == 8] = np.hstack([low, corners.max(axis=1) - low])
    polygons[np.isnan(polygons).any(axis=1)] = np.nan
    return boxes, polygons


def _line(values: list[float]) -> str:
    return ",".join(map(repr, values))


def _lines(boxes: FloatArray) -> str:
    return "".join(_line(row) + "\n" for row in np.asarray(boxes, dtype=np.float64).tolist())
