"""`spm-bench show` as it is typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from spm_bench.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.run import Request, run_suite
from spm_bench.suites.synthetic import load_demo
from tests.show.made import folder_of


def show(*arguments: object) -> int:
    return guarded(build_app(), ["show", *map(str, arguments)])


def count(video: Path) -> int:
    return int(cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FRAME_COUNT))


def test_a_video_of_a_run_says_that_its_boxes_are_the_recorded_ones(
    shown_runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert show(folder_of(shown_runs, "SPM-lite"), "lookalike-4", "--frames", "11-16", "--width", 800) == EXIT_OK
    assert count(tmp_path / "lookalike-4.mp4") == 6
    told = capsys.readouterr()
    assert told.out == ""
    assert "SPM-lite run again: its boxes are the recorded ones" in told.err
    assert "show: lookalike-4.mp4 (6 pictures" in told.err
    assert [p.name for p in tmp_path.iterdir()] == ["lookalike-4.mp4"]


def test_several_trackers_in_one_picture(
    shown_runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "a.gif"
    place = shown_runs / "one_pass"
    assert show(place, "calm", "--no-proposals", "--every", 6, "--width", 320, "--out", out) == EXIT_OK
    with Image.open(out) as image:
        assert getattr(image, "n_frames") == 6  # noqa: B009 - only animated kinds have it
        assert image.size[0] == 320
    assert "SPM-lite-cm_only, SPM-lite-no_near: no results for calm" in capsys.readouterr().err
    out = tmp_path / "a.png"
    assert show(place, "lookalike-4", "--of", "SPM-lite-cm_only", "--frames", "3,5", "--out", out) == EXIT_OK
    assert "SPM-lite-cm_only run again: its boxes are the recorded ones" in capsys.readouterr().err
    sheet = cv2.imread(str(out))
    assert sheet is not None
    assert sheet.shape[1] == 1280


def test_a_video_of_ones_own_has_no_truth_after_its_first_frame(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sequence = load_demo(["calm"]).sequences[0]
    videos = tmp_path / "videos" / "Ж % $x_1$ 中"
    videos.mkdir(parents=True)
    assert sequence.frames is not None
    for index in range(5):
        cv2.imencode(".png", sequence.frames[index])[1].tofile(videos / f"{index + 1:04d}.png")
    (videos / "groundtruth.txt").write_text(",".join(f"{value:.2f}" for value in sequence.ground_truth[0]) + "\n")
    done = run_suite(
        Request(suite="folder", data=videos.parent, trackers=("SPM-lite",), out=tmp_path, device="cpu", quiet=True)
    )
    assert not done.failures
    out = tmp_path / "a.png"
    assert show(tmp_path / "folder", videos.name, "--out", out) == EXIT_OK
    assert out.exists()
    assert show(tmp_path / "folder", videos.name, "--failures") == EXIT_USAGE
    assert "has no ground truth by which losses could be found" in capsys.readouterr().err


def test_losses_under_resets(shown_runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert show(shown_runs / "supervised", "lookalike-4", "--failures", "--out", out) == EXIT_OK
    assert out.stat().st_size > 10_000


def test_runs_under_other_protocols(
    shown_runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "a.png"
    assert show(shown_runs / "unsupervised", "lookalike-4", "--frames", "9", "--out", out) == EXIT_OK
    assert "SPM-lite run again: its boxes are the recorded ones" in capsys.readouterr().err
    assert show(shown_runs / "realtime", "lookalike-4", "--frames", "9", "--out", out) == EXIT_OK
    told = capsys.readouterr().err
    assert "no proposals of SPM-lite: under the protocol realtime boxes depend on seconds" in told


def test_raw_results_of_others(shown_runs: Path, tmp_path: Path) -> None:
    raw = tmp_path / "Their Tracker"
    shutil.copytree(folder_of(shown_runs, "KCF") / "KCF", raw)
    out = tmp_path / "a.png"
    assert show(raw, "calm", "--suite", "demo", "--out", out) == EXIT_OK
    assert (
        show(raw, folder_of(shown_runs, "SPM-lite"), "calm", "--suite", "demo", "--frames", 4, "--out", out) == EXIT_OK
    )


def test_another_run_than_the_recorded_one_is_never_drawn_silently(
    shown_runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(folder_of(shown_runs, "SPM-lite"), folder)
    file = folder / "SPM-lite" / "lookalike-4.txt"
    lines = file.read_text().splitlines()
    values = [float(value) for value in lines[7].split(",")]
    lines[7] = ",".join(str(value) for value in [values[0] + 9, *values[1:]])
    file.write_text("\n".join(lines) + "\n")
    true, false = tmp_path / "true.png", tmp_path / "false.png"
    assert show(folder, "lookalike-4", "--frames", "6", "--out", true) == EXIT_OK
    assert show(folder, "lookalike-4", "--frames", "8", "--out", false) == EXIT_FAILED
    assert "warning: SPM-lite run again differs from the recorded run, first in frame 8" in capsys.readouterr().err
    red = [(cv2.imread(str(path))[-200:] == (27, 0, 179)).all(axis=2).sum() for path in (true, false)]
    assert red[0] == 0
    assert red[1] > 100


def test_a_tracker_that_cannot_be_built_is_shown_without_proposals(
    shown_runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(folder_of(shown_runs, "SPM-lite"), folder)
    record = folder / "run.json"
    record.write_text(record.read_text().replace('"weights": null', '"weights": "gone.safetensors"'))
    out = tmp_path / "a.png"
    assert show(folder, "calm", "--out", out) == EXIT_OK
    assert "no proposals of SPM-lite: gone.safetensors: there is no such file" in capsys.readouterr().err
    assert show(folder, "calm", "--proposals", "--out", out) == EXIT_USAGE
    assert show(folder, "calm", "--weights", "spm_lite", "--frames", 3, "--out", out) == EXIT_OK


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["calmm"], "there is no sequence in these results 'calmm'. Did you mean calm"),
        (["blur-2"], "there is no sequence in these results 'blur-2'"),
        (["calm", "--frames", "1-99"], "The sequence has frames 1 to 36"),
        (["calm", "--frames", "a"], "Example: --frames 10-40,55"),
        (["calm", "--frames", "3", "--failures"], "Leave one of them out"),
        (["calm", "--failures", "--no-proposals"], "never lost the target of calm. Leave --failures out"),
        (["calm", "--every", "0"], "--every 0 shows nothing"),
        (["calm", "--fps", "0"], "--fps 0 cannot be played"),
        (["calm", "--fps", "nan"], "--fps nan cannot be played"),
        (["calm", "--width", "300"], "Give 736 to 8192 pixels, or --no-proposals"),
        (["calm", "--format", "avi"], "there is no format 'avi'"),
        (["calm", "--out", "x.avi"], "Known endings: .mp4, .gif, .png"),
        (["calm", "--out", "x"], "Known endings: .mp4, .gif, .png"),
        (["calm", "--out", "."], "is a folder, not a file"),
        (["calm", "--out", "x.gif", "--format", "mp4"], "is no mp4"),
        (["calm", "--of", "KCF"], "there is no run of SPM among these 'KCF'"),
        (["calm", "--of", "SPM-lite", "--no-proposals"], "--no-proposals that none are"),
        (["calm", "--suite", "otb100"], "is a run on demo"),
    ],
)
def test_what_must_be_mended(
    arguments: list[str],
    message: str,
    shown_runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert show(shown_runs / "one_pass", *arguments) == EXIT_USAGE
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_more_that_must_be_mended(shown_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(shown_runs) == EXIT_USAGE
    assert "Missing argument 'RUN'" in capsys.readouterr().err
    assert show(tmp_path / "nothing", "calm") == EXIT_USAGE
    assert "there is no such results folder" in capsys.readouterr().err
    assert show(shown_runs / "one_pass", shown_runs / "supervised", "lookalike-4") == EXIT_USAGE
    assert "demo (one_pass), demo (supervised)" in capsys.readouterr().err
    assert show(folder_of(shown_runs, "KCF"), "calm", "--proposals") == EXIT_USAGE
    assert "none of these is a run of SPM" in capsys.readouterr().err
    np.testing.assert_equal([p.name for p in tmp_path.iterdir()], [])


def test_interrupted_it_claims_to_keep_nothing(
    shown_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spm_bench.show.job.write_show", interrupted)
    assert show(folder_of(shown_runs, "KCF"), "calm", "--out", tmp_path / "x.gif") == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_a_file_in_the_way_is_found_before_anything_is_run(
    shown_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("I was here first")
    assert show(folder_of(shown_runs, "SPM-lite"), "calm", "--out", tmp_path / "file" / "x.gif") == EXIT_USAGE
    told = capsys.readouterr().err
    assert told.startswith(f"error: {tmp_path / 'file'}: a file is where a folder should be")
