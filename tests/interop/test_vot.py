"""Workspaces of the vot toolkit: what is written, and the toolkit's own `evaluate` on generated sequences.

Reference: vot-toolkit 0.7.4, `vot evaluate`, supervised experiment; every code and box against our own protocol.
"""

import configparser
import importlib.util
import os
import shlex
import subprocess
import sys

import cv2
import numpy as np
import pytest

from spm_bench.cli import EXIT_OK, EXIT_USAGE, guarded
from spm_bench.cli.vot import app
from spm_bench.errors import DataError, UsageError
from spm_bench.interop.vot import TrackerCall, init_workspace, toolkit_problem, tracker_section
from spm_bench.interop.vot_stack import stack_text
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.formats import read_vot
from spm_bench.results.trajectory import FrameState
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.frames import ImageFrames
from spm_bench.trackers.catalog import build_tracker, resolve_tracker
from tests.trackers.pictures import moving_target

TILT = np.array([-6.0, 3.0, 60.0, -4.0, 68.0, 57.0, 2.0, 63.0])
"""Corners of a slightly turned frame around the target, from its top left corner."""


def tilted(boxes):
    return np.tile(boxes[:, :2], (1, 4)) + TILT


def make_suite(n=24, **changes):
    """Two sequences: one to follow, and one whose target jumps away in the middle, so that trackers fail."""
    frames, truth = moving_target(n)
    still, jump = frames[0], np.roll(frames[0], (70, 110), axis=(0, 1))
    jumped = [still] * (n // 2) + [jump] * (n - n // 2)
    places = np.array([truth[0]] * (n // 2) + [truth[0] + np.array([110, 70, 0, 0])] * (n - n // 2))
    flags = {"occlusion": np.arange(n) % 2 == 0}
    sequences = (
        Sequence("walks", truth, frames, polygons=tilted(truth), frame_attributes=flags, image_size=(200, 160)),
        Sequence("jumps", places, jumped, polygons=tilted(places), image_size=(200, 160)),
    )
    values = {"eao_interval": (10, 20), **changes}
    return Suite("vot2016", "VOT2016", "vot", "supervised", sequences, 60, **values)


def sections(path):
    config = configparser.ConfigParser()
    config.read(path)
    return {name: dict(config[name]) for name in config.sections()}


def test_the_files_of_a_workspace(tmp_path):
    suite = make_suite(6)
    names = init_workspace(tmp_path / "ws", suite, [TrackerCall("kcf"), TrackerCall("KCF", "as_shipped")])
    assert names == ["KCF", "KCF-as_shipped"]
    ws = tmp_path / "ws"
    assert (ws / "sequences" / "list.txt").read_text() == "walks\njumps\n"
    assert '"VOT2016, 2 of 60 sequences"' in (ws / "stack.yaml").read_text()
    truth = np.loadtxt(ws / "sequences" / "walks" / "groundtruth.txt", delimiter=",")
    np.testing.assert_array_equal(truth, suite.sequences[0].polygons)
    assert (ws / "sequences" / "walks" / "occlusion.tag").read_text() == "1\n0\n" * 3
    pictures = sorted((ws / "sequences" / "walks" / "color").iterdir())
    assert [path.name for path in pictures] == [f"{i:08d}.png" for i in range(1, 7)]
    np.testing.assert_array_equal(cv2.imread(str(pictures[2])), suite.sequences[0].frames[2])
    trackers = sections(ws / "trackers.ini")
    assert list(trackers) == names
    assert trackers["KCF"]["protocol"] == "trax"
    command = shlex.split(trackers["KCF-as_shipped"]["command"])
    assert command[:4] == [sys.executable, "-m", "spm_bench.interop.trax", "KCF"]
    assert command[4:6] == ["--variant", "as_shipped"]


def test_picture_files_are_linked_whatever_their_names(tmp_path):
    frames, truth = moving_target(3)
    for name, frame in zip(("a.JPG", "b.JPG", "c.JPG"), frames, strict=True):
        (tmp_path / name).write_bytes(cv2.imencode(".jpg", frame)[1].tobytes())
    source = ImageFrames(tmp_path, ("a.JPG", "b.JPG", "c.JPG"), (1, 1, 1))
    suite = Suite("own", "Own", "vot", "supervised", (Sequence("s", truth, source),), 1)
    init_workspace(tmp_path / "ws", suite, [TrackerCall("static")])
    link = tmp_path / "ws" / "sequences" / "s" / "color" / "00000002.jpg"
    assert link.is_symlink()
    assert link.resolve() == tmp_path / "b.JPG"
    truth_file = tmp_path / "ws" / "sequences" / "s" / "groundtruth.txt"
    np.testing.assert_array_equal(np.loadtxt(truth_file, delimiter=","), truth)


def test_a_second_call_adds_trackers_and_keeps_the_first(tmp_path):
    suite = make_suite(4)
    init_workspace(tmp_path, suite, [TrackerCall("static")])
    first = sections(tmp_path / "trackers.ini")
    assert init_workspace(tmp_path, suite, [TrackerCall("MOSSE")], init_box="axis_aligned") == ["MOSSE"]
    both = sections(tmp_path / "trackers.ini")
    assert both["static"] == first["static"]
    assert both["MOSSE"]["command"].endswith("--init-box axis_aligned")


def test_folders_that_are_something_else(tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.tex").write_text("")
    (tmp_path / "file").write_text("")
    suite = make_suite(4)
    init_workspace(tmp_path / "ws", suite, [TrackerCall("static")])
    for folder, words in (("used", "not empty"), ("file", "it is a file")):
        with pytest.raises(UsageError, match=words):
            init_workspace(tmp_path / folder, suite, [TrackerCall("static")])
    with pytest.raises(UsageError, match=r"made for something else \(stack.yaml differs\)"):
        init_workspace(tmp_path / "ws", suite, [TrackerCall("static")], repetitions=3)
    assert sorted(p.name for p in (tmp_path / "used").iterdir()) == ["thesis.tex"]


def test_an_unknown_tracker_leaves_no_folder_behind(tmp_path):
    with pytest.raises(UsageError, match="Did you mean KCF"):
        init_workspace(tmp_path / "ws", make_suite(4), [TrackerCall("KFC")])
    assert not (tmp_path / "ws").exists()


def test_suites_that_cannot_be_run(tmp_path):
    with pytest.raises(DataError, match="not public"):
        init_workspace(tmp_path, make_suite(4, has_ground_truth=False), [TrackerCall("static")])
    blind = Suite("b", "B", "vot", "supervised", (Sequence("s", moving_target(2)[1]),), 1)
    with pytest.raises(DataError, match="pictures are not here"):
        init_workspace(tmp_path / "a", blind, [TrackerCall("static")])
    frames, truth = moving_target(2)
    sneaky = Suite("b", "B", "vot", "supervised", (Sequence("../s", truth, frames),), 1)
    with pytest.raises(DataError, match="cannot be the name"):
        init_workspace(tmp_path / "b", sneaky, [TrackerCall("static")])


def test_years_without_eao_get_no_eao():
    assert "eao" not in stack_text(make_suite(4, eao_interval=None), 15)
    assert "low: 10" in stack_text(make_suite(4), 15)


def test_what_a_tracker_needs_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "50%.pt").write_text("")
    section = tracker_section(TrackerCall("mine:Own", weights="50%.pt"), "area_preserving")
    assert section["env_pythonpath"] == str(tmp_path)
    assert str(tmp_path / "50%.pt") in shlex.split(section["command"])
    section = tracker_section(TrackerCall("SPM", weights="random"), "area_preserving")
    assert shlex.split(section["command"])[4:6] == ["--weights", "random"]
    assert "env_pythonpath" not in section


def test_a_percent_sign_survives_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", "/opt/50% python/bin/python")
    init_workspace(tmp_path / "ws", make_suite(2), [TrackerCall("static")])
    assert shlex.split(sections(tmp_path / "ws" / "trackers.ini")["static"]["command"])[0] == sys.executable


def test_the_verb_on_real_data(real_data, tmp_path, capsys):
    arguments = ["init", str(tmp_path / "ws"), "--tracker", "KCF", "--suite", "vot2016", "--data", str(real_data)]
    assert guarded(app, arguments) == EXIT_USAGE
    assert "--allow-missing" in capsys.readouterr().err
    assert guarded(app, [*arguments, "--allow-missing", "--sequence", "book"]) == EXIT_OK
    out = capsys.readouterr().out
    assert f"vot evaluate --workspace {tmp_path / 'ws'} KCF" in out
    assert (tmp_path / "ws" / "sequences" / "list.txt").read_text() == "book\n"
    again = load_suite("vot2016", tmp_path / "ws", allow_missing=True).sequences[0]
    book = load_suite("vot2016", real_data, allow_missing=True, only=["book"]).sequences[0]
    np.testing.assert_array_equal(again.polygons, book.polygons)
    np.testing.assert_array_equal(again.frames[99], book.frames[99])
    assert again.frame_attributes.keys() == book.frame_attributes.keys()
    for name, flags in book.frame_attributes.items():
        np.testing.assert_array_equal(again.frame_attributes[name], flags)


def test_wrong_rule_for_the_initial_box(tmp_path, capsys):
    assert guarded(app, ["init", str(tmp_path), "--tracker", "KCF", "--init-box", "axis"]) == EXIT_USAGE
    assert "Did you mean axis_aligned" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("vot") is None or toolkit_problem() is not None, reason="needs vot 0.7")
def test_the_toolkit_evaluates_our_trackers_to_our_own_results(tmp_path):
    suite = make_suite()
    names = init_workspace(tmp_path, suite, [TrackerCall("KCF"), TrackerCall("static")])
    environment = {**os.environ, "VOT_RESULTS_BINARY": "0", "VOT_PERSISTENT_CACHE": "0"}
    command = [sys.executable, "-m", "vot", "evaluate", "--workspace", str(tmp_path), *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    protocol = get_protocol("supervised")
    failures = 0
    for name in names:
        for sequence in suite.sequences:
            folder = tmp_path / "results" / name / "baseline" / sequence.name
            # Three equal repetitions end a deterministic tracker, there as here.
            assert len(list(folder.glob(f"{sequence.name}_???.txt"))) == 3
            theirs = read_vot(folder / f"{sequence.name}_001.txt", len(sequence))
            ours = protocol.run(build_tracker(resolve_tracker(name)), sequence, repetition=1, seed=0)
            np.testing.assert_array_equal(ours.states, theirs.states, err_msg=f"{name} {sequence.name}")
            # TraX carries regions as text of single-precision numbers.
            np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-3)
            failures += int((ours.states == FrameState.FAILURE).sum())
    assert failures >= 2, "the sequences are too easy to show that failures agree"
