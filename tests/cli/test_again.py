"""The command that a report prints does what it says: the same scores from the same raw results."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from spm_bench.cli import EXIT_OK, build_app, guarded
from spm_bench.run import main


@pytest.mark.parametrize(
    ("protocol", "folder"), [((), "report"), (("--protocol", "supervised", "--repetitions", "1"), "report-supervised")]
)
def test_the_printed_command_gives_the_same_scores(
    protocol: tuple[str, ...], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = ["--suite", "demo", "--sequence", "calm", "--tracker", "static", "--metric", "tracking_length", *protocol]
    assert main(run) == EXIT_OK
    report = Path("runs/demo") / folder
    command = (report / "README.md").read_text().split("```sh\n")[1].split("```")[0]
    words = shlex.split(command.replace("\\\n", " "))
    assert words[0] == "spm-bench"
    assert guarded(build_app(), words[1:]) == EXIT_OK
    again = json.loads(Path("report/scores.json").read_text())
    assert again == json.loads((report / "scores.json").read_text())
