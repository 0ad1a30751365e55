"""All trackers by name, and the way from a name to a `TrackerSpec` and from there to a tracker."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from spm_bench.errors import SpmBenchError, TrackerError, UsageError, unknown_name
from spm_bench.registry import Registry, forget_modules, load_target
from spm_bench.trackers.base import BatchTracker, Tracker, TrackerSpec
from spm_bench.trackers.trax.program import is_program
from spm_bench.trackers.variants import Variant

if TYPE_CHECKING:
    from pydantic import BaseModel

TRACKERS = Registry("tracker")
TRACKERS.register(
    "SPM", "spm_bench.trackers.spm:SpmTracker", "Series-parallel matching, Siamese, two stages (CVPR 2019)"
)
TRACKERS.register(
    "SPM-lite", "spm_bench.trackers.spm:SpmLiteTracker", "SPM with the compact network that comes with the package"
)
TRACKERS.register(
    "SiamFC", "spm_bench.trackers.siamese:SiamFcTracker", "Cross-correlation at several sizes, Siamese (ECCVW 2016)"
)
TRACKERS.register(
    "SiamRPN", "spm_bench.trackers.siamese:SiamRpnTracker", "Region proposals, Siamese, one stage (CVPR 2018)"
)
TRACKERS.register(
    "DaSiamRPN",
    "spm_bench.trackers.siamese:DaSiamRpnTracker",
    "SiamRPN that knows distractors, in training and while it tracks (ECCV 2018)",
)
TRACKERS.register(
    "DCF",
    "spm_bench.trackers.dcf:DcfTracker",
    "Correlation filter on the features of SPM-lite's network, learned online in closed form",
)
TRACKERS.register(
    "CSRT",
    "spm_bench.trackers.opencv:CsrtTracker",
    "Correlation filter with channel and spatial reliability (OpenCV, CPU)",
)
TRACKERS.register("KCF", "spm_bench.trackers.opencv:KcfTracker", "Kernelised correlation filter (OpenCV, CPU)")
TRACKERS.register(
    "MOSSE", "spm_bench.trackers.opencv:MosseTracker", "Minimum output sum of squared error filter (OpenCV, CPU)"
)
TRACKERS.register("static", "spm_bench.trackers.static:StaticTracker", "Never moves: the floor of every table")
TRACKERS.register(
    "oracle", "spm_bench.trackers.oracle:OracleTracker", "For tests: ground truth, plus noise in its variants"
)

_VARIANTS: Mapping[str, Mapping[str, str]] = {
    "KCF": {
        "base": "as in the paper: learns from the initial frame, always follows the peak",
        "as_shipped": "OpenCV's defaults: learns from the second frame, gives up below a peak of 0.5",
    },
    "oracle": {
        "base": "the exact ground truth",
        "noisy": "centre and size disturbed by 10 percent",
        "forgetful": "disturbed, and loses the target every 50 frames on average",
    },
}
"""One line on each variant, kept here so that listing them imports neither OpenCV nor torch."""
_WITH_SETTINGS: Mapping[str, str] = {
    "SPM": "spm_bench.trackers.spm.variants:VARIANTS",
    "SPM-lite": "spm_bench.trackers.spm.variants:VARIANTS",
    "SiamFC": "spm_bench.trackers.siamese.variants:SIAMFC",
    "SiamRPN": "spm_bench.trackers.siamese.variants:SIAMRPN",
    "DaSiamRPN": "spm_bench.trackers.siamese.variants:DASIAMRPN",
    "DCF": "spm_bench.trackers.dcf.variants:VARIANTS",
}
"""Registered trackers with settings -> their variants, name -> `Variant`, in modules that import nothing heavy."""
_METHODS = ("init", "update")
_imported: dict[str, str] = {}
"""Module of a user's tracker -> fingerprint of its code as it was when this process imported it."""
_OWN_REMEDY = "A tracker of your own is given as module:Class"


def resolve_tracker(
    name: str, *, variant: str | Variant | None = None, weights: str | None = None, device: str = "auto"
) -> TrackerSpec:
    """Turn what a user wrote into a description from which the tracker can be built anywhere.

    Args:
        name: A registered name in any case, or `module:Class` of the user's own (the current directory is searched
            first, as `python -m` does). A function without required arguments that returns a tracker serves as well.
            Or a program that speaks TraX: `trax:COMMAND`, or `trackers.ini#NAME` (see `trackers.trax.program`).
        variant: Name of a variant, or one of your own; None and "base" are the unchanged tracker.
        weights: For trackers with a network: a file, "official" or "random".
        device: For trackers with a network: "auto", "cpu", "cuda", "cuda:1".

    Returns:
        The description. Tables call a user's tracker by its class's name; the identity holds the sha256 of its code.

    Raises:
        UsageError: No such tracker, module, class or variant, or weights for a tracker that takes none.
        TrackerError: The module fails on import, the class lacks `init` or `update`, or needs constructor arguments.
    """
    if is_program(name):
        return _program_spec(name, variant, weights)
    if ":" in name:
        target, title = name, name.rpartition(":")[2]
    else:
        target, title = _registered(name)
    factory = _load_current(target)
    _check_methods(factory, target)
    resolve = getattr(factory, "resolve", None)
    if isinstance(variant, Variant) and not hasattr(factory, "Settings"):
        raise UsageError(f"{title} has no settings, so there is no variant {variant.name} of it")
    if resolve is None and hasattr(factory, "Settings"):
        spec = _spec_with_settings(title, target, variant, weights)
    elif resolve is None:
        spec = _plain_spec(title, target, cast("str | None", variant), weights)
    else:
        spec = cast(TrackerSpec, resolve(name=title, variant=variant, weights=weights, device=device))
    _check_arguments(_load(spec.target), spec)
    return replace(spec, identity={"code": _code_hash(spec.target), **spec.identity})


def build_tracker(spec: TrackerSpec) -> Tracker:
    """Import and construct the tracker that `spec` describes.

    Raises:
        UsageError: Its module or class is gone.
        TrackerError: Importing or constructing it failed (the cause is chained), or it has no `init` or no `update`.
    """
    factory = _load(spec.target)
    try:
        tracker = factory(**spec.options)
    except SpmBenchError:
        raise
    except (Exception, SystemExit) as error:
        raise TrackerError(f"its constructor failed: {_describe(error)}", where=spec.target) from error
    _check_methods(tracker, spec.target)
    return cast(Tracker, tracker)


def can_batch(spec: TrackerSpec) -> bool:
    """Tell whether the tracker's class can advance many targets together: it has `batched`, and that is about it.

    An inherited `batched` knows nothing of what a subclass does otherwise in `init`, `update` or its constructor.
    """
    factory = _load(spec.target)
    if not callable(getattr(factory, "batched", None)):
        return False
    if not inspect.isclass(factory):
        return True
    for kind in inspect.getmro(factory):
        if "batched" in vars(kind):
            return True
        if any(name in vars(kind) for name in ("__init__", *_METHODS)):
            return False
    return False


def build_batch(specs: Sequence[TrackerSpec]) -> BatchTracker:
    """Make the batch that runs these specs, all of one target; `Start.slot_of` counts in this order.

    Raises:
        SpmBenchError: The settings cannot be used, weights are missing, ...
        TrackerError: Making it failed otherwise (the cause is chained).
    """
    batched = getattr(_load(specs[0].target), "batched")  # noqa: B009 - optional, so no protocol has it
    try:
        return cast(BatchTracker, batched([spec.options for spec in specs]))
    except SpmBenchError:
        raise
    except (Exception, SystemExit) as error:
        raise TrackerError(f"its batch cannot be made: {_describe(error)}", where=specs[0].target) from error


def load_kind(target: str) -> Callable[..., object]:
    """The class of a tracker, or the function that makes it. Raises as `build_tracker`."""
    return _load(target)


def settings_of(name: str) -> type[BaseModel]:
    """The typed settings of a tracker, whose fields are the axes of sweeps and the changes of variants.

    Raises:
        UsageError: No such tracker, or it has no settings.
    """
    if is_program(name):
        raise UsageError(f"{name} is a program: it has no settings that could be changed")
    target = name if ":" in name else _registered(name)[0]
    settings = getattr(_load(target), "Settings", None)
    if settings is None:
        raise UsageError(f"{name} has no settings that could be changed", remedy="Sweep SPM or SPM-lite")
    return cast("type[BaseModel]", settings)


def variants_of(name: str) -> Mapping[str, str]:
    """List the variants of a registered tracker: name -> one line. Imports nothing heavy.

    Raises:
        UsageError: No such tracker.
    """
    entry = TRACKERS.entry(name)
    if shipped := shipped_variants(entry.name):
        return {name: variant.about for name, variant in shipped.items()}
    return _VARIANTS.get(entry.name, {"base": "as it is"})


def shipped_variants(name: str) -> Mapping[str, Variant]:
    """The variants of a registered tracker that has settings, name -> `Variant`; none of another."""
    home = _WITH_SETTINGS.get(name)
    return {} if home is None else cast("Mapping[str, Variant]", load_target(home))


def get_variant(tracker: str, name: str) -> Variant:
    """A named variant of a tracker that has settings, with its changes.

    A tracker of the user's own may have them in a class attribute `Variants`, name -> `Variant`.

    Raises:
        UsageError: No such tracker or variant, or a tracker without settings.
    """
    settings_of(tracker)
    target, title = (tracker, tracker.rpartition(":")[2]) if ":" in tracker else _registered(tracker)
    own = getattr(_load(target), "Variants", {})
    known = shipped_variants(title) or {"base": Variant("base", "as it is"), **own}
    if name not in known:
        raise unknown_name(f"variant of {title}", name, known)
    return known[name]


def _registered(name: str) -> tuple[str, str]:
    try:
        entry = TRACKERS.entry(name)
    except UsageError as error:
        raise UsageError(error.problem, remedy=f"{error.remedy}. {_OWN_REMEDY}") from None
    return entry.target, entry.name


def _load(target: str) -> Callable[..., object]:
    """Import `module:Class`."""
    try:
        factory = load_target(target)
    except SpmBenchError:
        raise
    except (Exception, SystemExit) as error:
        raise TrackerError(f"importing it failed: {_describe(error)}", where=target) from error
    if not callable(factory):
        raise TrackerError("it is not a class", where=target, remedy=_OWN_REMEDY)
    return cast(Callable[..., object], factory)


def _load_current(target: str) -> Callable[..., object]:
    """Import `module:Class` as its file is now: a notebook's process outlives many versions of a module.

    The fingerprint of the code would otherwise be that of a version which never ran.

    Raises:
        UsageError: It has no file, being written into a notebook's cell or at the prompt.
    """
    factory, module = _load(target), target.partition(":")[0]
    if module.partition(".")[0] == "spm_bench":
        return factory
    code = _code_hash(target)
    if module == "__main__" and not code:
        raise UsageError(
            "it is in no file, so results of one version of it could not be told from those of the next",
            where=target,
            remedy="Write it into a module: a cell that begins with %%writefile my_tracker.py",
        )
    if _imported.setdefault(module, code) != code:
        from spm_bench.results.provenance import code_files

        forget_modules(name for name in code_files(target) if name.partition(".")[0] != "spm_bench")
        factory = _load(target)
        _imported[module] = code
    return factory


def _check_methods(thing: object, target: str) -> None:
    """Demand init and update of a class or a tracker; a function is only known once it was called."""
    if inspect.isroutine(thing):
        return
    missing = [m for m in _METHODS if not callable(getattr(thing, m, None))]
    if missing:
        raise TrackerError(
            f"it has no {' and no '.join(missing)}",
            where=target,
            remedy="A tracker needs init(frame, box) and update(frame) -> box",
        )


def _check_arguments(factory: Callable[..., object], spec: TrackerSpec) -> None:
    try:
        inspect.signature(factory).bind(**spec.options)
    except TypeError as error:
        raise TrackerError(
            f"it cannot be constructed without arguments ({error})",
            where=spec.target,
            remedy="Give every constructor argument a default, or name a function that returns the tracker",
        ) from None


def _plain_spec(name: str, target: str, variant: str | None, weights: str | None) -> TrackerSpec:
    """Describe a tracker that has no `resolve` of its own: no variants, no weights."""
    if variant not in (None, "base"):
        raise unknown_name(f"variant of {name}", variant, ["base"])
    if weights is not None:
        raise UsageError(f"{name} takes no weights", remedy="Leave --weights out")
    return TrackerSpec(name=name, target=target)


def _program_spec(name: str, variant: str | Variant | None, weights: str | None) -> TrackerSpec:
    """Describe a program of its own: no variants, no weights."""
    from spm_bench.trackers.trax.program import TARGET, describe_program

    if isinstance(variant, Variant):
        raise UsageError(f"{name} has no settings, so there is no variant {variant.name} of it")
    spec = describe_program(name)
    _plain_spec(name, spec.target, variant, weights)
    return replace(spec, identity={"code": _code_hash(TARGET), **spec.identity})


def _spec_with_settings(name: str, target: str, variant: str | Variant | None, weights: str | None) -> TrackerSpec:
    """Describe a tracker that has `Settings` and no `resolve`: the changes of a variant are its argument `config`.

    Raises:
        UsageError: Unknown variant, a setting that cannot be, or weights.
        TrackerError: Its `Settings` are of another kind than ours.
    """
    from spm_bench.trackers.settings import Settings

    settings = settings_of(target)
    if not (inspect.isclass(settings) and issubclass(settings, Settings)):
        raise TrackerError(
            "its Settings are no settings of ours", where=target, remedy="Derive them from spm_bench.trackers.settings"
        )
    if weights is not None:
        raise UsageError(f"{name} takes no weights", remedy="Leave --weights out")
    chosen = variant if isinstance(variant, Variant) else get_variant(target, variant or "base")
    config = settings.build(chosen.changes).model_dump(mode="json")
    options = {"config": dict(chosen.changes)}
    return TrackerSpec(name=name, target=target, variant=chosen.name, options=options, identity={"config": config})


def _code_hash(target: str) -> str:
    from spm_bench.results.provenance import code_hash

    return code_hash(target)


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
