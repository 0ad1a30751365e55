"""What was measured, as it lies beside the page: three tables, facts of the networks, and a timing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from spm_bench.errors import ResultsError
from spm_bench.results.files import write_text

TABLES = ("values", "scores", "differences")
FACTS, SPEED = "family.json", "speed.json"
TEXTS = ("suite", "part", "method", "seed", "weights", "sequence", "unit", "metric", "label", "base", "note")
"""Columns that hold words."""
FLAGS = ("established", "better", "higher_is_better")
"""Columns that hold yes or no; all others are numbers."""


@dataclass(frozen=True, eq=False)
class Study:
    """All numbers of the page.

    Attributes:
        values, scores, differences: See `family_study.measure`.
        facts: The networks, the suites, and what is missing.
        speed: See `family_study.speed`; None where nothing was timed.
    """

    values: pd.DataFrame
    scores: pd.DataFrame
    differences: pd.DataFrame
    facts: dict[str, Any]
    speed: dict[str, Any] | None = None

    def save(self, folder: Path) -> list[Path]:
        """Write the tables and the facts; a timing is written when it is made, and stays. Returns the files.

        Raises:
            ResultsError: The folder cannot be written.
        """
        files = []
        for name in TABLES:
            files.append(folder / f"{name}.csv")
            write_text(files[-1], getattr(self, name).to_csv(index=False, lineterminator="\n"))
        files.append(folder / FACTS)
        write_text(files[-1], json.dumps(self.facts, indent=1) + "\n")
        return files

    @classmethod
    def load(cls, folder: Path) -> Study:
        """Read what `save` wrote, and the timing if there is one.

        Raises:
            ResultsError: A file is missing or broken.
        """
        tables = {name: _read_table(folder / f"{name}.csv") for name in TABLES}
        speed = folder / SPEED
        return cls(**tables, facts=_read_json(folder / FACTS), speed=_read_json(speed) if speed.is_file() else None)

    def score(self, suite: str, method: str, seed: str, metric: str, part: str = "") -> dict[str, Any] | None:
        """One row of the scores; None where there is none."""
        frame = self.scores
        if frame.empty:
            return None
        row = frame[
            (frame["suite"] == suite)
            & (frame["part"] == part)
            & (frame["method"] == method)
            & (frame["seed"] == seed)
            & (frame["metric"] == metric)
        ]
        return None if row.empty else {str(key): value for key, value in row.iloc[0].items()}

    def seed_means(self, suite: str, metric: str, method: str) -> pd.Series[Any]:
        """Sequence -> mean over the method's trainings."""
        frame = self.values
        own = frame[(frame["suite"] == suite) & (frame["metric"] == metric) & (frame["method"] == method)]
        return own.groupby("sequence", sort=False)["value"].mean()

    def seeds(self, method: str) -> list[str]:
        """The trainings of a method that were run."""
        return [str(fact["seed"]) for fact in self.facts["networks"] if fact["method"] == method]

    def compared(self, suite: str, metric: str, part: str = "") -> pd.DataFrame:
        """The differences to SPM of one metric on one ground."""
        frame = self.differences
        if frame.empty:
            return frame
        return frame[(frame["suite"] == suite) & (frame["metric"] == metric) & (frame["part"] == part)]


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ResultsError("there is no such table", where=path, remedy="Make the study first, without --again")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.assign(**{name: _typed(name, frame[name]) for name in frame.columns if name not in TEXTS})


def _typed(name: str, texts: pd.Series[str]) -> pd.Series[Any]:
    """Yes and no, or numbers, read to the last digit whatever pandas does by default."""
    if name in FLAGS:
        return texts == "True"
    return texts.map(lambda text: float(text) if text else float("nan")).astype("float64")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"cannot be read: {error}", where=path, remedy="Make the study again") from None
    if not isinstance(document, dict):
        raise ResultsError("is no object", where=path, remedy="Make the study again")
    return document
