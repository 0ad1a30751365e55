"""What a user gets for broken input: an exit code, one clear line, the other results, and never a wrong number.

One table per kind of input; every case goes through the command line.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from spm_bench.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.results.lock import locked
from tests.suites.builders import got10k_sequence, picture, write_lines

N = 6
LINES = [f"{10 + 2 * i},12,8,6" for i in range(N)]
"""The truth moves 2 px per frame, a quarter of its width: an unmoving box overlaps less and less."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("SPM_BENCH_DATA", raising=False)


def make_sequence(home: Path, n: int = N, suffix: str = ".jpg") -> Path:
    home.mkdir(parents=True)
    for i in range(n):
        assert cv2.imwrite(str(home / f"{i + 1:04d}{suffix}"), picture(i))
    write_lines(home / "groundtruth.txt", LINES[:n])
    return home


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two sequences; the tests break the one called bad."""
    make_sequence(tmp_path / "data" / "bad")
    make_sequence(tmp_path / "data" / "good")
    return tmp_path / "data"


def spm_bench(*arguments: str | Path) -> int:
    return guarded(build_app(), [str(a) for a in arguments])


def run(data: Path, *more: str | Path, tracker: str = "static") -> int:
    return spm_bench("run", "--suite", "folder", "--data", data, "--tracker", tracker, "--no-report", *more)


def check_error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """One line on stderr with these words, nothing on stdout."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    (line,) = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in line
    return line


def values(rows: str) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in json.loads(rows) if row["metric"] != "fps"}


def static_auc(usable: Callable[[int], bool] = lambda _: True) -> float:
    """AUC of a box that never moves on `LINES`, in plain loops: an unusable annotation is a frame that fails."""
    total = 0.0
    for i in range(N):
        overlap = max(8 - 2 * i, 0) / (8 + 2 * i) if usable(i) else -1.0
        total += sum(overlap > t / 20 for t in range(21)) / 21
    return total / N


# --- pictures ---------------------------------------------------------------------------------------------------


def cut_picture(home: Path) -> None:
    path = home / "0004.jpg"
    path.write_bytes(path.read_bytes()[:-200])


def empty_picture(home: Path) -> None:
    (home / "0004.jpg").write_bytes(b"")


def text_as_picture(home: Path) -> None:
    (home / "0004.jpg").write_text("not a picture")


@pytest.mark.parametrize(
    ("damage", "words", "workers"),
    [
        (cut_picture, "is cut", 1),
        (cut_picture, "is cut", 2),
        (empty_picture, "empty file", 1),
        (text_as_picture, "cannot be decoded", 1),
    ],
)
def test_a_broken_picture_costs_its_sequence_only(
    damage: Callable[[Path], None], words: str, workers: int, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(data / "bad")
    assert run(data, "--workers", str(workers)) == EXIT_FAILED
    printed = capsys.readouterr()
    assert "static failed on bad" in printed.err
    assert "0004.jpg" in printed.err
    assert words in printed.err
    assert "Traceback" not in printed.err
    assert "1 of 2 sequences" in printed.out
    assert [p.name for p in Path("runs").glob("folder/static-*/static/*.txt")] == ["good.txt"]
    assert f"{static_auc():.3f}" in printed.out, "the other sequence is scored"


def test_a_missing_picture_of_a_numbered_sequence_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = got10k_sequence(tmp_path / "got10k" / "val", "GOT-10k_Val_000001", N)
    (home / "00000003.jpg").unlink()
    arguments = ("run", "--suite", "got10k-val", "--data", tmp_path / "got10k", "--allow-missing")
    assert spm_bench(*arguments, "--tracker", "static") == EXIT_USAGE
    check_error(capsys, "00000003.jpg", "missing", f"{N - 1} of {N}", "Restore")


def test_a_missing_picture_of_a_folder_shows_in_the_number_of_lines(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "bad" / "0003.jpg").unlink()
    assert run(data) == EXIT_USAGE
    check_error(capsys, "bad/groundtruth.txt", f"{N} lines for {N - 1} frames")


@pytest.mark.parametrize("kind", ["grey", "16 bit", "alpha", "growing"])
def test_unusual_pictures_give_the_numbers_of_usual_ones(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = make_sequence(tmp_path / "odd" / "s", suffix=".png")
    for i in range(N):
        frame = picture(i, 64 + 8 * i, 48 + 4 * i) if kind == "growing" else picture(i)
        if kind == "grey":
            frame = frame[..., 0]
        if kind == "16 bit":
            frame = frame.astype(np.uint16) * 257
        if kind == "alpha":
            frame = np.dstack([frame, np.full_like(frame[..., 0], 90)])
        assert cv2.imwrite(str(home / f"{i + 1:04d}.png"), frame)
    assert run(tmp_path / "odd", "--json") == EXIT_OK
    assert values(capsys.readouterr().out)["auc"] == pytest.approx(static_auc(), abs=1e-12)
    assert run(tmp_path / "odd", tracker="KCF") == EXIT_OK


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("protocol", ["one_pass", "supervised"])
def test_very_short_sequences(n: int, protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the supervised protocol every frame is burnt in: accuracy is undefined, and the report is written."""
    make_sequence(tmp_path / "short" / "s", n)
    arguments = ("--suite", "folder", "--data", tmp_path / "short", "--tracker", "static", "--protocol", protocol)
    assert spm_bench("run", *arguments, "--json") == EXIT_OK
    scores = values(capsys.readouterr().out)
    if protocol == "one_pass":
        overlaps = [1.0, 6 / 10][:n]
        assert scores["auc"] == pytest.approx(np.mean([sum(o > t / 20 for t in range(21)) / 21 for o in overlaps]))
    else:
        assert scores["accuracy"] is None
        assert scores["failures"] == 0
    assert len(list(Path("runs").rglob("scores.json"))) == 1


# --- annotations ------------------------------------------------------------------------------------------------


def lines_with(number: int, line: str) -> list[str]:
    return [*LINES[: number - 1], line, *LINES[number:]]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (LINES[:-1], ["5 lines for 6 frames"]),
        ([*LINES, LINES[-1]], ["7 lines for 6 frames"]),
        (lines_with(1, "nan,nan,nan,nan"), ["line 1", "no area"]),
        (lines_with(1, "10,12,0,6"), ["line 1", "no area"]),
        (lines_with(1, "10,12,8,-6"), ["line 1", "no area"]),
        (lines_with(1, "900,12,8,6"), ["line 1", "outside the image of 64 x 48"]),
        (lines_with(3, "10,12,8"), ["line 3", "3 values instead of 4"]),
        (lines_with(3, "10,,8,6"), ["line 3", "missing between two separators"]),
        (lines_with(3, "10,twelve,8,6"), ["line 3", "'twelve' is not a number"]),
        (lines_with(3, "10,inf,8,6"), ["line 3", "'inf' is not a number"]),
        (lines_with(3, ""), ["line 3", "blank"]),
        ([], ["empty"]),
    ],
)
def test_annotations_that_cannot_be_used_name_file_and_line(
    lines: list[str], words: list[str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(data / "bad" / "groundtruth.txt", lines)
    assert run(data) == EXIT_USAGE
    line = check_error(capsys, "bad/groundtruth.txt", *words)
    assert len(line) < 300
    assert not Path("runs").exists()


@pytest.mark.parametrize("line", ["nan,nan,nan,nan", "14,12,0,6", "14,12,8,0", "14,12,-8,6"])
def test_frames_without_a_usable_annotation_fail_as_the_convention_says(
    line: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(data / "bad" / "groundtruth.txt", lines_with(2, line))
    assert run(data, "--sequence", "bad", "--json") == EXIT_OK
    assert values(capsys.readouterr().out)["auc"] == pytest.approx(static_auc(lambda i: i != 1), abs=1e-12)


def test_a_box_may_leave_the_image_later(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(data / "bad" / "groundtruth.txt", lines_with(N, "900,12,8,6"))
    assert run(data, "--sequence", "bad", "--json") == EXIT_OK
    # the last frame's overlap was none anyway
    assert values(capsys.readouterr().out)["auc"] == pytest.approx(static_auc(), abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + "\n".join(LINES) + "\n",
        "\r\n".join(LINES) + "\r\n",
        "\n".join(LINES),
        "\n".join(LINES).replace(",", "\t") + "\n\n",
        "\n".join(LINES).replace(",", "  "),
        "\n".join([LINES[0].replace(",", " "), LINES[1].replace(",", "\t"), LINES[2].replace(",", " ; "), *LINES[3:]]),
    ],
    ids=["BOM", "Windows", "no last newline", "tabs", "spaces", "mixed"],
)
def test_spellings_of_annotations_give_the_same_numbers(
    text: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "bad" / "groundtruth.txt").write_bytes(text.encode())
    assert run(data, "--json") == EXIT_OK
    assert values(capsys.readouterr().out)["auc"] == pytest.approx(static_auc(), abs=1e-12)


# --- names and places -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--suite otb10", ["no suite 'otb10'", "Did you mean otb100"]),
        ("--suite otb", ["Did you mean otb100 or otb2013 or otb50"]),
        ("--tracker KFC", ["no tracker 'KFC'", "Did you mean KCF"]),
        ("--tracker KCF --variant as_shiped", ["variant of KCF 'as_shiped'", "Did you mean as_shipped"]),
        ("--tracker static --protocol supervisd", ["no protocol", "Did you mean supervised"]),
        ("--tracker static --convention otb-matlap", ["no convention", "Did you mean otb-matlab"]),
        ("--tracker static --metric tracking_lenght", ["no extra metric", "Did you mean tracking_length"]),
        ("--tracker static --sequence clam", ["no sequence 'clam'", "Did you mean calm"]),
        ("--tracker static --overwrite allways", ["overwrite policy", "Did you mean always"]),
        ("--tracker oracle --weights random:x", ["oracle has no weights", "Leave --weights out"]),
        ("--tracker SPM --weights random:x", ["seed", "random:7"]),
        ("--tracker SPM --weights random --device gpu", ["'gpu'", "--device cpu"]),
        ("--suite otb100 --data FILE", ["FILE", "is a file, not a folder", "Download"]),
        ("--suite otb100 --data EMPTY", ["EMPTY", "no sequence of OTB-100", "otb100", "Download"]),
        ("--suite otb100 --data NOWHERE", ["NOWHERE", "no such folder", "Download"]),
        ("--suite folder --data FILE", ["FILE", "no such folder or video"]),
        ("--suite folder --data EMPTY", ["EMPTY", "nothing to track"]),
        ("--suite folder --data NOWHERE", ["NOWHERE", "no such folder"]),
    ],
)
def test_mistyped_names_and_places(
    arguments: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "FILE").write_text("I am no data set")
    (tmp_path / "EMPTY").mkdir()
    assert spm_bench("run", *arguments.split()) == EXIT_USAGE
    check_error(capsys, *words)
    assert not Path("runs").exists()


def test_a_mistyped_option_is_answered_with_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert spm_bench("run", "--trakcer", "static") == EXIT_USAGE
    printed = capsys.readouterr()
    assert "No such option: --trakcer" in printed.err
    assert "--tracker" in printed.err


def test_a_partly_present_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got10k_sequence(tmp_path / "got10k" / "val", "GOT-10k_Val_000007", 12)
    arguments = ("run", "--suite", "got10k-val", "--data", tmp_path, "--tracker", "static", "--no-report")
    assert spm_bench(*arguments) == EXIT_USAGE
    check_error(capsys, "179 of 180 sequences of GOT-10k val are missing", "GOT-10k_Val_000001", "--allow-missing")
    assert spm_bench(*arguments, "--allow-missing") == EXIT_OK
    assert "1 of 180 sequences" in capsys.readouterr().out


def test_got10k_test_says_why_it_has_no_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert spm_bench("score", "--suite", "GOT10k-test", "--data", tmp_path, tmp_path) == EXIT_USAGE
    check_error(capsys, "GOT-10k test cannot be scored here", "server", "Submit", "got10k-val")


def test_got10k_test_runs_and_says_where_its_score_comes_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got10k_sequence(tmp_path / "got10k" / "test", "GOT-10k_Test_000001", N, test=True)
    arguments = ("run", "--suite", "got10k-test", "--data", tmp_path, "--allow-missing", "--tracker", "static")
    assert spm_bench(*arguments) == EXIT_OK
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "no ground truth here, so there is no score; `spm-bench submit RUN` packs" in printed.err
    assert list(Path("runs").rglob("GOT-10k_Test_000001_001.txt"))


@pytest.mark.parametrize("name", ["a b", "50%_done", "_x_", "日本é", "$a_{b}$", "-rf", "a&b", "[x](y)", "it's", "#1"])
def test_names_of_sequences_are_only_names(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_sequence(tmp_path / "data" / name)
    assert run(tmp_path / "data", "--json") == EXIT_OK
    expected = values(capsys.readouterr().out)
    (raw,) = Path("runs/folder").glob("static-*/static")
    assert (raw / f"{name}.txt").is_file()
    assert spm_bench("score", "--suite", "folder", "--data", tmp_path / "data", "--json", raw) == EXIT_OK
    assert values(capsys.readouterr().out) == expected


@pytest.mark.parametrize("name", ["<script>", 'say "x"', "a\nb", " blank", "a:b", "what?", "x" * 151])
def test_names_that_would_spoil_a_file_name_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_sequence(tmp_path / "data" / name)
    assert run(tmp_path / "data") == EXIT_USAGE
    check_error(capsys, repr(name), "Rename")


# --- result files -----------------------------------------------------------------------------------------------


def first_run(data: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The raw file of the sequence called bad."""
    assert run(data) == EXIT_OK
    capsys.readouterr()
    (raw,) = Path("runs/folder").glob("static-*/static/bad.txt")
    return raw


@pytest.mark.parametrize("keep", [0, 1, 20, -1, -3])
def test_a_result_file_of_ours_that_was_cut_is_never_scored_nor_kept(
    keep: int, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = first_run(data, capsys)
    whole = raw.read_bytes()
    raw.write_bytes(whole[:keep])
    assert run(data) == EXIT_USAGE
    check_error(capsys, "bad.txt", "damaged since it was written", "Delete the file and run the same command again")
    assert spm_bench("score", "--suite", "folder", "--data", data, raw.parents[1]) == EXIT_USAGE
    check_error(capsys, "bad.txt", "damaged since it was written")
    raw.unlink()
    assert run(data) == EXIT_OK
    assert raw.read_bytes() == whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ("11,13,8,6\n11,13", ["line 2", "2 values"]),
        ("11,13,8,6\n" * (N - 1), ["5 lines", "6 frames"]),
        ("11,13,8,6\n" * (N + 1), ["7 lines", "6 frames"]),
        ("11,13,8,6\n" * 3 + "11,x,8,6\n" + "11,13,8,6\n" * 2, ["line 4", "'x' is not a number"]),
    ],
)
def test_a_result_file_of_others_that_is_cut_or_broken(
    text: str, words: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(tmp_path / "Theirs" / "good.txt", ["11,13,8,6"] * N)
    (tmp_path / "Theirs" / "bad.txt").write_text(text)
    for more in ((), ("--allow-missing",)):
        assert spm_bench("score", "--suite", "folder", "--data", data, tmp_path / "Theirs", *more) == EXIT_USAGE
        check_error(capsys, "Theirs/bad.txt", *words)


@pytest.mark.parametrize(
    ("number", "words"),
    [(28, "the disk is full"), (30, "read-only"), (13, "no permission"), (122, "quota")],
)
def test_a_results_folder_that_cannot_be_written(
    number: int, words: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = first_run(data, capsys).read_bytes()

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as refused:
        refused.setattr(os, "fsync", refuse)
        assert run(data, tracker="KCF") == EXIT_USAGE
    check_error(capsys, "KCF-", words)
    assert not list(Path("runs").glob("folder/KCF-*/KCF/*.txt")), "no half of a file under a finished name"
    assert next(Path("runs/folder").glob("static-*/static/bad.txt")).read_bytes() == before
    assert run(data, tracker="KCF") == EXIT_OK


def test_scores_are_printed_although_the_report_cannot_be_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = first_run(data, capsys).parents[1]
    (tmp_path / "report").write_text("a file is here")
    assert spm_bench("score", "--suite", "folder", "--data", data, raw, "--out", "report") == EXIT_USAGE
    printed = capsys.readouterr()
    assert f"{static_auc():.3f}" in printed.out
    assert "a file is where a folder should be" in printed.err


def test_two_at_once_in_one_folder(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = first_run(data, capsys).parents[1]
    with locked(folder):
        assert run(data) == EXIT_USAGE
    check_error(capsys, "another process", str(folder), "Wait")
    assert run(data) == EXIT_OK


# --- weights ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def state() -> Mapping[str, object]:
    from spm_bench.models.checkpoint import random_weights

    return random_weights().state


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("truncated", ["cm_stage.pt", "truncated or damaged"]),
        ("wrong shape", ["has shape", "expected"]),
        ("payload", ["cm_stage.pt", "more than tensors", "not executed"]),
        ("other network", ["made for another network"]),
        ("missing", ["fm_stage.pt", "no such file"]),
        ("text", ["cm_stage.pt", "not a readable checkpoint"]),
    ],
)
def test_broken_checkpoints(
    damage: str, words: list[str], state: Mapping[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    folder = Path("weights")
    folder.mkdir()
    for stage in ("cm", "fm"):
        part = {name[3:]: tensor for name, tensor in state.items() if name.startswith(stage)}
        torch.save(part, folder / f"{stage}_stage.pt")
    first = folder / "cm_stage.pt"
    if damage == "truncated":
        first.write_bytes(first.read_bytes()[:-1000])
    elif damage == "wrong shape":
        name = next(iter(part))
        torch.save({**part, name: part[name][:1]}, folder / "fm_stage.pt")
    elif damage == "payload":
        first.write_bytes(pickle.dumps({"weight": Payload()}))
    elif damage == "other network":
        torch.save({"weight": torch.zeros(3)}, first)
    elif damage == "missing":
        (folder / "fm_stage.pt").unlink()
    else:
        first.write_text("a page that says: not found")
    assert spm_bench("run", "--tracker", "SPM", "--weights", folder, "--sequence", "calm") == EXIT_USAGE
    check_error(capsys, *words, "spm-bench weights get official")
    assert not Path("executed").exists()
    assert not Path("runs").exists()


# --- trackers of the user's own ---------------------------------------------------------------------------------

MINE = """
import sys
import numpy as np

class Still:
    def init(self, frame, box):
        self.box, self.frame = box, 0
    def update(self, frame):
        self.frame += 1
        return self.answer(frame)
    def answer(self, frame):
        return self.box

class NoUpdate:
    def init(self, frame, box): pass
class NeedsArgument(Still):
    def __init__(self, size): pass
class BreaksWhenBuilt(Still):
    def __init__(self): raise RuntimeError("no licence")
class BreaksOnStart(Still):
    def init(self, frame, box): raise ValueError("no target here")
class BreaksOnFrame3(Still):
    def answer(self, frame): return self.box if self.frame < 3 else 1 / 0
class Leaves(Still):
    def answer(self, frame): sys.exit(5)
class ReturnsNone(Still):
    def answer(self, frame): return None
class ReturnsNan(Still):
    def answer(self, frame): return [np.nan] * 4
class ReturnsThree(Still):
    def answer(self, frame): return 1, 2, 3
class ReturnsText(Still):
    def answer(self, frame): return "1,2,3,4"
class ReturnsNested(Still):
    def answer(self, frame): return [self.box]
class ReturnsList(Still):
    def answer(self, frame): return list(self.box)
class ReturnsTensor(Still):
    def answer(self, frame):
        import torch
        return torch.from_numpy(self.box)
class Scribbles(Still):
    def init(self, frame, box):
        self.box = box.copy()
        frame[:] = box[:] = self.frame = 0
    def answer(self, frame):
        frame[:] = 0
        return self.box
class Talks(Still):
    def answer(self, frame):
        print("frame", self.frame)
        return self.box
three = 3
"""


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[str]:
    """Name of a module of trackers in the current folder."""
    name = f"mine_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MINE)
    for broken, text in {
        "lacks": "import nonsense_of_mine\n",
        "syntax": "def (\n",
        "leaves": "raise SystemExit(4)\n",
    }.items():
        (tmp_path / f"{name}_{broken}.py").write_text(text)
    yield name
    for module in [m for m in sys.modules if m.startswith(name)]:
        del sys.modules[module]


@pytest.mark.parametrize(
    ("tracker", "words"),
    [
        ("nonsense_of_mine:Still", ["no module 'nonsense_of_mine'", "PYTHONPATH"]),
        ("MINE:Stil", ["'Stil'", "Did you mean Still"]),
        ("MINE:", ["module:object"]),
        ("MINE.py:Still", ["is a file", "write MINE:Still"]),
        ("./MINE.py:Still", ["is a file", "write MINE:Still"]),
        ("MINE.Still", ["no tracker", "module:Class"]),
        ("MINE_lacks:Still", ["needs the module 'nonsense_of_mine'", "pip install"]),
        ("MINE_syntax:Still", ["SyntaxError", "line 1"]),
        ("MINE_leaves:Still", ["SystemExit: 4"]),
        ("MINE:three", ["not a class"]),
        ("MINE:NoUpdate", ["no update", "update(frame) -> box"]),
        ("MINE:NeedsArgument", ["without arguments", "'size'", "default"]),
        ("MINE:BreaksWhenBuilt", ["constructor failed", "no licence"]),
    ],
)
def test_trackers_that_cannot_be_built(
    tracker: str, words: list[str], mine: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, tracker=tracker.replace("MINE", mine)) == EXIT_USAGE
    check_error(capsys, *(word.replace("MINE", mine) for word in words))
    assert not list(Path("runs").rglob("*.txt"))


FOUR = "must return four finite numbers (x, y, w, h)"


@pytest.mark.parametrize(
    ("tracker", "words"),
    [
        ("BreaksOnStart", ["ValueError: no target here", "in frame 0 of bad"]),
        ("BreaksOnFrame3", ["ZeroDivisionError", "in frame 3 of bad"]),
        ("Leaves", ["SystemExit: 5", "in frame 1 of bad"]),
        ("ReturnsNone", ["returned None in frame 1", FOUR]),
        ("ReturnsNan", ["returned [nan, nan, nan, nan] in frame 1", FOUR]),
        ("ReturnsThree", ["returned (1, 2, 3) in frame 1", FOUR]),
        ("ReturnsText", ["returned '1,2,3,4' in frame 1", FOUR]),
        ("ReturnsNested", ["in frame 1", FOUR]),
    ],
)
def test_trackers_that_break_are_told_where_and_the_next_one_runs(
    tracker: str, words: list[str], mine: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "--tracker", "static", tracker=f"{mine}:{tracker}") == EXIT_FAILED
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    (line,) = [line for line in printed.err.splitlines() if line.startswith(f"{tracker} failed on bad: ")]
    for word in words:
        assert word in line
    assert f"{static_auc():.3f}" in printed.out
    (trace,) = Path("runs/folder").glob(f"{tracker}-*/failures/bad.txt")
    assert "Traceback" in trace.read_text()


@pytest.mark.parametrize("tracker", ["ReturnsList", "ReturnsTensor", "Scribbles", "Talks"])
def test_trackers_with_odd_manners_get_their_true_score_and_json_stays_json(
    tracker: str, mine: str, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "--tracker", "static", "--json", tracker=f"{mine}:{tracker}") == EXIT_OK
    printed = capfd.readouterr()
    rows = json.loads(printed.out)
    assert {r["tracker"]: r["value"] for r in rows if r["metric"] == "auc"} == {
        tracker: pytest.approx(static_auc(), abs=1e-12),
        "static": pytest.approx(static_auc(), abs=1e-12),
    }
    assert ("frame 5" in printed.err) == (tracker == "Talks")


# --- interruption -----------------------------------------------------------------------------------------------

SLOW = """
import time
class Slow:
    def init(self, frame, box): self.box = box
    def update(self, frame):
        time.sleep(0.05)
        return self.box + [0.1, 0, 0, 0]
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(workers: str, tmp_path: Path) -> None:
    for i in range(6):
        make_sequence(tmp_path / "data" / f"s{i}")
    (tmp_path / "slow_of_test.py").write_text(SLOW)
    command = [sys.executable, "-m", "spm_bench.run", "--suite", "folder", "--data", "data", "--no-report"]
    command += ["--tracker", "slow_of_test:Slow", "--workers", workers, "--out"]
    process = subprocess.Popen([*command, "runs"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not list(tmp_path.glob("runs/folder/Slow-*/Slow/*.txt")):
        assert time.monotonic() < end, "nothing is written"
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED
    assert out == ""
    assert "interrupted: what was finished is kept" in errors
    assert "Traceback" not in errors
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.glob("runs/folder/Slow-*/Slow/*.txt")}
    assert 0 < len(kept) < 6
    for out_folder in ("runs", "whole"):
        subprocess.run([*command, out_folder], check=True, capture_output=True)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    resumed, whole = (sorted(tmp_path.glob(f"{o}/folder/Slow-*/Slow/*.txt")) for o in ("runs", "whole"))
    assert [p.read_bytes() for p in resumed] == [p.read_bytes() for p in whole]
    assert len(whole) == 6
    shutil.rmtree(tmp_path / "whole")
