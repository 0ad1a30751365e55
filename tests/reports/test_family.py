"""The study of the family from end to end: cheap trackers stand in for the networks, everything else is real."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import family
import family_study.speed
import pandas as pd
import proving.cells
import pytest
import torch
from family_study.document import page_text
from family_study.measure import AXES, MEAN, OTB, STEPS, VOT, find_grounds
from family_study.methods import METHODS, RATES, REFERENCES, RIVALS, SPM, TRUNK, Network, facts_of, find_networks
from family_study.pictures import pictures
from family_study.speed import memory_of, time_family
from family_study.study import SPEED, Study
from proving.lookalikes import axis_of, level_of, steps_suite, target_of

from spm_bench.engine import quiet
from spm_bench.engine.timing import Plan
from spm_bench.errors import ResultsError, UsageError
from spm_bench.models.architecture import find_architecture
from spm_bench.models.checkpoint import Weights, random_weights, write_safetensors
from spm_bench.results.timing import read_timing
from spm_bench.trackers import catalog
from spm_bench.trackers.base import TrackerSpec

SLOWEST_FIRST = ("SPM", "SiamRPN", "DaSiamRPN", "SiamFC", "DCF", "CSRT", "KCF")
ARCHITECTURES = {SPM: "spm_lite", "SiamFC": "siamfc_lite"}


def cheap(name: str, *, variant: str | None = None, weights: str | None = None, device: str = "auto") -> TrackerSpec:
    """Everybody creeps, each at a speed of its own, and SPM the least."""
    seed = 0 if weights is None else int(weights.rpartition("seed")[2][0])
    pixels = 0.1 * (1 + seed + 2 * SLOWEST_FIRST.index(name)) + 0.01 * len(variant or "")
    assert device == "cpu"
    return TrackerSpec(
        name=name,
        target="tests.reports.family_fakes:Creeps",
        variant=variant or "base",
        options={"pixels": pixels},
        trained="yes" if weights else "",
        identity={"weights_sha256": f"{name}{seed}".ljust(64, "0")} if weights else {},
    )


def with_trunk(weights: Weights) -> Weights:
    """The same with ones in the shared blocks."""
    state = {k: torch.ones_like(v) if TRUNK.search(k) else v for k, v in weights.state.items()}
    return replace(weights, state=state)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks of two seeds, of which one lacks SiamFC and the other DaSiamRPN; seed 3 is not there."""
    folder = tmp_path_factory.mktemp("weights")
    for seed in (1, 2):
        for method in METHODS:
            if (seed, method.name) in ((1, "SiamFC"), (2, "DaSiamRPN")):
                continue
            file = folder / f"seed{seed}" / f"{method.file}.safetensors"
            if method.name == "SiamRPN":
                file = folder / f"seed{seed}" / method.file / "weights.safetensors"  # as a training leaves it
            file.parent.mkdir(parents=True, exist_ok=True)
            random = with_trunk(random_weights(0, find_architecture(ARCHITECTURES.get(method.name, "siamrpn_lite"))))
            header = {"pairs": "24000", "data": '{"video": 1}', "chosen_on": "held-out training videos"}
            write_safetensors(file, random, header, half=True)
    return folder


ONLY = ("Deer", "Football1", "pedestrian1")
STEP_NAMES = tuple(f"{axis}-{target}-{level}" for axis in AXES for target in ("koi-1001",) for level in (1, 4))
PAGE = Path(family.__file__).parent / "family"
STAND_IN_SPEED = {
    "about": "Demo: somewhere; 25 frames at most, 5 rounds",
    "hardware": "a machine",
    "warnings": ["it was busy"],
    "finished": "2026-01-01",
    "rows": [
        {"method": name, "network_ms": 5.0, "tracker_ms": 10.0 + place, "tracker_p95_ms": 20.0, "fps": 100.0 - place}
        | {"fps_low": 80.0, "fps_high": 101.0, "spread_percent": 21.0, "memory_mib": 400.0 + place}
        for place, name in enumerate([m.name for m in METHODS] + ["DCF", *(entry.name for entry in RATES)])
    ],
}


@pytest.fixture(scope="module")
def made(weights: Path, real_data: Path, published_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with everything, of a few sequences."""
    folder = tmp_path_factory.mktemp("study")
    words = ["--weights", str(weights), "--data", str(real_data), "--published", str(published_results), "--quiet"]
    words += ["--out", str(folder / "runs"), "--page", str(folder / "page"), "--scenes", "1"]
    words += ["--only", *ONLY, *STEP_NAMES]
    (folder / "page").mkdir()
    (folder / "page" / SPEED).write_text(json.dumps(STAND_IN_SPEED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proving.cells, "resolve_tracker", cheap)
        assert family.main(words) == 0
    return folder / "page"


def test_the_page_is_made(made: Path) -> None:
    names = {path.name for path in made.iterdir()}
    for figure in ("forest", "response", "sequences", "cost", "cost_steps"):
        assert {f"{figure}.png", f"{figure}.pdf"} <= names
        assert f"]({figure}.png)" in (made / "README.md").read_text()
    text = (made / "README.md").read_text()
    for words in (
        "not there when this was made: SPM seed 3, SiamRPN seed 3, DaSiamRPN seed 2, DaSiamRPN seed 3",
        "bit for bit the same in all (6 networks compared)",
        "24,000 pairs each",
        "held-out training videos",
        "No setting of anybody was chosen on the sequences of this page.",
        "**SPM minus SiamRPN**, OTB AUC: ",
        "* SiamFC at or above published KCF: AUC",
        "EAO is undefined here: it averages lengths 108 to 371, and the longest sequence has 140 frames.",
        "DCF never\\_updated",
        "**Warning**: it was busy.",
    ):
        assert words in text
    assert str(made.parent) not in text


def test_numbers_are_those_of_the_values(made: Path) -> None:
    """Means, and paired differences that count a sequence once, computed here from the values alone."""
    study = Study.load(made)
    values = study.values[(study.values["suite"] == OTB) & (study.values["metric"] == "auc")]
    table = values.pivot_table("value", "sequence", ["method", "seed"])
    for method, seed in (("SPM", "1"), ("SPM", "2"), ("SiamFC", "2")):
        row = study.score(OTB, method, seed, "auc")
        assert row is not None
        assert row["value"] == pytest.approx(table[method, seed].mean(), abs=1e-12)
    own, theirs = table["SPM"].mean(axis=1), table["SiamRPN"].mean(axis=1)
    (row,) = study.compared(OTB, "auc").query("method == 'SiamRPN' and seed == 'mean'").to_dict("records")
    assert row["difference"] == pytest.approx((theirs - own).mean(), abs=1e-12)
    assert (row["n_sequences"], row["n_units"]) == (2, 2)
    assert row["losses"] == sum(theirs < own)
    (half,) = study.compared(OTB, "auc").query("method == 'DaSiamRPN' and seed == 'mean'").to_dict("records")
    paired = table["DaSiamRPN", "1"] - table["SPM", "1"]  # only the seed that both have
    assert half["difference"] == pytest.approx(paired.mean(), abs=1e-12)
    assert set(study.scores[study.scores["suite"] == VOT]["metric"]) >= {"accuracy", "failures", "expected_overlap"}


def test_two_targets_of_one_video_are_one_draw(real_data: Path, tmp_path: Path) -> None:
    bench = proving.cells.Bench(tmp_path, only=("Jogging-1", "Jogging-2", "Deer", STEP_NAMES[0], STEP_NAMES[-1]))
    (otb, steps), missing = find_grounds(real_data, bench, 1)
    assert set(otb.units.values()) == {"Jogging", "Deer"}
    assert set(steps.units.values()) == {"koi-1001"}  # the same target on all axes
    assert not missing


def test_axes_are_scored_apart(made: Path) -> None:
    study = Study.load(made)
    values = study.values[(study.values["suite"] == STEPS) & (study.values["method"] == SPM)]
    auc = values[values["metric"] == "auc"]
    for axis in AXES:
        row = study.score(STEPS, SPM, MEAN, "auc", axis)
        assert row is not None
        expected = auc[[axis_of(name) == axis for name in auc["sequence"]]]["value"].mean()
        assert row["value"] == pytest.approx(expected, abs=1e-12)
    assert set(study.differences[study.differences["part"] == "scale"]["method"]) >= {*RIVALS, "DCF"}


def test_the_page_is_what_its_tables_say(made: Path) -> None:
    study = Study.load(made)
    assert page_text(study, pictures(study)) == (made / "README.md").read_text()
    other = replace(study, differences=study.differences.assign(established=True, better=True))
    assert "SiamRPN is better beyond noise" in page_text(other, {})


def test_without_data_the_steps_alone_are_made(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving.cells, "resolve_tracker", cheap)
    words = ["--weights", str(weights), "--out", str(tmp_path / "runs"), "--page", str(tmp_path / "page"), "--quiet"]
    words += ["--scenes", "1", "--only", STEP_NAMES[0]]
    assert family.main(words) == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "page").iterdir()}
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.txt")}
    assert family.main(words) == 0  # what was run is kept, and the same runs give the same bytes
    assert {path.name: path.read_bytes() for path in (tmp_path / "page").iterdir()} == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.txt")} == stamps
    text = (tmp_path / "page" / "README.md").read_text()
    assert "sequences not there: otb100, vot2016; steps of difficulty in part: 1 of 96 sequences; no timing yet" in text
    assert set(pd.read_csv(tmp_path / "page" / "values.csv")["suite"]) == {STEPS}
    assert "response.png" not in text  # one step is no curve


def test_everybody_is_timed_once(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family_study.speed, "resolve_tracker", cheap)
    monkeypatch.setattr(family_study.speed, "memory_of", lambda _: 12.0)  # a process each
    monkeypatch.setattr(quiet, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(quiet, "busy_processes", lambda: [])
    networks, _ = find_networks(weights)
    file = time_family(networks, tmp_path / "runs", tmp_path, plan=Plan(2, 1, 2), say=lambda _: None)
    found = json.loads(file.read_text())
    names = [row["method"] for row in found["rows"]]
    assert sorted(names) == sorted([m.name for m in METHODS] + [e.name for e in (*REFERENCES, *RATES)])
    assert {row["weights"] for row in found["rows"] if row["method"] == "SiamFC"} == {"SiamFC200000"}  # seed 1 has none
    assert all(row["tracker_ms"] > 0 and row["memory_mib"] == 12.0 for row in found["rows"])
    assert len(read_timing(tmp_path / "runs" / "timing" / "family").trackers) == len(names)


def test_memory_is_that_of_a_process_alone() -> None:
    small = memory_of(cheap("SPM", device="cpu"))
    assert 10 < small < 4000  # an interpreter with numpy; MiB, whatever the system counts in


def test_networks_run_as_what_they_are(weights: Path) -> None:
    networks, _ = find_networks(weights)
    for network in networks:
        entry = network.entry
        spec = catalog.resolve_tracker(entry.tracker, weights=entry.weights, device="cpu")
        assert spec.name == network.method
        assert facts_of(network)["weights"] == spec.identity["weights_sha256"][:12]


def test_a_trunk_that_was_trained_is_told(weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "spm.safetensors"
    write_safetensors(file, random_weights(7, find_architecture("spm_lite")), {}, half=True)
    other = facts_of(Network(SPM, 1, file))
    assert other["trunk"] != facts_of(find_networks(weights)[0][0])["trunk"]
    assert other["pairs"] is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--weights", "nowhere"], "no such folder"),
        (["--weights", "."], "no network of the family"),
        ([], "needs networks"),
        (["--again"], "no such table"),
    ],
)
def test_bad_input_is_told_in_a_line(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert family.main([*words, "--page", str(tmp_path / "page")]) == 2
    error = capsys.readouterr().err.strip()
    assert told in error
    assert "\n" not in error


def test_steps_have_all_levels_and_one_target_over_all_axes() -> None:
    names = [sequence.name for sequence in steps_suite(AXES, 2).sequences]
    assert len(names) == len(set(names)) == 4 * 2 * 4
    assert {level_of(name) for name in names} == {1, 2, 3, 4}
    assert {target_of(name) for name in names} == {"koi-1001", "beetle-1002"}
    with pytest.raises(UsageError, match="occlud"):
        steps_suite(["occlud"], 1)
    with pytest.raises(UsageError, match="0 scenes"):
        steps_suite(AXES, 0)


def test_a_broken_table_is_told(made: Path, tmp_path: Path) -> None:
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "family.json").write_text("[")
    with pytest.raises(ResultsError, match="Make the study again"):
        Study.load(tmp_path)


def test_the_committed_page_is_what_its_tables_say() -> None:
    study = Study.load(PAGE)
    assert page_text(study, pictures(study)) == (PAGE / "README.md").read_text(encoding="utf-8")
    values = study.values[study.values["metric"] == "auc"]
    for (suite, method, seed), rows in values.groupby(["suite", "method", "seed"]):
        row = study.score(str(suite), str(method), str(seed), "auc")
        assert row is not None
        assert row["value"] == pytest.approx(rows["value"].mean(), abs=1e-9)
