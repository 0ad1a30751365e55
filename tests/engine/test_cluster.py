"""A Ray cluster of two machines (both this one), workers, machines and drivers killed for real."""

import contextlib
import dataclasses
import importlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from spm_bench.engine import cluster, cluster_machines, cluster_start, cluster_worker
from spm_bench.engine.cluster import RayExecutor, cluster_executor
from spm_bench.engine.cluster_start import Share
from spm_bench.engine.cluster_worker import Installation, appears, check_code, check_folder
from spm_bench.engine.jobs import Bundle, Job
from spm_bench.engine.progress import Quiet
from spm_bench.engine.runner import run_all
from spm_bench.errors import ResultsError, UsageError
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.provenance import code_hash
from spm_bench.results.runs import open_run
from spm_bench.trackers.base import TrackerSpec
from tests.engine.fakes import HERE, sequence, spec, suite
from tests.engine.ray_run import NAMES, REPETITIONS, main

N_FILES = len(NAMES) * REPETITIONS
PAUSE = "0.006"


class Nodes:
    """The cluster's processes."""

    def __init__(self):
        pytest.importorskip("ray", reason="Ray is not installed (extra cluster)")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.ray_nodes", "2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env={**os.environ, "SPM_TEST_PAUSE": PAUSE},  # workers inherit it from their machine
        )
        self.address, *numbers = self._process.stdout.readline().split()
        self.raylets = [int(number) for number in numbers]

    def add(self):
        """One more machine."""
        self._process.stdin.write("add\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def stop(self):
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def nodes():
    started = Nodes()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    main(out)
    files = boxes(out)
    assert len(files) == N_FILES
    return files


def boxes(out):
    return {p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*_0??.txt"))}


def workers_of(raylet):
    """Process numbers of a machine's workers that have work to do with us."""
    children = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
    return [int(pid) for pid in children if b"ClusterWorker" in command_line(pid)]


def command_line(pid):
    """Of a process; empty if it has ended since it was listed."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def eventually(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)
    return found


class Watch(Quiet):
    """Calls when so many repetitions are done, and after each one more until something came of it."""

    def __init__(self, after, act):
        self.left, self.act = after, act

    def repetition(self, *_):
        self.left -= 1
        if self.left <= 0 and self.act is not None and self.act():
            self.act = None


def test_two_machines_give_the_bytes_of_one_process(tmp_path, nodes, uninterrupted):
    both = Watch(1, lambda: [eventually(lambda r=raylet: workers_of(r)) for raylet in nodes.raylets])
    assert main(tmp_path, cluster_executor(nodes.address), both) == ()
    assert boxes(tmp_path) == uninterrupted


def test_a_killed_worker_costs_nothing_that_was_finished(tmp_path, nodes, uninterrupted, capsys):
    executor, stamps = RayExecutor(nodes.address), {}

    def kill():
        busy = [worker.pid for worker in executor._workers if worker.load is not None and worker.load.open]
        if busy:
            stamps.update({p: p.stat().st_mtime_ns for p in tmp_path.rglob("*_0??.txt")})
            os.kill(busy[0], signal.SIGKILL)
        return busy

    assert main(tmp_path, executor, Watch(3, kill)) == ()
    assert boxes(tmp_path) == uninterrupted
    assert len(stamps) >= 3
    assert all(p.stat().st_mtime_ns == stamp for p, stamp in stamps.items()), "finished files were written again"
    told = capsys.readouterr().err
    assert "died; what it left undone (1 of 1) goes to another" in told
    assert "raylet" not in told, "pages of Ray's internals"


def test_a_machine_that_joins_is_used_and_may_die(tmp_path, nodes, uninterrupted):
    third = nodes.add()
    killed = []

    def kill():
        killed.extend(eventually(lambda: workers_of(third)))
        os.kill(third, signal.SIGKILL)
        return killed

    assert main(tmp_path, RayExecutor(nodes.address), Watch(3, kill)) == ()
    assert len(killed) == 1
    assert boxes(tmp_path) == uninterrupted


def test_a_killed_driver_leaves_no_workers_and_is_continued(tmp_path, nodes, uninterrupted):
    process = start_driver(nodes, tmp_path)
    eventually(lambda: len(boxes(tmp_path)) >= 3)
    process.kill()
    assert process.wait(10) == -signal.SIGKILL
    eventually(lambda: not any(workers_of(raylet) for raylet in nodes.raylets))
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*_0??.txt")}
    assert 3 <= len(stamps) < N_FILES
    main(tmp_path, RayExecutor(nodes.address))
    assert boxes(tmp_path) == uninterrupted
    assert all(p.stat().st_mtime_ns == stamp for p, stamp in stamps.items())


def test_ctrl_c_ends_the_workers_too_and_says_130(tmp_path, nodes, uninterrupted):
    process = start_driver(nodes, tmp_path)
    eventually(lambda: len(boxes(tmp_path)) >= 2)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 130
    eventually(lambda: not any(workers_of(raylet) for raylet in nodes.raylets))
    assert 2 <= len(boxes(tmp_path)) < N_FILES
    assert boxes(tmp_path).items() <= uninterrupted.items()


def start_driver(nodes, out):
    command = [sys.executable, "-m", "tests.engine.ray_run", nodes.address, str(out)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


def test_what_kills_or_breaks_fails_alone_and_says_where(tmp_path, nodes):
    here = socket.gethostname()
    toys = suite(sequence("good"), sequence("wide", size=(80, 48)), sequence("fine"))
    protocol = get_protocol("one_pass")
    with RayExecutor(nodes.address, max_retries=1) as executor:
        for tracker, problem in (
            (spec("Fragile"), f"no wide pictures please (in frame 1 of wide, repetition 1) (on {here})"),
            (spec("Fragile", die=True), f"the worker process on {here} died (2 times)"),
        ):
            with open_run(tmp_path, tracker, toys, protocol) as run:
                failures = run_all([run], toys, executor=executor)
                results = run.results()
            assert [f.sequence for f in failures] == ["wide"]
            assert failures[0].problem.removeprefix("ZeroDivisionError: ") == problem
            assert results.has("good")
            assert results.has("fine")


def test_each_worker_has_the_threads_of_its_cores(tmp_path, nodes, monkeypatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPM_BENCH_SAID", "by the driver")
    toys = suite(sequence())
    teller = TrackerSpec(name="Telling", target="tests.engine.ray_run:Telling")
    with open_run(tmp_path, teller, toys, get_protocol("one_pass")) as run:
        (failure,) = run_all([run], toys, executor=RayExecutor(nodes.address, Share(0.5), workers=1))
    assert "threads 1, cv2 1, GPUs '', said by the driver" in failure.problem


def test_a_machine_with_other_code_is_refused(tmp_path, nodes, monkeypatch):
    executor = RayExecutor(nodes.address)
    executor._here = dataclasses.replace(executor._here, version="0.0.7")
    with pytest.raises(
        UsageError, match=r"runs spm_bench .*, this machine spm_bench 0\.0\.7 .*install the same version"
    ):
        main(tmp_path / "version", executor)
    monkeypatch.setattr(cluster, "code_hash", lambda _: "another")
    with pytest.raises(UsageError, match=f"the code of {HERE}:Jitter on .* is not the one the run was started with"):
        main(tmp_path / "tracker", RayExecutor(nodes.address))


def test_a_run_folder_that_is_not_shared_is_told(tmp_path, nodes, monkeypatch):
    """Workers of this test see the same disk; so the driver is made to look elsewhere."""
    monkeypatch.setattr(cluster, "VISIBLE_WITHIN", 0.1)
    monkeypatch.setattr(cluster, "raw_file", lambda _: tmp_path / "elsewhere.txt")
    with pytest.raises(ResultsError, match=r"elsewhere\.txt: .* wrote this file, but it is not seen here.*shared"):
        main(tmp_path, RayExecutor(nodes.address))


def test_inside_with_workers_outlive_a_run_and_end_after_it(tmp_path, nodes):
    pids = []
    with RayExecutor(nodes.address, workers=1) as executor:
        for out in ("first", "second"):
            main(tmp_path / out, executor)
            pids += [worker.pid for worker in executor._workers]
    assert len(pids) == 2
    assert len(set(pids)) == 1, "networks were loaded anew"
    eventually(lambda: not any(workers_of(raylet) for raylet in nodes.raylets))


def test_more_than_any_machine_has_is_refused_at_once(nodes):
    with pytest.raises(UsageError, match=r"no machine .* has 2 CPU and 1 GPU for a worker; it has 1 CPU and 0 GPU, 1"):
        RayExecutor(nodes.address, Share(2, 1))


def test_what_cannot_be_sent_is_told(nodes):
    toy = dataclasses.replace(sequence("closed"), frames=threading.Lock())
    with RayExecutor(nodes.address) as executor:
        executor.submit(bundle_of(toy))
        with pytest.raises(UsageError, match="closed cannot be given to a worker process"):
            executor.next_reply()


def bundle_of(toy, tracker=None):
    return Bundle((Job(0, tracker or spec("Still"), get_protocol("one_pass"), toy, 1, 0),))


@pytest.mark.parametrize(
    ("device_type", "options", "gpus", "problem"),
    [
        ("cuda", {"device": "auto"}, 0, "is to run on a GPU, but workers get none.*--gpus"),
        ("cpu", {"device": "auto"}, 0.5, "this machine has none, so .* would be recorded as computed on a CPU"),
        ("cpu", {"device": "cpu"}, 0.5, None),
        ("cuda", {"device": "cuda"}, 0.5, None),
    ],
)
def test_the_device_is_the_one_that_the_run_says(device_type, options, gpus, problem):
    tracker = dataclasses.replace(spec("Still", **options), identity={"device_type": device_type})
    if problem is None:
        cluster._check_device(tracker, gpus)
    else:
        with pytest.raises(UsageError, match=problem):
            cluster._check_device(tracker, gpus)


@pytest.mark.parametrize(
    ("cpus", "gpus", "problem"),
    [
        (0, 0, "0 CPUs for a worker are none"),
        (-1, 0, "-1 CPUs"),
        (float("nan"), 0, "nan CPUs"),
        (1, -0.5, "-0.5 GPUs cannot be given"),
        (1, 1.5, "1.5 GPUs cannot be given to a worker.*fraction"),
        (1, float("inf"), "inf GPUs"),
    ],
)
def test_a_share_that_nobody_could_work_with(cpus, gpus, problem):
    with pytest.raises(UsageError, match=problem):
        Share(cpus, gpus)


@pytest.mark.parametrize(
    ("share", "resources", "workers"),
    [
        (Share(1), {"CPU": 4.0}, 4),
        (Share(0.1), {"CPU": 1.0}, 10),
        (Share(1, 0.25), {"CPU": 16.0, "GPU": 2.0}, 8),
        (Share(8, 0.25), {"CPU": 16.0, "GPU": 2.0}, 2),
        (Share(1, 1), {"CPU": 16.0}, 0),
        (Share(1), {}, 0),
    ],
)
def test_room_for_workers_by_hand(share, resources, workers):
    assert share.fit_in(resources) == workers


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("ray://head:10001", "Ray client's address.*HOST:PORT"),
        ("nonsense", "is no address of a Ray cluster.*local, auto or HOST:PORT"),
        ("head:", "is no address"),
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1 .*refused.*ray start --head"),
        ("127.0.0.1:99999", "no Ray cluster answers"),
        ("no-such-machine.invalid:6379", "no Ray cluster answers at no-such-machine"),
    ],
)
def test_nobody_there(address, problem):
    pytest.importorskip("ray")
    with pytest.raises(UsageError, match=problem):
        RayExecutor(address)


def test_no_worker_at_all_is_refused():
    with pytest.raises(UsageError, match="0 workers cannot run anything"):
        RayExecutor("local", workers=0)


def test_without_ray_the_remedy_is_the_extra(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UsageError, match=r"needs Ray.*pip install 'spm_bench\[cluster\]'"):
        cluster_start.import_ray()


@pytest.mark.parametrize(
    ("address", "text", "problem"),
    [
        ("auto", "Could not find any running Ray instance.", "no Ray is running on this machine.*ray start"),
        ("h:1", "Version mismatch: Ray: 2.9.0", "the cluster at h:1 runs another Ray or Python.*same environment"),
        ("h:1", "No node info found", "this machine could not join .* at h:1: No node info.*--num-cpus=0"),
        ("local", "disk full", "Ray could not be started here: disk full"),
    ],
)
def test_what_ray_says_is_turned_into_what_to_do(address, text, problem):
    with pytest.raises(UsageError, match=problem):
        raise cluster_start._no_connection(address, ConnectionError(text))


class LostRay:
    """A Ray whose only machine goes right after it was counted."""

    def __init__(self):
        self.machines = [{"Alive": True, "Resources": {"CPU": 1.0}}]

    def nodes(self):
        return [self.machines.pop()] if self.machines else []


def test_a_cluster_that_lost_all_machines_is_given_up_after_saying_so(monkeypatch):
    monkeypatch.setattr(cluster, "import_ray", LostRay)
    monkeypatch.setattr(cluster, "connect", lambda *_: False)
    monkeypatch.setattr(cluster, "muted", contextlib.nullcontext)
    for name, seconds in (("COUNT_EVERY", 0.02), ("SAY_EVERY", 0.05), ("GIVE_UP_AFTER", 0.3)):
        monkeypatch.setattr(cluster_machines, name, seconds)
    monkeypatch.setattr(cluster, "COUNT_EVERY", 0.02)
    said = []
    executor = RayExecutor("head:1", say=said.append)
    executor.submit(bundle_of(sequence()))
    with pytest.raises(ResultsError, match=r"no machine .* could hold a worker.*run the same command again"):
        executor.next_reply()
    assert said
    assert set(said) == {"waiting for a machine: none of the cluster is left that could hold a worker"}


def test_what_goes_wrong_on_another_machine_is_named():
    absent = cluster._foreign("node7", RuntimeError("ModuleNotFoundError: No module named 'spm_bench'"))
    assert isinstance(absent, UsageError)
    assert "spm_bench is not installed on node7" in str(absent)
    assert "a worker on node7 cannot work: first last" in str(cluster._foreign("node7", RuntimeError("first\n\nlast")))


def test_a_worker_sees_the_run_folder_or_says_so(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    check_folder(tmp_path / "Tracker")
    with pytest.raises(ResultsError, match=r"run folder is not seen on .*--out"):
        check_folder(tmp_path / "other" / "Tracker", within=0.01)


def test_a_file_may_take_its_time(tmp_path, monkeypatch):
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        if len(naps) == 3:
            (tmp_path / "late").touch()

    monkeypatch.setattr(cluster_worker.time, "sleep", sleep)
    assert appears(tmp_path / "late", within=60)
    assert len(naps) == 3
    assert not appears(tmp_path / "never", within=0)


def test_code_that_differs_or_is_missing():
    target = "spm_bench.trackers.static:StaticTracker"
    check_code({target: code_hash(target)})
    with pytest.raises(UsageError, match="is not the one the run was started with"):
        check_code({target: "x"})
    with pytest.raises(UsageError, match="there is no module 'nowhere_at_all'"):
        check_code({"nowhere_at_all:Tracker": "x"})


def test_an_installation_is_itself():
    assert Installation.here() == Installation.here()
    assert str(Installation("1.2", "a" * 64, "3.11")) == "spm_bench 1.2 (code aaaaaaaa), Python 3.11"
