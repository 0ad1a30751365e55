"""A textured target on a textured ground, moving by whole pixels: easy enough that a working tracker must follow it."""

import cv2
import numpy as np

WIDTH, HEIGHT = 200, 160
# Below some 50 pixels OpenCV's MOSSE does not even find the target in the frame it was started on.
TARGET = (30, 30, 64, 60)
STEP = (3, 2)


def texture(seed, height, width, sigma):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), sigma), None, 0, 255, cv2.NORM_MINMAX)


def moving_target(n_frames):
    """Frames and their exact ground truth, n x 4."""
    x, y, w, h = TARGET
    ground, target = texture(1, HEIGHT, WIDTH, 4), texture(2, h, w, 1)
    frames, boxes = [], []
    for i in range(n_frames):
        left, top = x + STEP[0] * i, y + STEP[1] * i
        frame = ground.copy()
        frame[top : top + h, left : left + w] = target
        frames.append(frame)
        boxes.append([left, top, w, h])
    return frames, np.array(boxes, dtype=np.float64)
