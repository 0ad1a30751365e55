"""Categories: each one shape family, one texture family and one palette. Instances differ in details, not in kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from spm_bench.errors import unknown_name
from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic import skins
from spm_bench.suites.synthetic.identity import Identity
from spm_bench.suites.synthetic.noise import blend, cells, generator, rgb, sigmoid, turn_hue
from spm_bench.suites.synthetic.shapes import Body, Detail, fourier, mirrored, place, spindle, superellipse

HUE_SPREAD = 9.0
"""Standard deviation of an instance's hue around its category's, degrees: seen side by side, yet one palette."""


@dataclass(frozen=True)
class Gait:
    """How a body moves on the spot while nothing else happens: a wave along it, and a beat that swells its width.

    Attributes:
        wave: Sideways amplitude at the tail, body units.
        beat: Relative change of width.
        period: Of both, in frames.
    """

    wave: float = 0.0
    beat: float = 0.0
    period: float = 16.0


@dataclass(frozen=True)
class Category:
    """What instances have in common.

    Attributes:
        name: For people and labels.
        habitat: Where it is usually seen.
        body: Identity -> outlines and details (not yet normalised).
        skin: Texture family.
        palette: At least three BGR colours 0..1; the first covers most of the body.
        gait: Its motion on the spot.
        relief: How strongly light models its surface, 0 flat .. 1.
        gloss: Strength of highlights, 0 .. 1.
        altitude: Height above the ground, in body lengths: where its shadow falls.
        faces: Whether it moves head first.
        turning: What a turn out of the plane shows: "tilt", the same skin foreshortened, as of a wing; "dome", also a
            shift of the raised middle against the rim; "roll", the skin of the other side.
    """

    name: str
    habitat: str
    body: Callable[[Identity], Body]
    skin: skins.Skin
    palette: FloatArray
    gait: Gait = Gait()
    relief: float = 0.6
    gloss: float = 0.2
    altitude: float = 0.05
    faces: bool = True
    turning: Literal["tilt", "dome", "roll"] = "dome"

    def colours(self, identity: Identity) -> FloatArray:
        """The palette of one instance: hue and brightness differ a little."""
        turned = turn_hue(self.palette, HUE_SPREAD * identity.one("hue"))
        return np.clip(turned * (1.0 + 0.08 * identity.one("value")), 0.0, 1.0)


_BLACK, _WHITE = rgb("14120f")[0], rgb("f4f1e8")[0]


def _koi(identity: Identity) -> Body:
    slim = 1.0 + 0.07 * identity.one("slim")
    body = spindle(
        [(-0.74, 0.045), (-0.4, 0.11 * slim), (0.1, 0.235 * slim), (0.55, 0.23 * slim), (0.85, 0.15), (0.98, 0.0)]
    )
    fork = 0.2 + 0.03 * identity.one("fork")
    tail = spindle([(-0.62, 0.03), (-0.8, 0.1), (-0.98, fork), (-1.12, 0.7 * fork), (-1.16, 0.0)][::-1])
    fin = place(superellipse(0.2, 0.085), (0.33, 0.32 * slim), 2.3 + 0.1 * identity.one("fin"))
    rear = place(superellipse(0.1, 0.045), (-0.25, 0.17 * slim), 2.5)
    fins = (tail, fin, mirrored(fin), rear, mirrored(rear))
    veil = [Detail(f, _WHITE, 0.45) for f in fins]
    rays = [
        Detail(place(superellipse(0.16, 0.008), (-0.93, y), -1.1 * y), _BLACK, 0.25) for y in (-0.12, -0.04, 0.04, 0.12)
    ]
    eye = superellipse(0.035, 0.03, at=(0.82, 0.115))
    ridge = Detail(spindle([(-0.4, 0.012), (-0.1, 0.03), (0.25, 0.012)]), _BLACK, 0.3)
    details = (*veil, *rays, ridge, Detail(eye, _BLACK), Detail(mirrored(eye), _BLACK))
    return Body((body, *fins), details)


def _beetle(identity: Identity) -> Body:
    plump = 1.0 + 0.06 * identity.one("plump")
    shell = superellipse(0.72, 0.56 * plump, 2.3, at=(-0.18, 0.0))
    collar = superellipse(0.26, 0.37, 2.2, at=(0.55, 0.0))
    head = superellipse(0.17, 0.2, at=(0.82, 0.0))
    legs = [
        place(superellipse(0.24, 0.045), (x, 0.55 * plump + 0.05), a)
        for x, a in ((0.42, 1.0), (0.02, 1.5), (-0.42, 2.1))
    ]
    both = [*legs, *map(mirrored, legs)]
    dark = [Detail(o, _BLACK, 0.95) for o in (*both, collar, head)]
    mark = superellipse(0.09, 0.075 * (1 + 0.2 * identity.one("mark")), at=(0.6, 0.2))
    seam = Detail(superellipse(0.66, 0.014, at=(-0.18, 0.0)), _BLACK, 0.85)
    return Body(
        (shell, collar, head, *both), (*dark, seam, Detail(mark, _WHITE, 0.9), Detail(mirrored(mark), _WHITE, 0.9))
    )


def _beetle_skin(identity: Identity, palette: FloatArray) -> FloatArray:
    """Wing cases: dots mirrored at the seam."""
    x, y = skins.sheet_grid()
    places = np.array(
        [[0.22, 0.27], [-0.12, 0.4], [-0.2, 0.14], [-0.52, 0.3], [-0.74, 0.12], [1.4, 0.3], [1.9, 0.2], [2.3, 0.4]]
    )
    places = places + 0.06 * identity.normal("places", *places.shape)
    radii = 0.105 * np.exp(0.3 * identity.normal("radii", len(places)))
    dots = np.zeros(x.shape)
    for (px, py), r in zip(places, radii, strict=True):
        dots = np.maximum(dots, sigmoid((r - np.hypot(x - px, np.abs(y) - py)) * 60.0))
    tint = sigmoid(2.0 * skins.field(identity, "tint", 2.0, high=6.0))
    base = blend(np.broadcast_to(palette[0], (*x.shape, 3)), palette[2], tint * 0.6)
    return skins.grain(identity, blend(base, palette[1], dots), 0.05)


def _turtle(identity: Identity) -> Body:
    broad = 1.0 + 0.06 * identity.one("broad")
    shell = spindle([(-0.72, 0.0), (-0.6, 0.26), (-0.1, 0.52 * broad), (0.35, 0.5 * broad), (0.6, 0.3), (0.68, 0.0)])
    head = superellipse(0.22, 0.15, 2.3, at=(0.82, 0.0))
    sweep = 0.08 * identity.one("sweep")
    front = place(superellipse(0.42, 0.13, 2.2), (0.42, 0.66), 2.15 + sweep)
    back = place(superellipse(0.22, 0.11, 2.2), (-0.62, 0.4), 2.55 - sweep)
    limbs = (front, mirrored(front), back, mirrored(back), head)
    flesh = rgb("7d8a4e")[0]
    skin = [Detail(o, flesh, 0.8) for o in limbs]
    eye = superellipse(0.035, 0.03, at=(0.92, 0.09))
    spots = [
        Detail(superellipse(0.04, 0.03, at=(0.3 - 0.12 * i, 0.72 + 0.08 * i)), rgb("3c4a28")[0], 0.7) for i in range(3)
    ]
    sides = [Detail(mirrored(s.outline), s.colour, s.opacity) for s in spots]
    return Body((shell, *limbs), (*skin, *spots, *sides, Detail(eye, _BLACK), Detail(mirrored(eye), _BLACK)))


def _butterfly(identity: Identity) -> Body:
    spread = 1.0 + 0.05 * identity.one("spread")
    fore = place(spindle([(0.0, 0.03), (0.25, 0.17), (0.62, 0.31), (0.9, 0.27), (1.0, 0.0)]), (0.12, 0.05), 1.02)
    hind = place(
        spindle([(0.0, 0.03), (0.25, 0.22), (0.5, 0.3 * spread), (0.72, 0.22), (0.82, 0.0)]), (0.0, 0.05), 2.05
    )
    trunk = spindle([(-0.55, 0.0), (-0.4, 0.05), (0.1, 0.075), (0.38, 0.06), (0.48, 0.0)])
    wings = (fore, mirrored(fore), hind, mirrored(hind))
    details: list[Detail] = []
    for i, wing in enumerate((fore, hind)):
        centre = wing.mean(axis=0)
        ring = centre + (wing - centre) * 0.26 * (1 + 0.15 * identity.one(f"ring {i}")) + [0.0, 0.16]
        core = centre + (wing - centre) * 0.12 + [0.0, 0.16]
        for side in (1.0, -1.0):
            details += [Detail(ring * [1, side], _WHITE, 0.85), Detail(core * [1, side], rgb("20345c")[0], 0.95)]
    return Body((*wings, trunk), (*details, Detail(trunk, _BLACK, 0.9)))


def _butterfly_skin(identity: Identity, palette: FloatArray) -> FloatArray:
    """Wings: veins fanning out from the trunk, dark margins, the same on both sides."""
    x, y = skins.sheet_grid()
    r, a = np.hypot(x, np.abs(y)), np.arctan2(np.abs(y), x)
    wave = np.sin(11.0 * a + 1.6 * r + 0.5 * identity.one("veins")) + 0.15 * skins.field(
        identity, "veins", 1.5, high=20.0
    )
    veins = sigmoid((wave - 0.84) * 18.0) * sigmoid((r - 0.2) * 20.0)
    margin = sigmoid((r - 0.86 - 0.06 * np.sin(9.0 * a + identity.one("scallops"))) * 22.0)
    dots = sigmoid((np.sin(22.0 * a + identity.one("dots")) - 0.55) * 10.0) * np.exp(-(((r - 0.98) / 0.05) ** 2))
    base = blend(np.broadcast_to(palette[0], (*x.shape, 3)), palette[2], sigmoid((0.45 - r) * 8.0) * 0.8)
    return skins.grain(identity, blend(blend(base, palette[1], np.maximum(veins, margin)), _WHITE, dots), 0.05)


def _car(identity: Identity) -> Body:
    wide = 0.43 * (1.0 + 0.04 * identity.one("wide"))
    shell = superellipse(1.0, wide, 4.2)
    mirror = superellipse(0.05, 0.07, at=(0.24, wide + 0.02))
    glass, shine = rgb("1b2530")[0], rgb("51636f")[0]
    front = np.array([[0.47, -0.33], [0.2, -0.29], [0.2, 0.29], [0.47, 0.33], [0.53, 0.0]])
    rear = np.array([[-0.5, -0.28], [-0.72, -0.33], [-0.75, 0.0], [-0.72, 0.33], [-0.5, 0.28]])
    side = np.array([[0.16, 0.345], [-0.46, 0.345], [-0.4, 0.3], [0.12, 0.3]])
    details = [Detail(front, glass), Detail(rear, glass), Detail(side, glass), Detail(mirrored(side), glass)]
    details.append(Detail(np.array([[0.45, -0.2], [0.24, -0.24], [0.24, -0.12], [0.47, -0.08]]), shine, 0.7))
    rack = 0.15 + 0.05 * np.tanh(identity.one("rack"))
    details += [Detail(superellipse(0.3, 0.012, 4.0, at=(-0.15, s * rack)), _BLACK, 0.5) for s in (1, -1)]
    lamp, back = superellipse(0.05, 0.075, 3.0, at=(0.93, 0.27)), superellipse(0.035, 0.09, 3.0, at=(-0.955, 0.27))
    for s in (1.0, -1.0):
        details += [Detail(lamp * [1, s], rgb("fff6d8")[0], 0.95), Detail(back * [1, s], rgb("b01818")[0], 0.95)]
    return Body((shell, mirror, mirrored(mirror)), tuple(details))


def _car_skin(identity: Identity, palette: FloatArray) -> FloatArray:
    """Paint with a racing stripe whose place, width and tone vary, and a roof of another shade."""
    x, y = skins.sheet_grid()
    middle, width = 0.14 * np.tanh(identity.one("stripe at")), 0.05 * np.exp(0.4 * identity.one("stripe width"))
    stripe = sigmoid((width - np.abs(np.abs(y) - np.abs(middle))) * 90.0)
    roof = sigmoid((0.34 - np.abs(x + 0.16)) * 60.0) * sigmoid((0.3 - np.abs(y)) * 60.0)
    seams = np.exp(-(((np.abs(x - 0.6)) / 0.012) ** 2)) + np.exp(-(((np.abs(x + 0.8)) / 0.012) ** 2))
    tone = 0.5 + 0.5 * np.tanh(identity.one("stripe tone"))
    colours = blend(np.broadcast_to(palette[0], (*x.shape, 3)), palette[2], roof * 0.35)
    colours = blend(colours, palette[1] * tone + palette[2] * (1.0 - tone), stripe * 0.9)
    return skins.grain(identity, blend(colours, _BLACK, 0.5 * seams), 0.03)


def _amoeba(identity: Identity) -> Body:
    decay = 0.11 / np.arange(1, 6)
    outline = fourier(0.9, decay * identity.normal("cosines", 5), decay * identity.normal("sines", 5))
    x, y = 0.16 * np.tanh(identity.normal("nucleus", 2))
    nucleus = superellipse(0.3, 0.25, at=(x, y), angle=identity.one("tilt"))
    core = superellipse(0.1, 0.09, at=(x + 0.06, y - 0.05))
    deep = rgb("4a2a6e")[0]
    return Body((outline,), (Detail(nucleus, deep, 0.55), Detail(core, deep * 0.6, 0.7)))


def _amoeba_skin(identity: Identity, palette: FloatArray) -> FloatArray:
    """Plasm full of vacuoles and grains, with a bright membrane."""
    x, y = skins.sheet_grid()
    points = np.stack(
        [1.9 * np.tanh(identity.normal("vacuole x", 40)), 0.9 * np.tanh(identity.normal("vacuole y", 40))], axis=1
    )
    _, border = cells(points, x, y)
    froth = sigmoid((0.06 - border) * 50.0)
    clouds = sigmoid(1.5 * skins.field(identity, "clouds", 1.4, high=20.0))
    colours = blend(np.broadcast_to(palette[0], (*x.shape, 3)), palette[1], clouds * 0.7)
    rim = sigmoid((np.hypot(x, y) - 0.82) * 14.0) * (np.abs(x) < 1.25)
    return skins.grain(identity, blend(blend(colours, palette[2], froth * 0.5), palette[2], rim * 0.6), 0.1)


CATEGORIES: dict[str, Category] = {
    c.name: c
    for c in (
        Category("koi", "pond", _koi, skins.patches, rgb("efe6d6", "d9541e", "26211f"),
                 gait=Gait(wave=0.07, period=14), relief=0.5, gloss=0.25, altitude=0.14),
        Category("beetle", "litter", _beetle, _beetle_skin, rgb("c3321c", "16110f", "e0731f"),
                 gait=Gait(wave=0.01, period=7), relief=0.9, gloss=0.8, altitude=0.03),
        Category("turtle", "seabed", _turtle, skins.scutes, rgb("8a6a32", "c9a45a", "3d2c16"),
                 gait=Gait(beat=0.05, period=18), relief=0.8, gloss=0.2, altitude=0.16),
        Category("butterfly", "meadow", _butterfly, _butterfly_skin, rgb("e08a1e", "231611", "f3c04e"),
                 gait=Gait(beat=0.12, period=9), relief=0.25, gloss=0.1, altitude=0.22, turning="tilt"),
        Category("car", "street", _car, _car_skin, rgb("3f6f9e", "ece8de", "24405e"),
                 gait=Gait(), relief=0.7, gloss=0.7, altitude=0.04),
        Category("amoeba", "slide", _amoeba, _amoeba_skin, rgb("b58bc4", "8d62ab", "e6d3ea"),
                 gait=Gait(wave=0.03, beat=0.04, period=22), relief=0.5, gloss=0.25, altitude=0.0,
                 faces=False, turning="roll"),
    )
}  # fmt: skip
"""The categories with a name. "any-K" names one of endlessly many more (see `find_category`)."""


def find_category(name: str) -> Category:
    """Look a category up; "any-K" with a whole K >= 0 is invented from K.

    Raises:
        UsageError: Neither a name in `CATEGORIES` nor of the form any-K.
    """
    if name in CATEGORIES:
        return CATEGORIES[name]
    if re.fullmatch(r"any-\d{1,9}", name):
        return _invent(int(name[4:]))
    raise unknown_name("category", name, [*CATEGORIES, "any-0"])


@lru_cache(maxsize=64)
def _invent(number: int) -> Category:
    """Draw a shape family, a texture family and a palette from `number`: unlimited categories for training."""
    rng = generator(number, "category")
    lobes = rng.normal(size=(2, 6)) * (0.16 / np.arange(1, 7))
    aspect, power = rng.uniform(0.45, 1.0), rng.uniform(1.7, 4.0)
    round_body = rng.random() < 0.5
    eyes = int(rng.integers(0, 4))

    def body(identity: Identity) -> Body:
        if round_body:
            own = 0.025 * identity.normal("lobes", 2, 6)
            outline = fourier(1.0, lobes[0] + own[0], lobes[1] + own[1]) * [1.0, aspect]
        else:
            outline = superellipse(1.0, aspect * (1.0 + 0.05 * identity.one("aspect")), power)
        at = [(0.55 - 0.3 * i, 0.3 * aspect * (1 + 0.1 * identity.one(f"eye {i}"))) for i in range(eyes)]
        marks = [superellipse(0.1, 0.09, at=a) for a in at]
        return Body((outline,), tuple(Detail(m, _BLACK, 0.9) for o in marks for m in (o, mirrored(o))))

    skin = list(skins.SKINS.values())[int(rng.integers(len(skins.SKINS)))]
    base = np.clip(rng.uniform(0.15, 0.95) + rng.normal(0.0, 0.22, size=3), 0.05, 0.95)
    palette = np.clip(np.stack([base, 1.0 - base + rng.normal(0.0, 0.2, 3), base * rng.uniform(0.4, 1.5)]), 0.03, 0.97)
    grey = palette.mean(axis=1, keepdims=True)
    palette = grey + 0.6 * (palette - grey)  # pure colours are rare outdoors
    gait = Gait(wave=rng.uniform(0.0, 0.05), beat=rng.uniform(0.0, 0.06), period=rng.uniform(8.0, 24.0))
    habitats = sorted({c.habitat for c in CATEGORIES.values()})
    return Category(
        f"any-{number}",
        habitats[int(rng.integers(len(habitats)))],
        body,
        skin,
        palette,
        gait,
        relief=rng.uniform(0.3, 0.9),
        gloss=rng.uniform(0.0, 0.6),
        altitude=rng.uniform(0.0, 0.15),
        faces=bool(rng.random() < 0.6),
        turning="roll",
    )
