"""Reading annotation text: rows of numbers (boxes, polygons) and per-frame labels, strictly and fast.

The separators of the wild are all accepted, also mixed in one file: comma, semicolon, tab, space; so are a byte order
mark, Windows line ends and blank lines at the end. Everything else is an error that names the file and 1-based line.
"""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import DataError, SpmBenchError
from spm_bench.suites.base import FloatArray

BOX_COLUMNS, POLYGON_COLUMNS = 4, 8

_CHUNK = 1 << 16
"""Bytes read at a time: more than most files of boxes have."""
_BOM = b"\xef\xbb\xbf"
_TO_SPACES = bytes.maketrans(b",;\t\r", b"    ")
_TO_COMMAS = bytes.maketrans(b"\t ", b",,")
_NUMBER_CHARACTERS = b"0123456789.+-eE"
_SEMICOLON_TO_COMMA = bytes.maketrans(b";", b",")
_SEPARATORS = ",; \t"


def parse_rows(path: Path, columns: tuple[int, ...], *, error: type[SpmBenchError] = DataError) -> FloatArray:
    """Read a file of n lines with the same number of values each.

    A plain file of 500 lines takes about 0.05 ms; only a file with a fault is read line by line, to find it.

    Args:
        path: The text file.
        columns: The allowed numbers of values per line, for instance (4, 8) for boxes or polygons.
        error: Class of the errors raised, so that results and data sets share this parser.

    Returns:
        n x k float64, C-contiguous, n >= 1, k in `columns`. "nan" in any case is a legal value, infinity is not.

    Raises:
        error: Unreadable or empty file, a line with a wrong number of values, an empty field, or no number.
    """
    data = read_text(path, error)
    rows = parse_plain(data, columns)
    if rows is None:
        rows = _parse_clean(data, columns)
    return _parse_line_by_line(data, columns, path, error) if rows is None else rows


def read_text(path: Path | str, error: type[SpmBenchError] = DataError) -> bytes:
    """Read a text file without its byte order mark, with line ends that hold a newline.

    Raises:
        error: The file is missing, unreadable, or UTF-16.
    """
    try:
        data = _read(path)
    except FileNotFoundError:
        raise error("the file is missing", where=path) from None
    except OSError as problem:
        raise error(f"the file cannot be read ({problem.strerror or problem})", where=path) from problem
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise error("the text is UTF-16", where=path, remedy="Save it as UTF-8 or ASCII")
    data = data.removeprefix(_BOM)
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _read(path: Path | str) -> bytes:
    """All bytes of a file, by fewer calls of the system than files of Python need: it is done for thousands."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        parts = []
        while part := os.read(descriptor, _CHUNK):
            parts.append(part)
    finally:
        os.close(descriptor)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def parse_plain(data: bytes, columns: Container[int]) -> FloatArray | None:
    """Parse the usual text, whose lines are finite numbers with the same single commas, tabs or blanks between.

    Returns:
        n x k float64 with k in `columns`; None for any other text, be it faulty or not.
    """
    if not data.endswith(b"\n"):
        data += b"\n"
    between = data.translate(None, _NUMBER_CHARACTERS)
    line = between[: between.find(b"\n") + 1]
    separators = line.rstrip(b"\r\n")
    width, n_lines = len(separators) + 1, len(between) // len(line)
    if width not in columns or separators.strip(b",\t ") or between != line * n_lines:
        return None
    text = data[:-1].replace(b"\n", b",")
    if separators.strip(b","):
        text = text.translate(_TO_COMMAS)
    try:
        values = _numbers(b"[" + text + b"]")
    except (ValueError, RuntimeError):  # the latter for whole numbers of more than 64 bits
        return None
    if values.size != n_lines * width or np.isinf(values).any():
        return None
    return values.reshape(n_lines, width)


def parse_joined(texts: Sequence[bytes], n_lines: Sequence[int], columns: int) -> FloatArray | None:
    """Parse the usual texts, see `parse_plain`, all at once: as fast as one long text, however short they are.

    Args:
        texts: Each with one separator throughout.
        n_lines: How many lines each must have.
        columns: How many numbers each line must have, two or more.

    Returns:
        The rows of all, one after the other, n x columns float64; None where any text is another, be it faulty or not.
    """
    usual = [separator * (columns - 1) + b"\n" for separator in (b",", b"\t", b" ")]
    whole = [text if text.endswith(b"\n") else text + b"\n" for text in texts]
    separators = set()
    for text, n in zip(whole, n_lines, strict=True):
        between = text.translate(None, _NUMBER_CHARACTERS)
        line = between[:columns]
        if line not in usual or between != line * n:
            return None
        separators.add(line)
    text = b"".join((b"[", *whole[:-1], whole[-1][:-1], b"]")).replace(b"\n", b",")
    if separators != {usual[0]}:
        text = text.translate(_TO_COMMAS)
    try:
        values = _numbers(text)
    except (ValueError, RuntimeError):  # the latter for whole numbers of more than 64 bits
        return None
    if values.size != sum(n_lines) * columns or np.isinf([values.min(), values.max()]).any():
        return None
    return values.reshape(-1, columns)


def parse_ragged(data: bytes) -> tuple[FloatArray, NDArray[np.intp]] | None:
    """Parse plain lines of one or more finite numbers with single commas between, as VOT's trajectories have them.

    Returns:
        All numbers in order, and how many each line has; None for any other text, be it faulty or not.
    """
    text = data.replace(b"\r\n", b"\n").rstrip(b"\n")
    if text.translate(None, _NUMBER_CHARACTERS + b",\n"):
        return None
    marks = np.frombuffer(text + b"\n", dtype=np.uint8)
    commas = np.concatenate(([0], np.cumsum(marks == ord(","))[marks == ord("\n")]))
    counts = np.diff(commas) + 1
    try:
        values = _numbers(b"[" + text.replace(b"\n", b",") + b"]")
    except (ValueError, RuntimeError):  # the latter for whole numbers of more than 64 bits
        return None
    if values.size != counts.sum() or not np.isfinite(values).all():
        return None
    return values, counts


def _numbers(text: bytes) -> FloatArray:
    """Read a JSON list of numbers: JSON parsers round as `float` does, and are faster than numpy's reading of words."""
    try:
        import simdjson
    except ImportError:  # not every Python has a ready-made build of it; without it this takes four times as long
        from pydantic_core import from_json

        return np.array(from_json(text), dtype=np.float64)
    # a new parser each time costs nothing to speak of, and threads cannot meet in it
    values = simdjson.Parser().parse(text)
    assert isinstance(values, simdjson.Array)
    return np.frombuffer(values.as_buffer(of_type="d"))


def _parse_clean(data: bytes, columns: tuple[int, ...]) -> FloatArray | None:
    """Parse all lines at once; None where anything looks odd."""
    squeezed = data.translate(_SEMICOLON_TO_COMMA, b" \t\r")
    if b",," in squeezed or b"\n," in squeezed or squeezed.startswith(b",") or b"_" in squeezed:
        return None
    text = data.translate(_TO_SPACES) + b"\n"
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError:
        return None
    per_line = _values_per_line(text)
    width = int(per_line[0]) if len(per_line) else 0
    if width not in columns or np.any(per_line != width) or np.isinf(values).any():
        return None
    return values.reshape(-1, width)


def _values_per_line(text: bytes) -> NDArray[np.intp]:
    """Count the words of each line of text that ends in a newline, without the blank lines at its end."""
    characters = np.frombuffer(text, dtype=np.uint8)
    inside = characters > ord(" ")
    starts = np.flatnonzero(inside[1:] & ~inside[:-1]) + 1
    if inside[0]:
        starts = np.concatenate(([0], starts))
    line_ends = np.flatnonzero(characters == ord("\n"))
    counts = np.diff(np.searchsorted(starts, line_ends), prepend=0)
    filled = np.flatnonzero(counts)
    return counts[: filled[-1] + 1] if len(filled) else counts[:0]


def _parse_line_by_line(data: bytes, columns: tuple[int, ...], path: Path, error: type[SpmBenchError]) -> FloatArray:
    """Parse with the position of everything known, and raise for the first fault."""
    lines = data.decode("utf-8", errors="replace").rstrip().splitlines()
    if not lines:
        raise error("the file is empty", where=path, remedy=f"Expected are lines of {_either(columns)} numbers")
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        row = [_number(field, path, number, error) for field in _fields(line, path, number, error)]
        if len(row) not in columns or (rows and len(row) != len(rows[0])):
            expected = _either(columns) if not rows else f"{len(rows[0])} as in line 1"
            _wrong_width(len(row), expected, path, number, error)
        rows.append(row)
    return np.array(rows, dtype=np.float64)


def _fields(line: str, path: Path, number: int, error: type[SpmBenchError]) -> list[str]:
    """Split a line at commas and semicolons, and each part at blanks; one separator at the end is harmless."""
    parts = line.strip().replace(";", ",").split(",")
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    if len(parts) > 1 and not all(part.strip() for part in parts):
        raise error("a value is missing between two separators", where=path, line=number)
    return [field for part in parts for field in part.split()]


def _number(field: str, path: Path, number: int, error: type[SpmBenchError]) -> float:
    try:
        value = float(field) if "_" not in field else None
    except ValueError:
        value = None
    if value is None or np.isinf(value):
        shown = field if len(field) <= 40 else field[:37] + "..."
        raise error(f"{shown!r} is not a number", where=path, line=number)
    return value


def _wrong_width(found: int, expected: str, path: Path, number: int, error: type[SpmBenchError]) -> NoReturn:
    problem = "the line is blank" if found == 0 else f"{found} value{'s' * (found != 1)} instead of {expected}"
    raise error(problem, where=path, line=number, remedy="Is the file cut, or of another format?")


def _either(columns: tuple[int, ...]) -> str:
    return " or ".join(map(str, columns))


def parse_labels(path: Path, n: int, *, highest: int = 1, pad: bool = False) -> NDArray[np.int64]:
    """Read one integer in 0..highest per frame.

    Args:
        path: The label file.
        n: Number of frames.
        highest: Largest legal value: 1 for flags, 8 for GOT-10k's cover.
        pad: Whether lines missing at the end mean 0 (native VOT label files stop after the last 1, or earlier).

    Raises:
        DataError: Not such integers, or a number of lines that does not fit n.
    """
    data = read_text(path)
    values = np.zeros(0) if not data.strip() else parse_rows(path, (1,))[:, 0]
    bad = np.flatnonzero(~((values >= 0) & (values <= highest) & (values == np.floor(values))))
    if len(bad):
        shown = data.decode("utf-8", errors="replace").splitlines()[bad[0]].strip()
        raise DataError(f"{shown!r} is not a whole number from 0 to {highest}", where=path, line=int(bad[0]) + 1)
    if len(values) > n or (len(values) < n and not pad):
        raise DataError(f"{len(values)} lines for {n} frames", where=path, remedy="Restore the file of the data set")
    labels = np.zeros(n, dtype=np.int64)
    labels[: len(values)] = values
    return labels


def parse_flags(path: Path, n: int) -> NDArray[np.bool_]:
    """Read n flags, 0 or 1, in one line or one per line, as the file has them.

    Raises:
        DataError: Not such flags, or not n of them.
    """
    text = read_text(path).translate(_TO_SPACES).decode("utf-8", errors="replace")
    words = text.split()
    for line, words_of_line in enumerate(text.splitlines(), start=1):
        for word in words_of_line.split():
            if word not in ("0", "1", "0.0", "1.0"):
                raise DataError(f"{word[:40]!r} is neither 0 nor 1", where=path, line=line)
    if len(words) != n:
        raise DataError(f"{len(words)} flags for {n}", where=path, remedy="Restore the file of the data set")
    return np.array([word[0] == "1" for word in words])


def parse_names(path: Path) -> list[str]:
    """Read a list of sequence names, one per line; blank lines are skipped.

    Raises:
        DataError: Unreadable, empty, a name twice, or a name that cannot be a file name.
    """
    lines = read_text(path).decode("utf-8", errors="replace").splitlines()
    names: list[str] = []
    for number, name in enumerate(map(str.strip, lines), start=1):
        if not name:
            continue
        check_name(name, path, number)
        if name in names:
            raise DataError(f"the sequence {name!r} is listed twice", where=path, line=number)
        names.append(name)
    if not names:
        raise DataError("the list of sequences is empty", where=path)
    return names


_NAMES = 'Rename it: none of / \\ : * ? " < > |, no dot at its start, no blank at an end, 1 to 150 letters'


def check_name(name: str, where: Path, line: int | None = None) -> None:
    """Refuse a sequence name that could leave its folder or spoil a file name: results are written as `<name>.txt`.

    Raises:
        DataError: Separators, control characters, a leading dot, a blank at an end, empty, or over 150 characters.
    """
    harmless = name.isprintable() and not name.startswith(".") and name == name.strip() and 0 < len(name) <= 150
    if not harmless or any(character in '/\\:*?"<>|' for character in name):
        raise DataError(f"{name!r} cannot be the name of a sequence", where=where, line=line, remedy=_NAMES)


def check_length(found: int, expected: int, what: str, path: Path) -> None:
    """Compare the number of annotated frames with the number of frames.

    Args:
        found: Lines of the annotation.
        expected: Frames.
        what: Where `expected` comes from ("pictures in img/", "frames of Basketball in OTB-100").
        path: The annotation file.

    Raises:
        DataError: They differ.
    """
    if found != expected:
        fault = (
            "cut, or pictures of another version" if found < expected else "of another version, or are pictures missing"
        )
        raise DataError(f"{found} lines for {expected} {what}", where=path, remedy=f"Is the file {fault}?")


def check_first_box(boxes: FloatArray, path: Path, line: int, image_size: tuple[int, int] | None) -> None:
    """Make sure that a tracker can be started on the first frame; later frames may be unannotated or leave the image.

    Args:
        boxes: n x 4 (x, y, w, h), 0-based.
        path: Where they were read.
        line: 1-based line of the first box.
        image_size: (width, height), None where unknown.

    Raises:
        DataError: The first box is NaN, has no area, or lies wholly outside the image.
    """
    x, y, w, h = boxes[0]
    if not np.isfinite(boxes[0]).all() or w <= 0 or h <= 0:
        raise DataError(
            f"the first box ({x:g}, {y:g}, {w:g}, {h:g}) has no area",
            where=path,
            line=line,
            remedy="A tracker cannot start there; the columns are x, y, width, height",
        )
    if image_size is not None and not (x < image_size[0] and y < image_size[1] and x + w > 0 and y + h > 0):
        raise DataError(
            f"the first box ({x:g}, {y:g}, {w:g}, {h:g}) lies outside the image of {image_size[0]} x {image_size[1]}",
            where=path,
            line=line,
            remedy="Do the annotation and the pictures belong together?",
        )
