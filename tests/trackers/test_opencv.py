"""OpenCV's correlation filters behind our interface: they follow, they repeat, and where they end is a clear error."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm_bench.errors import TrackerError, UsageError
from spm_bench.trackers import opencv
from spm_bench.trackers.opencv import CsrtTracker, KcfTracker, MosseTracker, whole_pixel_box
from tests.trackers.pictures import HEIGHT, WIDTH, moving_target, texture

ALL = (CsrtTracker, KcfTracker, MosseTracker)


def overlap(a, b):
    """Plain IoU, written apart from the package's."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    return inter / (a[2] * a[3] + b[2] * b[3] - inter)


def follow(tracker, frames, box):
    tracker.init(frames[0], np.asarray(box, dtype=np.float64))
    return np.array([tracker.update(frame) for frame in frames[1:]])


@pytest.mark.parametrize("kind", ALL)
def test_follows_an_easy_target(kind):
    frames, truth = moving_target(15)
    boxes = follow(kind(), frames, truth[0])
    assert boxes.shape == (14, 4)
    assert boxes.dtype == np.float64
    assert overlap(boxes[-1], truth[-1]) > 0.7
    assert overlap(truth[0], truth[-1]) < 0.2, "a tracker that never moves would pass"


@pytest.mark.parametrize("kind", ALL)
def test_boxes_are_those_of_opencv_itself(kind):
    frames, truth = moving_target(8)
    factory = cv2
    for part in kind.factory.split("."):
        factory = getattr(factory, part)
    plain = factory()
    if kind is KcfTracker:
        parameters = cv2.TrackerKCF_Params()
        parameters.detect_thresh = 0.0
        plain = factory(parameters)
    plain.init(frames[0], tuple(int(v) for v in truth[0]))
    if kind is KcfTracker:
        plain.update(frames[0])
    expected = [plain.update(frame)[1] for frame in frames[1:]]
    np.testing.assert_array_equal(follow(kind(), frames, truth[0]), expected)


def test_kcf_learns_from_the_initial_frame_and_as_shipped_from_the_next():
    frames, truth = moving_target(15)
    as_shipped = KcfTracker(**KcfTracker.variants["as_shipped"])
    at_once, late = follow(KcfTracker(), frames, truth[0]), follow(as_shipped, frames, truth[0])
    plain = cv2.TrackerKCF_create()
    plain.init(frames[0], tuple(int(v) for v in truth[0]))
    np.testing.assert_array_equal(late, [plain.update(frame)[1] for frame in frames[1:]])
    np.testing.assert_allclose(at_once[-1], truth[-1], atol=1)
    np.testing.assert_allclose(late[-1], truth[-2], atol=1)


@pytest.mark.parametrize("kind", ALL)
def test_repeats_itself_whatever_the_seed_and_the_threads(kind):
    assert kind.deterministic
    frames, truth = moving_target(10)
    threads = cv2.getNumThreads()
    results = []
    try:
        for count, seed in ((1, 0), (2, 7), (4, 123)):
            cv2.setNumThreads(count)
            cv2.setRNGSeed(seed)
            results.append(follow(kind(), frames, truth[0]))
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("kind", ALL)
def test_init_forgets_what_was_before(kind):
    frames, truth = moving_target(8)
    fresh = follow(kind(), frames, truth[0])
    used = kind()
    follow(used, [frame[::-1].copy() for frame in frames], [100, 90, 30, 30])
    np.testing.assert_array_equal(follow(used, frames, truth[0]), fresh)


@pytest.mark.parametrize("tracker", [KcfTracker(detect_threshold=0.5), MosseTracker()], ids=["KCF", "MOSSE"])
def test_a_lost_target_keeps_the_last_box_and_can_be_found_again(tracker):
    frames, truth = moving_target(9)
    before = follow(tracker, frames[:5], truth[0])[-1]
    stranger = texture(99, HEIGHT, WIDTH, 1.0)
    np.testing.assert_array_equal(tracker.update(stranger), before)
    assert overlap(tracker.update(frames[5]), truth[5]) > 0.7


def test_the_returned_box_is_a_copy():
    frames, truth = moving_target(3)
    tracker = KcfTracker(detect_threshold=0.5)
    box = truth[0].copy()
    tracker.init(frames[0], box)
    tracker.update(texture(99, HEIGHT, WIDTH, 1.0))[:] = -1
    np.testing.assert_array_equal(tracker.update(texture(99, HEIGHT, WIDTH, 1.0)), truth[0])
    np.testing.assert_array_equal(box, truth[0])


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((10.0, 20.0, 30.0, 40.0), (10, 20, 30, 40)),
        ((10.4, 20.5, 30.49, 40.5), (10, 21, 30, 41)),  # nearest, halves up
        ((2.5, 3.5, 4.5, 5.5), (3, 4, 5, 6)),  # not to even
        ((-5.0, -6.0, 20.0, 20.0), (0, 0, 15, 14)),  # cut left and top
        ((190.0, 150.0, 30.0, 30.0), (190, 150, 10, 10)),  # cut right and bottom
        ((-10.0, -10.0, 400.0, 400.0), (0, 0, 200, 160)),
        ((50.0, 50.0, 1.0, 0.3), (49, 48, 4, 4)),  # widened about the centre
        ((199.5, 10.0, 8.0, 8.0), (196, 10, 4, 8)),  # a sliver at the border, widened inwards
        ((-7.6, 10.0, 8.0, 8.0), (0, 10, 4, 8)),
    ],
)
def test_start_on_whole_pixels(box, expected):
    assert whole_pixel_box(np.array(box), 200, 160, 4) == expected


@given(st.floats(-300, 500), st.floats(-300, 500), st.floats(0.01, 900), st.floats(0.01, 900), st.sampled_from([2, 4]))
def test_a_start_box_is_inside_the_image_or_refused(x, y, w, h, min_side):
    box = np.array([x, y, w, h])
    if x >= 200 or y >= 160 or x + w <= 0 or y + h <= 0:
        with pytest.raises(TrackerError, match="outside"):
            whole_pixel_box(box, 200, 160, min_side)
        return
    left, top, columns, rows = whole_pixel_box(box, 200, 160, min_side)
    assert left >= 0
    assert top >= 0
    assert left + columns <= 200
    assert top + rows <= 160
    assert min(columns, rows) >= min_side
    # Cut to the image, the box given and the box started on differ by rounding and widening only.
    inside_left, inside_right = max(x, 0), min(x + w, 200)
    assert abs((left + columns / 2) - (inside_left + inside_right) / 2) <= 1 + max(
        0, min_side - (inside_right - inside_left)
    )


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((-50, 10, 20, 20), "outside"),
        ((10, 160, 20, 20), "outside"),
        ((10, 10, 0, 20), "no area"),
        ((10, 10, 20, -3), "no area"),
        ((np.nan, 10, 20, 20), "no area"),
        ((10, 10, np.inf, 20), "no area"),
    ],
)
def test_a_box_that_cannot_be_started_on(kind, box, words):
    frames, _ = moving_target(1)
    with pytest.raises(TrackerError, match=words):
        kind().init(frames[0], np.array(box, dtype=np.float64))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("box", [(50, 50, 1, 1), (-3, -3, 5, 5), (198, 158, 9, 9), (0, 0, 200, 160), (50, 50, 2, 30)])
def test_tiny_cut_and_huge_boxes_run(kind, box):
    frames, _ = moving_target(4)
    assert np.isfinite(follow(kind(), frames, box)).all()


def test_what_opencv_itself_refuses_is_a_clear_error():
    frame = texture(3, 120, 160, 2)
    with pytest.raises(TrackerError, match=r"OpenCV cannot start on the box \(0, 60, 160, 4\)") as caught:
        CsrtTracker().init(frame, np.array([0.0, 60.0, 160.0, 4.0]))
    assert isinstance(caught.value.__cause__, cv2.error)
    assert "\n" not in str(caught.value)


def test_a_frame_that_opencv_fails_on_is_a_clear_error():
    frames, truth = moving_target(2)
    tracker = CsrtTracker()
    tracker.init(frames[0], truth[0])
    with pytest.raises(TrackerError, match="OpenCV failed on a frame"):
        tracker.update("no picture")


@pytest.mark.parametrize("kind", ALL)
def test_an_opencv_without_extra_modules(kind, monkeypatch):
    owner, _, last = kind.factory.rpartition(".")
    monkeypatch.delattr(getattr(cv2, owner) if owner else cv2, last)
    with pytest.raises(TrackerError, match="--force-reinstall --no-deps opencv-contrib-python-headless"):
        kind()
    with pytest.raises(TrackerError, match="another OpenCV package overwrote"):
        kind.resolve(name="X", variant=None, weights=None, device="auto")


def test_no_opencv_at_all(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(TrackerError, match="cannot be imported"):
        opencv.find_factory("TrackerKCF_create")


@pytest.mark.parametrize("kind", ALL)
def test_its_description(kind):
    spec = kind.resolve(name="KCF", variant=None, weights=None, device="auto")
    assert spec.identity == {"opencv": cv2.__version__}
    assert spec.target == f"spm_bench.trackers.opencv:{kind.__name__}"
    assert spec.label == "KCF"
    for variant, options in kind.variants.items():
        spec = kind.resolve(name="KCF", variant=variant, weights=None, device="auto")
        assert (spec.variant, spec.options) == (variant, options)
        kind(**spec.options)
    with pytest.raises(UsageError, match="variant of KCF"):
        kind.resolve(name="KCF", variant="fast", weights=None, device="auto")
    with pytest.raises(UsageError, match="no weights"):
        kind.resolve(name="KCF", variant=None, weights="random", device="auto")
