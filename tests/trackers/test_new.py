"""A new tracker from the template: it tracks, has no fault, can be swept, and nothing of anybody's is overwritten."""

import ast
import sys

import numpy as np
import pytest

from spm_bench.checkup import check_tracker
from spm_bench.checkup.videos import drifting
from spm_bench.cli import EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.errors import TrackerError, UsageError
from spm_bench.geometry.boxes import iou
from spm_bench.suites import load_suite
from spm_bench.trackers.catalog import build_tracker, can_batch, resolve_tracker, settings_of
from spm_bench.trackers.new import Names, names_of, source
from spm_bench.trackers.settings import Settings
from spm_bench.trackers.variants import Variant

TEMPLATE = "spm_bench.trackers.template:MyTracker"
NAMES = Names("my_ncc", "MyNcc")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop(NAMES.module, None)


def spm_bench(*arguments):
    return guarded(build_app(), ["new-tracker", *arguments])


@pytest.mark.parametrize("batched", [False, True])
def test_a_new_tracker_has_no_fault(here, monkeypatch, capsys, batched):
    monkeypatch.setattr("spm_bench.checkup.memory._elsewhere", lambda patient: patient.usual)
    assert spm_bench("MyNcc", *["--batched"] * batched) == EXIT_OK
    assert "spm-bench check-tracker my_ncc:MyNcc" in capsys.readouterr().out
    results = list(check_tracker("my_ncc:MyNcc"))
    assert [(r.name, r.findings) for r in results if r.findings] == []
    assert [r.name for r in results if r.skipped] == ([] if batched else ["batch"])
    assert can_batch(resolve_tracker("my_ncc:MyNcc")) == batched


@pytest.mark.parametrize("batched", [False, True])
def test_what_is_written_is_whole(batched):
    text = source(NAMES, batched=batched)
    tree = ast.parse(text)
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {"annotations"}
    assert imported <= used
    assert "MyTracker" not in text
    assert "my_tracker" not in text
    assert "[batched]" not in text
    assert ("MyNccBatch" in text) == batched
    assert "\n\n\n\n" not in text
    assert text.endswith("\n")


def test_it_follows_what_moves_and_grows():
    (sequence,) = load_suite("demo", only=["scale-2"]).sequences
    tracker = build_tracker(resolve_tracker(TEMPLATE))
    tracker.init(sequence.frames[0], sequence.ground_truth[0])
    boxes = np.array([tracker.update(sequence.frames[i]) for i in range(1, len(sequence))])
    assert iou(boxes, sequence.ground_truth[1:]).mean() > 0.7
    assert boxes[:, 2].max() > 1.1 * sequence.ground_truth[0, 2]


def test_variants_and_settings_are_found_without_more_code():
    spec = resolve_tracker(TEMPLATE, variant="fixed")
    assert (spec.label, spec.options) == ("MyTracker-fixed", {"config": {"learning_rate": 0.0}})
    assert spec.identity["config"]["learning_rate"] == 0.0
    own = resolve_tracker(TEMPLATE, variant=Variant("far", "", {"reach": 2.0}))
    assert build_tracker(own)._settings.reach == 2.0
    assert "reach" in settings_of(TEMPLATE).model_fields
    with pytest.raises(UsageError, match="Did you mean fixed"):
        resolve_tracker(TEMPLATE, variant="fixd")
    with pytest.raises(UsageError, match=r"MyTracker setting 'raech'.*Did you mean reach"):
        resolve_tracker(TEMPLATE, variant=Variant("far", "", {"raech": 2.0}))
    with pytest.raises(UsageError, match="greater than 0"):
        resolve_tracker(TEMPLATE, variant=Variant("far", "", {"reach": -1.0}))
    with pytest.raises(UsageError, match="no weights"):
        resolve_tracker(TEMPLATE, weights="x")


class OddSettings:
    Settings = dict

    def init(self, frame, box): ...

    def update(self, frame): ...


class WithoutVariants(OddSettings):
    class Settings(Settings):
        speed: float = 1.0

    def __init__(self, config=None):
        self.config = config


def test_settings_must_be_ours():
    with pytest.raises(TrackerError, match=r"Derive them from spm_bench\.trackers\.settings"):
        resolve_tracker(f"{__name__}:OddSettings")
    assert build_tracker(resolve_tracker(f"{__name__}:WithoutVariants")).config == {}


def test_a_box_without_area_is_no_start():
    tracker = build_tracker(resolve_tracker(TEMPLATE))
    with pytest.raises(TrackerError, match="no area"):
        tracker.init(drifting().frames[0], np.array([3.0, 3, 0, 5]))


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("MyNcc", NAMES),
        ("my_ncc", NAMES),
        ("NCC", ("ncc", "NCC")),
        ("ncc9", ("ncc9", "Ncc9")),
        ("A2", ("a2", "A2")),
    ],
)
def test_either_name_will_do(name, names):
    assert names_of(name) == (names if isinstance(names, Names) else Names(*names))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["3d"], "'3d' cannot be the name"),
        (["my-tracker"], "Examples: MyTracker"),
        (["class"], "'class' cannot be"),
        (["Class"], "class cannot be the name of a module"),
        ([""], "'' cannot be"),
        (["_x"], "cannot be"),
        (["kcf"], "KCF is here already"),
        (["numpy"], "numpy_tracker"),
        (["Random"], "Python's own"),
        (["MyNcc", "--out", "file"], "it is a file"),
        (["MyNcc", "--out", "file/in"], "cannot be written"),
        (["MyNcc", "--bached"], "--bached"),
    ],
)
def test_mistakes_end_in_one_line_and_leave_nothing(here, capsys, arguments, words):
    (here / "file").write_text("")
    assert spm_bench(*arguments) == EXIT_USAGE
    assert words in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["file"]


def test_nothing_is_overwritten(here, capsys):
    (here / "my_ncc.py").write_text("mine")
    assert spm_bench("MyNcc") == EXIT_USAGE
    assert "my_ncc.py: there is such a file" in capsys.readouterr().err
    assert (here / "my_ncc.py").read_text() == "mine"
    assert spm_bench("MyNcc", "--out", "a b/c") == EXIT_OK
    assert "cd 'a b/c'" in capsys.readouterr().out
