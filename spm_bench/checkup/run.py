"""All checks of a tracker, in the order in which they make sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from spm_bench.checkup import batches, boxes, colour, contract, endurance, memory
from spm_bench.checkup.findings import ERROR, LEVELS, Finding, Result
from spm_bench.checkup.patient import BrokeError, Patient
from spm_bench.checkup.videos import drifting
from spm_bench.errors import UsageError, unknown_name
from spm_bench.trackers.base import TrackerSpec, uses_chance
from spm_bench.trackers.catalog import can_batch, resolve_tracker

Check = Callable[[Patient], Iterator[Finding]]


@dataclass(frozen=True)
class _Listed:
    name: str
    about: str
    check: Check
    well: str


CHECKS = (
    _Listed("interface", "asks for no more than a frame, and at the start a box", contract.methods, "as agreed"),
    _Listed("run", "follows an easy target", contract.runs, "follows an easy target without an exception"),
    _Listed("truth", "reads no ground truth", contract.answers, "opens no file of annotations"),
    _Listed("box form", "returns x, y, w, h of the corner, in pixels from 0", boxes.form, "x, y, w, h as agreed"),
    _Listed("box size", "returns boxes with area", boxes.size, "all boxes have area"),
    _Listed("colour", "converts frames as the BGR they are", colour.order, "no conversion of BGR as if it were RGB"),
    _Listed("chance", "does the same twice", memory.chance, "equal boxes twice, and in another process"),
    _Listed("state", "forgets in init everything before it", memory.before, "a used object is as a new one"),
    _Listed(
        "arguments", "leaves pictures and boxes as they are", contract.arguments_kept, "pictures and boxes unchanged"
    ),
    _Listed("batch", "gives many together what each gets alone", batches.alike, "boxes as alone, within 0.001 px"),
    _Listed("odd input", "survives flat pictures, tiny targets, borders", endurance.hardship, "survives rare pictures"),
    _Listed("memory", "does not grow with frames or starts", endurance.leak, "grows neither with frames nor starts"),
)
"""The first two decide whether there is anything to check; `speed` comes last, as it needs a number from the author."""
FIRST = 2
UNFIT = "see above"
HIDDEN = {
    "colour": "a program reads its pictures itself",
    "arguments": "a program gets files of its own",
    "batch": "a program advances one target at a time",
}
"""Checks of what cannot be seen of a program, or not happen to it."""


def check_names() -> list[str]:
    """Names of all checks, in order."""
    return [*(listed.name for listed in CHECKS), "speed"]


def check_tracker(
    name: str,
    *,
    variant: str | None = None,
    weights: str | None = None,
    device: str = "auto",
    fps: float | None = None,
    only: Sequence[str] = (),
) -> Iterator[Result]:
    """Examine a tracker; results come one by one, as they are found.

    Args:
        name: Registered, `module:Class`, or a program (`trax:COMMAND`, `trackers.ini#NAME`).
        variant: Of the tracker.
        weights: For trackers with a network.
        device: Likewise.
        fps: Speed that its author states, to be held against the one measured here.
        only: Names of checks; empty for all. The first two are always made: they decide about the others.

    Yields:
        One result per check. After a tracker that cannot even follow an easy target the others are skipped.

    Raises:
        UsageError: No such tracker, variant, weights or check; a speed that is not positive.
        TrackerError: It cannot be imported or built.
    """
    if fps is not None and not fps > 0:
        raise UsageError(f"a speed of {fps:g} frames per second cannot be kept", remedy="Give a positive --fps")
    for check in only:
        if check not in check_names():
            raise unknown_name("check", check, check_names())
    return _examine(resolve_tracker(name, variant=variant, weights=weights, device=device), fps, only)


def _examine(spec: TrackerSpec, fps: float | None, only: Sequence[str]) -> Iterator[Result]:
    patient, fit = Patient(spec), True
    for number, listed in enumerate(CHECKS):
        if only and number >= FIRST and listed.name not in only:
            continue
        result = _made(listed, patient, "" if fit else UNFIT)
        yield result
        fit &= not (number < FIRST and result.verdict == ERROR)
    if not only or "speed" in only:
        yield _speed(patient, fps, "" if fit else UNFIT)


def _hindrance(name: str, patient: Patient) -> str:
    """Why a check cannot be made of this tracker; empty if it can."""
    if patient.is_program and name in HIDDEN:
        return HIDDEN[name]
    if name == "batch" and not can_batch(patient.spec):
        return "it advances one target at a time"
    if name == "batch" and uses_chance(patient.fresh()):
        return "it is told seeds, so the engine advances one target at a time"
    if name == "memory" and not endurance.can_see_memory():
        return "this system does not tell"
    if name == "state" and not memory.repeats(patient):
        return "two runs of it differ anyway"
    return ""


def _made(listed: _Listed, patient: Patient, hindrance: str) -> Result:
    try:
        if hindrance := hindrance or _hindrance(listed.name, patient):
            return Result(listed.name, listed.about, skipped=hindrance)
        found = sorted(listed.check(patient), key=lambda finding: LEVELS.index(finding.level))
    except BrokeError as error:
        found = [Finding(ERROR, str(error), "It runs on an easy video, but not here")]
    return Result(listed.name, listed.about, tuple(found), "" if found else listed.well)


def _speed(patient: Patient, fps: float | None, hindrance: str) -> Result:
    about = "is as fast as stated" if fps is not None else "how fast it is here"
    if hindrance:
        return Result("speed", about, skipped=hindrance)
    try:
        speed = endurance.measure(patient)
    except BrokeError as error:
        return Result("speed", about, (Finding(ERROR, str(error), "It runs on an easy video, but not here"),))
    found = tuple(endurance.slower(speed, fps)) if fps is not None else ()
    return Result("speed", about, found, endurance.outlook(drifting(), speed))
