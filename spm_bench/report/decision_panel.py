"""A decision as a picture: the search image with CM's heat map, the same with the candidates, and their table."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from spm_bench.report.decision import ON_TARGET, Decision, short
from spm_bench.report.lettering import FAINT, INK, SIZE, Picture, bgr, write
from spm_bench.report.overlay import TRUTH_COLOUR, Outline, draw, tiled

FloatArray = NDArray[np.float64]

CROP = 252
"""Pixels a side of the two search images: about what the network sees."""
GAP = 8
PANEL = 2 * CROP + GAP
"""Width of the panel."""
ROW = 19
HEAD = 20
MOST_ROWS = 10
"""Candidates in the table; more are counted under it, but CM's first and the target are always there."""
TARGET, OTHER, UNKNOWN = "#56B4E9", "#E69F00", "#b8b8b8"
"""Candidates that are the target by `ON_TARGET`, that are not, and of which nobody knows."""
WINNER = "#fff3bf"
HEAT = "inferno"
COLUMNS = (("CM", 76, True), ("FM", 76, True), ("fused", 76, True), ("window", 66, False), ("final", 84, True))
"""Title, pixels, and whether a bar is drawn; before them are the letters, after them the overlap."""
LETTERS = 74


def draw_panel(decision: Decision, truth: FloatArray | None = None, *, colour: str = "#0072B2") -> Picture:
    """Draw a decision, `PANEL` pixels wide; as many rows as the table needs.

    Args:
        decision: What to show.
        truth: Box or polygon in the frame, None where unknown.
        colour: Of the tracker's box.
    """
    crops = tiled([_heat_map(decision, truth), _candidates(decision, truth, colour)], 2, gap=GAP)
    heads = np.full((HEAD, PANEL, 3), 255, np.uint8)
    write(heads, 0, HEAD / 2, "search image, CM's scores", size=SIZE - 2, colour=FAINT)
    write(heads, CROP + GAP, HEAD / 2, "candidates", size=SIZE - 2, colour=FAINT)
    _key(heads)
    return np.vstack((heads, crops, _table(decision)))


def panel_height(candidates: int) -> int:
    """Pixels that the panel of so many candidates takes at most."""
    return HEAD + CROP + HEAD + ROW * min(candidates, MOST_ROWS + 2) + 2 * ROW


def candidate_colour(decision: Decision, k: int) -> str:
    """What a candidate is, as a colour."""
    overlap = decision.overlaps[k]
    return UNKNOWN if np.isnan(overlap) else TARGET if overlap >= ON_TARGET else OTHER


def _key(heads: Picture) -> None:
    x = PANEL
    for text, colour in (("other", OTHER), ("target", TARGET)):
        write(heads, x, HEAD / 2, text, size=SIZE - 2, colour=FAINT, align=1.0)
        x -= 52
        heads[5:15, x - 2 : x + 8] = bgr(colour)
        x -= 8


def _to_crop(decision: Decision, region: FloatArray) -> FloatArray:
    """A region of the frame in pixels of the drawn search image."""
    x, y, side, _ = decision.region
    factor = CROP / side
    if len(region) == 4:
        return np.asarray((region - np.array([x, y, 0.0, 0.0])) * factor, dtype=np.float64)
    return np.asarray((region - np.tile([x, y], len(region) // 2)) * factor, dtype=np.float64)


def _heat_map(decision: Decision, truth: FloatArray | None) -> Picture:
    """The search image, grey, under CM's scores; only the cells of the response are coloured."""
    crop = np.asarray(cv2.resize(decision.crop, (CROP, CROP), interpolation=cv2.INTER_AREA), np.float32)
    grey = np.repeat(crop.mean(axis=2, keepdims=True), 3, axis=2)
    factor = CROP / decision.crop.shape[0]
    cells = decision.cells * factor
    step = float(cells[1] - cells[0]) if len(cells) > 1 else CROP / 8
    heat = np.clip(decision.heat, 0, 1).astype(np.float32)
    place = (np.arange(CROP) + 0.5 - cells[0]) / step
    column = np.repeat(np.clip(place, 0, len(cells) - 1)[None].astype(np.float32), CROP, axis=0)
    smooth = cv2.remap(heat, column, np.ascontiguousarray(column.T), cv2.INTER_LINEAR)
    inside = (place >= -0.5) & (place <= len(cells) - 0.5)
    covered = (inside[None] & inside[:, None]).astype(np.float32)
    colours = matplotlib.colormaps[HEAT](smooth)[..., 2::-1].astype(np.float32) * 255
    share = (covered * (0.25 + 0.55 * smooth))[..., None]
    picture = np.clip((1 - share) * grey + share * colours, 0, 255).astype(np.uint8)
    outlines = [] if truth is None else [Outline(_to_crop(decision, truth), TRUTH_COLOUR, thick=1)]
    return draw(picture, outlines)


def _candidates(decision: Decision, truth: FloatArray | None, colour: str) -> Picture:
    """The search image with CM's boxes, the truth, and the box of the winner."""
    crop = np.asarray(cv2.resize(decision.crop, (CROP, CROP), interpolation=cv2.INTER_AREA), np.uint8)
    outlines = [
        Outline(_to_crop(decision, decision.boxes[k]), candidate_colour(decision, k), thick=1, tag=decision.tags[k])
        for k in reversed(_shown(decision))
    ]
    if truth is not None:
        outlines.append(Outline(_to_crop(decision, truth), TRUTH_COLOUR, thick=1.4))
    line = "-" if decision.accepted else (0, (2.0, 2.0))
    winner = _to_crop(decision, decision.fused_boxes[decision.best])
    return draw(crop, [*outlines, Outline(winner, colour, line, thick=2.4)])


def _shown(decision: Decision) -> list[int]:
    """The candidates of the table, best first."""
    always = {decision.first, decision.target}
    return [k for place, k in enumerate(decision.ranking) if place < MOST_ROWS or k in always]


def _table(decision: Decision) -> Picture:
    rows = _shown(decision)
    picture = np.full((HEAD + ROW * len(rows) + 2 * ROW, PANEL, 3), 255, np.uint8)
    x = LETTERS
    for title, width, _ in COLUMNS:
        write(picture, x + width - 12, HEAD / 2 + 1, title, size=SIZE - 1, colour=FAINT, align=1.0)
        x += width
    write(picture, PANEL - 4, HEAD / 2 + 1, "overlap", size=SIZE - 1, colour=FAINT, align=1.0)
    for place, k in enumerate(rows):
        _row(picture, HEAD + ROW * place, decision, k)
    y = HEAD + ROW * len(rows) + 0.6 * ROW
    rest = len(decision.final) - len(rows)
    more = f"and {rest} more candidates;  " if rest else ""
    write(picture, 0, y, more + decision.rule, size=SIZE - 2, colour=FAINT)
    return picture


def _row(picture: Picture, top: int, decision: Decision, k: int) -> None:
    won = k == decision.best
    middle = top + ROW / 2
    if won:
        picture[top : top + ROW] = bgr(WINNER)
        _arrow(picture, 2, middle)
    colour = candidate_colour(decision, k)
    picture[top + 2 : top + ROW - 2, 12:30] = bgr(colour)
    write(picture, 21, middle, decision.tags[k], size=SIZE - 1, bold=True, colour="#000000", align=0.5)
    if decision.near[k]:
        write(picture, 35, middle, "near", size=SIZE - 2, colour=FAINT)
    x = LETTERS
    for (title, width, bar), values in zip(COLUMNS, _values(decision), strict=True):
        if bar and np.isfinite(values[k]):
            long = round(float(np.clip(values[k], 0, 1)) * (width - 12))
            picture[top + 3 : top + ROW - 3, x : x + long] = bgr("#c9d6e2" if title != "final" else "#9db8d2")
        write(picture, x + width - 12, middle, short(values[k]), bold=won and title == "final", align=1.0, colour=INK)
        x += width
    write(picture, PANEL - 4, middle, short(decision.overlaps[k]), align=1.0, colour=INK)


def _values(decision: Decision) -> Sequence[FloatArray]:
    return decision.coarse, decision.fine, decision.fused, decision.window, decision.final


def _arrow(picture: Picture, x: int, y: float) -> None:
    points = np.array([[x, y - 5], [x + 7, y], [x, y + 5]])
    cv2.fillPoly(picture, [np.rint(points * 16).astype(np.int32)], bgr(INK), cv2.LINE_AA, 4)
