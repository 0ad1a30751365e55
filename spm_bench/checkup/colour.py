"""The check of colours: are conversions told the order that the pixels are in?

What a network was trained on cannot be seen from outside. What can be seen is a conversion that is told the wrong
order: frames are dyed so that the order of their channels can be told wherever they are handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest import mock

import numpy as np

from spm_bench.checkup.findings import WARNING, Finding
from spm_bench.checkup.patient import Patient
from spm_bench.checkup.videos import dyed

BGR, RGB = "BGR", "RGB"


def order(patient: Patient) -> Iterator[Finding]:
    """Does it convert frames as what they are?"""
    wrong: dict[str, str] = {}
    with ExitStack() as patched:
        for owner, name, wrapper in _watches(wrong):
            patched.enter_context(mock.patch.object(owner, name, wrapper))
        patient.follow(dyed())
    for call, is_really in wrong.items():
        yield Finding(
            WARNING,
            f"it calls {call} on pixels that are {is_really}",
            "Frames come as BGR, as OpenCV reads them; frame[..., ::-1] is RGB",
        )


def order_of(pixels: object) -> str | None:
    """The order of the channels of a part of a dyed frame, as integers or as shares; None where it cannot be told."""
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        return None
    first, middle, last = (float(np.median(pixels[..., channel])) for channel in range(3))
    if first < middle < last:
        return BGR
    return RGB if first > middle > last else None


def _watches(wrong: dict[str, str]) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """What is watched: owner, name, and the function that stands in its place."""
    import cv2

    names = {getattr(cv2, n): n for n in sorted(vars(cv2)) if n.startswith(("COLOR_RGB2", "COLOR_BGR2"))}
    convert = cv2.cvtColor

    def watched_convert(src: Any, code: int, *more: Any, **named: Any) -> Any:
        name = names.get(code, "")
        told, really = name[6:9], order_of(src)
        if really is not None and told in (BGR, RGB) and told != really and not _is_exchange(name):
            wrong.setdefault(f"cv2.cvtColor(..., {name})", really)
        return convert(src, code, *more, **named)

    yield cv2, "cvtColor", watched_convert
    try:
        from PIL import Image
    except ImportError:
        return
    from_array = Image.fromarray

    def watched_array(obj: Any, *more: Any, **named: Any) -> Any:
        if order_of(obj) == BGR:
            wrong.setdefault("PIL.Image.fromarray", BGR)
        return from_array(obj, *more, **named)

    yield Image, "fromarray", watched_array


def _is_exchange(name: str) -> bool:
    """Exchanging red and blue is the same either way, and OpenCV has one number for both."""
    return name in ("COLOR_RGB2BGR", "COLOR_BGR2RGB")
