"""From a scene to pictures. Coordinates are float64, rounded to 1/32 pixel; colours are integers throughout."""

from __future__ import annotations

import math
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from spm_bench.suites.base import FloatArray, Frame
from spm_bench.suites.synthetic.cast import Actor, Cast, make_cast
from spm_bench.suites.synthetic.ground import MARGIN, clutter_of, paint_ground
from spm_bench.suites.synthetic.light import Light
from spm_bench.suites.synthetic.motion import Placement
from spm_bench.suites.synthetic.noise import Picture, generator
from spm_bench.suites.synthetic.scene import Scene
from spm_bench.suites.synthetic.shapes import REACH
from spm_bench.suites.synthetic.skins import SHEET
from spm_bench.suites.synthetic.sprite import Sprite, bake, look_up

BLUR_STEP = 1.5
"""Pixels of motion per sub-frame: finer steps do not change the blurred picture visibly."""
MAX_SUBFRAMES = 16
SHADOW = 105
"""Darkness of cast shadows, of 255."""
_NOISE_ROOM = 64
"""The noise picture is larger than a frame by this much and read at a new offset in every frame."""

Ints = NDArray[np.int32]


class Renderer:
    """Draws the frames of one scene; equal scenes give equal bytes, in any order of the frames."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.cast: Cast = make_cast(scene)
        self.light = Light(scene)

    @cached_property
    def _sprites(self) -> dict[Actor, Sprite]:
        return {a: bake(a) for a in (*self.cast.behind, self.cast.target, *self.cast.before)}

    @cached_property
    def _ground(self) -> Picture:
        s, target = self.scene, self.cast.target
        clutter = clutter_of(s.seed, s.width, s.height, s.target_size, s.strengths.clutter)
        return paint_ground(s.seed, s.habitat, (s.width, s.height), clutter, target.category.colours(target.identity))

    @cached_property
    def _noise(self) -> NDArray[np.int32]:
        """Sensor noise in sixteenths of a grey level at mid grey: mostly luminance, some colour."""
        size = (self.scene.height + _NOISE_ROOM, self.scene.width + _NOISE_ROOM)
        rng = generator(self.scene.seed, "noise")
        mixed = 0.85 * rng.standard_normal((*size, 1)) + 0.53 * rng.standard_normal((*size, 3))
        return np.rint(mixed * (16.0 * self.scene.strengths.noise)).astype(np.int32)

    def frame(self, index: int) -> Frame:
        """Draw frame `index` (0-based): uint8, H x W x 3, BGR."""
        picture = self._draw_ground(index)
        for actor in (*self.cast.behind, self.cast.target, *self.cast.before):
            self._draw(picture, actor, index)
        return self._expose(picture, index)

    def coverage(self, actor: Actor, index: int) -> NDArray[np.uint8]:
        """How much of each pixel (0..255) one actor fills in frame `index` at mid-exposure, were it alone: H x W."""
        alone = np.zeros((self.scene.height, self.scene.width), np.uint8)
        placement = self.cast.place(actor, index)
        window = self._window([placement.to_image(actor.points)], 2)
        if window is not None:
            alone[window] = self._shade(actor, placement, window, index)[0]
        return alone

    def _draw_ground(self, t: float) -> Picture:
        matrix, offset = self.cast.camera(t)
        inverse = np.linalg.inv(matrix)
        x, y = (np.arange(n) + 0.5 for n in (self.scene.width, self.scene.height))
        origin = inverse @ -offset + MARGIN
        gx = inverse[0, 0] * x[None, :] + (inverse[0, 1] * y[:, None] + origin[0])
        gy = inverse[1, 0] * x[None, :] + (inverse[1, 1] * y[:, None] + origin[1])
        return look_up(self._ground, gx, gy, wrap=True)

    def _placements(self, actor: Actor, index: int) -> list[Placement]:
        """Where the actor is at the moments that the open shutter sees, mid-exposure being the frame's own time."""
        shutter = self.scene.strengths.exposure
        ends = [self.cast.place(actor, index + s * shutter / 2.0).to_image(actor.points) for s in (-1.0, 1.0)]
        moved = float(np.hypot(*(ends[1] - ends[0]).T).max())
        n = min(max(1, math.ceil(moved / BLUR_STEP)), MAX_SUBFRAMES)
        return [self.cast.place(actor, index + shutter * ((k + 0.5) / n - 0.5)) for k in range(n)]

    def _window(self, outlines: list[FloatArray], room: int) -> tuple[slice, slice] | None:
        """Rows and columns of the picture that the outlines reach, or None."""
        points = np.concatenate(outlines)
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - room, 0)
        high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + room, [self.scene.width, self.scene.height])
        return None if (high <= low).any() else (slice(low[1], high[1]), slice(low[0], high[0]))

    def _draw(self, picture: Picture, actor: Actor, index: int) -> None:
        """Lay one actor over the picture, in place, its shadow first."""
        placements = self._placements(actor, index)
        size = math.sqrt(abs(float(np.linalg.det(placements[0].matrix))))
        reach = 2.0 * actor.category.altitude * size + 2.0
        toward = self.light.towards(index)
        dx, dy = round(-toward[0] * reach), round(-toward[1] * reach)
        soft = 1.2 + 0.25 * reach
        window = self._window(
            [p.to_image(actor.points) for p in placements], 2 + max(abs(dx), abs(dy)) + math.ceil(2 * soft)
        )
        if window is None:
            return
        opacity, light = self._accumulate(actor, placements, window, index)
        part = picture[window]
        moved = np.zeros_like(opacity, dtype=np.uint8)
        rows, columns = _shifted(opacity.shape[0], dy), _shifted(opacity.shape[1], dx)
        moved[rows[1], columns[1]] = opacity[rows[0], columns[0]]
        shadow = cv2.GaussianBlur(moved, (0, 0), soft).astype(np.int32)[..., None]
        ground = part * (255 * 255 - shadow * SHADOW) // (255 * 255)
        part[:] = ((ground * (255 - opacity[..., None]) + light) // 255).astype(np.uint8)

    def _accumulate(
        self, actor: Actor, placements: list[Placement], window: tuple[slice, slice], index: int
    ) -> tuple[Ints, Ints]:
        """Average over the sub-frames: opacity 0..255 (h x w), and colour times opacity (h x w x 3)."""
        opacity, light = self._shade(actor, placements[0], window, index)
        for placement in placements[1:]:
            more = self._shade(actor, placement, window, index)
            opacity, light = opacity + more[0], light + more[1]
        n = len(placements)
        return (opacity, light) if n == 1 else (opacity // n, light // n)

    def _shade(self, actor: Actor, placement: Placement, window: tuple[slice, slice], index: int) -> tuple[Ints, Ints]:
        """One sub-frame of an actor: see `_accumulate`."""
        inverse = np.linalg.inv(placement.matrix)
        x = np.arange(window[1].start, window[1].stop) + 0.5 - placement.offset[0]
        y = np.arange(window[0].start, window[0].stop) + 0.5 - placement.offset[1]
        qx = inverse[0, 0] * x[None, :] + inverse[0, 1] * y[:, None]
        qy = inverse[1, 0] * x[None, :] + inverse[1, 1] * y[:, None]
        px, py = placement.warp.to_rest(qx, qy)
        sprite = self._sprites[actor]
        level = sprite.level(math.sqrt(abs(float(np.linalg.det(placement.matrix)))))
        texels = (SHEET >> level) / (2.0 * REACH)
        px, py = np.clip(px, -8.0, 8.0), np.clip(py, -8.0, 8.0)  # far outside anyway; keeps the integers small
        form = look_up(sprite.forms[level], (px + REACH) * texels, (py + REACH) * texels, wrap=False).astype(np.int32)
        raised = np.maximum(1.0 - px * px - py * py, 0.0) if actor.category.turning == "dome" else 1.0
        along = px + placement.scroll * raised + 2.0 * REACH
        sheet = look_up(sprite.sheets[level], along * texels, (py + REACH) * texels, wrap=True)
        return form[..., 0], self._lit(actor, placement, form, sheet.astype(np.int32), index) * form[..., :1]

    def _lit(self, actor: Actor, placement: Placement, form: Ints, sheet: Ints, index: int) -> Ints:
        """Shade colours by the slant of the surface towards the light, with highlights."""
        turn = placement.matrix / np.maximum(np.hypot(*placement.matrix), 1e-9)
        along = np.asarray(self.light.towards(index)) @ turn
        lx, ly = (round(float(v) * 200.0 * actor.category.relief) for v in along)
        slope = ((form[..., 1] - 128) * lx + (form[..., 2] - 128) * ly) >> 7
        shine = np.maximum(slope - 45, 0) * round(256 * actor.category.gloss) >> 8
        return np.asarray(np.clip((sheet * (256 + slope)[..., None] >> 8) + shine[..., None], 0, 255), dtype=np.int32)

    def _expose(self, picture: Picture, index: int) -> Frame:
        """Light, sensor noise and resolution: the last steps to a frame."""
        level = (picture.astype(np.uint32) * self.light.gains(index) >> np.uint32(10)).astype(np.int32)
        if self.scene.strengths.noise > 0.0:
            dy, dx = generator(self.scene.seed, "noise", index).integers(0, _NOISE_ROOM, size=2)
            noise = self._noise[dy : dy + self.scene.height, dx : dx + self.scene.width]
            level += noise * (150 + np.minimum(level, 255)) >> 12  # brighter pixels carry more noise, as in a sensor
        frame = np.clip(level, 0, 255).astype(np.uint8)
        share = self.scene.strengths.resolution
        if share < 1.0:
            small = (max(1, round(self.scene.width * share)), max(1, round(self.scene.height * share)))
            reduced = cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
            frame = cv2.resize(reduced, (self.scene.width, self.scene.height), interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(frame)


def _shifted(n: int, by: int) -> tuple[slice, slice]:
    """Source and destination ranges of a shift of n values by `by`."""
    by = max(-n, min(n, by))
    return slice(max(-by, 0), n - max(by, 0)), slice(max(by, 0), n - max(-by, 0))
