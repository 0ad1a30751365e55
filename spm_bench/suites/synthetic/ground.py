"""Habitats: what lies under and around the target, painted once per scene from far and soft to near and sharp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic import skins
from spm_bench.suites.synthetic.categories import Category
from spm_bench.suites.synthetic.identity import Identity
from spm_bench.suites.synthetic.noise import Picture, blend, generator, ramp, rgb, sigmoid, spectral, to_picture
from spm_bench.suites.synthetic.shapes import Body, place, spindle, superellipse

MARGIN = 40
"""Pixels painted beyond each side of the picture: more than the camera ever moves (12 px, 2.4 degrees, 2.4 %)."""
SUBPIXEL = 4
"""Binary digits of the fractions that OpenCV's polygon filling gets."""

Painter = Callable[[int, tuple[int, int]], Picture]
"""(seed, (height, width)) -> picture."""


@dataclass(frozen=True)
class Habitat:
    """A kind of ground, and the kind of thing that passes in front of the camera there."""

    name: str
    paint: Painter
    band: Category


def _field(
    seed: int, what: str, size: tuple[int, int], slope: float, low: float = 0.0, high: float = np.inf
) -> FloatArray:
    return spectral(generator(seed, "ground", what).standard_normal(size), slope, low, high)


def fill(picture: Picture, outline: FloatArray, colour: FloatArray) -> None:
    """Fill a polygon (pixels, continuous coordinates) in place, with soft edges; colour BGR 0..1."""
    corners = np.rint((outline - 0.5) * (1 << SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(picture, [corners], [round(float(c) * 255.0) for c in np.clip(colour, 0, 1)], cv2.LINE_AA, SUBPIXEL)


def _soften(picture: Picture, sigma: float) -> Picture:
    """Blur with OpenCV's 8-bit Gaussian, which is exact integer arithmetic on every machine."""
    return np.ascontiguousarray(cv2.GaussianBlur(picture, (0, 0), sigma))


def scatter(
    picture: Picture,
    rng: np.random.Generator,
    count: int,
    shape: FloatArray,
    sizes: tuple[float, float],
    colours: FloatArray,
    *,
    slim: tuple[float, float] = (1.0, 1.0),
    shadow: float = 0.35,
    angles: tuple[float, float] = (0.0, 2 * np.pi),
) -> None:
    """Strew `count` copies of a shape over the picture, in place, each with a soft shadow and a lit half."""
    h, w = picture.shape[:2]
    drawn = []
    for _ in range(count):
        size, thin, angle = rng.uniform(*sizes), rng.uniform(*slim), rng.uniform(*angles)
        at = (rng.uniform(0, w), rng.uniform(0, h))
        tone = ramp(np.array(rng.random()), colours) * rng.uniform(0.75, 1.2)
        drawn.append((place(shape * [size, size * thin], at, angle), size, tone))
    if shadow > 0:
        mask = np.zeros((h, w), np.uint8)
        for outline, size, _ in drawn:
            fill(mask, outline + 0.16 * size + 1.0, np.ones(1))
        depth = cv2.GaussianBlur(mask, (0, 0), 2.5).astype(np.uint16)[..., None]
        picture[:] = (picture * (255 - depth * round(shadow * 256) // 256) // 255).astype(np.uint8)
    for outline, size, tone in drawn:
        fill(picture, outline, tone)
        lit = outline.mean(axis=0) + (outline - outline.mean(axis=0)) * 0.62 - 0.1 * size
        fill(picture, lit, tone * 1.16)


def _texture(picture: Picture, field: FloatArray, strength: float) -> Picture:
    return to_picture(picture / 255.0 * (1.0 + strength * field)[..., None])


_LEAF = spindle([(-1.0, 0.0), (-0.5, 0.32), (0.1, 0.45), (0.6, 0.25), (1.0, 0.0)], n=16)
_PEBBLE = superellipse(1.0, 0.75, 2.4, n=24)
_BLADE = np.array([[-1.0, -0.045], [0.2, -0.035], [1.0, 0.0], [0.2, 0.035], [-1.0, 0.045]])


def _caustics(seed: int, size: tuple[int, int], scale: float) -> FloatArray:
    """The net of light that waves throw on the bottom: ridges where a band-limited field crosses zero."""
    wave = _field(seed, "caustics", size, 0.6, low=2.0, high=scale)
    return np.exp(-np.abs(wave) * 4.5) * sigmoid(1.5 * _field(seed, "shafts", size, 2.0, high=4.0))


def _pond(seed: int, size: tuple[int, int]) -> Picture:
    rng = generator(seed, "pond")
    depth = sigmoid(1.3 * _field(seed, "depth", size, 1.9))
    picture = to_picture(ramp(depth, rgb("0f2a26", "1d4a3c", "3c6a4c", "5b7d58")))
    scatter(
        picture, rng, 130, _PEBBLE, (4, 17), rgb("2b4136", "4d6a50", "76805f", "8d8f78"), slim=(0.7, 1.1), shadow=0.5
    )
    picture = _soften(picture, 2.4)
    scatter(picture, rng, 60, _PEBBLE, (3, 10), rgb("33483c", "6a7b5c", "98997c"), shadow=0.5)
    picture = _soften(picture, 1.1)
    light = _caustics(seed, size, 14.0)
    veil = blend(picture / 255.0, rgb("3f7868")[0], 0.22 + 0.12 * sigmoid(_field(seed, "murk", size, 2.0)))
    return _texture(
        to_picture(veil + 0.3 * light[..., None] * rgb("c8e8c0")[0]), _field(seed, "silt", size, 0.7, low=8), 0.05
    )


def _litter(seed: int, size: tuple[int, int]) -> Picture:
    rng = generator(seed, "litter")
    picture = to_picture(ramp(sigmoid(_field(seed, "soil", size, 1.2)), rgb("1f150e", "3b2a1b", "5a4229")))
    browns = rgb("3d2a18", "6a4a28", "8f6b3a", "b08d54", "7a5a3c")
    for count, blur in ((150, 1.6), (130, 0.9), (110, 0.0)):
        scatter(picture, rng, count, _LEAF, (9, 24), browns, slim=(0.7, 1.3), shadow=0.55)
        scatter(picture, rng, count // 8, _BLADE, (14, 40), rgb("3a2c20", "6b5841"), slim=(0.8, 1.6), shadow=0.5)
        picture = _soften(picture, blur) if blur else picture
    return _texture(picture, _field(seed, "fibres", size, 0.8, low=6), 0.13)


def _meadow(seed: int, size: tuple[int, int]) -> Picture:
    rng = generator(seed, "meadow")
    picture = to_picture(ramp(sigmoid(_field(seed, "turf", size, 1.5)), rgb("16260f", "2c4a1a", "4d7029")))
    greens = rgb("234015", "3f6a22", "6c9136", "94ad55")
    for count, blur in ((350, 2.2), (300, 1.0), (240, 0.0)):
        scatter(picture, rng, count, _BLADE, (12, 38), greens, slim=(0.7, 1.6), shadow=0.3, angles=(-2.4, -0.8))
        scatter(
            picture, rng, count // 14, _PEBBLE, (2, 6), rgb("e8dc6a", "f2f0e2", "c987c4"), slim=(0.8, 1.2), shadow=0.3
        )
        picture = _soften(picture, blur) if blur else picture
    return _texture(picture, _field(seed, "fibres", size, 0.9, low=5), 0.1)


def _seabed(seed: int, size: tuple[int, int]) -> Picture:
    rng = generator(seed, "seabed")
    y, x = np.indices(size).astype(np.float64)
    bend = _field(seed, "bend", size, 2.0, high=8.0)
    ripple = np.sin(0.32 * (y + 0.3 * x) + 2.4 * bend) * sigmoid(1.5 * _field(seed, "ripple", size, 2.0, high=5.0))
    tone = sigmoid(1.1 * _field(seed, "sand", size, 1.6) + 0.9 * ripple)
    picture = to_picture(ramp(tone, rgb("6f7a62", "96997a", "b9b08a", "d0c59c")))
    scatter(picture, rng, 70, _PEBBLE, (2, 8), rgb("5a5a48", "8a8264", "c9bd9b"), slim=(0.6, 1.1), shadow=0.45)
    picture = _soften(picture, 1.2)
    scatter(picture, rng, 14, _LEAF, (8, 20), rgb("3d5a36", "5c7a40"), slim=(0.3, 0.7), shadow=0.45)
    light = blend(picture / 255.0, rgb("4c8a94")[0], np.full(size, 0.3)) + 0.22 * _caustics(seed, size, 10.0)[..., None]
    return _texture(to_picture(light), _field(seed, "grains", size, 0.3, low=20), 0.06)


def _street(seed: int, size: tuple[int, int]) -> Picture:
    rng = generator(seed, "street")
    h, w = size
    tone = sigmoid(0.8 * _field(seed, "wear", size, 1.7))
    picture = to_picture(ramp(tone, rgb("4a4a4c", "5d5c5b", "757370")))
    for _ in range(5):
        patch = superellipse(
            rng.uniform(20, 60), rng.uniform(12, 35), 8.0, at=(rng.uniform(0, w), rng.uniform(0, h)), n=40
        )
        fill(picture, patch, ramp(np.array(rng.random()), rgb("3f3f41", "6e6c69")))
    slant, lane = rng.uniform(-0.15, 0.15), rng.uniform(60, 85)
    for row in np.arange(-lane, h + lane, lane):
        for start in np.arange(rng.uniform(-60, 0), w, 62):
            mark = np.array([[start, row], [start + 34, row], [start + 34, row + 4.5], [start, row + 4.5]])
            fill(picture, mark + np.array([0.0, slant * start]), rgb("c9c5b4")[0] * rng.uniform(0.75, 1.0))
    for _ in range(9):
        steps = np.cumsum(rng.normal(0, 5, size=(26, 2)) + rng.normal(0, 3, size=2), axis=0) + rng.uniform(0, w, 2)
        cv2.polylines(picture, [np.rint(steps).astype(np.int32)], False, (42, 42, 43), 1, cv2.LINE_AA)
    scatter(picture, rng, 40, _LEAF, (2, 6), rgb("5a4a30", "9a8a50", "3a3a36"), shadow=0.4)
    oil = sigmoid((_field(seed, "oil", size, 1.8, high=9.0) - 1.3) * 5.0)
    stained = blend(_soften(picture, 0.7) / 255.0, rgb("2f2f31")[0], 0.6 * oil)
    return _texture(to_picture(stained), _field(seed, "gravel", size, 0.25, low=20), 0.075)


def _slide(seed: int, size: tuple[int, int]) -> Picture:
    rng = generator(seed, "slide")
    picture = to_picture(ramp(sigmoid(_field(seed, "stain", size, 1.9)), rgb("b9a6c4", "cfbdd6", "e0d3e2")))
    scatter(picture, rng, 45, _PEBBLE, (8, 34), rgb("a88fb8", "c3aecd", "d9c9de"), shadow=0.12)
    picture = _soften(picture, 4.0)
    scatter(picture, rng, 50, _PEBBLE, (3, 14), rgb("9277a8", "b59cc2", "dccfe2"), shadow=0.15)
    picture = _soften(picture, 1.8)
    scatter(picture, rng, 26, _BLADE, (14, 46), rgb("8d6f9c", "b99fc0"), slim=(0.4, 0.9), shadow=0.1)
    scatter(picture, rng, 70, _PEBBLE, (1, 3.5), rgb("5d4474", "8a6aa0"), shadow=0.2)
    return _texture(_soften(picture, 0.7), _field(seed, "plasm", size, 1.0, low=4), 0.045)


def _band(name: str, *palette: str) -> Category:
    """What passes in front: a strip with ragged sides (its pose stretches it), streaked along its length."""

    def skin(identity: Identity, colours: FloatArray) -> FloatArray:
        _, y = skins.sheet_grid()
        streaks = sigmoid(
            1.6 * skins.field(identity, "streaks", 0.9) + 1.2 * np.sin(5.0 * y + 3.0 * identity.one("fold"))
        )
        return skins.grain(identity, ramp(streaks, colours), 0.12)

    def body(_: Identity) -> Body:
        return Body((superellipse(1.0, 1.0, 12.0),))

    return Category(name, "", body, skin, rgb(*palette), relief=0.9, gloss=0.1, altitude=0.0)


HABITATS: dict[str, Habitat] = {
    "pond": Habitat("pond", _pond, _band("reed", "29461c", "4f7a2c", "8aa64a")),
    "litter": Habitat("litter", _litter, _band("twig", "2c2018", "54402e", "7d684c")),
    "meadow": Habitat("meadow", _meadow, _band("stem", "2c5a1e", "5c8f33", "9ac060")),
    "seabed": Habitat("seabed", _seabed, _band("kelp", "2a3a1c", "50602c", "7d8440")),
    "street": Habitat("street", _street, _band("pole", "3a3d40", "6d7276", "a3a7a8")),
    "slide": Habitat("slide", _slide, _band("fibre", "6a4a86", "8f6fae", "bfa3d0")),
}


@dataclass(frozen=True, eq=False)
class Clutter:
    """Still things in the target's colours: centres (n x 2, pixels of the still picture plane), half lengths (n)."""

    centres: FloatArray
    sizes: FloatArray


def clutter_of(seed: int, width: int, height: int, target_size: float, strength: float) -> Clutter:
    """Decide where the clutter lies; up to 60 things over picture and margin at strength 1."""
    rng = generator(seed, "clutter")
    n = round(60 * strength)
    centres = rng.random((60, 2)) * [width + 2 * MARGIN, height + 2 * MARGIN] - MARGIN
    return Clutter(centres[:n], (target_size * rng.uniform(0.1, 0.3, size=60))[:n])


def paint_ground(seed: int, habitat: str, size: tuple[int, int], clutter: Clutter, colours: FloatArray) -> Picture:
    """Paint the ground of a scene.

    Args:
        seed: Of the scene.
        habitat: A name in `HABITATS`.
        size: (width, height) of the picture; the ground is larger by `MARGIN` on each side.
        clutter: Things to strew on it.
        colours: Their palette, k x 3.
    """
    width, height = size
    picture = HABITATS[habitat].paint(seed, (height + 2 * MARGIN, width + 2 * MARGIN))
    for i, (centre, half) in enumerate(zip(clutter.centres, clutter.sizes, strict=True)):
        rng = generator(seed, "clutter", i)
        shape = (_LEAF, _PEBBLE, superellipse(1.0, 0.6, 3.5, n=24))[int(rng.integers(3))]
        outline = place(shape * half, (float(centre[0]) + MARGIN, float(centre[1]) + MARGIN), rng.uniform(0, 6.3))
        mask = np.zeros(picture.shape[:2], np.uint8)
        fill(mask, outline + 2.0, np.ones(1))
        x0, y0, w, h = cv2.boundingRect(np.rint(outline).astype(np.int32))
        window = np.s_[max(y0 - 8, 0) : y0 + h + 12, max(x0 - 8, 0) : x0 + w + 12]
        shade = cv2.GaussianBlur(mask[window], (0, 0), 2.0).astype(np.uint16)[..., None]
        picture[window] = (picture[window] * (255 - shade * 2 // 5) // 255).astype(np.uint8)
        tone = colours[int(rng.integers(len(colours)))] * rng.uniform(0.75, 1.05)
        fill(picture, outline, tone)
        fill(picture, outline.mean(axis=0) + (outline - outline.mean(axis=0)) * 0.55 - 0.08 * half, tone * 1.12)
    return picture
