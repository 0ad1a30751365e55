"""A suite whose data are not at hand: its names and numbers of frames are known, and files are checked by these."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spm_bench.checking.guess import result_files
from spm_bench.results.foreign import open_folder
from spm_bench.results.names import match_names
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.facts import suite_facts


def bare_suite(name: str, paths: list[Path]) -> Suite:
    """The suite without its annotations: they are NaN in every frame, so that nothing is compared with them.

    Args:
        name: Of a suite that is read from disk.
        paths: The results; they tell the number of frames where the suite's list does not.

    Raises:
        UsageError: There is no such suite.
        ResultsError: A path is no folder or archive.
    """
    facts = suite_facts(name)
    files = dict(entry for path in paths for entry in result_files(open_folder(path)))
    matched = match_names(files, (item.name for item in facts.sequences)).names
    sequences = []
    for item in facts.sequences:
        n = item.n_frames
        if n is None and item.name in matched:
            n = len(files[matched[item.name]].read_bytes().splitlines())
        sequences.append(Sequence(item.name, np.full((max(n or 1, 1), 4), np.nan), file_origin=facts.origin))
    return Suite(
        name=facts.name,
        title=facts.title,
        family=facts.family,
        protocol=facts.protocol,
        sequences=tuple(sequences),
        n_total=facts.n_sequences,
        bounded=facts.bounded,
        has_ground_truth=False,
    )
