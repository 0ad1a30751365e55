"""The vot toolkit's own experiments without resets, with many starts and in real time (0.7.4), executed live.

Its analyses and ours on the same generated raw files; and raw trajectories: the toolkit drives a deterministic tracker
in this process, our runner drives the same one. The toolkit computes in single precision: boxes are compared for
equality in that, scores to 1e-6.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

# the toolkit reads its settings when it is imported first
os.environ.update(VOT_PERSISTENT_CACHE="0", VOT_RESULTS_BINARY="0")
pytest.importorskip("vot", reason="vot-toolkit is not installed")

from spm_bench.interop.vot import TrackerCall, init_workspace
from spm_bench.interop.vot_inprocess import run_in_process
from spm_bench.interop.vot_stack import stack_text
from spm_bench.protocols.base import next_move
from spm_bench.protocols.catalog import as_run_under, get_protocol, suite_protocol
from spm_bench.protocols.realtime import FPS, Realtime
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.layouts import get_layout
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.starts import part_of, run_spans
from spm_bench.trackers.catalog import build_tracker, resolve_tracker
from tests.parity.vot_workspace import analyse, numbers, raw_lines

pytestmark = pytest.mark.filterwarnings(r"ignore:Registry\.items\(\) is deprecated:DeprecationWarning")

SIZE = (160, 120)
DRIFTER = "tests.parity.test_vot_experiments:Drifter"


class Drifter:
    """Drifts from where it started, and is far away in some pictures: all it says follows from the pictures it saw."""

    deterministic = True

    def init(self, _: np.ndarray, box: np.ndarray) -> None:
        self.box = np.array(box)

    def update(self, frame: np.ndarray) -> np.ndarray:
        number = int(frame[0, 0, 0])
        self.box = self.box + np.array([0.37, -0.21, 0.013 * (number % 3), 0.0])
        return self.box + (np.array([90.0, 70.0, 0.0, 0.0]) if number % 17 in (8, 9) else 0.0)


def annotated(name: str, n: int, seed: int, *, gaps: tuple[int, ...] = (), anchors: tuple[int, ...] = ()) -> Sequence:
    """A wandering polygon with three decimals; frames of `gaps` have none."""
    rng = np.random.default_rng(seed)
    centre = np.array([60, 50]) + np.cumsum(rng.normal(0, 1.5, (n, 2)), axis=0)
    corners = centre[:, None] + np.array([(-16, -12), (15, -14), (17, 12), (-14, 13)]) + rng.normal(0, 1, (n, 4, 2))
    polygons = corners.reshape(n, 8).round(3)
    polygons[list(gaps)] = np.nan
    low, high = polygons.reshape(n, 4, 2).min(axis=1), polygons.reshape(n, 4, 2).max(axis=1)
    marks = np.zeros(n)
    for anchor in anchors:
        marks[abs(anchor)] = 1.0 if anchor >= 0 else -1.0
    frames = [np.full((SIZE[1], SIZE[0], 3), i, dtype=np.uint8) for i in range(n)]
    boxes = np.concatenate((low, high - low), axis=1)
    return Sequence(name, boxes, frames, polygons=polygons, image_size=SIZE, anchors=marks if anchors else None)


def suite_of(sequences: tuple[Sequence, ...], protocol: str, interval: tuple[int, int], burn_in: int = 10) -> Suite:
    family = get_protocol(protocol).family
    return Suite("some", "Some", family, protocol, sequences, len(sequences), eao_interval=interval, ao_burn_in=burn_in)


def generated_run(part: Sequence, rng: np.random.Generator, fail: int | None, *, polygons: bool) -> Trajectory:
    """Around the annotation, with a loss of 14 frames or of the rest from `fail` on, and single misses."""
    n = len(part)
    assert part.polygons is not None
    drawn = np.nan_to_num(part.polygons, nan=30.0) + rng.normal(0, 2, (n, 8))
    boxes = np.nan_to_num(part.ground_truth, nan=20.0) + rng.normal(0, 3, (n, 4))
    away = rng.random(n) < 0.08
    if fail is not None:
        away[fail : fail + int(rng.choice([9, 10, 40]))] = True
    drawn[away], boxes[away, :2] = drawn[away] + 100, boxes[away, :2] + 100
    states = np.full(n, FrameState.TRACKED, dtype=np.int8)
    states[0] = FrameState.INIT
    states[1:][rng.random(n - 1) < 0.03] = FrameState.SKIPPED
    boxes[states != FrameState.TRACKED], drawn[states != FrameState.TRACKED] = np.nan, np.nan
    return Trajectory(boxes, states, np.full(n, np.nan), polygons=drawn if polygons else None)


def write(folder: Path, suite: Suite, passes: Mapping[str, list[Trajectory]], experiment: str) -> None:
    """A workspace, written here by the format's description; raw files too."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("registry:\n- ./trackers.ini\nstack: stack.yaml\nsequences: sequences\n")
    (folder / "trackers.ini").write_text("[Some]\nprotocol = traxpython\ncommand = none\n")
    (folder / "stack.yaml").write_text(stack_text(suite, 15, (experiment,)))
    for sequence in suite.sequences:
        place = folder / "sequences" / sequence.name
        place.mkdir(parents=True)
        (place / "sequence").write_text(
            f"channels.color=%08d.jpg\nname={sequence.name}\nfps=30\nwidth={SIZE[0]}\nheight={SIZE[1]}\n"
            f"length={len(sequence)}\n"
        )
        assert sequence.polygons is not None
        (place / "groundtruth.txt").write_text("".join(numbers(row) + "\n" for row in sequence.polygons))
        if sequence.anchors is not None:
            (place / "anchor.value").write_text("".join(f"{a:g}\n" for a in sequence.anchors))
        cv2.imwrite(str(place / "00000001.jpg"), np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
        results = folder / "results" / "Some" / experiment / sequence.name
        results.mkdir(parents=True)
        starts = run_spans(sequence) if suite.protocol == "multistart" else None
        for k, one in enumerate(passes[sequence.name]):
            number = f"{k + 1:03d}" if starts is None else f"{starts[k].start:08d}"
            (results / f"{sequence.name}_{number}.txt").write_text("\n".join(raw_lines(one)) + "\n")
    (folder / "sequences" / "list.txt").write_text("".join(f"{s.name}\n" for s in suite.sequences))


def ours(folder: Path, suite: Suite, convention: str | None = None) -> Evaluation:
    (results,) = find_result_sets([folder / "results" / "Some"], suite)
    return evaluate(suite, results, convention)


VIDEOS = (
    annotated("a", 90, 1, gaps=(40, 41), anchors=(0, 30, -60, -89)),
    annotated("b", 64, 2, anchors=(0, -50)),
    annotated("c", 41, 3, gaps=(20, 21, 22, 23, 24), anchors=(5, -40)),
)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("polygons", [False, True])
def test_multistart_scores_are_equal(tmp_path: Path, seed: int, polygons: bool) -> None:
    rng, suite = np.random.default_rng(seed), suite_of(VIDEOS, "multistart", (20, 100))
    passes = {
        video.name: [
            generated_run(part_of(video, span), rng, 7 + 5 * k if k % 2 else None, polygons=polygons)
            for k, span in enumerate(run_spans(video))
        ]
        for video in VIDEOS
    }
    write(tmp_path / "ws", suite, passes, "baseline")
    toolkit, found = analyse(tmp_path / "ws"), ours(tmp_path / "ws", suite)
    accuracy, robustness, *_ = toolkit["AverageAccuracyRobustness"][0, 0]
    assert 0.05 < robustness < 0.98, "the runs are too easy or too hard to show anything"
    assert found.score("accuracy").value == pytest.approx(float(accuracy), abs=1e-6)
    assert found.score("robustness_st").value == pytest.approx(float(robustness), abs=1e-6)
    assert found.score("eao").value == pytest.approx(float(toolkit["EAOScore"][0, 0][0]), abs=1e-6)
    curve, line = np.asarray(toolkit["EAOCurve"][0, 0][0]), found.curves["eao"]
    at = line.x.astype(int)
    np.testing.assert_allclose(line.y[1:], curve[at[1:] - 1], rtol=0, atol=1e-6)  # of one frame, theirs is 0
    unknown = np.setdiff1d(np.arange(1, 101), at)
    assert (curve[unknown - 1] == 0).all()
    plain = ours(tmp_path / "ws", suite, "vot-st-plain")
    assert plain.score("accuracy").value != pytest.approx(float(accuracy), abs=1e-4)


@pytest.mark.parametrize(("burn_in", "repetitions"), [(10, 1), (1, 1), (10, 3)])
def test_average_overlaps_without_resets_are_equal(tmp_path: Path, burn_in: int, repetitions: int) -> None:
    rng, suite = np.random.default_rng(burn_in), suite_of(VIDEOS, "unsupervised", (20, 60), burn_in)
    passes = {v.name: [generated_run(v, rng, 30, polygons=False) for _ in range(repetitions)] for v in VIDEOS}
    write(tmp_path / "ws", suite, passes, "unsupervised")
    if repetitions > 1:
        stack = tmp_path / "ws" / "stack.yaml"
        stack.write_text(stack.read_text().replace("repetitions: 1", f"repetitions: {repetitions}"))
    found = ours(tmp_path / "ws", suite)
    theirs = float(analyse(tmp_path / "ws")["AverageAccuracy"][0, 0][0])
    assert found.score("vot_ao").value == pytest.approx(theirs, abs=1e-6)
    assert ours(tmp_path / "ws", suite, "vot-ao-plain").score("vot_ao").value != pytest.approx(theirs, abs=1e-4)


def equal_in_single_precision(found: Trajectory, theirs: Trajectory, what: str) -> None:
    np.testing.assert_array_equal(found.states, theirs.states, err_msg=what)
    np.testing.assert_array_equal(np.float32(found.boxes), np.float32(theirs.boxes), err_msg=what)


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Suite]:
    """Workspaces in which the toolkit has run the drifter: with resets and with many starts."""
    root = tmp_path_factory.mktemp("toolkit")
    sequences = (annotated("a", 60, 4, anchors=(0, 25, -59)), annotated("b", 43, 5, anchors=(3, -42)))
    suite = suite_of(sequences, "supervised", (10, 30))
    for protocol in ("supervised", "multistart"):
        own = as_run_under(suite, get_protocol(protocol))
        folder = root / protocol
        init_workspace(folder, own, [TrackerCall(DRIFTER)], experiments=("baseline", "unsupervised"))
        assert run_in_process(folder, TrackerCall(DRIFTER)) == "Drifter"
    return root, suite


@pytest.mark.parametrize("protocol", ["supervised", "multistart", "unsupervised"])
def test_raw_trajectories_are_those_of_the_toolkit(driven: tuple[Path, Suite], protocol: str) -> None:
    root, suite = driven
    folder = root / ("multistart" if protocol == "multistart" else "supervised")
    made = get_protocol(protocol)
    layout, lost = get_layout(made.family), 0
    for sequence in suite.sequences:
        n = layout.count_passes(folder / "results" / "Drifter", sequence)
        assert n == (len(run_spans(sequence)) if protocol == "multistart" else 3 if protocol == "supervised" else 1)
        for repetition in range(1, n + 1):
            theirs = layout.read_pass(folder / "results" / "Drifter", sequence, repetition)
            found = made.run(Drifter(), sequence, repetition=repetition, seed=0)
            equal_in_single_precision(found, theirs, f"{sequence.name} {repetition}")
            lost += int((found.states == FrameState.FAILURE).sum())
    assert (lost > 3) == (protocol == "supervised")


def ticking(costs: list[float]) -> Iterator[float]:
    """What a clock shows before and after each of the calls that take `costs`."""
    now = 0.0
    for cost in costs:
        yield now
        now += cost
        yield now


def with_costs(protocol: Realtime, sequence: Sequence, repetition: int, costs: Iterator[float]) -> Trajectory:
    """Our protocol's script, driven by hand: its calls take these seconds."""
    from spm_bench.protocols.base import Record

    part = part_of(sequence, protocol.span(sequence, repetition))
    record, tracker, frames = Record(len(part)), Drifter(), part.frames
    assert frames is not None
    script = protocol.moves(part, record)
    move = next_move(script)
    while move is not None:
        record.seconds[move.index] = next(costs)
        if move.box is not None:
            tracker.init(frames[move.index], move.box)
            record.started(move.index)
            answer = move.box
        else:
            answer = tracker.update(frames[move.index])
            record.tracked(move.index, answer)
        move = next_move(script, (answer, SIZE))
    return record.trajectory()


@pytest.mark.parametrize("base", ["supervised", "multistart"])
@pytest.mark.parametrize("mean", [0.05, 0.09])
def test_real_time_trajectories_are_those_of_the_toolkit(tmp_path: Path, base: str, mean: float) -> None:
    """Start and update take random seconds; both sides get the same ones, in the order of the calls."""
    sequences = (annotated("a", 60, 4, anchors=(0, 25, -59)), annotated("b", 43, 5, anchors=(3, -42)))
    suite = as_run_under(suite_of(sequences, base, (10, 30)), get_protocol(base))
    costs = np.random.default_rng(3).exponential(mean, 2000).tolist()
    init_workspace(tmp_path, suite, [TrackerCall(DRIFTER)], experiments=("realtime",))
    clock = ticking(costs)
    name = run_in_process(tmp_path, TrackerCall(DRIFTER), clock=lambda: next(clock))
    protocol = suite_protocol(suite, "realtime")
    assert isinstance(protocol, Realtime)
    layout, again, held = get_layout(protocol.family), iter(costs), 0
    for sequence in suite.sequences:
        for repetition in range(1, protocol.count(sequence) + 1):
            theirs = layout.read_pass(tmp_path / "results" / name, sequence, repetition)
            found = with_costs(protocol, sequence, repetition, again)
            equal_in_single_precision(found, theirs, f"{sequence.name} {repetition}")
            held += int(np.isnan(found.seconds[found.states == FrameState.TRACKED]).sum())
    assert held > 5


def test_the_toolkits_clock_goes_by_the_sequence(tmp_path: Path) -> None:
    """Whatever the stack says: with 30 in the sequence's file its clock is ours at 30 fps."""
    sequence = annotated("a", 60, 4)
    suite = suite_of((sequence,), "supervised", (10, 30))
    init_workspace(tmp_path, suite, [TrackerCall(DRIFTER)], experiments=("realtime",))
    facts = tmp_path / "sequences" / "a" / "sequence"
    assert f"fps={FPS:g}\n" in facts.read_text()
    facts.write_text(facts.read_text().replace(f"fps={FPS:g}", "fps=30"))
    clock = itertools.count(0.0, 0.08)
    name = run_in_process(tmp_path, TrackerCall(DRIFTER), clock=lambda: float(next(clock)))
    theirs = get_layout("vot-realtime").read_pass(tmp_path / "results" / name, sequence, 1)
    tracker = build_tracker(resolve_tracker(DRIFTER))
    at_30 = Realtime(fps=30, seconds_per_frame=0.08).run(tracker, sequence, repetition=1, seed=0)
    at_20 = Realtime(fps=20, seconds_per_frame=0.08).run(tracker, sequence, repetition=1, seed=0)
    equal_in_single_precision(at_30, theirs, "30 fps")
    assert not np.array_equal(np.float32(at_20.boxes), np.float32(theirs.boxes), equal_nan=True)


def test_names_of_analyses_are_known_to_the_toolkit(driven: tuple[Path, Suite]) -> None:
    root, _ = driven
    found: dict[str, Any] = dict(analyse(root / "multistart", "Drifter"))
    assert {"EAOScore", "EAOCurve", "AverageAccuracyRobustness", "AverageAccuracy"} <= found.keys()


@pytest.mark.parametrize("protocol", ["supervised", "multistart"])
def test_real_sequences_give_our_own_boxes(real_data: Path, tmp_path: Path, protocol: str) -> None:
    """The first frames of the real sequences of VOT2016, with a tracker that looks at them."""
    from dataclasses import replace

    from spm_bench.suites import load_suite

    whole = load_suite("vot2016", real_data, allow_missing=True)
    made = get_protocol(protocol)
    suite = replace(as_run_under(whole, made), sequences=tuple(s.part(range(12)) for s in whole.sequences))
    init_workspace(tmp_path, suite, [TrackerCall("KCF")], repetitions=1)
    run_in_process(tmp_path, TrackerCall("KCF"))
    layout, places = get_layout(made.family), 0
    for sequence in suite.sequences:
        theirs = layout.read_pass(tmp_path / "results" / "KCF", sequence, 1)
        found = made.run(build_tracker(resolve_tracker("KCF")), sequence, repetition=1, seed=0)
        equal_in_single_precision(found, theirs, sequence.name)
        places += len(np.unique(found.boxes[:, 0]))
    assert places > 20, "a tracker that stays where it is shows nothing"
