"""The reference set's own rules for weights and frames, written again from their description.

Weights depend on the seed and the parameter's name, frames on a few integers; both are checked against recorded sums.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
RANGE = 1 << 24


def uniform_integers(seed: int, name: str, count: int) -> NDArray[np.int64]:
    """`count` integers in [0, 2**24) from the stream that belongs to a parameter."""
    rng = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode("ascii"))]))
    return np.floor(rng.random(count) * RANGE).astype(np.int64)


def parameter(seed: int, name: str, shape: tuple[int, ...], gains: dict[str, float]) -> NDArray[Any]:
    """One parameter of the reference network."""
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith(("z_cls_weights", "z_bbox_weights")):
        return np.zeros(shape, np.float32)
    integers = uniform_integers(seed, name, int(np.prod(shape)))
    centred = ((integers - RANGE // 2) / (RANGE // 2)).reshape(shape)
    return _scaled(name, integers, centred, shape, gains).astype(np.float32)


def _scaled(
    name: str, integers: NDArray[np.int64], centred: FloatArray, shape: tuple[int, ...], gains: dict[str, float]
) -> FloatArray:
    if name.endswith("cls_bias"):
        return 0.5 * centred
    if ".bn_list." in name:
        offset, spread = {
            "weight": (1.0, 0.2),
            "bias": (0.0, 0.1),
            "running_mean": (20.0, 5.0),
            "running_var": (900.0, 270.0),
        }[name.rpartition(".")[2]]
        if name.endswith("running_var"):
            return np.asarray(900.0 * (1.0 + 0.3 * centred))
        return np.asarray(offset + spread * centred)
    if not name.endswith(".weight"):
        return 0.05 * centred
    fan_in = int(np.prod(shape[1:]))
    rows = integers.reshape(shape[0], fan_in)
    balanced = (rows * fan_in - rows.sum(axis=1, keepdims=True)) / (fan_in * (RANGE / 2))
    return np.asarray(gains.get(name, 1.0) * np.sqrt(6.0 / fan_in) * balanced.reshape(shape))


def network_state(meta: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> dict[str, NDArray[Any]]:
    """All parameters; the class branch is tilted so that a target correlates with itself."""
    state = {name: parameter(meta["weights_seed"], name, shape, meta["gains"]) for name, shape in shapes.items()}
    for name, offset in meta["offset"].items():
        state[name] = (state[name].astype(np.float64) + offset).astype(np.float32)
    template, search = "cm.rpn_head.z_cls_conv.weight", "cm.rpn_head.x_cls_conv.0.weight"
    kernels = state[template].astype(np.float64).reshape(2, 5, 256, 256, 3, 3)
    tie = meta["tie"] * state[search].astype(np.float64)
    kernels[0] -= tie
    kernels[1] += tie
    state[template] = kernels.reshape(shapes[template]).astype(np.float32)
    bias = state["cm.rpn_head.cls_bias"].astype(np.float64).reshape(2, 5)
    bias[0] += np.asarray(meta["bias"])
    bias[1] -= np.asarray(meta["bias"])
    state["cm.rpn_head.cls_bias"] = bias.reshape(1, 10, 1, 1).astype(np.float32)
    return state


def stretch(grid: NDArray[np.int64], size: int, axis: int) -> NDArray[np.int64]:
    """Corner-aligned bilinear resampling of an axis in integers with 8 fractional bits."""
    cells = grid.shape[axis]
    position = np.arange(size) * ((cells - 1) * 256) // max(size - 1, 1)
    low = np.minimum(position >> 8, cells - 2)
    shape = [1, 1, 1]
    shape[axis] = size
    part = (position - (low << 8)).reshape(shape)
    return (np.take(grid, low, axis) * (256 - part) + np.take(grid, low + 1, axis) * part) >> 8


def sequence(rule: dict[str, int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Frames (n x H x W x 3, BGR) of a textured rectangle moving over a background, and its corners (n x 4)."""
    rng = np.random.Generator(np.random.PCG64([rule["seed"], 7]))
    H, W, n = rule["H"], rule["W"], rule["n"]

    def colours(rows: int, columns: int) -> NDArray[np.int64]:
        return np.floor(rng.random((rows, columns, 3)) * 256.0).astype(np.int64)

    background = 64 + stretch(stretch(colours(H // 12 + 2, W // 12 + 2), H, 0), W, 1) // 2
    texture = colours(9, 9)
    frames = np.empty((n, H, W, 3), np.uint8)
    corners = np.empty((n, 4), np.int64)
    for t in range(n):
        x, y, w, h = (rule[f"{k}0"] + rule[v] * t // 4 for k, v in (("x", "vx"), ("y", "vy"), ("w", "dw"), ("h", "dh")))
        patch = stretch(stretch(texture, h, 0), w, 1)
        frames[t] = background
        top, bottom, left, right = max(y, 0), min(y + h, H), max(x, 0), min(x + w, W)
        if bottom > top and right > left:
            frames[t, top:bottom, left:right] = patch[top - y : bottom - y, left - x : right - x]
        corners[t] = x, y, x + w, y + h
    return frames, corners
