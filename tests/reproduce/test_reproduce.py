"""Runs made, changed and made again: of the catalog, of a sweep, in lockstep, supervised, of a user's own class."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from spm_bench.engine.progress import Quiet
from spm_bench.errors import MissingDataError, ResultsError, UsageError, WeightsError
from spm_bench.reproduce import ReproduceRequest, reproduce
from spm_bench.reproduce.show import as_json, verdict
from spm_bench.run import Request, run_suite
from spm_bench.sweep.request import SweepRequest
from spm_bench.sweep.run import run_sweep
from tests.sweep import toys

TWO = ("calm", "light-2")


def make(out: Path, tracker: str = "static", **options: object) -> Path:
    """Run a tracker on two sequences of the demo; the run's folder."""
    asked = {"sequences": TWO, "report": False, "quiet": True, **options}
    return Path(run_suite(Request(trackers=(tracker,), out=out, **asked)).results[0].run)  # type: ignore[arg-type]


def again(run: Path, **options: object):
    return reproduce(ReproduceRequest(run, quiet=True, **options))  # type: ignore[arg-type]


def shift(run: Path, name: str, row: int, by: float) -> None:
    """Move x in one row of a recorded OTB file."""
    (path,) = run.glob(f"*/{name}.txt")
    boxes = np.loadtxt(path, delimiter=",")
    boxes[row, 0] += by
    path.write_text("".join(",".join(repr(float(v)) for v in box) + "\n" for box in boxes))


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def run(recorded: Path, tmp_path: Path) -> Path:
    """A run of its own for each test."""
    return Path(shutil.copytree(recorded, tmp_path / "runs" / recorded.name))


def test_the_same_boxes_leave_nothing_behind(run: Path) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    found = again(run / "run.json")
    assert (found.same, found.identical, found.folder, found.changes) == (True, True, None, ())
    assert [check.sequence for check in found.checks] == [*TWO]
    assert before == {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    assert "byte for byte (2 sequences, 72 frames)" in verdict(found)


def test_other_boxes_are_placed_and_kept(run: Path, tmp_path: Path) -> None:
    shift(run, "calm", 9, 0.5)
    found = again(run, out=tmp_path / "new")
    (check,) = found.differing
    assert (check.sequence, check.first, check.differing) == ("calm", 9, 1)
    assert check.largest == pytest.approx(0.5)
    assert found.folder is not None
    assert (found.folder / "static" / "calm.txt").is_file()
    assert json.loads(as_json(found))["checks"][0]["same"] is False
    within = again(run, out=tmp_path / "new", tolerance=0.6)
    assert (within.same, within.identical) == (True, False)
    assert "within 0.6 px (at most 0.5 px apart)" in verdict(within)


def test_a_part(run: Path) -> None:
    shift(run, "calm", 9, 0.5)
    found = again(run, sequences=("light-2",))
    assert found.same
    assert found.left_out == {"calm": "not asked for"}


def test_what_was_not_finished_is_left_out(run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    manifest["sequences"]["calm"]["state"] = "failed"
    (run / "run.json").write_text(json.dumps(manifest))
    found = again(run)
    assert found.left_out == {"calm": "failed then"}
    assert [check.sequence for check in found.checks] == ["light-2"]
    with pytest.raises(UsageError, match="calm failed then: there are no boxes"):
        again(run, sequences=("calm",))
    manifest["sequences"]["light-2"]["state"] = "pending"
    (run / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(ResultsError, match="no sequence of this run was finished"):
        again(run)


def test_an_interrupted_reproduction_goes_on_and_a_finished_one_begins_anew(run: Path, tmp_path: Path) -> None:
    class Interrupt(Quiet):
        def sequence(self, *_: str) -> None:
            raise KeyboardInterrupt

    request = ReproduceRequest(run, out=tmp_path / "new", quiet=True)
    with pytest.raises(KeyboardInterrupt):
        reproduce(request, Interrupt())
    (first,) = (tmp_path / "new").rglob("calm.txt")
    written = first.stat().st_mtime_ns
    found = reproduce(request)
    assert (found.kept, found.same) == (1, True)
    assert first.stat().st_mtime_ns == written
    found = reproduce(request)
    assert (found.kept, found.same) == (0, True)
    assert first.stat().st_mtime_ns > written


def test_the_run_is_never_its_own_reproduction(tmp_path: Path) -> None:
    make(tmp_path / "runs")
    (run,) = (tmp_path / "runs" / "demo").iterdir()
    with pytest.raises(UsageError, match="the new run would be the old one"):
        again(run, out=tmp_path / "runs")


def test_supervised_and_seeds(tmp_path: Path) -> None:
    run = make(tmp_path, "tests.sweep.toys:Dice", protocol="supervised", repetitions=2, seed=5)
    found = again(run)
    assert found.identical
    assert {check.repetitions for check in found.checks} == {(2, 2)}
    manifest = json.loads((run / "run.json").read_text())
    manifest["seed"] = 6
    (run / "run.json").write_text(json.dumps(manifest))
    found = again(run, sequences=("calm",))
    assert not found.same


@pytest.mark.parametrize("protocol", ["unsupervised", "multistart", "realtime", "tre", "sre"])
def test_other_protocols(protocol: str, tmp_path: Path) -> None:
    run = make(tmp_path, protocol=protocol)
    found = again(run, out=tmp_path / "new")
    assert found.same, "a tracker that stands still is never too late"
    assert {c.what for c in found.changes} <= {"checkout"}
    assert found.timed == (protocol == "realtime")
    path = next(run.glob("static/*/calm/calm_*[0-9].txt"))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], "1.5,2,3,4"]) + "\n")
    found = again(run, out=tmp_path / "new")
    assert [(c.sequence, c.first, c.differing) for c in found.differing] == [("calm", len(lines) - 1, 1)]


def test_cells_of_a_sweep_in_lockstep(tmp_path: Path) -> None:
    run_sweep(SweepRequest(toys.write(tmp_path), out=tmp_path / "runs", quiet=True, report=False))
    cells = sorted(path.parent for path in tmp_path.rglob("run.json"))
    assert len(cells) > 3
    for cell in (cells[0], next(cell for cell in cells if "drift=2" in cell.name)):
        assert again(cell).identical
    walker = make(tmp_path / "walker", "tests.engine.batch_fakes:Walker", lockstep=True)
    found = again(walker)
    assert found.identical
    assert "engine" in found.unchanged


OWN = """
class Own:
    deterministic = True

    def init(self, frame, box):
        self.box = box

    def update(self, frame):
        self.box = self.box + STEP
        return self.box
"""


def test_a_users_class_that_was_changed_moved_or_broke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "mine"
    home.mkdir()
    module = home / "own_reproduced.py"
    monkeypatch.syspath_prepend(str(home))

    def write(text: str) -> None:
        sys.modules.pop("own_reproduced", None)
        shutil.rmtree(home / "__pycache__", ignore_errors=True)
        module.write_text(text)

    write(OWN.replace("STEP", "0.0"))
    run = make(tmp_path / "runs", "own_reproduced:Own")
    assert again(run).identical
    write(OWN.replace("STEP", "0.25"))
    found = again(run, out=tmp_path / "new")
    assert [(c.what, c.decides) for c in found.changes] == [("tracker code", True)]
    assert {check.first for check in found.checks} == {1}
    assert max(check.largest for check in found.checks) == pytest.approx(0.25 * 35)
    write(OWN.replace("STEP", "1 / 0"))
    found = again(run, out=tmp_path / "new")
    assert set(found.failures) == {*TWO}
    assert not found.same
    assert "every sequence failed" in verdict(found)
    module.rename(tmp_path / "elsewhere.py")
    sys.modules.pop("own_reproduced", None)
    with pytest.raises(UsageError, match="no module") as caught:
        again(run)
    assert "start this in the folder that holds it" in str(caught.value)


def test_data_that_moved(tmp_path: Path) -> None:
    import cv2

    shelf = tmp_path / "shelf" / "cup"
    shelf.mkdir(parents=True)
    for i in range(4):
        cv2.imwrite(str(shelf / f"{i}.png"), np.full((48, 64, 3), 40 * i, dtype=np.uint8))
    (shelf / "groundtruth.txt").write_text("8,10,12,9\n" * 4)
    run = make(tmp_path / "runs", suite="folder", data=tmp_path / "shelf", sequences=())
    assert again(run).identical, "the data are where they were"
    (tmp_path / "shelf").rename(tmp_path / "attic")
    with pytest.raises(MissingDataError, match="The run was made on data in "):
        again(run)
    assert again(run, data=tmp_path / "attic").identical
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "attic" / "cup" / "2.png"), noise)
    found = again(run, data=tmp_path / "attic")
    assert [c.what for c in found.changes] == ["pictures of cup"]
    assert found.same, "this tracker looks at no picture"
    (tmp_path / "attic" / "cup" / "groundtruth.txt").unlink()
    with pytest.raises(MissingDataError, match="Name the folder that holds them now with --data"):
        again(run, data=tmp_path / "attic")


def test_weights_that_moved(tmp_path: Path) -> None:
    from spm_bench.trackers.spm.weights import shipped

    own = tmp_path / "here.safetensors"
    shutil.copy(shipped()["spm_lite"], own)
    run = make(tmp_path / "runs", "SPM", weights=str(own), sequences=("calm",))
    own.rename(tmp_path / "there.safetensors")
    with pytest.raises(WeightsError, match="Name where they are now with --weights") as caught:
        again(run)
    assert json.loads((run / "run.json").read_text())["tracker"]["identity"]["weights_sha256"] in str(caught.value)
    found = again(run, weights=str(tmp_path / "there.safetensors"))
    assert found.identical
    assert "weights" in found.unchanged


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tracker": {"name": "static"}}, "tracker: variant missing"),
        ({"tracker": {"name": "static", "variant": "base", "trained": "", "options": {}}}, "identity missing"),
        ({"sessions": ["x"]}, "'x' is not what belongs there"),
        ({"seed": "seven"}, "'seven' is not what belongs there"),
        ({"sequences": []}, "sequences is no table"),
    ],
)
def test_broken_manifests(run: Path, change: dict[str, object], words: str) -> None:
    manifest = json.loads((run / "run.json").read_text()) | change
    (run / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(ResultsError, match="is not the description of a run") as caught:
        again(run)
    assert words in str(caught.value)


def test_places_that_are_no_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="there is no such run folder"):
        again(tmp_path / "nowhere")
    with pytest.raises(ResultsError, match="holds runs, and is none") as caught:
        again(run.parent)
    assert str(run) in str(caught.value)
    with pytest.raises(ResultsError, match="is no run folder"):
        again(run / "static")
    with pytest.raises(UsageError, match="Did you mean calm"):
        again(run, sequences=("clam",))
    with pytest.raises(UsageError, match="tolerance"):
        again(run, tolerance=-1.0)
    shutil.rmtree(run / "static")
    with pytest.raises(ResultsError, match="none is there") as caught:
        again(run)
    assert "not run.json alone" in str(caught.value)
