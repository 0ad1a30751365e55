"""Annotations of VOT with masks, codes and anchors; masks against the vot toolkit's own decoder and plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.errors import DataError
from spm_bench.suites import load_suite
from spm_bench.suites.regions import mask_box, read_regions
from spm_bench.suites.starts import run_spans
from spm_bench.suites.vot import read_anchors


def encode(mask: np.ndarray, x: int, y: int) -> list[int]:
    """x, y, w, h and run lengths, beginning with pixels off the target."""
    runs, current = [0], 0
    for pixel in mask.ravel().tolist():
        if pixel != current:
            runs.append(0)
            current = pixel
        runs[-1] += 1
    return [x, y, mask.shape[1], mask.shape[0], *runs]


def box_by_loop(mask: np.ndarray, x: int, y: int) -> list[float]:
    columns = [j for row in mask for j, pixel in enumerate(row) if pixel]
    rows = [i for i, row in enumerate(mask) if row.any()]
    if not rows:
        return [np.nan] * 4
    left, top = min(columns), min(rows)
    return [x + left, y + top, max(columns) - left + 1, max(rows) - top + 1]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_a_masks_box_holds_its_pixels(w: int, h: int, seed: int, share: float) -> None:
    mask = (np.random.default_rng(seed).random((h, w)) < share).astype(int)
    np.testing.assert_array_equal(mask_box(encode(mask, 7, -3)), box_by_loop(mask, 7, -3))


def test_a_masks_box_is_the_toolkits() -> None:
    pytest.importorskip("vot", reason="vot-toolkit is not installed")
    from vot.region import RegionType
    from vot.region.io import parse_region

    rng = np.random.default_rng(0)
    for _ in range(40):
        mask = (rng.random(rng.integers(2, 12, 2)) < 0.2).astype(int)
        mask[0, 1] = 1
        line = "m" + ",".join(map(str, encode(mask, 5, 9)))
        theirs = parse_region(line)
        x1, y1, x2, y2 = theirs.bounds()
        np.testing.assert_array_equal(
            mask_box([int(n) for n in line[1:].split(",")]), [x1, y1, x2 - x1 + 1, y2 - y1 + 1]
        )
    assert parse_region("m5,9,2,2,0,4").convert(RegionType.RECTANGLE) is not None


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "groundtruth.txt"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_lines_of_every_kind(tmp_path: Path) -> None:
    boxes, polygons = read_regions(
        written(tmp_path, "m10,20,4,3,5,2,2,1", "0", "1,2,3,4", "m0,0,0,0,0", "m3,4,2,2,0,4")
    )
    assert polygons is None
    np.testing.assert_array_equal(boxes[[0, 2, 4]], [[11, 21, 2, 2], [1, 2, 3, 4], [3, 4, 2, 2]])
    assert np.isnan(boxes[[1, 3]]).all()
    boxes, polygons = read_regions(written(tmp_path, "0,0,4,1,5,5,1,4", "0"))
    assert polygons is not None
    assert boxes[0].tolist() == [0, 0, 5, 5]
    assert np.isnan(polygons[1]).all()


@pytest.mark.parametrize("text", ["1,2,3,4\n5,6,7,8\n", "1\t2\t3\t4\n5 6 7 8\n", "1;2;3;4\n5, 6, 7, 8\n\n"])
def test_plain_boxes_are_read_as_before(tmp_path: Path, text: str) -> None:
    path = tmp_path / "groundtruth.txt"
    path.write_text(text)
    boxes, polygons = read_regions(path)
    assert polygons is None
    assert boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("m1,2,3", "x, y, w, h"),
        ("m1,2,2,2,9", "runs of 9 pixels"),
        ("m1,2,-2,2,1", "negative"),
        (f"m1,2,2,2,{10**30}", "no region of VOT"),
        (f"m1,2,2,2,{2**63 - 1},{2**63 - 1},2", "runs of 18446744073709551616 pixels"),
        ("m1,2,2,2,1,x", "invalid literal"),
        ("m1,2,2,2,1.5", "invalid literal"),
        ("", "could not convert"),
        ("1,2,3", "3 values instead of"),
        ("1,2,3,inf", "4 values"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_regions(written(tmp_path, "m1,2,2,2,0,4", line, "0"))
    assert caught.value.line == 2


def dataset(root: Path, *names: str) -> Path:
    for name in names:
        (root / name / "color").mkdir(parents=True)
        (root / name / "groundtruth.txt").write_text("m5,6,3,2,0,6\nm6,6,3,2,0,6\n0\nm8,6,3,2,0,6\n")
        (root / name / "anchor.value").write_text("1\n0\n0\n-1\n")
    (root / "sequences.json").write_text("{}")
    (root / "list.txt").write_text("".join(f"{name}\n" for name in names))
    return root


@pytest.mark.parametrize("name", ["vot2020", "vot2021", "vot2022"])
def test_the_years_of_many_starts(tmp_path: Path, name: str) -> None:
    root = dataset(tmp_path / name, "agility", "book")
    suite = load_suite(name, root, allow_missing=True, annotations_only=True)
    assert [s.name for s in suite.sequences] == ["agility", "book"]
    assert (suite.protocol, suite.family, suite.eao_interval, suite.ao_burn_in) == (
        "multistart",
        "vot-multistart",
        (115, 755),
        1,
    )
    assert suite.n_total == (62 if name == "vot2022" else 60)
    first = suite.sequences[0]
    assert first.ground_truth[0].tolist() == [5, 6, 3, 2]
    assert [list(span) for span in run_spans(first)] == [[0, 1, 2, 3], [3, 2, 1, 0]]
    before = suite.fingerprint
    (root / "book" / "anchor.value").write_text("1\n")
    assert load_suite(name, root, allow_missing=True, annotations_only=True).fingerprint != before


def test_another_years_folder_is_refused(tmp_path: Path) -> None:
    root = dataset(tmp_path / "vot2020", "agility")
    with pytest.raises(DataError, match="this is the folder of vot2020"):
        load_suite("vot2021", root, allow_missing=True, annotations_only=True)


def test_anchors(tmp_path: Path) -> None:
    path = tmp_path / "anchor.value"
    assert read_anchors(path, 3) is None
    path.write_text("1.0\n-1\n")
    anchors = read_anchors(path, 3)
    assert anchors is not None
    assert anchors.tolist() == [1, -1, 0]
    with pytest.raises(DataError, match="2 lines for 1 frames"):
        read_anchors(path, 1)
    path.write_text("yes\n")
    with pytest.raises(DataError, match="not a number"):
        read_anchors(path, 3)
