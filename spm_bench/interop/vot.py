"""A workspace of the vot toolkit (0.7.4) in which our trackers are registered, on data that are already here.

    spm-bench vot init DIR --suite vot2016 --data DATA --tracker SPM --tracker KCF
    VOT_RESULTS_BINARY=0 VOT_PERSISTENT_CACHE=0 vot evaluate --workspace DIR SPM KCF
    VOT_RESULTS_BINARY=0 VOT_PERSISTENT_CACHE=0 vot analysis --workspace DIR SPM KCF
    spm-bench score --suite vot2016 --data DATA DIR/results

The two variables make the toolkit write text instead of its binary format, and compute anew instead of trusting a
cache that is keyed by names. The toolkit's versions 0.8 and 0.9 analyse such results but no longer run supervised
experiments.

What `init_workspace` writes:

    config.yaml     points to the other three
    stack.yaml      the experiments: "baseline" (with resets, or many starts), "realtime", "unsupervised"; only the
                    first unless asked for, with the year's EAO interval
    trackers.ini    one section per tracker: this Python, `-m spm_bench.interop.trax`, and the tracker's arguments
    sequences/      list.txt and per sequence: groundtruth.txt, attributes, anchors, links to the pictures

The toolkit's real-time clock goes by the frame rate in a sequence's own file, whatever the stack says: we write the
challenges' 20 there. (Downloads of the challenges mostly have 30.)

Any suite will do: picture files are linked; pictures that lie in no file (videos, the demo) are written as PNG. EAO is
undefined where all sequences are shorter than its interval: on a few sequences expect `nan` there.
"""

from __future__ import annotations

import configparser
import io
import re
import shlex
import shutil
import sys
from collections.abc import Sequence as Many
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePath

from spm_bench.errors import DataError, ResultsError, UsageError
from spm_bench.interop.vot_stack import EXPERIMENTS, MULTISTART, stack_text
from spm_bench.protocols.initial_box import DEFAULT_INIT_BOX
from spm_bench.protocols.realtime import FPS
from spm_bench.protocols.supervised import REPETITIONS
from spm_bench.results.files import write_text
from spm_bench.suites.annotations import check_name
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.frames import ImageFrames
from spm_bench.suites.starts import anchors_of
from spm_bench.trackers.catalog import resolve_tracker
from spm_bench.trackers.trax.program import is_program

SECONDS_TO_ANSWER = 300
"""The toolkit's patience for one request; its own 30 s are short for loading a network on a busy machine."""
_PICTURE = "%08d"


@dataclass(frozen=True)
class TrackerCall:
    """A tracker as named on the command line (see `resolve_tracker`)."""

    name: str
    variant: str | None = None
    weights: str | None = None
    device: str = "auto"


def init_workspace(
    folder: Path,
    suite: Suite,
    trackers: Many[TrackerCall],
    *,
    init_box: str = DEFAULT_INIT_BOX,
    repetitions: int = REPETITIONS,
    experiments: Many[str] = EXPERIMENTS[:1],
) -> list[str]:
    """Write a workspace, or register more trackers in one that was written for the same suite.

    Args:
        folder: Of the workspace; made if absent.
        suite: With pictures; its protocol decides what the baseline is, see `vot_stack.stack_text`.
        trackers: Which to register.
        init_box: How a polygon becomes the box to start on, see `protocols.initial_box`.
        repetitions: Per sequence; the toolkit stops after three equal ones.
        experiments: Some of `vot_stack.EXPERIMENTS`.

    Returns:
        The identifiers under which the toolkit knows the trackers.

    Raises:
        UsageError: The folder is something else's, or a tracker is unknown.
        WeightsError: A tracker has no weights.
        DataError: The suite has no ground truth or no pictures.
        ResultsError: The folder cannot be written.
    """
    if not suite.has_ground_truth:
        raise DataError(f"the ground truth of {suite.title} is not public, so the toolkit cannot restart a tracker")
    sections = {identifier(call): tracker_section(call, init_box) for call in trackers}
    texts = {
        "config.yaml": "registry:\n- ./trackers.ini\nstack: stack.yaml\nsequences: sequences\n",
        "stack.yaml": stack_text(suite, repetitions, experiments),
        "sequences/list.txt": "".join(f"{sequence.name}\n" for sequence in suite.sequences),
    }
    _check_free(folder, texts)
    try:
        for sequence in suite.sequences:
            _write_sequence(folder / "sequences", sequence, anchored=suite.protocol == MULTISTART)
        (folder / "results").mkdir(exist_ok=True)
        register(folder / "trackers.ini", sections)
        # The files that make it a workspace come last: an interrupted call can be repeated.
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write the workspace ({error.strerror or error})", where=folder) from error
    return list(sections)


def toolkit_problem() -> str | None:
    """What would keep the toolkit from running such a workspace here; None if nothing would."""
    try:
        version = metadata.version("vot-toolkit")
    except metadata.PackageNotFoundError:
        return "the vot toolkit is not installed here: pip install 'vot-toolkit==0.7.4' 'attributee!=0.1.10'"
    if not version.startswith("0.7."):
        return f"vot-toolkit {version} does not run supervised experiments, 0.7.4 does: pip install vot-toolkit==0.7.4"
    return None


def identifier(call: TrackerCall) -> str:
    """The tracker's label, in the letters the toolkit allows in identifiers.

    Raises:
        UsageError: No such tracker or variant.
        WeightsError: It has no weights.
    """
    if is_program(call.name):
        remedy = "Its section in trackers.ini is all that the toolkit needs"
        raise UsageError("a program that speaks TraX runs in the toolkit without us", where=call.name, remedy=remedy)
    spec = resolve_tracker(call.name, variant=call.variant, weights=call.weights, device=call.device)
    return re.sub(r"[^A-Za-z0-9_-]", "_", spec.label)


def tracker_section(call: TrackerCall, init_box: str) -> dict[str, str]:
    """The lines about one tracker in trackers.ini.

    The toolkit starts trackers in an empty folder: paths are made absolute, and for a `module:Class` the current folder
    is put on the tracker's path.
    """
    arguments = [sys.executable, "-m", "spm_bench.interop.trax", call.name]
    weights = call.weights
    if weights is not None and Path(weights).exists():
        weights = str(Path(weights).resolve())
    for option, value in (("--variant", call.variant), ("--weights", weights)):
        if value is not None:
            arguments += [option, value]
    arguments += ["--device", call.device, "--init-box", init_box]
    section = {"protocol": "trax", "command": shlex.join(arguments), "timeout": str(SECONDS_TO_ANSWER)}
    if ":" in call.name:
        section["env_pythonpath"] = str(Path.cwd())
    return section


def _check_free(folder: Path, texts: dict[str, str]) -> None:
    """Refuse a folder that is a file, another suite's workspace, or in other use."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("it is a file", where=folder, remedy="Name a folder for the workspace")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    for name, text in texts.items():
        path = folder / name
        if not path.is_file():
            if name == "config.yaml" and not (folder / "sequences").is_dir():
                raise UsageError("the folder is not empty", where=folder, remedy="Name a new one")
            continue
        if path.read_text(encoding="utf-8") != text:
            raise UsageError(
                f"it is a workspace made for something else ({name} differs)", where=folder, remedy="Name a new folder"
            )


def register(path: Path, sections: dict[str, dict[str, str]]) -> None:
    """Add or renew sections; those of other trackers stay."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(path, encoding="utf-8")
    for name, fields in sections.items():
        # The toolkit reads the file with interpolation, where a percent sign must be doubled.
        config[name] = {key: value.replace("%", "%%") for key, value in fields.items()}
    buffer = io.StringIO()
    config.write(buffer)
    write_text(path, buffer.getvalue(), option="DIR")


def _write_sequence(root: Path, sequence: Sequence, *, anchored: bool) -> None:
    """Write one sequence in the toolkit's layout."""
    check_name(sequence.name, root)
    folder = root / sequence.name
    (folder / "color").mkdir(parents=True, exist_ok=True)
    suffix = _write_pictures(folder / "color", sequence)
    regions = sequence.ground_truth if sequence.polygons is None else sequence.polygons
    truth = "".join(",".join(map(repr, row)) + "\n" for row in regions.tolist())
    (folder / "groundtruth.txt").write_text(truth, encoding="utf-8")
    for name, flags in sequence.frame_attributes.items():
        text = "".join(f"{int(flag)}\n" for flag in flags)
        (folder / f"{name}.tag").write_text(text, encoding="utf-8")
    if anchored:
        text = "".join(f"{anchor:g}\n" for anchor in anchors_of(sequence))
        (folder / "anchor.value").write_text(text, encoding="utf-8")
    properties = {"name": sequence.name, "fps": f"{FPS:g}", "format": "default", "channel.default": "color"}
    properties["channels.color"] = f"color/{_PICTURE}{suffix}"
    (folder / "sequence").write_text("".join(f"{k}={v}\n" for k, v in properties.items()), encoding="utf-8")


def _write_pictures(folder: Path, sequence: Sequence) -> str:
    """Link the picture files, or write pictures that have none as PNG; returns the file name suffix."""
    frames = sequence.frames
    if frames is None or len(frames) != len(sequence):
        raise DataError("its pictures are not here", where=sequence.name, remedy="Load the suite with its images")
    if isinstance(frames, ImageFrames):
        suffixes = {PurePath(name).suffix.lower() for name in frames.names}
        if len(suffixes) == 1 and suffixes <= {".jpg", ".png"}:
            suffix = suffixes.pop()
            for i, name in enumerate(frames.names, start=1):
                _link(folder / f"{_PICTURE % i}{suffix}", (frames.folder / name).resolve())
            return suffix
    import cv2

    for i in range(len(frames)):
        path = folder / f"{_PICTURE % (i + 1)}.png"
        path.write_bytes(cv2.imencode(".png", frames[i])[1].tobytes())
    return ".png"


def _link(path: Path, target: Path) -> None:
    """Make `path` stand for `target`; where links are not allowed (Windows), a copy."""
    path.unlink(missing_ok=True)
    try:
        path.symlink_to(target)
    except (OSError, NotImplementedError):
        shutil.copyfile(target, path)
