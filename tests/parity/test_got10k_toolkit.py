"""Reference: got10k 0.1.3, `ExperimentOTB.report` and `ExperimentGOT10k.report`, run on the same raw files.

Data sets are generated in the toolkit's native layout (its loaders only list pictures, so these are empty files).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from spm_bench.metrics.speed import mean_inverse_seconds
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.trajectory import Trajectory
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence
from tests.scoring.fakes import MemoryResults, make_suite, one_pass

ONE_BASED = np.array((1.0, 1.0, 0.0, 0.0))
NAMES = ("Basketball", "Biker", "Bird1", "Bolt")
"""Any names of OTB-50: the toolkit takes no others."""


@pytest.fixture(scope="module")
def toolkit():
    """The toolkit's experiments, with plots drawn to nowhere."""
    import matplotlib as mpl

    mpl.use("Agg")
    return pytest.importorskip("got10k.experiments")


def random_run(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and results as files hold them; the results drift out of the picture and have exact hits among them."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.integers(2, 200, (n, 2)), rng.integers(10, 90, (n, 2))], 1).astype(float)
    results = truth + rng.normal(0, 12, (n, 4)).round(3)
    results[:, 2:] = np.abs(results[:, 2:]) + 1
    results[::5] = truth[::5]
    results[1::7, 0] -= 220
    results[3::9, :2] += 20
    return truth, results


def save(path: Path, rows: np.ndarray, fmt: str = "%.3f") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt=fmt, delimiter=",")


# -- OTB --------------------------------------------------------------------------------------------------------------


class OtbCase:
    """A generated OTB, one tracker's files, and the same in memory."""

    def __init__(self, folder: Path, *, timed: bool = True) -> None:
        self.data, self.results = folder / "OTB", folder / "results"
        self.sequences: list[Sequence] = []
        self.passes: dict[str, tuple[Trajectory, ...]] = {}
        for seed, name in enumerate(NAMES):
            truth, boxes = random_run(seed, 30 + 7 * seed)
            seconds = np.random.default_rng(seed).uniform(0.01, 0.2, len(truth)).round(8)
            self.add(name, truth, boxes, seconds if timed else None)

    def add(self, name: str, truth: np.ndarray, boxes: np.ndarray, seconds: np.ndarray | None) -> None:
        save(self.data / name / "groundtruth_rect.txt", truth, "%d")
        for i in range(len(truth)):
            picture = self.data / name / "img" / f"{i + 1:04d}.jpg"
            picture.parent.mkdir(exist_ok=True)
            picture.touch()
        save(self.results / "OTBtb50" / "T" / f"{name}.txt", boxes)
        if seconds is not None:
            save(self.results / "OTBtb50" / "T" / "times" / f"{name}_time.txt", seconds, "%.8f")
        self.sequences.append(Sequence(name, truth - ONE_BASED))
        run = one_pass(boxes - ONE_BASED)
        self.passes[name] = (Trajectory(run.boxes, run.states, run.seconds if seconds is None else seconds),)

    def ours(self, convention: str) -> Evaluation:
        return evaluate(make_suite(*self.sequences), MemoryResults(self.passes), convention)

    def theirs(self, toolkit, reports: Path) -> dict:
        from got10k.datasets import OTB

        experiment = object.__new__(toolkit.ExperimentOTB)  # its constructor downloads
        experiment.dataset = OTB(str(self.data), "tb50", download=False)
        experiment.result_dir, experiment.report_dir = str(self.results / "OTBtb50"), str(reports)
        experiment.nbins_iou, experiment.nbins_ce = 21, 51
        experiment.plot_curves = lambda _: None
        return experiment.report(["T"])["T"]


@pytest.fixture(scope="module")
def otb(tmp_path_factory: pytest.TempPathFactory, toolkit) -> tuple[OtbCase, dict]:
    folder = tmp_path_factory.mktemp("otb")
    case = OtbCase(folder)
    return case, case.theirs(toolkit, folder / "reports")


def test_otb_scores_curves_and_speed_are_the_toolkits(otb: tuple[OtbCase, dict]) -> None:
    case, theirs = otb
    ours, overall = case.ours("got10k-toolkit"), theirs["overall"]
    assert ours.score("auc").value == pytest.approx(overall["success_score"], abs=1e-6)
    assert ours.score("precision").value == pytest.approx(overall["precision_score"], abs=1e-6)
    assert ours.score("fps").value == pytest.approx(overall["speed_fps"], rel=1e-9)
    np.testing.assert_allclose(ours.curves["success"].y, overall["success_curve"], atol=1e-6)
    np.testing.assert_allclose(ours.curves["precision"].y, overall["precision_curve"], atol=1e-6)
    assert ours.curves["success"].y[10] == pytest.approx(overall["success_rate"], abs=1e-6)


def test_otb_values_of_every_sequence_are_the_toolkits(otb: tuple[OtbCase, dict]) -> None:
    case, theirs = otb
    table = case.ours("got10k-toolkit").per_sequence.pivot(index="sequence", columns="metric", values="value")
    assert set(table.index) == set(theirs["seq_wise"])
    for name, values in theirs["seq_wise"].items():
        assert table.loc[name, "auc"] == pytest.approx(values["success_score"], abs=1e-6)
        assert table.loc[name, "precision"] == pytest.approx(values["precision_score"], abs=1e-6)
        assert table.loc[name, "fps"] == pytest.approx(values["speed_fps"], rel=1e-9)


def test_otb_on_clean_input_all_conventions_agree_with_the_toolkit(otb: tuple[OtbCase, dict]) -> None:
    """Nothing is broken and the boxes start at the truth, so only rounding and `<` could differ, and do not here."""
    case, theirs = otb
    for name in ("otb-matlab", "pysot", "pytracking", "lasot"):
        assert case.ours(name).score("auc").value == pytest.approx(theirs["overall"]["success_score"], abs=1e-6), name


def test_otb_on_broken_input_the_convention_explains_the_difference(toolkit, tmp_path: Path) -> None:
    case = OtbCase(tmp_path, timed=False)
    truth, boxes = random_run(9, 40)
    truth[5:9] = 0
    boxes[5:9] = truth[4] + 3  # where nothing is annotated
    boxes[19:21] = truth[20]
    boxes[20, 2] = 0  # repaired from the box before by one of the two
    case.add("Box", truth, boxes, None)
    theirs = case.theirs(toolkit, tmp_path / "reports")
    same, matlab = case.ours("got10k-toolkit"), case.ours("otb-matlab")
    for metric, key in (("auc", "success_score"), ("precision", "precision_score")):
        assert same.score(metric).value == pytest.approx(theirs["overall"][key], abs=1e-6)
        assert abs(matlab.score(metric).value - theirs["overall"][key]) > 1e-4
    assert theirs["overall"]["speed_fps"] == -1


@pytest.mark.parametrize("tracker", ["C-COT", "KCF", "SiamFC-3s", "SiamRPN++"])
def test_otb_real_annotations_and_published_results(
    toolkit, published_results: Path, tmp_path: Path, tracker: str
) -> None:
    """Real files of one tracker on the sequences whose names both sides share and whose pictures need no cutting."""
    from spm_bench.results.formats import read_otb
    from spm_bench.suites.annotations import parse_rows

    folder, case = published_results / "otb100", OtbCase(tmp_path, timed=False)
    case.sequences, case.passes = [], {}
    shutil.rmtree(tmp_path)
    for name in ("Couple", "Deer", "Skiing", "MotorRolling", "DragonBaby", "Bolt"):
        truth = parse_rows(folder / "annotations" / f"{name}.txt", (4,))
        boxes = read_otb(folder / "results" / tracker / f"{name}.txt", len(truth)) + ONE_BASED
        case.add(name, truth, boxes.round(3), None)
    theirs, ours = case.theirs(toolkit, tmp_path / "reports"), case.ours("got10k-toolkit")
    assert ours.score("auc").value == pytest.approx(theirs["overall"]["success_score"], abs=1e-6)
    assert ours.score("precision").value == pytest.approx(theirs["overall"]["precision_score"], abs=1e-6)


# -- GOT-10k ----------------------------------------------------------------------------------------------------------

SIZE = (260, 200)


def write_val(folder: Path, repetitions: int) -> tuple[list[Sequence], dict[str, tuple[Trajectory, ...]]]:
    """A generated val split with labels, and results with a column of seconds per repetition."""
    sequences, passes = [], {}
    for seed in range(3):
        name, n = f"GOT-10k_Val_{seed + 1:06d}", 12 + 5 * seed
        home, rng = folder / "data" / "val" / name, np.random.default_rng(seed)
        truth, _ = random_run(seed, n)
        cover = rng.integers(0, 9, n)
        save(home / "groundtruth.txt", truth, "%.4f")
        save(home / "cover.label", cover, "%d")
        save(home / "absence.label", cover == 0, "%d")
        save(home / "cut_by_image.label", np.zeros(n), "%d")
        (home / "meta_info.ini").write_text(f"[METAINFO]\nurl: none\nresolution: {SIZE}\n", encoding="utf-8")
        for i in range(n):
            (home / f"{i + 1:08d}.jpg").touch()
        boxes = [random_run(seed, n)[1] + k for k in range(repetitions)]
        seconds = rng.uniform(0.01, 0.1, (n, repetitions)).round(8)
        out = folder / "results" / "GOT-10k" / "T" / name
        for k, rows in enumerate(boxes):
            save(out / f"{name}_{k + 1:03d}.txt", rows)
        save(out / f"{name}_time.txt", seconds, "%.8f")
        sequences.append(Sequence(name, truth, image_size=SIZE, cover=cover))
        runs = [one_pass(rows) for rows in boxes]
        passes[name] = tuple(Trajectory(r.boxes, r.states, seconds[:, k]) for k, r in enumerate(runs))
    (folder / "data" / "val" / "list.txt").write_text("\n".join(s.name for s in sequences) + "\n", encoding="utf-8")
    return sequences, passes


@pytest.mark.parametrize("repetitions", [1, 3])
def test_got10k_val_is_the_toolkits(toolkit, tmp_path: Path, repetitions: int) -> None:
    sequences, passes = write_val(tmp_path, repetitions)
    experiment = toolkit.ExperimentGOT10k(
        str(tmp_path / "data"), "val", str(tmp_path / "results"), str(tmp_path / "reports")
    )
    experiment.plot_curves = lambda *_: None
    theirs = json.loads(json.dumps(experiment.report(["T"])["T"], default=float))
    ours = evaluate(make_suite(*sequences, family="got10k"), MemoryResults(passes, protocol="got10k"))
    assert ours.score("ao").value == pytest.approx(theirs["overall"]["ao"], abs=1e-6)
    assert ours.score("sr50").value == pytest.approx(theirs["overall"]["sr"], abs=1e-6)
    np.testing.assert_allclose(ours.curves["success"].y, theirs["overall"]["succ_curve"], atol=1e-6)
    assert ours.score("sr75").value == pytest.approx(theirs["overall"]["succ_curve"][75], abs=1e-6)
    table = ours.per_sequence.pivot(index="sequence", columns="metric", values="value")
    for name, values in theirs["seq_wise"].items():
        assert table.loc[name, "ao"] == pytest.approx(values["ao"], abs=1e-6)
        assert table.loc[name, "sr50"] == pytest.approx(values["sr"], abs=1e-6)
    every_time = np.concatenate([t.seconds for runs in passes.values() for t in runs])
    assert mean_inverse_seconds(every_time) == pytest.approx(theirs["overall"]["speed_fps"], rel=1e-9)
    assert ours.score("fps").value == pytest.approx(len(every_time) / every_time.sum()), "the named difference"


def test_got10k_files_give_the_same_through_our_loader_and_reader(tmp_path: Path) -> None:
    """Coordinates are taken as annotated on all sides, so clamping at 0 means the same 0."""
    sequences, passes = write_val(tmp_path, 3)
    suite = load_suite("got10k-val", tmp_path / "data", annotations_only=True, allow_missing=True)
    (results,) = find_result_sets([tmp_path / "results" / "GOT-10k"], suite)
    from_files = evaluate(suite, results)
    in_memory = evaluate(make_suite(*sequences, family="got10k"), MemoryResults(passes))
    for a, b in zip(from_files.scores, in_memory.scores, strict=True):
        assert (a.metric, a.n_sequences, a.n_total) == (b.metric, 3, 180)
        assert a.value == pytest.approx(b.value, abs=1e-12)


def test_got10k_cutting_boxes_at_the_border_would_be_another_number(tmp_path: Path) -> None:
    sequences, passes = write_val(tmp_path, 1)
    suite, results = make_suite(*sequences, family="got10k"), MemoryResults(passes)
    shifted, cut = (evaluate(suite, results, name).score("ao").value for name in ("got10k", "got10k-cut"))
    assert shifted != pytest.approx(cut, abs=1e-3)
