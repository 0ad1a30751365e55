"""Colours of the page: those of the figures, and the same made readable on a dark ground."""

from __future__ import annotations

from dataclasses import dataclass

from spm_bench.report.style import COLOURS

DASHES = ("", "7 3", "2 3", "7 3 2 3", "10 3 2 3 2 3")
"""SVG dash patterns; with the 8 colours, the first 40 trackers all look different, as in the figures."""
LIGHT_GROUND, DARK_GROUND = "#ffffff", "#15181d"
CONTRAST = 4.5
"""WCAG's least contrast of text; lines and names of trackers hold it on the dark ground."""


@dataclass(frozen=True)
class Shade:
    """One colour of the palette, for each ground."""

    light: str
    dark: str


def palette() -> tuple[Shade, ...]:
    """The figures' colours with their dark-ground versions."""
    return tuple(Shade(colour, lightened(colour, DARK_GROUND)) for colour in COLOURS)


def lightened(colour: str, ground: str) -> str:
    """Mix a colour with white until it stands out from `ground` by `CONTRAST`.

    >>> lightened("#ffffff", "#000000")
    '#ffffff'
    """
    red, green, blue = _channels(colour)
    for white in (step / 20 for step in range(21)):
        mixed = tuple(round(c + (255 - c) * white) for c in (red, green, blue))
        text = "#{:02x}{:02x}{:02x}".format(*mixed)
        if contrast(text, ground) >= CONTRAST:
            return text
    return "#ffffff"


def contrast(first: str, second: str) -> float:
    """WCAG 2 contrast ratio of two colours `#rrggbb`, 1 to 21.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
