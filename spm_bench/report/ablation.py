"""The document of an ablation: what was asked, every cell's change, differences to the base, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.compare import Comparison
from spm_bench.suites.base import Suite


@dataclass(frozen=True)
class AblationCell:
    """One cell of an ablation: a row of every table.

    Attributes:
        label: What tables and figures call it; unique.
        change: What differs from the base, in words or as `field = value`; empty for the base.
        source: Where the change comes from.
        expected: What it was expected to do.
        failure: Why the cell has no results, or not all; empty where nothing failed.
    """

    label: str
    change: str = ""
    source: str = ""
    expected: str = ""
    failure: str = ""


@dataclass(frozen=True, eq=False)
class AblationSuite:
    """What was found on one suite.

    Attributes:
        suite: The sequences.
        evaluations: One per cell of the document, in its order; None where a cell has no result here.
        comparisons: From `compare_to_base`; their labels are the cells' (give it evaluations that are called so).
        note: What holds for this suite only.
    """

    suite: Suite
    evaluations: tuple[Evaluation | None, ...]
    comparisons: tuple[Comparison, ...]
    note: str = ""


@dataclass(frozen=True, eq=False)
class AblationDocument:
    """All that is written about one ablation.

    Attributes:
        name: Of the sweep; for labels of tables.
        title: For people.
        question: What was asked.
        expected: The answer that was expected.
        command: The shell command that makes this again.
        cells: In the order of the tables.
        base: Label of the cell that the others are compared with.
        suites: What was found.
        sharing: Steps asked for / computed, by the lockstep engine; None where it was not used.
        failures: Sequences or cells that failed, one sentence each.
        notes: Anything else, one sentence each.
    """

    name: str
    title: str
    question: str
    expected: str
    command: str
    cells: tuple[AblationCell, ...]
    base: str
    suites: tuple[AblationSuite, ...]
    sharing: float | None = None
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_ablation(document: AblationDocument, folder: Path) -> list[Path]:
    """Write an ablation as Markdown, CSV, LaTeX and JSON, with a forest plot (PNG, PDF) per suite and metric.

    Args:
        document: What is written.
        folder: Created if it is not there; files of an earlier document are replaced one by one, each atomically.

    Returns:
        The files written, `ablation.md` first.

    Raises:
        ResultsError: The folder cannot be written, or the document does not fit together (no such base, a label twice).
    """
    raise NotImplementedError
