"""Frames on demand: drawn when asked for, kept as long as there is room, and pickled as their description."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

import numpy as np

from spm_bench.suites.base import Frame, Sequence
from spm_bench.suites.synthetic.render import Renderer
from spm_bench.suites.synthetic.scene import Scene
from spm_bench.suites.synthetic.truth import annotate

CACHE_BYTES = 192 * 2**20
"""Room for drawn frames per process: a little more than the demo suite, which every tracker reads from start to end."""
CACHED_RENDERERS = 64
"""Scenes whose painted ground and bodies are kept, some 2 MB each: as many as lockstep reads side by side (one for each
of a batch's targets), as painting a ground takes as long as drawing twenty frames on it."""


class FrameStore:
    """The frames drawn last, up to a number of bytes; safe to use from several threads."""

    def __init__(self, room: int) -> None:
        self._room, self._bytes = room, 0
        self._frames: OrderedDict[tuple[Scene, int], Frame] = OrderedDict()
        self._renderers: OrderedDict[Scene, Renderer] = OrderedDict()
        self._lock = threading.Lock()

    def make_room(self, room: int) -> None:
        """Keep at least so many bytes of frames from now on."""
        with self._lock:
            self._room = max(self._room, room)

    def get(self, scene: Scene, index: int) -> Frame:
        """Return a frame, drawn now or earlier; it is shared and must not be written to."""
        with self._lock:
            key = (scene, index)
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
            frame = self._renderer(scene).frame(index)
            self._frames[key] = frame
            self._bytes += frame.nbytes
            while self._bytes > self._room and len(self._frames) > 1:
                self._bytes -= self._frames.popitem(last=False)[1].nbytes
            return frame

    def _renderer(self, scene: Scene) -> Renderer:
        if scene not in self._renderers:
            self._renderers[scene] = Renderer(scene)
        self._renderers.move_to_end(scene)
        if len(self._renderers) > CACHED_RENDERERS:
            self._renderers.popitem(last=False)
        return self._renderers[scene]


_STORE = FrameStore(CACHE_BYTES)


def keep_drawn(sequences: Iterable[Sequence]) -> None:
    """Keep all frames of drawn sequences in this process, for many trackers to see: drawing takes longer than tracking.

    Args:
        sequences: As `make_sequence` makes them.
    """
    _STORE.make_room(sum(3 * len(s) * s.image_size[0] * s.image_size[1] for s in sequences if s.image_size))


class SyntheticFrames:
    """The pictures of a scene, by index (a `FrameSource`). Each call returns a copy: trackers may draw into it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def __len__(self) -> int:
        return self.scene.n_frames

    def __getitem__(self, index: int, /) -> Frame:
        if not 0 <= index < self.scene.n_frames:
            raise IndexError(f"frame {index} of a scene with {self.scene.n_frames} frames")
        return np.array(_STORE.get(self.scene, index))

    def __repr__(self) -> str:
        return f"SyntheticFrames({self.scene!r})"


def make_sequence(name: str, scene: Scene) -> Sequence:
    """Wrap a scene as a benchmark sequence: frames on demand, exact boxes, labels."""
    truth = annotate(scene)
    return Sequence(
        name=name,
        ground_truth=truth.boxes.copy(),
        frames=SyntheticFrames(scene),
        attributes=truth.attributes,
        frame_attributes={label: flags.copy() for label, flags in truth.labels.items()},
        image_size=(scene.width, scene.height),
    )
