"""The analysis of a later vot-toolkit on the same raw files, run by a Python of its own, as two cannot be in one.

python -m venv latest && latest/bin/pip install vot-toolkit==0.9.0 "attributee!=0.1.10" opencv-python-headless
SPM_BENCH_VOT_PYTHON=latest/bin/python python -m pytest tests/parity/test_vot_latest.py
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from spm_bench.results.foreign import find_result_sets
from spm_bench.scoring.supervised import evaluate_supervised
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite
from tests.parity.vot_workspace import Video, write_workspace

PYTHON = os.environ.get("SPM_BENCH_VOT_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="SPM_BENCH_VOT_PYTHON names no Python with a later vot-toolkit")

ANALYSE = """
import json, os, sys
os.environ.update(VOT_PERSISTENT_CACHE="0", VOT_RESULTS_BINARY="0")
import vot
from vot.analysis.processor import AnalysisProcessor, process_stack_analyses
from vot.workspace import Workspace

workspace = Workspace.load(sys.argv[1])
with AnalysisProcessor():
    (found,) = process_stack_analyses(workspace, workspace.registry.resolve("Some")).values()
by_name = {type(analysis).__name__: grid for analysis, grid in found.items()}
accuracy, _, (reliability, _), _ = by_name["AverageAccuracyRobustness"][0, 0]
values = {
    "accuracy": accuracy,
    "reliability": reliability,
    "failures": by_name["CumulativeFailureCount"][0, 0][0],
    "eao": by_name["EAOScore"][0, 0][0],
}
print("\\nRESULT", json.dumps({name: float(value) for name, value in values.items()}))
"""
"""What the later toolkit is asked, in its own Python: nothing of this project is loaded there."""


@pytest.mark.parametrize(
    ("name", "tracker", "first"), [("vot2016", "C-COT", 0), ("vot2018", "DaSiamRPN", 0), ("vot2018", "SiamRPN++", 5)]
)
def test_analyses_of_published_results_are_equal(
    tmp_path: Path, published_results: Path, name: str, tracker: str, first: int
) -> None:
    whole = load_suite(name, published_results, annotations_only=True)
    (results,) = (r for r in find_result_sets([published_results / name / "results"], whole) if r.tracker == tracker)
    some = [s for s in whole.sequences if s.polygons is not None and s.image_size is not None][first::8]
    videos = [Video(s.name, s.image_size or (0, 0), np.asarray(s.polygons), results.trajectories(s)) for s in some]
    write_workspace(tmp_path / "workspace", videos, (40, 120))
    sequences = tuple(
        Sequence(v.name, np.zeros((len(v.truth), 4)), polygons=v.truth, image_size=v.size) for v in videos
    )
    suite = Suite("some", "Some", "vot", "supervised", sequences, len(sequences), eao_interval=(40, 120))
    (raw,) = find_result_sets([tmp_path / "workspace" / "results" / "Some"], suite)
    ours = evaluate_supervised(suite, raw, "vot-toolkit")
    done = subprocess.run(
        [PYTHON, "-c", ANALYSE, str(tmp_path / "workspace")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = json.loads(done.stdout.rpartition("RESULT")[2])
    for metric, value in theirs.items():
        assert ours.score(metric).value == pytest.approx(value, abs=1e-6), metric
