"""Names of points never lie on each other, on a point, or outside, while there is room."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.report.labels import place_labels

ROOM = np.array([0.0, 0.0, 600.0, 450.0])
GAP = 10.0


def overlap(a, b):
    return all(min(a[i + 2], b[i + 2]) - max(a[i], b[i]) > 1e-9 for i in (0, 1))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("crowded", [False, True])
def test_no_two_labels_overlap(seed, crowded):
    rng = np.random.default_rng(seed)
    points = rng.uniform(250, 300, (12, 2)) if crowded else rng.uniform((5, 5), (595, 445), (12, 2))
    sizes = np.column_stack([rng.uniform(20, 90, 12), np.full(12, 14.0)])
    corners = place_labels(points, sizes, ROOM, GAP)
    boxes = [np.concatenate((c, c + s)) for c, s in zip(corners, sizes, strict=True)]
    for i, box in enumerate(boxes):
        assert not any(overlap(box, other) for other in boxes[:i])
        assert not any(overlap(box, (*(p - 4.9), *(p + 4.9))) for p in points)
        assert (box[:2] >= ROOM[:2]).all()
        assert (box[2:] <= ROOM[2:]).all()


def test_a_lone_label_stands_to_the_right_and_turns_at_the_edge():
    sizes = np.array([[50.0, 14.0]])
    np.testing.assert_allclose(place_labels(np.array([[300.0, 200.0]]), sizes, ROOM, GAP), [[310.0, 193.0]])
    np.testing.assert_allclose(place_labels(np.array([[595.0, 200.0]]), sizes, ROOM, GAP), [[535.0, 193.0]])


def test_without_room_the_least_is_hidden():
    corners = place_labels(np.array([[50.0, 50.0]]), np.array([[500.0, 14.0]]), np.array([0.0, 0.0, 100.0, 100.0]), GAP)
    assert np.isfinite(corners).all()
