"""The main job: trackers on a suite, from a name to a table and a report. `python -m spm_bench.run --suite NAME`.

`run_suite` is the same for programs and notebooks. Heavy imports happen inside, so that `--help` is instant.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spm_bench.errors import SpmBenchError, UsageError

if TYPE_CHECKING:
    from spm_bench.engine.runner import Failure
    from spm_bench.protocols.base import TrackingProtocol
    from spm_bench.results.runs import RunResults
    from spm_bench.scoring.base import Evaluation
    from spm_bench.suites.base import Suite
    from spm_bench.trackers.base import TrackerSpec

DEFAULT_TRACKER = "SPM"


@dataclass(frozen=True)
class Request:
    """What to run. None leaves the choice to the suite, the protocol or the tracker.

    Attributes:
        suite: Registered name.
        data: Where its files are.
        trackers: Registered names or `module:Class`.
        variants: Run in every tracker that has them; a tracker that has none of them runs unchanged.
        out: Root of all run folders.
        allow_missing: Run a partly present suite.
        sequences: Only these; empty for all.
        protocol: Another than the suite's own; scores are then that protocol's.
        init_box: Rule that makes the initial box from a polygon (VOT's protocols).
        fps: Frames that the clock of the real-time protocol shows in a second.
        grace: Slow answers after a start that it forgives.
        seconds_per_frame: What every frame is taken to need in real time, instead of measured seconds.
        repetitions: Another number than the protocol's.
        weights: A file, "official" or "random", for trackers with a network.
        device: Likewise.
        workers: Processes.
        lockstep: Advance the variants of a tracker together and compute once what they share; their speed is not
            measured.
        seed: From which all others are made.
        overwrite: "only-missing", "always" or "never".
        convention: Scoring rules.
        metrics: Extra metrics, by name or `module:object`.
        report: Write tables and figures to `<out>/<suite>/report` (`report-NAME` for the suite "folder").
        quiet: No progress on stderr, failures only.
        command: For the record.
    """

    suite: str = "demo"
    data: Path | None = None
    trackers: tuple[str, ...] = (DEFAULT_TRACKER,)
    variants: tuple[str, ...] = ()
    out: Path = Path("runs")
    allow_missing: bool = False
    sequences: tuple[str, ...] = ()
    protocol: str | None = None
    init_box: str | None = None
    fps: float | None = None
    grace: int | None = None
    seconds_per_frame: float | None = None
    repetitions: int | None = None
    weights: str | None = None
    device: str = "auto"
    workers: int = 1
    lockstep: bool = False
    seed: int = 0
    overwrite: str = "only-missing"
    convention: str | None = None
    metrics: tuple[str, ...] = ()
    report: bool = True
    quiet: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of it.

    Attributes:
        suite: As run; family and protocol are those of the protocol used.
        results: One per tracker and variant.
        evaluations: One per tracker with at least one finished sequence; empty where the suite has no ground truth.
        failures: Sequences that broke.
        report: The report's index, if one was written.
    """

    suite: Suite
    results: tuple[RunResults, ...]
    evaluations: tuple[Evaluation, ...]
    failures: tuple[Failure, ...]
    report: Path | None = None


def run_suite(request: Request) -> Outcome:
    """Run, score and report.

    Raises:
        UsageError: A name or a combination of options does not exist.
        SpmBenchError: Data are missing or broken, a tracker cannot be built, results cannot be written.
    """
    from spm_bench.engine.runner import check_workers
    from spm_bench.protocols.catalog import as_run_under
    from spm_bench.suites import load_suite

    check_workers(request.workers)
    suite = load_suite(
        request.suite, request.data, allow_missing=request.allow_missing, only=list(request.sequences) or None
    )
    if not suite.sequences:
        raise UsageError(f"{suite.title} has no sequence to run")
    own_protocol = suite.protocol
    protocol = choose_protocol(request, suite)
    suite = as_run_under(suite, protocol)
    _check_rules(request, suite.family)
    specs = choose_trackers(request.trackers, request.variants, request.weights, request.device)
    results, failures = _run(request, suite, protocol, specs)
    finished = _finished(suite, results)
    evaluations = _score(suite, finished, request)
    report = None
    if request.report and evaluations:
        from spm_bench.report import write_report

        name = "report" if protocol.name == own_protocol else f"report-{protocol.name}"
        if suite.name == "folder":  # other videos are another suite of the same name: their reports stay apart
            name += f"-{suite.title}"
        report = write_report(evaluations, suite, request.out / suite.name / name, results=finished)[0]
    return Outcome(suite, results, tuple(evaluations), failures, report)


def choose_protocol(request: Request, suite: Suite) -> TrackingProtocol:
    """The suite's own protocol or the one asked for, with the options given.

    Raises:
        UsageError: No such protocol, or it has no such option; or it needs annotations that the suite has not.
    """
    from spm_bench.protocols.catalog import suite_protocol

    protocol = suite_protocol(
        suite,
        request.protocol,
        repetitions=request.repetitions,
        init_box=request.init_box,
        fps=request.fps,
        grace=request.grace,
        seconds_per_frame=request.seconds_per_frame,
    )
    if protocol.name in ("supervised", "multistart", "tre") and not suite.has_ground_truth:
        raise UsageError(
            f"the {protocol.name} protocol needs ground truth in every frame, {suite.title} has none",
            remedy="Use --protocol one_pass",
        )
    if protocol.name == "got10k" and suite.has_ground_truth and any(s.cover is None for s in suite.sequences):
        raise UsageError(
            f"GOT-10k's scores need to know where the target is visible, {suite.title} does not say",
            remedy="Use --protocol one_pass",
        )
    return protocol


def choose_trackers(
    names: Many[str], variants: Many[str] = (), weights: str | None = None, device: str = "auto"
) -> list[TrackerSpec]:
    """Resolve trackers and variants; a variant or weights go to the trackers that know them.

    Raises:
        UsageError: An unknown name, a variant or weights that none of the trackers knows, or two with one label.
        SpmBenchError: A tracker cannot be resolved (weights missing, module broken, ...).
    """
    chosen: list[TrackerSpec] = []
    refused: dict[str, UsageError] = {}
    used: set[str] = set()
    for name in names:
        for variant in variants or (None,):
            spec, taken, errors = _resolve(name, variant, weights, device)
            chosen.append(spec)
            used |= taken
            refused = errors | refused
    for option, error in refused.items():
        if option not in used:
            raise error
    # A tracker without the variants was resolved to its base form once for each of them.
    distinct = [spec for i, spec in enumerate(chosen) if spec not in chosen[:i]]
    labels = [spec.label for spec in distinct]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(
                f"two trackers would be called {label} in tables",
                remedy="Rename one: its class, or its section in trackers.ini",
            )
    return distinct


def _resolve(
    name: str, variant: str | None, weights: str | None, device: str
) -> tuple[TrackerSpec, set[str], dict[str, UsageError]]:
    """Resolve with as much of (variant, weights) as the tracker takes; also returns what it took and refused."""
    from spm_bench.trackers.catalog import resolve_tracker

    errors: dict[tuple[str | None, str | None], UsageError] = {}
    for taken in dict.fromkeys([(variant, weights), (variant, None), (None, weights), (None, None)]):
        try:
            spec = resolve_tracker(name, variant=taken[0], weights=taken[1], device=device)
        except UsageError as error:
            errors[taken] = error
            continue
        except SpmBenchError as error:
            raise next(iter(errors.values()), error) from None
        used: set[str] = set()
        refused: dict[str, UsageError] = {}
        # An option that was left out in the end had been refused by the attempt that differs in it alone.
        for option, wanted, kept, attempt in (
            (f"variant {variant}", variant, taken[0], (variant, taken[1])),
            ("weights", weights, taken[1], (taken[0], weights)),
        ):
            if kept is not None:
                used.add(option)
            elif wanted is not None:
                refused[option] = errors[attempt]
        return spec, used, refused
    raise errors[variant, weights]


def _run(
    request: Request, suite: Suite, protocol: TrackingProtocol, specs: Many[TrackerSpec]
) -> tuple[tuple[RunResults, ...], tuple[Failure, ...]]:
    from spm_bench.engine.progress import choose_progress
    from spm_bench.engine.runner import run_all
    from spm_bench.results.runs import open_run

    with contextlib.ExitStack() as held:
        runs = [
            held.enter_context(
                open_run(
                    request.out,
                    spec,
                    suite,
                    protocol,
                    seed=request.seed,
                    overwrite=request.overwrite,
                    command=request.command,
                )
            )
            for spec in specs
        ]
        progress = choose_progress(quiet=request.quiet)
        failures = run_all(runs, suite, workers=request.workers, progress=progress, lockstep=request.lockstep)
        return tuple(run.results() for run in runs), failures


def _check_rules(request: Request, family: str) -> None:
    """Find a mistyped convention or metric before hours are spent on running."""
    from spm_bench.metrics.extra import get_extra_metric
    from spm_bench.scoring.families import family_of

    family_of(family).convention(request.convention)
    for metric in request.metrics:
        get_extra_metric(metric)


def _finished(suite: Suite, results: Many[RunResults]) -> list[RunResults]:
    """The results that can be scored; none where there is no ground truth."""
    if not suite.has_ground_truth:
        return []
    return [run for run in results if any(run.has(sequence.name) for sequence in suite.sequences)]


def _score(suite: Suite, results: Many[RunResults], request: Request) -> list[Evaluation]:
    from spm_bench.scoring.evaluate import evaluate

    return [
        evaluate(suite, run, request.convention, allow_missing=bool(run.failed), extra=request.metrics)
        for run in results
    ]


def main(arguments: list[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    import typer

    from spm_bench.cli import guarded
    from spm_bench.cli.run import run

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(run)
    return guarded(app, arguments, "run")


if __name__ == "__main__":
    sys.exit(main())
