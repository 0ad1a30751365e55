"""Scene descriptions: validation, JSON, axes of difficulty, and what follows from a seed."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.suites.synthetic import AXES, CATEGORIES, Scene, Strengths, make_scene
from spm_bench.suites.synthetic.categories import find_category
from spm_bench.suites.synthetic.identity import Identity
from spm_bench.suites.synthetic.noise import cells, generator, spectral
from spm_bench.suites.synthetic.shapes import SPACING
from spm_bench.suites.synthetic.skins import SHEET
from spm_bench.suites.synthetic.warp import Step, Warp


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Scene(seed=-1), "seed must be a whole number from 0"),
        (lambda: Scene(seed=1.5), "seed must be a whole number"),
        (lambda: Scene(seed=True), "seed must be a whole number"),
        (lambda: Scene(width=10), "width must be a whole number from 64 to 4096 pixels, not 10"),
        (lambda: Scene(n_frames=0), "n_frames"),
        (lambda: Scene(target_size=float("nan")), "target_size"),
        (lambda: Scene(target_size=230, height=200), "does not fit"),
        (lambda: Scene(category=3), "category must be a string"),
        (lambda: Scene(category="koy"), "Did you mean koi"),
        (lambda: Scene(category="any-x"), "no category"),
        (lambda: Scene(habitat="ponds"), "Did you mean pond"),
        (lambda: Scene(strengths={"speed": 1}), "strengths must be a Strengths"),
        (lambda: Strengths(likeness=1.1), "likeness must be a number from 0 to 1, not 1.1"),
        (lambda: Strengths(distractors=2.0), "distractors must be a whole number"),
        (lambda: Strengths(rotation="90"), "rotation"),
        (lambda: Scene.from_dict({"sede": 3}), "Did you mean seed"),
        (lambda: Scene.from_dict({"strengths": {"liteness": 0.1}}), "Did you mean likeness"),
        (lambda: make_scene("deformation", 1, 0), "Did you mean deform"),
        (lambda: make_scene("deform", 5, 0), "no level 5. Levels: 0 to 4"),
        (lambda: make_scene("deform", True, 0), "no level True"),
        (lambda: make_scene("calm", 1, 0), "Levels: 0 to 0"),
        (lambda: make_scene("deform", 1, 0, strengths={"sped": 1}), "Did you mean speed"),
        (lambda: make_scene("deform", 1, 0, hight=100), "Did you mean height"),
    ],
)
def test_bad_descriptions_say_what_and_which_range(build, message):
    with pytest.raises(UsageError, match=message.replace(".", r"\.")):
        build()


@pytest.mark.parametrize("axis", AXES)
def test_json_round_trip_at_every_level(axis):
    for level in range(len(AXES[axis].steps) + 1):
        scene = make_scene(axis, level, 5, category="any-3")
        assert Scene.from_dict(json.loads(json.dumps(scene.to_dict()))) == scene


def test_a_step_changes_only_the_strengths_of_its_axis():
    calm, hard = make_scene("occlude", 0, 5), make_scene("occlude", 3, 5)
    assert dataclasses.replace(hard, strengths=calm.strengths) == calm
    changed = {k for k, v in dataclasses.asdict(hard.strengths).items() if v != getattr(calm.strengths, k)}
    assert changed == {"occluders", "occlusion"}


def test_replaced_strengths_come_on_top_of_the_step():
    scene = make_scene("lookalike", 4, 5, strengths={"likeness": 0.1})
    assert (scene.strengths.distractors, scene.strengths.likeness) == (6, 0.1)


def test_whole_numbers_and_floats_describe_the_same_scene():
    assert Strengths(rotation=90) == Strengths(rotation=90.0)
    assert hash(Scene(target_size=50)) == hash(Scene(target_size=50.0))


@pytest.mark.parametrize("name", [*CATEGORIES, "any-0", "any-1", "any-2", "any-7"])
def test_bodies_are_centred_normalised_and_dense(name):
    body = find_category(name).body(Identity.of(4)).normalised()
    points = np.concatenate(body.outlines)
    np.testing.assert_allclose(points.max(axis=0) + points.min(axis=0), 0.0, atol=1e-9)
    assert np.ptp(points, axis=0).max() == pytest.approx(2.0, abs=1e-9)
    for outline in body.outlines:
        assert np.hypot(*(np.roll(outline, -1, axis=0) - outline).T).max() <= SPACING + 1e-9


def test_invented_categories_differ_and_are_the_same_each_time():
    assert find_category("any-5") == find_category("any-5")
    palettes = {find_category(f"any-{k}").palette.tobytes() for k in range(20)}
    assert len(palettes) == 20


@pytest.mark.parametrize("name", ["koi", "beetle", "turtle", "car", "butterfly", "amoeba", "any-4"])
def test_skins_grow_alike_with_likeness(name):
    category, levels = find_category(name), (0.0, 0.5, 0.9, 1.0)
    seen = slice(SHEET // 2, SHEET // 2 + SHEET)

    def skin(identity: Identity) -> np.ndarray:
        return category.skin(identity, category.colours(identity))[:, seen]

    differences = np.zeros(len(levels))
    for seed in range(3):
        target = Identity.of(seed)
        own = skin(target)
        differences += [np.abs(own - skin(target.lookalike(1000 + seed, v))).mean() for v in levels]
    assert (np.diff(differences) < 0).all()
    assert differences[-1] == 0.0
    assert differences[0] > 0.02  # others of its kind can be told apart


def test_lookalike_numbers_have_unit_variance_and_the_stated_correlation():
    target = Identity.of(1)
    other = target.lookalike(2, 0.6)
    a, b = target.normal("x", 40_000), other.normal("x", 40_000)
    assert b.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.6, abs=0.02)


def test_generators_are_keyed():
    assert generator(1, "a").random() == generator(1, "a").random()
    assert len({generator(*k).random() for k in ((1, "a"), (1, "b"), (2, "a"), (1, "a", 0), (1, "a", 1))}) == 5


def test_spectral_fields_fall_off_as_asked():
    field = spectral(generator(0, "t").standard_normal((256, 256)), slope=1.0)
    power = np.abs(np.fft.fft2(field)) ** 2
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(256) * 256, np.fft.fftfreq(256) * 256))
    rings = [power[(f >= r) & (f < 2 * r)].mean() for r in (4, 8, 16, 32)]
    slopes = -0.5 * np.diff(np.log2(rings))
    np.testing.assert_allclose(slopes, 1.0, atol=0.25)
    assert field.mean() == pytest.approx(0.0, abs=1e-9)
    assert field.std() == pytest.approx(1.0)


def test_cells_agree_with_a_sorted_distance_table():
    rng = np.random.default_rng(0)
    points, x, y = rng.random((9, 2)), rng.random((4, 5)), rng.random((4, 5))
    distance = np.hypot(x[..., None] - points[:, 0], y[..., None] - points[:, 1])
    index, border = cells(points, x, y)
    np.testing.assert_array_equal(index, distance.argmin(axis=-1))
    two = np.sort(distance, axis=-1)
    np.testing.assert_allclose(border, two[..., 1] - two[..., 0])


def test_warp_is_undone_exactly_however_strong():
    rng = np.random.default_rng(3)
    steps = tuple(
        Step(int(a), bend=b, wave=2.5, phase=p, taper=t, swell=s, swell_phase=q)
        for a, b, p, t, s, q in rng.uniform([0, -2, 0, 0, -0.9, 0], [2, 2, 6, 1, 0.9, 6], size=(6, 6))
    )
    points = rng.uniform(-1, 1, size=(200, 2))
    posed = Warp(steps).to_posed(points)
    assert np.abs(posed - points).max() > 0.5
    np.testing.assert_allclose(np.stack(Warp(steps).to_rest(*posed.T), axis=1), points, atol=1e-9)
