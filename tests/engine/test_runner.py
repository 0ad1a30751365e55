import errno
import io
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from spm_bench.engine.executors import Pool, threads_per_worker
from spm_bench.engine.progress import Lines, Quiet, choose_progress
from spm_bench.engine.runner import Failure, run_all
from spm_bench.engine.threads import THREAD_VARIABLES
from spm_bench.errors import ResultsError, TrackerError, UsageError
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results import formats
from spm_bench.results.files import readable_os_errors
from spm_bench.results.runs import open_run
from spm_bench.sweep.search_trials import executor_for
from tests.engine.fakes import sequence, spec, suite

BROKE = "ZeroDivisionError: no wide pictures please (in frame 1 of wide, repetition 1)"
TOYS = suite(sequence("calm"), sequence("wide", size=(80, 48)), sequence("late"))


def run(out, tracker, toys=TOYS, protocol=None, workers=1, progress=None, **options):
    with open_run(out, tracker, toys, protocol or get_protocol("one_pass"), **options) as opened:
        failures = run_all([opened], toys, workers=workers, progress=progress)
        return failures, opened.results()


def raw_files(results):
    return sorted(p.name for p in (results.folder / results.label).glob("*.txt"))


@pytest.mark.parametrize("workers", [1, 2])
def test_one_broken_sequence_does_not_stop_the_others(tmp_path, workers):
    failures, results = run(tmp_path, spec("Fragile"), workers=workers)
    assert failures == (Failure("Fragile", "wide", BROKE),)
    assert raw_files(results) == ["calm.txt", "late.txt"]
    trace = (results.folder / "failures" / "wide.txt").read_text()
    assert "Traceback" in trace
    assert "no wide pictures please" in trace
    assert "in frame 1 of wide, repetition 1" in trace
    states = {
        name: entry["state"]
        for name, entry in json.loads((results.folder / "run.json").read_text())["sequences"].items()
    }
    assert states == {"calm": "done", "wide": "failed", "late": "done"}
    assert [results.has(name) for name in states] == [True, False, True]
    with pytest.raises(ResultsError, match=r"Fragile failed on wide.*failures.*--allow-missing"):
        results.trajectories(TOYS.sequences[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_tracker_that_ends_the_process_by_sys_exit_costs_its_sequence_only(tmp_path, workers):
    failures, results = run(tmp_path, spec("Fragile", leave=True), workers=workers)
    assert failures == (Failure("Fragile", "wide", "SystemExit: 3 (in frame 1 of wide, repetition 1)"),)
    assert raw_files(results) == ["calm.txt", "late.txt"]


def test_a_worker_that_dies_costs_its_sequence_only(tmp_path):
    failures, results = run(tmp_path, spec("Fragile", die=True), workers=2)
    assert failures == (Failure("Fragile", "wide", "the worker process died (signal SIGKILL)"),)
    assert raw_files(results) == ["calm.txt", "late.txt"]


def test_a_pool_that_is_kept_gives_every_run_its_second_chance(tmp_path):
    toys = suite(sequence("calm"))
    with executor_for(2) as pool:
        for name in ("first", "second"):
            mortal = spec("Mortal", name=name, marker=str(tmp_path / name))
            with open_run(tmp_path / "out", mortal, toys, get_protocol("one_pass")) as opened:
                assert run_all([opened], toys, executor=pool) == ()
            assert (tmp_path / name).exists(), "it did not die"


def test_a_broken_picture_is_a_failure_of_that_sequence(tmp_path):
    toys = suite(sequence("calm"), sequence("cut", broken=4))
    failures, results = run(tmp_path, spec("Still"), toys)
    assert [(f.sequence, f.problem) for f in failures] == [("cut", "00000004.jpg: the picture cannot be decoded")]
    assert results.has("calm")


def test_a_failed_sequence_is_tried_again_and_its_failure_forgotten(tmp_path):
    tracker = spec("Fragile")
    run(tmp_path, tracker)
    import tests.engine.fakes as fakes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fakes.Fragile, "update", fakes.Still.update)
        failures, results = run(tmp_path, tracker)
    assert failures == ()
    assert raw_files(results) == ["calm.txt", "late.txt", "wide.txt"]
    assert list((results.folder / "failures").iterdir()) == []


@pytest.mark.parametrize("progress", [Lines, Quiet])
def test_results_that_are_damaged_are_told_whoever_shows_the_progress(tmp_path, progress):
    _, results = run(tmp_path, spec("Still"))
    (results.folder / "Still" / "calm.txt").write_text("1,2,3,4\n")
    with pytest.raises(ResultsError, match=r"calm\.txt: has 1 lines"):
        run(tmp_path, spec("Still"), progress=progress())


def test_a_line_tells_what_is_done_inside_of_repetitions(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("spm_bench.engine.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin(sequences=8, frames=400, trackers=4)
    for _ in range(10):
        now[0] += 1
        lines.frames(10)
    assert stream.getvalue().splitlines()[1].startswith("0 of 4 trackers, 0 of 8 sequences, 10.0 frames/s, about ")
    assert "0:30 left" in stream.getvalue(), "300 of 400 frames remain"
    lines.frames(-100)
    now[0] += 10
    lines.repetition(200, 200)
    assert "10.0 frames/s, about" in stream.getvalue().splitlines()[2]
    assert "0:20 left" in stream.getvalue().splitlines()[2]


def test_the_tracker_is_built_again_after_an_exception_and_only_then(tmp_path, monkeypatch):
    import spm_bench.trackers.catalog as catalog

    built = []
    build = catalog.build_tracker
    monkeypatch.setattr(catalog, "build_tracker", lambda s: built.append(s) or build(s))
    run(tmp_path, spec("Fragile"))
    assert len(built) == 2
    run(tmp_path, spec("Still"))
    assert len(built) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_tracker_that_cannot_be_built_ends_the_run_with_its_error(tmp_path, workers):
    with pytest.raises(TrackerError, match="constructor failed"):
        run(tmp_path, spec("Still", surprise=1), workers=workers)


def test_workers_and_one_process_write_the_same_bytes(tmp_path):
    protocol = get_protocol("got10k")
    toys = suite(sequence("a"), sequence("b"), family="got10k", protocol="got10k")
    contents = []
    for workers in (1, 2):
        _, results = run(tmp_path / str(workers), spec("Jitter"), toys, protocol, workers=workers)
        raw = results.folder / results.label
        contents.append({p.name: p.read_bytes() for p in raw.rglob("*_0*.txt")})
    assert contents[0] == contents[1]
    assert sorted(contents[0]) == [f"{s}_00{r}.txt" for s in "ab" for r in (1, 2, 3)]
    assert len(set(contents[0].values())) == 6


def test_got10k_runs_a_deterministic_tracker_once_also_when_resumed(tmp_path):
    toys = suite(sequence("a"), family="got10k", protocol="got10k")
    for _ in range(2):
        _, results = run(tmp_path, spec("Still"), toys, get_protocol("got10k"))
        assert len(results.trajectories(toys.sequences[0])) == 1


def test_supervised_stops_at_three_equal_repetitions(tmp_path):
    toys = suite(sequence("a", n=30), family="vot", protocol="supervised")
    _, results = run(tmp_path, spec("Still"), toys, get_protocol("supervised"))
    assert len(results.trajectories(toys.sequences[0])) == 3
    _, chance = run(tmp_path, spec("Jitter"), toys, get_protocol("supervised"))
    assert len(chance.trajectories(toys.sequences[0])) == 15


def test_a_missing_repetition_is_the_only_one_computed(tmp_path):
    toys = suite(sequence("a", n=20), family="vot", protocol="supervised")
    protocol = get_protocol("supervised", repetitions=5)
    _, results = run(tmp_path, spec("Jitter"), toys, protocol)
    folder = results.folder / "Jitter" / "baseline" / "a"
    whole = {p.name: p.read_bytes() for p in folder.glob("*.txt")}
    (folder / "a_005.txt").unlink()
    (folder / "a_004.txt").unlink()
    stamps = {p.name: p.stat().st_mtime_ns for p in folder.glob("*.txt")}
    run(tmp_path, spec("Jitter"), toys, protocol)
    assert {p.name: p.read_bytes() for p in folder.glob("*.txt")} == whole
    assert stamps == {name: (folder / name).stat().st_mtime_ns for name in stamps}


@pytest.mark.parametrize("cut", ["line", "number"])
def test_a_result_file_cut_since_is_an_error_not_a_number(tmp_path, cut):
    _, results = run(tmp_path, spec("Still"))
    path = results.folder / "Still" / "calm.txt"
    text = path.read_text()
    path.write_text(text[: text.rindex("\n", 0, -1) + 1] if cut == "line" else text[:-2])
    for again in (lambda: results.trajectories(TOYS.sequences[0]), lambda: run(tmp_path, spec("Still"))):
        with pytest.raises(ResultsError, match=r"calm\.txt"):
            again()


def test_a_full_disk_ends_the_run_keeps_what_is_finished_and_can_be_resumed(tmp_path, monkeypatch):
    write = formats.write_text
    written = []

    def until_full(path, text):
        if path.name == "late.txt":
            raise ResultsError("the disk is full", where=path, remedy="Free some space") from OSError(
                errno.ENOSPC, "full"
            )
        written.append(path.name)
        write(path, text)

    monkeypatch.setattr(formats, "write_text", until_full)
    with pytest.raises(ResultsError, match=r"late\.txt: the disk is full\. Free some space"):
        run(tmp_path, spec("Still"))
    monkeypatch.undo()
    assert "calm.txt" in written
    _, results = run(tmp_path, spec("Still"))
    assert raw_files(results) == ["calm.txt", "late.txt", "wide.txt"]


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="needs /dev/full")
def test_a_device_without_space_for_real():
    with pytest.raises(ResultsError, match="disk is full"), readable_os_errors(Path("x")):
        Path("/dev/full").write_text("x")


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers(tmp_path, workers):
    with pytest.raises(UsageError, match="workers cannot run"):
        run(tmp_path, spec("Still"), workers=workers)


def test_a_sequence_that_cannot_leave_the_process(tmp_path):
    local = sequence("local")
    object.__setattr__(local, "frames", type("Local", (), {"__len__": lambda _: 12, "__getitem__": lambda *_: None})())
    with pytest.raises(UsageError, match=r"local cannot be given to a worker process.*--workers 1"):
        run(tmp_path, spec("Still"), suite(sequence("calm"), local), workers=2)


@pytest.mark.parametrize(
    ("workers", "cores", "environment", "threads"),
    [(1, 8, {}, 8), (2, 8, {}, 4), (3, 8, {}, 2), (16, 8, {}, 1), (2, 8, {"OMP_NUM_THREADS": "1"}, None)],
)
def test_workers_share_the_cores_unless_the_user_decided(workers, cores, environment, threads):
    assert threads_per_worker(workers, cores, environment) == threads


@pytest.mark.skipif(not Path("/proc/self/environ").is_file(), reason="needs /proc")
def test_workers_are_born_with_their_number_of_threads(monkeypatch):
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    pool, expected = Pool(1), {f"{name}=3".encode() for name in THREAD_VARIABLES}
    pool._threads = 3
    try:
        born_with = Path(f"/proc/{pool._start().process.pid}/environ")
        end = time.monotonic() + 10  # the new program replaces its parent's copy a moment after it was started
        while not expected <= set(born_with.read_bytes().split(b"\0")):
            assert time.monotonic() < end, born_with.read_bytes()
            time.sleep(0.01)
    finally:
        pool.close()
    assert not set(THREAD_VARIABLES) & set(os.environ), "this process keeps its own"


class Recorder(Quiet):
    def __init__(self):
        self.events = []

    def begin(self, sequences, frames, trackers=1):
        self.events.append(("begin", sequences, frames, trackers))

    def repetition(self, frames, expected):
        self.events.append(("repetition", frames, expected))

    def sequence(self, label, name, problem=""):
        self.events.append(("sequence", label, name, problem))

    def end(self):
        self.events.append(("end",))


def test_progress_is_told_what_happens(tmp_path):
    told = Recorder()
    toys = suite(sequence("a", n=10), sequence("b", n=20), family="vot", protocol="supervised")
    run(tmp_path, spec("Still"), toys, get_protocol("supervised"), progress=told)
    assert told.events[0] == ("begin", 2, 15 * 30, 1)
    # After the first sequence needed three repetitions, the second is expected to need three as well.
    assert ("repetition", 10, 3 * 20) in told.events
    assert told.events[-2:] == [("repetition", 20, 0), ("end",)]
    assert [e for e in told.events if e[0] == "sequence"] == [
        ("sequence", "Still", "a", ""),
        ("sequence", "Still", "b", ""),
    ]
    again = Recorder()
    run(tmp_path, spec("Still"), toys, get_protocol("supervised"), progress=again)
    assert again.events == [("begin", 0, 0, 0), ("end",)]


def test_lines_are_few_and_on_stderr(tmp_path, capsys, monkeypatch):
    run(tmp_path, spec("Fragile"), progress=Lines())
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert lines[0] == "running 3 sequences, 36 frames"
    assert lines[1] == f"Fragile failed on wide: {BROKE}"
    assert lines[2].startswith("3 of 3 sequences, ")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ((1, 12), "running 1 sequence, 12 frames"),
        ((80, 2880, 4), "running 4 trackers, 80 sequences in all, 2880 frames"),
    ],
)
def test_the_first_line_tells_sequences_from_trackers(told, line):
    stream = io.StringIO()
    Lines(stream).begin(*told)
    assert stream.getvalue() == line + "\n"


def test_quiet_reports_failures_only(tmp_path, capsys):
    run(tmp_path, spec("Fragile"), progress=choose_progress(quiet=True))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"Fragile failed on wide: {BROKE}\n"


def test_bars_only_on_a_terminal(tmp_path, monkeypatch, capsys):
    assert isinstance(choose_progress(quiet=False), Lines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    bars = choose_progress(quiet=False)
    assert type(bars).__name__ == "Bars"
    toys = suite(sequence("a", n=10), sequence("wide", size=(80, 48)), family="vot", protocol="supervised")
    run(tmp_path, spec("Fragile"), toys, get_protocol("supervised"), progress=bars)
    task = bars._bar.tasks[0]
    assert (task.completed, task.total) == (30, 30)
    assert task.fields["parts"] == "2 of 2 sequences"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Fragile failed on wide" in printed.err


def test_seconds_are_kept_in_files_of_their_own(tmp_path):
    _, results = run(tmp_path, spec("Still"))
    (trajectory,) = results.trajectories(TOYS.sequences[0])
    assert np.isfinite(trajectory.seconds).all()
    assert (results.folder / "Still" / "times" / "calm_time.txt").is_file()
