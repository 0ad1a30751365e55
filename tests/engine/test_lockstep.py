"""Lockstep against one by one: the same files, whatever the lengths, the resets, and what breaks on the way."""

import contextlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from spm_bench.engine.executors import Inline
from spm_bench.engine.film import Film
from spm_bench.engine.jobs import Bundle, Job, TrackerCache, batchable, execute
from spm_bench.engine.runner import Failure, run_all
from spm_bench.errors import DataError, UsageError
from spm_bench.protocols.catalog import get_protocol
from spm_bench.report.tables import build_table
from spm_bench.results.runs import open_run
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Shared
from tests.engine import batch_fakes
from tests.engine.batch_fakes import CALLS, spec
from tests.engine.fakes import GreyFrames, sequence, suite
from tests.engine.test_runner import Recorder

CELLS = [
    spec("Walker", f"v{i}", speed=speed, drift=drift)
    for i, (speed, drift) in enumerate([(1.0, 0.0), (1.0, 0.0), (2.5, 0.1), (-1.0, 0.3), (4.0, 0.0), (0.2, 0.7)])
]
LENGTHS = {"long": 36, "short": 7, "middle": 23, "one": 1}
PROTOCOLS = {"one_pass": "otb", "got10k": "got10k", "supervised": "vot", "multistart": "vot-multistart"}


def anchors(n):
    """Forwards from the first frame and the middle, backwards from the last."""
    marks = np.zeros(n)
    marks[-1], marks[n // 2], marks[0] = -1.0, 1.0, 1.0
    return marks


def toys(protocol="one_pass", **changed):
    made = [
        replace(sequence(name, n=n, polygons=name == "middle"), cover=np.full(n, 8), anchors=anchors(n))
        for name, n in LENGTHS.items()
    ]
    return suite(*(changed.get(s.name, s) for s in made), family=PROTOCOLS[protocol], protocol=protocol)


def run(out, specs, data, protocol="one_pass", **options):
    """Run all specs; returns failures and the runs' results."""
    rules = protocol if not isinstance(protocol, str) else get_protocol(protocol)
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(open_run(out, each, data, rules)) for each in specs]
        failures = run_all(runs, data, **options)
        return failures, [run.results() for run in runs]


def boxes(out):
    """Box files by path: seconds differ."""
    files = {p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*.txt"))}
    return {p: text for p, text in files.items() if "time" not in p.name and p.parent.name != "failures"}


@pytest.fixture(autouse=True)
def _no_calls_yet():
    CALLS.clear()


@pytest.mark.parametrize(("protocol", "workers"), [*((protocol, 1) for protocol in PROTOCOLS), ("supervised", 2)])
def test_the_same_files_as_one_by_one(tmp_path, protocol, workers):
    data = toys(protocol)
    alone, _ = run(tmp_path / "alone", CELLS, data, protocol)
    together, _ = run(tmp_path / "together", CELLS, data, protocol, lockstep=True, workers=workers)
    expected = boxes(tmp_path / "alone")
    assert boxes(tmp_path / "together") == expected
    assert alone == together == ()
    per_cell = {
        "supervised": 3 * len(LENGTHS),
        "multistart": 10,
    }  # three anchors each, the sequence of one frame has one
    assert len(expected) == len(CELLS) * per_cell.get(protocol, len(LENGTHS))
    if protocol == "supervised":
        assert any(b"\n2\n0\n" in text for text in expected.values()), "nothing was lost: the case is too tame"


class CountingFrames(GreyFrames):
    """Notes what is decoded."""

    decoded: list = []  # noqa: RUF012 - shared on purpose

    def __getitem__(self, index):
        self.decoded.append(index)
        return super().__getitem__(index)


def counted(n=30, polygons=False):
    CountingFrames.decoded.clear()
    return replace(sequence("counted", n=n, polygons=polygons), frames=CountingFrames(n))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_picture_is_decoded_once_and_shared_as_one_object(tmp_path, protocol):
    data = suite(counted(), family=PROTOCOLS[protocol], protocol=protocol)
    run(tmp_path, CELLS, data, protocol, lockstep=True)
    assert CountingFrames.decoded == list(range(30))
    rounds: dict[int, set[int]] = {}
    for _, asked in CALLS:
        for _, index, frame in asked:
            rounds.setdefault(index, set()).add(frame)
    assert all(len(objects) == 1 for objects in rounds.values())
    order = [index for _, asked in CALLS for _, index, _ in asked]
    assert order == sorted(order), "slots at a later frame wait for those behind"


def test_batches_are_as_large_as_the_tracker_takes_and_sequences_enter_when_there_is_room(tmp_path):
    data = suite(*(sequence(f"s{i}", n=4 + 5 * i) for i in range(6)))
    run(tmp_path, CELLS[:2], data, lockstep=True)
    sizes = [len(asked) for what, asked in CALLS if what == "advance"]
    assert max(sizes) == 4, "three sequences of two cells do not fit into five"
    assert sum(sizes) == 2 * sum(range(3, 33, 5))
    # Side by side 29, 14 and 9 frames, and 24, 19 and 4: 52 rounds, in two of which there are starts only.
    assert len(sizes) == 50


def test_more_slots_than_the_batch_takes_are_moved_in_several_calls(tmp_path):
    run(tmp_path, CELLS, suite(sequence(n=4)), lockstep=True)
    assert [len(asked) for what, asked in CALLS if what == "advance"] == [5, 1] * 3


def test_equal_slots_are_counted_as_shared_and_the_record_tells(tmp_path):
    data, shared = suite(sequence(n=11)), Shared()
    _, results = run(tmp_path, [*CELLS[:2], CELLS[4]], data, lockstep=True, shared=shared)
    assert shared == Shared(asked=30, computed=20)
    for one in results:
        (session,) = json.loads((one.folder / "run.json").read_text())["sessions"]
        assert session["engine"] == {
            "kind": "lockstep",
            "executor": "Inline",
            "workers": 1,
            "runs": 3,
            "shared": {"asked": 30, "computed": 20},
        }


def test_a_run_gone_on_with_in_one_session_adds_up_what_was_shared(tmp_path):
    data = [suite(sequence(n=11)), suite(sequence("later", n=6))]
    both = replace(data[0], sequences=data[0].sequences + data[1].sequences)
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(open_run(tmp_path, c, both, get_protocol("one_pass"))) for c in CELLS[:2]]
        run_all(runs, data[0], lockstep=True)
        run_all(runs[:1], data[1], lockstep=True)
        folders = [one.folder for one in runs]
    told = [json.loads((f / "run.json").read_text())["sessions"][0]["engine"]["shared"] for f in folders]
    assert told == [{"asked": 25, "computed": 15}, {"asked": 20, "computed": 10}]


def test_a_run_made_in_lockstep_is_the_run_made_alone_and_goes_on_either_way(tmp_path):
    data = toys("supervised")
    _, alone = run(tmp_path, CELLS[:1], data, "supervised")
    kept = boxes(tmp_path)
    _, together = run(tmp_path, CELLS[:3], data, "supervised", lockstep=True)
    assert together[0].folder == alone[0].folder
    assert kept.items() <= boxes(tmp_path).items()
    (session,) = together[0].manifest["sessions"]
    assert session["engine"]["kind"] == "one by one"
    CALLS.clear()
    run(tmp_path, CELLS[:3], data, "supervised", lockstep=True)
    assert CALLS == []
    lost = sorted((together[1].folder / together[1].label).rglob("long_00[23].txt"))
    assert len(lost) == 2
    for path in lost:
        path.unlink()
    run(tmp_path, CELLS[:3], data, "supervised", lockstep=True)
    assert {len(asked) for _, asked in CALLS} == {2}, "two repetitions of one cell"
    assert max(index for _, asked in CALLS for _, index, _ in asked) == 35
    assert all(path.is_file() for path in lost)


def test_repetitions_of_a_deterministic_tracker_run_at_once_and_share_everything(tmp_path):
    data, shared = suite(sequence(n=25), family="vot", protocol="supervised"), Shared()
    run(tmp_path, [spec("Walker", drift=0.2)], data, "supervised", lockstep=True, shared=shared)
    assert shared.asked == 3 * shared.computed > 0


@pytest.mark.parametrize(("protocol", "count"), [("got10k", 3), ("supervised", 3), ("one_pass", 1)])
def test_a_tracker_that_declares_nothing_repeats_as_alone(tmp_path, protocol, count):
    data = toys(protocol)
    for mode in (False, True):
        _, (results,) = run(tmp_path / str(mode), [spec("Gambler", drift=0.3)], data, protocol, lockstep=mode)
        assert {len(results.trajectories(s)) for s in data.sequences} == {count}
    assert boxes(tmp_path / "False") == boxes(tmp_path / "True")


def test_a_tracker_that_uses_chance_runs_alone_beside_the_batch(tmp_path):
    chance = spec("Seeded")
    assert [batchable(each) for each in (CELLS[0], chance)] == [True, False]
    data, shared = toys("got10k"), Shared()
    _, (walker, seeded) = run(tmp_path / "both", [CELLS[0], chance], data, "got10k", lockstep=True, shared=shared)
    run(tmp_path / "alone", [CELLS[0], chance], data, "got10k")
    assert boxes(tmp_path / "both") == boxes(tmp_path / "alone")
    assert shared.asked == sum(LENGTHS.values()) - len(LENGTHS)
    kinds = [r.manifest["sessions"][0]["engine"]["kind"] for r in (walker, seeded)]
    assert kinds == ["lockstep", "one by one"]


BREAKING = {
    "raise": "ZeroDivisionError: here I break (in frame 5 of {}, repetition 1)",
    "nonsense": "Walker returned array([nan, nan, nan, nan]) in frame 5 of {}. "
    "update(frame) must return four finite numbers (x, y, w, h)",
    "die": "the worker process died (signal SIGKILL)",
}


@pytest.mark.parametrize(
    ("how", "protocol", "workers"),
    [
        *((how, protocol, 1) for how in ("raise", "nonsense") for protocol in PROTOCOLS),
        ("raise", "one_pass", 2),
        ("die", "supervised", 2),
    ],
)
def test_a_slot_that_breaks_fails_alone_and_as_it_would_alone(tmp_path, how, protocol, workers):
    wide = sequence("middle", n=23, size=(80, 48))
    data = toys(protocol, middle=wide)
    bad = spec("Walker", "bad", drift=0.1, breaks_in=5, how=how, only_wide=True)
    specs = [*CELLS[1:4], bad, CELLS[4]]
    failures, results = run(tmp_path / "together", specs, data, protocol, lockstep=True, workers=workers)
    alone, others = run(tmp_path / "alone", specs, data, protocol, workers=workers)
    assert failures == alone == (Failure("Walker-bad", "middle", BREAKING[how].format("middle")),)
    assert boxes(tmp_path / "together") == boxes(tmp_path / "alone")
    assert [r.failed for r in results] == [r.failed for r in others] == [[], [], [], ["middle"], []]
    if how != "die":
        trace = (results[3].folder / "failures" / "middle.txt").read_text()
        assert "Traceback" in trace
        assert BREAKING[how].format("middle").partition(": ")[2].partition(" (")[0] in trace


def test_a_start_that_breaks_fails_alone(tmp_path):
    bad = spec("Walker", "bad", breaks_in=0, how="start")
    failures, _ = run(tmp_path, [CELLS[0], bad, CELLS[2]], toys(), lockstep=True)
    problem = "cannot start here (in frame 0 of {}, repetition 1)"
    assert sorted(failures, key=lambda f: f.sequence) == [
        Failure("Walker-bad", name, problem.format(name)) for name in sorted(LENGTHS)
    ]
    assert len(boxes(tmp_path)) == 2 * len(LENGTHS)


@pytest.mark.parametrize("broken", [0, 9, 22])
def test_a_broken_picture_is_a_failure_of_those_who_would_see_it(tmp_path, broken):
    data = toys("supervised", middle=sequence("middle", n=23, broken=broken))
    alone, _ = run(tmp_path / "alone", CELLS[1:4], data, "supervised")
    together, _ = run(tmp_path / "together", CELLS[1:4], data, "supervised", lockstep=True)
    assert set(together) == set(alone)
    assert all(f.problem == f"{broken:08d}.jpg: the picture cannot be decoded" for f in together)
    assert boxes(tmp_path / "together") == boxes(tmp_path / "alone")
    if broken == 0:
        assert len(together) == 3


def test_sequences_that_cannot_be_started_fail_for_every_cell_as_alone(tmp_path):
    blind = Sequence("short", np.full((7, 4), np.nan), GreyFrames(7))
    unequal = Sequence("one", np.ones((2, 4)), GreyFrames(3))
    data = toys(short=blind, one=unequal)
    together, _ = run(tmp_path / "t", CELLS[:2], data, lockstep=True)
    alone, _ = run(tmp_path / "a", CELLS[:2], data)
    assert sorted(together, key=str) == sorted(alone, key=str)
    assert len(together) == 4


def test_where_nothing_can_be_judged_nothing_is_started(tmp_path):
    blind = suite(Sequence("blind", np.full((4, 4), np.nan), GreyFrames(4)), family="vot", protocol="supervised")
    failures, (results,) = run(tmp_path, CELLS[:1], blind, "supervised", lockstep=True)
    assert failures == ()
    assert CALLS == []
    assert results.trajectories(blind.sequences[0])[0].states.tolist() == [0] * 4


def test_too_many_at_once_are_taken_in_smaller_calls_from_then_on(tmp_path):
    specs = [replace(each, target=f"{batch_fakes.HERE}:Crowded") for each in CELLS]
    failures, _ = run(tmp_path / "crowded", specs, suite(sequence(n=20)), lockstep=True)
    assert failures == ()
    assert [what for what, _ in CALLS].count("full") == 1
    run(tmp_path / "alone", specs, suite(sequence(n=20)))
    assert boxes(tmp_path / "crowded") == boxes(tmp_path / "alone")


def test_a_batch_that_loses_an_answer_is_not_believed(tmp_path):
    specs = [replace(each, target=f"{batch_fakes.HERE}:Forgetful") for each in CELLS[:3]]
    failures, _ = run(tmp_path, specs, suite(sequence(n=9), sequence("two", n=3)), lockstep=True)
    assert {(f.sequence, f.problem) for f in failures} == {
        ("ball", "the batch of Forgetful gave 2 answers to 3 targets")
    }
    assert len(failures) == 3
    assert len(boxes(tmp_path)) == 3


def test_a_cell_that_cannot_be_built_fails_and_the_others_go_on(tmp_path):
    bad = spec("Walker", "bad", unusable=True)
    failures, results = run(tmp_path, [CELLS[0], bad, CELLS[2]], toys(), lockstep=True)
    assert {f.label for f in failures} == {"Walker-bad"}
    assert {f.problem for f in failures} == {"these settings cannot be used"}
    assert len(failures) == len(LENGTHS)
    assert [len(r.failed) for r in results] == [0, len(LENGTHS), 0]
    with pytest.raises(UsageError, match="these settings cannot be used"):
        run(tmp_path / "all", [bad, spec("Walker", "worse", unusable=True, speed=2.0)], toys(), lockstep=True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_seconds_are_unknown(tmp_path, protocol):
    data = toys(protocol)
    _, (results,) = run(tmp_path, CELLS[:1], data, protocol, lockstep=True)
    for each in data.sequences:
        for trajectory in results.trajectories(each):
            assert np.isnan(trajectory.seconds).all()
            assert len(trajectory) == len(each) or protocol == "multistart"
    _, (alone,) = run(tmp_path / "alone", CELLS[:1], data, protocol)
    untimed, timed = evaluate(data, results), evaluate(data, alone)
    assert [s.value for s in untimed.scores] == [s.value for s in timed.scores if s.metric != "fps"]
    assert "fps" in {s.metric for s in timed.scores}
    assert "fps" not in set(untimed.per_sequence["metric"])
    assert "fps" not in [column.metric for column in build_table([untimed], data).columns]
    assert "fps" in [column.metric for column in build_table([untimed, timed], data).columns]


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_trackers_sequences_and_frames(tmp_path, workers):
    class Frames(Recorder):
        inside = most = 0

        def frames(self, count):
            self.inside += count
            self.most = max(self.most, self.inside)

        def tracker(self, label):
            self.events.append(("tracker", label))

    told = Frames()
    data = toys("supervised")
    run(tmp_path, CELLS, data, "supervised", lockstep=True, progress=told, workers=workers)
    n = sum(LENGTHS.values())
    assert told.events[0] == ("begin", len(CELLS) * len(LENGTHS), 3 * n * len(CELLS), len(CELLS))
    assert told.inside == 0
    assert told.most > (40 if workers == 1 else 0)
    assert sum(e[1] for e in told.events if e[0] == "repetition") == 3 * n * len(CELLS)
    assert sorted(e[1] for e in told.events if e[0] == "tracker") == sorted(each.label for each in CELLS)
    left = [e[2] for e in told.events if e[0] == "repetition"]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


def jobs_of(specs, ball, protocol, save_to=None, repetitions=(1,)):
    rules = get_protocol(protocol)
    return tuple(
        Job(
            key=10 * task + repetition,
            spec=each,
            protocol=rules,
            sequence=ball,
            repetition=repetition,
            seed=0,
            task=task,
            save_to=save_to and save_to / each.label,
        )
        for task, each in enumerate(specs)
        for repetition in repetitions
    )


@pytest.mark.parametrize("lockstep", [False, True])
def test_whoever_executes_may_write_the_raw_files(tmp_path, lockstep):
    jobs = jobs_of(CELLS[:2], sequence(n=25), "supervised", tmp_path, (1, 2, 3))
    replies = list(execute(Bundle(jobs, lockstep), TrackerCache()))
    assert [(r.saved, r.trajectory) for r in replies] == [(True, None)] * 6
    assert sorted(r.key for r in replies) == [1, 2, 3, 11, 12, 13]
    run(tmp_path / "alone", CELLS[:2], suite(sequence(n=25), family="vot", protocol="supervised"), "supervised")
    ours = {p.name: p.read_bytes() for p in tmp_path.glob("*/baseline/*/*.txt")}
    assert ours == {p.name: p.read_bytes() for p in (tmp_path / "alone").rglob("ball_00?.txt")}


@pytest.mark.parametrize("lockstep", [False, True])
def test_a_raw_file_that_cannot_be_written_ends_everything(tmp_path, lockstep):
    (tmp_path / CELLS[0].label).write_text("in the way")
    (reply,) = execute(Bundle(jobs_of(CELLS[:1], sequence(), "one_pass", tmp_path), lockstep), TrackerCache())
    assert not reply.saved
    assert "a file is where a folder should be" in str(reply.fatal)


class Elsewhere(Inline):
    """Writes the raw files itself, as a cluster does."""

    saves = True


def test_results_that_were_written_elsewhere_are_booked(tmp_path):
    data = toys("supervised")
    there = Elsewhere()
    there.saves = True
    failures, results = run(tmp_path / "there", CELLS[:3], data, "supervised", lockstep=True, executor=there)
    run(tmp_path / "here", CELLS[:3], data, "supervised")
    assert failures == ()
    assert all(r.has(s.name) for r in results for s in data.sequences)
    assert all(r.manifest["sessions"][0]["engine"]["executor"] == "Elsewhere" for r in results)
    assert boxes(tmp_path / "there") == boxes(tmp_path / "here")


def test_the_repetitions_of_a_task_leave_in_order_and_later_ones_are_given_up(tmp_path):
    """Repetition 1 breaks late; 2 and 3 (of other settings, to be different) are done long before."""
    slow = spec("Walker", "slow", breaks_in=20)
    quick = spec("Walker", "quick")
    first = jobs_of([slow], sequence(n=25), "one_pass", tmp_path)
    later = jobs_of([quick], sequence("b", n=5), "one_pass", tmp_path, (2, 3))
    replies = list(execute(Bundle((*first, *later), lockstep=True), TrackerCache()))
    assert [r.key for r in replies] == [1, 2, 3]
    assert {r.problem for r in replies} == {"ZeroDivisionError: here I break (in frame 20 of ball, repetition 1)"}
    assert not any(r.saved for r in replies)
    assert not list(tmp_path.iterdir())


def test_a_batch_is_built_once_for_many_bundles_and_again_after_it_broke(monkeypatch):
    import spm_bench.trackers.catalog as catalog

    built = []
    build = catalog.build_batch
    monkeypatch.setattr(catalog, "build_batch", lambda specs: built.append(len(specs)) or build(specs))
    trackers = TrackerCache()
    for chosen in (CELLS[:4], CELLS[1:3], CELLS[:4]):
        list(execute(Bundle(jobs_of(chosen, sequence(), "one_pass"), lockstep=True), trackers))
    assert built == [4]
    bad = spec("Walker", "bad", breaks_in=3)
    for chosen in ([*CELLS[:2], bad], CELLS[:2]):
        list(execute(Bundle(jobs_of(chosen, sequence(), "one_pass"), lockstep=True), trackers))
    assert built == [4, 3, 2]


class OneReader:
    """Frames of which two must never be read at the same time."""

    def __init__(self, n):
        self.n, self.read, self.busy = n, [], threading.Lock()

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        assert self.busy.acquire(blocking=False), "two threads at once"
        time.sleep(0.002)
        self.read.append(index)
        self.busy.release()
        if index == 7:
            raise DataError("broken", where="7")
        return np.full((2, 2, 3), index, np.uint8)


def test_a_film_decodes_ahead_one_picture_with_one_reader_at_a_time():
    frames = OneReader(12)
    with ThreadPoolExecutor(4) as threads:
        film = Film(frames, threads)
        asked = [0, 1, 2, 5, 6, 8, 9, 11]  # jumps over frames that were decoded in vain
        assert [int(film.frame(i)[0, 0, 0]) for i in asked] == asked
        assert set(asked) <= set(frames.read) <= {*asked, *(i + 1 for i in asked)}
        assert len(frames.read) == len(set(frames.read)), "none is decoded twice"
        broken = Film(OneReader(9), threads)
        broken.frame(6)
        with pytest.raises(DataError, match="7: broken"):
            broken.frame(7)
        assert broken.frame(8)[0, 0, 0] == 8
