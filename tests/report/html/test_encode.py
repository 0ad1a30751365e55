"""What is written small can be read back, and no text can leave its place."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from spm_bench.report.html import encode
from spm_bench.report.html.encode import coordinate_scale, encode_overlaps, encode_regions, ranges, rounded, script_json
from spm_bench.results.trajectory import FrameState


def decoded(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def test_overlaps_are_kept_to_a_250th() -> None:
    overlaps = np.linspace(0, 1, 777)
    states = np.full(777, FrameState.TRACKED, np.int8)
    codes = decoded(encode_overlaps(overlaps, states, restarts=False), "u1")
    assert codes.max() == encode.STEPS
    np.testing.assert_allclose(codes / encode.STEPS, overlaps, atol=0.5 / encode.STEPS + 1e-12)


@pytest.mark.parametrize(
    ("restarts", "wanted"),
    [(True, [253, 125, 252, 255]), (False, [250, 125, 0, 255])],
)
def test_codes_of_starts_failures_and_nothing(restarts: bool, wanted: list[int]) -> None:
    states = np.array([FrameState.INIT, FrameState.TRACKED, FrameState.FAILURE, FrameState.SKIPPED], np.int8)
    text = encode_overlaps(np.array([1.0, 0.5, 0.0, np.nan]), states, restarts=restarts)
    assert decoded(text, "u1").tolist() == wanted


@pytest.mark.parametrize("sides", [4, 8])
def test_regions_are_kept_to_a_quarter_of_a_pixel(sides: int) -> None:
    regions = np.random.default_rng(0).uniform(-50, 2000, (30, sides))
    found = decoded(encode_regions(regions, 4), "<i2").reshape(-1, sides)
    np.testing.assert_allclose(found / 4, regions, atol=0.125)


def test_broken_and_enormous_regions() -> None:
    regions = np.array([[1, 2, np.nan, 4], [1e9, -1e9, 3, 4], [np.inf, 2, 3, 4]])
    found = decoded(encode_regions(regions, 4), "<i2").reshape(-1, 4)
    assert (found[[0, 2]] == encode.NOTHING).all()
    assert found[1].tolist() == [encode.FURTHEST, -encode.FURTHEST, 12, 16]


@pytest.mark.parametrize(("size", "scale"), [((640, 480), 4), ((7680, 4320), 4), ((16000, 9000), 1)])
def test_large_pictures_have_coarser_coordinates(size: tuple[int, int], scale: int) -> None:
    assert coordinate_scale(np.array([[10.0, 10.0, 5.0, 5.0], [np.nan] * 4]), size) == scale


def test_runs_of_true_values() -> None:
    flags = np.array([True, True, False, True, False, False, True])
    assert ranges(flags) == [[0, 1], [3, 3], [6, 6]]
    assert ranges(np.zeros(3, dtype=bool)) == []


def test_json_of_numbers_has_no_nan() -> None:
    assert rounded([0.123456, float("nan"), float("inf")]) == [0.1235, None, None]


def test_json_in_a_script_element_is_ascii_without_markup() -> None:
    content = {"name": "</script><!-- & \u2028 ü 追", "values": [1, None]}
    text = str(script_json(content))
    assert text.isascii()
    assert not set(text) & set("<>&")
    assert json.loads(text) == content
