"""Frames on demand: drawn when asked for, kept as long as there is room, and pickled as their description."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from spm_bench.suites.base import Frame, Sequence
from spm_bench.suites.synthetic.render import Renderer
from spm_bench.suites.synthetic.scene import Scene
from spm_bench.suites.synthetic.truth import annotate

CACHE_BYTES = 192 * 2**20
"""Room for drawn frames per process: a little more than the demo suite, which every tracker reads from start to end."""


class _Store:
    """Frames of the scenes used last, up to a number of bytes; safe to use from several threads."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._scenes: OrderedDict[Scene, tuple[Renderer, dict[int, Frame]]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, scene: Scene, index: int) -> Frame:
        with self._lock:
            renderer, drawn = self._scenes.setdefault(scene, (Renderer(scene), {}))
            self._scenes.move_to_end(scene)
            if index not in drawn:
                drawn[index] = renderer.frame(index)
                self._bytes += drawn[index].nbytes
                self._make_room()
            return drawn[index]

    def _make_room(self) -> None:
        """Forget the scenes used longest ago; of a single scene too large for the store, all but nothing is kept."""
        while self._bytes > self._room and self._scenes:
            oldest = next(iter(self._scenes))
            if len(self._scenes) == 1:
                drawn = self._scenes[oldest][1]
                del_index = next(iter(drawn))
                if len(drawn) == 1:
                    return
                self._bytes -= drawn.pop(del_index).nbytes
                continue
            self._bytes -= sum(f.nbytes for f in self._scenes.pop(oldest)[1].values())


_STORE = _Store(CACHE_BYTES)


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
