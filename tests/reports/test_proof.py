"""The proof from end to end: cheap trackers stand in for SPM, everything else is real."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import proof
import proving.cells
import pytest
from proving.benchmarks import load_present
from proving.cells import RESCORED, Bench, Entry, read_cells, run_cells, tracker_of
from proving.lookalikes import lookalike_suite
from proving.stages import read_training

from spm_bench.errors import ResultsError, UsageError
from spm_bench.trackers import catalog
from spm_bench.trackers.base import TrackerSpec

STAND_INS = {
    ("SPM", None): ("oracle", "noisy"),
    ("SPM", "base"): ("oracle", "noisy"),
    ("SPM", "series"): ("oracle", "noisy"),
    ("SPM", "fm_only"): ("static", None),
    ("SPM", "cm_only"): ("oracle", "forgetful"),
    ("CSRT", None): ("MOSSE", None),
    ("KCF", None): ("static", None),
}


def cheap(name: str, *, variant: str | None = None, weights: str | None = None, device: str = "auto") -> TrackerSpec:
    network = name.startswith("SPM")
    other, its_variant = STAND_INS.get(("SPM" if network else name, variant), (name, variant))
    spec = catalog.resolve_tracker(other, variant=its_variant)
    if not network:
        return spec
    return replace(spec, trained="yes", identity={**spec.identity, "weights_sha256": f"{weights}".ljust(64, "0")})


@pytest.fixture
def cheap_trackers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving.cells, "resolve_tracker", cheap)
    monkeypatch.setattr(proof, "resolve_tracker", cheap)


ONLY = ("Man", "Football1", "bag", "lookalike-1", "lookalike-4", "koi-1001-1", "koi-1001-4", "beetle-1002-4")
ABLATION = ("all rules=all.st", "without FM=none.st:cm_only")


@pytest.fixture
def arguments(real_data: Path, published_results: Path, tmp_path: Path) -> list[str]:
    words = ["--weights", "w.st", "--data", str(real_data), "--published", str(published_results), "--quiet"]
    words += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out"), "--scenes", "2", "--only", *ONLY]
    return words + [word for text in ABLATION for word in ("--ablation", text)]


def test_everything_is_made(
    arguments: list[str], cheap_trackers: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert proof.main(arguments) == 0
    out = tmp_path / "out"
    assert capsys.readouterr().out == f"{out / 'proof.md'}\n"
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    text = first["proof.md"].decode()
    for name in first:
        if name.endswith(".png"):
            assert f"]({name})" in text
            assert name.replace(".png", ".pdf") in first
    for words in (
        "$PROOF --part otb",
        "--ablation 'all rules=all.st'",
        "SiamRPN++",
        "KCF (raw results)",
        "IV (1)",
        "series",
    ):
        assert words in text
    assert "untrained" not in text
    assert str(tmp_path) not in text
    _check_values(pd.read_csv(out / "proof.csv"), text)


def _check_values(frame: pd.DataFrame, text: str) -> None:
    """The tables hold what the file of all values gives."""
    auc = frame[frame["metric"] == "auc"].pivot_table("value", ["part", "suite", "sequence"], "tracker")
    otb = auc.loc["otb", "otb100"]
    assert set(otb.index) == {"Man", "Football1"}
    assert f"| SiamFC-3s | raw results | {otb['SiamFC-3s'].mean():.3f} |" in text
    assert f"| **SPM** | run here | {otb['SPM'].mean():.3f} |" in text
    scenes = auc.loc["stages", "lookalikes"]
    gain = (scenes["full"] - scenes["CM alone"]).mean()
    assert gain > 0  # the stand-in for CM alone loses the target
    assert f"* Look-alike scenes (3 sequences of 2 scenes): +{gain:.3f}, too few to say" in text
    trained = auc.loc["ablation", "demo"]
    assert f"| all rules | {auc.loc['ablation', 'otb100']['all rules'].mean():.3f} |" in text
    assert f"| {trained['all rules'].mean():.3f} |  |" in text
    lost = frame[(frame["part"] == "vot") & (frame["metric"] == "failures") & (frame["tracker"] == "SiamMask")]
    assert f"| SiamMask | 0.{round(1000 * _accuracy(frame)):03d}, {lost['value'].item():.1f} |" in text


def test_without_weights_it_is_about_those_that_come_along(
    real_data: Path, published_results: Path, cheap_trackers: None, tmp_path: Path
) -> None:
    folders = {"data": real_data, "published": published_results, "runs": tmp_path / "runs", "out": tmp_path / "out"}
    words = [word for name, folder in folders.items() for word in (f"--{name}", str(folder))]
    assert proof.main([*words, "--quiet", "--only", "book", "koi-1001-1", "--scenes", "1"]) == 0
    text = (tmp_path / "out" / "proof.md").read_text()
    assert "* Weights of SPM: spm_lite (tracker SPM-lite), sha256 `spm_lite0000`." in text
    assert "| **SPM-lite** | run here |" in text
    assert "| **SPM** |" not in text
    assert "variants `cm_only`, `fm_only`, `series`, `base` of SPM-lite" in text
    assert "--weights" not in text
    assert set(pd.read_csv(tmp_path / "out" / "proof.csv")["weights"].dropna()) == {"spm_lite0000"}
    _check_attributes(text, real_data / "vot2016" / "book", published_results / "vot2016" / "results", "SiamMask")


def _check_attributes(text: str, sequence: Path, results: Path, tracker: str) -> None:
    """Failures per attribute, counted from the files: frames with the code 2 whose label is 1."""
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("| Attribute of frames"))
    column = [cell.strip() for cell in lines[start].split("|")].index(tracker)
    table = {line.split()[1]: line.split("|")[column].strip() for line in lines[start + 2 : lines.index("", start)]}
    runs = [
        path.read_text().split() for path in sorted((results / tracker / "baseline" / sequence.name).glob("*_0*.txt"))
    ]
    assert runs
    expected = {}
    for path in sequence.glob("*.label"):
        label = [line.strip() == "1" for line in path.read_text().splitlines()]
        lost = [sum(code in ("2", "2.0000") and k < len(label) and label[k] for k, code in enumerate(r)) for r in runs]
        if any(label):
            expected[path.stem.replace("_", "\\_")] = f"{np.mean(lost):.1f}"
    assert table == expected


def test_shipped_weights_are_called_by_their_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "spm_lite.safetensors"
    file.touch()
    monkeypatch.setattr(proving.cells, "shipped", lambda: {"spm_lite": file})
    monkeypatch.chdir(tmp_path)
    assert [tracker_of(name) for name in ("spm_lite", str(file), file.name)] == ["SPM-lite"] * 3
    monkeypatch.setattr(proving.cells, "shipped", dict)
    assert [tracker_of(name) for name in ("spm_lite", str(file), "official")] == ["SPM-lite", "SPM", "SPM"]


def _accuracy(frame: pd.DataFrame) -> float:
    chosen = frame[(frame["suite"] == "vot2016") & (frame["metric"] == "accuracy") & (frame["tracker"] == "SiamMask")]
    return float(chosen["value"].item())


def test_one_part_alone_and_the_same_again(arguments: list[str], cheap_trackers: None, tmp_path: Path) -> None:
    assert proof.main([*arguments, "--part", "stages"]) == 0
    out = tmp_path / "out"
    text = (out / "proof.md").read_text()
    assert "What the stages are for" in text
    assert "VOT2016" not in text
    assert set(pd.read_csv(out / "proof.csv")["part"]) == {"stages"}
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.txt")}
    assert proof.main([*arguments, "--part", "stages"]) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.txt")} == stamps


def test_raw_results_score_as_on_the_whole_benchmark(real_data: Path, published_results: Path) -> None:
    """Per sequence, the values are those of the reference file, which covers all of OTB-100."""
    suite = load_present("otb100", real_data)
    names = [sequence.name for sequence in suite.sequences]
    expected = json.loads((published_results / "expected.json").read_text())
    reference = _per_sequence_of(expected, "SiamFC-3s")
    cells = {cell.name: cell for cell in read_cells(suite, published_results / "otb100" / "results", ["KCF"])}
    assert "KCF (raw results)" in cells
    assert {cell.source for cell in cells.values()} == {RESCORED}
    found = cells["SiamFC-3s"].values("auc", names)
    np.testing.assert_allclose(found, [reference[name][0] for name in names], atol=1e-4)


def _per_sequence_of(expected: Any, tracker: str) -> dict[str, list[float]]:
    return dict(expected["otb100"]["trackers"][tracker]["per_sequence"])


class Breaks:
    def init(self, *_: object) -> None:
        raise RuntimeError("no target here")

    def update(self, *_: object) -> None:
        raise AssertionError


def test_a_quick_look_is_a_part_of_the_whole_run(tmp_path: Path) -> None:
    suite = lookalike_suite(1)
    entries = [Entry("a", "static"), Entry("b", "static")]  # one run under two names
    quick = Bench(tmp_path, quiet=True, only=("koi-1001-2",))
    cells = run_cells(suite, entries, quick)
    assert cells[0].values("auc", ["koi-1001-2"]) == cells[1].values("auc", ["koi-1001-2"])
    (file,) = tmp_path.rglob("koi-1001-2.txt")
    stamp = file.stat().st_mtime_ns
    two = replace(quick, only=("koi-1001-1", "koi-1001-2"))
    assert len(run_cells(suite, entries[:1], two)[0].values("auc", two.only)) == 2
    assert file.stat().st_mtime_ns == stamp
    assert len(list(tmp_path.glob("lookalikes/*"))) == 1


def test_a_proof_has_no_gaps(tmp_path: Path) -> None:
    bench = Bench(tmp_path, quiet=True, only=("koi-1001-2",))
    with pytest.raises(ResultsError, match=r"mine failed on koi-1001-2.*no target here"):
        run_cells(lookalike_suite(1), [Entry("mine", f"{__name__}:Breaks")], bench)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("all=a.safetensors", Entry("all", weights="a.safetensors")),
        ("no FM = b.safetensors:cm_only", Entry("no FM", variant="cm_only", weights="b.safetensors")),
        ("r=random:3", Entry("r", weights="random:3")),
    ],
)
def test_trainings(text: str, entry: Entry) -> None:
    assert read_training(text) == entry


@pytest.mark.parametrize("text", ["a.safetensors", "=a.safetensors", "name="])
def test_trainings_without_name_or_file(text: str) -> None:
    with pytest.raises(UsageError, match="names no training"):
        read_training(text)


def test_a_training_with_a_mistyped_variant(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").touch()
    with pytest.raises(UsageError, match="no variant 'cm_onyl'"):
        read_training(f"a={tmp_path / 'a.safetensors'}:cm_onyl")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--part", "ablation"], "nothing is left to compare"),
        (["--part", "stages", "--scenes", "0"], "0 scenes"),
        (["--part", "stages", "--data", "nowhere"], "nowhere"),
        (["--ablation", "a=x", "--ablation", "a=y"], "same name"),
        (["--part", "otb", "--published", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_told_in_a_line(
    words: list[str],
    told: str,
    cheap_trackers: None,
    real_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    common = ["--weights", "w", "--data", str(real_data), "--runs", str(tmp_path), "--out", str(tmp_path), "--quiet"]
    assert proof.main([*common, "--only", "Man", *words]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert told in error
    assert "\n" not in error


def test_broken_weights_are_told_before_anything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert proof.main(["--weights", "gone.safetensors", "--data", str(tmp_path), "--out", str(out)]) == 2
    assert "gone.safetensors" in capsys.readouterr().err
    assert not out.exists()
