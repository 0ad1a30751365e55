"""Training crops of synthetic videos: drawn once by the demo suite's generator, kept in a folder as pictures.

No scene of the demo can occur here: seeds start at `FIRST_SEED`, far beyond any a suite uses, and every target is of an
invented category ("any-K"), none of the six with a name. Each video is a pure function of (pack seed, its number), so a
folder may grow, be interrupted, or lose files: what is there is kept, what is missing or damaged is drawn again.

    <cache>/synthetic-<key>/pictures/00012/0007.jpg   crop of frame 7 of video 12, by the pack rule
    <cache>/synthetic-<key>/videos/00012.csv          its rows, written last, with checksums of the pictures
    <cache>/synthetic-<key>/index.csv                 all rows, in the training packs' own columns and two more
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import multiprocessing
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import UsageError
from spm_bench.results.files import readable_os_errors, write_text
from spm_bench.suites.synthetic.ground import HABITATS
from spm_bench.suites.synthetic.noise import generator
from spm_bench.suites.synthetic.render import Renderer
from spm_bench.suites.synthetic.scene import GENERATOR_VERSION, Scene
from spm_bench.suites.synthetic.steps import AXES, Axis, make_scene
from spm_bench.suites.synthetic.truth import annotate
from spm_bench.training.images import cut_around, cut_crop, read_image
from spm_bench.training.rows import NO_BOXES, Rows

PACK_VERSION = 1
"""Raise it with every change here that alters a scene, a crop or a row: it is part of the folder's name."""
FIRST_SEED = 2**48
"""Scene seeds of training start here; suites number theirs by hand, from 0."""
SEEDS_PER_PACK = 2**20
"""Room for the videos of one pack: packs of different seeds share no scene."""
MOST_PACKS = 2**40
"""Pack seeds are below this, so that scene seeds stay within 63 bits."""
FIRST_CATEGORY, LAST_CATEGORY = 10**8, 10**9 - 1
"""Numbers K of the invented categories."""
VIDEOS_PER_CATEGORY = 4
"""Several videos show different objects of one kind, so that pairs of two videos make hard negatives."""
MIN_VISIBLE = 0.4
"""Share of the target that must be seen: the limit of the training packs."""
SIZES = (32.0, 80.0)
"""Length of targets in the first frame, pixels: search crops are then seen at about their own resolution."""
MIX = 0.6
"""Share of videos with the strengths of a second axis: real videos have more than one challenge."""
FAVOURED = {"lookalike": 3.0, "deform": 1.5, "rotate": 1.5, "calm": 0.3}
"""Weights of axes other than 1 (ours): look-alikes are what the fine stage learns from."""
JPEG_QUALITY = 92
LINE_EVERY = 10.0
"""Seconds between two lines of progress."""

COLUMNS = (
    "file", "source", "sequence", "object", "frame", "x", "y", "w", "h", "crop_scale", "category", "visibility",
    "others", "crc32",
)  # fmt: skip
"""The packs' columns, the look-alikes' boxes ("x y w h;x y w h", pixels of the crop), and the picture's checksum."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class PackSettings:
    """What a video depends on besides its number.

    Attributes:
        seed: Of the pack.
        frames_per_video: Crops of each video at most; fewer where the target hides.
        width: Of the frames the crops are cut from, pixels.
        height: Of these frames.
    """

    seed: int
    frames_per_video: int = 24
    width: int = 480
    height: int = 360

    def __post_init__(self) -> None:
        if not 0 <= self.seed < MOST_PACKS or self.frames_per_video < 2:
            raise UsageError(
                f"no synthetic pack has seed {self.seed} and {self.frames_per_video} frames per video",
                remedy=f"Seeds are 0 to {MOST_PACKS - 1}, and a video needs at least 2 frames",
            )

    @property
    def key(self) -> str:
        """Twelve hex digits over everything that the pictures depend on."""
        facts = {"generator": GENERATOR_VERSION, "pack": PACK_VERSION, **asdict(self)}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


class Crop(NamedTuple):
    """A picture by the pack rule and where things are in it.

    Attributes:
        frame: Number of the frame in the video, from 0.
        visible: Share of the target that is seen.
        picture: n x n x 3 BGR uint8, n <= `MOST_PIXELS`.
        box: (x, y, w, h) of the target in it, also of hidden parts.
        others: M x 4, the look-alikes.
        scale: Stored pixels per pixel of the frame, at most 1.
    """

    frame: int
    visible: float
    picture: NDArray[np.uint8]
    box: NDArray[np.float64]
    others: NDArray[np.float64]
    scale: float


def load_synthetic(
    cache: Path,
    *,
    videos: int,
    seed: int,
    frames_per_video: int = 24,
    width: int = 480,
    height: int = 360,
    workers: int = 1,
    say: Say | None = None,
) -> Rows:
    """Open a pack of synthetic videos, drawing what is not in the cache yet.

    Args:
        cache: Folder for packs; made if missing.
        videos: How many; a larger number later keeps those that are there.
        seed: Of the pack; validation packs take another one.
        frames_per_video: Crops per video, evenly spread over the frames that show the target.
        width: Of the drawn frames, pixels; crops are cut from these.
        height: Of the drawn frames.
        workers: Processes that draw; 1 draws in this one.
        say: Gets lines of progress; None writes them to stderr.

    Returns:
        One row per crop; `sequence` and `track` are the video's number.

    Raises:
        UsageError: A number out of its range.
        ResultsError: The cache cannot be written.
    """
    settings = PackSettings(seed, frames_per_video, width, height)
    if not 1 <= videos <= SEEDS_PER_PACK or workers < 1:
        raise UsageError(
            f"{videos} synthetic videos by {workers} workers",
            remedy=f"At least one of each, and at most {SEEDS_PER_PACK} videos",
        )
    folder = cache / f"synthetic-{settings.key}"
    known = {video: read_video(folder, video) for video in range(videos)}
    missing = [video for video, rows in known.items() if rows is None]
    _draw_all(folder, settings, missing, workers, say or _to_stderr)
    table: list[dict[str, str]] = []
    for video in range(videos):
        table += known[video] or read_video(folder, video) or []
    _write_index(folder, table)
    return _rows(folder, table)


def training_scene(settings: PackSettings, video: int) -> Scene:
    """Describe one training video: one or two difficulty axes, any category, any ground, any size and path."""
    rng = generator("training pack", settings.seed, video)
    first, second = _pick_axis(rng), _pick_axis(rng)
    level = int(rng.integers(1, len(first.steps) + 1)) if first.steps else 0
    mixed: dict[str, float] = {}
    if second.steps and rng.random() < MIX:
        # The first axis keeps its own strengths; what it leaves alone comes from the second.
        own = {**first.base, **(first.steps[level - 1] if level else {})}
        step = second.steps[int(rng.integers(len(second.steps)))]
        mixed = {name: value for name, value in {**second.base, **step}.items() if name not in own}
    return make_scene(
        first.name,
        level,
        FIRST_SEED + settings.seed * SEEDS_PER_PACK + video,
        category=_category(settings.seed, video // VIDEOS_PER_CATEGORY),
        strengths=mixed,
        habitat=str(rng.choice(sorted(HABITATS))),
        width=settings.width,
        height=settings.height,
        n_frames=2 * settings.frames_per_video,
        target_size=math.exp(rng.uniform(*np.log(SIZES))),
        roam=rng.uniform(0.1, 0.8),
    )


def _category(seed: int, group: int) -> str:
    return f"any-{generator('training category', seed, group).integers(FIRST_CATEGORY, LAST_CATEGORY + 1)}"


def _pick_axis(rng: np.random.Generator) -> Axis:
    names = sorted(AXES)
    weights = np.array([FAVOURED.get(name, 1.0) for name in names])
    return AXES[names[int(rng.choice(len(names), p=weights / weights.sum()))]]


def video_crops(scene: Scene, at_most: int) -> Iterator[Crop]:
    """Draw frames of a scene, evenly spread over those that show enough of the target; cut them by the pack rule.

    A look-alike counts as one of `others` if enough of its box lies in the frame and in the crop. Known, and kept so
    that packs of `PACK_VERSION` 1 stay as they are: one that the target or an occluder hides is named as well.
    """
    truth, renderer = annotate(scene), Renderer(scene)
    cast = renderer.cast
    shown = np.flatnonzero(truth.visible >= MIN_VISIBLE)
    spread = np.unique(np.linspace(0, len(shown) - 1, min(at_most, len(shown))).round().astype(int))
    for t in shown[spread]:
        seen = [cast.place(actor, float(t)).to_image(actor.points) for actor in cast.distractors]
        boxes = np.array([[*p.min(axis=0), *np.ptp(p, axis=0)] for p in seen]).reshape(-1, 4)
        cut = cut_around(truth.boxes[t])
        picture, others = cut_crop(renderer.frame(int(t)), cut), cut.place(boxes)
        inside = np.minimum(
            _share_within(boxes, scene.width, scene.height), _share_within(others, len(picture), len(picture))
        )
        reach_in = others[inside >= MIN_VISIBLE]
        yield Crop(int(t), float(truth.visible[t]), picture, cut.place(truth.boxes[t]), reach_in, cut.scale)


def _share_within(boxes: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """Share of each box that lies in a picture of that size."""
    low, high = np.maximum(boxes[:, :2], 0.0), np.minimum(boxes[:, :2] + boxes[:, 2:], [width, height])
    inside = np.prod(np.maximum(high - low, 0.0), axis=1)
    return np.asarray(inside / np.maximum(np.prod(boxes[:, 2:], axis=1), 1e-9))


def draw_video(folder: Path, settings: PackSettings, video: int) -> None:
    """Draw the crops of one video into the cache; the file with its rows comes last, so it is there or it is not."""
    scene = training_scene(settings, video)
    place = folder / "pictures" / f"{video:05d}"
    rows = []
    with readable_os_errors(place):
        place.mkdir(parents=True, exist_ok=True)
        for crop in video_crops(scene, settings.frames_per_video):
            data = cv2.imencode(".jpg", crop.picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
            path = place / f"{crop.frame + 1:04d}.jpg"
            # Not synced to disk: after a power cut the checksum tells. Replaced at once: another process may read it.
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            temporary.write_bytes(data)
            temporary.replace(path)
            others = ";".join(" ".join(f"{v:.2f}" for v in box) for box in crop.others)
            name = path.relative_to(folder).as_posix()
            numbers = [f"{v:.2f}" for v in crop.box]
            tail = [f"{crop.scale:.5f}", scene.category, f"{crop.visible:.3f}", others, zlib.crc32(data)]
            rows.append([name, "synthetic", f"{video:05d}", 1, crop.frame + 1, *numbers, *tail])
    text = _to_csv(rows)
    write_text(_table(folder, video), f"{zlib.crc32(text.encode())}\n{text}")


def read_video(folder: Path, video: int) -> list[dict[str, str]] | None:
    """The rows of a video, or None if its file or one of its pictures is missing or does not match its checksum."""
    try:
        told, text = _table(folder, video).read_text(encoding="utf-8").split("\n", 1)
        if told != str(zlib.crc32(text.encode())):
            return None
        rows = list(csv.DictReader(io.StringIO(text)))
        if any(str(zlib.crc32((folder / row["file"]).read_bytes())) != row["crc32"] for row in rows):
            return None
    except (OSError, ValueError):
        return None
    return rows


def _table(folder: Path, video: int) -> Path:
    return folder / "videos" / f"{video:05d}.csv"


def _to_csv(rows: list[list[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return stream.getvalue()


def _draw_all(folder: Path, settings: PackSettings, missing: list[int], workers: int, say: Say) -> None:
    if not missing:
        return
    start = last = time.monotonic()
    say(f"drawing {len(missing)} synthetic training videos with {workers} process{'es' * (workers > 1)} into {folder}")
    for done, _ in enumerate(_drawn(partial(draw_video, folder, settings), missing, workers), 1):
        now = time.monotonic()
        if now - last >= LINE_EVERY or done == len(missing):
            last, speed = now, done / (now - start)
            left = (len(missing) - done) / speed
            say(f"{done} of {len(missing)} videos, {speed:.1f} videos/s, about {left:.0f} s left")


def _drawn(draw: Callable[[int], None], missing: list[int], workers: int) -> Iterator[None]:
    """Draw videos, here or in `workers` fresh processes; one value for each as it is done."""
    if workers == 1 or len(missing) == 1:
        for video in missing:
            draw(video)
            yield
        return
    context = multiprocessing.get_context("spawn")  # a fork would inherit torch's and OpenCV's threads half alive
    with ProcessPoolExecutor(min(workers, len(missing)), context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        try:
            for future in as_completed([pool.submit(draw, video) for video in missing]):
                future.result()
                yield
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write_index(folder: Path, table: list[dict[str, str]]) -> None:
    text = _to_csv([[row[name] for name in COLUMNS] for row in table])
    path = folder / "index.csv"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _rows(folder: Path, table: list[dict[str, str]]) -> Rows:
    categories = sorted({row["category"] for row in table})
    number = {name: i for i, name in enumerate(categories)}
    video = np.array([int(row["sequence"]) for row in table], dtype=np.int64)
    files = tuple(str(folder / row["file"]) for row in table)
    return Rows(
        name="synthetic",
        boxes=np.array([[float(row[k]) for k in "xywh"] for row in table]).reshape(-1, 4),
        track=video,
        sequence=video.copy(),
        frame=np.array([int(row["frame"]) for row in table], dtype=np.int64),
        category=np.array([number[row["category"]] for row in table], dtype=np.int64),
        categories=tuple(categories),
        others=tuple(_others(row["others"]) for row in table),
        where=files,
        read=_Reader(files),
        scale=np.array([float(row["crop_scale"]) for row in table]),
        sequence_names=tuple(f"synthetic/{name:05d}" for name in range(video.max(initial=-1) + 1)),
    )


def _others(text: str) -> NDArray[np.float64]:
    return np.array([[float(v) for v in box.split()] for box in text.split(";")]) if text else NO_BOXES


@dataclass(frozen=True)
class _Reader:
    """Row -> picture; a class and no closure, so that it can go to another process."""

    files: tuple[str, ...]

    def __call__(self, row: int) -> NDArray[np.uint8]:
        return read_image(Path(self.files[row]))


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
