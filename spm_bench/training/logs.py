"""What a training leaves to read: tables that survive a restart, TensorBoard if installed, a line of progress."""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from spm_bench.errors import ResultsError
from spm_bench.results.files import readable_os_errors, write_text
from spm_bench.words import clock

LOG, VALIDATION, BOARD = "log.csv", "validation.csv", "tensorboard"
STEP = "step"
"""Column by which rows are cut when a training goes on from a checkpoint."""

LINE_EVERY = 15.0
"""Seconds between two lines of progress where there is no terminal."""

Row = Mapping[str, float]


class Table:
    """A CSV file that grows by rows. New columns may come; a full disk costs no row as long as the process lives.

    Args:
        path: The file; its rows after `step` are cut at once, whoever reads it next.
        step: Steps that are done.

    Raises:
        ResultsError: The file is no table of a training, or cannot be cut.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        found = read_rows(path)
        self.rows = [row for row in found if float(row[STEP]) <= step]
        self.columns = list(dict.fromkeys(name for row in self.rows for name in row))
        self._whole = False
        """Whether the file holds all rows, so that one more can be appended."""
        if not self.rows:
            with readable_os_errors(path):
                path.unlink(missing_ok=True)
        elif len(self.rows) < len(found):
            self._write()

    def add(self, row: Row) -> None:
        """Append a row.

        Raises:
            ResultsError: It cannot be written now; it is kept, and written with the next one.
        """
        told = {name: _text(value) for name, value in row.items()}
        self.rows.append(told)
        new = [name for name in told if name not in self.columns]
        self.columns += new
        if new or not self._whole:
            self._write()
            return
        self._whole = False
        with readable_os_errors(self.path), self.path.open("a", encoding="utf-8", newline="") as stream:
            stream.write(_csv([[told.get(column, "") for column in self.columns]]))
        self._whole = True

    def _write(self) -> None:
        self._whole = False
        write_text(self.path, _csv([self.columns, *([r.get(c, "") for c in self.columns] for r in self.rows)]))
        self._whole = True

    def at(self, step: int) -> dict[str, float] | None:
        """The numbers of a step's row; None if it has none."""
        for row in reversed(self.rows):
            if float(row[STEP]) == step:
                return {name: float(value) for name, value in row.items() if name != STEP and value}
        return None

    def last(self) -> dict[str, float]:
        """The numbers of the last row; empty without any."""
        return (self.at(int(float(self.rows[-1][STEP]))) if self.rows else None) or {}


def read_rows(path: Path) -> list[dict[str, str]]:
    """Whole rows of a training's table; none if there is no file.

    A row that is being written, or that a killed process left unfinished, is left out.

    Raises:
        ResultsError: Something else than such a table, or it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = [row for row in reader if None not in row and None not in row.values()]
        for row in (*rows, dict.fromkeys(reader.fieldnames or (STEP,), "0")):  # also a table without rows
            float(row[STEP])
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ResultsError(f"it cannot be read ({error.strerror})", where=path) from error
    except (KeyError, ValueError, csv.Error) as error:
        raise ResultsError(
            "not a table of a training: a row has no step", where=path, remedy="Move it away, or use another --out"
        ) from error
    return rows


def _csv(rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


class Board:
    """TensorBoard, or nothing where it is not installed (said once)."""

    def __init__(self, folder: Path, step: int, say: Progress) -> None:
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            say.note(
                "TensorBoard is not installed (pip install 'spm_bench[train]'); the CSV logs hold the same numbers"
            )
            return
        with readable_os_errors(folder):
            self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, group: str, step: int, row: Row) -> None:
        """Draw the numbers of a row, step aside."""
        if self._writer is not None:
            for name, value in row.items():
                if name != STEP:
                    self._writer.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()


class Progress(Protocol):
    """Told by the loop how far it is."""

    def begin(self, done: int, steps: int, batch: int) -> None:
        """So many of so many steps are done."""

    def step(self, done: int) -> None:
        """One more step is done."""

    def losses(self, row: Row) -> None:
        """New means of the losses."""

    def note(self, text: str) -> None:
        """A line that stays."""

    def end(self) -> None:
        """Nothing more comes."""


class Lines:
    """A plain line now and then, on stderr."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._row: Row = {}

    def begin(self, done: int, steps: int, batch: int) -> None:
        """Start the clock."""
        self._start, self._done, self._steps, self._batch = done, done, steps, batch
        self._began = self._last = time.monotonic()

    def step(self, done: int) -> None:
        """Say how far it is, if the last line is old enough."""
        self._done = done
        if time.monotonic() - self._last >= LINE_EVERY:
            self._say()

    def losses(self, row: Row) -> None:
        """Keep the numbers for the next line."""
        self._row = row

    def note(self, text: str) -> None:
        """Print it."""
        print(text, file=self.stream, flush=True)

    def end(self) -> None:
        """Print the last state."""
        if self._done > self._start:
            self._say()

    def _say(self) -> None:
        self._last = time.monotonic()
        average = (self._done - self._start) * self._batch / max(self._last - self._began, 1e-9)
        speed = self._row.get("pairs_per_s", average)  # of the last steps, without validations
        left = (self._steps - self._done) * self._batch / max(speed, 1e-9)
        told = [f"{self._done * self._batch} of {self._steps * self._batch} pairs", f"{speed:.1f} pairs/s"]
        told += [f"{clock(left)} left"] if self._done < self._steps else []
        told += [loss_text(self._row)] if self._row else []
        self.note(", ".join(told))


class Bar:
    """A bar with losses, pairs per second and the time left (rich)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Rich

        self._bar = Rich(
            TextColumn("{task.completed:.0f}/{task.total:.0f} pairs"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=Console(stderr=True),
            transient=True,
        )

    def begin(self, done: int, steps: int, batch: int) -> None:
        """Show the bar."""
        self._batch = batch
        self._task = self._bar.add_task("", total=steps * batch, completed=done * batch, speed="", losses="")
        self._bar.start()

    def step(self, done: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done * self._batch)

    def losses(self, row: Row) -> None:
        """Show the numbers."""
        self._bar.update(self._task, losses=loss_text(row), speed=f"{row.get('pairs_per_s', 0.0):.1f} pairs/s")

    def note(self, text: str) -> None:
        """Print it above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def end(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def choose_progress() -> Progress:
    """A bar on a terminal, lines elsewhere."""
    return Bar() if sys.stderr.isatty() else Lines()


def loss_text(row: Row) -> str:
    """The numbers of a row that say most, short."""
    shown = ("total", "coarse_class", "coarse_box", "fine_class", "fine_box", "coarse_overlap", "fine_overlap")
    return " ".join(f"{name} {row[name]:.3f}" for name in shown if name in row)


class Log:
    """Everything a training writes to be read: two tables and TensorBoard.

    Trouble with the disk is told and does not end the training: rows wait for room.

    Args:
        folder: Of this training.
        step: Steps that are done: what was logged after them is cut.
        say: Told of trouble.
    """

    def __init__(self, folder: Path, step: int, say: Progress) -> None:
        self._say = say
        self.losses, self.validation = Table(folder / LOG, step), Table(folder / VALIDATION, step)
        self._board = Board(folder / BOARD, step, say)

    def row(self, step: int, row: Row) -> None:
        """Log means of losses after `step` steps."""
        self._add(self.losses, "train", step, row)
        self._say.losses(row)

    def validated(self, step: int, row: Row) -> None:
        """Log a validation after `step` steps."""
        self._add(self.validation, "validation", step, row)
        told = ", ".join(f"{name} {value:.4g}" for name, value in row.items() if "/" not in name)
        self._say.note(f"validation after {step} steps: {told}")

    def close(self) -> None:
        """Write what is left."""
        with contextlib.suppress(OSError):  # the tables hold the same numbers
            self._board.close()

    def _add(self, table: Table, group: str, step: int, row: Row) -> None:
        try:
            table.add({STEP: step, **row})
            with readable_os_errors(table.path.parent / BOARD):
                self._board.add(group, step, row)
        except ResultsError as error:
            self._say.note(f"warning: {error}; the rows are kept and written later")
