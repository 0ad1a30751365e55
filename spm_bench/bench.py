"""The timing job: trackers on a suite's sequences, alone on the machine, from names to a table and a plot.

`bench` is the same for programs and notebooks. Heavy imports happen inside, so that `--help` is instant.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spm_bench.errors import ResultsError, listed
from spm_bench.run import DEFAULT_TRACKER, choose_trackers

if TYPE_CHECKING:
    from spm_bench.engine.quiet import Before
    from spm_bench.engine.timing import Plan
    from spm_bench.report.accuracy import Accuracy
    from spm_bench.results.timing import TimedTracker, Timing
    from spm_bench.suites.base import Sequence, Suite
    from spm_bench.trackers.base import TrackerSpec


@dataclass(frozen=True)
class BenchRequest:
    """What to time. See `spm_bench.run.Request` for the fields of the same name.

    Attributes:
        threads: Of one operation, for torch and OpenCV; None leaves them as they are.
        frames, warmup, repeats: See `spm_bench.engine.timing.Plan`; None takes its default.
        scores: Where accuracies come from: files scores.json, reports, or folders of results. Without any, the run
            folders of the same trackers under `out` are scored.
        again: A timing made before: its table and plot are made again, and nothing is timed.
    """

    suite: str = "demo"
    data: Path | None = None
    trackers: tuple[str, ...] = (DEFAULT_TRACKER,)
    variants: tuple[str, ...] = ()
    out: Path = Path("runs")
    sequences: tuple[str, ...] = ()
    weights: str | None = None
    device: str = "auto"
    seed: int = 0
    threads: int | None = None
    frames: int | None = None
    warmup: int | None = None
    repeats: int | None = None
    scores: tuple[Path, ...] = ()
    again: Path | None = None
    quiet: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class BenchOutcome:
    """What came of it.

    Attributes:
        timing: All frames' times.
        accuracies: By label, of the trackers that have one.
        notes: Why others have none.
        folder: With `timing.json`, tables and the plot.
    """

    timing: Timing
    accuracies: Mapping[str, Accuracy]
    notes: tuple[str, ...]
    folder: Path


def bench(request: BenchRequest) -> BenchOutcome:
    """Time, look the accuracies up, and write both to `<out>/timing/<suite>-<hash>`.

    Raises:
        UsageError: A name or an option does not exist, no frame is left to time, or another timing is running.
        TrackerError: A tracker broke.
        SpmBenchError: Data or scores are missing or broken, a tracker cannot be built, results cannot be written.
    """
    from spm_bench.report.speed import write_speed
    from spm_bench.results.files import check_way
    from spm_bench.results.timing import read_timing, write_timing

    if request.again is not None:
        timing = read_timing(request.again)
        folder = request.again if request.again.is_dir() else request.again.parent
        given = _given_rows(request, timing.suite)
    else:
        given = _given_rows(request, request.suite)  # a broken file is found before an hour is spent on timing
        check_way(request.out / "timing")  # as is a file in its place
        timing, key = _time(request)
        folder = request.out / "timing" / f"{timing.suite}-{key}"
        write_timing(timing, folder)
    rows = given if request.scores else _own_rows(request, timing)
    accuracies, notes = match(timing, rows)
    write_speed(timing, accuracies, folder, notes)
    return BenchOutcome(timing, accuracies, notes, folder)


def _time(request: BenchRequest) -> tuple[Timing, str]:
    """Time everything; also returns a hash of what was timed on which machine, for the folder's name."""
    from spm_bench.suites import load_suite

    plan = _plan(request)
    suite = load_suite(request.suite, request.data, allow_missing=True, only=list(request.sequences) or None)
    specs = choose_trackers(request.trackers, request.variants, request.weights, request.device)
    timing = time_side_by_side(
        specs, suite, plan, threads=request.threads, command=request.command, say=partial(_say, request)
    )
    return timing, _key(timing, suite)


def time_side_by_side(
    specs: Many[TrackerSpec],
    suite: Suite,
    plan: Plan,
    *,
    threads: int | None = None,
    command: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Timing:
    """Time trackers in turns, alone on the machine, and write down what it is and what else it did.

    Args:
        specs: Who; labels tell them apart.
        suite: On what, with pictures.
        plan: How much.
        threads: Of one operation; None leaves them as they are.
        command: For the record.
        say: Told what is going on.

    Raises:
        UsageError: A sequence is too short, or another timing is running.
        TrackerError: A tracker broke.
    """
    from spm_bench.engine import quiet
    from spm_bench.engine.timing import threads_in_use, threads_set, time_trackers
    from spm_bench.results.manifest import now
    from spm_bench.results.provenance import environment
    from spm_bench.results.timing import Timing

    with quiet.alone(), threads_set(threads):
        before, started = quiet.Before.look(), now()
        say(_beginning(suite, specs, before))
        others = quiet.OthersMeter()
        trackers = time_trackers(specs, suite, plan, say=say)
        cores, used, machine = others.cores(), threads_in_use(), environment()
    on_card = any(tracker.devices for tracker in trackers)
    return Timing(
        suite=suite.name,
        title=suite.title,
        family=suite.family,
        protocol=suite.protocol,
        n_total=suite.n_total,
        sequences={s.name: _size(s) for s in suite.sequences},
        plan=asdict(plan),
        trackers=trackers,
        machine={**machine, "cards": [card.name for card in before.cards]},
        threads=used,
        load={
            "average_before": before.load,
            "busy_before": [asdict(busy) for busy in before.busy],
            "cards_before": [asdict(card) for card in before.cards],
            "cores_of_others": cores,
        },
        warnings=(*before.warnings(card=on_card), *quiet.warning_of_others(cores)),
        command=command,
        started=started,
        finished=now(),
    )


def _plan(request: BenchRequest) -> Plan:
    from spm_bench.engine.timing import Plan

    asked = {"frames": request.frames, "warmup": request.warmup, "repeats": request.repeats, "seed": request.seed}
    return Plan(**{name: value for name, value in asked.items() if value is not None})


def _size(sequence: Sequence) -> tuple[int, int]:
    """Width and height, from the first picture where nobody has written them down."""
    if sequence.image_size is not None:
        return sequence.image_size
    assert sequence.frames is not None
    height, width = sequence.frames[0].shape[:2]
    return width, height


def _key(timing: Timing, suite: Suite) -> str:
    from spm_bench.results.manifest import HASH_DIGITS, identity_hash

    machine = timing.machine["machine"]
    facts = {
        "trackers": [dict(tracker.identity) for tracker in timing.trackers],
        "suite": suite.fingerprint,
        "plan": dict(timing.plan),
        "threads": dict(timing.threads),
        "machine": [machine["cpu"], machine["cores"], timing.machine["cards"]],
        "devices": [list(tracker.devices) for tracker in timing.trackers],
    }
    return identity_hash(facts)[:HASH_DIGITS]


def _beginning(suite: Suite, specs: Many[TrackerSpec], before: Before) -> str:
    n = len(suite.sequences)
    text = f"timing {listed([s.label for s in specs])} on {n} sequence{'s' if n != 1 else ''} of {suite.title}"
    warnings = before.warnings(card=False)
    return f"{text}; {'; '.join(warnings)}" if warnings else text


def _say(request: BenchRequest, text: str) -> None:
    if not request.quiet:
        print(text, file=sys.stderr, flush=True)


Row = dict[str, Any]


def _given_rows(request: BenchRequest, suite: str) -> list[Row]:
    """The rows of scores that were named: read from files, or scored from raw results."""
    from spm_bench.report.accuracy import read_score_rows

    rows: list[Row] = []
    for path in request.scores:
        file = path / "scores.json" if path.is_dir() else path
        if file.is_file() or not path.exists():
            rows += read_score_rows(file)
        else:
            rows += _scored(path, suite, request.data)
    return rows


def _scored(path: Path, name: str, data: Path | None) -> list[Row]:
    """Score the results in a folder."""
    from spm_bench.results.foreign import find_result_sets
    from spm_bench.scoring.evaluate import evaluate
    from spm_bench.suites import load_suite

    suite = load_suite(name, data, allow_missing=True, annotations_only=True)
    found = find_result_sets([path], suite)
    return [s.to_json() for results in found for s in evaluate(suite, results, allow_missing=True).scores]


def _own_rows(request: BenchRequest, timing: Timing) -> list[Row]:
    """Score the run folders of the same trackers under `out`; of several, the one that is furthest."""
    from spm_bench.results.files import RUN_FILE
    from spm_bench.results.manifest import DONE, read_manifest, sequences_in_state

    rows: list[Row] = []
    folders = sorted(file.parent for file in (request.out / timing.suite).glob(f"*/{RUN_FILE}"))
    manifests = [(folder, read_manifest(folder)) for folder in folders]
    for tracker in timing.trackers:
        done = [
            (len(sequences_in_state(manifest, DONE)), folder)
            for folder, manifest in manifests
            if manifest["protocol"].get("name") == timing.protocol and differs(tracker, manifest["tracker"]) is None
        ]
        n, folder = max(done, default=(0, None))
        if n and folder is not None and tracker.computes:
            rows += _scored(folder, timing.suite, request.data)
    return rows


def differs(timed: TimedTracker, recorded: Mapping[str, Any]) -> str | None:
    """Tell in what the tracker of a run differs from a timed one; None where its boxes can be taken for the same.

    The device and the versions may differ: they are what timing is about.

    Args:
        timed: Tracker of a timing.
        recorded: The part "tracker" of a run's `run.json`.
    """
    mine, other = timed.identity, recorded
    for what in ("name", "variant", "target"):
        if mine[what] != other[what]:
            return what
    facts, found = mine["identity"], other["identity"]
    if facts.get("weights_sha256") != found.get("weights_sha256"):
        return "weights"
    config, other_config = facts.get("config") or {}, found.get("config") or {}
    changed = [name for name in config.keys() & other_config.keys() if config[name] != other_config[name]]
    return listed(sorted(changed)) or None


def match(timing: Timing, rows: Many[Row]) -> tuple[dict[str, Accuracy], tuple[str, ...]]:
    """Find each timed tracker's score by the benchmark's headline metric; also says why one has none.

    Raises:
        ResultsError: There are two of one tracker.
    """
    from spm_bench.report.accuracy import accuracy_of
    from spm_bench.report.vocabulary import HEADLINES

    metric, found, notes = HEADLINES[timing.family], {}, []
    usable = [r for r in rows if (r["suite"], r["protocol"], r["metric"]) == (timing.suite, timing.protocol, metric)]
    absent = []
    for tracker in (t for t in timing.trackers if t.computes):
        mine = [r for r in usable if (r["tracker"], r["variant"]) == (tracker.name, tracker.variant)]
        if len(mine) > 1:
            runs = listed(str(r["run"]) for r in mine)
            raise ResultsError(f"two scores of {tracker.label}: {runs}", remedy="Give the scores of one of them")
        other = _of_another(tracker, mine[0]) if mine else None
        if other is not None:
            notes.append(f"The scores of {tracker.label} are not drawn: they are of other {other} ({mine[0]['run']}).")
        elif mine and (accuracy := accuracy_of(mine[0])) is not None:
            found[tracker.label] = accuracy
        else:
            absent.append(tracker.label)
    if absent:
        way = "run it, then give bench --again with this timing, or name scores with --scores"
        notes.append(f"There is no {metric} of {listed(absent)} on {timing.title}: {way}.")
    if len({(a.n_sequences, a.n_total) for a in found.values()}) > 1:
        notes.append("The accuracies are of different numbers of sequences: they do not compare.")
    return found, tuple(notes)


def _of_another(tracker: TimedTracker, row: Row) -> str | None:
    """What makes a score that of another tracker of the same name; None if nothing is known to."""
    from spm_bench.results.files import RUN_FILE
    from spm_bench.results.manifest import read_manifest

    folder = Path(str(row["run"]))
    if (folder / RUN_FILE).is_file():
        return differs(tracker, read_manifest(folder)["tracker"])
    return "weights" if row["trained"] and tracker.trained and row["trained"] != tracker.trained else None
